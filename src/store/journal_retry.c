/* journal_retry.c - going on after a failed commit, without a restart.
 *
 * The failed group's records keep their positions, which tables and peers may know
 * already, so they are written again to the same place. That is no repeated sync of the
 * same pages: what the cache holds is given up first, what was durable is read back from
 * the disk and checked, and the new write makes the pages dirty anew.
 */
#include "store/journal_impl.h"

#include "base/assert.h"

/* The segment in front of the one that the failed group began in: the ones before were
 * synced as a whole long ago, and nobody wrote to them since. */
static size_t first_in_doubt(const struct journal *j)
{
    const size_t segment = j->staged != NULL ? j->staged->segment : j->segments_len;
    return segment > 0 ? segment - 1 : 0;
}

/* What is below the durable position must read back from the disk itself. */
static enum pando_status verify_durable(struct journal *j, struct pando_err *reterr)
{
    const struct pando_files *f = &j->config.files;
    for (size_t i = first_in_doubt(j); i < j->segments_len; i++) {
        struct segment *s = &j->segments[i];
        struct walk w;
        if (!s->exists || s->used == s->head.base + SEGMENT_HEAD)
            continue;
        (void)!f->ops->forget(f->ctx, s->file);
        const enum pando_status st = journal_walk(f, s->file, &s->head, UINT64_MAX, &w);
        if (st != PANDO_OK)
            return st;
        if (w.end < s->used)
            return pando_err_set(
                reterr, PANDO_CORRUPT,
                "journal: %.150s lost an acknowledged group when the disk failed",
                j->dir);
    }
    return PANDO_OK;
}

/* Open anew and close, so that an error that sticks to the old descriptor is gone. */
static enum pando_status reopen(struct journal *j)
{
    const struct pando_files *f = &j->config.files;
    for (size_t i = first_in_doubt(j); i < j->segments_len; i++) {
        struct segment *s = &j->segments[i];
        char path[FILES_PATH_MAX];
        int file;
        if (s->file < 0)
            continue;
        segment_path(j->dir, s->head.base, path);
        const enum pando_status st = f->ops->open(f->ctx, path, FILES_WRITE, &file);
        if (st != PANDO_OK)
            return st;
        f->ops->close(f->ctx, s->file);
        s->file = file;
    }
    return PANDO_OK;
}

/* A large segment that was not made yet, perhaps because the disk had no room for it,
 * becomes as small as what is staged allows. */
static void shrink_last(struct journal *j)
{
    struct segment *s = j->segments_len > 0 ? &j->segments[j->segments_len - 1] : NULL;
    if (s == NULL || s->exists)
        return;
    const uint64_t need = j->end + GROUP_HEAD - s->head.base;
    uint64_t size = j->config.segment_min;
    while (size < need)
        size *= 2;
    s->head.size = size < s->head.size ? size : s->head.size;
}

enum pando_status journal_retry(struct journal *j, struct pando_err *reterr)
{
    if (j->stopped == PANDO_OK)
        return PANDO_OK;
    PANDO_ASSERT(j->flying == NULL && j->ahead == NULL);
    enum pando_status st = reopen(j);
    if (st == PANDO_OK)
        st = verify_durable(j, reterr);
    if (st != PANDO_OK)
        return st;
    spare_discard(&j->spare, &j->config.files, j->dir, SPARE_NAME); /* room may be needed */
    spare_discard(&j->kept, &j->config.files, j->dir, KEPT_NAME);
    j->spare.failed = false;
    shrink_last(j);
    j->stopped = PANDO_OK;
    return PANDO_OK;
}

enum pando_status journal_stopped(const struct journal *j)
{
    return j->stopped;
}
