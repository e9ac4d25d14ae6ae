/* raft_state.h - what a consensus core remembers; private to raft*.c.
 *
 * Three layers. The log's shape: terms in runs, sizes in classes of one byte, write
 * numbers of what is not durable yet. The membership: the versions that may still be
 * rolled back, and one peer record per member. The role: timers, votes, and as a leader
 * the progress of each peer.
 *
 * Effects wait in a ring. Messages that carry entries are made only when the ring has run
 * dry, so that proposals between two drains share them.
 */
#ifndef SPACE_LOG_RAFT_STATE_H
#define SPACE_LOG_RAFT_STATE_H

#include "base/assert.h"
#include "base/rng.h"
#include "space/log/raft.h"
#include "space/log/raft_mutant.h"

#define RAFT_PIECE_BYTES (160u << 10) /* of one APPEND, unless one entry is larger */
#define RAFT_ENTRY_COST  64u          /* counted per entry besides its bytes */
#define RAFT_TERM_MAX    (UINT64_C(1) << 62)
#define RAFT_KEPT_MAX    (UINT64_C(1) << 28) /* entries between two compactions */

/* Entries `first` up to the next run's are of `term`. */
struct term_run {
    uint64_t first, term;
};

struct raft_log {
    uint64_t first_index, base_term, last_index, last_term;
    struct term_run *runs;
    uint32_t runs_len, runs_cap;
    uint8_t *sizes; /* a ring by index, of size classes */
    uint64_t sizes_cap;
    uint64_t data_index; /* of the first DATA entry known; 0: none */
};

/* Entries first..last were given the write numbers write, write + 1, ... */
struct write_run {
    uint64_t first, last, write;
};

struct raft_writes {
    struct write_run *runs;
    uint32_t runs_at, runs_len, runs_cap; /* [runs_at, runs_at + runs_len) are in use */
    uint64_t given;                       /* the last number handed out */
    uint64_t done;                        /* durable up to this number */
    uint64_t state;                       /* the number of the last term or vote */
    uint64_t durable;                     /* entries up to this index are durable */
};

/* One version of the membership and the entry that brought it. */
struct raft_config {
    struct raft_config *next; /* the older one; or in the list of retired ones */
    uint64_t index;
    struct raft_members members;
};

enum peer_mode {
    PEER_PROBE,    /* where its log meets ours is not known: one message at a time */
    PEER_STREAM,   /* pipelined */
    PEER_SNAPSHOT, /* it lacks entries that are gone; heartbeats only */
};

struct raft_peer {
    uint64_t id;
    bool voter;
    bool granted; /* in the round of votes under way */
    bool probed;  /* PROBE: a message is out */
    bool down;    /* its link closed, and nothing came since */
    bool behind;  /* STREAM: fed on the catch-up lane */
    bool mending; /* so it said last: it counts for nothing */
    enum peer_mode mode;
    uint64_t match;    /* durable there and equal to ours */
    uint64_t arrived;  /* there in order, perhaps not durable */
    uint64_t next;     /* to be sent */
    uint64_t inflight; /* cost of the entries after match and before next */
    uint64_t floor;    /* refusals of probes below it are stale */
    uint64_t round;    /* the last heartbeat round answered */
    uint64_t told;     /* the commit index last sent */
    uint64_t mend;      /* the number of its mend; 0: none known */
    uint64_t mend_from; /* the first entry that was appended after that was known */
    struct pando_time heard, moved, asked;
    struct pando_span patience; /* how long no progress is borne before sending again */
};

/* An APPEND behind a gap. One block of memory: the entries and members follow. */
struct raft_hold {
    struct raft_message message;
    uint64_t token;
};

struct raft_wait {
    uint64_t token, index, round;
};

struct raft {
    struct raft_options options;
    struct rng rng;
    struct pando_time now;
    bool started;
    uint64_t term, vote;
    uint64_t mend; /* 0: well */
    struct raft_log log;
    struct raft_writes writes;
    uint64_t commit;

    struct raft_config *config; /* in force; older ones behind it */
    struct raft_config *spare, *retired;
    struct raft_peer peers[RAFT_MEMBERS_MAX]; /* parallel to the members in force */
    uint32_t peers_len, voters;
    bool voter; /* this node, by the members in force */

    enum raft_role role;
    uint64_t leader;         /* 0: unknown or lost */
    uint64_t term_leader;    /* who led in this term, even if its link is down */
    struct pando_time heard; /* the leader */
    uint64_t pace;           /* ns: the longest gap between messages lately */
    uint64_t election_least; /* ns: as the options said */
    struct pando_time timer; /* when the election timeout began */
    struct pando_span timeout;
    struct pando_time lost; /* when the link of the leader closed */
    bool asked;             /* CANDIDATE: votes were asked for */
    bool by_transfer;
    struct { /* a vote given that waits for the disk */
        uint64_t to, term, write;
    } promise;
    uint64_t elections, leader_changes;

    /* Follower. */
    uint64_t verified;      /* entries up to it equal the leader's of this term */
    uint64_t leader_commit; /* the highest heard in this term */
    uint64_t last_probe;
    bool ack_owed;
    struct raft_hold *held[RAFT_HELD_MAX];
    uint32_t held_len;
    uint64_t held_tokens;
    uint64_t source; /* token of the APPEND whose entries are being taken; 0: received */

    /* Leader. */
    uint64_t own_first; /* the first entry of its term */
    uint64_t round, probe;
    uint64_t pending; /* cost of what is not committed */
    bool dirty, beat;
    struct pando_time beat_at;
    uint64_t transfer_to; /* 0: none is under way */
    struct pando_time transfer_until, handover_after, window_until;
    uint64_t window_end; /* above the static members' ids */
    struct raft_wait reads[RAFT_READS_MAX];
    uint32_t reads_at, reads_len;

