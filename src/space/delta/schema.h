/* schema.h - HyperSchemas: which deltas belong to an object, and where views nest.
 *
 *     {"id": "movie", "name": "Movie",
 *      "select": "select_by_target_context",
 *      "transform": {"actor": {"schema": "person", "when": {"targetContext": "films"}}}}
 *
 * `select` files a delta about an object under properties: under the contexts of its pointers
 * at that object (the default), or by a fixed map from context to properties, where "*"
 * stands for every other context (none included) and `true` for the property `_default`.
 * `transform` says of a role which schema the object behind it is seen through; the first
 * rule of a role whose condition holds counts. A schema is named by its id and looked up when it is
 * needed, so that schemas may come in any order; a primitive one (String, Integer.Year, ...)
 * checks the value instead of nesting.
 *
 * Schemas are shared by builds under way and counted. Two schemas are the same when their
 * normal forms are (SHA-256 of sorted, compact JSON). Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_SCHEMA_H
#define SPACE_DELTA_SCHEMA_H

#include "space/delta/delta.h"

#include <jansson.h>

#define SCHEMA_RULES_MAX    256
#define SCHEMA_PICKS_MAX    256 /* contexts of a fixed map; properties of one delta */
#define SCHEMA_BY_CONTEXT   "select_by_target_context"
#define SCHEMA_DEFAULT_NAME "_default" /* the property of what is selected without a name */
#define SCHEMA_PLAIN        "plain"    /* built in: by context, nothing nests */

/* What must hold of a pointer and its delta; absent parts are empty. */
struct schema_when {
    struct pando_slice target_context, target_id, author, system;
    struct pando_slice role; /* the delta has a pointer of this role */
    const json_t *equals;    /* whose target is this primitive; NULL any */
};

struct schema_rule {
    struct pando_slice role;
    struct pando_slice schema;
    struct schema_when when;
};

struct schema_pick {
    struct pando_slice context;
    struct pando_slice *properties;
    size_t properties_len;
};

struct schema {
    unsigned owners;
    struct pando_slice id, name;
    uint64_t version; /* said by whoever registers it, or the time of its newest delta */
    bool from_deltas;
    struct schema_pick *picks; /* NULL: by target context */
    size_t picks_len;
    struct schema_rule *rules;
    size_t rules_len;
    json_t *normal; /* the slices borrow it */
    struct pando_id hash;
    struct pando_id closure; /* with all schemas that it reaches; see registry_closure() */
    uint64_t closure_of;     /* generation of the registry */
    uint64_t resolved_of;    /* views: when all it reaches was last looked up */
};

/* Read a definition. Errors: PANDO_INVALID reterr names the member and the rule
 * ("transform.actor.when.targetContxt is unknown: ..."); PANDO_NOMEM. */
enum pando_status schema_from_json(const json_t *json, struct schema **ret,
                                   struct pando_err *reterr) PANDO_MUST_USE;
struct schema *schema_ref(struct schema *s);
void schema_unref(struct schema *s); /* accepts NULL */

/* The distinct properties under which `d` shows in a view of `object`; at most `cap` (256 are
 * enough for every delta under the default; what a fixed map gives beyond them is left out).
 * Returns how many; 0 not selected. */
size_t schema_select(const struct schema *s, struct pando_slice object, const struct delta *d,
                     struct pando_slice *ret, size_t cap);
/* The rule for a pointer of `d`, or NULL. */
const struct schema_rule *schema_rule_for(const struct schema *s, const struct delta *d,
                                          const struct delta_pointer *p);

/* Primitive schemas. */
enum schema_primitive {
    SCHEMA_STRING, SCHEMA_EMAIL, SCHEMA_INTEGER, SCHEMA_YEAR, SCHEMA_BOOLEAN, SCHEMA_OBJECT
};
/* Which primitive this id names; SCHEMA_OBJECT: none. */
enum schema_primitive schema_primitive_of(struct pando_slice id);
bool schema_validates(enum schema_primitive kind, const struct delta_pointer *p);

#endif
