/* Frames are laid out by hand here, after RFC 6455, section 5.2. */
#include "ws/frames.h"

#include "base/rng.h"
#include "base/slice.h"
#include "net/pipe.h"

#include "check.h"

#include <stdlib.h>

enum { FIN = 0x80, CONT = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
#define SMALL 1000 /* the cap of a message in these tests */

static const uint8_t mask[4] = { 1, 2, 3, 4 };

/* One frame, masked as a client's unless told otherwise. */
static void lay(struct pando_buf *b, unsigned first, struct pando_slice payload, bool masked)
{
    uint8_t head[14] = { (uint8_t)first };
    size_t len = 2;
    if (payload.len < 126) {
        head[1] = (uint8_t)payload.len;
    } else if (payload.len < 65536) {
        head[1] = 126;
        head[2] = (uint8_t)(payload.len >> 8);
        head[3] = (uint8_t)payload.len;
        len = 4;
    } else {
        head[1] = 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)payload.len >> (56 - 8 * i));
        len = 10;
    }
    if (masked) {
        head[1] |= 0x80;
        memcpy(head + len, mask, 4);
        len += 4;
    }
    CHECK_OK(buf_append(b, slice_of(head, len)));
    for (size_t i = 0; i < payload.len; i++) {
        const uint8_t byte = (uint8_t)(payload.ptr[i] ^ (masked ? mask[i % 4] : 0));
        CHECK_OK(buf_append(b, SLICE_OF(byte)));
    }
}

static struct pando_buf wire(void)
{
    struct pando_buf b;
    buf_init(&b, 64u << 20);
    return b;
}

static struct ws_frames *make(enum ws_role role, size_t max)
{
    struct ws_frames *f;
    CHECK_OK(ws_frames_new(role, max, 7, &f));
    return f;
}

/* Feed a server `b` in steps of `step` bytes; the first event, or false. */
static bool first_event(struct ws_frames *f, struct pando_buf *b, size_t step,
                        struct ws_event *ret)
{
    for (size_t at = 0; at < b->len; at += step) {
        ws_frames_feed(f, slice_of(b->ptr + at, b->len - at < step ? b->len - at : step));
        if (ws_frames_next(f, (struct pando_time){ 1 }, ret))
            return true;
    }
    return false;
}

static void expect_fail(struct pando_buf *b, unsigned code)
{
    struct ws_frames *f = make(WS_SERVER, SMALL);
    struct ws_event ev;
    CHECK(first_event(f, b, 3, &ev));
    CHECK_EQ(ev.kind, WS_FAIL);
    CHECK_EQ(ev.code, code);
    CHECK(ev.text[0] != '\0');
    CHECK(!ws_frames_next(f, (struct pando_time){ 1 }, &ev));
    ws_frames_free(f);
    buf_deinit(b);
}

static void a_message_comes_whole_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        struct pando_buf b = wire();
        lay(&b, TEXT, slice_text("Hell"), true);
        lay(&b, FIN | PING, slice_text("are you there"), true);
        lay(&b, CONT, SLICE_EMPTY, true);
        lay(&b, FIN | CONT, slice_text("o w\xc3\xb6rld"), true);
        struct ws_frames *f = make(WS_SERVER, SMALL);
        struct ws_event ev;
        CHECK(first_event(f, &b, step, &ev));
        CHECK_EQ(ev.kind, WS_TEXT);
        CHECK(slice_equal(bytes_view(ev.bytes), slice_text("Hello w\xc3\xb6rld")));
        CHECK(ws_frames_owes_pong(f));
        bytes_unref(ev.bytes);
        ws_frames_free(f);
        buf_deinit(&b);
    }
}

/* Method: random messages of both roles, written by one side and read by the other. */
static void both_roles_understand_each_other(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(11);
    for (int round = 0; round < 200; round++) {
        const bool client = rng_chance(&rng, 1, 2);
        struct ws_frames *from = make(client ? WS_CLIENT : WS_SERVER, 1u << 20);
        struct ws_frames *to = make(client ? WS_SERVER : WS_CLIENT, 1u << 20);
        struct pando_buf b = wire(), text = wire();
        const size_t len = (size_t)rng_below(&rng, rng_chance(&rng, 1, 4) ? 200000 : 300);
        for (size_t i = 0; i < len; i++) {
            const uint8_t byte = (uint8_t)('a' + rng_below(&rng, 26));
            CHECK_OK(buf_append(&text, SLICE_OF(byte)));
        }
        CHECK_OK(ws_frames_put_text(from, buf_view(&text), &b));
        struct ws_event ev;
        CHECK(first_event(to, &b, 1 + (size_t)rng_below(&rng, 70000), &ev));
        CHECK_EQ(ev.kind, WS_TEXT);
        CHECK(slice_equal(bytes_view(ev.bytes), buf_view(&text)));
        bytes_unref(ev.bytes);
        ws_frames_free(from);
        ws_frames_free(to);
        buf_deinit(&b);
        buf_deinit(&text);
    }
}

