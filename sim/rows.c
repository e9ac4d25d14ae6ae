#include "sim/rows.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>

struct row {
    struct row *less, *more;
    uint32_t rank; /* of the heap order */
    uint8_t table;
    uint8_t key_len;
    uint8_t key[TABLES_KEY_MAX];
    uint32_t value_len, value_cap;
    uint8_t *value;
};

struct rows {
    struct row *root;
    uint32_t state; /* of the ranks */
    struct tables tables;
};

static int compare(uint8_t table, struct pando_slice key, const struct row *row)
{
    if (table != row->table)
        return table < row->table ? -1 : 1;
    const size_t len = key.len < row->key_len ? key.len : row->key_len;
    const int order = len == 0 ? 0 : memcmp(key.ptr, row->key, len);
    if (order != 0)
        return order;
    return key.len < row->key_len ? -1 : key.len > row->key_len;
}

static enum pando_status get(void *ctx, uint8_t table, struct pando_slice key,
                             struct pando_slice *ret)
{
    const struct rows *r = ctx;
    const struct row *at = r->root;
    while (at != NULL) {
        const int order = compare(table, key, at);
        if (order == 0) {
            *ret = slice_of(at->value, at->value_len);
            return PANDO_OK;
        }
        at = order < 0 ? at->less : at->more;
    }
    return PANDO_NOT_FOUND;
}

static void set_value(struct row *row, struct pando_slice value)
{
    if (row->value_cap < value.len || row->value == NULL) {
        free(row->value);
        row->value = malloc(value.len + 1);
        PANDO_ASSERT(row->value != NULL);
        row->value_cap = (uint32_t)value.len;
    }
    if (value.len > 0)
        memcpy(row->value, value.ptr, value.len);
    row->value_len = (uint32_t)value.len;
}

static struct row *new_row(struct rows *r, uint8_t table, struct pando_slice key)
{
    struct row *row = calloc(1, sizeof *row);
    PANDO_ASSERT(row != NULL && key.len <= TABLES_KEY_MAX);
    r->state = r->state * 1664525u + 1013904223u;
    row->rank = r->state ^ (r->state >> 15);
    row->table = table;
    row->key_len = (uint8_t)key.len;
    if (key.len > 0)
        memcpy(row->key, key.ptr, key.len);
    return row;
}

static void rotate(struct row **at, bool left_up)
{
    struct row *top = *at, *child = left_up ? top->less : top->more;
    if (left_up) {
        top->less = child->more;
        child->more = top;
    } else {
        top->more = child->less;
        child->less = top;
    }
    *at = child;
}

/* The place of a key, made when it is missing. Depth is logarithmic. */
static struct row *place(struct rows *r, struct row **at, uint8_t table, struct pando_slice key)
{
    if (*at == NULL)
        return *at = new_row(r, table, key);
    const int order = compare(table, key, *at);
    if (order == 0)
        return *at;
    struct row **child = order < 0 ? &(*at)->less : &(*at)->more;
    struct row *found = place(r, child, table, key);
    if ((*child)->rank > (*at)->rank)
        rotate(at, order < 0);
    return found;
}

static enum pando_status put(void *ctx, uint8_t table, struct pando_slice key,
                             struct pando_slice value)
{
    struct rows *r = ctx;
    if (key.len > TABLES_KEY_MAX || value.len > TABLES_VALUE_MAX)
        return PANDO_INVALID;
    set_value(place(r, &r->root, table, key), value);
    return PANDO_OK;
}

static enum pando_status del(void *ctx, uint8_t table, struct pando_slice key)
{
    struct rows *r = ctx;
    struct row **at = &r->root;
    int order;
    while (*at != NULL && (order = compare(table, key, *at)) != 0)
        at = order < 0 ? &(*at)->less : &(*at)->more;
    if (*at == NULL)
        return PANDO_OK;
    while ((*at)->less != NULL && (*at)->more != NULL) {
        const bool left_up = (*at)->less->rank > (*at)->more->rank;
        rotate(at, left_up);
        at = left_up ? &(*at)->more : &(*at)->less;
    }
    struct row *gone = *at;
    *at = gone->less != NULL ? gone->less : gone->more;
    free(gone->value);
    free(gone);
    return PANDO_OK;
}

/* A walk without a start begins at the prefix's first key, or at its last. */
static void settle_start(struct tables_cursor *c)
{
    if (c->started || c->key_len > 0)
        return;
    memset(c->key, 0xff, sizeof c->key);
    memcpy(c->key, c->prefix, c->prefix_len);
    c->key_len = c->descending ? TABLES_KEY_MAX : c->prefix_len;
}

/* The nearest row in the cursor's direction from where it stands. */
static const struct row *nearest(const struct rows *r, const struct tables_cursor *c)
{
    const struct pando_slice key = slice_of(c->key, c->key_len);
    const struct row *at = r->root, *best = NULL;
    while (at != NULL) {
        const int order = compare(c->table, key, at);
        const bool fits = (order == 0 && !c->started) || (c->descending ? order > 0 : order < 0);
        if (fits)
            best = at;
        at = fits == c->descending ? at->more : at->less;
    }
    return best;
}

static enum pando_status next(void *ctx, struct tables_cursor *c, struct pando_slice *ret_key,
                              struct pando_slice *ret_value)
{
    settle_start(c);
    const struct row *row = nearest(ctx, c);
    if (row == NULL || row->table != c->table || row->key_len < c->prefix_len ||
        memcmp(row->key, c->prefix, c->prefix_len) != 0)
        return PANDO_NOT_FOUND;
    c->started = true;
    c->key_len = row->key_len;
    memcpy(c->key, row->key, row->key_len);
    *ret_key = slice_of(row->key, row->key_len);
    *ret_value = slice_of(row->value, row->value_len);
    return PANDO_OK;
}

static bool full(void *ctx)
{
    (void)ctx;
    return false;
}

static const struct tables_ops ops = {
    .get = get, .put = put, .del = del, .next = next, .full = full
};

struct rows *rows_new(void)
{
    struct rows *r = calloc(1, sizeof *r);
    PANDO_ASSERT(r != NULL);
    r->state = 1;
    r->tables = (struct tables){ r, &ops };
    return r;
}

static void free_tree(struct row *row)
{
    if (row == NULL)
        return;
    free_tree(row->less);
    free_tree(row->more);
    free(row->value);
    free(row);
}

void rows_free(struct rows *r)
{
    if (r == NULL)
        return;
    free_tree(r->root);
    free(r);
}

struct tables *rows_tables(struct rows *r)
{
    return &r->tables;
}

static bool same_table(struct rows *a, struct rows *b, uint8_t table)
{
    struct tables_cursor at, other;
    struct pando_slice key[2], value[2];
    tables_seek(&at, table, SLICE_EMPTY, SLICE_EMPTY, false);
    tables_seek(&other, table, SLICE_EMPTY, SLICE_EMPTY, false);
    for (;;) {
        const enum pando_status st = tables_next(&a->tables, &at, &key[0], &value[0]);
        if (tables_next(&b->tables, &other, &key[1], &value[1]) != st)
            return false;
        if (st != PANDO_OK)
            return true;
        if (!slice_equal(key[0], key[1]) || !slice_equal(value[0], value[1]))
            return false;
    }
}

bool rows_equal(struct rows *a, struct rows *b)
{
    for (unsigned table = 0; table < 0xf0; table++)
        if (!same_table(a, b, (uint8_t)table))
            return false;
    return true;
}
