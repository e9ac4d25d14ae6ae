#include "apps/pando/log_args.h"

#include <stdlib.h>
#include <string.h>

json_t *log_question(const struct args *args)
{
    json_t *q = json_object();
    const char *space = args_value(args, OPT_SPACE, NULL), *room = args_value(args, OPT_ROOM, NULL);
    if (space != NULL)
        (void)json_object_set_new(q, "space", json_string(space));
    if (room != NULL)
        (void)json_object_set_new(q, "room", json_string(room));
    return q;
}

/* A number of up to 15 digits that ends at one of `ends`; -1: it is none. */
static long long read_number(const char *text, const char *ends, const char **ret_end)
{
    const size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 15 || strchr(ends, text[len]) == NULL)
        return -1;
    *ret_end = text + len;
    return strtoll(text, NULL, 10);
}

enum pando_status log_put_number(json_t *question, const char *key, const char *text, long long low,
                                 struct pando_err *reterr)
{
    const char *end;
    const long long value = read_number(text, "", &end);
    if (value < low)
        return pando_err_set(reterr, PANDO_INVALID, "%s takes a number of %lld or more, not '%.40s'",
                             key, low, text);
    return json_object_set_new(question, key, json_integer(value)) == 0 ? PANDO_OK : PANDO_NOMEM;
}

enum pando_status log_put_members(json_t *question, const char *text, struct pando_err *reterr)
{
    json_t *ids = json_array();
    (void)json_object_set_new(question, "members", ids);
    for (const char *at = text, *end;; at = end + 1) {
        const long long id = read_number(at, ",", &end);
        if (id < 1)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "--members takes numbers with commas, as 1,2,3; not '%.60s'", text);
        (void)json_array_append_new(ids, json_integer(id));
        if (*end == '\0')
            return PANDO_OK;
    }
}
