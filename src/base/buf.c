#include "base/buf.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct pando_buf *b, size_t max)
{
    *b = (struct pando_buf){ .max = max };
}

void buf_deinit(struct pando_buf *b)
{
    free(b->ptr);
    *b = (struct pando_buf){ .max = b->max };
}

void buf_reset(struct pando_buf *b)
{
    b->len = 0;
}

enum pando_status buf_reserve(struct pando_buf *b, size_t more)
{
    if (more > b->max || b->len > b->max - more)
        return PANDO_FULL;
    const size_t need = b->len + more;
    if (need <= b->cap)
        return PANDO_OK;
    size_t cap = b->cap < 256 ? 256 : b->cap;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    uint8_t *ptr = realloc(b->ptr, cap);
    if (ptr == NULL)
        return PANDO_NOMEM;
    b->ptr = ptr;
    b->cap = cap;
    return PANDO_OK;
}

enum pando_status buf_append(struct pando_buf *b, struct pando_slice s)
{
    if (s.len == 0)
        return PANDO_OK;
    const enum pando_status st = buf_reserve(b, s.len);
    if (st != PANDO_OK)
        return st;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return PANDO_OK;
}

enum pando_status buf_printf(struct pando_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    /* Into the room that there is; a second time only where that is too small. */
    const size_t room = b->cap - b->len;
    const int len =
        vsnprintf(room == 0 ? NULL : (char *)b->ptr + b->len, room, format, args);
    va_end(args);
    enum pando_status st = len < 0 ? PANDO_INVALID : buf_reserve(b, (size_t)len + 1);
    if (st == PANDO_OK && (size_t)len >= room)
        (void)vsnprintf((char *)b->ptr + b->len, (size_t)len + 1, format, again);
    if (st == PANDO_OK)
        b->len += (size_t)len;
    va_end(again);
    return st;
}

void buf_consume(struct pando_buf *b, size_t len)
{
    PANDO_ASSERT(len <= b->len);
    b->len -= len;
    if (b->len > 0 && len > 0)
        memmove(b->ptr, b->ptr + len, b->len);
}

struct pando_slice buf_view(const struct pando_buf *b)
{
    return (struct pando_slice){ b->ptr, b->len };
}
