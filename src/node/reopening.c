/* reopening.c - a space whose journal was found damaged is closed, mended and opened again.
 *
 * That is what a restart would do, for one space: opening takes the damage out (spaces.c), and
 * the instance gets what it lacks from the others. Its peers see it go and come. A disk that
 * refuses is asked again; a space that cannot be mended stays closed, and its files are left.
 */
#include "node/state.h"

#include <stdlib.h>

#define AGAIN PANDO_SEC(10)

static void forget(struct node_reopening *r)
{
    free(r->name);
    free(r->config_text);
    free(r->local_text);
    *r = (struct node_reopening){ .name = NULL };
}

static void try_to_open(struct node *n, struct node_reopening *r)
{
    const struct node_space_config config = { .name = r->name,
                                              .kind = r->kind,
                                              .config_json = r->config_text,
                                              .local_json = r->local_text,
                                              .reopened = true };
    struct pando_err err = { 0 };
    uint32_t slot;
    const enum pando_status st = spaces_open(n, &config, &slot, &err);
    const bool never = st == PANDO_CORRUPT || st == PANDO_EXISTS;
    if (st == PANDO_OK)
        trace(n->tracer, TRACE_NODE, TRACE_INFO, "space '%.63s' is open again", r->name);
    else
        trace(n->tracer, TRACE_NODE, TRACE_CRITICAL, "space '%.63s' %s: %.400s", r->name,
              never ? "stays closed" : "cannot be opened again yet", err.text);
    r->at = pando_time_add(n->now, AGAIN);
    if (st == PANDO_OK || never)
        forget(r);
    protocols_push(n);
    n->ports.notice(n->ports.ctx, "spaces_changed", SLICE_EMPTY);
}

static void begin(struct node *n, struct node_space *s)
{
    size_t i = 0;
    while (i < NODE_SPACES_MAX && n->reopenings[i].name != NULL)
        i++;
    struct node_reopening *r = &n->reopenings[i];
    char *name = i == NODE_SPACES_MAX ? NULL : strdup(s->name);
    if (name == NULL)
        return; /* as it was: a restart mends it */
    *r = (struct node_reopening){ .name = name, .kind = s->ops->kind };
    r->config_text = s->config_text;
    r->local_text = s->local_text;
    s->config_text = s->local_text = NULL;
    spaces_part_all(n, s);
    spaces_close(n, s->slot);
    try_to_open(n, r);
}

void reopenings_begin(struct node *n)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used || !s->reopen)
            continue;
        s->reopen = false;
        if (n->ports.space_mend != NULL && !n->stopping)
            begin(n, s);
    }
}

void reopenings_sweep(struct node *n)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->reopenings[i].name != NULL && !n->stopping &&
            pando_time_reached(n->reopenings[i].at, n->now))
            try_to_open(n, &n->reopenings[i]);
}

void reopenings_deinit(struct node *n)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        forget(&n->reopenings[i]);
}
