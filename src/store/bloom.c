#include "store/bloom.h"

#include "base/hash.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK         64u /* bytes: a cache line */
#define WORDS         (BLOCK / 8)
#define BITS_OF_BLOCK (BLOCK * 8)
#define BITS_A_KEY    10u
#define PROBES        6u
#define PROBE_BITS    9u /* which of the 512 */

struct bloom {
    uint64_t seed, room, count;
    uint64_t blocks;
    void *memory;
    _Atomic uint64_t *words; /* in it, at the beginning of a cache line */
};

struct bloom *bloom_new(uint64_t keys, uint64_t seed)
{
    if (keys > BLOOM_KEYS_MAX)
        return NULL;
    const uint64_t blocks = keys * BITS_A_KEY / BITS_OF_BLOCK + 1;
    struct bloom *b = malloc(sizeof *b);
    uint8_t *room = calloc((size_t)blocks + 1, BLOCK);
    if (b == NULL || room == NULL) {
        free(b);
        free(room);
        return NULL;
    }
    *b = (struct bloom){ .seed = seed,
                         .room = keys,
                         .blocks = blocks,
                         .memory = room,
                         .words = (void *)(room + BLOCK - (uintptr_t)room % BLOCK) };
    return b;
}

void bloom_free(struct bloom *b)
{
    if (b == NULL)
        return;
    free(b->memory);
    free(b);
}

/* The block of a hash; what is left of it says which bits. */
static _Atomic uint64_t *block_of(const struct bloom *b, uint64_t hash)
{
    return b->words + (hash >> 32) * b->blocks / (UINT64_C(1) << 32) * WORDS;
}

/* Six numbers of nine bits from a hash of 32 that chose no block. */
static uint64_t spread(uint64_t hash)
{
    return (hash & UINT32_MAX) * 0x9e3779b97f4a7c15u >> (64 - PROBES * PROBE_BITS);
}

void bloom_add(struct bloom *b, struct pando_slice key)
{
    const uint64_t hash = hash_bytes(b->seed, key);
    _Atomic uint64_t *block = block_of(b, hash);
    uint64_t bits = spread(hash);
    for (unsigned i = 0; i < PROBES; i++, bits >>= PROBE_BITS)
        atomic_fetch_or_explicit(&block[bits / 64 % WORDS], UINT64_C(1) << bits % 64,
                                 memory_order_relaxed);
    b->count++;
}

bool bloom_may_have(const struct bloom *b, struct pando_slice key)
{
    const uint64_t hash = hash_bytes(b->seed, key);
    _Atomic uint64_t *block = block_of(b, hash);
    uint64_t bits = spread(hash);
    for (unsigned i = 0; i < PROBES; i++, bits >>= PROBE_BITS)
        if ((atomic_load_explicit(&block[bits / 64 % WORDS], memory_order_relaxed) >>
             bits % 64 & 1) == 0)
            return false;
    return true;
}

uint64_t bloom_count(const struct bloom *b)
{
    return b->count;
}

uint64_t bloom_room(const struct bloom *b)
{
    return b->room;
}

void bloom_expect(const struct bloom *b, struct pando_slice key)
{
    __builtin_prefetch((const void *)block_of(b, hash_bytes(b->seed, key)));
}
