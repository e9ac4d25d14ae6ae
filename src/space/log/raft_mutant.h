/* raft_mutant.h - bugs planted on purpose, to show that the core's checkers can fail.
 *
 * In the shipped module every MUTANT(...) is a constant false and leaves no code. One program
 * is built with RAFT_MUTABLE: it is told which bug to have, and passes only when a schedule or
 * the simulation finds that bug.
 */
#ifndef SPACE_LOG_RAFT_MUTANT_H
#define SPACE_LOG_RAFT_MUTANT_H

enum raft_mutant {
    MUTANT_NONE,
    MUTANT_OLD_TERM_COMMIT,   /* commit entries of earlier terms by counting */
    MUTANT_NO_BARRIER,        /* change the membership before an own-term commit */
    MUTANT_ACK_BEFORE_DISK,   /* a follower acknowledges what it only holds in memory */
    MUTANT_VOTE_BEFORE_DISK,  /* grant a vote before it is durable */
    MUTANT_VOTE_FORGOTTEN,    /* write the term without the vote */
    MUTANT_ACK_LAST_INDEX,    /* acknowledge the last index instead of what was matched */
    MUTANT_TRUNCATE_MATCH,    /* cut the log at an old duplicate that does not conflict */
    MUTANT_STALE_READ,        /* serve reads without a round of heartbeats */
    MUTANT_TWO_CHANGES,       /* a second change before the first is committed */
    MUTANT_COUNT_UNWRITTEN,   /* a leader counts its own entries undurable */
    MUTANT_LEARNER_COUNTS,    /* a learner's copy counts towards the quorum */
    MUTANT_NO_LOG_CHECK,      /* vote for a candidate whose log is older */
    MUTANT_COMMIT_UNPROVEN,   /* a follower takes the leader's commit index as it is */
    MUTANT_CONFIG_STAYS,      /* a truncated membership stays in force */
    MUTANT_NO_CONFLICT_CHECK, /* append behind an entry of another term */
    MUTANT_NO_TERM_CHECK,     /* accept APPENDs of a deposed leader */
    MUTANT_VERIFIED_STAYS,    /* answer a new leader for what an old one had matched */
    MUTANT_NO_REPEAT,         /* what is lost is never sent again */
    MUTANT_READ_TOO_EARLY,    /* read before an own entry tells what is committed */
    MUTANT_RESTORE_CUTS,      /* a snapshot voids the acknowledged entries behind it */
    MUTANT_REMOVED_IS_QUIET,  /* whom an uncommitted entry removes never stands */
    MUTANT_STICKY_FOREVER,    /* followers stay deaf until their own timer ends */
    MUTANT_MEND_VOTES,        /* a member on the mend votes and stands */
    MUTANT_MEND_COUNTS,       /* its acknowledgements count */
    MUTANT_MEND_SOON,         /* it is well as soon as it hears of a leader */
    MUTANTS
};

#ifdef RAFT_MUTABLE
extern enum raft_mutant raft_mutant; /* of raft_mutant_test.c, set before anything runs */
#define MUTANT(name) (raft_mutant == MUTANT_##name)
#else
#define MUTANT(name) false
#endif

#endif
