/* journal_open.c - what is true on disk: following the chain, cutting a torn tail.
 *
 * Every group says what was durable when it was made. If the chain of whole groups ends
 * before a position that some later group calls durable, something that was acknowledged
 * is damaged: that is PANDO_CORRUPT, and nothing is cut. Otherwise the rest is the tail
 * of a commit that never ended, and it is wiped.
 */
#include "store/journal_impl.h"

#include "base/slice.h"
#include "store/crc32c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct listing {
    uint64_t *bases;
    size_t len;
    bool failed;
    bool kept; /* a dropped segment that was to be used again: without one it is in the way */
};

static void note_name(void *arg, const char *name, bool is_dir)
{
    struct listing *l = arg;
    char *end;
    l->kept = l->kept || (!is_dir && strcmp(name, KEPT_NAME) == 0);
    if (is_dir || strlen(name) != 20 || strcmp(name + 16, ".seg") != 0)
        return;
    const uint64_t base = strtoull(name, &end, 16);
    if (end != name + 16)
        return;
    uint64_t *bases = l->len < JOURNAL_SEGMENTS_MAX
                          ? realloc(l->bases, (l->len + 1) * sizeof *bases)
                          : NULL;
    if (bases == NULL) {
        l->failed = true;
        return;
    }
    l->bases = bases;
    bases[l->len++] = base;
}

static int by_base(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

enum pando_status journal_add_segment(struct journal *j, const struct segment_head *head,
                                      struct segment **ret)
{
    if (j->segments_len == JOURNAL_SEGMENTS_MAX)
        return PANDO_FULL;
    if (j->segments_len == j->segments_cap) {
        const size_t cap = j->segments_cap == 0 ? 8 : j->segments_cap * 2;
        struct segment *segments = realloc(j->segments, cap * sizeof *segments);
        if (segments == NULL)
            return PANDO_NOMEM;
        j->segments = segments;
        j->segments_cap = cap;
    }
    *ret = &j->segments[j->segments_len++];
    **ret =
        (struct segment){ .head = *head, .file = -1, .used = head->base + SEGMENT_HEAD };
    (void)snprintf((*ret)->name, sizeof(*ret)->name, "%016" PRIx64 ".seg", head->base);
    return PANDO_OK;
}

static enum pando_status corrupt(struct journal *j, uint64_t base, uint64_t offset,
                                 struct pando_err *reterr, const char *what)
{
    return pando_err_set(reterr, PANDO_CORRUPT,
                         "journal: %.120s/%016" PRIx64
                         ".seg is damaged at offset %" PRIu64
                         ": %s; restore a backup, or remove the space and join it again",
                         j->dir, base, offset, what);
}

/* Open one segment and read its head. `*ret_head_ok` false: it was never finished. */
static enum pando_status open_segment(struct journal *j, uint64_t base,
                                      struct segment **ret, bool *ret_head_ok,
                                      struct pando_err *reterr)
{
    const struct pando_files *f = &j->config.files;
    uint8_t raw[SEGMENT_HEAD];
    char path[FILES_PATH_MAX];
    struct segment_head head;
    size_t got = 0;
    int file;
    segment_path(j->dir, base, path);
    enum pando_status st = f->ops->open(f->ctx, path, FILES_WRITE, &file);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "journal: cannot open %.180s: %s%s", path,
                             pando_status_text(st), files_remedy(st));
    st = f->ops->pread(f->ctx, file, 0, raw, sizeof raw, &got);
    *ret_head_ok = st == PANDO_OK && got == sizeof raw && segment_head_decode(raw, &head);
    if (st == PANDO_OK && *ret_head_ok && head.format > JOURNAL_FORMAT)
        st = pando_err_set(
            reterr, PANDO_UNSUPPORTED,
            "journal: %.120s has format %u, this version reads %u: update pando", j->dir,
            head.format, JOURNAL_FORMAT);
    else if (st == PANDO_OK && *ret_head_ok &&
             (head.base != base || !id_equal(&head.space, &j->config.space)))
        st = corrupt(j, base, 0, reterr, "it belongs to another journal or place");
    if (st == PANDO_OK && *ret_head_ok)
        st = journal_add_segment(j, &head, ret);
    if (st != PANDO_OK || !*ret_head_ok) {
        f->ops->close(f->ctx, file);
        return st;
    }
    (*ret)->file = file;
    (*ret)->exists = true;
    return PANDO_OK;
}

static void drop_last(struct journal *j)
{
    struct segment *s = &j->segments[--j->segments_len];
    const struct pando_files *f = &j->config.files;
    char path[FILES_PATH_MAX];
    f->ops->close(f->ctx, s->file);
    segment_path(j->dir, s->head.base, path);
    (void)!f->ops->unlink(f->ctx, path);
}

