/* raft.h - one replicated sequence: an elected leader and a quorum.
 *
 * The consensus core of the `log` space, a pure engine. It knows members by number, an entry
 * by its index and term, and nothing of links, files or rooms. Entries' bytes live with the
 * caller (journal and cache); the core remembers terms in runs, so a long log costs little.
 *
 * Every write is an effect with a number (`write`), every completion an input: RAFT_WRITTEN n
 * says that all writes up to n are durable. A vote, an acknowledgement and the leader's own
 * share of a quorum wait for that. A leader replicates while it still writes.
 *
 * Rules beyond the paper's core: pre-vote; check-quorum; time-bounded stickiness (a live
 * leader's followers refuse pre-votes); a no-op at election; commit only through an entry of
 * the own term; an acknowledgement names prev + count of the very message it answers, and its
 * term; membership changes one at a time, each after a commit in the own term; learners;
 * transfer; read index; leases are not used.
 *
 * A member whose disk has lost something that it may have acknowledged or voted (damage, an
 * empty folder, a backup) is *on the mend*: it takes entries, but nobody counts its
 * acknowledgements, and it neither votes nor stands. It is well again when a leader of the
 * present says so: docs/decisions/0008-repair.md.
 *
 * Ids are priorities: among up-to-date candidates the highest id stands first (the timeout's
 * band shrinks with rank), and inside the start window of a static cluster a leader hands over
 * to a higher up-to-date voter. Outside it nobody preempts.
 *
 * Source: D. Ongaro, "Consensus: Bridging Theory and Practice", 2014, chapters 3, 4, 6, 9;
 * the single-server membership rule as corrected in 2015 (raft-dev).
 * Thread: one owner at a time. Time is an argument, randomness a seed.
 */
#ifndef SPACE_LOG_RAFT_H
#define SPACE_LOG_RAFT_H

#include <pando/status.h>
#include <pando/types.h>

#define RAFT_MEMBERS_MAX 32
#define RAFT_VOTERS_MAX  7
#define RAFT_BATCH_MAX   256         /* entries of one APPEND */
#define RAFT_ENTRY_MAX   (192u << 10) /* bytes of one entry */
#define RAFT_HELD_MAX    64          /* APPENDs held back behind a gap */
#define RAFT_READS_MAX   1024        /* reads that wait for their round */

