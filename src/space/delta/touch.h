/* touch.h - which objects a delta concerns: those it points at, and where it negates, those
 * that the negated delta points at, along the chain of negations.
 *
 * Objects are told by a 64-bit hash. Two objects with one hash cost a view that is built anew
 * for nothing, never a wrong one.
 */
#ifndef SPACE_DELTA_TOUCH_H
#define SPACE_DELTA_TOUCH_H

#include "space/delta/source.h"

#define TOUCH_CHAIN_MAX 64 /* negated deltas that are followed; more: `all` */

struct touch {
    uint64_t direct[DELTA_POINTERS_MAX]; /* targets of the delta itself */
    size_t direct_len;
    uint64_t *through; /* targets of what it negates */
    size_t through_len, through_cap;
    bool all; /* too much to tell: everything may be concerned */
};

uint64_t touch_hash(struct pando_slice object);
/* Asks the source for the negated deltas; `d` must not come from it. Never fails: where the source
 * or memory does, `all` is set. */
void touch_find(struct touch *t, const struct delta_source *source, const struct delta *d);
void touch_deinit(struct touch *t);

#endif
