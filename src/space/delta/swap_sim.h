/* swap_sim.h - several instances of swap with stores of their own, joined by lossy links.
 *
 * A world is driven in steps of virtual time. Messages take a while on a link and are lost
 * with it when it is cut; commits take a while; a crash loses what was not durable. Every second
 * time, drawn from the seed, what was appended is passed on before it is durable. Signatures are
 * really verified. What a commit made durable at its maker is acked.
 */
#ifndef SPACE_DELTA_SWAP_SIM_H
#define SPACE_DELTA_SWAP_SIM_H

#include "base/rng.h"
#include "space/delta/store_fixture.h"
#include "space/delta/swap.h"

#define WORLD_NODES 16

struct world;

struct world_node {
    struct world *world;
    size_t index;
    struct fixture store;
    struct swap *swap;
    struct pando_time commit_at; /* NEVER: nothing is being written */
    bool bars_odd; /* its policy refuses deltas of author a1 */
    bool up;
    uint64_t faults;
};

enum world_shape { WORLD_LINE, WORLD_RING, WORLD_STAR, WORLD_MESH, WORLD_SHAPES };

struct world *world_new(uint64_t seed, size_t nodes, enum world_shape shape);
void world_free(struct world *w);
struct world_node *world_node(struct world *w, size_t i);
struct rng *world_rng(struct world *w);
/* Whether the shape joins the two; whether the link is there now. */
bool world_joined(const struct world *w, size_t a, size_t b);
void world_link(struct world *w, size_t a, size_t b, bool up);
void world_crash(struct world *w, size_t i);
void world_start(struct world *w, size_t i);
/* A new delta, made at a node. */
void world_make(struct world *w, size_t i, unsigned id, int64_t time);
/* How many a crash would take from the node that made them, while another one holds them. */
size_t world_ahead_of_disk(struct world *w, size_t i);
/* Everything that was acked is held by the node. */
bool world_holds_acked(struct world *w, size_t i);
/* How many it holds that a crash took from their maker. */
size_t world_came_back(struct world *w, size_t i);
/* A message as if `from` had sent it. Returns how many faults `to` finds in it. */
uint64_t world_offer(struct world *w, size_t to, size_t from, struct pando_slice message);
/* An input for a node, whose effects are left in its engine. */
void world_feed(struct world *w, size_t to, const struct space_input *in);
void world_run(struct world *w, struct pando_span span);
/* Everybody holds the same (but for what policies refuse). */
bool world_equal(struct world *w);
uint64_t world_messages(const struct world *w);

#endif
