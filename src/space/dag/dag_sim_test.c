/* dag_sim_test.c - whole dags against each other, under every fault we know.
 *
 * Each scenario returns what was broken, or NULL. In the ordinary build all must hold; in
 * a mutant's build (mutant.h) at least one must break, or the checkers are blind.
 */
#include "base/slice.h"
#include "check.h"
#include "codec/cbor.h"
#include "space/dag/dag_sim.h"

#include <stdlib.h>

#define QUICK "{\"heads_ms\":500,\"heads_max_ms\":4000,\"stall_ms\":1500}"

/* An author who is no node and obeys nobody. */
struct ghost {
    struct crypto_secret secret;
    struct pando_key key;
};

static struct ghost ghost_new(uint8_t name)
{
    const uint8_t seed[32] = { 0xee, name };
    struct ghost g;
    crypto_secret_from_seed(seed, &g.secret);
    g.key = crypto_public(&g.secret);
    return g;
}

/* Sign one event and inject it as gossip at `to`. */
static struct pando_id ghost_say(struct sim *s, const struct ghost *g, uint32_t to,
                                 uint64_t seq, const struct pando_id *parent,
                                 uint64_t what, bool forged)
{
    uint8_t body[16], block[1024], message[2048];
    struct wire_writer w = wire_write(body, sizeof body);
    cbor_put_uint(&w, what);
    struct event ev = { .space = s->space,
                        .author = g->key,
                        .seq = seq,
                        .time = 1790000000000,
                        .kind = EVENT_DATA,
                        .body = wire_written(&w) };
    if (parent != NULL)
        ev.parents[ev.parents_len++] = *parent;
    CHECK_OK(event_sign(&ev, &g->secret, block, sizeof block));
    if (forged)
        block[16] ^= 1; /* within the signature */
    w = wire_write(message, sizeof message);
    dag_wire_put_list(&w, &s->space, DAG_EVENTS, 0, false, 1);
    dag_wire_put_block(&w, ev.block);
    CHECK(!w.failed);
    sim_inject(s, to, wire_written(&w));
    return ev.id;
}

static struct sim *world(uint64_t seed, uint32_t nodes, uint32_t loss)
{
    const struct sim_config config = { .seed = seed,
                                       .nodes = nodes,
                                       .gossip_loss = loss,
                                       .delay = PANDO_MSEC(8),
                                       .config_json = QUICK };
    return sim_new(&config);
}

static const char *finish(struct sim *s, bool converged, const char *claim)
{
    sim_check(s, true);
    sim_check_acks(s);
    const char *what = s->violation;
    if (what == NULL && !converged)
        what = claim;
    sim_free(s);
    return what;
}

static uint64_t events_of(struct sim *s, uint32_t node)
{
    return index_counts(sim_dag(s, node)->host.tables).events;
}

/* Speed: without loss an event is everywhere after one hop, a commit and a check, and no
 * stream, no fetch was needed for it. */
static const char *push_is_quick(uint64_t seed)
{
    struct sim *s = world(seed, 5, 0);
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(3));
    const uint64_t before = events_of(s, 0);
    uint64_t pulls = 0, asks = 0;
    for (uint32_t i = 0; i < 5; i++) {
        pulls += sim_dag(s, i)->totals.catch_ups;
        asks += sim_dag(s, i)->fetch.asked_total;
    }
    for (uint32_t n = 0; n < 40; n++) {
        sim_append(s, n % 5);
        sim_run_for(s, PANDO_MSEC(30));
        if (events_of(s, (n + 1) % 5) < before + n + 1)
            return finish(s, false, "speed: an event took longer than a hop");
    }
    for (uint32_t i = 0; i < 5; i++) {
        pulls -= sim_dag(s, i)->totals.catch_ups;
        asks -= sim_dag(s, i)->fetch.asked_total;
    }
    return finish(s, pulls == 0 && asks == 0 && sim_converged(s),
                  "speed: push alone did not carry it");
}

/* A node that was away gets what it lacks by one stream: nothing is fetched singly and
 * the wire carries little but the events. */
