#include "space/dag/index_row.h"

#include "base/assert.h"
#include "base/slice.h"

#include <string.h>

struct row row_key(enum index_table table)
{
    return (struct row){ .table = (uint8_t)table };
}

struct row row_only_key(enum index_table table)
{
    return (struct row){ .table = (uint8_t)table, .len = 1 };
}

void row_put(struct row *r, uint64_t value, size_t size)
{
    PANDO_ASSERT(r->len + size <= sizeof r->bytes);
    for (size_t i = 0; i < size; i++)
        r->bytes[r->len + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    r->len += size;
}

void row_put_bytes(struct row *r, const uint8_t *ptr, size_t len)
{
    PANDO_ASSERT(r->len + len <= sizeof r->bytes);
    memcpy(r->bytes + r->len, ptr, len);
    r->len += len;
}

uint64_t row_get(struct pando_slice s, size_t at, size_t size)
{
    uint64_t value = 0;
    PANDO_ASSERT(at + size <= s.len);
    for (size_t i = 0; i < size; i++)
        value = value << 8 | s.ptr[at + i];
    return value;
}

static struct pando_slice view(const struct row *r)
{
    return slice_of(r->bytes, r->len);
}

bool row_find(struct tables *t, const struct row *key, struct pando_slice *ret_value)
{
    return tables_get(t, key->table, view(key), ret_value) == PANDO_OK;
}

enum pando_status row_store(struct tables *t, const struct row *key,
                            const struct row *value)
{
    return tables_put(t, key->table, view(key), view(value));
}

enum pando_status row_remove(struct tables *t, const struct row *key)
{
    return tables_del(t, key->table, view(key));
}

struct index_cursor row_seek(enum index_table table, struct pando_slice prefix)
{
    struct index_cursor cursor = { .begun = true };
    tables_seek(&cursor.walk, (uint8_t)table, prefix, SLICE_EMPTY, false);
    return cursor;
}

bool row_next(struct tables *t, enum index_table table, struct index_cursor *cursor,
              struct pando_slice *ret_key, struct pando_slice *ret_value)
{
    if (!cursor->begun)
        *cursor = row_seek(table, SLICE_EMPTY);
    return tables_next(t, &cursor->walk, ret_key, ret_value) == PANDO_OK;
}
