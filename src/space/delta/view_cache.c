#include "space/delta/view_cache.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/view_cache_mutant.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

struct view_cache_key {
    uint64_t object, schema;
};

struct view_cache_entry {
    struct hyperview *view; /* NULL: free */
    struct view_cache_key key;
    struct pando_id closure;
    struct pando_buf text;
    bool printed;
    size_t bytes;
    uint32_t newer, older;
    uint32_t deps; /* first of its own */
    bool at_root, nested; /* while a delta is looked at */
};

/* One object that one entry looked into; in two lists. */
struct view_cache_dep {
    uint64_t object;
    uint32_t entry;
    uint32_t sibling;      /* of the same entry */
    uint32_t before, next; /* of the same object */
};

enum pando_status view_cache_init(struct view_cache *c, size_t entries_max, size_t bytes_max, uint64_t seed)
{
    *c = (struct view_cache){ .max = entries_max, .bytes_max = bytes_max, .deps_free = VIEW_CACHE_NONE,
                         .newest = VIEW_CACHE_NONE, .oldest = VIEW_CACHE_NONE };
    map_init(&c->by_key, sizeof(struct view_cache_key), sizeof(uint32_t), entries_max, seed);
    map_init(&c->by_object, sizeof(uint64_t), sizeof(uint32_t), SIZE_MAX / 256, seed ^ 1);
    c->entries = calloc(entries_max + 1, sizeof *c->entries);
    c->free_entries = calloc(entries_max + 1, sizeof *c->free_entries);
    if (c->entries == NULL || c->free_entries == NULL) {
        view_cache_deinit(c);
        return PANDO_NOMEM;
    }
    for (size_t i = 0; i < entries_max; i++)
        c->free_entries[i] = (uint32_t)(entries_max - 1 - i);
    return PANDO_OK;
}

static void unlink_entry(struct view_cache *c, struct view_cache_entry *e)
{
    *(e->newer == VIEW_CACHE_NONE ? &c->newest : &c->entries[e->newer].older) = e->older;
    *(e->older == VIEW_CACHE_NONE ? &c->oldest : &c->entries[e->older].newer) = e->newer;
}

static void link_newest(struct view_cache *c, uint32_t at)
{
    struct view_cache_entry *e = &c->entries[at];
    e->newer = VIEW_CACHE_NONE;
    e->older = c->newest;
    *(c->newest == VIEW_CACHE_NONE ? &c->oldest : &c->entries[c->newest].newer) = at;
    c->newest = at;
}

static void dep_del(struct view_cache *c, uint32_t at)
{
    struct view_cache_dep *d = &c->deps[at];
    if (d->next != VIEW_CACHE_NONE)
        c->deps[d->next].before = d->before;
    if (d->before != VIEW_CACHE_NONE)
        c->deps[d->before].next = d->next;
    else if (d->next == VIEW_CACHE_NONE)
        (void)map_del(&c->by_object, &d->object);
    else
        *(uint32_t *)map_find(&c->by_object, &d->object) = d->next;
    d->next = c->deps_free;
    c->deps_free = at;
}

static void drop(struct view_cache *c, uint32_t at)
{
    struct view_cache_entry *e = &c->entries[at];
    for (uint32_t d = e->deps; d != VIEW_CACHE_NONE;) {
        const uint32_t sibling = c->deps[d].sibling;
        dep_del(c, d);
        d = sibling;
    }
    unlink_entry(c, e);
    (void)map_del(&c->by_key, &e->key);
    hyperview_free(e->view);
    buf_deinit(&e->text);
    c->bytes -= e->bytes;
    c->len--;
    *e = (struct view_cache_entry){ .view = NULL };
    c->free_entries[c->max - c->len - 1] = at;
}

void view_cache_clear(struct view_cache *c)
{
    while (c->oldest != VIEW_CACHE_NONE)
        drop(c, c->oldest);
    c->touched += VIEW_CACHE_RECENT + 1; /* views being built are not to be kept either */
}

void view_cache_deinit(struct view_cache *c)
{
    if (c->entries != NULL)
        while (c->oldest != VIEW_CACHE_NONE)
            drop(c, c->oldest);
    map_deinit(&c->by_key);
    map_deinit(&c->by_object);
    free(c->entries);
    free(c->free_entries);
    free(c->deps);
    *c = (struct view_cache){ .oldest = VIEW_CACHE_NONE, .newest = VIEW_CACHE_NONE };
}

static struct view_cache_key key_of(const struct schema *schema, struct pando_slice object)
{
    return (struct view_cache_key){ touch_hash(object), touch_hash(schema->id) };
}

