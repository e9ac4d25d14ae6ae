/* registry.h - the schemas that are known, and the graph of their rules.
 *
 * Rules name schemas by id, so the graph may have holes (what is not known stays a plain
 * reference in a view) and circles. Circles are allowed unless somebody asks for a check:
 * a build never follows the same object and schema twice on one path. The check names the
 * circle as a path.
 *
 * The *closure* of a schema is a hash over everything it reaches: a materialised view is
 * stale when the closure of its schema has become another.
 */
#ifndef SPACE_DELTA_REGISTRY_H
#define SPACE_DELTA_REGISTRY_H

#include "space/delta/schema.h"

struct registry {
    struct schema **items; /* sorted by id; each one counted */
    size_t len, cap, max;
    uint64_t generation; /* rises with every change */
};

void registry_init(struct registry *r, size_t max);
void registry_deinit(struct registry *r);
/* NULL when it is not known. Valid until the next change; schema_ref() to keep. */
struct schema *registry_find(const struct registry *r, struct pando_slice id);
/* Take the schema over, in place of one with its id. `validate`: refuse what closes a circle.
 * Errors: PANDO_INVALID reterr shows the circle; PANDO_FULL; PANDO_NOMEM; the caller keeps it. */
enum pando_status registry_put(struct registry *r, struct schema *s, bool validate,
                               struct pando_err *reterr) PANDO_MUST_USE;
bool registry_del(struct registry *r, struct pando_slice id);

/* A circle that can be reached: its path as text "a -> b -> a". PANDO_NOT_FOUND: there is none. */
enum pando_status registry_cycle(const struct registry *r, struct pando_buf *path) PANDO_MUST_USE;
/* All about the graph, as members of an object: acyclic, cycle, order (what is depended on
 * comes first), depth and dependents of each schema, references that lead nowhere. */
enum pando_status registry_report(const struct registry *r, json_t **ret) PANDO_MUST_USE;
/* The hash over all that `s` reaches. Cost: O(rules reached) after a change, else O(1). */
const struct pando_id *registry_closure(const struct registry *r, struct schema *s);

#endif
