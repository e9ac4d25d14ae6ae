/* tables_private.h - the environment and the space, shared by the two files of
 * tables_lmdb.h. */
#ifndef STORE_TABLES_PRIVATE_H
#define STORE_TABLES_PRIVATE_H

#include "store/omap.h"
#include "store/tables_lmdb.h"
#include "store/tables_row.h"

#include <lmdb.h>

struct tables_index {
    MDB_env *env;
    MDB_dbi rows, marks;
    MDB_txn *read; /* of the loop thread; reset between turns */
    MDB_cursor *cursor;
    bool reading; /* `read` is live */
    bool flushing;
    bool read_only;
    size_t spaces; /* open handles */
    uint64_t seed;
    uint64_t flushes, growths;
    const struct tracer *tracer;
};

struct tables_flush {
    struct tables_index *index;
    const struct omap *entries;
    struct pando_id space;
    uint64_t position;
    int result; /* LMDB's */
    enum pando_status status;
};

/* A key that LMDB was found not to have. Who is about to store a thing asks whether it is
 * there, and so does the fold, soon after. */
#define TABLES_MISSES 1024u /* a power of two */
struct tables_miss {
    uint8_t len; /* 0: free */
    uint8_t key[ROW_KEY_MAX - ROW_SPACE];
};

struct tables_lmdb {
    struct tables_index *index;
    struct tables handle;
    struct pando_id space;
    struct omap live, frozen;
    bool has_frozen;
    uint64_t position;        /* of live and all below */
    uint64_t frozen_position; /* of frozen and all below */
    uint64_t base_position;   /* of LMDB */
    size_t overlay_max;
    uint64_t seed;
    struct tables_flush flush;
    struct tables_miss *misses; /* void when LMDB has got new rows; NULL: memory was out */
};

enum pando_status tables_from_mdb(int rc);
/* Make the loop thread's read transaction live. */
enum pando_status tables_index_read(struct tables_index *x) PANDO_MUST_USE;
/* LMDB has other rows now. */
void tables_forget_misses(struct tables_lmdb *t);
/* Double the map. Only while no transaction is open. */
enum pando_status tables_index_grow(struct tables_index *x) PANDO_MUST_USE;

#endif
