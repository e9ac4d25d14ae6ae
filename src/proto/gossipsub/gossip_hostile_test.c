/* Attacks that took other routers down, each as a test: legal or nearly legal frames
 * whose cost must stay with the sender. `memory` below means the router's tables: the
 * arena is fixed, so the claims are that nothing is remembered and nothing is answered.
 */
#include "proto/gossipsub/gossip_fixture.h"

#define PEERS 16

static uint8_t *big; /* GOSSIP_RPC_MAX * 2 bytes, owned by main */

static void setup(struct fixture *f)
{
    fixture_setup(f, PEERS);
    CHECK_OK(fixture_join(f, "t", GOSSIP_SELF_CERTIFIED, false));
    for (uint32_t i = 0; i < 4; i++) {
        fixture_up(f, i, false);
        fixture_subscription(f, i, "t", true);
    }
}

/* An RPC whose control part repeats `put` with a counter as topic, up to the size. */
static struct pando_slice many_topics(bool subscriptions, size_t count, uint32_t from)
{
    struct wire_writer w = wire_write(big + 16, GOSSIP_RPC_MAX);
    char name[32];
    for (size_t i = 0; i < count; i++) {
        const int len = snprintf(name, sizeof name, "topic-%u", from + (uint32_t)i);
        if (subscriptions)
            gossip_put_subscription(&w, true, slice_of(name, (size_t)len));
        else
            gossip_put_graft(&w, slice_of(name, (size_t)len));
    }
    CHECK(!w.failed);
    if (subscriptions)
        return wire_written(&w);
    uint8_t head[16];
    struct wire_writer h = wire_write(head, sizeof head);
    pb_put_head(&h, 3, w.len);
    memcpy(big + 16 - h.len, head, h.len);
    return slice_of(big + 16 - h.len, h.len + w.len);
}

static void a_million_grafts_of_unseen_topics_leave_no_trace(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    for (uint32_t i = 0; i < 200; i++) {
        fixture_rpc(&f, 0, many_topics(false, GOSSIP_ITEMS_MAX, i * GOSSIP_ITEMS_MAX));
        CHECK_EQ(f.sends_len + f.effects_len, 0);
    }
    CHECK_EQ(gossip_count(f.g)->graft_in, 1000000);
    CHECK_EQ(gossip_subscribers(f.g, slice_text("topic-1"), NULL, 0), 0);
    CHECK_OK(fixture_join(&f, "still room", GOSSIP_SELF_CERTIFIED, false));
    fixture_teardown(&f);
}

static void millions_of_empty_subscriptions_are_refused_as_a_whole(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    for (size_t i = 0; i < GOSSIP_RPC_MAX; i++) {
        big[2 * i] = 0x0a;
        big[2 * i + 1] = 0;
    }
    fixture_rpc(&f, 0, slice_of(big, 2 * (size_t)GOSSIP_RPC_MAX)); /* a 2 MiB frame */
    CHECK_EQ(fixture_first(&f, GOSSIP_FAULT)->status, PANDO_MALFORMED);
    fixture_rpc(&f, 0, slice_of(big, GOSSIP_RPC_MAX)); /* and one of legal size */
    CHECK_EQ(fixture_first(&f, GOSSIP_FAULT)->status, PANDO_MALFORMED);
    CHECK_EQ(gossip_misdeeds(f.g, 0), 2);
    fixture_teardown(&f);
}

