/* mutant.h - bugs planted on purpose, to show that the simulation's checkers can fail.
 *
 * The shipped module is built with DAG_MUTANT 0, where every MUTANT(...) is a constant
 * false and leaves no code. Each other value builds one broken variant for one test,
 * which passes only when the bug is found.
 */
#ifndef SPACE_DAG_MUTANT_H
#define SPACE_DAG_MUTANT_H

#ifndef DAG_MUTANT
#define DAG_MUTANT 0
#endif

enum dag_mutant {
    MUTANT_NONE,
    MUTANT_SKIP_PARENTS, /* store events whose parents are missing */
    MUTANT_EARLY_ACK,    /* answer and announce before the commit */
    MUTANT_DROP_ORPHAN,  /* forget an event whose parents are missing, telling nobody */
    MUTANT_VECTOR_AHEAD, /* claim one event more of each author than there is */
    MUTANT_FORK_IS_DUPLICATE, /* take an equivocation for an event that is known */
    MUTANTS
};

#define MUTANT(name) (DAG_MUTANT == MUTANT_##name)

#endif
