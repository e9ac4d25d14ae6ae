/* tasks.c - what is answered in slices: queries, exports, the hash, views. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "space/delta/negate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000
#define QUERY_BYTES   (4u << 20)
#define PART_BYTES    (64u << 10)

static void free_task(struct deltas *d, struct deltas_task *t)
{
    for (size_t i = 0; i < d->tasks_len; i++)
        if (d->tasks[i] == t) {
            memmove(&d->tasks[i], &d->tasks[i + 1], (d->tasks_len - i - 1) * sizeof d->tasks[0]);
            d->tasks_len--;
            break;
        }
    filter_deinit(&t->filter);
    views_call_free(t->call);
    buf_deinit(&t->text);
    free(t);
}

static struct deltas_task *new_task(struct deltas *d, enum deltas_task_kind kind, uint64_t token)
{
    struct deltas_task *t = NULL;
    if (d->tasks_len < DELTAS_TASKS_MAX)
        t = calloc(1, sizeof *t);
    if (t == NULL) {
        deltas_fail(d, token, PANDO_BUSY, "%d calls are under way already: try again",
                    DELTAS_TASKS_MAX);
        return NULL;
    }
    t->kind = kind;
    t->token = token;
    t->number = ++d->task_number;
    t->as_of = NEGATE_NOW;
    filter_init(&t->filter);
    buf_init(&t->text, QUERY_BYTES + (2u << 20));
    d->tasks[d->tasks_len++] = t;
    return t;
}

static void end_badly(struct deltas *d, struct deltas_task *t, enum pando_status st,
                      const char *why)
{
    deltas_fail(d, t->token, st, "%s", why[0] != '\0' ? why : pando_status_text(st));
    free_task(d, t);
}

/* ---- query ---- */

static int hex_of(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* TIMESTAMP-DIGEST, as an earlier answer gave it. */
static bool read_cursor(struct pando_slice text, struct delta_place *ret)
{
    struct delta_place place = { .set = true };
    size_t i = 0;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && i < 16; i++)
        place.timestamp = place.timestamp * 10 + (text.ptr[i] - '0');
    if (i == 0 || text.len != i + 33 || text.ptr[i] != '-')
        return false;
    for (size_t k = 0; k < 16; k++) {
        const int high = hex_of(text.ptr[i + 1 + 2 * k]), low = hex_of(text.ptr[i + 2 + 2 * k]);
        if (high < 0 || low < 0)
            return false;
        place.digest.bytes[k] = (uint8_t)(high * 16 + low);
    }
    *ret = place;
    return true;
}

static enum pando_status print_cursor(const struct delta_place *place, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "\"%" PRId64 "-", place->timestamp);
    for (size_t i = 0; st == PANDO_OK && i < 16; i++)
        st = buf_printf(b, "%02x", (unsigned)place->digest.bytes[i]);
    return st == PANDO_OK ? buf_append(b, slice_text("\"")) : st;
}

void deltas_query(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_err err = { .text = "" };
    const struct pando_slice cursor = deltas_text_arg(args, "cursor");
    const int64_t limit = deltas_number_arg(args, "limit", LIMIT_DEFAULT);
    struct deltas_task *t = new_task(d, TASK_QUERY, token);
    if (t == NULL)
        return;
    t->limit = limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : (uint64_t)limit;
    t->descending = json_is_true(json_object_get(args, "descending"));
    t->as_of = deltas_number_arg(args, "at", NEGATE_NOW);
    const enum pando_status st = deltas_filter_arg(args, &t->filter, &err);
    if (t->filter.end > t->as_of)
        t->filter.end = t->as_of;
    if (st != PANDO_OK)
        end_badly(d, t, st, err.text);
    else if (cursor.len > 0 && !read_cursor(cursor, &t->place))
        end_badly(d, t, PANDO_INVALID, "\"cursor\" is not what an answer gave");
    else if (buf_append(&t->text, slice_text("{\"deltas\":[")) != PANDO_OK)
        end_badly(d, t, PANDO_NOMEM, "memory is out");
}

