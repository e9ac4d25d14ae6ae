#include "store/tables_private.h"

#include "base/assert.h"
#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define GROWTH_STEP (4096u * 1024)

/* LMDB mixes its own negative codes with positive errno; nothing else may see either. */
enum pando_status tables_from_mdb(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return PANDO_OK;
    case MDB_NOTFOUND:
        return PANDO_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_DBS_FULL:
    case MDB_READERS_FULL:
        return PANDO_FULL;
    case MDB_VERSION_MISMATCH:
        return PANDO_UNSUPPORTED;
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_PANIC:
    case MDB_INCOMPATIBLE:
    case MDB_PAGE_NOTFOUND:
        return PANDO_CORRUPT;
    case ENOMEM:
        return PANDO_NOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PANDO_NOSPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return PANDO_REFUSED;
    case EAGAIN:
    case EBUSY:
        return PANDO_BUSY;
    default:
        return PANDO_IO;
    }
}

static int open_tables(struct tables_index *x)
{
    MDB_txn *txn;
    const unsigned create = x->read_only ? 0 : MDB_CREATE;
    int rc = mdb_txn_begin(x->env, NULL, x->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != MDB_SUCCESS)
        return rc;
    rc = mdb_dbi_open(txn, "rows", create, &x->rows);
    if (rc == MDB_SUCCESS)
        rc = mdb_dbi_open(txn, "marks", create, &x->marks);
    if (rc == MDB_SUCCESS)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_env(struct tables_index *x, const struct tables_index_config *config)
{
    int rc = mdb_env_create(&x->env);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxdbs(x->env, 2);
    const uint64_t size = config->map_size != 0 ? config->map_size : TABLES_MAP_SIZE;
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_mapsize(x->env, (size_t)size);
    const unsigned flags =
        MDB_NOTLS | MDB_NORDAHEAD | (config->read_only ? MDB_RDONLY | MDB_NOLOCK : 0u);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(x->env, config->dir, flags, 0600);
    if (rc == MDB_SUCCESS &&
        !config->read_only) { /* a previous holder may have died reading */
        int dead;
        rc = mdb_reader_check(x->env, &dead);
    }
    return rc == MDB_SUCCESS ? open_tables(x) : rc;
}

enum pando_status tables_index_open(const struct tables_index_config *config,
                                    struct tables_index **ret, struct pando_err *reterr)
{
    struct tables_index *x = calloc(1, sizeof *x);
    if (x == NULL)
        return PANDO_NOMEM;
    x->read_only = config->read_only;
    x->tracer = config->tracer;
    x->seed = config->seed;
    const int rc = open_env(x, config);
    if (rc == MDB_SUCCESS) {
        *ret = x;
        return PANDO_OK;
    }
    tables_index_close(x);
    const enum pando_status st = tables_from_mdb(rc);
    return pando_err_set(reterr, st, "store: cannot open the index %s: %s%s", config->dir,
                         mdb_strerror(rc),
                         st == PANDO_CORRUPT ? "; rebuild it with 'pando db reindex'"
                                             : "");
}

void tables_index_close(struct tables_index *x)
{
    if (x == NULL)
        return;
    PANDO_ASSERT(x->spaces == 0 && !x->flushing);
    if (x->cursor != NULL)
        mdb_cursor_close(x->cursor);
    mdb_txn_abort(x->read);
    if (x->env != NULL)
        mdb_env_close(x->env);
    free(x);
}

enum pando_status tables_index_read(struct tables_index *x)
{
    int rc;
    if (x->reading)
        return PANDO_OK;
    if (x->read != NULL) {
        rc = mdb_txn_renew(x->read);
        if (rc == MDB_SUCCESS)
            rc = mdb_cursor_renew(x->read, x->cursor);
    } else {
        rc = mdb_txn_begin(x->env, NULL, MDB_RDONLY, &x->read);
        if (rc == MDB_SUCCESS)
            rc = mdb_cursor_open(x->read, x->rows, &x->cursor);
    }
    x->reading = rc == MDB_SUCCESS;
    return tables_from_mdb(rc);
}

void tables_index_turn(struct tables_index *x)
{
    if (x->reading)
        mdb_txn_reset(x->read);
    x->reading = false;
    x->moves++;
}

bool tables_index_is_flushing(const struct tables_index *x)
{
    return x->flushing;
}

enum pando_status tables_index_grow(struct tables_index *x)
{
    PANDO_ASSERT(!x->flushing);
    if (x->cursor != NULL)
        mdb_cursor_close(x->cursor);
    mdb_txn_abort(x->read);
    x->cursor = NULL;
    x->read = NULL;
    x->reading = false;
    x->moves++;
    MDB_envinfo info;
    int rc = mdb_env_info(x->env, &info);
    if (rc == MDB_SUCCESS) {
        const size_t size = (info.me_mapsize / GROWTH_STEP + 1) * GROWTH_STEP * 2;
        rc = mdb_env_set_mapsize(x->env, size);
    }
    if (rc == MDB_SUCCESS)
        x->growths++;
    return tables_from_mdb(rc);
}

struct tables_index_stats tables_index_stats(const struct tables_index *x)
{
    MDB_envinfo info = { 0 };
    MDB_stat stat = { 0 };
    (void)mdb_env_info(x->env, &info);
    (void)mdb_env_stat(x->env, &stat);
    return (struct tables_index_stats){ .file_bytes =
                                            (info.me_last_pgno + 1) * stat.ms_psize,
                                        .map_bytes = info.me_mapsize,
                                        .flushes = x->flushes,
                                        .growths = x->growths };
}

/* --- verify --- */

struct audit {
    struct tables_audit sum;
    void *ctx;
    void (*found)(void *ctx, const char *text);
    MDB_txn *txn;
    struct tables_index *x;
};

static void report(struct audit *a, const uint8_t *space, const char *what)
{
    char text[160];
    (void)snprintf(text, sizeof text, "index/data.mdb: space %02x%02x%02x%02x..: %s",
                   space[0], space[1], space[2], space[3], what);
    a->sum.damaged++;
    if (a->found != NULL)
        a->found(a->ctx, text);
}

static struct pando_slice slice_of_val(MDB_val v)
{
    return slice_of(v.mv_data, v.mv_size);
}

/* All rows in order; each space's count and digest are compared when its last row is
 * past. */
struct tally {
    uint8_t space[ROW_SPACE];
    bool any;
    uint64_t rows, digest;
};

static void close_tally(struct audit *a, struct tally *t)
{
    static const uint8_t none[ROW_SPACE];
    MDB_val key = { ROW_SPACE, t->space }, value;
    struct row_mark mark;
    if (!t->any)
        return;
    if (mdb_get(a->txn, a->x->marks, &key, &value) != MDB_SUCCESS)
        report(a, t->space, "rows without a mark");
    else if (row_mark_decode(slice_of_val(value), &mark) &&
             (mark.rows != t->rows || mark.digest != t->digest))
        report(a, t->space, "rows are missing or not the ones that were written");
    *t = (struct tally){ .any = false };
    memcpy(t->space, none, ROW_SPACE);
}

/* A damaged branch page lets a walk pass and leads a search astray. */
static bool is_found(struct audit *a, MDB_val key, MDB_val value)
{
    MDB_val found;
    return mdb_get(a->txn, a->x->rows, &key, &found) == MDB_SUCCESS &&
           found.mv_data == value.mv_data;
}

static int verify_rows(struct audit *a)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    struct tally tally = { .any = false };
    int rc = mdb_cursor_open(a->txn, a->x->rows, &cursor);
    if (rc != MDB_SUCCESS)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        struct pando_slice open;
        static const uint8_t unknown[ROW_SPACE];
        if (key.mv_size <= ROW_SPACE + 1) {
            report(a, unknown, "a key is too short");
            continue;
        }
        if (!tally.any || memcmp(tally.space, key.mv_data, ROW_SPACE) != 0) {
            close_tally(a, &tally);
            memcpy(tally.space, key.mv_data, ROW_SPACE);
            tally.any = true;
        }
        tally.rows++;
        tally.digest += row_digest(slice_of_val(value));
        a->sum.rows++;
        a->sum.bytes += key.mv_size + value.mv_size;
        if (!row_open(slice_of_val(key), slice_of_val(value), &open))
            report(a, tally.space, "a row does not match its checksum");
        else if (!is_found(a, key, value))
            report(a, tally.space, "a row cannot be found by its key");
    }
    close_tally(a, &tally);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

