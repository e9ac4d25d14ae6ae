/* swap_judge.c - deltas of a peer's group that a capsule judges before any of them is staged.
 *
 * The group at the head of a peer's messages waits until all of its deltas have their verdict; at
 * most SWAP_JUDGES_MAX are at the capsule, and each peer has its share of them. Meanwhile the
 * message is not digested, and so the peer sends no more than its credit. What the capsule refused
 * is remembered, for a comparison offers it again and the capsule would say the same; a capsule
 * that failed has said nothing.
 */
#include "space/delta/swap_state.h"

#include "base/slice.h"
#include "space/delta/delta_json.h"

#include <string.h>

static bool has_bit(const uint64_t bits[static SWAP_JUDGED_WORDS], size_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

bool swap_judge_accepts(const struct swap *s, const struct swap_parcel *parcel, size_t i)
{
    return s->capsule[0] == '\0' || has_bit(parcel->judged.accepted, i);
}

static void accept(struct swap_parcel *parcel, size_t i)
{
    parcel->judged.accepted[i / 64] |= UINT64_C(1) << (i % 64);
}

/* The very delta is held: nothing is to be decided. */
static bool is_held(const struct swap *s, const struct delta *d)
{
    const struct delta_source source = delta_store_source(s->config.store);
    struct delta held;
    return source_get(&source, d->id, &held) == PANDO_OK && hash_equal(&held.digest, &d->digest);
}

/* A free place, unless the peer has its share of them already. */
static struct swap_judge *free_slot(struct swap *s, const struct swap_parcel *parcel)
{
    const size_t share = SWAP_JUDGES_MAX / s->peers_len;
    if (parcel->judged.pending >= (share > 0 ? share : 1))
        return NULL;
    for (size_t i = 0; i < SWAP_JUDGES_MAX; i++)
        if (s->judges[i].token == 0)
            return &s->judges[i];
    return NULL;
}

static enum pando_status ask(struct swap *s, struct swap_parcel *parcel, size_t i,
                             const struct delta *d)
{
    struct swap_judge *j = free_slot(s, parcel);
    if (j == NULL)
        return PANDO_BUSY; /* until a verdict comes */
    buf_reset(&s->json);
    const enum pando_status st = delta_to_json(d, &s->json);
    struct bytes *text = st == PANDO_OK ? bytes_copy(buf_view(&s->json)) : NULL;
    if (text == NULL)
        return st == PANDO_OK ? PANDO_NOMEM : st;
    *j = (struct swap_judge){ s->next_token++, parcel, i, d->digest };
    parcel->judged.pending++;
    s->totals.judged++;
    space_effects_put(&s->effects,
                      &(struct space_effect){ .kind = SPACE_RUN, .token = j->token,
                                              .bytes = text },
                      s->capsule);
    return PANDO_OK;
}

static enum pando_status judge(struct swap *s, struct swap_parcel *parcel, size_t i)
{
    const struct delta *d = &s->pile.deltas[i];
    if (!s->group.held[i] || !s->config.admits(s->config.ctx, d) ||
        map_find(&s->barred, d->digest.bytes) != NULL)
        return PANDO_OK;
    if (!is_held(s, d))
        return ask(s, parcel, i, d);
    accept(parcel, i);
    return PANDO_OK;
}

enum pando_status swap_judge_group(struct swap *s, struct swap_parcel *parcel)
{
    enum pando_status st = PANDO_OK;
    if (s->capsule[0] == '\0')
        return PANDO_OK;
    if (parcel->judged.next < s->group.len)
        st = delta_pile_read(&s->pile, &s->group);
    while (st == PANDO_OK && parcel->judged.next < s->group.len) {
        st = judge(s, parcel, parcel->judged.next);
        parcel->judged.next += st == PANDO_OK;
    }
    return st == PANDO_OK && parcel->judged.pending > 0 ? PANDO_BUSY : st;
}

void swap_judge_done(struct swap_parcel *parcel)
{
    parcel->judged = (struct swap_judged){ .next = 0 };
}

static void bar(struct swap *s, const struct delta_hash *digest)
{
    void *value;
    bool added;
    if (s->barred.len >= SWAP_BARRED_MAX)
        map_reset(&s->barred); /* they are asked about once more */
    (void)!map_put(&s->barred, digest->bytes, &value, &added);
}

/* Nobody could say, for now: the same are asked about again, a little later. */
static bool is_put_off(enum pando_status status)
{
    return status == PANDO_BUSY || status == PANDO_NOMEM;
}

void swap_judge_end(struct swap *s, uint64_t token, enum pando_status verdict)
{
    struct swap_judge *j = NULL;
    for (size_t i = 0; i < SWAP_JUDGES_MAX && j == NULL; i++)
        if (s->judges[i].token == token && token != 0)
            j = &s->judges[i];
    if (j == NULL)
        return;
    struct swap_parcel *parcel = j->parcel;
    if (verdict == PANDO_REFUSED)
        bar(s, &j->digest);
    if (parcel != NULL) {
        parcel->judged.pending--;
        if (verdict == PANDO_OK)
            accept(parcel, j->member);
        else if (is_put_off(verdict) && parcel->judged.next > j->member)
            parcel->judged.next = j->member;
        s->stuck = s->stuck || is_put_off(verdict);
    }
    *j = (struct swap_judge){ .token = 0 };
}

void swap_judge_forget(struct swap *s, const struct swap_parcel *parcel)
{
    for (size_t i = 0; i < SWAP_JUDGES_MAX && parcel->judged.pending > 0; i++)
        if (s->judges[i].parcel == parcel)
            s->judges[i].parcel = NULL; /* its verdict frees the place */
}
