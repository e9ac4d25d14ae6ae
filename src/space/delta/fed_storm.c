/* Histories of the world: a calm one, and storms that are drawn from a seed. */
#include "space/delta/fed_sim.h"

#include <stddef.h>

#define RETRY "\"reconnect\":{\"maxAttempts\":0,\"initialDelay\":50,\"maxDelay\":1000}"
#define TRUST_01 "\"trustPolicy\":{\"trustedAuthors\":[\"a0\",\"a1\"]}"

/* The first is plain; what changes a link's initial sync is not mixed with what has another. */
static const char *const configs[] = {
    "{" RETRY "}",
    "{\"mode\":\"push\"," RETRY "}",
    "{\"mode\":\"pull\"," RETRY "}",
    "{\"pushFilter\":{\"contexts\":[\"public\"]}," RETRY "}",
    "{\"pullFilter\":{\"contexts\":[\"public\"]}," RETRY "}",
    "{\"pushFilter\":{\"authors\":[\"a0\"]},\"pullFilter\":{\"systems\":[\"s0\",\"s1\"]}," RETRY "}",
    "{" TRUST_01 "," RETRY "}",
    "{\"initialSync\":\"from_timestamp\",\"syncFromTimestamp\":1790000005000," RETRY "}",
};
#define CONFIGS (sizeof configs / sizeof configs[0])
static const char only_new[] = "{\"initialSync\":\"none\"," RETRY "}";
static const char narrow_node[] = "{\"trustedAuthors\":[\"a1\",\"a2\"]}";

enum shape { RING, STAR, LINE, MESH, SHAPES };

static void shape_edges(struct sim *s, enum shape shape, bool mixed)
{
    const uint32_t n = s->nodes_len;
    for (uint32_t a = 0; a < n; a++) {
        for (uint32_t b = 0; b < n; b++) {
            const bool there = shape == RING   ? b == (a + 1) % n && (n > 2 || a == 0)
                               : shape == STAR ? b == 0 && a > 0
                               : shape == LINE ? b == a + 1
                                               : a < b && n <= 8;
            if (!there || s->edges_len == SIM_EDGES_MAX)
                continue;
            const char *config = configs[0];
            if (mixed && rng_chance(&s->rng, 1, 2))
                config = rng_chance(&s->rng, 1, 8) ? only_new
                                                   : configs[rng_below(&s->rng, CONFIGS)];
            const bool swap = rng_chance(&s->rng, 1, 2);
            (void)sim_edge(s, swap ? b : a, swap ? a : b, config);
        }
    }
}

/* A pipe is cut while deltas are in it, or while their acknowledgements are. */
static void cut_while_sending(struct sim *s, uint32_t edge)
{
    for (int i = 0; i < 4; i++)
        sim_create(s, s->edges[edge].client, 0);
    sim_run_for(s, PANDO_MSEC(rng_below(&s->rng, 30)));
    sim_cut(s, edge);
}

/* The maker crashes when others hold, durably, what he does not yet. */
static void crash_after_saying(struct sim *s, uint32_t node)
{
    for (int i = 0; i < 3; i++)
        sim_create(s, node, 0);
    for (int i = 0; i < 40 && s->nodes[node].committing; i++) {
        if (sim_ahead_of_disk(s, node) > 0) {
            sim_crash(s, node);
            return;
        }
        sim_run_for(s, PANDO_USEC(200));
    }
}

static void disturb(struct sim *s, bool mixed)
{
    const uint32_t node = (uint32_t)rng_below(&s->rng, s->nodes_len);
    const uint32_t edge = (uint32_t)rng_below(&s->rng, s->edges_len);
    const unsigned side = (unsigned)rng_below(&s->rng, 2);
    const uint64_t die = rng_below(&s->rng, 100);
    if (die < 8)
        sim_cut(s, edge);
    else if (die < 10)
        sim_crash(s, node);
    else if (die < 12)
        crash_after_saying(s, node);
    else if (die < 18)
        sim_restart(s, node);
    else if (die < 24)
        sim_pause(s, edge, side, true);
    else if (die < 30)
        sim_pause(s, edge, side, false);
    else if (die < 33 && mixed && s->edges[edge].config != only_new)
        sim_configure(s, edge, configs[rng_below(&s->rng, CONFIGS)]);
    else if (die < 36)
        s->nodes[node].unreachable = !s->nodes[node].unreachable;
    else if (die < 37) /* a burst, more than a pipe takes at once */
        for (int i = 0; i < 55; i++)
            sim_create(s, node, 3500);
    else if (die < 42)
        cut_while_sending(s, edge);
    else
        sim_create(s, node, 0);
}

