/* journal_mend.c - taking the damage out of a journal whose records come again from others.
 *
 * The chain of whole groups is followed from the first segment on, every byte of it. Where it
 * breaks and something behind proves that more was durable, the journal ends from now on:
 * the segment with the break is made anew from its sound part, those behind it go, and all
 * that is taken away stays beside it under other names. A snapshot that the sound part does
 * not reach cannot be used with it, so then everything goes.
 */
#include "store/journal_impl.h"

#include "base/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MEND_NAME   "mend.tmp"
#define ASIDE       "damaged-"
#define COPY_BLOCK  (64u << 10)
#define NAMES_MAX   64 /* removed at a time */
#define NAME_LEN    64

struct mender {
    const struct pando_files *files;
    const char *dir;
    uint64_t *bases;
    size_t len;
    bool failed;
    size_t last; /* the segment in which the sound chain ends; SIZE_MAX: there is no chain */
    struct segment_head head; /* of it */
    struct walk chain;
    uint64_t next_base; /* where the next segment must begin */
    size_t hurt; /* the segment with the damage */
    uint64_t hurt_at;
};

static void note(void *arg, const char *name, bool is_dir)
{
    struct mender *m = arg;
    if (is_dir || strlen(name) != 20 || strcmp(name + 16, ".seg") != 0)
        return;
    uint64_t *bases = m->len < JOURNAL_SEGMENTS_MAX
                          ? realloc(m->bases, (m->len + 1) * sizeof *bases)
                          : NULL;
    m->failed = m->failed || bases == NULL;
    if (bases == NULL)
        return;
    m->bases = bases;
    bases[m->len++] = strtoull(name, NULL, 16);
}

