/* heap.h - deadlines in order: a binary heap whose entries can be moved by their handle.
 *
 * Ties are broken by the order of insertion, so that the same history gives the same order
 * of timers. The heap stores handles (small dense numbers chosen by the owner, such as a
 * link's or a stream's index) and remembers where each one lies.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <pando/status.h>
#include <pando/types.h>

struct heap_entry {
    struct pando_time at;
    uint64_t order;
    uint32_t handle;
};

struct heap {
    struct heap_entry *entries;
    uint32_t *places; /* by handle: index + 1, or 0 */
    size_t len;
    size_t cap;
    size_t places_len;
    uint64_t next_order;
};

void heap_init(struct heap *h);
void heap_deinit(struct heap *h);
/* Set the deadline of `handle`, adding or moving it; PANDO_TIME_NEVER removes it.
 * Errors: PANDO_NOMEM. Cost: O(log n). */
enum pando_status heap_set(struct heap *h, uint32_t handle, struct pando_time at) PANDO_MUST_USE;
void heap_remove(struct heap *h, uint32_t handle);
/* The earliest deadline, or PANDO_TIME_NEVER. */
struct pando_time heap_first(const struct heap *h);
/* Take the earliest entry that is due at `now`; false when none is. */
bool heap_pop_due(struct heap *h, struct pando_time now, uint32_t *ret_handle);

#endif
