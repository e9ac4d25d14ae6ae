/* raft_mutant.h - bugs planted on purpose, to show that the core's checkers can fail.
 *
 * The shipped module is built with RAFT_MUTANT 0, where every MUTANT(...) is a constant
 * false and leaves no code. Each other value builds one broken variant for one test,
 * which passes only when a schedule or the simulation finds the bug.
 */
#ifndef SPACE_LOG_RAFT_MUTANT_H
#define SPACE_LOG_RAFT_MUTANT_H

#ifndef RAFT_MUTANT
#define RAFT_MUTANT 0
#endif

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
    MUTANTS
};

#define MUTANT(name) (RAFT_MUTANT == MUTANT_##name)

#endif
