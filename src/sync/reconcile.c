#include "sync/reconcile.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX    8     /* bytes of a digest in a list */
#define FEW       2     /* listing so few items takes no more than their sum */
#define LISTED    64    /* own keys listed at once */
#define ITEMS_MAX 16384 /* own items looked through for one list */
#define ONE_MAX   1024  /* items of a range in which one that lacks is looked for by its sum */

enum range_kind {
    RANGE_SKIP,     /* nothing is said about it */
    RANGE_SUM,      /* count, fingerprint */
    RANGE_LIST,     /* the sender's items */
    RANGE_WANT,     /* items that the sender lacks */
    RANGE_WANT_ALL, /* it has nothing there */
};

static bool before(const struct tally_key *a, const struct tally_key *b)
{
    return tally_compare(a, b) < 0;
}

static uint64_t fingerprint(const struct tally_sum *s)
{
    return s->low ^ s->high * UINT64_C(0x9e3779b97f4a7c15) ^ s->count << 1;
}

/* A bound: how much later than the last one (0: behind everything), then as many bytes of
 * the digest as are not zero. */
static void put_bound(struct wire_writer *w, const struct tally_key *last,
                      const struct tally_key *to)
{
    size_t len = sizeof to->digest;
    if (to->time == UINT64_MAX) {
        wire_put_uvarint(w, 0);
        return;
    }
    while (len > 0 && to->digest[len - 1] == 0)
        len--;
    wire_put_uvarint(w, to->time - last->time + 1);
    wire_put_be(w, len, 1);
    wire_put_bytes(w, (struct pando_slice){ to->digest, len });
}

static struct tally_key get_bound(struct wire_reader *r, const struct tally_key *last)
{
    struct tally_key to = TALLY_END;
    const uint64_t more = wire_get_uvarint(r);
    if (r->failed || more == 0)
        return to;
    const size_t len = (size_t)wire_get_be(r, 1);
    if (more - 1 >= UINT64_MAX - last->time || len > sizeof to.digest) {
        r->failed = true;
        return to;
    }
    to.time = last->time + (more - 1);
    wire_get_copy(r, to.digest, len);
    if (!before(last, &to))
        r->failed = true; /* ranges rise */
    return to;
}

void reconcile_write(struct reconcile_writer *w, uint8_t *room, size_t cap)
{
    *w = (struct reconcile_writer){ .out = wire_write(room, cap) };
}

/* Begin a range; what lies between the last one and it is skipped. */
static void begin_range(struct reconcile_writer *w, const struct tally_key *from,
                        const struct tally_key *to, enum range_kind kind)
{
    if (before(&w->at, from)) {
        put_bound(&w->out, &w->at, from);
        wire_put_be(&w->out, RANGE_SKIP, 1);
        w->at = *from;
    }
    put_bound(&w->out, &w->at, to);
    wire_put_be(&w->out, kind, 1);
    w->at = *to;
}

static void put_sum(struct reconcile_writer *w, const struct tally_key *from,
                    const struct tally_key *to, const struct tally_sum *sum)
{
    begin_range(w, from, to, RANGE_SUM);
    wire_put_uvarint(&w->out, sum->count);
    wire_put_le(&w->out, fingerprint(sum), PREFIX);
}

static enum pando_status put_list(const struct tally *t, struct reconcile_writer *w,
                                  const struct tally_key *from, const struct tally_key *to)
{
    struct tally_key keys[RECONCILE_LIST];
    size_t len = 0;
    const enum pando_status st =
        t->rows.list(t->rows.ctx, from, to, keys, RECONCILE_LIST, &len);
    if (st != PANDO_OK)
        return st;
    begin_range(w, from, to, RANGE_LIST);
    wire_put_uvarint(&w->out, len);
    for (size_t i = 0; i < len; i++)
        wire_put_bytes(&w->out, (struct pando_slice){ keys[i].digest, PREFIX });
    return PANDO_OK;
}

/* Say our items in the range, as a list or as the sum that they have. */
static enum pando_status put_part(const struct tally *t, struct reconcile_writer *w,
                                  const struct tally_key *from, const struct tally_key *to)
{
    struct tally_sum sum;
    const enum pando_status st = tally_range(t, from, to, &sum);
    if (st == PANDO_OK && sum.count > 0 && sum.count <= FEW)
        return put_list(t, w, from, to);
    if (st == PANDO_OK)
        put_sum(w, from, to, &sum);
    return st;
}

