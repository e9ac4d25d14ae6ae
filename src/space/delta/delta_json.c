#include "space/delta/delta_json.h"

#include "base/slice.h"
#include "codec/json.h"

#include <string.h>

/* ---- reading ---- */

static struct pando_slice text_of(const json_t *value)
{
    return slice_of(json_string_value(value), json_string_length(value));
}

/* What a value is called in an error. */
static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a text";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    case JSON_NULL: break;
    }
    return "null";
}

/* A text member of the delta, or its default. */
static enum pando_status read_text(const json_t *json, const char *key,
                                   struct pando_slice otherwise, struct pando_slice *ret,
                                   struct pando_err *reterr)
{
    const json_t *value = json_object_get(json, key);
    if (value == NULL) {
        *ret = otherwise;
        return otherwise.len > 0 ? PANDO_OK
                                 : pando_err_set(reterr, PANDO_INVALID, "%s is missing", key);
    }
    if (!json_is_string(value))
        return pando_err_set(reterr, PANDO_INVALID, "%s is %s, not a text", key,
                             kind_of(value));
    *ret = text_of(value);
    return ret->len > 0 ? PANDO_OK
                        : pando_err_set(reterr, PANDO_INVALID, "%s is empty", key);
}

static enum pando_status read_timestamp(const json_t *json, int64_t otherwise, int64_t *ret,
                                        struct pando_err *reterr)
{
    const json_t *value = json_object_get(json, "timestamp");
    if (value == NULL && otherwise <= 0)
        return pando_err_set(reterr, PANDO_INVALID, "timestamp is missing");
    if (value != NULL && !json_is_number(value))
        return pando_err_set(reterr, PANDO_INVALID, "timestamp is %s, not a number",
                             kind_of(value));
    *ret = value == NULL ? otherwise : json_is_integer(value) ? json_integer_value(value) : 0;
    if (json_is_real(value)) {
        const double real = json_real_value(value);
        if (real > 0 && real <= (double)DELTA_TIME_MAX && (double)(int64_t)real != real)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "timestamp is not a whole number of milliseconds");
        *ret = real > 0 && real <= (double)DELTA_TIME_MAX ? (int64_t)real : 0;
    }
    return PANDO_OK; /* its range is delta_seal's part */
}

/* One member under either of its names; `*ret` NULL when it has neither. */
static enum pando_status read_either(const json_t *pointer, size_t index, const char *key,
                                     const json_t *value, const char *old,
                                     const json_t **ret, struct pando_err *reterr)
{
    const json_t *other = json_object_get(pointer, old);
    if (value != NULL && other != NULL && !json_equal(value, other))
        return pando_err_set(reterr, PANDO_INVALID,
                             "pointers[%zu].%s and pointers[%zu].%s are one thing and differ",
                             index, key, index, old);
    *ret = value != NULL ? value : other;
    if (value == NULL)
        key = old;
    if (*ret == NULL)
        return PANDO_OK;
    if (!json_is_string(*ret))
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].%s is %s, not a text",
                             index, key, kind_of(*ret));
    if (json_string_length(*ret) == 0)
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].%s is empty", index, key);
    return PANDO_OK;
}

static enum pando_status read_reference(const json_t *pointer, const json_t *target,
                                        size_t index, struct delta_pointer *p,
                                        struct pando_err *reterr)
{
    const bool is_object = json_is_object(target);
    const json_t *id = is_object ? json_object_get(target, "id") : target, *context = NULL;
    if (id == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "pointers[%zu].target has no id: a target is a text, a number, a "
                             "boolean or {\"id\":..., \"context\":...}",
                             index);
    if (!json_is_string(id))
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].target.id is %s, not a text",
                             index, kind_of(id));
    if (json_string_length(id) == 0)
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].target.id is empty", index);
    const enum pando_status st =
        read_either(pointer, index, "target.context",
                    is_object ? json_object_get(target, "context") : NULL, "targetContext",
                    &context, reterr);
    if (st != PANDO_OK)
        return st;
    p->kind = DELTA_REF;
    p->text = text_of(id);
    if (context != NULL)
        p->context = text_of(context);
    return PANDO_OK;
}

