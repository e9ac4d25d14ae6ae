/* swap_take.c - received groups: verified, then staged, in their order.
 *
 * A message of groups has, for each, its kind (1), its length (uvarint) and a bare group. Of a signed
 * one a number (1) follows the kind: which of the keys that stand in the message is its own. The
 * number of a key that has not stood there yet is that of the keys before it, and the key follows.
 */
#include "space/delta/swap_state.h"

#include "base/slice.h"
#include "store/journal.h"

#include <stdlib.h>

/* One group of a message. */
struct block {
    bool is_signed;
    struct pando_key key; /* of a signed one */
    struct pando_slice bytes;
};

static bool get_key(struct wire_reader *r, struct swap_keys *keys, struct pando_key *ret)
{
    const size_t number = (size_t)wire_get_be(r, 1);
    if (r->failed || number > keys->len || number == SWAP_GROUPS_MAX)
        return false;
    if (number == keys->len) {
        const struct pando_slice key = wire_get_bytes(r, sizeof ret->bytes);
        if (r->failed)
            return false;
        keys->of[keys->len++] = key.ptr;
    }
    memcpy(ret->bytes, keys->of[number], sizeof ret->bytes);
    return true;
}

static bool next_block(struct pando_slice *left, struct swap_keys *keys, struct block *ret)
{
    struct wire_reader r = wire_read(*left);
    const uint64_t kind = wire_get_be(&r, 1);
    ret->is_signed = kind == DELTA_RECORD_SIGNED;
    if (!ret->is_signed && kind != DELTA_RECORD_PLAIN)
        return false;
    if (ret->is_signed && !get_key(&r, keys, &ret->key))
        return false;
    ret->bytes = wire_get_block(&r, GROUP_BYTES_MAX);
    *left = r.left;
    return !r.failed;
}

static bool decode_block(const struct block *b, struct group *ret)
{
    return group_decode_bare(b->bytes, b->is_signed ? &b->key : NULL, ret) == PANDO_OK;
}

/* How many groups are signed, and how many deltas they hold; -1: the message does not read. */
static int count_signed(struct swap *s, struct pando_slice left, size_t *ret_held)
{
    struct swap_keys keys = { .len = 0 };
    struct block b;
    int groups = 0, is_signed = 0;
    while (left.len > 0) {
        if (++groups > SWAP_GROUPS_MAX || !next_block(&left, &keys, &b) ||
            !decode_block(&b, &s->group))
            return -1;
        is_signed += b.is_signed;
        *ret_held += b.is_signed ? group_held(&s->group) : 0;
    }
    return groups == 0 ? -1 : is_signed;
}

/* Hash the deltas of a signed group, once for its message and for the store. */
static void digest_members(struct swap *s, struct swap_parcel *parcel)
{
    struct group *g = &s->group;
    for (size_t i = 0; i < g->len; i++) {
        if (!g->held[i])
            continue;
        s->digests[i] = group_hash(g->bodies[i]);
        parcel->digests[parcel->digests_at++] = s->digests[i];
    }
    g->digests = s->digests;
}

/* What digest_members worked out for this group. */
static void recall_digests(struct swap *s, struct swap_parcel *parcel, size_t *at)
{
    struct group *g = &s->group;
    for (size_t i = 0; i < g->len; i++)
        if (g->held[i])
            s->digests[i] = parcel->digests[(*at)++];
    g->digests = s->digests;
}

static void gather_items(struct swap *s, struct swap_parcel *parcel)
{
    struct pando_slice left = parcel->left;
    struct swap_keys keys = { .len = 0 };
    struct block b;
    while (left.len > 0 && next_block(&left, &keys, &b)) {
        if (!b.is_signed || !decode_block(&b, &s->group))
            continue;
        digest_members(s, parcel);
        uint8_t *message = parcel->signed_bytes + parcel->items_len * GROUP_MESSAGE;
        parcel->items[parcel->items_len++] =
            group_verify_item(&s->group, &s->config.host->space, message);
    }
}

enum pando_status swap_take_open(struct swap *s, struct swap_parcel *parcel)
{
    if (parcel->left.len < 1 || parcel->left.ptr[0] > 1)
        return PANDO_MALFORMED;
    parcel->live = parcel->left.ptr[0] == 1;
    parcel->left = slice_from(parcel->left, 1);
    const int is_signed = count_signed(s, parcel->left, &parcel->digests_max);
    if (is_signed < 0)
        return PANDO_MALFORMED;
    parcel->items_max = (size_t)is_signed;
    parcel->verified = is_signed == 0;
    parcel->waits = is_signed > 0;
    s->waiting += parcel->waits;
    return PANDO_OK;
}

/* False: memory is out; it waits on. */
static bool begin_verifying(struct swap *s, struct swap_parcel *parcel)
{
    parcel->items = calloc(parcel->items_max, sizeof *parcel->items);
    parcel->signed_bytes = malloc(parcel->items_max * GROUP_MESSAGE);
    parcel->digests = malloc(parcel->digests_max * sizeof *parcel->digests);
    if (parcel->items == NULL || parcel->signed_bytes == NULL || parcel->digests == NULL) {
        free(parcel->items);
        free(parcel->signed_bytes);
        free(parcel->digests);
        parcel->items = NULL;
        parcel->signed_bytes = NULL;
        parcel->digests = NULL;
        return false;
    }
    gather_items(s, parcel);
    parcel->digests_at = 0;
    parcel->token = s->next_token++;
    parcel->waits = false;
    s->waiting--;
    s->verifying++;
    swap_emit(s, &(struct space_effect){ .kind = SPACE_VERIFY,
                                         .token = parcel->token,
                                         .items = parcel->items,
                                         .items_len = parcel->items_len });
    return true;
}

