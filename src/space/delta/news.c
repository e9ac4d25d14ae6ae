/* news.c - what becomes durable is handed on, once, in its order of arrival; links and peers
 * hear of a little before. Theirs and the watchers' way through the order of arrival are two
 * numbers, `told` and `news`. */
#include "space/delta/engine.h"

#include "base/slice.h"

#include <string.h>

bool deltas_is_onway(const struct deltas *d, const struct delta_hash *digest)
{
    return d->onway.len > 0 && map_find(&d->onway, digest->bytes) != NULL;
}

enum pando_status deltas_stage(struct deltas *d, const struct delta *delta, bool own,
                               uint32_t origin, enum delta_outcome *ret_outcome,
                               uint64_t *ret_ticket)
{
    void *place = NULL;
    bool added = false;
    if (d->onway.len >= DELTAS_ONWAY_MAX)
        return PANDO_BUSY;
    enum pando_status st = map_put(&d->onway, delta->digest.bytes, &place, &added);
    if (st != PANDO_OK)
        return st;
    if (added)
        memcpy(place, &origin, sizeof origin);
    st = delta_store_stage(d->store, delta, own, ret_outcome, ret_ticket);
    if (added && (st != PANDO_OK || *ret_outcome != DELTA_NEW))
        (void)map_del(&d->onway, delta->digest.bytes);
    if (st != PANDO_OK)
        return st;
    d->staged = true;
    if (*ret_outcome == DELTA_NEW)
        d->ticket = *ret_ticket;
    d->totals.fresh += *ret_outcome == DELTA_NEW;
    d->totals.known += *ret_outcome == DELTA_KNOWN;
    d->totals.shadowed += *ret_outcome == DELTA_SHADOWED;
    if (*ret_outcome == DELTA_NEW)
        views_on_delta(d->views, delta);
    return PANDO_OK;
}

void deltas_took(struct deltas *d, const struct delta *delta, uint32_t origin, uint64_t ticket)
{
    void *place = NULL;
    bool added = false;
    if (map_put(&d->onway, delta->digest.bytes, &place, &added) != PANDO_OK)
        d->overrun = true;
    else if (added)
        memcpy(place, &origin, sizeof origin);
    if (ticket > d->ticket)
        d->ticket = ticket;
    d->totals.fresh++;
    views_on_delta(d->views, delta);
}

/* Whether a delta that has arrived is news: a record that was only written again arrives a
 * second time. The origin keeps it from going back where it came from. */
static bool is_news(const struct deltas *d, const struct delta *delta, uint32_t *ret_origin)
{
    const void *found = map_find(&d->onway, delta->digest.bytes);
    *ret_origin = DELTAS_OWN;
    if (found != NULL)
        memcpy(ret_origin, found, sizeof *ret_origin);
    return found != NULL || d->overrun;
}

static void tell_links(struct deltas *d, const struct delta *delta, uint32_t origin,
                       uint64_t position)
{
    d->told = position;
    deltas_federate_feed(d, &(struct fed_input){ .kind = FED_NEW,
                                                 .delta = delta,
                                                 .link = origin,
                                                 .value = position });
}

/* Everybody who wants to know of new deltas is in this list: subscriptions, federation. After an
 * error it is offered again, and whoever has it already does not get it twice. */
static enum pando_status hand_on(struct deltas *d, const struct delta *delta, uint32_t origin,
                                 uint64_t position)
{
    const enum pando_status st = subs_offer(d->subs, position, delta);
    if (st != PANDO_OK)
        return st;
    d->totals.handed_on++;
    if (position > d->told)
        tell_links(d, delta, origin, position);
    return PANDO_OK;
}

/* The next one in the order of arrival. */
static enum pando_status next_news(struct deltas *d)
{
    struct delta delta;
    uint32_t origin;
    uint64_t position = d->news;
    enum pando_status st = delta_store_arrived(d->store, &position, &delta);
    if (st == PANDO_OK && is_news(d, &delta, &origin)) {
        const struct delta_hash digest = delta.digest;
        st = hand_on(d, &delta, origin, position);
        if (st != PANDO_OK) {
            d->blocked = true; /* memory is out: it may be there again soon */
            return st;
        }
        (void)map_del(&d->onway, digest.bytes);
    }
    if (st == PANDO_OK || st == PANDO_BUSY || st == PANDO_NOT_FOUND)
        d->news = position;
    if (d->told < d->news)
        d->told = d->news;
    return st;
}

/* The next one that links have not been told of, durable or not. */
static enum pando_status tell_next(struct deltas *d, uint64_t until)
{
    struct delta delta;
    uint32_t origin;
    uint64_t position = d->told;
    const enum pando_status st =
        delta_store_arrived_until(d->store, until, &position, &delta);
    if (st == PANDO_OK && is_news(d, &delta, &origin))
        tell_links(d, &delta, origin, position);
    else if (st == PANDO_OK || st == PANDO_BUSY)
        d->told = position;
    return st;
}

/* Much is told when it is durable, with one look at it for all who are told. */
static bool is_little(const struct deltas *d, uint64_t until)
{
    const uint64_t durable = delta_store_arrived_end(d->store);
    return !d->store_failed && !d->overrun && d->told >= durable && until > d->told &&
           until - durable <= (uint64_t)DELTAS_EARLY_BYTES << 8;
}

void deltas_news_early(struct deltas *d)
{
    const uint64_t until = delta_store_appended_end(d->store);
    enum pando_status st = PANDO_OK;
    if (!is_little(d, until))
        return;
    deltas_nodes_tell(d, until);
    while (st == PANDO_OK)
        st = fed_has_links(d->fed) ? tell_next(d, until) : PANDO_NOT_FOUND;
    if (st == PANDO_NOT_FOUND)
        d->told = until;
}

static void forget_onway(struct deltas *d)
{
    map_reset(&d->onway);
    d->overrun = false;
}

void deltas_news_run(struct deltas *d)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < DELTAS_STEP; i++)
        st = next_news(d);
    d->more_work = d->more_work || st == PANDO_OK || st == PANDO_BUSY;
    /* What was shadowed on its way never arrives. */
    if (st == PANDO_NOT_FOUND && delta_store_durable(d->store) >= d->ticket)
        forget_onway(d);
}
