/* api_test.c - the api over real loopback sockets, driven by a poll loop of ten lines. Time
 * is the test's own for our deadlines, so nothing here waits for a clock to pass. */
#include "api/api.h"

#include "api/client.h"
#include "base/slice.h"

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WATCHES 600

struct fixture {
    char folder[64];
    char socket[128];
    struct api *api;
    struct api_config config;
    struct pando_time now;
    struct {
        int fd;
        unsigned events;
        uint32_t handle;
    } watches[WATCHES];
    size_t watches_len;
    uint64_t token; /* of the call that is left open */
    char verb[32];
    char args[256];
    int calls, cancels;
};

static enum pando_status watch(void *ctx, int fd, unsigned events, uint32_t handle)
{
    struct fixture *f = ctx;
    CHECK(f->watches_len < WATCHES);
    f->watches[f->watches_len].fd = fd;
    f->watches[f->watches_len].events = events;
    f->watches[f->watches_len++].handle = handle;
    return PANDO_OK;
}

static void unwatch(void *ctx, int fd, uint32_t handle)
{
    struct fixture *f = ctx;
    for (size_t i = 0; i < f->watches_len; i++)
        if (f->watches[i].fd == fd && f->watches[i].handle == handle) {
            f->watches[i] = f->watches[--f->watches_len];
            return;
        }
    fail();
}

static void say(struct fixture *f, uint64_t token, enum pando_status st, const char *text, bool raw,
                bool more)
{
    CHECK_OK(api_reply(f->api, token, st, slice_text(text), raw, NULL, more));
}

/* "status" answers at once, "peer.ls" fails, the others stay open for the test. */
static void call(void *ctx, uint64_t token, const char *verb, struct pando_slice args)
{
    struct fixture *f = ctx;
    f->calls++;
    f->token = token;
    (void)snprintf(f->verb, sizeof f->verb, "%s", verb);
    (void)snprintf(f->args, sizeof f->args, "%.*s", (int)args.len, (const char *)args.ptr);
    if (strcmp(verb, "status") == 0)
        say(f, token, PANDO_OK, "{\"well\":true}", false, false);
    else if (strcmp(verb, "metrics") == 0)
        CHECK_OK(api_reply(f->api, token, PANDO_OK, slice_text("up 1\n"), true, "text/plain", false));
    else if (strcmp(verb, "peer.ls") == 0)
        say(f, token, PANDO_NOT_FOUND, "no such peer", false, false);
}

static void cancel(void *ctx, uint64_t token)
{
    struct fixture *f = ctx;
    (void)token;
    f->cancels++;
}

