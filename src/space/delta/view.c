/* view.c - reading the definition of a view. */
#include "space/delta/view.h"

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_MAX 160 /* "properties.NAME." of some nestings, cut when longer */

struct view_schema *view_ref(struct view_schema *s)
{
    s->owners++;
    return s;
}

void view_unref(struct view_schema *s)
{
    if (s == NULL || --s->owners > 0)
        return;
    for (size_t i = 0; i < s->properties_len; i++)
        view_unref(s->properties[i].nested);
    free(s->properties);
    json_decref(s->definition);
    free(s);
}

static enum pando_status only(const json_t *j, const char *const *known, const char *where,
                              struct pando_err *reterr)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)j, key, value)
    {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0)
            i++;
        if (known[i] == NULL)
            return pando_err_set(reterr, PANDO_INVALID, "%s%.64s is unknown: it takes %s, %s%s%s",
                                 where, key, known[0], known[1], known[2] != NULL ? ", " : "",
                                 known[2] != NULL ? known[2] : "");
    }
    return PANDO_OK;
}

static bool is_name(const json_t *j)
{
    return json_is_string(j) && json_string_length(j) > 0 &&
           json_string_length(j) <= DELTA_NAME_MAX &&
           strlen(json_string_value(j)) == json_string_length(j);
}

static const struct {
    const char *name;
    enum view_extract kind;
} EXTRACTS[] = { { "primitive", VIEW_PRIMITIVE },
                 { "reference", VIEW_REFERENCE },
                 { "array", VIEW_ARRAY },
                 { "nested", VIEW_NESTED },
                 { "about", VIEW_ABOUT } };

static const struct {
    const char *name;
    enum view_resolve kind;
} RESOLVES[] = { { "mostRecent", VIEW_MOST_RECENT }, { "firstWrite", VIEW_FIRST_WRITE },
                 { "allValues", VIEW_ALL_VALUES },   { "consensus", VIEW_CONSENSUS },
                 { "average", VIEW_AVERAGE },        { "minimum", VIEW_MINIMUM },
                 { "maximum", VIEW_MAXIMUM } };

static enum pando_status read_view(const json_t *json, const char *under, unsigned depth,
                                   struct view_schema **ret, struct pando_err *reterr);

static enum pando_status read_nested(const json_t *j, const char *where, unsigned depth,
                                     struct view_property *p, struct pando_err *reterr)
{
    const json_t *view = json_object_get(j, "view");
    if (p->extract != VIEW_NESTED)
        return view == NULL ? PANDO_OK
                            : pando_err_set(reterr, PANDO_INVALID,
                                            "%sextract.view goes with nested only", where);
    if (view == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "%sextract.nested needs a view beside it", where);
    if (depth == VIEW_NESTING_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "%sextract.view is nested more than %d deep",
                             where, VIEW_NESTING_MAX);
    char under[WHERE_MAX];
    (void)snprintf(under, sizeof under, "%.120sextract.view.", where);
    return read_view(view, under, depth + 1, &p->nested, reterr);
}

static enum pando_status read_extract(const json_t *j, const char *where, unsigned depth,
                                      struct view_property *p, struct pando_err *reterr)
{
    static const char *const known[] = { "view", "primitive", "reference", "array", "nested",
                                         "about", NULL };
    const json_t *role = NULL;
    if (!json_is_object(j))
        return pando_err_set(reterr, PANDO_INVALID,
                             "%sextract must be {\"primitive\": role}, or reference, array or "
                             "nested in its place", where);
    enum pando_status st = only(j, known, where, reterr);
    for (size_t i = 0; st == PANDO_OK && i < sizeof EXTRACTS / sizeof EXTRACTS[0]; i++) {
        const json_t *one = json_object_get(j, EXTRACTS[i].name);
        if (one != NULL && role != NULL)
            return pando_err_set(reterr, PANDO_INVALID, "%sextract takes one of primitive, "
                                 "reference, array, nested, not two", where);
        if (one == NULL)
            continue;
        role = one;
        p->extract = EXTRACTS[i].kind;
    }
    if (st != PANDO_OK)
        return st;
    if (!is_name(role))
        return pando_err_set(reterr, PANDO_INVALID,
                             "%sextract must name the role of a pointer, as {\"primitive\": role}",
                             where);
    p->role = json_string_value(role);
    return read_nested(j, where, depth, p, reterr);
}

static enum pando_status read_trusted(const json_t *list, const char *kind, const char *where,
                                      struct view_property *p, struct pando_err *reterr)
{
    bool right = json_is_array(list) && json_array_size(list) > 0 &&
                 json_array_size(list) <= VIEW_TRUSTED_MAX;
    for (size_t i = 0; right && i < json_array_size(list); i++)
        right = is_name(json_array_get(list, i));
    if (!right)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%sresolve.%s must be a list of 1 to %d names, the most trusted first",
                             where, kind, VIEW_TRUSTED_MAX);
    p->trusted = list;
    return PANDO_OK;
}

