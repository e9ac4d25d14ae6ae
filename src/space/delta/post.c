#include "space/delta/post.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/wire.h"

#include <string.h>

#define KEY_MAX   (POST_PREFIX_MAX + 24u)
#define BATCH_MAX 256u /* entries merged into one leaf at a time */

struct key {
    size_t len;
    uint8_t bytes[KEY_MAX];
};

static struct key first_key(const struct post_list *l)
{
    struct key k = { .len = (size_t)l->prefix_len + 1 };
    memcpy(k.bytes, l->prefix.bytes, l->prefix_len);
    k.bytes[l->prefix_len] = 0;
    return k;
}

static struct key key_of(const struct post_list *l, int64_t timestamp,
                         const struct delta_hash *digest)
{
    struct key k;
    struct wire_writer w = wire_write(k.bytes, sizeof k.bytes);
    wire_put_bytes(&w, slice_of(l->prefix.bytes, l->prefix_len));
    wire_put_be(&w, (uint64_t)timestamp, 8);
    wire_put_bytes(&w, SLICE_OF(*digest));
    k.len = w.len;
    return k;
}

static struct pando_slice view(const struct key *k)
{
    return slice_of(k->bytes, k->len);
}

static struct pando_slice prefix_of(const struct post_list *l)
{
    return slice_of(l->prefix.bytes, l->prefix_len);
}

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

/* --- one leaf as bytes --- */

static enum pando_status read_leaf(struct pando_slice value, struct post_entry *ret,
                                   size_t *ret_len)
{
    if (value.len % POST_ENTRY != 0 || value.len / POST_ENTRY > POST_LEAF)
        return PANDO_CORRUPT;
    struct wire_reader r = wire_read(value);
    *ret_len = value.len / POST_ENTRY;
    for (size_t i = 0; i < *ret_len; i++) {
        ret[i].timestamp = (int64_t)wire_get_be(&r, 8);
        wire_get_copy(&r, ret[i].digest.bytes, sizeof ret[i].digest.bytes);
        ret[i].place = wire_get_be(&r, 8);
    }
    return PANDO_OK;
}

static enum pando_status write_leaf(const struct tables *t, uint8_t table,
                                    const struct key *key, const struct post_entry *e,
                                    size_t len)
{
    uint8_t bytes[POST_LEAF * POST_ENTRY];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    if (len == 0)
        return tables_del(t, table, view(key));
    for (size_t i = 0; i < len; i++) {
        wire_put_be(&w, (uint64_t)e[i].timestamp, 8);
        wire_put_bytes(&w, SLICE_OF(e[i].digest));
        wire_put_be(&w, e[i].place, 8);
    }
    PANDO_ASSERT(!w.failed);
    return tables_put(t, table, view(key), wire_written(&w));
}

/* The leaf to which `at` belongs: its key and entries; a list's first one when there is
 * none yet. `*ret_end`: where the next leaf begins; its len is 0 when there is no next. */
