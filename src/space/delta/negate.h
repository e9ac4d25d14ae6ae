/* negate.h - the one answer to "is this delta negated as of t?".
 *
 * A negation is a delta with a pointer of role `negates` at (id of a delta, "negated_by").
 * Delta D is negated as of t when some negation of D with a timestamp <= t is itself not
 * negated as of t. Two negations of one delta: it stays negated until both are.
 * Queries, views, time travel, archives and federation all ask here.
 *
 * Cycles: the rule is read as a game that is solved from its ends. What nobody negates is
 * not negated; what one of those negates is; what has only negated negations is not; and
 * whatever remains, for it hangs on a cycle alone, counts as not negated (nor does it
 * negate). So a delta that negates itself does nothing, and the answer neither depends on
 * where one begins to ask nor costs more than the part of the graph that it hangs on.
 *
 * Order of arrival does not matter: a negation may be here before its delta.
 *
 * Source: the win-move game under the well-founded semantics; Van Gelder, Ross, Schlipf,
 * "The well-founded semantics for general logic programs", JACM 38(3), 1991, example 5.
 */
#ifndef SPACE_DELTA_NEGATE_H
#define SPACE_DELTA_NEGATE_H

#include "space/delta/source.h"

#define NEGATE_ROLE    "negates"
#define NEGATE_CONTEXT "negated_by"
/* Negations that one answer looks at, breadth first in the order of source.h; those behind
 * them are not seen. Equal sets still give equal answers. */
#define NEGATE_REACH_MAX 4096
#define NEGATE_NOW     INT64_MAX

struct negate_state {
    bool negated;
    bool was_negated;      /* some negation was itself negated: restored, if not negated */
    int64_t negated_at;    /* of the latest effective negation */
    struct delta_hash by;  /* its name */
};

/* Errors: PANDO_IO, PANDO_CORRUPT of the source. Cost: O(negations it hangs on). */
enum pando_status negate_state_of(const struct delta_source *s, struct pando_slice id, int64_t t,
                                  struct negate_state *ret) PANDO_MUST_USE;
enum pando_status negate_is(const struct delta_source *s, struct pando_slice id, int64_t t,
                            bool *ret_negated) PANDO_MUST_USE;
/* Whether `d` is a negation, and of which ids (into `ret`, at most `cap`; returns how many). */
size_t negate_targets(const struct delta *d, struct pando_slice *ret, size_t cap);

#endif
