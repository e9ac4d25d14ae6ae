/* Clients and servers that do as they like: raw bytes over real loopback sockets. */
#include "base/slice.h"
#include "check.h"
#include "pipe_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_DIR PANDO_SOURCE_DIR "/tests/vectors/tls/"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ASK(headers)                                                                     \
    "GET /federation HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"          \
    "Sec-WebSocket-Version: 13\r\n" KEY "Host: somewhere.example\r\n" headers "\r\n"

enum { SEEN = 70000 };

/* What the node behind a machine was told. */
struct owner {
    int opened, texts, closed;
    uint32_t pipe;
    enum pando_status status;
    uint16_t code;
    char why[320], last[40];
};

struct fixture {
    struct pipe_world world;
    struct owner owner;
    uint8_t seen[SEEN];
    size_t seen_len;
    bool ended;
};

static void on_event(void *ctx, const struct pipe_event *ev)
{
    struct owner *o = ctx;
    o->opened += ev->kind == PIPE_OPEN;
    o->closed += ev->kind == PIPE_CLOSED;
    if (ev->kind == PIPE_OPEN)
        o->pipe = ev->pipe;
    if (ev->kind == PIPE_TEXT) {
        o->texts++;
        (void)snprintf(o->last, sizeof o->last, "%.*s", (int)bytes_view(ev->bytes).len % 40,
                       (const char *)bytes_view(ev->bytes).ptr);
    }
    if (ev->kind == PIPE_CLOSED) {
        o->status = ev->status;
        o->code = ev->code;
        (void)snprintf(o->why, sizeof o->why, "%s", ev->text);
    }
}

static struct fixture *begin_with(struct pipe_world_config config)
{
    struct fixture *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    config.sinks[0] = config.sinks[1] = (struct pipe_sink){ &f->owner, on_event };
    pipe_world_begin(&f->world, &config);
    return f;
}

static struct fixture *begin(void)
{
    return begin_with((struct pipe_world_config){ .host = "page.example",
                                                    .origin = "http://localhost:8000" });
}

static void finish(struct fixture *f, int fd)
{
    if (fd >= 0)
        (void)close(fd);
    for (int i = 0; i < 10; i++)
        pipe_world_serve(&f->world, 1);
    pipe_world_end(&f->world);
    free(f);
}

static void put(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        const ssize_t sent = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return; /* they hung up on us, or take no more now */
        at += sent;
        len -= (size_t)sent;
    }
}

static void put_text(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

/* Serve, and collect what the client sees. */
static void turn(struct fixture *f, int fd)
{
    pipe_world_serve(&f->world, 5);
    while (!f->ended && f->seen_len < SEEN) {
        const ssize_t got = recv(fd, f->seen + f->seen_len, SEEN - f->seen_len, MSG_DONTWAIT);
        f->ended = got == 0 || (got < 0 && errno != EAGAIN);
        if (got <= 0)
            return;
        f->seen_len += (size_t)got;
    }
}

/* Until the client has seen `text`, or the end with NULL. */
static void await(struct fixture *f, int fd, const char *text)
{
    for (int i = 0; i < 2000; i++) {
        if (text == NULL ? f->ended
                         : f->seen_len > 0 && memmem(f->seen, f->seen_len, text, strlen(text)))
            return;
        turn(f, fd);
    }
    print_error("saw '%.*s'\n", (int)f->seen_len, (const char *)f->seen);
    fail();
}

static int upgrade(struct fixture *f)
{
    const int fd = pipe_world_connect(&f->world, 0);
    put_text(fd, ASK(""));
    await(f, fd, "\r\n\r\n");
    CHECK_EQ(f->owner.opened, 1);
    f->seen_len = 0;
    return fd;
}

/* Ask with these bytes; the answer begins with `status`. */
static void expect_answer(const char *request, const char *status, const char *word)
{
    struct fixture *f = begin();
    const int fd = pipe_world_connect(&f->world, 0);
    put_text(fd, request);
    await(f, fd, "\r\n\r\n");
    turn(f, fd);
    CHECK_NOTE("%s", request);
    CHECK(memcmp(f->seen, status, strlen(status)) == 0);
    CHECK(memmem(f->seen, f->seen_len, word, strlen(word)) != NULL);
    finish(f, fd);
}

static void the_upgrade_is_answered_by_the_book(void **state)
{
    (void)state;
    expect_answer(ASK(""), "HTTP/1.1 101", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect_answer(ASK(""), "HTTP/1.1 101", "Upgrade: websocket");
}

static void what_is_no_upgrade_is_told_so(void **state)
{
    (void)state;
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426",
                  "ws://");
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426",
                  "Upgrade: websocket");
    expect_answer("GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n",
                  "HTTP/1.1 404", "/elsewhere");
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n" KEY "\r\n",
                  "HTTP/1.1 426", "Sec-WebSocket-Version: 13");
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: short\r\n\r\n",
                  "HTTP/1.1 400", "16 bytes");
    expect_answer("POST /federation HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n" KEY
                  "\r\n",
                  "HTTP/1.1 400", "GET");
}