static uint32_t find(struct view_cache *c, const struct registry *r, struct schema *schema,
                     struct pando_slice object)
{
    const struct view_cache_key key = key_of(schema, object);
    const uint32_t *at = map_find(&c->by_key, &key);
    if (at == NULL)
        return VIEW_CACHE_NONE;
    struct view_cache_entry *e = &c->entries[*at];
    if (!slice_equal(hyperview_object(e->view), object) ||
        !slice_equal(hyperview_schema(e->view)->id, schema->id))
        return VIEW_CACHE_NONE; /* another with the same hash: it gives way when this one is put */
    if (VIEW_CACHE_MUTANT_IS(4) || id_equal(&e->closure, registry_closure(r, schema)))
        return *at;
    c->stale++;
    drop(c, *at);
    return VIEW_CACHE_NONE;
}

/* Found, counted, and the newest from now on. */
static struct view_cache_entry *use(struct view_cache *c, const struct registry *r, struct schema *schema,
                               struct pando_slice object)
{
    const uint32_t at = find(c, r, schema, object);
    if (at == VIEW_CACHE_NONE) {
        c->misses++;
        return NULL;
    }
    c->hits++;
    if (c->newest != at) {
        unlink_entry(c, &c->entries[at]);
        link_newest(c, at);
    }
    return &c->entries[at];
}

struct hyperview *view_cache_find(struct view_cache *c, const struct registry *r, struct schema *schema,
                             struct pando_slice object)
{
    const struct view_cache_entry *e = use(c, r, schema, object);
    return e == NULL ? NULL : e->view;
}

static void weigh(struct view_cache *c, struct view_cache_entry *e)
{
    size_t deps = 0;
    (void)hyperview_objects(e->view, &deps);
    c->bytes -= e->bytes;
    e->bytes = sizeof *e + hyperview_bytes(e->view) + e->text.cap + deps * sizeof(struct view_cache_dep);
    c->bytes += e->bytes;
}

/* Make room; `but` stays. */
static void evict(struct view_cache *c, uint32_t but)
{
    while (c->bytes > c->bytes_max && c->oldest != VIEW_CACHE_NONE && c->oldest != but) {
        drop(c, c->oldest);
        c->evictions++;
    }
}

enum pando_status view_cache_text(struct view_cache *c, const struct registry *r, struct schema *schema,
                             struct pando_slice object, struct pando_slice *ret)
{
    struct view_cache_entry *e = use(c, r, schema, object);
    if (e == NULL)
        return PANDO_NOT_FOUND;
    if (!e->printed) {
        buf_reset(&e->text);
        const enum pando_status st = hyperview_text(e->view, true, &e->text);
        if (st != PANDO_OK)
            return st;
        e->printed = true;
        weigh(c, e);
        evict(c, (uint32_t)(e - c->entries));
    }
    *ret = buf_view(&e->text);
    return PANDO_OK;
}

static enum pando_status dep_add(struct view_cache *c, uint32_t entry, uint64_t object)
{
    if (c->deps_free == VIEW_CACHE_NONE && c->deps_len == c->deps_cap) {
        const uint32_t cap = c->deps_cap == 0 ? 256 : c->deps_cap * 2;
        struct view_cache_dep *deps = realloc(c->deps, cap * sizeof *deps);
        if (deps == NULL)
            return PANDO_NOMEM;
        c->deps = deps;
        c->deps_cap = cap;
    }
    void *value;
    bool added;
    enum pando_status st = map_put(&c->by_object, &object, &value, &added);
    if (st != PANDO_OK)
        return st;
    uint32_t *first = value;
    const uint32_t next = added ? VIEW_CACHE_NONE : *first;
    const uint32_t at = c->deps_free != VIEW_CACHE_NONE ? c->deps_free : c->deps_len++;
    if (at == c->deps_free)
        c->deps_free = c->deps[at].next;
    struct view_cache_entry *e = &c->entries[entry];
    c->deps[at] = (struct view_cache_dep){ object, entry, e->deps, VIEW_CACHE_NONE, next };
    if (next != VIEW_CACHE_NONE)
        c->deps[next].before = at;
    *first = at;
    e->deps = at;
    return PANDO_OK;
}

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The distinct objects of the view, sorted; NULL: memory is out, or they are too many. */
static uint64_t *objects_of(const struct hyperview *h, size_t *ret_len)
{
    size_t len, kept = 0;
    const uint64_t *all = hyperview_objects(h, &len);
    uint64_t *sorted = malloc((len + 1) * sizeof *sorted);
    if (sorted == NULL)
        return NULL;
    memcpy(sorted, all, len * sizeof *sorted);
    qsort(sorted, len, sizeof *sorted, compare);
    for (size_t i = 0; i < len; i++)
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[kept++] = sorted[i];
    *ret_len = kept;
    if (kept <= VIEW_CACHE_OBJECTS_MAX)
        return sorted;
    free(sorted);
    return NULL;
}

/* Whether one of the objects was touched since. */
static bool is_overtaken(const struct view_cache *c, const uint64_t *objects, size_t len, uint64_t began)
{
    if (c->touched - began > VIEW_CACHE_RECENT)
        return true;
    for (uint64_t i = began; i < c->touched; i++)
        if (bsearch(&c->recent[i % VIEW_CACHE_RECENT], objects, len, sizeof *objects, compare) != NULL)
            return true;
    return false;
}

