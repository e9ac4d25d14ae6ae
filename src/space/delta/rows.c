#include "space/delta/rows_put.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/wire.h"

#include <string.h>

#define NAME_BYTES   33u
#define COUNTS_BYTES 56u
#define TARGET_KEY   40u

enum name_flag { NAME_ARCHIVED = 1, NAME_CONFLICTED = 2 };

static const uint8_t ONLY[1] = { 0 };

struct post_list rows_times(void)
{
    return (struct post_list){ .table = ROWS_TIMES };
}

struct post_list rows_list(enum rows_table table, struct pando_slice text)
{
    return (struct post_list){ (uint8_t)table, sizeof(struct delta_hash), group_hash(text) };
}

/* --- rows one by one --- */

enum pando_status rows_counts(const struct tables *t, struct row_counts *ret)
{
    struct pando_slice v;
    *ret = (struct row_counts){ 0 };
    const enum pando_status st = tables_get(t, ROWS_COUNTS, SLICE_OF(ONLY), &v);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st;
    struct wire_reader r = wire_read(v);
    ret->deltas = wire_get_be(&r, 8);
    ret->archived = wire_get_be(&r, 8);
    ret->conflicts = wire_get_be(&r, 8);
    ret->stale = wire_get_be(&r, 8);
    ret->targets = wire_get_be(&r, 8);
    ret->contexts = wire_get_be(&r, 8);
    ret->latest = wire_get_be(&r, 8);
    return wire_read_done(&r) ? PANDO_OK : PANDO_CORRUPT;
}

enum pando_status rows_put_counts(const struct tables *t, const struct row_counts *c)
{
    uint8_t bytes[COUNTS_BYTES];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, c->deltas, 8);
    wire_put_be(&w, c->archived, 8);
    wire_put_be(&w, c->conflicts, 8);
    wire_put_be(&w, c->stale, 8);
    wire_put_be(&w, c->targets, 8);
    wire_put_be(&w, c->contexts, 8);
    wire_put_be(&w, c->latest, 8);
    return tables_put(t, ROWS_COUNTS, SLICE_OF(ONLY), wire_written(&w));
}

enum pando_status rows_name(const struct tables *t, const struct delta_hash *name,
                            struct row_name *ret)
{
    struct pando_slice v;
    const enum pando_status st = tables_get(t, ROWS_NAMES, SLICE_OF(*name), &v);
    if (st != PANDO_OK)
        return st;
    struct wire_reader r = wire_read(v);
    const uint64_t flags = wire_get_be(&r, 1);
    ret->archived = (flags & NAME_ARCHIVED) != 0;
    ret->conflicted = (flags & NAME_CONFLICTED) != 0;
    ret->place = wire_get_be(&r, 8);
    ret->timestamp = (int64_t)wire_get_be(&r, 8);
    wire_get_copy(&r, ret->digest.bytes, sizeof ret->digest.bytes);
    return wire_read_done(&r) ? PANDO_OK : PANDO_CORRUPT;
}

void rows_expect_name(const struct tables *t, const struct delta_hash *name)
{
    tables_expect(t, ROWS_NAMES, SLICE_OF(*name));
}

enum pando_status rows_put_name(const struct tables *t, const struct delta_hash *name,
                                const struct row_name *n)
{
    uint8_t bytes[NAME_BYTES];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w,
                (n->archived ? NAME_ARCHIVED : 0u) | (n->conflicted ? NAME_CONFLICTED : 0u),
                1);
    wire_put_be(&w, n->place, 8);
    wire_put_be(&w, (uint64_t)n->timestamp, 8);
    wire_put_bytes(&w, SLICE_OF(n->digest));
    PANDO_ASSERT(!w.failed);
    return tables_put(t, ROWS_NAMES, SLICE_OF(*name), wire_written(&w));
}

static struct pando_slice list_key(const struct post_list *l, uint8_t ret[static 17])
{
    ret[0] = l->table;
    memcpy(ret + 1, l->prefix.bytes, 16);
    return slice_of(ret, 17);
}

enum pando_status rows_get_tally(const struct tables *t, const struct post_list *l,
                                 uint64_t *ret)
{
    uint8_t key[17];
    struct pando_slice v;
    *ret = 0;
    const enum pando_status st = tables_get(t, ROWS_TALLIES, list_key(l, key), &v);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st;
    struct wire_reader r = wire_read(v);
    *ret = wire_get_be(&r, 8);
    return wire_read_done(&r) ? PANDO_OK : PANDO_CORRUPT;
}

