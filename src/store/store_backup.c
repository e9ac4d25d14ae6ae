/* store_backup.c - copying a store while it runs, and making a node of the copy.
 *
 * Only durable bytes are copied, and they never change, so a copy taken while the node
 * goes on is a consistent past of every space. A backup holds keystore, config.yml,
 * operator.json and the journals; the index is folded anew where it is restored. The keystore is copied
 * last: a backup or restored directory that has one is whole.
 */
#include "store/store_private.h"

#include "base/buf.h"
#include "base/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COPY_BLOCK (256u << 10)

struct plan_file {
    struct pando_id space;
    char name[64];
    uint64_t bytes;
};

struct store_backup_plan {
    char dir[FILES_PATH_MAX];
    struct plan_file *files;
    size_t len, cap;
    uint64_t total;
};

static const char *const plain_files[] = { "config.yml", STORE_NOTE, "keystore" };

static enum pando_status plan_add(struct store_backup_plan *p,
                                  const struct pando_id *space, const char *name,
                                  uint64_t bytes)
{
    if (p->len == p->cap) {
        const size_t cap = p->cap == 0 ? 32 : p->cap * 2;
        struct plan_file *files = realloc(p->files, cap * sizeof *files);
        if (files == NULL)
            return PANDO_NOMEM;
        p->files = files;
        p->cap = cap;
    }
    struct plan_file *f = &p->files[p->len];
    if (snprintf(f->name, sizeof f->name, "%s", name) >= (int)sizeof f->name)
        return PANDO_OK; /* no file of a journal has such a name */
    f->space = *space;
    f->bytes = bytes;
    p->len++;
    p->total += bytes == UINT64_MAX ? 0 : bytes;
    return PANDO_OK;
}

void store_backup_plan_free(struct store_backup_plan *p)
{
    if (p == NULL)
        return;
    free(p->files);
    free(p);
}

static bool is_open(const struct store *s, const struct pando_id *id)
{
    for (const struct store_space *sp = s->spaces; sp != NULL; sp = sp->next)
        if (id_equal(&sp->id, id))
            return true;
    return false;
}

struct adding {
    struct store_backup_plan *plan;
    const struct pando_id *space;
    enum pando_status status;
};

static void add_closed(void *arg, const char *name, bool is_dir)
{
    struct adding *a = arg;
    const size_t len = strlen(name);
    if (is_dir || a->status != PANDO_OK ||
        (len > 4 && strcmp(name + len - 4, ".tmp") == 0))
        return;
    a->status = plan_add(a->plan, a->space, name, UINT64_MAX);
}

/* What lies in a journal's folder beside its segments. */
static void add_extra(void *arg, const char *name, bool is_dir)
{
    const size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".seg") == 0)
        return;
    add_closed(arg, name, is_dir);
}

static enum pando_status plan_space(struct store *s, const struct pando_id *id,
                                    const struct journal *j,
                                    struct store_backup_plan *plan)
{
    char dir[FILES_PATH_MAX];
    const char *name;
    uint64_t bytes;
    struct adding a = { plan, id, PANDO_OK };
    enum pando_status st = store_journal_dir(s->dir, id, dir);
    for (size_t i = 0; j != NULL && st == PANDO_OK && journal_file(j, i, &name, &bytes);
         i++)
        st = plan_add(plan, id, name, bytes);
    if (st == PANDO_OK)
        st =
            s->files.ops->list(s->files.ctx, dir, &a, j == NULL ? add_closed : add_extra);
    if (st == PANDO_NOT_FOUND)
        st = PANDO_OK;
    return st == PANDO_OK ? a.status : st;
}

enum pando_status store_backup_plan(struct store *s, struct store_backup_plan **ret)
{
    struct pando_id *ids = NULL;
    size_t len = 0;
    struct store_backup_plan *p = calloc(1, sizeof *p);
    if (p == NULL)
        return PANDO_NOMEM;
    memcpy(p->dir, s->dir, sizeof p->dir);
    enum pando_status st = PANDO_OK;
    for (struct store_space *sp = s->spaces; sp != NULL && st == PANDO_OK; sp = sp->next)
        st = plan_space(s, &sp->id, sp->journal, p);
    if (st == PANDO_OK)
        st = store_list_spaces(&s->files, s->dir, &ids, &len);
    for (size_t i = 0; i < len && st == PANDO_OK; i++)
        if (!is_open(s, &ids[i]))
            st = plan_space(s, &ids[i], NULL, p);
    free(ids);
    if (st != PANDO_OK) {
        store_backup_plan_free(p);
        return st;
    }
    *ret = p;
    return PANDO_OK;
}

/* --- copying --- */

struct copy {
    struct pando_files files;
    const struct store_progress *progress;
    uint8_t *block;
    uint64_t done, total;
};

