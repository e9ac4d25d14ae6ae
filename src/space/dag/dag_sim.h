/* dag_sim.h - a small world of dag instances: virtual time, links, gossip, disks,
 * crashes.
 *
 * Every node is a whole instance behind space_dag_ops; the world plays its node: it
 * carries messages in order per link, floods gossip as gossipsub does (forwarding after
 * an OK), checks signatures for real but later and in any order, commits journals after a
 * moment, gives credit back when a message arrives. Faults come from the seed: delays,
 * lost gossip, links cut and healed, partitions, crashes that lose what was not durable.
 *
 * A checker looks at every node again and again; the first broken invariant is kept in
 * `violation`, and the scenario ends with it.
 */
#ifndef SPACE_DAG_SIM_H
#define SPACE_DAG_SIM_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"
#include "space/dag/dag_sim_store.h"
#include "space/dag/engine.h"

#include "agenda.h"

#define SIM_NODES_MAX 16
#define SIM_ACKS_MAX  20000
#define SIM_SEEN_MAX  200000

struct sim_config {
    uint64_t seed;
    uint32_t nodes;
    uint32_t gossip_loss;    /* of 1000 */
    struct pando_span delay; /* of a message, at most; at least a tenth of it */
    const char *config_json;
    const struct space_access *access; /* NULL: open */
};

struct sim_node {
    uint32_t index;
    bool up;
    uint32_t life;
    void *instance;
    struct sim_store *store;
    struct crypto_secret secret;
    struct pando_key key;
    struct peer_id peer_id;
    struct sim *sim;
    bool committing;
    bool mute; /* all that it sends is lost, though its links look well */
    uint64_t delivered_bytes[DAG_CHANNELS];
    struct map seen; /* gossip messages, by their hash */
    struct pando_time tick_at;
};

struct sim_link {
    bool up;
    uint32_t generation;
    struct pando_time last[DAG_CHANNELS]; /* delivery: order is kept */
};

struct sim_ack {
    uint32_t node;
    struct pando_id id;
};

struct sim_reply {
    bool done;
    enum pando_status status;
    struct pando_buf text;
};

struct sim {
    struct sim_config config;
    struct rng rng;
    struct pando_time now;
    struct agenda agenda;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_link links[SIM_NODES_MAX][SIM_NODES_MAX];
    struct pando_id space;
    struct sim_ack *acks;
    size_t acks_len;
    struct map appends; /* token -> node index: answers are acks */
    uint64_t next_token;
    uint64_t watched; /* token whose reply is kept in `reply` */
    struct sim_reply reply;
    const char *violation;
    uint64_t steps, since_check;
    uint64_t faults, notices;
};

struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *s);
struct dag *sim_dag(struct sim *s, uint32_t node);

void sim_link(struct sim *s, uint32_t a, uint32_t b, bool up);
void sim_link_all(struct sim *s);
/* Cut all links between nodes below `first` and the others. */
void sim_partition(struct sim *s, uint32_t first);
void sim_crash(struct sim *s, uint32_t node);
void sim_restart(struct sim *s, uint32_t node);
void sim_run_for(struct sim *s, struct pando_span span);

/* A call whose answer nobody looks at, but for acks of "append". */
void sim_call(struct sim *s, uint32_t node, const char *verb, const char *json);
/* A call, run until it is answered or `limit` is over; the reply lies in s->reply. */
enum pando_status sim_ask(struct sim *s, uint32_t node, const char *verb,
                          const char *json, struct pando_span limit);
void sim_append(struct sim *s, uint32_t node);
/* Any other input. */
void sim_give(struct sim *s, uint32_t node, const struct space_input *in);
/* Bytes on the topic, as if `from` had published them, to one node only. */
void sim_inject(struct sim *s, uint32_t to, struct pando_slice message);

/* Look at every node that is up; sets s->violation. `deep` also reads all events back. */
void sim_check(struct sim *s, bool deep);
/* All nodes that are up hold the same set, with the same heads. */
bool sim_converged(struct sim *s);
/* Every acknowledged event is stored where it was acknowledged. */
void sim_check_acks(struct sim *s);

#endif