uint64_t rows_tally(const struct tables *t, const struct post_list *l)
{
    uint64_t tally;
    return rows_get_tally(t, l, &tally) == PANDO_OK ? tally : 0;
}

enum pando_status rows_add_tally(const struct tables *t, const struct post_list *l,
                                 int64_t add)
{
    uint8_t key[17], bytes[8];
    const uint64_t old = rows_tally(t, l);
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, add < 0 && old < (uint64_t)-add ? 0 : old + (uint64_t)add, 8);
    return tables_put(t, ROWS_TALLIES, list_key(l, key), wire_written(&w));
}

/* --- targets --- */

static struct pando_slice target_key(const struct post_list *l, int64_t timestamp,
                                     const struct delta_hash *digest,
                                     uint8_t ret[static TARGET_KEY])
{
    struct wire_writer w = wire_write(ret, TARGET_KEY);
    wire_put_bytes(&w, SLICE_OF(l->prefix));
    wire_put_be(&w, (uint64_t)timestamp, 8);
    wire_put_bytes(&w, SLICE_OF(*digest));
    return wire_written(&w);
}

enum pando_status rows_put_target(const struct tables *t, const struct post_list *l,
                                  const struct post_entry *e)
{
    uint8_t key[TARGET_KEY], value[8];
    struct wire_writer w = wire_write(value, sizeof value);
    wire_put_be(&w, e->place, 8);
    return tables_put(t, ROWS_TARGETS, target_key(l, e->timestamp, &e->digest, key),
                      wire_written(&w));
}

enum pando_status rows_del_target(const struct tables *t, const struct post_list *l,
                                  const struct post_entry *e)
{
    uint8_t key[TARGET_KEY];
    return tables_del(t, ROWS_TARGETS, target_key(l, e->timestamp, &e->digest, key));
}

enum pando_status rows_find_targets(const struct tables *t, const struct post_list *l,
                                    const struct delta_place *place, bool descending,
                                    struct post_leaf *ret)
{
    uint8_t from[TARGET_KEY];
    struct pando_slice key, value, at = SLICE_EMPTY;
    struct tables_cursor c;
    enum pando_status st;
    struct post_entry all[POST_LEAF];
    size_t len = 0;
    if (place->set)
        at = target_key(l, place->timestamp, &place->digest, from);
    tables_seek(&c, ROWS_TARGETS, SLICE_OF(l->prefix), at, descending);
    while (len < POST_LEAF && (st = tables_next(t, &c, &key, &value)) == PANDO_OK) {
        struct wire_reader k = wire_read(slice_from(key, sizeof l->prefix));
        struct wire_reader v = wire_read(value);
        struct post_entry *e = &all[len];
        e->timestamp = (int64_t)wire_get_be(&k, 8);
        wire_get_copy(&k, e->digest.bytes, sizeof e->digest.bytes);
        e->place = wire_get_be(&v, 8);
        if (!wire_read_done(&k) || !wire_read_done(&v))
            return PANDO_CORRUPT;
        if (!place->set || post_compare_place(e, place) != 0)
            len++;
    }
    if (len < POST_LEAF && st != PANDO_NOT_FOUND)
        return st;
    ret->list = *l;
    ret->len = len;
    for (size_t i = 0; i < len; i++)
        ret->entries[descending ? len - 1 - i : i] = all[i];
    return len == 0 ? PANDO_NOT_FOUND : PANDO_OK;
}

/* --- where a delta stands --- */

static size_t add_list(struct post_list *lists, size_t len, enum rows_table table,
                       struct pando_slice text)
{
    lists[len] = rows_list(table, text);
    for (size_t i = 0; i < len; i++)
        if (post_list_equal(&lists[i], &lists[len]))
            return len;
    return len + 1;
}

size_t rows_lists_of(const struct delta *d, struct post_list ret[static ROWS_LISTS_MAX])
{
    size_t len = 0;
    len = add_list(ret, len, ROWS_AUTHORS, d->author);
    len = add_list(ret, len, ROWS_SYSTEMS, d->system);
    for (size_t i = 0; i < d->pointers_len; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        if (p->kind != DELTA_REF)
            continue;
        len = add_list(ret, len, ROWS_TARGETS, p->text);
        if (p->context.len != 0)
            len = add_list(ret, len, ROWS_CONTEXTS, p->context);
    }
    return len;
}
