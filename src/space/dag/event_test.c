#include "space/dag/event.h"

#include "base/slice.h"
#include "check.h"
#include "codec/cbor.h"

#include <string.h>

struct fixture {
    struct crypto_secret secret;
    struct event ev;
    uint8_t body[300];
    uint8_t block[EVENT_BLOCK_MAX];
    struct pando_slice bytes;
};

static void setup(struct fixture *f)
{
    const uint8_t seed[32] = { 7 };
    *f = (struct fixture){
        .ev = { .seq = 3, .epoch = 1, .time = 1800000000000, .kind = EVENT_DATA }
    };
    crypto_secret_from_seed(seed, &f->secret);
    f->ev.author = crypto_public(&f->secret);
    memset(f->ev.space.bytes, 0x51, 32);
    f->ev.parents_len = 2;
    memset(f->ev.parents[0].bytes, 0xa1, 32);
    memset(f->ev.parents[1].bytes, 0xa2, 32);
    struct wire_writer w = wire_write(f->body, sizeof f->body);
    const uint8_t payload[256] = { 9 };
    cbor_put_bytes(&w, SLICE_OF(payload));
    f->ev.body = wire_written(&w);
    CHECK_OK(event_sign(&f->ev, &f->secret, f->block, sizeof f->block));
    f->bytes = f->ev.block;
}

static bool verifies(const struct event *ev)
{
    uint8_t bytes[EVENT_BLOCK_MAX];
    event_signed_bytes(ev, bytes);
    return crypto_verify(&ev->author, slice_of(bytes, event_signed_size(ev)), &ev->sig);
}

static void reads_back_what_was_signed(void **state)
{
    (void)state;
    struct fixture f;
    struct event got;
    setup(&f);
    CHECK_OK(event_decode(f.bytes, &got));
    CHECK_EQ(got.seq, 3);
    CHECK_EQ(got.epoch, 1);
    CHECK_EQ(got.time, 1800000000000);
    CHECK_EQ(got.kind, EVENT_DATA);
    CHECK_EQ(got.parents_len, 2);
    CHECK_MEM(got.parents, f.ev.parents, 64);
    CHECK(slice_equal(got.body, f.ev.body));
    CHECK(id_equal(&got.id, &f.ev.id));
    CHECK(verifies(&got));
}

/* The bar for storage: 256 bytes of body cost less than 560 as a block. */
static void an_event_of_256_bytes_stays_small(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    CHECK(f.bytes.len <= 560);
}

static void the_signed_bytes_are_the_map_without_the_signature(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t got[EVENT_BLOCK_MAX], want[EVENT_BLOCK_MAX];
    setup(&f);
    event_signed_bytes(&f.ev, got);
    struct wire_writer w = wire_write(want, sizeof want);
    wire_put_bytes(&w, slice_text("pando/event/1"));
    wire_put_bytes(&w, SLICE_OF(f.ev.space));
    cbor_put_map(&w, 9);
    cbor_put_key(&w, "v");
    cbor_put_uint(&w, 1);
    cbor_put_key(&w, "seq");
    cbor_put_uint(&w, 3);
    cbor_put_key(&w, "body");
    wire_put_bytes(&w, f.ev.body);
    cbor_put_key(&w, "kind");
    cbor_put_text(&w, slice_text("data"));
    cbor_put_key(&w, "time");
    cbor_put_uint(&w, 1800000000000);
    cbor_put_key(&w, "epoch");
    cbor_put_uint(&w, 1);
    cbor_put_key(&w, "space");
    cbor_put_bytes(&w, SLICE_OF(f.ev.space));
    cbor_put_key(&w, "author");
    cbor_put_bytes(&w, SLICE_OF(f.ev.author));
    cbor_put_key(&w, "parents");
    cbor_put_array(&w, 2);
    cbor_put_link(&w, 0x71, &f.ev.parents[0]);
    cbor_put_link(&w, 0x71, &f.ev.parents[1]);
    CHECK_EQ(event_signed_size(&f.ev), w.len);
    CHECK_MEM(got, want, w.len);
}