static void setup(struct fixture *f, size_t connections_max)
{
    struct pando_err err = { 0 };
    memset(f, 0, sizeof *f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/pando-api-XXXXXX");
    CHECK(mkdtemp(f->folder) != NULL);
    (void)snprintf(f->socket, sizeof f->socket, "%s/control.sock", f->folder);
    f->now.ns = 1000;
    f->config = (struct api_config){
        .http_address = "127.0.0.1",
        .socket_path = f->socket,
        .connections_max = connections_max,
        .body_max = 10000,
        .queued_max = 1u << 20,
        .watch = { f, watch, unwatch },
        .backend = { f, call, cancel },
    };
    CHECK_OK(api_new(&f->config, &f->api, &err));
}

static void teardown(struct fixture *f)
{
    api_free(f->api);
    CHECK_EQ(f->watches_len, 0);
    CHECK_EQ(access(f->socket, F_OK), -1);
    CHECK_EQ(rmdir(f->folder), 0);
}

/* Serve whatever is ready, waiting at most `ms` for the first. */
static bool serve(struct fixture *f, int ms)
{
    struct pollfd fds[WATCHES];
    uint32_t handles[WATCHES];
    const size_t len = f->watches_len;
    for (size_t i = 0; i < len; i++) {
        fds[i] = (struct pollfd){ .fd = f->watches[i].fd, .events = POLLIN };
        handles[i] = f->watches[i].handle;
    }
    const int ready = poll(fds, (nfds_t)len, ms);
    for (size_t i = 0; i < len && ready > 0; i++)
        if (fds[i].revents != 0)
            api_ready(f->api, f->now, handles[i], API_READABLE);
    if (pando_time_reached(api_deadline(f->api, f->now), f->now))
        api_tick(f->api, f->now);
    return ready > 0;
}

static int dial(struct fixture *f, bool control)
{
    struct sockaddr_in tcp = { .sin_family = AF_INET, .sin_port = htons(api_port(f->api)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    (void)snprintf(local.sun_path, sizeof local.sun_path, "%.100s", f->socket);
    const int fd = socket(control ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, control ? (struct sockaddr *)&local : (struct sockaddr *)&tcp,
                     control ? sizeof local : sizeof tcp), 0);
    return fd;
}

static void put(int fd, const char *text)
{
    CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Serve until the client has seen `until`, or the end of the connection when it is NULL. */
static char *see(struct fixture *f, int fd, const char *until)
{
    static char text[200000];
    size_t len = 0;
    text[0] = '\0';
    for (int idle = 0; idle < 200 && (until == NULL || strstr(text, until) == NULL);) {
        const bool busy = serve(f, 5);
        const ssize_t got = recv(fd, text + len, sizeof text - len - 1, MSG_DONTWAIT);
        if (got == 0)
            return text;
        if (got < 0) {
            idle += !busy;
            continue;
        }
        idle = 0;
        len += (size_t)got;
        text[len] = '\0';
    }
    if (until == NULL || strstr(text, until) == NULL)
        print_error("waited for '%s', saw '%s'\n", until != NULL ? until : "the end", text);
    CHECK(until != NULL && strstr(text, until) != NULL);
    return text;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void a_connection_is_kept_for_several_requests(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int fd = dial(&f, false);
    for (int i = 0; i < 3; i++) {
        put(fd, GET("/api/status?limit=5"));
        char *text = see(&f, fd, "{\"well\":true}\n");
        CHECK(strstr(text, "HTTP/1.1 200 OK") != NULL);
        CHECK(strstr(text, "Content-Type: application/json") != NULL);
    }
    put(fd, GET("/nowhere"));
    CHECK(strstr(see(&f, fd, "}}\n"), "HTTP/1.1 404") != NULL);
    put(fd, GET("/metrics"));
    CHECK(strstr(see(&f, fd, "up 1\n"), "Content-Type: text/plain") != NULL);
    CHECK_EQ(f.calls, 4);
    CHECK_EQ(api_counters(f.api).connections, 1);
    CHECK_EQ(api_counters(f.api).requests, 5);
    close(fd);
    teardown(&f);
    CHECK_EQ(f.cancels, 0);
}

static void failures_carry_their_status_code_and_text(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int fd = dial(&f, true);
    put(fd, GET("/api/peers"));
    char *text = see(&f, fd, "}}\n");
    CHECK(strstr(text, "HTTP/1.1 404") != NULL);
    CHECK(strstr(text, "{\"error\":{\"status\":\"NOT_FOUND\",\"code\":-32007,"
                       "\"text\":\"no such peer\"}}") != NULL);
    put(fd, GET("/api/staus"));
    CHECK(strstr(see(&f, fd, "}}\n"), "did you mean /api/status?") != NULL);
    put(fd, "PUT /api/peers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    text = see(&f, fd, "}}\n");
    CHECK(strstr(text, "HTTP/1.1 405") != NULL && strstr(text, "Allow: GET, POST") != NULL);
    put(fd, "POST /api/exec HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{\"a\":");
    CHECK(strstr(see(&f, fd, "}}\n"), "HTTP/1.1 400") != NULL);
    CHECK_EQ(f.calls, 1);
    close(fd);
    teardown(&f);
}

static void an_answer_may_come_later_and_in_parts(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int fd = dial(&f, false);
    put(fd, GET("/api/watch"));
    while (f.calls == 0)
        (void)serve(&f, 5);
    CHECK_STR(f.verb, "node.watch");
    say(&f, f.token, PANDO_OK, "{\"n\":1}", false, true);
    char *text = see(&f, fd, "{\"n\":1}\n");
    CHECK(strstr(text, "Transfer-Encoding: chunked") != NULL);
    CHECK(strstr(text, "application/x-ndjson") != NULL);
    say(&f, f.token, PANDO_OK, "{\"n\":2}", false, true);
    (void)see(&f, fd, "{\"n\":2}\n");
    say(&f, f.token, PANDO_OK, "{\"n\":3}", false, false);
    CHECK_EQ(api_reply(f.api, f.token, PANDO_OK, SLICE_EMPTY, false, NULL, false), PANDO_NOT_FOUND);
    (void)see(&f, fd, "{\"n\":3}\n");
    put(fd, GET("/api/status")); /* the connection lives on */
    (void)see(&f, fd, "{\"well\":true}\n");
    close(fd);
    teardown(&f);
    CHECK_EQ(f.cancels, 0);
}

static void a_client_that_leaves_cancels_its_call(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int waiting = dial(&f, true), streaming = dial(&f, false);
    put(waiting, GET("/api/health"));
    while (f.calls < 1)
        (void)serve(&f, 5);
    put(streaming, GET("/api/watch"));
    while (f.calls < 2)
        (void)serve(&f, 5);
    say(&f, f.token, PANDO_OK, "{}", false, true);
    (void)see(&f, streaming, "{}\n");
    close(waiting);
    close(streaming);
    for (int i = 0; i < 20 && f.cancels < 2; i++) {
        f.now = pando_time_add(f.now, PANDO_SEC(1));
        (void)serve(&f, 1);
    }
    CHECK_EQ(f.cancels, 2);
    CHECK_EQ(api_reply(f.api, f.token, PANDO_OK, slice_text("{}"), false, NULL, true),
             PANDO_NOT_FOUND);
    teardown(&f);
}

static void a_client_too_slow_for_its_stream_is_cut(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    static uint8_t block[100000];
    const int fd = dial(&f, true);
    put(fd, GET("/api/dag/default/export"));
    while (f.calls == 0)
        (void)serve(&f, 5);
    enum pando_status st = PANDO_OK;
    for (int i = 0; i < 40 && st == PANDO_OK; i++) {
        st = api_reply(f.api, f.token, PANDO_OK, SLICE_OF(block), true, NULL, true);
        (void)serve(&f, 0);
        CHECK(st != PANDO_OK || api_queued(f.api, f.token) <= f.config.queued_max);
    }
    CHECK_EQ(st, PANDO_FULL);
    for (int i = 0; i < 20 && api_counters(f.api).connections_now > 0; i++) {
        static char drain[1u << 20];
        (void)recv(fd, drain, sizeof drain, MSG_DONTWAIT);
        (void)serve(&f, 5);
    }
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    close(fd);
    teardown(&f);
}

static void a_body_over_the_cap_is_refused_with_413(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    int fd = dial(&f, false);
    put(fd, "POST /api/exec HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n");
    CHECK(strstr(see(&f, fd, "}}\n"), "HTTP/1.1 413") != NULL);
    close(fd);
    fd = dial(&f, false);
    static char chunk[12000];
    const int len = snprintf(chunk, sizeof chunk,
                             "POST /api/exec HTTP/1.1\r\nHost: localhost\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n2af8\r\n%011000d\r\n0\r\n\r\n", 7);
    CHECK_EQ(len, (int)strlen(chunk));
    put(fd, chunk);
    CHECK(strstr(see(&f, fd, "}}\n"), "HTTP/1.1 413") != NULL);
    CHECK_EQ(f.calls, 0);
    close(fd);
    teardown(&f);
}

static void headers_without_end_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int fd = dial(&f, false);
    static char line[40000];
    memset(line, 'a', sizeof line - 1);
    put(fd, "GET /health HTTP/1.1\r\nX: ");
    (void)send(fd, line, sizeof line - 1, MSG_NOSIGNAL);
    char *text = see(&f, fd, "HTTP/1.");
    CHECK(strstr(text, " 431 ") != NULL || strstr(text, " 413 ") != NULL);
    CHECK_EQ(f.calls, 0);
    close(fd);
    teardown(&f);
}

static void pages_of_other_sites_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int fd = dial(&f, false);
    put(fd, "GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    CHECK(strstr(see(&f, fd, "}}\n"), "HTTP/1.1 403") != NULL);
    put(fd, "POST /api/stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
            "Content-Length: 0\r\n\r\n");
    CHECK(strstr(see(&f, fd, "}}\n"), "HTTP/1.1 403") != NULL);
    put(fd, "GET /api/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n");
    char *text = see(&f, fd, "}}\n");
    CHECK(strstr(text, "HTTP/1.1 401") != NULL && strstr(text, "WWW-Authenticate: Bearer") != NULL);
    CHECK_EQ(f.calls, 0);
    CHECK_EQ(api_counters(f.api).refused, 3);
    close(fd);
    teardown(&f);
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
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"statsu\"}", "did you mean 'status'?" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.watch\"}", "this verb streams" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[1]}", "-32602" },
        { "{\"id\":1,\"method\":\"status\"}", "-32602" },
        { "[{}]", "batches are not taken" },
        { "{", "-32700" },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"status\"}", "HTTP/1.1 204" },
    };
    struct fixture f;
    setup(&f, 8);
    const int fd = dial(&f, false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[400];
        (void)snprintf(text, sizeof text,
                       "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(rows[i].body), rows[i].body);
        put(fd, text);
        (void)see(&f, fd, rows[i].want);
    }
    close(fd);
    teardown(&f);
}

