/* chat.c - a log of whole nodes: what was acknowledged stays, under its number, everywhere.
 *
 * Safety: all nodes show the same messages under the same numbers without a gap; every
 * acknowledged message is there once, under the number that was told; none appears twice;
 * what was acknowledged before another was said has the lower number. Liveness: a leader
 * within 3 s of calm, everything equal within 30 s. Speed: half of what is said in good
 * weather is acknowledged within a few latencies and commits.
 */
#include "sim/scene.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEADER_WITHIN PANDO_SEC(3)
#define EQUAL_WITHIN  PANDO_SEC(30)
#define ANSWER_MAX    (16u << 20)
#define PAGE          1000
#define PAGES_MAX     64

/* One answer to log.read, and what it showed. */
struct page {
    struct bytes *text;
    size_t at, len; /* in `said` */
};

/* What a node shows: said[seq - first] is the number of the text, "m<number>". What is older
 * than the kept entries is not shown. */
struct transcript {
    uint64_t first;
    uint64_t *said;
    size_t len, cap;
    struct page pages[PAGES_MAX]; /* the first ones */
    size_t pages_len;
};

static void forget(struct transcript *t)
{
    while (t->pages_len > 0)
        bytes_unref(t->pages[--t->pages_len].text);
    free(t->said);
}

static json_t *ask(struct scene *sc, uint32_t node, const char *verb, const char *args)
{
    struct pando_buf b;
    json_t *answer = NULL;
    buf_init(&b, ANSWER_MAX);
    if (sim_ask(sc->sim, node, verb, args, &b) == PANDO_OK)
        answer = json_loadb((const char *)b.ptr, b.len, 0, NULL);
    buf_deinit(&b);
    return answer;
}

static void put(struct transcript *t, uint64_t said)
{
    if (t->len == t->cap) {
        t->cap = t->cap == 0 ? 1024 : t->cap * 2;
        t->said = realloc(t->said, t->cap * sizeof *t->said);
        PANDO_ASSERT(t->said != NULL);
    }
    t->said[t->len++] = said;
}

static bool add(struct scene *sc, struct transcript *t, const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "text"));
    const uint64_t seq = (uint64_t)json_integer_value(json_object_get(message, "seq"));
    if (t->len == 0)
        t->first = seq;
    if (text == NULL || text[0] != 'm' || seq != t->first + t->len) {
        scene_fail(sc, "safety: number %llu is missing or out of order",
                   (unsigned long long)(t->first + t->len));
        return false;
    }
    put(t, strtoull(text + 1, NULL, 10));
    return true;
}

/* Where `known` got the very same answer at the same place, it shows the same messages. */
static bool is_known(struct transcript *t, const struct transcript *known, size_t page,
                     struct pando_slice text)
{
    const struct page *p = &known->pages[page];
    if (page >= known->pages_len || p->at != t->len || (page > 0 && t->first != known->first) ||
        !slice_equal(bytes_view(p->text), text))
        return false;
    t->first = known->first;
    for (size_t i = 0; i < p->len; i++)
        put(t, known->said[p->at + i]);
    return true;
}

static void show(struct scene *sc, uint32_t node, struct transcript *t, struct pando_slice text)
{
    size_t i;
    json_t *one, *page = json_loadb((const char *)text.ptr, text.len, 0, NULL);
    if (page == NULL)
        scene_fail(sc, "node %u does not let its room be read", node);
    json_array_foreach(json_object_get(page, "messages"), i, one)
        if (!add(sc, t, one))
            break;
    json_decref(page);
}

/* All that the node shows. Only what differs from `known` is parsed. */
static void read_all(struct scene *sc, uint32_t node, const struct transcript *known,
                     struct transcript *t)
{
    char args[64];
    struct pando_buf b;
    buf_init(&b, ANSWER_MAX);
    for (bool more = true; more && !scene_failed(sc);) {
        const size_t had = t->len;
        (void)snprintf(args, sizeof args, "{\"from\":%llu,\"limit\":%d}",
                       (unsigned long long)(t->len == 0 ? 1 : t->first + t->len), PAGE);
        if (sim_ask(sc->sim, node, "log.read", args, &b) != PANDO_OK)
            scene_fail(sc, "node %u does not let its room be read", node);
        else if (!is_known(t, known, t->pages_len, buf_view(&b)))
            show(sc, node, t, buf_view(&b));
        more = t->len > had;
        if (t->pages_len < PAGES_MAX)
            t->pages[t->pages_len++] =
                (struct page){ bytes_copy(buf_view(&b)), had, t->len - had };
    }
    buf_deinit(&b);
}

