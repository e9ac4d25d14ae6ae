/* views_schema.c - the verbs about schemas and the kept views. */
#include "space/delta/views_private.h"

#include "base/slice.h"
#include "space/delta/render.h"
#include "space/delta/render_json.h"

#include <stdio.h>

static void hash_text(const struct pando_id *hash, char ret[65])
{
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", hash->bytes[i]);
}

static json_t *describe(const struct schema *s)
{
    char hash[65];
    hash_text(&s->hash, hash);
    return json_pack("{s:s%, s:s%, s:s, s:I, s:b}", "id", s->id.ptr, s->id.len, "name", s->name.ptr,
                     s->name.len, "hash", hash, "version", (json_int_t)s->version, "fromDeltas",
                     (int)s->from_deltas);
}

/* Print and give back. */
static enum pando_status answer(const struct views_call *c, json_t *value, struct pando_buf *text,
                                struct pando_err *reterr)
{
    const enum pando_status st = value == NULL ? PANDO_NOMEM : render_json(text, value);
    json_decref(value);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_register_begin(struct views_call *c, struct pando_err *reterr)
{
    const json_t *schema = json_object_get(c->args, "schema");
    const json_t *view = json_object_get(c->args, "view");
    const json_t *validate = json_object_get(c->args, "validate");
    if ((schema == NULL) == (view == NULL))
        return pando_err_set(reterr, PANDO_INVALID,
                             "schema.register takes a schema or a view, one of them");
    if (validate != NULL && !json_is_boolean(validate))
        return pando_err_set(reterr, PANDO_INVALID, "schema.register: validate must be true or false");
    if (schema != NULL)
        return schema_from_json(schema, &c->schema, reterr);
    const enum pando_status st = view_from_json(view, &c->view, reterr);
    if (st == PANDO_OK && c->view->id[0] == '\0')
        return pando_err_set(reterr, PANDO_INVALID, "view.id is missing: a view is called by it");
    return st;
}

static enum pando_status register_view(struct views_call *c, struct pando_buf *text,
                                       struct pando_err *reterr)
{
    struct views *v = c->v;
    size_t at = 0;
    while (at < v->views_len &&
           !slice_equal(slice_text(v->views[at]->id), slice_text(c->view->id)))
        at++;
    if (at == VIEWS_VIEWS_MAX)
        return pando_err_set(reterr, PANDO_FULL, "%d views are registered, which is the limit",
                             VIEWS_VIEWS_MAX);
    if (at == v->views_len)
        v->views_len++;
    view_unref(v->views[at]);
    v->views[at] = view_ref(c->view);
    return answer(c, json_pack("{s:s}", "id", c->view->id), text, reterr);
}

enum pando_status views_register_step(struct views_call *c, struct pando_buf *text,
                                     struct pando_err *reterr)
{
    const json_t *validate = json_object_get(c->args, "validate");
    if (c->view != NULL)
        return register_view(c, text, reterr);
    if (slice_equal(c->schema->id, slice_text(SCHEMA_PLAIN)))
        return pando_err_set(reterr, PANDO_INVALID, "schema.id: " SCHEMA_PLAIN
                                                    " is built in: choose another");
    const enum pando_status st =
        registry_put(&c->v->registry, schema_ref(c->schema),
                     validate != NULL ? json_is_true(validate) : c->v->config.validate, reterr);
    if (st != PANDO_OK) {
        schema_unref(c->schema);
        return st;
    }
    return answer(c, describe(c->schema), text, reterr);
}

enum pando_status views_ls_begin(struct views_call *c, struct pando_err *reterr)
{
    (void)c;
    (void)reterr;
    return PANDO_OK;
}

enum pando_status views_ls_step(struct views_call *c, struct pando_buf *text,
                               struct pando_err *reterr)
{
    json_t *schemas = json_array(), *views = json_array();
    for (size_t i = 0; i < c->v->registry.len; i++)
        (void)json_array_append_new(schemas, describe(c->v->registry.items[i]));
    for (size_t i = 0; i < c->v->views_len; i++)
        (void)json_array_append_new(views, json_string(c->v->views[i]->id));
    return answer(c, json_pack("{s:o, s:o}", "schemas", schemas, "views", views), text, reterr);
}

enum pando_status views_show_begin(struct views_call *c, struct pando_err *reterr)
{
    return views_arg_text(c, "id", true, &c->name, reterr);
}

static enum pando_status not_known(const struct views_call *c, struct pando_err *reterr)
{
    return pando_err_set(reterr, PANDO_NOT_FOUND,
                         "%s: %.*s is not known: schema.ls lists what is", c->verb->name,
                         (int)(c->name.len % 200), (const char *)c->name.ptr);
}

enum pando_status views_show_step(struct views_call *c, struct pando_buf *text,
                                 struct pando_err *reterr)
{
    const struct schema *s = registry_find(&c->v->registry, c->name);
    if (s != NULL) {
        json_t *all = describe(s);
        (void)json_object_set(all, "schema", s->normal);
        return answer(c, all, text, reterr);
    }
    for (size_t i = 0; i < c->v->views_len; i++)
        if (slice_equal(slice_text(c->v->views[i]->id), c->name))
            return answer(c, json_pack("{s:O}", "view", c->v->views[i]->definition), text, reterr);
    return not_known(c, reterr);
}

enum pando_status views_check_begin(struct views_call *c, struct pando_err *reterr)
{
    return views_ls_begin(c, reterr);
}

enum pando_status views_check_step(struct views_call *c, struct pando_buf *text,
                                  struct pando_err *reterr)
{
    json_t *report = NULL;
    const enum pando_status st = registry_report(&c->v->registry, &report);
    return st == PANDO_OK ? answer(c, report, text, reterr) : views_call_failed(c, st, reterr);
}

enum pando_status views_load_begin(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_text(c, "id", false, &c->name, reterr);
    if (st != PANDO_OK)
        return st;
    st = views_lookup_begin(&c->lookup, c->name);
    c->lookup.force = true;
    c->lookup.changed = json_array();
    if (st == PANDO_OK && c->name.len == 0)
        st = object_walk_init(&c->walk, &c->v->config.source, SLICE_EMPTY, INT64_MIN, INT64_MAX);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

/* Collect the ids of all schemas that deltas speak of. */
static enum pando_status find_schemas(struct views_call *c)
{
    struct pando_slice contexts[] = { slice_text("name"), slice_text("select"),
                                      slice_text("transform") };
    c->walk.filter.target_contexts = (struct filter_list){ contexts, 3 };
    for (size_t i = 0; i < TRAVEL_STEP; i++) {
        struct pando_slice id;
        const enum pando_status st = object_walk_next(&c->walk);
        if (st != PANDO_OK)
            return st;
        if (!schema_of_delta(&c->walk.d, &id) ||
            json_object_getn(c->lookup.seen, (const char *)id.ptr, id.len) != NULL)
            continue;
        if (json_array_size(c->lookup.ids) >= c->v->registry.max)
            return PANDO_FULL;
        (void)json_object_setn_new(c->lookup.seen, (const char *)id.ptr, id.len, json_true());
        (void)json_array_append_new(c->lookup.ids, json_stringn((const char *)id.ptr, id.len));
    }
    return PANDO_BUSY;
}

enum pando_status views_load_step(struct views_call *c, struct pando_buf *text,
                                 struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    if (c->name.len == 0 && c->stage == 0) {
        st = find_schemas(c);
        if (st != PANDO_NOT_FOUND)
            return st == PANDO_BUSY ? st : views_call_failed(c, st, reterr);
        c->stage = 1;
    }
    st = views_lookup_step(c->v, &c->lookup, reterr);
    if (st != PANDO_OK)
        return st;
    json_t *loaded = json_array();
    for (size_t i = 0; i < json_array_size(c->lookup.ids); i++) {
        json_t *id = json_array_get(c->lookup.ids, i);
        const struct schema *s = registry_find(
            &c->v->registry, slice_of(json_string_value(id), json_string_length(id)));
        if (s != NULL && s->from_deltas)
            (void)json_array_append(loaded, id);
    }
    if (c->name.len > 0 && json_array_size(loaded) == 0) {
        json_decref(loaded);
        return pando_err_set(reterr, PANDO_NOT_FOUND, "schema.load: no delta says what %.*s is",
                             (int)(c->name.len % 200), (const char *)c->name.ptr);
    }
    return answer(c, json_pack("{s:o, s:O}", "loaded", loaded, "changed", c->lookup.changed), text,
                  reterr);
}

enum pando_status views_changed_begin(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_text(c, "id", true, &c->name, reterr);
    if (st != PANDO_OK)
        return st;
    st = schema_load_new(&c->v->config.source, c->name, &c->lookup.load);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

/* What is known beside what the deltas say; nothing is reloaded. */
enum pando_status views_changed_step(struct views_call *c, struct pando_buf *text,
                                    struct pando_err *reterr)
{
    struct schema *said = NULL;
    const enum pando_status st = schema_load_step(c->lookup.load, &said);
    if (st == PANDO_BUSY)
        return st;
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return views_call_failed(c, st, reterr);
    const struct schema *known = registry_find(&c->v->registry, c->name);
    char known_hash[65] = "", said_hash[65] = "";
    if (known != NULL)
        hash_text(&known->hash, known_hash);
    if (said != NULL)
        hash_text(&said->hash, said_hash);
    const bool changed = (known == NULL) != (said == NULL) ||
                         (known != NULL && !id_equal(&known->hash, &said->hash));
    schema_unref(said);
    if (known == NULL && st == PANDO_NOT_FOUND)
        return not_known(c, reterr);
    return answer(c, json_pack("{s:b, s:s?, s:s?}", "changed", (int)changed, "registered",
                               known != NULL ? known_hash : NULL, "deltas",
                               st == PANDO_OK ? said_hash : NULL), text, reterr);
}

enum pando_status views_deltas_begin(struct views_call *c, struct pando_err *reterr)
{
    return views_show_begin(c, reterr);
}

enum pando_status views_deltas_step(struct views_call *c, struct pando_buf *text,
                                   struct pando_err *reterr)
{
    const struct schema *s = registry_find(&c->v->registry, c->name);
    return s == NULL ? not_known(c, reterr) : answer(c, schema_to_deltas(s), text, reterr);
}

enum pando_status views_cache_begin(struct views_call *c, struct pando_err *reterr)
{
    return views_ls_begin(c, reterr);
}

enum pando_status views_cache_step(struct views_call *c, struct pando_buf *text,
                                  struct pando_err *reterr)
{
    struct views_stats s;
    views_stats(c->v, &s);
    const uint64_t asked = s.hits + s.misses;
    const enum pando_status st = buf_printf(
        text,
        "{\"size\":%llu,\"bytes\":%llu,\"hits\":%llu,\"misses\":%llu,\"evictions\":%llu,"
        "\"stale\":%llu,\"kept\":%llu,\"hitRate\":%llu.%02llu}",
        (unsigned long long)s.materialised, (unsigned long long)s.cached_bytes,
        (unsigned long long)s.hits, (unsigned long long)s.misses, (unsigned long long)s.evictions,
        (unsigned long long)s.stale, (unsigned long long)s.kept,
        (unsigned long long)(asked > 0 ? s.hits / asked : 0),
        (unsigned long long)(asked > 0 ? s.hits * 100 / asked % 100 : 0));
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}
