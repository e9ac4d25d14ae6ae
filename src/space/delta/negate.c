#include "space/delta/negate.h"

#include "base/map.h"
#include "base/slice.h"
#include "space/delta/negate_mutant.h"

#include <stdlib.h>
#include <string.h>

/* The part of the graph that the asked one hangs on. Node 0 is the asked one; the others
 * are negations, in the order in which they were met. */
enum verdict { OPEN, STANDS, NEGATED };

#define NO_EDGE UINT32_MAX

struct node {
    size_t id_at, id_len; /* in `ids` */
    struct delta_hash name;
    int64_t timestamp;
    struct delta_hash digest;
    enum verdict verdict;
    uint32_t left;  /* negations of it that are not known to be negated */
    uint32_t first; /* edge: the first that it negates */
};

struct edge {
    uint32_t negation, target;
    uint32_t next; /* the next with this negation */
};

struct graph {
    const struct delta_source *source;
    int64_t t;
    struct node *nodes;
    struct edge *edges;
    size_t nodes_len, nodes_cap, edges_len, edges_cap;
    size_t reads; /* at most NEGATE_REACH_MAX */
    struct map by_name;
    struct pando_buf ids;
};

size_t negate_targets(const struct delta *d, struct pando_slice *ret, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < d->pointers_len && len < cap; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        if (p->kind == DELTA_REF && slice_equal(p->role, slice_text(NEGATE_ROLE)) &&
            slice_equal(p->context, slice_text(NEGATE_CONTEXT)))
            ret[len++] = p->text;
    }
    return len;
}

static bool negates(const struct delta *d, struct pando_slice id)
{
    struct pando_slice targets[DELTA_POINTERS_MAX];
    const size_t len = negate_targets(d, targets, DELTA_POINTERS_MAX);
    for (size_t i = 0; i < len; i++)
        if (slice_equal(targets[i], id))
            return true;
    return false;
}

/* The next delta behind `place` that negates `id`. */
static enum pando_status next_negation(struct graph *g, struct pando_slice id,
                                       struct delta_place *place, struct delta *ret)
{
    struct pando_slice context = slice_text(NEGATE_CONTEXT);
    const struct filter f = {
        .target_ids = { &id, 1 },
        .target_contexts = { &context, 1 },
        .start = INT64_MIN,
        .end = NEGATE_MUTANT == 3 ? INT64_MAX : g->t,
        .include_negated = true,
    };
    while (g->reads < NEGATE_REACH_MAX) {
        const enum pando_status st = source_next(g->source, &f, false, place, ret);
        if (st == PANDO_BUSY)
            continue;
        g->reads++;
        if (st != PANDO_OK || negates(ret, id))
            return st;
    }
    return PANDO_NOT_FOUND;
}

/* ---- the graph ---- */

static enum pando_status grow(void **array, size_t *cap, size_t len, size_t size)
{
    if (len < *cap)
        return PANDO_OK;
    const size_t more = *cap == 0 ? 8 : *cap * 2;
    void *grown = realloc(*array, more * size);
    if (grown == NULL)
        return PANDO_NOMEM;
    *array = grown;
    *cap = more;
    return PANDO_OK;
}

static enum pando_status find_node(struct graph *g, struct pando_slice id,
                                   struct delta_hash name, uint32_t *ret)
{
    void *value;
    bool added;
    enum pando_status st =
        grow((void **)&g->nodes, &g->nodes_cap, g->nodes_len, sizeof g->nodes[0]);
    if (st == PANDO_OK)
        st = map_put(&g->by_name, name.bytes, &value, &added);
    if (st != PANDO_OK)
        return st;
    if (!added) {
        memcpy(ret, value, sizeof *ret);
        return PANDO_OK;
    }
    *ret = (uint32_t)g->nodes_len;
    memcpy(value, ret, sizeof *ret);
    g->nodes[g->nodes_len++] = (struct node){
        .id_at = g->ids.len, .id_len = id.len, .name = name, .first = NO_EDGE
    };
    return buf_append(&g->ids, id);
}

static enum pando_status add_edge(struct graph *g, uint32_t target, const struct delta *d)
{
    uint32_t negation = 0;
    enum pando_status st =
        grow((void **)&g->edges, &g->edges_cap, g->edges_len, sizeof g->edges[0]);
    if (st == PANDO_OK)
        st = find_node(g, d->id, d->name, &negation);
    if (st != PANDO_OK)
        return st;
    struct node *n = &g->nodes[negation];
    n->timestamp = d->timestamp;
    n->digest = d->digest;
    g->edges[g->edges_len] = (struct edge){ negation, target, n->first };
    n->first = (uint32_t)g->edges_len++;
    g->nodes[target].left++;
    return PANDO_OK;
}

