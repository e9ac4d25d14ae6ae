#include "proto/gossipsub/gossip_fixture.h"

#define PEERS 32

/* Bring up `len` peers that subscribe to "t", after we joined it. */
static void setup_mesh(struct fixture *f, uint32_t len, enum gossip_policy policy,
                       bool judged)
{
    fixture_setup(f, PEERS);
    CHECK_OK(fixture_join(f, "t", policy, judged));
    for (uint32_t i = 0; i < len; i++) {
        fixture_up(f, i, i % 2 == 0);
        fixture_subscription(f, i, "t", true);
    }
}

static void hello_tells_all_our_subscriptions(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_setup(&f, PEERS);
    CHECK_OK(fixture_join(&f, "one", GOSSIP_STRICT_SIGN, false));
    CHECK_OK(fixture_join(&f, "two", GOSSIP_STRICT_SIGN, false));
    CHECK_EQ(fixture_join(&f, "two", GOSSIP_STRICT_SIGN, false), PANDO_EXISTS);
    fixture_up(&f, 3, true);
    struct gossip_item item;
    CHECK_EQ(fixture_sent(&f, 3, GOSSIP_ITEM_SUBSCRIPTION, NULL, NULL), 2);
    CHECK_EQ(fixture_sent(&f, 3, GOSSIP_ITEM_SUBSCRIPTION, "one", &item), 1);
    CHECK(item.subscribe);
    CHECK_OK(fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_UNSUBSCRIBE,
                                                     .topic = slice_text("one") }));
    CHECK_EQ(fixture_sent(&f, 3, GOSSIP_ITEM_SUBSCRIPTION, NULL, &item), 1);
    CHECK(!item.subscribe);
    fixture_teardown(&f);
}

static void grafts_subscribers_until_the_mesh_has_d(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_setup(&f, PEERS);
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, false));
    for (uint32_t i = 0; i < 10; i++) {
        fixture_up(&f, i, false);
        fixture_subscription(&f, i, "t", true);
        CHECK_EQ(fixture_sent(&f, i, GOSSIP_ITEM_GRAFT, "t", NULL), i < 6);
    }
    CHECK_EQ(fixture_mesh_len(&f, "t"), 6);
    CHECK_EQ(gossip_subscribers(f.g, slice_text("t"), NULL, 0), 10);
    fixture_teardown(&f);
}

static void heartbeat_fills_a_thin_mesh_and_shrinks_a_thick_one(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 20, GOSSIP_SELF_CERTIFIED, false);
    for (uint32_t i = 0; i < 20; i++)
        fixture_graft(&f, i, "t"); /* even ones were dialled by us: always welcome */
    CHECK(fixture_mesh_len(&f, "t") > 12);
    fixture_beat(&f);
    CHECK_EQ(fixture_mesh_len(&f, "t"), 6);
    uint32_t mesh[PEERS];
    const size_t len = gossip_mesh(f.g, slice_text("t"), mesh, PEERS);
    size_t outbound = 0;
    for (size_t i = 0; i < len; i++)
        outbound += mesh[i] % 2 == 0;
    CHECK(outbound >= 2);
    for (size_t i = 0; i < 3; i++)
        fixture_prune(&f, mesh[i], "t", 60);
    CHECK_EQ(fixture_mesh_len(&f, "t"), 3);
    fixture_wait(&f, PANDO_SEC(64)); /* the others were pruned by us for 60 s */
    CHECK(fixture_mesh_len(&f, "t") >= 5);
    fixture_teardown(&f);
}

static void refuses_a_graft_beyond_d_high_from_who_dialled_us(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 0, GOSSIP_SELF_CERTIFIED, false);
    for (uint32_t i = 0; i < 14; i++) {
        fixture_up(&f, i, false);
        fixture_graft(&f, i, "t");
        CHECK_EQ(fixture_in_mesh(&f, "t", i), i < 12);
        CHECK_EQ(fixture_sent(&f, i, GOSSIP_ITEM_PRUNE, "t", NULL), i >= 12);
    }
    fixture_up(&f, 20, true);
    fixture_graft(&f, 20, "t");
    CHECK(fixture_in_mesh(&f, "t", 20));
    fixture_teardown(&f);
}

static void a_pruned_peer_is_left_alone_until_its_backoff_ends_with_slack(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 1, GOSSIP_SELF_CERTIFIED, false);
    CHECK(fixture_in_mesh(&f, "t", 0));
    fixture_prune(&f, 0, "t", 20);
    CHECK_EQ(fixture_mesh_len(&f, "t"), 0);
    fixture_wait(&f, PANDO_SEC(21));
    CHECK_EQ(fixture_mesh_len(&f, "t"), 0);
    fixture_wait(&f, PANDO_SEC(3));
    CHECK_EQ(fixture_mesh_len(&f, "t"), 1);
    fixture_teardown(&f);
}

