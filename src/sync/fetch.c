#include "sync/fetch.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void fetch_init(struct fetch *f, const struct fetch_limits *limits, uint64_t seed)
{
    *f = (struct fetch){ .limits = *limits, .deadline = PANDO_TIME_NEVER };
    map_init(&f->places, sizeof(struct pando_id), sizeof(uint32_t), limits->wants_max,
             seed);
}

void fetch_deinit(struct fetch *f)
{
    map_deinit(&f->places);
    free(f->wants);
    free(f->peers);
    f->wants = NULL;
    f->peers = NULL;
    f->peers_len = f->wants_cap = f->first = f->last = f->scan = 0;
}

static struct fetch_peer *find_peer(const struct fetch *f, uint32_t peer)
{
    for (uint32_t i = 0; i < f->peers_len; i++)
        if (f->peers[i].peer == peer)
            return &f->peers[i];
    return NULL;
}

static struct fetch_want *find(const struct fetch *f, const struct pando_id *id)
{
    const uint32_t *slot = map_find(&f->places, id);
    return slot == NULL ? NULL : &f->wants[*slot];
}

/* All wants are looked at again by the next polls. */
static void rescan(struct fetch *f)
{
    f->scan = f->first;
    f->deadline = PANDO_TIME_NEVER;
}

enum pando_status fetch_peer_up(struct fetch *f, struct pando_time now, uint32_t peer)
{
    f->now = now;
    if (find_peer(f, peer) != NULL)
        return PANDO_OK;
    if (f->peers_len == f->limits.peers_max)
        return PANDO_FULL;
    struct fetch_peer *grown = realloc(f->peers, (f->peers_len + 1) * sizeof *grown);
    if (grown == NULL)
        return PANDO_NOMEM;
    f->peers = grown;
    f->peers[f->peers_len++] = (struct fetch_peer){ .peer = peer };
    for (uint32_t slot = f->first; slot != 0; slot = f->wants[slot].next)
        f->wants[slot].resting = false; /* somebody new to ask */
    rescan(f);
    return PANDO_OK;
}

/* The ask is over, answered or not. */
static void settle(struct fetch *f, struct fetch_want *w)
{
    if (!w->waiting)
        return;
    struct fetch_peer *p = find_peer(f, w->asked);
    if (p != NULL)
        p->inflight--;
    w->waiting = false;
    w->due = pando_time_add(f->now, f->limits.lifetime);
}

static void drop_announcer(struct fetch_want *w, uint32_t peer)
{
    for (uint8_t i = 0; i < w->announcers_len; i++) {
        if (w->announcers[i] != peer)
            continue;
        memmove(&w->announcers[i], &w->announcers[i + 1],
                (size_t)(w->announcers_len - i - 1) * sizeof w->announcers[0]);
        w->announcers_len--;
        if (i < w->tried_len)
            w->tried_len--;
        return;
    }
}

void fetch_peer_down(struct fetch *f, struct pando_time now, uint32_t peer)
{
    f->now = now;
    for (uint32_t slot = f->first; slot != 0; slot = f->wants[slot].next) {
        struct fetch_want *w = &f->wants[slot];
        if (w->waiting && w->asked == peer)
            settle(f, w);
        drop_announcer(w, peer);
    }
    struct fetch_peer *p = find_peer(f, peer);
    if (p != NULL)
        *p = f->peers[--f->peers_len];
    rescan(f);
}

static bool announced_by(const struct fetch_want *w, uint32_t peer)
{
    for (uint8_t i = 0; i < w->announcers_len; i++)
        if (w->announcers[i] == peer)
            return true;
    return false;
}

static void add_announcer(struct fetch_want *w, uint32_t peer)
{
    if (announced_by(w, peer))
        return;
    if (w->announcers_len == FETCH_ANNOUNCERS_MAX)
        drop_announcer(w, w->announcers[0]);
    w->announcers[w->announcers_len++] = peer;
}

static enum pando_status take_slot(struct fetch *f, uint32_t *ret_slot)
{
    if (f->free == 0) {
        const uint32_t cap = f->wants_cap == 0 ? 64 : f->wants_cap * 2;
        struct fetch_want *grown = realloc(f->wants, cap * sizeof *grown);
        if (grown == NULL)
            return PANDO_NOMEM;
        f->wants = grown;
        for (uint32_t slot = cap - 1; slot >= f->wants_cap && slot > 0; slot--) {
            f->wants[slot].next = f->free;
            f->free = slot;
        }
        f->wants_cap = cap;
    }
    *ret_slot = f->free;
    f->free = f->wants[f->free].next;
    return PANDO_OK;
}

static void give_slot(struct fetch *f, uint32_t slot)
{
    f->wants[slot].next = f->free;
    f->free = slot;
}

enum pando_status fetch_want(struct fetch *f, struct pando_time now,
                             const struct pando_id *id, uint32_t owner,
                             uint32_t announcer)
{
    f->now = now;
    struct fetch_want *known = find(f, id);
    if (known != NULL) {
        /* Whoever announces it again is asked again: it may have it by now. */
        if (!known->waiting || known->asked != announcer) {
            drop_announcer(known, announcer);
            add_announcer(known, announcer);
            known->resting = false;
        }
        if (!known->waiting)
            rescan(f);
        return PANDO_OK;
    }
    uint32_t slot;
    void *value;
    bool added;
    enum pando_status st = take_slot(f, &slot);
    if (st != PANDO_OK)
        return st;
    st = map_put(&f->places, id, &value, &added);
    if (st != PANDO_OK) {
        give_slot(f, slot);
        return st;
    }
    *(uint32_t *)value = slot;
    f->wants[slot] = (struct fetch_want){
        .id = *id,
        .owner = owner,
        .prev = f->last,
        .due = pando_time_add(now, f->limits.lifetime),
    };
    add_announcer(&f->wants[slot], announcer);
    if (f->last != 0)
        f->wants[f->last].next = slot;
    else
        f->first = slot;
    f->last = slot;
    if (f->scan == 0)
        f->scan = slot;
    return PANDO_OK;
}

