#include "base/rng.h"

#include "base/assert.h"

static uint64_t rotate(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct rng rng_seeded(uint64_t seed)
{
    struct rng r;
    for (size_t i = 0; i < 4; i++)
        r.s[i] = splitmix(&seed);
    return r;
}

uint64_t rng_next(struct rng *r)
{
    const uint64_t result = rotate(r->s[1] * 5, 7) * 9;
    const uint64_t t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotate(r->s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t limit)
{
    PANDO_ASSERT(limit > 0);
    const uint64_t reject = (0 - limit) % limit; /* 2^64 mod limit */
    for (;;) {
        const uint64_t x = rng_next(r);
        if (x >= reject)
            return x % limit;
    }
}

bool rng_chance(struct rng *r, uint64_t parts, uint64_t per)
{
    return rng_below(r, per) < parts;
}

void rng_fill(struct rng *r, uint8_t *ptr, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t x = rng_next(r);
        for (size_t j = i; j < len && j < i + 8; j++, x >>= 8)
            ptr[j] = (uint8_t)x;
    }
}
