/* journal_keep.c - where a journal ends: snapshots, and dropping what lies before them.
 *
 * A snapshot is one file beside the segments that says what all records below a position
 * amount to. Once it is on the disk, whole segments below that position may go; up to two
 * of their files stay and become the next segments.
 */
#include "store/journal_impl.h"

#include "base/slice.h"
#include "store/crc32c.h"

#include <stdlib.h>

#define SNAPSHOT_NAME "snapshot"
#define SNAPSHOT_HEAD 32u

static const char SNAPSHOT_MAGIC[8] = { 'P', 'A', 'N', 'D', 'O', 'S', 'N', 'P' };

static void put_le64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le64(const uint8_t *from)
{
    uint64_t value = 0;
    for (int i = 8; i > 0; i--)
        value = value << 8 | from[i - 1];
    return value;
}

/* magic 8 | position 8 | length 8 | crc of the state 4 | crc of this head 4 */
static void snapshot_head(uint64_t position, struct pando_slice state,
                          uint8_t ret[static SNAPSHOT_HEAD])
{
    memcpy(ret, SNAPSHOT_MAGIC, 8);
    put_le64(ret + 8, position);
    put_le64(ret + 16, state.len);
    const uint32_t crc = crc32c(0, state);
    for (int i = 0; i < 4; i++)
        ret[24 + i] = (uint8_t)(crc >> (8 * i));
    const uint32_t own = crc32c(0, slice_of(ret, 28));
    for (int i = 0; i < 4; i++)
        ret[28 + i] = (uint8_t)(own >> (8 * i));
}

enum pando_status journal_snapshot_write(const struct pando_files *files, const char *dir,
                                         uint64_t position, struct pando_slice state,
                                         struct pando_err *reterr)
{
    if (state.len > JOURNAL_SNAPSHOT_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "journal: a snapshot of %zu bytes is too long", state.len);
    uint8_t *whole = malloc(SNAPSHOT_HEAD + state.len);
    if (whole == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "journal: no memory for a snapshot");
    snapshot_head(position, state, whole);
    if (state.len > 0)
        memcpy(whole + SNAPSHOT_HEAD, state.ptr, state.len);
    const enum pando_status st = files_replace(
        files, dir, SNAPSHOT_NAME, slice_of(whole, SNAPSHOT_HEAD + state.len));
    free(whole);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "journal: cannot write %.150s/snapshot: %s%s",
                             dir, pando_status_text(st), files_remedy(st));
    return PANDO_OK;
}

/* The file's bytes behind the head, into `ret`, checked against the head. */
static enum pando_status read_state(const struct pando_files *files, int file,
                                    uint64_t *ret_position, struct pando_buf *ret)
{
    uint8_t raw[SNAPSHOT_HEAD], want[SNAPSHOT_HEAD];
    uint64_t size = 0;
    size_t got = 0;
    enum pando_status st = files->ops->size(files->ctx, file, &size);
    if (st == PANDO_OK)
        st = files->ops->pread(files->ctx, file, 0, raw, sizeof raw, &got);
    if (st != PANDO_OK)
        return st;
    const uint64_t len = get_le64(raw + 16);
    if (got < sizeof raw || len > JOURNAL_SNAPSHOT_MAX || size != SNAPSHOT_HEAD + len)
        return PANDO_CORRUPT;
    const size_t at = ret->len;
    st = buf_reserve(ret, (size_t)len);
    if (st == PANDO_OK && len > 0)
        st = files->ops->pread(files->ctx, file, SNAPSHOT_HEAD, ret->ptr + at,
                               (size_t)len, &got);
    if (st != PANDO_OK)
        return st;
    const struct pando_slice state =
        len > 0 ? slice_of(ret->ptr + at, (size_t)len) : SLICE_EMPTY;
    snapshot_head(get_le64(raw + 8), state, want);
    if ((len > 0 && got != len) || memcmp(raw, want, sizeof raw) != 0)
        return PANDO_CORRUPT;
    ret->len = at + (size_t)len;
    *ret_position = get_le64(raw + 8);
    return PANDO_OK;
}

