/* scan.c - the store as a source (source.h): one delta by id, or the next that a filter wants.
 *
 * A scan steps through lists of postings in order of (timestamp, digest): those of the wanted
 * objects, else of the wanted contexts, authors or systems, whichever are fewest, else the
 * list of all. Of several lists the nearest entry comes first. Ids are looked up one by one.
 * What is staged and not appended stands beside the lists. The filter has the last word.
 *
 * Where deltas were displaced by others with the same id, an entry under a hash may be of one
 * that no longer counts: then the row of its name is asked.
 */
#include "space/delta/store_state.h"

#include "base/slice.h"

#include <string.h>

/* --- which lists --- */

struct plan {
    const struct filter_list *texts; /* NULL: the list of all */
    enum rows_table table;
};

/* Entries under all texts; at most `max` texts are asked. */
static uint64_t weigh(struct delta_store *s, enum rows_table table,
                      const struct filter_list *texts)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < texts->len; i++) {
        const struct post_list list = store_list_of(s, table, texts->items[i]);
        sum += rows_tally(s->host.tables, &list);
    }
    return sum;
}

static struct plan choose(struct delta_store *s, const struct filter *f)
{
    const struct plan offers[] = { { &f->target_contexts, ROWS_CONTEXTS },
                                   { &f->authors, ROWS_AUTHORS },
                                   { &f->systems, ROWS_SYSTEMS } };
    struct plan best = { NULL, ROWS_TIMES };
    struct row_counts counts;
    if (f->target_ids.len > 0)
        return (struct plan){ &f->target_ids, ROWS_TARGETS };
    if (f->target_contexts.len + f->authors.len + f->systems.len == 0 ||
        store_counts(s, &counts) != PANDO_OK)
        return best;
    /* by the list of all every second delta would be read in vain */
    uint64_t least = counts.deltas / 2;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        if (offers[i].texts->len == 0)
            continue;
        const uint64_t weight = weigh(s, offers[i].table, offers[i].texts);
        if (weight <= least) {
            least = weight;
            best = offers[i];
        }
    }
    return best;
}

/* --- candidates --- */

struct candidate {
    bool found;
    struct post_entry entry;
    const struct member *staged; /* NULL: the entry has a place */
    bool amid; /* the next of its list lies in the same record */
};

static bool is_beyond(const struct post_entry *e, const struct delta_place *place,
                      bool descending)
{
    if (!place->set)
        return true;
    const int order = post_compare_place(e, place);
    return descending ? order < 0 : order > 0;
}

static void offer(struct candidate *best, const struct candidate *c, bool descending)
{
    const int order = best->found ? post_compare(&c->entry, &best->entry) : 0;
    if (!best->found || (descending ? order > 0 : order < 0))
        *best = *c;
}

static void offer_staged(const struct delta_store *s, const struct delta_place *place,
                         bool descending, struct candidate *best)
{
    for (size_t i = 0; i < s->open.len; i++) {
        const struct member *m = &s->open.members[i];
        const struct post_entry e = { m->timestamp, m->digest, 0 };
        if (is_beyond(&e, place, descending))
            offer(best, &(struct candidate){ .found = true, .entry = e, .staged = m }, descending);
    }
}

static enum pando_status offer_ids(struct delta_store *s, const struct filter *f,
                                   const struct delta_place *place, bool descending,
                                   struct candidate *best)
{
    for (size_t i = 0; i < f->ids.len; i++) {
        const struct delta_hash name = group_hash(f->ids.items[i]);
        struct row_name row;
        const enum pando_status st = rows_name(s->host.tables, &name, &row);
        if (st != PANDO_OK && st != PANDO_NOT_FOUND)
            return st;
        const struct post_entry e = { row.timestamp, row.digest, row.place };
        const struct candidate c = { .found = true, .entry = e };
        if (st == PANDO_OK && !row.archived && is_beyond(&e, place, descending))
            offer(best, &c, descending);
    }
    return PANDO_OK;
}

static enum pando_status offer_lists(struct delta_store *s, const struct plan *plan,
                                     const struct delta_place *place, bool descending,
                                     struct candidate *best)
{
    const size_t len = plan->texts == NULL ? 1 : plan->texts->len;
    for (size_t i = 0; i < len; i++) {
        const struct post_list list = plan->texts == NULL
                                          ? rows_times()
                                          : store_list_of(s, plan->table, plan->texts->items[i]);
        struct candidate c = { .found = true };
        const enum pando_status st =
            store_next_entry(s, &list, place, descending, &c.entry, &c.amid);
        if (st == PANDO_OK)
            offer(best, &c, descending);
        else if (st != PANDO_NOT_FOUND)
            return st;
    }
    return PANDO_OK;
}

/* --- the scan --- */

