#include "space/delta/spelling.h"

#include <stdbool.h>
#include <string.h>

#define KEY_MAX 64 /* no setting is longer: longer keys stay as they are and are refused later */

/* False: nothing is to be changed. */
static bool camel(const char *key, char ret[KEY_MAX])
{
    size_t len = 0;
    bool up = false, changed = false;
    if (strlen(key) >= KEY_MAX)
        return false;
    for (; *key != '\0'; key++) {
        if (*key == '_' && len > 0 && key[1] >= 'a' && key[1] <= 'z') {
            up = changed = true;
            continue;
        }
        ret[len++] = up ? (char)(*key - 'a' + 'A') : *key;
        up = false;
    }
    ret[len] = '\0';
    return changed;
}

static enum pando_status respell_object(json_t *object, struct pando_err *reterr)
{
    const char *key;
    json_t *member, *respelt = json_object();
    enum pando_status st = respelt == NULL ? PANDO_NOMEM : PANDO_OK;
    json_object_foreach(object, key, member) {
        char name[KEY_MAX];
        const char *put = camel(key, name) ? name : key;
        if (st == PANDO_OK)
            st = spelling_camel(member, reterr);
        if (st == PANDO_OK && json_object_get(respelt, put) != NULL)
            st = pando_err_set(reterr, PANDO_INVALID, "\"%s\" stands there in two spellings", put);
        else if (st == PANDO_OK && json_object_set(respelt, put, member) != 0)
            st = PANDO_NOMEM;
    }
    if (st == PANDO_OK && (json_object_clear(object) != 0 || json_object_update(object, respelt) != 0))
        st = PANDO_NOMEM;
    json_decref(respelt);
    return st;
}

enum pando_status spelling_camel(json_t *value, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    json_t *item;
    size_t i;
    if (json_is_object(value))
        return respell_object(value, reterr);
    json_array_foreach(value, i, item)
        if (st == PANDO_OK)
            st = spelling_camel(item, reterr);
    return st;
}
