/* gossip_sim.h - a small virtual network of routers, for gossip_sim_test.c.
 *
 * Nodes are real engines; links are ordered, have a delay, and are lost and regained as a
 * whole, as QUIC links are: what was on the way is gone, both ends are told. Time is a
 * heap of events whose ties break by order of creation, so one seed has one history, and
 * a hash over every effect proves it. While it runs, the network watches what must never
 * happen and notes the first breach of each claim.
 */
#ifndef GOSSIPSUB_GOSSIP_SIM_H
#define GOSSIPSUB_GOSSIP_SIM_H

#include "base/rng.h"
#include "proto/gossipsub/gossip_internal.h"

#define SIM_LINKS_MAX    24 /* of one node */
#define SIM_MESSAGES_MAX 512
#define SIM_CREDIT       3000 /* small: links fill up */
#define SIM_TOPIC        "simulated"

/* What must hold; the names appear in failures. */
enum sim_claim {
    SIM_ONCE,     /* no message is delivered twice at a node */
    SIM_CUT,      /* nothing crosses a cut */
    SIM_TRUE,     /* only published messages are delivered, unchanged */
    SIM_REJECTED, /* a rejected message goes no further than its publisher's neighbours */
    SIM_BACKOFF,  /* nobody grafts whom it knows to be backed off */
    SIM_IN_CREDIT, /* nobody sends beyond its credit by more than one RPC */
    SIM_MESH,      /* after calm, meshes are mutual and neither thin nor thick */
    SIM_SPEED,     /* in calm, the mesh carries a message everywhere within a heartbeat */
    SIM_LIVENESS,  /* in the end nobody is left out */
    SIM_CLAIMS
};

struct sim_link {
    uint32_t node[2];
    uint32_t slot[2]; /* the peer handle that each end has for the other */
    bool up;
    uint32_t generation;
    uint64_t delay;
    uint64_t sent[2], arrived[2]; /* bytes from each end */
    uint64_t backed_off[2];       /* until when, as each end knows */
};

struct sim_node {
    struct gossip *g;
    void *memory;
    uint32_t group;
    uint32_t links[SIM_LINKS_MAX]; /* by slot; SIM_NO_LINK */
    uint64_t tick_at;              /* for which an event is waiting */
};

struct sim_message {
    uint32_t publisher;
    bool bad;
    uint64_t at;
    uint32_t got;     /* nodes that have it, the publisher included */
    uint64_t last_at; /* when the last of them got it */
    uint8_t *has;     /* by node */
};

struct sim_event;

struct sim {
    struct rng rng;
    uint64_t now, order, hash, rpcs;
    uint32_t nodes_len, links_len, messages_len;
    bool cut;
    bool hasty; /* stop the clock at the first breach */
    uint32_t breaches;
    struct gossip_config config;
    struct sim_node *nodes;
    struct sim_link *links;
    struct sim_message messages[SIM_MESSAGES_MAX];
    struct sim_event *events;
    size_t events_len, events_cap;
    uint32_t broken[SIM_CLAIMS];
};

/* `nodes_len` nodes, all subscribed, connected at random with about `degree` links each.
 */
void sim_init(struct sim *s, uint32_t nodes_len, uint32_t degree, uint64_t seed,
              uint32_t mutant);
void sim_deinit(struct sim *s);
void sim_run_for(struct sim *s, struct pando_span span);
/* Publish a new message; a bad one will be rejected by everybody. Returns its number. */
uint32_t sim_publish(struct sim *s, uint32_t node, bool bad);
void sim_link_set(struct sim *s, uint32_t link, bool up);
/* Cut all links between nodes below `border` and the others; 0 heals. */
void sim_partition(struct sim *s, uint32_t border);
/* Leave the topic, and join it. */
void sim_subscribe(struct sim *s, uint32_t node, bool subscribe);
/* Note a breach unless `holds`. */
void sim_claim(struct sim *s, enum sim_claim claim, bool holds);
/* Meshes after a calm time; see SIM_MESH. */
void sim_check_meshes(struct sim *s);
/* Sum of one counter over all nodes. */
#define SIM_SUM(s, counter) sim_sum((s), offsetof(struct gossip_counters, counter))
uint64_t sim_sum(const struct sim *s, size_t offset);
const char *sim_claim_name(enum sim_claim claim);

#endif