static void the_first_byte_chooses_the_language(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    int fd = dial(&f, false);
    put(fd, "{\"type\":\"join\"}\n");
    CHECK(strstr(see(&f, fd, NULL), "no chat room") != NULL);
    close(fd);
    fd = dial(&f, false);
    put(fd, "\x16\x03\x01");
    CHECK_MEM(see(&f, fd, NULL), "\x15\x03\x01", 4 - 1);
    close(fd);
    fd = dial(&f, true); /* said nothing, and left */
    (void)serve(&f, 5);
    CHECK_EQ(api_counters(f.api).connections_now, 1);
    close(fd);
    (void)serve(&f, 5);
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    teardown(&f);
}

static void a_silent_and_a_dripping_client_are_closed(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 8);
    const int silent = dial(&f, false), dripping = dial(&f, false);
    put(dripping, "GET /health HT");
    for (int i = 0; i < 10; i++)
        (void)serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 2);
    f.now = pando_time_add(f.now, PANDO_SEC(2));
    (void)serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 1);
    for (int i = 0; i < 28; i++) { /* one byte a second keeps no connection alive */
        put(dripping, "x");
        f.now = pando_time_add(f.now, PANDO_SEC(1));
        (void)serve(&f, 1);
    }
    char byte;
    for (int i = 0; i < 50 && recv(dripping, &byte, 1, MSG_DONTWAIT) != 0; i++)
        (void)serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    CHECK_EQ(api_counters(f.api).slow, 2);
    close(silent);
    close(dripping);
    teardown(&f);
}