static void pages_of_other_origins_stay_outside(void **state)
{
    (void)state;
    expect_answer(ASK("Origin: http://evil.example\r\n"), "HTTP/1.1 403", "Host");
    expect_answer("GET /federation HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\n" KEY "Host: localhost\r\n"
                  "Origin: http://evil.example\r\n\r\n",
                  "HTTP/1.1 403", "another site");
    expect_answer(ASK("Origin: https://page.example:8443\r\n"), "HTTP/1.1 101", "websocket");
    expect_answer(ASK("Origin: http://localhost:8000\r\n"), "HTTP/1.1 101", "websocket");
    expect_answer(ASK("Authorization: Bearer guess\r\n"), "HTTP/1.1 401", "token");
}

static void single_bytes_make_messages(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = upgrade(f);
    static const uint8_t frames[] = { 0x01, 0x82, 0, 0, 0, 0, 'a', 'b', 0x00, 0x81, 0, 0,
                                      0, 0, 'c', 0x80, 0x81, 0, 0, 0, 0, 'd' };
    for (size_t i = 0; i < sizeof frames; i++) {
        put(fd, &frames[i], 1);
        turn(f, fd);
    }
    for (int i = 0; i < 100 && f->owner.texts == 0; i++)
        turn(f, fd);
    CHECK_EQ(f->owner.texts, 1);
    CHECK_STR(f->owner.last, "abcd");
    finish(f, fd);
}

/* Method: much more waits in the socket than one turn may read; the readiness of the socket
 * is served once. */
static void a_busy_connection_reads_a_bounded_part_in_a_turn(void **state)
{
    (void)state;
    enum { BLOCK = 700, FRAME = 106 };
    struct fixture *f = begin();
    const int fd = upgrade(f);
    static uint8_t frames[BLOCK * FRAME];
    for (size_t i = 0; i < sizeof frames; i += FRAME) {
        memcpy(frames + i, "\x81\xe4\0\0\0\0", 6);
        memset(frames + i + 6, 'x', FRAME - 6);
    }
    for (int i = 0; i < 10; i++)
        put(fd, frames, sizeof frames);
    pipe_world_serve(&f->world, 100);
    CHECK(f->owner.texts > 0);
    CHECK(f->owner.texts <= (4 * 65536) / FRAME + 1);
    finish(f, fd);
}

static void frames_may_come_with_the_request(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = pipe_world_connect(&f->world, 0);
    static const char all[] = ASK("") "\x81\x82\0\0\0\0hi";
    put(fd, all, sizeof all - 1);
    for (int i = 0; i < 200 && f->owner.texts == 0; i++)
        turn(f, fd);
    CHECK_EQ(f->owner.texts, 1);
    finish(f, fd);
}

/* After these bytes the client sees a close with `code` and then the end, even though it
 * goes on talking. */
static void expect_close(const void *bytes, size_t len, unsigned code)
{
    struct fixture *f = begin();
    const int fd = upgrade(f);
    put(fd, bytes, len);
    put_text(fd, "more and more and more");
    await(f, fd, NULL);
    CHECK(f->seen_len >= 4 && f->seen[0] == 0x88);
    CHECK_EQ(f->seen[2] << 8 | f->seen[3], code);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.code, code);
    CHECK(f->owner.why[0] != '\0');
    finish(f, fd);
}

