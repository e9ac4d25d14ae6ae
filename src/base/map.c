#include "base/map.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static size_t align8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static size_t slot_size(const struct map *m)
{
    return align8(m->key_size) + align8(m->value_size);
}

static uint8_t *key_at(const struct map *m, size_t i)
{
    return m->slots + i * slot_size(m);
}

static uint8_t *value_at(const struct map *m, size_t i)
{
    return key_at(m, i) + align8(m->key_size);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9fb21c651e98df25u;
    return h ^ h >> 32;
}

/* Seeded multiply-and-fold over 8-byte words; keys of a peer's choosing cannot aim at a
 * bucket without the seed. */
static size_t home_of(const struct map *m, const uint8_t *key)
{
    uint64_t h = m->seed ^ m->key_size, word;
    size_t i = 0;
    for (; i + 8 <= m->key_size; i += 8) {
        memcpy(&word, key + i, 8);
        h = mix(h, word);
    }
    if (i < m->key_size) {
        word = 0;
        memcpy(&word, key + i, m->key_size - i);
        h = mix(h, word);
    }
    h = (h ^ m->seed) * 0xd6e8feb86659fd93u;
    return (size_t)(h ^ (h >> 29)) & (m->slots_len - 1);
}

void map_init(struct map *m, size_t key_size, size_t value_size, size_t max, uint64_t seed)
{
    *m = (struct map){
        .key_size = key_size, .value_size = value_size, .max = max, .seed = seed
    };
}

void map_deinit(struct map *m)
{
    free(m->used);
    free(m->slots);
    map_init(m, m->key_size, m->value_size, m->max, m->seed);
}

void map_reset(struct map *m)
{
    if (m->slots_len > 0)
        memset(m->used, 0, m->slots_len);
    m->len = 0;
}

/* Most keys are numbers of 8 bytes, which one comparison settles. */
static bool is_key(const struct map *m, size_t i, const void *key)
{
    const uint8_t *there = key_at(m, i);
    uint64_t a, b;
    if (m->key_size != sizeof a)
        return memcmp(there, key, m->key_size) == 0;
    memcpy(&a, there, sizeof a);
    memcpy(&b, key, sizeof b);
    return a == b;
}

/* The slot of `key`, or the free slot where it would go. */
static size_t probe(const struct map *m, const void *key)
{
    size_t i = home_of(m, key);
    while (m->used[i] && !is_key(m, i, key))
        i = (i + 1) & (m->slots_len - 1);
    return i;
}

void *map_find(const struct map *m, const void *key)
{
    if (m->len == 0)
        return NULL;
    const size_t i = probe(m, key);
    return m->used[i] ? value_at(m, i) : NULL;
}

static enum pando_status grow(struct map *m)
{
    struct map bigger = *m;
    bigger.slots_len = m->slots_len == 0 ? 16 : m->slots_len * 2;
    bigger.used = calloc(bigger.slots_len, 1);
    bigger.slots = malloc(bigger.slots_len * slot_size(m));
    if (bigger.used == NULL || bigger.slots == NULL) {
        free(bigger.used);
        free(bigger.slots);
        return PANDO_NOMEM;
    }
    for (size_t i = 0; i < m->slots_len; i++) {
        if (!m->used[i])
            continue;
        const size_t to = probe(&bigger, key_at(m, i));
        bigger.used[to] = 1;
        memcpy(key_at(&bigger, to), key_at(m, i), slot_size(m));
    }
    free(m->used);
    free(m->slots);
    *m = bigger;
    return PANDO_OK;
}

enum pando_status map_put(struct map *m, const void *key, void **ret_value, bool *ret_added)
{
    void *found = map_find(m, key);
    if (found != NULL) {
        *ret_value = found;
        *ret_added = false;
        return PANDO_OK;
    }
    if (m->len >= m->max)
        return PANDO_FULL;
    if ((m->len + 1) * 4 > m->slots_len * 3) {
        const enum pando_status st = grow(m);
        if (st != PANDO_OK)
            return st;
    }
    const size_t i = probe(m, key);
    m->used[i] = 1;
    m->len++;
    memcpy(key_at(m, i), key, m->key_size);
    memset(value_at(m, i), 0, align8(m->value_size));
    *ret_value = value_at(m, i);
    *ret_added = true;
    return PANDO_OK;
}

bool map_del(struct map *m, const void *key)
{
    if (m->len == 0)
        return false;
    size_t hole = probe(m, key);
    if (!m->used[hole])
        return false;
    const size_t mask = m->slots_len - 1;
    for (size_t i = (hole + 1) & mask; m->used[i]; i = (i + 1) & mask) {
        const size_t home = home_of(m, key_at(m, i));
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* moving it would place it before its home */
        memcpy(key_at(m, hole), key_at(m, i), slot_size(m));
        hole = i;
    }
    m->used[hole] = 0;
    m->len--;
    return true;
}

bool map_next(const struct map *m, size_t *cursor, const void **ret_key, void **ret_value)
{
    while (*cursor < m->slots_len) {
        const size_t i = (*cursor)++;
        if (!m->used[i])
            continue;
        *ret_key = key_at(m, i);
        *ret_value = value_at(m, i);
        return true;
    }
    return false;
}
