#include "space/dag/index.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "space/dag/dag.h"
#include "space/dag/index_row.h"

#include <string.h>

static enum pando_status put_counts(struct tables *t, const struct index_counts *c)
{
    struct row key = row_only_key(INDEX_COUNTS), value = { 0 };
    row_put(&value, c->events, 8);
    row_put(&value, c->receipts, 8);
    row_put(&value, c->heads, 8);
    row_put(&value, c->equivocations, 8);
    row_put(&value, c->authors, 4);
    row_put(&value, c->nodes, 4);
    row_put(&value, (uint64_t)c->earliest, 8);
    row_put(&value, (uint64_t)c->latest, 8);
    row_put(&value, c->blobs, 8);
    row_put(&value, c->blob_bytes, 8);
    return row_store(t, &key, &value);
}

static enum pando_status put_author(struct tables *t, const struct index_author *a)
{
    struct row key = row_key(INDEX_AUTHORS), value = { 0 };
    row_put_bytes(&key, a->key.bytes, 32);
    row_put(&key, a->epoch, 4);
    row_put(&value, a->author, 4);
    row_put(&value, a->seq, 7);
    row_put_bytes(&value, a->last.bytes, 32);
    return row_store(t, &key, &value);
}

/* Whether any event of the key was stored, in whatever epoch. */
static bool key_is_known(struct tables *t, const struct pando_key *key)
{
    struct index_cursor cursor = index_authors_of(key);
    struct index_author found;
    return index_next_author(t, &cursor, &found);
}

static enum pando_status put_head(struct tables *t, const struct pando_id *id,
                                  uint32_t height, bool present)
{
    struct row key = row_key(INDEX_HEADS), value = { 0 };
    row_put(&key, UINT32_MAX - height, 4);
    row_put_bytes(&key, id->bytes, 32);
    return present ? row_store(t, &key, &value) : row_remove(t, &key);
}

static bool is_head(struct tables *t, const struct pando_id *id, uint32_t height)
{
    struct row key = row_key(INDEX_HEADS);
    struct pando_slice value;
    row_put(&key, UINT32_MAX - height, 4);
    row_put_bytes(&key, id->bytes, 32);
    return row_find(t, &key, &value);
}

/* The parents are heads no longer; the height follows from theirs. */
static enum pando_status fold_parents(struct tables *t, const struct event *ev,
                                      struct index_counts *counts, uint32_t *ret_height)
{
    uint32_t height = 0;
    for (size_t i = 0; i < ev->parents_len; i++) {
        struct index_event parent;
        if (!index_find(t, &ev->parents[i], &parent))
            continue; /* only a checker that was told to skip its parents gets here */
        if (parent.height >= height)
            height = parent.height + 1;
        if (!is_head(t, &ev->parents[i], parent.height))
            continue;
        const enum pando_status st = put_head(t, &ev->parents[i], parent.height, false);
        if (st != PANDO_OK)
            return st;
        counts->heads--;
    }
    *ret_height = height;
    return PANDO_OK;
}

/* The author has given the number before: all such events are named, up to a cap. */
static enum pando_status fold_equivocation(struct tables *t, uint32_t author,
                                           uint64_t seq, uint64_t position,
                                           struct index_counts *counts)
{
    uint64_t positions[INDEX_FORKS_MAX];
    const size_t before = index_find_seq(t, author, seq, positions);
    struct row key = row_key(INDEX_EQUIVOCATIONS), value = { 0 };
    if (before == INDEX_FORKS_MAX)
        return PANDO_OK;
    row_put(&key, author, 4);
    row_put(&key, seq, 7);
    for (size_t i = 0; i < before; i++)
        row_put(&value, positions[i], 6);
    row_put(&value, position, 6);
    counts->equivocations += before == 1;
    return row_store(t, &key, &value);
}

static enum pando_status fold_seq(struct tables *t, uint32_t author, uint64_t seq,
                                  bool highest, uint64_t position,
                                  struct index_counts *counts)
{
    struct row prefix = row_key(INDEX_SEQS);
    uint64_t first;
    row_put(&prefix, author, 4);
    if (!highest && run_find(t, prefix, seq, &first))
        return fold_equivocation(t, author, seq, position, counts);
    return run_put(t, prefix, seq, position);
}

static enum pando_status fold_author(struct tables *t, const struct event *ev,
                                     struct index_counts *counts,
                                     struct index_author *ret_author, bool *ret_highest)
{
    struct index_author a;
    if (!index_find_author(t, &ev->author, ev->epoch, &a)) {
        a = (struct index_author){ .key = ev->author,
                                   .epoch = ev->epoch,
                                   .author = counts->authors++ };
        counts->nodes += !key_is_known(t, &ev->author);
    }
    *ret_highest = ev->seq > a.seq;
    if (!*ret_highest) {
        *ret_author = a; /* a fork below the highest number */
        return PANDO_OK;
    }
    a.seq = ev->seq;
    a.last = ev->id;
    *ret_author = a;
    return put_author(t, &a);
}

static enum pando_status put_event(struct tables *t, const struct event *ev,
                                   uint64_t position, uint32_t author, uint32_t height)
{
    struct row key = row_key(INDEX_EVENTS), value = { 0 };
    row_put_bytes(&key, ev->id.bytes, 32);
    row_put(&value, position, 6);
    row_put(&value, author, 4);
    row_put(&value, ev->seq, 7);
    row_put(&value, height, 4);
    row_put(&value, (uint64_t)ev->kind, 1);
    return row_store(t, &key, &value);
}

