/* rows_fold.c - a journal record becomes rows.
 */
#include "space/delta/rows_batch.h"

#include "base/slice.h"
#include "space/delta/rows_put.h"

#include <stdlib.h>

/* --- groups --- */

static enum pando_status gather(struct rows_batch *b, bool is_signed, struct pando_slice bytes)
{
    struct delta_room room;
    struct group g;
    enum pando_status st = group_decode(bytes, is_signed, &g);
    if (st != PANDO_OK)
        return st == PANDO_MALFORMED ? PANDO_CORRUPT : st;
    for (size_t i = 0; st == PANDO_OK && i < g.len; i++) {
        struct delta d;
        if (!g.held[i])
            continue;
        if (delta_decode(g.bodies[i], &room, &d) != PANDO_OK)
            return PANDO_CORRUPT;
        st = rows_batch_add(b, &d, i, false);
    }
    return st;
}

static enum pando_status fold_group(const struct tables *t, bool is_signed, uint64_t position,
                                    struct pando_slice bytes)
{
    struct rows_batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return PANDO_NOMEM;
    enum pando_status st = gather(b, is_signed, bytes);
    if (st == PANDO_OK)
        st = rows_apply(t, NULL, b, position);
    rows_batch_deinit(b);
    free(b);
    return st;
}

/* --- what was archived --- */

struct fold {
    const struct tables *t;
    struct row_counts counts;
};

static enum pando_status leave_list(struct fold *f, const struct post_list *l,
                                    const struct post_entry *e)
{
    if (l->table == ROWS_TARGETS) {
        f->counts.targets--;
        return rows_del_target(f->t, l, e);
    }
    f->counts.contexts -= l->table == ROWS_CONTEXTS;
    const enum pando_status st = post_del(f->t, NULL, l, e);
    return st == PANDO_OK ? rows_add_tally(f->t, l, -1) : st;
}

static enum pando_status leave_lists(struct fold *f, const struct rows_gone *item,
                                     const struct row_name *old)
{
    const struct post_list times = rows_times();
    const struct post_entry e = { old->timestamp, old->digest, 0 };
    const bool same = hash_equal(&item->digest, &old->digest);
    enum pando_status st = post_del(f->t, NULL, &times, &e);
    for (size_t i = 0; same && st == PANDO_OK && i < item->lists_len; i++)
        st = leave_list(f, &item->lists[i], &e);
    f->counts.stale += !same || item->lists_len == 0;
    f->counts.deltas--;
    return st;
}

static enum pando_status fold_gone(struct fold *f, const struct rows_gone *item)
{
    struct row_name old = { .archived = false };
    enum pando_status st = rows_name(f->t, &item->name, &old);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    if (st == PANDO_OK && old.archived)
        return PANDO_OK;
    if (st == PANDO_OK) {
        st = leave_lists(f, item, &old);
        if (st != PANDO_OK)
            return st;
    }
    const struct row_name now = { true, old.conflicted, 0, item->timestamp, item->digest };
    f->counts.archived++;
    return rows_put_name(f->t, &item->name, &now);
}

static enum pando_status fold_items(struct fold *f, struct pando_slice bytes)
{
    struct post_list lists[ROWS_LISTS_MAX];
    struct rows_gone_reader r;
    struct rows_gone item;
    if (rows_gone_open(bytes, &r) != PANDO_OK)
        return PANDO_CORRUPT;
    for (;;) {
        enum pando_status st = rows_gone_next(&r, lists, &item);
        if (st != PANDO_OK)
            return st == PANDO_NOT_FOUND ? PANDO_OK : PANDO_CORRUPT;
        st = fold_gone(f, &item);
        if (st != PANDO_OK)
            return st;
    }
}

static enum pando_status fold_archived(const struct tables *t, struct pando_slice bytes)
{
    struct fold f = { .t = t };
    enum pando_status st = rows_counts(t, &f.counts);
    if (st == PANDO_OK)
        st = fold_items(&f, bytes);
    return st == PANDO_OK ? rows_put_counts(t, &f.counts) : st;
}

enum pando_status rows_fold(const struct tables *t, uint8_t record, uint64_t position,
                            struct pando_slice bytes)
{
    if (record == DELTA_RECORD_RETURNED)
        return rows_fold_returned(t, bytes);
    if (record == DELTA_RECORD_KEPT)
        return rows_fold_kept(t, position, bytes);
    if (record < DELTA_RECORD_PLAIN || record > DELTA_RECORD_ARCHIVED)
        return PANDO_UNSUPPORTED;
    if (record == DELTA_RECORD_ARCHIVED)
        return fold_archived(t, bytes);
    return fold_group(t, record == DELTA_RECORD_SIGNED, position, bytes);
}
