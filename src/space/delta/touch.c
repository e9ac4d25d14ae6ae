#include "space/delta/touch.h"

#include "base/slice.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

uint64_t touch_hash(struct pando_slice object)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ object.len;
    for (size_t i = 0; i < object.len; i++)
        hash = (hash ^ object.ptr[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
    return hash * UINT64_C(0x9e3779b97f4a7c15);
}

static void add_through(struct touch *t, uint64_t hash)
{
    if (t->through_len == t->through_cap) {
        const size_t cap = t->through_cap == 0 ? 16 : t->through_cap * 2;
        uint64_t *through = realloc(t->through, cap * sizeof *through);
        if (through == NULL) {
            t->all = true;
            return;
        }
        t->through = through;
        t->through_cap = cap;
    }
    t->through[t->through_len++] = hash;
}

/* Ids of negated deltas that are still to be looked at, or were. */
struct chain {
    struct pando_buf texts;
    struct {
        size_t at, len;
    } ids[TOUCH_CHAIN_MAX];
    size_t len;
};

static struct pando_slice chain_id(const struct chain *c, size_t i)
{
    return slice_of(c->texts.ptr + c->ids[i].at, c->ids[i].len);
}

static void chain_add(struct touch *t, struct chain *c, struct pando_slice id)
{
    for (size_t i = 0; i < c->len; i++)
        if (slice_equal(chain_id(c, i), id))
            return;
    if (c->len == TOUCH_CHAIN_MAX || buf_append(&c->texts, id) != PANDO_OK) {
        t->all = true;
        return;
    }
    c->ids[c->len].at = c->texts.len - id.len;
    c->ids[c->len++].len = id.len;
}

static void chain_add_all(struct touch *t, struct chain *c, const struct delta *d)
{
    struct pando_slice ids[DELTA_POINTERS_MAX];
    const size_t len = negate_targets(d, ids, DELTA_POINTERS_MAX);
    for (size_t i = 0; i < len && i < DELTA_POINTERS_MAX; i++)
        chain_add(t, c, ids[i]);
}

void touch_find(struct touch *t, const struct delta_source *source, const struct delta *d)
{
    *t = (struct touch){ .direct_len = 0 };
    for (size_t i = 0; i < d->pointers_len; i++)
        if (d->pointers[i].kind == DELTA_REF)
            t->direct[t->direct_len++] = touch_hash(d->pointers[i].text);
    struct chain c = { .len = 0 };
    buf_init(&c.texts, TOUCH_CHAIN_MAX * DELTA_NAME_MAX);
    chain_add_all(t, &c, d);
    for (size_t i = 0; i < c.len && !t->all; i++) {
        struct delta negated;
        const enum pando_status st = source_get(source, chain_id(&c, i), &negated);
        t->all = t->all || (st != PANDO_OK && st != PANDO_NOT_FOUND);
        if (st != PANDO_OK)
            continue; /* when it comes, it concerns its objects itself */
        for (size_t k = 0; k < negated.pointers_len; k++)
            if (negated.pointers[k].kind == DELTA_REF)
                add_through(t, touch_hash(negated.pointers[k].text));
        chain_add_all(t, &c, &negated);
    }
    buf_deinit(&c.texts);
}

void touch_deinit(struct touch *t)
{
    free(t->through);
    t->through = NULL;
}
