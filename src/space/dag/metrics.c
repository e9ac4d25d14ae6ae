/* metrics.c - the numbers of one dag. */
#include "space/dag/engine.h"

#include <stdio.h>

struct sheet {
    struct space_metric *rows;
    size_t len, cap;
};

static void put(struct sheet *s, const char *name, const char *help, bool counter,
                double value)
{
    if (s->len < s->cap)
        s->rows[s->len++] = (struct space_metric){ name, help, counter, value };
}

static void put_refusals(struct sheet *s, const struct dag *d)
{
#define X(name, text, blame)                                            \
    put(s, "refused_" text "_total", "Events refused: " text ".", true, \
        (double)d->totals.refused[DAG_REFUSE_##name]);
    DAG_REFUSE_MAP(X)
#undef X
}

size_t dag_metrics(const void *instance, struct space_metric *ret, size_t cap)
{
    const struct dag *d = instance;
    const struct dag_totals *t = &d->totals;
    const struct index_counts c = index_counts(d->host.tables);
    struct sheet s = { ret, 0, cap };
    put(&s, "events_total", "Events stored.", true, (double)c.events);
    put(&s, "heads", "Events without children.", false, (double)c.heads);
    put(&s, "receipts_total", "Receipts stored.", true, (double)c.receipts);
    put(&s, "authors", "Distinct authors.", false, (double)c.nodes);
    put(&s, "equivocations_total", "Numbers that an author gave twice.", true,
        (double)c.equivocations);
    put(&s, "orphans", "Events that wait for a parent.", false, (double)d->orphans.len);
    put(&s, "pending", "Events under way, orphans included.", false,
        (double)d->pending.len);
    put(&s, "received_total", "Events received, known ones included.", true,
        (double)t->received);
    put(&s, "duplicates_total", "Events received that were known.", true,
        (double)t->duplicates);
    put(&s, "local_total", "Events made here.", true, (double)t->local);
    put(&s, "verify_batches_total", "Jobs given to the verifier.", true,
        (double)t->batches);
    put(&s, "verified_total", "Events whose signatures were good.", true,
        (double)t->verified);
    put(&s, "published_total", "Events gossiped.", true, (double)t->published);
    put(&s, "publish_bytes_total", "Bytes gossiped.", true, (double)t->publish_bytes);
    put(&s, "sync_sent_bytes_total", "Bytes sent on channels.", true,
        (double)t->sync_sent);
    put(&s, "sync_received_bytes_total", "Bytes received on channels.", true,
        (double)t->sync_received);
    put(&s, "catch_ups_total", "Streams asked for.", true, (double)t->catch_ups);
    put(&s, "catch_up_stalls_total", "Streams given up.", true, (double)t->stalls);
    put(&s, "served_total", "Streams given.", true, (double)t->served);
    put(&s, "fetch_in_flight", "Events wanted by id.", false,
        (double)fetch_len(&d->fetch));
    put(&s, "fetch_asked_total", "Asks for single events.", true,
        (double)d->fetch.asked_total);
    put(&s, "blob_fetch_in_flight", "Pieces of blobs wanted.", false,
        (double)fetch_len(&d->blob_fetch));
    put(&s, "blobs", "Pieces of blobs stored.", false, (double)c.blobs);
    put(&s, "blob_bytes", "Bytes of blobs stored.", false, (double)c.blob_bytes);
    put(&s, "heartbeats_total", "Heartbeats accepted.", true, (double)t->beats);
    put(&s, "messages_dropped_total", "Messages for which there was no room.", true,
        (double)t->messages_dropped);
    put(&s, "messages_refused_total", "Messages that did not decode.", true,
        (double)t->messages_refused);
    put(&s, "faults_total", "Rules broken by peers.", true, (double)t->faults);
    put_refusals(&s, d);
    return s.len;
}

size_t dag_status(const void *instance, char *ret_text, size_t cap)
{
    const struct dag *d = instance;
    const struct index_counts c = index_counts(d->host.tables);
    const int len = snprintf(
        ret_text, cap,
        "\"dag_events\":%llu,\"dag_heads\":%llu,\"receipt_count\":%llu,\"node_count\":%u,"
        "\"equivocations\":%llu,\"orphans\":%zu",
        (unsigned long long)c.events, (unsigned long long)c.heads,
        (unsigned long long)c.receipts, c.nodes, (unsigned long long)c.equivocations,
        d->orphans.len);
    return len < 0 || (size_t)len >= cap ? 0 : (size_t)len;
}
