/* cache.h - compiled modules: at most EXEC_MODULES_MAX in memory, the least used goes.
 *
 * A scan over at most a hundred digests under a mutex costs less than a microsecond, so
 * there is no index. Two threads that miss the same module both compile it and one result
 * is dropped: rare, and simpler than waiting for each other.
 */
#ifndef EXEC_CACHE_H
#define EXEC_CACHE_H

#include <pthread.h>

#include "exec/module.h"

struct cache {
    pthread_mutex_t lock;
    struct module *modules[EXEC_MODULES_MAX]; /* most recently used first */
    uint32_t len;
};

void cache_init(struct cache *c);
void cache_deinit(struct cache *c);
/* The module with one more reference, or NULL. Thread: any. */
struct module *cache_find(struct cache *c, const struct pando_id *id);
/* Keep a module (the cache takes a reference of its own), dropping the one that was not
 * used for the longest time when full. Thread: any. */
void cache_put(struct cache *c, struct module *m);
uint32_t cache_len(struct cache *c);

#endif