static void connections_over_the_cap_are_closed_at_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 4);
    int fds[6];
    for (int i = 0; i < 6; i++)
        fds[i] = dial(&f, i % 2 == 0);
    for (int i = 0; i < 10; i++)
        (void)serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 4);
    CHECK_EQ(api_counters(f.api).overflow, 2);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    for (int i = 0; i < 10; i++)
        (void)serve(&f, 1);
    const int fd = dial(&f, false);
    put(fd, GET("/api/status"));
    (void)see(&f, fd, "{\"well\":true}\n");
    close(fd);
    teardown(&f);
}

static void the_socket_is_private_and_a_dead_ones_file_is_replaced(void **state)
{
    (void)state;
    struct fixture f;
    struct api *second = NULL;
    struct pando_err err = { 0 };
    struct stat st;
    setup(&f, 8);
    CHECK_EQ(stat(f.socket, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    struct api_config config = f.config;
    config.http_address = NULL;
    CHECK_EQ(api_new(&config, &second, &err), PANDO_BUSY);
    CHECK(strstr(err.text, "a running node answers") != NULL);
    config.http_address = "127.0.0.1";
    config.http_port = api_port(f.api);
    config.socket_path = NULL;
    CHECK_EQ(api_new(&config, &second, &err), PANDO_BUSY);
    CHECK(strstr(err.text, "TCP port") != NULL && strstr(err.text, "--http-port") != NULL);
    teardown(&f);

    setup(&f, 8);
    api_free(f.api);
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0); /* bound, and its process gone */
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    (void)snprintf(place.sun_path, sizeof place.sun_path, "%.100s", f.socket);
    CHECK_EQ(bind(dead, (struct sockaddr *)&place, sizeof place), 0);
    close(dead);
    CHECK_OK(api_new(&f.config, &f.api, &err));
    teardown(&f);
}

struct asker {
    struct client_target target;
    const char *verb;
    struct pando_buf body;
    struct pando_err err;
    enum pando_status status;
    atomic_bool done;
    int parts;
};

static bool take_part(void *ctx, struct pando_slice part)
{
    struct asker *q = ctx;
    (void)part;
    return ++q->parts < 3;
}

static void *ask_thread(void *ctx)
{
    struct asker *q = ctx;
    const struct client_stream stream = { q, take_part };
    q->status = client_call(&q->target, q->verb, slice_text("{\"a\":1}"),
                            strcmp(q->verb, "node.watch") == 0 ? &stream : NULL, &q->body, &q->err);
    atomic_store(&q->done, true);
    return NULL;
}

static void ask(struct fixture *f, struct asker *q, const char *verb, bool control)
{
    pthread_t thread;
    q->target = (struct client_target){ .socket_path = control ? f->socket : NULL,
                                        .host = "127.0.0.1",
                                        .port = api_port(f->api) };
    q->verb = verb;
    q->parts = 0;
    atomic_store(&q->done, false);
    buf_init(&q->body, 1000);
    const int calls = f->calls;
    CHECK_EQ(pthread_create(&thread, NULL, ask_thread, q), 0);
    while (!atomic_load(&q->done)) {
        (void)serve(f, 5);
        if (strcmp(verb, "node.watch") == 0 && f->calls > calls)
            (void)api_reply(f->api, f->token, PANDO_OK, slice_text("{\"x\":1}"), false, NULL, true);
    }
    (void)pthread_join(thread, NULL);
}

static void our_own_client_understands_all_of_this(void **state)
{
    (void)state;
    struct fixture f;
    struct asker q = { 0 };
    setup(&f, 8);
    for (int control = 0; control < 2; control++) {
        ask(&f, &q, "status", control);
        CHECK_OK(q.status);
        CHECK(slice_equal(buf_view(&q.body), slice_text("{\"well\":true}\n")));
        CHECK_STR(f.args, "{\"a\":1}");
        buf_deinit(&q.body);
        ask(&f, &q, "peer.ls", control);
        CHECK_EQ(q.status, PANDO_NOT_FOUND);
        CHECK_STR(q.err.text, "no such peer");
        buf_deinit(&q.body);
        ask(&f, &q, "node.watch", control);
        CHECK_OK(q.status);
        CHECK_EQ(q.parts, 3);
        buf_deinit(&q.body);
    }
    const struct client_target nobody = { .socket_path = "/tmp/pando-no-such.sock" };
    CHECK_EQ(client_call(&nobody, "status", slice_text("{}"), NULL, &q.body, &q.err),
             PANDO_UNAVAILABLE);
    CHECK(strstr(q.err.text, "pando node") != NULL);
    teardown(&f);
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
        TEST(headers_without_end_are_refused),
        TEST(pages_of_other_sites_are_refused),
        TEST(json_rpc_is_spoken_at_rpc),
        TEST(the_first_byte_chooses_the_language),
        TEST(a_silent_and_a_dripping_client_are_closed),
        TEST(connections_over_the_cap_are_closed_at_once),
        TEST(the_socket_is_private_and_a_dead_ones_file_is_replaced),
        TEST(our_own_client_understands_all_of_this),
    };
    return CHECK_RUN(tests);
}
