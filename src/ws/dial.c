/* dial.c - from a URL to an open connection: name, TCP, TLS, upgrade, within one limit.
 *
 * A name's addresses are tried one after another; what is told at last is the last failure.
 */
#include "ws/ws_impl.h"

#include "base/slice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool literal(const struct ws_url *url, struct ws_address *ret)
{
    ret->len = url->ip6 ? 16 : 4;
    return inet_pton(url->ip6 ? AF_INET6 : AF_INET, url->host, ret->ip) == 1;
}

static enum pando_status find_addresses(struct ws_conn *c, struct pando_err *reterr)
{
    static const struct ws_address here[2] = { { { 127, 0, 0, 1 }, 4 },
                                               { { [15] = 1 }, 16 } };
    struct ws_dial *d = c->dial;
    const struct ws_config *k = &c->ws->config;
    if (literal(&d->url, &d->addresses[0])) {
        d->len = 1;
    } else if (d->url.ip6) {
        return pando_err_set(reterr, PANDO_INVALID, "'%s' is no IPv6 address", d->url.host);
    } else if (strcmp(d->url.host, "localhost") == 0) { /* needs no name server */
        memcpy(d->addresses, here, sizeof here);
        d->len = 2;
    } else {
        const enum pando_status st = k->resolve(k->ctx, c->pipe, d->url.host);
        return st == PANDO_OK ? st
                              : pando_err_set(reterr, st, "'%s' cannot be looked up now: too "
                                              "many names are being resolved", d->url.host);
    }
    ws_conn_touch(c); /* connecting may fail at once, which is told from our own turn */
    return PANDO_OK;
}

enum pando_status dial_begin(struct ws *w, struct pando_slice text, uint64_t number,
                             struct pando_err *reterr)
{
    struct ws_url url;
    uint8_t nonce[16];
    enum pando_status st = ws_url_parse(text, &url, reterr);
    if (st != PANDO_OK)
        return st;
    struct ws_conn *c = ws_conn_new(w);
    if (c == NULL)
        return pando_err_set(reterr, PANDO_FULL, "this node has %d connections already",
                             WS_CONNS_MAX);
    c->dial = calloc(1, sizeof *c->dial);
    if (c->dial == NULL) {
        ws_conn_free(c);
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    }
    c->dial->number = number;
    c->dial->url = url;
    rng_fill(&w->rng, nonce, sizeof nonce);
    ws_key_print(nonce, c->dial->key);
    (void)snprintf(c->remote, sizeof c->remote, url.ip6 ? "[%.48s]:%u" : "%.50s:%u", url.host,
                   url.port);
    c->end_by = pando_time_add(w->now, PIPE_DIAL_LIMIT);
    ws_alarm(w, c->slot, c->end_by);
    st = find_addresses(c, reterr);
    if (st != PANDO_OK)
        ws_conn_free(c);
    return st;
}

