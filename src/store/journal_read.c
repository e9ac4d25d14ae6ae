#include "store/journal_impl.h"

#include "base/slice.h"

#include <stdlib.h>

#define SCAN_BLOCK (256u << 10)
#define FIRST_READ 1024u

static const uint8_t *in_chunks(const struct chunk *c, uint64_t position,
                                size_t *ret_room)
{
    for (; c != NULL; c = c->next) {
        if (position < c->position || position >= c->position + c->bytes.len)
            continue;
        const size_t offset = (size_t)(position - c->position);
        *ret_room = c->bytes.len - offset;
        return c->bytes.ptr + offset;
    }
    return NULL;
}

const uint8_t *journal_staged_at(const struct journal *j, uint64_t position,
                                 size_t *ret_room)
{
    const uint8_t *found =
        j->flying == NULL ? NULL : in_chunks(j->flying->chunks, position, ret_room);
    return found != NULL ? found : in_chunks(j->staged, position, ret_room);
}

/* The head of a group that is not on disk yet: its bytes are the committing thread's. */
static bool is_staged_head(const struct journal *j, uint64_t position)
{
    for (const struct chunk *c = j->flying == NULL ? NULL : j->flying->chunks; c != NULL;
         c = c->next)
        if (c->position == position)
            return true;
    for (const struct chunk *c = j->staged; c != NULL; c = c->next)
        if (c->position == position)
            return true;
    return false;
}

static enum pando_status read_staged(const uint8_t *at, size_t room, uint8_t *ret_kind,
                                     struct pando_buf *ret)
{
    struct record_head h;
    if (room < RECORD_HEAD)
        return PANDO_NOT_FOUND;
    record_head_decode(at, &h);
    if (h.len > room - RECORD_HEAD ||
        !record_is_whole(&h, slice_of(at + RECORD_HEAD, h.len)))
        return PANDO_NOT_FOUND;
    *ret_kind = h.kind;
    return buf_append(ret, slice_of(at + RECORD_HEAD, h.len));
}

/* The segment of a written record; NULL: none can begin there. */
static const struct segment *segment_of(const struct journal *j, uint64_t position)
{
    const struct segment *s = journal_segment_at(j, position);
    if (s == NULL || !s->exists || position + RECORD_HEAD > s->used ||
        position < s->head.base + SEGMENT_HEAD + GROUP_HEAD)
        return NULL;
    return s;
}

enum pando_status journal_read(struct journal *j, uint64_t position, uint8_t *ret_kind,
                               struct pando_buf *ret)
{
    size_t room = 0, got = 0;
    const uint8_t *staged = journal_staged_at(j, position, &room);
    if (staged != NULL)
        return read_staged(staged, room, ret_kind, ret);
    const struct segment *s = segment_of(j, position);
    if (s == NULL)
        return PANDO_NOT_FOUND;
    const struct pando_files *f = &j->config.files;
    uint8_t first[FIRST_READ];
    struct record_head h;
    const uint64_t offset = position - s->head.base;
    enum pando_status st =
        f->ops->pread(f->ctx, s->file, offset, first, sizeof first, &got);
    if (st != PANDO_OK)
        return st;
    if (got < RECORD_HEAD)
        return PANDO_CORRUPT;
    record_head_decode(first, &h);
    if (h.len > JOURNAL_RECORD_MAX || position + RECORD_HEAD + h.len > s->used)
        return PANDO_CORRUPT;
    const size_t at = ret->len;
    st = buf_reserve(ret, h.len);
    if (st != PANDO_OK)
        return st;
    if (h.len > 0 && h.len <= got - RECORD_HEAD)
        memcpy(ret->ptr + at, first + RECORD_HEAD, h.len);
    else if (h.len > 0)
        st = f->ops->pread(f->ctx, s->file, offset + RECORD_HEAD, ret->ptr + at, h.len,
                           &got);
    if (st == PANDO_OK && h.len > got)
        return PANDO_CORRUPT; /* the file ends before */
    const struct pando_slice body =
        h.len > 0 ? slice_of(ret->ptr + at, h.len) : SLICE_EMPTY;
    if (st == PANDO_OK && !record_is_whole(&h, body))
        st = PANDO_CORRUPT;
    if (st != PANDO_OK)
        return st;
    ret->len = at + h.len;
    *ret_kind = h.kind;
    return PANDO_OK;
}

