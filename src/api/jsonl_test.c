/* jsonl_test.c - the chat dialect over real sockets, with a log of a few lines behind it.
 *
 * The log here takes every append at once, unless it holds its answers back or fails them.
 */
#include "api/api_fixture.h"
#include "api/jsonl_codec.h"

#include "base/slice.h"

#include "check.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGES 6000

struct fake_log {
    struct api_fixture f;
    json_t *messages[MESSAGES];
    size_t len;
    uint64_t watch;
    bool holds;        /* appends stay unanswered */
    bool no_quorum;
    int appends, reads;
    char last_args[512];
};

static void say_json(struct fake_log *l, uint64_t token, json_t *object, bool more)
{
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    CHECK(text != NULL);
    CHECK_OK(api_reply(l->f.api, token, PANDO_OK, slice_text(text), false, NULL, more));
    free(text);
}

static json_t *find(struct fake_log *l, json_int_t client, json_int_t counter)
{
    for (size_t i = 0; client != 0 && i < l->len; i++) {
        if (json_integer_value(json_object_get(l->messages[i], "client")) == client &&
            json_integer_value(json_object_get(l->messages[i], "counter")) == counter)
            return l->messages[i];
    }
    return NULL;
}

static json_t *add(struct fake_log *l, const char *text, const char *sender)
{
    CHECK(l->len < MESSAGES);
    json_t *m = json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:i}", "seq", (int)l->len + 1, "term", 3,
                          "msg_id", "x", "sender", sender, "room", "general", "text", text,
                          "time", 1000);
    l->messages[l->len++] = m;
    return m;
}

static void append(struct fake_log *l, uint64_t token, const json_t *args)
{
    const json_int_t client = json_integer_value(json_object_get(args, "client"));
    const json_int_t counter = json_integer_value(json_object_get(args, "counter"));
    l->appends++;
    if (l->no_quorum) {
        CHECK_OK(api_reply(l->f.api, token, PANDO_UNAVAILABLE, slice_text("no quorum: 1 of 3"),
                           false, NULL, false));
        return;
    }
    json_t *m = find(l, client, counter);
    const bool is_new = m == NULL;
    if (is_new) {
        m = add(l, json_string_value(json_object_get(args, "text")),
                json_string_value(json_object_get(args, "sender")));
        if (client != 0) {
            (void)json_object_set_new(m, "client", json_integer(client));
            (void)json_object_set_new(m, "counter", json_integer(counter));
        }
    }
    if (!l->holds)
        say_json(l, token, json_pack("{s:s,s:O,s:i,s:s}", "room", "general", "seq",
                                     json_object_get(m, "seq"), "term", 3, "msg_id", "x"),
                 false);
    if (is_new && l->watch != 0)
        say_json(l, l->watch, json_incref(m), true);
}

static void read_room(struct fake_log *l, uint64_t token, const json_t *args)
{
    const size_t limit = (size_t)json_integer_value(json_object_get(args, "limit"));
    const json_t *from = json_object_get(args, "from");
    size_t at = from != NULL ? (size_t)json_integer_value(from)
                             : l->len > limit ? l->len - limit + 1 : 1;
    json_t *list = json_array();
    l->reads++;
    for (; at <= l->len && json_array_size(list) < limit; at++)
        (void)json_array_append(list, l->messages[at - 1]);
    say_json(l, token, json_pack("{s:s,s:i,s:i,s:o}", "room", "general", "first", 1, "last",
                                 (int)l->len, "messages", list), false);
}

static void answer(struct api_fixture *f, uint64_t token, const char *verb,
                   struct pando_slice text)
{
    struct fake_log *l = f->answer_ctx;
    json_t *args = json_loadb((const char *)text.ptr, text.len, 0, NULL);
    (void)snprintf(l->last_args, sizeof l->last_args, "%.*s", (int)text.len,
                   (const char *)text.ptr);
    if (strcmp(verb, "log.append") == 0)
        append(l, token, args);
    else if (strcmp(verb, "log.read") == 0)
        read_room(l, token, args);
    else if (strcmp(verb, "log.watch") == 0)
        l->watch = token;
    else if (strcmp(verb, "log.status") == 0)
        say_json(l, token,
                 json_pack("{s:i,s:i,s:i,s:[{s:i,s:s,s:s},{s:i,s:s,s:s}]}", "id", 2, "term",
                           3, "leader", 3, "members", "id", 2, "name", "node_2", "address", "",
                           "id", 3, "name", "node_3", "address",
                           "/ip4/10.0.0.3/udp/5003/quic-v1"),
                 false);
    json_decref(args);
}

