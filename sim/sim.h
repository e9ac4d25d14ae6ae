/* sim.h - whole nodes in one process, under one seed: virtual clock, network and disk.
 *
 * The nodes are the real ones (src/node with all its engines, the real journal code); only
 * the ports differ. Time jumps from event to event, so a minute of a hundred nodes takes
 * seconds. Everything that is random is drawn from the seed, in the order of events, so one
 * seed replays exactly: sim_hash() is equal for equal runs.
 *
 * Faults: latency, jitter, loss (as the delay of a retransmission), partitions and one-way
 * cuts (a link whose path is cut dies at its idle limit), crashes that lose or tear
 * unsynced writes, full disks, clocks that are off. A checker looks at nodes through the
 * verbs that people use.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buf.h"
#include "base/rng.h"
#include "node/node.h"

struct sim;

struct sim_config {
    uint64_t seed;
    uint32_t nodes;
    struct pando_span latency;      /* one way */
    struct pando_span jitter;       /* up to, added */
    uint32_t loss_permille;         /* of deliveries that are retransmitted */
    struct pando_span disk_latency; /* of a commit */
    struct pando_span idle;         /* a link over a cut path dies after */
    uint32_t peers_max;             /* per node; 0: 16 */
    bool trace;                     /* print the nodes' records to stderr */
    int64_t clock_off_ms;           /* wall clocks differ by up to this */
};

/* A network of fast machines without faults. */
struct sim_config sim_config_default(uint64_t seed, uint32_t nodes);

struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *s);

/* Start node `i` (again after a crash: with what its disk kept). */
void sim_start(struct sim *s, uint32_t i);
/* Tell node `i` to keep a link to node `j`. */
void sim_connect(struct sim *s, uint32_t i, uint32_t j);
/* Power off: unsynced writes are lost or torn, peers notice at their idle limit. */
void sim_crash(struct sim *s, uint32_t i);
bool sim_is_up(const struct sim *s, uint32_t i);
/* Nodes below `first` cannot reach the others and are not reached; 0 heals everything. */
void sim_partition(struct sim *s, uint32_t first);
/* Nothing from `i` reaches `j` (one way). */
void sim_cut(struct sim *s, uint32_t i, uint32_t j, bool cut);
/* Change the network's quality from now on. */
void sim_weather(struct sim *s, struct pando_span latency, struct pando_span jitter,
                 uint32_t loss_permille);
/* The disk of node `i` takes at most `bytes` more; UINT64_MAX lifts the limit. */
void sim_disk_limit(struct sim *s, uint32_t i, uint64_t bytes);

struct pando_time sim_now(const struct sim *s);
void sim_run_for(struct sim *s, struct pando_span span);
/* Run until `reached` is true (checked every `step`); false: not within `limit`. */
bool sim_run_until(struct sim *s, bool (*reached)(struct sim *s, void *ctx), void *ctx,
                   struct pando_span step, struct pando_span limit);

/* Ask node `i`: true with the whole answer once it has come, within `limit`. */
bool sim_ask(struct sim *s, uint32_t i, const char *verb, const char *args, struct pando_span limit,
             enum pando_status *ret_status, struct pando_buf *ret_body);
/* Ask and go on; the answer is counted and, for an append, remembered as acknowledged. */
void sim_append(struct sim *s, uint32_t i, const char *text);

/* Acknowledged events: how many, and their ids. */
size_t sim_acked(const struct sim *s);
const char *sim_acked_id(const struct sim *s, size_t k);
struct pando_time sim_acked_at(const struct sim *s, size_t k);

/* Numbers of the run. */
uint64_t sim_hash(const struct sim *s);
uint64_t sim_steps(const struct sim *s);
uint64_t sim_bytes(const struct sim *s);
struct rng *sim_rng(struct sim *s);
uint32_t sim_nodes(const struct sim *s);

#endif
