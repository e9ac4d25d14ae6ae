#include "space/dag/dag_sim_store.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/dag/index.h"
#include "store/journal.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

struct record {
    uint64_t position;
    uint8_t kind;
    uint8_t *bytes;
    size_t len;
};

struct journal {
    struct record *records;
    size_t len, cap;
    uint64_t end, durable;
};

struct entry {
    uint8_t table, key_len;
    uint8_t key[64];
    uint8_t *value;
    size_t value_len;
};

struct sim_store {
    struct journal journal;
    struct tables tables;
    struct entry **rows; /* sorted by (table, key) */
    size_t len, cap;
    uint64_t staged_max;
    struct pando_id space;
};

static int compare(uint8_t ta, struct pando_slice a, uint8_t tb, struct pando_slice b)
{
    if (ta != tb)
        return ta < tb ? -1 : 1;
    const size_t common = a.len < b.len ? a.len : b.len;
    const int c = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    return c != 0 ? c : a.len < b.len ? -1 : a.len > b.len;
}

/* The first row that is not before the key. */
static size_t lower(const struct sim_store *s, uint8_t table, struct pando_slice key)
{
    size_t from = 0, to = s->len;
    while (from < to) {
        const size_t mid = from + (to - from) / 2;
        const struct entry *e = s->rows[mid];
        if (compare(e->table, slice_of(e->key, e->key_len), table, key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool is_at(const struct sim_store *s, size_t i, uint8_t table,
                  struct pando_slice key)
{
    return i < s->len && s->rows[i]->table == table &&
           slice_equal(slice_of(s->rows[i]->key, s->rows[i]->key_len), key);
}

static enum pando_status get(void *ctx, uint8_t table, struct pando_slice key,
                             struct pando_slice *ret)
{
    const struct sim_store *s = ctx;
    const size_t i = lower(s, table, key);
    if (!is_at(s, i, table, key))
        return PANDO_NOT_FOUND;
    *ret = slice_of(s->rows[i]->value, s->rows[i]->value_len);
    return PANDO_OK;
}

static void set_value(struct entry *e, struct pando_slice value)
{
    free(e->value);
    e->value = malloc(value.len + 1);
    PANDO_ASSERT(e->value != NULL);
    if (value.len > 0)
        memcpy(e->value, value.ptr, value.len);
    e->value_len = value.len;
}

static enum pando_status put(void *ctx, uint8_t table, struct pando_slice key,
                             struct pando_slice value)
{
    struct sim_store *s = ctx;
    const size_t i = lower(s, table, key);
    if (!is_at(s, i, table, key)) {
        if (s->len == s->cap) {
            s->cap = s->cap == 0 ? 1024 : 2 * s->cap;
            s->rows = realloc(s->rows, s->cap * sizeof *s->rows);
        }
        struct entry *e = calloc(1, sizeof *e);
        PANDO_ASSERT(s->rows != NULL && e != NULL && key.len <= sizeof e->key);
        memmove(s->rows + i + 1, s->rows + i, (s->len - i) * sizeof *s->rows);
        s->rows[i] = e;
        s->len++;
        e->table = table;
        e->key_len = (uint8_t)key.len;
        if (key.len > 0)
            memcpy(e->key, key.ptr, key.len);
    }
    set_value(s->rows[i], value);
    return PANDO_OK;
}

static void free_row(struct entry *e)
{
    free(e->value);
    free(e);
}

static enum pando_status del(void *ctx, uint8_t table, struct pando_slice key)
{
    struct sim_store *s = ctx;
    const size_t i = lower(s, table, key);
    if (!is_at(s, i, table, key))
        return PANDO_OK;
    free_row(s->rows[i]);
    memmove(s->rows + i, s->rows + i + 1, (s->len - i - 1) * sizeof *s->rows);
    s->len--;
    return PANDO_OK;
}

static enum pando_status next(void *ctx, struct tables_cursor *c,
                              struct pando_slice *ret_key, struct pando_slice *ret_value)
{
    const struct sim_store *s = ctx;
    const struct pando_slice from = slice_of(c->key, c->key_len);
    PANDO_ASSERT(!c->descending);
    size_t i = lower(s, c->table, from);
    if (c->started && is_at(s, i, c->table, from))
        i++;
    if (i == s->len || s->rows[i]->table != c->table ||
        s->rows[i]->key_len < c->prefix_len ||
        memcmp(s->rows[i]->key, c->prefix, c->prefix_len) != 0)
        return PANDO_NOT_FOUND;
    const struct entry *e = s->rows[i];
    c->started = true;
    c->key_len = e->key_len;
    memcpy(c->key, e->key, e->key_len);
    *ret_key = slice_of(e->key, e->key_len);
    *ret_value = slice_of(e->value, e->value_len);
    return PANDO_OK;
}

static bool full(void *ctx)
{
    (void)ctx;
    return false;
}

static const struct tables_ops OPS = {
    .get = get, .put = put, .del = del, .next = next, .full = full
};

void tables_seek(struct tables_cursor *c, uint8_t table, struct pando_slice prefix,
                 struct pando_slice from, bool descending)
{
    *c = (struct tables_cursor){ .table = table, .descending = descending };
    c->prefix_len = (uint8_t)prefix.len;
    if (prefix.len > 0)
        memcpy(c->prefix, prefix.ptr, prefix.len);
    if (from.len == 0)
        from = prefix;
    c->key_len = (uint8_t)from.len;
    if (from.len > 0)
        memcpy(c->key, from.ptr, from.len);
}

struct sim_store *sim_store_new(const struct pando_id *space)
{
    struct sim_store *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL);
    s->space = *space;
    s->tables = (struct tables){ s, &OPS };
    s->staged_max = UINT64_MAX;
    s->journal.end = s->journal.durable = 64;
    return s;
}

static void clear_rows(struct sim_store *s)
{
    for (size_t i = 0; i < s->len; i++)
        free_row(s->rows[i]);
    s->len = 0;
}

void sim_store_free(struct sim_store *s)
{
    clear_rows(s);
    for (size_t i = 0; i < s->journal.len; i++)
        free(s->journal.records[i].bytes);
    free(s->journal.records);
    free(s->rows);
    free(s);
}

struct tables *sim_store_tables(struct sim_store *s)
{
    return &s->tables;
}

struct journal *sim_store_journal(struct sim_store *s)
{
    return &s->journal;
}

enum pando_status sim_store_append(struct sim_store *s, uint8_t record,
                                   struct pando_slice bytes, uint64_t *ret_position)
{
    struct journal *j = &s->journal;
    if (j->end - j->durable > s->staged_max)
        return PANDO_BUSY;
    if (j->len == j->cap) {
        j->cap = j->cap == 0 ? 1024 : 2 * j->cap;
        j->records = realloc(j->records, j->cap * sizeof *j->records);
        PANDO_ASSERT(j->records != NULL);
    }
    struct record *r = &j->records[j->len];
    *r = (struct record){ .position = j->end, .kind = record, .len = bytes.len };
    r->bytes = malloc(bytes.len + 1);
    PANDO_ASSERT(r->bytes != NULL);
    memcpy(r->bytes, bytes.ptr, bytes.len);
    if (index_fold(&s->tables, &s->space, record, j->end, bytes) != PANDO_OK)
        pando_bug(__FILE__, __LINE__, "a record does not fold");
    j->len++;
    *ret_position = j->end;
    j->end += bytes.len + 16;
    return PANDO_OK;
}

void sim_store_cap(struct sim_store *s, uint64_t staged_max)
{
    s->staged_max = staged_max;
}

uint64_t sim_store_end(const struct sim_store *s)
{
    return s->journal.end;
}

uint64_t sim_store_durable(const struct sim_store *s)
{
    return s->journal.durable;
}

void sim_store_commit(struct sim_store *s, uint64_t position)
{
    s->journal.durable = position;
}

void sim_store_crash(struct sim_store *s)
{
    struct journal *j = &s->journal;
    while (j->len > 0 && j->records[j->len - 1].position >= j->durable)
        free(j->records[--j->len].bytes);
    j->end = j->durable;
    clear_rows(s);
    for (size_t i = 0; i < j->len; i++)
        if (index_fold(&s->tables, &s->space, j->records[i].kind, j->records[i].position,
                       slice_of(j->records[i].bytes, j->records[i].len)) != PANDO_OK)
            pando_bug(__FILE__, __LINE__, "a durable record does not fold again");
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable;
}

static size_t find(const struct journal *j, uint64_t position)
{
    size_t from = 0, to = j->len;
    while (from < to) {
        const size_t mid = from + (to - from) / 2;
        if (j->records[mid].position < position)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

enum pando_status journal_read(struct journal *j, uint64_t position, uint8_t *ret_kind,
                               struct pando_buf *ret)
{
    const size_t i = find(j, position);
    if (i == j->len || j->records[i].position != position)
        return PANDO_NOT_FOUND;
    *ret_kind = j->records[i].kind;
    return buf_append(ret, slice_of(j->records[i].bytes, j->records[i].len));
}

void journal_scan(struct journal *j, uint64_t from, struct journal_cursor *ret)
{
    *ret = (struct journal_cursor){ .journal = j, .position = from };
}

void journal_scan_end(struct journal_cursor *c)
{
    (void)c;
}

enum pando_status journal_next(struct journal_cursor *c, uint64_t *ret_position,
                               uint8_t *ret_kind, struct pando_slice *ret_bytes)
{
    const size_t i = find(c->journal, c->position);
    if (i == c->journal->len)
        return PANDO_NOT_FOUND;
    const struct record *r = &c->journal->records[i];
    *ret_position = r->position;
    *ret_kind = r->kind;
    *ret_bytes = slice_of(r->bytes, r->len);
    c->position = r->position + r->len + 16;
    return PANDO_OK;
}
