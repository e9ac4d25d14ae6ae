#include "sync/tally.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define LISTED 64 /* keys listed at once */

int tally_compare(const struct tally_key *a, const struct tally_key *b)
{
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return memcmp(a->digest, b->digest, sizeof a->digest);
}

static bool before(const struct tally_key *a, const struct tally_key *b)
{
    return tally_compare(a, b) < 0;
}

static uint64_t word(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void sum_key(struct tally_sum *s, const struct tally_key *k)
{
    const uint64_t low = word(k->digest);
    s->count++;
    s->low += low;
    s->high += word(k->digest + 8) + (s->low < low);
}

static void sum_plus(struct tally_sum *s, const struct tally_sum *o)
{
    s->count += o->count;
    s->low += o->low;
    s->high += o->high + (s->low < o->low);
}

static void sum_minus(struct tally_sum *s, const struct tally_sum *o)
{
    const uint64_t borrow = s->low < o->low;
    s->count -= o->count;
    s->low -= o->low;
    s->high -= o->high + borrow;
}

struct tally_sum tally_without(const struct tally_sum *sum, const struct tally_key *key)
{
    struct tally_sum one = { 0 }, rest = *sum;
    sum_key(&one, key);
    sum_minus(&rest, &one);
    return rest;
}

struct tally_key tally_after(const struct tally_key *k)
{
    struct tally_key next = *k;
    for (int i = 15; i >= 0; i--)
        if (++next.digest[i] != 0)
            return next;
    next.time++;
    return next;
}

/* The bound between two neighbours that takes the fewest bytes: behind `last`, at or before
 * `key`. */
static struct tally_key between(const struct tally_key *last, const struct tally_key *key)
{
    struct tally_key bound = { .time = key->time };
    if (last->time < key->time)
        return bound;
    for (size_t i = 0; i < sizeof bound.digest; i++) {
        bound.digest[i] = key->digest[i];
        if (before(last, &bound))
            break;
    }
    return bound;
}

void tally_init(struct tally *t, struct tally_rows rows)
{
    *t = (struct tally){ .rows = rows, .target = TALLY_BUCKET };
}

void tally_deinit(struct tally *t)
{
    free(t->buckets);
    tally_init(t, t->rows);
}

static enum pando_status spoil(struct tally *t, enum pando_status why)
{
    tally_deinit(t);
    return why;
}

/* The bucket whose range holds `key`. */
static size_t bucket_of(const struct tally *t, const struct tally_key *key)
{
    size_t low = 0, high = t->len;
    PANDO_ASSERT(t->len > 0);
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (before(key, &t->buckets[middle].first))
            high = middle;
        else
            low = middle;
    }
    return low;
}

static struct tally_key bucket_end(const struct tally *t, size_t i)
{
    return i + 1 < t->len ? t->buckets[i + 1].first : TALLY_END;
}

/* Half as many buckets, of twice the size. */
static void merge_pairs(struct tally *t)
{
    size_t to = 0;
    for (size_t i = 0; i < t->len; i += 2) {
        struct tally_bucket b = t->buckets[i];
        if (i + 1 < t->len)
            sum_plus(&b.sum, &t->buckets[i + 1].sum);
        t->buckets[to++] = b;
    }
    t->len = to;
    t->target *= 2;
}

static enum pando_status insert_bucket(struct tally *t, size_t at,
                                       const struct tally_bucket *b)
{
    if (t->len == t->cap) {
        const size_t cap = t->cap == 0 ? 16 : t->cap * 2;
        struct tally_bucket *grown = realloc(t->buckets, cap * sizeof *grown);
        if (grown == NULL)
            return PANDO_NOMEM;
        t->buckets = grown;
        t->cap = cap;
    }
    memmove(t->buckets + at + 1, t->buckets + at, (t->len - at) * sizeof *b);
    t->buckets[at] = *b;
    t->len++;
    return PANDO_OK;
}

