/* cache.h - hyperviews that are kept, and kept right while deltas arrive.
 *
 * An entry is a finished hyperview as of now and its text. It knows which objects it looked
 * into. A delta that arrives about the object itself is put into the entry; one that concerns
 * an object nested in it, or that negates, makes the entry go. What happens before a view that
 * is being built is put here is remembered, so that no entry misses a delta.
 *
 * At the cap (entries, bytes) the least recently used goes. An entry is stale when the schemas that
 * it reaches are no longer the same. Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_CACHE_H
#define SPACE_DELTA_CACHE_H

#include "base/map.h"
#include "space/delta/hyperview.h"
#include "space/delta/touch.h"

#define CACHE_OBJECTS_MAX 4096 /* distinct objects of one entry; wider views are not kept */
#define CACHE_RECENT      1024 /* objects touched lately, for views being built */
#define CACHE_NONE        UINT32_MAX

struct cache_entry; /* cache.c */
struct cache_dep;

struct cache {
    struct cache_entry *entries;
    uint32_t *free_entries;
    size_t len, max;
    size_t bytes, bytes_max;
    struct map by_key;    /* object and schema -> entry */
    struct map by_object; /* hash of an object -> its first dep */
    struct cache_dep *deps;
    uint32_t deps_len, deps_cap, deps_free;
    uint32_t newest, oldest;
    uint64_t recent[CACHE_RECENT];
    uint64_t touched; /* objects so far */
    uint64_t hits, misses, evictions, stale;
    uint64_t kept; /* deltas that were put into an entry */
};

enum pando_status cache_init(struct cache *c, size_t entries_max, size_t bytes_max,
                             uint64_t seed) PANDO_MUST_USE;
void cache_deinit(struct cache *c);
void cache_clear(struct cache *c);

/* The hyperview of `object` under `schema`, or NULL; counted. Valid until the next change. */
struct hyperview *cache_find(struct cache *c, const struct registry *r, struct schema *schema,
                             struct pando_slice object);
/* Its text with metadata. Valid until the next change. PANDO_NOT_FOUND. */
enum pando_status cache_text(struct cache *c, const struct registry *r, struct schema *schema,
                             struct pando_slice object, struct pando_slice *ret) PANDO_MUST_USE;
/* Take a finished view over (always), whose build began when `touched` was `began`. Not kept
 * when something that it shows was touched meanwhile. */
void cache_put(struct cache *c, const struct registry *r, struct hyperview **h, uint64_t began);

/* A delta that the source shows now (`shown`), or has just ceased to show. `d` must not come
 * from the source. */
void cache_on_delta(struct cache *c, const struct delta_source *source, const struct delta *d,
                    const struct touch *t, bool shown);

#endif
