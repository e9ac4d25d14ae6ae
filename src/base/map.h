/* map.h - a capped hash table from fixed-size keys to fixed-size values.
 *
 * Open addressing with linear probing and back-shift deletion, so there are no tombstones
 * and a miss costs a short scan. Keys are mixed with a seed that peers cannot know, because
 * ids and stream numbers are theirs to choose. Growth doubles until `max` entries; from
 * then on map_put refuses with PANDO_FULL and the owner decides what to drop.
 *
 * Iteration is in table order: it depends on the seed and must not steer a protocol where
 * the order would show. Use map_next for sweeps, sort where order matters.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <pando/status.h>
#include <pando/types.h>

struct map {
    uint8_t *used; /* one byte per slot */
    uint8_t *slots;
    size_t slots_len; /* a power of two, or 0 */
    size_t len;
    size_t max;
    size_t key_size;
    size_t value_size;
    uint64_t seed;
};

/* An empty table for keys of `key_size` bytes (compared as bytes: no padding inside). */
void map_init(struct map *m, size_t key_size, size_t value_size, size_t max, uint64_t seed);
/* Free the table. Accepts a zeroed one. */
void map_deinit(struct map *m);
/* Forget all entries, keep the memory. */
void map_reset(struct map *m);
/* The value of `key`, or NULL. Valid until the next put or del. */
void *map_find(const struct map *m, const void *key);
/* Find or add `key` and give its value's place; a new value is zeroed.
 * Errors: PANDO_FULL `max` entries are in use; PANDO_NOMEM. The table is unchanged then. */
enum pando_status map_put(struct map *m, const void *key, void **ret_value,
                          bool *ret_added) PANDO_MUST_USE;
/* Remove `key`; false when it was not there. */
bool map_del(struct map *m, const void *key);
/* Walk the entries: start with `*cursor` 0, go on until false. Deleting the entry just
 * given is allowed when the walk then restarts at the same cursor value minus one. */
bool map_next(const struct map *m, size_t *cursor, const void **ret_key, void **ret_value);

#endif
