#include "store/tables_private.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>

/* --- keys: table | key in the overlays, space | table | key in LMDB --- */

struct row_key {
    uint8_t bytes[ROW_KEY_MAX + 1]; /* one more than a key, for a bound beyond all keys */
    size_t len;
};

static struct row_key key_of(const struct tables_lmdb *t, uint8_t table,
                             struct pando_slice key)
{
    struct row_key k;
    PANDO_ASSERT(key.len <= TABLES_KEY_MAX + 1);
    memcpy(k.bytes, t->space.bytes, ROW_SPACE);
    k.bytes[ROW_SPACE] = table;
    if (key.len != 0)
        memcpy(k.bytes + ROW_SPACE + 1, key.ptr, key.len);
    k.len = ROW_SPACE + 1 + key.len;
    return k;
}

static struct pando_slice full(const struct row_key *k)
{
    return slice_of(k->bytes, k->len);
}

static struct pando_slice in_overlay(const struct row_key *k)
{
    return slice_of(k->bytes + ROW_SPACE, k->len - ROW_SPACE);
}

static MDB_val val_of(struct pando_slice s)
{
    return (MDB_val){ s.len, (void *)(uintptr_t)s.ptr };
}

/* --- lookups --- */

static struct tables_miss *miss_of(struct tables_lmdb *t, struct pando_slice key)
{
    uint64_t h = t->seed;
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.ptr[i]) * 0x100000001b3u;
    return &t->misses[(h ^ h >> 29) & (TABLES_MISSES - 1)];
}

static bool is_missed(struct tables_lmdb *t, struct pando_slice key)
{
    if (t->misses == NULL)
        return false;
    const struct tables_miss *m = miss_of(t, key);
    return slice_equal(slice_of(m->key, m->len), key);
}

static void note_miss(struct tables_lmdb *t, struct pando_slice key)
{
    if (t->misses == NULL)
        return;
    struct tables_miss *m = miss_of(t, key);
    m->len = (uint8_t)key.len;
    memcpy(m->key, key.ptr, key.len);
}

void tables_forget_misses(struct tables_lmdb *t)
{
    if (t->misses != NULL)
        memset(t->misses, 0, TABLES_MISSES * sizeof *t->misses);
}

static enum pando_status base_get(struct tables_lmdb *t, const struct row_key *k,
                                  struct pando_slice *ret)
{
    const enum pando_status st = tables_index_read(t->index);
    if (st != PANDO_OK)
        return st;
    MDB_val key = val_of(full(k)), value;
    const int rc = mdb_get(t->index->read, t->index->rows, &key, &value);
    if (rc != MDB_SUCCESS)
        return tables_from_mdb(rc);
    return row_open(full(k), slice_of(value.mv_data, value.mv_size), ret) ? PANDO_OK
                                                                          : PANDO_CORRUPT;
}

static enum pando_status lmdb_get(void *ctx, uint8_t table, struct pando_slice key,
                                  struct pando_slice *ret)
{
    struct tables_lmdb *t = ctx;
    if (key.len == 0 || key.len > TABLES_KEY_MAX)
        return PANDO_NOT_FOUND;
    const struct row_key k = key_of(t, table, key);
    const struct omap_entry *e = omap_find(&t->live, in_overlay(&k));
    if (e == NULL && t->has_frozen)
        e = omap_find(&t->frozen, in_overlay(&k));
    if (e != NULL) {
        *ret = omap_value(e);
        return omap_is_gone(e) ? PANDO_NOT_FOUND : PANDO_OK;
    }
    if (tables_absent_has_not(&t->absent, in_overlay(&k)) || is_missed(t, in_overlay(&k)))
        return PANDO_NOT_FOUND;
    const enum pando_status st = base_get(t, &k, ret);
    if (st == PANDO_NOT_FOUND) {
        note_miss(t, in_overlay(&k));
        tables_absent_in_vain(&t->absent, in_overlay(&k));
    }
    return st;
}

