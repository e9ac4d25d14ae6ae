/* fed_mutant.h - bugs planted on purpose, to show that the simulation's checkers can fail.
 *
 * In the shipped module every MUTANT(...) is a constant false and leaves no code. One program
 * is built with FED_MUTABLE: it is told which bug to have, and passes only when the simulation
 * finds that bug.
 */
#ifndef SPACE_DELTA_FED_MUTANT_H
#define SPACE_DELTA_FED_MUTANT_H

enum fed_mutant {
    MUTANT_NONE,
    MUTANT_ACK_BEFORE_DURABLE, /* acknowledge what is only staged */
    MUTANT_DROPPED_IS_ACKED,   /* acknowledge what the policy refused */
    MUTANT_LAG_IS_LOST,        /* what could not be sent at once is not sent later */
    MUTANT_NO_REWIND,          /* what was not acked is not sent again after a reconnect */
    MUTANT_ECHO_FORWARDED,     /* a delta goes back to where it came from */
    MUTANT_PAUSE_IGNORED,      /* deltas go to a peer who asked for a pause */
    MUTANT_SYNC_SKIPS,         /* a batch that waits for credit is left out */
    MUTANT_FILTER_LATE,        /* a widened filter is not synchronised again */
    MUTANTS
};

#ifdef FED_MUTABLE
extern enum fed_mutant fed_mutant; /* of fed_mutant_test.c, set before anything runs */
#define MUTANT(name) (fed_mutant == MUTANT_##name)
#else
#define MUTANT(name) false
#endif

#endif
