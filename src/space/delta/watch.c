/* watch.c - streams: deltas as they become durable, and what happens on federation links.
 *
 * A watcher of deltas first reads the history it asked for, in order of time, then what
 * arrived meanwhile, and from then on has a subscription (subs.h). No delta is shown twice
 * or left out: what lies behind the place where the order of arrival stood at its begin is
 * not history. While it is paused before it has a subscription, it just reads later; and a
 * subscription that blocks and is full leaves the others and reads the order of arrival for itself,
 * from where it stands, until it has caught up.
 */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "space/delta/negate.h"

#include <stdio.h>
#include <stdlib.h>

#define WATCHING "{\"event\":\"watching\"}\n"

static struct deltas_watcher *new_watcher(struct deltas *d, uint64_t token)
{
    if (d->watchers == NULL)
        d->watchers = calloc(DELTAS_WATCHERS_MAX, sizeof *d->watchers);
    if (d->watchers == NULL || d->watchers_len == DELTAS_WATCHERS_MAX) {
        deltas_fail(d, token, PANDO_FULL, "%d watch already", DELTAS_WATCHERS_MAX);
        return NULL;
    }
    struct deltas_watcher *w = &d->watchers[d->watchers_len++];
    *w = (struct deltas_watcher){ .token = token, .number = ++d->watcher_number };
    filter_init(&w->filter);
    return w;
}

static void end_watcher(struct deltas *d, struct deltas_watcher *w)
{
    d->listeners -= w->events;
    if (w->sub != 0)
        (void)subs_remove(d->subs, w->sub);
    filter_deinit(&w->filter);
    *w = d->watchers[--d->watchers_len];
    fed_listen(d->fed, d->listeners > 0 || deltas_is_heard(d));
}

/* How much waits while it is slow or paused, and what happens then. */
static enum pando_status read_config(const json_t *args, struct subs_config *ret,
                                     struct pando_err *reterr)
{
    static const char *const names[] = { "buffered", "overflow", "bufferSize",
                                         "warningThreshold" };
    json_t *own = json_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(args, names[i]) != NULL)
            (void)json_object_set(own, names[i], json_object_get(args, names[i]));
    const enum pando_status st = subs_config_from_json(own, ret, reterr);
    json_decref(own);
    return st;
}

void deltas_watch(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_err err = { .text = "" };
    struct deltas_watcher *w = new_watcher(d, token);
    if (w == NULL)
        return;
    enum pando_status st = deltas_filter_arg(args, &w->filter, &err);
    if (st == PANDO_OK)
        st = read_config(args, &w->config, &err);
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
    if (json_is_true(json_object_get(args, "ready")))
        deltas_reply(d, token, slice_text(WATCHING), true);
}

void deltas_watch_events(struct deltas *d, uint64_t token, const json_t *args)
{
    struct deltas_watcher *w = new_watcher(d, token);
    if (w == NULL)
        return;
    w->events = true;
    d->listeners++;
    fed_listen(d->fed, true);
    if (json_is_true(json_object_get(args, "ready")))
        deltas_reply(d, token, slice_text(WATCHING), true);
}

/* One line of the stream, unless the delta is negated and such are not wanted. */
static enum pando_status show(struct deltas *d, struct deltas_watcher *w,
                              const struct delta *delta, bool check)
{
    bool negated = false;
    buf_reset(&d->line);
    enum pando_status st = delta_to_json(delta, &d->line);
    if (st == PANDO_OK)
        st = buf_append(&d->line, slice_text("\n"));
    if (st == PANDO_OK && check && !w->filter.include_negated)
        st = negate_is(&d->source, delta->id, NEGATE_NOW, &negated);
    if (st == PANDO_OK && !negated)
        deltas_reply(d, w->token, buf_view(&d->line), true);
    return st;
}

static enum pando_status read_history(struct deltas *d, struct deltas_watcher *w)
{
    struct delta delta;
    uint64_t place;
    const enum pando_status st = source_next(&d->source, &w->filter, false, &w->place, &delta);
    if (st != PANDO_OK || deltas_is_onway(d, &delta))
        return st;
    /* Looked up only when something has arrived since. */
    if (delta_store_arrived_end(d->store) != w->begin &&
        (delta_store_place(d->store, &delta.name, &place) != PANDO_OK || place >= w->begin))
        return PANDO_OK;
    return show(d, w, &delta, true);
}

static enum pando_status subscribe(struct deltas *d, struct deltas_watcher *w)
{
    struct subs_config config = w->config;
    enum pando_status st = filter_copy(&w->filter, &config.filter);
    config.position = w->position;
    if (st == PANDO_OK && (st = subs_add(d->subs, &config, &w->sub, NULL)) != PANDO_OK)
        filter_deinit(&config.filter);
    return st == PANDO_OK ? PANDO_NOT_FOUND : st;
}

/* What arrived while the history was read, up to what is handed on now; then it is one of
 * those who are told. PANDO_NOT_FOUND: nothing more for now. */
static enum pando_status catch_up(struct deltas *d, struct deltas_watcher *w)
{
    struct delta delta;
    uint64_t position = w->position;
    if (position >= d->news)
        return subscribe(d, w);
    enum pando_status st = delta_store_arrived(d->store, &position, &delta);
    const bool beyond = st == PANDO_OK && position > d->news;
    if (st == PANDO_OK && !beyond && filter_passes(&w->filter, &delta))
        st = show(d, w, &delta, true);
    if (beyond)
        w->position = d->news;
    else if (st == PANDO_OK || st == PANDO_BUSY)
        w->position = position;
    return st;
}

