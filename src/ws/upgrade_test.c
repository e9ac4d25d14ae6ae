#include "ws/handshake.h"

#include "base/slice.h"
#include "check.h"

/* The example of RFC 6455, section 1.3. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define GOOD                                                                            \
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"                        \
    "CONNECTION: keep-alive, Upgrade\r\nSec-WebSocket-Accept:  " ACCEPT " \r\n\r\n"

static void the_accept_text_is_the_rfcs(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_TEXT + 1];
    ws_key_accept(KEY, accept);
    CHECK_STR(accept, ACCEPT);
    CHECK(ws_key_is_valid(KEY));
    CHECK(!ws_key_is_valid("dGhlIHNhbXBsZSBub25jZQ="));
    CHECK(!ws_key_is_valid("AAAAAAAAAAAAAAAAAAAAAAAA")); /* 18 bytes */
    CHECK(!ws_key_is_valid("!!!!!!!!!!!!!!!!!!!!!!=="));
}

static void a_good_answer_ends_where_frames_begin(void **state)
{
    (void)state;
    static const char text[] = GOOD "\x81\x02hi";
    size_t len = 0;
    for (size_t i = 0; i < sizeof GOOD - 1; i++)
        CHECK_EQ(ws_answer_read(slice_of(text, i), KEY, &len, NULL), PANDO_BUSY);
    CHECK_OK(ws_answer_read(slice_of(text, sizeof text - 1), KEY, &len, NULL));
    CHECK_EQ(len, sizeof GOOD - 1);
}

static void a_bad_answer_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum pando_status status;
        const char *word;
    } cases[] = {
        { "SSH-2.0-OpenSSH\r\n", PANDO_MALFORMED, "HTTP" },
        { "HTTP/1.1 404 Not Found\r\n\r\n", PANDO_NOT_FOUND, "path" },
        { "HTTP/1.1 403 Forbidden\r\n\r\n", PANDO_REFUSED, "refused" },
        { "HTTP/1.1 503 Busy\r\n\r\n", PANDO_UNAVAILABLE, "503" },
        { "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", PANDO_UNSUPPORTED, "final URL" },
        { "HTTP/1.1 200 OK\r\n\r\n", PANDO_UNSUPPORTED, "WebSocket" },
        { "HTTP/1.1 10\r\n\r\n", PANDO_MALFORMED, "HTTP" },
        { "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
          PANDO_MALFORMED, "key" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err err = { 0 };
        size_t len;
        CHECK_NOTE("case %zu\n", i);
        CHECK_EQ(ws_answer_read(slice_text(cases[i].answer), KEY, &len, &err), cases[i].status);
        CHECK(strstr(err.text, cases[i].word) != NULL);
    }
}

static void an_endless_answer_is_refused(void **state)
{
    (void)state;
    static char text[WS_HEAD_MAX];
    size_t len;
    memset(text, 'a', sizeof text);
    memcpy(text, "HTTP/1.1 101 x", 14);
    CHECK_EQ(ws_answer_read(slice_of(text, sizeof text - 1), KEY, &len, NULL), PANDO_BUSY);
    CHECK_EQ(ws_answer_read(slice_of(text, sizeof text), KEY, &len, NULL), PANDO_MALFORMED);
}

static void urls_read_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool tls, ip6;
        const char *host;
        unsigned port;
        const char *target;
    } cases[] = {
        { "ws://localhost:8080/federation", false, false, "localhost", 8080, "/federation" },
        { "wss://a.example", true, false, "a.example", 443, "/" },
        { "WS://10.0.0.1?x=1", false, false, "10.0.0.1", 80, "/?x=1" },
        { "ws://[::1]:9000/federation/notes?a=b", false, true, "::1", 9000,
          "/federation/notes?a=b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ws_url url;
        CHECK_OK(ws_url_parse(slice_text(cases[i].text), &url, NULL));
        CHECK_EQ(url.tls, cases[i].tls);
        CHECK_EQ(url.ip6, cases[i].ip6);
        CHECK_STR(url.host, cases[i].host);
        CHECK_EQ(url.port, cases[i].port);
        CHECK_STR(url.target, cases[i].target);
    }
}

static void a_wrong_url_is_told_with_the_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        { "http://host:1/x", "try ws://host:1/x" }, { "https://host", "try wss://host" },
        { "host:8080", "try ws://host:8080" },      { "ws://", "no host" },
        { "ws://a:b@c/", "user name" },             { "ws://h:0/", "1 to 65535" },
        { "ws://h:99999/", "1 to 65535" },          { "ws://[::1/", "no host" },
        { "ws://h/a b", "without spaces" },         { "ws://h/a#b", "without #" },
        { "ws://h\r\nX: y/", "no host" },           { "", "1 to 1023" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err err = { 0 };
        struct ws_url url;
        CHECK_NOTE("case %zu\n", i);
        CHECK_EQ(ws_url_parse(slice_text(cases[i].text), &url, &err), PANDO_INVALID);
        if (strstr(err.text, cases[i].word) == NULL)
            print_error("'%s'\n", err.text);
        CHECK(strstr(err.text, cases[i].word) != NULL);
    }
}

static void the_request_names_host_and_port(void **state)
{
    (void)state;
    struct ws_url url;
    struct pando_buf b;
    buf_init(&b, 4096);
    CHECK_OK(ws_url_parse(slice_text("ws://[::1]:9000/f"), &url, NULL));
    CHECK_OK(ws_request_print(&url, KEY, &b));
    CHECK(strstr((const char *)b.ptr, "GET /f HTTP/1.1\r\nHost: [::1]:9000\r\n") != NULL);
    buf_reset(&b);
    CHECK_OK(ws_url_parse(slice_text("wss://h"), &url, NULL));
    CHECK_OK(ws_request_print(&url, KEY, &b));
    CHECK(strstr((const char *)b.ptr, "GET / HTTP/1.1\r\nHost: h\r\n") != NULL);
    buf_deinit(&b);
}

static void header_lists_are_read_by_their_parts(void **state)
{
    (void)state;
    CHECK(ws_header_names("keep-alive, Upgrade", "upgrade"));
    CHECK(ws_header_names("upgrade", "Upgrade"));
    CHECK(!ws_header_names("upgrades, downgrade", "upgrade"));
    CHECK(!ws_header_names("", "upgrade"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_accept_text_is_the_rfcs),
        TEST(a_good_answer_ends_where_frames_begin),
        TEST(a_bad_answer_says_what_to_do),
        TEST(an_endless_answer_is_refused),
        TEST(urls_read_as_they_should),
        TEST(a_wrong_url_is_told_with_the_remedy),
        TEST(the_request_names_host_and_port),
        TEST(header_lists_are_read_by_their_parts),
    };
    return CHECK_RUN(tests);
}
