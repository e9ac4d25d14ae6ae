/* others.c - catching up from nothing, clocks that are off, and everything at once. */
#include "sim/scene.h"

#include <stdio.h>

#define HEALED PANDO_SEC(60)
#define BACKLOG 5000

/* A node joins late: the events cross the wire about once. */
void scenario_catch_up(struct scene *sc)
{
    const struct sim_config config = scene_config(sc);
    const uint32_t late = sc->nodes - 1;
    scene_open(sc, &config);
    for (uint32_t i = 1; i < late; i++)
        sim_connect(sc->sim, i, i - 1);
    for (uint32_t i = 0; i < late; i++)
        (void)sim_start(sc->sim, i);
    for (uint32_t k = 0; k < BACKLOG / 100 && !scene_failed(sc); k++) {
        sim_append_many(sc->sim, (uint32_t)rng_below(&sc->rng, late), 100, 300);
        sim_run_for(sc->sim, PANDO_MSEC(100));
    }
    claim_agreement(sc, HEALED);
    sim_run_for(sc->sim, PANDO_SEC(10)); /* beyond what gossip remembers */
    if (scene_failed(sc))
        return;
    const uint64_t disk = disk_bytes(sim_disk(sc->sim, 0));
    const uint64_t events = scene_stat(sc, 0, "total_events");
    const uint64_t before = net_count(sim_net(sc->sim)).bytes;
    const struct pando_time joined = sim_now(sc->sim);
    sim_connect(sc->sim, late, 0);
    (void)sim_start(sc->sim, late);
    claim_agreement(sc, HEALED);
    const double took = (double)pando_time_since(sim_now(sc->sim), joined).ns / 1e9;
    const uint64_t crossed = net_count(sim_net(sc->sim)).bytes - before;
    /* A block of 300 bytes of body takes about 560; the journal's bytes bound it from above. */
    const double each = (double)crossed / (double)events;
    if (!scene_failed(sc) && each > 1.1 * 560)
        scene_fail(sc, "speed: %.0f bytes crossed for each of %llu events", each,
                   (unsigned long long)events);
    if (!scene_failed(sc) && took > 5)
        scene_fail(sc, "speed: catching up took %.1f s", took);
    claim_innocence(sc);
    (void)snprintf(sc->figures, sizeof sc->figures,
                   "%llu events in %.1f s, %.0f bytes each on the wire (%llu on disk)",
                   (unsigned long long)events, took, each,
                   (unsigned long long)(disk / (events == 0 ? 1 : events)));
}

/* Clocks an hour off either way: events from far ahead are held back, none is lost. */
void scenario_clock(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    scene_open(sc, &config);
    scene_mesh(sc);
    scene_meet(sc, PANDO_SEC(20));
    if (scene_failed(sc))
        return;
    sim_set_clock(sc->sim, 0, 3600000);   /* far ahead */
    sim_set_clock(sc->sim, 1, -3600000);  /* far behind: harmless for the others */
    const uint64_t before = scene_stat(sc, 2, "total_events");
    sim_append(sc->sim, 0);
    sim_run_for(sc->sim, PANDO_SEC(20));
    if (scene_stat(sc, 2, "total_events") != before)
        scene_fail(sc, "safety: an event from an hour ahead was stored");
    sim_append(sc->sim, 2); /* normal times go on */
    sim_run_for(sc->sim, PANDO_SEC(2));
    if (scene_stat(sc, 3, "total_events") != before + 1)
        scene_fail(sc, "liveness: an event held back holds up others");
    for (uint32_t i = 1; i < sc->nodes; i++)
        sim_set_clock(sc->sim, i, 3600000); /* an hour has passed for everybody */
    claim_agreement(sc, PANDO_SEC(120));
    claim_nothing_lost(sc);
}

/* One node's signatures are worthless: what it says is stored nowhere else, the others name
 * the fault, and go on among themselves. */
