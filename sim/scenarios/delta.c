/* delta.c - deltas in good weather: everywhere, soon, and once. */
#include "sim/scenarios/delta.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY   PANDO_MSEC(100)
#define GETS_MAX     20000 /* deltas looked at by id; beyond, every nth */
#define MESH_MAX     8     /* nodes; larger meshes have no more to show */
#define METRICS_MAX  96
#define SETTINGS_MAX 4096
#define OPEN "\"filter\":{\"includeNegated\":true}"
#define PUBLIC "{\"authors\":[\"public\"],\"includeNegated\":true}"

/* ---- the world ---- */

static void put_link(struct delta_scene *d, struct pando_buf *settings, uint32_t to)
{
    const char *filters =
        d->filtered ? ",\"pushFilter\":" PUBLIC ",\"pullFilter\":" PUBLIC : "";
    PANDO_ASSERT(buf_printf(settings,
                            "%s{\"url\":\"ws://n%u:9000/federation\",\"reconnect\":{"
                            "\"maxAttempts\":0,\"initialDelay\":200,\"maxDelay\":2000}%s}",
                            settings->len > 0 ? "," : "", to, filters) == PANDO_OK);
}

/* Between both: a native link, a federation link, or both. */
static void join(struct delta_scene *d, struct pando_buf settings[], uint32_t a, uint32_t b)
{
    const uint64_t sort = rng_below(&d->sc->rng, 3);
    const bool swap = rng_chance(&d->sc->rng, 1, 2);
    const uint32_t from = swap ? b : a, to = swap ? a : b;
    if (d->native && (!d->federated || sort != 0)) {
        sim_connect(d->sc->sim, from, to);
        d->edges++;
    }
    if (d->federated && (!d->native || sort != 1)) {
        put_link(d, &settings[from], to);
        d->edges++;
    }
}

static void join_all(struct delta_scene *d, struct pando_buf settings[])
{
    static const char *const shapes[] = { "ring", "star", "line", "mesh" };
    const uint32_t n = d->sc->nodes;
    const uint64_t shape = rng_below(&d->sc->rng, n <= MESH_MAX ? 4 : 3);
    d->shape = shapes[shape];
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = a + 1; b < n; b++)
            if ((shape == 0 && (b == a + 1 || (a == 0 && b == n - 1 && n > 2))) ||
                (shape == 1 && a == 0) || (shape == 2 && b == a + 1) || shape == 3)
                join(d, settings, a, b);
}

void delta_open(struct delta_scene *d, const struct sim_config *config)
{
    struct pando_buf settings[16];
    char text[SETTINGS_MAX];
    const uint32_t n = d->sc->nodes;
    PANDO_ASSERT(n <= sizeof settings / sizeof settings[0]);
    scene_open(d->sc, config);
    for (uint32_t i = 0; i < n; i++)
        buf_init(&settings[i], SETTINGS_MAX);
    join_all(d, settings);
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "{\"author\":\"public\",\"links\":[%.*s]}",
                       (int)settings[i].len,
                       settings[i].len > 0 ? (const char *)settings[i].ptr : "");
        sim_settings(d->sc->sim, i, text);
        buf_deinit(&settings[i]);
    }
    sim_start_all(d->sc->sim);
}

/* ---- load ---- */

/* Negate one that was acknowledged, by whom and where ever. */
static void negate(struct delta_scene *d, uint32_t node)
{
    char args[160];
    const size_t len = sim_acked_len(d->sc->sim);
    const struct sim_acked *a = sim_acked_at(d->sc->sim, rng_below(&d->sc->rng, len));
    if (a->id[0] == 'p')
        return;
    (void)snprintf(args, sizeof args, "{\"id\":\"%s\",\"absent\":true}", a->id);
    sim_make(d->sc->sim, node, "delta.negate", args);
    d->made++;
}

static void make(struct delta_scene *d, uint32_t node, char sort, uint64_t number)
{
    char args[320], id[40] = "";
    if (sort != ' ')
        (void)snprintf(id, sizeof id, "\"id\":\"%c%llu\",", sort, (unsigned long long)number);
    (void)snprintf(args, sizeof args,
                   "{%s\"author\":\"%s\",\"pointers\":[{\"role\":\"of\",\"target\":{\"id\":"
                   "\"o%llu\",\"context\":\"c%llu\"}},{\"role\":\"n\",\"target\":%llu}]}",
                   id, sort == 'p' ? "private" : "public",
                   (unsigned long long)rng_below(&d->sc->rng, 30),
                   (unsigned long long)rng_below(&d->sc->rng, 4),
                   (unsigned long long)d->made);
    sim_make(d->sc->sim, node, "delta.create", args);
    d->made++;
}

