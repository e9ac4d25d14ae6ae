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

/* A float that is whole and the same in every program becomes the integer that it was. */
static json_t *whole(const json_t *value)
{
    const double limit = 9007199254740991.0, real = json_real_value(value);
    if (!json_is_real(value) || !(real >= -limit && real <= limit) ||
        (double)(json_int_t)real != real)
        return NULL;
    return json_integer((json_int_t)real);
}

/* Where all numbers were read as floats. The depth is bounded by is_shallow. */
static void restore_integers(json_t *value)
{
    json_t *one, *number;
    for (size_t i = 0; i < json_array_size(value); i++) {
        one = json_array_get(value, i);
        if ((number = whole(one)) != NULL)
            (void)json_array_set_new(value, i, number);
        else
            restore_integers(one);
    }
    for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
        one = json_object_iter_value(i);
        if ((number = whole(one)) != NULL)
            (void)json_object_iter_set_new(value, i, number);
        else
            restore_integers(one);
    }
}

static json_t *load(struct pando_slice text, size_t more, json_error_t *error)
{
    const char *start = text.len > 0 ? (const char *)text.ptr : "";
    return json_loadb(start, text.len,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL | more, error);
}

static enum pando_status parse(struct pando_slice text, size_t max, bool js,
                               json_t **ret_value, struct pando_err *reterr)
{
    json_error_t error;
    if (text.len > max || text.len > JSON_TEXT_MAX)
        return pando_err_set(reterr, PANDO_FULL,
                             "JSON: %zu bytes are more than the limit of %zu", text.len,
                             max < JSON_TEXT_MAX ? max : (size_t)JSON_TEXT_MAX);
    if (!is_shallow(text))
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "JSON: nested deeper than %d levels", JSON_DEPTH_MAX);
    json_t *value = load(text, 0, &error);
    if (value == NULL && js && json_error_code(&error) == json_error_numeric_overflow) {
        value = load(text, JSON_DECODE_INT_AS_REAL, &error);
        restore_integers(value);
    }
    if (value == NULL)
        return pando_err_set(reterr, PANDO_MALFORMED, "JSON: line %d, column %d: %s",
                             error.line, error.column, error.text);
    *ret_value = value;
    return PANDO_OK;
}

enum pando_status json_text_parse(struct pando_slice text, size_t max, json_t **ret_value,
                                  struct pando_err *reterr)
{
    return parse(text, max, false, ret_value, reterr);
}

enum pando_status json_text_parse_js(struct pando_slice text, size_t max, json_t **ret_value,
                                     struct pando_err *reterr)
{
    return parse(text, max, true, ret_value, reterr);
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