static void remove_want(struct fetch *f, struct fetch_want *w)
{
    const uint32_t slot = (uint32_t)(w - f->wants);
    settle(f, w);
    if (w->prev != 0)
        f->wants[w->prev].next = w->next;
    else
        f->first = w->next;
    if (w->next != 0)
        f->wants[w->next].prev = w->prev;
    else
        f->last = w->prev;
    if (f->scan == slot)
        f->scan = w->next;
    (void)map_del(&f->places, &w->id);
    give_slot(f, slot);
}

bool fetch_found(struct fetch *f, struct pando_time now, const struct pando_id *id)
{
    f->now = now;
    struct fetch_want *w = find(f, id);
    if (w == NULL)
        return false;
    const bool freed = w->waiting;
    remove_want(f, w);
    if (freed)
        rescan(f); /* the peer may be asked for the next */
    return true;
}

void fetch_lacking(struct fetch *f, struct pando_time now, const struct pando_id *id,
                   uint32_t peer)
{
    f->now = now;
    struct fetch_want *w = find(f, id);
    if (w == NULL || !w->waiting || w->asked != peer)
        return; /* late or unasked: nothing depends on it */
    settle(f, w);
    rescan(f);
}

/* The next peer to ask in this round: an announcer not yet tried, then all others. NULL
 * with
 * `*ret_blocked`: it has no room now; NULL without: the round is over. */
static struct fetch_peer *choose(struct fetch *f, struct fetch_want *w, bool *ret_blocked)
{
    for (; w->tried_len < w->announcers_len; w->tried_len++) {
        struct fetch_peer *p = find_peer(f, w->announcers[w->tried_len]);
        if (p == NULL)
            continue;
        *ret_blocked = p->inflight >= f->limits.inflight_peer_max;
        w->tried_len = (uint8_t)(w->tried_len + !*ret_blocked);
        return *ret_blocked ? NULL : p;
    }
    for (; w->others < f->peers_len; w->others++) {
        struct fetch_peer *p = &f->peers[w->others];
        if (announced_by(w, p->peer))
            continue;
        *ret_blocked = p->inflight >= f->limits.inflight_peer_max;
        w->others += !*ret_blocked;
        return *ret_blocked ? NULL : p;
    }
    return NULL;
}

void fetch_tick(struct fetch *f, struct pando_time now)
{
    f->now = now;
    for (uint32_t slot = f->first; slot != 0; slot = f->wants[slot].next) {
        struct fetch_want *w = &f->wants[slot];
        if (w->waiting && pando_time_reached(w->due, now)) {
            f->late_total++;
            settle(f, w);
        }
    }
    rescan(f);
}

static void ask(struct fetch *f, struct fetch_want *w, struct fetch_peer *p)
{
    w->waiting = true;
    w->asked = p->peer;
    w->attempts++;
    w->due = pando_time_add(f->now, f->limits.timeout);
    p->inflight++;
    f->asked_total++;
}

/* Everybody was asked. */
static void rest(struct fetch *f, struct fetch_want *w)
{
    w->rounds++;
    w->tried_len = 0;
    w->others = 0;
    w->resting = true;
    w->due = pando_time_add(f->now, f->limits.timeout);
}

static bool ask_or_give_up(struct fetch *f, struct fetch_want *w,
                           struct fetch_effect *ret_effect)
{
    bool blocked = false;
    bool spent =
        w->attempts >= f->limits.attempts_max || w->rounds >= f->limits.rounds_max;
    if (w->resting && !spent && !pando_time_reached(w->due, f->now))
        return false;
    w->resting = false;
    struct fetch_peer *p = spent || f->peers_len == 0 ? NULL : choose(f, w, &blocked);
    if (p != NULL) {
        ask(f, w, p);
        *ret_effect = (struct fetch_effect){ FETCH_ASK, p->peer, w->owner, w->id };
        return true;
    }
    if (f->peers_len == 0 && pando_time_reached(w->due, f->now))
        spent = true;
    if (spent) {
        f->given_up_total++;
        *ret_effect = (struct fetch_effect){ FETCH_GIVE_UP, 0, w->owner, w->id };
        return true;
    }
    if (blocked) /* an answer or a timeout will make room; do not spin on an old due */
        w->due = pando_time_add(f->now, f->limits.timeout);
    else if (f->peers_len > 0)
        rest(f, w);
    return false;
}

bool fetch_poll(struct fetch *f, struct fetch_effect *ret_effect)
{
    while (f->scan != 0) {
        struct fetch_want *w = &f->wants[f->scan];
        const uint32_t next = w->next;
        bool done = false;
        if (!w->waiting)
            done = ask_or_give_up(f, w, ret_effect);
        if (done && ret_effect->kind == FETCH_GIVE_UP)
            remove_want(f, w);
        else
            f->deadline = pando_time_min(f->deadline, w->due);
        f->scan = next;
        if (done)
            return true;
    }
    return false;
}

struct pando_time fetch_deadline(const struct fetch *f)
{
    return f->first == 0 ? PANDO_TIME_NEVER : f->deadline;
}

bool fetch_is_wanted(const struct fetch *f, const struct pando_id *id)
{
    return map_find(&f->places, id) != NULL;
}

uint32_t fetch_len(const struct fetch *f)
{
    return (uint32_t)f->places.len;
}
