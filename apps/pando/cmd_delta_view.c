/* cmd_delta_view.c - what deltas say about objects, now and at other times; schemas; counts. */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* {"space":...,"id":OBJECT,"schema":...} */
static json_t *about(const struct args *args)
{
    json_t *question = delta_question(args);
    (void)json_object_set_new(question, "id", json_string(args->words[0]));
    delta_put_text(args, OPT_SCHEMA, "schema", question);
    return question;
}

static enum pando_status show(const struct args *args, const char *verb, json_t *question,
                              enum pando_status st, struct pando_err *reterr)
{
    if (st == PANDO_OK)
        return delta_show(args, verb, question, reterr);
    json_decref(question);
    return st;
}

enum pando_status run_delta_hyperview(const struct args *args, struct pando_err *reterr)
{
    json_t *question = about(args);
    const enum pando_status st = delta_put_time(args, OPT_AT, "--at", "at", question, reterr);
    return show(args, args_has(args, OPT_AT) ? "delta.at" : "delta.hyperview", question, st, reterr);
}

enum pando_status run_delta_at(const struct args *args, struct pando_err *reterr)
{
    long long ms = 0;
    json_t *question = about(args);
    const enum pando_status st = delta_time("TIME", args->words[1], &ms, reterr);
    (void)json_object_set_new(question, "at", json_integer(ms));
    return show(args, "delta.at", question, st, reterr);
}

/* A view is the name of a registered one, or its definition; left out, the node has a default. */
enum pando_status run_delta_view(const struct args *args, struct pando_err *reterr)
{
    json_t *question = about(args), *view = NULL;
    const char *text = args_value(args, OPT_VIEW, NULL);
    enum pando_status st = delta_put_time(args, OPT_AT, "--at", "at", question, reterr);
    if (st == PANDO_OK && text != NULL && (strchr("{@", text[0]) != NULL || strcmp(text, "-") == 0))
        st = delta_json("--view", text, &view, reterr);
    else if (st == PANDO_OK && text != NULL)
        view = json_string(text);
    if (view != NULL)
        (void)json_object_set_new(question, "view", view);
    return show(args, "delta.view", question, st, reterr);
}

static enum pando_status put_range(const struct args *args, json_t *question,
                                   struct pando_err *reterr)
{
    const enum pando_status st =
        delta_put_time(args, OPT_SINCE, "--since", "start", question, reterr);
    return st == PANDO_OK ? delta_put_time(args, OPT_UNTIL, "--until", "end", question, reterr)
                          : st;
}

enum pando_status run_delta_timeline(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = about(args), *time;
    size_t i;
    enum pando_status st = put_range(args, question, reterr);
    if (st != PANDO_OK) {
        json_decref(question);
        return st;
    }
    st = reach_call(args, "delta.timeline", question, &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        char text[DELTA_TIME_TEXT];
        const json_t *times = json_object_get(answer, "timestamps");
        json_array_foreach(times, i, time) {
            delta_time_text(json_integer_value(time), text);
            (void)printf("%lld  %s\n", (long long)json_integer_value(time), text);
        }
        (void)printf("Changes: %zu\n", json_array_size(times));
    }
    json_decref(answer);
    return st;
}

enum pando_status run_delta_replay(const struct args *args, struct pando_err *reterr)
{
    json_t *question = about(args);
    enum pando_status st = put_range(args, question, reterr);
    if (st == PANDO_OK)
        st = delta_put_number(args, OPT_LIMIT, "--limit", 1, "maxSnapshots", question, reterr);
    return show(args, "delta.replay", question, st, reterr);
}

enum pando_status run_delta_changes(const struct args *args, struct pando_err *reterr)
{
    json_t *question = about(args);
    (void)json_object_set_new(question, "property", json_string(args->words[1]));
    return show(args, "delta.changes", question, PANDO_OK, reterr);
}

enum pando_status run_delta_compare(const struct args *args, struct pando_err *reterr)
{
    long long from = 0, to = 0;
    json_t *question = about(args);
    enum pando_status st = delta_time("FROM", args->words[1], &from, reterr);
    if (st == PANDO_OK)
        st = delta_time("TO", args->words[2], &to, reterr);
    (void)json_object_set_new(question, "from", json_integer(from));
    (void)json_object_set_new(question, "to", json_integer(to));
    return show(args, "delta.compare", question, st, reterr);
}