void dial_failed(struct ws_conn *c, enum pando_status status, const char *format, ...)
{
    struct ws *w = c->ws;
    const uint64_t number = c->dial->number;
    char why[WS_WHY_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    ws_conn_free(c);
    w->config.sink.event(w->config.sink.ctx, &(struct pipe_event){ .kind = PIPE_CLOSED,
                                                                  .pipe = PIPE_NONE,
                                                                  .dial = number,
                                                                  .status = status,
                                                                  .text = why });
}

void ws_resolved(struct ws *w, struct pando_time now, uint32_t token,
                 const struct ws_address *list, size_t len, const char *why)
{
    w->now = now;
    struct ws_conn *c = ws_conn_at(w, token);
    if (c == NULL || c->dial == NULL || c->state != WS_RESOLVING)
        return; /* the limit has passed meanwhile */
    if (len == 0) {
        dial_failed(c, PANDO_NOT_FOUND, "%s: check the host's name", why);
        return;
    }
    c->dial->len = len < WS_ADDRESSES ? len : WS_ADDRESSES;
    memcpy(c->dial->addresses, list, c->dial->len * sizeof *list);
    ws_conn_touch(c);
}

static int begin_connect(const struct ws_address *a, uint16_t port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    const bool is4 = a->len == 4;
    const int on = 1;
    memcpy(is4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, a->ip, a->len);
    const int fd =
        socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int rc = is4 ? connect(fd, (const struct sockaddr *)&v4, sizeof v4)
                       : connect(fd, (const struct sockaddr *)&v6, sizeof v6);
    if (rc == 0 || errno == EINPROGRESS)
        return fd;
    const int why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

static void note(struct ws_conn *c, int why)
{
    struct ws_dial *d = c->dial;
    d->status = PANDO_UNAVAILABLE;
    if (why == ECONNREFUSED)
        (void)snprintf(d->why, sizeof d->why,
                       "%s refuses the connection: is the server running, and on this port?",
                       c->remote);
    else
        (void)snprintf(d->why, sizeof d->why, "%s cannot be reached: %s", c->remote,
                       strerror(why));
}

/* The next address; when none is left, the dial has failed. */
static void connect_next(struct ws_conn *c)
{
    struct ws_dial *d = c->dial;
    while (d->next < d->len) {
        c->fd = begin_connect(&d->addresses[d->next++], d->url.port);
        if (c->fd >= 0) {
            c->state = WS_CONNECTING;
            ws_conn_watch(c, WS_WRITABLE);
            return;
        }
        note(c, errno);
    }
    dial_failed(c, d->status, "%s", d->why);
}

/* TLS goes between the socket and us. */
static bool wrap(struct ws_conn *c)
{
    struct ws *w = c->ws;
    gnutls_session_t session = ws_tls_session(w, WS_CLIENT, &c->dial->url);
    int plain;
    if (session == NULL)
        return false;
    const int net = c->fd;
    ws_conn_watch(c, 0);
    c->fd = -1;
    if (relay_new(w, net, session, c->pipe, &plain) != PANDO_OK)
        return false;
    c->fd = plain;
    return true;
}

static void ask(struct ws_conn *c)
{
    c->dial->why[0] = '\0'; /* of addresses that were tried before */
    if (c->dial->url.tls && !wrap(c)) {
        dial_failed(c, PANDO_FULL, "%s: TLS cannot be prepared: memory or descriptors are out",
                    c->remote);
        return;
    }
    if (ws_request_print(&c->dial->url, c->dial->key, &c->out) != PANDO_OK) {
        dial_failed(c, PANDO_NOMEM, "memory is out");
        return;
    }
    c->state = WS_ASKING;
    ws_conn_watch(c, WS_READABLE | WS_WRITABLE);
}

static void connected(struct ws_conn *c)
{
    int why = 0;
    socklen_t len = sizeof why;
    (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &why, &len);
    if (why == 0) {
        ask(c);
        return;
    }
    note(c, why);
    ws_conn_watch(c, 0);
    (void)close(c->fd);
    c->fd = -1;
    connect_next(c);
}

static void push_request(struct ws_conn *c)
{
    const size_t left = c->out.len - c->out_taken;
    const ssize_t sent =
        left == 0 ? 0 : send(c->fd, c->out.ptr + c->out_taken, left, MSG_NOSIGNAL);
    c->out_taken += sent > 0 ? (size_t)sent : 0;
    if (c->out_taken < c->out.len)
        return;
    buf_reset(&c->out);
    c->out_taken = 0;
    ws_conn_watch(c, WS_READABLE);
}

static void upgraded(struct ws_conn *c)
{
    struct ws_dial *d = c->dial;
    const uint64_t number = d->number;
    c->dial = NULL;
    buf_reset(&c->out);
    c->out_taken = 0;
    c->end_by = PANDO_TIME_NEVER;
    if (conn_open(c, WS_CLIENT, SLICE_EMPTY, number, NULL) != PANDO_OK) {
        c->dial = d;
        dial_failed(c, PANDO_NOMEM, "memory is out");
        return;
    }
    free(d);
}

/* The server's answer, perhaps in pieces, perhaps with frames behind it. */
static void read_answer(struct ws_conn *c)
{
    struct ws_dial *d = c->dial;
    struct pando_err err = { 0 };
    size_t len = 0;
    const ssize_t got = buf_reserve(&c->in, WS_HEAD_MAX) != PANDO_OK
                            ? 0
                            : recv(c->fd, c->in.ptr + c->in.len, WS_HEAD_MAX, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        if (d->why[0] != '\0') /* the relay knows */
            dial_failed(c, d->status, "%s", d->why);
        else
            dial_failed(c, PANDO_UNAVAILABLE,
                        "%s ended the connection instead of answering: is it a WebSocket server%s?",
                        c->remote, d->url.tls ? "" : ", and if it takes only TLS, try wss://");
        return;
    }
    c->in.len += (size_t)got;
    const enum pando_status st = ws_answer_read(buf_view(&c->in), d->key, &len, &err);
    if (st == PANDO_BUSY)
        return;
    if (st != PANDO_OK) {
        const bool perhaps_tls = st == PANDO_UNSUPPORTED && !d->url.tls;
        dial_failed(c, st, "%s%.40s: %s%s", c->remote, d->url.target, err.text,
                    perhaps_tls ? "; if it takes only TLS, try wss://" : "");
        return;
    }
    buf_consume(&c->in, len);
    upgraded(c);
}

void dial_ready(struct ws_conn *c, unsigned events)
{
    if (c->state == WS_CONNECTING) {
        connected(c);
        return;
    }
    if (c->state != WS_ASKING)
        return;
    if ((events & WS_WRITABLE) != 0)
        push_request(c);
    if ((events & WS_READABLE) != 0)
        read_answer(c);
}

void dial_settle(struct ws_conn *c)
{
    if (c->state == WS_RESOLVING && c->dial->len > 0)
        connect_next(c);
}

void dial_expire(struct ws_conn *c)
{
    static const char *const doing[] = { "the name is not resolved", "it does not answer",
                                         "it does not finish the upgrade" };
    dial_failed(c, PANDO_TIMEOUT, "%s: %s within 10 s: check the address, and what stands "
                "between", c->remote, doing[c->state]);
}
