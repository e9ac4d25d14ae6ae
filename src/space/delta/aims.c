/* aims.c - which deltas are surely not negated.
 *
 * A view asks of each of its deltas who negates it, and the answer is nearly always: nobody.
 * To say so without a search, the ids at which the negations of the store aim are kept in a Bloom
 * filter: what it does not hold is not negated, of what it may hold the rows are asked as ever.
 *
 * It is filled from the list of all deltas with the context of negations, some entries with
 * each question; until that is done nothing is sure. Negations that come later are taken out
 * of the records that were appended meanwhile, which are looked at only when the rows tell that
 * there are more negations, or that deltas were archived. When those were too many to be known,
 * it is filled anew. Without any negation there is no filter at all.
 *
 * Memory: 500 KiB at most; with more than AIMS_MAX negations the rows are asked in vain the more
 * often.
 */
#include "space/delta/store_state.h"

#include "base/slice.h"
#include "space/delta/negate.h"
#include "space/delta/store_mutant.h"
#include "store/bloom.h"

#include <string.h>

#define AIMS_MIN  1024u
#define AIMS_MAX  400000u /* ids for which the filter is made */
#define AIMS_STEP 8u      /* entries taken with one question */

/* --- filling it --- */

/* An empty filter for so many negations, and as many more. */
static void begin(struct aims *a, uint64_t tally)
{
    const uint64_t ids = tally < AIMS_MIN ? AIMS_MIN : tally > AIMS_MAX / 2 ? AIMS_MAX : 2 * tally;
    bloom_free(a->ids);
    a->ids = bloom_new(ids, 0);
    a->whole = false;
    a->place = (struct delta_place){ .set = false };
}

/* Whether a larger one would do better. */
static bool is_narrow(const struct aims *a, uint64_t tally)
{
    return a->ids == NULL || (tally > bloom_room(a->ids) && bloom_room(a->ids) < AIMS_MAX);
}

static void add_targets(struct aims *a, const struct delta *d)
{
    struct pando_slice targets[DELTA_POINTERS_MAX];
    const size_t len = negate_targets(d, targets, DELTA_POINTERS_MAX);
    for (size_t i = 0; i < len; i++)
        bloom_add(a->ids, targets[i]);
}

/* From `*at` on: whether the context of a negation stands in the bytes. Moves `*at` to it, or to
 * where to look further when more bytes come. */
static bool mentions(struct pando_slice bytes, size_t *at)
{
    static const char context[] = NEGATE_CONTEXT;
    const size_t len = sizeof context - 1;
    while (bytes.len >= len && *at <= bytes.len - len) {
        const uint8_t *hit = memchr(bytes.ptr + *at, context[0], bytes.len - len + 1 - *at);
        *at = hit != NULL ? (size_t)(hit - bytes.ptr) : bytes.len - len + 1;
        if (hit != NULL && memcmp(hit, context, len) == 0)
            return true;
        *at += hit != NULL;
    }
    return false;
}

/* The negations of one record. False: it cannot be read. */
static bool take_record(struct delta_store *s, uint64_t position)
{
    const struct cached_group *c;
    struct group g;
    size_t at = 0;
    const enum pando_status st = store_find_group(s, position, &c);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND; /* no group: names of archived deltas */
    if (!mentions(buf_view(&c->bytes), &at))
        return true;
    if (group_decode(buf_view(&c->bytes), c->is_signed, &g) != PANDO_OK)
        return false;
    for (size_t i = 0; i < g.len; i++) {
        struct delta d;
        if (!g.held[i])
            continue;
        if (delta_parse(g.bodies[i], &s->room, &d) != PANDO_OK)
            return false;
        add_targets(&s->aims, &d);
    }
    return true;
}

static bool take_records(struct delta_store *s, uint64_t from)
{
    if (DELTA_STORE_MUTANT == 6)
        return true;
    if (s->version - from > APPENDED_MAX)
        return false;
    for (; from < s->version; from++)
        if (!take_record(s, s->appended[from % APPENDED_MAX]))
            return false;
    return true;
}

/* What the rows say now, and what was appended since. False: they cannot be read. */
static bool look(struct delta_store *s)
{
    struct aims *a = &s->aims;
    const struct post_list list = store_list_of(s, ROWS_CONTEXTS, slice_text(NEGATE_CONTEXT));
    struct row_counts counts;
    uint64_t tally;
    if (a->version == s->version)
        return true;
    if (store_counts(s, &counts) != PANDO_OK ||
        rows_get_tally(s->host.tables, &list, &tally) != PANDO_OK)
        return false;
    const bool moved = tally != a->tally || counts.archived != a->archived;
    if (tally > 0 && (is_narrow(a, tally) || (moved && !take_records(s, a->version))))
        begin(a, tally);
    a->version = s->version;
    a->tally = tally;
    a->archived = counts.archived;
    return true;
}

/* Take some of those that were here before. What cannot be read stops the walk: the rows are
 * asked then, and tell what is wrong. */
static void walk(struct delta_store *s)
{
    struct aims *a = &s->aims;
    const struct post_list list = store_list_of(s, ROWS_CONTEXTS, slice_text(NEGATE_CONTEXT));
    for (unsigned n = 0; n < AIMS_STEP && a->ids != NULL; n++) {
        struct read_how how = { .unnamed = true };
        struct row_counts counts;
        struct post_entry e;
        struct delta d;
        enum pando_status st = store_next_entry(s, &list, &a->place, false, &e, &how.amid);
        a->whole = st == PANDO_NOT_FOUND;
        if (st != PANDO_OK)
            return;
        st = store_read(s, &e, how, &s->room, &d);
        if (st == PANDO_OK)
            add_targets(a, &d);
        else if (st != PANDO_CORRUPT || store_counts(s, &counts) != PANDO_OK ||
                 counts.stale == 0)
            return; /* not one that no longer counts, and whose record is gone */
        a->place = (struct delta_place){ e.timestamp, e.digest, true };
    }
}

/* --- the open group --- */

/* Whether a negation may be among what is staged: its context then is in the bytes. */
static bool open_negates(struct delta_store *s)
{
    struct aims *a = &s->aims;
    const struct pando_slice bytes = buf_view(&s->open.bodies);
    if (s->open.len == 0)
        return false;
    if (a->open_version != s->version || a->open_looked > bytes.len) {
        a->open_version = s->version;
        a->open_looked = 0;
        a->open_negates = false;
    }
    a->open_negates = a->open_negates || mentions(bytes, &a->open_looked);
    return a->open_negates;
}

bool store_is_unnegated(struct delta_store *s, struct pando_slice id)
{
    struct aims *a = &s->aims;
    if (open_negates(s) || !look(s))
        return false;
    if (a->tally == 0)
        return true;
    if (!a->whole)
        walk(s);
    return a->whole && !bloom_may_have(a->ids, id);
}

void store_aims_deinit(struct aims *a)
{
    bloom_free(a->ids);
    *a = (struct aims){ .ids = NULL };
}
