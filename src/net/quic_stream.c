#include "base/assert.h"
#include "net/quic_impl.h"

#include <stdlib.h>
#include <string.h>

void quic_turns_append(struct quic_turns *t, struct quic_stream *s)
{
    s->turn_next = NULL;
    s->turn_prev = t->last;
    if (t->last == NULL)
        t->first = s;
    else
        t->last->turn_next = s;
    t->last = s;
}

void quic_turns_remove(struct quic_turns *t, struct quic_stream *s)
{
    if (s->turn_prev == NULL)
        t->first = s->turn_next;
    else
        s->turn_prev->turn_next = s->turn_next;
    if (s->turn_next == NULL)
        t->last = s->turn_prev;
    else
        s->turn_next->turn_prev = s->turn_prev;
    s->turn_prev = s->turn_next = NULL;
}

struct quic_stream *quic_stream_new(struct quic_conn *c, int64_t id, enum link_class class)
{
    struct quic *q = c->quic;
    struct quic_stream *s = calloc(1, sizeof *s);
    void *value;
    bool added;
    if (s == NULL)
        return NULL;
    s->handle = q->next_stream;
    if (map_put(&q->streams, &s->handle, &value, &added) != PANDO_OK) {
        free(s);
        return NULL;
    }
    memcpy(value, &s, sizeof s);
    q->next_stream++;
    s->conn = c;
    s->id = id;
    s->class = class;
    s->next = c->streams;
    if (c->streams != NULL)
        c->streams->prev = s;
    c->streams = s;
    return s;
}

struct quic_stream *quic_stream_find(const struct quic *q, uint64_t handle)
{
    struct quic_stream *s = NULL;
    const void *value = map_find(&q->streams, &handle);
    if (value != NULL)
        memcpy(&s, value, sizeof s);
    return s;
}

static void leave_finished_list(struct quic_stream *s)
{
    struct quic_stream **at = &s->conn->quic->finished;
    while (*at != NULL && *at != s)
        at = &(*at)->finished_next;
    if (*at == s)
        *at = s->finished_next;
}

void quic_stream_free(struct quic_stream *s)
{
    struct quic_conn *c = s->conn;
    quic_stream_unready(s);
    if (s->id < 0) {
        quic_turns_remove(&c->waiting, s);
        c->waiting_len--;
    }
    if (s->finished)
        leave_finished_list(s);
    if (!s->forgotten)
        (void)map_del(&c->quic->streams, &s->handle);
    if (s->prev == NULL)
        c->streams = s->next;
    else
        s->prev->next = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    sendq_deinit(&s->out);
    free(s);
}

void quic_stream_finish(struct quic_stream *s)
{
    if (s->finished)
        return;
    s->finished = true;
    s->finished_next = s->conn->quic->finished;
    s->conn->quic->finished = s;
}

static bool has_output(const struct quic_stream *s)
{
    return sendq_unsent(&s->out) > 0 || (s->out.fin && !s->out.fin_sent);
}

void quic_stream_ready(struct quic_stream *s)
{
    if (s->ready || s->blocked || s->stopped || s->id < 0 || !has_output(s))
        return;
    s->ready = true;
    quic_turns_append(&s->conn->ready[s->class], s);
}

void quic_stream_unready(struct quic_stream *s)
{
    if (!s->ready)
        return;
    s->ready = false;
    quic_turns_remove(&s->conn->ready[s->class], s);
}

/* Bytes that the library saw stay until it closes the stream: it may still point at them. */
void quic_stream_stop(struct quic_stream *s)
{
    s->stopped = true;
    quic_stream_unready(s);
    sendq_drop_unsent(&s->out);
}

void quic_stream_refused(struct quic_stream *s)
{
    const struct outbox_event event = { .kind = LINK_STOPPED, .link = s->conn->link,
                                        .stream = s->handle };
    if (s->stopped)
        return;
    quic_stream_stop(s);
    if (!s->forgotten)
        quic_note(s->conn->quic, &event, (struct pando_slice){ 0 });
}

/* The node digested `len` bytes: both windows open by as much. */
void quic_stream_credit(struct quic_stream *s, uint64_t len)
{
    struct quic_conn *c = s->conn;
    if (len > s->unconsumed)
        len = s->unconsumed;
    if (len == 0 || c->state >= CONN_CLOSING)
        return;
    s->unconsumed -= len;
    if (!s->closed && !s->forgotten)
        (void)ngtcp2_conn_extend_max_stream_offset(c->ng, s->id, len);
    ngtcp2_conn_extend_max_offset(c->ng, len);
    quic_conn_mark(c);
    if (s->closed && s->unconsumed == 0)
        quic_stream_finish(s);
}

/* Give the waiting stream a number; false when the peer's limit is reached. */
static bool admit(struct quic_conn *c, struct quic_stream *s)
{
    int64_t id;
    if (ngtcp2_conn_get_streams_bidi_left(c->ng) == 0 ||
        ngtcp2_conn_open_bidi_stream(c->ng, &id, s) != 0)
        return false;
    quic_turns_remove(&c->waiting, s);
    c->waiting_len--;
    s->id = id;
    quic_stream_ready(s);
    return true;
}

void quic_streams_admit(struct quic_conn *c)
{
    c->open_waiting = false;
    while (c->waiting.first != NULL) {
        struct quic_stream *s = c->waiting.first;
        if (!admit(c, s))
            return;
        const struct outbox_event event = { .kind = LINK_WRITABLE, .link = c->link,
                                            .stream = s->handle };
        quic_note(c->quic, &event, (struct pando_slice){ 0 });
    }
}

