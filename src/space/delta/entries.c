/* entries.c - lists of postings, entry by entry.
 *
 * A scan comes back for each delta: with the place that it was given, and with the texts whose
 * lists it steps through. So the leaf and the entry at which a walk stands are remembered, and
 * the hashes of texts.
 */
#include "space/delta/store_state.h"

#include "base/slice.h"

#include <string.h>

/* Whether the walk stands at the entry that this leaf gave last, and another one follows. */
static bool goes_on(const struct cached_leaf *c, const struct delta_place *place,
                    bool descending)
{
    const struct post_entry *last = &c->leaf.entries[c->last];
    return place->set && (descending ? c->last > 0 : c->last + 1 < c->leaf.len) &&
           last->timestamp == place->timestamp && hash_equal(&last->digest, &place->digest);
}

/* Whether the entry behind `place` lies in this leaf for sure. */
static bool covers(const struct post_leaf *leaf, const struct delta_place *place,
                   bool descending)
{
    if (leaf->len == 0 || !place->set)
        return false;
    const int first = post_compare_place(&leaf->entries[0], place);
    const int last = post_compare_place(&leaf->entries[leaf->len - 1], place);
    return descending ? first < 0 && last >= 0 : first <= 0 && last > 0;
}

/* The entry behind `place`, if it is in a leaf that is kept; stands at it then. */
static struct cached_leaf *step_cached(struct delta_store *s, const struct post_list *list,
                                       const struct delta_place *place, bool descending)
{
    for (size_t n = 0; n < CACHE_LEAVES; n++) {
        const size_t i = (s->leaves_last + n) % CACHE_LEAVES;
        struct cached_leaf *c = &s->leaves[i];
        if (c->version != s->version || !post_list_equal(&c->leaf.list, list))
            continue;
        if (goes_on(c, place, descending))
            c->last = descending ? c->last - 1 : c->last + 1;
        else if (covers(&c->leaf, place, descending))
            c->last = (size_t)(post_next(&c->leaf, place, descending) - c->leaf.entries);
        else
            continue;
        s->leaves_last = i;
        return c;
    }
    return NULL;
}

/* Read the leaf and stand at the entry behind `place`. */
static enum pando_status step_read(struct delta_store *s, const struct post_list *list,
                                   const struct delta_place *place, bool descending,
                                   struct cached_leaf **ret)
{
    struct post_leaf found; /* the search for what is not there displaces nothing */
    const enum pando_status st =
        list->table == ROWS_TARGETS
            ? rows_find_targets(s->host.tables, list, place, descending, &found)
            : post_find(s->host.tables, list, place, descending, &found);
    if (st != PANDO_OK)
        return st;
    const struct post_entry *e = post_next(&found, place, descending);
    if (e == NULL)
        return PANDO_NOT_FOUND;
    s->leaves_last = s->leaves_next++ % CACHE_LEAVES;
    struct cached_leaf *c = &s->leaves[s->leaves_last];
    *c = (struct cached_leaf){ s->version, (size_t)(e - found.entries), found };
    *ret = c;
    return PANDO_OK;
}

/* Whether the entry that comes then lies in the same record. */
static bool is_amid(const struct cached_leaf *c, bool descending)
{
    const struct post_leaf *l = &c->leaf;
    if (descending ? c->last == 0 : c->last + 1 == l->len)
        return false;
    const size_t then = descending ? c->last - 1 : c->last + 1;
    return l->entries[c->last].place >> 8 == l->entries[then].place >> 8;
}

enum pando_status store_next_entry(struct delta_store *s, const struct post_list *list,
                                   const struct delta_place *place, bool descending,
                                   struct post_entry *ret, bool *ret_amid)
{
    struct cached_leaf *c = step_cached(s, list, place, descending);
    if (c == NULL) {
        const enum pando_status st = step_read(s, list, place, descending, &c);
        if (st != PANDO_OK)
            return st;
    }
    *ret = c->leaf.entries[c->last];
    if (ret_amid != NULL)
        *ret_amid = is_amid(c, descending);
    return PANDO_OK;
}

struct post_list store_list_of(struct delta_store *s, enum rows_table table,
                               struct pando_slice text)
{
    struct post_list list = { .table = (uint8_t)table, .prefix_len = sizeof list.prefix };
    for (size_t i = 0; i < CACHE_MEMOS; i++) {
        const struct memo *m = &s->memos[i];
        if (m->len != 0 && slice_equal(slice_of(m->text, m->len), text)) {
            list.prefix = m->hash;
            return list;
        }
    }
    list.prefix = group_hash(text);
    if (text.len == 0 || text.len > MEMO_TEXT_MAX)
        return list;
    struct memo *m = &s->memos[s->memos_next++ % CACHE_MEMOS];
    m->len = text.len;
    m->hash = list.prefix;
    memcpy(m->text, text.ptr, text.len);
    return list;
}
