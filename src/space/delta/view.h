/* view.h - Views: one value per property, where a hyperview has all that was ever said.
 *
 *     {"id": "product_view", "properties": {
 *        "title":  {"source": "name",    "extract": {"primitive": "name"}, "resolve": "mostRecent"},
 *        "stock":  {"source": "stock",   "extract": {"primitive": "count"}, "resolve": "minimum"},
 *        "makers": {"source": "maker",   "extract": {"reference": "maker"}, "resolve": "allValues"},
 *        "owner":  {"extract": {"nested": "owner", "view": {"properties": {...}}},
 *                   "resolve": {"trustedAuthor": ["alice", "bob"]}}}}
 *
 * `source` is the property of the hyperview (the same name by default), `extract` takes a
 * value out of a delta, `resolve` (mostRecent by default) makes one of the values of many
 * deltas. A delta from which nothing can be taken does not take part; a property in which none
 * does is left out. Later means: by timestamp, then by id. Values are folded as the deltas come
 * by, so a view of many deltas holds few of them.
 *
 * A custom resolver is a capsule. The run then waits: view_run_wants() gives the capsule and
 * its input {"object":..., "property":..., "deltas":[...], "values":[...]}; its output is the
 * value, null leaves the property out. Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_VIEW_H
#define SPACE_DELTA_VIEW_H

#include "space/delta/hyperview.h"

#include <jansson.h>

#define VIEW_PROPERTIES_MAX 256
#define VIEW_TRUSTED_MAX    64
#define VIEW_NESTING_MAX    8
#define VIEW_VALUES_MAX     65536 /* of one allValues; pointer sets of one consensus */
#define VIEW_CUSTOM_MAX     4096  /* deltas given to one capsule */
#define VIEW_DELTA_MAX      (512u << 10) /* text of one delta with what is nested in it */
#define VIEW_STEP           256          /* deltas parsed in one step, forwards and backwards */

enum view_extract {
    VIEW_PRIMITIVE, VIEW_REFERENCE, VIEW_ARRAY, VIEW_NESTED,
    VIEW_ABOUT /* `role` is an object's id: what the delta says of it, see view_plain */
};
enum view_resolve {
    VIEW_MOST_RECENT, VIEW_FIRST_WRITE, VIEW_ALL_VALUES, VIEW_TRUSTED_AUTHOR, VIEW_TRUSTED_SYSTEM,
    VIEW_CONSENSUS, VIEW_AVERAGE, VIEW_MINIMUM, VIEW_MAXIMUM, VIEW_CUSTOM
};

struct view_property {
    const char *name, *source, *role;
    enum view_extract extract;
    struct view_schema *nested; /* of VIEW_NESTED */
    enum view_resolve resolve;
    const json_t *trusted; /* of the two TRUSTED */
    const char *capsule;   /* of VIEW_CUSTOM: CID text */
};

struct view_schema {
    unsigned owners;
    json_t *definition; /* as it was given; the texts borrow it */
    const char *id;     /* empty when it has none */
    struct view_property *properties;
    size_t properties_len;
};

/* Errors: PANDO_INVALID reterr names the member ("properties.title.resolve: ..."). */
enum pando_status view_from_json(const json_t *json, struct view_schema **ret,
                                 struct pando_err *reterr) PANDO_MUST_USE;
struct view_schema *view_ref(struct view_schema *s);
void view_unref(struct view_schema *s); /* accepts NULL */

/* The view of a finished hyperview in which every property has its most recent value: the target
 * of the pointer whose role is the property's name, else of the only one that does not point at the
 * object. Errors: PANDO_FULL VIEW_PROPERTIES_MAX. */
enum pando_status view_plain(struct hyperview *h, struct view_schema **ret,
                             struct pando_err *reterr) PANDO_MUST_USE;

struct view_run;

/* Resolve a finished hyperview, which must not change until the run is done. */
enum pando_status view_run_new(struct view_schema *s, struct hyperview *h,
                               struct view_run **ret) PANDO_MUST_USE;
void view_run_free(struct view_run *r); /* accepts NULL */
/* PANDO_BUSY: step again, unless the run wants a capsule. PANDO_OK: the view's text was appended.
 * PANDO_FULL a cap above; PANDO_MALFORMED a capsule's output is no JSON; its own failure. */
enum pando_status view_run_step(struct view_run *r, struct pando_buf *text,
                                struct pando_err *reterr) PANDO_MUST_USE;
/* Whether the hyperview is not needed any more. */
bool view_run_has_read(const struct view_run *r);
bool view_run_wants(const struct view_run *r, struct pando_slice *ret_capsule,
                    struct pando_slice *ret_input);
void view_run_give(struct view_run *r, enum pando_status status, struct pando_slice output);

#endif