static enum pando_status read_target(const json_t *pointer, size_t index,
                                     struct delta_pointer *p, struct pando_err *reterr)
{
    const json_t *target = json_object_get(pointer, "target");
    const bool has_context = json_object_get(pointer, "targetContext") != NULL;
    if (target == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].target is missing", index);
    /* A text with a context beside it is the older way to write a reference. */
    if (json_is_object(target) || (json_is_string(target) && has_context))
        return read_reference(pointer, target, index, p, reterr);
    if (json_is_array(target) || json_is_null(target))
        return pando_err_set(reterr, PANDO_INVALID,
                             "pointers[%zu].target is %s: %s", index, kind_of(target),
                             json_is_null(target) ? "leave the pointer out"
                                                  : "repeat the pointer's role instead");
    if (has_context)
        return pando_err_set(reterr, PANDO_INVALID,
                             "pointers[%zu].targetContext stands beside %s", index,
                             kind_of(target));
    if (json_is_string(target)) {
        p->kind = DELTA_STRING;
        p->text = text_of(target);
    } else if (json_is_number(target)) {
        p->kind = DELTA_NUMBER;
        p->number = json_number_value(target);
    } else {
        p->kind = DELTA_BOOL;
        p->truth = json_is_true(target);
    }
    return PANDO_OK;
}

static enum pando_status read_pointer(const json_t *pointer, size_t index,
                                      struct delta_pointer *p, struct pando_err *reterr)
{
    const json_t *role = NULL;
    if (!json_is_object(pointer))
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu] is %s, not an object",
                             index, kind_of(pointer));
    const enum pando_status st = read_either(
        pointer, index, "role", json_object_get(pointer, "role"), "localContext", &role, reterr);
    if (st != PANDO_OK)
        return st;
    if (role == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].role is missing", index);
    *p = (struct delta_pointer){ .role = text_of(role) };
    return read_target(pointer, index, p, reterr);
}

static enum pando_status read_pointers(const json_t *json, struct delta_room *room,
                                       struct delta *d, struct pando_err *reterr)
{
    const json_t *pointers = json_object_get(json, "pointers");
    enum pando_status st = PANDO_OK;
    if (pointers == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "pointers is missing");
    if (!json_is_array(pointers))
        return pando_err_set(reterr, PANDO_INVALID, "pointers is %s, not an array",
                             kind_of(pointers));
    d->pointers = room->pointers;
    d->pointers_len = json_array_size(pointers);
    if (d->pointers_len > DELTA_POINTERS_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "pointers has %zu members; the limit is %d",
                             d->pointers_len, DELTA_POINTERS_MAX);
    for (size_t i = 0; st == PANDO_OK && i < d->pointers_len; i++)
        st = read_pointer(json_array_get(pointers, i), i, &room->pointers[i], reterr);
    return st;
}

enum pando_status delta_from_json(const json_t *json, const struct delta_defaults *defaults,
                                  struct delta_room *room, struct pando_buf *buf,
                                  struct delta *ret, struct pando_err *reterr)
{
    const struct delta_defaults none = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 0 };
    struct delta d = { .timestamp = 0 };
    if (defaults == NULL)
        defaults = &none;
    if (!json_is_object(json))
        return pando_err_set(reterr, PANDO_INVALID, "a delta is an object, not %s",
                             json == NULL ? "missing" : kind_of(json));
    enum pando_status st = read_text(json, "id", defaults->id, &d.id, reterr);
    if (st == PANDO_OK)
        st = read_text(json, "author", defaults->author, &d.author, reterr);
    if (st == PANDO_OK)
        st = read_text(json, "system", defaults->system, &d.system, reterr);
    if (st == PANDO_OK)
        st = read_timestamp(json, defaults->timestamp, &d.timestamp, reterr);
    if (st == PANDO_OK)
        st = read_pointers(json, room, &d, reterr);
    if (st == PANDO_OK)
        st = delta_seal(&d, buf, reterr);
    if (st == PANDO_OK)
        *ret = d;
    return st;
}

