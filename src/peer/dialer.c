#include "peer/dialer.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>

void dialer_init(struct dialer *d, uint64_t seed)
{
    memset(d, 0, sizeof *d);
    d->rng = rng_seeded(seed);
}

static uint32_t token_of(const struct dialer *d, size_t i)
{
    return (d->entries[i].generation << 8) | (uint32_t)i;
}

static struct dialer_entry *entry_of(struct dialer *d, uint32_t token)
{
    struct dialer_entry *e = &d->entries[token & 0xff];
    return e->state != DIALER_FREE && token_of(d, token & 0xff) == token ? e : NULL;
}

static void say(struct dialer_entry *e, const char *text)
{
    (void)snprintf(e->text, sizeof e->text, "%s", text == NULL ? "" : text);
}

static void release(struct dialer_entry *e)
{
    const uint32_t generation = (e->generation + 1) & 0xffffff;
    memset(e, 0, sizeof *e);
    e->generation = generation;
}

/* Twice as long after each failure, less or more by up to a quarter. */
static struct pando_span wait_after(struct dialer *d, uint32_t failures)
{
    uint64_t ns = DIALER_FIRST_WAIT.ns;
    for (uint32_t i = 1; i < failures && ns < DIALER_LONGEST_WAIT.ns; i++)
        ns *= 2;
    if (ns > DIALER_LONGEST_WAIT.ns)
        ns = DIALER_LONGEST_WAIT.ns;
    return (struct pando_span){ ns - ns / 4 + rng_below(&d->rng, ns / 2 + 1) };
}

enum pando_status dialer_add(struct dialer *d, struct pando_time now,
                             const struct multiaddr *address, bool keep,
                             uint32_t *ret_token)
{
    struct multiaddr_udp udp;
    if (multiaddr_to_udp(address, &udp) != PANDO_OK)
        return PANDO_UNSUPPORTED;
    size_t free_slot = DIALER_ENTRIES_MAX;
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        struct dialer_entry *e = &d->entries[i];
        if (e->state == DIALER_FREE) {
            free_slot = free_slot == DIALER_ENTRIES_MAX ? i : free_slot;
            continue;
        }
        if (!multiaddr_equal(&e->address, address))
            continue;
        e->keep |= keep;
        if (e->state == DIALER_DUE || e->state == DIALER_STOPPED) {
            e->state = DIALER_DUE;
            e->at = now;
        }
        *ret_token = token_of(d, i);
        return PANDO_OK;
    }
    if (free_slot == DIALER_ENTRIES_MAX)
        return PANDO_FULL;
    struct dialer_entry *e = &d->entries[free_slot];
    release(e);
    e->state = DIALER_DUE;
    d->end = d->end > free_slot ? d->end : (uint32_t)free_slot + 1;
    e->keep = keep;
    e->at = now;
    e->address = *address;
    if (udp.p2p.len > 0) {
        if (peer_id_decode(udp.p2p, &e->peer) != PANDO_OK) {
            release(e);
            return PANDO_UNSUPPORTED;
        }
        e->expected = true;
    }
    say(e, "waiting for its first dial");
    *ret_token = token_of(d, free_slot);
    return PANDO_OK;
}

size_t dialer_remove_peer(struct dialer *d, const struct peer_id *peer)
{
    size_t removed = 0;
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        struct dialer_entry *e = &d->entries[i];
        if (e->state == DIALER_FREE || !peer_id_equal(&e->peer, peer))
            continue;
        release(e);
        removed++;
    }
    return removed;
}

size_t dialer_remove_address(struct dialer *d, const struct multiaddr *address)
{
    size_t removed = 0;
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        struct dialer_entry *e = &d->entries[i];
        if (e->state == DIALER_FREE || !multiaddr_equal(&e->address, address))
            continue;
        release(e);
        removed++;
    }
    return removed;
}

static void back_off(struct dialer *d, struct pando_time now, struct dialer_entry *e,
                     const char *text)
{
    if (!e->keep) {
        release(e);
        return;
    }
    e->failures++;
    e->state = DIALER_DUE;
    e->at = pando_time_add(now, wait_after(d, e->failures));
    say(e, text);
}

static void emit_dial(struct dialer_entry *e, uint32_t token, struct dialer_effect *ret)
{
    e->state = DIALER_DIALING;
    say(e, "dialling");
    ret->kind = DIALER_DIAL;
    ret->token = token;
    ret->target.peer = e->expected ? e->peer : (struct peer_id){ 0 };
}

