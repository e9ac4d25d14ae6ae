#include "space/delta/travel.h"

#include "base/slice.h"
#include "space/delta/delta_json.h"
#include "space/delta/negate.h"
#include "space/delta/render.h"

#include <stdlib.h>
#include <string.h>

enum pando_status travel_timeline_init(struct travel_timeline *t, const struct delta_source *source,
                                struct pando_slice object, int64_t start, int64_t end)
{
    *t = (struct travel_timeline){ .start = start, .end = end };
    return object_walk_init(&t->walk, source, object, INT64_MIN, end);
}

void travel_timeline_deinit(struct travel_timeline *t)
{
    object_walk_deinit(&t->walk);
    travel_times_deinit(&t->times);
}

/* The delta's own time and those of its negations, as far as they were asked for. */
static enum pando_status add_times(struct travel_timeline *t, const struct delta *d)
{
    struct times all = { .len = 0 };
    enum pando_status st = travel_times_add(&all, d->timestamp);
    if (st == PANDO_OK)
        st = travel_times_of_negations(&t->walk.source, d->id, &all);
    for (size_t i = 0; st == PANDO_OK && i < all.len; i++)
        if (all.items[i] >= d->timestamp && all.items[i] >= t->start && all.items[i] <= t->end)
            st = travel_times_add(&t->times, all.items[i]);
    travel_times_deinit(&all);
    return st;
}

enum pando_status travel_timeline_step(struct travel_timeline *t)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < TRAVEL_STEP; i++) {
        st = object_walk_next(&t->walk);
        if (st == PANDO_OK)
            st = add_times(t, &t->walk.d);
    }
    return st == PANDO_NOT_FOUND ? PANDO_OK : st == PANDO_OK ? PANDO_BUSY : st;
}

void travel_times_sample(struct times *t, size_t max)
{
    if (t->len <= max || max == 0)
        return;
    for (size_t i = 0; i < max; i++)
        t->items[i] = t->items[max == 1 ? t->len - 1 : i * (t->len - 1) / (max - 1)];
    t->len = max;
}

enum pando_status travel_count_init(struct travel_count *c, const struct delta_source *source, int64_t t)
{
    *c = (struct travel_count){ .t = t };
    map_init(&c->authors, sizeof(struct delta_hash), 1, TRAVEL_NAMES_MAX, 0);
    map_init(&c->systems, sizeof(struct delta_hash), 1, TRAVEL_NAMES_MAX, 0);
    return object_walk_init(&c->walk, source, SLICE_EMPTY, INT64_MIN, t);
}

void travel_count_deinit(struct travel_count *c)
{
    object_walk_deinit(&c->walk);
    map_deinit(&c->authors);
    map_deinit(&c->systems);
}

static enum pando_status note(struct map *m, struct pando_slice name)
{
    void *value;
    bool added;
    const struct delta_hash key = delta_name_of(name);
    return map_put(m, &key, &value, &added);
}

static enum pando_status count_one(struct travel_count *c, const struct delta *d)
{
    bool negated = false;
    enum pando_status st = negate_is(&c->walk.source, d->id, c->t, &negated);
    if (st == PANDO_OK)
        st = note(&c->authors, d->author);
    if (st == PANDO_OK)
        st = note(&c->systems, d->system);
    c->total++;
    c->negated += negated;
    return st;
}

enum pando_status travel_count_step(struct travel_count *c)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < TRAVEL_STEP; i++) {
        st = object_walk_next(&c->walk);
        if (st == PANDO_OK)
            st = count_one(c, &c->walk.d);
    }
    return st == PANDO_NOT_FOUND ? PANDO_OK : st == PANDO_OK ? PANDO_BUSY : st;
}

enum pando_status travel_changes_init(struct travel_changes *c, const struct delta_source *source,
                               struct schema *schema, struct pando_slice object,
                               struct pando_slice property)
{
    *c = (struct travel_changes){ .object = object, .property = property };
    c->schema = schema_ref(schema);
    buf_init(&c->text, HYPERVIEW_BYTES_MAX);
    return object_walk_init(&c->walk, source, object, INT64_MIN, INT64_MAX);
}

