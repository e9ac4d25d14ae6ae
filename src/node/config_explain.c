/* config_explain.c - the table, said to people and to programs. */
#include "node/config.h"

#include "node/config_table.h"

#include <stdio.h>
#include <string.h>

static const char *type_text(const struct config_row *row, char text[96])
{
    switch (row->type) {
    case CONFIG_TEXT:
        return "text";
    case CONFIG_PATH:
        return "path";
    case CONFIG_PORT:
        return "port";
    case CONFIG_NUMBER:
        return "number";
    case CONFIG_BOOL:
        return "yes or no";
    case CONFIG_LIST:
        return "list";
    case CONFIG_SPACES:
        return "list of {name, kind, access, settings}";
    case CONFIG_JSON:
        return row->low == 0 ? "mapping" : "list of mappings";
    case CONFIG_ENUM:
        break;
    }
    size_t len = (size_t)snprintf(text, 96, "one of ");
    for (const char *at = row->choices; *at != '\0' && len + 3 < 96; at++) {
        if (*at == '|') {
            text[len++] = ',';
            text[len++] = ' ';
        } else {
            text[len++] = *at;
        }
    }
    text[len] = '\0';
    return text;
}

static void range_text(const struct config_row *row, char text[48])
{
    text[0] = '\0';
    if (row->type == CONFIG_NUMBER || row->type == CONFIG_PORT)
        (void)snprintf(text, 48, "%ld..%ld", row->low, row->high);
    else if (row->type == CONFIG_TEXT)
        (void)snprintf(text, 48, "%ld..%ld bytes", row->low, row->high);
    else if (row->type == CONFIG_LIST || row->type == CONFIG_SPACES)
        (void)snprintf(text, 48, "up to %ld", row->high);
}

size_t config_keys_len(void)
{
    return config_rows_len();
}

struct config_key config_key_at(size_t index)
{
    static const char *const types[] = { "text",      "path", "port", "number",
                                         "yes or no", NULL,   "list", "list", "json" };
    const struct config_row *row = config_row_at(index);
    const char *type = row->type == CONFIG_ENUM ? row->choices : types[row->type];
    return (struct config_key){ row->key, type,      row->fallback,
                                row->low, row->high, row->help };
}

static void value_text(const struct config *c, const struct config_row *row,
                       char text[600])
{
    const uint8_t *place = (const uint8_t *)c + row->offset;
    int index;
    switch (row->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_JSON:
        (void)snprintf(text, 600, "%s", (const char *)place);
        if (strcmp(row->key, "token") == 0)
            (void)snprintf(text, 600, "%s", place[0] != '\0' ? "(set)" : "");
        break;
    case CONFIG_PORT:
        (void)snprintf(text, 600, "%u", *(const uint16_t *)(const void *)place);
        break;
    case CONFIG_NUMBER:
        (void)snprintf(text, 600, "%u", *(const uint32_t *)(const void *)place);
        break;
    case CONFIG_BOOL:
        (void)snprintf(text, 600, "%s", *place ? "yes" : "no");
        break;
    case CONFIG_ENUM: {
        memcpy(&index, place, sizeof index);
        const char *at = row->choices;
        for (; index > 0; index--)
            at = strchr(at, '|') + 1;
        (void)snprintf(text, 600, "%.*s", (int)strcspn(at, "|"), at);
        break;
    }
    case CONFIG_LIST:
        (void)snprintf(text, 600, "%zu items",
                       ((const struct config_list *)(const void *)place)->len);
        break;
    case CONFIG_SPACES:
        (void)snprintf(text, 600, "%zu items", c->spaces.len);
        break;
    }
}

/* JSON string body: quotes, backslashes and control characters escaped. */
static void json_text(const char *raw, char *text, size_t cap)
{
    size_t len = 0;
    for (; *raw != '\0' && len + 8 < cap; raw++) {
        if (*raw == '"' || *raw == '\\')
            text[len++] = '\\';
        text[len++] = *raw;
    }
    text[len] = '\0';
}

static enum pando_status explain_row(const struct config *c, const struct config_row *row,
                                     enum config_style style, bool first,
                                     struct pando_buf *ret)
{
    char type_room[96], range[48], value[600] = "", escaped[1200];
    const char *type = type_text(row, type_room);
    range_text(row, range);
    if (c != NULL)
        value_text(c, row, value);
    switch (style) {
    case CONFIG_EXPLAIN_TEXT: {
        const char *fallback = row->fallback[0] != '\0' ? row->fallback : "(empty)";
        enum pando_status st = buf_printf(ret, "%s%s\n    %s\n    type %s",
                                          first ? "" : "\n", row->key, row->help, type);
        if (st == PANDO_OK && range[0] != '\0')
            st = buf_printf(ret, ", range %s", range);
        if (st == PANDO_OK)
            st = buf_printf(ret, ", default %s", fallback);
        if (st == PANDO_OK && c != NULL)
            st = buf_printf(ret, ", now %s", value[0] != '\0' ? value : "(empty)");
        return st == PANDO_OK ? buf_printf(ret, "\n") : st;
    }
    case CONFIG_EXPLAIN_JSON:
        json_text(value, escaped, sizeof escaped);
        return buf_printf(
            ret,
            "%s{\"key\":\"%s\",\"type\":\"%s\",\"range\":\"%s\",\"default\":\"%s\""
            "%s%s%s,\"help\":\"%s\"}",
            first ? "" : ",", row->key, type, range, row->fallback,
            c != NULL ? ",\"value\":\"" : "", c != NULL ? escaped : "",
            c != NULL ? "\"" : "", row->help);
    case CONFIG_EXPLAIN_MARKDOWN:
        return buf_printf(ret, "| `%s` | %s%s%s | `%s` | %s |\n", row->key, type,
                          range[0] != '\0' ? ", " : "", range, row->fallback, row->help);
    }
    return PANDO_INVALID;
}

enum pando_status config_explain(const struct config *c, const char *key,
                                 enum config_style style, struct pando_buf *ret)
{
    if (key != NULL && config_row_find(key) == NULL && !config_is_group(key))
        return PANDO_NOT_FOUND;
    enum pando_status st = PANDO_OK;
    if (style == CONFIG_EXPLAIN_JSON)
        st = buf_printf(ret, "{\"keys\":[");
    else if (style == CONFIG_EXPLAIN_MARKDOWN)
        st = buf_printf(
            ret, "| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    bool first = true;
    for (size_t i = 0; i < config_rows_len() && st == PANDO_OK; i++) {
        const struct config_row *row = config_row_at(i);
        const size_t len = key != NULL ? strlen(key) : 0;
        const bool wanted = key == NULL || strcmp(row->key, key) == 0 ||
                            (strncmp(row->key, key, len) == 0 && row->key[len] == '.');
        if (wanted) {
            st = explain_row(c, row, style, first, ret);
            first = false;
        }
    }
    return st == PANDO_OK && style == CONFIG_EXPLAIN_JSON ? buf_printf(ret, "]}") : st;
}
