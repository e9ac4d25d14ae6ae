/* check.c - what is claimed of a world, looked at through the verbs that people use. */
#include "sim/scene.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/dag/dag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_MAX 96
#define SHOWS_MAX 20000 /* events looked at by id; beyond, every nth */
#define WRITING_MAX 20 /* looks at an event that is being written */
#define LOOK_EVERY PANDO_MSEC(100)

uint64_t scene_stat(struct scene *sc, uint32_t node, const char *name)
{
    struct pando_buf b;
    char key[64];
    uint64_t value = UINT64_MAX;
    buf_init(&b, 1u << 20);
    const enum pando_status st = sim_ask(sc->sim, node, "dag.stats", "{}", &b);
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = st == PANDO_OK ? strstr((const char *)b.ptr, key) : NULL;
    if (at == NULL)
        scene_fail(sc, "node %u does not answer dag.stats: %s", node, pando_status_text(st));
    else
        value = strtoull(at + strlen(key), NULL, 10);
    buf_deinit(&b);
    return value;
}

/* What a node holds: its heads and vector. Equal heads mean equal ancestries. */
static bool holdings(struct scene *sc, uint32_t node, struct pando_buf *ret)
{
    struct pando_buf vector;
    buf_init(&vector, 8u << 20);
    enum pando_status st = sim_ask(sc->sim, node, "dag.heads", "{}", ret);
    if (st == PANDO_OK)
        st = sim_ask(sc->sim, node, "dag.vector", "{}", &vector);
    if (st == PANDO_OK)
        st = buf_append(ret, buf_view(&vector));
    buf_deinit(&vector);
    if (st != PANDO_OK)
        scene_fail(sc, "node %u does not answer: %s", node, pando_status_text(st));
    return st == PANDO_OK;
}

/* The cheap look first: the same number of events everywhere, and none that waits. */
static bool counts_agree(struct scene *sc, uint32_t *ret_first, char *ret_why, size_t cap)
{
    uint64_t total = 0;
    *ret_first = UINT32_MAX;
    for (uint32_t i = 0; i < sc->nodes; i++) {
        if (!sim_is_up(sc->sim, i))
            continue;
        const uint64_t events = scene_stat(sc, i, "total_events");
        if (*ret_first == UINT32_MAX) {
            *ret_first = i;
            total = events;
        }
        if (events != total) {
            (void)snprintf(ret_why, cap, "node %u holds %llu events, node %u %llu", *ret_first,
                           (unsigned long long)total, i, (unsigned long long)events);
            return false;
        }
        if (scene_stat(sc, i, "orphans") != 0) {
            (void)snprintf(ret_why, cap, "node %u has orphans", i);
            return false;
        }
    }
    return *ret_first != UINT32_MAX;
}

bool scene_agrees(struct scene *sc, char *ret_why, size_t cap)
{
    struct pando_buf first, other;
    uint32_t like;
    if (!counts_agree(sc, &like, ret_why, cap))
        return false;
    buf_init(&first, 16u << 20);
    buf_init(&other, 16u << 20);
    bool same = holdings(sc, like, &first);
    for (uint32_t i = like + 1; i < sc->nodes && same; i++) {
        if (!sim_is_up(sc->sim, i))
            continue;
        same = holdings(sc, i, &other) && slice_equal(buf_view(&first), buf_view(&other));
        if (!same)
            (void)snprintf(ret_why, cap, "nodes %u and %u hold as many events, but others", like,
                           i);
    }
    buf_deinit(&first);
    buf_deinit(&other);
    return same;
}

void claim_agreement(struct scene *sc, struct pando_span limit)
{
    char why[160] = "";
    const struct pando_time end = pando_time_add(sim_now(sc->sim), limit);
    while (!scene_failed(sc) &&
           (sim_appends_open(sc->sim) > 0 || !scene_agrees(sc, why, sizeof why))) {
        if (pando_time_reached(end, sim_now(sc->sim))) {
            scene_fail(sc, "liveness: no agreement within %.0f s: %s; %zu appends unanswered",
                       (double)limit.ns / 1e9, why, sim_appends_open(sc->sim));
            return;
        }
        sim_run_for(sc->sim, LOOK_EVERY);
    }
}

