#include "proto/gossipsub/gossip_wire.h"

#include "base/slice.h"
#include "check.h"
#include "codec/multibase.h"
#include "codec/pb.h"
#include "crypto/sign.h"

static size_t unhex(const char *text, uint8_t *out, size_t cap)
{
    size_t len;
    CHECK_OK(multibase_decode(MULTIBASE_16, slice_text(text), out, cap, &len));
    return len;
}

static void check_framed(struct bytes *b, const char *hex)
{
    uint8_t want[512];
    const size_t len = unhex(hex, want, sizeof want);
    CHECK_EQ(bytes_view(b).len, len);
    CHECK_MEM(bytes_view(b).ptr, want, len);
    bytes_unref(b);
}

/* Bytes that js-libp2p sent for the same content. */
static void writes_control_as_js_does(void **state)
{
    (void)state;
    uint8_t out[64];
    struct wire_writer w = wire_write(out, sizeof out);
    gossip_put_subscription(&w, true, slice_text("topic"));
    check_framed(gossip_control_frame(wire_written(&w), SLICE_EMPTY),
                 "0b0a0908011205746f706963");
    w = wire_write(out, sizeof out);
    gossip_put_graft(&w, slice_text("topic"));
    check_framed(gossip_control_frame(SLICE_EMPTY, wire_written(&w)),
                 "0b1a091a070a05746f706963");
}

/* The seed of zeros signs topic "topic", data "hello", number 1. */
static void signs_and_writes_the_known_message(void **state)
{
    (void)state;
    const uint8_t seed[32] = { 0 };
    struct crypto_secret secret;
    crypto_secret_from_seed(seed, &secret);
    const struct pando_key key = crypto_public(&secret);
    const struct peer_id id = peer_id_from_key(&key);
    const uint8_t seqno[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };
    struct gossip_message m = {
        .from = slice_of(id.bytes, id.len),
        .data = slice_text("hello"),
        .seqno = SLICE_OF(seqno),
        .topic = slice_text("topic"),
    };
    struct bytes *to_sign = gossip_message_signed(&m);
    const struct pando_sig sig = crypto_sign(&secret, bytes_view(to_sign));
    bytes_unref(to_sign);
    uint8_t want[64];
    unhex("34e5d9658831314d9de2b9fa0eeea7189974ae66ae07e8246adb8eeb02199449"
          "dcd0b1caaf1b582898c34707ca055c472f14fee21ff8593284c8fccb1eec7d01",
          want, sizeof want);
    CHECK_MEM(sig.bytes, want, sizeof want);

    m.signature = SLICE_OF(sig);
    struct gossip_layout layout;
    struct bytes *b = gossip_message_frame(&m, &layout);
    CHECK_MEM(bytes_view(b).ptr + layout.data_at, "hello", 5);
    CHECK_EQ(layout.signed_len, 64);
    check_framed(b, "85011282010a260024080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771d"
                    "e243a63ac048a18b"
                    "59da29120568656c6c6f1a0800000000000000012205746f7069632a4034e5d96588"
                    "31314d9de2b9fa0e"
                    "eea7189974ae66ae07e8246adb8eeb02199449dcd0b1caaf1b582898c34707ca055c"
                    "472f14fee21ff859"
                    "3284c8fccb1eec7d01");
}

static void reads_all_kinds_and_skips_unknown_fields(void **state)
{
    (void)state;
    uint8_t control[256], out[512];
    struct wire_writer c = wire_write(control, sizeof control),
                       w = wire_write(out, sizeof out);
    gossip_put_graft(&c, slice_text("a"));
    pb_put_bytes(&c, 5, slice_text("idontwant of another version"));
    gossip_put_prune(&c, slice_text("b"), true, 60);
    pb_put_uint(&w, 99, 7);
    gossip_put_subscription(&w, false, slice_text("s"));
    pb_put_bytes(&w, 3, wire_written(&c));
    pb_put_bytes(&w, 10, slice_text("partial"));
    CHECK_OK(gossip_rpc_check(wire_written(&w)));
    struct gossip_rpc r = gossip_rpc_read(wire_written(&w));
    struct gossip_item item;
    CHECK(gossip_rpc_next(&r, &item));
    CHECK(item.kind == GOSSIP_ITEM_SUBSCRIPTION && !item.subscribe);
    CHECK(gossip_rpc_next(&r, &item));
    CHECK(item.kind == GOSSIP_ITEM_GRAFT && slice_equal(item.topic, slice_text("a")));
    CHECK(gossip_rpc_next(&r, &item));
    CHECK(item.kind == GOSSIP_ITEM_PRUNE && item.backoff == 60);
    CHECK(!gossip_rpc_next(&r, &item));
}

static void ids_come_back_as_they_were_put(void **state)
{
    (void)state;
    uint8_t out[256];
    for (int ihave = 0; ihave <= 1; ihave++) {
        struct wire_writer w = wire_write(out, sizeof out);
        gossip_put_id(&w, ihave != 0, slice_text("one"));
        gossip_put_id(&w, ihave != 0, slice_text("two"));
        struct bytes *b =
            gossip_ids_frame(ihave ? slice_text("t") : SLICE_EMPTY, wire_written(&w));
        struct gossip_rpc r = gossip_rpc_read(slice_from(bytes_view(b), 1));
        struct gossip_item item;
        CHECK(gossip_rpc_next(&r, &item));
        CHECK_EQ(item.kind, ihave ? GOSSIP_ITEM_IHAVE : GOSSIP_ITEM_IWANT);
        struct wire_reader body = wire_read(item.body);
        struct pando_slice id;
        CHECK(gossip_id_next(&body, item.kind, &id) &&
              slice_equal(id, slice_text("one")));
        CHECK(gossip_id_next(&body, item.kind, &id) &&
              slice_equal(id, slice_text("two")));
        CHECK(!gossip_id_next(&body, item.kind, &id));
        bytes_unref(b);
    }
}

/* Method: every proper prefix of a good RPC is either well formed or refused, and items
 * are counted before any is acted upon. */
static void refuses_cut_rpcs(void **state)
{
    (void)state;
    uint8_t out[64];
    struct wire_writer w = wire_write(out, sizeof out);
    gossip_put_subscription(&w, true, slice_text("topic"));
    for (size_t len = 1; len < w.len; len++)
        CHECK_EQ(gossip_rpc_check(slice_of(out, len)), PANDO_MALFORMED);
    CHECK_OK(gossip_rpc_check(SLICE_EMPTY));
}

int main(void)
{
    if (crypto_init() != PANDO_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(writes_control_as_js_does),
        TEST(signs_and_writes_the_known_message),
        TEST(reads_all_kinds_and_skips_unknown_fields),
        TEST(ids_come_back_as_they_were_put),
        TEST(refuses_cut_rpcs),
    };
    return CHECK_RUN(tests);
}