/* Print it, then ask whether it is negated: what a source gives ends with the next call. */
static enum pando_status show(struct deltas *d, struct deltas_task *t, const struct delta *delta)
{
    const size_t before = t->text.len;
    bool negated = false;
    enum pando_status st = t->count > 0 ? buf_append(&t->text, slice_text(",")) : PANDO_OK;
    if (st == PANDO_OK)
        st = delta_to_json(delta, &t->text);
    if (st == PANDO_OK && !t->filter.include_negated)
        st = negate_is(&d->source, delta->id, t->as_of, &negated);
    if (negated)
        t->text.len = before;
    t->count += st == PANDO_OK && !negated;
    return st;
}

static void end_query(struct deltas *d, struct deltas_task *t, bool more)
{
    enum pando_status st = buf_append(&t->text, slice_text("],\"cursor\":"));
    if (st == PANDO_OK)
        st = more ? print_cursor(&t->place, &t->text) : buf_append(&t->text, slice_text("null"));
    if (st == PANDO_OK)
        st = buf_append(&t->text, slice_text("}"));
    if (st != PANDO_OK) {
        end_badly(d, t, st, "");
        return;
    }
    deltas_reply(d, t->token, buf_view(&t->text), false);
    free_task(d, t);
}

static void run_query(struct deltas *d, struct deltas_task *t)
{
    struct delta delta;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < DELTAS_STEP && st == PANDO_OK; i++) {
        if (t->count >= t->limit || t->text.len >= QUERY_BYTES) {
            end_query(d, t, true);
            return;
        }
        st = source_next(&d->source, &t->filter, t->descending, &t->place, &delta);
        if (st == PANDO_OK)
            st = show(d, t, &delta);
    }
    if (st == PANDO_NOT_FOUND)
        end_query(d, t, false);
    else if (st != PANDO_OK && st != PANDO_BUSY)
        end_badly(d, t, st, "");
}

/* ---- export ---- */

void deltas_export(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_err err = { .text = "" };
    struct deltas_task *t = new_task(d, TASK_EXPORT, token);
    if (t == NULL)
        return;
    const enum pando_status st = deltas_filter_arg(args, &t->filter, &err);
    if (st != PANDO_OK)
        end_badly(d, t, st, err.text);
}

static void run_export(struct deltas *d, struct deltas_task *t)
{
    struct delta delta;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < DELTAS_STEP && st == PANDO_OK && t->text.len < PART_BYTES; i++) {
        st = source_next(&d->source, &t->filter, false, &t->place, &delta);
        if (st != PANDO_OK || deltas_is_onway(d, &delta))
            continue; /* what is not durable comes too late for this export */
        st = delta_to_json(&delta, &t->text);
        if (st == PANDO_OK)
            st = buf_append(&t->text, slice_text("\n"));
    }
    const bool ended = st == PANDO_NOT_FOUND;
    if (st != PANDO_OK && st != PANDO_BUSY && !ended) {
        end_badly(d, t, st, "");
        return;
    }
    if (t->text.len > 0 || ended)
        deltas_reply(d, t->token, buf_view(&t->text), !ended);
    buf_reset(&t->text);
    if (ended)
        free_task(d, t);
}

/* ---- hash ---- */

void deltas_hash(struct deltas *d, uint64_t token)
{
    (void)new_task(d, TASK_HASH, token);
}

static void run_hash(struct deltas *d, struct deltas_task *t)
{
    struct pando_id id;
    struct delta_store_stats stats;
    enum pando_status st = delta_store_hash(d->store, &t->hash, &id);
    if (st == PANDO_BUSY)
        return;
    delta_store_stats(d->store, &stats);
    if (st == PANDO_OK)
        st = buf_append(&t->text, slice_text("{\"hash\":\""));
    for (size_t i = 0; st == PANDO_OK && i < sizeof id.bytes; i++)
        st = buf_printf(&t->text, "%02x", (unsigned)id.bytes[i]);
    if (st == PANDO_OK)
        st = buf_printf(&t->text, "\",\"deltas\":%" PRIu64 "}", stats.deltas);
    if (st != PANDO_OK) {
        end_badly(d, t, st, "");
        return;
    }
    deltas_reply(d, t->token, buf_view(&t->text), false);
    free_task(d, t);
}

/* ---- views ---- */