static void reconnecting_does_not_end_a_backoff(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 1, GOSSIP_SELF_CERTIFIED, false);
    fixture_prune(&f, 0, "t", 0); /* the default: 60 s */
    CHECK_OK(
        fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_DOWN, .peer = 0 }));
    fixture_up(&f, 0, false);
    fixture_graft(&f, 0, "t");
    CHECK_EQ(fixture_mesh_len(&f, "t"), 0);
    CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_PRUNE, "t", NULL), 1);
    CHECK(gossip_misdeeds(f.g, 0) >= 1);
    fixture_teardown(&f);
}

static void forwards_what_the_application_accepts_and_only_that(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 4, GOSSIP_SELF_CERTIFIED, true);
    static const enum gossip_verdict verdicts[] = { GOSSIP_ACCEPT, GOSSIP_IGNORE,
                                                    GOSSIP_REJECT };
    static const char *const texts[] = { "good", "unclear", "bad" };
    for (size_t i = 0; i < 3; i++) {
        fixture_plain(&f, 1, "t", texts[i]);
        CHECK_EQ(f.sends_len, 0);
        const struct gossip_effect *e = fixture_first(&f, GOSSIP_DELIVER);
        CHECK(slice_equal(e->data, slice_text(texts[i])));
        CHECK_EQ(e->peer, 1);
        const uint64_t handle = e->handle;
        CHECK_OK(fixture_verdict(&f, handle, verdicts[i]));
        CHECK_EQ(f.sends_len, verdicts[i] == GOSSIP_ACCEPT ? 3 : 0);
        CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_MESSAGE, "t", NULL), 0);
        CHECK_EQ(fixture_count(&f, GOSSIP_FAULT), verdicts[i] == GOSSIP_REJECT);
        if (verdicts[i] != GOSSIP_ACCEPT)
            CHECK_EQ(fixture_verdict(&f, handle, GOSSIP_ACCEPT), PANDO_NOT_FOUND);
    }
    CHECK_EQ(gossip_misdeeds(f.g, 1), 1);
    fixture_teardown(&f);
}

static void delivers_a_message_once_and_spares_who_sent_a_copy(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 4, GOSSIP_SELF_CERTIFIED, true);
    fixture_plain(&f, 1, "t", "x");
    const uint64_t handle = fixture_first(&f, GOSSIP_DELIVER)->handle;
    fixture_plain(&f, 2, "t", "x");
    CHECK_EQ(f.effects_len, 0);
    CHECK_OK(fixture_verdict(&f, handle, GOSSIP_ACCEPT));
    CHECK_EQ(f.sends_len, 2); /* peers 0 and 3 */
    CHECK_EQ(fixture_sent(&f, 2, GOSSIP_ITEM_MESSAGE, "t", NULL), 0);
    fixture_plain(&f, 3, "t", "x");
    CHECK_EQ(f.effects_len + f.sends_len, 0);
    CHECK_EQ(gossip_count(f.g)->duplicates, 2);
    fixture_teardown(&f);
}

/* All queues share one object: forwarding to many costs no copy. */
static void shares_one_object_among_all_receivers(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 6, GOSSIP_SELF_CERTIFIED, false);
    fixture_plain(&f, 0, "t", "x");
    CHECK_EQ(f.sends_len, 5);
    for (size_t i = 1; i < 5; i++)
        CHECK(f.sends[i].bytes == f.sends[0].bytes);
    CHECK(fixture_first(&f, GOSSIP_DELIVER)->bytes == f.sends[0].bytes);
    CHECK_EQ(fixture_first(&f, GOSSIP_DELIVER)->handle, 0);
    fixture_teardown(&f);
}

static void a_topic_without_signatures_refuses_signed_messages(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 2, GOSSIP_SELF_CERTIFIED, false);
    fixture_signed(&f, 0, 9, 1, "t", "x", false);
    CHECK_EQ(fixture_first(&f, GOSSIP_FAULT)->status, PANDO_MALFORMED);
    CHECK_EQ(fixture_count(&f, GOSSIP_DELIVER), 0);
    fixture_teardown(&f);
}

