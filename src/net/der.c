#include "net/der.h"

#include "base/slice.h"

uint8_t der_peek(const struct der *d)
{
    return d->failed || d->left.len == 0 ? 0 : d->left.ptr[0];
}

/* Size of the head and, in `*ret_len`, of the content; 0 when it is not strict DER. */
static size_t read_head(struct pando_slice s, size_t *ret_len)
{
    if (s.len < 2 || (s.ptr[0] & 0x1f) == 0x1f)
        return 0;
    const uint8_t first = s.ptr[1];
    if (first < 0x80) {
        *ret_len = first;
        return 2;
    }
    const size_t size = first & 0x7f;
    if (size == 0 || size > 3 || s.len < 2 + size)
        return 0;
    size_t len = 0;
    for (size_t i = 0; i < size; i++)
        len = len << 8 | s.ptr[2 + i];
    if (len < 0x80 || (size > 1 && len >> (8 * (size - 1)) == 0))
        return 0; /* a shorter form exists */
    *ret_len = len;
    return 2 + size;
}

static struct pando_slice take(struct der *d, bool whole)
{
    size_t len = 0;
    const size_t head = d->failed ? 0 : read_head(d->left, &len);
    if (head == 0 || d->left.len - head < len) {
        d->failed = true;
        d->left = SLICE_EMPTY;
        return SLICE_EMPTY;
    }
    const uint8_t *at = d->left.ptr;
    d->left = slice_of(at + head + len, d->left.len - head - len);
    return whole ? slice_of(at, head + len) : slice_of(at + head, len);
}

struct pando_slice der_take(struct der *d, uint8_t tag)
{
    if (der_peek(d) != tag) {
        d->failed = true;
        d->left = SLICE_EMPTY;
        return SLICE_EMPTY;
    }
    return take(d, false);
}

struct pando_slice der_take_whole(struct der *d)
{
    return take(d, true);
}

bool der_done(const struct der *d)
{
    return !d->failed && d->left.len == 0;
}
