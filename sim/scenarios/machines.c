/* machines.c - nodes that fail: power cuts, restarts, slow disks, full disks. */
#include "sim/scene.h"

#include <stdio.h>

#define HEALED PANDO_SEC(60)

static void start_missing(struct scene *sc)
{
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++)
        if (!sim_is_up(sc->sim, i))
            (void)sim_start(sc->sim, i);
}

/* Nodes lose power while events flow, at any moment between write and sync, and come back
 * with what their disks kept. What was acknowledged is everywhere in the end, and no author
 * gives a number twice. */
void scenario_crash(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    config.disk_latency = PANDO_MSEC(2 + rng_below(&sc->rng, 20));
    scene_open(sc, &config);
    scene_random(sc, 6);
    scene_meet(sc, PANDO_SEC(20));
    uint32_t crashes = 0;
    for (uint32_t round = 0; round < 3 * sc->seconds && !scene_failed(sc); round++) {
        scene_load(sc, PANDO_MSEC(50 + rng_below(&sc->rng, 600)), PANDO_MSEC(8));
        const uint32_t i = (uint32_t)rng_below(&sc->rng, sc->nodes);
        if (sim_is_up(sc->sim, i)) {
            sim_append(sc->sim, i);
            sim_run_for(sc->sim, PANDO_USEC(rng_below(&sc->rng, 30000)));
            sim_crash(sc->sim, i);
            crashes++;
        } else {
            (void)sim_start(sc->sim, i);
        }
    }
    start_missing(sc);
    claim_all(sc, HEALED);
    (void)snprintf(sc->figures, sizeof sc->figures, "%u power cuts, %zu events acknowledged",
                   crashes, sim_acked_len(sc->sim));
}

/* Commits take half a second: they gather, and nothing is acknowledged before its own. */
void scenario_slow_disk(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    config.disk_latency = PANDO_MSEC(500);
    scene_open(sc, &config);
    scene_mesh(sc);
    scene_meet(sc, PANDO_SEC(30));
    sim_run_for(sc->sim, PANDO_SEC(3));
    const size_t first = sim_acked_len(sc->sim);
    scene_load(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(60)); /* fewer a commit than notices are told singly */
    claim_all(sc, PANDO_SEC(30));
    for (size_t k = first; k < sim_acked_len(sc->sim) && !scene_failed(sc); k++) {
        const struct sim_acked *a = sim_acked_at(sc->sim, k);
        if (pando_time_since(a->acked, a->asked).ns < config.disk_latency.ns)
            scene_fail(sc, "safety: an append was acknowledged before its commit could end");
    }
    claim_speed(sc, sc->nodes, PANDO_MSEC(2800));
}

/* A disk fills up: its node says so and acknowledges nothing; space returns without a
 * restart, and the node catches up. */
void scenario_full_disk(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    scene_open(sc, &config);
    scene_mesh(sc);
    scene_meet(sc, PANDO_SEC(20));
    const uint32_t victim = (uint32_t)rng_below(&sc->rng, sc->nodes);
    disk_limit(sim_disk(sc->sim, victim), rng_below(&sc->rng, 20000));
    const uint32_t other = (victim + 1) % sc->nodes;
    for (uint32_t k = 0; k < sc->seconds && !scene_failed(sc); k++) {
        sim_append_many(sc->sim, other, 20, 2000);
        scene_load(sc, PANDO_SEC(1), PANDO_MSEC(40));
    }
    const uint64_t ahead = scene_stat(sc, other, "total_events");
    const size_t failed = sim_appends_failed(sc->sim), open = sim_appends_open(sc->sim);
    if (!scene_failed(sc) && failed + open == 0)
        scene_fail(sc, "the disk never filled up (%llu events): nothing was shown",
                   (unsigned long long)ahead);
    disk_limit(sim_disk(sc->sim, victim), UINT64_MAX);
    scene_load(sc, PANDO_SEC(3), PANDO_MSEC(100));
    claim_all(sc, HEALED);
    (void)snprintf(sc->figures, sizeof sc->figures,
                   "%zu appends refused while full, %zu acknowledged", failed,
                   sim_acked_len(sc->sim));
}

/* Nodes come and go, some in order and some by a power cut; links change all the time. */
void scenario_churn(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    scene_open(sc, &config);
    scene_random(sc, 8);
    scene_meet(sc, PANDO_SEC(20));
    for (uint32_t round = 0; round < sc->seconds && !scene_failed(sc); round++) {
        const uint32_t i = (uint32_t)rng_below(&sc->rng, sc->nodes);
        if (!sim_is_up(sc->sim, i))
            (void)sim_start(sc->sim, i);
        else if (rng_chance(&sc->rng, 2, 3))
            sim_stop(sc->sim, i);
        else
            sim_crash(sc->sim, i);
        scene_load(sc, PANDO_MSEC(500 + rng_below(&sc->rng, 3000)), PANDO_MSEC(100));
    }
    start_missing(sc);
    claim_all(sc, HEALED);
}