/* ---- writing ---- */

#define PUT(b, literal) put_bytes(b, literal, sizeof(literal) - 1)

/* The caller has reserved room. */
static void put_bytes(struct pando_buf *b, const void *bytes, size_t len)
{
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

/* Whether every byte can stand as it is: a delta's texts are UTF-8 already. */
static bool is_plain(struct pando_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] == '"' || s.ptr[i] == '\\' || s.ptr[i] == 0x7f)
            return false;
    return true;
}

/* A string, and room for what a delta has between two of them. */
static enum pando_status put_text(struct pando_buf *b, struct pando_slice s)
{
    enum { BETWEEN = 128 };
    enum pando_status st = buf_reserve(b, s.len + 2 + BETWEEN);
    if (st == PANDO_OK && is_plain(s)) {
        PUT(b, "\"");
        put_bytes(b, s.ptr, s.len);
        PUT(b, "\"");
        return PANDO_OK;
    }
    if (st == PANDO_OK)
        st = json_text_escape(b, s);
    return st == PANDO_OK ? buf_reserve(b, BETWEEN) : st;
}

static void put_integer(struct pando_buf *b, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        PUT(b, "-");
    put_bytes(b, digits + at, sizeof digits - at);
}

static enum pando_status put_number(struct pando_buf *b, double number)
{
    const double limit = (double)DELTA_TIME_MAX;
    if (!(number >= -limit && number <= limit && (double)(int64_t)number == number)) {
        const enum pando_status st = json_text_float(b, number);
        return st == PANDO_OK ? buf_reserve(b, 128) : st;
    }
    put_integer(b, (int64_t)number);
    return PANDO_OK;
}

static enum pando_status put_target(struct pando_buf *b, const struct delta_pointer *p)
{
    enum pando_status st;
    switch (p->kind) {
    case DELTA_STRING: return put_text(b, p->text);
    case DELTA_NUMBER: return put_number(b, p->number);
    case DELTA_BOOL:
        put_bytes(b, p->truth ? "true" : "false", p->truth ? 4 : 5);
        return PANDO_OK;
    case DELTA_REF: break;
    }
    PUT(b, "{\"id\":");
    st = put_text(b, p->text);
    if (st == PANDO_OK && p->context.len > 0) {
        PUT(b, ",\"context\":");
        st = put_text(b, p->context);
    }
    if (st == PANDO_OK)
        PUT(b, "}");
    return st;
}

static enum pando_status put_pointer(struct pando_buf *b, const struct delta_pointer *p)
{
    PUT(b, "{\"role\":");
    enum pando_status st = put_text(b, p->role);
    if (st != PANDO_OK)
        return st;
    PUT(b, ",\"target\":");
    st = put_target(b, p);
    if (st == PANDO_OK)
        PUT(b, "}");
    return st;
}

static enum pando_status put_delta(struct pando_buf *b, const struct delta *d)
{
    enum pando_status st = buf_reserve(b, 128);
    if (st != PANDO_OK)
        return st;
    PUT(b, "{\"id\":");
    if ((st = put_text(b, d->id)) != PANDO_OK)
        return st;
    PUT(b, ",\"timestamp\":");
    put_integer(b, d->timestamp);
    PUT(b, ",\"author\":");
    if ((st = put_text(b, d->author)) != PANDO_OK)
        return st;
    PUT(b, ",\"system\":");
    if ((st = put_text(b, d->system)) != PANDO_OK)
        return st;
    PUT(b, ",\"pointers\":[");
    for (size_t i = 0; i < d->pointers_len; i++) {
        if (i > 0)
            PUT(b, ",");
        if ((st = put_pointer(b, &d->pointers[i])) != PANDO_OK)
            return st;
    }
    PUT(b, "]}");
    return PANDO_OK;
}

enum pando_status delta_to_json(const struct delta *d, struct pando_buf *text)
{
    const size_t before = text->len;
    const enum pando_status st = put_delta(text, d);
    if (st != PANDO_OK)
        text->len = before;
    return st;
}