static bool has_rows(struct audit *a, MDB_val space)
{
    MDB_cursor *cursor;
    MDB_val key = space, value;
    if (mdb_cursor_open(a->txn, a->x->rows, &cursor) != MDB_SUCCESS)
        return false;
    const int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    const bool has = rc == MDB_SUCCESS && key.mv_size > ROW_SPACE &&
                     memcmp(key.mv_data, space.mv_data, ROW_SPACE) == 0;
    mdb_cursor_close(cursor);
    return has;
}

static int verify_marks(struct audit *a)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(a->txn, a->x->marks, &cursor);
    if (rc != MDB_SUCCESS)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        static const uint8_t unknown[ROW_SPACE];
        struct row_mark mark;
        a->sum.spaces++;
        if (key.mv_size != ROW_SPACE)
            report(a, unknown, "a mark's key has a wrong length");
        else if (!row_mark_decode(slice_of_val(value), &mark) ||
                 memcmp(mark.space.bytes, key.mv_data, ROW_SPACE) != 0)
            report(a, key.mv_data, "the mark does not match its checksum");
        else if (mark.rows != 0 && !has_rows(a, key))
            report(a, key.mv_data, "all rows are missing");
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

enum pando_status tables_index_verify(struct tables_index *x, void *ctx,
                                      void (*found)(void *ctx, const char *text),
                                      struct tables_audit *ret)
{
    struct audit a = { .ctx = ctx, .found = found, .x = x };
    int rc = mdb_txn_begin(x->env, NULL, MDB_RDONLY, &a.txn);
    if (rc != MDB_SUCCESS)
        return tables_from_mdb(rc);
    rc = verify_rows(&a);
    if (rc == MDB_SUCCESS)
        rc = verify_marks(&a);
    mdb_txn_abort(a.txn);
    if (rc != MDB_SUCCESS)
        return tables_from_mdb(rc);
    *ret = a.sum;
    return a.sum.damaged == 0 ? PANDO_OK : PANDO_CORRUPT;
}
