#include "ws/ws_impl.h"

#include "base/slice.h"

#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#define SLOT_BITS 11
_Static_assert(WS_CONNS_MAX == 1 << SLOT_BITS, "a pipe's number is its slot and a serial");

static enum pando_status dial(void *ctx, struct pando_slice url, uint64_t number,
                              struct pando_err *reterr)
{
    return dial_begin(ctx, url, number, reterr);
}

static void send_text(void *ctx, uint32_t pipe, struct bytes *text)
{
    struct ws_conn *c = ws_conn_at(ctx, pipe);
    if (c != NULL && c->state == WS_OPEN)
        conn_send(c, bytes_view(text));
    bytes_unref(text);
}

static void close_pipe(void *ctx, uint32_t pipe, uint16_t code, const char *reason)
{
    struct ws_conn *c = ws_conn_at(ctx, pipe);
    if (c != NULL && c->state == WS_OPEN)
        conn_close(c, code, reason);
}

static void digested(void *ctx, uint32_t pipe, uint64_t bytes)
{
    struct ws_conn *c = ws_conn_at(ctx, pipe);
    if (c == NULL)
        return;
    const bool was_full = c->held > PIPE_HELD_MAX;
    c->held -= bytes < c->held ? bytes : c->held;
    if (was_full && c->held <= PIPE_HELD_MAX)
        ws_conn_touch(c);
}

static const struct pipe_ops ops = { dial, send_text, close_pipe, digested };

struct pipe_port ws_port(struct ws *w)
{
    return (struct pipe_port){ w, &ops };
}

enum pando_status ws_new(const struct ws_config *config, struct ws **ret,
                         struct pando_err *reterr)
{
    struct ws *w = calloc(1, sizeof *w);
    if (w == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    w->config = *config;
    w->rng = rng_seeded(config->seed);
    w->budget = WS_TURN_MAX;
    heap_init(&w->deadlines);
    const enum pando_status st = ws_tls_load(w, reterr);
    if (st != PANDO_OK) {
        ws_free(w);
        return st;
    }
    w->config.ca_file = w->config.tls_cert = w->config.tls_key = NULL;
    *ret = w;
    return PANDO_OK;
}

void ws_free(struct ws *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < WS_CONNS_MAX; i++)
        if (w->conns[i] != NULL)
            ws_conn_free(w->conns[i]);
    for (size_t i = 0; i < WS_RELAYS_MAX; i++)
        if (w->relays[i] != NULL)
            relay_free(w->relays[i]);
    ws_tls_unload(w);
    heap_deinit(&w->deadlines);
    free(w);
}

struct ws_conn *ws_conn_new(struct ws *w)
{
    if (w->conns_len == WS_CONNS_MAX)
        return NULL;
    struct ws_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    while (w->conns[w->next_slot] != NULL)
        w->next_slot = (w->next_slot + 1) % WS_CONNS_MAX;
    const uint32_t serials = (UINT32_MAX >> SLOT_BITS) - 1; /* PIPE_NONE stays free */
    w->serial = (w->serial + 1) % serials;
    c->ws = w;
    c->slot = w->next_slot;
    c->pipe = w->serial << SLOT_BITS | c->slot;
    c->fd = -1;
    c->heard = c->moved = w->now;
    c->end_by = PANDO_TIME_NEVER;
    buf_init(&c->in, WS_BLOCK + WS_HEAD_MAX);
    buf_init(&c->out, PIPE_QUEUED_MAX);
    w->conns[c->slot] = c;
    w->conns_len++;
    w->next_slot = (w->next_slot + 1) % WS_CONNS_MAX;
    return c;
}

struct ws_conn *ws_conn_at(struct ws *w, uint32_t pipe)
{
    struct ws_conn *c = w->conns[pipe % WS_CONNS_MAX];
    return c != NULL && c->pipe == pipe ? c : NULL;
}

