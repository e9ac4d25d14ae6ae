#include "apps/pando/reach.h"

#include "apps/pando/local.h"
#include "apps/pando/running.h"
#include "base/near.h"
#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ANSWER_MAX (256u << 20)

const char *reach_data(const struct args *args)
{
    const char *data = args_value(args, OPT_DATA, NULL);
    const char *environment = getenv("PANDO_DATA");
    if (data != NULL)
        return data;
    return environment != NULL && environment[0] != '\0' ? environment : NULL;
}

enum pando_status reach_config(const char *data, struct config *ret_config,
                               struct pando_err *reterr)
{
    char path[CONFIG_PATH_MAX + 16];
    struct stat st;
    config_init(ret_config);
    (void)snprintf(path, sizeof path, "%s/config.yml", data);
    if (stat(path, &st) == 0) {
        const enum pando_status read = config_load(ret_config, path, reterr);
        if (read != PANDO_OK)
            return read;
    }
    const enum pando_status set = config_set(ret_config, "data", data, reterr);
    return set == PANDO_OK ? config_finish(ret_config, reterr) : set;
}

static void use_data(struct reach *r, const char *data)
{
    (void)snprintf(r->data, sizeof r->data, "%s", data);
    (void)snprintf(r->socket, sizeof r->socket, "%s/control.sock", data);
    r->target.socket_path = r->socket;
}

/* HOST:PORT with a port of digits; a name has no colon. */
static bool use_address(struct reach *r, const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    const unsigned long port = strtoul(colon + 1, NULL, 10);
    const size_t len = (size_t)(colon - text);
    if (port == 0 || port > 65535 || len == 0 || len >= sizeof r->host)
        return false;
    const bool bracket = text[0] == '[' && text[len - 1] == ']';
    (void)snprintf(r->host, sizeof r->host, "%.*s", (int)(bracket ? len - 2 : len),
                   text + bracket);
    r->target.host = r->host;
    r->target.port = (uint16_t)port;
    return true;
}

static enum pando_status use_name(struct reach *r, const char *name,
                                  struct pando_err *reterr)
{
    struct running all[RUNNING_MAX];
    const size_t len = running_list(all);
    struct near_search near = { .word = name };
    for (size_t i = 0; i < len; i++) {
        near_offer(&near, all[i].name);
        if (strcmp(all[i].name, name) == 0) {
            use_data(r, all[i].data);
            return PANDO_OK;
        }
    }
    return pando_err_set(
        reterr, PANDO_NOT_FOUND,
        "no node named '%.60s' runs here%s%s%s; --node takes a name or HOST:PORT", name,
        near.best != NULL ? "; did you mean '" : "", near.best != NULL ? near.best : "",
        near.best != NULL ? "'?" : "");
}

static enum pando_status use_only(struct reach *r, struct pando_err *reterr)
{
    struct running all[RUNNING_MAX];
    char names[160] = "";
    const size_t len = running_list(all);
    if (len == 1) {
        use_data(r, all[0].data);
        return PANDO_OK;
    }
    if (len == 0)
        return pando_err_set(
            reterr, PANDO_UNAVAILABLE,
            "no node of yours runs: start one with 'pando node', or name a data "
            "folder with --data");
    for (size_t i = 0; i < len; i++) {
        const size_t at = strlen(names);
        (void)snprintf(names + at, sizeof names - at, "%s%s", i > 0 ? ", " : "",
                       all[i].name);
    }
    return pando_err_set(reterr, PANDO_INVALID,
                         "several nodes run (%s): choose with --node NAME", names);
}

static enum pando_status choose(const struct args *args, struct reach *r,
                                struct pando_err *reterr)
{
    const char *node = args_value(args, OPT_NODE, NULL);
    const char *data = args_value(args, OPT_DATA, NULL);
    if (data == NULL && node == NULL)
        data = reach_data(args);
    if (data != NULL) {
        if (strlen(data) >= sizeof r->data)
            return pando_err_set(reterr, PANDO_INVALID, "--data is too long");
        use_data(r, data);
        return PANDO_OK;
    }
    if (node != NULL)
        return use_address(r, node) ? PANDO_OK : use_name(r, node, reterr);
    return use_only(r, reterr);
}

