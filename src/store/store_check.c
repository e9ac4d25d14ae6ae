/* store_check.c - looking at every checksum of a data directory, and folding its index
 * anew. */
#include "store/store_private.h"

#include "base/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    struct pando_files files;
    const char *dir;
    const struct store_progress *progress;
    struct store_verdict verdict;
    uint64_t total; /* bytes of all journals */
    const char *at; /* the directory that is being looked at */
};

static void found(struct check *c, const char *text)
{
    c->verdict.damaged++;
    if (c->progress != NULL && c->progress->found != NULL)
        c->progress->found(c->progress->ctx, text);
}

static void moved(const struct check *c, uint64_t done)
{
    if (c->progress != NULL && c->progress->moved != NULL)
        c->progress->moved(c->progress->ctx, done < c->total ? done : c->total, c->total);
}

static void on_damage(void *ctx, const struct journal_damage *damage)
{
    char text[FILES_PATH_MAX + 128];
    (void)snprintf(text, sizeof text, "%s at offset %" PRIu64 ": %s", damage->path,
                   damage->offset, damage->what);
    found(ctx, text);
}

static void on_row(void *ctx, const char *text)
{
    found(ctx, text);
}

static void count_file(void *arg, const char *name, bool is_dir)
{
    struct check *c = arg;
    char path[FILES_PATH_MAX];
    uint64_t size = 0;
    int file;
    if (is_dir || files_path(path, c->at, name) != PANDO_OK ||
        c->files.ops->open(c->files.ctx, path, FILES_READ, &file) != PANDO_OK)
        return;
    if (c->files.ops->size(c->files.ctx, file, &size) == PANDO_OK)
        c->total += size;
    c->files.ops->close(c->files.ctx, file);
    c->verdict.files++;
}

static enum pando_status check_journals(struct check *c, const struct pando_id *ids,
                                        size_t len, struct pando_err *reterr)
{
    char dir[FILES_PATH_MAX];
    const struct journal_audit_sink sink = { .ctx = c, .damage = on_damage };
    for (size_t i = 0; i < len; i++) {
        const enum pando_status st = store_journal_dir(c->dir, &ids[i], dir);
        if (st != PANDO_OK)
            return st;
        c->at = dir;
        (void)!c->files.ops->list(c->files.ctx, dir, c, count_file);
    }
    for (size_t i = 0; i < len; i++) {
        struct journal_audit audit = { 0 };
        enum pando_status st = store_journal_dir(c->dir, &ids[i], dir);
        if (st == PANDO_OK)
            st = journal_verify(&c->files, dir, &sink, &audit);
        if (st != PANDO_OK && st != PANDO_CORRUPT && st != PANDO_NOT_FOUND)
            return pando_err_set(reterr, st, "store: cannot check %.160s: %s", dir,
                                 pando_status_text(st));
        c->verdict.spaces++;
        c->verdict.records += audit.records;
        c->verdict.bytes += audit.bytes;
        moved(c, c->verdict.bytes);
    }
    return PANDO_OK;
}

static enum pando_status check_index(struct check *c, struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    struct tables_index *x;
    struct tables_audit audit = { 0 };
    enum pando_status st = files_path(path, c->dir, "index");
    if (st != PANDO_OK || !files_has(&c->files, path, "data.mdb"))
        return st; /* none yet: the next start folds it */
    c->verdict.files++;
    const struct tables_index_config config = { .dir = path, .read_only = true };
    struct pando_err err = { .status = PANDO_OK };
    st = tables_index_open(&config, &x, &err);
    if (st == PANDO_NOT_FOUND)
        return PANDO_OK; /* made, but never written to */
    if (st == PANDO_CORRUPT) {
        found(c, err.text);
        return PANDO_OK;
    }
    if (st != PANDO_OK) {
        if (reterr != NULL)
            *reterr = err;
        return st;
    }
    st = tables_index_verify(x, c, on_row, &audit);
    tables_index_close(x);
    c->verdict.table_entries += audit.rows;
    c->verdict.bytes += audit.bytes;
    if (st == PANDO_OK || audit.damaged != 0)
        return PANDO_OK;
    if (st == PANDO_CORRUPT) {
        found(c, "index/data.mdb: its pages do not hang together");
        return PANDO_OK;
    }
    return pando_err_set(reterr, st, "store: cannot check %.160s: %s", path,
                         pando_status_text(st));
}

