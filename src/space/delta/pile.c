#include "space/delta/pile.h"

#include <stdlib.h>
#include <string.h>

void delta_pile_deinit(struct delta_pile *p)
{
    free(p->pointers);
    p->pointers = NULL;
    p->len = p->used = p->cap = 0;
}

/* Room for the pointers of any one delta; those that were read move along. */
static enum pando_status reserve(struct delta_pile *p)
{
    if (p->cap - p->used >= DELTA_POINTERS_MAX)
        return PANDO_OK;
    const size_t cap = 2 * p->cap + DELTA_POINTERS_MAX;
    struct delta_pointer *grown = malloc(cap * sizeof *grown);
    if (grown == NULL)
        return PANDO_NOMEM;
    if (p->used > 0)
        memcpy(grown, p->pointers, p->used * sizeof *grown);
    for (size_t i = 0; i < p->len; i++)
        if (p->deltas[i].pointers != NULL)
            p->deltas[i].pointers = grown + (p->deltas[i].pointers - p->pointers);
    free(p->pointers);
    p->pointers = grown;
    p->cap = cap;
    return PANDO_OK;
}

static enum pando_status read_next(struct delta_pile *p, const struct group *g, size_t i)
{
    struct delta *d = &p->deltas[i];
    enum pando_status st = reserve(p);
    if (st == PANDO_OK) /* a room is pointers and nothing else */
        st = delta_parse(g->bodies[i], (struct delta_room *)(void *)(p->pointers + p->used), d);
    if (st != PANDO_OK)
        return st;
    d->name = delta_name_of(d->id);
    d->digest = g->digests != NULL ? g->digests[i] : group_hash(g->bodies[i]);
    p->used += d->pointers_len;
    return PANDO_OK;
}

enum pando_status delta_pile_read(struct delta_pile *p, const struct group *g)
{
    enum pando_status st = PANDO_OK;
    p->len = p->used = 0;
    for (size_t i = 0; st == PANDO_OK && i < g->len; i++) {
        if (g->held[i])
            st = read_next(p, g, i);
        else
            p->deltas[p->len] = (struct delta){ .pointers = NULL };
        p->len++;
    }
    return st;
}
