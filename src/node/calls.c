/* calls.c - verbs: who answers which, and the node's own short ones.
 *
 * A verb is PREFIX.NAME. The prefix of a kind of space leads to a space of that kind,
 * which the argument "space" names (its only one, or "default", when it is missing); the
 * other prefixes are the node's. One table lists them, so help and errors cannot lie.
 */
#include "node/args.h"
#include "node/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void call_reply(struct node *n, uint64_t token, enum pando_status status,
                struct pando_slice body)
{
    if (token >= NODE_INTERNAL_TOKEN) {
        struct bytes *b = bytes_copy(body);
        ops_reply(n, token, b == NULL ? PANDO_NOMEM : status, b, false, false);
        bytes_unref(b);
        return;
    }
    n->ports.reply(n->ports.ctx, token, status, body, false, false);
}

void call_fail(struct node *n, uint64_t token, enum pando_status status,
               const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    call_reply(n, token, status, slice_text(text));
}

static void watch(struct node *n, uint64_t token)
{
    for (size_t i = 0; i < NODE_WATCHERS_MAX; i++) {
        if (n->watchers[i] != 0)
            continue;
        n->watchers[i] = token;
        n->ports.reply(n->ports.ctx, token, PANDO_OK,
                       slice_text("{\"kind\":\"watching\"}\n"), false, true);
        return;
    }
    call_fail(n, token, PANDO_FULL, "at most %d watchers at once", NODE_WATCHERS_MAX);
}

bool node_is_heard(const struct node *n)
{
    bool heard = n->config.notices || n->config.mesh;
    for (size_t i = 0; i < NODE_WATCHERS_MAX; i++)
        heard |= n->watchers[i] != 0;
    return heard;
}

void calls_notice(struct node *n, const char *kind, struct pando_slice json)
{
    n->ports.notice(n->ports.ctx, kind, json);
    char line[4096];
    const int len =
        snprintf(line, sizeof line, "{\"kind\":\"%s\",\"event\":%.*s}\n", kind,
                 (int)(json.len < 3900 ? json.len : 0), (const char *)json.ptr);
    if (json.len == 0 || json.len >= 3900)
        return; /* too long for a line: the event can be asked for by its id */
    for (size_t i = 0; i < NODE_WATCHERS_MAX; i++)
        if (n->watchers[i] != 0)
            n->ports.reply(n->ports.ctx, n->watchers[i], PANDO_OK,
                           slice_of(line, (size_t)len), false, true);
}

static void log_level(struct node *n, uint64_t token, struct pando_slice text)
{
    struct pando_err err = { 0 };
    json_t *args = args_parse(text, &err);
    const char *level = args == NULL ? NULL : args_text(args, "level", NULL);
    if (level == NULL)
        call_fail(n, token, PANDO_INVALID,
                  "log.level needs \"level\": \"[module=]LEVEL\"");
    else if (n->ports.log_level(n->ports.ctx, level, &err) != PANDO_OK)
        call_fail(n, token, err.status, "%s", err.text);
    else
        call_reply(n, token, PANDO_OK, slice_text("{\"ok\":true}"));
    json_decref(args);
}

static void stop(struct node *n, uint64_t token, struct pando_slice args)
{
    (void)args;
    call_reply(n, token, PANDO_OK, slice_text("{\"stopping\":true}"));
    n->ports.stop(n->ports.ctx);
}

static void health(struct node *n, uint64_t token, struct pando_slice args)
{
    (void)args;
    bool failed = false;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        failed |= n->spaces[i].used && n->spaces[i].failed;
    if (failed)
        call_fail(n, token, PANDO_UNAVAILABLE,
                  "a journal has stopped taking records; see the log");
    else
        call_reply(n, token, PANDO_OK, slice_text("{\"status\":\"ok\"}"));
}

static void status(struct node *n, uint64_t token, struct pando_slice args)
{
    (void)args;
    calls_status(n, token);
}

static void metrics(struct node *n, uint64_t token, struct pando_slice args)
{
    (void)args;
    calls_metrics(n, token);
}

static void watch_all(struct node *n, uint64_t token, struct pando_slice args)
{
    (void)args;
    watch(n, token);
}

static void work(struct node *n, uint64_t token, const char *what,
                 struct pando_slice args)
{
    const uint64_t job = job_add(n, JOB_WORK, 0, token);
    const enum pando_status st =
        job == 0 ? PANDO_BUSY : n->ports.work(n->ports.ctx, job, what, args);
    if (st == PANDO_OK)
        return;
    struct node_job gone;
    (void)job_take(n, job, &gone);
    call_fail(n, token, st, "%s cannot begin: %s", what, pando_status_text(st));
}

static void backup(struct node *n, uint64_t token, struct pando_slice args)
{
    work(n, token, "backup", args);
}

static void verify_store(struct node *n, uint64_t token, struct pando_slice args)
{
    work(n, token, "verify", args);
}

