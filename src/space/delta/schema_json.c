/* schema_json.c - reading a schema: first into its normal form, then from there. */
#include "space/delta/schema.h"

#include "base/slice.h"
#include "crypto/sign.h"

#include <stdlib.h>
#include <string.h>

static struct pando_slice text_of(const json_t *j)
{
    return j == NULL ? SLICE_EMPTY : slice_of(json_string_value(j), json_string_length(j));
}

static enum pando_status need_name(const json_t *j, const char *member, const char *under,
                                   struct pando_err *reterr)
{
    if (!json_is_string(j) || json_string_length(j) == 0 ||
        json_string_length(j) > DELTA_NAME_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s%s must be a text of 1 to %d bytes", under, member,
                             DELTA_NAME_MAX);
    return PANDO_OK;
}

static enum pando_status only_members(const json_t *j, const char *const *known, const char *where,
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
            return pando_err_set(reterr, PANDO_INVALID,
                                 "%s%.64s is unknown: it takes %s, %s%s%s", where, key, known[0],
                                 known[1], known[2] != NULL ? ", " : "",
                                 known[2] != NULL ? known[2] : "");
    }
    return PANDO_OK;
}

/* One pick: a property, a list of them, or true. */
static enum pando_status pick_normal(const char *context, const json_t *j, json_t *picks,
                                     struct pando_err *reterr)
{
    json_t *list = json_array();
    enum pando_status st = PANDO_OK;
    if (json_is_true(j))
        (void)json_array_append_new(list, json_string(SCHEMA_DEFAULT_NAME));
    else if (json_is_string(j))
        (void)json_array_append(list, (json_t *)j);
    else if (json_is_array(j) && json_array_size(j) > 0)
        (void)json_array_extend(list, (json_t *)j);
    else
        st = pando_err_set(reterr, PANDO_INVALID,
                           "select.%.64s must be a property, a list of properties, or true", context);
    if (json_array_size(list) > SCHEMA_PICKS_MAX)
        st = pando_err_set(reterr, PANDO_INVALID, "select.%.64s names more than %d properties",
                           context, SCHEMA_PICKS_MAX);
    for (size_t i = 0; st == PANDO_OK && i < json_array_size(list); i++)
        st = need_name(json_array_get(list, i), context, "select.", reterr);
    if (st == PANDO_OK && json_object_set(picks, context, list) != 0)
        st = PANDO_NOMEM;
    json_decref(list);
    return st;
}

static enum pando_status select_normal(const json_t *j, json_t *normal, struct pando_err *reterr)
{
    if (j == NULL || (json_is_string(j) && strcmp(json_string_value(j), SCHEMA_BY_CONTEXT) == 0))
        return json_object_set_new(normal, "select", json_string(SCHEMA_BY_CONTEXT)) == 0
                   ? PANDO_OK
                   : PANDO_NOMEM;
    json_t *picks = json_object();
    enum pando_status st = PANDO_OK;
    const char *context;
    json_t *value;
    if (json_is_true(j))
        st = pick_normal("*", j, picks, reterr);
    else if (!json_is_object(j))
        st = pando_err_set(reterr, PANDO_INVALID,
                           "select must be \"" SCHEMA_BY_CONTEXT "\", true, or a map from "
                           "context to properties");
    else if (json_object_size(j) > SCHEMA_PICKS_MAX)
        st = pando_err_set(reterr, PANDO_INVALID, "select names more than %d contexts",
                           SCHEMA_PICKS_MAX);
    else
        json_object_foreach((json_t *)j, context, value)
        {
            if (st == PANDO_OK)
                st = pick_normal(context, value, picks, reterr);
        }
    if (st == PANDO_OK && json_object_set(normal, "select", picks) != 0)
        st = PANDO_NOMEM;
    json_decref(picks);
    return st;
}

static enum pando_status equals_check(const json_t *when, const char *role, struct pando_err *reterr)
{
    const json_t *equals = json_object_get(when, "equals");
    if (equals == NULL)
        return PANDO_OK;
    if (json_object_get(when, "role") == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "transform.%.64s.when.equals needs a role beside it", role);
    if (!json_is_string(equals) && !json_is_number(equals) && !json_is_boolean(equals))
        return pando_err_set(reterr, PANDO_INVALID,
                             "transform.%.64s.when.equals must be a text, a number or a truth value",
                             role);
    return PANDO_OK;
}

