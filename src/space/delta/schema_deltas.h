/* schema_deltas.h - schemas that are said in deltas, so that they travel and are versioned.
 *
 * The object of a schema has the schema's id. Deltas about it, by the context of the pointer
 * of role `schema` (this is the meta-schema, which is built in):
 *
 *     name       {role schema -> (S, "name")},      {role name -> "Movie"}
 *     select     {role schema -> (S, "select")},    {role pattern -> {id select_by_target_context}}
 *                                                   or a text: a map as in schema.h
 *     transform  {role schema -> (S, "transform")}, {role rules -> "{\"actor\": \"person\"}"}
 *                                                   or {role on-context -> "actor"},
 *                                                   {role apply-schema -> {id person}}
 *
 * The latest name and selection count; the rules of all deltas do, those of later ones first.
 * Negating a delta takes back what it says. A delta that says nothing sound is passed over.
 * The version is the time of the newest of these deltas or of its negation; whether two
 * schemas are the same is told by their hash.
 */
#ifndef SPACE_DELTA_SCHEMA_DELTAS_H
#define SPACE_DELTA_SCHEMA_DELTAS_H

#include "space/delta/registry.h"
#include "space/delta/source.h"

#define SCHEMA_DELTAS_MAX 4096 /* looked at for one schema */

struct schema_load;

enum pando_status schema_load_new(const struct delta_source *source, struct pando_slice id,
                                  struct schema_load **ret) PANDO_MUST_USE;
void schema_load_free(struct schema_load *l); /* accepts NULL */
/* PANDO_BUSY: step again. PANDO_OK: the schema, owned by the caller. PANDO_NOT_FOUND: no delta
 * that counts makes one. PANDO_FULL: SCHEMA_DELTAS_MAX. */
enum pando_status schema_load_step(struct schema_load *l, struct schema **ret) PANDO_MUST_USE;

/* The deltas that say this schema, as an array of {"pointers": [...]} to be created. */
json_t *schema_to_deltas(const struct schema *s);

/* Whether the delta is part of a schema; of which (borrows `d`). */
bool schema_of_delta(const struct delta *d, struct pando_slice *ret_id);

#endif
