#include "space/delta/object_walk.h"

#include "base/map.h"
#include "base/slice.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

enum pando_status object_walk_init(struct object_walk *w, const struct delta_source *source,
                            struct pando_slice object, int64_t start, int64_t end)
{
    *w = (struct object_walk){ .source = *source, .object = object };
    filter_init(&w->filter);
    buf_init(&w->held, DELTA_BYTES_MAX);
    w->room = malloc(sizeof *w->room);
    if (w->room == NULL)
        return PANDO_NOMEM;
    w->filter.start = start;
    w->filter.end = end;
    w->filter.include_negated = true;
    return PANDO_OK;
}

void object_walk_deinit(struct object_walk *w)
{
    buf_deinit(&w->held);
    free(w->room);
    w->room = NULL;
}

enum pando_status object_walk_next(struct object_walk *w)
{
    struct delta d;
    if (w->object.len > 0)
        w->filter.target_ids = (struct filter_list){ &w->object, 1 };
    enum pando_status st = source_next(&w->source, &w->filter, w->descending, &w->place, &d);
    if (st != PANDO_OK)
        return st;
    buf_reset(&w->held);
    st = buf_append(&w->held, d.bytes);
    return st == PANDO_OK ? delta_decode(buf_view(&w->held), w->room, &w->d) : st;
}

void travel_times_deinit(struct times *t)
{
    free(t->items);
    *t = (struct times){ .len = 0 };
}

enum pando_status travel_times_add(struct times *t, int64_t time)
{
    size_t low = 0, high = t->len;
    if (high > 0 && t->items[high - 1] < time)
        low = high; /* they mostly come in order */
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (t->items[mid] < time)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < t->len && t->items[low] == time)
        return PANDO_OK;
    if (t->len == TIMES_MAX)
        return PANDO_FULL;
    if (t->len == t->cap) {
        const size_t cap = t->cap == 0 ? 32 : t->cap * 2;
        int64_t *items = realloc(t->items, cap * sizeof *items);
        if (items == NULL)
            return PANDO_NOMEM;
        t->items = items;
        t->cap = cap;
    }
    memmove(&t->items[low + 1], &t->items[low], (t->len - low) * sizeof *t->items);
    t->items[low] = time;
    t->len++;
    return PANDO_OK;
}

/* Ids whose negations are to be read: the first is the one that was asked about. */
struct queue {
    struct pando_buf ids; /* each one behind its length of two bytes */
    struct map seen;
    size_t at;
};

static enum pando_status queue_add(struct queue *q, struct pando_slice id)
{
    void *value;
    bool added;
    const struct delta_hash name = delta_name_of(id);
    const uint8_t len[2] = { (uint8_t)(id.len >> 8), (uint8_t)id.len };
    enum pando_status st = map_put(&q->seen, &name, &value, &added);
    if (st == PANDO_FULL)
        return PANDO_OK; /* negate.h looks no further either */
    if (st != PANDO_OK || !added)
        return st;
    st = buf_append(&q->ids, slice_of(len, 2));
    return st == PANDO_OK ? buf_append(&q->ids, id) : st;
}

static bool is_negation_of(const struct delta *d, struct pando_slice id)
{
    struct pando_slice targets[DELTA_POINTERS_MAX];
    const size_t len = negate_targets(d, targets, DELTA_POINTERS_MAX);
    for (size_t i = 0; i < len; i++)
        if (slice_equal(targets[i], id))
            return true;
    return false;
}

/* The negations of one id. */
struct negations {
    const struct delta_source *source;
    struct pando_slice id, context;
    struct filter filter;
    struct delta_place place;
    size_t reads;
};

static void negations_init(struct negations *n, const struct delta_source *source,
                           struct pando_slice id)
{
    *n = (struct negations){ .source = source, .id = id, .context = slice_text(NEGATE_CONTEXT) };
    filter_init(&n->filter);
    n->filter.target_ids = (struct filter_list){ &n->id, 1 };
    n->filter.target_contexts = (struct filter_list){ &n->context, 1 };
    n->filter.include_negated = true;
}

static enum pando_status negations_next(struct negations *n, struct delta *ret)
{
    while (n->reads < NEGATE_REACH_MAX) {
        const enum pando_status st = source_next(n->source, &n->filter, false, &n->place, ret);
        if (st == PANDO_BUSY)
            continue;
        n->reads++;
        if (st != PANDO_OK || is_negation_of(ret, n->id))
            return st;
    }
    return PANDO_NOT_FOUND;
}

static enum pando_status read_negations(const struct delta_source *source, struct queue *q,
                                        struct pando_slice id, struct times *t)
{
    struct negations n;
    struct delta d;
    enum pando_status st;
    negations_init(&n, source, id);
    while ((st = negations_next(&n, &d)) == PANDO_OK) {
        st = travel_times_add(t, d.timestamp);
        if (st == PANDO_OK)
            st = queue_add(q, d.id);
        if (st != PANDO_OK)
            return st;
    }
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

enum pando_status travel_negation_named(const struct delta_source *source, struct pando_slice id,
                                 const struct delta_hash *name, struct pando_buf *ret)
{
    struct negations n;
    struct delta d;
    enum pando_status st;
    negations_init(&n, source, id);
    while ((st = negations_next(&n, &d)) == PANDO_OK)
        if (memcmp(&d.name, name, sizeof *name) == 0)
            return buf_append(ret, d.id);
    return st;
}

enum pando_status travel_times_of_negations(const struct delta_source *source, struct pando_slice id,
                                     struct times *t)
{
    struct queue q = { .at = 0 };
    buf_init(&q.ids, (size_t)(NEGATE_REACH_MAX + 1) * (DELTA_NAME_MAX + 2));
    map_init(&q.seen, sizeof(struct delta_hash), 1, NEGATE_REACH_MAX + 1, 0);
    enum pando_status st = queue_add(&q, id);
    while (st == PANDO_OK && q.at < q.ids.len) {
        uint8_t text[DELTA_NAME_MAX];
        const size_t len = (size_t)q.ids.ptr[q.at] << 8 | q.ids.ptr[q.at + 1];
        memcpy(text, q.ids.ptr + q.at + 2, len);
        q.at += len + 2;
        st = read_negations(source, &q, slice_of(text, len), t);
    }
    buf_deinit(&q.ids);
    map_deinit(&q.seen);
    return st;
}