static int by_base(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void hurt(struct mender *m, size_t segment, uint64_t offset)
{
    m->hurt = segment;
    m->hurt_at = offset;
}

/* Where the chain ends there is more. */
static void hurt_end(struct mender *m)
{
    if (m->last == SIZE_MAX)
        hurt(m, 0, SEGMENT_HEAD);
    else
        hurt(m, m->last, m->chain.end - m->bases[m->last]);
}

/* Whether a first group of segment `i`, which says where the one before it ended, follows the
 * chain; a mark there may have been written over, and segments between may be empty. */
static bool follows(const struct mender *m, size_t i, uint64_t previous)
{
    const bool begun = m->last != SIZE_MAX;
    if (i == 0 || (begun && (previous == m->chain.end || previous == m->chain.content)))
        return true;
    for (size_t k = begun ? m->last + 1 : 0; k < i; k++)
        if (previous == m->bases[k] + SEGMENT_HEAD)
            return true;
    return false;
}

/* `*ret_hurt`: the chain does not go on into segment `i`, and that is damage. */
static enum pando_status take_segment(struct mender *m, size_t i, int file, bool *ret_hurt)
{
    const struct pando_files *f = m->files;
    struct segment_head head;
    struct group_head first;
    struct walk w;
    uint8_t raw[SEGMENT_HEAD];
    size_t got = 0;
    bool found;
    enum pando_status st = f->ops->pread(f->ctx, file, 0, raw, sizeof raw, &got);
    if (st != PANDO_OK)
        return st;
    const bool sound = got == sizeof raw && segment_head_decode(raw, &head) &&
                       head.base == m->bases[i] && head.format <= JOURNAL_FORMAT;
    *ret_hurt = !sound || (i > 0 && head.base != m->next_base);
    if (*ret_hurt) {
        hurt(m, i, 0);
        return PANDO_OK;
    }
    m->next_base = head.base + head.size;
    st = journal_first_group(f, file, &head, &first, &found);
    if (st != PANDO_OK || !found)
        return st;
    if (!follows(m, i, first.previous)) {
        *ret_hurt = true;
        hurt_end(m);
        return PANDO_OK;
    }
    st = journal_walk(f, file, &head, UINT64_MAX, &w);
    if (st != PANDO_OK || w.end == head.base + SEGMENT_HEAD)
        return st;
    w.durable = w.durable > m->chain.durable ? w.durable : m->chain.durable;
    m->chain = w;
    m->head = head;
    m->last = i;
    return PANDO_OK;
}

static enum pando_status open_at(const struct mender *m, size_t i, int *ret_file)
{
    char path[FILES_PATH_MAX];
    segment_path(m->dir, m->bases[i], path);
    return m->files->ops->open(m->files->ctx, path, FILES_READ, ret_file);
}

/* Is anything behind the chain's end known to have been durable? */
static enum pando_status look_behind(struct mender *m, bool *ret_hurt)
{
    const struct pando_files *f = m->files;
    enum pando_status st = PANDO_OK;
    *ret_hurt = m->chain.durable > m->chain.end;
    for (size_t i = m->last == SIZE_MAX ? 0 : m->last; i < m->len && st == PANDO_OK; i++) {
        struct segment_head head;
        uint8_t raw[SEGMENT_HEAD];
        size_t got = 0;
        bool proof = false, dirty;
        int file;
        st = open_at(m, i, &file);
        if (st != PANDO_OK)
            return st;
        st = f->ops->pread(f->ctx, file, 0, raw, sizeof raw, &got);
        if (st == PANDO_OK && got == sizeof raw && segment_head_decode(raw, &head)) {
            const uint64_t from = i == m->last ? m->chain.end : head.base + SEGMENT_HEAD;
            st = journal_look_ahead(f, file, &head, from, m->chain.end, &proof, &dirty);
        }
        f->ops->close(f->ctx, file);
        *ret_hurt = *ret_hurt || proof;
    }
    if (*ret_hurt)
        hurt_end(m);
    return st;
}

static enum pando_status look(struct mender *m, bool *ret_hurt)
{
    enum pando_status st = m->files->ops->list(m->files->ctx, m->dir, m, note);
    if (st == PANDO_OK && m->failed)
        st = PANDO_FULL;
    if (m->len > 1)
        qsort(m->bases, m->len, sizeof *m->bases, by_base);
    for (size_t i = 0; i < m->len && st == PANDO_OK && !*ret_hurt; i++) {
        int file;
        st = open_at(m, i, &file);
        if (st != PANDO_OK)
            return st;
        st = take_segment(m, i, file, ret_hurt);
        m->files->ops->close(m->files->ctx, file);
    }
    return st == PANDO_OK && !*ret_hurt ? look_behind(m, ret_hurt) : st;
}

/* Copy `len` bytes and fill up with zeros to the size of a segment. */
static enum pando_status copy_part(const struct mender *m, int from, int to, uint64_t len,
                                   uint64_t size)
{
    uint8_t *block = malloc(COPY_BLOCK);
    enum pando_status st = block == NULL ? PANDO_NOMEM : PANDO_OK;
    for (uint64_t at = 0; at < size && st == PANDO_OK; at += COPY_BLOCK) {
        const size_t all = size - at < COPY_BLOCK ? (size_t)(size - at) : COPY_BLOCK;
        const size_t part = at >= len ? 0 : len - at < all ? (size_t)(len - at) : all;
        size_t got = 0;
        memset(block, 0, COPY_BLOCK);
        if (part > 0)
            st = m->files->ops->pread(m->files->ctx, from, at, block, part, &got);
        if (st == PANDO_OK && got != part)
            st = PANDO_IO;
        if (st == PANDO_OK)
            st = m->files->ops->pwrite(m->files->ctx, to, at, slice_of(block, all));
    }
    free(block);
    return st == PANDO_OK ? m->files->ops->fdatasync(m->files->ctx, to) : st;
}

/* The sound part of the segment in which the chain ends, as MEND_NAME. */
static enum pando_status make_anew(const struct mender *m)
{
    const struct pando_files *f = m->files;
    char path[FILES_PATH_MAX];
    int from, to;
    enum pando_status st = files_path(path, m->dir, MEND_NAME);
    if (st == PANDO_OK)
        st = open_at(m, m->last, &from);
    if (st != PANDO_OK)
        return st;
    (void)!f->ops->unlink(f->ctx, path);
    st = f->ops->open(f->ctx, path, FILES_NEW, &to);
    if (st == PANDO_OK) {
        st = copy_part(m, from, to, m->chain.end - m->head.base, m->head.size);
        f->ops->close(f->ctx, to);
    }
    f->ops->close(f->ctx, from);
    return st;
}

static enum pando_status set_aside(const struct mender *m, uint64_t repairs, const char *name)
{
    char from[FILES_PATH_MAX], to[FILES_PATH_MAX], aside[NAME_LEN];
    (void)snprintf(aside, sizeof aside, ASIDE "%" PRIu64 "-%s", repairs, name);
    enum pando_status st = files_path(from, m->dir, name);
    if (st == PANDO_OK)
        st = files_path(to, m->dir, aside);
    return st == PANDO_OK ? m->files->ops->rename(m->files->ctx, from, to) : st;
}

static void segment_name(uint64_t base, char ret[static NAME_LEN])
{
    (void)snprintf(ret, NAME_LEN, "%016" PRIx64 ".seg", base);
}

/* Whatever moment a crash takes: what is left is the damage, or a journal without it. */
static enum pando_status cut(const struct mender *m, uint64_t repairs, bool whole)
{
    const struct pando_files *f = m->files;
    const size_t keep = whole ? 0 : m->last + 1;
    char name[NAME_LEN], from[FILES_PATH_MAX], to[FILES_PATH_MAX];
    enum pando_status st = whole ? PANDO_OK : make_anew(m);
    if (st == PANDO_OK && whole && files_has(f, m->dir, "snapshot"))
        st = set_aside(m, repairs, "snapshot");
    for (size_t i = m->len; i > keep && st == PANDO_OK; i--) {
        segment_name(m->bases[i - 1], name);
        st = set_aside(m, repairs, name);
    }
    if (st == PANDO_OK && !whole) {
        segment_name(m->bases[m->last], name);
        st = set_aside(m, repairs, name);
        if (st == PANDO_OK)
            st = files_path(from, m->dir, MEND_NAME);
        if (st == PANDO_OK)
            st = files_path(to, m->dir, name);
        if (st == PANDO_OK)
            st = f->ops->rename(f->ctx, from, to);
    }
    return st == PANDO_OK ? f->ops->sync_dir(f->ctx, m->dir) : st;
}

struct old_names {
    char at[NAMES_MAX][NAME_LEN];
    size_t len;
    uint64_t repairs;
};

static void note_old(void *arg, const char *name, bool is_dir)
{
    struct old_names *o = arg;
    const size_t prefix = sizeof ASIDE - 1;
    if (is_dir || o->len == NAMES_MAX || strncmp(name, ASIDE, prefix) != 0 ||
        strlen(name) >= NAME_LEN || strtoull(name + prefix, NULL, 10) + 1 >= o->repairs)
        return;
    (void)snprintf(o->at[o->len++], NAME_LEN, "%s", name);
}

/* What earlier repairs than the last one have set aside has been there long enough. */
static void forget_old(const struct mender *m, uint64_t repairs)
{
    struct old_names old = { .repairs = repairs };
    char path[FILES_PATH_MAX];
    if (m->files->ops->list(m->files->ctx, m->dir, &old, note_old) != PANDO_OK)
        return;
    for (size_t i = 0; i < old.len; i++)
        if (files_path(path, m->dir, old.at[i]) == PANDO_OK)
            (void)!m->files->ops->unlink(m->files->ctx, path);
}

/* Whether the snapshot cannot stand before what is kept; `*ret_damaged`: nor anywhere. */
static bool snapshot_is_lost(const struct mender *m, bool *ret_damaged)
{
    struct pando_buf state;
    uint64_t position = 0;
    buf_init(&state, JOURNAL_SNAPSHOT_MAX);
    const enum pando_status st =
        journal_snapshot_read(m->files, m->dir, &position, &state, NULL);
    buf_deinit(&state);
    *ret_damaged = st == PANDO_CORRUPT;
    return *ret_damaged || (st == PANDO_OK && position > m->chain.end);
}

static enum pando_status mend(struct mender *m, struct journal_loss *ret,
                              struct pando_err *reterr)
{
    bool is_hurt = false, damaged;
    enum pando_status st = look(m, &is_hurt);
    const bool lost = snapshot_is_lost(m, &damaged);
    if (st == PANDO_OK && !is_hurt && !damaged)
        return PANDO_NOT_FOUND;
    ret->whole = m->last == SIZE_MAX || lost;
    if (is_hurt && m->len > 0)
        segment_name(m->bases[m->hurt], ret->file);
    else
        (void)snprintf(ret->file, sizeof ret->file, "snapshot");
    ret->offset = is_hurt ? m->hurt_at : 0;
    if (st == PANDO_OK)
        st = journal_count_raise(m->files, m->dir, JOURNAL_REPAIRS, &ret->repairs, reterr);
    if (st == PANDO_OK) {
        forget_old(m, ret->repairs);
        st = cut(m, ret->repairs, ret->whole);
    }
    return st;
}

enum pando_status journal_mend(const struct pando_files *files, const char *dir,
                               struct journal_loss *ret, struct pando_err *reterr)
{
    struct mender m = { .files = files, .dir = dir, .last = SIZE_MAX };
    *ret = (struct journal_loss){ .offset = 0 };
    const enum pando_status st = mend(&m, ret, reterr);
    free(m.bases);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND && st != PANDO_CORRUPT)
        return pando_err_set(reterr, st, "journal: %.150s is damaged and cannot be repaired: %s%s",
                             dir, pando_status_text(st), files_remedy(st));
    return st;
}
