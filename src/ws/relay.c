/* relay.c - TLS between a socket and one end of a socketpair.
 *
 * Each direction has one buffer of a TLS record's size; while it is not empty its source is
 * not read, so back-pressure passes through. An end is passed on once what came before it
 * was; the relay goes when both directions have ended, or LINGER after our side did.
 */
#include "ws/ws_impl.h"

#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS_PER_TURN 16
#define LINGER          PANDO_SEC(5)

static uint32_t handle_of(const struct ws_relay *r, bool net)
{
    return WS_CONNS_MAX + 2 * r->slot + (net ? 0 : 1);
}

static void watch(struct ws_relay *r, bool net, unsigned events)
{
    const struct ws_config *k = &r->ws->config;
    unsigned *watched = net ? &r->net_watched : &r->plain_watched;
    if (events == *watched)
        return;
    if (events == 0)
        k->unwatch(k->ctx, net ? r->net : r->plain, handle_of(r, net));
    else if (k->watch(k->ctx, net ? r->net : r->plain, events, handle_of(r, net)) != PANDO_OK)
        return;
    *watched = events;
}

void relay_free(struct ws_relay *r)
{
    struct ws *w = r->ws;
    watch(r, true, 0);
    watch(r, false, 0);
    heap_remove(&w->deadlines, WS_CONNS_MAX + r->slot);
    gnutls_deinit(r->session);
    (void)close(r->net);
    (void)close(r->plain);
    w->relays[r->slot] = NULL;
    w->relays_len--;
    free(r);
}

static struct ws_relay *take_slot(struct ws *w)
{
    struct ws_relay *r = w->relays_len < WS_RELAYS_MAX ? calloc(1, sizeof *r) : NULL;
    if (r == NULL)
        return NULL;
    while (w->relays[w->next_relay] != NULL)
        w->next_relay = (w->next_relay + 1) % WS_RELAYS_MAX;
    r->slot = w->next_relay;
    w->next_relay = (w->next_relay + 1) % WS_RELAYS_MAX;
    w->relays[r->slot] = r;
    w->relays_len++;
    return r;
}

enum pando_status relay_new(struct ws *w, int net, gnutls_session_t session, uint32_t pipe,
                            int *ret_plain)
{
    int ends[2] = { -1, -1 };
    struct ws_relay *r = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0)
        r = take_slot(w);
    if (r == NULL) {
        gnutls_deinit(session);
        (void)close(net);
        for (int i = 0; i < 2 && ends[i] >= 0; i++)
            (void)close(ends[i]);
        return PANDO_FULL;
    }
    r->ws = w;
    r->pipe = pipe;
    r->session = session;
    r->net = net;
    r->plain = ends[0];
    gnutls_transport_set_int(session, net);
    r->end_by = pando_time_add(w->now, PIPE_DIAL_LIMIT);
    ws_alarm(w, WS_CONNS_MAX + r->slot, r->end_by);
    watch(r, true, WS_READABLE | WS_WRITABLE);
    *ret_plain = ends[1];
    return PANDO_OK;
}

bool ws_serves_tls(const struct ws *w)
{
    return w->serves_tls;
}

enum pando_status ws_tls_serve(struct ws *w, struct pando_time now, int fd, int *ret_plain)
{
    w->now = now;
    gnutls_session_t session = ws_tls_session(w, WS_SERVER, NULL);
    if (session == NULL) {
        (void)close(fd);
        return PANDO_NOMEM;
    }
    return relay_new(w, fd, session, PIPE_NONE, ret_plain);
}

/* Tell the dial why before its end of the pair is closed. */
static void shake_failed(struct ws_relay *r, int rc)
{
    struct ws *w = r->ws;
    struct ws_conn *c = r->pipe == PIPE_NONE ? NULL : ws_conn_at(w, r->pipe);
    char why[240];
    const enum pando_status st = ws_tls_reason(r->session, rc, why, sizeof why);
    if (c != NULL && c->dial != NULL) {
        c->dial->status = st;
        (void)snprintf(c->dial->why, sizeof c->dial->why, "%s: %s", c->remote, why);
    } else {
        trace(w->config.tracer, TRACE_API, TRACE_INFO, "a client's TLS: %s", why);
    }
    relay_free(r);
}