static void setup(struct fake_log *l)
{
    memset(l, 0, sizeof *l);
    fixture_setup(&l->f, 8);
    l->f.answer = answer;
    l->f.answer_ctx = l;
}

static void teardown(struct fake_log *l)
{
    fixture_teardown(&l->f);
    for (size_t i = 0; i < l->len; i++)
        json_decref(l->messages[i]);
}

static void a_join_is_answered_and_a_chat_is_delivered_to_all(void **state)
{
    (void)state;
    struct fake_log l;
    setup(&l);
    const int a = fixture_dial(&l.f, false), b = fixture_dial(&l.f, true);
    (void)add(&l, "before", "node_1");
    fixture_put(a, "{\"type\":\"JOIN\",\"sender_id\":101}\n");
    char *seen = fixture_see(&l.f, a, "}\n");
    CHECK(strstr(seen, "\"type\":\"JOIN_ACK\"") != NULL);
    CHECK(strstr(seen, "\"leader_id\":3") != NULL);
    CHECK(strstr(seen, "\"last_seq\":1") != NULL);
    CHECK(strstr(seen, "{\"node_id\":3,\"host\":\"10.0.0.3\",\"port\":5003") != NULL);
    CHECK(strstr(seen, "{\"node_id\":2,\"host\":\"127.0.0.1\"") != NULL);
    fixture_put(b, "{\"type\":\"HEARTBEAT\"}\n");
    CHECK(strstr(fixture_see(&l.f, b, "}\n"), "\"type\":\"HEARTBEAT\"") != NULL);
    fixture_put(a, "{\"type\":\"CHAT\",\"payload\":\"Hello\",\"msg_id\":\"101:1\"}\n");
    seen = fixture_see(&l.f, a, "SEQ_CHAT\"}\n");
    CHECK(strstr(seen, "\"type\":\"CHAT_ACK\"") != NULL);
    CHECK(strstr(seen, "\"msg_id\":\"101:1\"") != NULL);
    CHECK(strstr(seen, "\"sender\":\"node_101\"") != NULL);
    seen = fixture_see(&l.f, b, "SEQ_CHAT\"}\n");
    CHECK(strstr(seen, "\"payload\":\"Hello\"") != NULL);
    CHECK(strstr(seen, "before") == NULL); /* only what came after it connected */
    close(a);
    close(b);
    teardown(&l);
}

static void a_repeated_chat_is_taken_once_and_acknowledged_twice(void **state)
{
    (void)state;
    struct fake_log l;
    setup(&l);
    for (int i = 0; i < 2; i++) {
        const int fd = fixture_dial(&l.f, false);
        fixture_put(fd, "{\"type\":\"CHAT\",\"sender_id\":7,\"payload\":\"once\","
                        "\"msg_id\":\"7-ab:1\"}\n");
        const char *seen = fixture_see(&l.f, fd, "\"msg_id\":\"7-ab:1\"}\n");
        CHECK(strstr(seen, "\"type\":\"CHAT_ACK\"") != NULL);
        CHECK(strstr(seen, "\"seq_no\":1") != NULL);
        close(fd);
        (void)fixture_serve(&l.f, 5);
    }
    CHECK_EQ(l.appends, 2);
    CHECK_EQ(l.len, 1);
    CHECK(strstr(l.last_args, "\"counter\":1") != NULL);
    teardown(&l);
}

static void errors_name_the_message(void **state)
{
    (void)state;
    struct fake_log l;
    setup(&l);
    const int fd = fixture_dial(&l.f, false);
    l.no_quorum = true;
    fixture_put(fd, "{\"type\":\"CHAT\",\"payload\":\"x\",\"msg_id\":\"7:1\"}\n");
    char *seen = fixture_see(&l.f, fd, "}\n");
    CHECK(strstr(seen, "\"type\":\"ERROR\",\"text\":\"no quorum: 1 of 3\"") != NULL);
    CHECK(strstr(seen, "\"status\":\"UNAVAILABLE\",\"msg_id\":\"7:1\"") != NULL);
    fixture_put(fd, "{\"type\":\"SHOUT\"}\n{not json\n\r\n{\"type\":\"HEARTBEAT\"}\r\n");
    seen = fixture_see(&l.f, fd, "\"HEARTBEAT\",");
    CHECK(strstr(seen, "does not say 'SHOUT'") != NULL);
    CHECK(strstr(seen, "MALFORMED") != NULL);
    close(fd);
    teardown(&l);
}

