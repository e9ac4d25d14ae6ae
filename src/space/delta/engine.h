/* engine.h - a delta space as the node drives it: what comes in is staged, what became
 * durable is handed on, what is asked is answered in slices.
 *
 *     calls, imports, federation, peers --> deltas_stage --> store (journal)
 *                                                              | durable, in order of arrival
 *     watchers, federation, peers      <-- news with its origin <
 *
 * Nothing is answered or shown to watchers before it is durable. Links and peers are told of a
 * little that was appended at once, so that their disks write while ours does: a set has no order,
 * and what a crash takes from us they have. What is staged and not durable yet is remembered with
 * its origin; at DELTAS_ONWAY_MAX staging says BUSY, and whoever brings deltas (calls, pipes,
 * peers) waits.
 */
#ifndef SPACE_DELTA_ENGINE_H
#define SPACE_DELTA_ENGINE_H

#include "codec/car.h"
#include "space/delta/archive.h"
#include "space/delta/delta_json.h"
#include "space/delta/fed.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_trust.h"
#include "space/delta/fed_url.h"
#include "space/delta/origins.h"
#include "space/delta/spaces.h"
#include "space/delta/store.h"
#include "space/delta/subs.h"
#include "space/delta/swap.h"
#include "space/delta/views.h"
#include "space/effects.h"
#include "space/space.h"

#define DELTAS_ONWAY_MAX    65536       /* staged, not durable yet */
#define DELTAS_INTAKES_MAX  1024        /* calls that bring deltas */
#define DELTAS_INTAKE_BYTES (64u << 20) /* of all of them together */
#define DELTAS_TASKS_MAX    256         /* calls that are answered in slices */
#define DELTAS_WATCHERS_MAX 256
#define DELTAS_LINKS_MAX    64 /* links of the settings */
#define DELTAS_OWN          FED_NO_LINK /* origin: this node's own calls */
#define DELTAS_STEP         512 /* deltas looked at in one turn, by each of those who look */
#define DELTAS_EARLY_BYTES  (16u << 10) /* not durable, and told to links and peers already */

struct deltas;

/* options.c: this node's own settings; spaces.h says what each means. */
struct deltas_link {
    char url[FED_URL_MAX + 1];
    struct fed_link_config config;
};

struct deltas_options {
    char system_id[DELTA_NAME_MAX + 1], author[DELTA_NAME_MAX + 1];
    bool server, auto_broadcast, validate_schemas;
    uint32_t max_connections, cache_size;
    size_t cache_bytes;
    struct fed_trust trust;
    struct deltas_link *links;
    size_t links_len;
};

/* intake.c: a call that brings deltas, until all of them are durable. */
struct deltas_intake {
    struct deltas_intake *next;
    uint64_t token;
    bool own;   /* made here: signed by this node */
    bool lines; /* `bytes` is JSON lines; else canonical deltas, each behind be4 of its length */
    bool single;
    bool car; /* `bytes` is an archive, its blocks are counted as lines */
    struct car_reader reader;
    uint64_t returned; /* that were archived here */
    struct pando_buf bytes;
    size_t at; /* in bytes */
    size_t counted; /* of intake_bytes */
    uint64_t line;
    struct pando_buf ids;     /* members of a JSON array */
    struct pando_buf refused; /* likewise */
    uint64_t fresh, known, shadowed, refused_len;
    uint64_t ticket; /* the highest that it waits for */
};

struct deltas_intakes {
    struct deltas_intake *first, **last;
    size_t len;
};

/* tasks.c: a call that is answered in slices. */
enum deltas_task_kind { TASK_QUERY, TASK_EXPORT, TASK_HASH, TASK_VIEW };

struct deltas_task {
    enum deltas_task_kind kind;
    uint64_t token, number;
    struct filter filter;
    struct delta_place place;
    bool descending, waits; /* for a capsule */
    bool begun;
    uint64_t limit, count;
    int64_t as_of;
    struct delta_store_hash hash;
    struct views_call *call;
    bool once; /* what it registers is not kept */
    struct pando_buf text;
};

/* watch.c: one that is told of deltas, or of federation events. */
struct deltas_watcher {
    uint64_t token, number;
    bool events; /* of federation; else deltas */
    bool paused;
    struct filter filter;
    struct subs_config config; /* but for its filter and position */
    bool history;              /* still reads what was there, in order of time */
    uint64_t sub;              /* its subscription once it has caught up; 0 not yet */
    struct delta_place place; /* of the history */
    uint64_t begin;           /* order of arrival: what lies behind is not history */
    uint64_t position;        /* order of arrival: seen up to here */
};

/* archiving.c: an archive and where it stands. */
enum deltas_archiving_stage {
    ARCHIVING_NOTHING,
    ARCHIVING_FIND,     /* what is to go */
    ARCHIVING_GIVE,     /* the file, part by part */
    ARCHIVING_COMPLETE, /* until somebody commits it or asks for another */
    ARCHIVING_COMMIT,
    ARCHIVING_GONE,     /* when that is durable */
    ARCHIVING_COMPACT,
    ARCHIVING_MOVED,    /* when that is durable */
    ARCHIVING_SNAPSHOT,
};