static const char *catching_up_is_one_stream(uint64_t seed)
{
    struct sim *s = world(seed, 2, 0);
    sim_link_all(s);
    if (sim_ask(s, 0, "append_many", "{\"count\":300,\"size\":256}", PANDO_SEC(20)) !=
        PANDO_OK)
        return finish(s, false, "liveness: 300 appends were not acknowledged");
    sim_run_for(s, PANDO_SEC(5));
    if (!sim_converged(s))
        return finish(s, false, "liveness: the first part did not arrive");
    sim_partition(s, 1);
    if (sim_ask(s, 0, "append_many", "{\"count\":3000,\"size\":256,\"quiet\":true}",
                PANDO_SEC(60)) != PANDO_OK)
        return finish(s, false, "liveness: 3000 appends were not acknowledged");
    const uint64_t sent = sim_dag(s, 0)->totals.sync_sent;
    const uint64_t payload = sim_dag(s, 0)->totals.event_bytes_served;
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(6));
    const uint64_t wire = sim_dag(s, 0)->totals.sync_sent - sent;
    const uint64_t served = sim_dag(s, 0)->totals.event_bytes_served - payload;
    const bool lean = served > 3000 * 256 && wire * 10 < served * 11 && wire < 3000 * 700;
    const bool single = sim_dag(s, 1)->fetch.asked_total > 0;
    const bool equal = sim_converged(s);
    return finish(s, equal && lean && !single,
                  !equal   ? "liveness: the stream did not bring everything"
                  : single ? "speed: events had to be fetched singly"
                           : "speed: the stream carried too many bytes");
}

/* Two sides go on by themselves and meet again. */
static const char *a_partition_heals(uint64_t seed)
{
    struct sim *s = world(seed, 6, 50);
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(2));
    sim_partition(s, 2 + (uint32_t)(seed % 3));
    for (int n = 0; n < 60; n++) {
        sim_append(s, (uint32_t)rng_below(&s->rng, 6));
        sim_run_for(s, PANDO_MSEC(rng_below(&s->rng, 40)));
    }
    sim_run_for(s, PANDO_SEC(2));
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(8));
    const bool equal = sim_converged(s) && events_of(s, 0) >= 60;
    return finish(s, equal,
                  "liveness: the sides stayed different after the partition healed");
}

/* An author gives one number twice, each side sees another; children build on both. */
static const char *an_equivocation_is_kept_and_shown(uint64_t seed)
{
    struct sim *s = world(seed, 4, 0);
    const struct ghost g = ghost_new((uint8_t)seed);
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(1));
    const struct pando_id root = ghost_say(s, &g, 0, 1, NULL, 1, false);
    sim_run_for(s, PANDO_SEC(1));
    sim_partition(s, 2);
    struct pando_id left = ghost_say(s, &g, 0, 2, &root, 2, false);
    struct pando_id right = ghost_say(s, &g, 3, 2, &root, 3, false);
    sim_run_for(s, PANDO_MSEC(200));
    for (uint64_t seq = 3; seq < 10; seq++) { /* two branches of one author */
        left = ghost_say(s, &g, 0, seq, &left, 2 * seq, false);
        right = ghost_say(s, &g, 3, seq, &right, 2 * seq + 1, false);
        sim_run_for(s, PANDO_MSEC(50));
        sim_append(s, 0);
        sim_append(s, 3);
    }
    sim_run_for(s, PANDO_SEC(1));
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(12));
    uint64_t proofs = 8;
    for (uint32_t i = 0; i < 4; i++)
        if (index_counts(sim_dag(s, i)->host.tables).equivocations < proofs)
            proofs = index_counts(sim_dag(s, i)->host.tables).equivocations;
    const bool equal = sim_converged(s);
    return finish(s, equal && proofs == 8,
                  equal ? "forks: an equivocation is not shown"
                        : "liveness: a fork kept the sets different");
}

/* Whatever is forged, out of order, misplaced or too early is refused and counted. */
static const char *what_is_wrong_is_refused(uint64_t seed)
{
    struct sim *s = world(seed, 3, 0);
    const struct ghost g = ghost_new(1);
    const struct pando_id nowhere = { { 0xdd } };
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(2));
    const uint64_t before = events_of(s, 0);
    for (int twice = 0; twice < 2; twice++) {
        ghost_say(s, &g, 0, 1, NULL, 1, true);      /* forged */
        ghost_say(s, &g, 0, 5, NULL, 2, false);     /* 5 without 4 */
        ghost_say(s, &g, 1, 2, &nowhere, 3, false); /* no such parent */
        sim_run_for(s, PANDO_SEC(1));
    }
    sim_run_for(s, PANDO_SEC(90)); /* the orphan's deadline passes */
    const struct dag_totals *t = &sim_dag(s, 0)->totals;
    const bool refused = t->refused[DAG_REFUSE_FORGED] == 1 &&
                         t->refused[DAG_REFUSE_SEQUENCE] == 1 &&
                         sim_dag(s, 1)->totals.refused[DAG_REFUSE_ORPHAN_LATE] == 1 &&
                         sim_dag(s, 1)->orphans.len == 0;
    const bool kept_out = events_of(s, 0) == before && events_of(s, 2) == before;
    return finish(s, refused && kept_out && sim_converged(s),
                  "refusal: something wrong got in");
}