static void publishing_the_same_data_twice_is_refused_without_signatures(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 3, GOSSIP_SELF_CERTIFIED, false);
    CHECK_OK(fixture_publish(&f, "t", slice_text("x"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_reached(f.g), 3);
    CHECK_EQ(fixture_publish(&f, "t", slice_text("x"), GOSSIP_SELF_CERTIFIED),
             PANDO_EXISTS);
    CHECK_EQ(f.sends_len, 0);
    fixture_plain(&f, 0, "t", "x");
    CHECK_EQ(f.effects_len, 0);
    fixture_teardown(&f);
}

static void an_empty_mesh_falls_back_to_any_subscriber(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 1, GOSSIP_SELF_CERTIFIED, false);
    fixture_prune(&f, 0, "t", 60);
    CHECK_EQ(fixture_mesh_len(&f, "t"), 0);
    CHECK_OK(fixture_publish(&f, "t", slice_text("x"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_reached(f.g), 1);
    fixture_teardown(&f);
}

static void publishing_without_subscribing_keeps_a_fanout_for_a_minute(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_setup(&f, PEERS);
    for (uint32_t i = 0; i < 10; i++) {
        fixture_up(&f, i, false);
        fixture_subscription(&f, i, "u", true);
    }
    CHECK_OK(fixture_publish(&f, "u", slice_text("1"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_reached(f.g), 6);
    uint32_t first[FIXTURE_EFFECTS];
    for (size_t i = 0; i < 6; i++)
        first[i] = f.sends[i].peer;
    CHECK_OK(fixture_publish(&f, "u", slice_text("2"), GOSSIP_SELF_CERTIFIED));
    for (size_t i = 0; i < 6; i++)
        CHECK_EQ(f.sends[i].peer, first[i]);
    CHECK_OK(fixture_join(&f, "u", GOSSIP_SELF_CERTIFIED, false));
    for (size_t i = 0; i < 6; i++)
        CHECK(fixture_in_mesh(&f, "u", first[i]));
    fixture_teardown(&f);
}

static void flood_publish_reaches_every_subscriber(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_defaults(&f, PEERS);
    f.config.flood_publish = true;
    fixture_start(&f);
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, false));
    for (uint32_t i = 0; i < 20; i++) {
        fixture_up(&f, i, false);
        fixture_subscription(&f, i, "t", true);
    }
    CHECK_OK(fixture_publish(&f, "t", slice_text("x"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_reached(f.g), 20);
    fixture_teardown(&f);
}

static void tells_ids_to_peers_outside_the_mesh_and_answers_iwant_three_times(
    void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 8, GOSSIP_SELF_CERTIFIED, false);
    fixture_beat(&f); /* nobody is new to the mesh */
    CHECK_OK(fixture_publish(&f, "t", slice_text("x"), GOSSIP_SELF_CERTIFIED));
    fixture_beat(&f);
    const struct pando_id hash = crypto_sha256(slice_text("x"));
    uint32_t told = PEERS;
    for (uint32_t i = 0; i < 8; i++) {
        struct gossip_item item;
        const size_t count = fixture_sent(&f, i, GOSSIP_ITEM_IHAVE, "t", &item);
        CHECK_EQ(count, !fixture_in_mesh(&f, "t", i));
        if (count == 0)
            continue;
        told = i;
        struct wire_reader body = wire_read(item.body);
        struct pando_slice id;
        CHECK(gossip_id_next(&body, GOSSIP_ITEM_IHAVE, &id));
        CHECK(slice_equal(id, SLICE_OF(hash)));
    }
    CHECK(told < PEERS);
    for (int i = 0; i < 5; i++) {
        fixture_ids(&f, told, "", SLICE_OF(hash));
        CHECK_EQ(fixture_sent(&f, told, GOSSIP_ITEM_MESSAGE, "t", NULL), i < 3);
    }
    for (int i = 0; i < 6; i++)
        fixture_beat(&f);
    fixture_ids(&f, 0, "", SLICE_OF(hash)); /* five windows later it is forgotten */
    CHECK_EQ(f.sends_len, 0);
    fixture_teardown(&f);
}

static void tells_recent_ids_once_to_who_has_just_come_into_the_mesh(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 0, GOSSIP_SELF_CERTIFIED, false);
    CHECK_OK(fixture_publish(&f, "t", slice_text("x"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_reached(f.g), 0);
    fixture_up(&f, 0, true);
    fixture_subscription(&f, 0, "t", true);
    CHECK(fixture_in_mesh(&f, "t", 0));
    fixture_beat(&f);
    CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_IHAVE, "t", NULL), 1);
    fixture_beat(&f);
    CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_IHAVE, "t", NULL), 0);
    fixture_teardown(&f);
}