/* The numbers of all records and lines that a client was given, which must rise by one. */
static size_t count_up(const char *text, size_t next)
{
    for (const char *at = text; (at = strstr(at, "\"seq_no\":")) != NULL; at++) {
        CHECK_EQ(strtoull(at + 9, NULL, 10), next);
        next++;
    }
    return next;
}

static void a_catch_up_comes_in_lines_below_the_limit_and_then_goes_live(void **state)
{
    (void)state;
    struct fake_log l;
    char big[1000];
    setup(&l);
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    for (int i = 0; i < 150; i++)
        (void)add(&l, big, "node_1");
    const int fd = fixture_dial(&l.f, false), other = fixture_dial(&l.f, false);
    fixture_put(fd, "{\"type\":\"CATCHUP_REQ\",\"last_seq\":10}\n");
    char *seen = strdup(fixture_see(&l.f, fd, "\"more\":false}\n"));
    CHECK(seen != NULL);
    CHECK_EQ(count_up(seen, 11), 151);
    size_t lines = 0;
    for (char *at = seen, *end; (end = strchr(at, '\n')) != NULL; at = end + 1, lines++)
        CHECK(end - at < (long)JSONL_MAX);
    CHECK(lines >= 3);
    free(seen);
    fixture_put(other, "{\"type\":\"CHAT\",\"payload\":\"live\"}\n");
    CHECK_EQ(count_up(fixture_see(&l.f, fd, "SEQ_CHAT\"}\n"), 151), 152);
    close(fd);
    close(other);
    teardown(&l);
}

static void who_joins_with_its_last_number_misses_nothing(void **state)
{
    (void)state;
    struct fake_log l;
    setup(&l);
    for (int i = 0; i < 5; i++)
        (void)add(&l, "old", "node_1");
    const int fd = fixture_dial(&l.f, false);
    fixture_put(fd, "{\"type\":\"JOIN\",\"last_seq\":3}\n"
                    "{\"type\":\"CHAT\",\"payload\":\"new\",\"msg_id\":\"u\"}\n");
    for (int i = 0; i < 20; i++)
        (void)fixture_serve(&l.f, 2);
    char *seen = fixture_see(&l.f, fd, "\"payload\":\"new\"");
    size_t next = 4;
    for (const char *at = seen; (at = strstr(at, "\"payload\":")) != NULL; at++)
        next++;
    CHECK_EQ(next, 7);
    close(fd);
    teardown(&l);
}

