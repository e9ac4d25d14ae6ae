/* tables.h - key/value tables derived from a journal.
 *
 * Truth lies in the journal; a table is an index of it that can be thrown away and folded
 * anew. One handle is scoped to one space. Writes go into a capped overlay in memory and
 * are carried into the base (LMDB, or nothing in the memory twin) in the background, in one
 * transaction together with the journal position that they reflect; a crash loses the
 * overlay and the journal is replayed from that position. Lookups see the overlay first.
 *
 * Everything here is called through a table of functions, so a pure engine may use it.
 * A table is named by a byte below 0xf0; keys have at most TABLES_KEY_MAX bytes and are
 * ordered as bytes. Thread: the loop thread, but for tables_flush_run.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <pando/status.h>
#include <pando/types.h>

#define TABLES_KEY_MAX 64
#define TABLES_VALUE_MAX (64u << 10)

struct tables {
    void *ctx;
    const struct tables_ops *ops;
};

/* What a record at `position` amounts to, for who appends it and knows that already. It puts
 * the same rows as folding the record would. */
struct tables_fold {
    void *ctx;
    enum pando_status (*run)(void *ctx, const struct tables *t, uint64_t position);
};

/* A walk over the keys of one table that begin with a prefix. Fill by tables_seek. */
struct tables_cursor {
    uint8_t table;
    bool descending;
    bool started;
    uint8_t prefix_len;
    uint8_t key_len;
    uint8_t prefix[TABLES_KEY_MAX];
    uint8_t key[TABLES_KEY_MAX]; /* where the walk stands */
    uint64_t stamp;              /* the tables' own; 0: they know nothing of the walk yet */
};

struct tables_ops {
    enum pando_status (*get)(void *ctx, uint8_t table, struct pando_slice key, struct pando_slice *ret);
    enum pando_status (*put)(void *ctx, uint8_t table, struct pando_slice key, struct pando_slice value);
    enum pando_status (*del)(void *ctx, uint8_t table, struct pando_slice key);
    enum pando_status (*next)(void *ctx, struct tables_cursor *cursor, struct pando_slice *ret_key,
                              struct pando_slice *ret_value);
    bool (*full)(void *ctx);
    void (*expect)(void *ctx, uint8_t table, struct pando_slice key); /* NULL: nothing to do */
};

/* The value of `key`; valid until the next call on these tables.
 * Errors: PANDO_NOT_FOUND; PANDO_CORRUPT the stored value fails its checksum (remedy:
 * `pando db reindex`); PANDO_IO. */
static inline enum pando_status tables_get(const struct tables *t, uint8_t table,
                                           struct pando_slice key, struct pando_slice *ret)
{
    return t->ops->get(t->ctx, table, key, ret);
}
/* Set or replace. Errors: PANDO_INVALID key or value too long; PANDO_NOMEM. */
static inline enum pando_status tables_put(const struct tables *t, uint8_t table,
                                           struct pando_slice key, struct pando_slice value)
{
    return t->ops->put(t->ctx, table, key, value);
}
/* Remove; a missing key is a success. */
static inline enum pando_status tables_del(const struct tables *t, uint8_t table,
                                           struct pando_slice key)
{
    return t->ops->del(t->ctx, table, key);
}
/* That key will be asked for, or put, soon: what many lookups one after the other wait for is
 * memory, and it can be fetched meanwhile. No more than a hint. */
static inline void tables_expect(const struct tables *t, uint8_t table, struct pando_slice key)
{
    if (t->ops->expect != NULL)
        t->ops->expect(t->ctx, table, key);
}
/* Begin a walk over the keys of `table` that begin with `prefix`, from `from` on (inclusive;
 * an empty one means the prefix's first key, or its last when descending). */
void tables_seek(struct tables_cursor *c, uint8_t table, struct pando_slice prefix,
                 struct pando_slice from, bool descending);
/* The next key and value, valid until the next call on these tables; entries put or deleted
 * during the walk are seen as they are then. PANDO_NOT_FOUND at the end. */
static inline enum pando_status tables_next(const struct tables *t, struct tables_cursor *cursor,
                                            struct pando_slice *ret_key, struct pando_slice *ret_value)
{
    return t->ops->next(t->ctx, cursor, ret_key, ret_value);
}
/* The overlay is at its cap: the owner appends nothing until a flush has ended. */
static inline bool tables_full(const struct tables *t)
{
    return t->ops->full(t->ctx);
}

#endif