void deltas_view(struct deltas *d, uint64_t token, const char *verb, const json_t *args)
{
    struct pando_err err = { .text = "" };
    struct deltas_task *t = new_task(d, TASK_VIEW, token);
    if (t == NULL)
        return;
    buf_deinit(&t->text);
    buf_init(&t->text, VIEWS_ANSWER_MAX + 4096);
    json_t *own = json_copy((json_t *)args); /* views know nothing of spaces, nor of keeping */
    const json_t *keep = json_object_get(args, "keep");
    (void)json_object_del(own, "space");
    (void)json_object_del(own, "keep");
    t->once = json_is_false(keep);
    enum pando_status st = PANDO_OK;
    if (keep != NULL && !json_is_boolean(keep))
        st = pando_err_set(&err, PANDO_INVALID, "%s: keep must be true or false", verb);
    if (st == PANDO_OK)
        st = views_call_new(d->views, verb, own, &t->call, &err);
    json_decref(own);
    if (st != PANDO_OK)
        end_badly(d, t, st, err.text);
    else if (!t->once && !deltas_may_keep_change(d, token, t->call))
        free_task(d, t); /* it was answered */
}

/* The capsule that resolves a property runs elsewhere; its output comes as RAN. */
static bool ask_capsule(struct deltas *d, struct deltas_task *t)
{
    struct pando_slice capsule, input;
    char text[128];
    if (!views_call_wants(t->call, &capsule, &input))
        return false;
    struct bytes *bytes = capsule.len < sizeof text ? bytes_copy(input) : NULL;
    if (bytes == NULL) {
        views_call_give(t->call, capsule.len < sizeof text ? PANDO_NOMEM : PANDO_INVALID,
                        SLICE_EMPTY);
        return false;
    }
    memcpy(text, capsule.ptr, capsule.len);
    text[capsule.len] = '\0';
    t->waits = true;
    deltas_emit(d, &(struct space_effect){ .kind = SPACE_RUN,
                                           .token = t->number << 1,
                                           .bytes = bytes },
                text);
    return true;
}

static void run_view(struct deltas *d, struct deltas_task *t)
{
    struct pando_err err = { .text = "" };
    if (t->waits)
        return;
    const enum pando_status st = views_call_step(t->call, &t->text, &err);
    if (st == PANDO_BUSY) {
        (void)ask_capsule(d, t);
        return;
    }
    if (st != PANDO_OK && !t->once && deltas_forget_unread(d, t->token, t->call)) {
        free_task(d, t);
        return;
    }
    if (st != PANDO_OK) {
        end_badly(d, t, st, err.text);
        return;
    }
    if (t->once)
        deltas_reply(d, t->token, buf_view(&t->text), false);
    else
        deltas_keep_changes(d, t->token, t->call, buf_view(&t->text));
    free_task(d, t);
}

void deltas_task_ran(struct deltas *d, uint64_t number, enum pando_status status,
                     struct pando_slice output)
{
    for (size_t i = 0; i < d->tasks_len; i++) {
        struct deltas_task *t = d->tasks[i];
        if (t->number != number || !t->waits)
            continue;
        t->waits = false;
        views_call_give(t->call, status, output);
        return;
    }
}

/* ---- turns ---- */

void deltas_tasks_run(struct deltas *d)
{
    for (size_t i = d->tasks_len; i > 0; i--) { /* a task that ends leaves the list */
        struct deltas_task *t = d->tasks[i - 1];
        switch (t->kind) {
        case TASK_QUERY: run_query(d, t); break;
        case TASK_EXPORT: run_export(d, t); break;
        case TASK_HASH: run_hash(d, t); break;
        case TASK_VIEW: run_view(d, t); break;
        }
    }
    for (size_t i = 0; i < d->tasks_len; i++)
        d->more_work = d->more_work || !d->tasks[i]->waits;
}

void deltas_tasks_cancel(struct deltas *d, uint64_t token)
{
    for (size_t i = d->tasks_len; i > 0; i--)
        if (d->tasks[i - 1]->token == token)
            free_task(d, d->tasks[i - 1]);
}

void deltas_tasks_drop(struct deltas *d)
{
    while (d->tasks_len > 0)
        free_task(d, d->tasks[0]);
}