static void stir(struct sim *s)
{
    const uint32_t n = s->config.nodes;
    const uint32_t a = (uint32_t)rng_below(&s->rng, n),
                   b = (uint32_t)rng_below(&s->rng, n);
    switch (rng_below(&s->rng, 12)) {
    case 0:
        sim_crash(s, a);
        return;
    case 1:
    case 2:
        sim_restart(s, a);
        sim_check_acks(s); /* before anybody could bring the events back */
        return;
    case 3:
        sim_link(s, a, b, false);
        return;
    case 4:
    case 5:
        sim_link(s, a, b, true);
        return;
    default:
        sim_append(s, a);
        return;
    }
}

/* Chaos: links, crashes and gossip loss while everybody writes; then peace. Safety: all
 * invariants, all the time; what was acknowledged survives. Liveness: equal sets at last.
 */
static const char *chaos_ends_in_agreement(uint64_t seed)
{
    struct sim *s = world(seed, 3 + (uint32_t)(seed % 5), 200);
    const struct ghost g = ghost_new(9);
    struct pando_id last[2];
    sim_link_all(s);
    last[0] = last[1] = ghost_say(s, &g, 0, 1, NULL, 0, false);
    for (uint64_t n = 0; n < 250 && s->violation == NULL; n++) {
        stir(s);
        if (n % 40 == 17) {
            const size_t side = n % 80 < 40;
            last[side] = ghost_say(s, &g, (uint32_t)(n % s->config.nodes), 2 + n / 80,
                                   &last[side], n, false);
        }
        sim_run_for(s, PANDO_MSEC(rng_below(&s->rng, 60)));
        if (n % 50 == 0)
            sim_check(s, true);
    }
    for (uint32_t i = 0; i < s->config.nodes; i++)
        sim_restart(s, i);
    sim_check_acks(s);
    s->config.gossip_loss = 0;
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(30));
    const bool equal = sim_converged(s) && s->acks_len > 10;
    return finish(s, equal, "liveness: the sets stayed different after all was healed");
}

/* The instant of the answer is the worst one for a power cut. */
static const char *an_answer_survives_the_crash_behind_it(uint64_t seed)
{
    struct sim *s = world(seed, 1, 0);
    for (int n = 0; n < 20 && s->violation == NULL; n++) {
        char json[48];
        snprintf(json, sizeof json, "{\"body\":%d}", n);
        if (sim_ask(s, 0, "append", json, PANDO_SEC(1)) != PANDO_OK)
            return finish(s, false, "liveness: an append was not answered");
        sim_crash(s, 0);
        sim_restart(s, 0);
        sim_check_acks(s);
    }
    return finish(s, s->acks_len == 20, "acks: an answer was lost");
}

/* Sixteen nodes in a ring, one gossip message in ten lost: many hops, no shortcuts. */
static const char *a_ring_carries_everything(uint64_t seed)
{
    struct sim *s = world(seed, 16, 100);
    for (uint32_t i = 0; i < 16; i++)
        sim_link(s, i, (i + 1) % 16, true);
    for (int n = 0; n < 100; n++) {
        sim_append(s, (uint32_t)rng_below(&s->rng, 16));
        sim_run_for(s, PANDO_MSEC(rng_below(&s->rng, 30)));
    }
    sim_run_for(s, PANDO_SEC(20));
    return finish(s, sim_converged(s) && events_of(s, 3) == 116,
                  "liveness: the ring left somebody out");
}

/* Who promises a stream and falls silent is left for another. */
static const char *a_silent_source_is_left(uint64_t seed)
{
    struct sim *s = world(seed, 3, 0);
    sim_link(s, 0, 1, true);
    if (sim_ask(s, 0, "append_many", "{\"count\":300,\"size\":64}", PANDO_SEC(20)) !=
        PANDO_OK)
        return finish(s, false, "liveness: 300 appends were not acknowledged");
    sim_run_for(s, PANDO_SEC(5));
    sim_link(s, 2, 0, true);
    sim_link(s, 2, 1, true);
    sim_run_for(s, PANDO_MSEC(seed)); /* HEADS may be out, or not */
    s->nodes[seed % 2].mute = true;
    sim_run_for(s, PANDO_SEC(12));
    return finish(s, events_of(s, 2) >= 300, "liveness: a silent source held all up");
}

