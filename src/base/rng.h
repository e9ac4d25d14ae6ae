/* rng.h - seeded, reproducible randomness for engines and simulations.
 *
 * Same seed, same history: no floats, no global. Never used for keys or nonces, which come
 * through the entropy seam of the host.
 *
 * Source: xoshiro256** by Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021; the seed is spread by splitmix64 as the authors advise.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <pando/types.h>

struct rng {
    uint64_t s[4];
};

struct rng rng_seeded(uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, limit); `limit` > 0. */
uint64_t rng_below(struct rng *r, uint64_t limit);
/* True in `parts` of `per` cases. */
bool rng_chance(struct rng *r, uint64_t parts, uint64_t per);
void rng_fill(struct rng *r, uint8_t *ptr, size_t len);

#endif
