/* swap_compare.c - states, comparisons of ranges, who passes on to whom.
 */
#include "space/delta/swap_state.h"

#include "base/slice.h"

#include <stdlib.h>

#define BUILD_AT_ONCE 4096         /* items counted in one turn */
#define PRUNE_AFTER_MIN 16 /* four for a message with nothing new, less one for another */
#define PRUNE_AFTER_MAX 256
#define IN_VAIN         4
#define BUSY_FOR      PANDO_SEC(1) /* after the last message of a comparison */

static bool sums_equal(const struct tally_sum *a, const struct tally_sum *b)
{
    return a->count == b->count && a->low == b->low && a->high == b->high;
}

static bool sum_less(const struct tally_sum *a, const struct tally_sum *b)
{
    if (a->count != b->count)
        return a->count < b->count;
    if (a->high != b->high)
        return a->high < b->high;
    return a->low < b->low;
}

/* False: it is not known (being counted). */
static bool own_state(struct swap *s, struct tally_sum *ret)
{
    const struct tally_key from = { 0 }, to = TALLY_END;
    return s->tally.ready && tally_range(&s->tally, &from, &to, ret) == PANDO_OK;
}

void swap_busy(struct swap *s, struct swap_peer *p)
{
    p->busy_until = pando_time_add(s->now, BUSY_FOR);
}

static void send_state(struct swap *s, struct swap_peer *p, const struct tally_sum *sum)
{
    uint8_t bytes[56];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_bytes(&w, SLICE_OF(s->config.host->space));
    wire_put_be(&w, sum->count, 8);
    wire_put_be(&w, sum->low, 8);
    wire_put_be(&w, sum->high, 8);
    swap_send(s, p, SWAP_STATE, wire_written(&w));
    p->told = *sum;
    p->due = false;
    p->state_at = pando_time_add(s->now, p->every);
}

/* The one that holds less begins; the other says its state so that it may. */
static void compare(struct swap *s, struct swap_peer *p, const struct tally_sum *mine)
{
    struct reconcile_writer w;
    uint8_t room[SWAP_RANGES_MAX];
    if (sum_less(&p->state, mine)) {
        p->due = p->due || !sums_equal(&p->told, mine);
        return;
    }
    reconcile_write(&w, room, sizeof room);
    if (reconcile_open(&s->tally, &w) != PANDO_OK)
        return;
    s->totals.comparisons++;
    swap_send(s, p, SWAP_RANGES, wire_written(&w.out));
    swap_busy(s, p);
}

static void rest_longer(struct swap_peer *p)
{
    const uint64_t twice = p->every.ns * 2;
    p->every.ns = twice < SWAP_STATE_LAST.ns ? twice : SWAP_STATE_LAST.ns;
}

/* Look at what it said last. */
static void weigh(struct swap *s, struct swap_peer *p, const struct tally_sum *mine)
{
    p->weigh = false;
    if (!p->progress)
        rest_longer(p); /* nothing changes, whether equal or kept apart by a policy */
    p->progress = false;
    if (!sums_equal(&p->state, mine) && SWAP_MUTANT != 1)
        compare(s, p, mine);
}

void swap_state_come(struct swap *s, struct swap_peer *p, const struct tally_sum *sum)
{
    (void)s;
    p->heard = true;
    p->state = *sum;
    p->weigh = true; /* in this turn, or when the comparison under way has gone quiet */
}

/* --- ranges --- */

struct lacking {
    struct swap *swap;
    struct swap_peer *peer;
};

/* At the caps what does not fit is dropped: the next comparison finds it again. */
static void have_range(void *ctx, const struct tally_key *from, const struct tally_key *to)
{
    struct swap_peer *p = ((struct lacking *)ctx)->peer;
    if (p->spans_len < SWAP_SPANS_MAX)
        p->spans[p->spans_len++] = (struct swap_span){ *from, *to };
}

void swap_lacks(struct swap_peer *p, const struct tally_key *keys, size_t len)
{
    if (p->keys_len + len > p->keys_cap) {
        const size_t cap = p->keys_cap == 0 ? 256 : p->keys_cap * 2;
        struct tally_key *grown =
            cap <= SWAP_KEYS_MAX ? realloc(p->keys, cap * sizeof *grown) : NULL;
        if (grown == NULL)
            return;
        p->keys = grown;
        p->keys_cap = cap;
    }
    memcpy(p->keys + p->keys_len, keys, len * sizeof *keys);
    p->keys_len += len;
}

static void have(void *ctx, const struct tally_key *keys, size_t len)
{
    swap_lacks(((struct lacking *)ctx)->peer, keys, len);
}

