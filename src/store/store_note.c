/* store_note.c - small files of a data directory, replaced as wholes: what the operator changed,
 * and of what kind a space is. */
#include "store/files.h"
#include "store/store_private.h"

#include "base/buf.h"
#include "base/slice.h"

#include <string.h>

#define KIND_NOTE "kind"

static enum pando_status read_all(const struct pando_files *f, int file,
                                  struct pando_buf *b)
{
    uint64_t size = 0;
    size_t got = 0;
    enum pando_status st = f->ops->size(f->ctx, file, &size);
    if (st == PANDO_OK && size > STORE_NOTE_MAX)
        st = PANDO_FULL;
    if (st == PANDO_OK)
        st = buf_reserve(b, (size_t)size);
    if (st == PANDO_OK)
        st = f->ops->pread(f->ctx, file, 0, b->ptr, (size_t)size, &got);
    if (st == PANDO_OK)
        b->len = got;
    return st;
}

static enum pando_status read_named(const struct pando_files *f, const char *dir,
                                    const char *name, struct pando_buf *ret)
{
    char path[FILES_PATH_MAX];
    int file;
    enum pando_status st = files_path(path, dir, name);
    if (st == PANDO_OK)
        st = f->ops->open(f->ctx, path, FILES_READ, &file);
    if (st != PANDO_OK)
        return st;
    st = read_all(f, file, ret);
    f->ops->close(f->ctx, file);
    return st;
}

enum pando_status store_note_read(const char *dir, struct pando_buf *ret,
                                  struct pando_err *reterr)
{
    const struct pando_files f = files_posix();
    const enum pando_status st = read_named(&f, dir, STORE_NOTE, ret);
    if (st == PANDO_OK || st == PANDO_NOT_FOUND)
        return st;
    return pando_err_set(reterr, st, "store: cannot read %.160s/%s: %s: %s", dir,
                         STORE_NOTE, pando_status_text(st), files_remedy(st));
}

enum pando_status store_note_write(const char *dir, struct pando_slice bytes,
                                   struct pando_err *reterr)
{
    const struct pando_files f = files_posix();
    const enum pando_status st = files_replace(&f, dir, STORE_NOTE, bytes);
    if (st == PANDO_OK)
        return st;
    return pando_err_set(reterr, st, "store: cannot write %.160s/%s: %s: %s", dir,
                         STORE_NOTE, pando_status_text(st), files_remedy(st));
}

enum pando_status store_kind_read(const char *dir, const struct pando_id *space,
                                  char ret[STORE_KIND_MAX + 1])
{
    const struct pando_files f = files_posix();
    char folder[FILES_PATH_MAX];
    struct pando_buf b;
    buf_init(&b, STORE_KIND_MAX);
    enum pando_status st = store_journal_dir(dir, space, folder);
    if (st == PANDO_OK)
        st = read_named(&f, folder, KIND_NOTE, &b);
    if (st == PANDO_OK) {
        memcpy(ret, b.ptr, b.len);
        ret[b.len] = '\0';
    }
    buf_deinit(&b);
    return st;
}

void store_kind_note(const struct pando_files *f, const char *folder, const char *kind)
{
    struct pando_buf b;
    buf_init(&b, STORE_KIND_MAX);
    const bool known = read_named(f, folder, KIND_NOTE, &b) == PANDO_OK &&
                       slice_equal(buf_view(&b), slice_text(kind));
    buf_deinit(&b);
    if (!known && strlen(kind) <= STORE_KIND_MAX)
        (void)!files_replace(f, folder, KIND_NOTE, slice_text(kind)); /* or at the next start */
}
