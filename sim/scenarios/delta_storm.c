/* delta_storm.c - deltas under all faults at once: power cuts, cut paths, full disks, clocks
 * that are off, paused federation, and at the end a node that comes back from an old backup.
 */
#include "sim/scenarios/delta.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define EQUAL_WITHIN PANDO_SEC(180) /* comparisons back off to once a minute */
#define NODES_MAX    16

/* Pause or resume a link of the node, any of those that are there. */
static void tell_link(struct scene *sc, uint32_t node, bool pause, bool every)
{
    struct pando_buf b;
    size_t k;
    json_t *link;
    buf_init(&b, 1u << 20);
    json_t *answer = sim_is_up(sc->sim, node) &&
                             sim_ask(sc->sim, node, "fed.links", "{}", &b) == PANDO_OK
                         ? json_loadb((const char *)b.ptr, b.len, 0, NULL)
                         : NULL;
    json_array_foreach(json_object_get(answer, "links"), k, link) {
        char args[80];
        (void)snprintf(args, sizeof args, "{\"id\":\"%s\"}",
                       json_string_value(json_object_get(link, "id")));
        if (every || rng_chance(&sc->rng, 1, 2))
            (void)!sim_ask(sc->sim, node, pause ? "fed.pause" : "fed.resume", args, &b);
    }
    json_decref(answer);
    buf_deinit(&b);
}

static void disturb(struct delta_scene *d)
{
    struct scene *sc = d->sc;
    const uint32_t node = (uint32_t)rng_below(&sc->rng, sc->nodes);
    const uint64_t die = rng_below(&sc->rng, 12);
    if (die < 8)
        scene_fault(sc);
    else if (die < 10 && d->federated)
        tell_link(sc, node, rng_chance(&sc->rng, 1, 2), false);
    else if (die < 11)
        sim_set_clock(sc->sim, node, (int64_t)rng_below(&sc->rng, 240000) - 120000);
    else if (node == d->loner || d->loner == sc->nodes) {
        sim_backup(sc->sim, node);
        d->loner = node;
    }
}

static void settle(struct delta_scene *d)
{
    delta_claim_agreement(d, EQUAL_WITHIN);
    delta_claim_nothing_lost(d);
    if (!scene_failed(d->sc))
        claim_innocence(d->sc);
}

/* The node whose disk was copied gets it back: what it had since comes from the others. */
static void restore(struct delta_scene *d)
{
    struct scene *sc = d->sc;
    if (scene_failed(sc) || d->loner == sc->nodes)
        return;
    sim_crash(sc->sim, d->loner);
    if (!sim_restore(sc->sim, d->loner))
        return;
    sim_run_for(sc->sim, PANDO_MSEC(rng_below(&sc->rng, 20000)));
    (void)sim_start(sc->sim, d->loner);
    delta_load(d, PANDO_SEC(1), PANDO_MSEC(50));
    settle(d);
}

static const char *draw(struct delta_scene *d)
{
    switch (rng_below(&d->sc->rng, 4)) {
    case 0: d->native = true; return "native";
    case 1: d->federated = true; return "federated";
    case 2: d->federated = d->filtered = true; return "filtered";
    default: d->native = d->federated = true; return "both";
    }
}

void scenario_deltas_storm(struct scene *sc)
{
    struct sim_config config;
    struct delta_scene d = { .sc = sc };
    uint32_t faults = 0;
    if (sc->nodes == 0)
        sc->nodes = 2 + (uint32_t)rng_below(&sc->rng, NODES_MAX - 1);
    d.loner = sc->nodes;
    config = scene_config(sc);
    config.kind = "delta";
    config.disk_latency = PANDO_MSEC(1 + rng_below(&sc->rng, 20));
    config.clock_off_ms = (int64_t)rng_below(&sc->rng, 240000);
    const char *links = draw(&d);
    if (d.filtered) /* it makes nothing private, for a backup may be all that it has */
        d.loner = (uint32_t)rng_below(&sc->rng, sc->nodes);
    delta_open(&d, &config);
    delta_load(&d, PANDO_SEC(1), PANDO_MSEC(50));
    const struct pando_time end = pando_time_add(sim_now(sc->sim), PANDO_SEC(sc->seconds));
    while (!pando_time_reached(end, sim_now(sc->sim)) && !scene_failed(sc)) {
        disturb(&d);
        faults++;
        delta_load(&d, PANDO_MSEC(50 + rng_below(&sc->rng, 2000)), PANDO_MSEC(20));
    }
    scene_calm(sc, &config.weather);
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++)
        tell_link(sc, i, false, true);
    settle(&d);
    if (scene_failed(sc) && sc->trace)
        for (uint32_t i = 0; i < sc->nodes; i++) {
            struct pando_buf b;
            buf_init(&b, 1u << 20);
            (void)!sim_ask(sc->sim, i, "delta.stats", "{}", &b);
            (void)fprintf(stderr, "n%u %s\n", i, (char *)b.ptr);
            (void)!sim_ask(sc->sim, i, "fed.links", "{}", &b);
            (void)fprintf(stderr, "n%u %s\n", i, (char *)b.ptr);
            buf_deinit(&b);
        }
    restore(&d);
    delta_claim_rest(&d);
    (void)snprintf(sc->figures, sizeof sc->figures,
                   "%s, %s, %u faults, %zu of %llu acknowledged, %llu sent", d.shape, links,
                   faults, sim_acked_len(sc->sim), (unsigned long long)d.made,
                   (unsigned long long)(delta_count(&d, "nodes_sent_total") +
                                        delta_count(&d, "fed_sent_total")));
}
