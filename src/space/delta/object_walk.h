/* object_walk.h - the deltas about one object, one by one, each one kept while others are read.
 *
 * A source's delta ends with the next call on it; here it is copied, so that one may ask about its
 * negations. Also the times at which a delta's state may change: those of all negations
 * that it hangs on.
 */
#ifndef SPACE_DELTA_OBJECT_WALK_H
#define SPACE_DELTA_OBJECT_WALK_H

#include "space/delta/source.h"

#define TIMES_MAX 65536 /* distinct times of one answer */

struct object_walk {
    struct delta_source source;
    struct filter filter; /* lists borrow `object` and the caller's contexts */
    struct pando_slice object;
    struct delta_place place;
    bool descending;
    struct pando_buf held;
    struct delta_room *room;
    struct delta d; /* valid until the next step */
};

/* `object` (borrowed) empty: all deltas. Inclusive times. */
enum pando_status object_walk_init(struct object_walk *w, const struct delta_source *source,
                            struct pando_slice object, int64_t start, int64_t end) PANDO_MUST_USE;
void object_walk_deinit(struct object_walk *w); /* accepts a zeroed one */
/* PANDO_NOT_FOUND at the end, PANDO_BUSY call again. */
enum pando_status object_walk_next(struct object_walk *w) PANDO_MUST_USE;

/* Distinct times, sorted. */
struct times {
    int64_t *items;
    size_t len, cap;
};
void travel_times_deinit(struct times *t);
/* Errors: PANDO_FULL at TIMES_MAX. */
enum pando_status travel_times_add(struct times *t, int64_t time) PANDO_MUST_USE;
/* Add the times of all negations that `id` hangs on. */
enum pando_status travel_times_of_negations(const struct delta_source *source, struct pando_slice id,
                                     struct times *t) PANDO_MUST_USE;
/* Append the id of the negation of `id` that has this name. PANDO_NOT_FOUND. */
enum pando_status travel_negation_named(const struct delta_source *source, struct pando_slice id,
                                 const struct delta_hash *name, struct pando_buf *ret) PANDO_MUST_USE;

#endif
