/* source.h - where deltas are read from: the store, or a plain array in memory.
 *
 * Views, time travel, negation and federation see deltas through this table of functions
 * only, so each of them is tested against the array and runs on the store.
 * Order is (timestamp, digest) everywhere. A delta given by a source is valid until the next
 * call on that source.
 */
#ifndef SPACE_DELTA_SOURCE_H
#define SPACE_DELTA_SOURCE_H

#include "space/delta/filter.h"

struct delta_source;

/* A place in the order of a scan; zeros mean before the first. */
struct delta_place {
    int64_t timestamp;
    struct delta_hash digest;
    bool set;
};

struct delta_source_ops {
    /* Whether surely no negation of `id` (negate.h) is here, at any time. May be NULL: nobody
     * knows. Ends the delta that was given last, as the other calls do. */
    bool (*unnegated)(void *ctx, struct pando_slice id);
    /* By id. PANDO_NOT_FOUND. */
    enum pando_status (*get)(void *ctx, struct pando_slice id, struct delta *ret);
    /* The next delta behind `place` (before it when descending) that the filter lets pass,
     * negated or not; moves `place`. Uses the best index for the filter.
     * PANDO_NOT_FOUND at the end; PANDO_BUSY: looked at many, nothing found yet, call again. */
    enum pando_status (*next)(void *ctx, const struct filter *f, bool descending,
                              struct delta_place *place, struct delta *ret);
};

struct delta_source {
    void *ctx;
    const struct delta_source_ops *ops;
};

static inline bool source_unnegated(const struct delta_source *s, struct pando_slice id)
{
    return s->ops->unnegated != NULL && s->ops->unnegated(s->ctx, id);
}
static inline enum pando_status source_get(const struct delta_source *s, struct pando_slice id,
                                           struct delta *ret)
{
    return s->ops->get(s->ctx, id, ret);
}
static inline enum pando_status source_next(const struct delta_source *s, const struct filter *f,
                                            bool descending, struct delta_place *place,
                                            struct delta *ret)
{
    return s->ops->next(s->ctx, f, descending, place, ret);
}

/* An array in memory as a source: for tests, models and small sets. `deltas` are borrowed
 * and sorted by this call. */
struct source_array {
    const struct delta **sorted;
    size_t len;
};
enum pando_status source_array_init(struct source_array *a, const struct delta *deltas,
                                    size_t len) PANDO_MUST_USE;
void source_array_deinit(struct source_array *a);
struct delta_source source_array_of(struct source_array *a);

#endif
