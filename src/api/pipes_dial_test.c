/* Dials to servers that are none, are another, or cannot be trusted: each failure has its
 * status and a remedy. */
#include "pipes_hand.h"

#include "base/slice.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server of our own making. */
static int listen_here(uint16_t *ret_port)
{
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (const struct sockaddr *)&here, len), 0);
    CHECK_EQ(listen(fd, 4), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&here, &len), 0);
    *ret_port = ntohs(here.sin_port);
    return fd;
}

static void dial(struct hand *f, const char *format, unsigned port)
{
    char url[200];
    struct pando_err err = { 0 };
    const struct pipe_port p = ws_port(f->world.machines[0].ws);
    (void)snprintf(url, sizeof url, format, port);
    CHECK_OK(p.ops->dial(p.ctx, slice_text(url), 1, &err));
}

static void await_closed(struct hand *f)
{
    for (int i = 0; i < 2000 && f->owner.closed == 0; i++)
        pipe_world_serve(&f->world, 5);
    CHECK_EQ(f->owner.closed, 1);
}

/* A server that answers the request with these bytes (NULL: nothing, and time passes). */
static void expect_dial(const char *url, const char *answer, enum pando_status status,
                        const char *word)
{
    struct hand *f = hand_begin();
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
        hand_put_text(fd, answer);
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
    hand_finish(f, fd);
}

static void a_server_that_is_none_is_named_with_the_remedy(void **state)
{
    (void)state;
    const char *plain = "ws://127.0.0.1:%u/federation";
    expect_dial(plain, "220 mail.example ESMTP\r\n", PANDO_MALFORMED,
                "does not speak HTTP");
    expect_dial(plain, "HTTP/1.1 200 OK\r\n\r\n", PANDO_UNSUPPORTED, "no WebSocket");
    expect_dial(plain, "HTTP/1.1 404 No\r\n\r\n", PANDO_NOT_FOUND, "127.0.0.1");
    expect_dial(plain, "", PANDO_UNAVAILABLE, "try wss://");
    expect_dial(plain, NULL, PANDO_TIMEOUT, "10 s");
    expect_dial("wss://127.0.0.1:%u/f", "HTTP/1.1 400 Bad\r\n\r\n", PANDO_MALFORMED,
                "try ws://");
    expect_dial("wss://127.0.0.1:%u/f", NULL, PANDO_TIMEOUT, "10 s");
}

static void ws_to_a_port_of_tls_names_wss(void **state)
{
    (void)state;
    const char *plain = "ws://127.0.0.1:%u/federation";
    expect_dial(plain, "\x15\x03\x03", PANDO_MALFORMED, "speaks TLS: try wss://");
    expect_dial(plain,
                "HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n",
                PANDO_UNSUPPORTED, "try wss://");
}

static void wss_to_a_plain_port_names_ws(void **state)
{
    (void)state;
    struct hand *f = hand_begin(); /* a node without a certificate */
    dial(f, "wss://127.0.0.1:%u/federation", api_port(f->world.machines[1].api));
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_MALFORMED);
    CHECK(strstr(f->owner.why, "try ws://") != NULL);
    hand_finish(f, -1);
    expect_dial("wss://127.0.0.1:%u/f", "", PANDO_UNAVAILABLE, "try ws://");
    expect_dial("wss://127.0.0.1:%u/f", "220 mail.example ESMTP\r\n", PANDO_MALFORMED,
                "try ws://");
}

static void an_untrusted_certificate_is_refused(void **state)
{
    (void)state;
    struct hand *f = hand_begin_with((struct pipe_world_config){
        .tls_cert = TLS_DIR "server.crt", .tls_key = TLS_DIR "server.key" });
    dial(f, "wss://localhost:%u/federation", api_port(f->world.machines[1].api));
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_REFUSED);
    CHECK(strstr(f->owner.why, "federation.ca") != NULL);
    hand_finish(f, -1);
}

/* The test's name server. */
static void resolve_as(struct hand *f, bool found)
{
    static const struct ws_address list[2] = { { { 127, 0, 0, 2 }, 4 },
                                               { { 127, 0, 0, 1 }, 4 } };
    struct pipe_machine *m = &f->world.machines[0];
    CHECK_STR(m->name, "peer.example");
    ws_resolved(m->ws, pipe_world_now(&f->world), m->token, list, found ? 2 : 0,
                "'peer.example' does not resolve");
}

static void a_certificate_of_another_name_is_refused(void **state)
{
    (void)state;
    struct hand *f =
        hand_begin_with((struct pipe_world_config){ .tls_cert = TLS_DIR "server.crt",
                                                    .tls_key = TLS_DIR "server.key",
                                                    .ca = TLS_DIR "ca.crt" });
    dial(f, "wss://peer.example:%u/federation", api_port(f->world.machines[1].api));
    resolve_as(f, true);
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_REFUSED);
    CHECK(strstr(f->owner.why, "peer.example") != NULL);
    hand_finish(f, -1);
}

static void the_second_address_of_a_name_is_tried(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    dial(f, "ws://peer.example:%u/federation", api_port(f->world.machines[1].api));
    resolve_as(f, true); /* nobody listens on the first one */
    for (int i = 0; i < 1000 && f->owner.opened < 2; i++)
        pipe_world_serve(&f->world, 5);
    CHECK_EQ(f->owner.opened, 2);
    hand_finish(f, -1);
}

static void a_name_that_does_not_resolve_is_told(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    dial(f, "ws://peer.example:%u/federation", 1);
    resolve_as(f, false);
    await_closed(f);
    CHECK_EQ(f->owner.status, PANDO_NOT_FOUND);
    CHECK(strstr(f->owner.why, "peer.example") != NULL);
    hand_finish(f, -1);
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
