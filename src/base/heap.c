#include "base/heap.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void heap_init(struct heap *h)
{
    *h = (struct heap){ 0 };
}

void heap_deinit(struct heap *h)
{
    free(h->entries);
    free(h->places);
    heap_init(h);
}

static bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

static void set_at(struct heap *h, size_t i, struct heap_entry e)
{
    h->entries[i] = e;
    h->places[e.handle] = (uint32_t)i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    const struct heap_entry e = h->entries[i];
    while (i > 0 && before(&e, &h->entries[(i - 1) / 2])) {
        set_at(h, i, h->entries[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set_at(h, i, e);
}

static void sift_down(struct heap *h, size_t i)
{
    const struct heap_entry e = h->entries[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->len)
            break;
        if (child + 1 < h->len && before(&h->entries[child + 1], &h->entries[child]))
            child++;
        if (!before(&h->entries[child], &e))
            break;
        set_at(h, i, h->entries[child]);
        i = child;
    }
    set_at(h, i, e);
}

static enum pando_status make_room(struct heap *h, uint32_t handle)
{
    if (handle >= h->places_len) {
        size_t len = h->places_len < 16 ? 16 : h->places_len;
        while (len <= handle)
            len *= 2;
        uint32_t *places = realloc(h->places, len * sizeof *places);
        if (places == NULL)
            return PANDO_NOMEM;
        memset(places + h->places_len, 0, (len - h->places_len) * sizeof *places);
        h->places = places;
        h->places_len = len;
    }
    if (h->len == h->cap) {
        const size_t cap = h->cap < 16 ? 16 : h->cap * 2;
        struct heap_entry *entries = realloc(h->entries, cap * sizeof *entries);
        if (entries == NULL)
            return PANDO_NOMEM;
        h->entries = entries;
        h->cap = cap;
    }
    return PANDO_OK;
}

enum pando_status heap_set(struct heap *h, uint32_t handle, struct pando_time at)
{
    if (at.ns == UINT64_MAX) {
        heap_remove(h, handle);
        return PANDO_OK;
    }
    const enum pando_status st = make_room(h, handle);
    if (st != PANDO_OK)
        return st;
    if (h->places[handle] == 0) {
        h->entries[h->len] = (struct heap_entry){ at, h->next_order++, handle };
        h->places[handle] = (uint32_t)++h->len;
        sift_up(h, h->len - 1);
        return PANDO_OK;
    }
    const size_t i = h->places[handle] - 1;
    h->entries[i].at = at;
    h->entries[i].order = h->next_order++;
    sift_up(h, i);
    sift_down(h, h->places[handle] - 1);
    return PANDO_OK;
}

void heap_remove(struct heap *h, uint32_t handle)
{
    if (handle >= h->places_len || h->places[handle] == 0)
        return;
    const size_t i = h->places[handle] - 1;
    PANDO_ASSERT(i < h->len);
    h->places[handle] = 0;
    h->len--;
    if (i == h->len)
        return;
    set_at(h, i, h->entries[h->len]);
    sift_up(h, i);
    sift_down(h, h->places[h->entries[i].handle] - 1);
}

struct pando_time heap_first(const struct heap *h)
{
    return h->len == 0 ? PANDO_TIME_NEVER : h->entries[0].at;
}

bool heap_pop_due(struct heap *h, struct pando_time now, uint32_t *ret_handle)
{
    if (h->len == 0 || !pando_time_reached(h->entries[0].at, now))
        return false;
    *ret_handle = h->entries[0].handle;
    heap_remove(h, *ret_handle);
    return true;
}
