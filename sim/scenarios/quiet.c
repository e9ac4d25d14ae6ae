/* quiet.c - no faults: events travel as fast as the paths and disks let them. */
#include "sim/scene.h"

#include <stdio.h>

#define SETTLE PANDO_SEC(20)

static void open_and_meet(struct scene *sc, const struct sim_config *config,
                          void (*shape)(struct scene *))
{
    scene_open(sc, config);
    shape(sc);
    scene_meet(sc, SETTLE); /* everybody's announcement is everywhere */
    sim_run_for(sc->sim, PANDO_SEC(3)); /* gossip has grafted its mesh */
}

/* Worst path: so many hops, a commit at each, and room for verification and batching. */
static void quiet(struct scene *sc, void (*shape)(struct scene *), uint32_t hops)
{
    const struct sim_config config = scene_config(sc);
    open_and_meet(sc, &config, shape);
    if (scene_failed(sc))
        return;
    scene_load(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(50));
    claim_all(sc, SETTLE);
    const uint64_t hop = config.weather.latency.ns + config.weather.jitter.ns +
                         2 * config.disk_latency.ns + PANDO_MSEC(3).ns;
    claim_speed(sc, sc->nodes, (struct pando_span){ hops * hop + PANDO_MSEC(20).ns });
}

/* Both ways between two: three latencies and the commits of both are enough. */
void scenario_pair(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    open_and_meet(sc, &config, scene_line);
    if (scene_failed(sc))
        return;
    scene_load(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(100));
    claim_all(sc, SETTLE);
    claim_speed(sc, 2, (struct pando_span){ 3 * config.weather.latency.ns +
                                            4 * config.disk_latency.ns });
}

void scenario_mesh(struct scene *sc)
{
    quiet(sc, scene_mesh, 3);
}

void scenario_star(struct scene *sc)
{
    quiet(sc, scene_star, 3);
}

void scenario_line(struct scene *sc)
{
    quiet(sc, scene_line, sc->nodes);
}

void scenario_ring(struct scene *sc)
{
    quiet(sc, scene_ring, sc->nodes / 2 + 1);
}

/* Many nodes with few links each: one event after another reaches all of them. */
void scenario_thousand(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    config.peers_max = 16;
    config.local_json = "{\"heartbeat_ms\":60000,\"heads_ms\":15000}";
    scene_open(sc, &config);
    scene_random(sc, 6);
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++) {
        (void)sim_start(sc->sim, i);
        sim_run_for(sc->sim, PANDO_MSEC(20));
    }
    claim_agreement(sc, PANDO_SEC(180));
    for (uint32_t k = 0; k < 10 && !scene_failed(sc); k++) {
        sim_append(sc->sim, (uint32_t)rng_below(&sc->rng, sc->nodes));
        sim_run_for(sc->sim, PANDO_SEC(1));
    }
    claim_agreement(sc, PANDO_SEC(60));
    claim_innocence(sc);
    claim_nothing_lost(sc);
    claim_speed(sc, sc->nodes, PANDO_SEC(1));
}
