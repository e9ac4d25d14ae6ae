#include "codec/wire.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/pb.h"
#include "vectors.h"

#include <inttypes.h>
#include <stdlib.h>

static void uvarints_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "uvarint");
    while (vectors_next(&v)) {
        CHECK_NOTE("%s\n", v.columns[0]);
        const struct pando_slice bytes = vectors_bytes(&v, 1);
        struct wire_reader r = wire_read(bytes);
        const uint64_t got = wire_get_uvarint(&r);
        CHECK_EQ(r.failed, vectors_is(&v, 2, "reject"));
        if (r.failed) {
            CHECK_EQ(got, 0);
            continue;
        }
        CHECK(wire_read_done(&r));
        CHECK_EQ(got, strtoull(v.columns[2], NULL, 10));
        uint8_t again[WIRE_UVARINT_MAX];
        struct wire_writer w = wire_write(again, sizeof again);
        wire_put_uvarint(&w, got);
        CHECK(slice_equal(wire_written(&w), bytes));
        CHECK_EQ(wire_uvarint_size(got), bytes.len);
    }
}

/* A stream hands over a length byte by byte: 0 means "wait", -1 "never". */
static void a_peek_tells_short_from_wrong(void **state)
{
    (void)state;
    const uint8_t good[] = { 0x80, 0x80, 0x01 }, padded[] = { 0x80, 0x00 };
    uint8_t endless[12];
    uint64_t value = 7;
    memset(endless, 0xff, sizeof endless);
    CHECK_EQ(wire_peek_uvarint(SLICE_EMPTY, &value), 0);
    CHECK_EQ(wire_peek_uvarint(slice_of(good, 2), &value), 0);
    CHECK_EQ(value, 7);
    CHECK_EQ(wire_peek_uvarint(SLICE_OF(good), &value), 3);
    CHECK_EQ(value, 16384);
    CHECK_EQ(wire_peek_uvarint(SLICE_OF(padded), &value), -1);
    CHECK_EQ(wire_peek_uvarint(slice_of(endless, 8), &value), 0);
    CHECK_EQ(wire_peek_uvarint(slice_of(endless, 9), &value), -1);
}

static void failure_is_sticky_and_reads_zeros(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 1, 2, 3, 4 };
    uint8_t copy[2] = { 9, 9 };
    struct wire_reader r = wire_read(SLICE_OF(bytes));
    CHECK_EQ(wire_get_be(&r, 2), 0x0102);
    CHECK_EQ(wire_get_be(&r, 3), 0);
    CHECK(r.failed);
    CHECK_EQ(wire_get_le(&r, 1), 0);
    CHECK_EQ(wire_get_bytes(&r, 1).len, 0);
    CHECK_EQ(wire_get_block(&r, 10).len, 0);
    wire_get_copy(&r, copy, sizeof copy);
    CHECK_EQ(copy[0] + copy[1], 0);
    CHECK(!wire_read_done(&r));
}

static void a_block_over_its_limit_is_refused(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 3, 'a', 'b', 'c' };
    struct wire_reader r = wire_read(SLICE_OF(bytes));
    CHECK_EQ(wire_get_block(&r, 3).len, 3);
    CHECK(wire_read_done(&r));
    r = wire_read(SLICE_OF(bytes));
    CHECK_EQ(wire_get_block(&r, 2).len, 0);
    CHECK(r.failed);
}

static void a_writer_never_passes_its_end(void **state)
{
    (void)state;
    uint8_t room[4] = { 0, 0, 0, 0x5a };
    struct wire_writer w = wire_write(room, 3);
    wire_put_be(&w, 0x0102, 2);
    wire_put_le(&w, 0x0102, 2);
    CHECK(w.failed);
    CHECK_EQ(w.len, 2);
    wire_put_be(&w, 3, 1); /* would fit, but comes after a failure */
    CHECK_EQ(w.len, 2);
    CHECK_EQ(room[2], 0);
    CHECK_EQ(room[3], 0x5a);
}

static void numbers_come_back_in_both_byte_orders(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[32];
        const size_t size = 1 + (size_t)rng_below(&rng, 8);
        const uint64_t value = rng_next(&rng) >> (64 - 8 * size);
        struct wire_writer w = wire_write(bytes, sizeof bytes);
        wire_put_be(&w, value, size);
        wire_put_le(&w, value, size);
        wire_put_uvarint(&w, value >> 1);
        struct wire_reader r = wire_read(wire_written(&w));
        CHECK(wire_get_be(&r, size) == value);
        CHECK(wire_get_le(&r, size) == value);
        CHECK(wire_get_uvarint(&r) == value >> 1);
        CHECK(wire_read_done(&r));
    }
}

static void protobuf_fields_come_back_in_order(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    pb_put_uint(&w, 1, 0);
    pb_put_uint(&w, 2, UINT64_MAX);
    pb_put_bytes(&w, 16, slice_text("abc"));
    CHECK_EQ(w.len,
             pb_uint_size(1, 0) + pb_uint_size(2, UINT64_MAX) + pb_bytes_size(16, 3));
    struct wire_reader r = wire_read(wire_written(&w));
    struct pb_field f;
    CHECK(pb_next(&r, &f) && f.number == 1 && f.type == PB_VARINT && f.value == 0);
    CHECK(pb_next(&r, &f) && f.number == 2 && f.value == UINT64_MAX);
    CHECK(pb_next(&r, &f) && f.number == 16 && f.type == PB_BYTES);
    CHECK(slice_equal(f.bytes, slice_text("abc")));
    CHECK(!pb_next(&r, &f) && wire_read_done(&r));
}

static bool reads_to_the_end(const char *bytes, size_t len)
{
    struct wire_reader r = wire_read(slice_of(bytes, len));
    struct pb_field f;
    while (pb_next(&r, &f))
        ;
    return wire_read_done(&r);
}

static void protobuf_tolerates_padding_and_unknown_fields_only(void **state)
{
    (void)state;
    CHECK(reads_to_the_end("\x88\x00\x81\x00", 4)); /* padded key and value */
    CHECK(reads_to_the_end("\x0d\1\2\3\4\x11\1\2\3\4\5\6\7\x08", 14)); /* fixed */
    CHECK(reads_to_the_end("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
    /* 65 bits */
    CHECK(!reads_to_the_end("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11));
    CHECK(!reads_to_the_end("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12));
    CHECK(!reads_to_the_end("\x00\x01", 2)); /* field 0 */
    CHECK(!reads_to_the_end("\x0b\x0c", 2)); /* a group */
    CHECK(!reads_to_the_end("\x0a\x05xyz", 5)); /* cut off */
    CHECK(!reads_to_the_end("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
    CHECK(!reads_to_the_end("\x80\x80\x80\x80\x80\x01\x00", 7)); /* key over 32 bits */
    CHECK(!reads_to_the_end("\x08", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(uvarints_agree_with_the_vectors),
        TEST(a_peek_tells_short_from_wrong),
        TEST(failure_is_sticky_and_reads_zeros),
        TEST(a_block_over_its_limit_is_refused),
        TEST(a_writer_never_passes_its_end),
        TEST(numbers_come_back_in_both_byte_orders),
        TEST(protobuf_fields_come_back_in_order),
        TEST(protobuf_tolerates_padding_and_unknown_fields_only),
    };
    return CHECK_RUN(tests);
}
