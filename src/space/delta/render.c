#include "space/delta/render.h"

#include "base/slice.h"
#include "codec/json.h"

#include <string.h>

static bool is_plain_byte(uint8_t c)
{
    return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of some byte, if one of the word's is zero. */
static uint64_t zeros(uint64_t word)
{
    return (word - EACH(1)) & ~word;
}

/* Nothing of it is escaped: eight bytes at a time, in any byte order. */
static bool is_plain(struct pando_slice s)
{
    size_t i = 0;
    for (; s.len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, sizeof word);
        const uint64_t found = zeros(word ^ EACH('"')) | zeros(word ^ EACH('\\')) |
                               zeros(word ^ EACH(0x7f)) | ((word - EACH(0x20)) & ~word);
        if ((found & EACH(0x80)) != 0)
            return false;
    }
    for (; i < s.len; i++)
        if (!is_plain_byte(s.ptr[i]))
            return false;
    return true;
}

enum pando_status render_text(struct pando_buf *b, struct pando_slice text)
{
    if (!is_plain(text))
        return json_text_escape(b, text);
    if (b->cap - b->len < text.len + 2) {
        const enum pando_status st = buf_reserve(b, text.len + 2);
        if (st != PANDO_OK)
            return st;
    }
    uint8_t *at = b->ptr + b->len;
    *at++ = '"';
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    at[text.len] = '"';
    b->len += text.len + 2;
    return PANDO_OK;
}

enum pando_status render_integer(struct pando_buf *b, int64_t n)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do
        text[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (n < 0)
        text[--at] = '-';
    return render_bytes(b, text + at, sizeof text - at);
}

enum pando_status render_number(struct pando_buf *b, double number)
{
    if (number >= -(double)DELTA_TIME_MAX && number <= (double)DELTA_TIME_MAX) {
        const int64_t whole = (int64_t)number;
        if ((double)whole >= number && (double)whole <= number)
            return render_integer(b, whole);
    }
    return json_text_float(b, number);
}

enum pando_status render_head(struct pando_buf *b, const struct delta *d)
{
    enum pando_status st = render_literal(b, "{\"id\":");
    if (st == PANDO_OK)
        st = render_text(b, d->id);
    if (st == PANDO_OK)
        st = render_literal(b, ",\"timestamp\":");
    if (st == PANDO_OK)
        st = render_integer(b, d->timestamp);
    if (st == PANDO_OK)
        st = render_literal(b, ",\"author\":");
    if (st == PANDO_OK)
        st = render_text(b, d->author);
    if (st == PANDO_OK)
        st = render_literal(b, ",\"system\":");
    if (st == PANDO_OK)
        st = render_text(b, d->system);
    return st == PANDO_OK ? render_literal(b, ",\"pointers\":[") : st;
}

enum pando_status render_role(struct pando_buf *b, const struct delta_pointer *p)
{
    enum pando_status st = render_literal(b, "{\"role\":");
    if (st == PANDO_OK)
        st = render_text(b, p->role);
    return st == PANDO_OK ? render_literal(b, ",\"target\":") : st;
}

static enum pando_status render_ref(struct pando_buf *b, const struct delta_pointer *p)
{
    enum pando_status st = render_literal(b, "{\"id\":");
    if (st == PANDO_OK)
        st = render_text(b, p->text);
    if (st == PANDO_OK && p->context.len > 0) {
        st = render_literal(b, ",\"context\":");
        if (st == PANDO_OK)
            st = render_text(b, p->context);
    }
    return st == PANDO_OK ? render_literal(b, "}") : st;
}

enum pando_status render_target(struct pando_buf *b, const struct delta_pointer *p)
{
    switch (p->kind) {
    case DELTA_REF:
        return render_ref(b, p);
    case DELTA_STRING:
        return render_text(b, p->text);
    case DELTA_NUMBER:
        return render_number(b, p->number);
    case DELTA_BOOL:
        return render_literal(b, p->truth ? "true" : "false");
    }
    return PANDO_INVALID;
}

enum pando_status render_property(struct pando_buf *b, struct pando_slice name)
{
    const bool taken = slice_equal(name, slice_text("id")) ||
                       slice_equal(name, slice_text("_metadata")) ||
                       (name.len > 0 && name.ptr[0] == '~');
    if (!taken)
        return render_text(b, name);
    uint8_t text[DELTA_NAME_MAX + 1] = { '~' };
    if (name.len > DELTA_NAME_MAX)
        return PANDO_INVALID;
    memcpy(text + 1, name.ptr, name.len);
    return render_text(b, slice_of(text, name.len + 1));
}
