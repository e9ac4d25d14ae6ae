#include "space/delta/canon.h"

#include "base/slice.h"
#include "codec/cbor_utf8.h"

#include <string.h>

/* Major types of CBOR, in place. */
enum { UINT = 0x00, NINT = 0x20, TEXT = 0x60, ARRAY = 0x80, MAP = 0xa0 };
enum { FALSE_BYTE = 0xf4, TRUE_BYTE = 0xf5, FLOAT_BYTE = 0xfb };

#define KEY_ID        "\x62id"
#define KEY_ROLE      "\x64role"
#define KEY_AUTHOR    "\x66" "author"
#define KEY_SYSTEM    "\x66system"
#define KEY_TARGET    "\x66target"
#define KEY_CONTEXT   "\x67" "context"
#define KEY_POINTERS  "\x68pointers"
#define KEY_TIMESTAMP "\x69timestamp"

bool canon_is_whole(double number)
{
    return number >= -(double)DELTA_TIME_MAX && number <= (double)DELTA_TIME_MAX &&
           (double)(int64_t)number == number;
}

/* ---- writing ---- */

static size_t text_size(size_t len)
{
    return len + (len < 24 ? 1 : len <= 0xff ? 2 : len <= 0xffff ? 3 : 5);
}

size_t canon_bound(const struct delta *d)
{
    size_t size = 1 + 3 + 7 + 7 + 9 + 3 + 10 + 9 + text_size(d->id.len) +
                  text_size(d->author.len) + text_size(d->system.len);
    for (size_t i = 0; i < d->pointers_len; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        size += 1 + 5 + 7 + text_size(p->role.len);
        size += p->kind == DELTA_REF      ? 1 + 3 + 8 + text_size(p->text.len) +
                                            text_size(p->context.len)
                : p->kind == DELTA_STRING ? text_size(p->text.len)
                                          : 9;
    }
    return size;
}

static uint8_t *put_be(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = size; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
    return at + size;
}

/* A head in its shortest form. */
static uint8_t *put_head(uint8_t *at, unsigned major, uint64_t argument)
{
    if (argument < 24) {
        *at = (uint8_t)(major | argument);
        return at + 1;
    }
    const unsigned power = argument <= UINT8_MAX ? 0 : argument <= UINT16_MAX ? 1
                           : argument <= UINT32_MAX ? 2 : 3;
    *at = (uint8_t)(major | (24 + power));
    return put_be(at + 1, argument, 1u << power);
}

