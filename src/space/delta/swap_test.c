#include "space/delta/swap_sim.h"

#include "base/slice.h"
#include "check.h"
#include "codec/wire.h"
#include "space/delta/group.h"

#include <stdlib.h>

#define T0 INT64_C(1700000000000)

static uint64_t seeds(void)
{
    const char *text = getenv("SWAP_SEEDS");
    return text != NULL ? strtoull(text, NULL, 10) : 12;
}

static void disturb(struct world *w, size_t nodes)
{
    struct rng *r = world_rng(w);
    const size_t a = (size_t)rng_below(r, nodes), b = (size_t)rng_below(r, nodes);
    if (a != b && world_joined(w, a, b) && rng_below(r, 3) == 0)
        world_link(w, a, b, false);
    if (rng_below(r, 12) == 0)
        world_crash(w, a);
}

static void mend(struct world *w, size_t nodes)
{
    for (size_t i = 0; i < nodes; i++)
        world_start(w, i);
    for (size_t a = 0; a < nodes; a++)
        for (size_t b = a + 1; b < nodes; b++)
            if (world_joined(w, a, b))
                world_link(w, a, b, true);
}

/* The maker crashes when others hold what his disk does not yet. */
static void crash_the_maker(struct world *w, size_t i)
{
    size_t ahead = 0;
    for (int turns = 0; turns < 5 && ahead == 0 && world_node(w, i)->up; turns++) {
        world_run(w, PANDO_MSEC(2));
        ahead = world_ahead_of_disk(w, i);
    }
    if (ahead > 0)
        world_crash(w, i);
}

static void everybody_ends_with_the_same_whatever_happens(void **state)
{
    (void)state;
    size_t came_back = 0;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        const size_t nodes = 2 + seed % 7;
        struct world *w = world_new(seed, nodes, (enum world_shape)(seed % WORLD_SHAPES));
        struct rng *r = world_rng(w);
        unsigned id = 1;
        CHECK_NOTE("seed %llu\n", (unsigned long long)seed);
        for (int round = 0; round < 30; round++) {
            const size_t at = (size_t)rng_below(r, nodes);
            if (world_node(w, at)->up)
                for (uint64_t n = rng_below(r, 30); n > 0; n--, id++)
                    world_make(w, at, id, T0 + (int64_t)rng_below(r, 100000));
            if (rng_below(r, 4) == 0)
                crash_the_maker(w, at);
            disturb(w, nodes);
            world_run(w, PANDO_MSEC(rng_below(r, 200)));
            if (rng_below(r, 4) == 0)
                mend(w, nodes);
        }
        mend(w, nodes);
        world_run(w, PANDO_SEC(30));
        CHECK(world_equal(w));
        CHECK(world_holds_acked(w, 0));
        came_back += world_came_back(w, 0);
        world_run(w, PANDO_SEC(130)); /* until the rarest state was told again */
        for (size_t i = 0; i < nodes; i++) {
            size_t links = 0;
            for (size_t k = 0; k < nodes; k++)
                links += k != i && world_joined(w, i, k);
            CHECK_EQ(swap_equal_peers(world_node(w, i)->swap), links);
        }
        world_free(w);
    }
    CHECK_NOTE("%zu that a crash took from their maker came back\n", came_back);
    CHECK(came_back >= seeds() / 2);
}

/* In a full mesh a delta is not sent by everybody to everybody. */
static void a_mesh_settles_on_about_one_copy_for_each(void **state)
{
    (void)state;
    enum { NODES = 8, DELTAS = 400 };
    struct world *w = world_new(3, NODES, WORLD_MESH);
    struct swap_totals before = { 0 }, after = { 0 }, t;
    world_run(w, PANDO_SEC(1));
    for (unsigned id = 1; id <= 2 * DELTAS; id++) {
        if (id == DELTAS)
            for (size_t i = 0; i < NODES; i++) {
                swap_totals(world_node(w, i)->swap, &t);
                before.received += t.received;
            }
        world_make(w, 0, id, T0 + id);
        world_run(w, PANDO_MSEC(10));
    }
    world_run(w, PANDO_SEC(5));
    CHECK(world_equal(w));
    for (size_t i = 0; i < NODES; i++) {
        swap_totals(world_node(w, i)->swap, &t);
        after.received += t.received;
    }
    CHECK(after.received - before.received < 2u * DELTAS * (NODES - 1));
    world_free(w);
}

