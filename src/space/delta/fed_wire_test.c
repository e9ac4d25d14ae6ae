/* fed_wire_test.c - the fourteen messages, there and back, and what is refused. */
#include "check.h"
#include "base/slice.h"
#include "space/delta/fed.h"
#include "space/delta/fed_wire.h"

#include <stdio.h>
#include <stdlib.h>

static struct pando_buf b;

static struct fed_message read_back(enum pando_status written)
{
    struct fed_message m;
    struct pando_err why = { 0 };
    CHECK_OK(written);
    const enum pando_status st = fed_message_decode(buf_view(&b), &m, &why);
    if (st != PANDO_OK)
        print_error("%.*s: %s\n", (int)b.len, (char *)b.ptr, why.text);
    CHECK_OK(st);
    CHECK_EQ(m.timestamp, 1700000000123);
    buf_reset(&b);
    return m;
}

#define NOW INT64_C(1700000000123)
#define SAME(slice, text) CHECK(slice_equal(slice, slice_text(text)))

static void greetings_come_back(void **state)
{
    (void)state;
    buf_init(&b, FED_FRAME_MAX);
    struct fed_message m = read_back(
        fed_say_hello(&b, NOW, slice_text("a\"b"), slice_text("{\"mode\":\"push\"}")));
    CHECK_EQ(m.kind, FED_SAYS_HELLO);
    SAME(m.system_id, "a\"b");
    SAME(m.protocol, FED_PROTOCOL);
    CHECK(json_object_get(m.config, "mode") != NULL);
    fed_message_deinit(&m);
    m = read_back(fed_say_hello_ack(&b, NOW, slice_text("s"), slice_text("l"), slice_text("x")));
    CHECK_EQ(m.kind, FED_SAYS_HELLO_ACK);
    SAME(m.link_id, "l");
    SAME(m.session, "x");
    CHECK(m.resumes);
    fed_message_deinit(&m);
    buf_deinit(&b);
}

static void deltas_and_answers_come_back(void **state)
{
    (void)state;
    const struct delta d = { .id = slice_text("d1"),
                             .author = slice_text("a"),
                             .system = slice_text("s"),
                             .timestamp = 5 };
    buf_init(&b, FED_FRAME_MAX);
    struct fed_message m = read_back(fed_say_delta(&b, NOW, &d));
    CHECK_EQ(m.kind, FED_SAYS_DELTA);
    CHECK_STR(json_string_value(json_object_get(m.delta, "id")), "d1");
    fed_message_deinit(&m);
    m = read_back(fed_say_ack(&b, NOW, slice_text("d1")));
    CHECK_EQ(m.kind, FED_SAYS_DELTA_ACK);
    SAME(m.delta_id, "d1");
    fed_message_deinit(&m);
    m = read_back(fed_say_nack(&b, NOW, slice_text("d1"), slice_text("no\n")));
    CHECK_EQ(m.kind, FED_SAYS_DELTA_NACK);
    SAME(m.reason, "no\n");
    fed_message_deinit(&m);
    buf_deinit(&b);
}

static void syncs_come_back(void **state)
{
    (void)state;
    buf_init(&b, FED_FRAME_MAX);
    struct fed_message m = read_back(fed_say_sync_request(&b, NOW, slice_text("{}"), true, 9));
    CHECK_EQ(m.kind, FED_SAYS_SYNC_REQUEST);
    CHECK(m.filter != NULL && m.has_from && m.from == 9);
    fed_message_deinit(&m);
    m = read_back(fed_say_sync_request(&b, NOW, SLICE_EMPTY, false, 0));
    CHECK(m.filter == NULL && !m.has_from);
    fed_message_deinit(&m);
    m = read_back(fed_say_sync_start(&b, NOW, 250));
    CHECK(m.kind == FED_SAYS_SYNC_START && m.total == 250 && m.batch_size == 100);
    fed_message_deinit(&m);
    CHECK_OK(fed_say_batch_head(&b, NOW));
    CHECK_OK(buf_append(&b, slice_text("{},{}")));
    m = read_back(fed_say_batch_tail(&b, 3, true));
    CHECK(m.kind == FED_SAYS_SYNC_BATCH && m.number == 3 && m.is_last);
    CHECK_EQ(json_array_size(m.deltas), 2);
    fed_message_deinit(&m);
    m = read_back(fed_say_sync_complete(&b, NOW, 250));
    CHECK(m.kind == FED_SAYS_SYNC_COMPLETE && m.total == 250);
    fed_message_deinit(&m);
    buf_deinit(&b);
}

