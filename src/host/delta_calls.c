/* delta_calls.c - the calls of <pando/delta.h> as verbs of its node. */
#include "host/delta_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- deltas ---- */

static json_t *target_of(const struct pando_delta_pointer *p)
{
    switch (p->kind) {
    case PANDO_DELTA_TEXT:
        return p->text == NULL ? NULL : json_string(p->text);
    case PANDO_DELTA_NUMBER:
        return json_real(p->number);
    case PANDO_DELTA_BOOLEAN:
        return json_boolean(p->boolean);
    case PANDO_DELTA_REF:
        return p->text == NULL      ? NULL
               : p->context == NULL ? json_pack("{s:s}", "id", p->text)
                                    : json_pack("{s:s,s:s}", "id", p->text, "context", p->context);
    }
    return NULL;
}

static enum pando_status take_id(enum pando_status st, json_t *answer,
                                 char ret_id[PANDO_DELTA_ID_MAX])
{
    const char *id = json_string_value(json_object_get(answer, "id"));
    if (st == PANDO_OK && ret_id != NULL)
        (void)snprintf(ret_id, PANDO_DELTA_ID_MAX, "%s", id == NULL ? "" : id);
    json_decref(answer);
    return st;
}

enum pando_status pando_delta_create(struct pando_delta_db *db, const char *author,
                                     const struct pando_delta_pointer *pointers, size_t len,
                                     char ret_id[PANDO_DELTA_ID_MAX], struct pando_err *reterr)
{
    json_t *answer = NULL, *list = json_array(), *args = json_pack("{s:O}", "pointers", list);
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < len && st == PANDO_OK; i++) {
        json_t *target = target_of(&pointers[i]);
        if (target == NULL || pointers[i].role == NULL ||
            json_array_append_new(list, json_pack("{s:s,s:O}", "role", pointers[i].role, "target",
                                                  target)) != 0)
            st = pando_err_set(reterr, PANDO_INVALID,
                               "pointers[%zu]: role and target must be UTF-8 texts, a number "
                               "finite",
                               i);
        json_decref(target);
    }
    if (author != NULL)
        (void)json_object_set_new(args, "author", json_string(author));
    json_decref(list);
    if (st != PANDO_OK) {
        json_decref(args);
        return st;
    }
    st = delta_db_answer(db, "delta.create", args, &answer, reterr);
    return take_id(st, answer, ret_id);
}

enum pando_status pando_delta_negate(struct pando_delta_db *db, const char *id, const char *reason,
                                     char ret_id[PANDO_DELTA_ID_MAX], struct pando_err *reterr)
{
    json_t *answer = NULL, *args = json_pack("{s:s,s:s*}", "id", id, "reason", reason);
    const enum pando_status st = delta_db_answer(db, "delta.negate", args, &answer, reterr);
    return take_id(st, answer, ret_id);
}

static enum pando_status parse(const char *what, const char *text, json_t **ret,
                               struct pando_err *reterr)
{
    json_error_t problem;
    *ret = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    return *ret != NULL ? PANDO_OK
                        : pando_err_set(reterr, PANDO_INVALID, "%s: column %d: %s", what,
                                        problem.column, problem.text);
}

enum pando_status pando_delta_query(struct pando_delta_db *db, const char *json, char **ret_text,
                                    struct pando_err *reterr)
{
    json_t *args = NULL;
    enum pando_status st = parse("query", json == NULL ? "{}" : json, &args, reterr);
    if (st == PANDO_OK && !json_is_object(args)) {
        json_decref(args);
        st = pando_err_set(reterr, PANDO_INVALID, "query: it must be a JSON object");
    }
    return st == PANDO_OK ? delta_db_ask(db, "delta.query", args, ret_text, reterr) : st;
}

enum pando_status pando_delta_hyperview(struct pando_delta_db *db, const char *object,
                                        const char *schema, char **ret_text,
                                        struct pando_err *reterr)
{
    return delta_db_ask(db, "delta.hyperview",
                        json_pack("{s:s,s:s*}", "id", object, "schema", schema), ret_text, reterr);
}

enum pando_status pando_delta_view(struct pando_delta_db *db, const char *object,
                                   const char *schema, const char *view, char **ret_text,
                                   struct pando_err *reterr)
{
    json_t *how = NULL;
    enum pando_status st = PANDO_OK;
    if (view != NULL && view[0] == '{')
        st = parse("view", view, &how, reterr);
    else if (view != NULL)
        how = json_string(view);
    if (st != PANDO_OK)
        return st;
    return delta_db_ask(db, "delta.view",
                        json_pack("{s:s,s:s*,s:o*}", "id", object, "schema", schema, "view", how),
                        ret_text, reterr);
}

/* ---- links ---- */

static enum pando_status put_filter(json_t *args, const char *key, const char *text,
                                    struct pando_err *reterr)
{
    json_t *filter = NULL;
    if (text == NULL)
        return PANDO_OK;
    const enum pando_status st = parse(key, text, &filter, reterr);
    return st == PANDO_OK && json_object_set_new(args, key, filter) != 0 ? PANDO_NOMEM : st;
}