static void claim_once_each(struct scene *sc, const struct transcript *t)
{
    uint8_t *seen = calloc(sim_said_len(sc->sim) + 1, 1);
    PANDO_ASSERT(seen != NULL);
    for (size_t i = 0; i < t->len; i++) {
        if (t->said[i] == 0 || t->said[i] > sim_said_len(sc->sim))
            scene_fail(sc, "safety: what number %llu shows was never said",
                       (unsigned long long)(t->first + i));
        else if (seen[t->said[i]]++ != 0)
            scene_fail(sc, "safety: m%llu has two numbers", (unsigned long long)t->said[i]);
    }
    free(seen);
}

/* Told numbers hold, and time is respected: a sweep over what was said, in order. */
static void claim_acknowledged(struct scene *sc, const struct transcript *t)
{
    for (size_t k = 0; k < sim_said_len(sc->sim); k++) {
        const struct sim_said *s = sim_said_at(sc->sim, k);
        if (!s->taken)
            continue;
        const uint64_t at = s->seq - t->first;
        if (s->seq >= t->first && (at >= t->len || t->said[at] != k + 1))
            scene_fail(sc, "safety: m%zu was acknowledged as number %llu, where m%llu stands",
                       k + 1, (unsigned long long)s->seq,
                       (unsigned long long)(at >= t->len ? 0 : t->said[at]));
        for (size_t j = k + 1; j < sim_said_len(sc->sim) && j < k + 200; j++) {
            const struct sim_said *later = sim_said_at(sc->sim, j);
            if (later->taken && later->asked.ns > s->acked.ns && later->seq < s->seq)
                scene_fail(sc, "safety: m%zu was said after m%zu was acknowledged, and has the "
                               "lower number", j + 1, k + 1);
        }
    }
}

static bool everybody_follows(struct sim *s, void *ctx)
{
    struct scene *sc = ctx;
    uint64_t leader = 0;
    (void)s;
    for (uint32_t i = 0; i < sc->nodes; i++) {
        json_t *status = sim_is_up(sc->sim, i) ? ask(sc, i, "log.status", "{}") : NULL;
        const uint64_t says = (uint64_t)json_integer_value(json_object_get(status, "leader"));
        const bool joining = strcmp(json_string_value(json_object_get(status, "role")) == NULL
                                        ? "" : json_string_value(json_object_get(status, "role")),
                                    "JOINING") == 0;
        json_decref(status);
        if (joining)
            return false; /* every node in time becomes a member */
        if (status == NULL)
            continue;
        if (says == 0 || (leader != 0 && says != leader))
            return false;
        leader = says;
    }
    return leader != 0;
}

static bool is_settled(struct sim *s, void *ctx)
{
    struct scene *sc = ctx;
    uint64_t messages = UINT64_MAX;
    if (sim_appends_open(s) > 0)
        return false;
    for (uint32_t i = 0; i < sc->nodes; i++) {
        json_t *status = sim_is_up(s, i) ? ask(sc, i, "log.status", "{}") : NULL;
        if (status == NULL)
            continue;
        const uint64_t here = (uint64_t)json_integer_value(json_object_get(status, "messages"));
        const bool same = (messages == UINT64_MAX || here == messages) &&
                          json_integer_value(json_object_get(status, "commit")) ==
                              json_integer_value(json_object_get(status, "last_index")) &&
                          json_integer_value(json_object_get(status, "leader")) != 0;
        json_decref(status);
        if (!same)
            return false;
        messages = here;
    }
    return true;
}

/* Both end with the same message, and agree as far back as both go. */
static bool is_same(const struct transcript *a, const struct transcript *b)
{
    if (a->len == 0 || b->len == 0)
        return a->len == b->len;
    const uint64_t from = a->first > b->first ? a->first : b->first;
    const uint64_t end = a->first + a->len;
    return b->first + b->len == end && from < end &&
           memcmp(a->said + (from - a->first), b->said + (from - b->first),
                  (size_t)(end - from) * sizeof *a->said) == 0;
}