static void asks_for_unseen_ids_and_counts_a_broken_promise(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 2, GOSSIP_SELF_CERTIFIED, false);
    const struct pando_id lie = crypto_sha256(slice_text("never sent"));
    const struct pando_id kept = crypto_sha256(slice_text("sent"));
    fixture_ids(&f, 0, "t", SLICE_OF(lie));
    CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_IWANT, NULL, NULL), 1);
    fixture_ids(&f, 1, "t", SLICE_OF(kept));
    CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_IWANT, NULL, NULL), 1);
    fixture_plain(&f, 1, "t", "sent");
    fixture_ids(&f, 1, "t", SLICE_OF(kept));
    CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_IWANT, NULL, NULL), 0);
    fixture_wait(&f, PANDO_SEC(5));
    CHECK_EQ(gossip_misdeeds(f.g, 0), 1);
    CHECK_EQ(gossip_misdeeds(f.g, 1), 0);
    CHECK_EQ(gossip_count(f.g)->promises_broken, 1);
    fixture_teardown(&f);
}

static void a_verdict_that_never_comes_counts_as_ignore(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 3, GOSSIP_SELF_CERTIFIED, true);
    fixture_plain(&f, 0, "t", "x");
    const uint64_t handle = fixture_first(&f, GOSSIP_DELIVER)->handle;
    fixture_wait(&f, PANDO_SEC(32));
    CHECK_EQ(gossip_count(f.g)->verdict_late, 1);
    CHECK_EQ(fixture_verdict(&f, handle, GOSSIP_ACCEPT), PANDO_NOT_FOUND);
    fixture_teardown(&f);
}

static void leaving_prunes_the_mesh_and_says_so(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 3, GOSSIP_SELF_CERTIFIED, false);
    CHECK_OK(fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_UNSUBSCRIBE,
                                                     .topic = slice_text("t") }));
    for (uint32_t i = 0; i < 3; i++) {
        struct gossip_item item;
        CHECK_EQ(fixture_sent(&f, i, GOSSIP_ITEM_PRUNE, "t", &item), 1);
        CHECK_EQ(item.backoff, 10);
        CHECK_EQ(fixture_sent(&f, i, GOSSIP_ITEM_SUBSCRIPTION, "t", &item), 1);
        CHECK(!item.subscribe);
    }
    fixture_plain(&f, 0, "t", "x");
    CHECK_EQ(f.effects_len + f.sends_len, 0);
    CHECK_EQ(gossip_count(f.g)->unwanted, 1);
    fixture_teardown(&f);
}

/* Found by fuzzing: the slot of a topic is given back in between. */
static void what_was_seen_stays_seen_when_we_leave_and_join_again(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_setup(&f, PEERS);
    const struct gossip_input leave = { .kind = GOSSIP_UNSUBSCRIBE,
                                        .topic = slice_text("t") };
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, true));
    fixture_up(&f, 0, false);
    fixture_plain(&f, 0, "t", "x");
    CHECK_OK(
        fixture_verdict(&f, fixture_first(&f, GOSSIP_DELIVER)->handle, GOSSIP_IGNORE));
    CHECK_OK(fixture_step(&f, leave));
    CHECK_OK(fixture_join(&f, "other", GOSSIP_SELF_CERTIFIED, true));
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, true));
    fixture_plain(&f, 0, "t", "x");
    CHECK_EQ(f.effects_len, 0);
    fixture_teardown(&f);
}

static void a_peer_that_unsubscribes_leaves_the_mesh(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 3, GOSSIP_SELF_CERTIFIED, false);
    fixture_subscription(&f, 1, "t", false);
    CHECK(!fixture_in_mesh(&f, "t", 1));
    fixture_plain(&f, 0, "t", "x");
    CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_MESSAGE, "t", NULL), 0);
    fixture_teardown(&f);
}

