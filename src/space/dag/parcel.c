/* parcel.c - received messages: opened when there is room, done when all inside moved on.
 */
#include "space/dag/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>

static void finish(struct dag *d, struct dag_parcel *p)
{
    const size_t len = bytes_view(p->bytes).len;
    if (p->gossip)
        dag_emit(d, &(struct space_effect){ .kind = SPACE_VERDICT,
                                            .peer = p->peer,
                                            .token = p->token,
                                            .status = p->verdict });
    else if (dag_peer(d, p->peer) != NULL)
        dag_emit(d, &(struct space_effect){ .kind = SPACE_DIGESTED,
                                            .peer = p->peer,
                                            .channel = p->channel,
                                            .value = len });
    bytes_unref(p->bytes);
    free(p);
}

void dag_parcel_release(struct dag *d, struct dag_parcel *p)
{
    PANDO_ASSERT(p->refs > 0);
    if (--p->refs == 0)
        finish(d, p);
}

/* At the cap a gossip message is ignored and one of a channel is dropped: its sender
 * stays within its window, so only many peers at once get here. */
void dag_parcel_take(struct dag *d, const struct space_input *in)
{
    struct dag_parcel *p = calloc(1, sizeof *p);
    const bool gossip = in->kind == SPACE_GOSSIP;
    if (p == NULL || d->parcels_len == DAG_PARCELS_MAX || (gossip && d->stopping)) {
        free(p);
        d->totals.messages_dropped++;
        if (gossip)
            dag_emit(d, &(struct space_effect){ .kind = SPACE_VERDICT,
                                                .peer = in->peer,
                                                .token = in->token,
                                                .status = PANDO_CANCELLED });
        else
            dag_emit(d, &(struct space_effect){ .kind = SPACE_DIGESTED,
                                                .peer = in->peer,
                                                .channel = in->channel,
                                                .value = bytes_view(in->bytes).len });
        return;
    }
    *p = (struct dag_parcel){ .refs = 1,
                              .peer = in->peer,
                              .gossip = gossip,
                              .channel = in->channel,
                              .token = in->token,
                              .bytes = bytes_ref(in->bytes) };
    if (!gossip)
        d->totals.sync_received += bytes_view(in->bytes).len;
    if (d->parcels_last != NULL)
        d->parcels_last->next = p;
    else
        d->parcels_first = p;
    d->parcels_last = p;
    d->parcels_len++;
}

static void open_events(struct dag *d, struct dag_parcel *p, struct dag_message *m)
{
    struct pando_slice block;
    while (dag_wire_next_block(m, &block))
        dag_offer(d, p, block);
}

static bool on_right_channel(const struct dag_parcel *p, enum dag_message_kind kind)
{
    if (p->gossip)
        return kind == DAG_EVENTS;
    return (kind >= DAG_BLOB_WANT) == (p->channel == DAG_BLOB);
}

static void dispatch(struct dag *d, struct dag_parcel *p, struct dag_peer *from,
                     struct dag_message *m)
{
    switch (m->kind) {
    case DAG_HEADS:
        dag_heads_receive(d, from, m);
        return;
    case DAG_VECTOR:
        dag_serve_vector(d, from, m);
        return;
    case DAG_EVENTS:
        p->streamed = !p->gossip;
        if (!p->gossip)
            dag_pull_events(d, from, m);
        open_events(d, p, m);
        return;
    case DAG_WANT:
        dag_serve_want(d, from, m);
        return;
    case DAG_LACK:
        dag_fetch_lacking(d, from, m);
        return;
    case DAG_STOP:
        if (from->serve != NULL && from->serve->session == m->session)
            dag_serve_stop(from);
        dag_pull_stopped(d, from, m->session);
        return;
    case DAG_BLOB_WANT:
    case DAG_BLOB_DATA:
    case DAG_BLOB_LACK:
    case DAG_BLOB_WHOLE:
        dag_blob_message(d, from, m);
        return;
    }
    PANDO_UNREACHABLE();
}

static void open_parcel(struct dag *d, struct dag_parcel *p)
{
    struct dag_message m;
    struct dag_peer *from = dag_peer(d, p->peer);
    enum pando_status st = dag_wire_decode(bytes_view(p->bytes), &d->host.space, &m);
    if (st == PANDO_OK && !on_right_channel(p, m.kind))
        st = PANDO_MALFORMED;
    if (st == PANDO_OK && (p->gossip || from != NULL)) {
        dispatch(d, p, from, &m);
    } else if (st != PANDO_OK) {
        p->verdict = st;
        d->totals.messages_refused++;
        dag_fault(d, p->peer, st, "a message that does not decode");
    }
    dag_parcel_release(d, p);
}

void dag_parcels_open(struct dag *d)
{
    const uint64_t enough = d->totals.received + DAG_OPENED_PER_STEP;
    while (d->parcels_first != NULL && d->pending.len < d->config.pending_max) {
        if (d->totals.received >= enough) {
            d->more_work = true;
            return;
        }
        struct dag_parcel *p = d->parcels_first;
        d->parcels_first = p->next;
        if (d->parcels_first == NULL)
            d->parcels_last = NULL;
        d->parcels_len--;
        open_parcel(d, p);
    }
}

void dag_parcels_drop(struct dag *d)
{
    while (d->parcels_first != NULL) {
        struct dag_parcel *p = d->parcels_first;
        d->parcels_first = p->next;
        bytes_unref(p->bytes);
        free(p);
    }
    d->parcels_last = NULL;
    d->parcels_len = 0;
}
