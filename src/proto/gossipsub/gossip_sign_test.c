/* Topics under libp2p's StrictSign: authors, signatures, and the three forms of ids. */
#include "proto/gossipsub/gossip_fixture.h"

#define PEERS 32

/* Bring up `len` peers that subscribe to "t", after we joined it. */
static void setup_mesh(struct fixture *f, uint32_t len)
{
    fixture_setup(f, PEERS);
    CHECK_OK(fixture_join(f, "t", GOSSIP_STRICT_SIGN, false));
    for (uint32_t i = 0; i < len; i++) {
        fixture_up(f, i, i % 2 == 0);
        fixture_subscription(f, i, "t", true);
    }
}

static void verifies_before_it_delivers(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 4);
    fixture_signed(&f, 0, 9, 77, "t", "hello", false);
    CHECK_EQ(fixture_count(&f, GOSSIP_VERIFY), 1);
    CHECK_EQ(f.sends_len, 0);
    fixture_verify(&f);
    const struct gossip_effect *e = fixture_first(&f, GOSSIP_DELIVER);
    const struct peer_id author = fixture_id(9);
    CHECK(peer_id_equal(&e->author, &author));
    CHECK_EQ(e->seqno, 77);
    CHECK(slice_equal(e->data, slice_text("hello")));
    CHECK_EQ(f.sends_len, 3);
    fixture_teardown(&f);
}

/* The author never gets its own message back, whoever forwarded it. */
static void does_not_send_a_message_to_its_author(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 4);
    fixture_signed(&f, 0, 2, 1, "t", "hello", false);
    fixture_verify(&f);
    CHECK_EQ(fixture_sent(&f, 2, GOSSIP_ITEM_MESSAGE, "t", NULL), 0);
    CHECK_EQ(f.sends_len, 2);
    fixture_teardown(&f);
}

/* A forged copy comes first: it must neither pass nor keep the true one from passing, and
 * is not verified twice. */
static void a_forged_copy_does_not_hide_the_true_message(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 4);
    fixture_signed(&f, 0, 9, 5, "t", "hello", true);
    fixture_verify(&f);
    CHECK_EQ(fixture_first(&f, GOSSIP_FAULT)->status, PANDO_FORGED);
    CHECK_EQ(fixture_first(&f, GOSSIP_FAULT)->peer, 0);
    fixture_signed(&f, 1, 9, 5, "t", "hello", true);
    CHECK_EQ(f.effects_len, 0);
    fixture_signed(&f, 2, 9, 5, "t", "hello", false);
    fixture_verify(&f);
    CHECK_EQ(fixture_count(&f, GOSSIP_DELIVER), 1);
    fixture_signed(&f, 3, 9, 5, "t", "other data, same number", false);
    CHECK_EQ(f.effects_len, 0);
    fixture_teardown(&f);
}

static void our_own_message_echoed_is_dropped(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 2);
    fixture_signed(&f, 0, 5000, 1, "t", "as if from us", false);
    CHECK_EQ(f.effects_len, 0);
    CHECK_EQ(gossip_count(f.g)->own_echo, 1);
    fixture_teardown(&f);
}

static void publishing_signs_and_tells_how_many_it_reached(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 3);
    CHECK_OK(fixture_publish(&f, "t", slice_text("hi"), GOSSIP_STRICT_SIGN));
    CHECK_EQ(gossip_reached(f.g), 3);
    struct gossip_item item;
    CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_MESSAGE, "t", &item), 1);
    struct bytes *to_sign = gossip_message_signed(&item.message);
    struct pando_sig sig;
    struct pando_key key;
    CHECK_EQ(item.message.signature.len, sizeof sig.bytes);
    memcpy(sig.bytes, item.message.signature.ptr, sizeof sig.bytes);
    CHECK_OK(peer_id_key(&f.config.self, &key));
    CHECK(crypto_verify(&key, bytes_view(to_sign), &sig));
    CHECK_EQ(item.message.key.len, 0);
    bytes_unref(to_sign);
    fixture_teardown(&f);
}

