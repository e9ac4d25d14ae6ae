/* compact.c - deltas leave the store, and what stays makes way for the journal's head to go.
 */
#include "space/delta/archive_state.h"

#include "base/slice.h"
#include "space/delta/negate.h"
#include "space/delta/store_mutant.h"

#include <string.h>

#define COMMIT_STEP 128u /* archived by one call */
#define MOVE_STEP   64u  /* records looked at by one call */

/* --- archived names --- */

/* Whether it may go now: things may have changed since it was found. */
static enum pando_status may_go(struct delta_archive *a, const struct archive_item *item,
                                const struct delta *d, bool *ret)
{
    uint8_t room[DELTA_NAME_MAX];
    enum pando_status st = PANDO_OK;
    *ret = DELTA_STORE_MUTANT == 3;
    if (DELTA_STORE_MUTANT == 3)
        return PANDO_OK;
    if (item->negation)
        st = archive_targets_gone(a, d, false, ret);
    if (st != PANDO_OK || *ret)
        return st;
    memcpy(room, d->id.ptr, d->id.len);
    return archive_is_negated(a, slice_of(room, d->id.len), ret);
}

static enum pando_status put_item(struct delta_archive *a, struct archive_item *item,
                                  struct pando_buf *record)
{
    struct post_list lists[ROWS_LISTS_MAX];
    struct delta d;
    bool goes;
    enum pando_status st = archive_read(a, item, &d);
    if (st == PANDO_OK)
        st = may_go(a, item, &d, &goes);
    if (st != PANDO_OK || !goes)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st;
    st = archive_read(a, item, &d); /* others were read meanwhile */
    if (st != PANDO_OK)
        return st;
    const struct rows_gone gone = { d.name, d.timestamp, d.digest, rows_lists_of(&d, lists),
                                    lists };
    st = rows_gone_put(record, &gone);
    item->goes = st == PANDO_OK;
    return st;
}

static void tell_gone(struct delta_archive *a, struct pando_slice record)
{
    struct post_list lists[ROWS_LISTS_MAX];
    struct rows_gone_reader r;
    struct rows_gone item;
    if (rows_gone_open(record, &r) != PANDO_OK)
        return;
    while (rows_gone_next(&r, lists, &item) == PANDO_OK)
        store_tell(a->store, item.timestamp, &item.digest, false);
}

/* Items from `committed` on in one record, which holds as a whole or not at all. */
static enum pando_status commit_some(struct delta_archive *a, struct pando_buf *record)
{
    size_t at = a->committed;
    enum pando_status st = rows_gone_begin(record);
    while (st == PANDO_OK && at < a->items_len && at - a->committed < COMMIT_STEP &&
           record->len < ROWS_GONE_BYTES)
        st = put_item(a, &a->items[at++], record);
    const size_t count = st == PANDO_OK ? rows_gone_count(record) : 0;
    if (count > 0)
        st = store_append_record(a->store, DELTA_RECORD_ARCHIVED, buf_view(record), NULL,
                                 &a->position);
    if (st != PANDO_OK) { /* none of them does, for now */
        while (at > a->committed)
            a->items[--at].goes = false;
        return st;
    }
    if (count > 0)
        tell_gone(a, buf_view(record));
    a->gone += count;
    a->committed = at;
    return PANDO_OK;
}

enum pando_status delta_archive_commit(struct delta_archive *a, uint64_t *ret_position,
                                       size_t *ret_gone)
{
    struct pando_buf record;
    enum pando_status st = delta_store_flush(a->store);
    if (st != PANDO_OK)
        return st;
    buf_init(&record, JOURNAL_RECORD_MAX);
    if (a->committed < a->items_len)
        st = commit_some(a, &record);
    buf_deinit(&record);
    if (st != PANDO_OK)
        return st;
    *ret_position = a->position;
    *ret_gone = a->gone;
    return a->committed < a->items_len ? PANDO_BUSY : PANDO_OK;
}

/* --- records written again --- */

/* Which members of a group still count from where they lie. */
static enum pando_status find_live(struct delta_store *s, const struct group *g,
                                   uint64_t position, bool ret[static DELTA_GROUP_MAX],
                                   size_t *ret_live)
{
    *ret_live = 0;
    for (size_t i = 0; i < g->len; i++) {
        struct row_name row;
        struct delta d;
        ret[i] = false;
        if (!g->held[i])
            continue;
        if (delta_decode(g->bodies[i], &s->room, &d) != PANDO_OK)
            return PANDO_CORRUPT;
        const enum pando_status st = rows_name(s->host.tables, &d.name, &row);
        if (st != PANDO_OK && st != PANDO_NOT_FOUND)
            return st;
        ret[i] = st == PANDO_OK && !row.archived && row.place == (position << 8 | i);
        *ret_live += ret[i];
    }
    return PANDO_OK;
}

