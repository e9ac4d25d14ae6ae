/* local.c - our own events: one chain per epoch, never two with one number. */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cbor.h"

/* Our chain goes on behind the last stored event; a new epoch begins at 1 but still names
 * the last event of the epoch before as its parent. */
void dag_local_start(struct dag *d)
{
    struct index_author a;
    struct index_cursor cursor = index_authors_of(&d->host.key);
    const uint32_t raised = index_epoch(d->host.tables);

    d->epoch = d->host.epoch > UINT32_MAX ? UINT32_MAX : (uint32_t)d->host.epoch;
    if (raised > d->epoch)
        d->epoch = raised;
    while (index_next_author(d->host.tables, &cursor, &a)) {
        d->has_last = true;
        d->last = a.last;
        if (a.epoch > d->epoch)
            d->epoch = a.epoch;
        d->seq = a.epoch == d->epoch ? a.seq : 0;
    }
}

/* A peer shows an event that we signed and do not hold: this store is older than we once
 * were. Going on in the same epoch would give a number twice. */
void dag_local_foreign(struct dag *d, const struct event *ev)
{
    uint8_t bytes[16];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    if (ev->epoch < d->epoch || (ev->epoch == d->epoch && ev->seq <= d->seq) ||
        ev->epoch == UINT32_MAX)
        return;
    cbor_put_uint(&w, (uint64_t)ev->epoch + 1);
    if (dag_stage(d, DAG_RECORD_EPOCH, NULL, wire_written(&w), NULL, false, NULL) !=
        PANDO_OK)
        trace(d->host.tracer, TRACE_DAG, TRACE_WARNING,
              "the raised epoch could not be recorded; it is raised for this run");
    d->epoch = ev->epoch + 1;
    d->seq = 0;
    trace(d->host.tracer, TRACE_DAG, TRACE_WARNING,
          "a peer holds events of ours that this store has lost: going on in epoch %u",
          d->epoch);
}

static void add_parents(struct dag *d, struct event *ev)
{
    struct index_cursor cursor = { .begun = false };
    struct pando_id id;
    uint32_t height;
    if (d->has_last)
        ev->parents[ev->parents_len++] = d->last;
    while (ev->parents_len < EVENT_PARENTS_MAX &&
           index_next_head(d->host.tables, &cursor, &id, &height))
        if (!d->has_last || !id_equal(&id, &d->last))
            ev->parents[ev->parents_len++] = id;
}

enum pando_status dag_local_event(struct dag *d, enum event_kind kind,
                                  struct pando_slice body, struct dag_op *op)
{
    uint8_t block[EVENT_BLOCK_MAX];
    struct event ev = {
        .space = d->host.space,
        .author = d->host.key,
        .epoch = d->epoch,
        .seq = d->seq + 1,
        .time = d->host.wall(d->host.ctx).ms,
        .kind = kind,
        .body = body,
    };
    if (!dag_gate_may_write(d, &d->host.key))
        return PANDO_REFUSED;
    add_parents(d, &ev);
    enum pando_status st = event_sign(&ev, d->host.secret, block, sizeof block);
    if (st != PANDO_OK)
        return st;
    struct bytes *bytes = bytes_copy(ev.block);
    if (bytes == NULL)
        return PANDO_NOMEM;
    st = dag_stage(d, DAG_RECORD_EVENT, bytes, bytes_view(bytes), op, true, &ev.id);
    bytes_unref(bytes);
    if (st != PANDO_OK)
        return st;
    d->seq = ev.seq;
    d->has_last = true;
    d->last = ev.id;
    d->totals.stored++;
    d->totals.local++;
    return PANDO_OK;
}
