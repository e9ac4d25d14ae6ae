/* hash.h - a seeded hash of bytes, for tables in memory.
 *
 * Multiply and fold over words of 8 bytes. Keys of a peer's choosing cannot aim at a slot
 * without the seed; it is no MAC, and its values go nowhere else.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <pando/types.h>

#include <string.h>

static inline uint64_t hash_bytes(uint64_t seed, struct pando_slice s)
{
    uint64_t h = seed ^ s.len;
    for (size_t i = 0; i < s.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, s.ptr + i, s.len - i < 8 ? s.len - i : 8);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    h = (h ^ seed) * 0xd6e8feb86659fd93u;
    return h ^ h >> 29;
}

#endif
