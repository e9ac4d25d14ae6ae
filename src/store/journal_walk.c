/* journal_walk.c - reading segments group by group: recovery and verification share it.
 */
#include "store/journal_impl.h"

#include "base/slice.h"
#include "store/crc32c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_BLOCK (256u << 10)

void segment_path(const char *dir, uint64_t base, char ret[static FILES_PATH_MAX])
{
    (void)snprintf(ret, FILES_PATH_MAX, "%.900s/%016" PRIx64 ".seg", dir, base);
}

static enum pando_status read_exact(const struct pando_files *files, int file,
                                    uint64_t offset, uint8_t *ptr, size_t len,
                                    bool *ret_whole)
{
    size_t got = 0;
    const enum pando_status st =
        files->ops->pread(files->ctx, file, offset, ptr, len, &got);
    *ret_whole = st == PANDO_OK && got == len;
    return st;
}

/* A head that belongs exactly here, and was not written when the file was another segment.
 */
static bool fits(const struct segment_head *s, const struct group_head *g,
                 uint64_t position)
{
#ifdef STORE_MUTANT_STALE_GROUP
    return g->len <= JOURNAL_GROUP_LIMIT && g->len % 8 == 0 &&
           position + GROUP_HEAD + g->len <= s->base + s->size;
#endif
    return g->position == position && g->generation == (uint32_t)s->generation &&
           g->len <= JOURNAL_GROUP_LIMIT && g->len % 8 == 0 &&
           position + GROUP_HEAD + g->len <= s->base + s->size;
}

static bool payload_is_whole(const struct group_head *g, const uint8_t *payload)
{
#ifdef STORE_MUTANT_NO_GROUP_CRC
    return true;
#endif
    return crc32c(0, slice_of(payload, g->len)) == g->payload_crc;
}

/* The group at `position`, read into `buf`; `*ret_found` false: none that is whole. */
static enum pando_status read_group(const struct pando_files *files, int file,
                                    const struct segment_head *head, uint64_t position,
                                    struct pando_buf *buf, struct group_head *ret,
                                    bool *ret_found)
{
    uint8_t raw[GROUP_HEAD];
    *ret_found = false;
    if (position + GROUP_HEAD > head->base + head->size)
        return PANDO_OK;
    bool whole;
    enum pando_status st =
        read_exact(files, file, position - head->base, raw, sizeof raw, &whole);
    if (st != PANDO_OK || !whole || !group_head_decode(raw, ret) ||
        !fits(head, ret, position))
        return st;
    buf_reset(buf);
    st = buf_reserve(buf, ret->len);
    if (st == PANDO_OK && ret->len > 0)
        st = read_exact(files, file, position - head->base + GROUP_HEAD, buf->ptr,
                        ret->len, &whole);
    *ret_found = st == PANDO_OK && whole && payload_is_whole(ret, buf->ptr);
    return st;
}

enum pando_status journal_first_group(const struct pando_files *files, int file,
                                      const struct segment_head *head,
                                      struct group_head *ret, bool *ret_found)
{
    uint8_t raw[GROUP_HEAD];
    bool whole;
    const enum pando_status st =
        read_exact(files, file, SEGMENT_HEAD, raw, sizeof raw, &whole);
    *ret_found = st == PANDO_OK && whole && group_head_decode(raw, ret) &&
                 fits(head, ret, head->base + SEGMENT_HEAD);
    return st;
}

enum pando_status journal_put_mark(const struct pando_files *files, int file,
                                   const struct segment_head *head, uint64_t position)
{
    uint8_t raw[GROUP_HEAD];
    const struct group_head h = {
        .generation = (uint32_t)head->generation,
        .position = position,
#ifndef STORE_MUTANT_NO_DURABLE_MARK
        .durable = position,
#endif
        .previous = position,
        .payload_crc = crc32c(0, SLICE_EMPTY),
    };
    if (position <= head->base + SEGMENT_HEAD ||
        position + GROUP_HEAD > head->base + head->size)
        return PANDO_NOT_FOUND;
    group_head_encode(&h, raw);
    return files->ops->pwrite(files->ctx, file, position - head->base, SLICE_OF(raw));
}

enum pando_status journal_walk(const struct pando_files *files, int file,
                               const struct segment_head *head, uint64_t expected,
                               struct walk *ret)
{
    struct pando_buf buf;
    struct group_head g;
    bool found = true;
    uint64_t position = head->base + SEGMENT_HEAD, previous = expected;
    enum pando_status st = PANDO_OK;
    buf_init(&buf, JOURNAL_GROUP_LIMIT);
    *ret = (struct walk){ .end = position, .content = position };
    while (st == PANDO_OK && found) {
        st = read_group(files, file, head, position, &buf, &g, &found);
        if (st != PANDO_OK || !found ||
            (previous != UINT64_MAX && g.previous != previous))
            break;
        position += GROUP_HEAD + g.len;
        previous = position;
        ret->end = position;
        ret->content = g.count > 0 ? position : ret->content;
        ret->records += g.count;
        ret->durable = g.durable > ret->durable ? g.durable : ret->durable;
    }
    buf_deinit(&buf);
    return st;
}

/* Heads lie at multiples of 8, so only those places are looked at. */
enum pando_status journal_look_ahead(const struct pando_files *files, int file,
                                     const struct segment_head *head, uint64_t from,
                                     uint64_t lost, bool *ret_proof, bool *ret_dirty)
{
    const uint64_t left = head->base + head->size - from;
    const size_t step = left < LOOK_BLOCK ? (size_t)left : LOOK_BLOCK;
    uint8_t *block = malloc(step + GROUP_HEAD);
    if (block == NULL)
        return PANDO_NOMEM;
    enum pando_status st = PANDO_OK;
    *ret_proof = *ret_dirty = false;
    size_t got = 1; /* a copy of a journal may be shorter than its head says */
    for (uint64_t at = from; at < head->base + head->size && st == PANDO_OK && got > 0;
         at += step) {
        st = files->ops->pread(files->ctx, file, at - head->base, block,
                               step + GROUP_HEAD, &got);
        for (size_t i = 0; i + 8 <= got && i < step; i += 8) {
            struct group_head g;
            if (i + GROUP_HEAD > got || !group_head_decode(block + i, &g) ||
                !fits(head, &g, at + i))
                continue;
            *ret_dirty = true;
            *ret_proof = *ret_proof || g.durable > lost;
        }
    }
    free(block);
    return st;
}