static void make_some(struct delta_scene *d, uint32_t node)
{
    const uint64_t die = rng_below(&d->sc->rng, 20);
    if (die == 0 && sim_acked_len(d->sc->sim) > 0)
        negate(d, node);
    else if (die == 1 && d->filtered && node != d->loner)
        make(d, node, 'p', ++d->named);
    else if (die == 2) {
        const uint64_t number = ++d->named;
        make(d, node, 'c', number);
        make(d, (node + 1) % d->sc->nodes, 'c', number);
    } else if (die < 10)
        make(d, node, ' ', 0);
    else
        make(d, node, 'a', ++d->named);
}

void delta_load(struct delta_scene *d, struct pando_span span, struct pando_span gap)
{
    struct sim *s = d->sc->sim;
    const struct pando_time end = pando_time_add(sim_now(s), span);
    while (!pando_time_reached(end, sim_now(s)) && !scene_failed(d->sc)) {
        const uint32_t node = (uint32_t)rng_below(&d->sc->rng, d->sc->nodes);
        if (sim_is_up(s, node))
            make_some(d, node);
        const uint64_t left = pando_time_since(end, sim_now(s)).ns;
        const uint64_t wait = 1 + rng_below(&d->sc->rng, 2 * gap.ns);
        sim_run_for(s, (struct pando_span){ wait < left ? wait : left });
    }
}

/* ---- claims ---- */

/* What all must hold: the hash of everything, or the deltas that may go everywhere. */
static bool holdings(struct delta_scene *d, uint32_t node, struct pando_buf *ret)
{
    const enum pando_status st =
        d->filtered ? sim_ask(d->sc->sim, node, "delta.export", "{\"filter\":" PUBLIC "}", ret)
                    : sim_ask(d->sc->sim, node, "delta.hash", "{}", ret);
    return st == PANDO_OK;
}

static bool agrees(struct delta_scene *d, char *ret_why, size_t cap)
{
    struct pando_buf first, other;
    uint32_t like = d->sc->nodes;
    bool same = true;
    buf_init(&first, 16u << 20);
    buf_init(&other, 16u << 20);
    for (uint32_t i = 0; i < d->sc->nodes && same; i++) {
        if (!sim_is_up(d->sc->sim, i))
            continue;
        same = holdings(d, i, like == d->sc->nodes ? &first : &other) &&
               (like == d->sc->nodes || slice_equal(buf_view(&first), buf_view(&other)));
        if (!same)
            (void)snprintf(ret_why, cap, "nodes %u and %u differ: %.90s, %.90s", like, i,
                           d->filtered ? "" : (const char *)first.ptr,
                           d->filtered || like == d->sc->nodes ? "" : (const char *)other.ptr);
        like = like == d->sc->nodes ? i : like;
    }
    buf_deinit(&first);
    buf_deinit(&other);
    return same;
}

void delta_claim_agreement(struct delta_scene *d, struct pando_span limit)
{
    char why[260] = "";
    struct sim *s = d->sc->sim;
    const struct pando_time end = pando_time_add(sim_now(s), limit);
    /* A hash has what is staged, too: the last deltas are told of a little later. */
    while (!scene_failed(d->sc) && (sim_appends_open(s) > 0 || !agrees(d, why, sizeof why) ||
                                    delta_count(d, "on_the_way") > 0)) {
        if (pando_time_reached(end, sim_now(s))) {
            scene_fail(d->sc, "liveness: no agreement within %.0f s (%s): %s; %zu calls unanswered",
                       (double)limit.ns / 1e9, d->shape, why, sim_appends_open(s));
            return;
        }
        sim_run_for(s, LOOK_EVERY);
    }
}

static void claim_has(struct delta_scene *d, uint32_t node, const struct sim_acked *a)
{
    struct pando_buf b;
    char args[96];
    buf_init(&b, 1u << 20);
    (void)snprintf(args, sizeof args, "{\"id\":\"%s\"}", a->id);
    const enum pando_status st = sim_ask(d->sc->sim, node, "delta.get", args, &b);
    const bool may = a->id[0] != 'p' || a->author == node;
    if (may && st != PANDO_OK)
        scene_fail(d->sc, "safety: delta %s, acknowledged by node %u at %.3f s, is not on node "
                          "%u: %s", a->id, a->author, (double)a->acked.ns / 1e9, node,
                   pando_status_text(st));
    else if (!may && st != PANDO_NOT_FOUND)
        scene_fail(d->sc, "safety: private delta %s of node %u came to node %u: %s", a->id,
                   a->author, node, pando_status_text(st));
    buf_deinit(&b);
}

