/* post_put.c - postings change: leaves are filled, halved, taken from.
 */
#include "space/delta/post_leaf.h"

#include "base/slice.h"
#include "space/delta/store_mutant.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 256u /* entries merged into one leaf at a time */

/* --- the last leaves of lists --- */

#define TAILS 64u /* a power of two */

struct tail {
    bool used;
    struct post_list list;
    struct post_key key;
    size_t len;
    struct post_entry entries[POST_LEAF];
};

struct post_tails {
    struct tail tails[TAILS];
};

enum pando_status post_tails_new(struct post_tails **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret != NULL ? PANDO_OK : PANDO_NOMEM;
}

void post_tails_free(struct post_tails *tails)
{
    free(tails);
}

void post_tails_forget(struct post_tails *tails)
{
    for (size_t i = 0; i < TAILS; i++)
        tails->tails[i].used = false;
}

/* Where the tail of this list lies, or would. */
static struct tail *tail_of(struct post_tails *tails, const struct post_list *l)
{
    const unsigned mixed = (unsigned)l->table ^ l->prefix.bytes[0];
    return &tails->tails[mixed % TAILS];
}

static bool is_tail_of(const struct tail *tail, const struct post_list *l)
{
    return tail->used && post_list_equal(&tail->list, l);
}

/* --- one leaf --- */

struct leaf {
    struct post_key key;
    struct post_key end; /* where the next one begins; len 0: there is none */
    size_t len;
    struct post_entry entries[POST_LEAF];
};

static bool copy_key(struct post_key *to, struct pando_slice key)
{
    if (key.len > sizeof to->bytes)
        return false;
    to->len = key.len;
    memcpy(to->bytes, key.ptr, key.len);
    return true;
}

