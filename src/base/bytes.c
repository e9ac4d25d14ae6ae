#include "base/bytes.h"

#include "base/assert.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    atomic_uint owners;
    size_t len;
    const uint8_t *ptr;  /* `data`, or in `whole` */
    struct bytes *whole; /* owned; NULL */
    uint8_t data[];
};

struct bytes *bytes_new(size_t len, uint8_t **ret_data)
{
    if (len > SIZE_MAX - sizeof(struct bytes))
        return NULL;
    struct bytes *b = malloc(sizeof *b + len);
    if (b == NULL)
        return NULL;
    atomic_init(&b->owners, 1);
    b->len = len;
    b->ptr = b->data;
    b->whole = NULL;
    *ret_data = b->data;
    return b;
}

struct bytes *bytes_part(struct bytes *whole, struct pando_slice part)
{
    uint8_t *data;
    PANDO_ASSERT(part.ptr >= whole->ptr && part.len <= whole->len &&
                 (size_t)(part.ptr - whole->ptr) <= whole->len - part.len);
    struct bytes *b = bytes_new(0, &data);
    if (b == NULL)
        return NULL;
    b->len = part.len;
    b->ptr = part.ptr;
    b->whole = bytes_ref(whole->whole != NULL ? whole->whole : whole);
    return b;
}

struct bytes *bytes_copy(struct pando_slice s)
{
    uint8_t *data;
    struct bytes *b = bytes_new(s.len, &data);
    if (b != NULL && s.len > 0)
        memcpy(data, s.ptr, s.len);
    return b;
}

struct bytes *bytes_ref(struct bytes *b)
{
    const unsigned before = atomic_fetch_add_explicit(&b->owners, 1, memory_order_relaxed);
    PANDO_ASSERT(before > 0);
    return b;
}

void bytes_unref(struct bytes *b)
{
    if (b == NULL)
        return;
    const unsigned before = atomic_fetch_sub_explicit(&b->owners, 1, memory_order_acq_rel);
    PANDO_ASSERT(before > 0);
    if (before != 1)
        return;
    struct bytes *whole = b->whole; /* is no part itself */
    free(b);
    bytes_unref(whole);
}

struct pando_slice bytes_view(const struct bytes *b)
{
    return (struct pando_slice){ b->ptr, b->len };
}