static void a_slow_reader_keeps_its_place_and_one_that_stops_is_cut(void **state)
{
    (void)state;
    struct fake_log l;
    static char big[4000];
    setup(&l);
    memset(big, 'b', sizeof big - 1);
    const int slow = fixture_dial(&l.f, false), small = 128 << 10;
    CHECK_EQ(setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    fixture_put(slow, "{\"type\":\"HEARTBEAT\"}\n");
    (void)fixture_see(&l.f, slow, "\n");
    for (int i = 0; i < 3000; i++) { /* 12 MB: more than the system's buffers take */
        json_t *m = add(&l, big, "node_1");
        say_json(&l, l.watch, json_incref(m), true);
        if (i % 100 == 0)
            (void)fixture_serve(&l.f, 0);
    }
    size_t bytes = 0, newlines = 0, next = 1;
    static char part[300000];
    size_t held = 0;
    while (next <= 3000) { /* it reads on, slowly, and gets every number once */
        (void)fixture_serve(&l.f, 1);
        const ssize_t got = recv(slow, part + held, 60000, MSG_DONTWAIT);
        if (got <= 0)
            continue;
        held += (size_t)got;
        bytes += (size_t)got;
        part[held] = '\0';
        char *end = strrchr(part, '\n');
        if (end == NULL)
            continue;
        *end = '\0';
        next = count_up(part, next);
        newlines++;
        held -= (size_t)(end + 1 - part);
        memmove(part, end + 1, held);
    }
    CHECK(bytes > 12000000 && newlines > 0);
    CHECK(l.reads > 0);

    for (int i = 0; i < 2900; i++)
        say_json(&l, l.watch, json_incref(add(&l, big, "node_1")), true);
    for (int i = 0; i < 50; i++)
        (void)fixture_serve(&l.f, 0);
    CHECK_EQ(api_counters(l.f.api).connections_now, 1);
    l.f.now = pando_time_add(l.f.now, PANDO_SEC(31));
    for (int i = 0; i < 50; i++)
        (void)fixture_serve(&l.f, 0);
    l.f.now = pando_time_add(l.f.now, PANDO_SEC(3));
    for (int i = 0; i < 50; i++)
        (void)fixture_serve(&l.f, 0);
    CHECK_EQ(api_counters(l.f.api).connections_now, 0);
    CHECK_EQ(api_counters(l.f.api).slow, 1);
    close(slow);
    teardown(&l);
}

static void the_cut_names_its_reason(void **state)
{
    (void)state;
    struct fake_log l;
    setup(&l);
    static char line[JSONL_MAX + 100];
    const int over = fixture_dial(&l.f, false), idle = fixture_dial(&l.f, false),
              half = fixture_dial(&l.f, false);
    memset(line, ' ', sizeof line - 1);
    line[0] = '{';
    fixture_put(over, line);
    CHECK(strstr(fixture_see(&l.f, over, NULL), "at most 65535 bytes") != NULL);
    fixture_put(idle, "{\"type\":\"HEARTBEAT\"}\n");
    (void)fixture_see(&l.f, idle, "\n");
    fixture_put(half, "{\"type\":");
    for (int i = 0; i < 5; i++)
        (void)fixture_serve(&l.f, 1);
    l.f.now = pando_time_add(l.f.now, PANDO_SEC(30));
    CHECK(strstr(fixture_see(&l.f, half, NULL), "did not end within 30 s") != NULL);
    l.f.now = pando_time_add(l.f.now, PANDO_SEC(871));
    CHECK(strstr(fixture_see(&l.f, idle, NULL), "send a HEARTBEAT") != NULL);
    CHECK_EQ(api_counters(l.f.api).connections_now, 0);
    CHECK_EQ(l.f.cancels, 1); /* the watch ends with the last client */
    close(over);
    close(idle);
    close(half);
    teardown(&l);
}

/* More messages under way than one client may have: its socket waits, nothing is lost. */
static void a_flood_waits_for_answers(void **state)
{
    (void)state;
    struct fake_log l;
    char text[120];
    setup(&l);
    l.holds = true;
    const int fd = fixture_dial(&l.f, false);
    for (int i = 1; i <= 100; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"type\":\"CHAT\",\"payload\":\"%d\",\"msg_id\":\"f:%d\"}\n", i, i);
        fixture_put(fd, text);
    }
    for (int i = 0; i < 50; i++)
        (void)fixture_serve(&l.f, 1);
    CHECK_EQ(l.appends, 64);
    close(fd);
    for (int i = 0; i < 50; i++)
        (void)fixture_serve(&l.f, 1);
    teardown(&l);
}

/* Some connections are kept for HTTP, so that chat clients lock nobody out of the node. */
static void clients_over_the_cap_are_told_and_http_still_answers(void **state)
{
    (void)state;
    struct fake_log l;
    int fds[7];
    setup(&l);
    for (int i = 0; i < 7; i++) {
        fds[i] = fixture_dial(&l.f, false);
        fixture_put(fds[i], "{\"type\":\"HEARTBEAT\"}\n");
        (void)fixture_see(&l.f, fds[i], "\n");
    }
    const int over = fixture_dial(&l.f, false);
    fixture_put(over, "{\"type\":\"HEARTBEAT\"}\n");
    CHECK(strstr(fixture_see(&l.f, over, NULL), "too many clients") != NULL);
    close(over);
    const int http = fixture_dial(&l.f, true);
    fixture_put(http, GET("/api"));
    (void)fixture_see(&l.f, http, "HTTP/1.1 200 OK");
    close(http);
    for (int i = 0; i < 7; i++)
        close(fds[i]);
    for (int i = 0; i < 20; i++)
        (void)fixture_serve(&l.f, 1);
    teardown(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_join_is_answered_and_a_chat_is_delivered_to_all),
        TEST(a_repeated_chat_is_taken_once_and_acknowledged_twice),
        TEST(errors_name_the_message),
        TEST(a_catch_up_comes_in_lines_below_the_limit_and_then_goes_live),
        TEST(who_joins_with_its_last_number_misses_nothing),
        TEST(a_slow_reader_keeps_its_place_and_one_that_stops_is_cut),
        TEST(the_cut_names_its_reason),
        TEST(a_flood_waits_for_answers),
        TEST(clients_over_the_cap_are_told_and_http_still_answers),
    };
    return CHECK_RUN(tests);
}