/* One peer's topics end at its cap, and are forgotten when it leaves. */
static void a_flood_of_topics_takes_no_room_from_others(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    fixture_rpc(&f, 0, many_topics(true, GOSSIP_ITEMS_MAX, 0));
    CHECK_EQ(gossip_count(f.g)->topics_forgotten, GOSSIP_ITEMS_MAX - 15); /* "t" counts */
    CHECK_EQ(gossip_subscribers(f.g, slice_text("topic-3"), NULL, 0), 1);
    fixture_subscription(&f, 1, "another", true);
    CHECK_EQ(gossip_subscribers(f.g, slice_text("another"), NULL, 0), 1);
    CHECK_OK(
        fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_DOWN, .peer = 0 }));
    CHECK_EQ(gossip_subscribers(f.g, slice_text("topic-3"), NULL, 0), 0);

    /* Many such peers fill the table: a topic of our own displaces one of theirs. */
    for (uint32_t i = 4; i < PEERS; i++) {
        fixture_up(&f, i, false);
        fixture_rpc(&f, i, many_topics(true, 1000, i * 1000));
    }
    char name[16];
    for (uint32_t i = 0; i < 63; i++) {
        (void)snprintf(name, sizeof name, "ours-%u", i);
        CHECK_OK(fixture_join(&f, name, GOSSIP_SELF_CERTIFIED, false));
    }
    CHECK_EQ(fixture_join(&f, "one more", GOSSIP_SELF_CERTIFIED, false), PANDO_FULL);
    fixture_teardown(&f);
}

/* 5,000 made-up ids, ten times and more within a heartbeat. */
static void an_ihave_storm_is_answered_within_one_heartbeats_budget(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    for (uint32_t round = 0; round < 20; round++) {
        struct wire_writer ids = wire_write(big, 512u << 10);
        for (uint32_t i = 0; i < GOSSIP_ITEMS_MAX; i++) {
            const uint32_t number[] = { round, i };
            const struct pando_id id = crypto_sha256(SLICE_OF(number));
            gossip_put_id(&ids, true, SLICE_OF(id));
        }
        fixture_framed(&f, 0, gossip_ids_frame(slice_text("t"), wire_written(&ids)));
    }
    CHECK_EQ(gossip_count(f.g)->iwant_out, 5000);
    CHECK_EQ(gossip_count(f.g)->ihave_ignored, 10);
    fixture_wait(&f, PANDO_SEC(5));
    CHECK(gossip_misdeeds(f.g, 0) >= 1); /* none of it ever came */
    fixture_teardown(&f);
}

static void an_iwant_storm_yields_each_message_three_times(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    struct wire_writer ids = wire_write(big, 512u << 10);
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_OK(fixture_publish(&f, "t", SLICE_OF(i), GOSSIP_SELF_CERTIFIED));
        const struct pando_id id = crypto_sha256(SLICE_OF(i));
        for (int again = 0; again < 100; again++)
            gossip_put_id(&ids, false, SLICE_OF(id));
    }
    for (int round = 0; round < 50; round++)
        fixture_framed(&f, 0, gossip_ids_frame(SLICE_EMPTY, wire_written(&ids)));
    CHECK_EQ(gossip_count(f.g)->iwant_served, 60);
    CHECK_EQ(gossip_count(f.g)->iwant_in, 5000);
    fixture_teardown(&f);
}

static void an_eternal_backoff_ends_after_an_hour(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    fixture_prune(&f, 0, "t", UINT64_MAX);
    CHECK(!fixture_in_mesh(&f, "t", 0));
    fixture_wait(&f, PANDO_SEC(3500));
    CHECK(!fixture_in_mesh(&f, "t", 0));
    fixture_wait(&f, PANDO_SEC(110));
    CHECK(fixture_in_mesh(&f, "t", 0));
    fixture_teardown(&f);
}

/* A PRUNE that proposes 10^5 other peers: nobody is dialled, nothing is kept. */
static void peer_exchange_with_a_hundred_thousand_peers_is_ignored(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    struct wire_writer w = wire_write(big + 32, GOSSIP_RPC_MAX);
    pb_put_bytes(&w, 1, slice_text("t"));
    for (uint32_t i = 0; i < 100000; i++)
        pb_put_bytes(&w, 2, slice_text("\012\002hi"));
    CHECK(!w.failed);
    uint8_t head[32];
    struct wire_writer h = wire_write(head, sizeof head);
    pb_put_head(&h, 3, 1 + wire_uvarint_size(w.len) + w.len);
    pb_put_head(&h, 4, w.len);
    memcpy(big + 32 - h.len, head, h.len);
    fixture_rpc(&f, 0, slice_of(big + 32 - h.len, h.len + w.len));
    CHECK_EQ(f.sends_len + f.effects_len, 0);
    CHECK_EQ(gossip_count(f.g)->prune_in, 1);
    CHECK(!fixture_in_mesh(&f, "t", 0));
    fixture_teardown(&f);
}

