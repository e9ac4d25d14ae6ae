/* kept.c - what was asked for while the space ran, and is there again at its next start.
 *
 * A text of the store (store.h) for each link, schema and view that was made by a call. The
 * call that changes one is answered when the change is durable. Where that fails the change
 * holds until the node ends, and the answer says so; at the next start what was kept before
 * counts.
 */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/group.h"

#include <stdlib.h>
#include <string.h>

#define KEEPS_MAX   256         /* changes on their way to the disk */
#define KEEPS_BYTES (16u << 20) /* of those that the journal does not take yet */

/* A change that is not durable yet. */
struct deltas_keep {
    struct deltas_keep *next;
    uint64_t token, position;
    bool appended;
    enum delta_kept kind;
    struct pando_buf name, text, answer;
};

static void free_keep(struct deltas *d, struct deltas_keep *k)
{
    d->keeps_len--;
    d->keeps_bytes -= k->text.len;
    buf_deinit(&k->name);
    buf_deinit(&k->text);
    buf_deinit(&k->answer);
    free(k);
}

static void fail(struct deltas *d, uint64_t token, enum pando_status status)
{
    deltas_fail(d, token, status, "done, but only until the node ends: it cannot be kept: %s",
                pando_status_text(status));
}

/* The link is not there at the next start as it is now. */
static void fail_link(struct deltas *d, uint64_t token, struct pando_slice url, bool ended,
                      enum pando_status status)
{
    struct fed_face link;
    if (ended) {
        deltas_fail(d, token, status,
                    "the link has ended, but only until the node ends: that cannot be kept: %s; "
                    "if it is there again after the next start, end it then",
                    pando_status_text(status));
        return;
    }
    if (fed_find_kept(d->fed, url, &link) != PANDO_OK) {
        fail(d, token, status);
        return;
    }
    fed_set_keeper(d->fed, slice_text(link.id), FED_KEPT_LOST);
    deltas_fail(d, token, status,
                "done, but only until the node ends: the link %s cannot be kept: %s; what was "
                "kept of its URL before, if anything, counts at the next start: repeat the call "
                "when there is room",
                link.id, pando_status_text(status));
}

static void fail_first(struct deltas *d, enum pando_status status)
{
    struct deltas_keep *k = d->keeps;
    if (k->kind == DELTA_KEPT_LINK)
        fail_link(d, k->token, buf_view(&k->name), k->text.len == 0, status);
    else
        fail(d, k->token, status);
    d->keeps = k->next;
    free_keep(d, k);
}

bool deltas_may_keep(struct deltas *d, uint64_t token, enum delta_kept kind,
                     struct pando_slice name, size_t len)
{
    struct pando_err err = { .text = "" };
    enum pando_status st = PANDO_OK;
    if (d->stopping || d->store_failed)
        st = pando_err_set(&err, PANDO_UNAVAILABLE, "%s",
                           d->stopping ? "the node is stopping"
                                       : "the store has stopped; see the log");
    else if (d->keeps_len >= KEEPS_MAX || d->keeps_bytes + len > KEEPS_BYTES)
        st = pando_err_set(&err, PANDO_BUSY, "%zu changes wait for the disk already: try again",
                           d->keeps_len);
    else if (len > 0)
        st = delta_store_may_keep(d->store, kind, name, len, &err);
    if (st != PANDO_OK)
        deltas_fail(d, token, st, "it cannot be kept: %s", err.text);
    return st == PANDO_OK;
}

static enum pando_status fill(struct deltas_keep *k, struct pando_slice name,
                              struct pando_slice text, struct pando_slice answer)
{
    enum pando_status st = buf_append(&k->name, name);
    if (st == PANDO_OK)
        st = buf_append(&k->text, text);
    return st == PANDO_OK ? buf_append(&k->answer, answer) : st;
}

