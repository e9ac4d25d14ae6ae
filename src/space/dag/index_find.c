#include "space/dag/index.h"

#include "base/slice.h"
#include "space/dag/index_row.h"

#include <string.h>

struct index_counts index_counts(struct tables *t)
{
    const struct row key = row_only_key(INDEX_COUNTS);
    struct pando_slice v;
    struct index_counts c = { 0 };
    if (!row_find(t, &key, &v) || v.len != 72)
        return c;
    c.events = row_get(v, 0, 8);
    c.receipts = row_get(v, 8, 8);
    c.heads = row_get(v, 16, 8);
    c.equivocations = row_get(v, 24, 8);
    c.authors = (uint32_t)row_get(v, 32, 4);
    c.nodes = (uint32_t)row_get(v, 36, 4);
    c.earliest = (int64_t)row_get(v, 40, 8);
    c.latest = (int64_t)row_get(v, 48, 8);
    c.blobs = row_get(v, 56, 8);
    c.blob_bytes = row_get(v, 64, 8);
    return c;
}

bool index_find(struct tables *t, const struct pando_id *id,
                struct index_event *ret_event)
{
    struct row key = row_key(INDEX_EVENTS);
    struct pando_slice v;
    row_put_bytes(&key, id->bytes, 32);
    if (!row_find(t, &key, &v) || v.len != 22)
        return false;
    *ret_event = (struct index_event){
        .position = row_get(v, 0, 6),
        .author = (uint32_t)row_get(v, 6, 4),
        .seq = row_get(v, 10, 7),
        .height = (uint32_t)row_get(v, 17, 4),
        .kind = (enum event_kind)row_get(v, 21, 1),
    };
    return true;
}

static void read_author(struct pando_slice key, struct pando_slice value,
                        struct index_author *a)
{
    memcpy(a->key.bytes, key.ptr, 32);
    a->epoch = (uint32_t)row_get(key, 32, 4);
    a->author = (uint32_t)row_get(value, 0, 4);
    a->seq = row_get(value, 4, 7);
    memcpy(a->last.bytes, value.ptr + 11, 32);
}

bool index_find_author(struct tables *t, const struct pando_key *key, uint32_t epoch,
                       struct index_author *ret_author)
{
    struct row row = row_key(INDEX_AUTHORS);
    struct pando_slice v;
    row_put_bytes(&row, key->bytes, 32);
    row_put(&row, epoch, 4);
    if (!row_find(t, &row, &v) || v.len != 43)
        return false;
    read_author(slice_of(row.bytes, row.len), v, ret_author);
    return true;
}

bool index_holds(struct tables *t, const struct event *ev, struct index_event *ret_event)
{
    struct index_author author;
    return index_find_author(t, &ev->author, ev->epoch, &author) &&
           ev->seq <= author.seq && index_find(t, &ev->id, ret_event);
}

size_t index_find_seq(struct tables *t, uint32_t author, uint64_t seq,
                      uint64_t ret_positions[INDEX_FORKS_MAX])
{
    struct row prefix = row_key(INDEX_SEQS), key = row_key(INDEX_EQUIVOCATIONS);
    struct pando_slice v;
    row_put(&prefix, author, 4);
    row_put(&key, author, 4);
    row_put(&key, seq, 7);
    if (!row_find(t, &key, &v))
        return run_find(t, prefix, seq, ret_positions) ? 1 : 0;
    size_t len = 0;
    for (; len < v.len / 6 && len < INDEX_FORKS_MAX; len++)
        ret_positions[len] = row_get(v, 6 * len, 6);
    return len;
}

static bool find_position(struct tables *t, const struct row *key, uint64_t *ret_position)
{
    struct pando_slice v;
    if (!row_find(t, key, &v) || v.len != 6)
        return false;
    *ret_position = row_get(v, 0, 6);
    return true;
}

bool index_find_number(struct tables *t, uint64_t number, uint64_t *ret_position)
{
    return run_find(t, row_key(INDEX_NUMBERS), number, ret_position);
}

bool index_find_receipt(struct tables *t, const struct pando_id *receipt,
                        uint64_t *ret_position)
{
    struct row key = row_key(INDEX_RECEIPTS);
    row_put_bytes(&key, receipt->bytes, 32);
    return find_position(t, &key, ret_position);
}

bool index_find_blob(struct tables *t, bool list, const struct pando_id *id,
                     struct index_blob *ret_blob)
{
    struct row key = row_key(INDEX_BLOBS);
    struct pando_slice v;
    row_put_bytes(&key, id->bytes, 32);
    row_put(&key, list, 1);
    if (!row_find(t, &key, &v) || v.len != 10)
        return false;
    *ret_blob = (struct index_blob){ row_get(v, 0, 6), (uint32_t)row_get(v, 6, 4) };
    return true;
}

bool index_find_whole(struct tables *t, const struct pando_id *whole,
                      struct index_whole *ret_whole)
{
    struct row key = row_key(INDEX_WHOLES);
    struct pando_slice v;
    row_put_bytes(&key, whole->bytes, 32);
    if (!row_find(t, &key, &v) || v.len != 38)
        return false;
    ret_whole->position = row_get(v, 0, 6);
    memcpy(ret_whole->list.bytes, v.ptr + 6, 32);
    return true;
}

uint32_t index_epoch(struct tables *t)
{
    const struct row key = row_only_key(INDEX_EPOCH);
    struct pando_slice v;
    return row_find(t, &key, &v) && v.len == 4 ? (uint32_t)row_get(v, 0, 4) : 0;
}

struct index_cursor index_authors_of(const struct pando_key *key)
{
    return row_seek(INDEX_AUTHORS, SLICE_OF(*key));
}

/* Behind the last head lie the removed ones of a long chain, which a walk would have to
 * pass one by one: it ends when as many were given as there are. */
bool index_next_head(struct tables *t, struct index_cursor *cursor,
                     struct pando_id *ret_id, uint32_t *ret_height)
{
    struct pando_slice key, value;
    if (cursor->heads >= index_counts(t).heads ||
        !row_next(t, INDEX_HEADS, cursor, &key, &value) || key.len != 36)
        return false;
    cursor->heads++;
    *ret_height = UINT32_MAX - (uint32_t)row_get(key, 0, 4);
    memcpy(ret_id->bytes, key.ptr + 4, 32);
    return true;
}

bool index_next_author(struct tables *t, struct index_cursor *cursor,
                       struct index_author *ret_author)
{
    struct pando_slice key, value;
    if (!row_next(t, INDEX_AUTHORS, cursor, &key, &value) || key.len != 36 ||
        value.len != 43)
        return false;
    read_author(key, value, ret_author);
    return true;
}

bool index_next_equivocation(struct tables *t, struct index_cursor *cursor,
                             struct index_equivocation *ret)
{
    struct pando_slice key, value;
    if (!row_next(t, INDEX_EQUIVOCATIONS, cursor, &key, &value) || key.len != 11)
        return false;
    ret->author = (uint32_t)row_get(key, 0, 4);
    ret->seq = row_get(key, 4, 7);
    ret->positions_len = index_find_seq(t, ret->author, ret->seq, ret->positions);
    return true;
}