static void in_a_ring_nothing_goes_round_for_ever(void **state)
{
    (void)state;
    enum { NODES = 6 };
    struct world *w = world_new(9, NODES, WORLD_RING);
    world_run(w, PANDO_SEC(2));
    for (unsigned id = 1; id <= 50; id++)
        world_make(w, id % NODES, id, T0 + id);
    world_run(w, PANDO_SEC(20));
    CHECK(world_equal(w));
    const uint64_t then = world_messages(w);
    world_run(w, PANDO_SEC(60));
    CHECK(world_messages(w) - then < 200); /* states alone, less and less often */
    world_free(w);
}

/* What one node's policy refuses still reaches those behind another. */
static void a_policy_keeps_out_what_it_refuses_and_the_rest_still_converges(void **state)
{
    (void)state;
    struct world *w = world_new(4, 3, WORLD_MESH);
    struct delta_store_stats stats;
    struct swap_totals t;
    world_node(w, 2)->bars_odd = true;
    for (unsigned id = 1; id <= 90; id++) /* a third of them by a1 */
        world_make(w, 0, id, T0 + id);
    world_run(w, PANDO_SEC(120));
    delta_store_stats(world_node(w, 1)->store.store, &stats);
    CHECK_EQ(stats.deltas, 90);
    delta_store_stats(world_node(w, 2)->store.store, &stats);
    CHECK_EQ(stats.deltas, 60);
    swap_totals(world_node(w, 2)->swap, &t);
    CHECK(t.refused >= 30);
    const uint64_t then = t.comparisons;
    world_run(w, PANDO_SEC(600));
    swap_totals(world_node(w, 2)->swap, &t);
    CHECK(t.comparisons - then <= 2 * 2 * 11); /* about once a minute with each */
    world_free(w);
}

/* A group of another node, passed on with a delta that its maker never signed. */
static void a_forged_group_is_a_fault_and_nothing_of_it_is_kept(void **state)
{
    (void)state;
    struct world *w = world_new(6, 2, WORLD_LINE);
    struct world_node *n = world_node(w, 0);
    struct delta_store_stats stats;
    struct pando_buf message;
    struct group *g = calloc(1, sizeof *g);
    struct made m;
    uint8_t head[64] = { 3, 1, DELTA_RECORD_SIGNED, 0 }; /* the first key, which is all zeros */
    make_plain(&m, 1, T0, 1);
    buf_init(&message, 4096);
    g->is_signed = g->held[0] = true;
    g->len = 1;
    g->bodies[0] = m.delta.bytes;
    struct pando_buf encoded;
    buf_init(&encoded, 4096);
    CHECK_OK(group_encode_bare(g, &encoded));
    struct wire_writer to = wire_write(head + 36, sizeof head - 36);
    wire_put_uvarint(&to, encoded.len);
    CHECK_OK(buf_append(&message, (struct pando_slice){ head, 36 + to.len }));
    CHECK_OK(buf_append(&message, buf_view(&encoded)));
    CHECK_EQ(world_offer(w, 0, 1, buf_view(&message)), 1);
    struct swap_totals t;
    swap_totals(n->swap, &t);
    CHECK_EQ(t.forged, 1);
    delta_store_stats(n->store.store, &stats);
    CHECK_EQ(stats.deltas, 0);
    buf_deinit(&encoded);
    buf_deinit(&message);
    made_deinit(&m);
    free(g);
    world_free(w);
}