static void lmdb_expect(void *ctx, uint8_t table, struct pando_slice key)
{
    const struct tables_lmdb *t = ctx;
    if (key.len == 0 || key.len > TABLES_KEY_MAX)
        return;
    const struct row_key k = key_of(t, table, key);
    omap_expect(&t->live, in_overlay(&k));
    if (t->has_frozen)
        omap_expect(&t->frozen, in_overlay(&k));
    if (t->absent.keys != NULL && t->absent.table == table)
        bloom_expect(t->absent.keys, in_overlay(&k));
}

static enum pando_status write_row(struct tables_lmdb *t, uint8_t table,
                                   struct pando_slice key, struct pando_slice value,
                                   bool gone)
{
    if (key.len == 0 || key.len > TABLES_KEY_MAX || value.len > TABLES_VALUE_MAX ||
        table >= 0xf0)
        return PANDO_INVALID;
    const struct row_key k = key_of(t, table, key);
    return omap_put(&t->live, in_overlay(&k), value, gone);
}

static enum pando_status lmdb_put(void *ctx, uint8_t table, struct pando_slice key,
                                  struct pando_slice value)
{
    return write_row(ctx, table, key, value, false);
}

static enum pando_status lmdb_del(void *ctx, uint8_t table, struct pando_slice key)
{
    return write_row(ctx, table, key, SLICE_EMPTY, true);
}

static bool lmdb_full(void *ctx)
{
    const struct tables_lmdb *t = ctx;
    return tables_lmdb_bytes(t) >= t->overlay_max;
}

/* --- walks --- */

static bool is_at(const MDB_val *key, const struct row_key *bound)
{
    return slice_equal(slice_of(key->mv_data, key->mv_size), full(bound));
}

