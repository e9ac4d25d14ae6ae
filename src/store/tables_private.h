/* tables_private.h - the environment and the space, shared by the two files of
 * tables_lmdb.h. */
#ifndef STORE_TABLES_PRIVATE_H
#define STORE_TABLES_PRIVATE_H

#include "store/bloom.h"
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
    uint64_t moves; /* rises whenever `cursor` is moved, or its transaction ends */
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
    struct tables_absent *absent; /* gets the rows' keys */
    uint8_t table;                /* whose keys a new filter gets; 0: none is wanted */
    struct bloom *made;           /* it, in place of the old one */
};

/* What LMDB surely does not have. A kind that takes in new things asks for each whether it is
 * there, and LMDB searches its tree to say no. When one table was asked in vain often enough,
 * the next flush lists its keys into a filter, which is kept up from then on. */
#define TABLES_VAIN_MIN 4096 /* lookups before that is done */
struct tables_absent {
    uint32_t vain[256]; /* lookups in LMDB that found nothing, by table */
    bool given_up;      /* until the space is opened again */
    uint8_t table;      /* that of the filter */
    struct bloom *keys; /* NULL: none */
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
    struct tables_absent absent;
};

enum pando_status tables_from_mdb(int rc);
/* Make the loop thread's read transaction live. */
enum pando_status tables_index_read(struct tables_index *x) PANDO_MUST_USE;
/* LMDB has other rows now. */
void tables_forget_misses(struct tables_lmdb *t);
/* tables_absent.c; `key`: table | key */
bool tables_absent_has_not(const struct tables_absent *a, struct pando_slice key);
void tables_absent_in_vain(struct tables_absent *a, struct pando_slice key);
/* Which table's keys the next flush should list; 0: none. */
uint8_t tables_absent_wants(const struct tables_absent *a);
/* On the flushing thread: a row was written; all were, and a filter may have to be made. */
void tables_absent_wrote(struct tables_absent *a, struct pando_slice key);
int tables_absent_make(struct tables_flush *f, MDB_txn *txn) PANDO_MUST_USE;
/* On the loop, when the flush has ended well. */
void tables_absent_turn(struct tables_absent *a, struct tables_flush *f);
void tables_absent_forget(struct tables_absent *a);
/* Double the map. Only while no transaction is open. */
enum pando_status tables_index_grow(struct tables_index *x) PANDO_MUST_USE;

#endif
