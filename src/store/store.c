#include "store/store_private.h"

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

void store_id_text(const struct pando_id *id, char ret[static STORE_ID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        ret[2 * i] = digits[id->bytes[i] >> 4];
        ret[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    ret[STORE_ID_TEXT - 1] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool store_id_parse(const char *text, struct pando_id *ret)
{
    if (strlen(text) != STORE_ID_TEXT - 1)
        return false;
    for (size_t i = 0; i < sizeof ret->bytes; i++) {
        const int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret->bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

enum pando_status store_journal_dir(const char *dir, const struct pando_id *id,
                                    char ret[static FILES_PATH_MAX])
{
    char text[STORE_ID_TEXT];
    store_id_text(id, text);
    const int len = snprintf(ret, FILES_PATH_MAX, "%s/spaces/%s/journal", dir, text);
    return len < 0 || len >= FILES_PATH_MAX ? PANDO_INVALID : PANDO_OK;
}

struct listing {
    struct pando_id *ids;
    size_t len, cap;
    bool failed;
};

static void note_space(void *arg, const char *name, bool is_dir)
{
    struct listing *l = arg;
    struct pando_id id;
    if (!is_dir || !store_id_parse(name, &id))
        return;
    if (l->len == l->cap) {
        const size_t cap = l->cap == 0 ? 16 : l->cap * 2;
        struct pando_id *ids = realloc(l->ids, cap * sizeof *ids);
        if (ids == NULL) {
            l->failed = true;
            return;
        }
        l->ids = ids;
        l->cap = cap;
    }
    l->ids[l->len++] = id;
}

static int by_id(const void *a, const void *b)
{
    return id_compare(a, b);
}

enum pando_status store_list_spaces(const struct pando_files *f, const char *dir,
                                    struct pando_id **ret_ids, size_t *ret_len)
{
    char path[FILES_PATH_MAX];
    struct listing l = { .failed = false };
    enum pando_status st = files_path(path, dir, "spaces");
    if (st == PANDO_OK)
        st = f->ops->list(f->ctx, path, &l, note_space);
    if (st == PANDO_NOT_FOUND)
        st = PANDO_OK; /* no space yet */
    if (st == PANDO_OK && l.failed)
        st = PANDO_NOMEM;
    if (st != PANDO_OK) {
        free(l.ids);
        return st;
    }
    if (l.len > 1)
        qsort(l.ids, l.len, sizeof l.ids[0], by_id);
    *ret_ids = l.ids;
    *ret_len = l.len;
    return PANDO_OK;
}

enum pando_status store_lock(const struct pando_files *f, const char *dir, int *ret_file,
                             struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    int holder = 0;
    enum pando_status st = files_path(path, dir, "lock");
    if (st == PANDO_OK)
        st = f->ops->lock(f->ctx, path, ret_file, &holder);
    if (st == PANDO_OK)
        return PANDO_OK;
    if (st == PANDO_BUSY && holder != 0)
        return pando_err_set(reterr, st, "store: process %d holds %.120s: %s", holder,
                             dir, files_remedy(st));
    return pando_err_set(reterr, st, "store: cannot lock %.120s: %s: %s", dir,
                         pando_status_text(st), files_remedy(st));
}

/* A directory that lets itself be locked may still refuse new files. A full disk does not
 * keep a store from being read, so it passes here. */
static enum pando_status probe(const struct store *s, struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    enum pando_status st = files_path(path, s->dir, "probe");
    if (st == PANDO_OK)
        st = files_replace(&s->files, s->dir, "probe", slice_text("pando"));
    (void)!s->files.ops->unlink(s->files.ctx, path);
    if (st == PANDO_OK || st == PANDO_NOSPACE)
        return PANDO_OK;
    return pando_err_set(reterr, st, "store: cannot write in %.120s: %s: %s", s->dir,
                         pando_status_text(st), files_remedy(st));
}

static enum pando_status open_index(struct store *s, struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    enum pando_status st = files_path(path, s->dir, "index");
    if (st == PANDO_OK)
        st = files_mkdirs(&s->files, path);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "store: cannot make %.120s/index: %s: %s",
                             s->dir, pando_status_text(st), files_remedy(st));
    const struct tables_index_config config = { .dir = path, .seed = s->seed,
                                                .tracer = s->tracer };
    return tables_index_open(&config, &s->index, reterr);
}

static enum pando_status open_parts(struct store *s, struct pando_err *reterr)
{
    enum pando_status st = files_mkdirs(&s->files, s->dir);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "store: cannot make %.120s: %s: %s", s->dir,
                             pando_status_text(st), files_remedy(st));
    st = store_lock(&s->files, s->dir, &s->lock, reterr);
    if (st == PANDO_OK)
        st = probe(s, reterr);
    if (st == PANDO_OK &&
        getrandom(&s->seed, sizeof s->seed, 0) != (ssize_t)sizeof s->seed)
        st = pando_err_set(reterr, PANDO_IO, "store: the kernel gives no random bytes");
    return st == PANDO_OK ? open_index(s, reterr) : st;
}

enum pando_status store_open(const struct store_config *config, struct store **ret,
                             struct pando_err *reterr)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "store: memory is out");
    s->files = files_posix();
    s->lock = -1;
    s->sync = config->sync;
    s->tracer = config->tracer;
    enum pando_status st = PANDO_OK;
    if (snprintf(s->dir, sizeof s->dir, "%s", config->dir) >= (int)sizeof s->dir - 100)
        st = pando_err_set(reterr, PANDO_INVALID,
                           "store: the path of the data is too long");
    if (st == PANDO_OK)
        st = open_parts(s, reterr);
    if (st != PANDO_OK) {
        store_close(s);
        return st;
    }
    *ret = s;
    return PANDO_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    while (s->spaces != NULL)
        store_space_close(s->spaces);
    tables_index_close(s->index);
    if (s->lock >= 0)
        s->files.ops->close(s->files.ctx, s->lock);
    free(s);
}

void store_turn(struct store *s)
{
    tables_index_turn(s->index);
}

struct removal {
    const struct pando_files *files;
    const char *dir;
    enum pando_status status;
};

static void remove_file(void *arg, const char *name, bool is_dir)
{
    struct removal *r = arg;
    char path[FILES_PATH_MAX];
    enum pando_status st = files_path(path, r->dir, name);
    if (is_dir)
        st = PANDO_EXISTS; /* not ours */
    if (st == PANDO_OK)
        st = r->files->ops->unlink(r->files->ctx, path);
    if (st != PANDO_OK && r->status == PANDO_OK)
        r->status = st;
}

enum pando_status store_space_remove(struct store *s, const struct pando_id *id,
                                     struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    struct tables_lmdb *tables;
    for (const struct store_space *sp = s->spaces; sp != NULL; sp = sp->next)
        if (id_equal(&sp->id, id))
            return pando_err_set(reterr, PANDO_BUSY, "store: the space is open");
    if (tables_index_is_flushing(s->index))
        return pando_err_set(reterr, PANDO_BUSY,
                             "store: the index is being written; try again");
    /* The index goes first: an index without its journal would be taken for damage. */
    enum pando_status st =
        tables_lmdb_open(s->index, id, STORE_OVERLAY_MAX, &tables, reterr);
    if (st == PANDO_OK) {
        st = tables_lmdb_clear(tables);
        tables_lmdb_close(tables);
    }
    if (st == PANDO_OK)
        st = store_journal_dir(s->dir, id, path);
    struct removal r = { &s->files, path, PANDO_OK };
    if (st == PANDO_OK)
        st = s->files.ops->list(s->files.ctx, path, &r, remove_file);
    if (st == PANDO_OK)
        st = r.status;
    if (st == PANDO_OK && rmdir(path) == 0) {
        path[strlen(path) - strlen("/journal")] = '\0';
        (void)rmdir(path); /* stays when something else lies in it */
    }
    if (st == PANDO_OK || st == PANDO_NOT_FOUND)
        return st;
    return pando_err_set(reterr, st, "store: cannot remove %.160s: %s", path,
                         pando_status_text(st));
}