void delta_claim_nothing_lost(struct delta_scene *d)
{
    struct sim *s = d->sc->sim;
    const size_t stride = sim_acked_len(s) * d->sc->nodes / GETS_MAX + 1;
    for (uint32_t i = 0; i < d->sc->nodes; i++)
        for (size_t k = 0; k < sim_acked_len(s) && !scene_failed(d->sc); k += stride)
            if (sim_is_up(s, i))
                claim_has(d, i, sim_acked_at(s, k));
}

uint64_t delta_count(struct delta_scene *d, const char *name)
{
    struct space_metric rows[METRICS_MAX];
    double sum = 0;
    for (uint32_t i = 0; i < d->sc->nodes; i++) {
        const void *instance =
            sim_is_up(d->sc->sim, i) ? node_space_instance(sim_node(d->sc->sim, i), 0) : NULL;
        const size_t len =
            instance == NULL ? 0 : sim_kind(d->sc->sim)->metrics(instance, rows, METRICS_MAX);
        for (size_t k = 0; k < len; k++)
            sum += strcmp(rows[k].name, name) == 0 ? rows[k].value : 0;
    }
    return (uint64_t)sum;
}

static uint64_t sent(struct delta_scene *d)
{
    return delta_count(d, "nodes_sent_total") + delta_count(d, "fed_sent_total");
}

void delta_claim_rest(struct delta_scene *d)
{
    if (scene_failed(d->sc))
        return;
    sim_run_for(d->sc->sim, PANDO_SEC(30)); /* links that nobody answers are found dead */
    const uint64_t before = sent(d);
    sim_run_for(d->sc->sim, PANDO_SEC(10));
    if (sent(d) != before)
        scene_fail(d->sc, "speed: all hold the same, and %llu more deltas were sent",
                   (unsigned long long)(sent(d) - before));
}

/* ---- good weather ---- */

static void watch_all(struct scene *sc)
{
    for (uint32_t i = 0; i < sc->nodes; i++)
        sim_watch(sc->sim, i, "delta.watch", "{" OPEN "}");
}

/* Every delta crosses an edge at most once in each direction, and that rarely. */
static void claim_few_messages(struct delta_scene *d)
{
    const uint64_t held = delta_count(d, "deltas") / d->sc->nodes;
    const uint64_t most = held * (d->federated ? 2 * d->edges : 2 * (d->sc->nodes - 1)) + 200;
    if (!scene_failed(d->sc) && sent(d) > most)
        scene_fail(d->sc, "speed: %llu times a delta was sent, %llu were held (%s), claimed %llu",
                   (unsigned long long)sent(d), (unsigned long long)held, d->shape,
                   (unsigned long long)most);
}

static void calm(struct scene *sc, bool native)
{
    struct sim_config config = scene_config(sc);
    struct delta_scene d = { .sc = sc, .native = native, .federated = !native, .loner = UINT32_MAX };
    config.kind = "delta";
    delta_open(&d, &config);
    sim_run_for(sc->sim, PANDO_SEC(2)); /* all have met */
    watch_all(sc);
    delta_load(&d, PANDO_SEC(sc->seconds), PANDO_MSEC(4));
    delta_claim_agreement(&d, PANDO_SEC(10));
    delta_claim_nothing_lost(&d);
    claim_innocence(sc);
    /* Per hop a latency of 5 to 7 ms and a commit of 2 ms; a line of n has n - 1 hops. */
    claim_speed(sc, sc->nodes, PANDO_MSEC(20 + 20 * sc->nodes));
    delta_claim_rest(&d);
    claim_few_messages(&d);
    const size_t len = strlen(sc->figures);
    if (!scene_failed(sc))
        (void)snprintf(sc->figures + len, sizeof sc->figures - len,
                       "; %s, %llu sent, %.2f per delta and node", d.shape,
                       (unsigned long long)sent(&d),
                       (double)sent(&d) * d.sc->nodes /
                           ((double)delta_count(&d, "deltas") * (sc->nodes - 1) + 1));
}

void scenario_deltas(struct scene *sc)
{
    calm(sc, true);
}

void scenario_federation(struct scene *sc)
{
    calm(sc, false);
}
