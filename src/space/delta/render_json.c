#include "space/delta/render_json.h"

#include "base/slice.h"
#include "space/delta/render.h"

static enum pando_status print(struct pando_buf *b, const json_t *value, unsigned depth);

static enum pando_status print_array(struct pando_buf *b, const json_t *value, unsigned depth)
{
    enum pando_status st = render_literal(b, "[");
    for (size_t i = 0; st == PANDO_OK && i < json_array_size(value); i++) {
        st = i > 0 ? render_literal(b, ",") : PANDO_OK;
        if (st == PANDO_OK)
            st = print(b, json_array_get(value, i), depth + 1);
    }
    return st == PANDO_OK ? render_literal(b, "]") : st;
}

static enum pando_status print_object(struct pando_buf *b, const json_t *value, unsigned depth)
{
    enum pando_status st = render_literal(b, "{");
    const char *key;
    json_t *one;
    bool first = true;
    json_object_foreach((json_t *)value, key, one)
    {
        if (st == PANDO_OK && !first)
            st = render_literal(b, ",");
        if (st == PANDO_OK)
            st = render_text(b, slice_text(key));
        if (st == PANDO_OK)
            st = render_literal(b, ":");
        if (st == PANDO_OK)
            st = print(b, one, depth + 1);
        first = false;
    }
    return st == PANDO_OK ? render_literal(b, "}") : st;
}

static enum pando_status print(struct pando_buf *b, const json_t *value, unsigned depth)
{
    if (depth > RENDER_JSON_DEPTH_MAX)
        return PANDO_FULL;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return print_object(b, value, depth);
    case JSON_ARRAY:
        return print_array(b, value, depth);
    case JSON_STRING:
        return render_text(b, slice_of(json_string_value(value), json_string_length(value)));
    case JSON_INTEGER:
        return render_integer(b, json_integer_value(value));
    case JSON_REAL:
        return render_number(b, json_real_value(value));
    case JSON_TRUE:
        return render_literal(b, "true");
    case JSON_FALSE:
        return render_literal(b, "false");
    case JSON_NULL:
        return render_literal(b, "null");
    }
    return PANDO_INVALID;
}

enum pando_status render_json(struct pando_buf *b, const json_t *value)
{
    const size_t before = b->len;
    const enum pando_status st = print(b, value, 0);
    if (st != PANDO_OK)
        b->len = before;
    return st;
}
