/* cmd_log.c - rooms of a log space: say, read, follow, and look after the group. */
#include "apps/pando/commands.h"

#include "apps/pando/chat/clean.h"
#include "apps/pando/log_args.h"
#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN (1u << 20)

static enum pando_status put_option(const struct args *args, int option, const char *key,
                                    json_t *question, struct pando_err *reterr)
{
    const char *text = args_value(args, option, NULL);
    return text == NULL ? PANDO_OK : log_put_number(question, key, text, 1, reterr);
}

static enum pando_status make_settings(const struct args *args, json_t *settings,
                                       struct pando_err *reterr)
{
    const char *name = args_value(args, OPT_NAME, NULL);
    const char *members = args_value(args, OPT_MEMBERS, NULL);
    const bool found = args_has(args, OPT_FOUND), join = args_has(args, OPT_JOIN);
    if ((members != NULL) + found + join != 1)
        return pando_err_set(reterr, PANDO_INVALID,
                             "say how the group begins: --found (with this member alone), "
                             "--members 1,2,3 (with these) or --join (one that exists)");
    enum pando_status st = put_option(args, OPT_ID, "id", settings, reterr);
    if (st == PANDO_OK && name != NULL)
        (void)json_object_set_new(settings, "name", json_string(name));
    if (st == PANDO_OK && found)
        (void)json_object_set_new(settings, "found", json_true());
    if (st == PANDO_OK && members != NULL)
        st = log_put_members(settings, members, reterr);
    return st;
}

enum pando_status run_log_create(const struct args *args, struct pando_err *reterr)
{
    json_t *settings = json_object(), *answer = NULL;
    char id[96];
    if (!args_has(args, OPT_ID)) {
        json_decref(settings);
        return pando_err_set(reterr, PANDO_INVALID, "--id N says which member this node is");
    }
    enum pando_status st = make_settings(args, settings, reterr);
    if (st != PANDO_OK) {
        json_decref(settings);
        return st;
    }
    char *text = json_dumps(settings, JSON_COMPACT);
    st = reach_call(args, "space.create",
                    json_pack("{s:s,s:s,s:o}", "name", args->words[0], "kind", "log", "settings",
                              settings),
                    &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Space %s is open: %s\nTo open it at every start, in config.yml:\n"
                     "spaces:\n  - {name: %s, kind: log, settings: '%s'}\n",
                     args->words[0], text_of(answer, "id", id, sizeof id), args->words[0],
                     text != NULL ? text : "{}");
    free(text);
    json_decref(answer);
    return st;
}

static void print_message(const json_t *m)
{
    const json_t *text = json_object_get(m, "text");
    const size_t cap = json_is_string(text) ? json_string_length(text) + 1 : 16;
    char sender[160], *clean = malloc(cap);
    if (clean == NULL)
        return;
    if (json_is_string(text))
        (void)chat_clean_text(json_string_value(text), json_string_length(text), clean, cap);
    else
        (void)snprintf(clean, cap, "(bytes)");
    (void)printf("[seq=%lld] %s: %s\n", number_of(m, "seq"), text_of(m, "sender", sender, sizeof sender),
                 clean);
    free(clean);
}

enum pando_status run_log_append(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = log_question(args);
    const char *sender = args_value(args, OPT_NAME, NULL);
    char room[80], id[96];
    if (sender != NULL)
        (void)json_object_set_new(question, "sender", json_string(sender));
    if (json_object_set_new(question, "text", json_string(args->words[0])) != 0) {
        json_decref(question);
        return pando_err_set(reterr, PANDO_INVALID, "the text is not UTF-8");
    }
    const enum pando_status st = reach_call(args, "log.append", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("[seq=%lld] in %s, term %lld, id %s\n", number_of(answer, "seq"),
                     text_of(answer, "room", room, sizeof room), number_of(answer, "term"),
                     text_of(answer, "msg_id", id, sizeof id));
    json_decref(answer);
    return st;
}

enum pando_status run_log_read(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = log_question(args), *m;
    size_t i;
    if (args_has(args, OPT_LINEAR))
        (void)json_object_set_new(question, "linear", json_true());
    enum pando_status st = put_option(args, OPT_FROM, "from", question, reterr);
    if (st == PANDO_OK)
        st = put_option(args, OPT_LIMIT, "limit", question, reterr);
    if (st != PANDO_OK) {
        json_decref(question);
        return st;
    }
    st = reach_call(args, "log.read", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        json_array_foreach(json_object_get(answer, "messages"), i, m)
            print_message(m);
    json_decref(answer);
    return st;
}

struct tail {
    bool json;
    struct pando_buf rest; /* of a line whose end has not come */
};

static void print_line(const struct tail *t, struct pando_slice line)
{
    json_t *m = t->json ? NULL : json_loadb((const char *)line.ptr, line.len, 0, NULL);
    if (t->json && line.len > 0)
        (void)printf("%.*s\n", (int)line.len, (const char *)line.ptr);
    else if (json_is_integer(json_object_get(m, "seq")))
        print_message(m);
    json_decref(m);
}

static bool print_part(void *ctx, struct pando_slice part)
{
    struct tail *t = ctx;
    size_t from = 0;
    if (buf_append(&t->rest, part) != PANDO_OK)
        return false;
    for (;;) {
        const uint8_t *end = from == t->rest.len
                                 ? NULL
                                 : memchr(t->rest.ptr + from, '\n', t->rest.len - from);
        if (end == NULL)
            break;
        const size_t len = (size_t)(end - t->rest.ptr) - from;
        print_line(t, slice_of(t->rest.ptr + from, len));
        from += len + 1;
    }
    buf_consume(&t->rest, from);
    return fflush(stdout) == 0;
}

enum pando_status run_log_tail(const struct args *args, struct pando_err *reterr)
{
    struct reach reach;
    struct tail t = { .json = args->json };
    const struct client_stream stream = { &t, print_part };
    json_t *question = log_question(args);
    enum pando_status st = put_option(args, OPT_FROM, "from", question, reterr);
    buf_init(&t.rest, LINE_MAX_LEN);
    if (args_has(args, OPT_FROM) && !args_has(args, OPT_ROOM)) /* numbers are a room's */
        (void)json_object_set_new(question, "room", json_string("general"));
    if (st == PANDO_OK)
        st = reach_find(args, &reach, reterr);
    if (st == PANDO_OK) {
        reach.target.timeout = PANDO_SEC(86400); /* silence means that nobody speaks */
        st = reach_ask(&reach, "log.watch", question, &stream, NULL, reterr);
    }
    buf_deinit(&t.rest);
    json_decref(question);
    return st;
}
