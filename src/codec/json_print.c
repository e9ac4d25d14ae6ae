#include "codec/json.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cid.h"
#include "codec/multibase.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pando_status put(struct pando_buf *b, const char *text)
{
    return buf_append(b, slice_text(text));
}

/* Whatever the locale's decimal point is. */
enum pando_status json_text_float(struct pando_buf *b, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        const double again = strtod(text, NULL);
        if (memcmp(&again, &value, sizeof value) == 0)
            break;
    }
    bool marked = false;
    for (char *c = text; *c != '\0'; c++) {
        if ((*c < '0' || *c > '9') && *c != '-' && *c != '+' && *c != 'e')
            *c = '.';
        marked = marked || *c == '.' || *c == 'e';
    }
    return buf_printf(b, "%s%s", text, marked ? "" : ".0");
}

/* The integer -1 - value; 2^64 itself has no type. */
static enum pando_status print_negative(struct pando_buf *b, uint64_t value)
{
    if (value == UINT64_MAX)
        return put(b, "-18446744073709551616");
    return buf_printf(b, "-%" PRIu64, value + 1);
}

static enum pando_status print_bytes(struct pando_buf *b, struct pando_slice bytes)
{
    const size_t cap = (bytes.len / 3 + 1) * 4 + 1;
    enum pando_status st = put(b, "{\"/\":{\"bytes\":\"");
    if (st == PANDO_OK)
        st = buf_reserve(b, cap);
    if (st == PANDO_OK)
        st = multibase_encode(MULTIBASE_64, bytes, (char *)b->ptr + b->len, cap);
    if (st != PANDO_OK)
        return st;
    b->len += strlen((const char *)b->ptr + b->len);
    return put(b, "\"}}");
}

static enum pando_status print_link(struct pando_buf *b, struct pando_slice bytes)
{
    char text[CID_TEXT_MAX];
    struct cid cid;
    enum pando_status st = cid_decode(bytes, &cid);
    if (st == PANDO_OK)
        st = cid_print(&cid, text, sizeof text);
    return st == PANDO_OK ? buf_printf(b, "{\"/\":\"%s\"}", text) : st;
}

/* Whether the map whose pairs come next would read as a link or as bytes. */
static bool is_reserved(struct wire_reader r, uint64_t len)
{
    struct cbor_item item;
    if (len != 1 || !cbor_next(&r, &item) || !slice_equal(item.bytes, slice_text("/")))
        return false;
    if (!cbor_next(&r, &item) || item.kind == CBOR_TEXT)
        return true;
    return item.kind == CBOR_MAP && item.value == 1 && cbor_next(&r, &item) &&
           slice_equal(item.bytes, slice_text("bytes")) && cbor_next(&r, &item) &&
           item.kind == CBOR_TEXT;
}

/* One value; the caller has checked all of it, so the depth is bounded. */
static enum pando_status print_value(struct wire_reader *r, struct pando_buf *b)
{
    struct cbor_item item;
    enum pando_status st = PANDO_OK;
    if (!cbor_next(r, &item))
        return PANDO_MALFORMED;
    switch (item.kind) {
    case CBOR_UINT: return buf_printf(b, "%" PRIu64, item.value);
    case CBOR_NINT: return print_negative(b, item.value);
    case CBOR_BYTES: return print_bytes(b, item.bytes);
    case CBOR_TEXT: return json_text_escape(b, item.bytes);
    case CBOR_LINK: return print_link(b, item.bytes);
    case CBOR_FALSE: return put(b, "false");
    case CBOR_TRUE: return put(b, "true");
    case CBOR_NULL: return put(b, "null");
    case CBOR_FLOAT: return json_text_float(b, item.number);
    case CBOR_ARRAY:
        st = put(b, "[");
        for (uint64_t i = 0; st == PANDO_OK && i < item.value; i++)
            if (i == 0 || (st = put(b, ",")) == PANDO_OK)
                st = print_value(r, b);
        return st == PANDO_OK ? put(b, "]") : st;
    case CBOR_MAP:
        st = is_reserved(*r, item.value) ? PANDO_UNSUPPORTED : put(b, "{");
        for (uint64_t i = 0; st == PANDO_OK && i < 2 * item.value; i++)
            if (i == 0 || (st = put(b, i % 2 == 1 ? ":" : ",")) == PANDO_OK)
                st = print_value(r, b);
        return st == PANDO_OK ? put(b, "}") : st;
    }
    return PANDO_MALFORMED;
}

enum pando_status json_text_from_cbor(struct pando_slice cbor, struct pando_buf *text)
{
    const size_t before = text->len;
    enum pando_status st = cbor_check(cbor);
    if (st != PANDO_OK)
        return st;
    struct wire_reader r = wire_read(cbor);
    st = print_value(&r, text);
    if (st != PANDO_OK)
        text->len = before;
    return st;
}
