/* filter.h - which deltas: fields are AND-ed, the members of a list are OR-ed.
 *
 *     {"ids":[],"targetIds":[],"targetContexts":[],"authors":[],"systems":[],
 *      "timestampRange":{"start":1,"end":2},"includeNegated":false}
 *
 * `contexts` is read as `targetContexts`. A missing, null or empty list lets everything pass.
 * targetIds and targetContexts may be met by different pointers. The range is inclusive.
 * A member of another name is refused: ignored, it would let pass what was to be held back.
 * Negation is not the filter's part: whoever scans asks negate.h unless `include_negated`.
 */
#ifndef SPACE_DELTA_FILTER_H
#define SPACE_DELTA_FILTER_H

#include "space/delta/delta.h"

#include <jansson.h>

#define FILTER_LIST_MAX 1024 /* members of one list */

struct filter_list {
    struct pando_slice *items; /* sorted */
    size_t len;
};

struct filter {
    struct filter_list ids, target_ids, target_contexts, authors, systems;
    int64_t start, end; /* inclusive; INT64_MIN and INT64_MAX when open */
    bool include_negated;
    bool unnamed; /* of a scan: the deltas' names are not wanted, and may be left zero */
    struct pando_buf texts; /* what the slices borrow */
};

void filter_init(struct filter *f); /* lets everything pass */
void filter_deinit(struct filter *f);
/* `json` NULL: lets everything pass. Errors: PANDO_INVALID reterr names the member. */
enum pando_status filter_from_json(const json_t *json, struct filter *ret,
                                   struct pando_err *reterr) PANDO_MUST_USE;
/* Its JSON text: only what restricts. */
enum pando_status filter_to_json(const struct filter *f, struct pando_buf *text) PANDO_MUST_USE;
enum pando_status filter_copy(const struct filter *f, struct filter *ret) PANDO_MUST_USE;
bool filter_passes(const struct filter *f, const struct delta *d);
bool filter_is_open(const struct filter *f); /* every delta passes */
bool filter_list_holds(const struct filter_list *list, struct pando_slice item);

#endif
