/* api_test.c - requests and answers over real loopback sockets. */
#include "api/api_fixture.h"

#include "base/slice.h"

#include "check.h"

#include <sys/socket.h>
#include <unistd.h>

static void a_connection_is_kept_for_several_requests(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, false);
    for (int i = 0; i < 3; i++) {
        fixture_put(fd, GET("/api/status?limit=5"));
        char *text = fixture_see(&f, fd, "{\"well\":true}\n");
        CHECK(strstr(text, "HTTP/1.1 200 OK") != NULL);
        CHECK(strstr(text, "Content-Type: application/json") != NULL);
    }
    fixture_put(fd, GET("/nowhere"));
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "HTTP/1.1 404") != NULL);
    fixture_put(fd, GET("/metrics"));
    CHECK(strstr(fixture_see(&f, fd, "up 1\n"), "Content-Type: text/plain") != NULL);
    CHECK_EQ(f.calls, 4);
    CHECK_EQ(api_counters(f.api).connections, 1);
    CHECK_EQ(api_counters(f.api).requests, 5);
    close(fd);
    fixture_teardown(&f);
    CHECK_EQ(f.cancels, 0);
}

static void failures_carry_their_status_code_and_text(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, true);
    fixture_put(fd, GET("/api/peers"));
    char *text = fixture_see(&f, fd, "}}\n");
    CHECK(strstr(text, "HTTP/1.1 404") != NULL);
    CHECK(strstr(text, "{\"error\":{\"status\":\"NOT_FOUND\",\"code\":-32007,"
                       "\"text\":\"no such peer\"}}") != NULL);
    fixture_put(fd, GET("/api/staus"));
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "did you mean /api/status?") != NULL);
    fixture_put(
        fd, "PUT /api/peers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    text = fixture_see(&f, fd, "}}\n");
    CHECK(strstr(text, "HTTP/1.1 405") != NULL &&
          strstr(text, "Allow: GET, POST") != NULL);
    fixture_put(
        fd,
        "POST /api/exec HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{\"a\":");
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "HTTP/1.1 400") != NULL);
    CHECK_EQ(f.calls, 1);
    close(fd);
    fixture_teardown(&f);
}

static void an_answer_may_come_later_and_in_parts(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, false);
    fixture_put(fd, GET("/api/watch"));
    while (f.calls == 0)
        (void)fixture_serve(&f, 5);
    CHECK_STR(f.verb, "node.watch");
    fixture_say(&f, f.token, PANDO_OK, "{\"n\":1}", false, true);
    char *text = fixture_see(&f, fd, "{\"n\":1}\n");
    CHECK(strstr(text, "Transfer-Encoding: chunked") != NULL);
    CHECK(strstr(text, "application/x-ndjson") != NULL);
    fixture_say(&f, f.token, PANDO_OK, "{\"n\":2}", false, true);
    (void)fixture_see(&f, fd, "{\"n\":2}\n");
    fixture_say(&f, f.token, PANDO_OK, "{\"n\":3}", false, false);
    CHECK_EQ(api_reply(f.api, f.token, PANDO_OK, SLICE_EMPTY, false, NULL, false),
             PANDO_NOT_FOUND);
    (void)fixture_see(&f, fd, "{\"n\":3}\n");
    fixture_put(fd, GET("/api/status")); /* the connection lives on */
    (void)fixture_see(&f, fd, "{\"well\":true}\n");
    close(fd);
    fixture_teardown(&f);
    CHECK_EQ(f.cancels, 0);
}

static void a_client_that_leaves_cancels_its_call(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int waiting = fixture_dial(&f, true), streaming = fixture_dial(&f, false);
    fixture_put(waiting, GET("/api/health"));
    while (f.calls < 1)
        (void)fixture_serve(&f, 5);
    fixture_put(streaming, GET("/api/watch"));
    while (f.calls < 2)
        (void)fixture_serve(&f, 5);
    fixture_say(&f, f.token, PANDO_OK, "{}", false, true);
    (void)fixture_see(&f, streaming, "{}\n");
    close(waiting);
    close(streaming);
    for (int i = 0; i < 20 && f.cancels < 2; i++) {
        f.now = pando_time_add(f.now, PANDO_SEC(1));
        (void)fixture_serve(&f, 1);
    }
    CHECK_EQ(f.cancels, 2);
    CHECK_EQ(api_reply(f.api, f.token, PANDO_OK, slice_text("{}"), false, NULL, true),
             PANDO_NOT_FOUND);
    fixture_teardown(&f);
}

static void a_client_too_slow_for_its_stream_is_cut(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    static uint8_t block[100000];
    const int fd = fixture_dial(&f, true);
    fixture_put(fd, GET("/api/dag/default/export"));
    while (f.calls == 0)
        (void)fixture_serve(&f, 5);
    enum pando_status st = PANDO_OK;
    for (int i = 0; i < 40 && st == PANDO_OK; i++) {
        st = api_reply(f.api, f.token, PANDO_OK, SLICE_OF(block), true, NULL, true);
        (void)fixture_serve(&f, 0);
        CHECK(st != PANDO_OK || api_queued(f.api, f.token) <= f.config.queued_max);
    }
    CHECK_EQ(st, PANDO_FULL);
    for (int i = 0; i < 20 && api_counters(f.api).connections_now > 0; i++) {
        static char drain[1u << 20];
        (void)recv(fd, drain, sizeof drain, MSG_DONTWAIT);
        (void)fixture_serve(&f, 5);
    }
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    close(fd);
    fixture_teardown(&f);
}