static enum pando_status put_parts(const struct tally *t, struct reconcile_writer *w,
                                   const struct tally_key *from, const struct tally_key *to,
                                   uint64_t count)
{
    struct tally_key bounds[RECONCILE_PARTS];
    size_t len;
    struct tally_key at = *from;
    enum pando_status st = tally_split(t, from, to, count, RECONCILE_PARTS, bounds, &len);
    for (size_t i = 0; i <= len && st == PANDO_OK; i++) {
        const struct tally_key *end = i < len ? &bounds[i] : to;
        st = put_part(t, w, &at, end);
        at = *end;
    }
    return st;
}

enum pando_status reconcile_open(const struct tally *t, struct reconcile_writer *w)
{
    const struct tally_key from = { 0 }, to = TALLY_END;
    struct tally_sum all;
    enum pando_status st = tally_range(t, &from, &to, &all);
    if (st != PANDO_OK)
        return st;
    if (all.count <= RECONCILE_LIST)
        put_sum(w, &from, &to, &all);
    else
        st = put_parts(t, w, &from, &to, all.count);
    return st == PANDO_OK && w->out.failed ? PANDO_FULL : st;
}

/* The other has one item less. If it lacks nothing but that, the sum of the range without it is the
 * one that the other said: whoever fits is sent. */
static enum pando_status find_one(const struct tally *t, const struct reconcile_sink *sink,
                                  struct tally_key from, const struct tally_key *to,
                                  const struct tally_sum *mine, uint64_t print, bool *ret_found)
{
    struct tally_key keys[LISTED];
    size_t len = LISTED;
    *ret_found = false;
    for (size_t seen = 0; len == LISTED && seen < ONE_MAX; seen += len) {
        const enum pando_status st =
            t->rows.list(t->rows.ctx, &from, to, keys, LISTED, &len);
        if (st != PANDO_OK)
            return st;
        for (size_t i = 0; i < len; i++) {
            const struct tally_sum rest = tally_without(mine, &keys[i]);
            if (fingerprint(&rest) != print)
                continue;
            sink->have(sink->ctx, &keys[i], 1);
            *ret_found = true;
        }
        if (len > 0)
            from = tally_after(&keys[len - 1]);
    }
    return PANDO_OK;
}

static enum pando_status answer_sum(const struct tally *t, struct reconcile_reader *r,
                                    struct reconcile_writer *w,
                                    const struct reconcile_sink *sink,
                                    const struct tally_key *to)
{
    const struct tally_key from = r->from;
    const uint64_t count = wire_get_uvarint(&r->in), print = wire_get_le(&r->in, PREFIX);
    struct tally_sum mine;
    if (r->in.failed)
        return PANDO_MALFORMED;
    bool found = false;
    enum pando_status st = tally_range(t, &from, to, &mine);
    if (st != PANDO_OK || (mine.count == count && fingerprint(&mine) == print))
        return st;
    if (count > 0 && mine.count <= ONE_MAX && mine.count - count == 1)
        st = find_one(t, sink, from, to, &mine, print, &found);
    if (st != PANDO_OK || found)
        return st;
    if (count == 0)
        sink->have_range(sink->ctx, &from, to);
    else if (mine.count == 0)
        begin_range(w, &from, to, RANGE_WANT_ALL);
    else if (count <= ONE_MAX && count - mine.count == 1)
        return put_part(t, w, &from, to); /* the other finds out which it is */
    else if (mine.count <= RECONCILE_LIST)
        return put_list(t, w, &from, to);
    else
        return put_parts(t, w, &from, to, mine.count);
    return PANDO_OK;
}

/* A list as it came: its prefixes sorted, with a mark for each that we have. */
struct list {
    uint8_t prefixes[RECONCILE_LIST_MAX][PREFIX];
    bool found[RECONCILE_LIST_MAX];
    size_t len;
};

static int compare_prefix(const void *a, const void *b)
{
    return memcmp(a, b, PREFIX);
}

static bool read_list(struct wire_reader *r, struct list *ret)
{
    ret->len = (size_t)wire_get_uvarint(r);
    if (r->failed || ret->len > RECONCILE_LIST_MAX)
        return false;
    for (size_t i = 0; i < ret->len; i++)
        wire_get_copy(r, ret->prefixes[i], PREFIX);
    memset(ret->found, 0, sizeof ret->found);
    qsort(ret->prefixes, ret->len, PREFIX, compare_prefix);
    return !r->failed;
}

