#include "space/delta/post_leaf.h"

#include "base/slice.h"

#include <string.h>

int post_compare(const struct post_entry *a, const struct post_entry *b)
{
    if (a->timestamp != b->timestamp)
        return a->timestamp < b->timestamp ? -1 : 1;
    return memcmp(a->digest.bytes, b->digest.bytes, sizeof a->digest.bytes);
}

int post_compare_place(const struct post_entry *a, const struct delta_place *b)
{
    const struct post_entry e = { b->timestamp, b->digest, 0 };
    return post_compare(a, &e);
}

bool post_list_equal(const struct post_list *a, const struct post_list *b)
{
    return a->table == b->table && a->prefix_len == b->prefix_len &&
           memcmp(a->prefix.bytes, b->prefix.bytes, a->prefix_len) == 0;
}

/* --- walking --- */

const struct post_entry *post_next(const struct post_leaf *leaf,
                                   const struct delta_place *place, bool descending)
{
    for (size_t i = 0; i < leaf->len; i++) {
        const struct post_entry *e = &leaf->entries[descending ? leaf->len - 1 - i : i];
        if (!place->set)
            return e;
        const int order = post_compare_place(e, place);
        if (descending ? order < 0 : order > 0)
            return e;
    }
    return NULL;
}

static enum pando_status next_leaf(const struct tables *t, struct tables_cursor *c,
                                   struct post_leaf *ret)
{
    struct pando_slice key, value;
    const enum pando_status st = tables_next(t, c, &key, &value);
    return st == PANDO_OK ? post_leaf_read(value, ret->entries, &ret->len) : st;
}

enum pando_status post_find(const struct tables *t, const struct post_list *l,
                            const struct delta_place *place, bool descending,
                            struct post_leaf *ret)
{
    struct tables_cursor c;
    struct post_key at;
    enum pando_status st;
    ret->list = *l;
    if (!place->set) {
        tables_seek(&c, l->table, post_prefix(l), SLICE_EMPTY, descending);
        return next_leaf(t, &c, ret);
    }
    at = post_key_of(l, place->timestamp, &place->digest);
    tables_seek(&c, l->table, post_prefix(l), post_key_view(&at), true);
    st = next_leaf(t, &c, ret);
    if (st == PANDO_OK && post_next(ret, place, descending) != NULL)
        return PANDO_OK;
    if (descending)
        return st == PANDO_OK ? next_leaf(t, &c, ret) : st;
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    tables_seek(&c, l->table, post_prefix(l), post_key_view(&at), false);
    st = next_leaf(t, &c, ret);
    if (st == PANDO_OK && post_next(ret, place, false) == NULL)
        st = next_leaf(t, &c, ret); /* one that begins at the place itself */
    return st;
}
