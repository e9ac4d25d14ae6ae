/* dag_sim_impl.h - the inside of the world of dags, shared by its own files.
 *
 *   dag_sim.c        nodes and links, faults, calls
 *   dag_sim_node.c   one node: its effects carried out, what comes for it handed in
 *   dag_sim_check.c  the invariants
 *   dag_sim_store.c  its disk
 */
#ifndef SPACE_DAG_SIM_IMPL_H
#define SPACE_DAG_SIM_IMPL_H

#include "space/dag/dag_sim.h"

enum sim_event_kind { SIM_MESSAGE, SIM_GOSSIP, SIM_VERIFIED, SIM_DURABLE, SIM_TICK };

struct sim_event {
    struct agenda_item due;
    enum sim_event_kind kind;
    uint32_t to, life;
    uint32_t from, generation; /* of the link */
    uint8_t channel;
    uint64_t token;
    uint64_t value;
    uint64_t bits[SPACE_VERIFY_MAX / 64];
    struct bytes *bytes;
};

/* The token of a GOSSIP input is the address of its event, kept until the verdict. */
struct held {
    struct bytes *bytes;
    uint32_t from;
};

/* A handle names the peer and the life of the link. */
uint32_t sim_handle(const struct sim *s, uint32_t a, uint32_t b);
void sim_open(struct sim *s, struct sim_node *n);
void sim_close(struct sim *s, struct sim_node *n);
void sim_step(struct sim *s, struct sim_node *n, const struct space_input *in);
void sim_deliver(struct sim *s, struct sim_event *e);
/* Whether a message on the topic is new to the node; from now on it is not. */
bool sim_first_sight(struct sim_node *n, struct bytes *bytes);

#endif
