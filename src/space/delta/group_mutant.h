/* group_mutant.h - planted bugs, for the tests that must find them; 0: none.
 *
 *   1  how many members there are is not signed
 *   2  a body may look like an inner node
 *   3  the sides of a node may be swapped
 *   4  a last leaf without a neighbour is joined with itself
 *   5  hashes behind those that are needed are taken
 *   6  what is held may come in any order
 */
#ifndef SPACE_DELTA_GROUP_MUTANT_H
#define SPACE_DELTA_GROUP_MUTANT_H

#ifndef GROUP_MUTANT
#define GROUP_MUTANT 0
#endif

#endif