void scenario_forger(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    const uint32_t forger = sc->nodes - 1;
    config.forger = true;
    scene_open(sc, &config);
    scene_mesh(sc);
    sim_start_all(sc->sim);
    scene_load(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(100));
    sim_run_for(sc->sim, PANDO_SEC(2));
    if (scene_failed(sc))
        return;
    uint64_t faults = 0, honest = forger; /* announcements, then what was acknowledged */
    for (size_t k = 0; k < sim_acked_len(sc->sim); k++)
        honest += sim_acked_at(sc->sim, k)->author != forger;
    for (uint32_t i = 0; i < forger; i++)
        faults += node_look(sim_node(sc->sim, i)).faults;
    if (faults == 0)
        scene_fail(sc, "safety: nobody noticed the forger");
    sim_crash(sc->sim, forger);
    claim_agreement(sc, HEALED);
    const uint64_t stored = scene_stat(sc, 0, "total_events");
    if (stored != honest)
        scene_fail(sc, "safety: %llu events are stored, %llu are honest",
                   (unsigned long long)stored, (unsigned long long)honest);
    (void)snprintf(sc->figures, sizeof sc->figures, "%llu honest events, %llu faults named",
                   (unsigned long long)honest, (unsigned long long)faults);
}

void scene_fault(struct scene *sc)
{
    struct net *net = sim_net(sc->sim);
    const uint32_t i = (uint32_t)rng_below(&sc->rng, sc->nodes);
    const uint32_t j = (uint32_t)rng_below(&sc->rng, sc->nodes);
    switch (rng_below(&sc->rng, 8)) {
    case 0:
        sim_partition(sc->sim, 1 + (uint32_t)rng_below(&sc->rng, sc->nodes - 1));
        break;
    case 1:
    case 2:
        net_heal(net);
        break;
    case 3:
        if (i != j)
            net_cut(net, i, j, true);
        break;
    case 4:
        if (sim_is_up(sc->sim, i))
            sim_crash(sc->sim, i);
        break;
    case 5:
        if (!sim_is_up(sc->sim, i))
            (void)sim_start(sc->sim, i);
        break;
    case 6: {
        struct net_weather w = net_weather(net);
        w.latency = PANDO_MSEC(1 + rng_below(&sc->rng, 200));
        w.jitter = PANDO_MSEC(rng_below(&sc->rng, 200));
        w.loss_permille = (uint32_t)rng_below(&sc->rng, 300);
        net_set_weather(net, &w);
        break;
    }
    default:
        disk_limit(sim_disk(sc->sim, i),
                   rng_chance(&sc->rng, 1, 2) ? UINT64_MAX : rng_below(&sc->rng, 65536));
        break;
    }
}

void scene_calm(struct scene *sc, const struct net_weather *fair)
{
    net_heal(sim_net(sc->sim));
    net_set_weather(sim_net(sc->sim), fair);
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++) {
        disk_limit(sim_disk(sc->sim, i), UINT64_MAX);
        if (!sim_is_up(sc->sim, i))
            (void)sim_start(sc->sim, i);
    }
}

/* The seed draws the size, the shape and the mix of faults. */
void scenario_swarm(struct scene *sc)
{
    static void (*const shapes[])(struct scene *) = { scene_mesh, scene_line, scene_ring,
                                                      scene_star };
    struct sim_config config = scene_config(sc);
    config.disk_latency = PANDO_MSEC(1 + rng_below(&sc->rng, 40));
    config.clock_off_ms = (int64_t)rng_below(&sc->rng, 240000);
    scene_open(sc, &config);
    const uint64_t shape = rng_below(&sc->rng, 5);
    if (shape < 4)
        shapes[shape](sc);
    else
        scene_random(sc, 4);
    sim_start_all(sc->sim);
    const struct pando_time end = pando_time_add(sim_now(sc->sim), PANDO_SEC(sc->seconds));
    uint32_t faults = 0;
    while (!pando_time_reached(end, sim_now(sc->sim)) && !scene_failed(sc)) {
        scene_fault(sc);
        faults++;
        scene_load(sc, PANDO_MSEC(50 + rng_below(&sc->rng, 4000)), PANDO_MSEC(60));
    }
    scene_calm(sc, &config.weather);
    claim_all(sc, HEALED);
    (void)snprintf(sc->figures, sizeof sc->figures, "%u faults, %zu events acknowledged", faults,
                   sim_acked_len(sc->sim));
}