static void broken_rules_end_with_their_code(void **state)
{
    (void)state;
    expect_close("\x81\x02hi", 4, PIPE_CODE_PROTOCOL); /* no mask */
    expect_close("\x82\x81\0\0\0\0x", 7, PIPE_CODE_KIND);
    expect_close("\x81\x81\0\0\0\0\xff", 7, PIPE_CODE_TEXT);
    expect_close("\x81\xff\0\0\0\0\0\x80\0\1\0\0\0\0x", 15, PIPE_CODE_SIZE); /* 8 MiB and one */
}

static void a_ping_flood_is_ended(void **state)
{
    (void)state;
    uint8_t pings[300 * 6];
    for (size_t i = 0; i < sizeof pings; i += 6)
        memcpy(pings + i, "\x89\x80\0\0\0\0", 6);
    expect_close(pings, sizeof pings, PIPE_CODE_POLICY);
}

static void a_close_is_answered_and_the_connection_ends(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = upgrade(f);
    put(fd, "\x88\x82\0\0\0\0\x03\xe8", 8);
    await(f, fd, NULL);
    CHECK_EQ(f->seen_len, 4);
    CHECK_MEM(f->seen, "\x88\x02\x03\xe8", 4);
    CHECK_EQ(f->owner.status, PANDO_OK);
    CHECK_EQ(f->owner.code, 1000);
    finish(f, fd);
}

static void a_silent_client_is_pinged_and_then_cut(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = upgrade(f);
    f->world.ahead = PANDO_SEC(31);
    await(f, fd, "\x89");
    CHECK_EQ(f->owner.closed, 0);
    f->world.ahead = PANDO_SEC(62);
    await(f, fd, NULL);
    CHECK_EQ(f->owner.status, PANDO_TIMEOUT);
    finish(f, fd);
}

static void send_much(struct fixture *f, size_t count)
{
    enum { SIZE = 1 << 20 };
    const struct pipe_port p = ws_port(f->world.machines[0].ws);
    char *text = malloc(SIZE);
    CHECK(text != NULL);
    memset(text, 'x', SIZE);
    for (size_t i = 0; i < count; i++)
        p.ops->send(p.ctx, f->owner.pipe, bytes_copy(slice_of(text, SIZE)));
    free(text);
}

static void a_client_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = upgrade(f);
    send_much(f, 16);
    for (int i = 0; i < 20; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 0);
    f->world.ahead = PANDO_SEC(31);
    for (int i = 0; i < 20; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.status, PANDO_TIMEOUT);
    finish(f, fd);
}

static void there_is_a_wall_behind_the_credit(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = upgrade(f);
    send_much(f, 40);
    for (int i = 0; i < 5; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.status, PANDO_FULL);
    finish(f, fd);
}

/* Method: twenty clients each send most of a message of 8 MiB and never its end. */
static void unfinished_messages_share_a_wall(void **state)
{
    (void)state;
    enum { CLIENTS = 20, MOST = 7 << 20, BLOCK = 1 << 16 };
    struct fixture *f = begin();
    static const uint8_t block[BLOCK];
    int fds[CLIENTS];
    size_t left[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = pipe_world_connect(&f->world, 0);
        left[i] = MOST;
        put_text(fds[i], ASK(""));
    }
    for (int i = 0; i < 500 && f->owner.opened < CLIENTS; i++)
        pipe_world_serve(&f->world, 5);
    for (int i = 0; i < CLIENTS; i++)
        put(fds[i], "\x81\xff\0\0\0\0\0\x7f\0\0\0\0\0\0", 14);
    for (int round = 0; round < 20000 && f->owner.closed == 0; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            const ssize_t sent = left[i] < BLOCK ? 0
                                                 : send(fds[i], block, BLOCK,
                                                        MSG_NOSIGNAL | MSG_DONTWAIT);
            left[i] -= sent > 0 ? (size_t)sent : 0;
        }
        pipe_world_serve(&f->world, 0);
    }
    CHECK(f->owner.closed > 0 && f->owner.closed < CLIENTS / 2);
    CHECK_EQ(f->owner.status, PANDO_FULL);
    CHECK_EQ(f->owner.code, PIPE_CODE_LATER);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    finish(f, -1);
}