void travel_changes_deinit(struct travel_changes *c)
{
    object_walk_deinit(&c->walk);
    schema_unref(c->schema);
    buf_deinit(&c->text);
    free(c->items);
    c->items = NULL;
    c->schema = NULL;
}

/* The delta, and what negated it. */
static enum pando_status print_change(struct travel_changes *c, const struct delta *d,
                                      const struct delta_hash *by)
{
    uint8_t text[DELTA_NAME_MAX];
    struct pando_buf id = { .ptr = text, .cap = sizeof text, .max = sizeof text };
    enum pando_status st = render_literal(&c->text, "\"delta\":");
    if (st == PANDO_OK)
        st = delta_to_json(d, &c->text);
    if (st != PANDO_OK || by == NULL)
        return st;
    st = travel_negation_named(&c->walk.source, d->id, by, &id);
    if (st == PANDO_OK)
        st = render_literal(&c->text, ",\"by\":");
    return st == PANDO_OK ? render_text(&c->text, buf_view(&id)) : st;
}

static enum pando_status add_change(struct travel_changes *c, const struct delta *d, int64_t time,
                                    enum travel_change_kind kind,
                                    const struct negate_state *state)
{
    if (c->len == TRAVEL_CHANGES_MAX)
        return PANDO_FULL;
    if (c->len == c->cap) {
        const size_t cap = c->cap == 0 ? 16 : c->cap * 2;
        struct travel_change *items = realloc(c->items, cap * sizeof *items);
        if (items == NULL)
            return PANDO_NOMEM;
        c->items = items;
        c->cap = cap;
    }
    const size_t start = c->text.len;
    const enum pando_status st = print_change(c, d, kind == CHANGE_NEGATED ? &state->by : NULL);
    if (st != PANDO_OK)
        return st;
    c->items[c->len++] = (struct travel_change){ .time = time,
                                                 .timestamp = d->timestamp,
                                                 .digest = d->digest,
                                                 .kind = kind,
                                                 .text = start,
                                                 .text_len = c->text.len - start };
    return PANDO_OK;
}

/* One delta through all times at which its state may change. */
static enum pando_status follow(struct travel_changes *c, const struct delta *d)
{
    struct times all = { .len = 0 };
    bool seen = false, ever = false;
    enum pando_status st = travel_times_add(&all, d->timestamp);
    if (st == PANDO_OK)
        st = travel_times_of_negations(&c->walk.source, d->id, &all);
    for (size_t i = 0; st == PANDO_OK && i < all.len; i++) {
        struct negate_state state;
        if (all.items[i] < d->timestamp)
            continue;
        st = negate_state_of(&c->walk.source, d->id, all.items[i], &state);
        if (st != PANDO_OK || seen == !state.negated)
            continue;
        seen = !state.negated;
        st = add_change(c, d, all.items[i],
                        !seen ? CHANGE_NEGATED : ever ? CHANGE_RESTORED : CHANGE_ADDED, &state);
        ever = true;
    }
    travel_times_deinit(&all);
    return st;
}

static enum pando_status look(struct travel_changes *c, const struct delta *d)
{
    struct pando_slice picks[SCHEMA_PICKS_MAX];
    const size_t len = schema_select(c->schema, c->object, d, picks, SCHEMA_PICKS_MAX);
    for (size_t i = 0; i < len; i++)
        if (slice_equal(picks[i], c->property))
            return follow(c, d);
    return PANDO_OK;
}

static int compare(const void *left, const void *right)
{
    const struct travel_change *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->timestamp != b->timestamp)
        return a->timestamp < b->timestamp ? -1 : 1;
    return memcmp(&a->digest, &b->digest, sizeof a->digest);
}

enum pando_status travel_changes_step(struct travel_changes *c)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < TRAVEL_STEP; i++) {
        st = object_walk_next(&c->walk);
        if (st == PANDO_OK)
            st = look(c, &c->walk.d);
    }
    if (st != PANDO_NOT_FOUND)
        return st == PANDO_OK ? PANDO_BUSY : st;
    if (c->len > 0)
        qsort(c->items, c->len, sizeof *c->items, compare);
    return PANDO_OK;
}