static uint8_t *put_text(uint8_t *at, struct pando_slice text)
{
    at = put_head(at, TEXT, text.len);
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

#define PUT_KEY(at, key) ((uint8_t *)memcpy(at, key, sizeof(key) - 1) + sizeof(key) - 1)

static uint8_t *put_number(uint8_t *at, double number)
{
    uint64_t bits;
    if (canon_is_whole(number)) {
        const int64_t whole = (int64_t)number;
        return whole >= 0 ? put_head(at, UINT, (uint64_t)whole)
                          : put_head(at, NINT, (uint64_t)(-1 - whole));
    }
    memcpy(&bits, &number, sizeof bits);
    *at = FLOAT_BYTE;
    return put_be(at + 1, bits, 8);
}

static uint8_t *put_pointer(uint8_t *at, const struct delta_pointer *p)
{
    *at++ = MAP | 2;
    at = PUT_KEY(at, KEY_ROLE);
    at = put_text(at, p->role);
    at = PUT_KEY(at, KEY_TARGET);
    switch (p->kind) {
    case DELTA_STRING: return put_text(at, p->text);
    case DELTA_NUMBER: return put_number(at, p->number);
    case DELTA_BOOL: *at = p->truth ? TRUE_BYTE : FALSE_BYTE; return at + 1;
    case DELTA_REF: break;
    }
    *at++ = (uint8_t)(MAP | (p->context.len > 0 ? 2 : 1));
    at = PUT_KEY(at, KEY_ID);
    at = put_text(at, p->text);
    if (p->context.len == 0)
        return at;
    at = PUT_KEY(at, KEY_CONTEXT);
    return put_text(at, p->context);
}

uint8_t *canon_write(const struct delta *d, uint8_t *at)
{
    *at++ = MAP | 5;
    at = PUT_KEY(at, KEY_ID);
    at = put_text(at, d->id);
    at = PUT_KEY(at, KEY_AUTHOR);
    at = put_text(at, d->author);
    at = PUT_KEY(at, KEY_SYSTEM);
    at = put_text(at, d->system);
    at = PUT_KEY(at, KEY_POINTERS);
    at = put_head(at, ARRAY, d->pointers_len);
    for (size_t i = 0; i < d->pointers_len; i++)
        at = put_pointer(at, &d->pointers[i]);
    at = PUT_KEY(at, KEY_TIMESTAMP);
    return put_head(at, UINT, (uint64_t)d->timestamp);
}

/* ---- reading ---- */

/* A cursor that stays failed, and then yields zeros. */
struct reading {
    const uint8_t *at, *end;
    bool failed;
};

static bool has(struct reading *r, size_t len)
{
    r->failed = r->failed || (size_t)(r->end - r->at) < len;
    return !r->failed;
}

static void expect(struct reading *r, const char *key, size_t len)
{
    if (!has(r, len))
        return;
    r->failed = memcmp(r->at, key, len) != 0;
    r->at += len;
}
#define EXPECT_KEY(r, key) expect(r, key, sizeof(key) - 1)

static uint8_t peek(struct reading *r)
{
    return has(r, 1) ? *r->at : 0;
}

/* The argument of a head of this major type, in its shortest form only. */
static uint64_t get_head(struct reading *r, unsigned major)
{
    static const uint64_t smallest[4] = { 24, 0x100, 0x10000, 0x100000000 };
    uint64_t value = 0;
    if (!has(r, 1) || (*r->at & 0xe0) != major) {
        r->failed = true;
        return 0;
    }
    const unsigned info = *r->at++ & 0x1f;
    if (info < 24)
        return info;
    const size_t size = (size_t)1 << (info & 3);
    if (info > 27 || !has(r, size)) {
        r->failed = true;
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        value = value << 8 | *r->at++;
    r->failed = value < smallest[info - 24];
    return value;
}

static struct pando_slice get_text(struct reading *r, size_t max)
{
    const uint64_t len = get_head(r, TEXT);
    if (len > max || !has(r, (size_t)len)) {
        r->failed = true;
        return SLICE_EMPTY;
    }
    const struct pando_slice text = slice_of(r->at, (size_t)len);
    r->at += len;
    r->failed = !cbor_utf8_valid(text);
    return text;
}

static struct pando_slice get_name(struct reading *r)
{
    const struct pando_slice name = get_text(r, DELTA_NAME_MAX);
    r->failed = r->failed || name.len == 0;
    return name;
}

static double get_float(struct reading *r)
{
    uint64_t bits = 0;
    double number;
    r->at++;
    for (size_t i = 0; has(r, 1) && i < 8; i++)
        bits = bits << 8 | *r->at++;
    memcpy(&number, &bits, sizeof number);
    r->failed = r->failed || number - number != 0 || canon_is_whole(number);
    return number;
}

static double get_integer(struct reading *r, bool negative)
{
    const uint64_t value = get_head(r, negative ? NINT : UINT);
    r->failed = r->failed || value > (uint64_t)DELTA_TIME_MAX - negative;
    return negative ? -1.0 - (double)value : (double)value;
}

static void get_reference(struct reading *r, struct delta_pointer *p)
{
    const uint64_t fields = get_head(r, MAP);
    r->failed = r->failed || fields < 1 || fields > 2;
    p->kind = DELTA_REF;
    EXPECT_KEY(r, KEY_ID);
    p->text = get_name(r);
    if (fields == 2) {
        EXPECT_KEY(r, KEY_CONTEXT);
        p->context = get_name(r);
    }
}

static void get_target(struct reading *r, struct delta_pointer *p)
{
    const uint8_t head = peek(r);
    switch (head & 0xe0) {
    case MAP: get_reference(r, p); return;
    case TEXT:
        p->kind = DELTA_STRING;
        p->text = get_text(r, DELTA_TEXT_MAX);
        return;
    case UINT:
    case NINT:
        p->kind = DELTA_NUMBER;
        p->number = get_integer(r, (head & 0xe0) == NINT);
        return;
    default: break;
    }
    p->kind = head == FLOAT_BYTE ? DELTA_NUMBER : DELTA_BOOL;
    p->truth = head == TRUE_BYTE;
    if (head == FLOAT_BYTE)
        p->number = get_float(r);
    else if (head == TRUE_BYTE || head == FALSE_BYTE)
        r->at++;
    else
        r->failed = true;
}

static void get_pointer(struct reading *r, struct delta_pointer *p)
{
    *p = (struct delta_pointer){ .kind = DELTA_REF };
    r->failed = r->failed || get_head(r, MAP) != 2;
    EXPECT_KEY(r, KEY_ROLE);
    p->role = get_name(r);
    EXPECT_KEY(r, KEY_TARGET);
    get_target(r, p);
}

bool canon_read(struct pando_slice bytes, struct delta_room *room, struct delta *ret)
{
    struct reading r = { bytes.ptr, bytes.ptr + bytes.len, bytes.len == 0 };
    struct delta d = { .bytes = bytes, .pointers = room->pointers };
    r.failed = get_head(&r, MAP) != 5 || bytes.len > DELTA_BYTES_MAX;
    EXPECT_KEY(&r, KEY_ID);
    d.id = get_name(&r);
    EXPECT_KEY(&r, KEY_AUTHOR);
    d.author = get_name(&r);
    EXPECT_KEY(&r, KEY_SYSTEM);
    d.system = get_name(&r);
    EXPECT_KEY(&r, KEY_POINTERS);
    d.pointers_len = (size_t)get_head(&r, ARRAY);
    r.failed = r.failed || d.pointers_len > DELTA_POINTERS_MAX;
    for (size_t i = 0; i < d.pointers_len && !r.failed; i++)
        get_pointer(&r, &room->pointers[i]);
    EXPECT_KEY(&r, KEY_TIMESTAMP);
    const uint64_t timestamp = get_head(&r, UINT);
    d.timestamp = (int64_t)timestamp;
    if (r.failed || r.at != r.end || timestamp == 0 || timestamp > (uint64_t)DELTA_TIME_MAX)
        return false;
    *ret = d;
    return true;
}