static enum pando_status move_group(struct delta_store *s, struct delta_compact *c,
                                    uint64_t position, bool is_signed, struct pando_slice bytes)
{
    bool live[DELTA_GROUP_MAX];
    struct group g;
    size_t len;
    if (group_decode(bytes, is_signed, &g) != PANDO_OK)
        return PANDO_CORRUPT;
    enum pando_status st = find_live(s, &g, position, live, &len);
    if (st != PANDO_OK)
        return st;
    const size_t dead = group_held(&g) - len;
    if (len == 0 || (DELTA_STORE_MUTANT == 4 && is_signed)) {
        c->left += dead;
        return PANDO_OK;
    }
    group_part(&g, live, NULL);
    buf_reset(&s->encoded);
    st = group_encode(&g, &s->encoded);
    if (st == PANDO_OK)
        st = store_append_record(s, is_signed ? DELTA_RECORD_SIGNED : DELTA_RECORD_PLAIN,
                                 buf_view(&s->encoded), NULL, &c->last);
    if (st != PANDO_OK)
        return st;
    c->moved += len;
    c->left += dead;
    return PANDO_OK;
}

enum pando_status delta_store_return(struct delta_store *s, const struct delta_brief *d,
                                     bool *ret_returned)
{
    struct row_name row = { .archived = false };
    struct pando_buf record;
    uint64_t position;
    enum pando_status st = rows_name(s->host.tables, &d->name, &row);
    *ret_returned = st == PANDO_OK && row.archived && hash_equal(&row.digest, &d->digest);
    if (!*ret_returned)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st;
    const struct rows_gone item = { d->name, d->timestamp, d->digest, 0, NULL };
    buf_init(&record, ROWS_GONE_BYTES);
    st = rows_gone_begin(&record);
    if (st == PANDO_OK)
        st = rows_gone_put(&record, &item);
    if (st == PANDO_OK)
        st = store_append_record(s, DELTA_RECORD_RETURNED, buf_view(&record), NULL, &position);
    buf_deinit(&record);
    return st;
}

/* Whether this is what is archived under the name: one that came back must not be taken away
 * again, and one that another displaced in between is not what counts. */
static enum pando_status is_archived(struct delta_store *s, const struct rows_gone *item,
                                     bool *ret)
{
    struct row_name row = { .archived = false };
    const enum pando_status st = rows_name(s->host.tables, &item->name, &row);
    *ret = st == PANDO_OK && row.archived && hash_equal(&row.digest, &item->digest);
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

/* Names stay known; the lists they stood under are gone. */
static enum pando_status move_names(struct delta_store *s, struct delta_compact *c,
                                    struct pando_slice bytes)
{
    struct post_list lists[ROWS_LISTS_MAX];
    struct rows_gone_reader r;
    struct rows_gone item;
    struct pando_buf record;
    enum pando_status st = rows_gone_open(bytes, &r);
    buf_init(&record, JOURNAL_RECORD_MAX);
    if (st == PANDO_OK)
        st = rows_gone_begin(&record);
    while (st == PANDO_OK && (st = rows_gone_next(&r, lists, &item)) == PANDO_OK) {
        bool archived;
        item.lists_len = 0;
        st = is_archived(s, &item, &archived);
        if (st == PANDO_OK && (archived || DELTA_STORE_MUTANT == 7))
            st = rows_gone_put(&record, &item);
    }
    if (st == PANDO_NOT_FOUND && rows_gone_count(&record) == 0)
        st = PANDO_OK;
    else if (st == PANDO_NOT_FOUND)
        st = store_append_record(s, DELTA_RECORD_ARCHIVED, buf_view(&record), NULL, &c->last);
    else if (st == PANDO_MALFORMED)
        st = PANDO_CORRUPT;
    buf_deinit(&record);
    return st;
}

static enum pando_status move_record(struct delta_store *s, struct delta_compact *c,
                                     uint64_t position, uint8_t kind, struct pando_slice bytes)
{
    if (kind == DELTA_RECORD_ARCHIVED)
        return move_names(s, c, bytes);
    if (kind == DELTA_RECORD_RETURNED)
        return PANDO_OK; /* what archived these names goes before it, or with it */
    if (kind == DELTA_RECORD_KEPT)
        return store_move_kept(s, position, bytes, &c->last);
    return move_group(s, c, position, kind == DELTA_RECORD_SIGNED, bytes);
}

static enum pando_status move_some(struct delta_store *s, struct delta_compact *c,
                                   struct journal_cursor *cursor)
{
    for (size_t looked = 0; looked < MOVE_STEP; looked++) {
        struct pando_slice bytes;
        uint64_t position;
        uint8_t kind;
        enum pando_status st = journal_next(cursor, &position, &kind, &bytes);
        if (st == PANDO_NOT_FOUND || (st == PANDO_OK && position >= c->to))
            return PANDO_OK;
        if (st != PANDO_OK)
            return st;
        st = move_record(s, c, position, kind, bytes);
        if (st != PANDO_OK)
            return st;
        c->at = cursor->position;
    }
    return PANDO_BUSY;
}

enum pando_status delta_compact_step(struct delta_store *s, struct delta_compact *c)
{
    struct journal_cursor cursor;
    enum pando_status st = delta_store_flush(s);
    if (st != PANDO_OK)
        return st;
    if (c->to > s->durable_position)
        return PANDO_INVALID;
    journal_scan(s->host.journal, c->at, &cursor);
    st = move_some(s, c, &cursor);
    journal_scan_end(&cursor);
    return st;
}
