/* sim.h - whole nodes in one process, under one seed: virtual clock, network and disk.
 *
 * The nodes are the real ones (src/node with all its engines, the real journal code); only
 * the ports below them differ. Time jumps from event to event, so a minute of a hundred
 * nodes takes seconds. Everything random is drawn from the seed in the order of events, so
 * one seed replays exactly: sim_hash() is equal for equal runs.
 *
 * Faults: latency, jitter, loss, partitions and one-way cuts (sim/net.h), crashes that lose
 * or tear unsynced writes, slow and full disks (sim/disk.h), wall clocks that are off.
 * Capsules do not run here: exec.run answers that there is no engine.
 *
 * A checker looks at nodes through the verbs that people use (sim_ask). One thread.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buf.h"
#include "base/rng.h"
#include "node/node.h"
#include "sim/disk.h"
#include "sim/net.h"
#include "sim/pipes.h"

struct sim;

/* Bugs planted in the ports, to show that the checkers can fail. */
enum sim_plant {
    SIM_HONEST,
    SIM_EARLY_ACK,   /* records are called durable before they are written */
    SIM_NO_SYNC,     /* fdatasync does nothing */
    SIM_LOST_BYTES,  /* now and then a piece of a stream vanishes */
    SIM_NO_REDIAL,   /* only the first dials of a node are carried out */
    SIM_TRUSTS_ALL,  /* every signature is called valid */
    SIM_DEAF,        /* nodes never hear that a link has ended */
    SIM_PLANTS
};

struct sim_config {
    uint64_t seed;
    uint32_t nodes;
    struct net_weather weather;
    struct pando_span disk_latency; /* of a commit */
    struct pando_span idle;         /* a link over a cut path dies after */
    uint32_t peers_max;             /* per node; 0: 64 */
    int64_t clock_off_ms;           /* wall clocks differ by up to this */
    bool forger;                    /* the last node signs with a wrong key */
    const char *kind;               /* of the nodes' space; NULL: dag */
    const struct space_ops *const *kinds; /* NULL: those of every node */
    size_t kinds_len;
    const char *local_json;         /* settings of the space; NULL: the defaults */
    uint32_t voters;                /* 0: a dag; else a log whose first nodes are its static
                                       members, and the others ask to be taken in */
    uint64_t keep_bytes;            /* of a log's entries; 0: the default */
    enum sim_plant plant;
    bool trace; /* print the nodes' records to stderr */
};

/* Fast machines on a good network. */
struct sim_config sim_config_default(uint64_t seed, uint32_t nodes);

struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *s);

/* Start node `i` (again after a crash: with what its disk kept, and its old peers). False:
 * it cannot start; sim_error() says why. */
bool sim_start(struct sim *s, uint32_t i);
void sim_start_all(struct sim *s);
/* Tell node `i` to keep a link to node `j`; it remembers over restarts. */
void sim_connect(struct sim *s, uint32_t i, uint32_t j);
/* Power off: unsynced writes are lost or torn, peers notice at their idle limit. */
void sim_crash(struct sim *s, uint32_t i);
/* An orderly end (takes virtual time). */
void sim_stop(struct sim *s, uint32_t i);
bool sim_is_up(const struct sim *s, uint32_t i);
struct disk *sim_disk(struct sim *s, uint32_t i);
struct net *sim_net(struct sim *s);
/* Nodes below `first` and the others do not reach each other until net_heal. */
void sim_partition(struct sim *s, uint32_t first);
void sim_set_clock(struct sim *s, uint32_t i, int64_t off_ms);
/* Something was given up that must not be: the run has failed. NULL: nothing yet. */
const char *sim_error(const struct sim *s);
void sim_set_error(struct sim *s, const char *format, ...) PANDO_PRINTF(2, 3);

struct pando_time sim_now(const struct sim *s);
void sim_run_for(struct sim *s, struct pando_span span);
/* Run until `reached` is true (looked at every `step`); false: not within `limit`. */
bool sim_run_until(struct sim *s, bool (*reached)(struct sim *s, void *ctx), void *ctx,
                   struct pando_span step, struct pando_span limit);

/* Ask node `i`; the whole answer lies in `ret_body` (NUL-terminated) once it has come.
 * Errors: the answer's, or PANDO_TIMEOUT (30 virtual seconds), PANDO_UNAVAILABLE (down). */
enum pando_status sim_ask(struct sim *s, uint32_t i, const char *verb, const char *args,
                          struct pando_buf *ret_body) PANDO_MUST_USE;
/* The same for a verb that takes bytes. */
enum pando_status sim_ask_bytes(struct sim *s, uint32_t i, const char *verb,
                                struct pando_slice args,
                                struct pando_buf *ret_body) PANDO_MUST_USE;
/* Append one event on node `i` and go on; once acknowledged it is remembered. */
void sim_append(struct sim *s, uint32_t i);
/* Append many and go on; counted in acknowledged events, ids not kept. */
void sim_append_many(struct sim *s, uint32_t i, uint32_t count, uint32_t size);

/* Settings of node `i`'s space, in place of the configuration's; in force when it starts. */
void sim_settings(struct sim *s, uint32_t i, const char *json);
/* Keep a copy of node `i`'s disk; and put it in the place of the disk while the node is down.
 * False: there is no copy. */
void sim_backup(struct sim *s, uint32_t i);
bool sim_restore(struct sim *s, uint32_t i);

/* With a space of another kind: a call that answers with the id of what it made. */
void sim_make(struct sim *s, uint32_t i, const char *verb, const char *args);
/* What a stream of node `i` shows is told of, line by line, until the node ends. */
void sim_watch(struct sim *s, uint32_t i, const char *verb, const char *args);

/* An acknowledged event and how far it has come, by what the nodes told watchers. */
struct sim_acked {
    char id[72];
    uint32_t author; /* node */
    uint32_t told;   /* nodes on whose disk it is */
    struct pando_time asked, acked, last;
};
size_t sim_acked_len(const struct sim *s);
const struct sim_acked *sim_acked_at(const struct sim *s, size_t k);
/* Appends that were asked for and not answered yet; answered with an error. */
size_t sim_appends_open(const struct sim *s);
size_t sim_appends_failed(const struct sim *s);

/* With a log: say something new in its room on node `i` and go on. */
void sim_say(struct sim *s, uint32_t i);
/* What was said: its text is "m<number>", number k + 1 for the k-th. */
struct sim_said {
    uint32_t node;
    bool answered, taken; /* taken: acknowledged, with this number in the room */
    uint64_t seq;
    struct pando_time asked, acked;
};
size_t sim_said_len(const struct sim *s);
const struct sim_said *sim_said_at(const struct sim *s, size_t k);

uint64_t sim_hash(const struct sim *s);
uint64_t sim_steps(const struct sim *s);
struct rng *sim_rng(struct sim *s);
uint32_t sim_nodes(const struct sim *s);
struct node *sim_node(struct sim *s, uint32_t i);
/* Of the nodes' one space. */
const struct space_ops *sim_kind(const struct sim *s);

#endif