/* A subscription that blocks and was full reads on, up to what the others were told of. */
static enum pando_status read_on(struct deltas *d, struct deltas_watcher *w)
{
    struct delta delta;
    uint64_t position;
    enum pando_status st = PANDO_OK;
    for (size_t n = 0; st == PANDO_OK && n < DELTAS_STEP; n++) {
        if (!subs_reads_on(d->subs, w->sub, &position))
            return PANDO_OK;
        st = delta_store_arrived_until(d->store, d->news, &position, &delta);
        if (st == PANDO_OK)
            st = subs_offer_to(d->subs, w->sub, position, &delta);
        else if (st == PANDO_BUSY || st == PANDO_NOT_FOUND)
            subs_pass_over(d->subs, w->sub, position, st == PANDO_NOT_FOUND);
    }
    return st == PANDO_BUSY || st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

/* Whether that is to go on, now that what waited was read. */
static bool reads_on(const struct deltas *d, const struct deltas_watcher *w)
{
    uint64_t position;
    return w->sub != 0 && subs_reads_on(d->subs, w->sub, &position);
}

/* What waits in its subscription. */
static enum pando_status read_subscription(struct deltas *d, struct deltas_watcher *w)
{
    struct pando_slice bytes;
    struct delta delta;
    enum pando_status st = subs_poll(d->subs, w->sub, &bytes, &w->position);
    if (st == PANDO_OK)
        st = delta_decode(bytes, &d->room, &delta);
    if (st != PANDO_OK)
        return st;
    return show(d, w, &delta, false);
}

static enum pando_status read_next(struct deltas *d, struct deltas_watcher *w)
{
    if (w->sub != 0)
        return read_subscription(d, w);
    const enum pando_status st = w->history ? read_history(d, w) : catch_up(d, w);
    if (st != PANDO_NOT_FOUND || !w->history)
        return st;
    w->history = false;
    return PANDO_OK;
}

static void warn(struct deltas *d, const struct deltas_watcher *w)
{
    char text[96];
    if (w->sub == 0 || !subs_take_warning(d->subs, w->sub) || !deltas_is_heard(d))
        return;
    const int len = snprintf(text, sizeof text, "{\"notice\":\"subscription_fills\",\"id\":%llu}",
                             (unsigned long long)w->number);
    deltas_notice(d, slice_of(text, (size_t)len));
}

void deltas_watchers_run(struct deltas *d)
{
    for (size_t i = d->watchers_len; i > 0; i--) {
        struct deltas_watcher *w = &d->watchers[i - 1];
        enum pando_status st = PANDO_OK;
        if (w->events)
            continue;
        warn(d, w);
        if (!w->paused && reads_on(d, w))
            st = read_on(d, w);
        for (size_t n = 0; !w->paused && st == PANDO_OK && n < DELTAS_STEP; n++)
            st = read_next(d, w);
        if (w->paused || (st == PANDO_NOT_FOUND && !reads_on(d, w)))
            continue;
        if (st == PANDO_OK || st == PANDO_BUSY || st == PANDO_NOT_FOUND) {
            d->more_work = true;
            continue;
        }
        if (st == PANDO_FULL)
            deltas_fail(d, w->token, st, "more deltas came than its buffer holds");
        else
            deltas_fail(d, w->token, st, "the deltas cannot be read: %s", pando_status_text(st));
        end_watcher(d, w);
    }
}

/* ---- those who watch, as seen by others ---- */

static enum pando_status print_watcher(const struct deltas *d, const struct deltas_watcher *w,
                                       struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "{\"id\":%llu,\"filter\":",
                                      (unsigned long long)w->number);
    if (st == PANDO_OK)
        st = filter_to_json(&w->filter, b);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"catchingUp\":%s,\"paused\":%s,\"stats\":",
                        w->sub == 0 ? "true" : "false", w->paused ? "true" : "false");
    if (st == PANDO_OK)
        st = w->sub == 0 ? buf_append(b, slice_text("null"))
                         : subs_stats_json(d->subs, w->sub, b);
    return st == PANDO_OK ? buf_append(b, slice_text("}")) : st;
}

void deltas_watch_list(struct deltas *d, uint64_t token)
{
    struct pando_buf b;
    const char *comma = "";
    buf_init(&b, 8u << 20);
    enum pando_status st = buf_append(&b, slice_text("{\"subscriptions\":["));
    for (size_t i = 0; st == PANDO_OK && i < d->watchers_len; i++) {
        if (d->watchers[i].events)
            continue;
        st = buf_append(&b, slice_text(comma));
        if (st == PANDO_OK)
            st = print_watcher(d, &d->watchers[i], &b);
        comma = ",";
    }
    if (st == PANDO_OK)
        st = buf_append(&b, slice_text("]}"));
    if (st == PANDO_OK)
        deltas_reply(d, token, buf_view(&b), false);
    else
        deltas_fail(d, token, st, "the list does not fit");
    buf_deinit(&b);
}

void deltas_watch_pause(struct deltas *d, uint64_t token, const json_t *args, bool pause)
{
    const int64_t id = deltas_number_arg(args, "id", 0);
    size_t i = 0;
    while (i < d->watchers_len &&
           (d->watchers[i].events || (int64_t)d->watchers[i].number != id))
        i++;
    if (i == d->watchers_len) {
        deltas_fail(d, token, PANDO_NOT_FOUND, "there is no subscription %lld", (long long)id);
        return;
    }
    struct deltas_watcher *w = &d->watchers[i];
    w->paused = pause;
    if (w->sub != 0)
        (void)(pause ? subs_pause(d->subs, w->sub) : subs_resume(d->subs, w->sub));
    deltas_reply(d, token, slice_text("{}"), false);
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
