/* store_group.c - groups as wholes: a peer's signed one is staged, one that is held is read.
 *
 * Records are cached as they were read, so that the deltas of one object, which mostly came
 * together, cost one read of the journal. The first delta that is wanted of a record is read
 * alone, though, since often no other follows: its digest tells that its bytes are right. Those
 * of a whole record need not be hashed: the journal compared its checksum when it was read.
 */
#include "space/delta/store_state.h"

#include "base/slice.h"

#include <string.h>

/* --- staging a signed group --- */

struct arriving {
    const struct delta *deltas; /* of the group */
    struct group kept; /* what is new, and hashes for the rest */
    size_t fresh;
    struct known known[DELTA_GROUP_MAX];
    uint64_t ticket;
};

/* Whether an earlier member that is here has that name. */
static bool is_twice(const struct group *g, const struct arriving *a, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (g->held[k] && hash_equal(&a->deltas[k].name, &a->deltas[i].name))
            return true;
    return false;
}

static enum pando_status look_at(struct delta_store *s, const struct group *g, size_t i,
                                 struct arriving *a)
{
    a->known[i] = (struct known){ .outcome = DELTA_KNOWN };
    if (!g->held[i])
        return PANDO_OK;
    if (is_twice(g, a, i))
        return PANDO_MALFORMED;
    const struct delta_brief brief = delta_brief_of(&a->deltas[i]);
    const enum pando_status st = store_look_up(s, &brief, &a->known[i]);
    if (st != PANDO_OK)
        return st;
    if (a->known[i].outcome != DELTA_NEW && a->known[i].ticket > a->ticket)
        a->ticket = a->known[i].ticket;
    return PANDO_OK;
}

static bool is_new(const struct group *g, const struct arriving *a, size_t i)
{
    return g->held[i] && a->known[i].outcome == DELTA_NEW;
}

/* Those that are new, as they came, with their signature if they had one. */
static enum pando_status keep_new(struct delta_store *s, const struct group *g,
                                  struct arriving *a)
{
    enum pando_status st = PANDO_OK;
    bool keep[DELTA_GROUP_MAX];
    for (size_t i = 0; st == PANDO_OK && i < g->len; i++) {
        keep[i] = is_new(g, a, i);
        if (keep[i]) /* a plain group closes up */
            st = rows_batch_add(&s->arriving, &a->deltas[i], g->is_signed ? i : a->fresh,
                                !a->known[i].replaces);
        a->fresh += keep[i];
    }
    if (st != PANDO_OK || a->fresh == 0)
        return st;
    a->kept = *g;
    group_part(&a->kept, keep, a->deltas);
    return PANDO_OK;
}

static void tell_all(struct delta_store *s, const struct group *g, const struct arriving *a)
{
    for (size_t i = 0; i < g->len; i++) {
        if (!is_new(g, a, i))
            continue;
        if (a->known[i].replaces)
            store_tell(s, a->known[i].old.timestamp, &a->known[i].old.digest, false);
        store_tell(s, a->deltas[i].timestamp, &a->deltas[i].digest, true);
    }
}

/* Append what is new as one record. */
static enum pando_status append_new(struct delta_store *s, const struct group *g,
                                    struct arriving *a)
{
    const uint8_t kind = g->is_signed ? DELTA_RECORD_SIGNED : DELTA_RECORD_PLAIN;
    uint64_t position;
    buf_reset(&s->encoded);
    enum pando_status st = store_reserve_pending(s);
    if (st == PANDO_OK)
        st = group_encode(&a->kept, &s->encoded);
    if (st == PANDO_OK)
        st = store_append_record(s, kind, buf_view(&s->encoded), &s->arriving, &position);
    if (st != PANDO_OK)
        return st;
    store_give_tickets(s, position, a->fresh);
    store_cache_group(s, position, g->is_signed, buf_view(&s->encoded));
    tell_all(s, g, a);
    a->ticket = s->tickets;
    return PANDO_OK;
}