static enum pando_status find_end(const struct tables *t, const struct post_list *l,
                                  struct leaf *ret)
{
    struct tables_cursor c;
    struct pando_slice key, value;
    ret->end.len = 0;
    tables_seek(&c, l->table, post_prefix(l), post_key_view(&ret->key), false);
    enum pando_status st = tables_next(t, &c, &key, &value);
    if (st == PANDO_OK && slice_equal(key, post_key_view(&ret->key)))
        st = tables_next(t, &c, &key, &value);
    if (st == PANDO_OK && !copy_key(&ret->end, key))
        return PANDO_CORRUPT;
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

/* The leaf to which `at` belongs; a list's first one when there is none yet. Its end is not
 * looked for. */
static enum pando_status load(const struct tables *t, const struct post_list *l,
                              const struct post_key *at, struct leaf *ret)
{
    struct tables_cursor c;
    struct pando_slice key, value;
    ret->len = 0;
    ret->key = post_first_key(l);
    tables_seek(&c, l->table, post_prefix(l), post_key_view(at), true);
    const enum pando_status st = tables_next(t, &c, &key, &value);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st;
    return copy_key(&ret->key, key) ? post_leaf_read(value, ret->entries, &ret->len)
                                    : PANDO_CORRUPT;
}

/* --- putting --- */

/* Merge `add` into `old`, both in order; where they meet, `add` counts. */
static size_t merge(const struct post_entry *old, size_t old_len, const struct post_entry *add,
                    size_t add_len, struct post_entry *to)
{
    size_t i = 0, k = 0, len = 0;
    while (i < old_len || k < add_len) {
        const int order = i == old_len   ? 1
                          : k == add_len ? -1
                                         : post_compare(&old[i], &add[k]);
        if (order == 0)
            i++;
        to[len++] = order < 0 ? old[i++] : add[k++];
    }
    return len;
}

/* Keep the leaf that was written last as the tail of its list; NULL: nobody does. */
static void keep_tail(struct tail *tail, const struct post_list *l, const struct post_key *key,
                      const struct post_entry *e, size_t len)
{
    if (tail == NULL)
        return;
    tail->used = true;
    tail->list = *l;
    tail->key = *key;
    tail->len = len;
    memmove(tail->entries, e, len * sizeof *e);
}

/* Lay out entries as leaves from `first` on. */
static enum pando_status write_run(const struct tables *t, const struct post_list *l,
                                   const struct post_key *first, const struct post_entry *e,
                                   size_t len, bool grows, struct tail *tail)
{
    const size_t leaves = (len + POST_LEAF - 1) / POST_LEAF;
    const size_t each = grows ? POST_LEAF : (len + leaves - 1) / leaves;
    enum pando_status st = PANDO_OK;
    for (size_t at = 0; st == PANDO_OK && at < len; at += each) {
        const size_t n = len - at < each ? len - at : each;
        const struct post_key key =
            at == 0 ? *first : post_key_of(l, e[at].timestamp, &e[at].digest);
        st = post_leaf_write(t, l->table, &key, e + at, n);
        if (at + n == len)
            keep_tail(tail, l, &key, e + at, n);
    }
    return st;
}

/* How many of the entries lie before the key at which the next leaf begins. */
static size_t count_before(const struct post_list *l, const struct post_key *end,
                           const struct post_entry *e, size_t len)
{
    size_t n = 1; /* the first does: its leaf was looked for */
    if (len > BATCH_MAX)
        len = BATCH_MAX;
    if (end->len == 0)
        return len;
    while (n < len) {
        const struct post_key k = post_key_of(l, e[n].timestamp, &e[n].digest);
        if (memcmp(k.bytes, end->bytes, k.len < end->len ? k.len : end->len) >= 0)
            break;
        n++;
    }
    return n;
}

/* The leaf in which the first of the entries goes: the list's tail, if that is known and not
 * behind it. */
static enum pando_status leaf_for(const struct tables *t, const struct tail *tail,
                                  const struct post_list *l, const struct post_entry *first,
                                  struct leaf *ret)
{
    const struct post_key at = post_key_of(l, first->timestamp, &first->digest);
    if (tail != NULL && is_tail_of(tail, l) &&
        memcmp(at.bytes, tail->key.bytes, tail->key.len) >= 0) {
        ret->key = tail->key;
        ret->end.len = 0;
        ret->len = tail->len;
        memcpy(ret->entries, tail->entries, tail->len * sizeof *tail->entries);
        return PANDO_OK;
    }
    const enum pando_status st = load(t, l, &at, ret);
    return st == PANDO_OK ? find_end(t, l, ret) : st;
}

enum pando_status post_put(const struct tables *t, struct post_tails *tails,
                           const struct post_list *l, const struct post_entry *entries,
                           size_t len)
{
    struct tail *const tail = tails == NULL ? NULL : tail_of(tails, l);
    while (len > 0) {
        struct post_entry all[POST_LEAF + BATCH_MAX];
        struct leaf leaf;
        enum pando_status st = leaf_for(t, tail, l, entries, &leaf);
        if (st != PANDO_OK)
            return st;
        const size_t n = count_before(l, &leaf.end, entries, len);
        const bool last = leaf.end.len == 0;
        const bool grows =
            last && (leaf.len == 0 || post_compare(&leaf.entries[leaf.len - 1], entries) < 0);
        const size_t all_len = merge(leaf.entries, leaf.len, entries, n, all);
        st = write_run(t, l, &leaf.key, all, all_len, grows, last ? tail : NULL);
        if (st != PANDO_OK)
            return st;
        entries += n;
        len -= n;
    }
    return PANDO_OK;
}

enum pando_status post_del(const struct tables *t, struct post_tails *tails,
                           const struct post_list *l, const struct post_entry *entry)
{
    const struct post_key at = post_key_of(l, entry->timestamp, &entry->digest);
    struct leaf leaf;
    if (tails != NULL && is_tail_of(tail_of(tails, l), l) && DELTA_STORE_MUTANT != 5)
        tail_of(tails, l)->used = false;
    const enum pando_status st = load(t, l, &at, &leaf);
    if (st != PANDO_OK)
        return st;
    for (size_t i = 0; i < leaf.len; i++) {
        if (post_compare(&leaf.entries[i], entry) != 0)
            continue;
        memmove(leaf.entries + i, leaf.entries + i + 1,
                (leaf.len - i - 1) * sizeof *leaf.entries);
        return post_leaf_write(t, l->table, &leaf.key, leaf.entries, leaf.len - 1);
    }
    return PANDO_OK;
}