enum pando_status journal_snapshot_read(const struct pando_files *files, const char *dir,
                                        uint64_t *ret_position,
                                        struct pando_buf *ret_state,
                                        struct pando_err *reterr)
{
    char path[FILES_PATH_MAX];
    int file;
    enum pando_status st = files_path(path, dir, SNAPSHOT_NAME);
    if (st == PANDO_OK)
        st = files->ops->open(files->ctx, path, FILES_READ, &file);
    if (st == PANDO_NOT_FOUND)
        return st;
    if (st == PANDO_OK) {
        st = read_state(files, file, ret_position, ret_state);
        files->ops->close(files->ctx, file);
    }
    if (st == PANDO_OK)
        return PANDO_OK;
    return pando_err_set(reterr, st,
                         "journal: %.150s is %s; restore a backup, or remove the space and join it again",
                         path, st == PANDO_CORRUPT ? "damaged" : pando_status_text(st));
}

/* Whether the snapshot covers everything below `position`. */
static enum pando_status covers(const struct journal *j, uint64_t position,
                                struct pando_err *reterr)
{
    struct pando_buf state;
    uint64_t reached = 0;
    buf_init(&state, JOURNAL_SNAPSHOT_MAX);
    const enum pando_status st =
        journal_snapshot_read(&j->config.files, j->dir, &reached, &state, reterr);
    buf_deinit(&state);
    if (st == PANDO_NOT_FOUND || (st == PANDO_OK && reached < position))
        return pando_err_set(reterr, PANDO_INVALID,
                             "journal: no snapshot reaches the position to drop before");
    return st;
}

/* The oldest segment's file becomes the spare or the one after it, or goes. Its name is gone for good before
 * the next one's turn: a gap between segments would be damage. */
static enum pando_status drop_first(struct journal *j)
{
    const struct pando_files *f = &j->config.files;
    struct segment *s = &j->segments[0];
    char path[FILES_PATH_MAX], spare[FILES_PATH_MAX];
    struct spare *place = j->spare.file < 0 && j->ahead == NULL ? &j->spare : &j->kept;
    segment_path(j->dir, s->head.base, path);
    enum pando_status st =
        files_path(spare, j->dir, place == &j->spare ? SPARE_NAME : KEPT_NAME);
    const bool keep = place->file < 0;
    if (st == PANDO_OK)
        st = keep ? f->ops->rename(f->ctx, path, spare) : f->ops->unlink(f->ctx, path);
    if (st == PANDO_OK)
        st = f->ops->sync_dir(f->ctx, j->dir);
    if (st != PANDO_OK)
        return st;
    if (keep)
        *place = (struct spare){ .file = s->file,
                                 .size = s->head.size,
                                 .filled = s->head.size,
                                 .synced = s->head.size };
    else
        f->ops->close(f->ctx, s->file);
    j->segments_len--;
    memmove(s, s + 1, j->segments_len * sizeof *s);
    for (struct chunk *c = j->staged; c != NULL; c = c->next)
        c->segment--;
    return PANDO_OK;
}

enum pando_status journal_drop_before(struct journal *j, uint64_t position,
                                      struct pando_err *reterr)
{
    if (j->flying != NULL)
        return PANDO_BUSY;
    if (j->stopped != PANDO_OK)
        return j->stopped;
    if (position > j->synced)
        return pando_err_set(reterr, PANDO_INVALID,
                             "journal: the position is not durable yet");
    enum pando_status st = covers(j, position, reterr);
    while (st == PANDO_OK && j->segments_len > 1 && j->segments[1].exists &&
           j->segments[1].used > j->segments[1].head.base + SEGMENT_HEAD &&
           j->segments[0].head.base + j->segments[0].head.size <= position)
        st = drop_first(j);
    return st;
}