/* The oldest message of a peer that waits for it. */
static struct swap_parcel *first_waiting(const struct swap_peer *p)
{
    struct swap_parcel *c = p->first;
    while (c != NULL && !c->waits)
        c = c->next;
    return c;
}

void swap_take_verify(struct swap *s)
{
    bool found = true;
    while (found && s->waiting > 0 && s->verifying < SWAP_VERIFIES_MAX) {
        found = false;
        for (size_t i = 0; i < s->peers_len && s->verifying < SWAP_VERIFIES_MAX; i++) {
            struct swap_parcel *c = first_waiting(s->peers[i]);
            if (c != NULL && !begin_verifying(s, c))
                return;
            found = found || c != NULL;
        }
    }
}

/* Leave out what the node's policy refuses. */
static enum pando_status sift(struct swap *s, const struct swap_parcel *parcel, bool *ret_any)
{
    struct group *g = &s->group;
    bool keep[DELTA_GROUP_MAX];
    size_t kept = 0;
    const enum pando_status st = delta_pile_read(&s->pile, g);
    *ret_any = false;
    if (st != PANDO_OK)
        return st;
    for (size_t i = 0; i < g->len; i++) {
        const struct delta *d = &s->pile.deltas[i];
        keep[i] = g->held[i] && s->config.admits(s->config.ctx, d) &&
                  swap_judge_accepts(s, parcel, i);
        s->totals.refused += g->held[i] && !keep[i];
        *ret_any = *ret_any || keep[i];
    }
    group_part(g, keep, s->pile.deltas);
    for (size_t i = 0; !g->is_signed && i < s->pile.len; i++) /* a plain group closed up */
        if (keep[i])
            s->pile.deltas[kept++] = s->pile.deltas[i];
    return PANDO_OK;
}

static void remember_origin(struct swap *s, const struct swap_peer *p, uint64_t from, uint64_t to)
{
    struct swap_origin *last =
        &s->origins[(s->origins_next + SWAP_ORIGINS_MAX - 1) % SWAP_ORIGINS_MAX];
    if (from == to)
        return;
    if (last->peer == p->handle && last->to == from) {
        last->to = to;
        return;
    }
    s->origins[s->origins_next] = (struct swap_origin){ from, to, p->handle };
    s->origins_next = (s->origins_next + 1) % SWAP_ORIGINS_MAX;
}

static void count_outcomes(struct swap *s, const struct swap_peer *p, struct swap_parcel *parcel,
                           uint64_t ticket)
{
    for (size_t i = 0; i < s->group.len; i++) {
        if (!s->group.held[i])
            continue;
        s->totals.received++;
        if (s->outcomes[i] != DELTA_NEW) {
            s->totals.known++;
            continue;
        }
        parcel->fresh = true;
        if (s->config.took != NULL)
            s->config.took(s->config.ctx, p->handle, &s->pile.deltas[i], ticket);
    }
}

static enum pando_status stage(struct swap *s, const struct swap_peer *p,
                               struct swap_parcel *parcel)
{
    bool any;
    uint64_t ticket;
    enum pando_status st = sift(s, parcel, &any);
    if (st != PANDO_OK || !any)
        return st;
    st = delta_store_flush(s->config.store); /* what others staged is not of this origin */
    if (st != PANDO_OK)
        return st;
    const uint64_t from = journal_end(s->config.host->journal);
    st = delta_store_stage_group(s->config.store, &s->group, s->pile.deltas, s->outcomes,
                                 &ticket);
    if (st != PANDO_OK)
        return st;
    remember_origin(s, p, from, journal_end(s->config.host->journal));
    count_outcomes(s, p, parcel, ticket);
    return PANDO_OK;
}

enum pando_status swap_take_go(struct swap *s, struct swap_peer *p, struct swap_parcel *parcel)
{
    bool forged = false;
    if (!parcel->verified || s->stuck)
        return PANDO_BUSY;
    while (parcel->left.len > 0) {
        struct pando_slice left = parcel->left;
        struct swap_keys keys = parcel->keys;
        struct block b;
        if (!next_block(&left, &keys, &b) || !decode_block(&b, &s->group))
            return PANDO_MALFORMED;
        size_t digests_at = parcel->digests_at;
        if (b.is_signed)
            recall_digests(s, parcel, &digests_at);
        const bool good = !b.is_signed || SWAP_MUTANT == 3 ||
                          (parcel->valid >> parcel->items_at & 1) != 0;
        enum pando_status st = good ? swap_judge_group(s, parcel) : PANDO_OK;
        if (st == PANDO_BUSY || st == PANDO_MALFORMED)
            return st;
        if (good && st == PANDO_OK)
            st = stage(s, p, parcel);
        if (st == PANDO_MALFORMED)
            return st;
        if (st != PANDO_OK) {
            s->stuck = true; /* until the next DURABLE or STORE_BACK */
            return PANDO_BUSY;
        }
        forged = forged || !good;
        swap_judge_done(parcel);
        parcel->items_at += b.is_signed;
        parcel->digests_at = digests_at;
        parcel->left = left;
        parcel->keys = keys;
    }
    swap_taken(s, p, parcel->live, parcel->fresh);
    return forged ? PANDO_FORGED : PANDO_OK;
}
