/* trio.h - three real nodes that hold one log space, each a static member of it. */
#ifndef BENCH_TRIO_H
#define BENCH_TRIO_H

#include "bench/world.h"

#define TRIO 3

/* Start the three; returns when one leads and both others follow it. */
void trio_begin(struct world *w);
/* Start one again after a stop, dialling the two others. */
void trio_run(struct world *w, struct world_node *n);
/* The node that leads with a quorum; NULL when none does at the moment. */
struct world_node *trio_leader(struct world *w);
struct world_node *trio_await_leader(struct world *w, uint64_t limit_ms);
/* A number of a node's log.status. */
double trio_number(struct world_node *n, const char *name);
/* Until it has applied so many messages; false at the deadline. */
bool trio_await_messages(struct world_node *n, double least, uint64_t limit_ms);
/* Until all three have the same messages. */
void trio_settle(struct world *w);

#endif
