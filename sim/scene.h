/* scene.h - one run of one scenario: a world, what is done to it, and what is claimed.
 *
 * Every scenario claims three things. Safety: nothing acknowledged is lost, all nodes hold
 * the same events, no honest node is blamed. Speed: events are on every disk within so much
 * virtual time. Liveness: once faults have ended all nodes agree within so much time. The
 * first claim that does not hold ends the scene and is its verdict.
 */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H

#include "sim/sim.h"

struct scene {
    uint64_t seed;
    uint32_t nodes;
    uint32_t seconds; /* of load, where the scenario has some */
    enum sim_plant plant;
    bool trace;
    struct rng rng; /* of the scenario's own decisions */
    struct sim *sim;
    struct pando_time began;
    char failure[400]; /* "" all claims hold */
    char figures[200]; /* what was measured */
};

struct scenario {
    const char *name;
    const char *help;
    uint32_t nodes, nodes_min, nodes_max; /* the first is the default */
    uint32_t seconds;
    bool on_request; /* too large for every run of all */
    void (*run)(struct scene *sc);
};

extern const struct scenario scenarios[];
extern const size_t scenarios_len;

/* The claim does not hold. */
void scene_fail(struct scene *sc, const char *format, ...) PANDO_PRINTF(2, 3);
bool scene_failed(struct scene *sc);
/* A default configuration for this scene. */
struct sim_config scene_config(const struct scene *sc);
/* Make the world; nodes are down. */
void scene_open(struct scene *sc, const struct sim_config *config);

/* Who dials whom. */
void scene_mesh(struct scene *sc);
void scene_line(struct scene *sc);
void scene_ring(struct scene *sc);
void scene_star(struct scene *sc);
/* Every node dials a few random ones so that the graph is connected; about `degree` links. */
void scene_random(struct scene *sc, uint32_t degree);

/* Start all nodes; within `limit` every one's announcement is everywhere. */
void scene_meet(struct scene *sc, struct pando_span limit);

/* For `span`, random nodes that are up append, one every `gap` on average. */
void scene_load(struct scene *sc, struct pando_span span, struct pando_span gap);

/* One fault, drawn from the seed: cuts, crashes, restarts, weather, full disks. */
void scene_fault(struct scene *sc);
/* The end of all faults: paths whole, disks with space, everybody up. */
void scene_calm(struct scene *sc, const struct net_weather *fair);

/* check.c: claims. Each fails the scene when it does not hold. */
/* Within `limit` all nodes that are up agree on heads, counts and vectors, nothing waits. */
void claim_agreement(struct scene *sc, struct pando_span limit);
/* Every acknowledged event is on every node that is up. */
void claim_nothing_lost(struct scene *sc);
/* No node found fault with another, and none gave a number twice. */
void claim_innocence(struct scene *sc);
/* 99 of 100 acknowledged events were on `nodes` disks within `limit` of being asked for. */
void claim_speed(struct scene *sc, uint32_t nodes, struct pando_span limit);
/* All of them: agreement, nothing lost, innocence. */
void claim_all(struct scene *sc, struct pando_span limit);
/* Whether the nodes that are up agree now. */
bool scene_agrees(struct scene *sc, char *ret_why, size_t cap);
/* A whole number of dag.stats. */
uint64_t scene_stat(struct scene *sc, uint32_t node, const char *name);

/* scenarios/ */
void scenario_pair(struct scene *sc);
void scenario_mesh(struct scene *sc);
void scenario_star(struct scene *sc);
void scenario_line(struct scene *sc);
void scenario_ring(struct scene *sc);
void scenario_partition(struct scene *sc);
void scenario_flapping(struct scene *sc);
void scenario_oneway(struct scene *sc);
void scenario_lossy(struct scene *sc);
void scenario_crash(struct scene *sc);
void scenario_slow_disk(struct scene *sc);
void scenario_full_disk(struct scene *sc);
void scenario_churn(struct scene *sc);
void scenario_catch_up(struct scene *sc);
void scenario_forger(struct scene *sc);
void scenario_clock(struct scene *sc);
void scenario_thousand(struct scene *sc);
void scenario_swarm(struct scene *sc);
void scenario_chat(struct scene *sc);
void scenario_chat_storm(struct scene *sc);
void scenario_deltas(struct scene *sc);
void scenario_federation(struct scene *sc);
void scenario_deltas_storm(struct scene *sc);

#endif