static void a_client_that_vanishes_is_noticed(void **state)
{
    (void)state;
    struct fixture *f = begin();
    const int fd = upgrade(f);
    finish(f, fd); /* closes without a word; pipe_world_end checks that nothing is left */
    f = begin();
    const int other = upgrade(f);
    (void)close(other);
    for (int i = 0; i < 200 && f->owner.closed == 0; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.status, PANDO_UNAVAILABLE);
    finish(f, -1);
}

/* A server of our own making. */
static int listen_here(uint16_t *ret_port)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (const struct sockaddr *)&here, len), 0);
    CHECK_EQ(listen(fd, 4), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&here, &len), 0);
    *ret_port = ntohs(here.sin_port);
    return fd;
}

static void dial(struct fixture *f, const char *format, unsigned port)
{
    char url[200];
    struct pando_err err = { 0 };
    const struct pipe_port p = ws_port(f->world.machines[0].ws);
    (void)snprintf(url, sizeof url, format, port);
    CHECK_OK(p.ops->dial(p.ctx, slice_text(url), 1, &err));
}

static void await_closed(struct fixture *f)
{
    for (int i = 0; i < 2000 && f->owner.closed == 0; i++)
        pipe_world_serve(&f->world, 5);
    CHECK_EQ(f->owner.closed, 1);
}

/* A server that answers the request with these bytes (NULL: nothing, and time passes). */
static void expect_dial(const char *url, const char *answer, enum pando_status status,
                        const char *word)
{
    struct fixture *f = begin();
    uint16_t port;
    const int listener = listen_here(&port);
    dial(f, url, port);
    for (int i = 0; i < 10; i++)
        pipe_world_serve(&f->world, 1);
    const int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    for (int i = 0; i < 10; i++)
        pipe_world_serve(&f->world, 1);
    if (answer != NULL) {
        put_text(fd, answer);
        (void)shutdown(fd, SHUT_WR);
    } else {
        f->world.ahead = PANDO_SEC(11);
    }
    await_closed(f);
    if (f->owner.status != status || strstr(f->owner.why, word) == NULL)
        print_error("%s: %s\n", pando_status_name(f->owner.status), f->owner.why);
    CHECK_EQ(f->owner.status, status);
    CHECK(strstr(f->owner.why, word) != NULL);
    (void)close(listener);
    finish(f, fd);
}

static void a_server_that_is_none_is_named_with_the_remedy(void **state)
{
    (void)state;
    const char *plain = "ws://127.0.0.1:%u/federation";
    expect_dial(plain, "220 mail.example ESMTP\r\n", PANDO_MALFORMED, "does not speak HTTP");
    expect_dial(plain, "HTTP/1.1 200 OK\r\n\r\n", PANDO_UNSUPPORTED, "no WebSocket");
    expect_dial(plain, "HTTP/1.1 404 No\r\n\r\n", PANDO_NOT_FOUND, "127.0.0.1");
    expect_dial(plain, "", PANDO_UNAVAILABLE, "try wss://");
    expect_dial(plain, NULL, PANDO_TIMEOUT, "10 s");
    expect_dial("wss://127.0.0.1:%u/f", "HTTP/1.1 400 Bad\r\n\r\n", PANDO_MALFORMED, "try ws://");
    expect_dial("wss://127.0.0.1:%u/f", NULL, PANDO_TIMEOUT, "10 s");
}

static void ws_to_a_port_of_tls_names_wss(void **state)
{
    (void)state;
    const char *plain = "ws://127.0.0.1:%u/federation";
    expect_dial(plain, "\x15\x03\x03", PANDO_MALFORMED, "speaks TLS: try wss://");
    expect_dial(plain, "HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n",
                PANDO_UNSUPPORTED, "try wss://");
}

static void wss_to_a_plain_port_names_ws(void **state)
{
    (void)state;
    struct fixture *f = begin(); /* a node without a certificate */
    dial(f, "wss://127.0.0.1:%u/federation", api_port(f->world.machines[1].api));
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_MALFORMED);
    CHECK(strstr(f->owner.why, "try ws://") != NULL);
    finish(f, -1);
    expect_dial("wss://127.0.0.1:%u/f", "", PANDO_UNAVAILABLE, "try ws://");
    expect_dial("wss://127.0.0.1:%u/f", "220 mail.example ESMTP\r\n", PANDO_MALFORMED, "try ws://");
}