/* Ids as go, js and rust make them, for the author of the fixture's peer 9. */
static void knows_a_signed_message_under_all_three_names(void **state)
{
    (void)state;
    static struct fixture f;
    setup_mesh(&f, 2);
    fixture_signed(&f, 0, 9, 258, "t", "hello", false);
    fixture_verify(&f);
    const struct peer_id author = fixture_id(9);
    uint8_t go[64], js[64];
    char rust[PEER_ID_TEXT_MAX + 24], text[PEER_ID_TEXT_MAX];
    struct wire_writer w = wire_write(go, sizeof go), v = wire_write(js, sizeof js);
    wire_put_bytes(&w, slice_of(author.bytes, author.len));
    wire_put_be(&w, 258, 8);
    wire_put_bytes(&v, slice_of(author.bytes + 2, author.len - 2u)); /* without 00 24 */
    wire_put_be(&v, 258, 8);
    peer_id_print(&author, text);
    (void)snprintf(rust, sizeof rust, "%s258", text);
    const struct pando_slice forms[] = { wire_written(&w), wire_written(&v),
                                         slice_text(rust) };
    for (size_t i = 0; i < 3; i++) {
        fixture_ids(&f, 1, "t", forms[i]);
        CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_IWANT, NULL, NULL), 0);
        fixture_ids(&f, 1, "", forms[i]);
        CHECK_EQ(fixture_sent(&f, 1, GOSSIP_ITEM_MESSAGE, "t", NULL), 1);
    }
    fixture_teardown(&f);
}

/* Told in a foreign form, js would ask, not recognise the answer, and blame us. */
static void each_peer_is_told_ids_in_its_own_form(void **state)
{
    (void)state;
    static struct fixture f;
    static const char *const agents[] = { "go-ipfs/0.40", "js-libp2p/3.3.11",
                                          "rust-libp2p/0.5", "?" };
    static const size_t lens[] = { 46, 44, 56, 56 };
    fixture_setup(&f, PEERS);
    CHECK_OK(fixture_join(&f, "t", GOSSIP_STRICT_SIGN, false));
    for (uint32_t i = 0; i < 4; i++) {
        const struct peer_id id = fixture_id(i);
        CHECK_OK(fixture_step(
            &f, (struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                       .peer = i,
                                       .peer_id = &id,
                                       .version = GOSSIP_V11,
                                       .credit = FIXTURE_CREDIT,
                                       .form = gossip_form_of_agent(agents[i]) }));
        fixture_subscription(&f, i, "t", true);
    }
    fixture_ids(&f, 3, "t", slice_text("12D3KooWsomebody17")); /* so it is of rust */
    CHECK_OK(fixture_publish(&f, "t", slice_text("hi"), GOSSIP_STRICT_SIGN));
    fixture_beat(&f);
    uint8_t ids[4][100];
    for (uint32_t i = 0; i < 4; i++) {
        struct gossip_item item;
        struct pando_slice id;
        CHECK_EQ(fixture_sent(&f, i, GOSSIP_ITEM_IHAVE, "t", &item), 1);
        struct wire_reader body = wire_read(item.body);
        CHECK(gossip_id_next(&body, GOSSIP_ITEM_IHAVE, &id));
        CHECK_EQ(id.len, lens[i]);
        memcpy(ids[i], id.ptr, id.len);
    }
    for (uint32_t i = 0; i < 4; i++) {
        fixture_ids(&f, i, "", slice_of(ids[i], lens[i]));
        CHECK_EQ(fixture_sent(&f, i, GOSSIP_ITEM_MESSAGE, "t", NULL), 1);
    }
    fixture_teardown(&f);
}

int main(void)
{
    if (crypto_init() != PANDO_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(verifies_before_it_delivers),
        TEST(does_not_send_a_message_to_its_author),
        TEST(a_forged_copy_does_not_hide_the_true_message),
        TEST(our_own_message_echoed_is_dropped),
        TEST(publishing_signs_and_tells_how_many_it_reached),
        TEST(knows_a_signed_message_under_all_three_names),
        TEST(each_peer_is_told_ids_in_its_own_form),
    };
    return CHECK_RUN(tests);
}
