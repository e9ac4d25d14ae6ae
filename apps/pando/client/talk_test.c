/* talk_test.c - nothing that was typed is lost or doubled, nothing is shown twice. */
#include "apps/pando/client/talk.h"

#include "base/slice.h"

#include "check.h"

#include <stdlib.h>

static const uint8_t SESSION[8] = { 0xaf, 1, 2, 3, 4, 5, 6, 7 };

struct fixture {
    struct talk talk;
    struct pando_time now;
    char shown[20][200];
    size_t shown_len;
};

static void show(void *ctx, const char *line)
{
    struct fixture *f = ctx;
    CHECK(f->shown_len < 20);
    (void)snprintf(f->shown[f->shown_len++], 200, "%s", line);
}

static struct fixture *setup(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->now.ns = 1000;
    talk_init(&f->talk, 101, "general", "", SESSION);
    f->talk.ctx = f;
    f->talk.show = show;
    return f;
}

static void teardown(struct fixture *f)
{
    talk_deinit(&f->talk);
    free(f);
}

static void hear(struct fixture *f, const char *line)
{
    talk_hear(&f->talk, f->now, slice_text(line));
}

/* What was said since the last look; valid until the next. */
static const char *said(struct fixture *f)
{
    static char text[8000];
    (void)snprintf(text, sizeof text, "%.*s", (int)f->talk.out.len,
                   f->talk.out.len > 0 ? (const char *)f->talk.out.ptr : "");
    buf_reset(&f->talk.out);
    return text;
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void deliveries_are_shown_once_and_in_order(void **state)
{
    (void)state;
    struct fixture *f = setup();
    talk_up(&f->talk, f->now);
    CHECK(strstr(said(f), "\"type\":\"JOIN\"") != NULL);
    hear(f, "{\"type\":\"JOIN_ACK\",\"last_seq\":4,\"leader_id\":3,\"term\":2,\"membership\":[]}");
    hear(f, "{\"type\":\"SEQ_CHAT\",\"seq_no\":5,\"room_id\":\"general\",\"sender_id\":9999,"
            "\"payload\":\"Hello\"}");
    hear(f, "{\"type\":\"SEQ_CHAT\",\"seq_no\":5,\"room_id\":\"general\",\"sender_id\":9999,"
            "\"payload\":\"Hello\"}");
    hear(f, "{\"type\":\"SEQ_CHAT\",\"seq_no\":9,\"room_id\":\"other\",\"payload\":\"x\"}");
    hear(f, "{\"type\":\"CATCHUP_RESP\",\"payload\":[{\"seq_no\":5,\"room_id\":\"general\"},"
            "{\"seq_no\":6,\"room_id\":\"general\",\"sender\":\"alice\",\"text\":\"a\\u001b[2Jb\"}]}");
    CHECK_EQ(f->shown_len, 2);
    CHECK_STR(f->shown[0], "[seq=5] node_9999: Hello");
    CHECK_STR(f->shown[1], "[seq=6] alice: a?[2Jb");
    talk_down(&f->talk);
    talk_up(&f->talk, f->now);
    CHECK(strstr(said(f), "\"last_seq\":6") != NULL);
    teardown(f);
}

static void what_is_not_acknowledged_is_said_again(void **state)
{
    (void)state;
    struct fixture *f = setup();
    CHECK_OK(talk_say(&f->talk, "one"));
    CHECK_STR(said(f), ""); /* no node yet */
    talk_up(&f->talk, f->now);
    CHECK_OK(talk_say(&f->talk, "two"));
    const char *text = said(f);
    CHECK_EQ(times(text, "\"type\":\"CHAT\""), 2);
    CHECK(strstr(text, "\"msg_id\":\"101-af01020304050607-0:1\"") != NULL);
    hear(f, "{\"type\":\"CHAT_ACK\",\"msg_id\":\"101-af01020304050607-0:1\",\"seq_no\":7}");
    CHECK(!talk_is_settled(&f->talk));
    talk_down(&f->talk);
    CHECK_OK(talk_say(&f->talk, "three"));
    talk_up(&f->talk, f->now);
    text = said(f);
    CHECK_EQ(times(text, "\"type\":\"CHAT\""), 2);
    CHECK(strstr(text, "0:2\",\"payload\":\"two\"") != NULL);
    CHECK(strstr(text, "0:3\",\"payload\":\"three\"") != NULL);
    hear(f, "{\"type\":\"CHAT_ACK\",\"msg_id\":\"101-af01020304050607-0:2\",\"seq_no\":8}");
    hear(f, "{\"type\":\"CHAT_ACK\",\"msg_id\":\"101-af01020304050607-0:3\",\"seq_no\":9}");
    hear(f, "{\"type\":\"CHAT_ACK\",\"msg_id\":\"101-af01020304050607-0:3\",\"seq_no\":9}");
    CHECK(!talk_is_settled(&f->talk)); /* taken, and not shown yet */
    hear(f, "{\"type\":\"SEQ_CHAT\",\"seq_no\":9,\"room_id\":\"general\",\"payload\":\"x\"}");
    CHECK(talk_is_settled(&f->talk));
    teardown(f);
}

static void a_passing_failure_repeats_everything_in_order(void **state)
{
    (void)state;
    struct fixture *f = setup();
    talk_up(&f->talk, f->now);
    for (int i = 0; i < 3; i++)
        CHECK_OK(talk_say(&f->talk, "x"));
    (void)said(f);
    hear(f, "{\"type\":\"ERROR\",\"status\":\"INVALID\",\"text\":\"a gap\","
            "\"msg_id\":\"101-af01020304050607-0:2\"}"); /* its predecessor is the reason */
    hear(f, "{\"type\":\"ERROR\",\"status\":\"UNAVAILABLE\",\"text\":\"no quorum\","
            "\"msg_id\":\"101-af01020304050607-0:1\"}");
    CHECK_EQ(f->shown_len, 1);
    CHECK_STR(f->shown[0], "! no quorum (it will be said again)");
    CHECK_OK(talk_say(&f->talk, "y"));
    CHECK_STR(said(f), "");
    f->now = talk_deadline(&f->talk);
    talk_tick(&f->talk, f->now);
    const char *text = said(f);
    CHECK_EQ(times(text, "\"type\":\"CHAT\""), 4);
    CHECK(strstr(text, ":1\"") < strstr(text, ":4\""));
    CHECK(!talk_is_stuck(&f->talk));
    for (int i = 0; i < 2; i++)
        hear(f, i == 0 ? "{\"type\":\"ERROR\",\"status\":\"UNAVAILABLE\",\"text\":\"no quorum\","
                         "\"msg_id\":\"101-af01020304050607-0:1\"}"
                       : "{\"type\":\"ERROR\",\"status\":\"UNAVAILABLE\",\"text\":"
                         "\"no leader (for 7 s)\",\"msg_id\":\"101-af01020304050607-0:1\"}");
    hear(f, "{\"type\":\"ERROR\",\"status\":\"UNAVAILABLE\",\"text\":\"no leader (for 8 s)\","
            "\"msg_id\":\"101-af01020304050607-0:1\"}");
    CHECK(talk_is_stuck(&f->talk));
    CHECK_EQ(f->shown_len, 2); /* the same problem is told once, however long it lasts */
    teardown(f);
}

static void a_forgotten_session_is_begun_anew_and_a_bad_message_dropped(void **state)
{
    (void)state;
    struct fixture *f = setup();
    talk_up(&f->talk, f->now);
    CHECK_OK(talk_say(&f->talk, "a"));
    CHECK_OK(talk_say(&f->talk, "b"));
    CHECK_OK(talk_say(&f->talk, "c"));
    hear(f, "{\"type\":\"CHAT_ACK\",\"msg_id\":\"101-af01020304050607-0:1\",\"seq_no\":1}");
    hear(f, "{\"type\":\"ERROR\",\"status\":\"INVALID\",\"text\":\"not known\","
            "\"msg_id\":\"101-af01020304050607-0:2\"}");
    (void)said(f);
    talk_tick(&f->talk, talk_deadline(&f->talk));
    const char *text = said(f);
    CHECK(strstr(text, "-1:1\",\"payload\":\"b\"") != NULL);
    CHECK(strstr(text, "-1:2\",\"payload\":\"c\"") != NULL);
    hear(f, "{\"type\":\"ERROR\",\"status\":\"INVALID\",\"text\":\"too long\","
            "\"msg_id\":\"101-af01020304050607-1:1\"}");
    CHECK_STR(f->shown[f->shown_len - 1], "! too long (the message is dropped)");
    talk_tick(&f->talk, talk_deadline(&f->talk));
    text = said(f);
    CHECK_EQ(times(text, "\"type\":\"CHAT\""), 1);
    CHECK(strstr(text, "-2:1\",\"payload\":\"c\"") != NULL);
    teardown(f);
}

static void a_silent_node_is_left(void **state)
{
    (void)state;
    struct fixture *f = setup();
    talk_up(&f->talk, f->now);
    (void)said(f);
    f->now = talk_deadline(&f->talk);
    talk_tick(&f->talk, f->now);
    CHECK(strstr(said(f), "HEARTBEAT") != NULL);
    CHECK(!talk_is_silent(&f->talk, f->now));
    f->now = pando_time_add(f->now, PANDO_SEC(11));
    CHECK(talk_is_silent(&f->talk, f->now));
    CHECK_EQ(talk_say(&f->talk, "\xff"), PANDO_INVALID);
    teardown(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deliveries_are_shown_once_and_in_order),
        TEST(what_is_not_acknowledged_is_said_again),
        TEST(a_passing_failure_repeats_everything_in_order),
        TEST(a_forgotten_session_is_begun_anew_and_a_bad_message_dropped),
        TEST(a_silent_node_is_left),
    };
    return CHECK_RUN(tests);
}
