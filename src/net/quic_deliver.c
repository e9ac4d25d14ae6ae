#include "base/slice.h"
#include "net/quic_impl.h"

#include <string.h>

struct outbox *quic_outbox(struct quic *q)
{
    return &q->outboxes[q->outbox_active];
}

/* An event without bytes that a peer sent is small; when even that memory is out, the
 * link's end will be told by its timer (end_noted is then taken back). */
void quic_note(struct quic *q, const struct outbox_event *event, struct pando_slice data)
{
    if (outbox_put(quic_outbox(q), event, data) == PANDO_OK)
        return;
    trace(q->config.tracer, TRACE_NET, TRACE_ERROR, "no memory to tell an event");
    if (event->kind == LINK_DOWN || event->kind == LINK_DIAL_FAILED)
        q->conns[event->slot]->end_noted = false;
}

static void tell(struct quic *q, const struct link_event *event)
{
    q->config.sink.event(q->config.sink.ctx, event);
}

static void tell_up(struct quic *q, const struct outbox_event *e, struct link_event *event,
                    const uint8_t *data)
{
    struct outbox_identity identity;
    memcpy(&identity, data, sizeof identity);
    event->peer = &identity.peer;
    event->address = &identity.address;
    (void)e;
    tell(q, event);
}

static void tell_end(struct quic *q, const struct outbox_event *e, struct link_event *event,
                     const uint8_t *data)
{
    struct quic_conn *c = q->conns[e->slot];
    while (c->streams != NULL)
        quic_stream_free(c->streams);
    if (c->link != 0)
        (void)map_del(&q->links, &c->link);
    c->end_told = true;
    event->text = (const char *)data;
    tell(q, event);
}

static bool is_about_stream(enum link_event_kind kind)
{
    return kind >= LINK_STREAM;
}

static void tell_one(struct quic *q, const struct outbox *o, const struct outbox_event *e)
{
    const uint8_t *data = o->data.ptr + e->at;
    struct link_event event = { .kind = e->kind, .reason = e->reason, .dialed = e->dialed,
                                .fin = e->fin, .token = e->token, .link = e->link,
                                .stream = e->stream };
    if (e->kind == LINK_UP) {
        tell_up(q, e, &event, data);
        return;
    }
    if (e->kind == LINK_DOWN || e->kind == LINK_DIAL_FAILED) {
        tell_end(q, e, &event, data);
        return;
    }
    struct quic_stream *s = is_about_stream(e->kind) ? quic_stream_find(q, e->stream) : NULL;
    if (s == NULL)
        return; /* the node reset it meanwhile */
    if (e->kind == LINK_DATA)
        event.data = slice_of(data, e->len);
    if (e->kind == LINK_RESET) /* what it never digested weighs on nobody now */
        quic_stream_credit(s, s->unconsumed);
    tell(q, &event);
}

/* Streams that both ends are done with: the peer may open another one instead. */
static void reap_finished(struct quic *q)
{
    while (q->finished != NULL) {
        struct quic_stream *s = q->finished;
        struct quic_conn *c = s->conn;
        const bool remote = s->id >= 0 && !ngtcp2_conn_is_local_stream(c->ng, s->id);
        quic_stream_free(s);
        if (remote && c->state < CONN_CLOSING) {
            ngtcp2_conn_extend_max_streams_bidi(c->ng, 1);
            quic_conn_mark(c);
        }
    }
}

bool quic_deliver(struct quic *q)
{
    bool told = false;
    if (q->delivering)
        return false;
    q->delivering = true;
    while (quic_outbox(q)->len > 0) {
        struct outbox *o = quic_outbox(q);
        q->outbox_active ^= 1;
        for (; o->next < o->len; o->next++)
            tell_one(q, o, &o->list[o->next]);
        outbox_reset(o);
        told = true;
    }
    reap_finished(q);
    q->delivering = false;
    return told;
}