/* Wipe what lies behind the last whole group, so that it can never be taken for one. */
static enum pando_status wipe_tail(struct journal *j, struct segment *s)
{
    const struct pando_files *f = &j->config.files;
    static const uint8_t zeros[64u << 10];
    enum pando_status st = PANDO_OK;
    for (uint64_t at = s->used; at < s->head.base + s->head.size && st == PANDO_OK;) {
        const uint64_t left = s->head.base + s->head.size - at;
        const size_t len = left < sizeof zeros ? (size_t)left : sizeof zeros;
        st = f->ops->pwrite(f->ctx, s->file, at - s->head.base, slice_of(zeros, len));
        at += len;
    }
    return st == PANDO_OK ? f->ops->fdatasync(f->ctx, s->file) : st;
}

/* Segment `i` begins with a group that says where the one before it ended: in the last
 * one that is not empty. Segments between are empty, as when a record did not fit in one.
 */
static bool joins(struct journal *j, size_t last, size_t i, uint64_t previous)
{
    for (size_t k = last; k < i; k++) {
        struct segment *s = &j->segments[k];
        const uint64_t first = s->head.base + SEGMENT_HEAD;
        if (previous < first ||
            previous > (k == last ? s->head.base + s->head.size : first))
            continue;
        s->used = previous;
        return true;
    }
    return false;
}

/* The chain ends in the last segment whose first group is there; how far the ones before
 * are filled, the first group behind each tells. */
static enum pando_status find_last(struct journal *j, size_t *ret_last,
                                   struct pando_err *reterr)
{
    *ret_last = 0;
    for (size_t i = 0; i < j->segments_len; i++) {
        struct segment *s = &j->segments[i];
        struct group_head g;
        bool found;
        if (i > 0 && s->head.base != s[-1].head.base + s[-1].head.size)
            return corrupt(j, s->head.base, 0, reterr,
                           "the segment before it is missing");
        const enum pando_status st =
            journal_first_group(&j->config.files, s->file, &s->head, &g, &found);
        if (st != PANDO_OK)
            return pando_err_set(reterr, st, "journal: cannot read %.150s: %s", j->dir,
                                 pando_status_text(st));
        if (found && i > 0 && !joins(j, *ret_last, i, g.previous))
            return corrupt(j, s->head.base, SEGMENT_HEAD, reterr,
                           "the groups in front of it are missing");
        if (found)
            *ret_last = i;
    }
    return PANDO_OK;
}

/* Walk the last segment as it is on the disk, not as a cache remembers it: another
 * process may have written what no sync saved. What is found is then made safe. A segment
 * without a whole group sends the walk to the one before. */
static enum pando_status follow(struct journal *j, size_t *last, struct pando_err *reterr)
{
    const struct pando_files *f = &j->config.files;
    enum pando_status st = PANDO_OK;
    bool empty = true;
    for (size_t i = *last + 1; i > 0 && empty && st == PANDO_OK; i--) {
        struct segment *s = &j->segments[i - 1];
        struct walk w = { 0 };
#ifndef STORE_MUTANT_TRUST_CACHE
        st = f->ops->forget(f->ctx, s->file);
#endif
        if (st == PANDO_OK)
            st = journal_walk(f, s->file, &s->head, UINT64_MAX, &w);
#ifndef STORE_MUTANT_NO_OPEN_SYNC
        if (st == PANDO_OK)
            st = f->ops->fdatasync(f->ctx, s->file);
#endif
        empty = w.end == s->head.base + SEGMENT_HEAD; /* its first group is torn */
        *last = i - 1;
        s->used = j->end = w.end;
        j->stats.records = w.records;
        j->marked = w.content < w.end ? w.end : w.durable; /* a mark needs no other */
    }
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "journal: cannot read %.150s: %s", j->dir,
                             pando_status_text(st));
    return PANDO_OK;
}

/* Is anything behind the chain's end known to have been durable? If not, wipe it. */
static enum pando_status settle_tail(struct journal *j, size_t last,
                                     struct pando_err *reterr)
{
    for (size_t i = last; i < j->segments_len; i++) {
        const struct segment *s = &j->segments[i];
        const uint64_t from = i == last ? s->used : s->head.base + SEGMENT_HEAD;
        bool proof, dirty;
        const enum pando_status st = journal_look_ahead(
            &j->config.files, s->file, &s->head, from, j->end, &proof, &dirty);
        if (st != PANDO_OK)
            return pando_err_set(reterr, st, "journal: cannot read %.150s", j->dir);
        if (proof || j->marked > j->end)
            return corrupt(j, j->segments[last].head.base,
                           j->end - j->segments[last].head.base, reterr,
                           "an acknowledged group is not whole");
        j->stats.torn += dirty;
        if (dirty && i == last && wipe_tail(j, &j->segments[i]) != PANDO_OK)
            return pando_err_set(reterr, PANDO_IO,
                                 "journal: cannot wipe the torn tail of %.150s", j->dir);
    }
    while (j->segments_len > last + 1)
        drop_last(j);
    return PANDO_OK;
}

