/* config_settings.c - a scalar of YAML as JSON, for settings that the config only passes on.
 *
 * A space's settings are its kind's business: here they are text. What stands unquoted and
 * reads as a number, as yes or no (in the words of this file) or as null is one; all else
 * is a string.
 */
#include "node/config_table.h"

#include <stdio.h>
#include <string.h>

static const char *plain_word(const char *value)
{
    static const char *const words[][2] = {
        { "yes", "true" },   { "true", "true" }, { "on", "true" },   { "no", "false" },
        { "false", "false" }, { "off", "false" }, { "null", "null" }, { "~", "null" },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], value) == 0)
            return words[i][1];
    return NULL;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)? : the numbers that JSON and people agree on. */
static bool is_number(const char *value)
{
    static const char digits[] = "0123456789";
    const char *at = value + (value[0] == '-');
    size_t len = strspn(at, digits);
    if (len == 0 || len > 15 || (len > 1 && at[0] == '0'))
        return false;
    at += len;
    if (*at == '.') {
        len = strspn(++at, digits);
        if (len == 0 || len > 15)
            return false;
        at += len;
    }
    return *at == '\0';
}

bool config_settings_scalar(char *text, size_t cap, const char *value, size_t len, bool plain)
{
    size_t at = strlen(text);
    if (strlen(value) != len || at + len + 4 > cap)
        return false;
    const char *word = plain ? plain_word(value) : NULL;
    if (word != NULL || (plain && is_number(value)))
        return (size_t)snprintf(text + at, cap - at, "%s", word != NULL ? word : value) < cap - at;
    text[at++] = '"';
    for (; *value != '\0'; value++) {
        const unsigned char c = (unsigned char)*value;
        if (c < 0x20 || c == 0x7f || at + 4 > cap)
            return false;
        if (c == '"' || c == '\\')
            text[at++] = '\\';
        text[at++] = *value;
    }
    text[at++] = '"';
    text[at] = '\0';
    return true;
}
