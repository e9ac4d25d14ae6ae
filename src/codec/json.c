#include "codec/json.h"

#include "base/slice.h"
#include "codec/cbor_utf8.h"

#include <stdio.h>
#include <string.h>

/* Whether brackets outside strings nest at most JSON_DEPTH_MAX deep. Runs before the
 * parser, which recurses. */
static bool is_shallow(struct pando_slice text)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
            return false;
        else if (!quoted && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return true;
}

enum pando_status json_text_parse(struct pando_slice text, size_t max, json_t **ret_value,
                                  struct pando_err *reterr)
{
    json_error_t error;
    if (text.len > max || text.len > JSON_TEXT_MAX)
        return pando_err_set(reterr, PANDO_FULL,
                             "JSON: %zu bytes are more than the limit of %zu", text.len,
                             max < JSON_TEXT_MAX ? max : (size_t)JSON_TEXT_MAX);
    if (!is_shallow(text))
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "JSON: nested deeper than %d levels", JSON_DEPTH_MAX);
    const char *start = text.len > 0 ? (const char *)text.ptr : "";
    json_t *value =
        json_loadb(start, text.len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (value == NULL)
        return pando_err_set(reterr, PANDO_MALFORMED, "JSON: line %d, column %d: %s",
                             error.line, error.column, error.text);
    *ret_value = value;
    return PANDO_OK;
}

/* Length of the valid UTF-8 sequence at the head of `s`, or 0. */
static size_t character(struct pando_slice s)
{
    for (size_t len = 1; len <= 4 && len <= s.len; len++)
        if (cbor_utf8_valid(slice_of(s.ptr, len)))
            return len;
    return 0;
}

/* Append one character, escaped if it must be; returns how many bytes it took. */
static size_t escape_one(struct pando_buf *b, struct pando_slice s, enum pando_status *st)
{
    const uint8_t c = s.ptr[0];
    const size_t len = character(s);
    if (len == 0) {
        *st = buf_append(b, slice_text("\\ufffd"));
        return 1;
    }
    if (c == '"' || c == '\\')
        *st = buf_printf(b, "\\%c", c);
    else if (c == '\n')
        *st = buf_append(b, slice_text("\\n"));
    else if (c < 0x20 || c == 0x7f)
        *st = buf_printf(b, "\\u%04x", c);
    else
        *st = buf_append(b, slice_of(s.ptr, len));
    return len;
}

/* How many bytes at the head of `s` can stand as they are (plain ASCII). */
static size_t plain(struct pando_slice s)
{
    size_t len = 0;
    while (len < s.len && s.ptr[len] >= 0x20 && s.ptr[len] < 0x7f && s.ptr[len] != '"' &&
           s.ptr[len] != '\\')
        len++;
    return len;
}

enum pando_status json_text_escape(struct pando_buf *b, struct pando_slice text)
{
    const size_t before = b->len;
    enum pando_status st = buf_append(b, slice_text("\""));
    while (st == PANDO_OK && text.len > 0) {
        const size_t len = plain(text);
        if (len > 0) {
            st = buf_append(b, slice_of(text.ptr, len));
            text = slice_from(text, len);
        } else {
            text = slice_from(text, escape_one(b, text, &st));
        }
    }
    if (st == PANDO_OK)
        st = buf_append(b, slice_text("\""));
    if (st != PANDO_OK)
        b->len = before;
    return st;
}
