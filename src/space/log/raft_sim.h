/* raft_sim.h - a small world of consensus cores: virtual time, links, disks, crashes.
 *
 * The world plays the callers: it carries messages (late, twice, out of order, never, or
 * one way only), writes to disks that take their time and lose in a crash what was not
 * reported durable (or only a part of it, in order), takes snapshots, proposes, reads.
 * Every entry carries a value that is unique in its world, so that equal means equal.
 *
 * Invariants are checked where the matter happens, by the smallest look that suffices
 * (raft_sim_check.c); the first that breaks is kept in `violation`.
 */
#ifndef SPACE_LOG_RAFT_SIM_H
#define SPACE_LOG_RAFT_SIM_H

#include "base/rng.h"
#include "space/log/raft.h"

#include "agenda.h"

#define SIM_NODES_MAX 12 /* ids 1 ... 11 */
#define SIM_TERMS_MAX 4096
#define SIM_READS_MAX 256

struct sim_config {
    uint64_t seed;
    uint32_t nodes, voters; /* voters are the ids 1 ... voters, the rest learners */
    bool start_window, demote, ordered;
    uint32_t loss, twice; /* of 1000 messages */
    struct pando_span delay_min, delay_max;
    struct pando_span disk_min, disk_max;
    struct pando_span snapshot_max; /* until one is carried over and in force */
    uint32_t ops;                   /* proposals a second */
    uint32_t skew;                  /* of clocks: at most so many of 1000 */
};

/* What an entry is, wherever it lies. */
struct sim_entry {
    uint64_t term, value;
    uint32_t size;
    uint16_t members; /* CONFIG: number in the world's table, else 0 */
    uint8_t kind;
};

struct sim_snapshot {
    uint64_t index, term;
    uint16_t members;
};

/* A log, as a file would hold it: entries snapshot.index + 1 ... last are valid. */
struct sim_log {
    struct sim_entry *at; /* by index */
    uint64_t cap, last;
    struct sim_snapshot snapshot;
};

enum sim_write_kind { SIM_WRITE_STATE, SIM_WRITE_ENTRY, SIM_WRITE_TRUNCATE };

struct sim_write {
    enum sim_write_kind kind;
    uint64_t number, index, term, vote;
    struct sim_entry entry;
};

struct sim_disk {
    struct sim_log log;
    uint64_t term, vote;
    uint64_t mend;           /* 0: nothing was lost */
    struct sim_write *queue; /* given to the disk, not durable yet */
    uint32_t at, len, cap;
    uint64_t given;   /* the last number */
    uint64_t syncing; /* the number that the sync under way will reach; 0: none */
    bool by_hand;     /* only sim_sync moves it */
};

struct sim_read {
    uint64_t token, least; /* the index that was acknowledged when it was asked for */
};

struct sim_node {
    uint64_t id;
    bool up;
    uint32_t life;
    struct raft *core;
    struct sim_log log; /* what the caller has in memory */
    struct sim_disk disk;
    uint64_t applied, commit;
    uint64_t acked; /* the last index that it acknowledged when it was well */
    uint64_t owed;  /* committed up to here, and here, when it lost something */
    enum raft_role role;
    uint64_t role_term;
    uint32_t rate;                    /* of its clock: 1000 is right */
    struct pando_time paused, timer;  /* until; the timer event that is set */
    const struct sim_entry *received; /* of the message that it is given */
    uint32_t received_count;
    bool truncated;
    uint16_t proposing; /* the membership that it proposes */
    struct sim_read reads[SIM_READS_MAX];
    uint32_t reads_len;
    struct {
        uint64_t token;
        struct sim_entry *entries;
    } held[RAFT_HELD_MAX];
};

struct sim_seen {
    uint64_t term, value, prev_term;
};

/* What is known of one index of the sequence. */
struct sim_index {
    bool committed;
    struct sim_entry entry; /* if committed */
    uint64_t by_term;
    struct sim_seen *seen; /* every entry that ever stood here */
    uint32_t seen_len, seen_cap;
};

struct sim_event;