struct verb {
    const char *name;
    void (*answer)(struct node *n, uint64_t token, struct pando_slice args);
    void (*family)(struct node *n, uint64_t token, const char *verb,
                   struct pando_slice args);
};

static const struct verb verbs[] = {
    { "health", health, NULL },       { "status", status, NULL },
    { "metrics", metrics, NULL },     { "log.level", log_level, NULL },
    { "node.stop", stop, NULL },      { "node.watch", watch_all, NULL },
    { "store.backup", backup, NULL }, { "store.verify", verify_store, NULL },
    { "peer.", NULL, calls_peers },   { "link.", NULL, calls_links },
    { "space.", NULL, calls_spaces }, { "pubsub.", NULL, pubsub_call },
    { "exec.", NULL, runs_call },     { "receipt.", NULL, runs_call },
};

static bool is_among(const char *const *names, const char *name)
{
    while (names != NULL && *names != NULL)
        if (strcmp(*names++, name) == 0)
            return true;
    return false;
}

/* Hand a call to the space that it names, or say that it is not here. */
static void call_named(struct node *n, uint64_t token, const struct space_ops *ops,
                       const char *verb, const char *name, struct pando_slice args)
{
    struct node_space *s = space_by_name(n, name, ops->kind);
    if (s != NULL)
        space_call(n, s, token, verb, args);
    else if (name == NULL)
        call_fail(n, token, PANDO_NOT_FOUND,
                  "this node holds no single %s space: name one with \"space\"", ops->kind);
    else
        call_fail(n, token, PANDO_NOT_FOUND,
                  "there is no %s space '%s' here; `pando space ls` lists them", ops->kind,
                  name);
}

/* Bytes, behind the name of the space. */
static void call_raw(struct node *n, uint64_t token, const struct space_ops *ops,
                     const char *verb, struct pando_slice bytes)
{
    char name[sizeof n->spaces[0].name];
    struct wire_reader r = wire_read(bytes);
    const struct pando_slice given = wire_get_block(&r, sizeof name - 1);
    if (r.failed || (given.len > 0 && memchr(given.ptr, 0, given.len) != NULL)) {
        call_fail(n, token, PANDO_MALFORMED, "the bytes do not begin with a space's name");
        return;
    }
    if (given.len > 0)
        memcpy(name, given.ptr, given.len);
    name[given.len] = '\0';
    call_named(n, token, ops, verb, given.len == 0 ? NULL : name, r.left);
}

/* What a kind calls the verb: the name behind its own prefix, or all of it behind its second
 * one ("fed.links" of deltas). NULL: it is not this kind's. */
static const char *verb_of(const struct space_ops *ops, const char *verb)
{
    const size_t len = strlen(ops->kind);
    if (strncmp(verb, ops->kind, len) == 0 && verb[len] == '.')
        return verb + len + 1;
    if (ops->family != NULL && strncmp(verb, ops->family, strlen(ops->family)) == 0)
        return verb;
    return NULL;
}

/* A verb of a space: "dag.heads" with the space that the arguments name. */
static bool call_space(struct node *n, uint64_t token, const char *verb,
                       struct pando_slice text)
{
    for (size_t k = 0; k < n->config.kinds_len; k++) {
        const struct space_ops *ops = n->config.kinds[k];
        const char *name = verb_of(ops, verb);
        if (name == NULL)
            continue;
        if (!is_among(ops->verbs, name)) {
            call_fail(n, token, PANDO_UNSUPPORTED, "there is no verb '%s'", verb);
            return true;
        }
        if (is_among(ops->raw_verbs, name)) {
            call_raw(n, token, ops, name, text);
            return true;
        }
        struct pando_err err = { 0 };
        json_t *args = args_parse(text, &err);
        if (args == NULL)
            call_fail(n, token, err.status, "%s", err.text);
        else
            call_named(n, token, ops, name, args_text(args, "space", NULL), text);
        json_decref(args);
        return true;
    }
    return false;
}

void node_call(struct node *n, struct pando_time now, uint64_t token, const char *verb,
               struct pando_slice args)
{
    n->now = now;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        const struct verb *v = &verbs[i];
        if (v->answer != NULL && strcmp(v->name, verb) == 0) {
            v->answer(n, token, args);
            return;
        }
        if (v->family != NULL && strncmp(v->name, verb, strlen(v->name)) == 0) {
            v->family(n, token, verb, args);
            return;
        }
    }
    if (!call_space(n, token, verb, args))
        call_fail(n, token, PANDO_UNSUPPORTED, "there is no verb '%s'", verb);
}

void node_cancel(struct node *n, uint64_t token)
{
    for (size_t i = 0; i < NODE_WATCHERS_MAX; i++)
        if (n->watchers[i] == token)
            n->watchers[i] = 0;
    /* A stream of a space (watch, export, a blob) ends early by this verb of its own. */
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->spaces[i].used)
            space_call(n, &n->spaces[i], token, "cancel", slice_text("{}"));
}
