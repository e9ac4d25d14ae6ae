/* negate_mutant.h - a bug planted on purpose, so that the test against the model is known
 * to find it: 1 takes what hangs on a cycle for negated, 2 forgets that a negation may be
 * negated, 3 looks at negations of any time. Zero outside those tests. */
#ifndef SPACE_DELTA_NEGATE_MUTANT_H
#define SPACE_DELTA_NEGATE_MUTANT_H

#ifndef NEGATE_MUTANT
#define NEGATE_MUTANT 0
#endif

#endif
