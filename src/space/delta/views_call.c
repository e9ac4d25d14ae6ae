/* views_call.c - a call from its arguments to its answer, and the lookup of schemas. */
#include "space/delta/views_private.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

enum pando_status views_arg_text(const struct views_call *c, const char *key, bool required,
                           struct pando_slice *ret, struct pando_err *reterr)
{
    const json_t *value = json_object_get(c->args, key);
    if (value == NULL && !required)
        return PANDO_OK;
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        json_string_length(value) > DELTA_NAME_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "%s: %s must be a text of 1 to %d bytes",
                             c->verb->name, key, DELTA_NAME_MAX);
    *ret = slice_of(json_string_value(value), json_string_length(value));
    return PANDO_OK;
}

enum pando_status views_arg_time(const struct views_call *c, const char *key, bool required, int64_t *ret,
                           struct pando_err *reterr)
{
    const json_t *value = json_object_get(c->args, key);
    if (value == NULL && !required)
        return PANDO_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > DELTA_TIME_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s: %s must be a time in whole milliseconds since 1970",
                             c->verb->name, key);
    *ret = json_integer_value(value);
    return PANDO_OK;
}

enum pando_status views_arg_object(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_text(c, "id", true, &c->object, reterr);
    c->schema_id = slice_text(SCHEMA_PLAIN);
    return st == PANDO_OK ? views_arg_text(c, "schema", false, &c->schema_id, reterr) : st;
}

static void lookup_add(struct views_lookup *l, struct pando_slice id)
{
    const char *text = (const char *)id.ptr;
    if (json_object_getn(l->seen, text, id.len) != NULL)
        return;
    (void)json_object_setn_new(l->seen, text, id.len, json_true());
    (void)json_array_append_new(l->ids, json_stringn(text, id.len));
}

enum pando_status views_lookup_begin(struct views_lookup *l, struct pando_slice id)
{
    l->ids = json_array();
    l->seen = json_object();
    if (l->ids == NULL || l->seen == NULL)
        return PANDO_NOMEM;
    if (id.len > 0)
        lookup_add(l, id);
    return PANDO_OK;
}

void views_lookup_deinit(struct views_lookup *l)
{
    json_decref(l->ids);
    json_decref(l->seen);
    json_decref(l->changed);
    schema_load_free(l->load);
    *l = (struct views_lookup){ .next = 0 };
}

/* Watch the object of a schema from now on: what is read next is not older than that. */
static void watch(struct views *v, struct pando_slice id)
{
    const uint64_t object = touch_hash(id);
    void *dirty;
    bool added;
    if (map_put(&v->watched, &object, &dirty, &added) == PANDO_OK)
        *(uint8_t *)dirty = 0;
    else
        v->unwatched = true;
}

/* Whether the deltas must be asked what this schema is. */
static bool must_read(const struct views *v, const struct views_lookup *l, struct pando_slice id)
{
    const struct schema *s = registry_find(&v->registry, id);
    const uint64_t object = touch_hash(id);
    const uint8_t *dirty = map_find(&v->watched, &object);
    if (schema_primitive_of(id) != SCHEMA_OBJECT || slice_equal(id, slice_text(SCHEMA_PLAIN)))
        return false;
    if (l->force)
        return true;
    if (s != NULL && !s->from_deltas)
        return false;
    return dirty == NULL || *dirty != 0;
}

static void note_changed(struct views_lookup *l, struct pando_slice id)
{
    if (l->changed != NULL)
        (void)json_array_append_new(l->changed, json_stringn((const char *)id.ptr, id.len));
}

/* Put what was read in place of what was known. */
static enum pando_status settle(struct views *v, struct views_lookup *l, struct pando_slice id,
                                struct schema *read, struct pando_err *reterr)
{
    const struct schema *known = registry_find(&v->registry, id);
    if (read == NULL) {
        if (known != NULL && known->from_deltas) {
            (void)registry_del(&v->registry, id);
            note_changed(l, id);
        }
        return PANDO_OK;
    }
    if (known != NULL && known->version == read->version && known->from_deltas &&
        id_equal(&known->hash, &read->hash)) {
        schema_unref(read);
        return PANDO_OK;
    }
    if (known == NULL || !id_equal(&known->hash, &read->hash))
        note_changed(l, id);
    const enum pando_status st = registry_put(&v->registry, read, v->config.validate, reterr);
    if (st != PANDO_OK)
        schema_unref(read);
    return st;
}

static void add_reached(struct views *v, struct views_lookup *l, struct pando_slice id)
{
    const struct schema *s = registry_find(&v->registry, id);
    for (size_t i = 0; s != NULL && i < s->rules_len; i++)
        lookup_add(l, s->rules[i].schema);
}

static enum pando_status read_one(struct views *v, struct views_lookup *l, struct pando_slice id,
                                  struct pando_err *reterr)
{
    struct schema *read = NULL;
    enum pando_status st = PANDO_OK;
    if (l->load == NULL) {
        watch(v, id);
        st = schema_load_new(&v->config.source, id, &l->load);
    }
    if (st == PANDO_OK)
        st = schema_load_step(l->load, &read);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st == PANDO_BUSY ? st
                                : pando_err_set(reterr, st, "schema %.*s: %s", (int)(id.len % 200),
                                                (const char *)id.ptr, pando_status_text(st));
    schema_load_free(l->load);
    l->load = NULL;
    return settle(v, l, id, read, reterr);
}

