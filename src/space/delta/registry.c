#include "space/delta/registry.h"

#include "base/slice.h"
#include "crypto/sign.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX

void registry_init(struct registry *r, size_t max)
{
    *r = (struct registry){ .max = max, .generation = 1 };
}

void registry_deinit(struct registry *r)
{
    for (size_t i = 0; i < r->len; i++)
        schema_unref(r->items[i]);
    free(r->items);
    r->items = NULL;
    r->len = r->cap = 0;
}

static int compare(struct pando_slice a, struct pando_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where `id` is or would be. */
static size_t place_of(const struct registry *r, struct pando_slice id, bool *ret_here)
{
    size_t low = 0, high = r->len;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = compare(r->items[mid]->id, id);
        if (order == 0) {
            *ret_here = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_here = false;
    return low;
}

static size_t index_of(const struct registry *r, struct pando_slice id)
{
    bool here;
    const size_t at = place_of(r, id, &here);
    return here ? at : NOWHERE;
}

struct schema *registry_find(const struct registry *r, struct pando_slice id)
{
    const size_t at = index_of(r, id);
    return at == NOWHERE ? NULL : r->items[at];
}

static enum pando_status grow(struct registry *r)
{
    if (r->len < r->cap)
        return PANDO_OK;
    const size_t cap = r->cap == 0 ? 16 : r->cap * 2;
    struct schema **items = realloc(r->items, cap * sizeof *items);
    if (items == NULL)
        return PANDO_NOMEM;
    r->items = items;
    r->cap = cap;
    return PANDO_OK;
}

static void cut_out(struct registry *r, size_t at)
{
    memmove(&r->items[at], &r->items[at + 1], (r->len - at - 1) * sizeof(struct schema *));
    r->len--;
}

/* Refuse the schema just put at `at` when it closes a circle; `old` comes back. */
static enum pando_status check_put(struct registry *r, size_t at, struct schema *old,
                                   struct pando_err *reterr)
{
    struct pando_buf path;
    buf_init(&path, 4096);
    enum pando_status st = registry_cycle(r, &path);
    if (st == PANDO_OK) {
        st = pando_err_set(reterr, PANDO_INVALID,
                           "the rules of schemas close a circle: %.*s: leave out one of these rules",
                           (int)path.len, (const char *)path.ptr);
        if (old != NULL)
            r->items[at] = old;
        else
            cut_out(r, at);
    } else if (st == PANDO_NOT_FOUND) {
        st = PANDO_OK;
    }
    buf_deinit(&path);
    return st;
}

enum pando_status registry_put(struct registry *r, struct schema *s, bool validate,
                               struct pando_err *reterr)
{
    bool here;
    const size_t at = place_of(r, s->id, &here);
    if (!here && r->len >= r->max)
        return pando_err_set(reterr, PANDO_FULL, "%zu schemas are known already, which is the limit",
                             r->len);
    enum pando_status st = here ? PANDO_OK : grow(r);
    if (st != PANDO_OK)
        return st;
    struct schema *old = here ? r->items[at] : NULL;
    if (!here) {
        memmove(&r->items[at + 1], &r->items[at], (r->len - at) * sizeof(struct schema *));
        r->len++;
    }
    r->items[at] = s;
    st = validate ? check_put(r, at, old, reterr) : PANDO_OK;
    if (st != PANDO_OK)
        return st;
    schema_unref(old);
    r->generation++;
    return PANDO_OK;
}

bool registry_del(struct registry *r, struct pando_slice id)
{
    const size_t at = index_of(r, id);
    if (at == NOWHERE)
        return false;
    schema_unref(r->items[at]);
    cut_out(r, at);
    r->generation++;
    return true;
}

/* The walk from every schema along its rules: depth first, without recursion. */
struct walk {
    const struct registry *r;
    uint8_t *colour; /* 0 unseen, 1 on the path, 2 done */
    size_t *path, *next_rule, *depth, *order;
    size_t path_len, order_len;
    size_t circle; /* index into path where the first circle begins, NOWHERE none */
    size_t closes; /* the schema that was met again */
};

static void walk_free(struct walk *w)
{
    free(w->colour);
    free(w->path);
}

static enum pando_status walk_new(struct walk *w, const struct registry *r)
{
    *w = (struct walk){ .r = r, .circle = NOWHERE };
    w->colour = calloc(r->len + 1, 1);
    w->path = calloc(4 * (r->len + 1), sizeof *w->path);
    if (w->colour == NULL || w->path == NULL) {
        walk_free(w);
        return PANDO_NOMEM;
    }
    w->next_rule = w->path + r->len + 1;
    w->depth = w->next_rule + r->len + 1;
    w->order = w->depth + r->len + 1;
    return PANDO_OK;
}

static void enter(struct walk *w, size_t at)
{
    w->colour[at] = 1;
    w->path[w->path_len++] = at;
}

static void leave(struct walk *w)
{
    const size_t at = w->path[--w->path_len];
    w->colour[at] = 2;
    w->order[w->order_len++] = at;
    if (w->path_len > 0) {
        const size_t above = w->path[w->path_len - 1];
        if (w->depth[above] < w->depth[at] + 1)
            w->depth[above] = w->depth[at] + 1;
    }
}

/* Follow the next rule of the schema at the end of the path. */
static void follow(struct walk *w)
{
    const size_t at = w->path[w->path_len - 1];
    const struct schema *s = w->r->items[at];
    if (w->next_rule[at] >= s->rules_len) {
        leave(w);
        return;
    }
    const size_t to = index_of(w->r, s->rules[w->next_rule[at]++].schema);
    if (to == NOWHERE)
        return;
    if (w->colour[to] == 0)
        enter(w, to);
    else if (w->colour[to] == 2 && w->depth[at] < w->depth[to] + 1)
        w->depth[at] = w->depth[to] + 1;
    else if (w->colour[to] == 1)
        for (size_t i = 0; i < w->path_len; i++)
            if (w->path[i] == to)
                w->circle = i;
}

/* Until a circle is met or all is seen. */
static void walk_all(struct walk *w)
{
    for (size_t i = 0; i < w->r->len && w->circle == NOWHERE; i++) {
        if (w->colour[i] == 0)
            enter(w, i);
        while (w->path_len > 0 && w->circle == NOWHERE)
            follow(w);
    }
}

static enum pando_status put_id(struct pando_buf *b, const struct schema *s, const char *before)
{
    enum pando_status st = buf_append(b, slice_text(before));
    return st == PANDO_OK ? buf_append(b, s->id) : st;
}

static enum pando_status print_circle(const struct walk *w, struct pando_buf *path)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = w->circle; i < w->path_len && st == PANDO_OK; i++)
        st = put_id(path, w->r->items[w->path[i]], i == w->circle ? "" : " -> ");
    return st == PANDO_OK ? put_id(path, w->r->items[w->path[w->circle]], " -> ") : st;
}

