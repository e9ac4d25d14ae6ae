/* views.h - what is computed when read: the face of schemas, views and time travel.
 *
 * A space keeps deltas and no state. `struct views` reads them through a source and answers
 * one question at a time: a *call* is a verb with its arguments that may need several turns,
 * since a turn of the engine must stay short. Its state is in the call, not on the stack:
 *
 *     st = views_call_new(v, "hyperview", args, &call, &err);
 *     while (st == PANDO_OK or PANDO_BUSY) st = views_call_step(call, &text, &err);
 *
 * PANDO_BUSY means: step again in the next turn, unless views_call_wants() names a capsule to
 * be run first (the resolver of a view); hand its output back with views_call_give().
 *
 * What changes underneath: tell views_on_delta() of every delta that became readable, also of
 * one that is about to be shadowed. The materialised views are kept right by that alone.
 *
 * Verbs, arguments (all JSON objects) and answers: docs/guide/delta-views.md.
 *
 *     hyperview {id, schema?}              view {id, schema?, view, at?}     at {id, schema?, at}
 *     timeline {id, start?, end?}          snapshot {at?}                    stats_at {at?}
 *     replay {id, schema?, start?, end?, maxSnapshots?}       changes {id, property, schema?}
 *     compare {id, schema?, from, to}      origin {id}
 *     schema.register {schema | view, validate?}     schema.ls {}            schema.show {id}
 *     schema.check {}                      schema.load {id?}                 schema.changed {id}
 *     schema.deltas {id}                   schema.rm {id}                    cache.stats {}
 *
 * A schema that is not registered is looked for among the deltas. Thread: one owner.
 */
#ifndef SPACE_DELTA_VIEWS_H
#define SPACE_DELTA_VIEWS_H

#include "space/delta/source.h"

#include <jansson.h>

#define VIEWS_CALLS_MAX 1024 /* under way at once */
#define VIEWS_ANSWER_MAX (8u << 20) /* bytes of one answer; more is PANDO_FULL */

struct views;
struct views_call;

struct views_config {
    struct delta_source source; /* outlives the views */
    uint32_t schemas_max;       /* 0: 1024 */
    uint32_t cache_entries;     /* 0: 1000 */
    size_t cache_bytes;         /* 0: 16 MiB */
    bool validate;              /* refuse a schema whose rules close a circle */
    uint64_t seed;              /* of hash tables */
};

enum pando_status views_new(const struct views_config *config, struct views **ret,
                            struct pando_err *reterr) PANDO_MUST_USE;
/* Accepts NULL. Every call was freed before. */
void views_free(struct views *v);

/* `d` has become readable (staged or durable, by what the source shows), or has just been
 * archived or shadowed and is no longer shown. Called after the source shows the change; for
 * a delta that takes the place of another with its id, once for each of the two.
 * Cost: O(targets of d) when no view touches them. */
void views_on_delta(struct views *v, const struct delta *d);
/* Much changed at once (import, archive): forget every materialised view. */
void views_on_upheaval(struct views *v);

/* The verbs, NULL-terminated. */
extern const char *const VIEWS_VERBS[];

/* Begin. `args` NULL: no arguments; otherwise borrowed for the call.
 * Errors: PANDO_UNSUPPORTED no such verb; PANDO_INVALID reterr names the argument and the
 * remedy; PANDO_NOT_FOUND no such schema; PANDO_FULL VIEWS_CALLS_MAX. */
enum pando_status views_call_new(struct views *v, const char *verb, const json_t *args,
                                 struct views_call **ret, struct pando_err *reterr) PANDO_MUST_USE;
/* Work for one turn (about 5 ms at most). PANDO_OK: `text` got the whole answer appended.
 * PANDO_BUSY: see above; nothing was appended. Others end the call, reterr says why. */
enum pando_status views_call_step(struct views_call *c, struct pando_buf *text,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Whether a capsule has to run before the next step: its CID text and its input (JSON), both
 * valid until views_call_give(). */
bool views_call_wants(const struct views_call *c, struct pando_slice *ret_capsule,
                      struct pando_slice *ret_input);
/* The capsule's output (JSON), or why there is none: then the next step ends the call with
 * that status. */
void views_call_give(struct views_call *c, enum pando_status status, struct pando_slice output);
/* Accepts NULL; ends a call at any time. */
void views_call_free(struct views_call *c);

/* What a call that ended well has changed among the registered schemas and views, for whoever
 * keeps them; of schema.register known before its first step. `*at` is 0 at first; false: no more. */
struct views_change {
    bool view; /* else a schema */
    struct pando_slice name; /* valid as long as the call */
    json_t *definition;      /* to be given back; NULL: nobody registers it any more */
};
bool views_call_change(const struct views_call *c, size_t *at, struct views_change *ret);
/* Whether it is schema.rm, and of what; the name is valid as long as the call. */
bool views_call_removes(const struct views_call *c, struct pando_slice *ret_name);
/* Register again what was kept. Errors: as schema.register. */
enum pando_status views_restore(struct views *v, bool view, const json_t *definition,
                                struct pando_err *reterr) PANDO_MUST_USE;

struct views_stats {
    uint64_t materialised, cached_bytes, hits, misses, evictions, stale, kept;
    uint64_t schemas, views, calls;
};
void views_stats(const struct views *v, struct views_stats *ret);

#endif