static void grafting_again_and_again_counts_against_a_peer(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f);
    fixture_prune(&f, 0, "t", 0);
    for (int i = 0; i < 100; i++) {
        fixture_graft(&f, 0, "t");
        CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_PRUNE, "t", NULL), 1);
    }
    CHECK(!fixture_in_mesh(&f, "t", 0));
    CHECK_EQ(gossip_misdeeds(f.g, 0), 200); /* early, and at once after the PRUNE */
    fixture_teardown(&f);
}

/* A peer that takes nothing: what waits for it stays below the caps, the others' share of
 * the queue stays theirs. */
static void a_peer_that_reads_nothing_holds_a_bounded_queue(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_defaults(&f, PEERS);
    f.config.queue_total = 200;
    f.config.queue_max = 1000;
    f.config.cache_max = 300;
    fixture_start(&f);
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, false));
    const struct peer_id id = fixture_id(0);
    CHECK_OK(fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                                     .peer = 0,
                                                     .peer_id = &id,
                                                     .version = GOSSIP_V11,
                                                     .credit = 1 }));
    fixture_up(&f, 1, false);
    fixture_subscription(&f, 0, "t", true);
    fixture_subscription(&f, 1, "t", true);
    for (uint32_t i = 0; i < 5000; i++) {
        CHECK_OK(fixture_publish(&f, "t", SLICE_OF(i), GOSSIP_SELF_CERTIFIED));
        CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_MESSAGE, "t", NULL), 1);
        if (i % 100 == 0)
            CHECK_OK(gossip_step(f.g, f.now,
                                 &(struct gossip_input){ .kind = GOSSIP_CREDIT,
                                                         .peer = 1,
                                                         .credit = 100000 }));
    }
    CHECK(gossip_count(f.g)->dropped_publish >= 4800);
    CHECK(gossip_queued(f.g, 0) < 200 * 64);
    CHECK_OK(
        fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_DOWN, .peer = 0 }));
    CHECK_EQ(gossip_queued(f.g, 0), 0);
    fixture_teardown(&f);
}

/* Verdicts that do not come must not stop the router for good. */
static void a_flood_of_messages_is_dropped_while_the_application_is_busy(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_setup(&f, PEERS);
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, true));
    fixture_up(&f, 0, false);
    fixture_subscription(&f, 0, "t", true);
    char text[24];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(text, sizeof text, "message %d", i);
        fixture_plain(&f, 0, "t", text);
    }
    CHECK_EQ(gossip_count(f.g)->delivered, 512);
    CHECK_EQ(gossip_count(f.g)->dropped_full, 2000 - 512);
    fixture_wait(&f, PANDO_SEC(32));
    fixture_plain(&f, 0, "t", text); /* dropped then: not seen, welcome now */
    CHECK_EQ(fixture_count(&f, GOSSIP_DELIVER), 1);
    fixture_teardown(&f);
}

int main(void)
{
    big = malloc(2 * (size_t)GOSSIP_RPC_MAX + 64);
    if (crypto_init() != PANDO_OK || big == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(a_million_grafts_of_unseen_topics_leave_no_trace),
        TEST(millions_of_empty_subscriptions_are_refused_as_a_whole),
        TEST(a_flood_of_topics_takes_no_room_from_others),
        TEST(an_ihave_storm_is_answered_within_one_heartbeats_budget),
        TEST(an_iwant_storm_yields_each_message_three_times),
        TEST(an_eternal_backoff_ends_after_an_hour),
        TEST(peer_exchange_with_a_hundred_thousand_peers_is_ignored),
        TEST(grafting_again_and_again_counts_against_a_peer),
        TEST(a_peer_that_reads_nothing_holds_a_bounded_queue),
        TEST(a_flood_of_messages_is_dropped_while_the_application_is_busy),
    };
    const int failed = CHECK_RUN(tests);
    free(big);
    return failed;
}
