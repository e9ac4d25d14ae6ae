/* rows_fold.c - a journal record becomes rows.
 *
 * Entries for lists are gathered over the whole group, sorted, and put list by list: the
 * deltas of a group mostly share author, system and contexts and follow each other in time.
 * What a record amounts to does not depend on the records before it: of deltas with one id
 * the least digest is left, an archived name stays archived.
 */
#include "space/delta/rows_put.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/store_mutant.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 1024u /* gathered before they are put */
#define MEMO        8u    /* texts whose hashes are remembered */

struct entry {
    struct post_list list;
    struct post_entry post;
    bool fresh; /* not only moved */
};

struct fold {
    const struct tables *t;
    struct row_counts counts;
    struct post_list memo_list[MEMO];
    struct pando_slice memo_text[MEMO];
    size_t memo_next;
    size_t len;
    struct entry entries[ENTRIES_MAX];
    struct post_entry run[ENTRIES_MAX];
};

/* --- putting what was gathered --- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->list.table != y->list.table)
        return x->list.table < y->list.table ? -1 : 1;
    const int order = memcmp(x->list.prefix.bytes, y->list.prefix.bytes,
                             sizeof x->list.prefix.bytes);
    return order != 0 ? order : post_compare(&x->post, &y->post);
}

/* Entries of one list, without the doubles of a delta that stands twice in a group. */
static enum pando_status put_run(struct fold *f, const struct entry *e, size_t len)
{
    size_t n = 0;
    int64_t fresh = 0;
    for (size_t i = 0; i < len; i++) {
        if (n > 0 && post_compare(&f->run[n - 1], &e[i].post) == 0)
            n--;
        f->run[n++] = e[i].post;
        fresh += e[i].fresh;
    }
    const enum pando_status st = post_put(f->t, &e->list, f->run, n);
    if (st != PANDO_OK || fresh == 0 || e->list.table == ROWS_TIMES)
        return st;
    return rows_add_tally(f->t, &e->list, fresh);
}

static enum pando_status put_gathered(struct fold *f)
{
    enum pando_status st = PANDO_OK;
    qsort(f->entries, f->len, sizeof *f->entries, compare_entries);
    for (size_t i = 0, to; st == PANDO_OK && i < f->len; i = to) {
        for (to = i + 1; to < f->len; to++)
            if (!post_list_equal(&f->entries[i].list, &f->entries[to].list))
                break;
        st = put_run(f, &f->entries[i], to - i);
    }
    f->len = 0;
    return st;
}

static enum pando_status gather(struct fold *f, const struct post_list *list,
                                const struct post_entry *post, bool fresh)
{
    if (f->len == ENTRIES_MAX) {
        const enum pando_status st = put_gathered(f);
        if (st != PANDO_OK)
            return st;
    }
    f->entries[f->len++] = (struct entry){ *list, *post, fresh };
    return PANDO_OK;
}

/* --- one delta --- */

static const struct post_list *list_of(struct fold *f, enum rows_table table,
                                       struct pando_slice text)
{
    for (size_t i = 0; i < MEMO; i++)
        if (f->memo_list[i].table == (uint8_t)table && slice_equal(f->memo_text[i], text))
            return &f->memo_list[i];
    const size_t i = f->memo_next++ % MEMO;
    f->memo_list[i] = rows_list(table, text);
    f->memo_text[i] = text;
    return &f->memo_list[i];
}

/* Whether an earlier pointer of the delta has the same object, or context. */
static bool is_repeated(const struct delta *d, size_t i, bool context)
{
    const struct pando_slice text =
        context ? d->pointers[i].context : d->pointers[i].text;
    for (size_t k = 0; k < i; k++) {
        const struct delta_pointer *p = &d->pointers[k];
        if (p->kind == DELTA_REF && slice_equal(context ? p->context : p->text, text))
            return true;
    }
    return false;
}

static enum pando_status put_pointer(struct fold *f, const struct delta *d, size_t i,
                                     const struct post_entry *e, bool fresh)
{
    const struct delta_pointer *p = &d->pointers[i];
    enum pando_status st = PANDO_OK;
    if (p->kind != DELTA_REF)
        return PANDO_OK;
    if (!is_repeated(d, i, false)) {
        const struct post_list list = *list_of(f, ROWS_TARGETS, p->text);
        st = rows_put_target(f->t, &list, e);
        f->counts.targets += fresh;
    }
    if (st != PANDO_OK || p->context.len == 0 || is_repeated(d, i, true))
        return st;
    f->counts.contexts += fresh;
    return gather(f, list_of(f, ROWS_CONTEXTS, p->context), e, fresh);
}

