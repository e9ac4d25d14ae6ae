/* delta_read.c - canonical bytes become a delta.
 *
 * A node reads each delta several times on its way in, and again for each view, so this is
 * written for the one form that there is: the keys are compared as they are encoded, short
 * heads are read by hand. What is not short (long texts, numbers) goes through codec/cbor.h,
 * and what is not strict is refused by either way.
 */
#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cbor_utf8.h"
#include "space/delta/delta.h"

#include <string.h>

enum { FIELDS = 5, POINTER_FIELDS = 2 };
enum { HEAD_TEXT = 0x60, HEAD_ARRAY = 0x80, HEAD_MAP = 0xa0, SHORT_MAX = 23 };
#define HEAD_TEXT_BYTE (HEAD_TEXT + 24) /* the length follows in one byte */

/* A key as it is encoded: its head, its text. */
#define expect_key(r, encoded) expect_bytes(r, encoded, sizeof(encoded) - 1)

static void expect_bytes(struct wire_reader *r, const char *bytes, size_t len)
{
    if (r->failed || r->left.len < len || memcmp(r->left.ptr, bytes, len) != 0) {
        r->failed = true;
        return;
    }
    r->left = slice_from(r->left, len);
}

static struct pando_slice get_text(struct wire_reader *r, size_t max)
{
    const uint8_t *p = r->left.ptr;
    size_t head = 1, len = 0;
    if (r->failed || r->left.len < 2)
        return cbor_get_text(r, max);
    if (p[0] >= HEAD_TEXT && p[0] <= HEAD_TEXT + SHORT_MAX) {
        len = p[0] - HEAD_TEXT;
    } else if (p[0] == HEAD_TEXT_BYTE && p[1] > SHORT_MAX) {
        head = 2;
        len = p[1];
    } else {
        return cbor_get_text(r, max);
    }
    const struct pando_slice text = slice_of(p + head, len);
    if (len > r->left.len - head || len > max || !cbor_utf8_valid(text)) {
        r->failed = true;
        return SLICE_EMPTY;
    }
    r->left = slice_from(r->left, head + len);
    return text;
}

/* Members of an array, pairs of a map: the `head` says which. */
static size_t get_count(struct wire_reader *r, uint8_t head, size_t max)
{
    const uint8_t first = r->failed || r->left.len == 0 ? 0 : r->left.ptr[0];
    if (first < head || first > head + SHORT_MAX)
        return head == HEAD_MAP ? cbor_get_map(r, max) : cbor_get_array(r, max);
    r->left = slice_from(r->left, 1);
    if ((size_t)(first - head) > max)
        r->failed = true;
    return r->failed ? 0 : (size_t)(first - head);
}

static struct pando_slice get_name(struct wire_reader *r)
{
    const struct pando_slice name = get_text(r, DELTA_NAME_MAX);
    if (name.len == 0)
        r->failed = true;
    return name;
}

static void get_reference(struct wire_reader *r, struct delta_pointer *p)
{
    const size_t fields = get_count(r, HEAD_MAP, 2);
    if (fields < 1)
        r->failed = true;
    p->kind = DELTA_REF;
    expect_key(r, "\x62id");
    p->text = get_name(r);
    if (fields == 2) {
        expect_key(r, "\x67" "context");
        p->context = get_name(r);
    }
}

static void get_number(struct wire_reader *r, struct delta_pointer *p)
{
    struct cbor_item item;
    p->kind = DELTA_NUMBER;
    if (!cbor_next(r, &item))
        return;
    switch (item.kind) {
    case CBOR_TRUE:
    case CBOR_FALSE:
        p->kind = DELTA_BOOL;
        p->truth = item.kind == CBOR_TRUE;
        return;
    case CBOR_UINT:
    case CBOR_NINT: /* -1 - value */
        r->failed = item.value > (uint64_t)DELTA_TIME_MAX - (item.kind == CBOR_NINT);
        p->number = item.kind == CBOR_UINT ? (double)item.value : -1.0 - (double)item.value;
        return;
    case CBOR_FLOAT:
        p->number = item.number;
        r->failed = delta_is_whole(item.number);
        return;
    default: r->failed = true; return;
    }
}

static void get_target(struct wire_reader *r, struct delta_pointer *p)
{
    expect_key(r, "\x66target");
    switch (r->failed || r->left.len == 0 ? 0 : r->left.ptr[0] & 0xe0) {
    case HEAD_MAP: get_reference(r, p); return;
    case HEAD_TEXT:
        p->kind = DELTA_STRING;
        p->text = get_text(r, DELTA_TEXT_MAX);
        return;
    default: get_number(r, p); return;
    }
}

static void get_pointer(struct wire_reader *r, struct delta_pointer *p)
{
    *p = (struct delta_pointer){ 0 };
    if (get_count(r, HEAD_MAP, POINTER_FIELDS) != POINTER_FIELDS)
        r->failed = true;
    expect_key(r, "\x64role");
    p->role = get_name(r);
    get_target(r, p);
}

enum pando_status delta_parse(struct pando_slice bytes, struct delta_room *room,
                              struct delta *ret)
{
    struct wire_reader r = wire_read(bytes);
    struct delta d = { .bytes = bytes, .pointers = room->pointers };

    if (bytes.len > DELTA_BYTES_MAX || get_count(&r, HEAD_MAP, FIELDS) != FIELDS)
        return PANDO_MALFORMED;
    expect_key(&r, "\x62id");
    d.id = get_name(&r);
    expect_key(&r, "\x66" "author");
    d.author = get_name(&r);
    expect_key(&r, "\x66system");
    d.system = get_name(&r);
    expect_key(&r, "\x68pointers");
    d.pointers_len = get_count(&r, HEAD_ARRAY, DELTA_POINTERS_MAX);
    for (size_t i = 0; i < d.pointers_len && !r.failed; i++)
        get_pointer(&r, &room->pointers[i]);
    expect_key(&r, "\x69timestamp");
    const uint64_t timestamp = cbor_get_uint(&r);
    if (!wire_read_done(&r) || timestamp == 0 || timestamp > (uint64_t)DELTA_TIME_MAX)
        return PANDO_MALFORMED;
    d.timestamp = (int64_t)timestamp;
    *ret = d;
    return PANDO_OK;
}