static enum pando_status when_check(const json_t *when, const char *role, struct pando_err *reterr)
{
    static const char *const known[] = { "targetContext", "targetId", "author", "system", "role" };
    char where[96];
    (void)snprintf(where, sizeof where, "transform.%.64s.when.", role);
    if (!json_is_object(when) || json_object_size(when) == 0)
        return pando_err_set(reterr, PANDO_INVALID, "transform.%.64s.when must be an object that "
            "is not empty",
                             role);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)when, key, value)
    {
        size_t i = 0;
        while (i < 5 && strcmp(known[i], key) != 0)
            i++;
        if (i == 5 && strcmp(key, "equals") != 0)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "%s%.64s is unknown: it takes targetContext, targetId, author, "
                                 "system, role, equals", where, key);
        enum pando_status st = i == 5 ? PANDO_OK : need_name(value, key, where, reterr);
        if (st != PANDO_OK)
            return st;
    }
    return equals_check(when, role, reterr);
}

/* One rule: the id of a schema, or an object with a condition. */
static enum pando_status rule_normal(const char *role, const json_t *j, json_t *list,
                                     struct pando_err *reterr)
{
    static const char *const known[] = { "schema", "when", NULL };
    char where[96];
    (void)snprintf(where, sizeof where, "transform.%.64s.", role);
    const json_t *schema = json_is_object(j) ? json_object_get(j, "schema") : j;
    const json_t *when = json_is_object(j) ? json_object_get(j, "when") : NULL;
    enum pando_status st = need_name(schema, "schema", where, reterr);
    if (st == PANDO_OK && json_is_object(j))
        st = only_members(j, known, where, reterr);
    if (st == PANDO_OK && when != NULL)
        st = when_check(when, role, reterr);
    if (st != PANDO_OK)
        return st;
    json_t *rule = json_pack("{s:O}", "schema", schema);
    if (when != NULL)
        (void)json_object_set_new(rule, "when", json_deep_copy(when));
    return json_array_append_new(list, rule) == 0 ? PANDO_OK : PANDO_NOMEM;
}

static enum pando_status role_normal(const char *role, const json_t *j, json_t *transform,
                                     size_t *rules, struct pando_err *reterr)
{
    json_t *list = json_array();
    enum pando_status st = PANDO_OK;
    if (json_is_array(j))
        for (size_t i = 0; st == PANDO_OK && i < json_array_size(j); i++)
            st = rule_normal(role, json_array_get(j, i), list, reterr);
    else
        st = rule_normal(role, j, list, reterr);
    *rules += json_array_size(list);
    if (st == PANDO_OK && *rules > SCHEMA_RULES_MAX)
        st = pando_err_set(reterr, PANDO_INVALID, "transform has more than %d rules",
                           SCHEMA_RULES_MAX);
    if (st == PANDO_OK && json_array_size(list) > 0 && json_object_set(transform, role, list) != 0)
        st = PANDO_NOMEM;
    json_decref(list);
    return st;
}

static enum pando_status transform_normal(const json_t *j, json_t *normal, size_t *ret_rules,
                                          struct pando_err *reterr)
{
    json_t *transform = json_object();
    enum pando_status st = PANDO_OK;
    const char *role;
    json_t *value;
    if (j != NULL && !json_is_object(j))
        st = pando_err_set(reterr, PANDO_INVALID, "transform must be an object from role to rule");
    else if (j != NULL)
        json_object_foreach((json_t *)j, role, value)
        {
            if (st == PANDO_OK)
                st = role_normal(role, value, transform, ret_rules, reterr);
        }
    if (st == PANDO_OK && json_object_set(normal, "transform", transform) != 0)
        st = PANDO_NOMEM;
    json_decref(transform);
    return st;
}

static struct schema_when when_of(const json_t *j)
{
    return (struct schema_when){ .target_context = text_of(json_object_get(j, "targetContext")),
                                 .target_id = text_of(json_object_get(j, "targetId")),
                                 .author = text_of(json_object_get(j, "author")),
                                 .system = text_of(json_object_get(j, "system")),
                                 .role = text_of(json_object_get(j, "role")),
                                 .equals = json_object_get(j, "equals") };
}

