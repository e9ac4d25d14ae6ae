/* tables.h - ordered key/value tables, folded from one space's journal.
 *
 * `struct tables` is one space's view. Calls go through a table of functions and the
 * wrappers below are inline, so a pure engine can use tables without linking any store.
 * A table is named by one byte; keys are ordered as bytes.
 *
 * Writes land in a capped overlay in memory and are seen at once. A background flush puts a
 * frozen overlay into the base (LMDB, or memory in tests and simulation) in one transaction
 * together with the journal position that it reflects (`mark`), so a crash replays from
 * there. tables_set.h holds what the node needs for that.
 *
 * Views (keys, values) are valid until the next write, flush step or end of the loop turn.
 * Every value in the base carries a checksum: a get that finds damage says PANDO_CORRUPT,
 * and `pando db reindex` builds the tables anew from the journal.
 * Thread: the loop thread.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <pando/status.h>
#include <pando/types.h>
#include <string.h>

#define TABLES_KEY_MAX 256          /* bytes of a key */
#define TABLES_VALUE_MAX (1u << 20) /* bytes of a value */

enum tables_order { TABLES_ASCENDING, TABLES_DESCENDING };

struct tables_ops {
    enum pando_status (*get)(void *ctx, uint8_t table, struct pando_slice key,
                             struct pando_slice *ret_value);
    enum pando_status (*put)(void *ctx, uint8_t table, struct pando_slice key,
                             struct pando_slice value);
    enum pando_status (*del)(void *ctx, uint8_t table, struct pando_slice key);
    /* The first entry at or (inclusive false) strictly beyond `bound` in the given order. */
    enum pando_status (*step)(void *ctx, uint8_t table, struct pando_slice bound, bool inclusive,
                              enum tables_order order, struct pando_slice *ret_key,
                              struct pando_slice *ret_value);
    void (*mark)(void *ctx, uint64_t position);
    uint64_t (*position)(void *ctx);
    bool (*full)(void *ctx);
};

struct tables {
    void *ctx;
    const struct tables_ops *ops;
};

/* Errors: PANDO_NOT_FOUND; PANDO_CORRUPT the stored value does not match its checksum. */
static inline enum pando_status tables_get(struct tables *t, uint8_t table,
                                           struct pando_slice key,
                                           struct pando_slice *ret_value)
{
    return t->ops->get(t->ctx, table, key, ret_value);
}

/* True when the key is there; damage counts as there. */
static inline bool tables_has(struct tables *t, uint8_t table, struct pando_slice key)
{
    struct pando_slice value;
    return t->ops->get(t->ctx, table, key, &value) != PANDO_NOT_FOUND;
}

/* Errors: PANDO_INVALID a key or value beyond its limit, or an empty key; PANDO_NOMEM;
 * PANDO_FULL twice the overlay's cap: the caller ignored tables_full. */
static inline enum pando_status tables_put(struct tables *t, uint8_t table,
                                           struct pando_slice key, struct pando_slice value)
{
    return t->ops->put(t->ctx, table, key, value);
}

/* Deleting what is not there is a success. Errors: as for put. */
static inline enum pando_status tables_del(struct tables *t, uint8_t table,
                                           struct pando_slice key)
{
    return t->ops->del(t->ctx, table, key);
}

/* Everything below `position` of the journal is folded in. Never falls. */
static inline void tables_mark(struct tables *t, uint64_t position)
{
    t->ops->mark(t->ctx, position);
}

static inline uint64_t tables_position(struct tables *t)
{
    return t->ops->position(t->ctx);
}

/* The overlay is at its cap: appends must wait for a flush to end. */
static inline bool tables_full(struct tables *t)
{
    return t->ops->full(t->ctx);
}

/* A walk over the keys that begin with a prefix. It remembers only the last key, so writes
 * between steps are fine: the next step sees them. */
struct tables_iter {
    uint8_t table;
    bool inclusive;
    enum tables_order order;
    uint16_t prefix_len;
    uint16_t bound_len;
    uint8_t prefix[TABLES_KEY_MAX];
    uint8_t bound[TABLES_KEY_MAX + 1];
};

/* Begin at the first (or, descending, the last) key with `prefix`; an empty prefix means the
 * whole table. Keys and prefixes beyond TABLES_KEY_MAX are cut. */
static inline void tables_seek(struct tables_iter *it, uint8_t table, struct pando_slice prefix,
                               enum tables_order order)
{
    it->table = table;
    it->order = order;
    it->inclusive = true;
    it->prefix_len = (uint16_t)(prefix.len < TABLES_KEY_MAX ? prefix.len : TABLES_KEY_MAX);
    if (it->prefix_len != 0)
        memcpy(it->prefix, prefix.ptr, it->prefix_len);
    if (it->prefix_len != 0)
        memcpy(it->bound, it->prefix, it->prefix_len);
    it->bound_len = it->prefix_len;
    if (order == TABLES_DESCENDING) { /* beyond every key that has the prefix */
        memset(it->bound + it->prefix_len, 0xff, sizeof it->bound - it->prefix_len);
        it->bound_len = sizeof it->bound;
    }
}

/* Begin at `from` (inclusive or not) instead; call right after tables_seek. `from` must
 * begin with the prefix. */
static inline void tables_seek_from(struct tables_iter *it, struct pando_slice from,
                                    bool inclusive)
{
    it->bound_len = (uint16_t)(from.len < TABLES_KEY_MAX ? from.len : TABLES_KEY_MAX);
    if (it->bound_len != 0)
        memcpy(it->bound, from.ptr, it->bound_len);
    it->inclusive = inclusive;
}

/* The next entry. Errors: PANDO_NOT_FOUND at the end; PANDO_CORRUPT (the walk may go on: it
 * stands behind the damaged entry). Cost: O(log n) per step. */
static inline enum pando_status tables_next(struct tables *t, struct tables_iter *it,
                                            struct pando_slice *ret_key,
                                            struct pando_slice *ret_value)
{
    struct pando_slice key = { NULL, 0 }, value = { NULL, 0 };
    const enum pando_status st =
        t->ops->step(t->ctx, it->table, (struct pando_slice){ it->bound, it->bound_len },
                     it->inclusive, it->order, &key, &value);
    if (st != PANDO_OK && st != PANDO_CORRUPT)
        return st;
    if (key.len > TABLES_KEY_MAX || key.len < it->prefix_len ||
        (it->prefix_len != 0 && memcmp(key.ptr, it->prefix, it->prefix_len) != 0))
        return PANDO_NOT_FOUND;
    if (key.len != 0)
        memcpy(it->bound, key.ptr, key.len);
    it->bound_len = (uint16_t)key.len;
    it->inclusive = false;
    if (st != PANDO_OK)
        return st;
    *ret_key = key;
    *ret_value = value;
    return PANDO_OK;
}

#endif
