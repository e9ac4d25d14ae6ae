#include "space/delta/schema_deltas.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/negate.h"
#include "space/delta/object_walk.h"

#include <stdlib.h>
#include <string.h>

struct schema_load {
    struct pando_buf id;
    struct object_walk walk; /* newest first */
    struct pando_slice contexts[3];
    size_t looked_at;
    json_t *found; /* definition so far */
    uint64_t version;
    bool any;
};

static bool text_is(struct pando_slice s, const char *text)
{
    return slice_equal(s, slice_text(text));
}

void schema_load_free(struct schema_load *l)
{
    if (l == NULL)
        return;
    object_walk_deinit(&l->walk);
    buf_deinit(&l->id);
    json_decref(l->found);
    free(l);
}

enum pando_status schema_load_new(const struct delta_source *source, struct pando_slice id,
                                  struct schema_load **ret)
{
    struct schema_load *l = calloc(1, sizeof *l);
    if (l == NULL)
        return PANDO_NOMEM;
    buf_init(&l->id, DELTA_NAME_MAX);
    enum pando_status st = buf_append(&l->id, id);
    if (st == PANDO_OK)
        st = object_walk_init(&l->walk, source, buf_view(&l->id), INT64_MIN, INT64_MAX);
    l->found = json_pack("{s:s%, s:{}}", "id", id.ptr, id.len, "transform");
    if (st != PANDO_OK || l->found == NULL) {
        schema_load_free(l);
        return st != PANDO_OK ? st : PANDO_INVALID; /* an id that is no UTF-8 */
    }
    l->contexts[0] = slice_text("name"); /* sorted */
    l->contexts[1] = slice_text("select");
    l->contexts[2] = slice_text("transform");
    l->walk.filter.target_contexts = (struct filter_list){ l->contexts, 3 };
    l->walk.descending = true;
    *ret = l;
    return PANDO_OK;
}

static const struct delta_pointer *pointer_of(const struct delta *d, const char *role)
{
    for (size_t i = 0; i < d->pointers_len; i++)
        if (text_is(d->pointers[i].role, role))
            return &d->pointers[i];
    return NULL;
}

bool schema_of_delta(const struct delta *d, struct pando_slice *ret_id)
{
    const struct delta_pointer *p = pointer_of(d, "schema");
    if (p == NULL || p->kind != DELTA_REF ||
        !(text_is(p->context, "name") || text_is(p->context, "select") ||
          text_is(p->context, "transform")))
        return false;
    *ret_id = p->text;
    return true;
}

/* Whether a schema with this member can be read. Takes `value` over. */
static bool is_sound(const char *key, json_t *value)
{
    struct schema *s = NULL;
    json_t *probe = json_pack("{s:s, s:o}", "id", "probe", key, value);
    const enum pando_status st = schema_from_json(probe, &s, NULL);
    if (st == PANDO_OK)
        schema_unref(s);
    json_decref(probe);
    return st == PANDO_OK;
}

static json_t *text_json(struct pando_slice s)
{
    return json_stringn((const char *)s.ptr, s.len);
}

/* Set what was not said by a later delta. Takes `value` over. */
static void set_once(struct schema_load *l, const char *key, json_t *value)
{
    if (value == NULL)
        return;
    if (json_object_get(l->found, key) == NULL && is_sound(key, json_incref(value)))
        (void)json_object_set(l->found, key, value);
    json_decref(value);
}

static json_t *parse(struct pando_slice text)
{
    json_t *value = NULL;
    return json_text_parse(text, DELTA_TEXT_MAX, &value, NULL) == PANDO_OK ? value : NULL;
}

static void take_select(struct schema_load *l, const struct delta_pointer *pattern)
{
    if (pattern == NULL || (pattern->kind != DELTA_REF && pattern->kind != DELTA_STRING))
        return;
    const bool map = pattern->kind == DELTA_STRING && !text_is(pattern->text, SCHEMA_BY_CONTEXT);
    set_once(l, "select", map ? parse(pattern->text) : text_json(pattern->text));
}

static size_t rules_of(const json_t *transform)
{
    size_t len = 0;
    const char *role;
    json_t *rules;
    json_object_foreach((json_t *)transform, role, rules)
    {
        len += json_is_array(rules) ? json_array_size(rules) : 1;
    }
    return len;
}

/* Add the rules behind those of later deltas. Takes `rules` over. */
static void add_rules(struct schema_load *l, json_t *rules)
{
    json_t *transform = json_object_get(l->found, "transform");
    const char *role;
    json_t *rule;
    if (rules == NULL)
        return;
    if (is_sound("transform", json_incref(rules)) &&
        rules_of(transform) + rules_of(rules) <= SCHEMA_RULES_MAX)
        json_object_foreach(rules, role, rule)
        {
            json_t *list = json_object_get(transform, role);
            if (list == NULL) {
                list = json_array();
                (void)json_object_set_new(transform, role, list);
            }
            if (json_is_array(rule))
                (void)json_array_extend(list, rule);
            else
                (void)json_array_append(list, rule);
        }
    json_decref(rules);
}

