/* door.c - accept, and see in the first byte which language is going to be spoken.
 *
 * A connection that says nothing within first_byte_timeout is closed; while it is silent
 * it costs a slot and a descriptor, no HTTP memory. When descriptors run out, accepting
 * pauses for 100 ms instead of spinning on a listener that stays ready.
 */
#include "api/jsonl.h"
#include "ws/ws.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PAUSE            PANDO_MSEC(100)
#define ACCEPTS_PER_TURN 64

/* A TLS 1.x alert record: fatal, protocol version. */
static const uint8_t no_tls[] = { 0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46 };

static void release(struct api *a, struct pending *p)
{
    a->config.watch.unwatch(a->config.watch.ctx, p->fd,
                            HANDLE_PENDING + (uint32_t)(p - a->pending));
    a->counters.connections_now--;
    a->pending_len--;
}

/* Answer in the language that was begun, and close so that the answer survives. */
static void refuse(struct api *a, struct pending *p, const void *bytes, size_t len,
                   const char *why)
{
    uint8_t unread[4096];
    release(a, p);
    for (int i = 0; i < 16 && recv(p->fd, unread, sizeof unread, 0) > 0; i++)
        ; /* unread bytes would turn the close into a reset */
    (void)send(p->fd, bytes, len, MSG_NOSIGNAL);
    (void)shutdown(p->fd, SHUT_WR);
    (void)close(p->fd);
    p->fd = -1;
    a->counters.refused++;
    trace(a->config.tracer, TRACE_API, TRACE_INFO, "refused a connection: %s", why);
}

static void drop(struct api *a, struct pending *p)
{
    release(a, p);
    (void)close(p->fd);
    p->fd = -1;
}

static bool await_byte(struct api *a, struct pending *p, struct pando_span limit)
{
    p->deadline = pando_time_add(a->now, limit);
    if (a->config.watch.watch(a->config.watch.ctx, p->fd, API_READABLE,
                              HANDLE_PENDING + (uint32_t)(p - a->pending)) != PANDO_OK) {
        (void)close(p->fd);
        p->fd = -1;
        a->counters.overflow++;
        return false;
    }
    a->counters.connections_now++;
    a->pending_len++;
    return true;
}

/* The client's plain bytes come behind TLS: their first one is awaited anew. */
static void begin_tls(struct api *a, struct pending *p)
{
    int plain = -1;
    listen_local_ip(p->fd, p->local_ip);
    release(a, p);
    const enum pando_status st = ws_tls_serve(a->config.ws, a->now, p->fd, &plain);
    p->fd = plain;
    p->tls = true;
    if (st == PANDO_OK) {
        (void)await_byte(a, p, PIPE_DIAL_LIMIT);
        return;
    }
    p->fd = -1;
    a->counters.overflow++;
}

void door_ready(struct api *a, size_t slot)
{
    if (slot >= a->config.connections_max || a->pending[slot].fd < 0)
        return; /* a late notice for a slot that was just freed */
    struct pending *p = &a->pending[slot];
    uint8_t first;
    const ssize_t len = recv(p->fd, &first, 1, MSG_PEEK);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        drop(a, p);
    } else if (first == 0x16 && !p->tls && a->config.ws != NULL &&
               ws_serves_tls(a->config.ws)) {
        begin_tls(a, p);
    } else if (first == 0x16) {
        refuse(a, p, no_tls, sizeof no_tls, "TLS is not spoken here, use http://");
    } else if (first == '{') {
        release(a, p);
        jsonl_add(a, p);
        p->fd = -1;
    } else {
        release(a, p);
        http_add(a, p);
        p->fd = -1;
    }
}

static struct pending *free_slot(struct api *a)
{
    for (size_t i = 0; i < a->config.connections_max; i++)
        if (a->pending[i].fd < 0)
            return &a->pending[i];
    return NULL;
}

static void admit(struct api *a, int fd, bool control,
                  const struct sockaddr_storage *address, socklen_t address_len)
{
    a->counters.connections++;
    struct pending *p =
        a->counters.connections_now < a->config.connections_max ? free_slot(a) : NULL;
    if (p == NULL) {
        a->counters.overflow++;
        (void)close(fd);
        return;
    }
    const uint32_t slot = (uint32_t)(p - a->pending);
    *p = (struct pending){
        .fd = fd,
        .control = control,
        .address = *address,
        .address_len = address_len,
    };
    if (await_byte(a, p, a->config.first_byte_timeout))
        door_ready(a, slot); /* most clients have spoken already */
}

static void pause_accepting(struct api *a)
{
    struct api_watch_ops *w = &a->config.watch;
    a->paused = true;
    a->accept_at = pando_time_add(a->now, PAUSE);
    if (a->tcp_fd >= 0)
        w->unwatch(w->ctx, a->tcp_fd, HANDLE_TCP);
    if (a->unix_fd >= 0)
        w->unwatch(w->ctx, a->unix_fd, HANDLE_UNIX);
    trace(a->config.tracer, TRACE_API, TRACE_WARNING,
          "no descriptor for a new connection: accepting pauses (ulimit -n)");
}

void door_accept(struct api *a, int fd, bool control)
{
    for (int i = 0; i < ACCEPTS_PER_TURN && fd >= 0; i++) {
        struct sockaddr_storage address = { 0 };
        socklen_t len = sizeof address;
        const int got =
            accept4(fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            if (control)
                address.ss_family = AF_UNIX;
            admit(a, got, control, &address, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(a);
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

void door_expire(struct api *a)
{
    struct api_watch_ops *w = &a->config.watch;
    if (a->paused && pando_time_reached(a->accept_at, a->now)) {
        a->paused = false;
        if (a->tcp_fd >= 0)
            (void)w->watch(w->ctx, a->tcp_fd, API_READABLE, HANDLE_TCP);
        if (a->unix_fd >= 0)
            (void)w->watch(w->ctx, a->unix_fd, API_READABLE, HANDLE_UNIX);
    }
    for (size_t i = 0; a->pending_len > 0 && i < a->config.connections_max; i++) {
        struct pending *p = &a->pending[i];
        if (p->fd >= 0 && pando_time_reached(p->deadline, a->now)) {
            a->counters.slow++;
            drop(a, p);
        }
    }
}

struct pando_time door_deadline(const struct api *a)
{
    struct pando_time at = a->paused ? a->accept_at : PANDO_TIME_NEVER;
    for (size_t i = 0; a->pending_len > 0 && i < a->config.connections_max; i++)
        if (a->pending[i].fd >= 0)
            at = pando_time_min(at, a->pending[i].deadline);
    return at;
}

void door_close(struct api *a)
{
    for (size_t i = 0; a->pending != NULL && i < a->config.connections_max; i++)
        if (a->pending[i].fd >= 0)
            drop(a, &a->pending[i]);
}
