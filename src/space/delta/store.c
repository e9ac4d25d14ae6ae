#include "space/delta/store_state.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/store_mutant.h"

#include <stdlib.h>
#include <string.h>

enum pando_status delta_store_fold(struct tables *tables, const struct pando_id *space,
                                   uint8_t record, uint64_t position, struct pando_slice bytes)
{
    (void)space;
    return rows_fold(tables, record, position, bytes);
}

enum pando_status delta_store_new(const struct space_host *host, struct delta_store **ret,
                                  struct pando_err *reterr)
{
    struct row_counts counts;
    const enum pando_status st = rows_counts(host->tables, &counts);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st,
                             "delta: the index cannot be read (%s): rebuild it with "
                             "'pando db reindex'",
                             pando_status_text(st));
    struct delta_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "delta: memory is out");
    if (post_tails_new(&s->tails) != PANDO_OK) {
        free(s);
        return pando_err_set(reterr, PANDO_NOMEM, "delta: memory is out");
    }
    s->host = *host;
    s->version = 1;
    s->durable_position = journal_durable(host->journal);
    buf_init(&s->open.bodies, GROUP_BYTES_MAX);
    buf_init(&s->encoded, GROUP_BYTES_MAX);
    buf_init(&s->arrival.bytes, JOURNAL_RECORD_MAX);
    buf_init(&s->glimpse, DELTA_BYTES_MAX);
    for (size_t i = 0; i < CACHE_GROUPS; i++)
        buf_init(&s->groups[i].bytes, JOURNAL_RECORD_MAX);
    for (size_t i = 0; i < CACHE_TABLES; i++)
        buf_init(&s->tables[i].bytes, GROUP_TABLE_MAX);
    *ret = s;
    return PANDO_OK;
}

void delta_store_free(struct delta_store *s)
{
    if (s == NULL)
        return;
    if (s->arrival.open)
        journal_scan_end(&s->arrival.cursor);
    for (size_t i = 0; i < CACHE_GROUPS; i++)
        buf_deinit(&s->groups[i].bytes);
    for (size_t i = 0; i < CACHE_TABLES; i++)
        buf_deinit(&s->tables[i].bytes);
    buf_deinit(&s->arrival.bytes);
    buf_deinit(&s->encoded);
    buf_deinit(&s->glimpse);
    buf_deinit(&s->open.bodies);
    rows_batch_deinit(&s->open.rows);
    rows_batch_deinit(&s->arriving);
    post_tails_free(s->tails);
    free(s->pending);
    store_aims_deinit(&s->aims);
    free(s);
}

void delta_store_watch(struct delta_store *s, struct delta_watch watch)
{
    PANDO_ASSERT(s->watches_len < sizeof s->watches / sizeof s->watches[0]);
    s->watches[s->watches_len++] = watch;
}

void store_tell(struct delta_store *s, int64_t timestamp, const struct delta_hash *digest,
                bool added)
{
    const struct delta_item item = { .timestamp = timestamp, .digest = *digest };
    for (size_t i = 0; i < s->watches_len; i++)
        s->watches[i].changed(s->watches[i].ctx, &item, added);
}

/* --- what is known --- */

const struct member *store_open_member(const struct delta_store *s,
                                       const struct delta_hash *name)
{
    for (size_t i = 0; i < s->open.len; i++)
        if (hash_equal(&s->open.members[i].name, name))
            return &s->open.members[i];
    return NULL;
}

struct pando_slice store_open_body(const struct delta_store *s, const struct member *m)
{
    return slice_of(s->open.bodies.ptr + m->at, m->len);
}

/* Against the one that is here: the lesser digest counts. */
static enum delta_outcome judge(const struct delta_brief *d, const struct delta_hash *here)
{
    const int order = memcmp(d->digest.bytes, here->bytes, sizeof here->bytes);
    return order == 0 ? DELTA_KNOWN : order < 0 ? DELTA_NEW : DELTA_SHADOWED;
}

enum pando_status store_look_up(struct delta_store *s, const struct delta_brief *d,
                                struct known *ret)
{
    const struct member *m = store_open_member(s, &d->name);
    struct row_name row;
    *ret = (struct known){ .outcome = DELTA_NEW };
    if (m != NULL) {
        ret->outcome = judge(d, &m->digest);
        ret->ticket = s->tickets + (uint64_t)(m - s->open.members) + 1;
        if (ret->outcome != DELTA_NEW)
            return PANDO_OK;
        const enum pando_status st = delta_store_flush(s);
        if (st != PANDO_OK)
            return st;
    }
    const enum pando_status st = rows_name(s->host.tables, &d->name, &row);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st;
    ret->outcome = judge(d, &row.digest);
    if (DELTA_STORE_MUTANT == 2 && row.archived)
        ret->outcome = DELTA_NEW;
    else if (row.archived && ret->outcome == DELTA_NEW)
        ret->outcome = DELTA_SHADOWED; /* an archived id is done with */
    ret->ticket = row.archived ? 0 : store_ticket_at(s, row.place >> 8);
    ret->replaces = ret->outcome == DELTA_NEW;
    ret->old = (struct delta_item){ .timestamp = row.timestamp, .digest = row.digest };
    return PANDO_OK;
}

/* --- staging --- */

struct staging {
    struct delta_store *store;
    const struct rows_batch *rows;
};

static enum pando_status fold_staged(void *ctx, const struct tables *t, uint64_t position)
{
    const struct staging *staged = ctx;
    return rows_apply(t, staged->store->tails, staged->rows, position);
}

