/* journal_verify.c - checking every byte of a journal that nobody needs to open.
 */
#include "store/journal_impl.h"

#include "base/slice.h"
#include "store/crc32c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct audit {
    const struct pando_files *files;
    const char *dir;
    const struct journal_audit_sink *sink;
    struct journal_audit *ret;
    uint64_t *bases;
    size_t len;
    uint64_t base;     /* of the segment before */
    struct walk chain; /* where the chain stands at its end */
    uint64_t empty;    /* begin of the first empty segment behind it; 0: none */
    uint64_t durable;  /* the newest mark seen */
};

static void report(struct audit *a, uint64_t base, uint64_t offset, const char *what)
{
    char path[FILES_PATH_MAX];
    segment_path(a->dir, base, path);
    a->ret->damages++;
    if (a->sink != NULL && a->sink->damage != NULL)
        a->sink->damage(a->sink->ctx, &(struct journal_damage){
                                          .path = path, .offset = offset, .what = what });
}

static void note(void *arg, const char *name, bool is_dir)
{
    struct audit *a = arg;
    if (is_dir || strlen(name) != 20 || strcmp(name + 16, ".seg") != 0)
        return;
    uint64_t *bases = realloc(a->bases, (a->len + 1) * sizeof *bases);
    if (bases == NULL || a->len >= JOURNAL_SEGMENTS_MAX)
        return;
    a->bases = bases;
    bases[a->len++] = strtoull(name, NULL, 16);
}

static int by_base(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A segment's first group says where the one before ended: with or without a last mark.
 */
static enum pando_status audit_joint(struct audit *a, int file,
                                     const struct segment_head *head)
{
    struct group_head first;
    bool found;
    const enum pando_status st =
        journal_first_group(a->files, file, head, &first, &found);
    const uint64_t end = a->chain.end != 0 ? a->chain.end : a->empty;
    if (st != PANDO_OK || !found || end == 0 || first.previous == end ||
        first.previous == a->chain.content || first.previous == a->empty)
        return st;
    report(a, a->base, end - a->base, "an acknowledged group is not whole");
    return PANDO_CORRUPT;
}

/* One segment: its head, how it joins the one before, its chain and what lies behind. */
static enum pando_status audit_segment(struct audit *a, size_t i, int file)
{
    uint8_t raw[SEGMENT_HEAD];
    struct segment_head head;
    struct walk w;
    size_t got = 0;
    bool proof = false, dirty = false;
    enum pando_status st =
        a->files->ops->pread(a->files->ctx, file, 0, raw, sizeof raw, &got);
    if (st != PANDO_OK)
        return st;
    if (got < sizeof raw || !segment_head_decode(raw, &head)) {
        report(a, a->bases[i], 0, "the segment's head is not whole");
        return PANDO_CORRUPT;
    }
    st = audit_joint(a, file, &head);
    if (st != PANDO_OK && st != PANDO_CORRUPT)
        return st;
    st = journal_walk(a->files, file, &head, UINT64_MAX, &w);
    if (st == PANDO_OK)
        st = journal_look_ahead(a->files, file, &head, w.end, w.end, &proof, &dirty);
    if (st != PANDO_OK)
        return st;
    a->ret->records += w.records;
    a->ret->bytes += w.end - head.base;
    a->ret->torn_bytes += dirty && !proof;
    a->durable = w.durable > a->durable ? w.durable : a->durable;
    if (w.end > head.base + SEGMENT_HEAD) {
        a->chain = w;
        a->base = head.base;
        a->empty = 0;
    } else if (a->empty == 0) {
        a->empty = w.end;
        a->base = a->chain.end != 0 ? a->base : head.base;
    }
    if (proof)
        report(a, head.base, w.end - head.base, "an acknowledged group is not whole");
    return proof ? PANDO_CORRUPT : PANDO_OK;
}

/* Segments may come while we look, and go when they are dropped. */
static enum pando_status audit_file(struct audit *a, size_t i)
{
    char path[FILES_PATH_MAX];
    int file;
    segment_path(a->dir, a->bases[i], path);
    enum pando_status st = a->files->ops->open(a->files->ctx, path, FILES_READ, &file);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND && a->chain.end == 0 ? PANDO_OK : st;
    st = audit_segment(a, i, file);
    a->files->ops->close(a->files->ctx, file);
    return st;
}

static void report_file(struct audit *a, const char *name, const char *what)
{
    char path[FILES_PATH_MAX];
    a->ret->damages++;
    if (a->sink == NULL || a->sink->damage == NULL ||
        files_path(path, a->dir, name) != PANDO_OK)
        return;
    a->sink->damage(a->sink->ctx, &(struct journal_damage){ .path = path, .what = what });
}

/* The small files beside the segments. */
static enum pando_status audit_beside(struct audit *a)
{
    uint64_t epoch, position;
    struct pando_buf state;
    buf_init(&state, JOURNAL_SNAPSHOT_MAX);
    enum pando_status st =
        journal_snapshot_read(a->files, a->dir, &position, &state, NULL);
    a->ret->bytes += state.len;
    buf_deinit(&state);
    if (st == PANDO_CORRUPT)
        report_file(a, "snapshot", "the snapshot does not match its checksum");
    else if (st == PANDO_OK && a->len > 0 && position < a->bases[0])
        report_file(a, "snapshot",
                    "records between the snapshot and the first segment are missing");
    if (st != PANDO_OK && st != PANDO_CORRUPT && st != PANDO_NOT_FOUND)
        return st;
    st = journal_epoch_read(a->files, a->dir, &epoch, NULL);
    if (st == PANDO_CORRUPT)
        report_file(a, "epoch", "the epoch does not match its checksum");
    if (st == PANDO_OK)
        st = journal_count_read(a->files, a->dir, JOURNAL_REPAIRS, &epoch, NULL);
    else
        return st == PANDO_CORRUPT ? PANDO_OK : st;
    if (st == PANDO_CORRUPT)
        report_file(a, JOURNAL_REPAIRS, "the count of repairs does not match its checksum");
    return st == PANDO_CORRUPT ? PANDO_OK : st;
}

enum pando_status journal_verify(const struct pando_files *files, const char *dir,
                                 const struct journal_audit_sink *sink,
                                 struct journal_audit *ret_audit)
{
    struct audit a = { .files = files, .dir = dir, .sink = sink, .ret = ret_audit };
    *ret_audit = (struct journal_audit){ 0 };
    enum pando_status st = files->ops->list(files->ctx, dir, &a, note);
    if (a.len > 1)
        qsort(a.bases, a.len, sizeof *a.bases, by_base);
    for (size_t i = 0; i < a.len && st == PANDO_OK; i++) {
        const enum pando_status one = audit_file(&a, i);
        st = one == PANDO_CORRUPT ? PANDO_OK : one;
        if (sink != NULL && sink->progress != NULL)
            sink->progress(sink->ctx, i + 1, a.len);
    }
    if (st == PANDO_OK && a.durable > a.chain.end)
        report(&a, a.bases[a.len - 1], 0, "acknowledged groups are missing at the end");
    if (st == PANDO_OK)
        st = audit_beside(&a);
    free(a.bases);
    return st == PANDO_OK && ret_audit->damages > 0 ? PANDO_CORRUPT : st;
}