enum pando_status reach_find(const struct args *args, struct reach *ret_reach,
                             struct pando_err *reterr)
{
    struct reach *r = ret_reach;
    memset(r, 0, sizeof *r);
    const char *token = args_value(args, OPT_TOKEN, getenv("PANDO_TOKEN"));
    const char *timeout = args_value(args, OPT_TIMEOUT, "30");
    char *end = NULL;
    const double seconds = strtod(timeout, &end);
    if (*end != '\0' || !(seconds > 0 && seconds <= 86400))
        return pando_err_set(reterr, PANDO_INVALID,
                             "--timeout takes seconds, not '%.40s'", timeout);
    r->target.timeout.ns = (uint64_t)(seconds * 1e9);
    if (token != NULL) {
        if (strlen(token) >= sizeof r->token || strpbrk(token, "\r\n") != NULL)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "the token is too long or has a newline");
        (void)snprintf(r->token, sizeof r->token, "%s", token);
        r->target.token = r->token;
    }
    return choose(args, r, reterr);
}

/* Does the verb mean anything without a live node? */
static bool needs_life(const char *verb)
{
    static const char *const live[] = { "peer.", "link.", "node.", "fed.", "log.level",
                                        "delta.watch", "delta.archive" };
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
        if (strncmp(verb, live[i], strlen(live[i])) == 0)
            return true;
    return false;
}

enum pando_status reach_ask_bytes(const struct reach *reach, const char *verb,
                                  struct pando_slice args, const struct client_stream *stream,
                                  struct pando_buf *ret_body, struct pando_err *reterr)
{
    struct stat st;
    struct client_target target = reach->target;
    if (target.socket_path == NULL)
        target.host = reach->host;
    else
        target.socket_path = reach->socket;
    if (target.token != NULL)
        target.token = reach->token;
    enum pando_status result = client_call(&target, verb, args, stream, ret_body, reterr);
    if (result == PANDO_UNAVAILABLE && reach->data[0] != '\0') {
        /* Nobody listens there: the folder is ours to open, if it is one. */
        if (stat(reach->data, &st) != 0)
            result = pando_err_set(
                reterr, PANDO_NOT_FOUND,
                "there is no data folder %.150s: 'pando node --data' makes one",
                reach->data);
        else if (!needs_life(verb) && running_is_stopped(reach->socket))
            result = local_call(reach->data, verb, args, stream, ret_body, reterr);
    }
    return result;
}

enum pando_status reach_ask(const struct reach *reach, const char *verb,
                            const json_t *args, const struct client_stream *stream,
                            struct pando_buf *ret_body, struct pando_err *reterr)
{
    char *text = json_dumps(args, JSON_COMPACT);
    if (text == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "the arguments are not UTF-8 text");
    const enum pando_status st =
        reach_ask_bytes(reach, verb, slice_text(text), stream, ret_body, reterr);
    free(text);
    return st;
}

static enum pando_status parse_answer(const struct pando_buf *body, json_t **ret_answer,
                                      struct pando_err *reterr)
{
    json_error_t problem;
    const char *text = body->len > 0 ? (const char *)body->ptr : "{}";
    json_t *answer = json_loadb(text, body->len > 0 ? body->len : 2, 0, &problem);
    if (answer == NULL)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "the node's answer does not read: %s", problem.text);
    *ret_answer = answer;
    return PANDO_OK;
}

enum pando_status reach_call(const struct args *args, const char *verb, json_t *question,
                             json_t **ret_answer, struct pando_err *reterr)
{
    struct reach reach;
    struct pando_buf body;
    buf_init(&body, ANSWER_MAX);
    enum pando_status st = reach_find(args, &reach, reterr);
    if (st == PANDO_OK)
        st = reach_ask(&reach, verb, question, NULL, &body, reterr);
    if (st == PANDO_OK)
        st = parse_answer(&body, ret_answer, reterr);
    if (st == PANDO_OK && args->json) {
        const size_t len = body.len - (body.len > 0 && body.ptr[body.len - 1] == '\n');
        (void)printf("%.*s\n", (int)len, (const char *)body.ptr);
    }
    buf_deinit(&body);
    json_decref(question);
    return st;
}

enum pando_status reach_show(const struct args *args, const char *verb, json_t *question,
                             struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, verb, question, &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        char *text = json_dumps(answer, JSON_INDENT(2));
        (void)printf("%s\n", text != NULL ? text : "{}");
        free(text);
    }
    json_decref(answer);
    return st;
}
