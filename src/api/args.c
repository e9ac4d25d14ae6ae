#include "api/args.h"

#include "codec/json.h"

#include <string.h>

/* -?(0|[1-9][0-9]{0,14}): what prints back as it was written. */
static bool is_integer(const char *text)
{
    const char *digits = text + (text[0] == '-');
    const size_t len = strspn(digits, "0123456789");
    return len > 0 && len <= 15 && digits[len] == '\0' &&
           (digits[0] != '0' || len == 1) && strcmp(text, "-0") != 0;
}

static json_t *typed(const char *value)
{
    if (strcmp(value, "true") == 0)
        return json_true();
    if (strcmp(value, "false") == 0)
        return json_false();
    if (!is_integer(value))
        return json_string(value); /* NULL when it is not UTF-8 */
    json_int_t number = 0;
    for (const char *c = value + (value[0] == '-'); *c != '\0'; c++)
        number = number * 10 + (*c - '0');
    return json_integer(value[0] == '-' ? -number : number);
}

enum pando_status args_add(json_t *object, const char *key, const char *value)
{
    const size_t key_len = strlen(key);
    if (key_len == 0 || key_len > ARGS_KEY_MAX || strlen(value) > ARGS_VALUE_MAX ||
        json_object_get(object, key) != NULL)
        return PANDO_INVALID;
    if (json_object_size(object) >= ARGS_MAX)
        return PANDO_FULL;
    json_t *v = typed(value);
    if (v == NULL || json_object_set_new(object, key, v) != 0)
        return PANDO_INVALID;
    return PANDO_OK;
}

enum pando_status args_add_query(json_t *object, const char *query)
{
    char key[ARGS_KEY_MAX + 1], value[ARGS_VALUE_MAX + 1];
    while (*query != '\0') {
        const size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        const size_t key_len = equals != NULL ? (size_t)(equals - query) : len;
        const size_t value_at = equals != NULL ? key_len + 1 : len;
        if (len > 0) {
            if (!route_decode(query, key_len, true, key, sizeof key) ||
                !route_decode(query + value_at, len - value_at, true, value,
                              sizeof value))
                return PANDO_INVALID;
            /* a bare key is a flag */
            const enum pando_status st =
                args_add(object, key, equals != NULL ? value : "true");
            if (st != PANDO_OK)
                return st;
        }
        query += len + (query[len] == '&');
    }
    return PANDO_OK;
}

static bool is_blank(struct pando_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (memchr(" \t\r\n", s.ptr[i], 4) == NULL)
            return false;
    return true;
}

enum pando_status args_add_body(json_t *object, struct pando_slice body,
                                struct pando_err *reterr)
{
    json_t *value = NULL;
    if (is_blank(body))
        return PANDO_OK;
    const enum pando_status st = json_text_parse(body, JSON_TEXT_MAX, &value, reterr);
    if (st != PANDO_OK)
        return st == PANDO_MALFORMED ? PANDO_INVALID : st;
    enum pando_status result = PANDO_OK;
    if (!json_is_object(value))
        result = pando_err_set(reterr, PANDO_INVALID, "the body must be a JSON object");
    else if (json_object_size(value) > ARGS_MAX)
        result = pando_err_set(reterr, PANDO_FULL, "at most %d arguments", ARGS_MAX);
    else if (json_object_update(object, value) != 0)
        result = pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    json_decref(value);
    return result;
}

enum pando_status args_add_params(json_t *object, const struct route_match *match)
{
    for (size_t i = 0; i < match->params_len; i++) {
        json_t *v = json_string(match->params[i].value);
        if (v == NULL || json_object_set_new(object, match->params[i].name, v) != 0)
            return PANDO_INVALID;
    }
    return PANDO_OK;
}

enum pando_status args_join(json_t *object, const struct route_match *match,
                            struct pando_slice body, char **ret_text,
                            struct pando_err *reterr)
{
    const bool body_alone = json_object_size(object) == 0 && match->params_len == 0;
    *ret_text = NULL;
    enum pando_status st = args_add_body(object, body, reterr);
    if (st == PANDO_OK && args_add_params(object, match) != PANDO_OK)
        st = pando_err_set(reterr, PANDO_INVALID, "the path does not read");
    if (st != PANDO_OK || (body_alone && json_object_size(object) > 0))
        return st; /* the body has just parsed: it need not be printed again */
    *ret_text = json_dumps(object, JSON_COMPACT);
    return *ret_text != NULL ? PANDO_OK
                             : pando_err_set(reterr, PANDO_NOMEM, "memory is out");
}
