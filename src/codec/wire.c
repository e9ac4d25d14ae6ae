#include "codec/wire.h"

#include "base/assert.h"
#include "base/slice.h"

#include <string.h>

static const uint8_t *take(struct wire_reader *r, size_t len)
{
    if (r->failed || len > r->left.len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *at = r->left.ptr;
    if (len > 0) {
        r->left.ptr += len;
        r->left.len -= len;
    }
    return at;
}

/* The common width, without a loop. */
static uint64_t be8(const uint8_t at[static 8])
{
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | at[7];
}

uint64_t wire_get_be(struct wire_reader *r, size_t size)
{
    PANDO_ASSERT(size >= 1 && size <= 8);
    const uint8_t *at = take(r, size);
    uint64_t value = 0;
    if (at != NULL && size == 8)
        return be8(at);
    for (size_t i = 0; at != NULL && i < size; i++)
        value = value << 8 | at[i];
    return value;
}

uint64_t wire_get_le(struct wire_reader *r, size_t size)
{
    PANDO_ASSERT(size >= 1 && size <= 8);
    const uint8_t *at = take(r, size);
    uint64_t value = 0;
    for (size_t i = size; at != NULL && i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

struct pando_slice wire_get_bytes(struct wire_reader *r, size_t len)
{
    const uint8_t *at = take(r, len);
    return r->failed ? SLICE_EMPTY : slice_of(at, len);
}

void wire_get_copy(struct wire_reader *r, uint8_t *to, size_t len)
{
    if (len == 0)
        return;
    const uint8_t *at = take(r, len);
    if (at != NULL)
        memcpy(to, at, len);
    else
        memset(to, 0, len);
}

int wire_peek_uvarint(struct pando_slice s, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int i = 0; i < 9; i++) {
        if ((size_t)i >= s.len)
            return 0;
        const uint8_t byte = s.ptr[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            if (byte == 0 && i > 0)
                return -1; /* a shorter form exists */
            *ret_value = value;
            return i + 1;
        }
    }
    return -1;
}

uint64_t wire_get_uvarint(struct wire_reader *r)
{
    uint64_t value = 0;
    const int size = r->failed ? -1 : wire_peek_uvarint(r->left, &value);
    if (size <= 0) {
        r->failed = true;
        return 0;
    }
    (void)take(r, (size_t)size);
    return value;
}

struct pando_slice wire_get_block(struct wire_reader *r, size_t max)
{
    const uint64_t len = wire_get_uvarint(r);
    if (len > max)
        r->failed = true;
    return wire_get_bytes(r, (size_t)len);
}

static uint8_t *room(struct wire_writer *w, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *at = w->ptr + w->len;
    w->len += len;
    return at;
}

/* The common width, without a loop. */
static void put_be8(uint8_t at[static 8], uint64_t value)
{
    const uint8_t bytes[8] = { (uint8_t)(value >> 56), (uint8_t)(value >> 48),
                               (uint8_t)(value >> 40), (uint8_t)(value >> 32),
                               (uint8_t)(value >> 24), (uint8_t)(value >> 16),
                               (uint8_t)(value >> 8),  (uint8_t)value };
    memcpy(at, bytes, sizeof bytes);
}

void wire_put_be(struct wire_writer *w, uint64_t value, size_t size)
{
    PANDO_ASSERT(size >= 1 && size <= 8);
    uint8_t *at = room(w, size);
    if (at != NULL && size == 8) {
        put_be8(at, value);
        return;
    }
    for (size_t i = size; at != NULL && i > 0; i--, value >>= 8)
        at[i - 1] = (uint8_t)value;
}

void wire_put_le(struct wire_writer *w, uint64_t value, size_t size)
{
    PANDO_ASSERT(size >= 1 && size <= 8);
    uint8_t *at = room(w, size);
    for (size_t i = 0; at != NULL && i < size; i++, value >>= 8)
        at[i] = (uint8_t)value;
}

void wire_put_bytes(struct wire_writer *w, struct pando_slice s)
{
    if (s.len == 0)
        return;
    uint8_t *at = room(w, s.len);
    if (at != NULL)
        memcpy(at, s.ptr, s.len);
}

void wire_put_uvarint(struct wire_writer *w, uint64_t value)
{
    const size_t size = wire_uvarint_size(value);
    uint8_t *at = room(w, size);
    for (size_t i = 0; at != NULL && i < size; i++, value >>= 7)
        at[i] = (uint8_t)((value & 0x7f) | (i + 1 < size ? 0x80 : 0));
}

void wire_put_block(struct wire_writer *w, struct pando_slice s)
{
    wire_put_uvarint(w, s.len);
    wire_put_bytes(w, s);
}

size_t wire_uvarint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}