enum pando_status tally_build(struct tally *t, size_t items)
{
    struct tally_key keys[LISTED];
    if (t->ready)
        return PANDO_OK;
    if (t->len == 0) {
        const enum pando_status st = insert_bucket(t, 0, &(struct tally_bucket){ 0 });
        if (st != PANDO_OK)
            return st;
    }
    for (size_t done = 0; done < items;) {
        size_t len = 0;
        const enum pando_status st =
            t->rows.list(t->rows.ctx, &t->built, &TALLY_END, keys, LISTED, &len);
        if (st != PANDO_OK)
            return spoil(t, st);
        for (size_t i = 0; i < len; i++) {
            if (t->buckets[t->len - 1].sum.count >= t->target) {
                if (t->len == TALLY_BUCKETS_MAX)
                    merge_pairs(t);
                const struct tally_key *last = i > 0 ? &keys[i - 1] : &t->built;
                const struct tally_bucket next = { .first = between(last, &keys[i]) };
                if (insert_bucket(t, t->len, &next) != PANDO_OK)
                    return spoil(t, PANDO_NOMEM);
            }
            sum_key(&t->buckets[t->len - 1].sum, &keys[i]);
            sum_key(&t->total, &keys[i]);
            t->newest = keys[i];
            t->built = tally_after(&keys[i]);
        }
        done += len;
        if (len < LISTED) {
            t->ready = true;
            return PANDO_OK;
        }
    }
    return PANDO_BUSY;
}

/* Sum what the rows hold in [from, to); with `at`, only the first `nth`, and it becomes the
 * bound behind them. */
static enum pando_status sum_rows(const struct tally *t, struct tally_key from,
                                  const struct tally_key *to, uint64_t nth, struct tally_key *at,
                                  struct tally_sum *ret)
{
    struct tally_key keys[LISTED];
    for (;;) {
        size_t len = 0;
        const enum pando_status st =
            t->rows.list(t->rows.ctx, &from, to, keys, LISTED, &len);
        if (st != PANDO_OK)
            return st;
        for (size_t i = 0; i < len; i++) {
            if (at != NULL && ret->count == nth && nth > 0) {
                *at = between(i > 0 ? &keys[i - 1] : &from, &keys[i]);
                return PANDO_OK;
            }
            sum_key(ret, &keys[i]);
        }
        if (len < LISTED)
            return PANDO_OK;
        from = tally_after(&keys[len - 1]);
    }
}

static enum pando_status halve(struct tally *t, size_t i)
{
    if (t->len == TALLY_BUCKETS_MAX) {
        merge_pairs(t);
        return PANDO_OK;
    }
    const struct tally_key end = bucket_end(t, i);
    struct tally_bucket upper = { 0 };
    struct tally_sum lower = { 0 };
    upper.first = TALLY_END;
    enum pando_status st = sum_rows(t, t->buckets[i].first, &end, t->buckets[i].sum.count / 2,
                                    &upper.first, &lower);
    if (st != PANDO_OK || upper.first.time == UINT64_MAX)
        return st;
    upper.sum = t->buckets[i].sum;
    sum_minus(&upper.sum, &lower);
    t->buckets[i].sum = lower;
    return insert_bucket(t, i + 1, &upper);
}

static bool counted(const struct tally *t, const struct tally_key *key)
{
    return t->len > 0 && (t->ready || before(key, &t->built));
}

/* Behind everything, and the last bucket is full: another one begins here, if there is room. */
static void grow_at_end(struct tally *t, const struct tally_key *key)
{
    if (t->buckets[t->len - 1].sum.count < t->target)
        return;
    if (t->len == TALLY_BUCKETS_MAX)
        merge_pairs(t);
    const struct tally_bucket next = { .first = between(&t->newest, key) };
    (void)!insert_bucket(t, t->len, &next); /* without memory the last one grows */
}

/* What is not counted yet will be when the building comes by. */
void tally_add(struct tally *t, const struct tally_key *key)
{
    if (!counted(t, key))
        return;
    if (before(&t->newest, key)) {
        if (t->ready)
            grow_at_end(t, key);
        t->newest = *key;
    }
    sum_key(&t->total, key);
    struct tally_bucket *b = &t->buckets[bucket_of(t, key)];
    sum_key(&b->sum, key);
    if (b->sum.count > 2 * t->target && t->full_len < TALLY_FULL_MAX)
        t->full[t->full_len++] = *key;
}

