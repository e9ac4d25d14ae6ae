#include "proto/frame.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

enum { MESSAGES = 40, MAX = 700 };

/* A stream of random messages and where each begins and ends in it. */
struct stream {
    uint8_t bytes[MESSAGES * (MAX + 2)];
    size_t len;
    size_t starts[MESSAGES], ends[MESSAGES];
};

static void fill(struct stream *s, struct rng *rng)
{
    struct wire_writer w = wire_write(s->bytes, sizeof s->bytes);
    uint8_t message[MAX];
    for (size_t i = 0; i < MESSAGES; i++) {
        const size_t len = (size_t)rng_below(rng, rng_chance(rng, 1, 4) ? MAX + 1 : 20);
        rng_fill(rng, message, len);
        wire_put_block(&w, slice_of(message, len));
        s->starts[i] = w.len - len;
        s->ends[i] = w.len;
    }
    assert_false(w.failed);
    s->len = w.len;
}

/* Method: the same stream in pieces of every size, from single bytes to the whole. */
static void yields_the_same_messages_however_the_stream_is_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct stream s;
        struct rng rng = rng_seeded(seed);
        fill(&s, &rng);
        struct frame_reader f;
        frame_init(&f, MAX);
        const size_t piece_max = seed == 1 ? 1 : 1 + (size_t)rng_below(&rng, 2000);
        size_t at = 0, got = 0;
        while (at < s.len) {
            size_t piece = 1 + (size_t)rng_below(&rng, piece_max);
            if (piece > s.len - at)
                piece = s.len - at;
            struct pando_slice in = slice_of(s.bytes + at, piece), message;
            at += piece;
            bool found;
            for (;;) {
                CHECK_OK(frame_next(&f, &in, &message, &found));
                if (!found)
                    break;
                CHECK(got < MESSAGES);
                CHECK(slice_equal(message, slice_of(s.bytes + s.starts[got],
                                                    s.ends[got] - s.starts[got])));
                got++;
            }
            CHECK_EQ(in.len, 0);
        }
        CHECK_EQ(got, MESSAGES);
        CHECK(frame_is_clean(&f));
        frame_deinit(&f);
    }
}

static void lends_a_whole_message_from_the_input(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 2, 'h', 'i', 0 };
    struct frame_reader f;
    frame_init(&f, 10);
    struct pando_slice in = slice_of(bytes, sizeof bytes), message;
    bool found;
    CHECK_OK(frame_next(&f, &in, &message, &found));
    CHECK(found && message.ptr == bytes + 1);
    CHECK_OK(frame_next(&f, &in, &message, &found));
    CHECK(found && message.len == 0);
    CHECK_OK(frame_next(&f, &in, &message, &found));
    CHECK(!found);
    CHECK_EQ(f.part.cap, 0);
}

static void refuses_a_length_above_its_limit_before_any_byte_of_it(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0xff, 0xff, 0xff, 0x7f };
    struct frame_reader f;
    frame_init(&f, 1000);
    struct pando_slice in = slice_of(bytes, sizeof bytes), message;
    bool found;
    CHECK_EQ(frame_next(&f, &in, &message, &found), PANDO_MALFORMED);
    CHECK_EQ(f.part.cap, 0);
    frame_deinit(&f);
}

static void refuses_a_padded_length(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0x81, 0x00, 7 };
    struct frame_reader f;
    frame_init(&f, 1000);
    bool found;
    for (size_t cut = 0; cut <= 1; cut++) {
        struct pando_slice in = slice_of(bytes, cut), message;
        CHECK_OK(frame_next(&f, &in, &message, &found));
        in = slice_of(bytes + cut, sizeof bytes - cut);
        CHECK_EQ(frame_next(&f, &in, &message, &found), PANDO_MALFORMED);
    }
    frame_deinit(&f);
}

/* An announced megabyte costs nothing until its bytes come. */
static void memory_grows_with_what_came_not_with_what_was_announced(void **state)
{
    (void)state;
    uint8_t bytes[16] = { 0 };
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_uvarint(&w, 1u << 20);
    struct frame_reader f;
    frame_init(&f, 1u << 20);
    struct pando_slice in = slice_of(bytes, sizeof bytes), message;
    bool found;
    CHECK_OK(frame_next(&f, &in, &message, &found));
    CHECK(!found && f.part.cap <= 1024);
    CHECK(!frame_is_clean(&f));
    frame_deinit(&f);
}

static void frames_a_message_as_the_reader_reads_it(void **state)
{
    (void)state;
    struct bytes *b = frame_copy(slice_text("hello"));
    CHECK_MEM(bytes_view(b).ptr, "\005hello", 6);
    CHECK_EQ(bytes_view(b).len, 6);
    bytes_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(yields_the_same_messages_however_the_stream_is_cut),
        TEST(lends_a_whole_message_from_the_input),
        TEST(refuses_a_length_above_its_limit_before_any_byte_of_it),
        TEST(refuses_a_padded_length),
        TEST(memory_grows_with_what_came_not_with_what_was_announced),
        TEST(frames_a_message_as_the_reader_reads_it),
    };
    return CHECK_RUN(tests);
}
