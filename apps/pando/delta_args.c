#include "apps/pando/delta_args.h"

#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX (64u << 20)
#define JSON_MAX   (7u << 20) /* a node takes 8 MiB in one call */

json_t *delta_question(const struct args *args)
{
    json_t *q = json_object();
    delta_put_text(args, OPT_SPACE, "space", q);
    return q;
}

static long long now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "24h" or "-24h". */
static bool read_ago(const char *text, long long *ret_ms)
{
    static const struct {
        char unit;
        long long ms;
    } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    const char *digits = text + (text[0] == '-');
    const size_t len = strspn(digits, "0123456789");
    if (len == 0 || len > 9 || digits[len] == '\0' || digits[len + 1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].unit == digits[len]) {
            *ret_ms = now_ms() - strtoll(digits, NULL, 10) * units[i].ms;
            return true;
        }
    return false;
}

/* ".25" in ms; -1: it is no fraction. */
static long read_fraction(const char **at)
{
    long ms = 0, unit = 100;
    const char *c = *at + 1;
    if (strspn(c, "0123456789") == 0)
        return -1;
    for (; *c >= '0' && *c <= '9'; c++, unit /= 10)
        ms += (*c - '0') * unit;
    *at = c;
    return ms;
}

static bool read_date(const char *text, long long *ret_ms)
{
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
                                         "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = { .tm_isdst = -1 };
        const char *rest = strptime(text, forms[i], &tm);
        const long ms = rest != NULL && *rest == '.' ? read_fraction(&rest) : 0;
        if (rest == NULL || ms < 0 || (*rest != '\0' && strcmp(rest, "Z") != 0))
            continue;
        *ret_ms = (long long)(*rest == 'Z' ? timegm(&tm) : mktime(&tm)) * 1000 + ms;
        return true;
    }
    return false;
}

enum pando_status delta_time(const char *name, const char *text, long long *ret_ms,
                             struct pando_err *reterr)
{
    const size_t digits = strspn(text, "0123456789");
    if (strcmp(text, "now") == 0)
        *ret_ms = now_ms();
    else if (digits > 0 && digits < 16 && text[digits] == '\0')
        *ret_ms = strtoll(text, NULL, 10);
    else if (!read_ago(text, ret_ms) && !read_date(text, ret_ms))
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s takes a time: ms since 1970, now, 2026-11-28T12:00:00Z, or how "
                             "long ago, as 30m, 24h, 7d; not '%.60s'",
                             name, text);
    return PANDO_OK;
}

enum pando_status delta_put_time(const struct args *args, int option, const char *name,
                                 const char *key, json_t *question, struct pando_err *reterr)
{
    const char *text = args_value(args, option, NULL);
    long long ms = 0;
    if (text == NULL)
        return PANDO_OK;
    const enum pando_status st = delta_time(name, text, &ms, reterr);
    return st != PANDO_OK ? st
           : json_object_set_new(question, key, json_integer(ms)) == 0 ? PANDO_OK
                                                                       : PANDO_NOMEM;
}

enum pando_status delta_put_number(const struct args *args, int option, const char *name,
                                   long long low, const char *key, json_t *question,
                                   struct pando_err *reterr)
{
    const char *text = args_value(args, option, NULL);
    if (text == NULL)
        return PANDO_OK;
    const size_t len = strspn(text, "0123456789");
    const long long value = len > 0 && len < 16 && text[len] == '\0' ? strtoll(text, NULL, 10)
                                                                     : -1;
    if (value < low)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s takes a whole number of %lld or more, not '%.40s'", name, low,
                             text);
    return json_object_set_new(question, key, json_integer(value)) == 0 ? PANDO_OK : PANDO_NOMEM;
}

void delta_put_text(const struct args *args, int option, const char *key, json_t *question)
{
    const char *text = args_value(args, option, NULL);
    if (text != NULL)
        (void)json_object_set_new(question, key, json_string(text));
}