enum pando_status store_append_record(struct delta_store *s, uint8_t kind,
                                      struct pando_slice bytes, const struct rows_batch *rows,
                                      uint64_t *ret_position)
{
    struct staging staged = { s, rows };
    const struct tables_fold fold = { &staged, fold_staged };
    const enum pando_status st = s->host.append(s->host.ctx, kind, bytes,
                                                rows != NULL ? &fold : NULL, ret_position);
    if (st == PANDO_OK)
        s->appended[s->version++ % APPENDED_MAX] = *ret_position;
    /* What is archived and what comes back may leave the counts as they were: look anew. */
    if (kind == DELTA_RECORD_ARCHIVED || kind == DELTA_RECORD_RETURNED)
        s->aims.tally = UINT64_MAX;
    if (st != PANDO_OK || rows == NULL)
        post_tails_forget(s->tails);
    return st;
}

static enum pando_status encode_open(struct delta_store *s, bool *ret_signed)
{
    struct delta_hash digests[DELTA_GROUP_MAX];
    struct group g = { .len = s->open.len, .digests = digests };
    for (size_t i = 0; i < g.len; i++) {
        digests[i] = s->open.members[i].digest;
        g.bodies[i] = store_open_body(s, &s->open.members[i]);
        g.held[i] = true;
    }
    if (s->open.own && s->host.secret != NULL)
        group_sign(&g, &s->host.space, s->host.secret);
    *ret_signed = g.is_signed;
    buf_reset(&s->encoded);
    return group_encode(&g, &s->encoded);
}

enum pando_status delta_store_flush(struct delta_store *s)
{
    bool is_signed;
    uint64_t position;
    if (s->open.len == 0)
        return PANDO_OK;
    enum pando_status st = store_reserve_pending(s);
    if (st == PANDO_OK)
        st = encode_open(s, &is_signed);
    if (st == PANDO_OK)
        st = store_append_record(s, is_signed ? DELTA_RECORD_SIGNED : DELTA_RECORD_PLAIN,
                                 buf_view(&s->encoded), &s->open.rows, &position);
    if (st != PANDO_OK)
        return st;
    store_give_tickets(s, position, s->open.len);
    store_cache_group(s, position, is_signed, buf_view(&s->encoded));
    for (size_t i = 0; i < s->open.len; i++) {
        const struct member *m = &s->open.members[i];
        if (m->replaces)
            store_tell(s, m->old.timestamp, &m->old.digest, false);
        store_tell(s, m->timestamp, &m->digest, true);
    }
    s->open.len = s->open.replacing = 0;
    buf_reset(&s->open.bodies);
    rows_batch_reset(&s->open.rows);
    return PANDO_OK;
}

static enum pando_status make_room(struct delta_store *s, const struct delta *d, bool own)
{
    const struct open_group *g = &s->open;
    if (g->len == 0 || (g->own == own && g->len < DELTA_GROUP_MAX &&
                        g->bodies.len + d->bytes.len <= DELTA_GROUP_BYTES))
        return PANDO_OK;
    return delta_store_flush(s);
}

enum pando_status delta_store_stage(struct delta_store *s, const struct delta *d, bool own,
                                    enum delta_outcome *ret_outcome, uint64_t *ret_ticket)
{
    struct known known;
    const struct delta_brief brief = delta_brief_of(d);
    enum pando_status st = store_look_up(s, &brief, &known);
    if (st != PANDO_OK)
        return st;
    if (known.outcome != DELTA_NEW) {
        s->refused_conflicts += known.outcome == DELTA_SHADOWED;
        *ret_outcome = known.outcome;
        *ret_ticket = known.ticket;
        return PANDO_OK;
    }
    st = make_room(s, d, own);
    if (st == PANDO_OK)
        st = buf_reserve(&s->open.bodies, d->bytes.len);
    if (st == PANDO_OK)
        st = rows_batch_add(&s->open.rows, d, s->open.len, !known.replaces);
    if (st == PANDO_OK)
        st = buf_append(&s->open.bodies, d->bytes);
    if (st != PANDO_OK)
        return st;
    s->open.own = own;
    s->open.members[s->open.len++] = (struct member){ .name = d->name,
                                                      .digest = d->digest,
                                                      .timestamp = d->timestamp,
                                                      .at = s->open.bodies.len - d->bytes.len,
                                                      .len = d->bytes.len,
                                                      .replaces = known.replaces,
                                                      .old = known.old };
    s->open.replacing += known.replaces;
    *ret_outcome = DELTA_NEW;
    *ret_ticket = s->tickets + s->open.len;
    return PANDO_OK;
}

/* --- queries --- */

enum pando_status store_counts(struct delta_store *s, struct row_counts *ret)
{
    if (s->counts_version != s->version) {
        const enum pando_status st = rows_counts(s->host.tables, &s->counts);
        if (st != PANDO_OK)
            return st;
        s->counts_version = s->version;
    }
    *ret = s->counts;
    return PANDO_OK;
}

void delta_store_stats(const struct delta_store *s, struct delta_store_stats *ret)
{
    struct row_counts c;
    struct journal_stats j;
    if (rows_counts(s->host.tables, &c) != PANDO_OK)
        c = (struct row_counts){ 0 };
    journal_stats(s->host.journal, &j);
    const uint64_t deltas = c.deltas + s->open.len - s->open.replacing;
    int64_t latest = (int64_t)c.latest;
    for (size_t i = 0; i < s->open.len; i++)
        if (s->open.members[i].timestamp > latest)
            latest = s->open.members[i].timestamp;
    *ret = (struct delta_store_stats){ .deltas = deltas,
                                       .archived = c.archived,
                                       .conflicts = c.conflicts + s->refused_conflicts,
                                       .latest = latest,
                                       .by_id = c.deltas,
                                       .by_time = c.deltas,
                                       .by_target = c.targets,
                                       .by_context = c.contexts,
                                       .by_author = c.deltas,
                                       .by_system = c.deltas,
                                       .journal_bytes = j.bytes };
}