struct sim {
    struct sim_config config;
    struct rng rng;
    struct pando_time now;
    struct agenda agenda;
    struct sim_event *free_events;
    struct sim_node nodes[SIM_NODES_MAX];
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX]; /* one way */
    bool silent[SIM_NODES_MAX];             /* its APPENDs without entries are lost */
    struct pando_time last[SIM_NODES_MAX][SIM_NODES_MAX][3];
    struct raft_members *members; /* every membership ever proposed */
    uint32_t members_len, members_cap;
    struct sim_index *index;
    uint64_t index_cap, index_last; /* the highest committed */
    uint64_t leaders[SIM_TERMS_MAX];
    uint64_t next_value, next_token;
    struct pando_time next_op;
    bool forced; /* a membership was forced: acknowledged entries may be gone */
    const char *violation;
    uint64_t losses, mends;
    uint64_t acked, reads_served, steps, elections, changes, transfers, restores, held;
    uint64_t append_entries, hash;
};

/* What a node's clock shows now. */
static inline struct pando_time sim_clock(const struct sim *s, const struct sim_node *n)
{
    return (struct pando_time){ s->now.ns / 1000 * n->rate };
}

struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *s);
void sim_run(struct sim *s, struct pando_span span);
/* One event; false when there is none. */
bool sim_next(struct sim *s);
/* Run until `id` is in `role`, at most `limit`. */
bool sim_until(struct sim *s, uint64_t id, enum raft_role role, struct pando_span limit);

void sim_cut(struct sim *s, uint64_t a, uint64_t b, bool cut); /* both ways */
void sim_only(struct sim *s, const char *groups); /* one letter per node: "aab.." */
void sim_link(struct sim *s, uint64_t at, uint64_t peer, bool up); /* tell `at` of it */
void sim_crash(struct sim *s, uint64_t id);
void sim_restart(struct sim *s, uint64_t id);
void sim_pause(struct sim *s, uint64_t id, struct pando_span span);
/* A node that is down loses all entries behind `keep`, and term and vote as they stood then
 * (`whole` false), or its whole folder. */
void sim_lose(struct sim *s, uint64_t id, uint64_t keep, bool whole);
/* By hand: make the next `writes` durable and report it. */
void sim_sync(struct sim *s, uint64_t id, uint32_t writes);

bool sim_propose(struct sim *s, uint64_t id);
enum pando_status sim_change(struct sim *s, uint64_t id, const struct raft_members *m);
void sim_read(struct sim *s, uint64_t id);
void sim_transfer(struct sim *s, uint64_t id, uint64_t to);
void sim_compact(struct sim *s, uint64_t id, uint64_t keep);
void sim_force(struct sim *s, uint64_t id, const struct raft_members *m);

/* The node that leads in the highest term, or 0. */
uint64_t sim_leader(const struct sim *s);
/* Everybody in the leader's membership has applied all that is committed. */
bool sim_converged(const struct sim *s);

/* The members in force at `index` of a node, by its log. */
uint16_t sim_members_at(const struct sim_node *n, uint64_t index);

/* raft_sim_node.c */
void sim_drain(struct sim *s, struct sim_node *n);
void sim_flush(struct sim_node *n);
void sim_boot(struct sim *s, struct sim_node *n);
void sim_give(struct sim *s, struct sim_node *n, const struct raft_input *in);
void sim_synced(struct sim *s, struct sim_node *n, uint64_t number);
void sim_log_put(struct sim_log *l, uint64_t index, const struct sim_entry *e);
void sim_restored(struct sim *s, struct sim_node *n, const struct sim_snapshot *snapshot);

/* raft_sim.c: for the nodes. */
void sim_post(struct sim *s, struct sim_node *from, const struct raft_message *m);
void sim_post_synced(struct sim *s, struct sim_node *n, uint64_t number);
void sim_post_snapshot(struct sim *s, struct sim_node *from, uint64_t to);
void sim_set_timer(struct sim *s, struct sim_node *n);

/* raft_sim_check.c */
void sim_break(struct sim *s, const char *what);
void sim_check_entry(struct sim *s, struct sim_node *n, uint64_t index);
void sim_check_commit(struct sim *s, struct sim_node *n, uint64_t index);
/* A voter by the members in force, or by earlier ones while these are not committed. */
bool sim_was_voter(const struct sim *s, const struct sim_node *n);
void sim_check_role(struct sim *s, struct sim_node *n);
void sim_check_send(struct sim *s, struct sim_node *n, const struct raft_message *m);
void sim_check_mended(struct sim *s, struct sim_node *n);
/* Whether what its disk holds at `index` is known to be committed. */
bool sim_is_committed(const struct sim *s, const struct sim_node *n, uint64_t index);
void sim_check_read(struct sim *s, struct sim_node *n, uint64_t token, uint64_t index);
void sim_check_members(struct sim *s, struct sim_node *n); /* after a truncation */

#endif