void dialer_resolved(struct dialer *d, struct pando_time now, uint32_t token,
                     const uint8_t *ip, uint8_t ip_len, const char *text)
{
    struct dialer_entry *e = entry_of(d, token);
    if (e == NULL || e->state != DIALER_RESOLVING)
        return;
    struct multiaddr_udp udp;
    if (ip_len == 0 || multiaddr_to_udp(&e->address, &udp) != PANDO_OK) {
        back_off(d, now, e, text);
        return;
    }
    /* Due again, this time with an address: the answer is used in the same turn. */
    e->state = DIALER_DUE;
    e->at = now;
    say(e, "resolved");
    memcpy(udp.ip, ip, ip_len);
    struct multiaddr direct;
    multiaddr_from_udp(udp.ip, ip_len, udp.port, &direct);
    e->resolved = direct;
}

void dialer_linked(struct dialer *d, uint32_t token, const struct peer_id *peer)
{
    struct dialer_entry *e = entry_of(d, token);
    if (e == NULL)
        return;
    if (!e->keep) {
        release(e);
        return;
    }
    e->state = DIALER_LINKED;
    e->failures = 0;
    e->peer = *peer;
    say(e, "");
}

void dialer_failed(struct dialer *d, struct pando_time now, uint32_t token,
                   enum link_reason reason, const char *text)
{
    struct dialer_entry *e = entry_of(d, token);
    if (e == NULL || e->state != DIALER_DIALING)
        return;
    if (reason == LINK_REASON_DENIED) {
        e->state = DIALER_STOPPED;
        say(e, text);
        return;
    }
    back_off(d, now, e, text);
}

void dialer_peer_up(struct dialer *d, const struct peer_id *peer)
{
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        struct dialer_entry *e = &d->entries[i];
        if (e->state != DIALER_DUE || e->peer.len == 0 || !peer_id_equal(&e->peer, peer))
            continue;
        e->state = DIALER_LINKED;
        e->failures = 0;
        say(e, "");
    }
}

void dialer_peer_down(struct dialer *d, struct pando_time now, const struct peer_id *peer,
                      const char *text)
{
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        struct dialer_entry *e = &d->entries[i];
        if (e->state == DIALER_LINKED && peer_id_equal(&e->peer, peer))
            back_off(d, now, e, text);
    }
}

void dialer_hurry(struct dialer *d, struct pando_time now)
{
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        if (d->entries[i].state == DIALER_DUE && d->entries[i].at.ns > now.ns)
            d->entries[i].at = now;
        d->entries[i].failures = 0;
    }
}

/* One due entry becomes an effect. */
static bool begin(struct dialer *d, struct pando_time now, size_t i,
                  struct dialer_effect *ret)
{
    struct dialer_entry *e = &d->entries[i];
    struct multiaddr_udp udp;
    const enum pando_status st = multiaddr_to_udp(&e->address, &udp);
    PANDO_ASSERT(st == PANDO_OK); /* dialer_add checked it */
    *ret = (struct dialer_effect){ 0 };
    if (udp.ip_len > 0) {
        multiaddr_from_udp(udp.ip, udp.ip_len, udp.port, &ret->target.address);
        emit_dial(e, token_of(d, i), ret);
        return true;
    }
    if (e->resolved.len > 0) {
        ret->target.address = e->resolved;
        e->resolved = (struct multiaddr){ 0 };
        emit_dial(e, token_of(d, i), ret);
        return true;
    }
    e->state = DIALER_RESOLVING;
    e->at = pando_time_add(now, DIALER_RESOLVE_LIMIT);
    say(e, "resolving its name");
    ret->kind = DIALER_RESOLVE;
    ret->token = token_of(d, i);
    memcpy(ret->name, udp.name, sizeof ret->name);
    ret->family = udp.name_family;
    ret->attempt = e->failures;
    return true;
}

bool dialer_poll(struct dialer *d, struct pando_time now, struct dialer_effect *ret)
{
    for (size_t k = 0; k < d->end; k++) {
        const size_t i = (d->cursor + k) % d->end;
        struct dialer_entry *e = &d->entries[i];
        if (e->state == DIALER_RESOLVING && pando_time_reached(e->at, now))
            back_off(d, now, e, "its name could not be resolved in 10 s");
        if (e->state != DIALER_DUE || !pando_time_reached(e->at, now))
            continue;
        d->cursor = (uint32_t)(i + 1) % d->end;
        return begin(d, now, i, ret);
    }
    return false;
}

struct pando_time dialer_deadline(const struct dialer *d)
{
    struct pando_time first = PANDO_TIME_NEVER;
    for (size_t i = 0; i < d->end; i++) {
        const struct dialer_entry *e = &d->entries[i];
        if (e->state == DIALER_DUE || e->state == DIALER_RESOLVING)
            first = pando_time_min(first, e->at);
    }
    return first;
}

const char *dialer_state_name(enum dialer_state state)
{
    static const char *const names[] = { "free",    "waiting", "resolving",
                                         "dialing", "linked",  "stopped" };
    return (unsigned)state < 6 ? names[state] : "?";
}
