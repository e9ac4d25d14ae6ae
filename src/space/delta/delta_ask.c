#include "space/delta/delta_ask.h"

#include "base/slice.h"
#include "check.h"

const char *ask_text(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    CHECK(text != NULL);
    return text;
}

int64_t ask_number(const json_t *json, const char *name)
{
    CHECK(json_is_integer(json_object_get(json, name)));
    return json_integer_value(json_object_get(json, name));
}

void ask_error(struct delta_world *w, const char *verb, const char *args,
                         enum pando_status status, const char *text)
{
    json_t *json = delta_world_ask(w, verb, args, status);
    CHECK_STR(ask_text(json, "error"), text);
    json_decref(json);
}

void ask_ok(struct delta_world *w, const char *verb, const char *args)
{
    json_decref(delta_world_ask(w, verb, args, PANDO_OK));
}

size_t ask_shown(struct delta_world *w, const char *args)
{
    json_t *json = delta_world_ask(w, "query", args, PANDO_OK);
    const size_t len = json_array_size(json_object_get(json, "deltas"));
    json_decref(json);
    return len;
}

void ask_fill(struct delta_world *w, int from, int count)
{
    struct pando_buf b;
    buf_init(&b, 8u << 20);
    CHECK_OK(buf_printf(&b, "{'deltas':["));
    for (int i = from; i < from + count; i++)
        CHECK_OK(buf_printf(&b,
                            "%s{'id':'f%d','timestamp':%d,'author':'a%d','system':'s','pointers':["
                            "{'role':'of','target':{'id':'o%d','context':'c'}}]}",
                            i > from ? "," : "", i, 1 + i / 3, i % 5, i % 10));
    CHECK_OK(buf_printf(&b, "]}"));
    CHECK_OK(buf_append(&b, slice_of("", 1)));
    ask_ok(w, "create", (const char *)b.ptr);
    buf_deinit(&b);
}