struct deltas_archiving {
    enum deltas_archiving_stage stage;
    uint64_t token;
    struct delta_archive *archive;
    uint64_t position;
    size_t gone;
    struct delta_compact compact;
};

struct deltas_keep;

struct deltas {
    struct space_host node; /* what the node gave; `host` is the same through us */
    struct space_host host;
    struct deltas_options options;
    struct pando_time now;
    bool begun, stopping, store_failed, more_work, staged, upheaval;
    bool blocked; /* the journal takes nothing now */
    bool put_off; /* messages came: the rest of the step waits for the end of the turn */
    uint64_t uuids;
    struct delta_store *store;
    struct delta_source source; /* all that is readable */
    struct views *views;
    struct subs *subs;
    struct fed *fed;
    struct swap *swap;
    struct origins origins; /* of what is on its way */
    uint64_t news;    /* order of arrival: handed on up to here */
    uint64_t told;    /* likewise to links and peers; never less */
    uint64_t durable; /* the last ticket that was told to the federation */
    struct deltas_intakes intakes, waiting; /* to be staged; to become durable */
    size_t intake_bytes;
    struct deltas_task *tasks[DELTAS_TASKS_MAX];
    size_t tasks_len;
    uint64_t task_number;
    struct deltas_watcher *watchers;
    size_t watchers_len;
    uint64_t watcher_number;
    struct deltas_archiving archiving;
    size_t listeners; /* watchers of federation events */
    struct deltas_keep *keeps; /* kept.c: changes that are not durable yet, oldest first */
    size_t keeps_len, keeps_bytes;
    struct space_effects effects;
    struct delta_room room;
    struct pando_buf line;
    struct {
        uint64_t fresh, known, shadowed, refused, handed_on, calls;
    } totals;
};

/* options.c */
enum pando_status deltas_options_load(struct pando_slice json, const struct space_host *host,
                                      struct deltas_options *ret,
                                      struct pando_err *reterr) PANDO_MUST_USE;
void deltas_options_deinit(struct deltas_options *o);

/* effects.c. `text` is copied, NULL none; `effect` passes its bytes. */
void deltas_emit(struct deltas *d, const struct space_effect *effect, const char *text);
void deltas_reply(struct deltas *d, uint64_t token, struct pando_slice text, bool more);
void deltas_reply_raw(struct deltas *d, uint64_t token, struct pando_slice bytes, bool more);
void deltas_fail(struct deltas *d, uint64_t token, enum pando_status status, const char *format,
                 ...) PANDO_PRINTF(4, 5);
void deltas_notice(struct deltas *d, struct pando_slice json);
bool deltas_is_heard(const struct deltas *d);
void deltas_uuid(struct deltas *d, char ret[FED_ID_TEXT]);

/* news.c */
/* Stage one from `origin` (a link, or DELTAS_OWN). Errors: as delta_store_stage. */
enum pando_status deltas_stage(struct deltas *d, const struct delta *delta, bool own,
                               uint32_t origin, enum delta_outcome *ret_outcome,
                               uint64_t *ret_ticket) PANDO_MUST_USE;
/* One was staged by somebody else. */
void deltas_took(struct deltas *d, const struct delta *delta, uint32_t origin, uint64_t ticket);
/* Whether it is staged and was not handed on yet. */
bool deltas_is_onway(const struct deltas *d, const struct delta *delta);
void deltas_news_run(struct deltas *d);
/* Tell links and peers of what was appended just now, if it is little. */
void deltas_news_early(struct deltas *d);

/* intake.c */
void deltas_create(struct deltas *d, uint64_t token, const json_t *args);
void deltas_negate(struct deltas *d, uint64_t token, const json_t *args);
void deltas_import(struct deltas *d, uint64_t token, struct pando_slice lines);
void deltas_intakes_run(struct deltas *d);
void deltas_intakes_durable(struct deltas *d);
void deltas_intakes_fail(struct deltas *d, enum pando_status status);
void deltas_intakes_drop(struct deltas *d);
void deltas_intakes_cancel(struct deltas *d, uint64_t token);

void deltas_intake_count(struct deltas_intake *i, enum delta_outcome outcome, uint64_t ticket);

/* restore.c */
bool deltas_is_car(struct pando_slice bytes);
enum pando_status deltas_restore_open(struct deltas_intake *i,
                                      struct pando_err *reterr) PANDO_MUST_USE;
/* The next block. Errors: PANDO_NOT_FOUND at the end; as deltas_stage. */
enum pando_status deltas_restore_block(struct deltas *d, struct deltas_intake *i) PANDO_MUST_USE;