enum pando_status views_lookup_step(struct views *v, struct views_lookup *l, struct pando_err *reterr)
{
    for (unsigned looked = 0; l->next < json_array_size(l->ids); l->next++) {
        const json_t *text = json_array_get(l->ids, l->next);
        const struct pando_slice id = slice_of(json_string_value(text), json_string_length(text));
        if (l->load != NULL || must_read(v, l, id)) {
            if (looked++ == 16)
                return PANDO_BUSY;
            const enum pando_status st = read_one(v, l, id, reterr);
            if (st != PANDO_OK)
                return st;
        }
        add_reached(v, l, id);
    }
    return PANDO_OK;
}

/* The call's schema, looked up unless nothing can have changed since the last time. */
static enum pando_status see(struct views_call *c, struct pando_err *reterr)
{
    struct views *v = c->v;
    struct schema *s = registry_find(&v->registry, c->schema_id);
    enum pando_status st = PANDO_OK;
    const uint64_t resolution = v->resolution + v->registry.generation;
    if (s == NULL || s->resolved_of != resolution || c->lookup.ids != NULL) {
        if (c->lookup.ids == NULL)
            st = views_lookup_begin(&c->lookup, c->schema_id);
        if (st == PANDO_OK)
            st = views_lookup_step(v, &c->lookup, reterr);
        if (st != PANDO_OK)
            return st;
        s = registry_find(&v->registry, c->schema_id);
        if (s == NULL)
            return pando_err_set(reterr, PANDO_NOT_FOUND,
                                 "%s: schema %.*s is not registered and no delta says it: "
                                 "schema.register it", c->verb->name, (int)(c->schema_id.len % 200),
                                 (const char *)c->schema_id.ptr);
        s->resolved_of = v->resolution + v->registry.generation;
    }
    c->schema = schema_ref(s);
    return PANDO_OK;
}

static const struct views_verb *verb_of(const char *name)
{
    for (size_t i = 0; i < VIEWS_TABLE_LEN; i++)
        if (strcmp(VIEWS_TABLE[i].name, name) == 0)
            return &VIEWS_TABLE[i];
    return NULL;
}

enum pando_status views_call_new(struct views *v, const char *verb, const json_t *args,
                                 struct views_call **ret, struct pando_err *reterr)
{
    const struct views_verb *known = verb_of(verb);
    if (known == NULL)
        return pando_err_set(reterr, PANDO_UNSUPPORTED, "%.64s is no verb of views", verb);
    if (args != NULL && !json_is_object(args))
        return pando_err_set(reterr, PANDO_INVALID, "%s: the arguments must be an object", verb);
    if (v->calls >= VIEWS_CALLS_MAX)
        return pando_err_set(reterr, PANDO_FULL, "%s: %d calls are under way: try again", verb,
                             VIEWS_CALLS_MAX);
    struct views_call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "%s: memory is out", verb);
    *c = (struct views_call){ .v = v, .verb = known, .at = INT64_MAX, .to = INT64_MAX };
    c->args = args != NULL ? json_incref((json_t *)args) : json_object();
    buf_init(&c->out, VIEWS_ANSWER_MAX);
    v->calls++;
    const enum pando_status st = known->begin(c, reterr);
    if (st != PANDO_OK) {
        views_call_free(c);
        return st;
    }
    *ret = c;
    return PANDO_OK;
}

enum pando_status views_call_failed(const struct views_call *c, enum pando_status st,
                              struct pando_err *reterr)
{
    if (st == PANDO_FULL)
        return pando_err_set(reterr, st, "%s: the answer is larger than is allowed: ask for less",
                             c->verb->name);
    return pando_err_set(reterr, st, "%s: %s", c->verb->name, pando_status_text(st));
}

enum pando_status views_call_build(struct views_call *c, int64_t t, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    if (c->build == NULL) {
        c->began = c->v->cache.touched;
        st = hyperview_new(&c->v->config.source, &c->v->registry, c->schema, c->object, t, &c->build);
    }
    if (st == PANDO_OK)
        st = hyperview_step(c->build);
    return st == PANDO_OK || st == PANDO_BUSY ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_call_step(struct views_call *c, struct pando_buf *text,
                                  struct pando_err *reterr)
{
    const size_t before = text->len;
    enum pando_status st = PANDO_OK;
    if (c->verb->sees && c->schema == NULL)
        st = see(c, reterr);
    if (st == PANDO_OK)
        st = c->verb->step(c, text, reterr);
    if (st != PANDO_OK)
        text->len = before;
    return st;
}

bool views_call_wants(const struct views_call *c, struct pando_slice *ret_capsule,
                      struct pando_slice *ret_input)
{
    return c->run != NULL && view_run_wants(c->run, ret_capsule, ret_input);
}

void views_call_give(struct views_call *c, enum pando_status status, struct pando_slice output)
{
    if (c->run != NULL)
        view_run_give(c->run, status, output);
}

void views_call_free(struct views_call *c)
{
    if (c == NULL)
        return;
    c->v->calls--;
    views_lookup_deinit(&c->lookup);
    view_run_free(c->run);
    hyperview_free(c->build);
    hyperview_free(c->before);
    view_unref(c->view);
    travel_timeline_deinit(&c->timeline);
    travel_count_deinit(&c->count);
    travel_changes_deinit(&c->changes);
    object_walk_deinit(&c->walk);
    schema_unref(c->schema);
    json_decref(c->args);
    buf_deinit(&c->out);
    free(c);
}
