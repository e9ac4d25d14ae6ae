/* delta_pointer.c - a pointer as it is written on a command line.
 *
 *     ROLE=@ID            a reference to an object
 *     ROLE=@ID:CONTEXT    what the delta says there is found under CONTEXT of the object
 *     ROLE=ID:CONTEXT     the same, where ID has neither blank nor colon, and CONTEXT is a
 *                         name: a letter or _ first, then letters, digits, _ . -
 *     ROLE=TEXT           anything else is a text, as it stands
 *     ROLE:=JSON          a number, true, false, a text in quotes, or {"id":...,"context":...}
 *
 * The last colon of @ID:CONTEXT parts the two; an ID that has colons and no context is said
 * as JSON.
 */
#include "apps/pando/delta_args.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *text)
{
    if (!is_letter(text[0]))
        return false;
    for (; *text != '\0'; text++)
        if (!is_letter(*text) && !(*text >= '0' && *text <= '9') && *text != '.' && *text != '-')
            return false;
    return true;
}

static json_t *reference(const char *id, size_t len, const char *context)
{
    json_t *target = json_pack("{s:s%}", "id", id, len);
    if (context != NULL)
        (void)json_object_set_new(target, "context", json_string(context));
    return target;
}

/* NULL: it is not UTF-8. */
static json_t *target_of(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (text[0] == '@' && text[1] != '\0') {
        const size_t len = colon != NULL ? (size_t)(colon - text) - 1 : strlen(text) - 1;
        return reference(text + 1, len, colon != NULL ? colon + 1 : NULL);
    }
    if (colon != NULL && colon != text && colon == strchr(text, ':') && is_name(colon + 1) &&
        strpbrk(text, " \t\n") == NULL)
        return reference(text, (size_t)(colon - text), colon + 1);
    return json_string(text);
}

enum pando_status delta_pointer(const char *text, json_t **ret, struct pando_err *reterr)
{
    const char *equals = strchr(text, '=');
    const bool json = equals != NULL && equals > text + 1 && equals[-1] == ':';
    json_error_t problem = { .text = "not UTF-8" };
    json_t *target;
    if (equals == NULL || equals == text)
        return pando_err_set(reterr, PANDO_INVALID,
                             "--pointer takes ROLE=TARGET, as named=@prod_1:name, "
                             "name=\"Widget Pro\" or price:=19.99; not '%.80s'",
                             text);
    if (json)
        target = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);
    else
        target = target_of(equals + 1);
    if (target == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             json ? "--pointer %.80s: behind := stands JSON (19.99, true, "
                                    "\"a text\", {\"id\":\"prod_1\"}): %s"
                                  : "--pointer %.80s: %s",
                             text, problem.text);
    const size_t len = (size_t)(equals - text) - json;
    *ret = json_pack("{s:s%,s:o}", "role", text, len, "target", target);
    return *ret != NULL ? PANDO_OK
                        : pando_err_set(reterr, PANDO_INVALID, "--pointer: the role is not UTF-8");
}