static void no_changed_byte_passes(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint8_t copy[1024];
    for (size_t i = 0; i < f.bytes.len; i++) {
        struct event got;
        memcpy(copy, f.bytes.ptr, f.bytes.len);
        copy[i] ^= 1;
        if (event_decode(slice_of(copy, f.bytes.len), &got) == PANDO_OK)
            CHECK(!verifies(&got));
    }
}

static void no_prefix_and_no_trailing_byte_passes(void **state)
{
    (void)state;
    struct fixture f;
    struct event got;
    setup(&f);
    for (size_t len = 0; len < f.bytes.len; len++)
        CHECK_EQ(event_decode(slice_of(f.bytes.ptr, len), &got), PANDO_MALFORMED);
    CHECK_EQ(event_decode(slice_of(f.block, f.bytes.len + 1), &got), PANDO_MALFORMED);
}

static void a_newer_version_is_named_as_such(void **state)
{
    (void)state;
    struct fixture f;
    struct event got;
    setup(&f);
    f.block[3] = 2; /* "v" */
    CHECK_EQ(event_decode(f.bytes, &got), PANDO_UNSUPPORTED);
}

static void fields_out_of_bounds_are_not_signed(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const struct event good = f.ev;
    struct event bad = good;
    bad.seq = 0;
    CHECK_EQ(event_sign(&bad, &f.secret, f.block, sizeof f.block), PANDO_INVALID);
    bad = good;
    bad.parents[1] = bad.parents[0];
    CHECK_EQ(event_sign(&bad, &f.secret, f.block, sizeof f.block), PANDO_INVALID);
    bad = good;
    bad.body = slice_text("\x61"); /* a cut string */
    CHECK_EQ(event_sign(&bad, &f.secret, f.block, sizeof f.block), PANDO_INVALID);
    bad = good;
    CHECK_EQ(event_sign(&bad, &f.secret, f.block, 100), PANDO_INVALID);
}

/* Signed or not: as a peer might send it. */
static enum pando_status decode_with(const struct event *good, struct pando_slice body)
{
    uint8_t block[EVENT_BLOCK_MAX];
    struct event ev = *good, got;
    struct wire_writer w = wire_write(block, sizeof block);
    ev.body = body;
    event_encode(&ev, &w);
    return event_decode(wire_written(&w), &got);
}

static void a_body_is_strict_and_not_too_deep(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const uint8_t sorted[] = { 0xa2, 0x61, 'a', 1, 0x61, 'b', 2 };
    const uint8_t unsorted[] = { 0xa2, 0x61, 'b', 1, 0x61, 'a', 2 };
    CHECK_OK(decode_with(&f.ev, SLICE_OF(sorted)));
    CHECK_EQ(decode_with(&f.ev, SLICE_OF(unsorted)), PANDO_MALFORMED);
    uint8_t nested[CBOR_DEPTH_MAX + 1]; /* arrays of one, the event's map around them */
    memset(nested, 0x81, sizeof nested);
    nested[CBOR_DEPTH_MAX] = 0;
    struct event deep = f.ev;
    deep.body = SLICE_OF(nested);
    CHECK_EQ(decode_with(&f.ev, deep.body), PANDO_MALFORMED);
    CHECK_EQ(event_sign(&deep, &f.secret, f.block, sizeof f.block), PANDO_INVALID);
    deep.body = slice_from(deep.body, 1);
    CHECK_OK(decode_with(&f.ev, deep.body));
    CHECK_OK(event_sign(&deep, &f.secret, f.block, sizeof f.block));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_back_what_was_signed),
        TEST(an_event_of_256_bytes_stays_small),
        TEST(the_signed_bytes_are_the_map_without_the_signature),
        TEST(no_changed_byte_passes),
        TEST(no_prefix_and_no_trailing_byte_passes),
        TEST(a_newer_version_is_named_as_such),
        TEST(fields_out_of_bounds_are_not_signed),
        TEST(a_body_is_strict_and_not_too_deep),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