    struct raft_effect *effects;
    uint32_t effects_at, effects_len, effects_cap;
};

/* raft_terms.c: the shape of the log. */
uint64_t raft_log_term(const struct raft_log *l, uint64_t index); /* 0: not kept */
/* The last index up to `index` whose term is at most `term`; the base at least. */
uint64_t raft_log_meet(const struct raft_log *l, uint64_t index, uint64_t term);
bool raft_log_room(struct raft_log *l, uint32_t entries);
void raft_log_append(struct raft_log *l, uint64_t term, enum raft_kind kind,
                     uint32_t size);
void raft_log_truncate(struct raft_log *l, uint64_t index);
void raft_log_compact(struct raft_log *l, uint64_t index);
void raft_log_restart(struct raft_log *l, uint64_t index, uint64_t term);
/* What an entry counts for in flow control: a little more than its size. */
uint64_t raft_log_cost(const struct raft_log *l, uint64_t index);
uint64_t raft_log_costs(const struct raft_log *l, uint64_t after, uint64_t up_to);

/* raft_writes.c: what is on its way to the disk. */
bool raft_writes_room(struct raft_writes *w);
void raft_writes_done(struct raft_writes *w, uint64_t number);
void raft_writes_settled(struct raft_writes *w,
                         uint64_t index); /* durable by other means */
void raft_writes_restart(struct raft_writes *w, uint64_t index);
void raft_write_state(struct raft *r);
void raft_write_entry(struct raft *r, const struct raft_entry *e, uint32_t from_message);
void raft_write_truncate(struct raft *r, uint64_t index);

/* raft_effects.c */
bool raft_effects_room(struct raft *r, uint32_t more);
struct raft_effect *raft_emit(struct raft *r, enum raft_effect_kind kind);
void raft_send(struct raft *r, const struct raft_message *m);
void raft_emit_role(struct raft *r, enum raft_why why);

/* raft_config.c: the membership. */
bool raft_members_valid(const struct raft_members *m);
bool raft_config_room(struct raft *r, uint32_t more);
void raft_config_push(struct raft *r, uint64_t index, const struct raft_members *m);
void raft_config_truncate(struct raft *r, uint64_t index);
void raft_config_prune(struct raft *r); /* forget what can no more be rolled back */
void raft_config_restart(struct raft *r, uint64_t index, const struct raft_members *m);
struct raft_peer *raft_peer_find(struct raft *r, uint64_t id);

/* raft_election.c */
void raft_timer_arm(struct raft *r);
struct pando_time raft_timer_at(const struct raft *r);
bool raft_alone(const struct raft *r);
void raft_spend_vote(struct raft *r, uint64_t term);
bool raft_quorum_lately(const struct raft *r, struct pando_span within);
void raft_follow(struct raft *r, uint64_t term, uint64_t leader, enum raft_why why);
void raft_stand(struct raft *r, enum raft_why why);
void raft_pace(struct raft *r, struct pando_span gap);
void raft_campaign(struct raft *r, bool transfer, enum raft_why why);
void raft_lead(struct raft *r, enum raft_why why);
void raft_lead_by_force(struct raft *r);
void raft_vote_settle(struct raft *r); /* after WRITTEN: promises and candidacies */
void raft_on_prevote(struct raft *r, const struct raft_message *m);
void raft_on_prevote_reply(struct raft *r, const struct raft_message *m);
void raft_on_vote(struct raft *r, const struct raft_message *m);
void raft_on_vote_reply(struct raft *r, const struct raft_message *m);
void raft_leader_lost(struct raft *r);

/* raft_follow.c */
void raft_on_append(struct raft *r, const struct raft_message *m);
void raft_ack(struct raft *r, uint64_t round);
void raft_ack_settle(struct raft *r);
/* raft_hold.c */
void raft_hold(struct raft *r, const struct raft_message *m);
void raft_hold_drop(struct raft *r);
/* Take the next one that fits; false when none does. It is to be freed. */
bool raft_hold_next(struct raft *r, struct raft_hold **ret);
void raft_hold_free(struct raft *r, struct raft_hold *h);

/* raft_replicate.c and raft_peer.c: the leader's side. */
void raft_flush(struct raft *r);
void raft_heartbeat(struct raft *r);
void raft_peer_reset(struct raft *r, struct raft_peer *p);
void raft_peer_rewind(struct raft *r, struct raft_peer *p, uint64_t next,
                      enum peer_mode mode);
void raft_peer_patience(struct raft *r, struct raft_peer *p);
void raft_on_append_reply(struct raft *r, const struct raft_message *m);
void raft_on_snapshot_done(struct raft *r, const struct raft_message *m);
enum pando_status raft_append_own(struct raft *r, enum raft_kind kind, uint32_t size,
                                  const struct raft_members *config);

/* raft_commit.c */
void raft_commit_try(struct raft *r);                /* leader */
void raft_commit_to(struct raft *r, uint64_t index); /* both */
uint64_t raft_quorum_of(const struct raft *r,
                        uint64_t (*of)(const struct raft *, const struct raft_peer *));

/* raft_mend.c */
void raft_mend_note(struct raft *r, struct raft_peer *p, const struct raft_message *m);
void raft_mend_settle(struct raft *r, struct raft_peer *p);
void raft_on_mend_done(struct raft *r, const struct raft_message *m);

/* raft_read.c */
void raft_read_settle(struct raft *r);
void raft_read_fail(struct raft *r);
bool raft_read_waits(const struct raft *r); /* for a round that is not sent yet */

/* raft_transfer.c */
void raft_transfer_go(struct raft *r);
void raft_window_check(struct raft *r);
void raft_on_timeout_now(struct raft *r, const struct raft_message *m);

#endif