static void what_was_not_taken_is_left(void **state)
{
    (void)state;
    struct pando_buf b = wire();
    struct ws_frames *f = make(WS_SERVER, SMALL);
    struct ws_event ev;
    struct pando_slice big = { calloc(1, 900), 900 };
    CHECK(big.ptr != NULL);
    memset((void *)(uintptr_t)big.ptr, 'x', big.len);
    for (int i = 0; i < 20; i++)
        lay(&b, FIN | TEXT, big, true);
    ws_frames_feed(f, buf_view(&b));
    CHECK(ws_frames_next(f, (struct pando_time){ 1 }, &ev));
    bytes_unref(ev.bytes);
    CHECK(ws_frames_left(f).len > 0); /* an owner that pauses now keeps it */
    int more = 0;
    while (ws_frames_next(f, (struct pando_time){ 1 }, &ev)) {
        bytes_unref(ev.bytes);
        more++;
    }
    CHECK_EQ(more, 19);
    CHECK_EQ(ws_frames_left(f).len, 0);
    ws_frames_free(f);
    buf_deinit(&b);
    free((void *)(uintptr_t)big.ptr);
}

static void unmasked_frames_of_a_client_are_a_fault(void **state)
{
    (void)state;
    struct pando_buf b = wire();
    lay(&b, FIN | TEXT, slice_text("hi"), false);
    expect_fail(&b, PIPE_CODE_PROTOCOL);
}

static void masked_frames_of_a_server_are_a_fault(void **state)
{
    (void)state;
    struct pando_buf b = wire();
    struct ws_event ev;
    struct ws_frames *f = make(WS_CLIENT, SMALL);
    lay(&b, FIN | TEXT, slice_text("hi"), true);
    CHECK(first_event(f, &b, 100, &ev));
    CHECK_EQ(ev.code, PIPE_CODE_PROTOCOL);
    ws_frames_free(f);
    buf_deinit(&b);
}

