/* index_run.c - positions that are found by a number: many to a row.
 *
 * Numbers rise by one, so a row of its own for each would be mostly key, and would leave
 * pages half empty. The row of number n is that of n / RUN_LEN and holds the positions
 * one behind the other; a number that is missing before others is a hole.
 */
#include "space/dag/index_row.h"

#include "base/slice.h"

#include <string.h>

#define RUN_LEN   64
#define POSITION  6
#define RUN_BYTES (RUN_LEN * POSITION)

static struct row run_key(struct row prefix, uint64_t number)
{
    row_put(&prefix, number / RUN_LEN, 6);
    return prefix;
}

enum pando_status run_put(struct tables *t, struct row prefix, uint64_t number,
                          uint64_t position)
{
    const struct row key = run_key(prefix, number);
    const size_t at = number % RUN_LEN * POSITION;
    struct pando_slice old;
    uint8_t bytes[RUN_BYTES];
    size_t len = 0;
    if (row_find(t, &key, &old)) {
        if (old.len > sizeof bytes || old.len % POSITION != 0)
            return PANDO_CORRUPT;
        memcpy(bytes, old.ptr, old.len);
        len = old.len;
    }
    if (len < at)
        memset(bytes + len, 0xff, at - len);
    for (size_t i = 0; i < POSITION; i++)
        bytes[at + i] = (uint8_t)(position >> (8 * (POSITION - 1 - i)));
    if (len < at + POSITION)
        len = at + POSITION;
    return tables_put(t, key.table, slice_of(key.bytes, key.len), slice_of(bytes, len));
}

bool run_find(struct tables *t, struct row prefix, uint64_t number,
              uint64_t *ret_position)
{
    const struct row key = run_key(prefix, number);
    const size_t at = number % RUN_LEN * POSITION;
    struct pando_slice v;
    if (!row_find(t, &key, &v) || v.len > RUN_BYTES || v.len < at + POSITION)
        return false;
    const uint64_t position = row_get(v, at, POSITION);
    *ret_position = position;
    return position != RUN_HOLE;
}
