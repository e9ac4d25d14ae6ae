/* news.c - what becomes durable is handed on, once, in its order of arrival. */
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

/* Everybody who wants to know of new deltas is in this list: subscriptions, federation. The
 * origin keeps a delta from going back where it came from. PANDO_BUSY: a subscription that
 * blocks is full, and all wait; whoever has the delta already does not get it twice. */
static enum pando_status hand_on(struct deltas *d, const struct delta *delta, uint32_t origin,
                                 uint64_t position)
{
    const struct fed_input in = { .kind = FED_NEW,
                                  .delta = delta,
                                  .link = origin,
                                  .value = position };
    const enum pando_status st = subs_offer(d->subs, position, delta);
    if (st != PANDO_OK)
        return st;
    d->totals.handed_on++;
    deltas_federate_feed(d, &in);
    return PANDO_OK;
}

/* The next one in the order of arrival. A record that was only written again arrives a
 * second time; it is no news. */
static enum pando_status next_news(struct deltas *d)
{
    struct delta delta;
    uint32_t origin = DELTAS_OWN;
    uint64_t position = d->news;
    enum pando_status st = delta_store_arrived(d->store, &position, &delta);
    const void *found = st == PANDO_OK ? map_find(&d->onway, delta.digest.bytes) : NULL;
    if (found != NULL || (st == PANDO_OK && d->overrun)) {
        const struct delta_hash digest = delta.digest;
        if (found != NULL)
            memcpy(&origin, found, sizeof origin);
        st = hand_on(d, &delta, origin, position);
        d->held = st != PANDO_OK;
        if (d->held)
            return st;
        (void)map_del(&d->onway, digest.bytes);
    }
    if (st == PANDO_OK || st == PANDO_BUSY)
        d->news = position;
    return st;
}

static void forget_onway(struct deltas *d)
{
    map_reset(&d->onway);
    d->overrun = false;
}

void deltas_news_run(struct deltas *d)
{
    enum pando_status st = PANDO_OK;
    d->held = false;
    for (size_t i = 0; st == PANDO_OK && i < DELTAS_STEP; i++)
        st = next_news(d);
    d->more_work = d->more_work || (!d->held && (st == PANDO_OK || st == PANDO_BUSY));
    /* What was shadowed on its way never arrives. */
    if (st == PANDO_NOT_FOUND && delta_store_durable(d->store) >= d->ticket)
        forget_onway(d);
}
