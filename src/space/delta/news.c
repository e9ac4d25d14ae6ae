/* news.c - what becomes durable is handed on, once, in its order of arrival; links and peers
 * hear of a little before. Theirs and the watchers' way through the order of arrival are two
 * numbers, `told` and `news`. */
#include "space/delta/engine.h"


bool deltas_is_onway(const struct deltas *d, const struct delta *delta)
{
    return delta_store_on_way(d->store, &delta->name);
}

enum pando_status deltas_stage(struct deltas *d, const struct delta *delta, bool own,
                               uint32_t origin, enum delta_outcome *ret_outcome,
                               uint64_t *ret_ticket)
{
    if (delta_store_on_way_count(d->store) >= DELTAS_ONWAY_MAX)
        return PANDO_BUSY;
    const enum pando_status st =
        delta_store_stage(d->store, delta, own, ret_outcome, ret_ticket);
    if (st != PANDO_OK)
        return st;
    d->staged = true;
    d->totals.fresh += *ret_outcome == DELTA_NEW;
    d->totals.known += *ret_outcome == DELTA_KNOWN;
    d->totals.shadowed += *ret_outcome == DELTA_SHADOWED;
    if (*ret_outcome != DELTA_NEW)
        return PANDO_OK;
    origins_note(&d->origins, *ret_ticket, origin);
    views_on_delta(d->views, delta);
    return PANDO_OK;
}

void deltas_took(struct deltas *d, const struct delta *delta, uint32_t origin, uint64_t ticket)
{
    origins_note(&d->origins, ticket, origin);
    d->totals.fresh++;
    views_on_delta(d->views, delta);
}

/* Whether the delta at a place is news: a record that was only written again arrives a second
 * time. The origin keeps it from going back where it came from. */
static bool is_news(const struct deltas *d, uint64_t place, uint32_t *ret_origin)
{
    uint64_t first, last;
    if (!delta_store_tickets(d->store, place >> 8, &first, &last))
        return false;
    const uint64_t ticket = first + (place & 0xff);
    *ret_origin = origins_of(&d->origins, ticket < last ? ticket : last);
    return true;
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

/* The order of arrival was gone through up to there. */
static void pass(struct deltas *d, uint64_t position)
{
    if (position > d->news)
        d->news = position;
    if (d->told < d->news)
        d->told = d->news;
    origins_drop(&d->origins, delta_store_pass(d->store, d->news));
}

/* A whole record that only its origin would be told of, or nobody at all, is not read: its
 * link learns from the first and the last place which of them are its own. */
static bool pass_unread(struct deltas *d)
{
    uint64_t record, first, last;
    if (subs_count(d->subs) > 0 || delta_store_unpassed(d->store, &record) != PANDO_OK ||
        record << 8 < d->news || !delta_store_tickets(d->store, record, &first, &last))
        return false;
    const uint32_t origin = origins_of(&d->origins, first);
    if (!origins_same(&d->origins, first, last) || fed_sends_to_others(d->fed, origin))
        return false;
    /* Links make plain groups, whose members lie without gaps. */
    if (origin != DELTAS_OWN && d->told <= record << 8) {
        tell_links(d, NULL, origin, (record << 8) + 1);
        tell_links(d, NULL, origin, (record << 8) + 1 + (last - first));
    }
    pass(d, (record + 1) << 8);
    return true;
}

/* The next one in the order of arrival. */
static enum pando_status next_news(struct deltas *d)
{
    struct delta delta;
    uint32_t origin;
    uint64_t position = d->news;
    if (pass_unread(d))
        return PANDO_OK;
    enum pando_status st = delta_store_arrived(d->store, &position, &delta);
    if (st == PANDO_OK && is_news(d, position - 1, &origin)) {
        st = hand_on(d, &delta, origin, position);
        if (st != PANDO_OK) {
            d->blocked = true; /* memory is out: it may be there again soon */
            return st;
        }
    }
    if (st == PANDO_OK || st == PANDO_BUSY || st == PANDO_NOT_FOUND)
        pass(d, position);
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
    if (st == PANDO_OK && is_news(d, position - 1, &origin))
        tell_links(d, &delta, origin, position);
    else if (st == PANDO_OK || st == PANDO_BUSY)
        d->told = position;
    return st;
}

/* Much is told when it is durable, with one look at it for all who are told. */
static bool is_little(const struct deltas *d, uint64_t until)
{
    const uint64_t durable = delta_store_arrived_end(d->store);
    return !d->store_failed && d->told >= durable && until > d->told &&
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
        st = fed_sends_to_others(d->fed, DELTAS_OWN) ? tell_next(d, until) : PANDO_NOT_FOUND;
    if (st == PANDO_NOT_FOUND)
        d->told = until;
}

void deltas_news_run(struct deltas *d)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < DELTAS_STEP; i++)
        st = next_news(d);
    d->more_work = d->more_work || st == PANDO_OK || st == PANDO_BUSY;
}