static json_t *link_args(const char *url, const struct pando_delta_link_config *c)
{
    static const char *const modes[] = { "bidirectional", "push", "pull" };
    static const char *const syncs[] = { "full", "from_timestamp", "none" };
    json_t *args = json_pack(
        "{s:s,s:b,s:s,s:s,s:o,s:{s:b,s:I,s:I,s:I,s:f}}", "url", url, "keep", (int)c->keep, "mode",
        modes[c->mode],
        "initialSync", syncs[c->initial_sync], "trustPolicy", delta_db_trust(&c->trust),
        "reconnect", "enabled", (int)c->reconnect.enabled, "maxAttempts",
        (json_int_t)c->reconnect.max_attempts, "initialDelay",
        (json_int_t)c->reconnect.initial_delay, "maxDelay", (json_int_t)c->reconnect.max_delay,
        "backoffMultiplier", c->reconnect.backoff_multiplier);
    if (args != NULL && c->initial_sync == PANDO_DELTA_FROM_TIMESTAMP)
        (void)json_object_set_new(args, "syncFromTimestamp",
                                  json_integer((json_int_t)c->sync_from_timestamp));
    return args;
}

enum pando_status pando_delta_connect_remote(struct pando_delta_db *db, const char *url,
                                             const struct pando_delta_link_config *config,
                                             struct pando_delta_link *ret_link,
                                             struct pando_err *reterr)
{
    const struct pando_delta_link_config usual = PANDO_DELTA_LINK_CONFIG;
    const struct pando_delta_link_config *c = config == NULL ? &usual : config;
    json_t *answer = NULL;
    if (c->size != sizeof *c)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "config.size is %zu, this library wants %zu: use "
                             "PANDO_DELTA_LINK_CONFIG and rebuild",
                             c->size, sizeof *c);
    if ((unsigned)c->mode > PANDO_DELTA_PULL || (unsigned)c->initial_sync > PANDO_DELTA_NONE)
        return pando_err_set(reterr, PANDO_INVALID, "mode or initial_sync is none of its enum's");
    json_t *args = link_args(url, c);
    enum pando_status st = put_filter(args, "pushFilter", c->push_filter, reterr);
    if (st == PANDO_OK)
        st = put_filter(args, "pullFilter", c->pull_filter, reterr);
    if (st != PANDO_OK) {
        json_decref(args);
        return st;
    }
    st = delta_db_answer(db, "fed.connect", args, &answer, reterr);
    const char *id = json_string_value(json_object_get(answer, "id"));
    if (st == PANDO_OK)
        (void)snprintf(ret_link->id, sizeof ret_link->id, "%s", id == NULL ? "" : id);
    json_decref(answer);
    return st;
}

enum pando_status pando_delta_links(struct pando_delta_db *db, char **ret_text,
                                    struct pando_err *reterr)
{
    return delta_db_ask(db, "fed.links", json_object(), ret_text, reterr);
}

static uint64_t count_of(const json_t *stats, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(stats, key));
}

enum pando_status pando_delta_link_stats(struct pando_delta_db *db,
                                         const struct pando_delta_link *link,
                                         struct pando_delta_link_stats *ret,
                                         struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        delta_db_answer(db, "fed.link", json_pack("{s:s}", "id", link->id), &answer, reterr);
    if (st != PANDO_OK)
        return st;
    const json_t *s = json_object_get(answer, "stats");
    const char *status = json_string_value(json_object_get(answer, "status"));
    *ret = (struct pando_delta_link_stats){
        .deltas_sent = count_of(s, "deltasSent"),
        .deltas_received = count_of(s, "deltasReceived"),
        .deltas_rejected = count_of(s, "deltasRejected"),
        .deltas_refused = count_of(s, "deltasRefused"),
        .deltas_acked = count_of(s, "deltasAcked"),
        .bytes_sent = count_of(s, "bytesSent"),
        .bytes_received = count_of(s, "bytesReceived"),
        .last_sync = json_integer_value(json_object_get(s, "lastSyncTimestamp")),
        .connected_at = json_integer_value(json_object_get(s, "connectedAt")),
    };
    (void)snprintf(ret->status, sizeof ret->status, "%s", status == NULL ? "" : status);
    json_decref(answer);
    return PANDO_OK;
}

static enum pando_status tell(struct pando_delta_db *db, const char *verb,
                              const struct pando_delta_link *link, struct pando_err *reterr)
{
    char *text = NULL;
    const enum pando_status st =
        delta_db_ask(db, verb, json_pack("{s:s}", "id", link->id), &text, reterr);
    if (st == PANDO_OK)
        free(text);
    return st;
}

enum pando_status pando_delta_link_pause(struct pando_delta_db *db,
                                         const struct pando_delta_link *link,
                                         struct pando_err *reterr)
{
    return tell(db, "fed.pause", link, reterr);
}

enum pando_status pando_delta_link_resume(struct pando_delta_db *db,
                                          const struct pando_delta_link *link,
                                          struct pando_err *reterr)
{
    return tell(db, "fed.resume", link, reterr);
}

enum pando_status pando_delta_link_disconnect(struct pando_delta_db *db,
                                              const struct pando_delta_link *link,
                                              struct pando_err *reterr)
{
    return tell(db, "fed.disconnect", link, reterr);
}