static void sends_only_within_credit_and_drops_gossip_first(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_defaults(&f, PEERS);
    f.config.queue_max = 10;
    fixture_start(&f);
    CHECK_OK(fixture_join(&f, "t", GOSSIP_SELF_CERTIFIED, false));
    const struct peer_id id = fixture_id(0);
    CHECK_OK(fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                                     .peer = 0,
                                                     .peer_id = &id,
                                                     .version = GOSSIP_V11,
                                                     .credit = 1 }));
    CHECK_EQ(f.sends_len, 1); /* the hello took it all */
    fixture_up(&f, 1, false);
    fixture_subscription(&f, 0, "t", true);
    CHECK_EQ(f.sends_len, 0); /* a GRAFT is owed */

    const struct pando_id unseen = crypto_sha256(slice_text("?"));
    fixture_ids(&f, 0, "t", SLICE_OF(unseen)); /* an IWANT waits: class gossip */
    char text[32];
    for (int i = 0; i < 9; i++) {
        (void)snprintf(text, sizeof text, "forwarded %d", i);
        fixture_plain(&f, 1, "t", text);
        CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_MESSAGE, NULL, NULL), 0);
    }
    CHECK_EQ(gossip_count(f.g)->dropped_gossip, 0);
    CHECK_OK(fixture_publish(&f, "t", slice_text("ours 1"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_count(f.g)->dropped_gossip, 1);
    CHECK_OK(fixture_publish(&f, "t", slice_text("ours 2"), GOSSIP_SELF_CERTIFIED));
    CHECK_EQ(gossip_count(f.g)->dropped_forward, 1);
    fixture_plain(&f, 1, "t", "too late");
    CHECK_EQ(gossip_count(f.g)->dropped_forward, 2);

    CHECK_OK(fixture_step(
        &f,
        (struct gossip_input){ .kind = GOSSIP_CREDIT, .peer = 0, .credit = 1u << 20 }));
    CHECK_EQ(f.sends_len, 11);
    struct gossip_item item;
    CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_GRAFT, "t", NULL), 1);
    CHECK_EQ(fixture_sent(&f, 0, GOSSIP_ITEM_MESSAGE, "t", &item), 10);
    CHECK(slice_equal(item.message.data, slice_text("forwarded 8")));
    CHECK_EQ(gossip_queued(f.g, 0), 0);
    fixture_teardown(&f);
}

static void a_departed_peers_handle_may_be_used_again(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 3, GOSSIP_SELF_CERTIFIED, true);
    fixture_plain(&f, 0, "t", "x");
    const uint64_t handle = fixture_first(&f, GOSSIP_DELIVER)->handle;
    CHECK_OK(
        fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_DOWN, .peer = 0 }));
    const struct peer_id other = fixture_id(77);
    CHECK_OK(fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                                     .peer = 0,
                                                     .peer_id = &other,
                                                     .version = GOSSIP_V11,
                                                     .credit = FIXTURE_CREDIT }));
    fixture_subscription(&f, 0, "t", true);
    CHECK_OK(fixture_verdict(&f, handle, GOSSIP_REJECT));
    CHECK_EQ(gossip_misdeeds(f.g, 0), 0); /* not the new one's fault */
    CHECK_EQ(
        fixture_step(&f, (struct gossip_input){ .kind = GOSSIP_PEER_DOWN, .peer = 9 }),
        PANDO_INVALID);
    fixture_teardown(&f);
}

int main(void)
{
    if (crypto_init() != PANDO_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(hello_tells_all_our_subscriptions),
        TEST(grafts_subscribers_until_the_mesh_has_d),
        TEST(heartbeat_fills_a_thin_mesh_and_shrinks_a_thick_one),
        TEST(refuses_a_graft_beyond_d_high_from_who_dialled_us),
        TEST(a_pruned_peer_is_left_alone_until_its_backoff_ends_with_slack),
        TEST(reconnecting_does_not_end_a_backoff),
        TEST(forwards_what_the_application_accepts_and_only_that),
        TEST(delivers_a_message_once_and_spares_who_sent_a_copy),
        TEST(shares_one_object_among_all_receivers),
        TEST(a_topic_without_signatures_refuses_signed_messages),
        TEST(publishing_the_same_data_twice_is_refused_without_signatures),
        TEST(an_empty_mesh_falls_back_to_any_subscriber),
        TEST(publishing_without_subscribing_keeps_a_fanout_for_a_minute),
        TEST(flood_publish_reaches_every_subscriber),
        TEST(tells_ids_to_peers_outside_the_mesh_and_answers_iwant_three_times),
        TEST(tells_recent_ids_once_to_who_has_just_come_into_the_mesh),
        TEST(asks_for_unseen_ids_and_counts_a_broken_promise),
        TEST(a_verdict_that_never_comes_counts_as_ignore),
        TEST(leaving_prunes_the_mesh_and_says_so),
        TEST(what_was_seen_stays_seen_when_we_leave_and_join_again),
        TEST(a_peer_that_unsubscribes_leaves_the_mesh),
        TEST(sends_only_within_credit_and_drops_gossip_first),
        TEST(a_departed_peers_handle_may_be_used_again),
    };
    return CHECK_RUN(tests);
}