/* Put it behind the others. Errors: of memory; then nobody was answered. */
static enum pando_status queue(struct deltas *d, uint64_t token, enum delta_kept kind,
                               struct pando_slice name, struct pando_slice text,
                               struct pando_slice answer)
{
    struct deltas_keep **last = &d->keeps;
    struct deltas_keep *k = calloc(1, sizeof *k);
    if (k == NULL)
        return PANDO_NOMEM;
    *k = (struct deltas_keep){ .token = token, .kind = kind };
    buf_init(&k->name, DELTA_KEPT_NAME_MAX);
    buf_init(&k->text, DELTA_KEPT_TEXT_MAX);
    buf_init(&k->answer, VIEWS_ANSWER_MAX + 4096);
    while (*last != NULL)
        last = &(*last)->next;
    *last = k;
    const enum pando_status st = fill(k, name, text, answer);
    d->keeps_len++;
    d->keeps_bytes += k->text.len;
    if (st == PANDO_OK)
        return st;
    *last = NULL;
    free_keep(d, k);
    return st;
}

void deltas_keep(struct deltas *d, uint64_t token, enum delta_kept kind, struct pando_slice name,
                 struct pando_slice text, struct pando_slice answer)
{
    const enum pando_status st = queue(d, token, kind, name, text, answer);
    if (st != PANDO_OK && kind == DELTA_KEPT_LINK)
        fail_link(d, token, name, text.len == 0, st);
    else if (st != PANDO_OK)
        fail(d, token, st);
}

static enum pando_status append(struct deltas *d, struct deltas_keep *k)
{
    if (d->store_failed)
        return PANDO_UNAVAILABLE;
    const enum pando_status st = delta_store_keep(d->store, k->kind, buf_view(&k->name),
                                                  buf_view(&k->text), &k->position);
    k->appended = st == PANDO_OK;
    return st;
}

void deltas_kept_run(struct deltas *d)
{
    const uint64_t durable = delta_store_durable_position(d->store);
    enum pando_status st = PANDO_OK;
    for (struct deltas_keep *k = d->keeps; st == PANDO_OK && k != NULL; k = k->next)
        if (!k->appended)
            st = append(d, k);
    while (d->keeps != NULL && d->keeps->appended && d->keeps->position < durable) {
        struct deltas_keep *k = d->keeps;
        deltas_reply(d, k->token, buf_view(&k->answer), false);
        d->keeps = k->next;
        free_keep(d, k);
    }
    if (st != PANDO_OK && st != PANDO_BUSY) /* those that are appended wait for the disk */
        for (; d->keeps != NULL && !d->keeps->appended;)
            fail_first(d, st);
}

void deltas_kept_fail(struct deltas *d, enum pando_status status)
{
    while (d->keeps != NULL)
        fail_first(d, status);
}

void deltas_kept_drop(struct deltas *d)
{
    while (d->keeps != NULL) {
        struct deltas_keep *k = d->keeps;
        d->keeps = k->next;
        free_keep(d, k);
    }
}

/* The change is made and goes on; nobody waits for the answer any more. */
void deltas_kept_cancel(struct deltas *d, uint64_t token)
{
    for (struct deltas_keep *k = d->keeps; k != NULL; k = k->next)
        if (k->token == token)
            k->token = SPACE_NOBODY;
}

/* --- at the start --- */

void deltas_kept_each(struct deltas *d, enum delta_kept kind,
                      void (*take)(struct deltas *d, struct pando_slice name, const json_t *json))
{
    struct delta_hash place = { { 0 } }, before;
    struct delta_kept_text kept;
    struct pando_buf room;
    enum pando_status st;
    buf_init(&room, 1u << 20);
    do {
        json_t *json = NULL;
        before = place;
        st = delta_store_next_kept(d->store, kind, &place, &room, &kept);
        if (st == PANDO_OK &&
            json_text_parse(kept.text, DELTA_KEPT_TEXT_MAX, &json, NULL) == PANDO_OK)
            take(d, kept.name, json);
        else if (st != PANDO_NOT_FOUND)
            trace(d->host.tracer, TRACE_NODE, TRACE_ERROR,
                  "a kept link, schema or view of the space %s cannot be read: %s: make it again "
                  "(what has its URL or name takes its place), and remove it if it is not needed",
                  d->host.space_name, pando_status_text(st == PANDO_OK ? PANDO_CORRUPT : st));
        json_decref(json);
    } while (st != PANDO_NOT_FOUND && !hash_equal(&place, &before));
    buf_deinit(&room);
}

/* --- schemas and views --- */

