#include "api/api_fixture.h"

#include "base/slice.h"

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static enum pando_status watch(void *ctx, int fd, unsigned events, uint32_t handle)
{
    struct api_fixture *f = ctx;
    for (size_t i = 0; i < f->watches_len; i++)
        if (f->watches[i].fd == fd && f->watches[i].handle == handle) {
            f->watches[i].events = events;
            return PANDO_OK;
        }
    CHECK(f->watches_len < WATCHES);
    f->watches[f->watches_len].fd = fd;
    f->watches[f->watches_len].events = events;
    f->watches[f->watches_len++].handle = handle;
    return PANDO_OK;
}

static void unwatch(void *ctx, int fd, uint32_t handle)
{
    struct api_fixture *f = ctx;
    for (size_t i = 0; i < f->watches_len; i++)
        if (f->watches[i].fd == fd && f->watches[i].handle == handle) {
            f->watches[i] = f->watches[--f->watches_len];
            return;
        }
    fail();
}

void fixture_say(struct api_fixture *f, uint64_t token, enum pando_status st,
                 const char *text, bool raw, bool more)
{
    CHECK_OK(api_reply(f->api, token, st, slice_text(text), raw, NULL, more));
}

/* "status" answers at once, "peer.ls" fails, the others stay open for the test. */
static void call(void *ctx, uint64_t token, const char *verb, struct pando_slice args)
{
    struct api_fixture *f = ctx;
    f->calls++;
    f->token = token;
    (void)snprintf(f->verb, sizeof f->verb, "%s", verb);
    (void)snprintf(f->args, sizeof f->args, "%.*s", (int)args.len,
                   (const char *)args.ptr);
    if (f->answer != NULL)
        f->answer(f, token, verb, args);
    else if (strcmp(verb, "status") == 0)
        fixture_say(f, token, PANDO_OK, "{\"well\":true}", false, false);
    else if (strcmp(verb, "metrics") == 0)
        CHECK_OK(api_reply(f->api, token, PANDO_OK, slice_text("up 1\n"), true,
                           "text/plain", false));
    else if (strcmp(verb, "peer.ls") == 0)
        fixture_say(f, token, PANDO_NOT_FOUND, "no such peer", false, false);
}

static void cancel(void *ctx, uint64_t token)
{
    struct api_fixture *f = ctx;
    (void)token;
    f->cancels++;
}

void fixture_setup(struct api_fixture *f, size_t connections_max)
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

void fixture_teardown(struct api_fixture *f)
{
    api_free(f->api);
    CHECK_EQ(f->watches_len, 0);
    CHECK_EQ(access(f->socket, F_OK), -1);
    CHECK_EQ(rmdir(f->folder), 0);
}

/* Serve whatever is ready, waiting at most `ms` for the first. */
bool fixture_serve(struct api_fixture *f, int ms)
{
    struct pollfd fds[WATCHES];
    uint32_t handles[WATCHES];
    const size_t len = f->watches_len;
    for (size_t i = 0; i < len; i++) {
        const unsigned wanted = f->watches[i].events;
        fds[i] = (struct pollfd){ .fd = f->watches[i].fd };
        fds[i].events = (short)(((wanted & API_READABLE) != 0 ? POLLIN : 0) |
                                ((wanted & API_WRITABLE) != 0 ? POLLOUT : 0));
        handles[i] = f->watches[i].handle;
    }
    const int ready = poll(fds, (nfds_t)len, ms);
    for (size_t i = 0; i < len && ready > 0; i++)
        if (fds[i].revents != 0)
            api_ready(f->api, f->now, handles[i],
                      ((fds[i].revents & POLLOUT) != 0 ? API_WRITABLE : 0) |
                          ((fds[i].revents & ~POLLOUT) != 0 ? API_READABLE : 0));
    if (pando_time_reached(api_deadline(f->api, f->now), f->now))
        api_tick(f->api, f->now);
    return ready > 0;
}

int fixture_dial(struct api_fixture *f, bool control)
{
    struct sockaddr_in tcp = { .sin_family = AF_INET,
                               .sin_port = htons(api_port(f->api)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    (void)snprintf(local.sun_path, sizeof local.sun_path, "%.100s", f->socket);
    const int fd = socket(control ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, control ? (struct sockaddr *)&local : (struct sockaddr *)&tcp,
                     control ? sizeof local : sizeof tcp),
             0);
    return fd;
}

void fixture_put(int fd, const char *text)
{
    CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Serve until the client has seen `until`, or the end of the connection when it is NULL.
 */
char *fixture_see(struct api_fixture *f, int fd, const char *until)
{
    static char text[200000];
    size_t len = 0;
    text[0] = '\0';
    for (int idle = 0; idle < 200 && (until == NULL || strstr(text, until) == NULL);) {
        const bool busy = fixture_serve(f, 5);
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
        print_error("waited for '%s', saw '%s'\n", until != NULL ? until : "the end",
                    text);
    CHECK(until != NULL && strstr(text, until) != NULL);
    return text;
}
