/* api_door_test.c - connections: the first byte, deadlines, caps, and our own client. */
#include "api/api_fixture.h"

#include "api/client.h"
#include "base/slice.h"

#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* As a node without a log space answers. */
static void no_such_verb(struct api_fixture *f, uint64_t token, const char *verb,
                         struct pando_slice args)
{
    (void)verb, (void)args;
    fixture_say(f, token, PANDO_UNSUPPORTED, "there is no such verb", false, false);
}

static void the_first_byte_chooses_the_language(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    int fd = fixture_dial(&f, false);
    f.answer = no_such_verb;
    fixture_put(fd, "{\"type\":\"JOIN\"}\n");
    CHECK(strstr(fixture_see(&f, fd, NULL), "no chat room") != NULL);
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    f.answer = NULL;
    close(fd);
    fd = fixture_dial(&f, false);
    fixture_put(fd, "\x16\x03\x01");
    CHECK_MEM(fixture_see(&f, fd, NULL), "\x15\x03\x01", 4 - 1);
    close(fd);
    fd = fixture_dial(&f, true); /* said nothing, and left */
    (void)fixture_serve(&f, 5);
    CHECK_EQ(api_counters(f.api).connections_now, 1);
    close(fd);
    (void)fixture_serve(&f, 5);
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    fixture_teardown(&f);
}

static void a_silent_and_a_dripping_client_are_closed(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 8);
    const int silent = fixture_dial(&f, false), dripping = fixture_dial(&f, false);
    fixture_put(dripping, "GET /health HT");
    for (int i = 0; i < 10; i++)
        (void)fixture_serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 2);
    f.now = pando_time_add(f.now, PANDO_SEC(2));
    (void)fixture_serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 1);
    for (int i = 0; i < 28; i++) { /* one byte a second keeps no connection alive */
        fixture_put(dripping, "x");
        f.now = pando_time_add(f.now, PANDO_SEC(1));
        (void)fixture_serve(&f, 1);
    }
    char byte;
    for (int i = 0; i < 50 && recv(dripping, &byte, 1, MSG_DONTWAIT) != 0; i++)
        (void)fixture_serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 0);
    CHECK_EQ(api_counters(f.api).slow, 2);
    close(silent);
    close(dripping);
    fixture_teardown(&f);
}

static void connections_over_the_cap_are_closed_at_once(void **state)
{
    (void)state;
    struct api_fixture f;
    fixture_setup(&f, 4);
    int fds[6];
    for (int i = 0; i < 6; i++)
        fds[i] = fixture_dial(&f, i % 2 == 0);
    for (int i = 0; i < 10; i++)
        (void)fixture_serve(&f, 1);
    CHECK_EQ(api_counters(f.api).connections_now, 4);
    CHECK_EQ(api_counters(f.api).overflow, 2);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    for (int i = 0; i < 10; i++)
        (void)fixture_serve(&f, 1);
    const int fd = fixture_dial(&f, false);
    fixture_put(fd, GET("/api/status"));
    (void)fixture_see(&f, fd, "{\"well\":true}\n");
    close(fd);
    fixture_teardown(&f);
}

static void the_socket_is_private_and_a_dead_ones_file_is_replaced(void **state)
{
    (void)state;
    struct api_fixture f;
    struct api *second = NULL;
    struct pando_err err = { 0 };
    struct stat st;
    fixture_setup(&f, 8);
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
    CHECK(strstr(err.text, "TCP port") != NULL &&
          strstr(err.text, "--http-port") != NULL);
    fixture_teardown(&f);

    fixture_setup(&f, 8);
    api_free(f.api);
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0); /* bound, and its process gone */
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    (void)snprintf(place.sun_path, sizeof place.sun_path, "%.100s", f.socket);
    CHECK_EQ(bind(dead, (struct sockaddr *)&place, sizeof place), 0);
    close(dead);
    CHECK_OK(api_new(&f.config, &f.api, &err));
    fixture_teardown(&f);
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
                            strcmp(q->verb, "node.watch") == 0 ? &stream : NULL, &q->body,
                            &q->err);
    atomic_store(&q->done, true);
    return NULL;
}

static void ask(struct api_fixture *f, struct asker *q, const char *verb, bool control)
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
        (void)fixture_serve(f, 5);
        if (strcmp(verb, "node.watch") == 0 && f->calls > calls)
            (void)api_reply(f->api, f->token, PANDO_OK, slice_text("{\"x\":1}"), false,
                            NULL, true);
    }
    (void)pthread_join(thread, NULL);
}

static void our_own_client_understands_all_of_this(void **state)
{
    (void)state;
    struct api_fixture f;
    struct asker q = { 0 };
    fixture_setup(&f, 8);
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
    fixture_teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_byte_chooses_the_language),
        TEST(a_silent_and_a_dripping_client_are_closed),
        TEST(connections_over_the_cap_are_closed_at_once),
        TEST(the_socket_is_private_and_a_dead_ones_file_is_replaced),
        TEST(our_own_client_understands_all_of_this),
    };
    return CHECK_RUN(tests);
}
