/* negate.h - the one answer to "is this delta negated as of t?".
 *
 * A negation is a delta with a pointer of role `negates` at (id of a delta, "negated_by").
 * Delta D is negated as of t when some negation of D with a timestamp <= t is itself not
 * negated as of t. Cycles end: a delta that is asked about while it is being asked about
 * counts as not negated. Two negations of one delta: it stays negated until both are.
 * Queries, views, time travel, archives and federation all ask here.
 *
 * Order of arrival does not matter: a negation may be here before its delta.
 */
#ifndef SPACE_DELTA_NEGATE_H
#define SPACE_DELTA_NEGATE_H

#include "space/delta/source.h"

#define NEGATE_ROLE    "negates"
#define NEGATE_CONTEXT "negated_by"
#define NEGATE_DEPTH_MAX 64 /* deeper chains: the deepest counts as not negated */
#define NEGATE_NOW     INT64_MAX

struct negate_state {
    bool negated;
    bool was_negated;      /* some negation was itself negated: restored, if not negated */
    int64_t negated_at;    /* of the latest effective negation */
    struct delta_hash by;  /* its name */
};

/* Errors: PANDO_IO, PANDO_CORRUPT of the source. Cost: O(negations of the chain). */
enum pando_status negate_state_of(const struct delta_source *s, struct pando_slice id, int64_t t,
                                  struct negate_state *ret) PANDO_MUST_USE;
enum pando_status negate_is(const struct delta_source *s, struct pando_slice id, int64_t t,
                            bool *ret_negated) PANDO_MUST_USE;
/* Whether `d` is a negation, and of which ids (into `ret`, at most `cap`; returns how many). */
size_t negate_targets(const struct delta *d, struct pando_slice *ret, size_t cap);

#endif
