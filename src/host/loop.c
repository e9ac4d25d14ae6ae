#include "host/state.h"

#include "base/slice.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUIET_TURNS 200 /* in a second */

struct pando_time host_now(const struct host *h)
{
    (void)h;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct pando_time){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec };
}

struct pando_wall host_wall(void *ctx)
{
    (void)ctx;
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (struct pando_wall){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

static void on_again(uv_idle_t *idle)
{
    (void)idle; /* the check handle does what is due */
}

void loop_again(struct host *h)
{
    (void)uv_idle_start(&h->again, on_again);
}

/* libuv runs timers before it waits for sockets, and the check handle after: without
 * something idle it would wait, with the deadline that has come unserved. */
static void on_timer(uv_timer_t *timer)
{
    loop_again(timer->data);
}

/* libuv counts in milliseconds; a deadline is rounded up so that it is due when we wake.
 */
static void arm(struct host *h, struct pando_time now)
{
    struct pando_time next = node_deadline(h->node);
    if (h->quic != NULL)
        next = pando_time_min(next, quic_deadline(h->quic));
    if (h->api != NULL)
        next = pando_time_min(next, api_deadline(h->api, now));
    if (h->ws != NULL)
        next = pando_time_min(next, ws_deadline(h->ws));
    (void)uv_timer_stop(&h->timer);
    if (next.ns == UINT64_MAX)
        return;
    if (next.ns <= now.ns) {
        loop_again(h);
        return;
    }
    uv_update_time(&h->loop);
    (void)uv_timer_start(&h->timer, on_timer, (next.ns - now.ns + 999999) / 1000000, 0);
}

static void on_socket(uv_poll_t *poll, int status, int events);

static void watch_sockets(struct host *h)
{
    for (size_t i = 0; i < h->sockets_len; i++) {
        const bool want = quic_wants_write(h->quic, i);
        if (want == h->wants_write[i])
            continue;
        h->wants_write[i] = want;
        (void)uv_poll_start(&h->sockets[i], UV_READABLE | (want ? UV_WRITABLE : 0),
                            on_socket);
    }
}

/* After a burst the allocator keeps what it may need again: in a quiet second the system
 * gets it back, and once more when gossip has forgotten its messages. Where we are a guest
 * in the process, that is not ours to do. */
static void give_memory_back(struct host *h, struct pando_time now)
{
    h->turns++;
    if (!h->signals_wanted || !pando_time_reached(h->look_at, now))
        return;
    h->quiet_s = h->turns - h->turns_then > QUIET_TURNS ? 0 : h->quiet_s + 1;
    if (h->quiet_s == 1 || h->quiet_s == 8)
        (void)malloc_trim(0);
    h->turns_then = h->turns;
    h->look_at = pando_time_add(now, PANDO_SEC(1));
}

/* Let the engines talk, then write what they said: answers first, somebody waits for them.
 * What was called meanwhile has read the clock anew: the node's never goes back. */
static void talk(struct host *h)
{
    if (h->ws != NULL)
        ws_clock(h->ws, host_now(h));
    node_turn(h->node, host_now(h));
    const struct pando_time now = host_now(h);
    if (h->api != NULL && pando_time_reached(api_deadline(h->api, now), now)) {
        api_tick(h->api, now); /* it may read more requests meanwhile */
        node_turn(h->node, host_now(h));
    }
    commits_start_all(h);
    if (h->ws != NULL && pando_time_reached(ws_deadline(h->ws), host_now(h))) {
        ws_tick(h->ws, host_now(h)); /* what the node said in this turn, in one write each */
        node_turn(h->node, host_now(h));
    }
    if (h->quic == NULL)
        return;
    quic_flush(h->quic, host_now(h));
    node_turn(h->node, host_now(h));
    commits_start_all(h); /* the flush may have told of what was sent */
}

/* Everything of one turn has come. */
static void on_check(uv_check_t *check)
{
    struct host *h = check->data;
    const struct pando_time now = host_now(h);
    (void)uv_idle_stop(&h->again);
    if (h->quic != NULL && pando_time_reached(quic_deadline(h->quic), now))
        quic_tick(h->quic, now);
    if (h->ws != NULL && pando_time_reached(ws_deadline(h->ws), now))
        ws_tick(h->ws, now);
    delivery_turn(h);
    if (h->api != NULL)
        api_tick(h->api, now); /* before the commits: requests that it reads may stage */
    talk(h);
    if (commits_at_once(h)) { /* and what came of them */
        talk(h);
        loop_again(h); /* another one may wait */
    }
    delivery_flush(h);
    if (h->quic != NULL)
        watch_sockets(h);
    give_memory_back(h, now);
    const struct pando_time end = host_now(h);
    if (end.ns - now.ns > PANDO_MSEC(5).ns)
        h->slow_turns++;
    print_labels(h);
    if (h->stopping && node_stopped(h->node) && !h->ended) {
        h->ended = true;
        uv_stop(&h->loop);
    }
    arm(h, end);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct host *h = poll->data;
    const size_t i = (size_t)(poll - h->sockets);
    const struct pando_time now = host_now(h);
    if (status != 0) { /* an ICMP error waits on the socket, and libuv stopped watching */
        (void)uv_poll_start(poll, UV_READABLE, on_socket);
        h->wants_write[i] = false;
        events = UV_READABLE;
    }
    if ((events & UV_WRITABLE) != 0)
        quic_writable(h->quic, i, now);
    if ((events & UV_READABLE) != 0)
        quic_readable(h->quic, i, now);
}

static void on_watched(uv_poll_t *poll, int status, int events)
{
    struct host_watch *w = poll->data;
    unsigned ready = 0;
    if (status != 0 || (events & (UV_READABLE | UV_DISCONNECT)) != 0)
        ready |= API_READABLE;
    if ((events & UV_WRITABLE) != 0)
        ready |= API_WRITABLE;
    api_ready(w->host->api, host_now(w->host), w->handle, ready);
}

static struct host_watch *find_watch(struct host *h, uint32_t handle, size_t *ret_slot)
{
    for (size_t i = 0; i < HOST_WATCH_MAX; i++) {
        if (h->watches[i] == NULL || h->watches[i]->handle != handle)
            continue;
        *ret_slot = i;
        return h->watches[i];
    }
    return NULL;
}

static enum pando_status watch(void *ctx, int fd, unsigned events, uint32_t handle)
{
    struct host *h = ctx;
    size_t slot = 0;
    struct host_watch *w = find_watch(h, handle, &slot);
    if (w == NULL) {
        while (slot < HOST_WATCH_MAX && h->watches[slot] != NULL)
            slot++;
        if (slot == HOST_WATCH_MAX)
            return PANDO_FULL;
        w = calloc(1, sizeof *w);
        if (w == NULL)
            return PANDO_NOMEM;
        w->host = h;
        w->handle = handle;
        if (uv_poll_init(&h->loop, &w->poll, fd) != 0) {
            free(w);
            return PANDO_IO;
        }
        w->poll.data = w;
        h->watches[slot] = w;
    }
    const int wanted = ((events & API_READABLE) != 0 ? UV_READABLE : 0) |
                       ((events & API_WRITABLE) != 0 ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, wanted, on_watched) == 0 ? PANDO_OK : PANDO_IO;
}

static void on_unwatched(uv_handle_t *handle)
{
    free(handle->data);
}

static void unwatch(void *ctx, int fd, uint32_t handle)
{
    struct host *h = ctx;
    size_t slot;
    (void)fd;
    struct host_watch *w = find_watch(h, handle, &slot);
    if (w == NULL)
        return;
    h->watches[slot] = NULL;
    (void)uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_unwatched);
}

struct api_watch_ops loop_watch_ops(struct host *h)
{
    return (struct api_watch_ops){ h, watch, unwatch };
}

void loop_arm(struct host *h)
{
    arm(h, host_now(h));
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct host *h = handle->data;
    (void)number;
    if (++h->signals_seen >= 3) /* somebody insists */
        _Exit(1);
    host_begin_stop(h);
}

enum pando_status loop_start(struct host *h, struct pando_err *reterr)
{
    if (uv_timer_init(&h->loop, &h->timer) != 0 ||
        uv_check_init(&h->loop, &h->check) != 0)
        return pando_err_set(reterr, PANDO_IO, "the event loop cannot start");
    (void)uv_idle_init(&h->loop, &h->idle);
    (void)uv_idle_init(&h->loop, &h->again);
    (void)uv_timer_init(&h->loop, &h->retry);
    h->idle.data = h;
    h->timer.data = h;
    h->retry.data = h;
    h->check.data = h;
    (void)uv_check_start(&h->check, on_check);
    const int numbers[2] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < 2 && h->signals_wanted; i++) {
        (void)uv_signal_init(&h->loop, &h->signals[i]);
        h->signals[i].data = h;
        (void)uv_signal_start(&h->signals[i], on_signal, numbers[i]);
    }
    for (size_t i = 0;
         h->quic != NULL && i < QUIC_SOCKETS_MAX && quic_fd(h->quic, i) >= 0; i++) {
        if (uv_poll_init(&h->loop, &h->sockets[i], quic_fd(h->quic, i)) != 0)
            return pando_err_set(reterr, PANDO_IO, "the UDP socket cannot be watched");
        h->sockets[i].data = h;
        h->sockets_len++;
        (void)uv_poll_start(&h->sockets[i], UV_READABLE, on_socket);
    }
    return PANDO_OK;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_stop(struct host *h)
{
    uv_walk(&h->loop, close_handle, NULL);
    (void)uv_run(&h->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&h->loop);
}