/* tasks.c */
void deltas_query(struct deltas *d, uint64_t token, const json_t *args);
void deltas_export(struct deltas *d, uint64_t token, const json_t *args);
void deltas_hash(struct deltas *d, uint64_t token);
void deltas_view(struct deltas *d, uint64_t token, const char *verb, const json_t *args);
void deltas_tasks_run(struct deltas *d);
void deltas_task_ran(struct deltas *d, uint64_t number, enum pando_status status,
                     struct pando_slice output);
void deltas_tasks_cancel(struct deltas *d, uint64_t token);
void deltas_tasks_drop(struct deltas *d);

/* watch.c */
void deltas_watch(struct deltas *d, uint64_t token, const json_t *args);
void deltas_watch_events(struct deltas *d, uint64_t token, const json_t *args);
void deltas_watch_list(struct deltas *d, uint64_t token);
void deltas_watch_pause(struct deltas *d, uint64_t token, const json_t *args, bool pause);
void deltas_watchers_run(struct deltas *d);
void deltas_watchers_event(struct deltas *d, struct pando_slice json);
void deltas_watchers_cancel(struct deltas *d, uint64_t token);
void deltas_watchers_drop(struct deltas *d);

/* archiving.c */
void deltas_archive(struct deltas *d, uint64_t token, const json_t *args);
void deltas_archive_commit(struct deltas *d, uint64_t token);
void deltas_archiving_run(struct deltas *d);
void deltas_archiving_snapshotted(struct deltas *d, enum pando_status status);
void deltas_archiving_cancel(struct deltas *d, uint64_t token);
void deltas_archiving_drop(struct deltas *d);

/* kept.c */
/* Whether a change may be kept now (`len` 0: forgotten); else the call was answered. */
bool deltas_may_keep(struct deltas *d, uint64_t token, enum delta_kept kind,
                     struct pando_slice name, size_t len) PANDO_MUST_USE;
/* Keep a text, or (when it is empty) forget it; then the call gets `answer`. */
void deltas_keep(struct deltas *d, uint64_t token, enum delta_kept kind, struct pando_slice name,
                 struct pando_slice text, struct pando_slice answer);
/* At the start: each that is kept, as JSON. */
void deltas_kept_each(struct deltas *d, enum delta_kept kind,
                      void (*take)(struct deltas *d, struct pando_slice name, const json_t *json));
/* The schemas and views that are kept; and what a call changed among them, then its answer. */
void deltas_kept_views(struct deltas *d);
bool deltas_may_keep_change(struct deltas *d, uint64_t token, const struct views_call *call);
void deltas_keep_changes(struct deltas *d, uint64_t token, const struct views_call *call,
                         struct pando_slice answer);
/* A call that failed was schema.rm of a text that did not come back at the start: forget that;
 * the call is answered then. */
bool deltas_forget_unread(struct deltas *d, uint64_t token, const struct views_call *call);
void deltas_kept_run(struct deltas *d);
void deltas_kept_fail(struct deltas *d, enum pando_status status);
void deltas_kept_cancel(struct deltas *d, uint64_t token);
void deltas_kept_drop(struct deltas *d);

/* federate.c */
enum pando_status deltas_federate_open(struct deltas *d, struct pando_err *reterr) PANDO_MUST_USE;
void deltas_federate_begin(struct deltas *d); /* the links of the settings, and the kept ones */
bool deltas_federate_is_configured(const struct deltas *d, struct pando_slice url);
void deltas_federate_drain(struct deltas *d); /* carry out what the engine wants done */
void deltas_federate_feed(struct deltas *d, const struct fed_input *in);
void deltas_federate_pipe(struct deltas *d, const struct space_input *in);
/* federate_calls.c */
/* The verbs that begin with "fed."; false: there is none of this name. */
bool deltas_federate_call(struct deltas *d, uint64_t token, const char *verb, const json_t *args);

/* nodes.c */
enum pando_status deltas_nodes_open(struct deltas *d, struct pando_err *reterr) PANDO_MUST_USE;
void deltas_nodes_feed(struct deltas *d, const struct space_input *in);
void deltas_nodes_tell(struct deltas *d, uint64_t until);

/* verbs.c */
extern const char *const deltas_verbs[];
extern const char *const deltas_raw_verbs[];
void deltas_call(struct deltas *d, const struct space_input *in);
/* Errors: PANDO_INVALID an argument of the wrong kind: without this it would count as left out. */
enum pando_status deltas_args_check(const json_t *args, struct pando_err *reterr) PANDO_MUST_USE;
/* The argument "filter": an object, or its text; lets all pass when there is none. */
enum pando_status deltas_filter_arg(const json_t *args, struct filter *ret,
                                    struct pando_err *reterr) PANDO_MUST_USE;
struct pando_slice deltas_text_arg(const json_t *args, const char *name);
int64_t deltas_number_arg(const json_t *args, const char *name, int64_t otherwise);

/* report.c */
void deltas_get(struct deltas *d, uint64_t token, const json_t *args);
void deltas_stats(struct deltas *d, uint64_t token);
size_t deltas_metrics(const void *instance, struct space_metric *ret, size_t cap);
size_t deltas_status(const void *instance, char *ret_text, size_t cap);

#endif