enum pando_status swap_ranges_go(struct swap *s, struct swap_peer *p, struct swap_parcel *parcel)
{
    struct lacking lacking = { s, p };
    const struct reconcile_sink sink = { &lacking, have_range, have };
    struct reconcile_writer w;
    uint8_t room[SWAP_RANGES_MAX];
    if (!s->tally.ready || !swap_can_send(p))
        return PANDO_BUSY;
    reconcile_write(&w, room, sizeof room);
    const enum pando_status st = reconcile_answer(&s->tally, &parcel->reader, &w, &sink);
    if (w.out.len > 0 && (st == PANDO_OK || st == PANDO_BUSY || st == PANDO_FULL))
        swap_send(s, p, SWAP_RANGES, wire_written(&w.out));
    swap_busy(s, p);
    if (st == PANDO_FULL || st == PANDO_BUSY) {
        s->again = true;
        return PANDO_BUSY;
    }
    return st;
}

/* --- who passes on to whom --- */

static size_t feeders(const struct swap *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->peers_len; i++)
        n += !s->peers[i]->pruned_it;
    return n;
}

/* How much may come in vain before a peer is pruned. All those on a circle of links see the same
 * deltas twice; were they to prune at once, nothing would be left of it. Hence each waits
 * for another number. */
static uint32_t patience(const struct swap *s, const struct swap_peer *p)
{
    uint64_t x = s->config.host->seed ^ (s->totals.prunes + s->totals.grafts) << 32 ^ p->handle;
    x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
    return PRUNE_AFTER_MIN + (uint32_t)((x >> 33) % (PRUNE_AFTER_MAX - PRUNE_AFTER_MIN));
}

static void graft(struct swap *s, struct swap_peer *p)
{
    if (!p->pruned_it)
        return;
    p->pruned_it = p->pruned = false;
    p->again = 0;
    s->totals.grafts++;
    swap_send(s, p, SWAP_GRAFT, SLICE_EMPTY);
    p->due = true; /* it may have passed something on meanwhile, to others */
}

void swap_graft_all(struct swap *s)
{
    for (size_t i = 0; i < s->peers_len; i++)
        graft(s, s->peers[i]);
}

void swap_taken(struct swap *s, struct swap_peer *p, bool live, bool fresh)
{
    if (fresh) {
        p->progress = true;
        p->every = SWAP_STATE_FIRST;
        p->state_at = pando_time_min(p->state_at, pando_time_add(s->now, SWAP_STATE_FIRST));
    }
    if (!live) {
        p->settle = true;
        swap_busy(s, p);
        if (fresh)
            graft(s, p); /* it knew something that nobody passed on to us */
    } else if (fresh) {
        p->again -= p->again > 0;
    } else if (!p->pruned_it && feeders(s) > 1 && SWAP_MUTANT != 2 &&
               (p->again += IN_VAIN) >= patience(s, p)) {
        p->pruned_it = p->pruned = true; /* and it is likely to have what comes here first */
        s->totals.prunes++;
        swap_send(s, p, SWAP_PRUNE, SLICE_EMPTY);
    }
}

/* --- a turn --- */

static void tick_peer(struct swap *s, struct swap_peer *p, const struct tally_sum *mine)
{
    const bool late = pando_time_reached(p->state_at, s->now);
    const bool quiet = pando_time_reached(p->busy_until, s->now);
    if (p->due || late)
        send_state(s, p, mine);
    /* After a comparison, or much that was passed on: do both hold the same now? */
    if (p->settle && quiet) {
        p->settle = false;
        if (!sums_equal(&p->told, mine))
            send_state(s, p, mine);
    }
    if (p->weigh && quiet)
        weigh(s, p, mine);
}

void swap_compare_tick(struct swap *s)
{
    struct tally_sum mine;
    if (s->peers_len == 0)
        return;
    const enum pando_status st = tally_build(&s->tally, BUILD_AT_ONCE);
    if (st == PANDO_BUSY)
        s->again = true;
    if (st != PANDO_OK || tally_settle(&s->tally) != PANDO_OK || !own_state(s, &mine))
        return;
    for (size_t i = 0; i < s->peers_len; i++)
        if (s->peers[i]->reads)
            tick_peer(s, s->peers[i], &mine);
}

struct pando_time swap_deadline(const struct swap *s)
{
    struct pando_time at = PANDO_TIME_NEVER;
    if (s->again)
        return s->now;
    if (s->stuck)
        at = pando_time_add(s->now, PANDO_MSEC(200));
    for (size_t i = 0; i < s->peers_len; i++) {
        const struct swap_peer *p = s->peers[i];
        if (!p->reads)
            continue;
        at = pando_time_min(at, p->state_at);
        if (p->announced_len > 0)
            at = pando_time_min(at, p->want_at);
        if (p->settle || p->weigh)
            at = pando_time_min(at, p->busy_until);
    }
    return at;
}

size_t swap_equal_peers(const struct swap *s)
{
    struct tally_sum mine;
    const struct tally_key from = { 0 }, to = TALLY_END;
    size_t n = 0;
    if (!s->tally.ready || tally_range(&s->tally, &from, &to, &mine) != PANDO_OK)
        return 0;
    for (size_t i = 0; i < s->peers_len; i++)
        n += s->peers[i]->heard && sums_equal(&s->peers[i]->state, &mine);
    return n;
}
