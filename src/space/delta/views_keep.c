/* views_keep.c - what a call changes among the registered schemas and views, for whoever keeps
 * them, and how they come back; and the verb that removes one. */
#include "space/delta/views_private.h"

#include "base/slice.h"

#include <string.h>

/* --- schema.rm --- */

enum { REMOVED_SCHEMA = 1, REMOVED_VIEW };

enum pando_status views_rm_begin(struct views_call *c, struct pando_err *reterr)
{
    return views_arg_text(c, "id", true, &c->name, reterr);
}

/* What deltas say of it counts again. */
static void remove_schema(struct views *v, struct pando_slice id)
{
    const uint64_t object = touch_hash(id);
    uint8_t *dirty = map_find(&v->watched, &object);
    if (dirty != NULL)
        *dirty = 1;
    (void)registry_del(&v->registry, id);
    v->resolution++;
}

static bool remove_view(struct views *v, struct pando_slice id)
{
    for (size_t i = 0; i < v->views_len; i++) {
        if (!slice_equal(slice_text(v->views[i]->id), id))
            continue;
        view_unref(v->views[i]);
        v->views[i] = v->views[--v->views_len];
        v->views[v->views_len] = NULL;
        return true;
    }
    return false;
}

enum pando_status views_rm_step(struct views_call *c, struct pando_buf *text,
                                struct pando_err *reterr)
{
    const struct schema *s = registry_find(&c->v->registry, c->name);
    const int len = (int)(c->name.len % 200);
    if (slice_equal(c->name, slice_text(SCHEMA_PLAIN)))
        return pando_err_set(reterr, PANDO_INVALID, "schema.rm: " SCHEMA_PLAIN " is built in");
    if (s != NULL && !s->from_deltas) {
        remove_schema(c->v, c->name);
        c->stage = REMOVED_SCHEMA;
    } else if (remove_view(c->v, c->name)) {
        c->stage = REMOVED_VIEW;
    } else if (s != NULL) {
        return pando_err_set(reterr, PANDO_INVALID,
                             "schema.rm: deltas say what %.*s is: negate them instead", len,
                             (const char *)c->name.ptr);
    } else {
        return pando_err_set(reterr, PANDO_NOT_FOUND,
                             "schema.rm: %.*s is not registered: schema.ls lists what is", len,
                             (const char *)c->name.ptr);
    }
    return buf_append(text, slice_text("{}"));
}

/* --- what changed --- */

/* All of it, so that reading it again gives the same schema. */
static json_t *whole_schema(const struct schema *s)
{
    json_t *json = json_copy(s->normal);
    if (json != NULL)
        (void)json_object_set_new(json, "version", json_integer((json_int_t)s->version));
    return json;
}

static bool registered(const struct views_call *c, struct views_change *ret)
{
    if (c->view != NULL)
        *ret = (struct views_change){ true, slice_text(c->view->id),
                                      json_incref(c->view->definition) };
    else
        *ret = (struct views_change){ false, c->schema->id, whole_schema(c->schema) };
    return true;
}

/* A schema that is read from deltas from now on. */
static bool next_loaded(const struct views_call *c, size_t *at, struct views_change *ret)
{
    while (*at < json_array_size(c->lookup.ids)) {
        const json_t *id = json_array_get(c->lookup.ids, (*at)++);
        *ret = (struct views_change){ false, slice_of(json_string_value(id),
                                                      json_string_length(id)), NULL };
        const struct schema *s = registry_find(&c->v->registry, ret->name);
        if (s == NULL || s->from_deltas)
            return true;
    }
    return false;
}

bool views_call_change(const struct views_call *c, size_t *at, struct views_change *ret)
{
    if (c->verb->step == views_load_step)
        return next_loaded(c, at, ret);
    if ((*at)++ > 0)
        return false;
    if (c->verb->step == views_register_step)
        return registered(c, ret);
    *ret = (struct views_change){ c->stage == REMOVED_VIEW, c->name, NULL };
    return c->verb->step == views_rm_step && c->stage != 0;
}

bool views_call_removes(const struct views_call *c, struct pando_slice *ret_name)
{
    *ret_name = c->name;
    return c->verb->step == views_rm_step;
}

/* --- coming back --- */

enum pando_status views_restore(struct views *v, bool view, const json_t *definition,
                                struct pando_err *reterr)
{
    struct schema *schema = NULL;
    if (!view) {
        enum pando_status st = schema_from_json(definition, &schema, reterr);
        if (st != PANDO_OK)
            return st;
        st = registry_put(&v->registry, schema, false, reterr); /* it was looked at when it came */
        if (st != PANDO_OK)
            schema_unref(schema);
        return st;
    }
    if (v->views_len == VIEWS_VIEWS_MAX)
        return pando_err_set(reterr, PANDO_FULL, "%d views are registered, which is the limit",
                             VIEWS_VIEWS_MAX);
    const enum pando_status st = view_from_json(definition, &v->views[v->views_len], reterr);
    v->views_len += st == PANDO_OK;
    return st;
}
