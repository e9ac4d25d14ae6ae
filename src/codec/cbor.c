#include "codec/cbor.h"

#include "base/slice.h"
#include "codec/cbor_utf8.h"
#include "codec/cid.h"

#include <string.h>

enum {
    MAJOR_UINT,
    MAJOR_NINT,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE,
};

enum { TAG_LINK = 42, LINK_PREFIX = 0x00, ARGUMENT_FLOAT = 27 };

/* The argument of a head whose low five bits are `info`, in its shortest form only. */
static uint64_t get_argument(struct wire_reader *r, unsigned info)
{
    static const uint64_t smallest[4] = { 24, 0x100, 0x10000, 0x100000000 };
    if (info < 24)
        return info;
    if (info > 27) {
        r->failed = true;
        return 0;
    }
    const uint64_t value = wire_get_be(r, (size_t)1 << (info - 24));
    if (value < smallest[info - 24])
        r->failed = true;
    return value;
}

static struct pando_slice get_string(struct wire_reader *r, uint64_t len)
{
    if (len > r->left.len)
        r->failed = true;
    return wire_get_bytes(r, r->failed ? 0 : (size_t)len);
}

static struct pando_slice get_link(struct wire_reader *r, uint64_t tag)
{
    const uint8_t head = (uint8_t)wire_get_be(r, 1);
    if (tag != TAG_LINK || head >> 5 != MAJOR_BYTES)
        r->failed = true;
    const struct pando_slice bytes = get_string(r, get_argument(r, head & 31));
    const struct pando_slice cid = slice_from(bytes, 1);
    if (r->failed || bytes.len < 2 || bytes.ptr[0] != LINK_PREFIX || !cid_valid(cid))
        r->failed = true;
    return cid;
}

static void get_simple(struct wire_reader *r, unsigned info, struct cbor_item *item)
{
    switch (info) {
    case 20: item->kind = CBOR_FALSE; return;
    case 21: item->kind = CBOR_TRUE; return;
    case 22: item->kind = CBOR_NULL; return;
    case ARGUMENT_FLOAT: break;
    default: r->failed = true; return;
    }
    const uint64_t bits = wire_get_be(r, 8);
    if ((bits & 0x7ff0000000000000u) == 0x7ff0000000000000u)
        r->failed = true; /* an infinity or not a number */
    item->kind = CBOR_FLOAT;
    memcpy(&item->number, &bits, sizeof bits);
}

bool cbor_next(struct wire_reader *r, struct cbor_item *ret_item)
{
    const uint8_t head = (uint8_t)wire_get_be(r, 1);
    const unsigned info = head & 31;
    struct cbor_item item = { .kind = CBOR_NULL };
    if (head >> 5 == MAJOR_SIMPLE)
        get_simple(r, info, &item);
    else
        item.value = get_argument(r, info);
    switch (head >> 5) {
    case MAJOR_UINT: item.kind = CBOR_UINT; break;
    case MAJOR_NINT: item.kind = CBOR_NINT; break;
    case MAJOR_BYTES:
        item.kind = CBOR_BYTES;
        item.bytes = get_string(r, item.value);
        break;
    case MAJOR_TEXT:
        item.kind = CBOR_TEXT;
        item.bytes = get_string(r, item.value);
        if (!cbor_utf8_valid(item.bytes))
            r->failed = true;
        break;
    case MAJOR_ARRAY: /* an element takes a byte at least, a pair two */
        item.kind = CBOR_ARRAY;
        if (item.value > r->left.len)
            r->failed = true;
        break;
    case MAJOR_MAP:
        item.kind = CBOR_MAP;
        if (item.value > r->left.len / 2)
            r->failed = true;
        break;
    case MAJOR_TAG:
        item.kind = CBOR_LINK;
        item.bytes = get_link(r, item.value);
        break;
    default: break;
    }
    if (r->failed)
        return false;
    *ret_item = item;
    return true;
}

/* The next item when it is of `kind`; a zero item and a sticky failure otherwise. */
static struct cbor_item expect(struct wire_reader *r, enum cbor_kind kind)
{
    struct cbor_item item = { 0 };
    if (cbor_next(r, &item) && item.kind == kind)
        return item;
    r->failed = true;
    return (struct cbor_item){ 0 };
}

uint64_t cbor_get_uint(struct wire_reader *r)
{
    return expect(r, CBOR_UINT).value;
}

int64_t cbor_get_int(struct wire_reader *r)
{
    struct cbor_item item = { 0 };
    if (!cbor_next(r, &item))
        return 0;
    if (item.value > INT64_MAX || (item.kind != CBOR_UINT && item.kind != CBOR_NINT)) {
        r->failed = true;
        return 0;
    }
    return item.kind == CBOR_UINT ? (int64_t)item.value : -1 - (int64_t)item.value;
}

static struct pando_slice expect_string(struct wire_reader *r, enum cbor_kind kind,
                                        size_t max)
{
    const struct pando_slice s = expect(r, kind).bytes;
    if (s.len > max)
        r->failed = true;
    return r->failed ? SLICE_EMPTY : s;
}

struct pando_slice cbor_get_bytes(struct wire_reader *r, size_t max)
{
    return expect_string(r, CBOR_BYTES, max);
}

struct pando_slice cbor_get_text(struct wire_reader *r, size_t max)
{
    return expect_string(r, CBOR_TEXT, max);
}

static size_t expect_count(struct wire_reader *r, enum cbor_kind kind, size_t max)
{
    const uint64_t count = expect(r, kind).value;
    if (count > max)
        r->failed = true;
    return r->failed ? 0 : (size_t)count;
}

size_t cbor_get_array(struct wire_reader *r, size_t max)
{
    return expect_count(r, CBOR_ARRAY, max);
}

size_t cbor_get_map(struct wire_reader *r, size_t max)
{
    return expect_count(r, CBOR_MAP, max);
}

bool cbor_get_bool(struct wire_reader *r)
{
    struct cbor_item item = { 0 };
    if (cbor_next(r, &item) && item.kind != CBOR_TRUE && item.kind != CBOR_FALSE)
        r->failed = true;
    return !r->failed && item.kind == CBOR_TRUE;
}

struct pando_id cbor_get_link(struct wire_reader *r, uint16_t codec)
{
    struct pando_id id = { { 0 } };
    const struct pando_slice cid = expect(r, CBOR_LINK).bytes;
    if (r->failed || cid_read_sha256((enum cid_codec)codec, cid, &id) != PANDO_OK)
        r->failed = true;
    return id;
}

void cbor_expect_key(struct wire_reader *r, const char *key)
{
    if (!slice_equal(expect(r, CBOR_TEXT).bytes, slice_text(key)))
        r->failed = true;
}

struct pando_slice cbor_skip(struct wire_reader *r)
{
    const struct pando_slice start = r->left;
    struct cbor_item item;
    for (uint64_t pending = 1; pending > 0; pending--) {
        if (!cbor_next(r, &item))
            return SLICE_EMPTY;
        if (item.kind == CBOR_ARRAY)
            pending += item.value;
        else if (item.kind == CBOR_MAP)
            pending += 2 * item.value;
    }
    return slice_of(start.ptr, start.len - r->left.len);
}
