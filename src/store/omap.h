/* omap.h - an ordered map in memory: what a table's overlay is made of.
 *
 * A hash table finds a key; skip lists, one for each first byte of keys, keep the order.
 * Keys enter their list only when somebody asks for the order (omap_seek, omap_next): rows
 * that are looked up by key alone never do. Entries lie in chunks, so that dropping a whole
 * generation of them is a handful of frees. An entry may be a tombstone: "this key is gone,
 * whatever lies below". A value is replaced in place while it fits; a longer one takes new
 * room, twice the old, which is wasted until the map is dropped: overlays live for seconds.
 *
 * Source: W. Pugh, "Skip lists: a probabilistic alternative to balanced trees", CACM
 * 33(6), 1990, with p = 1/4. Heights come from a seeded generator: same history, same
 * shape. Addition: a list remembers the way to its newest entry, beside which the next
 * one mostly belongs.
 */
#ifndef STORE_OMAP_H
#define STORE_OMAP_H

#include "base/rng.h"

#include <pando/status.h>
#include <pando/types.h>

#define OMAP_HEIGHT_MAX 12
#define OMAP_KEY_MAX    255
#define OMAP_LISTS      16 /* first bytes from the last one on share a list */

struct omap_entry; /* opaque */
struct omap_chunk;
struct omap_slot;

struct omap_list {
    struct omap_entry *heads[OMAP_HEIGHT_MAX];
    struct omap_entry *before[OMAP_HEIGHT_MAX]; /* `newest`, on every level */
    struct omap_entry *newest;                  /* linked last */
    struct omap_entry *loose;                   /* not linked yet, chained on level 0 */
};

struct omap {
    struct omap_list lists[OMAP_LISTS];
    struct omap_chunk *chunks;
    struct omap_slot *slots;
    size_t slots_len; /* a power of two, or 0 */
    uint64_t hash_seed;
    struct rng rng;
    size_t len;
    size_t bytes; /* taken from chunks: what counts against an overlay's cap */
};

/* Where peers choose keys, they must not know the seed. */
void omap_init(struct omap *m, uint64_t seed);
void omap_deinit(struct omap *m);

/* Set or replace; `value` NULL in its pointer and `gone` true leave a tombstone.
 * Errors: PANDO_NOMEM; the map is unchanged then. Cost: O(1) for a known key, else
 * O(log n). */
enum pando_status omap_put(struct omap *m, struct pando_slice key,
                           struct pando_slice value, bool gone) PANDO_MUST_USE;
/* The entry of `key`, or NULL. Valid until the key is put again. Cost: O(1). */
const struct omap_entry *omap_find(const struct omap *m, struct pando_slice key);
/* `key` will be found or put soon: let memory come nearer. */
void omap_expect(const struct omap *m, struct pando_slice key);
/* The first entry at (if inclusive) or beyond `key` in the given direction, or NULL. Links
 * what is loose in the lists it looks at. Cost: O(log n), and as much for each such key. */
const struct omap_entry *omap_seek(struct omap *m, struct pando_slice key, bool inclusive,
                                   bool descending);
/* Walk all entries in order: NULL gives the first; NULL behind the last. */
const struct omap_entry *omap_next(struct omap *m, const struct omap_entry *e);

/* All entries in order, as an array of `len` (free with free()), without a look at the lists:
 * may run beside find, seek and next on another thread, while nothing is put.
 * Errors: PANDO_NOMEM. */
struct omap_sorted {
    uint64_t head; /* first 8 bytes of the key, as a number */
    const struct omap_entry *entry;
};
enum pando_status omap_sort(const struct omap *m, struct omap_sorted **ret) PANDO_MUST_USE;

struct pando_slice omap_key(const struct omap_entry *e);
struct pando_slice omap_value(const struct omap_entry *e);
bool omap_is_gone(const struct omap_entry *e);

/* Order of two keys as bytes; a prefix comes first. */
int omap_compare(struct pando_slice a, struct pando_slice b);

#endif
