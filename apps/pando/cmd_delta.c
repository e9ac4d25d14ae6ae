/* cmd_delta.c - deltas of a delta space: create, read, negate, watch. */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"
#include "apps/pando/stream_lines.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX   1000 /* deltas that a node gives in one answer */
#define INPUT_MAX  (7u << 20)

/* ---- create ---- */

/* One JSON value after another: deltas, and lists of deltas. */
static enum pando_status read_values(struct pando_slice text, json_t *deltas,
                                     struct pando_err *reterr)
{
    while (text.len > 0) {
        json_error_t problem;
        size_t i;
        json_t *item;
        while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
            text = slice_from(text, 1);
        if (text.len == 0)
            break;
        json_t *value = json_loadb((const char *)text.ptr, text.len,
                                   JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &problem);
        if (value == NULL)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "the deltas do not read as JSON: line %d, column %d: %s",
                                 problem.line, problem.column, problem.text);
        if (json_is_array(value))
            json_array_foreach(value, i, item)
                (void)json_array_append(deltas, item);
        else
            (void)json_array_append(deltas, value);
        json_decref(value);
        text = slice_from(text, (size_t)problem.position);
    }
    return PANDO_OK;
}

static enum pando_status read_word(const char *word, json_t *deltas, struct pando_err *reterr)
{
    struct pando_buf file;
    buf_init(&file, INPUT_MAX);
    if (word[0] != '@' && strcmp(word, "-") != 0)
        return read_values(slice_text(word), deltas, reterr);
    enum pando_status st = file_read(word[0] == '@' ? word + 1 : word, INPUT_MAX, &file, reterr);
    if (st == PANDO_FULL)
        st = pando_err_set(reterr, st, "create takes 7 MiB at once: use 'pando delta import'");
    if (st == PANDO_OK)
        st = read_values(buf_view(&file), deltas, reterr);
    buf_deinit(&file);
    return st;
}

static enum pando_status add_pointers(const struct args *args, json_t *deltas,
                                      struct pando_err *reterr)
{
    json_t *pointers = json_array(), *pointer = NULL;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < args->items_len && st == PANDO_OK; i++) {
        if (args->items[i].key != OPT_POINTER)
            continue;
        st = delta_pointer(args->items[i].value, &pointer, reterr);
        if (st == PANDO_OK)
            (void)json_array_append_new(pointers, pointer);
    }
    if (st == PANDO_OK && json_array_size(pointers) > 0)
        (void)json_array_append_new(deltas, json_pack("{s:O}", "pointers", pointers));
    json_decref(pointers);
    return st;
}

/* The options say what a delta leaves out. */
static enum pando_status fill_in(const struct args *args, json_t *delta, struct pando_err *reterr)
{
    json_t *usual = json_object();
    delta_put_text(args, OPT_AUTHOR, "author", usual);
    delta_put_text(args, OPT_SYSTEM, "system", usual);
    delta_put_text(args, OPT_ID, "id", usual);
    const enum pando_status st =
        delta_put_time(args, OPT_TIME, "--timestamp", "timestamp", usual, reterr);
    if (st == PANDO_OK && json_is_object(delta))
        (void)json_object_update_missing(delta, usual);
    json_decref(usual);
    return st;
}

static enum pando_status gather(const struct args *args, json_t *deltas, struct pando_err *reterr)
{
    size_t i;
    json_t *delta;
    enum pando_status st =
        args->words_len > 0 ? read_word(args->words[0], deltas, reterr) : PANDO_OK;
    if (st == PANDO_OK)
        st = add_pointers(args, deltas, reterr);
    if (st == PANDO_OK && json_array_size(deltas) == 0)
        st = pando_err_set(reterr, PANDO_INVALID,
                           "what does the delta say? Give --pointer ROLE=TARGET (once or more), "
                           "or the delta as JSON, as @FILE or - for standard input");
    if (st == PANDO_OK && json_array_size(deltas) > 1 && args_has(args, OPT_ID))
        st = pando_err_set(reterr, PANDO_INVALID, "--id names one delta, here are %zu",
                           json_array_size(deltas));
    json_array_foreach(deltas, i, delta)
        if (st == PANDO_OK)
            st = fill_in(args, delta, reterr);
    return st;
}

