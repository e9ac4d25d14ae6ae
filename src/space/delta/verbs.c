/* verbs.c - what people and programs can ask of a delta space; spaces.h says what each means. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"

#include <string.h>

static void call_hash(struct deltas *d, uint64_t token, const json_t *args)
{
    (void)args;
    deltas_hash(d, token);
}

static void call_subs_ls(struct deltas *d, uint64_t token, const json_t *args)
{
    (void)args;
    deltas_watch_list(d, token);
}

static void call_subs_pause(struct deltas *d, uint64_t token, const json_t *args)
{
    deltas_watch_pause(d, token, args, true);
}

static void call_subs_resume(struct deltas *d, uint64_t token, const json_t *args)
{
    deltas_watch_pause(d, token, args, false);
}

static void call_archive_commit(struct deltas *d, uint64_t token, const json_t *args)
{
    (void)args;
    deltas_archive_commit(d, token);
}

static void call_stats(struct deltas *d, uint64_t token, const json_t *args)
{
    (void)args;
    deltas_stats(d, token);
}

/* A node says where it listens; peers of a delta space learn that elsewhere. */
static void call_announce(struct deltas *d, uint64_t token, const json_t *args)
{
    (void)args;
    deltas_reply(d, token, slice_text("{}"), false);
}

static void call_cancel(struct deltas *d, uint64_t token, const json_t *args)
{
    (void)args;
    deltas_intakes_cancel(d, token);
    deltas_tasks_cancel(d, token);
    deltas_watchers_cancel(d, token);
    deltas_archiving_cancel(d, token);
    deltas_kept_cancel(d, token);
}

static const struct {
    const char *name;
    void (*run)(struct deltas *d, uint64_t token, const json_t *args);
} VERBS[] = {
    { "create", deltas_create }, { "get", deltas_get },         { "query", deltas_query },
    { "negate", deltas_negate }, { "watch", deltas_watch },     { "export", deltas_export },
    { "hash", call_hash },       { "stats", call_stats },       { "announce", call_announce },
    { "cancel", call_cancel },   { "archive", deltas_archive },
    { "archive_commit", call_archive_commit },
    { "subs.ls", call_subs_ls },
    { "subs.pause", call_subs_pause },
    { "subs.resume", call_subs_resume },
};

const char *const deltas_raw_verbs[] = { "import", NULL };

/* Those of views.h stand here, too: the node asks this list. */
const char *const deltas_verbs[] = {
    "create",         "get",            "query",         "negate",        "watch",
    "import",         "export",         "hash",          "stats",         "announce",
    "cancel",         "archive",        "archive_commit", "hyperview",    "view",
    "at",             "timeline",       "snapshot",      "stats_at",      "replay",
    "changes",        "compare",        "origin",        "schema.register", "schema.ls",
    "schema.show",    "schema.check",   "schema.load",   "schema.changed", "schema.deltas",
    "schema.rm",          "cache.stats",    "subs.ls",        "subs.pause",    "subs.resume",
    "fed.connect",    "fed.links",     "fed.link",      "fed.pause",
    "fed.resume",     "fed.disconnect", "fed.configure", "fed.watch",     NULL
};

static void run_verb(struct deltas *d, uint64_t token, const char *verb, const json_t *args)
{
    struct pando_err err = { .text = "" };
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strcmp(VERBS[i].name, verb) == 0) {
            if (deltas_args_check(args, &err) == PANDO_OK)
                VERBS[i].run(d, token, args);
            else
                deltas_fail(d, token, PANDO_INVALID, "%s", err.text);
            return;
        }
    if (!deltas_federate_call(d, token, verb, args))
        deltas_view(d, token, verb, args);
}

void deltas_call(struct deltas *d, const struct space_input *in)
{
    struct pando_err err = { .text = "" };
    json_t *args = NULL;
    d->totals.calls++;
    if (strcmp(in->verb, deltas_raw_verbs[0]) == 0) {
        deltas_import(d, in->token, in->text);
        return;
    }
    enum pando_status st = PANDO_OK;
    if (in->text.len > 0)
        st = json_text_parse_js(in->text, JSON_TEXT_MAX, &args, &err);
    else
        args = json_object();
    if (st != PANDO_OK || !json_is_object(args))
        deltas_fail(d, in->token, PANDO_MALFORMED, "the arguments must be a JSON object%s%s",
                    err.text[0] != '\0' ? ": " : "", err.text);
    else
        run_verb(d, in->token, in->verb, args);
    json_decref(args);
}
