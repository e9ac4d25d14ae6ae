/* rows_apply.c - a batch becomes rows.
 *
 * Names are settled first, one by one; then each list gets the entries of the whole batch at
 * once, in their order: deltas of a group follow each other in time and share most lists.
 * What a batch amounts to does not depend on what was put before it: of deltas with one id
 * the least digest is left, an archived name stays archived.
 */
#include "space/delta/rows_batch.h"

#include "base/slice.h"
#include "space/delta/rows_put.h"
#include "space/delta/store_mutant.h"

#include <stdlib.h>
#include <string.h>

enum standing {
    DROPPED, /* another counts, or its name is archived */
    MOVED,   /* its record was written again */
    FRESH,
};

struct apply {
    const struct tables *t;
    struct post_tails *tails;
    const struct rows_batch *b;
    uint64_t position;
    struct row_counts counts;
    enum standing standing[DELTA_GROUP_MAX];
    bool displaced[DELTA_GROUP_MAX]; /* a later one of the batch took its place in time */
    struct post_entry entries[DELTA_GROUP_MAX]; /* as items are */
    uint16_t order[DELTA_GROUP_MAX];            /* of those that stand, in theirs */
    size_t order_len;
    struct post_entry run[DELTA_GROUP_MAX];
};

/* --- names --- */

/* The other delta of that id leaves the order of time. */
static enum pando_status displace(struct apply *a, const struct row_name *old)
{
    const struct post_list times = rows_times();
    const struct post_entry e = { old->timestamp, old->digest, 0 };
    a->counts.deltas--;
    a->counts.stale++;
    for (size_t i = 0; i < a->b->len && old->place >> 8 == a->position; i++)
        a->displaced[i] |= a->b->items[i].index == (old->place & 0xff);
    return post_del(a->t, a->tails, &times, &e);
}

static enum pando_status note_conflict(struct apply *a, const struct delta_hash *name,
                                       struct row_name *n)
{
    if (n->conflicted)
        return PANDO_OK;
    n->conflicted = true;
    a->counts.conflicts++;
    return rows_put_name(a->t, name, n);
}

/* Among the names: it stands, or not. */
static enum pando_status settle(struct apply *a, size_t i)
{
    const struct rows_item *item = &a->b->items[i];
    const struct delta_brief *d = &item->brief;
    struct row_name old = { .archived = false };
    enum pando_status st =
        item->fresh ? PANDO_NOT_FOUND : rows_name(a->t, &d->name, &old);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    const bool known = st == PANDO_OK;
    const int order =
        !known ? -1 : memcmp(d->digest.bytes, old.digest.bytes, sizeof d->digest.bytes);
    if (known && (old.archived || (order > 0 && DELTA_STORE_MUTANT != 1)))
        return order == 0 ? PANDO_OK : note_conflict(a, &d->name, &old);
    st = PANDO_OK;
    if (known && (order < 0 || (order > 0 && DELTA_STORE_MUTANT == 1))) {
        a->counts.conflicts += !old.conflicted;
        old.conflicted = true;
        st = displace(a, &old);
    }
    const struct row_name now = { false, old.conflicted, a->entries[i].place, d->timestamp,
                                  d->digest };
    if (st == PANDO_OK)
        st = rows_put_name(a->t, &d->name, &now);
    a->standing[i] = order != 0 ? FRESH : MOVED;
    a->counts.deltas += order != 0;
    if ((uint64_t)d->timestamp > a->counts.latest)
        a->counts.latest = (uint64_t)d->timestamp;
    return st;
}

/* --- lists --- */

/* Those that stand, by (timestamp, digest), then as they lie: most come in order already. */
static void sort_standing(struct apply *a)
{
    for (size_t i = 0; i < a->b->len; i++) {
        size_t at = a->order_len;
        if (a->standing[i] == DROPPED)
            continue;
        while (at > 0 && post_compare(&a->entries[a->order[at - 1]], &a->entries[i]) > 0)
            at--;
        memmove(a->order + at + 1, a->order + at, (a->order_len - at) * sizeof *a->order);
        a->order[at] = (uint16_t)i;
        a->order_len++;
    }
}

/* One more entry of a run in order; the later of two that are equal counts. */
static void add_to_run(struct apply *a, size_t *len, size_t i)
{
    if (*len > 0 && post_compare(&a->run[*len - 1], &a->entries[i]) == 0)
        --*len;
    a->run[(*len)++] = a->entries[i];
}

