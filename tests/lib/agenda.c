#include "agenda.h"

#include "base/assert.h"

#include <stdlib.h>

static bool before(const struct agenda_item *a, const struct agenda_item *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

void agenda_put(struct agenda *a, struct agenda_item *item, struct pando_time at)
{
    if (a->len == a->cap) {
        a->cap = a->cap == 0 ? 256 : 2 * a->cap;
        a->heap = realloc(a->heap, a->cap * sizeof(struct agenda_item *));
        PANDO_ASSERT(a->heap != NULL);
    }
    item->at = at;
    item->order = ++a->orders;
    size_t i = a->len++;
    for (; i > 0 && before(item, a->heap[(i - 1) / 2]); i = (i - 1) / 2)
        a->heap[i] = a->heap[(i - 1) / 2];
    a->heap[i] = item;
}

struct pando_time agenda_due(const struct agenda *a)
{
    return a->len > 0 ? a->heap[0]->at : PANDO_TIME_NEVER;
}

void *agenda_take(struct agenda *a)
{
    if (a->len == 0)
        return NULL;
    struct agenda_item *first = a->heap[0], *last = a->heap[--a->len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= a->len)
            break;
        if (child + 1 < a->len && before(a->heap[child + 1], a->heap[child]))
            child++;
        if (!before(a->heap[child], last))
            break;
        a->heap[i] = a->heap[child];
        i = child;
    }
    a->heap[i] = last; /* of one alone: where it was */
    return first;
}

void agenda_deinit(struct agenda *a)
{
    free(a->heap);
    *a = (struct agenda){ 0 };
}
