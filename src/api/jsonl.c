/* jsonl.c - connections of the JSON-lines dialect: reading, writing, deadlines. */
#include "api/jsonl.h"

#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS     PANDO_SEC(2) /* for the last line to get out */
#define READS_PER_TURN 16
#define READ_BLOCK     4096
#define HTTP_PART      8 /* of the connections that chat clients may not take */

static const char too_many[] = "{\"type\":\"ERROR\",\"status\":\"FULL\",\"text\":\"too many "
                               "clients: try another node\"}\n";

enum pando_status jsonl_start(struct api *a)
{
    struct jsonl *l = calloc(1, sizeof *l);
    if (l == NULL)
        return PANDO_NOMEM;
    a->jsonl = l;
    l->clients = calloc(a->config.connections_max, sizeof *l->clients);
    return l->clients != NULL ? PANDO_OK : PANDO_NOMEM;
}

static void watch_events(struct jsonl_client *c, unsigned wanted)
{
    const struct api_watch_ops *w = &c->api->config.watch;
    if (wanted == c->watched)
        return;
    if (wanted == 0)
        w->unwatch(w->ctx, c->fd, HANDLE_LINES + c->slot);
    else if (w->watch(w->ctx, c->fd, wanted, HANDLE_LINES + c->slot) != PANDO_OK)
        return;
    c->watched = wanted;
}

static void drop(struct jsonl_client *c)
{
    struct api *a = c->api;
    watch_events(c, 0);
    (void)close(c->fd);
    a->jsonl->clients[c->slot] = NULL;
    a->jsonl->len--;
    a->counters.connections_now--;
    if (a->jsonl->len == 0 && a->jsonl->watch != 0) {
        a->config.backend.cancel(a->config.backend.ctx, a->jsonl->watch);
        a->jsonl->watch = 0;
    }
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    free(c);
}

size_t jsonl_queued(const struct jsonl_client *c)
{
    return c->out.len - c->out_taken;
}

static void queued(struct jsonl_client *c)
{
    c->api->jsonl->again = true;
    if (c->stalled.ns == UINT64_MAX)
        c->stalled = c->api->now;
}

void jsonl_say(struct jsonl_client *c, json_t *object)
{
    if (c->ending) {
        json_decref(object);
        return;
    }
    if (jsonl_put(&c->out, object))
        queued(c);
    else
        jsonl_end(c, "too much waits to be read by you");
}

void jsonl_say_bytes(struct jsonl_client *c, struct pando_slice line)
{
    if (c->ending)
        return;
    if (buf_append(&c->out, line) == PANDO_OK)
        queued(c);
    else
        jsonl_end(c, "too much waits to be read by you");
}

void jsonl_say_error(struct jsonl_client *c, enum pando_status status, const char *text,
                     const char *msg_id)
{
    if (c->ending)
        return;
    if (jsonl_put_error(&c->out, pando_status_name(status), text, msg_id))
        queued(c);
    else
        jsonl_end(c, "too much waits to be read by you");
}

void jsonl_end(struct jsonl_client *c, const char *why)
{
    if (c->ending)
        return;
    /* Whole lines that were not begun make place for the reason. */
    if (jsonl_queued(c) > QUEUED_HIGH) {
        size_t keep = c->out_taken;
        if (c->midway)
            while (c->out.ptr[keep++] != '\n')
                ;
        c->out.len = keep;
    }
    (void)jsonl_put_error(&c->out, NULL, why, NULL);
    c->ending = true;
    c->end_by = pando_time_add(c->api->now, LAST_WORDS);
    c->api->jsonl->again = true;
    trace(c->api->config.tracer, TRACE_API, TRACE_INFO, "a chat client is cut: %s", why);
}

static bool access_granted(const struct api *a, const struct pending *p)
{
    return p->control || a->config.lines_open || listen_is_loopback(&p->address);
}

