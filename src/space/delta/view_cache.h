/* view_cache.h - hyperviews that are kept, and kept right while deltas arrive.
 *
 * An entry is a finished hyperview as of now and its text. It knows which objects it looked
 * into. A delta that arrives about the object itself is put into the entry; one that concerns
 * an object nested in it, or that negates, makes the entry go. What happens before a view that
 * is being built is put here is remembered, so that no entry misses a delta.
 *
 * At the cap (entries, bytes) the least recently used goes. An entry is stale when the schemas that
 * it reaches are no longer the same. Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_VIEW_CACHE_H
#define SPACE_DELTA_VIEW_CACHE_H

#include "base/map.h"
#include "space/delta/hyperview.h"
#include "space/delta/touch.h"

#define VIEW_CACHE_OBJECTS_MAX 4096 /* distinct objects of one entry; wider views are not kept */
#define VIEW_CACHE_RECENT      1024 /* objects touched lately, for views being built */
#define VIEW_CACHE_NONE        UINT32_MAX

struct view_cache_entry; /* view_cache.c */
struct view_cache_dep;

struct view_cache {
    struct view_cache_entry *entries;
    uint32_t *free_entries;
    size_t len, max;
    size_t bytes, bytes_max;
    struct map by_key;    /* object and schema -> entry */
    struct map by_object; /* hash of an object -> its first dep */
    struct view_cache_dep *deps;
    uint32_t deps_len, deps_cap, deps_free;
    uint32_t newest, oldest;
    uint64_t recent[VIEW_CACHE_RECENT];
    uint64_t touched; /* objects so far */
    uint64_t hits, misses, evictions, stale;
    uint64_t kept; /* deltas that were put into an entry */
};

enum pando_status view_cache_init(struct view_cache *c, size_t entries_max, size_t bytes_max,
                             uint64_t seed) PANDO_MUST_USE;
void view_cache_deinit(struct view_cache *c);
void view_cache_clear(struct view_cache *c);

/* The hyperview of `object` under `schema`, or NULL; counted. Valid until the next change. */
struct hyperview *view_cache_find(struct view_cache *c, const struct registry *r, struct schema *schema,
                             struct pando_slice object);
/* Its text with metadata. Valid until the next change. PANDO_NOT_FOUND. */
enum pando_status view_cache_text(struct view_cache *c, const struct registry *r, struct schema *schema,
                             struct pando_slice object, struct pando_slice *ret) PANDO_MUST_USE;
/* Take a finished view over (always), whose build began when `touched` was `began`. Not kept
 * when something that it shows was touched meanwhile. */
void view_cache_put(struct view_cache *c, const struct registry *r, struct hyperview **h, uint64_t began);

/* A delta that the source shows now (`shown`), or has just ceased to show. `d` must not come
 * from the source. */
void view_cache_on_delta(struct view_cache *c, const struct delta_source *source, const struct delta *d,
                    const struct touch *t, bool shown);

#endif