/* Read all negations of one node. The id is copied: a source's texts end with the next call. */
static enum pando_status expand(struct graph *g, uint32_t target)
{
    uint8_t text[DELTA_NAME_MAX];
    const struct node *n = &g->nodes[target];
    const struct pando_slice id = slice_of(text, n->id_len);
    struct delta_place place = { .set = false };
    struct delta d;
    memcpy(text, g->ids.ptr + n->id_at, n->id_len);
    enum pando_status st;
    while ((st = next_negation(g, id, &place, &d)) == PANDO_OK)
        if ((st = add_edge(g, target, &d)) != PANDO_OK)
            return st;
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

/* Breadth first. `quick`: stop as soon as a negation of the asked one is seen to stand. */
static enum pando_status explore(struct graph *g, bool quick, bool *ret_negated)
{
    enum pando_status st = expand(g, 0);
    const size_t direct = g->nodes_len;
    for (size_t i = 1; st == PANDO_OK && i < g->nodes_len && NEGATE_MUTANT != 2; i++) {
        st = expand(g, (uint32_t)i);
        if (quick && i < direct && g->nodes[i].left == 0) {
            *ret_negated = st == PANDO_OK;
            return st;
        }
    }
    return st;
}

static void decide(struct graph *g, uint32_t node, enum verdict verdict, uint32_t *stack,
                   size_t *len)
{
    g->nodes[node].verdict = verdict;
    stack[(*len)++] = node;
}

/* From the ends of the graph backwards; each edge is looked at once. */
static enum pando_status solve(struct graph *g)
{
    size_t len = 0;
    uint32_t *stack = calloc(g->nodes_len, sizeof *stack);
    if (stack == NULL)
        return PANDO_NOMEM;
    for (uint32_t i = 0; i < g->nodes_len; i++)
        if (g->nodes[i].left == 0)
            decide(g, i, STANDS, stack, &len);
    while (len > 0) {
        const struct node *n = &g->nodes[stack[--len]];
        for (uint32_t e = n->first; e != NO_EDGE; e = g->edges[e].next) {
            const uint32_t target = g->edges[e].target;
            if (g->nodes[target].verdict != OPEN)
                continue;
            if (n->verdict == STANDS)
                decide(g, target, NEGATED, stack, &len);
            else if (--g->nodes[target].left == 0)
                decide(g, target, STANDS, stack, &len);
        }
    }
    free(stack);
    return PANDO_OK;
}

static bool is_later(const struct node *n, const struct node *than)
{
    if (than == NULL || n->timestamp != than->timestamp)
        return than == NULL || n->timestamp > than->timestamp;
    return memcmp(n->digest.bytes, than->digest.bytes, sizeof n->digest.bytes) > 0;
}

static void read_verdict(const struct graph *g, struct negate_state *ret)
{
    const struct node *latest = NULL;
    for (size_t e = 0; e < g->edges_len; e++) {
        const struct node *n = &g->nodes[g->edges[e].negation];
        if (g->edges[e].target != 0)
            continue;
        ret->was_negated = ret->was_negated || n->verdict == NEGATED;
        if ((n->verdict == STANDS || (NEGATE_MUTANT == 1 && n->verdict == OPEN)) &&
            is_later(n, latest))
            latest = n;
    }
    ret->negated = latest != NULL;
    if (latest != NULL) {
        ret->negated_at = latest->timestamp;
        ret->by = latest->name;
    }
}

/* Most deltas have no negation: one look, and no memory. */
static enum pando_status has_negation(struct graph *g, struct pando_slice id)
{
    struct delta_place place = { .set = false };
    struct delta d;
    const enum pando_status st = next_negation(g, id, &place, &d);
    g->reads = 0;
    return st;
}

static enum pando_status ask(const struct delta_source *s, struct pando_slice asked, int64_t t,
                             bool quick, struct negate_state *ret)
{
    uint8_t text[DELTA_NAME_MAX]; /* the id may lie where the source reads next */
    struct graph g = { .source = s, .t = t };
    struct negate_state state = { .negated = false };
    uint32_t root;
    *ret = state;
    if (asked.len == 0 || asked.len > sizeof text)
        return PANDO_OK; /* no delta has this id */
    memcpy(text, asked.ptr, asked.len);
    const struct pando_slice id = slice_of(text, asked.len);
    if (source_unnegated(s, id))
        return PANDO_OK;
    const enum pando_status any = has_negation(&g, id);
    if (any != PANDO_OK)
        return any == PANDO_NOT_FOUND ? PANDO_OK : any;
    map_init(&g.by_name, sizeof g.nodes[0].name, sizeof root, NEGATE_REACH_MAX + 1, 0);
    buf_init(&g.ids, (size_t)(NEGATE_REACH_MAX + 1) * DELTA_NAME_MAX);
    enum pando_status st = find_node(&g, id, delta_name_of(id), &root);
    if (st == PANDO_OK)
        st = explore(&g, quick, &state.negated);
    if (st == PANDO_OK && !state.negated && g.edges_len > 0) {
        st = solve(&g);
        read_verdict(&g, &state);
    }
    free(g.nodes);
    free(g.edges);
    map_deinit(&g.by_name);
    buf_deinit(&g.ids);
    if (st == PANDO_OK)
        *ret = state;
    return st;
}

enum pando_status negate_state_of(const struct delta_source *s, struct pando_slice id, int64_t t,
                                  struct negate_state *ret)
{
    return ask(s, id, t, false, ret);
}

enum pando_status negate_is(const struct delta_source *s, struct pando_slice id, int64_t t,
                            bool *ret_negated)
{
    struct negate_state state;
    const enum pando_status st = ask(s, id, t, true, &state);
    if (st == PANDO_OK)
        *ret_negated = state.negated;
    return st;
}