/* A segment is synced whole before its first group: groups behind a broken head are rot,
 * a broken head alone is a crash while it was made. */
static enum pando_status drop_unfinished(struct journal *j, uint64_t base,
                                         struct pando_err *reterr)
{
    const struct pando_files *f = &j->config.files;
    uint8_t raw[GROUP_HEAD] = { 0 };
    char path[FILES_PATH_MAX];
    struct group_head g;
    size_t got = 0;
    int file;
    segment_path(j->dir, base, path);
    enum pando_status st = f->ops->open(f->ctx, path, FILES_READ, &file);
    if (st != PANDO_OK)
        return st;
    st = f->ops->pread(f->ctx, file, SEGMENT_HEAD, raw, sizeof raw, &got);
    f->ops->close(f->ctx, file);
    if (st == PANDO_OK && got == sizeof raw && group_head_decode(raw, &g) &&
        g.position == base + SEGMENT_HEAD)
        return corrupt(j, base, 0, reterr, "its head is not whole");
    return st == PANDO_OK ? f->ops->unlink(f->ctx, path) : st;
}

static enum pando_status read_all(struct journal *j, const struct listing *l,
                                  struct pando_err *reterr)
{
    for (size_t i = 0; i < l->len; i++) {
        struct segment *s;
        bool head_ok = false;
        enum pando_status st = open_segment(j, l->bases[i], &s, &head_ok, reterr);
        if (st == PANDO_OK && !head_ok && i + 1 < l->len)
            st = corrupt(j, l->bases[i], 0, reterr, "its head is not whole");
        else if (st == PANDO_OK && !head_ok)
            st = drop_unfinished(j, l->bases[i], reterr);
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_OK;
}

static void configure(struct journal *j, const struct journal_config *config)
{
    j->config = *config;
    j->spare.file = j->kept.file = -1;
    if (j->config.segment_min == 0)
        j->config.segment_min = 1u << 20;
    if (j->config.segment_max == 0)
        j->config.segment_max = 64u << 20;
    j->config.segment_min = (size_t)journal_align(j->config.segment_min);
    j->config.segment_max = (size_t)journal_align(j->config.segment_max);
    if (j->config.segment_max > SEGMENT_SIZE_MAX / 2)
        j->config.segment_max = SEGMENT_SIZE_MAX / 2;
    (void)snprintf(j->dir, sizeof j->dir, "%s", config->dir);
}

/* The segments of the folder, which is made where it is not there, in their order. */
static enum pando_status list_segments(const struct journal_config *config, struct listing *l,
                                       struct pando_err *reterr)
{
    char kept[FILES_PATH_MAX];
    enum pando_status st = files_mkdirs(&config->files, config->dir);
    if (st == PANDO_OK)
        st = config->files.ops->list(config->files.ctx, config->dir, l, note_name);
    if (st != PANDO_OK)
        (void)pando_err_set(reterr, st, "journal: cannot use %.150s: %s%s", config->dir,
                            pando_status_text(st), files_remedy(st));
    if (st == PANDO_OK && l->failed)
        st = pando_err_set(reterr, PANDO_FULL, "journal: too many segments in %.150s",
                           config->dir);
    if (st == PANDO_OK && l->kept && files_path(kept, config->dir, KEPT_NAME) == PANDO_OK)
        (void)!config->files.ops->unlink(config->files.ctx, kept);
    if (l->len > 1)
        qsort(l->bases, l->len, sizeof *l->bases, by_base);
    return st;
}

enum pando_status journal_open(const struct journal_config *config, struct journal **ret,
                               struct pando_err *reterr)
{
    struct listing l = { 0 };
    size_t last = 0;
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "journal: memory is out");
    configure(j, config);
    enum pando_status st = list_segments(config, &l, reterr);
    if (st == PANDO_OK)
        st = read_all(j, &l, reterr);
    if (st == PANDO_OK)
        st = find_last(j, &last, reterr);
    if (st == PANDO_OK && j->segments_len > 0)
        st = follow(j, &last, reterr);
    if (st == PANDO_OK && j->segments_len > 0)
        st = settle_tail(j, last, reterr);
    if (st == PANDO_OK)
        st = journal_epoch_read(&config->files, config->dir, &j->epoch, reterr);
    if (st == PANDO_OK)
        st = journal_count_read(&config->files, config->dir, JOURNAL_REPAIRS, &j->repairs, reterr);
    free(l.bases);
    j->durable = j->synced = j->end;
    if (st == PANDO_OK) {
        j->opened = true;
        *ret = j;
        return PANDO_OK;
    }
    journal_close(j);
    return st;
}

struct segment *journal_segment_at(const struct journal *j, uint64_t position)
{
    size_t low = 0, high = j->segments_len;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (j->segments[middle].head.base + j->segments[middle].head.size <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < j->segments_len && j->segments[low].head.base <= position
               ? &j->segments[low]
               : NULL;
}