static void take_transform(struct schema_load *l, const struct delta *d)
{
    const struct delta_pointer *rules = pointer_of(d, "rules");
    const struct delta_pointer *role = pointer_of(d, "on-context");
    const struct delta_pointer *schema = pointer_of(d, "apply-schema");
    if (rules != NULL && rules->kind == DELTA_STRING)
        add_rules(l, parse(rules->text));
    if (role == NULL || role->kind != DELTA_STRING || schema == NULL ||
        (schema->kind != DELTA_REF && schema->kind != DELTA_STRING) ||
        memchr(role->text.ptr, 0, role->text.len) != NULL)
        return;
    json_t *one = json_object();
    (void)json_object_setn_new(one, (const char *)role->text.ptr, role->text.len,
                               text_json(schema->text));
    add_rules(l, one);
}

static enum pando_status take(struct schema_load *l, const struct delta *d)
{
    struct negate_state state;
    const struct delta_pointer *at = pointer_of(d, "schema");
    struct pando_slice id;
    if (!schema_of_delta(d, &id) || !slice_equal(id, buf_view(&l->id)))
        return PANDO_OK;
    enum pando_status st = negate_state_of(&l->walk.source, d->id, NEGATE_NOW, &state);
    if (st != PANDO_OK)
        return st;
    const int64_t changed = state.negated && state.negated_at > d->timestamp ? state.negated_at
                                                                             : d->timestamp;
    if (l->version < (uint64_t)changed)
        l->version = (uint64_t)changed;
    if (state.negated)
        return PANDO_OK;
    l->any = true;
    const struct delta_pointer *name = pointer_of(d, "name");
    if (text_is(at->context, "name") && name != NULL && name->kind == DELTA_STRING)
        set_once(l, "name", text_json(name->text));
    else if (text_is(at->context, "select"))
        take_select(l, pointer_of(d, "pattern"));
    else if (text_is(at->context, "transform"))
        take_transform(l, d);
    return PANDO_OK;
}

enum pando_status schema_load_step(struct schema_load *l, struct schema **ret)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < 128; i++) {
        st = object_walk_next(&l->walk);
        if (st == PANDO_OK)
            st = ++l->looked_at > SCHEMA_DELTAS_MAX ? PANDO_FULL : take(l, &l->walk.d);
    }
    if (st != PANDO_NOT_FOUND)
        return st == PANDO_OK ? PANDO_BUSY : st;
    if (!l->any)
        return PANDO_NOT_FOUND;
    struct schema *s;
    st = schema_from_json(l->found, &s, NULL);
    if (st != PANDO_OK)
        return st == PANDO_INVALID ? PANDO_NOT_FOUND : st; /* the name of a primitive one */
    s->from_deltas = true;
    s->version = l->version;
    *ret = s;
    return PANDO_OK;
}

static json_t *draft(const struct schema *s, const char *context, json_t *said)
{
    return json_pack("{s:[{s:s, s:{s:s%, s:s}}, o]}", "pointers", "role", "schema", "target", "id",
                     s->id.ptr, s->id.len, "context", context, said);
}

json_t *schema_to_deltas(const struct schema *s)
{
    json_t *list = json_array(), *rules;
    const json_t *select = json_object_get(s->normal, "select");
    const char *role;
    (void)json_array_append_new(
        list, draft(s, "name", json_pack("{s:s, s:s%}", "role", "name", "target", s->name.ptr,
                                         s->name.len)));
    char *map = json_is_string(select) ? NULL : json_dumps(select, JSON_SORT_KEYS | JSON_COMPACT);
    json_t *pattern = map == NULL ? json_pack("{s:s}", "id", SCHEMA_BY_CONTEXT) : json_string(map);
    (void)json_array_append_new(
        list, draft(s, "select", json_pack("{s:s, s:o}", "role", "pattern", "target", pattern)));
    free(map);
    json_object_foreach(json_object_get(s->normal, "transform"), role, rules)
    {
        json_t *one = json_pack("{s:O}", role, rules);
        char *text = json_dumps(one, JSON_SORT_KEYS | JSON_COMPACT);
        (void)json_array_append_new(
            list, draft(s, "transform", json_pack("{s:s, s:s}", "role", "rules", "target",
                                                  text != NULL ? text : "{}")));
        free(text);
        json_decref(one);
    }
    return list;
}