static void a_body_over_the_cap_is_refused_with_413(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    int fd = fixture_dial(&f, false);
    fixture_put(
        fd,
        "POST /api/exec HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n");
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "HTTP/1.1 413") != NULL);
    close(fd);
    fd = fixture_dial(&f, false);
    static char chunk[12000];
    const int len =
        snprintf(chunk, sizeof chunk,
                 "POST /api/exec HTTP/1.1\r\nHost: localhost\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n2af8\r\n%011000d\r\n0\r\n\r\n",
                 7);
    CHECK_EQ(len, (int)strlen(chunk));
    fixture_put(fd, chunk);
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "HTTP/1.1 413") != NULL);
    CHECK_EQ(f.calls, 0);
    close(fd);
    fixture_teardown(&f);
}

/* The space stands in the path, its name before the bytes that the backend gets. */
static void bytes_of_a_space_are_posted_to_its_path(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, true);
    fixture_put(fd, "POST /api/delta/my%20lab/import HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Length: 6\r\n\r\n{\"a\"}\n");
    while (f.calls == 0)
        (void)fixture_serve(&f, 100);
    CHECK_STR(f.verb, "delta.import");
    CHECK_STR(f.args, "\x06my lab{\"a\"}\n");
    fixture_say(&f, f.token, PANDO_OK, "{\"new\":1}", false, false);
    CHECK(strstr(fixture_see(&f, fd, "1}\n"), "HTTP/1.1 200") != NULL);
    fixture_put(fd, "POST /api/delta.import HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Length: 4\r\n\r\n\x01x{}");
    while (f.calls == 1)
        (void)fixture_serve(&f, 100);
    CHECK_STR(f.args, "\x01x{}"); /* without one in the path the body begins with it */
    fixture_say(&f, f.token, PANDO_OK, "{\"new\":2}", false, false);
    CHECK(strstr(fixture_see(&f, fd, "2}\n"), "HTTP/1.1 200") != NULL);
    close(fd);
    fixture_teardown(&f);
}

static void headers_without_end_are_refused(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, false);
    static char line[40000];
    memset(line, 'a', sizeof line - 1);
    fixture_put(fd, "GET /health HTTP/1.1\r\nX: ");
    (void)send(fd, line, sizeof line - 1, MSG_NOSIGNAL);
    char *text = fixture_see(&f, fd, "HTTP/1.");
    CHECK(strstr(text, " 431 ") != NULL || strstr(text, " 413 ") != NULL);
    CHECK_EQ(f.calls, 0);
    close(fd);
    fixture_teardown(&f);
}

static void pages_of_other_sites_are_refused(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, false);
    fixture_put(fd, "GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "HTTP/1.1 403") != NULL);
    fixture_put(
        fd,
        "POST /api/stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
        "Content-Length: 0\r\n\r\n");
    CHECK(strstr(fixture_see(&f, fd, "}}\n"), "HTTP/1.1 403") != NULL);
    fixture_put(
        fd,
        "GET /api/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n");
    char *text = fixture_see(&f, fd, "}}\n");
    CHECK(strstr(text, "HTTP/1.1 401") != NULL &&
          strstr(text, "WWW-Authenticate: Bearer") != NULL);
    CHECK_EQ(f.calls, 0);
    CHECK_EQ(api_counters(f.api).refused, 3);
    close(fd);
    fixture_teardown(&f);
}

static void json_rpc_is_spoken_at_rpc(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } rows[] = {
        { "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"status\"}",
          "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"well\":true}}\n" },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"peer.ls\",\"params\":{}}",
          "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32007,"
          "\"message\":\"no such peer\",\"data\":{\"status\":\"NOT_FOUND\"}}}\n" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"metrics\"}",
          "\"result\":\"up 1\\n\"}\n" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"statsu\"}",
          "did you mean 'status'?" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.watch\"}",
          "this verb streams" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[1]}",
          "-32602" },
        { "{\"id\":1,\"method\":\"status\"}", "-32602" },
        { "[{}]", "batches are not taken" },
        { "{", "-32700" },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"status\"}", "HTTP/1.1 204" },
    };
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int fd = fixture_dial(&f, false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[400];
        (void)snprintf(
            text, sizeof text,
            "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
            strlen(rows[i].body), rows[i].body);
        fixture_put(fd, text);
        (void)fixture_see(&f, fd, rows[i].want);
    }
    close(fd);
    fixture_teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_is_kept_for_several_requests),
        TEST(failures_carry_their_status_code_and_text),
        TEST(an_answer_may_come_later_and_in_parts),
        TEST(a_client_that_leaves_cancels_its_call),
        TEST(a_client_too_slow_for_its_stream_is_cut),
        TEST(a_body_over_the_cap_is_refused_with_413),
        TEST(bytes_of_a_space_are_posted_to_its_path),
        TEST(headers_without_end_are_refused),
        TEST(pages_of_other_sites_are_refused),
        TEST(json_rpc_is_spoken_at_rpc),
    };
    return CHECK_RUN(tests);
}
