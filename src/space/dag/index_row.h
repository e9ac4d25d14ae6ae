/* index_row.h - keys and values of the dag's tables, built from integers and bytes.
 *
 * Only the index_*.c files include it: the one place where the store's tables are met.
 */
#ifndef SPACE_DAG_INDEX_ROW_H
#define SPACE_DAG_INDEX_ROW_H

#include "space/dag/index.h"

#define ROW_MAX 96

struct row {
    uint8_t table; /* of a key */
    size_t len;
    uint8_t bytes[ROW_MAX];
};

struct row row_key(enum index_table table);
/* The key of a table with a single row: one zero byte. */
struct row row_only_key(enum index_table table);
void row_put(struct row *r, uint64_t value, size_t size);
void row_put_bytes(struct row *r, const uint8_t *ptr, size_t len);
/* Integer of `size` bytes at `at`; the slice must be long enough. */
uint64_t row_get(struct pando_slice s, size_t at, size_t size);

bool row_find(struct tables *t, const struct row *key, struct pando_slice *ret_value);
enum pando_status row_store(struct tables *t, const struct row *key,
                            const struct row *value) PANDO_MUST_USE;
enum pando_status row_remove(struct tables *t, const struct row *key) PANDO_MUST_USE;
/* index_run.c: the position of a number, among the numbers under one key prefix. */
#define RUN_HOLE UINT64_C(0xffffffffffff)
enum pando_status run_put(struct tables *t, struct row prefix, uint64_t number,
                          uint64_t position) PANDO_MUST_USE;
bool run_find(struct tables *t, struct row prefix, uint64_t number,
              uint64_t *ret_position);
/* A walk over the keys that begin with `prefix`. */
struct index_cursor row_seek(enum index_table table, struct pando_slice prefix);
/* The next row of `table`; the slices are valid until the next call on the tables. */
bool row_next(struct tables *t, enum index_table table, struct index_cursor *cursor,
              struct pando_slice *ret_key, struct pando_slice *ret_value);

#endif
