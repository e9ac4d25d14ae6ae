#include "store/tables_conformance.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

#include <stdlib.h>

enum { ROWS_MAX = 2000, STEPS = 3000, KEY_MAX = 5, VALUE_MAX = 40 };

struct row {
    uint8_t table, key_len, value_len;
    uint8_t key[KEY_MAX], value[VALUE_MAX];
};

/* Sorted by table and key. */
struct model {
    struct row rows[ROWS_MAX];
    size_t len;
};

static int compare(const struct row *row, uint8_t table, struct pando_slice key)
{
    if (row->table != table)
        return row->table < table ? -1 : 1;
    const size_t len = row->key_len < key.len ? row->key_len : key.len;
    const int order = len > 0 ? memcmp(row->key, key.ptr, len) : 0;
    return order != 0 ? order : (row->key_len > key.len) - (row->key_len < key.len);
}

/* Where the key is, or would be. */
static size_t place(const struct model *m, uint8_t table, struct pando_slice key)
{
    size_t i = 0;
    while (i < m->len && compare(&m->rows[i], table, key) < 0)
        i++;
    return i;
}

static bool holds(const struct model *m, size_t i, uint8_t table, struct pando_slice key)
{
    return i < m->len && compare(&m->rows[i], table, key) == 0;
}

static void model_put(struct model *m, uint8_t table, struct pando_slice key,
                      struct pando_slice value)
{
    const size_t i = place(m, table, key);
    struct row *row = &m->rows[i];
    if (!holds(m, i, table, key)) {
        CHECK(m->len < ROWS_MAX);
        memmove(row + 1, row, (m->len - i) * sizeof *row);
        m->len++;
        *row = (struct row){ .table = table, .key_len = (uint8_t)key.len };
        if (key.len > 0)
            memcpy(row->key, key.ptr, key.len);
    }
    row->value_len = (uint8_t)value.len;
    if (value.len > 0)
        memcpy(row->value, value.ptr, value.len);
}

static void model_del(struct model *m, uint8_t table, struct pando_slice key)
{
    const size_t i = place(m, table, key);
    if (!holds(m, i, table, key))
        return;
    m->len--;
    memmove(&m->rows[i], &m->rows[i + 1], (m->len - i) * sizeof m->rows[0]);
}

/* One to KEY_MAX bytes out of few, the extremes among them. */
static struct pando_slice random_key(struct rng *rng, uint8_t room[static KEY_MAX])
{
    static const uint8_t letters[] = { 0x00, 0x01, 0x61, 0x62, 0xfe, 0xff };
    const size_t len = 1 + (size_t)rng_below(rng, KEY_MAX);
    for (size_t i = 0; i < len; i++)
        room[i] = letters[rng_below(rng, sizeof letters)];
    return slice_of(room, len);
}

static bool has_prefix(const struct row *row, uint8_t table, struct pando_slice prefix)
{
    return row->table == table && row->key_len >= prefix.len &&
           (prefix.len == 0 || memcmp(row->key, prefix.ptr, prefix.len) == 0);
}

static bool is_row(const struct row *row, struct pando_slice key,
                   struct pando_slice value)
{
    return slice_equal(key, slice_of(row->key, row->key_len)) &&
           slice_equal(value, slice_of(row->value, row->value_len));
}

/* The rows that a walk gives are those of the model, in the same order, and no others. */
static void check_walk(const struct tables *t, const struct model *m, uint8_t table,
                       struct pando_slice prefix, struct pando_slice from,
                       bool descending)
{
    struct tables_cursor c;
    struct pando_slice key, value;
    tables_seek(&c, table, prefix, from, descending);
    for (size_t n = 0; n < m->len; n++) {
        const struct row *row = &m->rows[descending ? m->len - 1 - n : n];
        const int side = from.len == 0 ? 0 : compare(row, table, from);
        if (!has_prefix(row, table, prefix) || (descending ? side > 0 : side < 0))
            continue;
        CHECK_OK(tables_next(t, &c, &key, &value));
        CHECK(is_row(row, key, value));
    }
    CHECK_EQ(tables_next(t, &c, &key, &value), PANDO_NOT_FOUND);
    CHECK_EQ(tables_next(t, &c, &key, &value), PANDO_NOT_FOUND);
}

static void random_walk(const struct tables *t, const struct model *m, struct rng *rng)
{
    uint8_t room[KEY_MAX];
    struct pando_slice from = random_key(rng, room), prefix = from;
    prefix.len = (size_t)rng_below(rng, from.len + 1);
    if (rng_chance(rng, 1, 2))
        from = SLICE_EMPTY;
    check_walk(t, m, (uint8_t)rng_below(rng, 3), prefix, from, rng_chance(rng, 1, 2));
}

