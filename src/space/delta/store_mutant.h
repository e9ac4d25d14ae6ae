/* store_mutant.h - planted bugs, for the tests that must find them; 0: none.
 *
 *   1  of one id the delta that was folded last counts
 *   2  an archived delta may come back
 *   3  what is archived is not looked at once more before
 *   4  records are dropped before the signed ones among them were written again
 *   5  what is kept of a list's last leaf outlives a delta that was taken out of it
 *   6  negations that come later are not looked for
 *   7  an archived name that came back is written again as archived
 */
#ifndef SPACE_DELTA_STORE_MUTANT_H
#define SPACE_DELTA_STORE_MUTANT_H

#ifndef DELTA_STORE_MUTANT
#define DELTA_STORE_MUTANT 0
#endif

#endif
