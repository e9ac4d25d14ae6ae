#include "space/delta/origins.h"

#include <stdlib.h>

void origins_deinit(struct origins *o)
{
    free(o->runs);
    *o = (struct origins){ .len = 0 };
}

static struct origins_run *run_at(const struct origins *o, size_t i)
{
    return &o->runs[(o->head + i) & (o->cap - 1)];
}

static bool grow(struct origins *o)
{
    const size_t cap = o->cap == 0 ? 16 : 2 * o->cap;
    struct origins_run *runs = cap <= ORIGINS_MAX ? malloc(cap * sizeof *runs) : NULL;
    if (runs == NULL)
        return false;
    for (size_t i = 0; i < o->len; i++)
        runs[i] = *run_at(o, i);
    free(o->runs);
    o->runs = runs;
    o->head = 0;
    o->cap = cap;
    return true;
}

void origins_note(struct origins *o, uint64_t ticket, uint32_t origin)
{
    struct origins_run *last = o->len > 0 ? run_at(o, o->len - 1) : NULL;
    if (last != NULL && last->origin == origin) {
        last->to = ticket;
    } else if (o->len < o->cap || grow(o)) {
        *run_at(o, o->len++) = (struct origins_run){ ticket, origin };
    } else if (last != NULL) {
        *last = (struct origins_run){ ticket, ORIGINS_NOBODY };
    } else {
        o->nobodys = ticket;
    }
}

/* The run of a ticket; len: there is none. */
static size_t find(const struct origins *o, uint64_t ticket)
{
    size_t from = 0, to = o->len;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (run_at(o, middle)->to < ticket)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

uint32_t origins_of(const struct origins *o, uint64_t ticket)
{
    const size_t i = find(o, ticket);
    return i < o->len && ticket > o->nobodys ? run_at(o, i)->origin : ORIGINS_NOBODY;
}

bool origins_same(const struct origins *o, uint64_t from, uint64_t to)
{
    return find(o, from) == find(o, to) && (from > o->nobodys) == (to > o->nobodys);
}

void origins_drop(struct origins *o, uint64_t ticket)
{
    while (o->len > 0 && run_at(o, 0)->to <= ticket) {
        o->head = (o->head + 1) & (o->cap - 1);
        o->len--;
    }
}
