/* views_private.h - what the verbs of views.h share: the space's side and a call's state.
 *
 * A verb is two functions: `begin` reads the arguments, `step` goes on until the answer is
 * there. Before the first step of a verb that looks through a schema, everything that the
 * schema reaches is looked up among the deltas (views_call.c).
 */
#ifndef SPACE_DELTA_VIEWS_PRIVATE_H
#define SPACE_DELTA_VIEWS_PRIVATE_H

#include "space/delta/view_cache.h"
#include "space/delta/schema_deltas.h"
#include "space/delta/travel.h"
#include "space/delta/view.h"
#include "space/delta/views.h"

#define VIEWS_VIEWS_MAX   256  /* registered view schemas */
#define VIEWS_WATCHED_MAX 8192 /* schema objects that are watched */

struct views {
    struct views_config config;
    struct registry registry;
    struct view_schema *views[VIEWS_VIEWS_MAX]; /* those with an id */
    size_t views_len;
    struct view_cache cache;
    /* Hash of a schema's object -> 1 when a delta has touched it since it was looked up. A
     * schema that was looked for in vain is here, too. */
    struct map watched;
    bool unwatched;      /* there were too many to watch them all */
    uint64_t resolution; /* rises when a schema may have become another */
    size_t calls;
};

struct views_call;

struct views_verb {
    const char *name;
    bool sees; /* looks through a schema */
    enum pando_status (*begin)(struct views_call *c, struct pando_err *reterr);
    enum pando_status (*step)(struct views_call *c, struct pando_buf *text,
                              struct pando_err *reterr);
};

/* Schemas that are being looked up among the deltas: a queue of ids. */
struct views_lookup {
    json_t *ids, *seen;
    size_t next;
    struct schema_load *load;
    bool force; /* also what is registered and untouched */
    json_t *changed; /* ids of those that became others; NULL: nobody asks */
};

struct views_call {
    struct views *v;
    const struct views_verb *verb;
    json_t *args;
    struct pando_slice object, schema_id, name;
    int64_t at, from, to;
    uint32_t max;
    unsigned stage;
    struct schema *schema;
    struct views_lookup lookup;
    struct hyperview *build, *before;
    uint64_t began;
    struct view_schema *view;
    struct view_run *run;
    struct travel_timeline timeline;
    struct travel_count count;
    struct travel_changes changes;
    struct object_walk walk;
    size_t next;
    struct pando_buf out;
};

/* Arguments. Errors: PANDO_INVALID reterr names the argument. */
enum pando_status views_arg_text(const struct views_call *c, const char *key, bool required,
                           struct pando_slice *ret, struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status views_arg_time(const struct views_call *c, const char *key, bool required, int64_t *ret,
                           struct pando_err *reterr) PANDO_MUST_USE;
/* id and schema, which most verbs take. */
enum pando_status views_arg_object(struct views_call *c, struct pando_err *reterr) PANDO_MUST_USE;

/* Look up a schema and all that it reaches. PANDO_BUSY: step again. */
enum pando_status views_lookup_begin(struct views_lookup *l, struct pando_slice id) PANDO_MUST_USE;
enum pando_status views_lookup_step(struct views *v, struct views_lookup *l,
                              struct pando_err *reterr) PANDO_MUST_USE;
void views_lookup_deinit(struct views_lookup *l);

/* The build of the call at `t`: begun when there is none, then stepped. */
enum pando_status views_call_build(struct views_call *c, int64_t t, struct pando_err *reterr) PANDO_MUST_USE;
/* Why a step failed, for people. */
enum pando_status views_call_failed(const struct views_call *c, enum pando_status st,
                              struct pando_err *reterr);

extern const struct views_verb VIEWS_TABLE[];
extern const size_t VIEWS_TABLE_LEN;

/* The verbs, by the file that has them. */
#define VIEWS_VERB(name)                                                                \
    enum pando_status name##_begin(struct views_call *c, struct pando_err *reterr);     \
    enum pando_status name##_step(struct views_call *c, struct pando_buf *text,         \
                                  struct pando_err *reterr)
VIEWS_VERB(views_hyperview);
VIEWS_VERB(views_at);
VIEWS_VERB(views_view);
VIEWS_VERB(views_timeline);
VIEWS_VERB(views_count);
VIEWS_VERB(views_replay);
VIEWS_VERB(views_changes);
VIEWS_VERB(views_compare);
VIEWS_VERB(views_origin);
VIEWS_VERB(views_register);
VIEWS_VERB(views_ls);
VIEWS_VERB(views_show);
VIEWS_VERB(views_check);
VIEWS_VERB(views_load);
VIEWS_VERB(views_changed);
VIEWS_VERB(views_deltas);
VIEWS_VERB(views_rm);
VIEWS_VERB(views_cache);
#undef VIEWS_VERB

#endif
