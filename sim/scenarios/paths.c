/* paths.c - networks that fail: partitions, flapping and one-way cuts, loss. */
#include "sim/scene.h"

#include <stdio.h>

#define HEALED PANDO_SEC(60) /* agreement is claimed within */

static void open_mesh(struct scene *sc, const struct sim_config *config)
{
    scene_open(sc, config);
    scene_mesh(sc);
    scene_meet(sc, PANDO_SEC(20));
}

/* Two halves go on alone: neither learns of the other, and both know all after the heal. */
void scenario_partition(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    open_mesh(sc, &config);
    if (scene_failed(sc))
        return;
    const uint32_t half = 1 + (uint32_t)rng_below(&sc->rng, sc->nodes - 1);
    sim_partition(sc->sim, half);
    sim_run_for(sc->sim, PANDO_SEC(1)); /* what was decided before is on disk */
    const uint64_t before = scene_stat(sc, 0, "total_events");
    const size_t acked = sim_acked_len(sc->sim);
    scene_load(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(100));
    sim_run_for(sc->sim, PANDO_SEC(2));
    uint64_t left = 0, right = 0;
    for (size_t k = acked; k < sim_acked_len(sc->sim); k++) {
        const uint32_t author = sim_acked_at(sc->sim, k)->author;
        left += author < half;
        right += author >= half;
    }
    const uint64_t a = scene_stat(sc, 0, "total_events");
    const uint64_t b = scene_stat(sc, sc->nodes - 1, "total_events");
    if (a != before + left || b != before + right)
        scene_fail(sc, "safety: the halves hold %llu and %llu events, expected %llu and %llu",
                   (unsigned long long)a, (unsigned long long)b,
                   (unsigned long long)(before + left), (unsigned long long)(before + right));
    net_heal(sim_net(sc->sim));
    const struct pando_time healed = sim_now(sc->sim);
    claim_all(sc, HEALED);
    (void)snprintf(sc->figures, sizeof sc->figures, "%llu + %llu events agreed in %.1f s",
                   (unsigned long long)left, (unsigned long long)right,
                   (double)pando_time_since(sim_now(sc->sim), healed).ns / 1e9);
}

/* Paths come and go, some long enough for links to die. */
void scenario_flapping(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    open_mesh(sc, &config);
    for (uint32_t round = 0; round < sc->seconds / 4 && !scene_failed(sc); round++) {
        const uint64_t how = rng_below(&sc->rng, 3);
        if (how == 0)
            sim_partition(sc->sim, 1 + (uint32_t)rng_below(&sc->rng, sc->nodes - 1));
        else
            net_heal(sim_net(sc->sim));
        const uint64_t ms = how == 0 ? 200 + rng_below(&sc->rng, 15000) : 500;
        scene_load(sc, PANDO_MSEC(ms), PANDO_MSEC(150));
    }
    net_heal(sim_net(sc->sim));
    claim_all(sc, HEALED);
}

/* One direction of some paths carries nothing; the rest must do, and the heal ends it. */
void scenario_oneway(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    open_mesh(sc, &config);
    for (uint32_t round = 0; round < 3 && !scene_failed(sc); round++) {
        for (uint32_t k = 0; k < sc->nodes; k++) {
            const uint32_t i = (uint32_t)rng_below(&sc->rng, sc->nodes);
            const uint32_t j = (uint32_t)rng_below(&sc->rng, sc->nodes);
            if (i != j)
                net_cut(sim_net(sc->sim), i, j, true);
        }
        scene_load(sc, PANDO_SEC(sc->seconds / 3), PANDO_MSEC(150));
        if (rng_chance(&sc->rng, 1, 2))
            net_heal(sim_net(sc->sim));
    }
    net_heal(sim_net(sc->sim));
    claim_all(sc, HEALED);
}

/* A fifth of all packets must be sent again, and latencies differ ninefold. */
void scenario_lossy(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    config.weather = (struct net_weather){ .latency = PANDO_MSEC(10), .jitter = PANDO_MSEC(80),
                                           .loss_permille = 200, .shred = true,
                                           .bytes_per_s = 2000000 };
    scene_open(sc, &config);
    scene_random(sc, 4);
    scene_meet(sc, PANDO_SEC(30));
    sim_run_for(sc->sim, PANDO_SEC(3));
    scene_load(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(100));
    claim_all(sc, PANDO_SEC(30));
    claim_speed(sc, sc->nodes, PANDO_SEC(5));
}