/* A group in a message, its key the one with that number, which stands there if it is new. */
static void put_block(struct pando_buf *message, const struct group *g, uint8_t number,
                      bool is_new)
{
    uint8_t room[64];
    struct pando_buf bare;
    struct wire_writer w = wire_write(room, sizeof room);
    buf_init(&bare, GROUP_BYTES_MAX);
    CHECK_OK(group_encode_bare(g, &bare));
    wire_put_be(&w, DELTA_RECORD_SIGNED, 1);
    wire_put_be(&w, number, 1);
    if (is_new)
        wire_put_bytes(&w, SLICE_OF(g->key));
    wire_put_uvarint(&w, bare.len);
    CHECK_OK(buf_append(message, wire_written(&w)));
    CHECK_OK(buf_append(message, buf_view(&bare)));
    buf_deinit(&bare);
}

/* Groups of five by two makers, each of which only one delta was passed on, in one message; then the
 * next delta of the first group, with a hash beside it that is not its own. */
static void a_part_is_taken_when_its_hashes_are_those_that_were_signed(void **state)
{
    (void)state;
    enum { MAKERS = 2, EACH = 5 };
    struct world *w = world_new(8, 2, WORLD_LINE);
    struct world_node *n = world_node(w, 0);
    struct group whole[MAKERS], part;
    struct made m[MAKERS * EACH];
    struct delta_store_stats stats;
    struct swap_totals t;
    struct pando_buf message;
    buf_init(&message, 65536);
    CHECK_OK(buf_append(&message, slice_text("\3\1")));
    for (unsigned k = 0; k < MAKERS; k++) {
        const uint8_t seed[32] = { (uint8_t)(60 + k) };
        struct crypto_secret maker;
        whole[k] = (struct group){ .len = EACH };
        for (unsigned i = 0; i < EACH; i++) {
            make_plain(&m[k * EACH + i], k * EACH + i, T0 + i, i);
            whole[k].bodies[i] = m[k * EACH + i].delta.bytes;
            whole[k].held[i] = true;
        }
        crypto_secret_from_seed(seed, &maker);
        group_sign(&whole[k], &n->store.host.space, &maker);
        for (unsigned i = 0; i < 2; i++) { /* two groups of each key */
            bool keep[DELTA_GROUP_MAX] = { false };
            keep[3 + i] = true;
            part = whole[k];
            group_part(&part, keep, NULL);
            put_block(&message, &part, (uint8_t)k, i == 0);
        }
    }
    CHECK_EQ(world_offer(w, 0, 1, buf_view(&message)), 0);
    delta_store_stats(n->store.store, &stats);
    CHECK_EQ(stats.deltas, 4);
    part = whole[0];
    group_part(&part, (bool[DELTA_GROUP_MAX]){ [0] = true }, NULL);
    part.hashes[0].bytes[0] ^= 1;
    buf_reset(&message);
    CHECK_OK(buf_append(&message, slice_text("\3\1")));
    put_block(&message, &part, 0, true);
    CHECK_EQ(world_offer(w, 0, 1, buf_view(&message)), 1);
    swap_totals(n->swap, &t);
    CHECK_EQ(t.forged, 1);
    delta_store_stats(n->store.store, &stats);
    CHECK_EQ(stats.deltas, 4);
    for (size_t i = 0; i < MAKERS * EACH; i++)
        made_deinit(&m[i]);
    buf_deinit(&message);
    world_free(w);
}

enum { FLOOD = 200 };

/* A signed message of one delta for each of FLOOD ids, all at once. */
static void flood(struct world *w, size_t to, uint32_t from)
{
    const uint8_t seed[32] = { 70 };
    struct crypto_secret maker;
    struct pando_buf text;
    crypto_secret_from_seed(seed, &maker);
    buf_init(&text, 65536);
    for (unsigned i = 0; i < FLOOD; i++) {
        struct made m;
        make_plain(&m, i, T0 + i, i);
        struct group g = { .len = 1, .held = { true }, .bodies = { m.delta.bytes } };
        group_sign(&g, &world_node(w, to)->store.host.space, &maker);
        buf_reset(&text);
        CHECK_OK(buf_append(&text, slice_text("\3\1")));
        put_block(&text, &g, 0, true);
        struct bytes *b = bytes_copy(buf_view(&text));
        world_feed(w, to,
                   &(struct space_input){ .kind = SPACE_MESSAGE, .peer = from, .bytes = b });
        bytes_unref(b);
        made_deinit(&m);
    }
    buf_deinit(&text);
}