static struct jsonl_client *client_new(struct api *a, const struct pending *p)
{
    struct jsonl *l = a->jsonl;
    uint32_t slot = 0;
    if (l->len >= a->config.connections_max - a->config.connections_max / HTTP_PART)
        return NULL;
    while (slot < a->config.connections_max && l->clients[slot] != NULL)
        slot++;
    struct jsonl_client *c =
        slot < a->config.connections_max ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    c->api = a;
    c->fd = p->fd;
    c->slot = slot;
    c->may_write = access_granted(a, p);
    c->sender_id = -1;
    c->heard = a->now;
    c->line_by = c->stalled = c->end_by = PANDO_TIME_NEVER;
    buf_init(&c->in, JSONL_MAX + READ_BLOCK);
    buf_init(&c->out, QUEUED_MAX + JSONL_MAX);
    l->clients[slot] = c;
    l->len++;
    a->counters.connections_now++;
    return c;
}

/* Every whole line, as far as its caller may go on. */
static void take_lines(struct jsonl_client *c)
{
    size_t at = 0;
    c->resume = false;
    while (!c->ending && at < c->in.len) {
        if (c->calls_len == JSONL_CALLS_MAX || jsonl_queued(c) > QUEUED_HIGH) {
            c->resume = true;
            break;
        }
        const uint8_t *end = memchr(c->in.ptr + at, '\n', c->in.len - at);
        if (end == NULL)
            break;
        size_t len = (size_t)(end - c->in.ptr) - at;
        const size_t next = at + len + 1;
        while (len > 0 && (c->in.ptr[at + len - 1] == '\r' || c->in.ptr[at + len - 1] == ' '))
            len--;
        if (len > 0)
            jsonl_take(c, slice_of(c->in.ptr + at, len));
        at = next;
    }
    if (at > 0)
        buf_consume(&c->in, at);
    if (!c->resume && c->in.len >= JSONL_MAX)
        jsonl_end(c, "a line has at most 65535 bytes and a newline");
    if (at > 0 || c->in.len == 0)
        c->line_by = PANDO_TIME_NEVER;
    if (c->in.len > 0 && !c->resume && c->line_by.ns == UINT64_MAX)
        c->line_by = pando_time_add(c->api->now, c->api->config.request_timeout);
}

/* False: the other side is gone. */
static bool receive(struct jsonl_client *c)
{
    for (int i = 0; i < READS_PER_TURN && !c->ending && !c->resume; i++) {
        if (buf_reserve(&c->in, READ_BLOCK) != PANDO_OK)
            return true;
        const ssize_t got = recv(c->fd, c->in.ptr + c->in.len, READ_BLOCK, 0);
        if (got == 0)
            return false;
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        c->in.len += (size_t)got;
        c->heard = c->api->now;
        take_lines(c);
    }
    return true;
}

/* False: the other side is gone, or all was said to one that is ending. */
static bool flush(struct jsonl_client *c)
{
    while (jsonl_queued(c) > 0) {
        const ssize_t sent = send(c->fd, c->out.ptr + c->out_taken, jsonl_queued(c),
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent <= 0)
            break;
        c->out_taken += (size_t)sent;
        c->midway = c->out.ptr[c->out_taken - 1] != '\n';
        c->stalled = c->api->now;
    }
    if (jsonl_queued(c) == 0) {
        buf_reset(&c->out);
        c->out_taken = 0;
        c->stalled = PANDO_TIME_NEVER;
    } else if (c->out_taken > c->out.len / 2) {
        buf_consume(&c->out, c->out_taken);
        c->out_taken = 0;
    }
    return !(c->ending && jsonl_queued(c) == 0);
}

/* Unread bytes would turn the close into a reset that swallows the last line. */
static void drain(int fd)
{
    uint8_t unread[READ_BLOCK];
    for (int i = 0; i < READS_PER_TURN && recv(fd, unread, sizeof unread, 0) > 0; i++)
        ;
}

static void hang_up(struct jsonl_client *c)
{
    drain(c->fd);
    (void)shutdown(c->fd, SHUT_WR);
    drop(c);
}

/* After anything happened to a client: say, go on with what waited, or let go. */
static void settle(struct jsonl_client *c)
{
    bool lives = flush(c);
    if (lives && c->resume)
        take_lines(c);
    if (lives) {
        jsonl_fill(c);
        lives = flush(c);
    }
    if (!lives) {
        hang_up(c);
        return;
    }
    watch_events(c, (c->ending || c->resume ? 0 : API_READABLE) |
                        (jsonl_queued(c) > 0 ? API_WRITABLE : 0));
}

