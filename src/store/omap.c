#include "store/omap.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (32u << 10)

struct omap_chunk {
    struct omap_chunk *next;
    size_t used, cap;
    max_align_t data[];
};

struct omap_entry {
    uint8_t *value;
    uint32_t value_len;
    uint32_t value_cap;
    uint8_t key_len;
    uint8_t height;
    bool gone;
    struct omap_entry *next[]; /* `height` of them, then the key */
};

int omap_compare(struct pando_slice a, struct pando_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void *take(struct omap *m, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct omap_chunk *c = m->chunks;
    if (c == NULL || c->cap - c->used < size) {
        const size_t cap = size > CHUNK_SIZE / 2 ? size : CHUNK_SIZE;
        struct omap_chunk *fresh = malloc(sizeof *fresh + cap);
        if (fresh == NULL)
            return NULL;
        fresh->used = 0;
        fresh->cap = cap;
        if (cap == size &&
            c != NULL) { /* a lone big value: keep filling the chunk in use */
            fresh->next = c->next;
            c->next = fresh;
        } else {
            fresh->next = c;
            m->chunks = fresh;
        }
        c = fresh;
    }
    void *ptr = (uint8_t *)c->data + c->used;
    c->used += size;
    m->bytes += size;
    return ptr;
}

void omap_init(struct omap *m, uint64_t seed)
{
    *m = (struct omap){ .rng = rng_seeded(seed) };
    m->hash_seed = rng_next(&m->rng);
}

void omap_deinit(struct omap *m)
{
    while (m->chunks != NULL) {
        struct omap_chunk *next = m->chunks->next;
        free(m->chunks);
        m->chunks = next;
    }
    free(m->slots);
    m->slots = NULL;
    m->slots_len = 0;
    memset(m->lists, 0, sizeof m->lists);
    m->len = m->bytes = 0;
}

struct pando_slice omap_key(const struct omap_entry *e)
{
    return (struct pando_slice){ (const uint8_t *)&e->next[e->height], e->key_len };
}

struct pando_slice omap_value(const struct omap_entry *e)
{
    return (struct pando_slice){ e->value, e->value_len };
}

bool omap_is_gone(const struct omap_entry *e)
{
    return e->gone;
}

/* --- finding one key: a hash table with linear probing; entries never leave it --- */

struct omap_slot {
    uint64_t hash;
    struct omap_entry *entry; /* NULL: free */
};

/* Peers choose keys: they cannot aim at a slot without the seed. */
static uint64_t hash_of(const struct omap *m, struct pando_slice key)
{
    return hash_bytes(m->hash_seed, key);
}

/* The slot of `key`, or the free one where it would go. There is a free one. */
static struct omap_slot *slot_of(const struct omap *m, uint64_t hash,
                                 struct pando_slice key)
{
    size_t i = (size_t)hash & (m->slots_len - 1);
    while (m->slots[i].entry != NULL &&
           (m->slots[i].hash != hash ||
            omap_compare(omap_key(m->slots[i].entry), key) != 0))
        i = (i + 1) & (m->slots_len - 1);
    return &m->slots[i];
}

/* Room for one entry more, two thirds full at most. */
static enum pando_status reserve_slot(struct omap *m)
{
    if ((m->len + 1) * 3 <= m->slots_len * 2)
        return PANDO_OK;
    const size_t len = m->slots_len == 0 ? 64 : m->slots_len * 2;
    struct omap_slot *slots = calloc(len, sizeof *slots);
    if (slots == NULL)
        return PANDO_NOMEM;
    for (size_t i = 0; i < m->slots_len; i++) {
        if (m->slots[i].entry == NULL)
            continue;
        size_t to = (size_t)m->slots[i].hash & (len - 1);
        while (slots[to].entry != NULL)
            to = (to + 1) & (len - 1);
        slots[to] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->slots_len = len;
    return PANDO_OK;
}

/* --- order: a skip list for each first byte of keys --- */

static size_t list_of(struct pando_slice key)
{
    if (key.len == 0)
        return 0;
    return key.ptr[0] < OMAP_LISTS ? key.ptr[0] : OMAP_LISTS - 1;
}

static struct omap_entry *behind(const struct omap_list *l, const struct omap_entry *e,
                                 size_t level)
{
    return e == NULL ? l->heads[level] : e->next[level];
}

/* For every level the last entry before `key` (or, inclusive, not beyond it); NULL: head.
 */
static void search(const struct omap_list *l, struct pando_slice key, bool inclusive,
                   struct omap_entry *ret_before[static OMAP_HEIGHT_MAX])
{
    struct omap_entry *at = NULL;
    for (size_t level = OMAP_HEIGHT_MAX; level-- > 0;) {
        for (struct omap_entry *next; (next = behind(l, at, level)) != NULL; at = next) {
            const int order = omap_compare(omap_key(next), key);
            if (order > 0 || (order == 0 && !inclusive))
                break;
        }
        ret_before[level] = at;
    }
}

/* Move the list's known way to where a new key goes. Most lists grow just behind or just
 * before their newest entry, so that nothing is searched. */
static void find_place(struct omap_list *l, struct pando_slice key)
{
    struct omap_entry *newest = l->newest;
    if (newest == NULL) {
        search(l, key, false, l->before);
        return;
    }
    const bool rises = omap_compare(omap_key(newest), key) < 0;
    const struct omap_entry *bound = rises ? newest->next[0] : l->before[0];
    if (bound != NULL && (omap_compare(omap_key(bound), key) < 0) == rises) {
        search(l, key, false, l->before);
        return;
    }
    for (size_t level = 0; rises && level < newest->height; level++)
        l->before[level] = newest;
}

static void link_entry(struct omap_list *l, struct omap_entry *e)
{
    find_place(l, omap_key(e));
    for (size_t level = 0; level < e->height; level++) {
        struct omap_entry *before = l->before[level];
        struct omap_entry **link = before == NULL ? &l->heads[level] : &before->next[level];
        e->next[level] = *link;
        *link = e;
    }
    l->newest = e;
}

/* Two chains in order become one. */
static struct omap_entry *join(struct omap_entry *a, struct omap_entry *b)
{
    struct omap_entry *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct omap_entry **less = omap_compare(omap_key(a), omap_key(b)) < 0 ? &a : &b;
        *end = *less;
        end = &(*less)->next[0];
        *less = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Sort a chain: runs of 2^i entries, doubled like the digits of a counter. */
static struct omap_entry *sort_chain(struct omap_entry *chain)
{
    struct omap_entry *runs[64] = { NULL }, *all = NULL;
    size_t used = 0;
    while (chain != NULL) {
        struct omap_entry *one = chain;
        size_t i = 0;
        chain = chain->next[0];
        one->next[0] = NULL;
        for (; i < used && runs[i] != NULL; i++) {
            one = join(runs[i], one);
            runs[i] = NULL;
        }
        if (i == used)
            used++;
        runs[i] = one;
    }
    for (size_t i = 0; i < used; i++)
        all = join(runs[i], all);
    return all;
}

/* Bring what is loose into order: neighbours come one behind the other, so that each finds
 * its place near the one before it. */
static struct omap_list *in_order(struct omap *m, size_t i)
{
    struct omap_list *l = &m->lists[i];
    struct omap_entry *e = l->loose;
    if (e != NULL && e->next[0] != NULL)
        e = sort_chain(e);
    l->loose = NULL;
    while (e != NULL) {
        struct omap_entry *next = e->next[0];
        link_entry(l, e);
        e = next;
    }
    return l;
}

static enum pando_status set_value(struct omap *m, struct omap_entry *e,
                                   struct pando_slice value, bool gone)
{
    uint8_t *room = e->value;
    if (value.len > e->value_cap || room == NULL) {
        /* a value that has grown once will grow again */
        const size_t cap = room == NULL ? value.len : value.len + e->value_cap;
        room = take(m, cap + 1);
        if (room == NULL)
            return PANDO_NOMEM;
        e->value_cap = (uint32_t)cap;
    }
    if (value.len != 0)
        memmove(room, value.ptr, value.len);
    e->value = room;
    e->value_len = (uint32_t)value.len;
    e->gone = gone;
    return PANDO_OK;
}

enum pando_status omap_put(struct omap *m, struct pando_slice key,
                           struct pando_slice value, bool gone)
{
    PANDO_ASSERT(key.len <= OMAP_KEY_MAX && value.len < UINT32_MAX / 2);
    const uint64_t hash = hash_of(m, key);
    enum pando_status st = reserve_slot(m);
    if (st != PANDO_OK)
        return st;
    struct omap_slot *slot = slot_of(m, hash, key);
    if (slot->entry != NULL)
        return set_value(m, slot->entry, value, gone);
    uint8_t height = 1;
    while (height < OMAP_HEIGHT_MAX && rng_chance(&m->rng, 1, 4))
        height++;
    struct omap_entry *e = take(m, sizeof *e + height * sizeof e->next[0] + key.len);
    if (e == NULL)
        return PANDO_NOMEM;
    *e = (struct omap_entry){ .key_len = (uint8_t)key.len, .height = height };
    if (key.len != 0)
        memcpy(&e->next[height], key.ptr, key.len);
    st = set_value(m, e, value, gone);
    if (st != PANDO_OK)
        return st;
    struct omap_list *l = &m->lists[list_of(key)];
    e->next[0] = l->loose;
    l->loose = e;
    *slot = (struct omap_slot){ hash, e };
    m->len++;
    return PANDO_OK;
}

const struct omap_entry *omap_find(const struct omap *m, struct pando_slice key)
{
    return m->slots_len == 0 ? NULL : slot_of(m, hash_of(m, key), key)->entry;
}

void omap_expect(const struct omap *m, struct pando_slice key)
{
    if (m->slots_len != 0)
        __builtin_prefetch(&m->slots[(size_t)hash_of(m, key) & (m->slots_len - 1)]);
}

/* The first entry of the lists from `i` on. */
static const struct omap_entry *first_from(struct omap *m, size_t i)
{
    while (i < OMAP_LISTS && in_order(m, i)->heads[0] == NULL)
        i++;
    return i < OMAP_LISTS ? m->lists[i].heads[0] : NULL;
}

/* The last entry of the lists below `i`. */
static const struct omap_entry *last_below(struct omap *m, size_t i)
{
    while (i > 0 && in_order(m, i - 1)->heads[0] == NULL)
        i--;
    const struct omap_entry *at = NULL;
    for (size_t level = OMAP_HEIGHT_MAX; i > 0 && level-- > 0;)
        for (const struct omap_entry *next;
             (next = behind(&m->lists[i - 1], at, level)) != NULL; at = next)
            ;
    return at;
}

const struct omap_entry *omap_seek(struct omap *m, struct pando_slice key, bool inclusive,
                                   bool descending)
{
    struct omap_entry *before[OMAP_HEIGHT_MAX];
    const size_t i = list_of(key);
    const struct omap_list *l = in_order(m, i);
    search(l, key, descending == inclusive, before);
    const struct omap_entry *e = descending ? before[0] : behind(l, before[0], 0);
    if (e != NULL)
        return e;
    return descending ? last_below(m, i) : first_from(m, i + 1);
}

const struct omap_entry *omap_next(struct omap *m, const struct omap_entry *e)
{
    if (e == NULL)
        return first_from(m, 0);
    const size_t i = list_of(omap_key(e));
    (void)in_order(m, i);
    return e->next[0] != NULL ? e->next[0] : first_from(m, i + 1);
}

/* --- order at once --- */

#define DIGIT_BITS 11u
#define DIGITS     (1u << DIGIT_BITS)

static uint64_t head_of(struct pando_slice key)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < key.len ? key.ptr[i] : 0);
    return head;
}

/* One round of a radix sort, by DIGIT_BITS of the heads. False: they are all the same. */
static bool sort_by_digit(const struct omap_sorted *from, struct omap_sorted *to, size_t len,
                          unsigned shift)
{
    size_t at[DIGITS] = { 0 }, sum = 0;
    for (size_t i = 0; i < len; i++)
        at[from[i].head >> shift & (DIGITS - 1)]++;
    if (at[from[0].head >> shift & (DIGITS - 1)] == len)
        return false;
    for (size_t d = 0; d < DIGITS; d++) {
        const size_t n = at[d];
        at[d] = sum;
        sum += n;
    }
    for (size_t i = 0; i < len; i++)
        to[at[from[i].head >> shift & (DIGITS - 1)]++] = from[i];
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const struct omap_sorted *x = a, *y = b;
    return omap_compare(omap_key(x->entry), omap_key(y->entry));
}

/* Those whose heads are equal are told apart by the rest of their keys. */
static void sort_equal_heads(struct omap_sorted *all, size_t len)
{
    for (size_t i = 0, to; i < len; i = to) {
        for (to = i + 1; to < len && all[to].head == all[i].head; to++)
            ;
        if (to - i > 1)
            qsort(all + i, to - i, sizeof *all, compare_entries);
    }
}

enum pando_status omap_sort(const struct omap *m, struct omap_sorted **ret)
{
    struct omap_sorted *all = malloc((m->len + 1) * sizeof *all);
    struct omap_sorted *other = malloc((m->len + 1) * sizeof *other);
    size_t len = 0;
    if (all == NULL || other == NULL) {
        free(all);
        free(other);
        return PANDO_NOMEM;
    }
    for (size_t i = 0; i < m->slots_len; i++)
        if (m->slots[i].entry != NULL)
            all[len++] = (struct omap_sorted){ head_of(omap_key(m->slots[i].entry)),
                                               m->slots[i].entry };
    for (unsigned shift = 0; len > 1 && shift < 64; shift += DIGIT_BITS)
        if (sort_by_digit(all, other, len, shift)) {
            struct omap_sorted *was = all;
            all = other;
            other = was;
        }
    sort_equal_heads(all, len);
    free(other);
    *ret = all;
    return PANDO_OK;
}
