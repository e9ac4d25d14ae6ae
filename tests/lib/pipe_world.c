#include "pipe_world.h"

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct pando_time pipe_world_now(const struct pipe_world *w)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct pando_time){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec +
                                w->ahead.ns };
}

static enum pando_status watch(struct pipe_machine *m, bool of_api, int fd, unsigned events,
                               uint32_t handle)
{
    for (size_t i = 0; i < m->watches_len; i++)
        if (m->watches[i].handle == handle && m->watches[i].of_api == of_api) {
            m->watches[i].events = events;
            return PANDO_OK;
        }
    CHECK(m->watches_len < WORLD_WATCHES);
    m->watches[m->watches_len++] = (struct pipe_watch){ fd, events, handle, of_api };
    return PANDO_OK;
}

static void unwatch(struct pipe_machine *m, bool of_api, int fd, uint32_t handle)
{
    for (size_t i = 0; i < m->watches_len; i++)
        if (m->watches[i].handle == handle && m->watches[i].of_api == of_api) {
            CHECK_EQ(m->watches[i].fd, fd);
            m->watches[i] = m->watches[--m->watches_len];
            return;
        }
    fail();
}

static enum pando_status watch_api(void *ctx, int fd, unsigned events, uint32_t handle)
{
    return watch(ctx, true, fd, events, handle);
}
static void unwatch_api(void *ctx, int fd, uint32_t handle)
{
    unwatch(ctx, true, fd, handle);
}
static enum pando_status watch_ws(void *ctx, int fd, unsigned events, uint32_t handle)
{
    CHECK(handle < WS_HANDLES);
    return watch(ctx, false, fd, events, handle);
}
static void unwatch_ws(void *ctx, int fd, uint32_t handle)
{
    unwatch(ctx, false, fd, handle);
}

static enum pando_status resolve(void *ctx, uint32_t token, const char *name)
{
    struct pipe_machine *m = ctx;
    m->token = token;
    (void)snprintf(m->name, sizeof m->name, "%s", name);
    return PANDO_OK; /* the test answers, or nobody does */
}

static enum pando_status takes(void *ctx, const char *path, struct pando_err *reterr)
{
    (void)ctx;
    return strcmp(path, "/federation") == 0
               ? PANDO_OK
               : pando_err_set(reterr, PANDO_NOT_FOUND, "nothing is at %.60s", path);
}

static void call(void *ctx, uint64_t token, const char *verb, struct pando_slice args)
{
    struct pipe_machine *m = ctx;
    static const char text[] = "{\"well\":true}";
    (void)verb, (void)args;
    CHECK_OK(api_reply(m->api, token, PANDO_OK,
                       (struct pando_slice){ (const uint8_t *)text, sizeof text - 1 }, false,
                       NULL, false));
}
static void cancel(void *ctx, uint64_t token)
{
    (void)ctx, (void)token;
}

void pipe_world_begin(struct pipe_world *w, const struct pipe_world_config *config)
{
    struct pando_err err = { 0 };
    memset(w, 0, sizeof *w);
    for (int i = 0; i < WORLD_MACHINES; i++) {
        struct pipe_machine *m = &w->machines[i];
        m->world = w;
        const struct ws_config wc = {
            .ctx = m,
            .watch = watch_ws,
            .unwatch = unwatch_ws,
            .resolve = resolve,
            .sink = config->sinks[i],
            .ca_file = config->ca,
            .tls_cert = config->tls_cert,
            .tls_key = config->tls_key,
            .seed = (uint64_t)i + 1,
        };
        CHECK_OK(ws_new(&wc, &m->ws, &err));
        struct api_config ac = {
            .http_address = "127.0.0.1",
            .watch = { m, watch_api, unwatch_api },
            .backend = { m, call, cancel, takes },
            .ws = m->ws,
        };
        if (config->host != NULL)
            ac.hosts[ac.hosts_len++] = config->host;
        if (config->origin != NULL)
            ac.origins[ac.origins_len++] = config->origin;
        CHECK_OK(api_new(&ac, &m->api, &err));
    }
    pipe_world_serve(w, 0); /* their clocks start */
}

void pipe_world_end(struct pipe_world *w)
{
    for (int i = 0; i < WORLD_MACHINES; i++) {
        api_free(w->machines[i].api);
        ws_free(w->machines[i].ws);
        CHECK_EQ(w->machines[i].watches_len, 0);
    }
}

static void tick(struct pipe_world *w)
{
    for (int i = 0; i < WORLD_MACHINES; i++) {
        struct pipe_machine *m = &w->machines[i];
        const struct pando_time now = pipe_world_now(w);
        if (pando_time_reached(api_deadline(m->api, now), now))
            api_tick(m->api, now);
        ws_tick(m->ws, now);
    }
}

void pipe_world_serve(struct pipe_world *w, int ms)
{
    struct pollfd fds[WORLD_MACHINES * WORLD_WATCHES];
    struct pipe_watch seen[WORLD_MACHINES * WORLD_WATCHES];
    struct pipe_machine *owner[WORLD_MACHINES * WORLD_WATCHES];
    nfds_t len = 0;
    for (int i = 0; i < WORLD_MACHINES; i++)
        for (size_t k = 0; k < w->machines[i].watches_len; k++, len++) {
            seen[len] = w->machines[i].watches[k];
            owner[len] = &w->machines[i];
            const unsigned events = seen[len].events;
            fds[len] = (struct pollfd){ .fd = seen[len].fd };
            fds[len].events = (short)(((events & WS_READABLE) != 0 ? POLLIN : 0) |
                                      ((events & WS_WRITABLE) != 0 ? POLLOUT : 0));
        }
    tick(w); /* what was sent since */
    const int ready = poll(fds, len, ms);
    for (nfds_t k = 0; k < len && ready > 0; k++) {
        const unsigned events = ((fds[k].revents & POLLOUT) != 0 ? WS_WRITABLE : 0) |
                                ((fds[k].revents & ~POLLOUT) != 0 ? WS_READABLE : 0);
        bool watched = false; /* still: an earlier notice may have ended it */
        for (size_t j = 0; j < owner[k]->watches_len; j++)
            watched |= owner[k]->watches[j].fd == seen[k].fd &&
                       owner[k]->watches[j].handle == seen[k].handle &&
                       owner[k]->watches[j].of_api == seen[k].of_api;
        if (events == 0 || !watched)
            continue;
        if (seen[k].of_api)
            api_ready(owner[k]->api, pipe_world_now(w), seen[k].handle, events);
        else
            ws_ready(owner[k]->ws, pipe_world_now(w), seen[k].handle, events);
    }
    tick(w);
}

int pipe_world_connect(struct pipe_world *w, int i)
{
    const struct sockaddr_in there = { .sin_family = AF_INET,
                                       .sin_port = htons(api_port(w->machines[i].api)),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, (const struct sockaddr *)&there, sizeof there), 0);
    return fd;
}