static struct quic_conn *find_link(const struct quic *q, uint64_t link)
{
    struct quic_conn *c = NULL;
    const void *value = map_find(&q->links, &link);
    if (value != NULL)
        memcpy(&c, value, sizeof c);
    return c != NULL && c->state == CONN_UP && !c->close_wanted ? c : NULL;
}

static struct quic_stream *find_live(const struct quic *q, uint64_t handle)
{
    struct quic_stream *s = quic_stream_find(q, handle);
    return s != NULL && s->conn->state == CONN_UP && !s->conn->close_wanted ? s : NULL;
}

static enum pando_status op_dial(void *ctx, const struct link_target *target, uint32_t token)
{
    struct quic *q = ctx;
    struct multiaddr_udp where;
    struct udp *u = NULL;
    if (multiaddr_to_udp(&target->address, &where) != PANDO_OK || where.ip_len == 0)
        return PANDO_UNSUPPORTED;
    const struct udp_address to = udp_address_from_ip(where.ip, where.ip_len, where.port);
    for (size_t i = 0; i < q->sockets_len; i++)
        if (q->sockets[i].family == to.sa.any.sa_family)
            u = &q->sockets[i];
    if (u == NULL || where.port == 0)
        return PANDO_UNSUPPORTED;
    if (q->stats.half_open >= q->config.half_open_max ||
        q->stats.links >= q->config.links_max)
        return PANDO_FULL;
    struct quic_conn *c = quic_conn_new(q, false);
    if (c == NULL)
        return PANDO_FULL;
    c->token = token;
    c->expected = target->peer;
    c->udp = u;
    c->remote = to;
    c->local = u->bound;
    q->stats.dials++;
    quic_conn_mark(c);
    return PANDO_OK;
}

static void op_close(void *ctx, uint64_t link, enum link_reason reason)
{
    struct quic_conn *c = find_link(ctx, link);
    if (c == NULL)
        return;
    quic_cause(c, reason, "%s", link_reason_text(reason));
    c->close_wanted = true;
    quic_conn_mark(c);
}

static enum pando_status op_open(void *ctx, uint64_t link, enum link_class class,
                                 uint64_t *ret_stream)
{
    struct quic_conn *c = find_link(ctx, link);
    if (c == NULL)
        return PANDO_NOT_FOUND;
    const bool must_wait =
        c->waiting_len > 0 || ngtcp2_conn_get_streams_bidi_left(c->ng) == 0;
    if (must_wait && c->waiting_len >= c->quic->config.open_waiting_max)
        return PANDO_FULL;
    struct quic_stream *s = quic_stream_new(c, -1, class);
    if (s == NULL)
        return PANDO_FULL;
    quic_turns_append(&c->waiting, s);
    c->waiting_len++;
    if (!must_wait)
        (void)admit(c, s);
    *ret_stream = s->handle;
    return PANDO_OK;
}

static enum pando_status op_send(void *ctx, uint64_t stream, struct bytes *bytes, bool fin)
{
    struct quic_stream *s = find_live(ctx, stream);
    if (s == NULL || s->stopped || s->out.fin)
        return PANDO_NOT_FOUND;
    if (sendq_unsent(&s->out) > LINK_SEND_HIGH) {
        s->want_writable = true;
        return PANDO_BUSY;
    }
    if (bytes != NULL && sendq_put(&s->out, bytes) != PANDO_OK)
        return PANDO_NOMEM;
    s->out.fin = fin;
    quic_stream_ready(s);
    quic_conn_mark(s->conn);
    return PANDO_OK;
}

static size_t op_queued(void *ctx, uint64_t stream)
{
    const struct quic_stream *s = quic_stream_find(ctx, stream);
    return s == NULL ? 0 : (size_t)sendq_unsent(&s->out);
}

/* The handle dies now; the library's stream when both ends agreed. */
static void op_reset(void *ctx, uint64_t stream)
{
    struct quic *q = ctx;
    struct quic_stream *s = find_live(q, stream);
    if (s == NULL)
        return;
    (void)map_del(&q->streams, &s->handle);
    s->forgotten = true;
    if (s->id < 0) {
        quic_stream_free(s);
        return;
    }
    quic_stream_credit(s, s->unconsumed);
    quic_stream_stop(s);
    if (s->closed)
        quic_stream_finish(s);
    else
        (void)compat_shutdown_stream(s->conn->ng, s->id, 0);
    quic_conn_mark(s->conn);
}

static void op_consume(void *ctx, uint64_t stream, size_t len)
{
    struct quic_stream *s = quic_stream_find(ctx, stream);
    if (s != NULL)
        quic_stream_credit(s, len);
}

static void op_classify(void *ctx, uint64_t stream, enum link_class class)
{
    struct quic_stream *s = quic_stream_find(ctx, stream);
    if (s == NULL || s->class == class)
        return;
    quic_stream_unready(s);
    s->class = class;
    quic_stream_ready(s);
}

static struct pando_span op_rtt(void *ctx, uint64_t link)
{
    compat_stat stat;
    const struct quic_conn *c = find_link(ctx, link);
    if (c == NULL)
        return (struct pando_span){ 0 };
    compat_get_stat(c->ng, &stat);
    const bool sampled = stat.first_rtt_sample_ts != UINT64_MAX;
    return (struct pando_span){ sampled ? stat.smoothed_rtt : 0 };
}

const struct link_ops quic_link_ops = {
    .dial = op_dial, .close = op_close, .open = op_open, .send = op_send,
    .queued = op_queued, .reset = op_reset, .consume = op_consume,
    .classify = op_classify, .rtt = op_rtt,
};
