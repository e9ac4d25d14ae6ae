#include "proto/multistream/multistream.h"

#include "base/slice.h"
#include "check.h"

#define HEADER   "\x13/multistream/1.0.0\n"
#define PING     "\x11/ipfs/ping/1.0.0\n"
#define IDENTIFY "\x0f/ipfs/id/1.0.0\n"
#define NA       "\x03na\n"

static bool find(void *ctx, struct pando_slice name, uint32_t *ret_protocol)
{
    const char *const *names = ctx;
    for (uint32_t i = 0; names[i] != NULL; i++) {
        if (slice_equal(name, slice_text(names[i]))) {
            *ret_protocol = i;
            return true;
        }
    }
    return false;
}

static const char *const SPOKEN[] = { "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", NULL };

static struct ms_table table(void)
{
    return (struct ms_table){ .ctx = (void *)(uintptr_t)SPOKEN, .find = find };
}

struct talk {
    struct ms ms;
    uint8_t out[4096];
    struct wire_writer w;
    size_t consumed;
};

static void listen_at(struct talk *t)
{
    ms_listen_init(&t->ms, table());
    t->w = wire_write(t->out, sizeof t->out);
}

static void dial_with(struct talk *t, const char *const *names, size_t len)
{
    t->w = wire_write(t->out, sizeof t->out);
    ms_dial_init(&t->ms, names, len, &t->w);
}

static enum ms_outcome feed(struct talk *t, const void *bytes, size_t len)
{
    return ms_feed(&t->ms, slice_of(bytes, len), &t->consumed, &t->w);
}

static void check_said(const struct talk *t, const char *want)
{
    CHECK(slice_equal(wire_written(&t->w), slice_text(want)));
}

/* Application data behind the proposal (lazy mode) is left for the protocol. */
static void a_listener_agrees_and_leaves_the_data_alone(void **state)
{
    (void)state;
    struct talk t;
    listen_at(&t);
    const char in[] = HEADER PING "data";
    CHECK_EQ(feed(&t, in, sizeof in - 1), MS_DONE);
    CHECK_EQ(t.ms.protocol, 1);
    CHECK_EQ(t.consumed, sizeof in - 1 - 4);
    check_said(&t, HEADER PING);
}

static void the_result_does_not_depend_on_how_the_bytes_are_cut(void **state)
{
    (void)state;
    const char in[] = HEADER "\x08/what/1\n\x03ls\n" IDENTIFY "xyz";
    struct talk whole;
    listen_at(&whole);
    CHECK_EQ(feed(&whole, in, sizeof in - 1), MS_DONE);
    check_said(&whole, HEADER NA NA IDENTIFY);

    struct talk bytewise;
    listen_at(&bytewise);
    size_t at = 0;
    enum ms_outcome outcome = MS_NEED_MORE;
    while (outcome == MS_NEED_MORE) {
        outcome = feed(&bytewise, in + at, 1);
        at += bytewise.consumed;
    }
    CHECK_EQ(outcome, MS_DONE);
    CHECK_EQ(at, whole.consumed);
    check_said(&bytewise, HEADER NA NA IDENTIFY);
}

static void a_dialer_proposes_in_one_write_and_goes_on_to_the_next(void **state)
{
    (void)state;
    static const char *const names[] = { "/new/2", "/ipfs/ping/1.0.0" };
    struct talk t;
    dial_with(&t, names, 2);
    check_said(&t, HEADER "\x07/new/2\n");
    t.w = wire_write(t.out, sizeof t.out);
    CHECK_EQ(feed(&t, HEADER NA, sizeof(HEADER NA) - 1), MS_NEED_MORE);
    check_said(&t, PING);
    CHECK_EQ(feed(&t, PING "z", sizeof(PING "z") - 1), MS_DONE);
    CHECK_EQ(t.ms.protocol, 1);
    CHECK_EQ(t.consumed, sizeof PING - 1);
}

static void a_dialer_fails_when_nothing_is_left_to_propose(void **state)
{
    (void)state;
    static const char *const names[] = { "/new/2" };
    struct talk t;
    dial_with(&t, names, 1);
    CHECK_EQ(feed(&t, HEADER NA, sizeof(HEADER NA) - 1), MS_FAILED);
    CHECK_EQ(t.ms.status, PANDO_UNSUPPORTED);
}

static void a_dialer_refuses_an_answer_to_another_question(void **state)
{
    (void)state;
    static const char *const names[] = { "/new/2" };
    struct talk t;
    dial_with(&t, names, 1);
    CHECK_EQ(feed(&t, HEADER PING, sizeof(HEADER PING) - 1), MS_FAILED);
    CHECK_EQ(t.ms.status, PANDO_MALFORMED);
}

/* A name longer than any of ours is still a proposal, up to the limit of a line. */
static void a_long_unknown_name_is_refused_politely(void **state)
{
    (void)state;
    uint8_t in[2000];
    struct wire_writer w = wire_write(in, sizeof in);
    wire_put_bytes(&w, slice_text(HEADER));
    wire_put_uvarint(&w, MS_MESSAGE_MAX);
    for (int i = 0; i < MS_MESSAGE_MAX - 1; i++)
        wire_put_be(&w, 'a', 1);
    wire_put_be(&w, '\n', 1);
    wire_put_bytes(&w, slice_text(PING));
    struct talk t;
    listen_at(&t);
    CHECK_EQ(feed(&t, in, w.len), MS_DONE);
    check_said(&t, HEADER NA PING);
}

static void refuses_what_is_not_the_protocol(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x13/multistream/2.0.0\n",
        "\x13/multistream/1.0.0x",
        "GET /index.html HTTP/1.1\r\nHost: example.org\r\n"
        "User-Agent: somebody else\r\n\r\n",
        "\x81\x08",
        "\xff\xff\x01",
        HEADER "\x04/a/b",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct talk t;
        listen_at(&t);
        CHECK_EQ(feed(&t, bad[i], strlen(bad[i])), MS_FAILED);
        CHECK_EQ(t.ms.status, PANDO_MALFORMED);
    }
    struct talk t;
    listen_at(&t);
    CHECK_EQ(feed(&t, "\0", 1), MS_FAILED); /* an empty line lacks its newline */
}

static void loses_patience_with_endless_proposals(void **state)
{
    (void)state;
    struct talk t;
    listen_at(&t);
    CHECK_EQ(feed(&t, HEADER, sizeof HEADER - 1), MS_NEED_MORE);
    enum ms_outcome outcome = MS_NEED_MORE;
    for (int i = 0; i < MS_PROPOSALS_MAX; i++) {
        CHECK_EQ(outcome, MS_NEED_MORE);
        outcome = feed(&t, "\x03/x\n", 4);
    }
    CHECK_EQ(outcome, MS_FAILED);
    CHECK_EQ(t.ms.status, PANDO_FULL);
    CHECK(t.w.len <= MS_OUT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_listener_agrees_and_leaves_the_data_alone),
        TEST(the_result_does_not_depend_on_how_the_bytes_are_cut),
        TEST(a_dialer_proposes_in_one_write_and_goes_on_to_the_next),
        TEST(a_dialer_fails_when_nothing_is_left_to_propose),
        TEST(a_dialer_refuses_an_answer_to_another_question),
        TEST(a_long_unknown_name_is_refused_politely),
        TEST(refuses_what_is_not_the_protocol),
        TEST(loses_patience_with_endless_proposals),
    };
    return CHECK_RUN(tests);
}
