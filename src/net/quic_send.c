/* The write pass: one per dirty link and turn. Streams of one class take turns packet by
 * packet; control goes before event, event before bulk, but bulk gets every sixteenth
 * packet however busy the others are. */
#include "base/assert.h"
#include "net/quic_impl.h"

#include <string.h>

#define BUDGET (512u * 1024)      /* bytes per link and pass, for fairness between links */
#define BULK_EVERY 16             /* packets */
#define VECS_MAX 16
/* A path whose shortest round trip is below this is a LAN or loopback: no pacing there,
 * which costs twice the processor time. (The smoothed one grows with our own queues.) */
#define PACE_ABOVE (2 * NGTCP2_MILLISECONDS)

static struct quic_stream *pick(const struct quic_conn *c)
{
    struct quic_stream *bulk = c->ready[LINK_BULK].first;
    if (bulk != NULL && c->bulk_passed_over >= BULK_EVERY - 1)
        return bulk;
    if (c->ready[LINK_CONTROL].first != NULL)
        return c->ready[LINK_CONTROL].first;
    return c->ready[LINK_EVENT].first != NULL ? c->ready[LINK_EVENT].first : bulk;
}

/* A packet went out: the next stream of this class is next. */
static void rotate(struct quic_conn *c, struct quic_stream *s)
{
    if (s->class == LINK_BULK)
        c->bulk_passed_over = 0;
    else if (c->ready[LINK_BULK].first != NULL)
        c->bulk_passed_over++;
    if (!s->ready || s->turn_next == NULL)
        return;
    quic_turns_remove(&c->ready[s->class], s);
    quic_turns_append(&c->ready[s->class], s);
}

static void wrote(struct quic_stream *s, size_t len, bool fin)
{
    sendq_advance(&s->out, len);
    if (fin)
        s->out.fin_sent = true;
    if (sendq_unsent(&s->out) == 0 && (!s->out.fin || s->out.fin_sent))
        quic_stream_unready(s);
    if (s->want_writable && sendq_unsent(&s->out) < LINK_SEND_LOW) {
        const struct outbox_event event = { .kind = LINK_WRITABLE, .link = s->conn->link,
                                            .stream = s->handle };
        s->want_writable = false;
        if (!s->forgotten)
            quic_note(s->conn->quic, &event, (struct pando_slice){ 0 });
    }
}

/* The peer's window is closed: the stream's, or the whole link's. */
static bool blocked(struct quic_conn *c, struct quic_stream *s)
{
    if (ngtcp2_conn_get_max_data_left(c->ng) == 0)
        return true; /* streams stay ready; the link is tried again with its next packet */
    s->blocked = true;
    quic_stream_unready(s);
    return false;
}

struct pass {
    ngtcp2_path_storage ps;
    bool link_blocked;
    struct quic_stream *last; /* stream in the packet being filled */
};

/* One call of the library: part of a packet, a packet, or nothing. */
static ngtcp2_ssize write_some(struct quic_conn *c, struct pass *p)
{
    struct quic_stream *s = p->link_blocked ? NULL : pick(c);
    struct pando_slice slices[VECS_MAX];
    ngtcp2_vec vecs[VECS_MAX];
    size_t count = 0, total = 0;
    const size_t room = c->handshake_done ? c->packet_max : QUIC_UDP_PAYLOAD_MAX;
    uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    ngtcp2_pkt_info info;
    ngtcp2_ssize taken = -1;
    bool fin = false;

    if (s != NULL) {
        count = sendq_view(&s->out, slices, VECS_MAX, room);
        for (size_t i = 0; i < count; i++) {
            vecs[i] = (ngtcp2_vec){ (uint8_t *)(uintptr_t)slices[i].ptr, slices[i].len };
            total += slices[i].len;
        }
        fin = s->out.fin && total == sendq_unsent(&s->out);
        flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u);
    }
    const ngtcp2_ssize n = ngtcp2_conn_writev_stream(
        c->ng, &p->ps.path, &info, udp_room(c->udp), room, &taken, flags,
        s != NULL ? s->id : -1, vecs, count, c->quic->now.ns);
    if (s != NULL && taken >= 0) {
        wrote(s, (size_t)taken, fin && (size_t)taken == total);
        p->last = s;
    }
    if (n > 0 && p->last != NULL) {
        rotate(c, p->last);
        p->last = NULL;
    }
    switch (n) {
    case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        p->link_blocked = blocked(c, s);
        return NGTCP2_ERR_WRITE_MORE;
    case NGTCP2_ERR_STREAM_SHUT_WR: case NGTCP2_ERR_STREAM_NOT_FOUND:
        quic_stream_refused(s);
        return NGTCP2_ERR_WRITE_MORE;
    default:
        return n;
    }
}

