/* gossip_bits.h - sets of peers as bits, walked in ascending order of handle. */
#ifndef GOSSIPSUB_GOSSIP_BITS_H
#define GOSSIPSUB_GOSSIP_BITS_H

#include <pando/types.h>

#define BITS_WORDS(len) (((size_t)(len) + 63) / 64)

static inline bool bits_has(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

/* Add or remove `i`; true when that changed the set. */
static inline bool bits_put(uint64_t *bits, uint32_t i, bool member)
{
    const uint64_t mask = (uint64_t)1 << (i % 64);
    const bool was = (bits[i / 64] & mask) != 0;
    if (member)
        bits[i / 64] |= mask;
    else
        bits[i / 64] &= ~mask;
    return was != member;
}

static inline bool bits_are_empty(const uint64_t *bits, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if (bits[i] != 0)
            return false;
    }
    return true;
}

/* The next member at or after *cursor, which then points behind it; false at the end. */
static inline bool bits_next(const uint64_t *bits, size_t words, uint32_t *cursor,
                             uint32_t *ret_member)
{
    size_t word = *cursor / 64;
    if (word >= words)
        return false;
    uint64_t left = bits[word] >> (*cursor % 64) << (*cursor % 64);
    while (left == 0) {
        if (++word == words)
            return false;
        left = bits[word];
    }
    uint32_t bit = 0;
    while ((left >> bit & 1) == 0)
        bit++;
    *ret_member = (uint32_t)(word * 64) + bit;
    *cursor = *ret_member + 1;
    return true;
}

#endif
