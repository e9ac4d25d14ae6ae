/* rows.h - what the tables of a delta space hold, and the one function that fills them.
 *
 * Integers are big-endian. A hash is the first 16 bytes of SHA-256 of a text.
 *
 *   1 COUNTS   00                          struct row_counts, 8 bytes each
 *   2 NAMES    name 16                     flags 1, place 8, timestamp 8, digest 16
 *   3 TARGETS  hash of an object's id 16,  place 8
 *              timestamp 8, digest 16
 *   4 TIMES    (postings, no prefix)       all deltas in order
 *   5 AUTHORS  (postings under a hash)     of one author
 *   6 SYSTEMS  (postings under a hash)     of one system
 *   7 CONTEXTS (postings under a hash)     with a pointer at that property of something
 *   8 TALLIES  table 1, hash 16            entries of that list, 8: to choose the best index
 *   9 KEPT     kind 1, hash of a name 16   journal position 8, bytes of the text 4
 *
 * place = journal position << 8 | index in the group. A delta whose record is written again
 * (when old segments are dropped) keeps its rows and gets a new place in them. Of deltas with
 * one id that with the lesser digest counts, whatever was folded first; the other's entries
 * in TIMES go, those under hashes stay (`stale` counts such deltas): whoever reads through
 * them asks NAMES when there are any. An archived name is known and never held, until its delta
 * comes back from the archive's file (DELTA_RECORD_RETURNED): then it is as if never heard of.
 */
#ifndef SPACE_DELTA_ROWS_H
#define SPACE_DELTA_ROWS_H

#include "space/delta/group.h"
#include "space/delta/post.h"

enum rows_table {
    ROWS_COUNTS = 1,
    ROWS_NAMES,
    ROWS_TARGETS,
    ROWS_TIMES,
    ROWS_AUTHORS,
    ROWS_SYSTEMS,
    ROWS_CONTEXTS,
    ROWS_TALLIES,
    ROWS_KEPT,
};

struct row_counts {
    uint64_t deltas, archived;
    uint64_t conflicts; /* ids that were folded with different bytes */
    uint64_t stale;     /* deltas whose entries under hashes stayed */
    uint64_t targets, contexts; /* entries */
    uint64_t latest;            /* greatest timestamp ever folded */
};

struct row_name {
    bool archived;
    bool conflicted;
    uint64_t place; /* 0: archived */
    int64_t timestamp;
    struct delta_hash digest;
};

/* One delta of a DELTA_RECORD_ARCHIVED, and the lists under whose hashes it stands; a record
 * that is written again names none: they are gone.
 *
 *     version 1 | count 2 | { name 16 | timestamp 8 | digest 16 | lists 2 |
 *                             { table 1 | hash 16 } ... } ...
 */
struct rows_gone {
    struct delta_hash name;
    int64_t timestamp;
    struct delta_hash digest;
    size_t lists_len;
    const struct post_list *lists; /* tables ROWS_TARGETS .. ROWS_CONTEXTS */
};

#define ROWS_LISTS_MAX    (2u + 2u * DELTA_POINTERS_MAX)
#define ROWS_GONE_MAX     1024u        /* of one record */
#define ROWS_GONE_BYTES   (256u << 10) /* of one record, nearly */
#define ROWS_GONE_VERSION 1

/* Apply one record. Errors: PANDO_CORRUPT the record is none that this code appends;
 * PANDO_UNSUPPORTED; PANDO_NOMEM, and what the tables give. */
enum pando_status rows_fold(const struct tables *t, uint8_t record, uint64_t position,
                            struct pando_slice bytes) PANDO_MUST_USE;

enum pando_status rows_counts(const struct tables *t, struct row_counts *ret) PANDO_MUST_USE;
/* Errors: PANDO_NOT_FOUND. */
enum pando_status rows_name(const struct tables *t, const struct delta_hash *name,
                            struct row_name *ret) PANDO_MUST_USE;
/* It will be asked for soon (tables_expect). */
void rows_expect_name(const struct tables *t, const struct delta_hash *name);
/* Entries of a list; 0 when none was ever made, or they cannot be counted. */
uint64_t rows_tally(const struct tables *t, const struct post_list *list);
enum pando_status rows_get_tally(const struct tables *t, const struct post_list *list,
                                 uint64_t *ret) PANDO_MUST_USE;
/* As post_find, for TARGETS: the next entries, as many as a leaf has room for. */
enum pando_status rows_find_targets(const struct tables *t, const struct post_list *list,
                                    const struct delta_place *place, bool descending,
                                    struct post_leaf *ret) PANDO_MUST_USE;

struct post_list rows_list(enum rows_table table, struct pando_slice text);
struct post_list rows_times(void);
/* The lists under whose hashes `d` stands, each once; at most ROWS_LISTS_MAX. */
size_t rows_lists_of(const struct delta *d, struct post_list ret[static ROWS_LISTS_MAX]);

/* A DELTA_RECORD_ARCHIVED, item by item. */
struct rows_gone_reader {
    struct pando_slice left;
    size_t items;
};
enum pando_status rows_gone_open(struct pando_slice bytes,
                                 struct rows_gone_reader *ret) PANDO_MUST_USE;
/* The next item, its lists in `lists`. PANDO_NOT_FOUND at the end; PANDO_MALFORMED. */
enum pando_status rows_gone_next(struct rows_gone_reader *r,
                                 struct post_list lists[static ROWS_LISTS_MAX],
                                 struct rows_gone *ret) PANDO_MUST_USE;
/* Begin a record in an empty buffer, and add items; the count is kept up. */
enum pando_status rows_gone_begin(struct pando_buf *buf) PANDO_MUST_USE;
enum pando_status rows_gone_put(struct pando_buf *buf,
                                const struct rows_gone *item) PANDO_MUST_USE;
size_t rows_gone_count(const struct pando_buf *buf);

#endif
