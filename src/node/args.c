#include "node/args.h"

#include "codec/multibase.h"

#include <stdlib.h>
#include <string.h>

json_t *args_parse(struct pando_slice text, struct pando_err *reterr)
{
    if (text.len == 0)
        return json_object();
    json_error_t error;
    json_t *args =
        json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (args != NULL && json_is_object(args))
        return args;
    if (args == NULL && json_error_code(&error) == json_error_null_character)
        (void)pando_err_set(reterr, PANDO_INVALID,
                            "a text in the arguments holds the character U+0000: leave it out");
    else
        (void)pando_err_set(reterr, PANDO_MALFORMED, "arguments are not a JSON object%s%s",
                            args == NULL ? ": " : "", args == NULL ? error.text : "");
    json_decref(args);
    return NULL;
}

const char *args_text(const json_t *args, const char *key, const char *missing)
{
    const char *text = json_string_value(json_object_get(args, key));
    return text == NULL ? missing : text;
}

bool args_bool(const json_t *args, const char *key, bool missing)
{
    const json_t *value = json_object_get(args, key);
    if (json_is_string(value)) /* from a query string */
        return strcmp(json_string_value(value), "true") == 0 ||
               strcmp(json_string_value(value), "1") == 0;
    return json_is_boolean(value) ? json_is_true(value) : missing;
}

uint64_t args_uint(const json_t *args, const char *key, uint64_t missing)
{
    const json_t *value = json_object_get(args, key);
    if (json_is_string(value)) {
        char *end;
        const unsigned long long parsed = strtoull(json_string_value(value), &end, 10);
        return *end == '\0' && end != json_string_value(value) ? parsed : missing;
    }
    return json_is_integer(value) && json_integer_value(value) >= 0
               ? (uint64_t)json_integer_value(value)
               : missing;
}

enum pando_status args_base64(const json_t *args, const char *key, size_t max,
                              struct bytes **ret)
{
    const json_t *value = json_object_get(args, key);
    if (!json_is_string(value))
        return PANDO_NOT_FOUND;
    struct pando_slice text = { (const uint8_t *)json_string_value(value),
                                json_string_length(value) };
    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    const size_t size = text.len / 4 * 3 + 3;
    if (size > max + 3)
        return PANDO_FULL;
    uint8_t *data = malloc(size);
    if (data == NULL)
        return PANDO_NOMEM;
    size_t len = 0;
    enum pando_status st = multibase_decode(MULTIBASE_64, text, data, size, &len);
    if (st == PANDO_OK && len > max)
        st = PANDO_FULL;
    if (st == PANDO_OK && (*ret = bytes_copy((struct pando_slice){ data, len })) == NULL)
        st = PANDO_NOMEM;
    free(data);
    return st;
}

enum pando_status answer_string(struct pando_buf *b, const char *text)
{
    enum pando_status st = buf_printf(b, "\"");
    for (const char *c = text; *c != '\0' && st == PANDO_OK; c++) {
        const unsigned char u = (unsigned char)*c;
        if (u == '"' || u == '\\')
            st = buf_printf(b, "\\%c", u);
        else if (u < 0x20)
            st = buf_printf(b, "\\u%04x", u);
        else
            st = buf_append(b, (struct pando_slice){ (const uint8_t *)c, 1 });
    }
    return st == PANDO_OK ? buf_printf(b, "\"") : st;
}

enum pando_status answer_base64(struct pando_buf *b, struct pando_slice s)
{
    const size_t cap = s.len / 3 * 4 + 8;
    enum pando_status st = buf_reserve(b, cap + 4);
    if (st != PANDO_OK)
        return st;
    b->ptr[b->len++] = '"';
    char *at = (char *)b->ptr + b->len;
    st = multibase_encode(MULTIBASE_64, s, at, cap);
    if (st != PANDO_OK)
        return st;
    size_t len = strlen(at);
    for (size_t pad = len % 4; pad != 0 && pad < 4; pad++)
        at[len++] = '=';
    b->len += len;
    b->ptr[b->len++] = '"';
    return PANDO_OK;
}
