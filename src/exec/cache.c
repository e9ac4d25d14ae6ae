#include "exec/cache.h"

#include <string.h>

#include "base/assert.h"
#include "base/slice.h"

void cache_init(struct cache *c)
{
    memset(c, 0, sizeof *c);
    const int rc = pthread_mutex_init(&c->lock, NULL);
    PANDO_ASSERT(rc == 0);
}

void cache_deinit(struct cache *c)
{
    for (uint32_t i = 0; i < c->len; i++)
        module_unref(c->modules[i]);
    c->len = 0;
    (void)pthread_mutex_destroy(&c->lock);
}

/* Bring the module at `i` to the front. */
static void touch(struct cache *c, uint32_t i)
{
    struct module *m = c->modules[i];
    memmove(&c->modules[1], &c->modules[0], i * sizeof *c->modules);
    c->modules[0] = m;
}

static bool locate(const struct cache *c, const struct pando_id *id, uint32_t *ret_at)
{
    for (uint32_t i = 0; i < c->len; i++) {
        if (id_equal(&c->modules[i]->id, id)) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

struct module *cache_find(struct cache *c, const struct pando_id *id)
{
    struct module *found = NULL;
    uint32_t at;
    (void)pthread_mutex_lock(&c->lock);
    if (locate(c, id, &at)) {
        touch(c, at);
        found = module_ref(c->modules[0]);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

void cache_put(struct cache *c, struct module *m)
{
    struct module *dropped = NULL;
    uint32_t at;
    (void)pthread_mutex_lock(&c->lock);
    if (!locate(c, &m->id, &at)) {
        if (c->len == EXEC_MODULES_MAX)
            dropped = c->modules[--c->len];
        c->modules[c->len] = module_ref(m);
        at = c->len++;
    }
    touch(c, at);
    (void)pthread_mutex_unlock(&c->lock);
    module_unref(dropped);
}

uint32_t cache_len(struct cache *c)
{
    (void)pthread_mutex_lock(&c->lock);
    const uint32_t len = c->len;
    (void)pthread_mutex_unlock(&c->lock);
    return len;
}
