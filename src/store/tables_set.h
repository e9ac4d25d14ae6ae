/* tables_set.h - all tables of one node: opening a space's tables and flushing them.
 *
 * One set lies over one base (the LMDB environment `index/`, or memory). Each space has an
 * overlay of its own; a flush freezes all of them and writes them in one transaction.
 *
 * Rows must not reach the base before the records they were folded from are durable: a
 * crash would leave an index of what never happened. So the node says `tables_set_durable`
 * when a journal's durable mark moves, and flush_begin hands a frozen generation out only
 * when every position in it is covered.
 *
 * Thread: the loop thread, except tables_flush_run.
 */
#ifndef STORE_TABLES_SET_H
#define STORE_TABLES_SET_H

#include "base/trace.h"
#include "store/tables.h"

#define TABLES_OVERLAY_MAX (8u << 20) /* default cap of the overlays of a set, in bytes */
#define TABLES_SPACES_MAX 4096        /* spaces open at once in one set */

struct tables_set;   /* opaque */
struct tables_flush; /* opaque: one flush under way */

struct tables_config {
    size_t overlay_max; /* 0: default */
    uint64_t map_size;  /* LMDB: first size of the map; 0: 64 MiB. It grows by itself. */
    bool read_only;
    const struct tracer *tracer;
};

/* Open or make the LMDB base in directory `dir` (made by the caller).
 * Errors: PANDO_CORRUPT, PANDO_UNSUPPORTED a newer format, PANDO_NOSPACE, PANDO_REFUSED, ... */
enum pando_status tables_lmdb_open(const char *dir, const struct tables_config *config,
                                   struct tables_set **ret_set, struct pando_err *reterr)
    PANDO_MUST_USE;
/* A base in memory; NULL when memory is out. */
struct tables_set *tables_memory_new(const struct tables_config *config);
/* For a memory set: lose what was not flushed, as a crash does; all spaces close. */
void tables_memory_crash(struct tables_set *set);
/* Close; unflushed rows are lost, as in a crash. No flush may be under way. Accepts NULL. */
void tables_set_free(struct tables_set *set);

/* Open the tables of the space with this prefix (the first 8 bytes of its id, big endian).
 * `format` is the fold's version: rows of an older one are dropped and the position is 0.
 * The handle lives until tables_close or the set's end.
 * Errors: PANDO_UNSUPPORTED rows of a newer format (the needed version is in reterr);
 * PANDO_CORRUPT the space's mark is damaged; PANDO_BUSY it is open already; PANDO_FULL. */
enum pando_status tables_open(struct tables_set *set, uint64_t space, uint32_t format,
                              struct tables **ret_tables, struct pando_err *reterr)
    PANDO_MUST_USE;
/* Unflushed rows of this space are lost. No flush may be under way. Accepts NULL. */
void tables_close(struct tables *t);
/* Drop all rows of the space and set its position to 0. Blocks; no flush may be under way. */
enum pando_status tables_clear(struct tables *t) PANDO_MUST_USE;

/* The journal behind these tables is durable up to `position`. */
void tables_set_durable(struct tables *t, uint64_t position);

/* End of a loop turn: views are void, the base's read transaction is given up. */
void tables_set_turn(struct tables_set *set);

/* Freeze what the overlays hold (or take the generation frozen before) and hand it out.
 * False when there is nothing, a flush is under way, or the journals are not yet durable
 * up to the frozen marks. Voids views. */
bool tables_flush_begin(struct tables_set *set, struct tables_flush **ret_flush);
/* Write the frozen generation in one transaction. Blocks. Thread: any. */
void tables_flush_run(struct tables_flush *flush);
/* Take it back. PANDO_OK: the rows are in the base. PANDO_BUSY: the map was full and has been
 * grown: begin again now. Others: the generation stays in memory, try again later. */
enum pando_status tables_flush_end(struct tables_set *set, struct tables_flush *flush)
    PANDO_MUST_USE;
/* Begin, run and end until the overlays are empty; needs durable marks. Blocks. */
enum pando_status tables_flush_all(struct tables_set *set) PANDO_MUST_USE;

struct tables_stats {
    uint64_t overlay_bytes; /* live and frozen */
    uint64_t base_bytes;    /* of the file, or of memory */
    uint64_t map_bytes;
    uint64_t flushes;
    uint64_t growths;
};

struct tables_stats tables_set_stats(const struct tables_set *set);

/* Check every row of a space (or of all: `space` NULL) against its checksum and the space's
 * count and digest. Blocks; run it on a set of its own, or while no flush is under way. */
struct tables_audit {
    uint64_t rows;
    uint64_t damages;
};
enum pando_status tables_verify(struct tables_set *set, const uint64_t *space,
                                struct tables_audit *ret_audit) PANDO_MUST_USE;

#endif