void delta_put_list(const struct args *args, int option, const char *key, json_t *object)
{
    json_t *list = json_object_get(object, key);
    for (size_t i = 0; i < args->items_len; i++) {
        if (args->items[i].key != option)
            continue;
        if (!json_is_array(list)) {
            list = json_array();
            (void)json_object_set_new(object, key, list);
        }
        (void)json_array_append_new(list, json_string(args->items[i].value));
    }
}

enum pando_status delta_json(const char *name, const char *text, json_t **ret,
                             struct pando_err *reterr)
{
    json_error_t problem = { .text = "" };
    struct pando_buf file;
    enum pando_status st = PANDO_OK;
    buf_init(&file, JSON_MAX);
    if (text[0] == '@' || strcmp(text, "-") == 0)
        st = file_read(text[0] == '@' ? text + 1 : text, JSON_MAX, &file, reterr);
    const struct pando_slice json = file.ptr != NULL ? buf_view(&file) : slice_text(text);
    if (st == PANDO_OK) {
        *ret = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, &problem);
        if (*ret == NULL)
            st = pando_err_set(reterr, PANDO_INVALID, "%s: line %d, column %d: %s", name,
                               problem.line, problem.column, problem.text);
    }
    buf_deinit(&file);
    return st;
}

static enum pando_status put_range(const struct args *args, json_t *filter,
                                   struct pando_err *reterr)
{
    json_t *range = json_object_get(filter, "timestampRange");
    if (!args_has(args, OPT_SINCE) && !args_has(args, OPT_UNTIL))
        return PANDO_OK;
    if (!json_is_object(range)) {
        range = json_object();
        (void)json_object_set_new(filter, "timestampRange", range);
    }
    enum pando_status st = delta_put_time(args, OPT_SINCE, "--since", "start", range, reterr);
    return st == PANDO_OK ? delta_put_time(args, OPT_UNTIL, "--until", "end", range, reterr) : st;
}

enum pando_status delta_put_filter(const struct args *args, json_t *question,
                                   struct pando_err *reterr)
{
    const char *text = args_value(args, OPT_FILTER, NULL);
    json_t *filter = NULL;
    enum pando_status st = text != NULL ? delta_json("--filter", text, &filter, reterr) : PANDO_OK;
    if (st == PANDO_OK && filter == NULL)
        filter = json_object();
    if (st == PANDO_OK && !json_is_object(filter))
        st = pando_err_set(reterr, PANDO_INVALID, "--filter takes a JSON object");
    if (st == PANDO_OK)
        st = put_range(args, filter, reterr);
    if (st == PANDO_OK) {
        delta_put_list(args, OPT_AUTHOR, "authors", filter);
        delta_put_list(args, OPT_SYSTEM, "systems", filter);
        delta_put_list(args, OPT_TARGET, "targetIds", filter);
        delta_put_list(args, OPT_CONTEXT, "targetContexts", filter);
        if (args_has(args, OPT_NEGATED))
            (void)json_object_set_new(filter, "includeNegated", json_true());
        if (json_object_size(filter) > 0)
            (void)json_object_set(question, "filter", filter);
    }
    json_decref(filter);
    return st;
}

enum pando_status delta_ask(const struct reach *reach, const char *verb, const json_t *question,
                            json_t **ret_answer, struct pando_err *reterr)
{
    struct pando_buf body;
    json_error_t problem;
    buf_init(&body, ANSWER_MAX);
    enum pando_status st = reach_ask(reach, verb, question, NULL, &body, reterr);
    if (st == PANDO_OK) {
        *ret_answer = json_loadb((const char *)body.ptr, body.len, 0, &problem);
        if (*ret_answer == NULL)
            st = pando_err_set(reterr, PANDO_MALFORMED, "the node's answer does not read: %s",
                               problem.text);
    }
    buf_deinit(&body);
    return st;
}

enum pando_status delta_show(const struct args *args, const char *verb, json_t *question,
                             struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, verb, question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        delta_print_indented(answer);
    json_decref(answer);
    return st;
}