static void step(const struct tables *t, struct model *m, struct rng *rng)
{
    uint8_t room[KEY_MAX], bytes[VALUE_MAX];
    const uint8_t table = (uint8_t)rng_below(rng, 3);
    const struct pando_slice key = random_key(rng, room);
    struct pando_slice got;
    const uint64_t dice = rng_below(rng, 10);
    if (dice < 5) {
        const struct pando_slice value =
            slice_of(bytes, (size_t)rng_below(rng, VALUE_MAX + 1));
        rng_fill(rng, bytes, value.len);
        CHECK_OK(tables_put(t, table, key, value));
        model_put(m, table, key, value);
    } else if (dice < 8) {
        CHECK_OK(tables_del(t, table, key));
        model_del(m, table, key);
    } else {
        const size_t i = place(m, table, key);
        const enum pando_status st = tables_get(t, table, key, &got);
        CHECK_EQ(st, holds(m, i, table, key) ? PANDO_OK : PANDO_NOT_FOUND);
        if (st == PANDO_OK)
            CHECK(slice_equal(got, slice_of(m->rows[i].value, m->rows[i].value_len)));
    }
}

void conformance_agrees_with_a_model(const struct conformance *c, uint64_t seed)
{
    struct rng rng = rng_seeded(seed);
    struct model *m = calloc(1, sizeof *m);
    CHECK(m != NULL);
    for (int i = 0; i < STEPS; i++) {
        step(c->tables, m, &rng);
        if (i % 20 == 0)
            random_walk(c->tables, m, &rng);
        if (c->upset != NULL && rng_chance(&rng, 1, 100))
            c->upset(c->ctx);
    }
    for (uint8_t table = 0; table < 3; table++)
        for (int descending = 0; descending < 2; descending++)
            check_walk(c->tables, m, table, SLICE_EMPTY, SLICE_EMPTY, descending == 1);
    free(m);
}

static void expect_next(const struct conformance *c, struct tables_cursor *cursor,
                        const char *key)
{
    struct pando_slice got, value;
    CHECK_OK(tables_next(c->tables, cursor, &got, &value));
    CHECK(slice_equal(got, slice_text(key)));
}

/* What is put before the walk's place is not met, what is put behind it is; what is
 * deleted in front of it is skipped, the entry it stands on included. */
void conformance_walks_see_changes(const struct conformance *c)
{
    const struct tables *t = c->tables;
    struct tables_cursor cursor;
    struct pando_slice key, value;
    static const char *const keys[] = { "a", "c", "e", "g" };
    for (size_t i = 0; i < 4; i++)
        CHECK_OK(tables_put(t, 9, slice_text(keys[i]), slice_text("v")));
    if (c->upset != NULL)
        c->upset(c->ctx);
    tables_seek(&cursor, 9, SLICE_EMPTY, SLICE_EMPTY, false);
    expect_next(c, &cursor, "a");
    expect_next(c, &cursor, "c");
    CHECK_OK(tables_del(t, 9, slice_text("c"))); /* where it stands */
    CHECK_OK(tables_put(t, 9, slice_text("b"), slice_text("late")));
    CHECK_OK(tables_put(t, 9, slice_text("d"), slice_text("new")));
    CHECK_OK(tables_del(t, 9, slice_text("e")));
    expect_next(c, &cursor, "d");
    if (c->upset != NULL)
        c->upset(c->ctx);
    expect_next(c, &cursor, "g");
    CHECK_EQ(tables_next(t, &cursor, &key, &value), PANDO_NOT_FOUND);
    CHECK_OK(tables_put(t, 9, slice_text("z"), slice_text("after the end")));
    expect_next(c, &cursor, "z");
    tables_seek(&cursor, 9, SLICE_EMPTY, slice_text("f"), true);
    expect_next(c, &cursor, "d");
    expect_next(c, &cursor, "b");
    CHECK_OK(tables_put(t, 9, slice_text("aa"), slice_text("new")));
    expect_next(c, &cursor, "aa");
    expect_next(c, &cursor, "a");
    CHECK_EQ(tables_next(t, &cursor, &key, &value), PANDO_NOT_FOUND);
}

void conformance_limits_are_kept(const struct conformance *c)
{
    const struct tables *t = c->tables;
    uint8_t key[TABLES_KEY_MAX + 1] = { 0 };
    uint8_t *big = calloc(1, TABLES_VALUE_MAX + 1);
    struct pando_slice got;
    CHECK(big != NULL);
    memset(key, 0xff, sizeof key);
    big[TABLES_VALUE_MAX - 1] = 7;
    const struct pando_slice longest = slice_of(key, TABLES_KEY_MAX);
    CHECK_EQ(tables_put(t, 1, slice_of(key, sizeof key), slice_text("v")), PANDO_INVALID);
    CHECK_EQ(tables_put(t, 1, longest, slice_of(big, TABLES_VALUE_MAX + 1)),
             PANDO_INVALID);
    CHECK_EQ(tables_get(t, 1, longest, &got), PANDO_NOT_FOUND);
    CHECK_OK(tables_put(t, 1, longest, slice_of(big, TABLES_VALUE_MAX)));
    if (c->upset != NULL)
        c->upset(c->ctx);
    CHECK_OK(tables_get(t, 1, longest, &got));
    CHECK(slice_equal(got, slice_of(big, TABLES_VALUE_MAX)));
    CHECK_OK(tables_put(t, 1, longest, SLICE_EMPTY));
    CHECK_OK(tables_get(t, 1, longest, &got));
    CHECK_EQ(got.len, 0);
    free(big);
}