static void claim_chat(struct scene *sc)
{
    struct transcript first = { 0 };
    if (!sim_run_until(sc->sim, everybody_follows, sc, PANDO_MSEC(50), LEADER_WITHIN))
        scene_fail(sc, "liveness: no leader is known to all within %.0f s",
                   (double)LEADER_WITHIN.ns / 1e9);
    if (!scene_failed(sc) &&
        !sim_run_until(sc->sim, is_settled, sc, PANDO_MSEC(200), EQUAL_WITHIN))
        scene_fail(sc, "liveness: not all equal within %.0f s", (double)EQUAL_WITHIN.ns / 1e9);
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++) {
        struct transcript t = { 0 };
        if (!sim_is_up(sc->sim, i))
            continue;
        read_all(sc, i, &first, &t);
        if (first.said == NULL) {
            forget(&first);
            first = t;
            continue;
        }
        if (!scene_failed(sc) && !is_same(&t, &first))
            scene_fail(sc, "safety: node %u shows another transcript", i);
        forget(&t);
    }
    if (!scene_failed(sc))
        claim_once_each(sc, &first);
    if (!scene_failed(sc))
        claim_acknowledged(sc, &first);
    forget(&first);
    if (!scene_failed(sc))
        claim_innocence(sc);
}

static void speak(struct scene *sc, struct pando_span span, struct pando_span gap)
{
    const struct pando_time end = pando_time_add(sim_now(sc->sim), span);
    while (!pando_time_reached(end, sim_now(sc->sim)) && !scene_failed(sc)) {
        sim_say(sc->sim, (uint32_t)rng_below(&sc->rng, sc->nodes));
        sim_run_for(sc->sim, (struct pando_span){ 1 + rng_below(&sc->rng, 2 * gap.ns) });
    }
}

/* A linear read, where it is answered at all, shows what was acknowledged before it. */
static bool claim_linear(struct scene *sc, uint32_t node)
{
    uint64_t most = 0;
    if (!sim_is_up(sc->sim, node))
        return false;
    for (size_t k = 0; k < sim_said_len(sc->sim); k++) {
        const struct sim_said *s = sim_said_at(sc->sim, k);
        most = s->taken && s->seq > most ? s->seq : most;
    }
    json_t *page = ask(sc, node, "log.read", "{\"linear\":true,\"limit\":1}");
    const uint64_t last = (uint64_t)json_integer_value(json_object_get(page, "last"));
    if (page != NULL && last < most)
        scene_fail(sc, "safety: node %u reads up to number %llu, %llu was acknowledged before", node,
                   (unsigned long long)last, (unsigned long long)most);
    const bool answered = page != NULL;
    json_decref(page);
    return answered;
}

static size_t taken(struct scene *sc, uint64_t *ret_median_ns)
{
    size_t n = 0, within = 0;
    for (size_t k = 0; k < sim_said_len(sc->sim); k++)
        n += sim_said_at(sc->sim, k)->taken;
    /* The median by bisection over microseconds: no memory, no floats. */
    uint64_t low = 0, high = UINT64_C(60000000);
    while (low < high) {
        const uint64_t mid = low + (high - low) / 2;
        within = 0;
        for (size_t k = 0; k < sim_said_len(sc->sim); k++) {
            const struct sim_said *s = sim_said_at(sc->sim, k);
            within += s->taken && pando_time_since(s->acked, s->asked).ns <= mid * 1000;
        }
        if (within * 2 >= n)
            high = mid;
        else
            low = mid + 1;
    }
    *ret_median_ns = low * 1000;
    return n;
}

/* Of all nodes that are up, in this life. */
static uint64_t counted(struct scene *sc, const char *name)
{
    struct space_metric rows[64];
    double sum = 0;
    for (uint32_t i = 0; i < sc->nodes; i++) {
        const void *instance =
            sim_is_up(sc->sim, i) ? node_space_instance(sim_node(sc->sim, i), 0) : NULL;
        const size_t len =
            instance == NULL ? 0 : sim_kind(sc->sim)->metrics(instance, rows, 64);
        for (size_t k = 0; k < len; k++)
            sum += strcmp(rows[k].name, name) == 0 ? rows[k].value : 0;
    }
    return (uint64_t)sum;
}