enum pando_status registry_cycle(const struct registry *r, struct pando_buf *path)
{
    struct walk w;
    enum pando_status st = walk_new(&w, r);
    if (st != PANDO_OK)
        return st;
    walk_all(&w);
    st = w.circle == NOWHERE ? PANDO_NOT_FOUND : print_circle(&w, path);
    walk_free(&w);
    return st;
}

static json_t *text_json(struct pando_slice s)
{
    return json_stringn((const char *)s.ptr, s.len);
}

/* Who has a rule that leads to this schema. */
static json_t *dependents(const struct registry *r, struct pando_slice id)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->len; i++)
        for (size_t k = 0; k < r->items[i]->rules_len; k++)
            if (slice_equal(r->items[i]->rules[k].schema, id)) {
                (void)json_array_append_new(list, text_json(r->items[i]->id));
                break;
            }
    return list;
}

static json_t *missing(const struct registry *r)
{
    json_t *set = json_object(), *list = json_array();
    for (size_t i = 0; i < r->len; i++)
        for (size_t k = 0; k < r->items[i]->rules_len; k++) {
            const struct pando_slice to = r->items[i]->rules[k].schema;
            if (index_of(r, to) != NOWHERE || schema_primitive_of(to) != SCHEMA_OBJECT)
                continue;
            if (json_object_getn(set, (const char *)to.ptr, to.len) == NULL)
                (void)json_array_append_new(list, text_json(to));
            (void)json_object_setn_new(set, (const char *)to.ptr, to.len, json_true());
        }
    json_decref(set);
    return list;
}

static json_t *path_json(const struct walk *w)
{
    json_t *list = json_array();
    for (size_t i = w->circle; i < w->path_len; i++)
        (void)json_array_append_new(list, text_json(w->r->items[w->path[i]]->id));
    (void)json_array_append_new(list, text_json(w->r->items[w->path[w->circle]]->id));
    return list;
}

enum pando_status registry_report(const struct registry *r, json_t **ret)
{
    struct walk w;
    enum pando_status st = walk_new(&w, r);
    if (st != PANDO_OK)
        return st;
    walk_all(&w);
    const bool acyclic = w.circle == NOWHERE;
    json_t *order = json_array(), *schemas = json_object();
    for (size_t i = 0; acyclic && i < w.order_len; i++)
        (void)json_array_append_new(order, text_json(r->items[w.order[i]]->id));
    for (size_t i = 0; i < r->len; i++) {
        const struct pando_slice id = r->items[i]->id;
        json_t *one = json_pack("{s:o}", "dependents", dependents(r, id));
        if (acyclic)
            (void)json_object_set_new(one, "depth", json_integer((json_int_t)w.depth[i]));
        (void)json_object_setn_new(schemas, (const char *)id.ptr, id.len, one);
    }
    *ret = json_pack("{s:b, s:o?, s:o, s:o, s:o}", "acyclic", acyclic, "cycle",
                     acyclic ? NULL : path_json(&w), "order", order, "schemas", schemas, "missing",
                     missing(r));
    walk_free(&w);
    return *ret != NULL ? PANDO_OK : PANDO_NOMEM;
}

/* Schemas and holes that are reached, each once, in the order of the walk from `s`: the same
 * wherever the same schemas are known. */
const struct pando_id *registry_closure(const struct registry *r, struct schema *s)
{
    if (s->closure_of == r->generation)
        return &s->closure;
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, SLICE_OF(s->hash));
    crypto_sha256_add(&st, SLICE_OF(s->version));
    struct walk w;
    if (walk_new(&w, r) != PANDO_OK)
        return &s->hash; /* memory is out: nobody finds a view by this */
    const size_t start = index_of(r, s->id);
    size_t seen = 0;
    if (start != NOWHERE)
        enter(&w, start);
    for (; seen < w.path_len; seen++) { /* the path as a queue: breadth first */
        const struct schema *at = r->items[w.path[seen]];
        for (size_t k = 0; k < at->rules_len; k++) {
            const size_t to = index_of(r, at->rules[k].schema);
            crypto_sha256_add(&st, at->rules[k].schema);
            if (to == NOWHERE || w.colour[to] != 0)
                continue;
            crypto_sha256_add(&st, SLICE_OF(r->items[to]->hash));
            crypto_sha256_add(&st, SLICE_OF(r->items[to]->version));
            enter(&w, to);
        }
    }
    walk_free(&w);
    s->closure = crypto_sha256_end(&st);
    s->closure_of = r->generation;
    return &s->closure;
}
