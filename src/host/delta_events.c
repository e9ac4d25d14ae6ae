/* delta_events.c - subscriptions of <pando/delta.h>: streams of a node, as callbacks.
 *
 * A stream begins with a line that says it watches; only then is whoever subscribed told that
 * it is so. It ends with a reply of which none follows: by the node, by a cancel or because the
 * node was closed. The database holds all subscriptions, and frees what is left when it closes.
 */
#include "host/delta_db.h"

#include "base/slice.h"
#include "host/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_out(struct pando_delta_subscription *sub)
{
    struct pando_delta_subscription **at = &sub->db->subscriptions;
    while (*at != sub)
        at = &(*at)->next;
    *at = sub->next;
}

static const char *member(const json_t *e, const char *key)
{
    const char *text = json_string_value(json_object_get(e, key));
    return text == NULL ? "" : text;
}

static void give_event(const struct pando_delta_subscription *sub, struct pando_slice line)
{
    json_t *e = json_loadb((const char *)line.ptr, line.len, 0, NULL);
    const char *error = member(e, "error");
    const struct pando_delta_event event = {
        .type = member(e, "event"),
        .link_id = member(e, "linkId"),
        .remote_url = member(e, "remoteUrl"),
        .remote_system_id = member(e, "remoteSystemId"),
        .delta_id = member(e, "deltaId"),
        .reason = error[0] != '\0' ? error : member(e, "reason"),
        .deltas_processed =
            (uint64_t)json_integer_value(json_object_get(e, "deltasProcessed")),
    };
    if (e != NULL)
        sub->on_event(sub->ctx, &event);
    json_decref(e);
}

/* The first line is the node's own. */
static void give_line(struct pando_delta_subscription *sub, struct pando_slice line)
{
    uv_mutex_lock(&sub->db->lock);
    const bool first = !sub->ready, silent = sub->silent;
    sub->ready = true;
    uv_cond_broadcast(&sub->db->changed);
    uv_mutex_unlock(&sub->db->lock);
    if (first || silent || line.len == 0)
        return;
    if (sub->on_event != NULL)
        give_event(sub, line);
    else
        sub->on_delta(sub->ctx, line);
}

static void end(struct pando_delta_subscription *sub, enum pando_status status,
                struct pando_slice body)
{
    struct pando_delta_db *db = sub->db;
    uv_mutex_lock(&db->lock);
    const bool orphan = sub->orphan;
    sub->ended = true;
    sub->status = status;
    (void)snprintf(sub->why, sizeof sub->why, "%.*s", (int)(body.len < 199 ? body.len : 199),
                   (const char *)body.ptr);
    if (orphan)
        take_out(sub);
    uv_cond_broadcast(&db->changed);
    uv_mutex_unlock(&db->lock);
    if (orphan)
        free(sub);
}

static void on_reply(void *ctx, enum pando_status status, struct pando_slice body, bool more)
{
    struct pando_delta_subscription *sub = ctx;
    while (status == PANDO_OK && body.len > 0) {
        const uint8_t *newline = memchr(body.ptr, '\n', body.len);
        const size_t len = newline == NULL ? body.len : (size_t)(newline - body.ptr);
        give_line(sub, slice_of(body.ptr, len));
        body = slice_from(body, newline == NULL ? len : len + 1);
    }
    if (!more)
        end(sub, status, body);
}

/* Ask, and wait until it watches. Consumes `args` and, when it fails, `sub`. */
static enum pando_status begin(struct pando_delta_subscription *sub, const char *verb,
                               json_t *args, struct pando_delta_subscription **ret,
                               struct pando_err *reterr)
{
    struct pando_delta_db *db = sub->db;
    char *text = json_dumps(args, JSON_COMPACT);
    json_decref(args);
    uv_mutex_lock(&db->lock);
    sub->next = db->subscriptions;
    db->subscriptions = sub;
    uv_mutex_unlock(&db->lock);
    enum pando_status st = text == NULL ? PANDO_NOMEM
                                        : pando_node_call(db->node, verb, text, on_reply, sub);
    free(text);
    uv_mutex_lock(&db->lock);
    while (st == PANDO_OK && !sub->ready && !sub->ended)
        uv_cond_wait(&db->changed, &db->lock);
    if (st == PANDO_OK && !sub->ready)
        st = pando_err_set(reterr, sub->status == PANDO_OK ? PANDO_UNAVAILABLE : sub->status,
                           "%s", sub->why);
    if (st != PANDO_OK)
        take_out(sub);
    uv_mutex_unlock(&db->lock);
    if (st == PANDO_OK)
        *ret = sub;
    else
        free(sub);
    return st;
}

static struct pando_delta_subscription *new_sub(struct pando_delta_db *db, void *ctx)
{
    struct pando_delta_subscription *sub = calloc(1, sizeof *sub);
    if (sub != NULL)
        *sub = (struct pando_delta_subscription){ .db = db, .ctx = ctx };
    return sub;
}

enum pando_status pando_delta_on_event(struct pando_delta_db *db, pando_delta_event_fn fn,
                                       void *ctx, struct pando_delta_subscription **ret,
                                       struct pando_err *reterr)
{
    struct pando_delta_subscription *sub = new_sub(db, ctx);
    if (sub == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    sub->on_event = fn;
    return begin(sub, "fed.watch", json_pack("{s:s,s:b}", "space", db->space, "ready", 1), ret,
                 reterr);
}

enum pando_status pando_delta_subscribe(struct pando_delta_db *db, const char *filter,
                                        int64_t since, pando_delta_fn fn, void *ctx,
                                        struct pando_delta_subscription **ret,
                                        struct pando_err *reterr)
{
    json_error_t problem;
    json_t *args = json_pack("{s:s,s:b}", "space", db->space, "ready", 1);
    json_t *which = filter == NULL ? json_object()
                                   : json_loads(filter, JSON_REJECT_DUPLICATES, &problem);
    struct pando_delta_subscription *sub = which == NULL ? NULL : new_sub(db, ctx);
    if (sub == NULL) {
        json_decref(args);
        json_decref(which);
        return which == NULL ? pando_err_set(reterr, PANDO_INVALID, "filter: column %d: %s",
                                             problem.column, problem.text)
                             : pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    }
    (void)json_object_set_new(args, "filter", which);
    if (since >= 0)
        (void)json_object_set_new(args, "since", json_integer((json_int_t)since));
    sub->on_delta = fn;
    return begin(sub, "delta.watch", args, ret, reterr);
}

void pando_delta_unsubscribe(struct pando_delta_subscription *sub)
{
    if (sub == NULL)
        return;
    struct pando_delta_db *db = sub->db;
    const bool own = library_is_own_thread(db->node);
    uv_mutex_lock(&db->lock);
    sub->silent = true;
    sub->orphan = own && !sub->ended;
    const bool ended = sub->ended;
    uv_mutex_unlock(&db->lock);
    if (!ended && pando_node_cancel(db->node, on_reply, sub) != PANDO_OK)
        return; /* it is silent, and goes with the database */
    if (own && !ended)
        return; /* the cancel's reply frees it */
    uv_mutex_lock(&db->lock);
    while (!sub->ended)
        uv_cond_wait(&db->changed, &db->lock);
    take_out(sub);
    uv_mutex_unlock(&db->lock);
    free(sub);
}