static void each_broken_rule_has_its_code(void **state)
{
    (void)state;
    static const struct {
        unsigned first;
        const char *payload;
        unsigned code;
    } cases[] = {
        { FIN | BINARY, "x", PIPE_CODE_KIND },
        { FIN | TEXT, "\xff", PIPE_CODE_TEXT },
        { FIN | TEXT, "\xc3", PIPE_CODE_TEXT },
        { FIN | CONT, "x", PIPE_CODE_PROTOCOL },
        { FIN | 3, "x", PIPE_CODE_PROTOCOL },
        { FIN | 11, "x", PIPE_CODE_PROTOCOL },
        { FIN | 0x40 | TEXT, "x", PIPE_CODE_PROTOCOL },
        { PING, "x", PIPE_CODE_PROTOCOL }, /* control frames are not cut */
        { FIN | CLOSE, "x", PIPE_CODE_PROTOCOL },
        { FIN | CLOSE, "\x03\xed", PIPE_CODE_PROTOCOL },     /* 1005 is never sent */
        { FIN | CLOSE, "\x03\xe8\xff", PIPE_CODE_TEXT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_NOTE("case %zu\n", i);
        struct pando_buf b = wire();
        lay(&b, cases[i].first, slice_text(cases[i].payload), true);
        expect_fail(&b, cases[i].code);
    }
}

static void a_message_within_a_message_is_a_fault(void **state)
{
    (void)state;
    struct pando_buf b = wire();
    lay(&b, TEXT, slice_text("x"), true);
    lay(&b, FIN | TEXT, slice_text("y"), true);
    expect_fail(&b, PIPE_CODE_PROTOCOL);
}

static void a_message_above_the_cap_fails_at_its_first_byte(void **state)
{
    (void)state;
    struct pando_buf b = wire();
    const uint8_t head[] = { FIN | TEXT, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4, 'x' };
    CHECK_OK(buf_append(&b, SLICE_OF(head)));
    expect_fail(&b, PIPE_CODE_SIZE);
    char *half = calloc(1, SMALL);
    memset(half, 'x', SMALL - 1);
    lay(&b, TEXT, slice_text(half), true);
    lay(&b, FIN | CONT, slice_text("yz"), true);
    expect_fail(&b, PIPE_CODE_SIZE);
    free(half);
}

static void control_frames_have_at_most_125_bytes(void **state)
{
    (void)state;
    struct pando_buf b = wire();
    uint8_t payload[126] = { 0 };
    lay(&b, FIN | PING, SLICE_OF(payload), true);
    expect_fail(&b, PIPE_CODE_PROTOCOL);
}

static void a_flood_of_pings_costs_one_pong_and_ends(void **state)
{
    (void)state;
    struct pando_buf b = wire(), out = wire();
    struct ws_frames *f = make(WS_SERVER, SMALL);
    struct ws_event ev;
    for (int i = 0; i < WS_IDLE_FRAMES; i++)
        lay(&b, FIN | PING, slice_text(i == WS_IDLE_FRAMES - 1 ? "last" : "p"), true);
    CHECK(!first_event(f, &b, 100, &ev));
    CHECK_OK(ws_frames_put_pong(f, &out));
    CHECK(slice_equal(buf_view(&out), slice_text("\x8a\x04last")));
    CHECK(!ws_frames_owes_pong(f));
    buf_reset(&b);
    lay(&b, FIN | PONG, SLICE_EMPTY, true);
    CHECK(first_event(f, &b, 100, &ev));
    CHECK_EQ(ev.code, PIPE_CODE_POLICY);
    ws_frames_free(f);
    buf_deinit(&out);
    buf_reset(&b);
    for (int i = 0; i <= WS_IDLE_FRAMES; i++)
        lay(&b, i == 0 ? TEXT : CONT, SLICE_EMPTY, true); /* so does one of empty pieces */
    expect_fail(&b, PIPE_CODE_POLICY);
}

static void a_close_says_its_code_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        size_t len;
        unsigned code;
        const char *text;
    } cases[] = { { "", 0, PIPE_CODE_ABSENT, "" },
                  { "\x03\xe8", 2, PIPE_CODE_NORMAL, "" },
                  { "\x0f\xa0so long", 9, 4000, "so long" } };
    for (size_t i = 0; i < 3; i++) {
        struct pando_buf b = wire();
        struct ws_frames *f = make(WS_SERVER, SMALL);
        struct ws_event ev;
        lay(&b, FIN | CLOSE, slice_of(cases[i].payload, cases[i].len), true);
        CHECK(first_event(f, &b, 1, &ev));
        CHECK_EQ(ev.kind, WS_CLOSE);
        CHECK_EQ(ev.code, cases[i].code);
        CHECK_STR(ev.text, cases[i].text);
        ws_frames_free(f);
        buf_deinit(&b);
    }
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    struct pando_buf out = wire();
    char reason[200];
    struct ws_event ev;
    memset(reason, 'a', sizeof reason);
    memcpy(reason + 122, "\xc3\xa4", 2); /* would be cut in two */
    reason[199] = '\0';
    struct ws_frames *from = make(WS_CLIENT, SMALL), *to = make(WS_SERVER, SMALL);
    CHECK_OK(ws_frames_put_close(from, 1008, reason, &out));
    CHECK(first_event(to, &out, 500, &ev));
    CHECK_EQ(ev.kind, WS_CLOSE);
    CHECK_EQ(strlen(ev.text), 122);
    ws_frames_free(from);
    ws_frames_free(to);
    buf_deinit(&out);
}

static void a_frame_that_finds_no_room_is_not_begun(void **state)
{
    (void)state;
    struct pando_buf out;
    buf_init(&out, 100);
    struct ws_frames *f = make(WS_CLIENT, SMALL);
    uint8_t big[100] = { 0 };
    CHECK_EQ(ws_frames_put_text(f, SLICE_OF(big), &out), PANDO_FULL);
    CHECK_EQ(out.len, 0);
    CHECK_OK(ws_frames_put_text(f, slice_text("ok"), &out));
    CHECK_EQ(out.len, 8);
    ws_frames_free(f);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_comes_whole_however_it_is_cut),
        TEST(both_roles_understand_each_other),
        TEST(what_was_not_taken_is_left),
        TEST(unmasked_frames_of_a_client_are_a_fault),
        TEST(masked_frames_of_a_server_are_a_fault),
        TEST(each_broken_rule_has_its_code),
        TEST(a_message_within_a_message_is_a_fault),
        TEST(a_message_above_the_cap_fails_at_its_first_byte),
        TEST(control_frames_have_at_most_125_bytes),
        TEST(a_flood_of_pings_costs_one_pong_and_ends),
        TEST(a_close_says_its_code_and_reason),
        TEST(a_long_reason_is_cut_between_characters),
        TEST(a_frame_that_finds_no_room_is_not_begun),
    };
    return CHECK_RUN(tests);
}
