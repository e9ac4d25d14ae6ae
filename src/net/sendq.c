#include "net/sendq.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define SHARED_SIZE 8192
#define SMALL_MAX 1024

static struct sendq_chunk *chunk_at(const struct sendq *q, size_t index)
{
    return &q->ring[(q->head + index) & (q->cap - 1)];
}

void sendq_deinit(struct sendq *q)
{
    for (size_t i = 0; i < q->count; i++)
        bytes_unref(chunk_at(q, i)->bytes);
    free(q->ring);
    *q = (struct sendq){ 0 };
}

static enum pando_status grow(struct sendq *q)
{
    if (q->count < q->cap)
        return PANDO_OK;
    const size_t cap = q->cap == 0 ? 4 : 2 * q->cap;
    struct sendq_chunk *ring = calloc(cap, sizeof *ring);
    if (ring == NULL)
        return PANDO_NOMEM;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = *chunk_at(q, i);
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return PANDO_OK;
}

static void push(struct sendq *q, struct bytes *bytes, const uint8_t *ptr, size_t len)
{
    *chunk_at(q, q->count) = (struct sendq_chunk){ bytes, ptr, len };
    q->count++;
    q->end += len;
}

static void append_shared(struct sendq *q, struct pando_slice s)
{
    memcpy(q->shared, s.ptr, s.len);
    q->shared += s.len;
    q->shared_left -= s.len;
    chunk_at(q, q->count - 1)->len += s.len;
    q->end += s.len;
}

enum pando_status sendq_put(struct sendq *q, struct bytes *bytes)
{
    const struct pando_slice s = bytes_view(bytes);
    if (s.len == 0)
        return PANDO_OK;
    if (s.len <= q->shared_left) {
        append_shared(q, s);
        return PANDO_OK;
    }
    if (grow(q) != PANDO_OK)
        return PANDO_NOMEM;
    q->shared_left = 0;
    if (s.len > SMALL_MAX || sendq_unsent(q) == 0) {
        push(q, bytes_ref(bytes), s.ptr, s.len);
        return PANDO_OK;
    }
    uint8_t *room;
    struct bytes *shared = bytes_new(SHARED_SIZE, &room);
    if (shared == NULL)
        return PANDO_NOMEM;
    push(q, shared, room, 0);
    q->shared = room;
    q->shared_left = SHARED_SIZE;
    append_shared(q, s);
    return PANDO_OK;
}

size_t sendq_view(const struct sendq *q, struct pando_slice *ret_slices, size_t max,
                  size_t want)
{
    size_t len = 0, found = 0, offset = q->sent_offset;
    for (size_t i = q->sent_index; i < q->count && len < max && found < want; i++) {
        const struct sendq_chunk *c = chunk_at(q, i);
        if (c->len > offset) {
            ret_slices[len++] = (struct pando_slice){ c->ptr + offset, c->len - offset };
            found += c->len - offset;
        }
        offset = 0;
    }
    return len;
}

void sendq_advance(struct sendq *q, size_t len)
{
    PANDO_ASSERT(len <= sendq_unsent(q));
    q->sent += len;
    while (len > 0) {
        const size_t left = chunk_at(q, q->sent_index)->len - q->sent_offset;
        const size_t step = len < left ? len : left;
        q->sent_offset += step;
        len -= step;
        if (len > 0) { /* stay at a chunk's end: a shared one may still grow */
            q->sent_index++;
            q->sent_offset = 0;
        }
    }
}

void sendq_ack(struct sendq *q, uint64_t offset)
{
    PANDO_ASSERT(offset <= q->sent);
    while (q->count > 0 && q->base + chunk_at(q, 0)->len <= offset) {
        struct sendq_chunk *c = chunk_at(q, 0);
        q->base += c->len;
        bytes_unref(c->bytes);
        q->head = (q->head + 1) & (q->cap - 1);
        q->count--;
        if (q->count == 0)
            q->shared_left = 0;
        if (q->sent_index > 0)
            q->sent_index--;
        else
            q->sent_offset = 0;
    }
    if (q->count == 0) { /* an idle stream holds no ring */
        free(q->ring);
        q->ring = NULL;
        q->cap = q->head = 0;
    }
}

void sendq_drop_unsent(struct sendq *q)
{
    q->shared_left = 0;
    q->end = q->sent;
    while (q->count > q->sent_index + 1) {
        q->count--;
        bytes_unref(chunk_at(q, q->count)->bytes);
    }
    if (q->count == 0)
        return;
    struct sendq_chunk *last = chunk_at(q, q->count - 1);
    last->len = q->sent_offset;
    if (last->len == 0) {
        q->count--;
        bytes_unref(last->bytes);
    }
}
