/* watch.c - streams: deltas as they become durable, and what happens on federation links.
 *
 * A watcher of deltas first reads the history it asked for, in order of time, then what
 * arrived meanwhile, and from then on is told. No delta is shown twice or left out: what
 * lies behind the place where the order of arrival stood at its begin is not history.
 */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

static struct deltas_watcher *new_watcher(struct deltas *d, uint64_t token)
{
    if (d->watchers == NULL)
        d->watchers = calloc(DELTAS_WATCHERS_MAX, sizeof *d->watchers);
    if (d->watchers == NULL || d->watchers_len == DELTAS_WATCHERS_MAX) {
        deltas_fail(d, token, PANDO_FULL, "%d watch already", DELTAS_WATCHERS_MAX);
        return NULL;
    }
    struct deltas_watcher *w = &d->watchers[d->watchers_len++];
    *w = (struct deltas_watcher){ .token = token };
    filter_init(&w->filter);
    return w;
}

static void end_watcher(struct deltas *d, struct deltas_watcher *w)
{
    d->listeners -= w->events;
    filter_deinit(&w->filter);
    *w = d->watchers[--d->watchers_len];
    fed_listen(d->fed, d->listeners > 0 || deltas_is_heard(d));
}

void deltas_watch(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_err err = { .text = "" };
    struct deltas_watcher *w = new_watcher(d, token);
    if (w == NULL)
        return;
    const enum pando_status st = deltas_filter_arg(args, &w->filter, &err);
    if (st != PANDO_OK) {
        deltas_fail(d, token, st, "%s", err.text);
        end_watcher(d, w);
        return;
    }
    const int64_t since = deltas_number_arg(args, "since", -1);
    w->begin = w->position = delta_store_arrived_end(d->store);
    w->history = since >= 0;
    if (w->history && w->filter.start < since)
        w->filter.start = since;
}

void deltas_watch_events(struct deltas *d, uint64_t token)
{
    struct deltas_watcher *w = new_watcher(d, token);
    if (w == NULL)
        return;
    w->events = true;
    d->listeners++;
    fed_listen(d->fed, true);
}

static enum pando_status show(struct deltas *d, struct deltas_watcher *w,
                              const struct delta *delta)
{
    buf_reset(&d->line);
    enum pando_status st = delta_to_json(delta, &d->line);
    if (st == PANDO_OK)
        st = buf_append(&d->line, slice_text("\n"));
    if (st == PANDO_OK) {
        deltas_reply(d, w->token, buf_view(&d->line), true);
        w->shown++;
    }
    return st;
}

static enum pando_status read_history(struct deltas *d, struct deltas_watcher *w)
{
    struct delta delta;
    uint64_t place;
    bool negated = false;
    enum pando_status st = source_next(&d->source, &w->filter, false, &w->place, &delta);
    if (st != PANDO_OK)
        return st;
    const struct delta_hash name = delta.name;
    if (deltas_is_onway(d, &delta.digest))
        return PANDO_OK;
    buf_reset(&d->line);
    st = delta_to_json(&delta, &d->line);
    if (st == PANDO_OK && !w->filter.include_negated)
        st = negate_is(&d->source, delta.id, NEGATE_NOW, &negated);
    if (st != PANDO_OK || negated)
        return st;
    /* Looked up only when something has arrived since. */
    if (delta_store_arrived_end(d->store) != w->begin &&
        (delta_store_place(d->store, &name, &place) != PANDO_OK || place >= w->begin))
        return PANDO_OK;
    st = buf_append(&d->line, slice_text("\n"));
    if (st == PANDO_OK) {
        deltas_reply(d, w->token, buf_view(&d->line), true);
        w->shown++;
    }
    return st;
}

/* What arrived while the history was read, up to what is handed on now. */
static enum pando_status catch_up(struct deltas *d, struct deltas_watcher *w)
{
    struct delta delta;
    uint64_t position = w->position;
    if (position >= d->news) {
        w->live = true;
        return PANDO_NOT_FOUND;
    }
    enum pando_status st = delta_store_arrived(d->store, &position, &delta);
    if (st == PANDO_OK && position <= d->news && filter_passes(&w->filter, &delta))
        st = show(d, w, &delta);
    if (st == PANDO_OK || st == PANDO_BUSY)
        w->position = position;
    return st;
}

void deltas_watchers_run(struct deltas *d)
{
    for (size_t i = d->watchers_len; i > 0; i--) {
        struct deltas_watcher *w = &d->watchers[i - 1];
        enum pando_status st = PANDO_OK;
        for (size_t n = 0; !w->events && !w->live && st == PANDO_OK && n < DELTAS_STEP; n++) {
            st = w->history ? read_history(d, w) : catch_up(d, w);
            if (st == PANDO_NOT_FOUND && w->history) {
                w->history = false;
                st = PANDO_OK;
            }
        }
        if (w->events || w->live)
            continue;
        if (st == PANDO_OK || st == PANDO_BUSY) {
            d->more_work = true;
            continue;
        }
        deltas_fail(d, w->token, st, "the deltas cannot be read: %s", pando_status_text(st));
        end_watcher(d, w);
    }
}

void deltas_watchers_tell(struct deltas *d, const struct delta *delta, uint64_t position)
{
    for (size_t i = 0; i < d->watchers_len; i++) {
        struct deltas_watcher *w = &d->watchers[i];
        if (w->events || !w->live || position <= w->position)
            continue;
        if (filter_passes(&w->filter, delta))
            (void)show(d, w, delta);
        w->position = position;
    }
}

void deltas_watchers_event(struct deltas *d, struct pando_slice json)
{
    buf_reset(&d->line);
    if (buf_append(&d->line, json) != PANDO_OK ||
        buf_append(&d->line, slice_text("\n")) != PANDO_OK)
        return;
    for (size_t i = 0; i < d->watchers_len; i++)
        if (d->watchers[i].events)
            deltas_reply(d, d->watchers[i].token, buf_view(&d->line), true);
}

void deltas_watchers_cancel(struct deltas *d, uint64_t token)
{
    for (size_t i = d->watchers_len; i > 0; i--)
        if (d->watchers[i - 1].token == token)
            end_watcher(d, &d->watchers[i - 1]);
}

void deltas_watchers_drop(struct deltas *d)
{
    while (d->watchers_len > 0) {
        filter_deinit(&d->watchers[--d->watchers_len].filter);
    }
    free(d->watchers);
    d->watchers = NULL;
}
