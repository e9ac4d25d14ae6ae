/* tables_flush.c - carrying a frozen overlay into LMDB, in one transaction with its mark.
 */
#include "store/tables_private.h"

#include "base/assert.h"
#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>

#define CLEAR_BATCH 20000 /* rows deleted in one transaction */

static MDB_val val_of(struct pando_slice s)
{
    return (MDB_val){ s.len, (void *)(uintptr_t)s.ptr };
}

/* The space's mark as it stands; a fresh one when there is none. */
static int read_mark(struct tables_index *x, MDB_txn *txn, const struct pando_id *space,
                     struct row_mark *ret)
{
    MDB_val key = { ROW_SPACE, (void *)(uintptr_t)space->bytes }, value;
    const int rc = mdb_get(txn, x->marks, &key, &value);
    *ret = (struct row_mark){ .format = TABLES_FORMAT, .space = *space };
    if (rc == MDB_SUCCESS &&
        !row_mark_decode(slice_of(value.mv_data, value.mv_size), ret))
        return MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

static int write_mark(struct tables_index *x, MDB_txn *txn, const struct row_mark *mark)
{
    uint8_t bytes[MARK_SIZE];
    row_mark_encode(mark, bytes);
    MDB_val key = { ROW_SPACE, (void *)(uintptr_t)mark->space.bytes };
    MDB_val value = { sizeof bytes, bytes };
    return mdb_put(txn, x->marks, &key, &value, 0);
}

/* Take the row's old version out of the count and the digest, and stand there. MDB_NOTFOUND:
 * there is none. */
static int forget_row(MDB_cursor *c, MDB_val *key, struct row_mark *mark)
{
    MDB_val old, at = *key;
    const int rc = mdb_cursor_get(c, &at, &old, MDB_SET);
    if (rc != MDB_SUCCESS)
        return rc;
    mark->rows--;
    mark->digest -= row_digest(slice_of(old.mv_data, old.mv_size));
    return MDB_SUCCESS;
}

/* Room for a value under `key`; what lay there before is taken out of the count. Most rows are
 * new: those are looked for once. */
static int make_room(MDB_cursor *c, MDB_val *key, size_t len, struct row_mark *mark,
                     uint8_t **ret)
{
    MDB_val room = { len, NULL };
    int rc = mdb_cursor_put(c, key, &room, MDB_NOOVERWRITE | MDB_RESERVE);
    if (rc == MDB_KEYEXIST) {
        mark->rows--;
        mark->digest -= row_digest(slice_of(room.mv_data, room.mv_size));
        room = (MDB_val){ len, NULL };
        rc = mdb_cursor_put(c, key, &room, MDB_RESERVE);
    }
    *ret = room.mv_data;
    return rc;
}

/* Entries come in order, so that most lie on the page at which the cursor stands already: it
 * is not searched for from the root. */
static int write_entry(MDB_cursor *c, const struct omap_entry *e, struct row_mark *mark)
{
    uint8_t bytes[ROW_KEY_MAX];
    const struct pando_slice key = omap_key(e), value = omap_value(e);
    PANDO_ASSERT(ROW_SPACE + key.len <= sizeof bytes);
    memcpy(bytes, mark->space.bytes, ROW_SPACE);
    memcpy(bytes + ROW_SPACE, key.ptr, key.len);
    const struct pando_slice row_key = slice_of(bytes, ROW_SPACE + key.len);
    MDB_val k = val_of(row_key);
    if (omap_is_gone(e)) { /* heads come and go between two flushes: most were never here */
        const int rc = forget_row(c, &k, mark);
        return rc == MDB_SUCCESS ? mdb_cursor_del(c, 0) : rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
    }
    uint8_t *to;
    const int rc = make_room(c, &k, ROW_CRC + value.len, mark, &to);
    if (rc != MDB_SUCCESS)
        return rc;
    row_put_checksum(row_checksum(row_key, value), to);
    if (value.len != 0)
        memcpy(to + ROW_CRC, value.ptr, value.len);
    mark->rows++;
    mark->digest += row_digest(slice_of(to, ROW_CRC + value.len));
    return MDB_SUCCESS;
}

bool tables_lmdb_flush_begin(struct tables_lmdb *t, uint64_t durable,
                             struct tables_flush **ret)
{
    if (t->index->flushing)
        return false;
    if (!t->has_frozen) {
        if (t->live.len == 0 && t->position == t->base_position)
            return false;
        t->frozen = t->live;
        t->frozen_position = t->position;
        t->has_frozen = true;
        omap_init(&t->live, ++t->seed);
    }
    if (t->frozen_position > durable)
        return false;
    t->flush = (struct tables_flush){ .index = t->index,
                                      .entries = &t->frozen,
                                      .space = t->space,
                                      .position = t->frozen_position,
                                      .result = MDB_SUCCESS,
                                      .absent = &t->absent,
                                      .table = tables_absent_wants(&t->absent) };
    t->index->flushing = true;
    *ret = &t->flush;
    return true;
}

static int write_entries(const struct tables_flush *f, MDB_txn *txn, struct row_mark *mark)
{
    const struct omap *entries = f->entries;
    struct omap_sorted *sorted = NULL;
    MDB_cursor *c = NULL;
    if (omap_sort(entries, &sorted) != PANDO_OK)
        return ENOMEM;
    int rc = mdb_cursor_open(txn, f->index->rows, &c);
    for (size_t i = 0; rc == MDB_SUCCESS && i < entries->len; i++) {
        tables_absent_wrote(f->absent, omap_key(sorted[i].entry));
        rc = write_entry(c, sorted[i].entry, mark);
    }
    if (c != NULL)
        mdb_cursor_close(c);
    free(sorted);
    return rc;
}

void tables_lmdb_flush_run(struct tables_flush *f)
{
    struct tables_index *x = f->index;
    MDB_txn *txn = NULL;
    struct row_mark mark;
    int rc = mdb_txn_begin(x->env, NULL, 0, &txn);
    if (rc == MDB_SUCCESS)
        rc = read_mark(x, txn, &f->space, &mark);
    if (rc == MDB_SUCCESS)
        rc = write_entries(f, txn, &mark);
    if (rc == MDB_SUCCESS)
        rc = tables_absent_make(f, txn);
    if (rc == MDB_SUCCESS) {
        mark.position = f->position;
        mark.format = TABLES_FORMAT;
        rc = write_mark(x, txn, &mark);
    }
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_commit(txn); /* spent, whatever it returned */
    else
        mdb_txn_abort(txn);
    f->result = rc;
}

enum pando_status tables_lmdb_flush_end(struct tables_lmdb *t, struct tables_flush *f)
{
    struct tables_index *x = t->index;
    PANDO_ASSERT(f == &t->flush && x->flushing && t->has_frozen);
    x->flushing = false;
    if (f->result != MDB_SUCCESS) {
        bloom_free(f->made);
        f->made = NULL;
    }
    if (f->result == MDB_MAP_FULL)
        return tables_index_grow(x);
    if (f->result != MDB_SUCCESS)
        return tables_from_mdb(f->result);
    tables_absent_turn(&t->absent, f);
    x->flushes++;
    tables_index_turn(x); /* the next lookup must see what was written */
    tables_forget_misses(t);
    t->base_position = t->frozen_position;
    t->has_frozen = false;
    omap_deinit(&t->frozen);
    return PANDO_OK;
}

enum pando_status tables_lmdb_flush_all(struct tables_lmdb *t, uint64_t durable)
{
    struct tables_flush *f;
    enum pando_status st = PANDO_OK;
    while (st == PANDO_OK && tables_lmdb_flush_begin(t, durable, &f)) {
        tables_lmdb_flush_run(f);
        st = tables_lmdb_flush_end(t, f);
    }
    return st;
}

/* Delete up to CLEAR_BATCH rows and the mark; MDB_NOTFOUND when none was left. */
static int clear_some(struct tables_index *x, const struct pando_id *space)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val prefix = { ROW_SPACE, (void *)(uintptr_t)space->bytes }, key = prefix, value;
    size_t deleted = 0;
    int rc = mdb_txn_begin(x->env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS)
        return rc;
    rc = mdb_del(txn, x->marks, &prefix, NULL);
    if (rc == MDB_SUCCESS || rc == MDB_NOTFOUND)
        rc = mdb_cursor_open(txn, x->rows, &cursor);
    if (rc == MDB_SUCCESS) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        while (rc == MDB_SUCCESS && deleted < CLEAR_BATCH && key.mv_size > ROW_SPACE &&
               memcmp(key.mv_data, space->bytes, ROW_SPACE) == 0) {
            rc = mdb_cursor_del(cursor, 0);
            deleted++;
            if (rc == MDB_SUCCESS)
                rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
    }
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    return rc == MDB_SUCCESS && deleted == 0 ? MDB_NOTFOUND : rc;
}

enum pando_status tables_lmdb_clear(struct tables_lmdb *t)
{
    PANDO_ASSERT(!t->index->flushing);
    omap_deinit(&t->live);
    omap_deinit(&t->frozen);
    omap_init(&t->live, ++t->seed);
    t->has_frozen = false;
    t->position = t->frozen_position = t->base_position = 0;
    tables_forget_misses(t);
    tables_absent_forget(&t->absent);
    for (;;) {
        const int rc = clear_some(t->index, &t->space);
        tables_index_turn(t->index);
        if (rc == MDB_NOTFOUND)
            return PANDO_OK;
        enum pando_status st = tables_from_mdb(rc);
        if (rc == MDB_MAP_FULL)
            st = tables_index_grow(t->index);
        if (st != PANDO_OK)
            return st;
    }
}