/* What is to be verified now; other effects are dropped. */
static size_t asked(struct world *w, size_t i, struct space_effect *ret)
{
    struct space_effect e;
    size_t len = 0;
    while (swap_poll(world_node(w, i)->swap, &e)) {
        if (e.kind == SPACE_VERIFY)
            ret[len++] = e;
        else if (e.kind == SPACE_SEND)
            bytes_unref(e.bytes);
    }
    return len;
}

static void answer(struct world *w, size_t i, const struct space_effect *e)
{
    const uint64_t bits[SPACE_VERIFY_MAX / 64] = {
        crypto_verify(&e->items->key, e->items->signed_bytes, &e->items->sig)
    };
    world_feed(w, i,
               &(struct space_input){ .kind = SPACE_VERIFIED, .token = e->token, .bits = bits });
}

static void a_flood_of_signed_messages_is_verified_a_part_at_a_time(void **state)
{
    (void)state;
    struct world *w = world_new(9, 2, WORLD_LINE);
    struct space_effect asks[FLOOD];
    struct delta_store_stats stats;
    size_t total = 0, len;
    flood(w, 0, 1);
    while ((len = asked(w, 0, asks)) > 0) {
        CHECK(len <= 128);
        total += len;
        for (size_t i = 0; i < len; i++)
            answer(w, 0, &asks[i]);
    }
    CHECK_EQ(total, FLOOD);
    delta_store_stats(world_node(w, 0)->store.store, &stats);
    CHECK_EQ(stats.deltas, FLOOD);
    world_free(w);
}

static void what_is_verified_outlives_the_peer_that_sent_it(void **state)
{
    (void)state;
    struct world *w = world_new(9, 2, WORLD_LINE);
    struct space_effect asks[FLOOD];
    struct delta_store_stats stats;
    flood(w, 0, 1);
    const size_t len = asked(w, 0, asks);
    CHECK_EQ(len, 128);
    world_feed(w, 0, &(struct space_input){ .kind = SPACE_PEER_DOWN, .peer = 1 });
    for (size_t i = 0; i + 1 < len; i++)
        answer(w, 0, &asks[i]); /* the last one is never answered */
    delta_store_stats(world_node(w, 0)->store.store, &stats);
    CHECK_EQ(stats.deltas, 0);
    CHECK_EQ(asked(w, 0, asks), 0);
    world_free(w);
}

static void nonsense_is_a_fault_and_changes_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(5, 2, WORLD_LINE);
    static const uint8_t bad[][4] = { { 0 },    { 9 },    { 1, 2 },       { 3 },
                                      { 3, 7 }, { 3, 1 }, { 3, 0, 1, 9 }, { 3, 0, 2, 1 } };
    static const size_t lens[] = { 1, 1, 2, 1, 2, 2, 4, 4 };
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        CHECK_EQ(world_offer(w, 0, 1, (struct pando_slice){ bad[i], lens[i] }), 1);
    }
    struct swap_totals t;
    swap_totals(world_node(w, 0)->swap, &t);
    CHECK_EQ(t.malformed, sizeof lens / sizeof lens[0]);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_ends_with_the_same_whatever_happens),
        TEST(a_mesh_settles_on_about_one_copy_for_each),
        TEST(in_a_ring_nothing_goes_round_for_ever),
        TEST(a_policy_keeps_out_what_it_refuses_and_the_rest_still_converges),
        TEST(a_forged_group_is_a_fault_and_nothing_of_it_is_kept),
        TEST(a_part_is_taken_when_its_hashes_are_those_that_were_signed),
        TEST(a_flood_of_signed_messages_is_verified_a_part_at_a_time),
        TEST(what_is_verified_outlives_the_peer_that_sent_it),
        TEST(nonsense_is_a_fault_and_changes_nothing),
    };
    return CHECK_RUN(tests);
}