enum pando_status run_delta_origin(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, "delta.origin", about(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        delta_print_whole(json_object_get(answer, "delta"));
    json_decref(answer);
    return st;
}

/* ---- counts ---- */

static void print_stats(const json_t *s)
{
    char text[600], size[32], latest[DELTA_TIME_TEXT] = "none";
    const json_t *cache = json_object_get(s, "cacheStats");
    if (number_of(s, "latestTimestamp") > 0)
        delta_time_text(number_of(s, "latestTimestamp"), latest);
    size_text((double)number_of(s, "journalBytes"), size);
    (void)printf("System:        %s\n", text_of(s, "systemId", text, sizeof text));
    (void)printf("Deltas:        %lld\nArchived:      %lld\nConflicts:     %lld\n"
                 "Latest:        %s\n",
                 number_of(s, "totalDeltas"), number_of(s, "archived"), number_of(s, "conflicts"),
                 latest);
    (void)printf("Storage:       %s, %s\n", text_of(s, "storageType", text, sizeof text), size);
    (void)printf("Watchers:      %lld\nSchemas:       %lld\nViews kept:    %lld\n"
                 "View hits:     %lld of %lld\n",
                 number_of(s, "activeSubscriptions"), number_of(s, "schemas"),
                 number_of(s, "materializedHyperViews"), number_of(cache, "hits"),
                 number_of(cache, "hits") + number_of(cache, "misses"));
}

enum pando_status run_delta_stats(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = delta_question(args);
    enum pando_status st = delta_put_time(args, OPT_AT, "--at", "at", question, reterr);
    if (st != PANDO_OK || args_has(args, OPT_AT))
        return show(args, "delta.stats_at", question, st, reterr);
    st = reach_call(args, "delta.stats", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        print_stats(answer);
    json_decref(answer);
    return st;
}

enum pando_status run_delta_hash(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    char hash[80];
    const enum pando_status st =
        reach_call(args, "delta.hash", delta_question(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("%s  %lld deltas\n", text_of(answer, "hash", hash, sizeof hash),
                     number_of(answer, "deltas"));
    json_decref(answer);
    return st;
}

/* ---- schemas ---- */

static enum pando_status register_one(const struct args *args, json_t *question,
                                      struct pando_err *reterr)
{
    json_t *json = NULL;
    const enum pando_status st = delta_json("the definition", args->words[1], &json, reterr);
    if (st != PANDO_OK)
        return st;
    const bool wrapped = json_object_get(json, "schema") != NULL ||
                         json_object_get(json, "view") != NULL;
    if (wrapped)
        (void)json_object_update(question, json);
    else
        (void)json_object_set(question, args_has(args, OPT_IS_VIEW) ? "view" : "schema", json);
    json_decref(json);
    return PANDO_OK;
}

enum pando_status run_delta_schema(const struct args *args, struct pando_err *reterr)
{
    static const struct {
        const char *name;
        size_t words_min, words_max; /* the action's own included */
    } actions[] = { { "ls", 1, 1 },    { "show", 2, 2 },    { "register", 2, 2 }, { "check", 1, 1 },
                    { "load", 1, 2 },  { "changed", 2, 2 }, { "deltas", 2, 2 },   { "rm", 2, 2 } };
    char verb[48];
    json_t *question = delta_question(args);
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, args->words[0]) != 0 ||
            args->words_len < actions[i].words_min || args->words_len > actions[i].words_max)
            continue;
        if (strcmp(actions[i].name, "register") == 0)
            st = register_one(args, question, reterr);
        else if (args->words_len == 2)
            (void)json_object_set_new(question, "id", json_string(args->words[1]));
        (void)snprintf(verb, sizeof verb, "delta.schema.%s", actions[i].name);
        return show(args, verb, question, st, reterr);
    }
    json_decref(question);
    return pando_err_set(reterr, PANDO_INVALID,
                         "say one of: ls, show ID, register JSON|@FILE, check, load [ID], "
                         "changed ID, deltas ID, rm ID");
}
