/* bloom.h - a set of keys that remembers little: it tells what is surely not in it.
 *
 * Ten bits a key, of which one in eighty absent keys finds all its six set. All bits of a key
 * lie in one cache line. Keys are never taken out. Made for a number of keys; with more it
 * only becomes less useful.
 *
 * Source: F. Putze, P. Sanders, J. Singler, "Cache-, Hash- and Space-Efficient Bloom
 * Filters", WEA 2007 (the blocked variant).
 *
 * Thread: one adds, others may ask meanwhile: a key is found by whoever learns that it was
 * added.
 */
#ifndef STORE_BLOOM_H
#define STORE_BLOOM_H

#include <pando/types.h>

#define BLOOM_KEYS_MAX (UINT64_C(1) << 23) /* 10 MiB */

struct bloom;

/* NULL: memory is out, or more than BLOOM_KEYS_MAX. */
struct bloom *bloom_new(uint64_t keys, uint64_t seed);
void bloom_free(struct bloom *b); /* accepts NULL */
void bloom_add(struct bloom *b, struct pando_slice key);
bool bloom_may_have(const struct bloom *b, struct pando_slice key);
/* Additions, of which some may have been repeated, and how many it was made for. */
uint64_t bloom_count(const struct bloom *b);
uint64_t bloom_room(const struct bloom *b);
/* The key will be asked for soon. */
void bloom_expect(const struct bloom *b, struct pando_slice key);

#endif