enum pando_status store_verify(const char *dir, bool running,
                               const struct store_progress *progress,
                               struct store_verdict *ret, struct pando_err *reterr)
{
    struct check c = { .files = files_posix(), .dir = dir, .progress = progress };
    struct pando_id *ids = NULL;
    size_t len = 0;
    int lock = -1;
    enum pando_status st = PANDO_OK;
    if (!running)
        st = store_lock(&c.files, dir, &lock, reterr);
    if (st == PANDO_REFUSED)
        st = PANDO_OK; /* a read-only copy: nobody can write beside us */
    if (st == PANDO_OK) {
        st = store_list_spaces(&c.files, dir, &ids, &len);
        if (st != PANDO_OK)
            (void)pando_err_set(reterr, st, "store: cannot list the spaces of %.120s: %s",
                                dir, pando_status_text(st));
    }
    if (st == PANDO_OK)
        st = check_journals(&c, ids, len, reterr);
    if (st == PANDO_OK && !running)
        st = check_index(&c, reterr);
    if (lock >= 0)
        c.files.ops->close(c.files.ctx, lock);
    free(ids);
    if (st != PANDO_OK)
        return st;
    moved(&c, c.total);
    *ret = c.verdict;
    if (c.verdict.damaged == 0)
        return PANDO_OK;
    return pando_err_set(reterr, PANDO_CORRUPT,
                         "store: %" PRIu64
                         " damages in %.100s: 'pando db reindex' rebuilds an "
                         "index; a journal comes from a backup",
                         c.verdict.damaged, dir);
}

/* --- reindex --- */

static enum pando_status drop_index(const struct pando_files *f, const char *dir,
                                    struct pando_err *reterr)
{
    static const char *const names[] = { "data.mdb", "lock.mdb" };
    char index[FILES_PATH_MAX], path[FILES_PATH_MAX];
    enum pando_status st = files_path(index, dir, "index");
    for (size_t i = 0; st == PANDO_OK && i < 2; i++) {
        st = files_path(path, index, names[i]);
        if (st == PANDO_OK)
            st = f->ops->unlink(f->ctx, path);
        if (st == PANDO_NOT_FOUND)
            st = PANDO_OK;
    }
    if (st == PANDO_OK)
        return PANDO_OK;
    return pando_err_set(reterr, st,
                         "store: cannot remove the old index in %.120s: %s: %s", dir,
                         pando_status_text(st), files_remedy(st));
}

static enum pando_status fold_space(struct store *s, const struct pando_id *id,
                                    const struct store_fold *fold,
                                    struct store_verdict *verdict,
                                    struct pando_err *reterr)
{
    struct store_space *sp;
    const enum pando_status st = store_space_open(s, id, fold, &sp, reterr);
    if (st != PANDO_OK)
        return st;
    struct journal_stats stats;
    journal_stats(store_journal(sp), &stats);
    verdict->spaces++;
    verdict->files += stats.segments;
    verdict->records += stats.records;
    verdict->bytes += journal_end(store_journal(sp)) - journal_first(store_journal(sp));
    store_space_close(sp);
    return PANDO_OK;
}

enum pando_status store_reindex(const char *dir, const struct store_fold *fold,
                                const struct store_progress *progress,
                                struct store_verdict *ret, struct pando_err *reterr)
{
    const struct pando_files files = files_posix();
    const struct store_config config = { .dir = dir, .sync = true };
    struct store_verdict verdict = { 0 };
    struct pando_id *ids = NULL;
    size_t len = 0;
    int lock = -1;
    struct store *s = NULL;
    enum pando_status st = store_lock(&files, dir, &lock, reterr);
    if (st != PANDO_OK)
        return st;
    st = drop_index(&files, dir, reterr);
    files.ops->close(files.ctx, lock);
    if (st == PANDO_OK)
        st = store_open(&config, &s, reterr);
    if (st != PANDO_OK)
        return st;
    st = store_list_spaces(&files, dir, &ids, &len);
    for (size_t i = 0; i < len && st == PANDO_OK; i++) {
        st = fold_space(s, &ids[i], fold, &verdict, reterr);
        if (progress != NULL && progress->moved != NULL)
            progress->moved(progress->ctx, i + 1, len);
    }
    if (st == PANDO_OK) {
        struct tables_audit audit = { 0 };
        st = tables_index_verify(s->index, NULL, NULL, &audit);
        verdict.table_entries = audit.rows;
    }
    store_close(s);
    free(ids);
    if (st == PANDO_OK)
        *ret = verdict;
    return st;
}
