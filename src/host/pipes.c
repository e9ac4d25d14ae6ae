/* pipes.c - the host's side of the WebSockets: watching, looking names up, and the way of
 * events to the node.
 */
#include "host/state.h"

#include "base/slice.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

struct host_pipe_watch {
    uv_poll_t poll;
    struct host *host;
    uint32_t handle;
};

static void on_watched(uv_poll_t *poll, int status, int events)
{
    const struct host_pipe_watch *w = poll->data;
    unsigned ready = 0;
    if (status != 0 || (events & UV_READABLE) != 0)
        ready |= WS_READABLE;
    if (status != 0 || (events & UV_WRITABLE) != 0)
        ready |= WS_WRITABLE;
    ws_ready(w->host->ws, host_now(w->host), w->handle, ready);
}

static enum pando_status watch(void *ctx, int fd, unsigned events, uint32_t handle)
{
    struct host *h = ctx;
    struct host_pipe_watch *w = h->pipe_watches[handle];
    if (w == NULL) {
        w = calloc(1, sizeof *w);
        if (w == NULL)
            return PANDO_NOMEM;
        *w = (struct host_pipe_watch){ .host = h, .handle = handle };
        if (uv_poll_init(&h->loop, &w->poll, fd) != 0) {
            free(w);
            return PANDO_IO;
        }
        w->poll.data = w;
        h->pipe_watches[handle] = w;
    }
    const int wanted = ((events & WS_READABLE) != 0 ? UV_READABLE : 0) |
                       ((events & WS_WRITABLE) != 0 ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, wanted, on_watched) == 0 ? PANDO_OK : PANDO_IO;
}

static void on_unwatched(uv_handle_t *handle)
{
    free(handle->data);
}

static void unwatch(void *ctx, int fd, uint32_t handle)
{
    struct host *h = ctx;
    struct host_pipe_watch *w = h->pipe_watches[handle];
    (void)fd;
    if (w == NULL)
        return;
    h->pipe_watches[handle] = NULL;
    (void)uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_unwatched);
}

/* A name, for a worker. */
struct name_job {
    struct pool_job job;
    struct host *host;
    uint32_t token;
    char name[256];
    struct ws_address list[WS_ADDRESSES];
    size_t len;
    char why[200];
};

static void add_address(struct name_job *j, const struct addrinfo *a)
{
    struct ws_address *place = &j->list[j->len];
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (a->ai_family == AF_INET) {
        memcpy(&v4, a->ai_addr, sizeof v4);
        memcpy(place->ip, &v4.sin_addr, 4);
        place->len = 4;
        j->len++;
    } else if (a->ai_family == AF_INET6) {
        memcpy(&v6, a->ai_addr, sizeof v6);
        memcpy(place->ip, &v6.sin6_addr, 16);
        place->len = 16;
        j->len++;
    }
}

static void run_name(struct pool_job *job)
{
    struct name_job *j = (struct name_job *)job;
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(j->name, NULL, &hints, &list);
    (void)snprintf(j->why, sizeof j->why, "'%.100s' does not resolve: %s", j->name,
                   rc == 0 ? "it has no address" : gai_strerror(rc));
    for (const struct addrinfo *a = list; a != NULL && j->len < WS_ADDRESSES; a = a->ai_next)
        add_address(j, a);
    if (list != NULL)
        freeaddrinfo(list);
}

static void named(struct pool_job *job)
{
    struct name_job *j = (struct name_job *)job;
    if (j->host->ws != NULL)
        ws_resolved(j->host->ws, host_now(j->host), j->token, j->list, j->len, j->why);
    free(j);
}

static enum pando_status resolve(void *ctx, uint32_t token, const char *name)
{
    struct host *h = ctx;
    struct name_job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return PANDO_NOMEM;
    j->job = (struct pool_job){ .run = run_name, .done = named };
    j->host = h;
    j->token = token;
    (void)snprintf(j->name, sizeof j->name, "%s", name);
    const enum pando_status st = pool_submit(h->helpers, &j->job);
    if (st != PANDO_OK)
        free(j);
    return st;
}

static void on_pipe(void *ctx, const struct pipe_event *event)
{
    struct host *h = ctx;
    node_pipe_event(h->node, host_now(h), event);
}

enum pando_status pipes_open(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    struct ws_config wc = {
        .ctx = h,
        .watch = watch,
        .unwatch = unwatch,
        .resolve = resolve,
        .sink = { h, on_pipe },
        .ca_file = c->federation.ca,
        .tls_cert = c->tls_cert,
        .tls_key = c->tls_key,
        .tracer = h->tracer,
    };
    crypto_random((uint8_t *)&wc.seed, sizeof wc.seed);
    h->pipe_watches = calloc(WS_HANDLES, sizeof *h->pipe_watches);
    if (h->pipe_watches == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    return ws_new(&wc, &h->ws, reterr);
}

void pipes_close(struct host *h)
{
    ws_free(h->ws);
    h->ws = NULL;
    free(h->pipe_watches);
    h->pipe_watches = NULL;
}
