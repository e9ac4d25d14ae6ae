/* views_read.c - hyperviews and views, now and as of a time. */
#include "space/delta/views_private.h"

#include "base/slice.h"

enum pando_status views_hyperview_begin(struct views_call *c, struct pando_err *reterr)
{
    return views_arg_object(c, reterr);
}

/* Kept views are answered from the bytes that are there. */
enum pando_status views_hyperview_step(struct views_call *c, struct pando_buf *text,
                                      struct pando_err *reterr)
{
    struct views *v = c->v;
    struct pando_slice kept;
    enum pando_status st = PANDO_NOT_FOUND;
    if (c->build == NULL)
        st = view_cache_text(&v->cache, &v->registry, c->schema, c->object, &kept);
    if (st == PANDO_OK)
        st = buf_append(text, kept);
    if (st != PANDO_NOT_FOUND)
        return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
    st = views_call_build(c, INT64_MAX, reterr);
    if (st != PANDO_OK)
        return st;
    st = hyperview_text(c->build, true, text);
    view_cache_put(&v->cache, &v->registry, &c->build, c->began);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_at_begin(struct views_call *c, struct pando_err *reterr)
{
    const enum pando_status st = views_arg_object(c, reterr);
    return st == PANDO_OK ? views_arg_time(c, "at", true, &c->at, reterr) : st;
}

enum pando_status views_at_step(struct views_call *c, struct pando_buf *text,
                               struct pando_err *reterr)
{
    enum pando_status st = views_call_build(c, c->at, reterr);
    if (st != PANDO_OK)
        return st;
    st = hyperview_text(c->build, true, text);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

static struct view_schema *known_view(const struct views *v, struct pando_slice id)
{
    for (size_t i = 0; i < v->views_len; i++)
        if (slice_equal(slice_text(v->views[i]->id), id))
            return v->views[i];
    return NULL;
}

enum pando_status views_view_begin(struct views_call *c, struct pando_err *reterr)
{
    const json_t *view = json_object_get(c->args, "view");
    struct pando_slice id = SLICE_EMPTY;
    enum pando_status st = views_arg_object(c, reterr);
    if (st == PANDO_OK)
        st = views_arg_time(c, "at", false, &c->at, reterr);
    if (st == PANDO_OK && json_is_object(view))
        return view_from_json(view, &c->view, reterr);
    if (st == PANDO_OK && view == NULL) { /* the schema's, where there is one; else the plain one */
        struct view_schema *of_schema = known_view(c->v, c->schema_id);
        c->view = of_schema != NULL ? view_ref(of_schema) : NULL;
        return PANDO_OK;
    }
    if (st == PANDO_OK)
        st = views_arg_text(c, "view", true, &id, reterr);
    if (st != PANDO_OK)
        return st;
    struct view_schema *known = known_view(c->v, id);
    if (known == NULL)
        return pando_err_set(reterr, PANDO_NOT_FOUND,
                             "view: no view %.*s is registered: schema.register {\"view\": ...}",
                             (int)(id.len % 200), (const char *)id.ptr);
    c->view = view_ref(known);
    return PANDO_OK;
}

/* Where no view is named its properties are those that the object has. */
static enum pando_status run_over(struct views_call *c, struct hyperview *h,
                                  struct pando_err *reterr)
{
    enum pando_status st = c->view == NULL ? view_plain(h, &c->view, reterr) : PANDO_OK;
    if (st != PANDO_OK)
        return st;
    st = view_run_new(c->view, h, &c->run);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

/* A small kept hyperview is resolved at once; what takes longer is resolved over a build of
 * the call's own, since a kept one may go between two turns. */
static enum pando_status try_kept(struct views_call *c, struct pando_buf *text,
                                  struct pando_err *reterr)
{
    struct hyperview *h = c->at != INT64_MAX ? NULL
                                             : view_cache_find(&c->v->cache, &c->v->registry, c->schema,
                                                          c->object);
    if (h == NULL || hyperview_items(h) >= VIEW_STEP)
        return PANDO_NOT_FOUND;
    enum pando_status st = run_over(c, h, reterr);
    if (st == PANDO_OK)
        st = view_run_step(c->run, text, reterr);
    if (st != PANDO_BUSY || view_run_has_read(c->run))
        return st;
    view_run_free(c->run);
    c->run = NULL;
    return PANDO_NOT_FOUND;
}

enum pando_status views_view_step(struct views_call *c, struct pando_buf *text,
                                 struct pando_err *reterr)
{
    enum pando_status st;
    if (c->run == NULL && c->build == NULL) {
        st = try_kept(c, text, reterr);
        if (st != PANDO_NOT_FOUND)
            return st;
    }
    if (c->run == NULL) {
        st = views_call_build(c, c->at, reterr);
        if (st == PANDO_OK)
            st = run_over(c, c->build, reterr);
        if (st != PANDO_OK)
            return st;
    }
    st = view_run_step(c->run, text, reterr);
    if (view_run_has_read(c->run) && c->build != NULL && c->at == INT64_MAX)
        view_cache_put(&c->v->cache, &c->v->registry, &c->build, c->began);
    return st;
}