static void an_untrusted_certificate_is_refused(void **state)
{
    (void)state;
    struct fixture *f = begin_with((struct pipe_world_config){ .tls_cert = TLS_DIR "server.crt",
                                                               .tls_key = TLS_DIR "server.key" });
    dial(f, "wss://localhost:%u/federation", api_port(f->world.machines[1].api));
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_REFUSED);
    CHECK(strstr(f->owner.why, "federation.ca") != NULL);
    finish(f, -1);
}

/* The test's name server. */
static void resolve_as(struct fixture *f, bool found)
{
    static const struct ws_address list[2] = { { { 127, 0, 0, 2 }, 4 }, { { 127, 0, 0, 1 }, 4 } };
    struct pipe_machine *m = &f->world.machines[0];
    CHECK_STR(m->name, "peer.example");
    ws_resolved(m->ws, pipe_world_now(&f->world), m->token, list, found ? 2 : 0,
                "'peer.example' does not resolve");
}

static void a_certificate_of_another_name_is_refused(void **state)
{
    (void)state;
    struct fixture *f = begin_with((struct pipe_world_config){ .tls_cert = TLS_DIR "server.crt",
                                                               .tls_key = TLS_DIR "server.key",
                                                               .ca = TLS_DIR "ca.crt" });
    dial(f, "wss://peer.example:%u/federation", api_port(f->world.machines[1].api));
    resolve_as(f, true);
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_REFUSED);
    CHECK(strstr(f->owner.why, "peer.example") != NULL);
    finish(f, -1);
}

static void the_second_address_of_a_name_is_tried(void **state)
{
    (void)state;
    struct fixture *f = begin();
    dial(f, "ws://peer.example:%u/federation", api_port(f->world.machines[1].api));
    resolve_as(f, true); /* nobody listens on the first one */
    for (int i = 0; i < 1000 && f->owner.opened < 2; i++)
        pipe_world_serve(&f->world, 5);
    CHECK_EQ(f->owner.opened, 2);
    finish(f, -1);
}

static void a_name_that_does_not_resolve_is_told(void **state)
{
    (void)state;
    struct fixture *f = begin();
    dial(f, "ws://peer.example:%u/federation", 1);
    resolve_as(f, false);
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_NOT_FOUND);
    CHECK(strstr(f->owner.why, "peer.example") != NULL);
    finish(f, -1);
}

static void bad_files_of_tls_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *key, *ca, *word;
    } cases[] = { { TLS_DIR "server.crt", TLS_DIR "none.key", NULL, "none.key" },
                  { TLS_DIR "server.crt", NULL, NULL, "tls_key is missing" },
                  { NULL, NULL, TLS_DIR "server.key", "server.key" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err err = { 0 };
        struct ws *w;
        const struct ws_config config = { .tls_cert = cases[i].cert,
                                          .tls_key = cases[i].key,
                                          .ca_file = cases[i].ca };
        CHECK_EQ(ws_new(&config, &w, &err), PANDO_INVALID);
        CHECK(strstr(err.text, cases[i].word) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_upgrade_is_answered_by_the_book),
        TEST(what_is_no_upgrade_is_told_so),
        TEST(pages_of_other_origins_stay_outside),
        TEST(single_bytes_make_messages),
        TEST(a_busy_connection_reads_a_bounded_part_in_a_turn),
        TEST(frames_may_come_with_the_request),
        TEST(broken_rules_end_with_their_code),
        TEST(a_ping_flood_is_ended),
        TEST(a_close_is_answered_and_the_connection_ends),
        TEST(a_silent_client_is_pinged_and_then_cut),
        TEST(a_client_that_takes_nothing_is_cut),
        TEST(there_is_a_wall_behind_the_credit),
        TEST(unfinished_messages_share_a_wall),
        TEST(a_client_that_vanishes_is_noticed),
        TEST(a_server_that_is_none_is_named_with_the_remedy),
        TEST(ws_to_a_port_of_tls_names_wss),
        TEST(wss_to_a_plain_port_names_ws),
        TEST(an_untrusted_certificate_is_refused),
        TEST(a_certificate_of_another_name_is_refused),
        TEST(the_second_address_of_a_name_is_tried),
        TEST(a_name_that_does_not_resolve_is_told),
        TEST(bad_files_of_tls_are_named),
    };
    return CHECK_RUN(tests);
}