enum raft_role { RAFT_FOLLOWER, RAFT_PRECANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* What a member may do. A learner receives and never votes. */
enum raft_standing { RAFT_LEARNER = 0, RAFT_VOTER = 1 };

struct raft_member {
    uint64_t id; /* 1 or more */
    enum raft_standing standing;
};

/* Ordered by id, each once. */
struct raft_members {
    uint32_t len;
    struct raft_member at[RAFT_MEMBERS_MAX];
};

enum raft_kind {
    RAFT_NOOP = 0,
    RAFT_DATA = 1,
    RAFT_CONFIG = 2, /* the bytes are the caller's; the members stand in the input */
};

struct raft_entry {
    uint64_t index, term;
    enum raft_kind kind;
    uint32_t size;                     /* of its bytes, for flow control */
    const struct raft_members *config; /* RAFT_CONFIG: what it says; else NULL */
};

struct raft_options {
    uint64_t id;
    struct pando_span heartbeat;    /* 0: 50 ms */
    struct pando_span election;     /* 0: 150 ms; the shortest band begins here. It grows to at
                                       most eight times that where messages come late */
    struct pando_span demote_after; /* a voter silent for so long is demoted; 0: 10 s */
    struct pando_span transfer;     /* a transfer that takes longer is given up; 0: election */
    uint32_t inflight_max;          /* bytes sent to a peer and not acknowledged; 0: 512 KiB */
    bool start_window;              /* a static cluster's first moments: see above */
    bool demote;                    /* whether silent voters are demoted at all */
    uint64_t seed;
};

/* What the disk held. */
struct raft_state {
    uint64_t term, vote;
    uint64_t first_index;              /* of the log kept; entries before are in a snapshot */
    uint64_t base_term;                /* of entry first_index - 1 */
    uint64_t last_index;
    uint64_t commit;                   /* known committed, at least first_index - 1 */
    struct raft_members base;          /* in force at first_index - 1 */
    uint64_t mend;                     /* 0, or the number of the mend that is under way: new
                                          and random whenever something was lost */
};

/* Messages. The caller encodes, carries and decodes them; one that is lost is repeated. */
enum raft_message_kind {
    RAFT_PREVOTE,        /* term (that would be), index+log_term of the last entry */
    RAFT_PREVOTE_REPLY,  /* term, granted */
    RAFT_VOTE,           /* as PREVOTE; `transfer`: stickiness does not count */
    RAFT_VOTE_REPLY,     /* term, granted */
    RAFT_APPEND,         /* index+log_term before the entries; commit; round; entries */
    RAFT_APPEND_REPLY,   /* granted: index = prev + count durable; else index = hint: the
                            last that may match, log_term its term; round and probe echoed;
                            commit: what has arrived in order, durable or not (0: unknown);
                            `mending`: by a member on the mend, granted: log_term its number */
    RAFT_TIMEOUT_NOW,    /* stand for election at once */
    RAFT_SNAPSHOT_DONE,  /* a follower holds all up to index, log_term by other means */
    RAFT_MEND_DONE,      /* to a member on the mend: whoever holds all up to index is well;
                            round: the mend's number */
};

/* Which stream carries it. */
enum raft_lane { RAFT_LANE_CONTROL, RAFT_LANE_LIVE, RAFT_LANE_CATCHUP };

struct raft_message {
    enum raft_message_kind kind;
    uint64_t from, to;
    uint64_t term;
    uint64_t index, log_term;
    uint64_t commit;
    uint64_t round;  /* of heartbeats: for check-quorum and reads; an APPEND with neither
                        entries nor round is a notice of the commit index */
    uint64_t probe;  /* a number of this APPEND, echoed: stale refusals are known by it */
    uint32_t count;  /* entries, index + 1 ... index + count */
    bool granted, transfer, mending;
    enum raft_lane lane;
    const struct raft_entry *entries; /* received APPEND only: `count` of them, borrowed */
};

enum raft_input_kind {
    RAFT_TICK,
    RAFT_RECEIVE,   /* message */
    RAFT_WRITTEN,   /* write: all up to this number are durable */
    RAFT_LINK_DOWN, /* peer: its link closed; a leader that is gone is stood for at once */
    RAFT_LINK_UP,   /* peer */
};

struct raft_input {
    enum raft_input_kind kind;
    const struct raft_message *message;
    uint64_t write;
    uint64_t peer;
};

enum raft_effect_kind {
    RAFT_SEND,           /* message; the entries of an APPEND are the caller's to add */
    RAFT_WRITE_STATE,    /* write, term, vote */
    RAFT_WRITE_ENTRY,    /* write, entry; its bytes are those of the propose or of the entry
                            `from_message` of the message being received */
    RAFT_WRITE_TRUNCATE, /* write, index: entries from index on are void */
    RAFT_COMMIT,         /* index: all up to it are committed */
    RAFT_ROLE,           /* role, term, leader (0 unknown), why */
    RAFT_MEMBERS,        /* the members in force changed (perhaps uncommitted) */
    RAFT_READ,           /* token, index: serve the read once index is applied; index 0: it
                            failed, the leader changed */
    RAFT_NEED_SNAPSHOT,  /* peer: it lacks entries that are not kept any more; said again
                            each second until the peer reports one */
    RAFT_HELD,           /* index, expected, token: the APPEND being received waits behind a
                            gap; keep its entries' bytes under the token */
    RAFT_RELEASED,       /* token: a held APPEND was used up or dropped */
    RAFT_HEARTBEAT,      /* peers: sent to so many, or received (0) */
    RAFT_MENDED,         /* index: well again, all up to it is here; to be written */
};

/* Why the role changed: for the lines that people read. */
enum raft_why {
    RAFT_WHY_START, RAFT_WHY_TIMEOUT, RAFT_WHY_LINK, RAFT_WHY_WON, RAFT_WHY_ALONE,
    RAFT_WHY_HIGHER_TERM, RAFT_WHY_NO_QUORUM, RAFT_WHY_LEADER_SEEN, RAFT_WHY_TRANSFER,
    RAFT_WHY_REMOVED, RAFT_WHY_MEND,
};

struct raft_effect {
    enum raft_effect_kind kind;
    enum raft_role role;
    enum raft_why why;
    struct raft_message message;
    struct raft_entry entry;
    uint32_t from_message; /* WRITE_ENTRY: which entry of the message; UINT32_MAX: proposed.
                              Of the message being received if `token` is 0, else of the held
                              one with that token */
    uint64_t write, term, vote, leader, index, expected, token, peer;
    uint32_t peers;
};

struct raft;

/* Allocates the engine; `state` is copied. Terms of the kept entries follow by
 * raft_load_entry in order, before the first step. NULL without memory. */
struct raft *raft_new(const struct raft_options *options, const struct raft_state *state);
void raft_free(struct raft *r);
/* One kept entry found on disk. Errors: PANDO_INVALID out of order; PANDO_NOMEM. */
enum pando_status raft_load_entry(struct raft *r, const struct raft_entry *entry) PANDO_MUST_USE;

/* Feed one input; drain raft_poll afterwards. */
void raft_step(struct raft *r, struct pando_time now, const struct raft_input *in);
bool raft_poll(struct raft *r, struct raft_effect *ret);
struct pando_time raft_deadline(const struct raft *r);

/* Leader: take one entry. Emits its WRITE_ENTRY and its SENDs (several proposals before the
 * next raft_poll share messages). Errors: PANDO_UNAVAILABLE not the leader, or a transfer is
 * under way; PANDO_BUSY too much is uncommitted (RAFT_PENDING_MAX bytes); PANDO_INVALID a
 * CONFIG or too large; PANDO_NOMEM. */
enum pando_status raft_propose(struct raft *r, struct pando_time now, enum raft_kind kind,
                               uint32_t size, uint64_t *ret_index,
                               uint64_t *ret_term) PANDO_MUST_USE;
#define RAFT_PENDING_MAX (8u << 20) /* sizes, and 64 bytes for each entry */
/* Leader: change the membership by at most one member's standing, by an entry whose bytes are
 * the caller's. Errors: PANDO_BUSY a change is under way, or a voter is on the mend and must be
 * demoted first, or nothing of this term is committed yet; PANDO_INVALID more than one change,
 * or no voter left; PANDO_FULL; PANDO_UNAVAILABLE. */
enum pando_status raft_propose_members(struct raft *r, struct pando_time now,
                                       const struct raft_members *members, uint32_t size,
                                       uint64_t *ret_index, uint64_t *ret_term) PANDO_MUST_USE;
/* Leader: what the policy would change next: demote a voter that is on the mend or silent,
 * promote a learner that has caught up and that `may` vote (NULL: everybody may). False:
 * nothing. The caller proposes it (it owns the bytes). */
bool raft_wants_change(const struct raft *r, struct pando_time now,
                       bool (*may)(void *ctx, uint64_t id), void *ctx, struct raft_members *ret);
/* Leader: hand over. `to` 0: the highest up-to-date voter. PANDO_UNAVAILABLE, PANDO_INVALID. */
enum pando_status raft_transfer(struct raft *r, struct pando_time now,
                                uint64_t to) PANDO_MUST_USE;
/* Leader: a linearizable read; RAFT_READ with the token follows. PANDO_UNAVAILABLE, PANDO_FULL. */
enum pando_status raft_read(struct raft *r, struct pando_time now,
                            uint64_t token) PANDO_MUST_USE;
/* A snapshot of everything up to `index` is durable here: entries before it are forgotten. */
void raft_compacted(struct raft *r, uint64_t index);
/* Follower: a snapshot from the leader is durable and in force; the log restarts behind it,
 * unless it holds that very entry: then what follows stays (raft_look tells). Emits the
 * SNAPSHOT_DONE. The leader must be of a term that this node knows of, its own or an earlier
 * one; a snapshot that is not newer than the commit index changes nothing. */
void raft_restored(struct raft *r, struct pando_time now, uint64_t index, uint64_t term,
                   const struct raft_members *members);
/* Something was lost here: be on the mend, as `number` (not 0). A leader steps down. */
void raft_mend(struct raft *r, struct pando_time now, uint64_t number);
/* Nobody has any entry, and no term is above `term`: be well. No vote is given any more in terms
 * up to that. False: memory is out. */
bool raft_mend_void(struct raft *r, struct pando_time now, uint64_t term);
/* Operator's last resort, with no quorum left: make `members` the membership by force, in a
 * new term. May lose acknowledged entries; the caller has warned. */
enum pando_status raft_force_members(struct raft *r, struct pando_time now,
                                     const struct raft_members *members, uint32_t size,
                                     uint64_t *ret_index, uint64_t *ret_term) PANDO_MUST_USE;

/* Queries. */
struct raft_view {
    enum raft_role role;
    uint64_t id, term, leader, vote;
    uint64_t first_index, last_index, durable_index, commit;
    uint64_t elections, leader_changes;
    uint64_t mend; /* number of the mend under way; 0: well */
    bool voter, quorum; /* quorum: leader heard by a majority lately, or follower of a leader */
    uint32_t voters, reachable; /* of the voters, lately (leader), self included */
};
struct raft_view raft_look(const struct raft *r);
const struct raft_members *raft_members_now(const struct raft *r);
/* Leader: how far a member is; false when not a leader or not a member. */
bool raft_progress(const struct raft *r, uint64_t id, uint64_t *ret_match,
                   struct pando_time *ret_heard);
/* Term of an entry that is kept, or of the one before; 0 otherwise. */
uint64_t raft_term_at(const struct raft *r, uint64_t index);

#endif
