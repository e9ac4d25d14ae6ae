/* fed_sim_impl.h - the inside of the world of federation engines, shared by its own
 * files.
 *
 *   fed_sim.c        the world: nodes, links, faults, time
 *   fed_sim_node.c   one engine: its effects carried out, what comes for it handed in
 *   fed_sim_look.c, fed_sim_check.c   the invariants
 *   fed_sim_store.c  its disk
 */
#ifndef SPACE_DELTA_FED_SIM_IMPL_H
#define SPACE_DELTA_FED_SIM_IMPL_H

#include "space/delta/fed_sim.h"

#define SIM_NO_PIPE UINT32_MAX

enum sim_event_kind {
    SIM_DIALLED,
    SIM_ARRIVES,
    SIM_CREDIT,
    SIM_CLOSED,
    SIM_COMMIT,
    SIM_EARLY,
    SIM_NEWS,
    SIM_TICK
};

struct sim_event {
    struct agenda_item due;
    enum sim_event_kind kind;
    uint64_t value;
    uint32_t node, life, pipe, link, edge;
    unsigned to; /* which end of the pipe */
};

/* A host whose ctx is the node's store. */
struct fed_host sim_host(struct sim_node *n);
/* Carry out what the engine wants, and see that it is woken and its store written. */
void sim_drain(struct sim *s, struct sim_node *n);
/* What is due happens. */
void sim_happen(struct sim *s, const struct sim_event *ev);
void sim_pipe_drop(struct sim *s, uint32_t pipe);
/* The end `to` hears that the pipe is gone. */
void sim_tell_closed(struct sim *s, uint32_t pipe, unsigned to);

#endif