void ws_conn_watch(struct ws_conn *c, unsigned events)
{
    const struct ws_config *k = &c->ws->config;
    if (events == c->watched)
        return;
    if (events == 0)
        k->unwatch(k->ctx, c->fd, c->slot);
    else if (k->watch(k->ctx, c->fd, events, c->slot) != PANDO_OK)
        return;
    c->watched = events;
}

void ws_conn_free(struct ws_conn *c)
{
    struct ws *w = c->ws;
    for (struct ws_conn **at = &w->dirty; c->dirty && *at != NULL; at = &(*at)->next_dirty)
        if (*at == c) {
            *at = c->next_dirty;
            break;
        }
    ws_conn_watch(c, 0);
    if (c->fd >= 0)
        (void)close(c->fd);
    heap_remove(&w->deadlines, c->slot);
    w->conns[c->slot] = NULL;
    w->conns_len--;
    w->assembled -= c->assembled;
    ws_frames_free(c->frames);
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    free(c->dial);
    free(c);
}

void ws_conn_touch(struct ws_conn *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = c->ws->dirty;
    c->ws->dirty = c;
}

void ws_alarm(struct ws *w, uint32_t handle, struct pando_time at)
{
    if (heap_set(&w->deadlines, handle, at) != PANDO_OK)
        trace(w->config.tracer, TRACE_API, TRACE_WARNING,
              "memory is out: a connection has no deadline");
}

void ws_ready(struct ws *w, struct pando_time now, uint32_t handle, unsigned events)
{
    w->now = now;
    if (handle < WS_CONNS_MAX) {
        struct ws_conn *c = w->conns[handle];
        if (c == NULL)
            return; /* a late notice for a slot that was just freed */
        if (c->dial != NULL)
            dial_ready(c, events);
        else
            conn_ready(c, events);
        return;
    }
    const uint32_t k = handle - WS_CONNS_MAX;
    struct ws_relay *r = k / 2 < WS_RELAYS_MAX ? w->relays[k / 2] : NULL;
    if (r != NULL)
        relay_ready(r, k % 2 == 0, events);
}

static void expire(struct ws *w)
{
    uint32_t handle;
    while (heap_pop_due(&w->deadlines, w->now, &handle)) {
        struct ws_conn *c = handle < WS_CONNS_MAX ? w->conns[handle] : NULL;
        struct ws_relay *r = handle >= WS_CONNS_MAX ? w->relays[handle - WS_CONNS_MAX] : NULL;
        if (c != NULL && c->dial != NULL)
            dial_expire(c);
        else if (c != NULL)
            conn_expire(c);
        else if (r != NULL)
            relay_expire(r);
    }
}

void ws_clock(struct ws *w, struct pando_time now)
{
    w->now = now;
}

void ws_tick(struct ws *w, struct pando_time now)
{
    w->now = now;
    w->budget = WS_TURN_MAX;
    expire(w);
    /* One that is touched meanwhile is either still ahead, or waits for the next call. */
    struct ws_conn *list = w->dirty;
    w->dirty = NULL;
    for (struct ws_conn *c = list; c != NULL; c = list) {
        list = c->next_dirty;
        c->dirty = false;
        if (c->dial != NULL)
            dial_settle(c);
        else
            conn_settle(c);
    }
}

struct pando_time ws_deadline(const struct ws *w)
{
    return w->dirty != NULL ? w->now : heap_first(&w->deadlines);
}

bool ws_has_room(const struct ws *w)
{
    return w->conns_len < WS_CONNS_MAX;
}

enum pando_status ws_adopt(struct ws *w, struct pando_time now, int fd, struct pando_slice extra,
                           const char *path, const char *remote)
{
    w->now = now;
    struct ws_conn *c = ws_conn_new(w);
    if (c == NULL) {
        (void)close(fd);
        return PANDO_FULL;
    }
    c->fd = fd;
    (void)snprintf(c->remote, sizeof c->remote, "%s", remote);
    const enum pando_status st = conn_open(c, WS_SERVER, extra, PIPE_INBOUND, path);
    if (st != PANDO_OK)
        ws_conn_free(c);
    return st;
}
