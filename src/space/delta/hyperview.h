/* hyperview.h - all that is said about an object at one time, by property.
 *
 *     {"id": "prod_1",
 *      "name": [DELTA...], "maker": [{..."pointers":[{"role":"maker","target":{"id":...}}]}],
 *      "_metadata": {"lastUpdated":..., "deltaCount":..., "schemaId":..., "schemaHash":...,
 *                    "schemaVersion":...}}
 *
 * Deltas in the order (timestamp, digest), properties in the order of their bytes: equal sets of deltas
 * give equal bytes. A delta counts when its timestamp is at most t and it is not negated as of t.
 * Where a rule of the schema applies, the target of a pointer is the hyperview of that
 * object, at the same t; never of the object itself, never of an object and schema that the
 * path already holds, and at most HYPERVIEW_DEPTH_MAX deep: such a target stays a reference.
 * A primitive schema marks what does not satisfy it: {"role":..,"target":..,"invalid":"Integer"}.
 *
 * Built in steps over a source; then kept: one delta more is put in without a new build.
 * Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_HYPERVIEW_H
#define SPACE_DELTA_HYPERVIEW_H

#include "space/delta/registry.h"
#include "space/delta/source.h"

#define HYPERVIEW_DEPTH_MAX  10 /* nestings; keeps the text within 64 levels of JSON */
#define HYPERVIEW_BYTES_MAX  (8u << 20)
#define HYPERVIEW_DELTAS_MAX (1u << 20) /* looked at for one view, nested ones included */
#define HYPERVIEW_STEP       256        /* deltas looked at in one step */

struct hyperview;

/* Begin a build. `t` INT64_MAX: now. The source and the registry outlive it. */
enum pando_status hyperview_new(const struct delta_source *source, const struct registry *registry,
                                struct schema *schema, struct pando_slice object, int64_t t,
                                struct hyperview **ret) PANDO_MUST_USE;
void hyperview_free(struct hyperview *h); /* accepts NULL */

/* PANDO_BUSY: step again. PANDO_FULL: larger than the caps above. PANDO_IO, PANDO_CORRUPT. */
enum pando_status hyperview_step(struct hyperview *h) PANDO_MUST_USE;
/* Append the text of a finished build; `metadata`: with its last member. */
enum pando_status hyperview_text(struct hyperview *h, bool metadata,
                                 struct pando_buf *text) PANDO_MUST_USE;

/* Put in a delta about the object itself that has become visible.
 * Errors: PANDO_UNSUPPORTED it nests, the object is nested in its own view, or another delta
 * with its id is shown: build anew. PANDO_FULL, PANDO_NOMEM likewise. */
enum pando_status hyperview_insert(struct hyperview *h, const struct delta *d) PANDO_MUST_USE;

/* Hashes of the objects that it looked into, the object itself first; some twice. */
const uint64_t *hyperview_objects(const struct hyperview *h, size_t *ret_len);
/* Whether the delta is in it already, at the top. */
bool hyperview_holds(const struct hyperview *h, const struct delta *d);
struct pando_slice hyperview_object(const struct hyperview *h);
/* The n-th delta under its property, in order; valid until the next insert. False: no more. */
struct hyperview_item {
    struct pando_slice property, text;
    int64_t timestamp;
};
bool hyperview_item(struct hyperview *h, size_t n, struct hyperview_item *ret);
size_t hyperview_items(const struct hyperview *h);
struct schema *hyperview_schema(const struct hyperview *h);
size_t hyperview_bytes(const struct hyperview *h); /* of memory, about */

#endif
