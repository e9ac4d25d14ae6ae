#include "codec/cbor.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/cid.h"
#include "vectors.h"

#include <math.h>
#include <stdio.h>

static void strictness_agrees_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "dag-cbor");
    while (vectors_next(&v)) {
        CHECK_NOTE("%s\n", v.columns[0]);
        const bool reject = vectors_is(&v, 2, "reject");
        CHECK_EQ(cbor_check(vectors_bytes(&v, 1)), reject ? PANDO_MALFORMED : PANDO_OK);
    }
}

/* A random value; map keys are made in their order, of growing length. */
static void put_random(struct rng *rng, struct wire_writer *w, int depth)
{
    uint8_t noise[40];
    const size_t len = (size_t)rng_below(rng, sizeof noise);
    const uint64_t number = rng_next(rng) >> rng_below(rng, 64);
    rng_fill(rng, noise, sizeof noise);
    struct pando_id id;
    memcpy(id.bytes, noise, sizeof id.bytes);
    switch (rng_below(rng, depth > 0 ? 10 : 8)) {
    case 0: cbor_put_uint(w, number); return;
    case 1: cbor_put_int(w, (int64_t)number); return;
    case 2: cbor_put_bytes(w, slice_of(noise, len)); return;
    case 3: cbor_put_text(w, slice_text("gr\xc3\xbc\xc3\x9f dich")); return;
    case 4: cbor_put_bool(w, number % 2 == 0); return;
    case 5: cbor_put_null(w); return;
    case 6: cbor_put_float(w, (double)number / 7); return;
    case 7: cbor_put_link(w, CID_DAG_CBOR, &id); return;
    case 8:
        cbor_put_array(w, len % 5);
        for (size_t i = 0; i < len % 5; i++)
            put_random(rng, w, depth - 1);
        return;
    default: break;
    }
    cbor_put_map(w, len % 5);
    for (size_t i = 0; i < len % 5; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%.*s", (int)i + 1, "kkkkkkk");
        cbor_put_key(w, key);
        put_random(rng, w, depth - 1);
    }
}

static void what_the_writer_emits_the_reader_accepts(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 16];
    struct rng rng = rng_seeded(4);
    for (int i = 0; i < 3000; i++) {
        struct wire_writer w = wire_write(bytes, sizeof bytes);
        put_random(&rng, &w, 4);
        CHECK(!w.failed);
        CHECK_OK(cbor_check(wire_written(&w)));
        struct wire_reader r = wire_read(wire_written(&w));
        CHECK_EQ(cbor_skip(&r).len, w.len);
        CHECK(wire_read_done(&r));
        if (w.len > 1) { /* no prefix of a value is a value */
            const size_t cut = 1 + (size_t)rng_below(&rng, w.len - 1);
            CHECK_EQ(cbor_check(slice_of(bytes, cut)), PANDO_MALFORMED);
        }
    }
}

static void mutated_values_are_read_within_their_bytes(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 16];
    struct rng rng = rng_seeded(5);
    for (int i = 0; i < 20000; i++) {
        struct wire_writer w = wire_write(bytes, sizeof bytes);
        put_random(&rng, &w, 3);
        for (uint64_t j = 1 + rng_below(&rng, 3); j > 0; j--)
            bytes[rng_below(&rng, w.len)] ^= (uint8_t)(1 << rng_below(&rng, 8));
        struct wire_reader r = wire_read(wire_written(&w));
        const struct pando_slice skipped = cbor_skip(&r);
        CHECK(r.failed || skipped.len <= w.len);
        if (cbor_check(wire_written(&w)) == PANDO_OK)
            CHECK_EQ(skipped.len, w.len);
    }
}

static void typed_reads_give_what_was_written(void **state)
{
    (void)state;
    uint8_t bytes[256];
    const struct pando_id id = { { 1, 2, 3 } };
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    cbor_put_map(&w, 4);
    cbor_put_key(&w, "a");
    cbor_put_int(&w, INT64_MIN);
    cbor_put_key(&w, "b");
    cbor_put_array(&w, 2);
    cbor_put_bool(&w, true);
    cbor_put_uint(&w, UINT64_MAX);
    cbor_put_key(&w, "c");
    cbor_put_link(&w, CID_RAW, &id);
    cbor_put_key(&w, "d");
    cbor_put_bytes(&w, slice_text("xyz"));
    CHECK_OK(cbor_check(wire_written(&w)));

    struct wire_reader r = wire_read(wire_written(&w));
    CHECK_EQ(cbor_get_map(&r, 4), 4);
    cbor_expect_key(&r, "a");
    CHECK(cbor_get_int(&r) == INT64_MIN);
    cbor_expect_key(&r, "b");
    CHECK_EQ(cbor_get_array(&r, 2), 2);
    CHECK(cbor_get_bool(&r));
    CHECK(cbor_get_uint(&r) == UINT64_MAX);
    cbor_expect_key(&r, "c");
    const struct pando_id got = cbor_get_link(&r, CID_RAW);
    CHECK(id_equal(&got, &id));
    cbor_expect_key(&r, "d");
    CHECK(slice_equal(cbor_get_bytes(&r, 3), slice_text("xyz")));
    CHECK(wire_read_done(&r));
}

/* One reader per read: what it would have to accept is wrong in kind, size or value. */
static void typed_reads_refuse_everything_else(void **state)
{
    (void)state;
    const char *const text = "\x63"
                             "abc",
                      *const array = "\x82\x01\x02", *const map = "\xa0";
    const char *const large = "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", *const no = "\xf6";
    struct wire_reader r;
#define REFUSES(bytes, len, call)                                                        \
    do {                                                                                 \
        r = wire_read(slice_of(bytes, len));                                             \
        (void)(call);                                                                    \
        CHECK(r.failed);                                                                 \
    } while (0)
    REFUSES(text, 4, cbor_get_uint(&r));
    REFUSES(text, 4, cbor_get_int(&r));
    REFUSES(large, 9, cbor_get_int(&r));
    REFUSES(text, 4, cbor_get_bytes(&r, 9).len);
    REFUSES(text, 4, cbor_get_text(&r, 2).len);
    REFUSES(array, 3, cbor_get_array(&r, 1));
    REFUSES(array, 3, cbor_get_map(&r, 9));
    REFUSES(map, 1, cbor_get_array(&r, 9));
    REFUSES(no, 1, cbor_get_bool(&r));
    REFUSES(text, 4, cbor_get_link(&r, CID_RAW).bytes[0]);
    REFUSES(array, 2, cbor_skip(&r).len);
#undef REFUSES
    r = wire_read(slice_of(text, 4));
    cbor_expect_key(&r, "abd");
    CHECK(r.failed);
}

static void the_writer_refuses_what_no_reader_would_take(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    cbor_put_text(&w, slice_text("\xed\xa0\x80"));
    CHECK(w.failed);
    w = wire_write(bytes, sizeof bytes);
    cbor_put_float(&w, (double)NAN);
    CHECK(w.failed);
    w = wire_write(bytes, sizeof bytes);
    cbor_put_cid(&w, slice_text("no cid"));
    CHECK(w.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strictness_agrees_with_the_vectors),
        TEST(what_the_writer_emits_the_reader_accepts),
        TEST(mutated_values_are_read_within_their_bytes),
        TEST(typed_reads_give_what_was_written),
        TEST(typed_reads_refuse_everything_else),
        TEST(the_writer_refuses_what_no_reader_would_take),
    };
    return CHECK_RUN(tests);
}