enum pando_status delta_store_stage_group(struct delta_store *s, const struct group *g,
                                          const struct delta *deltas,
                                          enum delta_outcome *outcomes, uint64_t *ret_ticket)
{
    struct arriving a; /* 30 KiB: what is read was written before */
    a.fresh = 0;
    a.ticket = 0;
    a.deltas = deltas;
    enum pando_status st = delta_store_flush(s);
    for (size_t i = 0; i < g->len; i++)
        if (g->held[i])
            rows_expect_name(s->host.tables, &deltas[i].name);
    for (size_t i = 0; st == PANDO_OK && i < g->len; i++)
        st = look_at(s, g, i, &a);
    rows_batch_reset(&s->arriving);
    if (st == PANDO_OK)
        st = keep_new(s, g, &a);
    if (st == PANDO_OK && a.fresh > 0)
        st = append_new(s, g, &a);
    if (st != PANDO_OK)
        return st;
    for (size_t i = 0; i < g->len; i++) {
        outcomes[i] = a.known[i].outcome;
        s->refused_conflicts += outcomes[i] == DELTA_SHADOWED;
    }
    *ret_ticket = a.ticket;
    return PANDO_OK;
}

/* --- reading --- */

/* The slot that was not used for longest. */
static struct cached_group *oldest(struct delta_store *s)
{
    struct cached_group *found = &s->groups[0];
    for (size_t i = 1; i < CACHE_GROUPS; i++)
        if (s->groups[i].used < found->used)
            found = &s->groups[i];
    found->position = 0;
    buf_reset(&found->bytes);
    return found;
}

void store_cache_group(struct delta_store *s, uint64_t position, bool is_signed,
                       struct pando_slice bytes)
{
    struct cached_group *c = oldest(s);
    if (buf_append(&c->bytes, bytes) != PANDO_OK)
        return; /* it is read again when it is wanted */
    c->position = position;
    c->is_signed = is_signed;
    c->used = ++s->groups_clock;
}

/* Mostly the one that was used last. */
static struct cached_group *find_cached(struct delta_store *s, uint64_t position)
{
    if (position == 0)
        return NULL;
    for (size_t n = 0; n < CACHE_GROUPS; n++) {
        const size_t i = (s->groups_last + n) % CACHE_GROUPS;
        if (s->groups[i].position != position)
            continue;
        s->groups[i].used = ++s->groups_clock;
        s->groups_last = i;
        return &s->groups[i];
    }
    return NULL;
}

enum pando_status store_find_group(struct delta_store *s, uint64_t position,
                                   const struct cached_group **ret)
{
    uint8_t kind;
    struct cached_group *c = find_cached(s, position);
    if (c != NULL) {
        *ret = c;
        return PANDO_OK;
    }
    c = oldest(s);
    const enum pando_status st = journal_read(s->host.journal, position, &kind, &c->bytes);
    if (st != PANDO_OK)
        return st;
    if (kind != DELTA_RECORD_PLAIN && kind != DELTA_RECORD_SIGNED)
        return PANDO_NOT_FOUND;
    c->position = position;
    c->is_signed = kind == DELTA_RECORD_SIGNED;
    c->used = ++s->groups_clock;
    *ret = c;
    return PANDO_OK;
}

/* Whether another delta of the record was read alone lately; notes this one. */
static bool was_glimpsed(struct delta_store *s, uint64_t position)
{
    for (size_t i = 0; i < CACHE_GLIMPSES; i++)
        if (s->glimpsed[i] == position)
            return true;
    s->glimpsed[s->glimpsed_next++ % CACHE_GLIMPSES] = position;
    return false;
}

/* The beginning of a record. NULL: it cannot be read. */
static const struct cached_table *find_table(struct delta_store *s, uint64_t position)
{
    uint8_t kind;
    for (size_t i = 0; i < CACHE_TABLES; i++)
        if (s->tables_at[i] == position)
            return &s->tables[i];
    const size_t i = s->tables_next++ % CACHE_TABLES;
    struct cached_table *t = &s->tables[i];
    s->tables_at[i] = 0;
    buf_reset(&t->bytes);
    if (journal_read_part(s->host.journal, position, 0, GROUP_TABLE_MAX, &kind, &t->bytes) !=
        PANDO_OK)
        return NULL;
    t->is_signed = kind == DELTA_RECORD_SIGNED;
    s->tables_at[i] = position;
    return t;
}