static enum pando_status copy_bytes(struct copy *c, int from, int to, uint64_t limit)
{
    const struct files_ops *ops = c->files.ops;
    for (uint64_t at = 0; at < limit;) {
        size_t got = 0;
        const size_t want = limit - at < COPY_BLOCK ? (size_t)(limit - at) : COPY_BLOCK;
        enum pando_status st = ops->pread(c->files.ctx, from, at, c->block, want, &got);
        if (st == PANDO_OK && got != 0)
            st = ops->pwrite(c->files.ctx, to, at, slice_of(c->block, got));
        if (st != PANDO_OK)
            return st;
        at += got;
        c->done += got;
        if (c->progress != NULL && c->progress->moved != NULL)
            c->progress->moved(c->progress->ctx, c->done,
                               c->total < c->done ? c->done : c->total);
        if (got < want)
            break;
    }
    return ops->fdatasync(c->files.ctx, to);
}

/* Copy the first `limit` bytes of FROM/name to a new TO/name. PANDO_NOT_FOUND when
 * absent. */
static enum pando_status copy_file(struct copy *c, const char *from_dir,
                                   const char *to_dir, const char *name, uint64_t limit)
{
    const struct files_ops *ops = c->files.ops;
    char from_path[FILES_PATH_MAX], to_path[FILES_PATH_MAX];
    int from, to;
    enum pando_status st = files_path(from_path, from_dir, name);
    if (st == PANDO_OK)
        st = files_path(to_path, to_dir, name);
    if (st == PANDO_OK)
        st = ops->open(c->files.ctx, from_path, FILES_READ, &from);
    if (st != PANDO_OK)
        return st;
    st = ops->open(c->files.ctx, to_path, FILES_NEW, &to);
    if (st == PANDO_OK) {
        st = copy_bytes(c, from, to, limit);
        ops->close(c->files.ctx, to);
    }
    ops->close(c->files.ctx, from);
    return st;
}

static void note_any(void *arg, const char *name, bool is_dir)
{
    (void)name;
    (void)is_dir;
    *(bool *)arg = true;
}

/* The target must be empty or absent: nothing is ever overwritten. */
static enum pando_status make_target(const struct pando_files *f, const char *dir,
                                     struct pando_err *reterr)
{
    bool any = false;
    enum pando_status st = files_mkdirs(f, dir);
    if (st == PANDO_OK)
        st = f->ops->list(f->ctx, dir, &any, note_any);
    if (st == PANDO_OK && any)
        return pando_err_set(reterr, PANDO_EXISTS,
                             "store: %.160s is not empty: name a new directory", dir);
    if (st == PANDO_OK)
        return PANDO_OK;
    return pando_err_set(reterr, st, "store: cannot make %.120s: %s: %s", dir,
                         pando_status_text(st), files_remedy(st));
}

static enum pando_status copy_journal_file(struct copy *c, const char *from,
                                           const char *to, const struct plan_file *f)
{
    char from_dir[FILES_PATH_MAX], to_dir[FILES_PATH_MAX];
    enum pando_status st = store_journal_dir(from, &f->space, from_dir);
    if (st == PANDO_OK)
        st = store_journal_dir(to, &f->space, to_dir);
    if (st == PANDO_OK)
        st = files_mkdirs(&c->files, to_dir);
    if (st == PANDO_OK)
        st = copy_file(c, from_dir, to_dir, f->name, f->bytes);
    if (st == PANDO_OK)
        st = c->files.ops->sync_dir(c->files.ctx, to_dir);
    return st;
}

/* Make the names of a finished copy durable, from the leaves to the root. */
static enum pando_status sync_tree(struct copy *c, const char *dir,
                                   const struct plan_file *files, size_t len)
{
    char path[FILES_PATH_MAX];
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < len && st == PANDO_OK; i++) {
        if (i != 0 && id_equal(&files[i].space, &files[i - 1].space))
            continue;
        st = store_journal_dir(dir, &files[i].space, path);
        path[strlen(path) - strlen("/journal")] = '\0';
        if (st == PANDO_OK)
            st = c->files.ops->sync_dir(c->files.ctx, path);
    }
    if (st == PANDO_OK && len != 0) {
        st = files_path(path, dir, "spaces");
        if (st == PANDO_OK)
            st = c->files.ops->sync_dir(c->files.ctx, path);
    }
    return st == PANDO_OK ? c->files.ops->sync_dir(c->files.ctx, dir) : st;
}

static enum pando_status copy_plain(struct copy *c, const char *from, const char *to)
{
    for (size_t i = 0; i < sizeof plain_files / sizeof plain_files[0]; i++) {
        const enum pando_status st = copy_file(c, from, to, plain_files[i], UINT64_MAX);
        if (st != PANDO_OK && st != PANDO_NOT_FOUND)
            return st;
    }
    return c->files.ops->sync_dir(c->files.ctx, to);
}

struct damage_note {
    const struct store_progress *progress;
    char first[200];
};

static void on_damage(void *ctx, const struct journal_damage *d)
{
    struct damage_note *n = ctx;
    char text[FILES_PATH_MAX + 128];
    (void)snprintf(text, sizeof text, "%s at offset %" PRIu64 ": %s", d->path, d->offset,
                   d->what);
    if (n->first[0] == '\0')
        (void)snprintf(n->first, sizeof n->first, "%.199s", text);
    if (n->progress != NULL && n->progress->found != NULL)
        n->progress->found(n->progress->ctx, text);
}