/* False: not yet, or it has failed and the relay is gone. */
static bool shake(struct ws_relay *r)
{
    int rc = GNUTLS_E_INTERRUPTED;
    while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED)
        rc = gnutls_handshake(r->session);
    if (rc == GNUTLS_E_AGAIN) {
        watch(r, true,
              gnutls_record_get_direction(r->session) == 1 ? WS_WRITABLE : WS_READABLE);
        return false;
    }
    if (rc < 0) {
        (void)gnutls_alert_send_appropriate(r->session, rc);
        shake_failed(r, rc);
        return false;
    }
    r->shaken = true;
    ws_alarm(r->ws, WS_CONNS_MAX + r->slot, PANDO_TIME_NEVER);
    return true;
}

static bool is_again(ssize_t rc)
{
    return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
}

/* Each of the four moves some bytes: true when it did. */
static bool from_net(struct ws_relay *r)
{
    if (r->inward_len > 0 || r->net_over)
        return false;
    const ssize_t got = gnutls_record_recv(r->session, r->inward, sizeof r->inward);
    if (got > 0) {
        r->inward_at = 0;
        r->inward_len = (size_t)got;
        return true;
    }
    r->net_over = !is_again(got) && got != GNUTLS_E_REHANDSHAKE &&
                  got != GNUTLS_E_WARNING_ALERT_RECEIVED;
    return false;
}

static bool to_plain(struct ws_relay *r)
{
    if (r->inward_len == 0)
        return false;
    const ssize_t sent = send(r->plain, r->inward + r->inward_at, r->inward_len, MSG_NOSIGNAL);
    if (sent <= 0) {
        if (errno != EAGAIN && errno != EINTR) { /* nobody reads there any more */
            r->inward_len = 0;
            r->net_over = r->plain_shut = true;
        }
        return false;
    }
    r->inward_at += (size_t)sent;
    r->inward_len -= (size_t)sent;
    return true;
}

static bool from_plain(struct ws_relay *r)
{
    if (r->outward_len > 0 || r->plain_over)
        return false;
    const ssize_t got = recv(r->plain, r->outward, sizeof r->outward, 0);
    if (got > 0) {
        r->outward_at = 0;
        r->outward_len = (size_t)got;
        return true;
    }
    r->plain_over = got == 0 || (errno != EAGAIN && errno != EINTR);
    return false;
}

static bool to_net(struct ws_relay *r)
{
    if (r->outward_len == 0)
        return false;
    const ssize_t sent =
        gnutls_record_send(r->session, r->outward + r->outward_at, r->outward_len);
    if (sent <= 0) {
        if (!is_again(sent)) {
            r->outward_len = 0;
            r->plain_over = r->net_shut = r->net_over = true;
        }
        return false;
    }
    r->outward_at += (size_t)sent;
    r->outward_len -= (size_t)sent;
    return true;
}

static void pass_ends_on(struct ws_relay *r)
{
    if (r->net_over && r->inward_len == 0 && !r->plain_shut) {
        r->plain_shut = true;
        (void)shutdown(r->plain, SHUT_WR);
    }
    if (r->plain_over && r->outward_len == 0 && !r->net_shut) {
        r->net_shut = true;
        (void)gnutls_bye(r->session, GNUTLS_SHUT_WR);
        (void)shutdown(r->net, SHUT_WR);
        ws_alarm(r->ws, WS_CONNS_MAX + r->slot, pando_time_add(r->ws->now, LINGER));
    }
}

void relay_ready(struct ws_relay *r, bool net, unsigned events)
{
    (void)net;
    (void)events;
    if (!r->shaken && !shake(r))
        return;
    for (int i = 0; i < ROUNDS_PER_TURN; i++) {
        bool moved = from_net(r);
        moved |= to_plain(r);
        moved |= from_plain(r);
        moved |= to_net(r);
        if (!moved)
            break;
    }
    pass_ends_on(r);
    if (r->plain_shut && r->net_shut) {
        relay_free(r);
        return;
    }
    watch(r, true, (r->inward_len == 0 && !r->net_over ? WS_READABLE : 0) |
                       (r->outward_len > 0 ? WS_WRITABLE : 0));
    watch(r, false, (r->outward_len == 0 && !r->plain_over ? WS_READABLE : 0) |
                        (r->inward_len > 0 ? WS_WRITABLE : 0));
}

void relay_expire(struct ws_relay *r)
{
    if (r->shaken)
        relay_free(r);
    else
        shake_failed(r, GNUTLS_E_TIMEDOUT);
}