static bool mark(struct list *l, const struct tally_key *key)
{
    const uint8_t(*hit)[PREFIX] =
        bsearch(key->digest, l->prefixes, l->len, PREFIX, compare_prefix);
    if (hit == NULL)
        return false;
    l->found[(const uint8_t(*)[PREFIX])hit - (const uint8_t(*)[PREFIX])l->prefixes] = true;
    return true;
}

/* Walk our items in the range: `listed` ones, or the others, go to the sink. */
static enum pando_status match(const struct tally *t, struct list *l, bool listed,
                               const struct reconcile_sink *sink, struct tally_key from,
                               const struct tally_key *to)
{
    struct tally_key keys[LISTED], out[LISTED];
    for (size_t seen = 0; seen < ITEMS_MAX;) {
        size_t len = 0, outs = 0;
        const enum pando_status st =
            t->rows.list(t->rows.ctx, &from, to, keys, LISTED, &len);
        if (st != PANDO_OK)
            return st;
        for (size_t i = 0; i < len; i++)
            if (mark(l, &keys[i]) == listed)
                out[outs++] = keys[i];
        if (outs > 0)
            sink->have(sink->ctx, out, outs);
        if (len < LISTED)
            return PANDO_OK;
        from = tally_after(&keys[len - 1]);
        seen += len;
    }
    return PANDO_OK; /* nobody lists so wide a range honestly */
}

static enum pando_status answer_list(const struct tally *t, struct reconcile_reader *r,
                                     struct reconcile_writer *w,
                                     const struct reconcile_sink *sink,
                                     const struct tally_key *to, bool wanted)
{
    struct list l;
    size_t missing = 0;
    if (!read_list(&r->in, &l))
        return PANDO_MALFORMED;
    const enum pando_status st = match(t, &l, wanted, sink, r->from, to);
    if (st != PANDO_OK || wanted)
        return st;
    for (size_t i = 0; i < l.len; i++)
        missing += !l.found[i];
    if (missing == 0)
        return PANDO_OK;
    begin_range(w, &r->from, to, RANGE_WANT);
    wire_put_uvarint(&w->out, missing);
    for (size_t i = 0; i < l.len; i++)
        if (!l.found[i])
            wire_put_bytes(&w->out, (struct pando_slice){ l.prefixes[i], PREFIX });
    return PANDO_OK;
}

void reconcile_read(struct reconcile_reader *r, struct pando_slice message)
{
    *r = (struct reconcile_reader){ .in = wire_read(message) };
}

static enum pando_status answer_range(const struct tally *t, struct reconcile_reader *r,
                                      struct reconcile_writer *w,
                                      const struct reconcile_sink *sink)
{
    const struct tally_key to = get_bound(&r->in, &r->from);
    const uint64_t kind = wire_get_be(&r->in, 1);
    enum pando_status st = PANDO_MALFORMED;
    if (r->in.failed || r->from.time == UINT64_MAX)
        return st;
    switch ((enum range_kind)kind) {
    case RANGE_SKIP:
        st = PANDO_OK;
        break;
    case RANGE_SUM:
        st = answer_sum(t, r, w, sink, &to);
        break;
    case RANGE_LIST:
    case RANGE_WANT:
        st = answer_list(t, r, w, sink, &to, kind == RANGE_WANT);
        break;
    case RANGE_WANT_ALL:
        sink->have_range(sink->ctx, &r->from, &to);
        st = PANDO_OK;
        break;
    }
    r->from = to;
    return st;
}

enum pando_status reconcile_answer(const struct tally *t, struct reconcile_reader *r,
                                   struct reconcile_writer *w,
                                   const struct reconcile_sink *sink)
{
    for (int i = 0; i < RECONCILE_RANGES && r->in.left.len > 0; i++) {
        if (w->out.cap - w->out.len < RECONCILE_ROOM)
            return PANDO_FULL;
        const enum pando_status st = answer_range(t, r, w, sink);
        if (st != PANDO_OK)
            return st;
        PANDO_ASSERT(!w->out.failed);
    }
    return r->in.left.len > 0 ? PANDO_BUSY : PANDO_OK;
}