static size_t part_of(size_t record, size_t offset, size_t len)
{
    if (offset >= record)
        return 0;
    return len < record - offset ? len : record - offset;
}

static enum pando_status part_of_staged(const uint8_t *at, size_t room, size_t offset, size_t len,
                                        uint8_t *ret_kind, struct pando_buf *ret)
{
    struct record_head h;
    if (room < RECORD_HEAD)
        return PANDO_NOT_FOUND;
    record_head_decode(at, &h);
    if (h.len > room - RECORD_HEAD)
        return PANDO_NOT_FOUND;
    *ret_kind = h.kind;
    return buf_append(ret, slice_of(at + RECORD_HEAD + offset, part_of(h.len, offset, len)));
}

static enum pando_status read_written(struct journal *j, const struct segment *s,
                                      uint64_t position, size_t offset, size_t len,
                                      struct pando_buf *ret)
{
    const struct pando_files *f = &j->config.files;
    const uint64_t at = position + RECORD_HEAD + offset;
    size_t got = 0;
    if (len == 0)
        return PANDO_OK;
    if (at + len > s->used)
        return PANDO_CORRUPT;
    enum pando_status st = buf_reserve(ret, len);
    if (st == PANDO_OK)
        st = f->ops->pread(f->ctx, s->file, at - s->head.base, ret->ptr + ret->len, len, &got);
    if (st != PANDO_OK || got < len)
        return st == PANDO_OK ? PANDO_CORRUPT : st;
    ret->len += len;
    return PANDO_OK;
}

enum pando_status journal_read_part(struct journal *j, uint64_t position, size_t offset,
                                    size_t len, uint8_t *ret_kind, struct pando_buf *ret)
{
    size_t room = 0, got = 0;
    const uint8_t *staged = journal_staged_at(j, position, &room);
    if (staged != NULL)
        return part_of_staged(staged, room, offset, len, ret_kind, ret);
    const struct segment *s = segment_of(j, position);
    if (s == NULL)
        return PANDO_NOT_FOUND;
    /* the head and the part in one read where they are near, which costs less than two */
    const struct pando_files *f = &j->config.files;
    const uint64_t at = position - s->head.base;
    const bool near = offset + len <= FIRST_READ;
    uint8_t head[RECORD_HEAD + FIRST_READ];
    struct record_head h;
    enum pando_status st = f->ops->pread(f->ctx, s->file, at, head,
                                         near ? RECORD_HEAD + offset + len : RECORD_HEAD, &got);
    if (st != PANDO_OK || got < RECORD_HEAD)
        return st == PANDO_OK ? PANDO_CORRUPT : st;
    record_head_decode(head, &h);
    if (h.len > JOURNAL_RECORD_MAX || position + RECORD_HEAD + h.len > s->used)
        return PANDO_CORRUPT;
    len = part_of(h.len, offset, len);
    *ret_kind = h.kind;
    if (near)
        return got < RECORD_HEAD + offset + len
                   ? PANDO_CORRUPT
                   : buf_append(ret, slice_of(head + RECORD_HEAD + offset, len));
    return read_written(j, s, position, offset, len, ret);
}

enum pando_status journal_read_on(struct journal *j, uint64_t position, size_t offset, size_t len,
                                  struct pando_buf *ret)
{
    const size_t before = ret->len;
    size_t room = 0;
    uint8_t kind;
    const uint8_t *staged = journal_staged_at(j, position, &room);
    if (staged != NULL) {
        const enum pando_status st = part_of_staged(staged, room, offset, len, &kind, ret);
        return st == PANDO_OK && ret->len - before < len ? PANDO_CORRUPT : st;
    }
    const struct segment *s = segment_of(j, position);
    return s == NULL ? PANDO_NOT_FOUND : read_written(j, s, position, offset, len, ret);
}

void journal_scan(struct journal *j, uint64_t from, struct journal_cursor *ret)
{
    *ret = (struct journal_cursor){ .journal = j, .position = from };
    buf_init(&ret->buf, JOURNAL_GROUP_LIMIT + SCAN_BLOCK);
}

