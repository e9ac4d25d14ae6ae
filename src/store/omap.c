#include "store/omap.h"

#include "base/assert.h"

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
    uint8_t *key;
    struct omap_entry *next[];
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
}

void omap_deinit(struct omap *m)
{
    while (m->chunks != NULL) {
        struct omap_chunk *next = m->chunks->next;
        free(m->chunks);
        m->chunks = next;
    }
    memset(m->heads, 0, sizeof m->heads);
    m->len = m->bytes = 0;
}

struct pando_slice omap_key(const struct omap_entry *e)
{
    return (struct pando_slice){ e->key, e->key_len };
}

struct pando_slice omap_value(const struct omap_entry *e)
{
    return (struct pando_slice){ e->value, e->value_len };
}

bool omap_is_gone(const struct omap_entry *e)
{
    return e->gone;
}

/* For every level the last entry before `key` (or, inclusive, not beyond it); NULL: head.
 */
static void search(const struct omap *m, struct pando_slice key, bool inclusive,
                   struct omap_entry *ret_before[static OMAP_HEIGHT_MAX])
{
    struct omap_entry *at = NULL;
    for (size_t level = OMAP_HEIGHT_MAX; level-- > 0;) {
        struct omap_entry *next = at == NULL ? m->heads[level] : at->next[level];
        while (next != NULL) {
            const int order = omap_compare(omap_key(next), key);
            if (order > 0 || (order == 0 && !inclusive))
                break;
            at = next;
            next = at->next[level];
        }
        ret_before[level] = at;
    }
}

static struct omap_entry *behind(const struct omap *m, const struct omap_entry *e)
{
    return e == NULL ? m->heads[0] : e->next[0];
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
    PANDO_ASSERT(key.len <= OMAP_KEY_MAX && value.len < UINT32_MAX);
    struct omap_entry *before[OMAP_HEIGHT_MAX];
    search(m, key, false, before);
    struct omap_entry *e = behind(m, before[0]);
    if (e != NULL && omap_compare(omap_key(e), key) == 0)
        return set_value(m, e, value, gone);
    uint8_t height = 1;
    while (height < OMAP_HEIGHT_MAX && rng_chance(&m->rng, 1, 4))
        height++;
    e = take(m, sizeof *e + height * sizeof e->next[0] + key.len);
    if (e == NULL)
        return PANDO_NOMEM;
    *e = (struct omap_entry){ .key_len = (uint8_t)key.len, .height = height };
    e->key = (uint8_t *)&e->next[height];
    if (key.len != 0)
        memcpy(e->key, key.ptr, key.len);
    const enum pando_status st = set_value(m, e, value, gone);
    if (st != PANDO_OK)
        return st;
    for (size_t level = 0; level < height; level++) {
        struct omap_entry **link =
            before[level] == NULL ? &m->heads[level] : &before[level]->next[level];
        e->next[level] = *link;
        *link = e;
    }
    m->len++;
    return PANDO_OK;
}

const struct omap_entry *omap_find(const struct omap *m, struct pando_slice key)
{
    const struct omap_entry *e = omap_seek(m, key, true, false);
    return e != NULL && omap_compare(omap_key(e), key) == 0 ? e : NULL;
}

const struct omap_entry *omap_seek(const struct omap *m, struct pando_slice key,
                                   bool inclusive, bool descending)
{
    struct omap_entry *before[OMAP_HEIGHT_MAX];
    search(m, key, descending == inclusive, before);
    return descending ? before[0] : behind(m, before[0]);
}

const struct omap_entry *omap_next(const struct omap *m, const struct omap_entry *e)
{
    return behind(m, e);
}