/* No faults any more: everybody is up, reachable, and reads. */
static void heal(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes_len; i++) {
        s->nodes[i].unreachable = false;
        sim_restart(s, i);
    }
    for (uint32_t i = 0; i < s->edges_len; i++) {
        sim_pause(s, i, 0, false);
        sim_pause(s, i, 1, false);
    }
}

static uint64_t sent(const struct sim *s)
{
    return s->tally.deltas + s->tally.batched;
}

/* Every pipe, and every new configuration, may carry every delta twice each way: in a sync, and
 * as it came. */
static uint64_t sent_at_most(const struct sim *s)
{
    uint64_t deltas = 0, ways = 0;
    for (uint32_t i = 0; i < s->nodes_len; i++)
        deltas += s->nodes[i].created;
    for (uint32_t i = 0; i < s->edges_len; i++)
        ways += s->edges[i].opened;
    return deltas * ways * 4;
}

static const char *end(struct sim *s, struct sim_tally *sums, const char *what)
{
    if (s->violation != NULL)
        what = s->violation;
    if (sums != NULL) {
        const uint64_t *from = (const uint64_t *)(const void *)&s->tally;
        uint64_t *to = (uint64_t *)(void *)sums;
        for (size_t i = 0; i < sizeof *sums / sizeof *to; i++)
            to[i] += from[i];
    }
    sim_free(s);
    return what;
}

static const char *settle(struct sim *s)
{
    heal(s);
    for (int i = 0; i < 240 && s->violation == NULL && !sim_closed(s); i++)
        sim_run_for(s, PANDO_SEC(1));
    if (s->violation == NULL && !sim_closed(s))
        return "liveness: a delta did not get where it must";
    sim_run_for(s, PANDO_SEC(10)); /* what is on its way already may come twice */
    const uint64_t before = sent(s);
    sim_run_for(s, PANDO_SEC(100));
    sim_check_acks(s);
    sim_check_trust(s);
    if (sent(s) != before)
        return "deltas go round when all is said";
    if (sent(s) > sent_at_most(s))
        return "deltas went more often than their links need";
    return s->violation == NULL && !sim_closed(s) ? "what was closed came open" : NULL;
}

const char *fed_storm(uint64_t seed, struct sim_tally *sums)
{
    struct rng rng = rng_seeded(seed * 7919);
    const bool mixed = rng_chance(&rng, 2, 3);
    const enum shape shape = (enum shape)rng_below(&rng, SHAPES);
    const uint32_t nodes = (uint32_t)(rng_chance(&rng, 1, 10) ? 16 : 2 + rng_below(&rng, 5));
    const char *trusts[SIM_NODES_MAX] = { NULL };
    for (uint32_t i = 0; i < nodes; i++)
        trusts[i] = mixed && rng_chance(&rng, 1, 6) ? narrow_node : NULL;
    struct sim *s = sim_new(seed, nodes, trusts);
    for (int i = 0; i < 20; i++) /* some have a past */
        sim_create(s, (uint32_t)rng_below(&rng, nodes), 0);
    shape_edges(s, shape == MESH && nodes > 8 ? RING : shape, mixed);
    for (int i = 0; i < 250 && s->violation == NULL; i++) {
        disturb(s, mixed);
        sim_run_for(s, PANDO_MSEC(rng_below(&rng, 60)));
    }
    const char *what = s->violation == NULL ? settle(s) : NULL;
    if (what == NULL && s->violation == NULL && !mixed && !sim_equal(s))
        what = "open links, but not one set";
    return end(s, sums, what);
}

const char *fed_calm(uint64_t seed)
{
    struct rng rng = rng_seeded(seed);
    const uint32_t nodes = 2 + (uint32_t)rng_below(&rng, 7);
    struct sim *s = sim_new(seed, nodes, NULL);
    shape_edges(s, seed % 2 == 0 ? STAR : LINE, false);
    sim_run_for(s, PANDO_SEC(1));
    uint64_t made = 0;
    for (int i = 0; i < 60; i++) {
        sim_create(s, (uint32_t)rng_below(&rng, nodes), 0);
        made++;
        sim_run_for(s, PANDO_MSEC(rng_below(&rng, 20)));
    }
    sim_run_for(s, PANDO_SEC(5));
    const char *what = NULL;
    if (!sim_equal(s) || s->nodes[0].store->durable != made)
        what = "a calm tree did not converge";
    else if (sent(s) != made * s->edges_len)
        what = "a delta crossed a link of a calm tree more than once";
    else if (s->tally.acks != sent(s))
        what = "not every delta was acknowledged once";
    return end(s, NULL, what);
}
