/* store_note.c - one small file of a data directory, replaced as a whole. */
#include "store/files.h"
#include "store/store.h"

#include "base/buf.h"
#include "base/slice.h"

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

enum pando_status store_note_read(const char *dir, struct pando_buf *ret,
                                  struct pando_err *reterr)
{
    const struct pando_files f = files_posix();
    char path[FILES_PATH_MAX];
    int file;
    enum pando_status st = files_path(path, dir, STORE_NOTE);
    if (st == PANDO_OK)
        st = f.ops->open(f.ctx, path, FILES_READ, &file);
    if (st == PANDO_NOT_FOUND)
        return st;
    if (st == PANDO_OK) {
        st = read_all(&f, file, ret);
        f.ops->close(f.ctx, file);
    }
    if (st == PANDO_OK)
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
