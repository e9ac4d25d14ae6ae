/* delta.h - what the scenarios of delta spaces share: a world of linked nodes, and claims.
 *
 * Nodes form a ring, a star, a line or a mesh. Each edge is a native link, a federation link
 * (one side dials the other's WebSocket and stays linked), or both. Where links are filtered,
 * deltas of the author "private" must stay where they were made, and all others go everywhere.
 *
 * Ids: "a..." is made by one node, "c..." by several with different contents (one of them
 * counts, everywhere the same), "p..." is private, and negations have ids of their own.
 */
#ifndef SIM_SCENARIOS_DELTA_H
#define SIM_SCENARIOS_DELTA_H

#include "sim/scene.h"

struct delta_scene {
    struct scene *sc;
    bool native, federated, filtered;
    const char *shape;
    uint32_t edges;  /* links of either sort */
    uint32_t loner;  /* makes nothing private; sc->nodes: none */
    uint64_t made;   /* deltas that were asked for */
    uint64_t named;  /* ids that were given */
};

/* Make the world, its shape drawn from the seed; nodes are down. */
void delta_open(struct delta_scene *d, const struct sim_config *config);
/* For `span`, random nodes that are up make deltas, one every `gap` on average. */
void delta_load(struct delta_scene *d, struct pando_span span, struct pando_span gap);
/* Within `limit` all calls are answered and all nodes that are up hold the same. */
void delta_claim_agreement(struct delta_scene *d, struct pando_span limit);
/* Every acknowledged delta is on every node, private ones only where they were made. */
void delta_claim_nothing_lost(struct delta_scene *d);
/* Nobody sends a delta any more. */
void delta_claim_rest(struct delta_scene *d);
/* Of all nodes that are up, in this life: one of the space's numbers. */
uint64_t delta_count(struct delta_scene *d, const char *name);

#endif