static enum pando_status put_times(struct apply *a)
{
    const struct post_list times = rows_times();
    size_t len = 0;
    for (size_t k = 0; k < a->order_len; k++)
        if (!a->displaced[a->order[k]])
            add_to_run(a, &len, a->order[k]);
    return post_put(a->t, a->tails, &times, a->run, len);
}

/* The deltas of one list, as places in `order`. */
static enum pando_status put_list(struct apply *a, const struct post_list *list,
                                  const uint16_t *members, size_t members_len)
{
    enum pando_status st = PANDO_OK;
    int64_t fresh = 0;
    size_t len = 0;
    for (size_t k = 0; k < members_len; k++) {
        fresh += a->standing[members[k]] == FRESH;
        add_to_run(a, &len, members[k]);
    }
    if (list->table == ROWS_TARGETS) {
        a->counts.targets += (uint64_t)fresh;
        for (size_t k = 0; st == PANDO_OK && k < len; k++)
            st = rows_put_target(a->t, list, &a->run[k]);
        return st;
    }
    if (list->table == ROWS_CONTEXTS)
        a->counts.contexts += (uint64_t)fresh;
    st = post_put(a->t, a->tails, list, a->run, len);
    return st != PANDO_OK || fresh == 0 ? st : rows_add_tally(a->t, list, fresh);
}

/* Deal the deltas out to their lists: `ends` of each in `members`. */
static void deal(const struct apply *a, uint32_t *ends, uint16_t *members)
{
    const struct rows_batch *b = a->b;
    uint32_t sum = 0;
    memset(ends, 0, b->lists_len * sizeof *ends);
    for (size_t k = 0; k < a->order_len; k++) {
        const struct rows_item *item = &b->items[a->order[k]];
        for (uint32_t r = 0; r < item->len; r++)
            ends[b->refs[item->from + r]]++;
    }
    for (size_t l = 0; l < b->lists_len; l++) { /* now: where each begins */
        const uint32_t n = ends[l];
        ends[l] = sum;
        sum += n;
    }
    for (size_t k = 0; k < a->order_len; k++) {
        const struct rows_item *item = &b->items[a->order[k]];
        for (uint32_t r = 0; r < item->len; r++)
            members[ends[b->refs[item->from + r]]++] = a->order[k];
    }
}

static enum pando_status put_lists(struct apply *a)
{
    const struct rows_batch *b = a->b;
    uint32_t *ends = malloc(b->lists_len * sizeof *ends + b->refs_len * sizeof(uint16_t));
    enum pando_status st = PANDO_OK;
    if (ends == NULL)
        return PANDO_NOMEM;
    uint16_t *members = (uint16_t *)(ends + b->lists_len);
    deal(a, ends, members);
    for (size_t l = 0; st == PANDO_OK && l < b->lists_len; l++) {
        const uint32_t from = l == 0 ? 0 : ends[l - 1];
        if (ends[l] > from)
            st = put_list(a, &b->lists[l], members + from, ends[l] - from);
    }
    free(ends);
    return st;
}

enum pando_status rows_apply(const struct tables *t, struct post_tails *tails,
                             const struct rows_batch *b, uint64_t position)
{
    struct apply *a = malloc(sizeof *a);
    if (a == NULL)
        return PANDO_NOMEM;
    a->t = t;
    a->tails = tails;
    a->b = b;
    a->position = position;
    a->order_len = 0;
    enum pando_status st = rows_counts(t, &a->counts);
    for (size_t i = 0; i < b->len; i++) {
        const struct rows_item *item = &b->items[i];
        a->standing[i] = DROPPED;
        a->displaced[i] = false;
        a->entries[i] = (struct post_entry){ item->brief.timestamp, item->brief.digest,
                                             position << 8 | item->index };
    }
    for (size_t i = 0; st == PANDO_OK && i < b->len; i++)
        st = settle(a, i);
    sort_standing(a);
    if (st == PANDO_OK)
        st = put_times(a);
    if (st == PANDO_OK && b->refs_len > 0)
        st = put_lists(a);
    if (st == PANDO_OK)
        st = rows_put_counts(t, &a->counts);
    free(a);
    return st;
}