/* A journal that takes little at a time holds nothing up for good. */
static const char *a_slow_store_only_slows(uint64_t seed)
{
    struct sim *s = world(seed, 2, 0);
    sim_store_cap(s->nodes[0].store, 4000);
    sim_store_cap(s->nodes[1].store, 2500);
    sim_link_all(s);
    const enum pando_status st =
        sim_ask(s, 0, "append_many", "{\"count\":400,\"size\":64}", PANDO_SEC(60));
    sim_run_for(s, PANDO_SEC(5));
    return finish(s, st == PANDO_OK && sim_converged(s) && events_of(s, 1) >= 400,
                  "liveness: a busy journal lost something");
}

/* A node whose store is older than its signatures goes on in a new epoch. */
static const char *a_rolled_back_author_raises_its_epoch(uint64_t seed)
{
    struct sim *s = world(seed, 2, 0);
    sim_link_all(s);
    for (int n = 0; n < 10; n++) {
        sim_append(s, 0);
        sim_run_for(s, PANDO_MSEC(20));
    }
    sim_run_for(s, PANDO_SEC(2));
    s->acks_len = 0;
    sim_crash(s, 0);
    sim_store_free(s->nodes[0].store);
    s->nodes[0].store = sim_store_new(&s->space); /* all is lost */
    sim_restart(s, 0);
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(3));
    for (int n = 0; n < 5; n++) {
        sim_append(s, 0);
        sim_run_for(s, PANDO_MSEC(50));
    }
    sim_run_for(s, PANDO_SEC(4));
    const bool raised = sim_dag(s, 0)->epoch == 1;
    return finish(s, raised && sim_converged(s), "epoch: a number may be given twice");
}

static const struct {
    const char *name;
    const char *(*run)(uint64_t seed);
    uint64_t seeds;
} SCENARIOS[] = {
    { "push is quick", push_is_quick, 15 },
    { "catching up is one stream", catching_up_is_one_stream, 2 },
    { "a partition heals", a_partition_heals, 10 },
    { "an equivocation is kept and shown", an_equivocation_is_kept_and_shown, 5 },
    { "what is wrong is refused", what_is_wrong_is_refused, 2 },
    { "chaos ends in agreement", chaos_ends_in_agreement, 15 },
    { "an answer survives the crash behind it", an_answer_survives_the_crash_behind_it,
      2 },
    { "a ring carries everything", a_ring_carries_everything, 3 },
    { "a silent source is left", a_silent_source_is_left, 20 },
    { "a slow store only slows", a_slow_store_only_slows, 2 },
    { "a rolled back author raises its epoch", a_rolled_back_author_raises_its_epoch, 2 },
};

#define SCENARIOS_LEN (sizeof SCENARIOS / sizeof SCENARIOS[0])

static void run_scenario(void **state)
{
    const size_t i = (size_t)(uintptr_t)*state;
    const char *more = getenv("DAG_SIM_SEEDS"); /* for a longer hunt by hand */
    const uint64_t seeds = more != NULL ? strtoull(more, NULL, 10) : SCENARIOS[i].seeds;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        const char *what = SCENARIOS[i].run(seed);
        if (what != NULL) {
            print_error("%s, seed %llu: %s\n", SCENARIOS[i].name,
                        (unsigned long long)seed, what);
            fail();
        }
    }
}

/* The bug must be found by some scenario. */
static int hunt(void)
{
    for (size_t i = 0; i < SCENARIOS_LEN; i++)
        for (uint64_t seed = 1; seed <= SCENARIOS[i].seeds; seed++) {
            const char *what = SCENARIOS[i].run(seed);
            if (what == NULL)
                continue;
            printf("caught by \"%s\", seed %llu: %s\n", SCENARIOS[i].name,
                   (unsigned long long)seed, what);
            return 0;
        }
    printf("mutant %d was not caught\n", DAG_MUTANT);
    return 1;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[SCENARIOS_LEN];
    size_t len = 0;
    if (crypto_init() != PANDO_OK)
        return 1;
    if (DAG_MUTANT != MUTANT_NONE)
        return hunt();
    for (size_t i = 0; i < SCENARIOS_LEN; i++)
        if (argc < 2 || strstr(SCENARIOS[i].name, argv[1]) != NULL)
            tests[len++] = (struct CMUnitTest){ SCENARIOS[i].name, run_scenario, NULL,
                                                NULL, (void *)(uintptr_t)i };
    return _cmocka_run_group_tests("dag simulation", tests, len, NULL, NULL);
}
