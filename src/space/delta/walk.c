/* walk.c - the store's deltas by order of arrival, as items, and counted.
 */
#include "space/delta/store_state.h"

#include "base/slice.h"

#define ALIGN 8u /* records begin at multiples of it */

/* --- order of arrival --- */

static enum pando_status keep_record(struct delta_store *s, uint64_t position, uint8_t kind,
                                     struct pando_slice bytes)
{
    struct arrival *a = &s->arrival;
    a->record = position;
    a->kind = kind;
    buf_reset(&a->bytes);
    const enum pando_status st = buf_append(&a->bytes, bytes);
    if (st != PANDO_OK)
        a->record = 0;
    return st;
}

/* The first place at or behind a position of the journal. */
static uint64_t place_at(uint64_t position)
{
    return (position + ALIGN - 1) / ALIGN * ALIGN << 8;
}

/* Stand at the record at `position`, or the first one behind it. */
static enum pando_status stand_at(struct delta_store *s, uint64_t position, uint64_t until)
{
    struct arrival *a = &s->arrival;
    struct pando_slice bytes;
    uint64_t found;
    uint8_t kind;
    if (a->open && a->record != 0 && a->from <= position && position <= a->record)
        return PANDO_OK;
    if (position << 8 >= until)
        return PANDO_NOT_FOUND;
    if (!a->open || a->cursor.position != position) {
        if (a->open)
            journal_scan_end(&a->cursor);
        journal_scan(s->host.journal, position, &a->cursor);
        a->open = true;
    }
    a->record = 0;
    a->from = position;
    const enum pando_status st = journal_next(&a->cursor, &found, &kind, &bytes);
    return st == PANDO_OK ? keep_record(s, found, kind, bytes) : st;
}

/* The record's delta at `index`, if it still counts there. */
static enum pando_status read_arrived(struct delta_store *s, size_t index, struct delta *ret)
{
    struct arrival *a = &s->arrival;
    struct pando_slice body;
    struct row_name row;
    enum pando_status st = group_member(buf_view(&a->bytes), a->kind == DELTA_RECORD_SIGNED,
                                        index, &body);
    if (st != PANDO_OK)
        return st;
    st = delta_parse(body, &a->room, ret);
    if (st != PANDO_OK)
        return PANDO_CORRUPT;
    ret->name = delta_name_of(ret->id);
    st = rows_name(s->host.tables, &ret->name, &row);
    if (st != PANDO_OK)
        return st;
    ret->digest = row.digest; /* of what lies at this place, if it is the row's */
    return !row.archived && row.place == (a->record << 8 | index) ? PANDO_OK
                                                                   : PANDO_NOT_FOUND;
}

static bool is_group(uint8_t kind)
{
    return kind == DELTA_RECORD_PLAIN || kind == DELTA_RECORD_SIGNED;
}

static size_t members_of(const struct arrival *a)
{
    return is_group(a->kind) && a->bytes.len >= GROUP_HEAD_PLAIN ? (size_t)a->bytes.ptr[1] + 1
                                                                 : 0;
}

enum pando_status delta_store_arrived_until(struct delta_store *s, uint64_t until,
                                            uint64_t *position, struct delta *ret)
{
    struct arrival *a = &s->arrival;
    uint64_t at = *position;
    for (size_t looked = 0; looked < LOOK_MAX; looked++) {
        const uint64_t wanted = (at >> 8) & ~(uint64_t)(ALIGN - 1);
        enum pando_status st = stand_at(s, wanted, until);
        const size_t from =
            st == PANDO_OK && a->record == wanted ? (size_t)(at - (wanted << 8)) : 0;
        if (st == PANDO_OK && (a->record << 8) + from >= until)
            st = PANDO_NOT_FOUND;
        if (st != PANDO_OK) {
            *position = at;
            return st;
        }
        if (from >= members_of(a)) {
            at = a->cursor.position << 8;
            continue;
        }
        at = (a->record << 8) + from + 1;
        st = read_arrived(s, from, ret);
        if (st != PANDO_NOT_FOUND) {
            *position = st == PANDO_OK ? at : *position;
            return st;
        }
    }
    *position = at;
    return PANDO_BUSY;
}

enum pando_status delta_store_arrived(struct delta_store *s, uint64_t *position,
                                      struct delta *ret)
{
    return delta_store_arrived_until(s, delta_store_arrived_end(s), position, ret);
}

uint64_t delta_store_arrived_end(const struct delta_store *s)
{
    return place_at(s->durable_position);
}

uint64_t delta_store_appended_end(const struct delta_store *s)
{
    return place_at(journal_end(s->host.journal));
}

/* --- items --- */

enum pando_status delta_store_items(struct delta_store *s, struct delta_place *place, int64_t to,
                                    struct delta_item *ret, size_t cap, size_t *ret_len)
{
    const struct post_list times = rows_times();
    size_t len = 0;
    enum pando_status st = delta_store_flush(s);
    while (st == PANDO_OK && len < cap) {
        struct post_entry e;
        st = store_next_entry(s, &times, place, false, &e, NULL);
        if (st == PANDO_OK && e.timestamp > to)
            st = PANDO_NOT_FOUND;
        if (st != PANDO_OK)
            break;
        ret[len++] = (struct delta_item){ e.timestamp, e.digest, e.place };
        *place = (struct delta_place){ e.timestamp, e.digest, true };
    }
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    *ret_len = len;
    return PANDO_OK;
}

/* --- counting --- */

/* Whether the filter asks of the time alone: then no delta need be read. */
static bool is_of_time(const struct filter *f)
{
    return f->ids.len + f->target_ids.len + f->target_contexts.len + f->authors.len +
               f->systems.len ==
           0;
}

static enum pando_status count_times(struct delta_store *s, const struct filter *f,
                                     struct delta_store_count *c)
{
    struct delta_item items[256];
    size_t len = 0;
    if (!c->place.set && f->start > 1) {
        c->place = (struct delta_place){ .timestamp = f->start - 1, .set = true };
        memset(c->place.digest.bytes, 0xff, sizeof c->place.digest.bytes);
    }
    for (size_t looked = 0; looked < LOOK_MAX; looked += len) {
        const enum pando_status st = delta_store_items(
            s, &c->place, f->end, items, sizeof items / sizeof *items, &len);
        if (st != PANDO_OK)
            return st;
        c->count += len;
        if (len < sizeof items / sizeof *items)
            return PANDO_OK;
    }
    return PANDO_BUSY;
}

enum pando_status delta_store_count(struct delta_store *s, const struct filter *f,
                                    struct delta_store_count *c)
{
    const struct delta_source source = delta_store_source(s);
    struct row_counts counts;
    struct delta d;
    enum pando_status st = PANDO_OK;
    if (is_of_time(f) && f->start <= 1 && f->end >= DELTA_TIME_MAX) {
        st = store_counts(s, &counts);
        c->count = counts.deltas + s->open.len - s->open.replacing;
        return st;
    }
    if (is_of_time(f))
        return count_times(s, f, c);
    for (size_t found = 0; found < LOOK_MAX; found++) {
        st = source_next(&source, f, false, &c->place, &d);
        if (st != PANDO_OK)
            return st == PANDO_NOT_FOUND ? PANDO_OK : st;
        c->count++;
    }
    return PANDO_BUSY;
}
