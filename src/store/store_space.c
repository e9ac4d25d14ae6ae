/* store_space.c - one space: its journal, the tables folded from it, and what joins them.
 *
 * The tables' position is the position behind the last folded record's first byte, so
 * that a replay can begin at that very record, see that it is there, and fold what
 * follows. An index that knows a record that the journal does not have was made from
 * another history: it is dropped and folded anew.
 */
#include "store/store_private.h"

#include "base/slice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define RETRY_SECONDS 1 /* between attempts to write the index while the disk refuses */

static enum pando_status flush_all(struct store_space *sp)
{
    return tables_lmdb_flush_all(sp->tables, journal_durable(sp->journal));
}

static enum pando_status fold_one(struct store_space *sp, uint8_t kind, uint64_t position,
                                  struct pando_slice bytes)
{
    const enum pando_status st = sp->fold.fold(
        sp->fold.ctx, tables_lmdb_tables(sp->tables), &sp->id, kind, position, bytes);
    if (st == PANDO_OK)
        tables_lmdb_mark(sp->tables, position + 1);
    return st;
}

struct replay {
    struct store_space *space;
    uint64_t folded; /* records below were folded before */
    uint64_t records;
    bool foreign; /* the index is not of this journal */
    enum pando_status status;
    uint64_t at;
    const char *doing;
};

/* Fold what the walk gives until it ends. */
static void replay_from(struct replay *r, struct journal_cursor *c)
{
    struct store_space *sp = r->space;
    bool met = r->folded == 0;
    for (;;) {
        uint8_t kind;
        struct pando_slice bytes;
        r->doing = "read the record";
        r->status = journal_next(c, &r->at, &kind, &bytes);
        if (r->status == PANDO_NOT_FOUND || (r->status == PANDO_CORRUPT && !met))
            break;
        if (r->status != PANDO_OK)
            return;
        if (r->at < r->folded) {
            met |= r->at == r->folded - 1;
            continue;
        }
        if (!met)
            break;
        r->doing = "fold the record";
        r->status = fold_one(sp, kind, r->at, bytes);
        r->records++;
        if (r->status == PANDO_OK && tables_full(tables_lmdb_tables(sp->tables)))
            r->status = flush_all(sp);
        if (r->status != PANDO_OK)
            return;
    }
    r->foreign = !met;
    r->status = PANDO_OK;
}

static void replay_once(struct replay *r)
{
    struct store_space *sp = r->space;
    struct journal_cursor c;
    r->folded = tables_lmdb_position(sp->tables);
    r->foreign = false;
    r->at = 0;
    journal_scan(sp->journal, r->folded == 0 ? journal_first(sp->journal) : r->folded - 1,
                 &c);
    replay_from(r, &c);
    journal_scan_end(&c);
}

static enum pando_status replay(struct store_space *sp, struct pando_err *reterr)
{
    struct replay r = { .space = sp };
    replay_once(&r);
    if (r.status == PANDO_OK && r.foreign) {
        trace(
            sp->store->tracer, TRACE_STORE, TRACE_WARNING,
            "the index knows records that the journal does not have: it is folded anew");
        r.status = tables_lmdb_clear(sp->tables);
        if (r.status == PANDO_OK)
            replay_once(&r);
    }
    if (r.status == PANDO_OK && r.records != 0)
        trace(sp->store->tracer, TRACE_STORE, TRACE_INFO,
              "%" PRIu64 " records folded at open", r.records);
    if (r.status == PANDO_OK)
        return PANDO_OK;
    char dir[FILES_PATH_MAX] = "";
    (void)!store_journal_dir(sp->store->dir, &sp->id, dir);
    return pando_err_set(reterr, r.status,
                         "store: cannot %s at position %" PRIu64
                         " of %.110s: %s; look with 'pando db verify'",
                         r.doing, r.at, dir, pando_status_text(r.status));
}

static void free_space(struct store_space *sp)
{
    tables_lmdb_close(sp->tables);
    journal_close(sp->journal);
    free(sp);
}

enum pando_status store_space_open(struct store *s, const struct pando_id *id,
                                   const struct store_fold *fold,
                                   struct store_space **ret, struct pando_err *reterr)
{
    char dir[FILES_PATH_MAX];
    for (const struct store_space *sp = s->spaces; sp != NULL; sp = sp->next)
        if (id_equal(&sp->id, id))
            return pando_err_set(reterr, PANDO_BUSY, "store: the space is open already");
    struct store_space *sp = calloc(1, sizeof *sp);
    if (sp == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "store: memory is out");
    sp->store = s;
    sp->id = *id;
    sp->fold = *fold;
    enum pando_status st = store_journal_dir(s->dir, id, dir);
    const struct journal_config config = { .files = s->files,
                                           .dir = dir,
                                           .space = *id,
                                           .seed = s->seed,
                                           .sync = s->sync,
                                           .tracer = s->tracer };
    if (st == PANDO_OK)
        st = journal_open(&config, &sp->journal, reterr);
    if (st == PANDO_OK && fold->kind != NULL)
        store_kind_note(&s->files, dir, fold->kind);
    if (st == PANDO_OK)
        st = tables_lmdb_open(s->index, id, STORE_OVERLAY_MAX, &sp->tables, reterr);
    if (st == PANDO_OK)
        st = replay(sp, reterr);
    if (st != PANDO_OK) {
        free_space(sp);
        return st;
    }
    sp->next = s->spaces;
    s->spaces = sp;
    *ret = sp;
    return PANDO_OK;
}