static enum pando_status read_resolve(const json_t *j, const char *where, struct view_property *p,
                                      struct pando_err *reterr)
{
    static const char text[] = "%sresolve must be mostRecent, firstWrite, allValues, consensus, "
                               "average, minimum, maximum, or {\"trustedAuthor\": [...]}, "
                               "{\"trustedSystem\": [...]}, {\"custom\": CID}";
    if (j == NULL)
        return PANDO_OK;
    if (json_is_string(j)) {
        for (size_t i = 0; i < sizeof RESOLVES / sizeof RESOLVES[0]; i++)
            if (strcmp(json_string_value(j), RESOLVES[i].name) == 0) {
                p->resolve = RESOLVES[i].kind;
                return PANDO_OK;
            }
        return pando_err_set(reterr, PANDO_INVALID, text, where);
    }
    const json_t *author = json_object_get(j, "trustedAuthor");
    const json_t *system = json_object_get(j, "trustedSystem");
    const json_t *custom = json_object_get(j, "custom");
    if (!json_is_object(j) || json_object_size(j) != 1)
        return pando_err_set(reterr, PANDO_INVALID, text, where);
    if (author != NULL) {
        p->resolve = VIEW_TRUSTED_AUTHOR;
        return read_trusted(author, "trustedAuthor", where, p, reterr);
    }
    if (system != NULL) {
        p->resolve = VIEW_TRUSTED_SYSTEM;
        return read_trusted(system, "trustedSystem", where, p, reterr);
    }
    if (!is_name(custom))
        return pando_err_set(reterr, PANDO_INVALID, text, where);
    p->resolve = VIEW_CUSTOM;
    p->capsule = json_string_value(custom);
    return PANDO_OK;
}

static enum pando_status read_property(const char *name, const json_t *j, const char *under,
                                       unsigned depth, struct view_property *p,
                                       struct pando_err *reterr)
{
    static const char *const known[] = { "source", "extract", "resolve", NULL };
    char where[WHERE_MAX];
    (void)snprintf(where, sizeof where, "%.90sproperties.%.48s.", under, name);
    if (strcmp(name, "id") == 0)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%sid is the id of the object itself: choose another name", where);
    if (name[0] == '\0' || strlen(name) > DELTA_NAME_MAX || !json_is_object(j))
        return pando_err_set(reterr, PANDO_INVALID,
                             "%.120s must be an object with extract, and have a name", where);
    const json_t *source = json_object_get(j, "source");
    p->name = name;
    if (source != NULL && !is_name(source))
        return pando_err_set(reterr, PANDO_INVALID, "%ssource must be a text of 1 to %d bytes",
                             where, DELTA_NAME_MAX);
    p->source = source != NULL ? json_string_value(source) : name;
    enum pando_status st = only(j, known, where, reterr);
    if (st == PANDO_OK)
        st = read_extract(json_object_get(j, "extract"), where, depth, p, reterr);
    if (st == PANDO_OK)
        st = read_resolve(json_object_get(j, "resolve"), where, p, reterr);
    return st;
}

static enum pando_status read_properties(struct view_schema *s, const char *under, unsigned depth,
                                         struct pando_err *reterr)
{
    json_t *properties = json_object_get(s->definition, "properties"), *value;
    const char *name;
    enum pando_status st = PANDO_OK;
    if (!json_is_object(properties) || json_object_size(properties) > VIEW_PROPERTIES_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%sproperties must be an object of at most %d properties", under,
                             VIEW_PROPERTIES_MAX);
    s->properties = calloc(json_object_size(properties) + 1, sizeof *s->properties);
    if (s->properties == NULL)
        return PANDO_NOMEM;
    json_object_foreach(properties, name, value)
    {
        if (st == PANDO_OK)
            st = read_property(name, value, under, depth, &s->properties[s->properties_len++],
                               reterr);
    }
    return st;
}

static enum pando_status read_view(const json_t *json, const char *under, unsigned depth,
                                   struct view_schema **ret, struct pando_err *reterr)
{
    static const char *const known[] = { "id", "properties", NULL };
    const json_t *id = json_object_get(json, "id");
    if (!json_is_object(json))
        return pando_err_set(reterr, PANDO_INVALID, "%sview must be an object with properties",
                             under);
    if (id != NULL && !is_name(id))
        return pando_err_set(reterr, PANDO_INVALID, "%sid must be a text of 1 to %d bytes", under,
                             DELTA_NAME_MAX);
    struct view_schema *s = calloc(1, sizeof *s);
    if (s == NULL)
        return PANDO_NOMEM;
    s->owners = 1;
    s->definition = json_incref((json_t *)json);
    s->id = id != NULL ? json_string_value(id) : "";
    enum pando_status st = only(json, known, under, reterr);
    if (st == PANDO_OK)
        st = read_properties(s, under, depth, reterr);
    if (st != PANDO_OK) {
        view_unref(s);
        return st;
    }
    *ret = s;
    return PANDO_OK;
}

enum pando_status view_from_json(const json_t *json, struct view_schema **ret,
                                 struct pando_err *reterr)
{
    json_t *own = json_deep_copy(json);
    if (own == NULL)
        return pando_err_set(reterr, json == NULL ? PANDO_INVALID : PANDO_NOMEM,
                             json == NULL ? "a view is missing" : "view: memory is out");
    enum pando_status st = read_view(own, "", 0, ret, reterr);
    json_decref(own);
    return st == PANDO_NOMEM ? pando_err_set(reterr, st, "view: memory is out") : st;
}