void jsonl_add(struct api *a, struct pending *p)
{
    struct jsonl_client *c = client_new(a, p);
    if (c == NULL) {
        a->counters.overflow++;
        drain(p->fd);
        (void)send(p->fd, too_many, sizeof too_many - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(p->fd, SHUT_WR);
        (void)close(p->fd);
        return;
    }
    if (!receive(c)) {
        drop(c);
        return;
    }
    settle(c);
}

void jsonl_ready(struct api *a, uint32_t handle, unsigned events)
{
    const uint32_t slot = handle - HANDLE_LINES;
    struct jsonl_client *c =
        slot < a->config.connections_max ? a->jsonl->clients[slot] : NULL;
    if (c == NULL)
        return;
    if ((events & API_READABLE) != 0 && !c->resume && !c->ending && !receive(c)) {
        drop(c);
        return;
    }
    settle(c);
}

static struct pando_time client_deadline(const struct jsonl_client *c)
{
    const struct api_config *k = &c->api->config;
    if (c->ending)
        return c->end_by;
    struct pando_time at = pando_time_min(c->line_by, pando_time_add(c->heard, k->lines_idle));
    if (c->stalled.ns != UINT64_MAX)
        at = pando_time_min(at, pando_time_add(c->stalled, k->lines_stall));
    return at;
}

static void expire(struct jsonl_client *c)
{
    const struct api_config *k = &c->api->config;
    const struct pando_time now = c->api->now;
    char why[120];
    if (c->ending) {
        drop(c);
        return;
    }
    c->api->counters.slow++;
    if (pando_time_reached(c->line_by, now))
        (void)snprintf(why, sizeof why, "a line that was begun did not end within %llu s",
                       (unsigned long long)(k->request_timeout.ns / 1000000000u));
    else if (c->stalled.ns != UINT64_MAX &&
             pando_time_reached(pando_time_add(c->stalled, k->lines_stall), now))
        (void)snprintf(why, sizeof why, "you read too slowly: %zu bytes waited for %llu s",
                       jsonl_queued(c), (unsigned long long)(k->lines_stall.ns / 1000000000u));
    else
        (void)snprintf(why, sizeof why,
                       "nothing was said for %llu s: send a HEARTBEAT now and then",
                       (unsigned long long)(k->lines_idle.ns / 1000000000u));
    jsonl_end(c, why);
    settle(c);
}

void jsonl_tick(struct api *a)
{
    struct jsonl *l = a->jsonl;
    if (l->len == 0)
        return;
    l->again = false;
    if (l->watch == 0 && pando_time_reached(l->watch_at, a->now))
        jsonl_watch(a);
    for (size_t i = 0; i < a->config.connections_max; i++) {
        struct jsonl_client *c = l->clients[i];
        if (c == NULL)
            continue;
        if (pando_time_reached(client_deadline(c), a->now))
            expire(c);
        else if (c->resume || c->ending ||
                 (jsonl_queued(c) > 0 && (c->watched & API_WRITABLE) == 0))
            settle(c);
        else
            jsonl_fill(c);
    }
}

struct pando_time jsonl_deadline(const struct api *a)
{
    const struct jsonl *l = a->jsonl;
    if (l->len == 0)
        return PANDO_TIME_NEVER;
    if (l->again)
        return a->now;
    struct pando_time at = l->watch == 0 ? l->watch_at : PANDO_TIME_NEVER;
    for (size_t i = 0; i < a->config.connections_max; i++)
        if (l->clients[i] != NULL)
            at = pando_time_min(at, client_deadline(l->clients[i]));
    return at;
}

void jsonl_close_all(struct api *a, const char *why)
{
    for (size_t i = 0; a->jsonl != NULL && a->jsonl->clients != NULL &&
                       i < a->config.connections_max; i++) {
        struct jsonl_client *c = a->jsonl->clients[i];
        if (c == NULL)
            continue;
        jsonl_end(c, why);
        (void)flush(c);
        hang_up(c);
    }
}

void jsonl_stop(struct api *a)
{
    if (a->jsonl == NULL)
        return;
    jsonl_close_all(a, "this node stops");
    free(a->jsonl->clients);
    free(a->jsonl);
    a->jsonl = NULL;
}