static enum pando_status commit_all(struct journal *j)
{
    struct journal_group *group;
    enum pando_status st = PANDO_OK;
    uint64_t durable;
    while (st == PANDO_OK && journal_commit_begin(j, &group)) {
        journal_commit_run(group);
        st = journal_commit_end(j, group, &durable);
    }
    return st;
}

void store_space_close(struct store_space *sp)
{
    if (sp == NULL)
        return;
    struct store_space **link = &sp->store->spaces;
    while (*link != sp)
        link = &(*link)->next;
    *link = sp->next;
    enum pando_status st = commit_all(sp->journal);
    if (st != PANDO_OK)
        trace(sp->store->tracer, TRACE_STORE, TRACE_ERROR,
              "the last records of a space could not be written: %s",
              pando_status_text(st));
    st = sp->broken == PANDO_OK ? flush_all(sp) : sp->broken;
    if (st != PANDO_OK)
        trace(sp->store->tracer, TRACE_STORE, TRACE_WARNING,
              "the index of a space lags behind (%s): the next start folds it",
              pando_status_text(st));
    free_space(sp);
}

struct journal *store_journal(struct store_space *sp)
{
    return sp->journal;
}

struct tables *store_tables(struct store_space *sp)
{
    return tables_lmdb_tables(sp->tables);
}

uint64_t store_epoch(const struct store_space *sp)
{
    return journal_epoch(sp->journal);
}

static enum pando_status fold_known(struct store_space *sp, const struct tables_fold *fold,
                                    uint64_t position)
{
    const enum pando_status st =
        fold->run(fold->ctx, tables_lmdb_tables(sp->tables), position);
    if (st == PANDO_OK)
        tables_lmdb_mark(sp->tables, position + 1);
    return st;
}

enum pando_status store_append(struct store_space *sp, uint8_t record,
                               struct pando_slice bytes, const struct tables_fold *fold,
                               uint64_t *ret_position)
{
    uint64_t position;
    if (sp->broken != PANDO_OK)
        return sp->broken;
    if (tables_full(tables_lmdb_tables(sp->tables)))
        return PANDO_BUSY;
    const enum pando_status st = journal_append(sp->journal, record, bytes, &position);
    if (st != PANDO_OK)
        return st;
    /* The record is staged and cannot be taken back: if the tables cannot follow, they
     * stop here, are not flushed any more, and the next start folds the record. */
    sp->broken = fold != NULL ? fold_known(sp, fold, position)
                              : fold_one(sp, record, position, bytes);
    if (sp->broken != PANDO_OK)
        trace(
            sp->store->tracer, TRACE_STORE, TRACE_CRITICAL,
            "a record could not be folded (%s): the space takes no more until a restart",
            pando_status_text(sp->broken));
    *ret_position = position;
    return PANDO_OK;
}

static int64_t seconds_now(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (int64_t)now.tv_sec : 0;
}

static bool is_worth_it(const struct store_space *sp)
{
    const size_t gathered = tables_lmdb_bytes(sp->tables);
    if (gathered < STORE_FLUSH_MIN || gathered >= STORE_FLUSH_MAX)
        return gathered >= STORE_FLUSH_MAX;
    return gathered >= tables_index_stats(sp->store->index).file_bytes / STORE_FLUSH_PART;
}

bool store_flush_begin(struct store_space *sp, bool force, struct store_flush **ret)
{
    if (sp->broken != PANDO_OK || (sp->retry_at != 0 && seconds_now() < sp->retry_at) ||
        (!force && !is_worth_it(sp)) ||
        !tables_lmdb_flush_begin(sp->tables, journal_durable(sp->journal),
                                 &sp->flush.job))
        return false;
    *ret = &sp->flush;
    return true;
}

void store_flush_run(struct store_flush *f)
{
    tables_lmdb_flush_run(f->job);
}

enum pando_status store_flush_end(struct store_space *sp, struct store_flush *f,
                                  struct pando_err *reterr)
{
    const enum pando_status st = tables_lmdb_flush_end(sp->tables, f->job);
    sp->retry_at = st == PANDO_OK ? 0 : seconds_now() + RETRY_SECONDS;
    if (st == PANDO_OK)
        return PANDO_OK;
    return pando_err_set(reterr, st, "store: the index cannot be written: %s: %s",
                         pando_status_text(st), files_remedy(st));
}