static void claim_node_has_all(struct scene *sc, uint32_t node, size_t stride)
{
    struct pando_buf b;
    char args[96];
    buf_init(&b, 1u << 20);
    for (size_t k = 0; k < sim_acked_len(sc->sim) && !scene_failed(sc); k += stride) {
        const struct sim_acked *a = sim_acked_at(sc->sim, k);
        (void)snprintf(args, sizeof args, "{\"id\":\"%s\"}", a->id);
        enum pando_status st = sim_ask(sc->sim, node, "dag.show", args, &b);
        for (int again = 0; st == PANDO_BUSY && again < WRITING_MAX; again++) {
            sim_run_for(sc->sim, LOOK_EVERY); /* it is being written */
            st = sim_ask(sc->sim, node, "dag.show", args, &b);
        }
        if (st != PANDO_OK)
            scene_fail(sc, "safety: event %s, acknowledged by node %u at %.3f s, is not on "
                           "node %u: %s", a->id, a->author, (double)a->acked.ns / 1e9, node,
                       pando_status_text(st));
    }
    buf_deinit(&b);
}

void claim_nothing_lost(struct scene *sc)
{
    const size_t shows = sim_acked_len(sc->sim) * sc->nodes;
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++)
        if (sim_is_up(sc->sim, i))
            claim_node_has_all(sc, i, shows / SHOWS_MAX + 1);
}

/* Rows that only a dishonest or broken peer can raise; others count bad weather. */
static bool is_blame(const char *name)
{
    static const char *const names[] = {
        "refused_malformed_total", "refused_unsupported_total", "refused_space_total",
        "refused_forged_total",    "refused_body_total",        "refused_sequence_total",
        "messages_refused_total",  "equivocations_total",       "faults_total",
        "malformed_total",         "nodes_forged_total",   "nodes_malformed_total",
        "nodes_unadmitted_total",  "fed_rejected_total",   "fed_refused_total",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void claim_engine_innocent(struct scene *sc, uint32_t node)
{
    struct space_metric rows[METRICS_MAX];
    const void *instance = node_space_instance(sim_node(sc->sim, node), 0);
    const size_t len = instance == NULL ? 0 : sim_kind(sc->sim)->metrics(instance, rows, METRICS_MAX);
    for (size_t k = 0; k < len; k++) {
        if (is_blame(rows[k].name) && rows[k].value > 0)
            scene_fail(sc, "safety: node %u counts %.0f of %s among honest nodes", node,
                       rows[k].value, rows[k].name);
    }
    if (len == 0)
        scene_fail(sc, "node %u has no space", node);
}

void claim_innocence(struct scene *sc)
{
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++) {
        if (!sim_is_up(sc->sim, i))
            continue;
        claim_engine_innocent(sc, i);
        const struct node_view v = node_look(sim_node(sc->sim, i));
        if (v.faults > 0)
            scene_fail(sc, "safety: node %u found %llu faults with honest peers", i,
                       (unsigned long long)v.faults);
    }
    if (net_count(sim_net(sc->sim)).crossings > 0)
        scene_fail(sc, "safety: bytes crossed a cut");
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void claim_speed(struct scene *sc, uint32_t nodes, struct pando_span limit)
{
    const size_t len = sim_acked_len(sc->sim);
    uint64_t *spans = calloc(len + 1, sizeof *spans);
    size_t complete = 0;
    PANDO_ASSERT(spans != NULL);
    if (len == 0)
        scene_fail(sc, "speed: nothing was acknowledged");
    for (size_t k = 0; k < len; k++) {
        const struct sim_acked *a = sim_acked_at(sc->sim, k);
        if (a->told >= nodes)
            spans[complete++] = pando_time_since(a->last, a->asked).ns;
    }
    qsort(spans, complete, sizeof *spans, by_size);
    const size_t p99 = complete == 0 ? 0 : (complete * 99 + 99) / 100 - 1;
    if (complete < len)
        scene_fail(sc, "speed: %zu of %zu events were not told of by all %u nodes",
                   len - complete, len, nodes);
    else if (spans[p99] > limit.ns)
        scene_fail(sc, "speed: p50 %.1f ms, p99 %.1f ms, claimed %.1f ms",
                   (double)spans[complete / 2] / 1e6, (double)spans[p99] / 1e6,
                   (double)limit.ns / 1e6);
    (void)snprintf(sc->figures, sizeof sc->figures,
                   "%zu events on %u nodes: p50 %.1f ms, p99 %.1f ms, max %.1f ms", len, nodes,
                   complete == 0 ? 0 : (double)spans[complete / 2] / 1e6,
                   complete == 0 ? 0 : (double)spans[p99] / 1e6,
                   complete == 0 ? 0 : (double)spans[complete - 1] / 1e6);
    free(spans);
}

void claim_all(struct scene *sc, struct pando_span limit)
{
    claim_agreement(sc, limit);
    claim_nothing_lost(sc);
    claim_innocence(sc);
}