static void put(struct view_cache *c, const struct registry *r, struct hyperview *h,
                const uint64_t *objects, size_t len)
{
    struct schema *schema = hyperview_schema(h);
    const struct view_cache_key key = key_of(schema, hyperview_object(h));
    const uint32_t *same = map_find(&c->by_key, &key);
    if (same != NULL)
        drop(c, *same);
    if (c->len == c->max) {
        drop(c, c->oldest);
        c->evictions++;
    }
    const uint32_t at = c->free_entries[c->max - c->len - 1];
    struct view_cache_entry *e = &c->entries[at];
    *e = (struct view_cache_entry){ .view = h, .key = key, .closure = *registry_closure(r, schema),
                               .deps = VIEW_CACHE_NONE };
    buf_init(&e->text, HYPERVIEW_BYTES_MAX + 4096);
    c->len++;
    link_newest(c, at);
    void *value;
    bool added;
    enum pando_status st = map_put(&c->by_key, &key, &value, &added);
    if (st == PANDO_OK)
        memcpy(value, &at, sizeof at);
    for (size_t i = 0; i < len && st == PANDO_OK; i++)
        st = dep_add(c, at, objects[i]);
    weigh(c, e);
    if (st != PANDO_OK || e->bytes > c->bytes_max)
        drop(c, at);
    else
        evict(c, at);
}

void view_cache_put(struct view_cache *c, const struct registry *r, struct hyperview **h, uint64_t began)
{
    size_t len = 0;
    uint64_t *objects = c->max == 0 ? NULL : objects_of(*h, &len);
    const bool current = registry_find(r, hyperview_schema(*h)->id) == hyperview_schema(*h);
    if (objects != NULL && current && !is_overtaken(c, objects, len, began))
        put(c, r, *h, objects, len);
    else
        hyperview_free(*h);
    free(objects);
    *h = NULL;
}

/* Put the delta into the entry, or let the entry go. */
static void keep(struct view_cache *c, uint32_t at, const struct delta_source *source,
                 const struct delta *d)
{
    struct view_cache_entry *e = &c->entries[at];
    bool negated = false;
    if (!VIEW_CACHE_MUTANT_IS(3) && hyperview_holds(e->view, d))
        return; /* it was there when the view was built */
    enum pando_status st = negate_is(source, d->id, NEGATE_NOW, &negated);
    if (st == PANDO_OK && negated)
        return;
    if (st == PANDO_OK)
        st = hyperview_insert(e->view, d);
    if (st != PANDO_OK) {
        drop(c, at);
        return;
    }
    e->printed = false;
    c->kept++;
    weigh(c, e);
}

static void note_recent(struct view_cache *c, uint64_t object)
{
    c->recent[c->touched++ % VIEW_CACHE_RECENT] = object;
}

static uint32_t first_dep(const struct view_cache *c, uint64_t object)
{
    const uint32_t *first = map_find(&c->by_object, &object);
    return first == NULL ? VIEW_CACHE_NONE : *first;
}

static void drop_touched(struct view_cache *c, uint64_t object)
{
    note_recent(c, object);
    for (uint32_t d = first_dep(c, object); d != VIEW_CACHE_NONE; d = first_dep(c, object))
        drop(c, c->deps[d].entry);
}

/* Mark how the entries of one target are touched. */
static void mark(struct view_cache *c, struct pando_slice object)
{
    const uint64_t hash = touch_hash(object);
    for (uint32_t d = first_dep(c, hash); d != VIEW_CACHE_NONE; d = c->deps[d].next) {
        struct view_cache_entry *e = &c->entries[c->deps[d].entry];
        if (slice_equal(hyperview_object(e->view), object))
            e->at_root = true;
        else
            e->nested = !VIEW_CACHE_MUTANT_IS(2);
    }
}

void view_cache_on_delta(struct view_cache *c, const struct delta_source *source, const struct delta *d,
                    const struct touch *t, bool shown)
{
    if (t->all) {
        view_cache_clear(c);
        return;
    }
    for (size_t i = 0; i < t->through_len && !VIEW_CACHE_MUTANT_IS(1); i++)
        drop_touched(c, t->through[i]);
    for (size_t i = 0; i < t->direct_len; i++)
        note_recent(c, t->direct[i]);
    for (size_t i = 0; i < d->pointers_len; i++)
        if (d->pointers[i].kind == DELTA_REF)
            mark(c, d->pointers[i].text);
    for (size_t i = 0; i < t->direct_len; i++)
        for (uint32_t dep = first_dep(c, t->direct[i]), next; dep != VIEW_CACHE_NONE; dep = next) {
            const uint32_t at = c->deps[dep].entry;
            struct view_cache_entry *e = &c->entries[at];
            const bool anew = e->nested || !shown, root = e->at_root;
            next = c->deps[dep].next;
            e->nested = e->at_root = false;
            if (anew)
                drop(c, at);
            else if (root)
                keep(c, at, source, d);
        }
    evict(c, VIEW_CACHE_NONE);
}