static enum pando_status put_position(struct tables *t, struct row key, uint64_t position)
{
    struct row value = { 0 };
    row_put(&value, position, 6);
    return row_store(t, &key, &value);
}

static enum pando_status put_receipt(struct tables *t, const struct event *ev,
                                     uint64_t position)
{
    const struct pando_id receipt = crypto_sha256(ev->body);
    struct row key = row_key(INDEX_RECEIPTS);
    struct pando_slice known;
    row_put_bytes(&key, receipt.bytes, 32);
    if (row_find(t, &key, &known))
        return PANDO_OK; /* the first event that carries a receipt stands for it */
    return put_position(t, key, position);
}

static void count_event(struct index_counts *c, const struct event *ev)
{
    c->events++;
    c->heads++;
    c->receipts += ev->kind == EVENT_RECEIPT;
    if (c->events == 1 || ev->time < c->earliest)
        c->earliest = ev->time;
    if (c->events == 1 || ev->time > c->latest)
        c->latest = ev->time;
}

static enum pando_status fold_event(struct tables *t, const struct pando_id *space,
                                    uint64_t position, struct pando_slice bytes)
{
    struct index_counts counts = index_counts(t);
    struct index_author author = { .author = 0 };
    struct index_event known;
    struct event ev;
    uint32_t height = 0;
    bool highest = false;

    enum pando_status st = event_peek(bytes, &ev);
    if (st != PANDO_OK || !id_equal(&ev.space, space))
        return PANDO_CORRUPT;
    ev.id = crypto_sha256(bytes);
    if (index_holds(t, &ev, &known))
        return known.position == position ? PANDO_OK : PANDO_CORRUPT;
    st = fold_author(t, &ev, &counts, &author, &highest);
    if (st == PANDO_OK)
        st = fold_parents(t, &ev, &counts, &height);
    if (st == PANDO_OK)
        st = fold_seq(t, author.author, ev.seq, highest, position, &counts);
    if (st == PANDO_OK)
        st = put_event(t, &ev, position, author.author, height);
    if (st == PANDO_OK)
        st = put_head(t, &ev.id, height, true);
    if (st == PANDO_OK)
        st = run_put(t, row_key(INDEX_NUMBERS), counts.events, position);
    if (st == PANDO_OK && ev.kind == EVENT_RECEIPT)
        st = put_receipt(t, &ev, position);
    if (st != PANDO_OK)
        return st;
    count_event(&counts, &ev);
    return put_counts(t, &counts);
}

static enum pando_status fold_blob(struct tables *t, bool list, uint64_t position,
                                   struct pando_slice bytes)
{
    const struct pando_id id = crypto_sha256(bytes);
    struct row key = row_key(INDEX_BLOBS), value = { 0 };
    struct pando_slice known;
    row_put_bytes(&key, id.bytes, 32);
    row_put(&key, list, 1);
    if (row_find(t, &key, &known))
        return PANDO_OK;
    row_put(&value, position, 6);
    row_put(&value, bytes.len, 4);
    const enum pando_status st = row_store(t, &key, &value);
    if (st != PANDO_OK)
        return st;
    struct index_counts counts = index_counts(t);
    counts.blobs++;
    counts.blob_bytes += bytes.len;
    return put_counts(t, &counts);
}

/* The list was appended first, by whoever wrote this. */
static enum pando_status fold_whole(struct tables *t, uint64_t position,
                                    struct pando_slice bytes)
{
    struct row key = row_key(INDEX_WHOLES), value = { 0 };
    struct pando_slice known;
    struct index_blob blob;
    struct pando_id list;
    if (bytes.len != 64)
        return PANDO_CORRUPT;
    memcpy(list.bytes, bytes.ptr + 32, 32);
    if (!index_find_blob(t, true, &list, &blob))
        return PANDO_CORRUPT;
    row_put_bytes(&key, bytes.ptr, 32);
    if (row_find(t, &key, &known))
        return PANDO_OK;
    row_put(&value, position, 6);
    row_put_bytes(&value, list.bytes, 32);
    return row_store(t, &key, &value);
}

static enum pando_status fold_epoch(struct tables *t, struct pando_slice bytes)
{
    struct wire_reader r = wire_read(bytes);
    const uint64_t epoch = cbor_get_uint(&r);
    if (!wire_read_done(&r) || epoch > UINT32_MAX)
        return PANDO_CORRUPT;
    struct row key = row_only_key(INDEX_EPOCH), value = { 0 };
    row_put(&value, epoch, 4);
    return row_store(t, &key, &value);
}

enum pando_status index_fold(struct tables *t, const struct pando_id *space,
                             uint8_t record, uint64_t position, struct pando_slice bytes)
{
    switch (record) {
    case DAG_RECORD_EVENT:
        return fold_event(t, space, position, bytes);
    case DAG_RECORD_BLOB_CHUNK:
        return fold_blob(t, false, position, bytes);
    case DAG_RECORD_BLOB_LIST:
        return fold_blob(t, true, position, bytes);
    case DAG_RECORD_EPOCH:
        return fold_epoch(t, bytes);
    case DAG_RECORD_BLOB_WHOLE:
        return fold_whole(t, position, bytes);
    default:
        return PANDO_UNSUPPORTED;
    }
}