static void restore(struct deltas *d, bool view, struct pando_slice name, const json_t *json)
{
    struct pando_err err = { .text = "" };
    if (views_restore(d->views, view, json, &err) != PANDO_OK)
        trace(d->host.tracer, TRACE_NODE, TRACE_ERROR,
              "the kept %s %.*s is not registered: %s: register it again, or forget it: "
              "`pando delta schema rm %.*s`",
              view ? "view" : "schema", (int)name.len, (const char *)name.ptr, err.text,
              (int)name.len, (const char *)name.ptr);
}

static void restore_schema(struct deltas *d, struct pando_slice name, const json_t *json)
{
    restore(d, false, name, json);
}

static void restore_view(struct deltas *d, struct pando_slice name, const json_t *json)
{
    restore(d, true, name, json);
}

void deltas_kept_views(struct deltas *d)
{
    deltas_kept_each(d, DELTA_KEPT_SCHEMA, restore_schema);
    deltas_kept_each(d, DELTA_KEPT_VIEW, restore_view);
}

static enum delta_kept kind_of(const struct views_change *change)
{
    return change->view ? DELTA_KEPT_VIEW : DELTA_KEPT_SCHEMA;
}

bool deltas_may_keep_change(struct deltas *d, uint64_t token, const struct views_call *call)
{
    struct views_change change;
    size_t at = 0;
    if (d->host.memory || !views_call_change(call, &at, &change) || change.definition == NULL)
        return true;
    char *text = json_dumps(change.definition, JSON_COMPACT);
    json_decref(change.definition);
    const bool may = text != NULL && deltas_may_keep(d, token, kind_of(&change), change.name,
                                                     strlen(text));
    if (text == NULL)
        deltas_fail(d, token, PANDO_NOMEM, "memory is out");
    free(text);
    return may;
}

/* Gives the definition back. */
static enum pando_status keep_change(struct deltas *d, uint64_t token,
                                     const struct views_change *change, struct pando_slice answer)
{
    char *text = change->definition == NULL ? NULL : json_dumps(change->definition, JSON_COMPACT);
    enum pando_status st = PANDO_NOMEM;
    if (change->definition == NULL || text != NULL)
        st = queue(d, token, kind_of(change), change->name,
                   text == NULL ? SLICE_EMPTY : slice_text(text), answer);
    json_decref(change->definition);
    free(text);
    return st;
}

/* Whether there is a text to forget, on the disk or on its way. */
static bool is_kept(struct deltas *d, enum delta_kept kind, struct pando_slice name)
{
    for (const struct deltas_keep *k = d->keeps; k != NULL; k = k->next)
        if (k->kind == kind && slice_equal(buf_view(&k->name), name))
            return true;
    return delta_store_keeps(d->store, kind, name);
}

void deltas_keep_changes(struct deltas *d, uint64_t token, const struct views_call *call,
                         struct pando_slice answer)
{
    struct views_change change, last;
    enum pando_status st = PANDO_OK; /* of the first that fails: the call fails with it */
    bool any = false;
    for (size_t at = 0; !d->host.memory && views_call_change(call, &at, &change);) {
        if (change.definition == NULL && !is_kept(d, kind_of(&change), change.name))
            continue;
        if (any) {
            const enum pando_status kept = keep_change(d, SPACE_NOBODY, &last, SLICE_EMPTY);
            st = st == PANDO_OK ? kept : st;
        }
        last = change;
        any = true;
    }
    if (any) { /* when this one is on disk, all are */
        const enum pando_status kept =
            keep_change(d, st == PANDO_OK ? token : SPACE_NOBODY, &last, answer);
        st = st == PANDO_OK ? kept : st;
    } else {
        deltas_reply(d, token, answer, false);
    }
    if (st != PANDO_OK)
        fail(d, token, st);
}

bool deltas_forget_unread(struct deltas *d, uint64_t token, const struct views_call *call)
{
    static const enum delta_kept kinds[] = { DELTA_KEPT_SCHEMA, DELTA_KEPT_VIEW };
    struct pando_slice name;
    for (size_t i = 0; views_call_removes(call, &name) && i < sizeof kinds / sizeof kinds[0]; i++)
        if (delta_store_keeps(d->store, kinds[i], name)) {
            deltas_keep(d, token, kinds[i], name, SLICE_EMPTY, slice_text("{}"));
            return true;
        }
    return false;
}
