#include "proto/ping/ping.h"

#include "base/slice.h"
#include "check.h"

static const uint8_t BLOCK[PING_BLOCK] = "0123456789abcdef0123456789ABCDE";

static void echoes_whole_blocks_and_keeps_a_cut_one(void **state)
{
    (void)state;
    struct ping_responder r = { 0 };
    uint8_t out[256];
    struct wire_writer w = wire_write(out, sizeof out);
    size_t consumed;
    ping_answer(&r, slice_of(BLOCK, 20), &consumed, &w);
    CHECK_EQ(consumed, 20);
    CHECK_EQ(w.len, 0);
    ping_answer(&r, slice_of(BLOCK + 20, 12), &consumed, &w);
    CHECK_EQ(w.len, PING_BLOCK);
    CHECK_MEM(out, BLOCK, PING_BLOCK);
    CHECK_EQ(r.answered, 1);
}

static void stops_reading_when_there_is_no_room_to_answer(void **state)
{
    (void)state;
    uint8_t many[5 * PING_BLOCK] = { 0 }, out[2 * PING_BLOCK + 7];
    struct ping_responder r = { 0 };
    struct wire_writer w = wire_write(out, sizeof out);
    size_t consumed;
    ping_answer(&r, slice_of(many, sizeof many), &consumed, &w);
    CHECK_EQ(consumed, 2 * PING_BLOCK);
    CHECK_EQ(w.len, 2 * PING_BLOCK);
    CHECK(!w.failed);
    w = wire_write(out, sizeof out);
    ping_answer(&r, slice_of(many + consumed, sizeof many - consumed), &consumed, &w);
    CHECK_EQ(consumed, 2 * PING_BLOCK);
}

static void measures_the_round_trip_of_an_answer_in_pieces(void **state)
{
    (void)state;
    struct pinger p;
    uint8_t out[PING_BLOCK];
    struct wire_writer w = wire_write(out, sizeof out);
    pinger_send(&p, (struct pando_time){ 1000 }, BLOCK, &w);
    CHECK_EQ(w.len, PING_BLOCK);
    CHECK_EQ(pinger_receive(&p, (struct pando_time){ 1500 }, slice_of(BLOCK, 31), false),
             PINGER_WAITING);
    CHECK_EQ(
        pinger_receive(&p, (struct pando_time){ 1900 }, slice_of(BLOCK + 31, 1), true),
        PINGER_DONE);
    CHECK_EQ(p.rtt.ns, 900);
}

static void fails_on_other_bytes_more_bytes_or_an_early_end(void **state)
{
    (void)state;
    uint8_t out[PING_BLOCK], wrong[PING_BLOCK + 1];
    memcpy(wrong, BLOCK, PING_BLOCK);
    wrong[PING_BLOCK] = 0;
    const struct pando_time now = { 5 };
    struct pinger p;
    struct wire_writer w = wire_write(out, sizeof out);
    pinger_send(&p, now, BLOCK, &w);
    CHECK_EQ(pinger_receive(&p, now, slice_of(wrong, sizeof wrong), false),
             PINGER_FAILED);
    w = wire_write(out, sizeof out);
    pinger_send(&p, now, BLOCK, &w);
    CHECK_EQ(pinger_receive(&p, now, slice_of(BLOCK, 30), true), PINGER_FAILED);
    w = wire_write(out, sizeof out);
    pinger_send(&p, now, BLOCK, &w);
    wrong[3] ^= 1;
    CHECK_EQ(pinger_receive(&p, now, slice_of(wrong, PING_BLOCK), false), PINGER_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(echoes_whole_blocks_and_keeps_a_cut_one),
        TEST(stops_reading_when_there_is_no_room_to_answer),
        TEST(measures_the_round_trip_of_an_answer_in_pieces),
        TEST(fails_on_other_bytes_more_bytes_or_an_early_end),
    };
    return CHECK_RUN(tests);
}