/* Begin at the filter's range when the place lies before it. */
static void enter_range(const struct filter *f, bool descending, struct delta_place *place)
{
    struct delta_place bound = { .set = true };
    if (!descending && f->start > 0) {
        bound.timestamp = f->start - 1;
        memset(bound.digest.bytes, 0xff, sizeof bound.digest.bytes);
    } else if (descending && f->end < DELTA_TIME_MAX) {
        bound.timestamp = f->end + 1;
    } else {
        return;
    }
    const struct post_entry e = { bound.timestamp, bound.digest, 0 };
    if (is_beyond(&e, place, descending))
        *place = bound;
}

/* Whether the delta that was read still counts. */
static enum pando_status is_current(struct delta_store *s, const struct delta *d, bool *ret)
{
    const struct member *m = store_open_member(s, &d->name);
    struct row_name row;
    const enum pando_status st = rows_name(s->host.tables, &d->name, &row);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    *ret = st == PANDO_OK && !row.archived && hash_equal(&row.digest, &d->digest) &&
           (m == NULL || hash_equal(&m->digest, &d->digest));
    return PANDO_OK;
}

/* Read the candidate; `*ret_wanted` false: another one is to be looked for. */
static enum pando_status examine(struct delta_store *s, const struct filter *f,
                                 const struct candidate *c, bool doubtful, struct delta *ret,
                                 bool *ret_wanted)
{
    enum pando_status st;
    *ret_wanted = true;
    const struct read_how how = { .unnamed = f->unnamed && !doubtful, .amid = c->amid };
    if (c->staged != NULL)
        st = delta_decode(store_open_body(s, c->staged), &s->room, ret);
    else
        st = store_read(s, &c->entry, how, &s->room, ret);
    if (st != PANDO_OK && doubtful && c->staged == NULL) {
        *ret_wanted = false; /* its record may be gone */
        return st == PANDO_CORRUPT ? PANDO_OK : st;
    }
    if (st == PANDO_OK && doubtful && c->staged == NULL)
        st = is_current(s, ret, ret_wanted);
    if (st == PANDO_OK)
        *ret_wanted = *ret_wanted && filter_passes(f, ret);
    return st;
}

static enum pando_status nearest(struct delta_store *s, const struct filter *f,
                                 const struct plan *plan, const struct delta_place *place,
                                 bool descending, struct candidate *ret)
{
    *ret = (struct candidate){ .found = false };
    offer_staged(s, place, descending, ret);
    const enum pando_status st = f->ids.len > 0
                                     ? offer_ids(s, f, place, descending, ret)
                                     : offer_lists(s, plan, place, descending, ret);
    if (st != PANDO_OK)
        return st;
    if (!ret->found || (descending ? ret->entry.timestamp < f->start
                                   : ret->entry.timestamp > f->end))
        return PANDO_NOT_FOUND;
    return PANDO_OK;
}

static enum pando_status scan_next(void *ctx, const struct filter *f, bool descending,
                                   struct delta_place *place, struct delta *ret)
{
    struct delta_store *s = ctx;
    const struct plan plan = f->ids.len > 0 ? (struct plan){ NULL, ROWS_TIMES } : choose(s, f);
    const size_t lists = f->ids.len > 0       ? f->ids.len
                         : plan.texts != NULL ? plan.texts->len
                                              : 1;
    struct row_counts counts;
    enum pando_status st = store_counts(s, &counts);
    if (st != PANDO_OK)
        return st;
    const bool doubtful = counts.stale > 0 || s->open.replacing > 0;
    enter_range(f, descending, place);
    for (size_t looked = 0; looked < LOOK_MAX; looked += lists) {
        struct candidate c;
        bool wanted;
        st = nearest(s, f, &plan, place, descending, &c);
        if (st != PANDO_OK)
            return st;
        *place = (struct delta_place){ c.entry.timestamp, c.entry.digest, true };
        st = examine(s, f, &c, doubtful, ret, &wanted);
        if (st != PANDO_OK || wanted)
            return st;
    }
    return PANDO_BUSY;
}

static enum pando_status scan_get(void *ctx, struct pando_slice id, struct delta *ret)
{
    struct delta_store *s = ctx;
    const struct delta_hash name = group_hash(id);
    const struct member *m = store_open_member(s, &name);
    struct row_name row;
    if (m != NULL)
        return delta_decode(store_open_body(s, m), &s->room, ret);
    const enum pando_status st = rows_name(s->host.tables, &name, &row);
    if (st != PANDO_OK || row.archived)
        return st == PANDO_OK ? PANDO_NOT_FOUND : st;
    const struct post_entry e = { row.timestamp, row.digest, row.place };
    return store_read(s, &e, (struct read_how){ .amid = false }, &s->room, ret);
}

static bool scan_unnegated(void *ctx, struct pando_slice id)
{
    return store_is_unnegated(ctx, id);
}

struct delta_source delta_store_source(struct delta_store *s)
{
    static const struct delta_source_ops ops = { .unnegated = scan_unnegated,
                                                 .get = scan_get,
                                                 .next = scan_next };
    return (struct delta_source){ s, &ops };
}
