/* gossip_private_test.c - topics that are not for everybody. */
#include "proto/gossipsub/gossip_fixture.h"

/* Peer 1 is not let into "p", once that is a topic of ours. */
struct door {
    bool closed;
    struct peer_id barred;
};

static bool may_join(void *ctx, struct pando_slice topic, const struct peer_id *peer)
{
    const struct door *d = ctx;
    return !d->closed || !slice_equal(topic, slice_text("p")) ||
           !peer_id_equal(peer, &d->barred);
}

static void setup(struct fixture *f, struct door *d)
{
    fixture_defaults(f, 8);
    *d = (struct door){ .closed = true, .barred = fixture_id(1) };
    f->config.join_ctx = d;
    f->config.may_join = may_join;
    f->config.flood_publish = true;
    fixture_start(f);
}

static bool knows(const struct fixture *f, const char *topic, uint32_t peer)
{
    uint32_t peers[8];
    const size_t len = gossip_subscribers(f->g, slice_text(topic), peers, 8);
    for (size_t i = 0; i < len; i++)
        if (peers[i] == peer)
            return true;
    return false;
}

/* Whether anything of "p" goes to a peer: by push, by IHAVE, by GRAFT, on demand. */
static bool is_told(struct fixture *f, uint32_t peer, const char *data)
{
    bool told = false;
    const struct pando_id id = crypto_sha256(slice_text(data));
    CHECK_OK(fixture_publish(f, "p", slice_text(data), GOSSIP_SELF_CERTIFIED));
    told = told || fixture_sent(f, peer, GOSSIP_ITEM_MESSAGE, "p", NULL) > 0;
    for (int i = 0; i < 4; i++) {
        fixture_beat(f);
        told = told || fixture_sent(f, peer, GOSSIP_ITEM_IHAVE, "p", NULL) > 0 ||
               fixture_sent(f, peer, GOSSIP_ITEM_GRAFT, "p", NULL) > 0;
    }
    fixture_ids(f, peer, "", SLICE_OF(id));
    return told || fixture_sent(f, peer, GOSSIP_ITEM_MESSAGE, "p", NULL) > 0;
}

static void a_barred_peer_is_told_nothing(void **state)
{
    (void)state;
    static struct fixture f;
    struct door d;
    setup(&f, &d);
    CHECK_OK(fixture_join(&f, "p", GOSSIP_SELF_CERTIFIED, true));
    for (uint32_t peer = 0; peer < 2; peer++) {
        fixture_up(&f, peer, false);
        fixture_subscription(&f, peer, "p", true);
        fixture_subscription(&f, peer, "q", true);
        fixture_graft(&f, peer, "p");
    }
    CHECK(knows(&f, "p", 0) && !knows(&f, "p", 1));
    CHECK(knows(&f, "q", 0) && knows(&f, "q", 1));
    CHECK(fixture_in_mesh(&f, "p", 0) && !fixture_in_mesh(&f, "p", 1));
    CHECK(is_told(&f, 0, "one"));
    CHECK(!is_told(&f, 1, "two"));
    fixture_teardown(&f);
}

/* It listened before the topic was ours: joining looks again at who is there. */
static void joining_sends_barred_listeners_away(void **state)
{
    (void)state;
    static struct fixture f;
    struct door d;
    setup(&f, &d);
    d.closed = false;
    for (uint32_t peer = 0; peer < 2; peer++) {
        fixture_up(&f, peer, true);
        fixture_subscription(&f, peer, "p", true);
    }
    CHECK_OK(fixture_publish(&f, "p", slice_text("early"), GOSSIP_SELF_CERTIFIED));
    CHECK(knows(&f, "p", 1));
    d.closed = true;
    CHECK_OK(fixture_join(&f, "p", GOSSIP_SELF_CERTIFIED, true));
    CHECK(knows(&f, "p", 0) && !knows(&f, "p", 1));
    CHECK(fixture_in_mesh(&f, "p", 0) && !fixture_in_mesh(&f, "p", 1));
    CHECK(is_told(&f, 0, "one"));
    CHECK(!is_told(&f, 1, "two"));
    fixture_teardown(&f);
}

/* Nor does its copy hide the message that others bring. */
static void what_a_barred_peer_says_is_not_read(void **state)
{
    (void)state;
    static struct fixture f;
    struct door d;
    setup(&f, &d);
    CHECK_OK(fixture_join(&f, "p", GOSSIP_SELF_CERTIFIED, true));
    fixture_up(&f, 0, false);
    fixture_up(&f, 1, false);
    fixture_plain(&f, 1, "p", "hello");
    CHECK_EQ(fixture_count(&f, GOSSIP_DELIVER), 0);
    CHECK_EQ(gossip_count(f.g)->unwanted, 1);
    const struct pando_id id = { { 7 } };
    fixture_ids(&f, 1, "p", SLICE_OF(id));
    CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_IWANT, NULL, NULL), 0);
    fixture_plain(&f, 0, "p", "hello");
    CHECK_EQ(fixture_count(&f, GOSSIP_DELIVER), 1);
    fixture_teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_barred_peer_is_told_nothing),
        TEST(joining_sends_barred_listeners_away),
        TEST(what_a_barred_peer_says_is_not_read),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
