/* tables_lmdb.h - tables whose base is LMDB: one environment per node, one handle per
 * space.
 *
 *     lookup:  overlay (live) -> overlay (frozen, being flushed) -> LMDB
 *     flush:   begin (loop) freezes the overlay, run (any thread) writes it in one
 *              transaction with the position it reflects, end (loop) drops it
 *
 * Rows reach LMDB only when the records they were folded from are durable in the journal:
 * begin waits for that, or a crash would leave an index of what never happened. LMDB is
 * opened with its full sync, so an index may lose its newest flushes, never its
 * integrity; it cannot see bit rot, so every row carries a CRC-32C over key and value,
 * and every space a count and a digest of its rows, by which `verify` notices keys that
 * went missing.
 *
 * The map grows by itself: a flush that finds it full is undone, the map is doubled on
 * the loop thread while no transaction is open, and the flush runs again.
 *
 * Thread: the loop thread, except tables_lmdb_flush_run and tables_index_verify.
 */
#ifndef STORE_TABLES_LMDB_H
#define STORE_TABLES_LMDB_H

#include "base/trace.h"
#include "store/tables.h"

#define TABLES_FORMAT   2u          /* of the rows in LMDB */
#define TABLES_MAP_SIZE (64u << 20) /* first size of the map */

struct tables_index; /* opaque: the environment */
struct tables_lmdb;  /* opaque: one space's tables in it */
struct tables_flush; /* opaque: one flush under way */

struct tables_index_config {
    const char *dir;   /* exists */
    uint64_t map_size; /* 0: TABLES_MAP_SIZE, or what the file needs */
    bool read_only;    /* no lock is taken: the caller holds the data directory */
    uint64_t seed;     /* unpredictable to peers, who choose keys */
    const struct tracer *tracer;
};

/* Errors: PANDO_CORRUPT the file is no index (remedy: reindex); PANDO_UNSUPPORTED a newer
 * format; PANDO_NOSPACE, PANDO_REFUSED, PANDO_NOMEM, PANDO_IO. */
enum pando_status tables_index_open(const struct tables_index_config *config,
                                    struct tables_index **ret,
                                    struct pando_err *reterr) PANDO_MUST_USE;
/* All its spaces must be closed. Accepts NULL. */
void tables_index_close(struct tables_index *x);
/* End of a loop turn: the read transaction is given up, views are void. */
void tables_index_turn(struct tables_index *x);
/* True while a flush is handed out: at most one per index. */
bool tables_index_is_flushing(const struct tables_index *x);

struct tables_index_stats {
    uint64_t file_bytes; /* pages in use */
    uint64_t map_bytes;
    uint64_t flushes;
    uint64_t growths;
};
struct tables_index_stats tables_index_stats(const struct tables_index *x);

struct tables_audit {
    uint64_t spaces, rows, bytes, damaged;
};
/* Check every row's checksum and every space's count and digest. `found` (may be NULL) is
 * told each damage. The index must not grow meanwhile: for a closed store, or one whose
 * loop waits. Errors: PANDO_CORRUPT something is damaged. */
enum pando_status tables_index_verify(struct tables_index *x, void *ctx,
                                      void (*found)(void *ctx, const char *text),
                                      struct tables_audit *ret) PANDO_MUST_USE;

/* Open one space's tables; `overlay_max` bytes make tables_full true.
 * Errors: PANDO_CORRUPT the space's mark is damaged (remedy: reindex); PANDO_NOMEM;
 * PANDO_IO. */
enum pando_status tables_lmdb_open(struct tables_index *x, const struct pando_id *space,
                                   size_t overlay_max, struct tables_lmdb **ret,
                                   struct pando_err *reterr) PANDO_MUST_USE;
/* Unflushed rows are lost, as in a crash. No flush of it may be under way. Accepts NULL.
 */
void tables_lmdb_close(struct tables_lmdb *t);
struct tables *tables_lmdb_tables(struct tables_lmdb *t);

/* Everything below `position` is folded in. Only rises. */
void tables_lmdb_mark(struct tables_lmdb *t, uint64_t position);
uint64_t tables_lmdb_position(const struct tables_lmdb *t);
/* Bytes in both overlays. */
size_t tables_lmdb_bytes(const struct tables_lmdb *t);
/* Drop all rows of the space, in memory and in LMDB; the position is 0 again. Blocks; no
 * flush may be under way. Errors: PANDO_NOSPACE, PANDO_IO, ... */
enum pando_status tables_lmdb_clear(struct tables_lmdb *t) PANDO_MUST_USE;

/* Freeze the live overlay (unless an earlier one still waits) and hand it out, once
 * everything in it lies below the journal's `durable`. False: nothing to write, not yet
 * durable, or the index has a flush under way. Voids views. */
bool tables_lmdb_flush_begin(struct tables_lmdb *t, uint64_t durable,
                             struct tables_flush **ret);
/* Blocks. Thread: any. */
void tables_lmdb_flush_run(struct tables_flush *f);
/* PANDO_OK also when the map was full and has been grown: the rows then wait, unharmed,
 * for the next begin. Errors: PANDO_NOSPACE, PANDO_IO, ...: likewise. */
enum pando_status tables_lmdb_flush_end(struct tables_lmdb *t,
                                        struct tables_flush *f) PANDO_MUST_USE;
/* Begin, run and end until nothing durable is left in memory. Blocks. */
enum pando_status tables_lmdb_flush_all(struct tables_lmdb *t,
                                        uint64_t durable) PANDO_MUST_USE;

#endif