static void open_chat(struct scene *sc, struct sim_config *config)
{
    config->voters = sc->nodes > 5 ? 5 : sc->nodes;
    scene_open(sc, config);
    scene_mesh(sc);
    sim_start_all(sc->sim);
}

static uint32_t leader_of(struct scene *sc)
{
    for (uint32_t i = 0; i < sc->nodes; i++) {
        json_t *status = sim_is_up(sc->sim, i) ? ask(sc, i, "log.status", "{}") : NULL;
        const json_t *role = json_object_get(status, "role");
        const bool leads = json_is_string(role) && strcmp(json_string_value(role), "LEADER") == 0;
        json_decref(status);
        if (leads)
            return i;
    }
    return UINT32_MAX;
}

/* The highest number leads a fresh static cluster; it is killed twice; nothing is missed. */
void scenario_chat(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    uint64_t median = 0;
    open_chat(sc, &config);
    if (!sim_run_until(sc->sim, everybody_follows, sc, PANDO_MSEC(50), PANDO_SEC(5)))
        scene_fail(sc, "liveness: no leader at the start");
    sim_run_for(sc->sim, PANDO_SEC(1));
    if (!scene_failed(sc) && leader_of(sc) + 1 != config.voters)
        scene_fail(sc, "liveness: node %u leads, not the highest voter", leader_of(sc));
    speak(sc, PANDO_SEC(sc->seconds), PANDO_MSEC(20));
    sim_run_for(sc->sim, PANDO_MSEC(100));
    const size_t calm = taken(sc, &median);
    if (!scene_failed(sc) && (calm != sim_said_len(sc->sim) || median > 60000000))
        scene_fail(sc, "speed: %zu of %zu were acknowledged, half of them within %.1f ms", calm,
                   sim_said_len(sc->sim), (double)median / 1e6);
    for (uint32_t i = 0; i < sc->nodes && !scene_failed(sc); i++)
        if (!claim_linear(sc, i))
            scene_fail(sc, "liveness: node %u does not answer a linear read", i);
    for (int round = 0; round < 2 && !scene_failed(sc); round++) {
        const uint32_t leader = leader_of(sc);
        if (leader == UINT32_MAX) {
            scene_fail(sc, "liveness: nobody leads");
            break;
        }
        sim_crash(sc->sim, leader);
        speak(sc, PANDO_SEC(3), PANDO_MSEC(30));
        (void)sim_start(sc->sim, leader);
        speak(sc, PANDO_SEC(2), PANDO_MSEC(30));
    }
    claim_chat(sc);
    (void)snprintf(sc->figures, sizeof sc->figures,
                   "%zu of %zu acknowledged, half within %.1f ms in good weather",
                   taken(sc, &median), sim_said_len(sc->sim), (double)median / 1e6);
}

void scenario_chat_storm(struct scene *sc)
{
    struct sim_config config = scene_config(sc);
    uint64_t median;
    uint32_t faults = 0;
    config.disk_latency = PANDO_MSEC(1 + rng_below(&sc->rng, 20));
    config.keep_bytes = rng_chance(&sc->rng, 1, 2) ? 4096 + rng_below(&sc->rng, 8192) : 0;
    open_chat(sc, &config);
    speak(sc, PANDO_SEC(2), PANDO_MSEC(50));
    const struct pando_time end = pando_time_add(sim_now(sc->sim), PANDO_SEC(sc->seconds));
    while (!pando_time_reached(end, sim_now(sc->sim)) && !scene_failed(sc)) {
        scene_fault(sc);
        faults++;
        speak(sc, PANDO_MSEC(50 + rng_below(&sc->rng, 3000)), PANDO_MSEC(60));
        if (rng_chance(&sc->rng, 1, 3))
            (void)claim_linear(sc, (uint32_t)rng_below(&sc->rng, sc->nodes));
    }
    scene_calm(sc, &config.weather);
    sim_run_for(sc->sim, config.idle); /* links over cut paths are gone, dials come round */
    claim_chat(sc);
    (void)snprintf(sc->figures, sizeof sc->figures,
                   "%u faults, %zu of %zu acknowledged, %llu snapshots, %llu installed", faults,
                   taken(sc, &median), sim_said_len(sc->sim),
                   (unsigned long long)counted(sc, "snapshots_total"),
                   (unsigned long long)counted(sc, "installed_total"));
}