/* Point the fields at the normal form. */
static enum pando_status fill(struct schema *s, size_t rules)
{
    const char *key;
    json_t *value;
    s->id = text_of(json_object_get(s->normal, "id"));
    s->name = text_of(json_object_get(s->normal, "name"));
    s->rules = calloc(rules + 1, sizeof *s->rules);
    json_t *picks = json_object_get(s->normal, "select");
    if (json_is_object(picks))
        s->picks = calloc(json_object_size(picks) + 1, sizeof *s->picks);
    if (s->rules == NULL || (json_is_object(picks) && s->picks == NULL))
        return PANDO_NOMEM;
    json_object_foreach(json_object_get(s->normal, "transform"), key, value)
    {
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *rule = json_array_get(value, i);
            s->rules[s->rules_len++] =
                (struct schema_rule){ slice_text(key), text_of(json_object_get(rule, "schema")),
                                      when_of(json_object_get(rule, "when")) };
        }
    }
    if (!json_is_object(picks))
        return PANDO_OK;
    json_object_foreach(picks, key, value)
    {
        struct schema_pick *p = &s->picks[s->picks_len++];
        p->context = slice_text(key);
        p->properties_len = json_array_size(value);
        p->properties = calloc(p->properties_len + 1, sizeof *p->properties);
        if (p->properties == NULL)
            return PANDO_NOMEM;
        for (size_t i = 0; i < p->properties_len; i++)
            p->properties[i] = text_of(json_array_get(value, i));
    }
    return PANDO_OK;
}

static enum pando_status hash_normal(struct schema *s)
{
    char *text = json_dumps(s->normal, JSON_SORT_KEYS | JSON_COMPACT);
    if (text == NULL)
        return PANDO_NOMEM;
    s->hash = crypto_sha256(slice_text(text));
    free(text);
    return PANDO_OK;
}

static enum pando_status head_normal(const json_t *json, struct schema *s, struct pando_err *reterr)
{
    const json_t *id = json_object_get(json, "id"), *name = json_object_get(json, "name");
    const json_t *version = json_object_get(json, "version");
    enum pando_status st = need_name(id, "id", "", reterr);
    if (st == PANDO_OK && name != NULL)
        st = need_name(name, "name", "", reterr);
    if (st == PANDO_OK && schema_primitive_of(text_of(id)) != SCHEMA_OBJECT)
        st = pando_err_set(reterr, PANDO_INVALID, "id: %.64s is a primitive schema: choose another",
                           json_string_value(id));
    if (st == PANDO_OK && version != NULL &&
        (!json_is_integer(version) || json_integer_value(version) < 1))
        st = pando_err_set(reterr, PANDO_INVALID, "version must be a whole number from 1 on");
    if (st != PANDO_OK)
        return st;
    s->version = version != NULL ? (uint64_t)json_integer_value(version) : 1;
    s->normal = json_pack("{s:O, s:O}", "id", id, "name", name != NULL ? name : id);
    return s->normal != NULL ? PANDO_OK : PANDO_NOMEM;
}

enum pando_status schema_from_json(const json_t *json, struct schema **ret, struct pando_err *reterr)
{
    static const char *const known[] = { "select", "transform", "id", "name", "version", NULL };
    if (!json_is_object(json))
        return pando_err_set(reterr, PANDO_INVALID, "a schema must be an object with an id");
    struct schema *s = calloc(1, sizeof *s);
    if (s == NULL)
        return PANDO_NOMEM;
    s->owners = 1;
    size_t rules = 0;
    enum pando_status st = only_members(json, known, "schema.", reterr);
    if (st == PANDO_OK)
        st = head_normal(json, s, reterr);
    if (st == PANDO_OK)
        st = select_normal(json_object_get(json, "select"), s->normal, reterr);
    if (st == PANDO_OK)
        st = transform_normal(json_object_get(json, "transform"), s->normal, &rules, reterr);
    if (st == PANDO_OK)
        st = fill(s, rules);
    if (st == PANDO_OK)
        st = hash_normal(s);
    if (st != PANDO_OK) {
        schema_unref(s);
        return st == PANDO_NOMEM ? pando_err_set(reterr, st, "schema: memory is out") : st;
    }
    *ret = s;
    return PANDO_OK;
}