static enum pando_status load(const struct tables *t, const struct post_list *l,
                              const struct key *at, struct key *ret_key, struct key *ret_end,
                              struct post_entry *ret, size_t *ret_len)
{
    struct tables_cursor c;
    struct pando_slice key, value;
    *ret_len = 0;
    *ret_key = first_key(l);
    tables_seek(&c, l->table, prefix_of(l), view(at), true);
    enum pando_status st = tables_next(t, &c, &key, &value);
    if (st == PANDO_OK && key.len <= sizeof ret_key->bytes) {
        ret_key->len = key.len;
        memcpy(ret_key->bytes, key.ptr, key.len);
        st = read_leaf(value, ret, ret_len);
    }
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    if (ret_end == NULL)
        return PANDO_OK;
    ret_end->len = 0;
    tables_seek(&c, l->table, prefix_of(l), view(ret_key), false);
    st = tables_next(t, &c, &key, &value);
    if (st == PANDO_OK && slice_equal(key, view(ret_key)))
        st = tables_next(t, &c, &key, &value);
    if (st == PANDO_OK && key.len <= sizeof ret_end->bytes) {
        ret_end->len = key.len;
        memcpy(ret_end->bytes, key.ptr, key.len);
    }
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
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

/* Lay out entries as leaves from `first` on. */
static enum pando_status write_run(const struct tables *t, const struct post_list *l,
                                   const struct key *first, const struct post_entry *e,
                                   size_t len, bool grows)
{
    const size_t leaves = (len + POST_LEAF - 1) / POST_LEAF;
    const size_t each = grows ? POST_LEAF : (len + leaves - 1) / leaves;
    enum pando_status st = PANDO_OK;
    for (size_t at = 0; st == PANDO_OK && at < len; at += each) {
        const size_t n = len - at < each ? len - at : each;
        const struct key key =
            at == 0 ? *first : key_of(l, e[at].timestamp, &e[at].digest);
        st = write_leaf(t, l->table, &key, e + at, n);
    }
    return st;
}

/* How many of the entries lie before the key at which the next leaf begins. */
static size_t count_before(const struct post_list *l, const struct key *end,
                           const struct post_entry *e, size_t len)
{
    size_t n = 1; /* the first does: its leaf was looked for */
    if (len > BATCH_MAX)
        len = BATCH_MAX;
    if (end->len == 0)
        return len;
    while (n < len) {
        const struct key k = key_of(l, e[n].timestamp, &e[n].digest);
        if (memcmp(k.bytes, end->bytes, k.len < end->len ? k.len : end->len) >= 0)
            break;
        n++;
    }
    return n;
}

enum pando_status post_put(const struct tables *t, const struct post_list *l,
                           const struct post_entry *entries, size_t len)
{
    while (len > 0) {
        struct post_entry old[POST_LEAF], all[POST_LEAF + BATCH_MAX];
        struct key at = key_of(l, entries->timestamp, &entries->digest), key, end;
        size_t old_len;
        enum pando_status st = load(t, l, &at, &key, &end, old, &old_len);
        if (st != PANDO_OK)
            return st;
        const size_t n = count_before(l, &end, entries, len);
        const bool grows = end.len == 0 && (old_len == 0 ||
                                            post_compare(&old[old_len - 1], entries) < 0);
        const size_t all_len = merge(old, old_len, entries, n, all);
        st = write_run(t, l, &key, all, all_len, grows);
        if (st != PANDO_OK)
            return st;
        entries += n;
        len -= n;
    }
    return PANDO_OK;
}

enum pando_status post_del(const struct tables *t, const struct post_list *l,
                           const struct post_entry *entry)
{
    struct post_entry old[POST_LEAF];
    struct key at = key_of(l, entry->timestamp, &entry->digest), key;
    size_t len;
    const enum pando_status st = load(t, l, &at, &key, NULL, old, &len);
    if (st != PANDO_OK)
        return st;
    for (size_t i = 0; i < len; i++) {
        if (post_compare(&old[i], entry) != 0)
            continue;
        memmove(old + i, old + i + 1, (len - i - 1) * sizeof *old);
        return write_leaf(t, l->table, &key, old, len - 1);
    }
    return PANDO_OK;
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
    return st == PANDO_OK ? read_leaf(value, ret->entries, &ret->len) : st;
}

enum pando_status post_find(const struct tables *t, const struct post_list *l,
                            const struct delta_place *place, bool descending,
                            struct post_leaf *ret)
{
    struct tables_cursor c;
    struct key at;
    enum pando_status st;
    ret->list = *l;
    if (!place->set) {
        tables_seek(&c, l->table, prefix_of(l), SLICE_EMPTY, descending);
        return next_leaf(t, &c, ret);
    }
    at = key_of(l, place->timestamp, &place->digest);
    tables_seek(&c, l->table, prefix_of(l), view(&at), true);
    st = next_leaf(t, &c, ret);
    if (st == PANDO_OK && post_next(ret, place, descending) != NULL)
        return PANDO_OK;
    if (descending)
        return st == PANDO_OK ? next_leaf(t, &c, ret) : st;
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    tables_seek(&c, l->table, prefix_of(l), view(&at), false);
    st = next_leaf(t, &c, ret);
    if (st == PANDO_OK && post_next(ret, place, false) == NULL)
        st = next_leaf(t, &c, ret); /* one that begins at the place itself */
    return st;
}
