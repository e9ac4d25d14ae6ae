/* journal_segment.c - making segments: written once, then a head, then a name.
 *
 * A file whose blocks were written once takes a commit without a change of metadata,
 * which makes fdatasync a third faster; and a file that carries its name only when it is
 * whole needs no repair after a crash. Where segments are dropped, one of them is taken
 * as it is: its groups say another position and generation than its new head.
 */
#include "store/journal_impl.h"

#include "base/slice.h"

#include <stdlib.h>

#define ZERO_BLOCK (256u << 10)
#define SYNC_STEP  (1u << 20) /* zeros written between two syncs of a spare file */

void spare_discard(struct spare *s, const struct pando_files *files, const char *dir,
                   const char *name)
{
    char path[FILES_PATH_MAX];
    if (s->file < 0)
        return;
    files->ops->close(files->ctx, s->file);
    if (files_path(path, dir, name) == PANDO_OK)
        (void)!files->ops->unlink(files->ctx, path);
    *s = (struct spare){ .file = -1 };
}

void spare_take_kept(struct journal *j)
{
    const struct pando_files *f = &j->config.files;
    char from[FILES_PATH_MAX], to[FILES_PATH_MAX];
    if (j->spare.file >= 0 || j->kept.file < 0)
        return;
    if (files_path(from, j->dir, KEPT_NAME) != PANDO_OK ||
        files_path(to, j->dir, SPARE_NAME) != PANDO_OK ||
        f->ops->rename(f->ctx, from, to) != PANDO_OK) {
        spare_discard(&j->kept, f, j->dir, KEPT_NAME);
        return;
    }
    j->spare = j->kept;
    j->kept = (struct spare){ .file = -1 };
}

/* A file of that size; what it held before counts as nothing. */
static enum pando_status spare_open(struct spare *s, const struct pando_files *files,
                                    const char *dir, uint64_t size)
{
    char path[FILES_PATH_MAX];
    uint64_t there = 0;
    enum pando_status st = files_path(path, dir, SPARE_NAME);
    if (st == PANDO_OK && s->file < 0) {
        st = files->ops->open(files->ctx, path, FILES_CREATE, &s->file);
        s->filled = s->synced = 0;
    }
    if (st == PANDO_OK)
        st = files->ops->size(files->ctx, s->file, &there);
    if (st == PANDO_OK && there > size)
        st = files->ops->truncate(files->ctx, s->file, size);
    if (st == PANDO_OK)
        st = files->ops->fallocate(files->ctx, s->file, size);
    s->size = size;
    s->filled = s->filled < size ? s->filled : size;
    s->synced = s->synced < size ? s->synced : size;
    return st;
}

enum pando_status spare_grow(struct spare *s, const struct pando_files *files,
                             const char *dir, uint64_t size, uint64_t len)
{
    enum pando_status st =
        s->file < 0 || s->size != size ? spare_open(s, files, dir, size) : PANDO_OK;
    const uint64_t end = size - s->filled < len ? size : s->filled + len;
    const uint64_t block = end - s->filled < ZERO_BLOCK ? end - s->filled : ZERO_BLOCK;
    uint8_t *zeros = st == PANDO_OK && block > 0 ? calloc(1, (size_t)block) : NULL;
    if (st == PANDO_OK && block > 0 && zeros == NULL)
        return PANDO_NOMEM;
    while (st == PANDO_OK && s->filled < end) {
        const uint64_t step = end - s->filled < block ? end - s->filled : block;
        st = files->ops->pwrite(files->ctx, s->file, s->filled,
                                slice_of(zeros, (size_t)step));
        s->filled += st == PANDO_OK ? step : 0;
        if (st != PANDO_OK || (s->filled < size && s->filled - s->synced < SYNC_STEP))
            continue;
        st = files->ops->fdatasync(files->ctx, s->file);
        s->synced = st == PANDO_OK ? s->filled : s->synced;
    }
    free(zeros);
    return st;
}

enum pando_status segment_make(struct spare *s, const struct pando_files *files,
                               const char *dir, const struct segment_head *head,
                               int *ret_file)
{
    uint8_t raw[SEGMENT_HEAD];
    char from[FILES_PATH_MAX], to[FILES_PATH_MAX];
    enum pando_status st = spare_grow(s, files, dir, head->size, head->size);
    segment_head_encode(head, raw);
    if (st == PANDO_OK)
        st = files->ops->pwrite(files->ctx, s->file, 0, SLICE_OF(raw));
    if (st == PANDO_OK)
        st = files->ops->fdatasync(files->ctx, s->file);
    if (st == PANDO_OK)
        st = files_path(from, dir, SPARE_NAME);
    segment_path(dir, head->base, to);
    if (st == PANDO_OK)
        st = files->ops->rename(files->ctx, from, to);
    if (st != PANDO_OK) { /* a failed sync leaves doubt about every page of it */
        spare_discard(s, files, dir, SPARE_NAME);
        return st;
    }
    *ret_file = s->file;
    *s = (struct spare){ .file = -1 };
    st = files->ops->sync_dir(files->ctx, dir);
    if (st != PANDO_OK) /* it will be made again over this name */
        files->ops->close(files->ctx, *ret_file);
    return st;
}