/* Find the bound's place from the root. */
static int search_base(MDB_cursor *c, const struct row_key *bound, bool inclusive,
                       bool descending, MDB_val *key, MDB_val *value)
{
    *key = val_of(full(bound));
    const int rc = mdb_cursor_get(c, key, value, MDB_SET_RANGE);
    const bool hit = rc == MDB_SUCCESS && is_at(key, bound);
    if (descending && !(hit && inclusive))
        return mdb_cursor_get(c, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    if (!descending && hit && !inclusive)
        return mdb_cursor_get(c, key, value, MDB_NEXT);
    return rc;
}

/* The cursor stands where this walk's last step left it: at the row that was given, or at
 * one beyond, since an overlay's came before. */
static int step_base(MDB_cursor *c, const struct row_key *bound, bool descending, MDB_val *key,
                     MDB_val *value)
{
    const int rc = mdb_cursor_get(c, key, value, MDB_GET_CURRENT);
    if (rc != MDB_SUCCESS || !is_at(key, bound))
        return rc;
    return mdb_cursor_get(c, key, value, descending ? MDB_PREV : MDB_NEXT);
}

/* The base's first row at or beyond the bound in one direction, within the same table. */
static enum pando_status base_seek(struct tables_lmdb *t, const struct row_key *bound,
                                   bool inclusive, struct tables_cursor *walk,
                                   struct pando_slice *ret_key,
                                   struct pando_slice *ret_stored)
{
    struct tables_index *x = t->index;
    const enum pando_status st = tables_index_read(x);
    if (st != PANDO_OK)
        return st;
    MDB_val key, value;
    const int rc =
        walk->stamp != 0 && walk->stamp == x->moves && !inclusive
            ? step_base(x->cursor, bound, walk->descending, &key, &value)
            : search_base(x->cursor, bound, inclusive, walk->descending, &key, &value);
    x->moves++;
    walk->stamp = rc == MDB_SUCCESS ? x->moves : 0;
    if (rc != MDB_SUCCESS)
        return tables_from_mdb(rc);
    if (key.mv_size <= ROW_SPACE + 1 || key.mv_size > ROW_KEY_MAX ||
        memcmp(key.mv_data, bound->bytes, ROW_SPACE + 1) != 0)
        return PANDO_NOT_FOUND;
    *ret_key = slice_of(key.mv_data, key.mv_size);
    *ret_stored = slice_of(value.mv_data, value.mv_size);
    return PANDO_OK;
}

/* The nearest candidate of the three layers; newer layers win a tie. */
struct nearest {
    struct pando_slice key; /* table | key; empty: none */
    const struct omap_entry *entry;
    struct pando_slice row_key, stored; /* of the base, when entry is NULL */
};

static void offer(struct nearest *n, const struct omap_entry *e, uint8_t table,
                  bool descending)
{
    if (e == NULL || omap_key(e).ptr[0] != table)
        return;
    const int order = n->key.len == 0 ? -1 : omap_compare(omap_key(e), n->key);
    if (n->key.len != 0 && (descending ? order <= 0 : order >= 0))
        return;
    *n = (struct nearest){ .key = omap_key(e), .entry = e };
}

static enum pando_status find_nearest(struct tables_lmdb *t, const struct row_key *bound,
                                      bool inclusive, struct tables_cursor *walk,
                                      struct nearest *ret)
{
    const uint8_t table = bound->bytes[ROW_SPACE];
    const bool descending = walk->descending;
    struct nearest n = { .entry = NULL };
    struct pando_slice row_key, stored;
    if (t->live.len > 0)
        offer(&n, omap_seek(&t->live, in_overlay(bound), inclusive, descending), table,
              descending);
    if (t->has_frozen)
        offer(&n, omap_seek(&t->frozen, in_overlay(bound), inclusive, descending), table,
              descending);
    const enum pando_status st =
        base_seek(t, bound, inclusive, walk, &row_key, &stored);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    if (st == PANDO_OK) {
        const struct pando_slice key = slice_from(row_key, ROW_SPACE);
        const int order = n.key.len == 0 ? 0 : omap_compare(key, n.key);
        if (n.key.len == 0 || (descending ? order > 0 : order < 0))
            n = (struct nearest){ .key = key, .row_key = row_key, .stored = stored };
    }
    *ret = n;
    return n.key.len == 0 ? PANDO_NOT_FOUND : PANDO_OK;
}

/* Where the walk goes on: the last key given, the start asked for, or an end of the
 * prefix. */
static struct row_key bound_of(const struct tables_lmdb *t, const struct tables_cursor *c,
                               bool *ret_inclusive)
{
    *ret_inclusive = !c->started;
    if (c->key_len != 0)
        return key_of(t, c->table, slice_of(c->key, c->key_len));
    if (!c->descending)
        return key_of(t, c->table, slice_of(c->prefix, c->prefix_len));
    uint8_t beyond[TABLES_KEY_MAX + 1];
    memset(beyond, 0xff, sizeof beyond);
    memcpy(beyond, c->prefix, c->prefix_len);
    return key_of(t, c->table, slice_of(beyond, sizeof beyond));
}

static enum pando_status lmdb_next(void *ctx, struct tables_cursor *c,
                                   struct pando_slice *ret_key,
                                   struct pando_slice *ret_value)
{
    struct tables_lmdb *t = ctx;
    bool inclusive;
    struct row_key bound = bound_of(t, c, &inclusive);
    for (;;) {
        struct nearest n;
        const enum pando_status st =
            find_nearest(t, &bound, inclusive, c, &n);
        if (st != PANDO_OK)
            return st;
        const struct pando_slice key = slice_from(n.key, 1);
        if (key.len < c->prefix_len || key.len > TABLES_KEY_MAX ||
            memcmp(key.ptr, c->prefix, c->prefix_len) != 0)
            return PANDO_NOT_FOUND;
        bound = key_of(t, c->table, key);
        inclusive = false;
        if (n.entry != NULL && omap_is_gone(n.entry))
            continue;
        memcpy(c->key, key.ptr, key.len);
        c->key_len = (uint8_t)key.len;
        c->started = true;
        if (n.entry == NULL && !row_open(n.row_key, n.stored, ret_value))
            return PANDO_CORRUPT; /* the walk stands behind it and may go on */
        if (n.entry != NULL)
            *ret_value = omap_value(n.entry);
        *ret_key = key;
        return PANDO_OK;
    }
}

/* --- life --- */

static enum pando_status load_mark(struct tables_lmdb *t, struct pando_err *reterr)
{
    struct tables_index *x = t->index;
    enum pando_status st = tables_index_read(x);
    if (st != PANDO_OK)
        return st;
    MDB_val key = { ROW_SPACE, t->space.bytes }, value;
    const int rc = mdb_get(x->read, x->marks, &key, &value);
    if (rc == MDB_NOTFOUND) {
        const struct row_key first = key_of(t, 0, SLICE_EMPTY);
        MDB_val at = val_of(full(&first)), any;
        x->moves++;
        if (mdb_cursor_get(x->cursor, &at, &any, MDB_SET_RANGE) != MDB_SUCCESS ||
            memcmp(at.mv_data, t->space.bytes, ROW_SPACE) != 0)
            return PANDO_OK; /* a new space */
    }
    struct row_mark mark;
    if (rc != MDB_SUCCESS ||
        !row_mark_decode(slice_of(value.mv_data, value.mv_size), &mark) ||
        !id_equal(&mark.space, &t->space))
        return pando_err_set(
            reterr, PANDO_CORRUPT,
            "store: the index is damaged (a space's mark in index/data.mdb): "
            "rebuild it with 'pando db reindex'");
    if (mark.format != TABLES_FORMAT)
        return pando_err_set(
            reterr, PANDO_UNSUPPORTED,
            "store: the index has format %u and this Pando knows %u: "
            "use the Pando that wrote it, or rebuild it with 'pando db reindex'",
            mark.format, TABLES_FORMAT);
    t->position = t->base_position = mark.position;
    return PANDO_OK;
}

enum pando_status tables_lmdb_open(struct tables_index *x, const struct pando_id *space,
                                   size_t overlay_max, struct tables_lmdb **ret,
                                   struct pando_err *reterr)
{
    static const struct tables_ops ops = {
        .get = lmdb_get,
        .put = lmdb_put,
        .del = lmdb_del,
        .next = lmdb_next,
        .full = lmdb_full,
        .expect = lmdb_expect,
    };
    struct tables_lmdb *t = calloc(1, sizeof *t);
    if (t == NULL)
        return PANDO_NOMEM;
    t->index = x;
    t->space = *space;
    t->overlay_max = overlay_max;
    t->seed = x->seed;
    t->handle = (struct tables){ t, &ops };
    omap_init(&t->live, ++t->seed);
    omap_init(&t->frozen, 0);
    t->misses = calloc(TABLES_MISSES, sizeof *t->misses);
    x->spaces++;
    const enum pando_status st = load_mark(t, reterr);
    if (st != PANDO_OK) {
        tables_lmdb_close(t);
        return st;
    }
    *ret = t;
    return PANDO_OK;
}

void tables_lmdb_close(struct tables_lmdb *t)
{
    if (t == NULL)
        return;
    t->index->spaces--;
    omap_deinit(&t->live);
    omap_deinit(&t->frozen);
    free(t->misses);
    tables_absent_forget(&t->absent);
    free(t);
}

struct tables *tables_lmdb_tables(struct tables_lmdb *t)
{
    return &t->handle;
}

void tables_lmdb_mark(struct tables_lmdb *t, uint64_t position)
{
    PANDO_ASSERT(position >= t->position);
    t->position = position;
}

uint64_t tables_lmdb_position(const struct tables_lmdb *t)
{
    return t->position;
}

size_t tables_lmdb_bytes(const struct tables_lmdb *t)
{
    return t->live.bytes + t->frozen.bytes;
}