static void print_created(const json_t *answer)
{
    size_t i;
    json_t *id;
    const json_t *ids = json_object_get(answer, "ids");
    json_array_foreach(ids, i, id) {
        char *clean = delta_clean(id);
        (void)printf("%s\n", clean != NULL ? clean : "?");
        free(clean);
    }
    if (ids == NULL) {
        char *clean = delta_clean(json_object_get(answer, "id"));
        (void)printf("%s\n", clean != NULL ? clean : "?");
        free(clean);
    }
    if (number_of(answer, "known") > 0)
        (void)printf("%lld known already\n", number_of(answer, "known"));
    if (number_of(answer, "shadowed") > 0)
        (void)printf("%lld stored, but another delta with the id counts\n",
                     number_of(answer, "shadowed"));
}

enum pando_status run_delta_create(const struct args *args, struct pando_err *reterr)
{
    json_t *deltas = json_array(), *answer = NULL, *question = NULL;
    enum pando_status st = gather(args, deltas, reterr);
    if (st == PANDO_OK && json_array_size(deltas) == 1) {
        question = json_deep_copy(json_array_get(deltas, 0));
        if (!json_is_object(question))
            st = pando_err_set(reterr, PANDO_INVALID, "a delta is a JSON object");
    } else if (st == PANDO_OK) {
        question = json_pack("{s:O}", "deltas", deltas);
    }
    json_decref(deltas);
    if (st == PANDO_OK)
        delta_put_text(args, OPT_SPACE, "space", question);
    if (st != PANDO_OK) {
        json_decref(question);
        return st;
    }
    st = reach_call(args, "delta.create", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        print_created(answer);
    json_decref(answer);
    return st;
}

/* ---- get, negate ---- */

enum pando_status run_delta_get(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = delta_question(args);
    char time[DELTA_TIME_TEXT];
    (void)json_object_set_new(question, "id", json_string(args->words[0]));
    const enum pando_status st = reach_call(args, "delta.get", question, &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        delta_print_whole(json_object_get(answer, "delta"));
        if (flag_of(answer, "negated")) {
            char *by = delta_clean(json_object_get(answer, "negatedBy"));
            delta_time_text(number_of(answer, "negatedAt"), time);
            (void)printf("Negated:   %s by %s\n", time, by != NULL && by[0] != '\0' ? by : "?");
            free(by);
        } else if (flag_of(answer, "wasNegated")) {
            (void)printf("Negated:   once; its negation was negated\n");
        }
    }
    json_decref(answer);
    return st;
}

enum pando_status run_delta_negate(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = delta_question(args);
    (void)json_object_set_new(question, "id", json_string(args->words[0]));
    delta_put_text(args, OPT_REASON, "reason", question);
    delta_put_text(args, OPT_AUTHOR, "author", question);
    if (args_has(args, OPT_ABSENT))
        (void)json_object_set_new(question, "absent", json_true());
    const enum pando_status st = reach_call(args, "delta.negate", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        print_created(answer);
    json_decref(answer);
    return st;
}

/* ---- query ---- */

static void print_page(const struct args *args, const json_t *answer, json_t *all)
{
    size_t i;
    json_t *delta;
    const json_t *deltas = json_object_get(answer, "deltas");
    if (args->json)
        (void)json_array_extend(all, (json_t *)deltas);
    else
        json_array_foreach(deltas, i, delta)
            delta_print_line(delta);
}

/* Page by page, until `limit` were given or there are no more. */
static enum pando_status query(const struct args *args, json_t *question, long long limit,
                               json_t *all, struct pando_err *reterr)
{
    struct reach reach;
    enum pando_status st = reach_find(args, &reach, reterr);
    long long shown = 0;
    while (st == PANDO_OK) {
        json_t *answer = NULL;
        const long long page = limit - shown < PAGE_MAX ? limit - shown : PAGE_MAX;
        (void)json_object_set_new(question, "limit", json_integer(page));
        st = delta_ask(&reach, "delta.query", question, &answer, reterr);
        if (st != PANDO_OK)
            break;
        print_page(args, answer, all);
        shown += (long long)json_array_size(json_object_get(answer, "deltas"));
        json_t *cursor = json_incref(json_object_get(answer, "cursor"));
        json_decref(answer);
        (void)json_object_set(question, "cursor", cursor);
        const bool more = json_is_string(cursor);
        json_decref(cursor);
        if (!more || shown >= limit)
            break;
    }
    return st;
}

static void end_query(const struct args *args, const json_t *question, json_t *all)
{
    char cursor[80];
    const json_t *next = json_object_get(question, "cursor");
    if (args->json) {
        json_t *whole = json_pack("{s:O,s:O}", "deltas", all, "cursor", next);
        delta_print_json(whole);
        json_decref(whole);
    } else if (json_is_string(next)) {
        (void)printf("More: --cursor %s\n", text_of(question, "cursor", cursor, sizeof cursor));
    }
}

enum pando_status run_delta_query(const struct args *args, struct pando_err *reterr)
{
    json_t *question = delta_question(args), *all = json_array();
    (void)json_object_set_new(question, "limit", json_integer(100));
    enum pando_status st =
        delta_put_number(args, OPT_LIMIT, "--limit", 1, "limit", question, reterr);
    const long long limit = number_of(question, "limit");
    if (st == PANDO_OK)
        st = delta_put_filter(args, question, reterr);
    if (st == PANDO_OK)
        st = delta_put_time(args, OPT_AT, "--at", "at", question, reterr);
    delta_put_text(args, OPT_CURSOR, "cursor", question);
    if (args_has(args, OPT_DESCENDING))
        (void)json_object_set_new(question, "descending", json_true());
    if (st == PANDO_OK)
        st = query(args, question, limit, all, reterr);
    if (st == PANDO_OK)
        end_query(args, question, all);
    json_decref(all);
    json_decref(question);
    return st;
}

/* ---- watch ---- */

static bool print_watched(void *ctx, struct pando_slice line)
{
    const struct args *args = ctx;
    if (args->json)
        return printf("%.*s\n", (int)line.len, (const char *)line.ptr) > 0;
    json_t *delta = json_loadb((const char *)line.ptr, line.len, 0, NULL);
    if (delta != NULL)
        delta_print_line(delta);
    json_decref(delta);
    return true;
}

enum pando_status run_delta_watch(const struct args *args, struct pando_err *reterr)
{
    struct reach reach;
    struct stream_lines lines;
    struct args mine = *args;
    json_t *question = delta_question(args);
    stream_lines_init(&lines, &mine, print_watched);
    const struct client_stream stream = stream_lines_stream(&lines);
    enum pando_status st = delta_put_time(args, OPT_SINCE, "--since", "since", question, reterr);
    for (size_t i = 0; i < mine.items_len; i++) /* where it begins, not what may pass */
        if (mine.items[i].key == OPT_SINCE)
            mine.items[i].key = OPT_NONE;
    if (st == PANDO_OK)
        st = delta_put_filter(&mine, question, reterr);
    if (st == PANDO_OK)
        st = reach_find(args, &reach, reterr);
    if (st == PANDO_OK) {
        reach.target.timeout = PANDO_SEC(86400); /* silence means that nothing was said */
        st = reach_ask(&reach, "delta.watch", question, &stream, NULL, reterr);
    }
    stream_lines_deinit(&lines);
    json_decref(question);
    return st;
}