/* The delta alone, without the record around it. False: read the record, and see. */
static bool glimpse(struct delta_store *s, const struct post_entry *e, struct delta_room *room,
                    struct delta *ret)
{
    const uint64_t position = e->place >> 8;
    size_t at, len;
    if (was_glimpsed(s, position))
        return false;
    const struct cached_table *t = find_table(s, position);
    if (t == NULL ||
        group_locate(buf_view(&t->bytes), t->is_signed, e->place & 0xff, &at, &len) != PANDO_OK)
        return false;
    const bool near = at + len <= t->bytes.len; /* of a small record all was read */
    struct pando_buf *b = &s->glimpse;
    buf_reset(b);
    if ((near ? buf_append(b, slice_of(t->bytes.ptr + at, len))
              : journal_read_on(s->host.journal, position, at, len, b)) != PANDO_OK)
        return false;
    const struct pando_slice body = buf_view(b);
    const struct delta_hash digest = group_hash(body);
    return hash_equal(&digest, &e->digest) && delta_parse(body, room, ret) == PANDO_OK;
}

/* The delta out of its record, which may be here already. */
static enum pando_status read_member(struct delta_store *s, const struct post_entry *e,
                                     struct delta_room *room, struct delta *ret)
{
    const struct cached_group *c;
    struct pando_slice body;
    enum pando_status st = store_find_group(s, e->place >> 8, &c);
    if (st == PANDO_OK)
        st = group_member(buf_view(&c->bytes), c->is_signed, e->place & 0xff, &body);
    if (st == PANDO_OK)
        st = delta_parse(body, room, ret);
    if (st != PANDO_OK)
        return st == PANDO_IO || st == PANDO_NOMEM ? st : PANDO_CORRUPT;
    return PANDO_OK;
}

enum pando_status store_read(struct delta_store *s, const struct post_entry *e,
                             struct read_how how, struct delta_room *room, struct delta *ret)
{
    const bool alone = !how.amid && find_cached(s, e->place >> 8) == NULL;
    if (!alone || !glimpse(s, e, room, ret)) {
        const enum pando_status st = read_member(s, e, room, ret);
        if (st != PANDO_OK)
            return st;
    }
    ret->digest = e->digest;
    ret->name = how.unnamed ? (struct delta_hash){ { 0 } } : delta_name_of(ret->id);
    return ret->timestamp == e->timestamp ? PANDO_OK : PANDO_CORRUPT;
}

enum pando_status delta_store_place(struct delta_store *s, const struct delta_hash *name,
                                    uint64_t *ret_place)
{
    struct row_name row;
    const enum pando_status st = rows_name(s->host.tables, name, &row);
    if (st != PANDO_OK || row.archived)
        return st == PANDO_OK ? PANDO_NOT_FOUND : st;
    *ret_place = row.place;
    return PANDO_OK;
}

enum pando_status delta_store_group(struct delta_store *s, uint64_t place, struct group *ret,
                                    size_t *ret_index)
{
    const struct cached_group *c;
    enum pando_status st = store_find_group(s, place >> 8, &c);
    if (st == PANDO_OK)
        st = group_decode(buf_view(&c->bytes), c->is_signed, ret);
    if (st == PANDO_OK)
        *ret_index = place & 0xff;
    return st == PANDO_MALFORMED ? PANDO_CORRUPT : st;
}

enum pando_status delta_store_signer(struct delta_store *s, const struct delta_hash *name,
                                     bool *ret_signed, struct pando_key *ret_key)
{
    struct group g;
    size_t index;
    uint64_t place;
    enum pando_status st = delta_store_place(s, name, &place);
    if (st == PANDO_OK)
        st = delta_store_group(s, place, &g, &index);
    if (st != PANDO_OK)
        return st;
    *ret_signed = g.is_signed;
    if (g.is_signed)
        *ret_key = g.key;
    return PANDO_OK;
}