static void plain_messages_and_errors_come_back(void **state)
{
    (void)state;
    buf_init(&b, FED_FRAME_MAX);
    static const enum fed_message_kind plain[] = { FED_SAYS_PAUSE, FED_SAYS_RESUME, FED_SAYS_PING,
                                                   FED_SAYS_PONG };
    for (size_t i = 0; i < 4; i++) {
        struct fed_message m = read_back(fed_say_plain(&b, NOW, plain[i]));
        CHECK_EQ(m.kind, plain[i]);
        fed_message_deinit(&m);
    }
    struct fed_message m = read_back(fed_say_error(&b, NOW, "CODE", slice_text("why"), true));
    CHECK(m.kind == FED_SAYS_ERROR && m.fatal);
    SAME(m.code, "CODE");
    SAME(m.text, "why");
    fed_message_deinit(&m);
    buf_deinit(&b);
}

static enum pando_status decode(const char *text, struct pando_err *why)
{
    struct fed_message m;
    const enum pando_status st = fed_message_decode(slice_text(text), &m, why);
    if (st == PANDO_OK)
        fed_message_deinit(&m);
    return st;
}

static void says_what_is_wrong_with_a_message(void **state)
{
    (void)state;
    static const struct {
        const char *text, *names;
    } cases[] = {
        { "", "JSON" },
        { "[]", "no object" },
        { "{}", "type" },
        { "{\"type\":7}", "type" },
        { "{\"type\":\"hello\"}", "systemId" },
        { "{\"type\":\"hello\",\"systemId\":\"s\",\"config\":[]}", "config" },
        { "{\"type\":\"delta\"}", "delta" },
        { "{\"type\":\"delta_ack\",\"deltaId\":\"\"}", "deltaId" },
        { "{\"type\":\"delta_nack\"}", "deltaId" },
        { "{\"type\":\"sync_request\",\"filter\":3}", "filter" },
        { "{\"type\":\"sync_request\",\"fromTimestamp\":\"x\"}", "fromTimestamp" },
        { "{\"type\":\"sync_request\",\"fromTimestamp\":-1}", "fromTimestamp" },
        { "{\"type\":\"sync_batch\",\"deltas\":{}}", "deltas" },
        { "{\"type\":\"ping\",\"type\":\"pong\"}", "JSON" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err why = { 0 };
        if (decode(cases[i].text, &why) == PANDO_OK || strstr(why.text, cases[i].names) == NULL) {
            print_error("%s: %s\n", cases[i].text, why.text);
            fail();
        }
    }
    CHECK_OK(decode("{\"type\":\"never heard of\"}", NULL));
    CHECK_OK(decode("{\"type\":\"sync_request\",\"filter\":null,\"fromTimestamp\":null}", NULL));
    CHECK_OK(decode("{\"type\":\"ping\",\"timestamp\":1.7e12,\"more\":[1,{}]}", NULL));
}

static void refuses_depth_and_masses_before_it_parses(void **state)
{
    (void)state;
    const size_t len = 4u << 20;
    char *text = malloc(len + 1);
    CHECK(text != NULL);
    memset(text, '[', 100000);
    text[100000] = '\0';
    CHECK_EQ(decode(text, NULL), PANDO_FULL);
    text[1000] = '\0';
    CHECK_EQ(decode(text, NULL), PANDO_MALFORMED);
    size_t at = (size_t)snprintf(text, len, "{\"type\":\"sync_batch\",\"deltas\":[0");
    while (at < len - 8)
        at += (size_t)snprintf(text + at, len - at, ",{}");
    (void)snprintf(text + at, len - at, "]}");
    CHECK_EQ(decode(text, NULL), PANDO_FULL);
    memset(text, ' ', len);
    text[len] = '\0';
    CHECK_EQ(decode(text, NULL), PANDO_MALFORMED);
    free(text);
}

static void a_message_that_does_not_fit_leaves_the_buffer_alone(void **state)
{
    (void)state;
    struct pando_buf small;
    buf_init(&small, 40);
    CHECK_EQ(fed_say_ack(&small, NOW, slice_text("an id that is too long for it")), PANDO_FULL);
    CHECK_EQ(small.len, 0);
    buf_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(greetings_come_back),
        TEST(deltas_and_answers_come_back),
        TEST(syncs_come_back),
        TEST(plain_messages_and_errors_come_back),
        TEST(says_what_is_wrong_with_a_message),
        TEST(refuses_depth_and_masses_before_it_parses),
        TEST(a_message_that_does_not_fit_leaves_the_buffer_alone),
    };
    return CHECK_RUN(tests);
}