void tally_remove(struct tally *t, const struct tally_key *key)
{
    struct tally_sum one = { 0 };
    if (!counted(t, key))
        return;
    sum_key(&one, key);
    sum_minus(&t->total, &one);
    sum_minus(&t->buckets[bucket_of(t, key)].sum, &one);
}

enum pando_status tally_settle(struct tally *t)
{
    while (t->ready && t->full_len > 0) {
        const size_t i = bucket_of(t, &t->full[--t->full_len]);
        if (t->buckets[i].sum.count <= 2 * t->target)
            continue;
        const enum pando_status st = halve(t, i);
        if (st != PANDO_OK)
            return spoil(t, st);
    }
    return PANDO_OK;
}

static bool is_first(const struct tally_key *key)
{
    const struct tally_key first = { 0 };
    return tally_compare(key, &first) == 0;
}

enum pando_status tally_range(const struct tally *t, const struct tally_key *from,
                              const struct tally_key *to, struct tally_sum *ret)
{
    *ret = (struct tally_sum){ 0 };
    PANDO_ASSERT(t->ready);
    if (!before(from, to))
        return PANDO_OK;
    if (is_first(from) && to->time == UINT64_MAX) {
        *ret = t->total;
        return PANDO_OK;
    }
    size_t i = bucket_of(t, from);
    struct tally_key end = bucket_end(t, i);
    if (tally_compare(from, &t->buckets[i].first) != 0 || before(to, &end)) {
        const struct tally_key *stop = before(to, &end) ? to : &end;
        const enum pando_status st = sum_rows(t, *from, stop, 0, NULL, ret);
        if (st != PANDO_OK || !before(&end, to))
            return st;
        i++;
    }
    for (; i < t->len && before(&t->buckets[i].first, to); i++) {
        end = bucket_end(t, i);
        if (before(to, &end))
            return sum_rows(t, t->buckets[i].first, to, 0, NULL, ret);
        sum_plus(ret, &t->buckets[i].sum);
    }
    return PANDO_OK;
}

/* Bounds at the beginnings of buckets: good enough where there are more of them than parts. */
static void split_buckets(const struct tally *t, size_t first, size_t last, size_t parts,
                          struct tally_key *ret, size_t *ret_len)
{
    const size_t inner = last - first - 1; /* buckets that lie whole in the range */
    for (size_t p = 1; p < parts; p++)
        ret[(*ret_len)++] = t->buckets[first + 1 + p * inner / parts].first;
}

static enum pando_status split_rows(const struct tally *t, const struct tally_key *from,
                                    const struct tally_key *to, uint64_t count, size_t parts,
                                    struct tally_key *ret, size_t *ret_len)
{
    struct tally_key keys[LISTED], at = *from;
    uint64_t seen = 0;
    for (;;) {
        size_t len = 0;
        const enum pando_status st = t->rows.list(t->rows.ctx, &at, to, keys, LISTED, &len);
        if (st != PANDO_OK)
            return st;
        for (size_t i = 0; i < len; i++, seen++) {
            const uint64_t next = (*ret_len + 1) * count / parts;
            if (*ret_len + 1 < parts && seen == next && seen > 0)
                ret[(*ret_len)++] = between(i > 0 ? &keys[i - 1] : &at, &keys[i]);
        }
        if (len < LISTED || *ret_len + 1 >= parts)
            return PANDO_OK;
        at = tally_after(&keys[len - 1]);
    }
}

enum pando_status tally_split(const struct tally *t, const struct tally_key *from,
                              const struct tally_key *to, uint64_t count, size_t parts,
                              struct tally_key *ret, size_t *ret_len)
{
    *ret_len = 0;
    PANDO_ASSERT(t->ready && parts > 0);
    const size_t first = bucket_of(t, from);
    const size_t last = bucket_of(t, to); /* in which the range ends */
    if (last - first > parts) {
        split_buckets(t, first, last, parts, ret, ret_len);
        return PANDO_OK;
    }
    return split_rows(t, from, to, count, parts, ret, ret_len);
}