/* Check every journal below `dir`. */
static enum pando_status verify_all(const struct pando_files *f, const char *dir,
                                    const struct store_progress *progress,
                                    const char *what, struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    struct pando_id *ids = NULL;
    size_t len = 0;
    struct damage_note note = { .progress = progress };
    const struct journal_audit_sink sink = { .ctx = &note, .damage = on_damage };
    enum pando_status st = store_list_spaces(f, dir, &ids, &len), worst = PANDO_OK;
    for (size_t i = 0; i < len && st == PANDO_OK; i++) {
        struct journal_audit audit;
        st = store_journal_dir(dir, &ids[i], path);
        if (st == PANDO_OK)
            st = journal_verify(f, path, &sink, &audit);
        if (st == PANDO_CORRUPT) {
            worst = st;
            st = PANDO_OK;
        }
    }
    free(ids);
    if (st == PANDO_OK && worst == PANDO_OK)
        return PANDO_OK;
    return pando_err_set(reterr, st != PANDO_OK ? st : worst,
                         "store: %s does not verify: %.150s", what,
                         note.first[0] != '\0' ? note.first : pando_status_text(st));
}

enum pando_status store_backup(struct store_backup_plan *plan, const char *target,
                               const struct store_progress *progress,
                               struct pando_err *reterr)
{
    struct copy c = { .files = files_posix(),
                      .progress = progress,
                      .total = plan->total };
    enum pando_status st = make_target(&c.files, target, reterr);
    if (st != PANDO_OK) {
        store_backup_plan_free(plan);
        return st;
    }
    c.block = malloc(COPY_BLOCK);
    st = c.block == NULL ? PANDO_NOMEM : PANDO_OK;
    for (size_t i = 0; i < plan->len && st == PANDO_OK; i++)
        st = copy_journal_file(&c, plan->dir, target, &plan->files[i]);
    if (st == PANDO_OK)
        st = sync_tree(&c, target, plan->files, plan->len);
    if (st != PANDO_OK)
        (void)pando_err_set(reterr, st, "store: cannot copy to %.120s: %s: %s", target,
                            pando_status_text(st), files_remedy(st));
    else
        st = verify_all(&c.files, target, progress, "the backup", reterr);
    if (st == PANDO_OK) {
        st = copy_plain(&c, plan->dir, target);
        if (st != PANDO_OK)
            (void)pando_err_set(reterr, st,
                                "store: cannot copy the keystore to %.120s: %s", target,
                                pando_status_text(st));
    }
    free(c.block);
    store_backup_plan_free(plan);
    return st;
}

/* --- restore --- */

static enum pando_status restore_space(struct copy *c, const char *backup,
                                       const char *dir, const struct pando_id *id,
                                       struct pando_err *reterr)
{
    char from[FILES_PATH_MAX], to[FILES_PATH_MAX];
    struct store_backup_plan plan = { .len = 0 };
    struct adding a = { &plan, id, PANDO_OK };
    uint64_t epoch;
    enum pando_status st = store_journal_dir(backup, id, from);
    if (st == PANDO_OK)
        st = store_journal_dir(dir, id, to);
    if (st == PANDO_OK)
        st = c->files.ops->list(c->files.ctx, from, &a, add_closed);
    if (st == PANDO_OK)
        st = a.status;
    for (size_t i = 0; i < plan.len && st == PANDO_OK; i++)
        st = copy_journal_file(c, backup, dir, &plan.files[i]);
    if (st == PANDO_OK)
        st = journal_epoch_raise(&c->files, to, &epoch, reterr);
    if (st == PANDO_OK)
        st = sync_tree(c, dir, plan.files, plan.len);
    free(plan.files);
    return st;
}

enum pando_status store_restore(const char *backup, const char *dir,
                                const struct store_progress *progress,
                                struct pando_err *reterr)
{
    struct copy c = { .files = files_posix(), .progress = progress };
    struct pando_id *ids = NULL;
    size_t len = 0;
    if (!files_has(&c.files, backup, "keystore"))
        return pando_err_set(reterr, PANDO_NOT_FOUND,
                             "store: %.160s is no finished backup: it has no keystore",
                             backup);
    enum pando_status st = verify_all(&c.files, backup, progress, "the backup", reterr);
    if (st == PANDO_OK)
        st = make_target(&c.files, dir, reterr);
    if (st != PANDO_OK)
        return st;
    struct pando_err err = { .status = PANDO_OK };
    c.block = malloc(COPY_BLOCK);
    st = c.block == NULL ? PANDO_NOMEM : store_list_spaces(&c.files, backup, &ids, &len);
    for (size_t i = 0; i < len && st == PANDO_OK; i++)
        st = restore_space(&c, backup, dir, &ids[i], &err);
    if (st == PANDO_OK)
        st = copy_plain(&c, backup, dir);
    free(ids);
    free(c.block);
    if (st == PANDO_OK)
        return PANDO_OK;
    if (err.status != PANDO_OK) {
        if (reterr != NULL)
            *reterr = err;
        return st;
    }
    return pando_err_set(reterr, st, "store: cannot restore into %.120s: %s: %s", dir,
                         pando_status_text(st), files_remedy(st));
}