void journal_scan_end(struct journal_cursor *c)
{
    buf_deinit(&c->buf);
}

/* `len` bytes at the cursor, from memory where they are staged, else through the buffer.
 */
static enum pando_status look(struct journal_cursor *c, size_t len, const uint8_t **ret)
{
    struct journal *j = c->journal;
    size_t room = 0, got = 0;
    const uint8_t *staged = journal_staged_at(j, c->position, &room);
    if (staged != NULL) {
        *ret = staged;
        return room < len ? PANDO_CORRUPT : PANDO_OK;
    }
    if (c->position >= c->buf_at && c->position + len <= c->buf_at + c->buf.len) {
        *ret = c->buf.ptr + (c->position - c->buf_at);
        return PANDO_OK;
    }
    const struct segment *s = journal_segment_at(j, c->position);
    if (s == NULL || !s->exists || c->position + len > s->used)
        return PANDO_NOT_FOUND;
    buf_reset(&c->buf);
    const uint64_t left = s->used - c->position;
    const size_t want = len > SCAN_BLOCK    ? len
                        : left < SCAN_BLOCK ? (size_t)left
                                            : SCAN_BLOCK;
    enum pando_status st = buf_reserve(&c->buf, want);
    if (st == PANDO_OK)
        st = j->config.files.ops->pread(j->config.files.ctx, s->file,
                                        c->position - s->head.base, c->buf.ptr, want,
                                        &got);
    if (st != PANDO_OK)
        return st;
    c->buf.len = got;
    c->buf_at = c->position;
    *ret = c->buf.ptr;
    return got < len ? PANDO_CORRUPT : PANDO_OK;
}

/* Step over group heads, padding and segment ends to the next record. */
static enum pando_status to_record(struct journal_cursor *c, const uint8_t **ret)
{
    struct journal *j = c->journal;
    for (;;) {
        if (c->position < journal_first(j)) /* dropped meanwhile, or before */
            c->position = journal_first(j);
        if (c->position >= j->end)
            return PANDO_NOT_FOUND;
        const struct segment *s = journal_segment_at(j, c->position);
        if (s == NULL)
            return PANDO_NOT_FOUND;
        if (c->position < s->head.base + SEGMENT_HEAD)
            c->position = s->head.base + SEGMENT_HEAD;
        size_t room;
        const bool staged = journal_staged_at(j, c->position, &room) != NULL;
        if (staged && is_staged_head(j, c->position)) {
            c->position += GROUP_HEAD;
            continue;
        }
        if (!staged && c->position + RECORD_HEAD > s->used) {
            const uint64_t next = s->head.base + s->head.size;
            if (next >= j->end)
                return PANDO_NOT_FOUND;
            c->position = next;
            continue;
        }
        const enum pando_status st = look(c, RECORD_HEAD, ret);
        if (st != PANDO_OK)
            return st;
        struct record_head h;
        record_head_decode(*ret, &h);
        if (h.len == GROUP_MAGIC) {
            c->position += GROUP_HEAD;
            continue;
        }
        return PANDO_OK;
    }
}

enum pando_status journal_next(struct journal_cursor *c, uint64_t *ret_position,
                               uint8_t *ret_kind, struct pando_slice *ret_bytes)
{
    const uint8_t *at;
    struct record_head h;
    enum pando_status st = to_record(c, &at);
    if (st != PANDO_OK)
        return st;
    record_head_decode(at, &h);
    if (h.len > JOURNAL_RECORD_MAX)
        return PANDO_CORRUPT;
    st = look(c, RECORD_HEAD + h.len, &at);
    if (st != PANDO_OK)
        return st == PANDO_NOT_FOUND ? PANDO_CORRUPT : st;
    *ret_bytes = slice_of(at + RECORD_HEAD, h.len);
    if (!record_is_whole(&h, *ret_bytes))
        return PANDO_CORRUPT;
    *ret_position = c->position;
    *ret_kind = h.kind;
    c->position += journal_align(RECORD_HEAD + h.len);
    return PANDO_OK;
}