static void put(struct quic_conn *c, const struct pass *p, size_t len)
{
    struct udp_address to = { .len = p->ps.path.remote.addrlen };
    struct udp_address from = { 0 };
    PANDO_ASSERT(to.len <= sizeof to.sa);
    memcpy(&to.sa, p->ps.path.remote.addr, to.len);
    if (c->server && c->udp->wildcard) {
        from.len = p->ps.path.local.addrlen;
        memcpy(&from.sa, p->ps.path.local.addr, from.len);
    }
    udp_put(c->udp, len, &to, &from);
}

/* Returns whether the link has more to write at once. */
static bool write_link(struct quic_conn *c)
{
    struct pass p = { .link_blocked = false };
    compat_stat stat;
    size_t budget = BUDGET, written = 0;
    compat_get_stat(c->ng, &stat);
    const bool pace = c->handshake_done && stat.first_rtt_sample_ts != UINT64_MAX &&
                      stat.min_rtt >= PACE_ABOVE;
    if (pace)
        budget = ngtcp2_conn_get_send_quantum(c->ng);
    ngtcp2_path_storage_zero(&p.ps);
    bool more = false;
    for (;;) {
        if (c->udp->stuck || written >= budget) {
            more = c->udp->stuck || !pace;
            break;
        }
        const ngtcp2_ssize n = write_some(c, &p);
        if (n == NGTCP2_ERR_WRITE_MORE)
            continue;
        if (n < 0) {
            quic_conn_failed(c, (int)n);
            return false;
        }
        if (n == 0)
            break;
        put(c, &p, (size_t)n);
        written += (size_t)n;
    }
    if (pace)
        ngtcp2_conn_update_pkt_tx_time(c->ng, c->quic->now.ns);
    quic_conn_rearm(c);
    return more;
}

static void start(struct quic_conn *c)
{
    if (quic_conn_start_client(c) == PANDO_OK)
        return;
    quic_cause(c, LINK_REASON_LIMIT, "memory is out on this node");
    quic_conn_close(c);
}

/* One link's turn. Returns whether it stays dirty. */
static bool serve(struct quic_conn *c)
{
    if (c->close_wanted)
        quic_conn_close(c);
    if (c->state == CONN_NEW)
        start(c);
    if (c->state == CONN_NEW || c->state >= CONN_CLOSING)
        return false;
    if (c->tls_done && c->tls != NULL) { /* 16 kB less per link */
        ngtcp2_conn_set_tls_native_handle(c->ng, NULL);
        gnutls_deinit(c->tls);
        c->tls = NULL;
    }
    if (c->open_waiting)
        quic_streams_admit(c);
    return write_link(c);
}

void quic_send_dirty(struct quic *q)
{
    struct quic_conn *c = q->dirty_first, *last = q->dirty_last;
    q->dirty_first = q->dirty_last = NULL;
    while (c != NULL) {
        struct quic_conn *next = c == last ? NULL : c->dirty_next;
        c->dirty = false;
        if (c->udp->stuck && !c->close_wanted)
            quic_conn_mark(c);
        else if (serve(c))
            quic_conn_mark(c);
        c = next;
    }
    for (size_t i = 0; i < q->sockets_len; i++) {
        struct udp_address to;
        int error;
        if (!q->sockets[i].stuck)
            (void)udp_flush(&q->sockets[i]);
        if (udp_take_error(&q->sockets[i], &to, &error))
            quic_unreachable(q, &to, error);
    }
}
