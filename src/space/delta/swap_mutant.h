/* swap_mutant.h - a bug planted on purpose, so that the simulated nodes are known to find
 * it: 1 never compares, 2 asks nobody to stop passing on, 3 takes groups whose
 * signature is forged. Zero outside
 * those tests. */
#ifndef SPACE_DELTA_SWAP_MUTANT_H
#define SPACE_DELTA_SWAP_MUTANT_H

#ifndef SWAP_MUTANT
#define SWAP_MUTANT 0
#endif

#endif
