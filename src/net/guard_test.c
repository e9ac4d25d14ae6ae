#include "net/guard.h"

#include "check.h"

/* NEW_CONNECTION_ID with one-byte integers: 18 seq rpt 08 cid(8) token(16). */
static size_t put_new_id(uint8_t *at, uint8_t seq, uint8_t retire_prior_to)
{
    at[0] = 0x18;
    at[1] = seq;
    at[2] = retire_prior_to;
    at[3] = 8;
    memset(at + 4, 0xa0, 24);
    return 28;
}

static bool is_zero(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != 0)
            return false;
    return true;
}

static void overwrites_ids_below_the_highest_retire_prior_to(void **state)
{
    (void)state;
    uint8_t buf[3 * 28];
    put_new_id(buf, 40, 40);
    put_new_id(buf + 28, 9, 9);
    put_new_id(buf + 56, 9, 9);
    struct guard_stops stops = { 0 };
    uint64_t highest = 0;
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 2);
    CHECK_EQ(highest, 40);
    CHECK_EQ(buf[0], 0x18);
    CHECK(is_zero(buf + 28, 56));
}

static void remembers_across_packets(void **state)
{
    (void)state;
    uint8_t buf[28];
    struct guard_stops stops = { 0 };
    uint64_t highest = 0;
    put_new_id(buf, 7, 5);
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 0);
    put_new_id(buf, 4, 4);
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 1);
    put_new_id(buf, 5, 5);
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 0);
}

static void finds_the_frame_behind_every_other_kind(void **state)
{
    (void)state;
    static const uint8_t before[] = {
        0x00, 0x00, 0x01,                                     /* padding, ping */
        0x02, 0x05, 0x00, 0x01, 0x00, 0x01, 0x01,             /* ack, one range */
        0x03, 0x40, 0x05, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, /* ack with ecn */
        0x04, 0x00, 0x01, 0x02, 0x05, 0x40, 0x44, 0x01, 0x11, 0x00, 0x01, 0x15, 0x00, 0x05,
        0x06, 0x00, 0x02, 0xaa, 0xbb,                         /* crypto */
        0x07, 0x01, 0xcc,                                     /* new token */
        0x10, 0x01, 0x12, 0x01, 0x13, 0x01, 0x14, 0x01, 0x16, 0x01, 0x17, 0x01, 0x19, 0x01,
        0x1a, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 1, 2, 3, 4, 5, 6, 7, 8,
        0x0a, 0x00, 0x02, 0x18, 0x18,                         /* stream with length */
        0x0e, 0x00, 0x05, 0x01, 0x18,                         /* and with offset */
        0x1c, 0x01, 0x00, 0x01, 0x18, 0x1d, 0x01, 0x01, 0x18, 0x1e,
    };
    uint8_t buf[sizeof before + 28];
    memcpy(buf, before, sizeof before);
    put_new_id(buf + sizeof before, 3, 3);
    struct guard_stops stops = { 0 };
    uint64_t highest = 10;
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 1);
    CHECK_MEM(buf, before, sizeof before);
    CHECK(is_zero(buf + sizeof before, 28));
    CHECK_EQ(stops.len, 1);
    CHECK_EQ(stops.ids[0], 0x44);
}

/* Beyond its cap the note is cut, nothing else changes. */
static void notes_only_so_many_stops(void **state)
{
    (void)state;
    uint8_t buf[3 * (GUARD_STOPS_MAX + 5)];
    struct guard_stops stops = { 0 };
    uint64_t highest = 0;
    for (size_t i = 0; i < sizeof buf; i += 3) {
        buf[i] = 0x05;
        buf[i + 1] = 0x04;
        buf[i + 2] = 0x00;
    }
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 0);
    CHECK_EQ(stops.len, GUARD_STOPS_MAX);
}

static void leaves_stream_data_alone(void **state)
{
    (void)state;
    uint8_t buf[2 + 28] = { 0x08, 0x00 }; /* a stream frame up to the packet's end */
    put_new_id(buf + 2, 3, 3);
    uint8_t copy[sizeof buf];
    memcpy(copy, buf, sizeof buf);
    struct guard_stops stops = { 0 };
    uint64_t highest = 10;
    CHECK_EQ(guard_frames(buf, sizeof buf, &highest, &stops), 0);
    CHECK_MEM(buf, copy, sizeof buf);
}

/* Whatever was cut off, nothing is touched behind it and the walk ends. */
static void stops_at_a_truncated_frame(void **state)
{
    (void)state;
    uint8_t frame[28];
    put_new_id(frame, 3, 3);
    for (size_t len = 0; len < sizeof frame; len++) {
        uint8_t cut[28];
        memcpy(cut, frame, sizeof cut);
        struct guard_stops stops = { 0 };
        uint64_t highest = 10;
        CHECK_EQ(guard_frames(cut, len, &highest, &stops), 0);
        CHECK_MEM(cut, frame, sizeof cut);
        CHECK_EQ(highest, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(overwrites_ids_below_the_highest_retire_prior_to),
        TEST(remembers_across_packets),
        TEST(finds_the_frame_behind_every_other_kind),
        TEST(notes_only_so_many_stops),
        TEST(leaves_stream_data_alone),
        TEST(stops_at_a_truncated_frame),
    };
    return CHECK_RUN(tests);
}