static enum pando_status put_lists(struct fold *f, const struct delta *d, uint64_t place,
                                   bool fresh)
{
    const struct post_list times = rows_times();
    const struct post_entry e = { d->timestamp, d->digest, place };
    enum pando_status st = gather(f, &times, &e, fresh);
    if (st == PANDO_OK)
        st = gather(f, list_of(f, ROWS_AUTHORS, d->author), &e, fresh);
    if (st == PANDO_OK)
        st = gather(f, list_of(f, ROWS_SYSTEMS, d->system), &e, fresh);
    for (size_t i = 0; st == PANDO_OK && i < d->pointers_len; i++)
        st = put_pointer(f, d, i, &e, fresh);
    return st;
}

/* The other delta of that id leaves the order of time. */
static enum pando_status displace(struct fold *f, const struct row_name *old)
{
    const struct post_list times = rows_times();
    const struct post_entry e = { old->timestamp, old->digest, 0 };
    enum pando_status st = put_gathered(f); /* it may be among them */
    if (st == PANDO_OK)
        st = post_del(f->t, &times, &e);
    f->counts.deltas--;
    f->counts.stale++;
    return st;
}

static enum pando_status note_conflict(struct fold *f, const struct delta_hash *name,
                                       struct row_name *n)
{
    if (n->conflicted)
        return PANDO_OK;
    n->conflicted = true;
    f->counts.conflicts++;
    return rows_put_name(f->t, name, n);
}

static enum pando_status fold_delta(struct fold *f, const struct delta *d, uint64_t place)
{
    struct row_name old = { .archived = false };
    enum pando_status st = rows_name(f->t, &d->name, &old);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    const bool known = st == PANDO_OK;
    const int order =
        !known ? -1 : memcmp(d->digest.bytes, old.digest.bytes, sizeof d->digest.bytes);
    if (known && (old.archived || (order > 0 && DELTA_STORE_MUTANT != 1)))
        return order == 0 ? PANDO_OK : note_conflict(f, &d->name, &old);
    st = PANDO_OK;
    if (known && (order < 0 || (order > 0 && DELTA_STORE_MUTANT == 1))) {
        f->counts.conflicts += !old.conflicted;
        old.conflicted = true;
        st = displace(f, &old);
    }
    const struct row_name now = { false, old.conflicted, place, d->timestamp, d->digest };
    if (st == PANDO_OK)
        st = rows_put_name(f->t, &d->name, &now);
    if (st == PANDO_OK)
        st = put_lists(f, d, place, order != 0);
    f->counts.deltas += order != 0;
    if ((uint64_t)d->timestamp > f->counts.latest)
        f->counts.latest = (uint64_t)d->timestamp;
    return st;
}

/* --- records --- */

static enum pando_status fold_group(struct fold *f, bool is_signed, uint64_t position,
                                    struct pando_slice bytes)
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
        st = fold_delta(f, &d, position << 8 | i);
    }
    return st == PANDO_OK ? put_gathered(f) : st;
}

static enum pando_status leave_list(struct fold *f, const struct post_list *l,
                                    const struct post_entry *e)
{
    if (l->table == ROWS_TARGETS) {
        f->counts.targets--;
        return rows_del_target(f->t, l, e);
    }
    f->counts.contexts -= l->table == ROWS_CONTEXTS;
    const enum pando_status st = post_del(f->t, l, e);
    return st == PANDO_OK ? rows_add_tally(f->t, l, -1) : st;
}

static enum pando_status leave_lists(struct fold *f, const struct rows_gone *item,
                                     const struct row_name *old)
{
    const struct post_list times = rows_times();
    const struct post_entry e = { old->timestamp, old->digest, 0 };
    const bool same = hash_equal(&item->digest, &old->digest);
    enum pando_status st = post_del(f->t, &times, &e);
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

static enum pando_status fold_archived(struct fold *f, struct pando_slice bytes)
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

enum pando_status rows_fold(const struct tables *t, uint8_t record, uint64_t position,
                            struct pando_slice bytes)
{
    if (record < DELTA_RECORD_PLAIN || record > DELTA_RECORD_ARCHIVED)
        return PANDO_UNSUPPORTED;
    struct fold *f = malloc(sizeof *f);
    if (f == NULL)
        return PANDO_NOMEM;
    f->t = t;
    f->len = f->memo_next = 0;
    memset(f->memo_list, 0, sizeof f->memo_list);
    enum pando_status st = rows_counts(t, &f->counts);
    if (st == PANDO_OK)
        st = record == DELTA_RECORD_ARCHIVED
                 ? fold_archived(f, bytes)
                 : fold_group(f, record == DELTA_RECORD_SIGNED, position, bytes);
    if (st == PANDO_OK)
        st = rows_put_counts(t, &f->counts);
    free(f);
    return st;
}
