/* arguments.c - the arguments of a call: what each must be, and how they are taken out. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"

enum { WHOLE, TEXT, FLAG };

/* Of one kind in whatever verb they stand. Views, schemas, links and deltas check their own. */
static const struct {
    const char *name;
    int kind;
} KNOWN[] = {
    { "limit", WHOLE },      { "at", WHOLE },    { "since", WHOLE }, { "before", WHOLE },
    { "cursor", TEXT },      { "reason", TEXT }, { "author", TEXT }, { "system", TEXT },
    { "descending", FLAG },  { "absent", FLAG }, { "ready", FLAG },
};

static bool is_of(const json_t *value, int kind)
{
    return kind == WHOLE  ? json_is_integer(value)
           : kind == TEXT ? json_is_string(value)
                          : json_is_boolean(value);
}

enum pando_status deltas_args_check(const json_t *args, struct pando_err *reterr)
{
    static const char *const wanted[] = { "a whole number", "a text", "true or false" };
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        const json_t *value = json_object_get(args, KNOWN[i].name);
        if (value != NULL && !json_is_null(value) && !is_of(value, KNOWN[i].kind))
            return pando_err_set(reterr, PANDO_INVALID, "\"%s\" must be %s", KNOWN[i].name,
                                 wanted[KNOWN[i].kind]);
    }
    return PANDO_OK;
}

struct pando_slice deltas_text_arg(const json_t *args, const char *name)
{
    const json_t *v = json_object_get(args, name);
    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v))
                             : SLICE_EMPTY;
}

int64_t deltas_number_arg(const json_t *args, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(args, name);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

enum pando_status deltas_filter_arg(const json_t *args, struct filter *ret,
                                    struct pando_err *reterr)
{
    const json_t *filter = json_object_get(args, "filter");
    json_t *parsed = NULL;
    struct filter read;
    enum pando_status st = PANDO_OK;
    if (json_is_string(filter)) {
        st = json_text_parse(deltas_text_arg(args, "filter"), JSON_TEXT_MAX, &parsed, reterr);
        filter = parsed;
    }
    if (st == PANDO_OK)
        st = filter_from_json(filter, &read, reterr);
    json_decref(parsed);
    if (st == PANDO_OK) {
        filter_deinit(ret);
        *ret = read;
    }
    return st == PANDO_MALFORMED ? PANDO_INVALID : st;
}
