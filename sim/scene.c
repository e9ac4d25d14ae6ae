#include "sim/scene.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>

void scene_fail(struct scene *sc, const char *format, ...)
{
    va_list args;
    if (sc->failure[0] != '\0')
        return; /* the first one counts */
    va_start(args, format);
    (void)vsnprintf(sc->failure, sizeof sc->failure, format, args);
    va_end(args);
}

bool scene_failed(struct scene *sc)
{
    if (sc->sim != NULL && sim_error(sc->sim) != NULL)
        scene_fail(sc, "%s", sim_error(sc->sim));
    return sc->failure[0] != '\0';
}

struct sim_config scene_config(const struct scene *sc)
{
    struct sim_config c = sim_config_default(sc->seed, sc->nodes);
    c.plant = sc->plant;
    c.trace = sc->trace;
    return c;
}

void scene_open(struct scene *sc, const struct sim_config *config)
{
    sc->sim = sim_new(config);
    sc->began = sim_now(sc->sim);
}

void scene_mesh(struct scene *sc)
{
    for (uint32_t i = 1; i < sc->nodes; i++)
        for (uint32_t j = 0; j < i; j++)
            sim_connect(sc->sim, i, j);
}

void scene_line(struct scene *sc)
{
    for (uint32_t i = 1; i < sc->nodes; i++)
        sim_connect(sc->sim, i, i - 1);
}

/* All but one edge are dialled from both sides: duplicate links are part of the picture. */
void scene_ring(struct scene *sc)
{
    scene_line(sc);
    for (uint32_t i = 0; i + 1 < sc->nodes; i++)
        sim_connect(sc->sim, i, i + 1);
    if (sc->nodes > 2)
        sim_connect(sc->sim, 0, sc->nodes - 1);
}

void scene_star(struct scene *sc)
{
    for (uint32_t i = 1; i < sc->nodes; i++)
        sim_connect(sc->sim, i, 0);
}

/* A random tree first, then random further edges. */
void scene_random(struct scene *sc, uint32_t degree)
{
    for (uint32_t i = 1; i < sc->nodes; i++) {
        const uint32_t near = i < 8 ? i : 8; /* keeps the tree's nodes from crowding */
        sim_connect(sc->sim, i, i - 1 - (uint32_t)rng_below(&sc->rng, near));
    }
    for (uint32_t k = 2; k < degree; k += 2)
        for (uint32_t i = 0; i < sc->nodes && sc->nodes > 2; i++) {
            const uint32_t j = (uint32_t)rng_below(&sc->rng, sc->nodes);
            if (j != i)
                sim_connect(sc->sim, i, j);
        }
}

void scene_meet(struct scene *sc, struct pando_span limit)
{
    sim_start_all(sc->sim);
    sim_run_for(sc->sim, PANDO_SEC(1)); /* everybody has said who it is */
    claim_agreement(sc, limit);
    if (!scene_failed(sc) && scene_stat(sc, 0, "total_events") < sc->nodes)
        scene_fail(sc, "liveness: not every node has announced itself");
}

static void append_somewhere(struct scene *sc)
{
    const uint32_t start = (uint32_t)rng_below(&sc->rng, sc->nodes);
    for (uint32_t k = 0; k < sc->nodes; k++) {
        const uint32_t i = (start + k) % sc->nodes;
        if (!sim_is_up(sc->sim, i))
            continue;
        sim_append(sc->sim, i);
        return;
    }
}

void scene_load(struct scene *sc, struct pando_span span, struct pando_span gap)
{
    const struct pando_time end = pando_time_add(sim_now(sc->sim), span);
    while (!pando_time_reached(end, sim_now(sc->sim)) && !scene_failed(sc)) {
        append_somewhere(sc);
        const uint64_t left = pando_time_since(end, sim_now(sc->sim)).ns;
        const uint64_t wait = 1 + rng_below(&sc->rng, 2 * gap.ns);
        sim_run_for(sc->sim, (struct pando_span){ wait < left ? wait : left });
    }
}
