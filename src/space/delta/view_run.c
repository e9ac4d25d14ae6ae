/* view_run.c - a view on its way: the deltas come by, folds take them, capsules are waited for. */
#include "space/delta/view_fold.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/render_json.h"

#include <stdlib.h>
#include <string.h>

#define FED  16u /* deltas passed by cost as much as one that is parsed */
#define STEP (2u * VIEW_STEP * (FED + 1)) /* VIEW_STEP deltas, both ways */

struct view_run {
    struct view_schema *schema;
    struct hyperview *h;
    struct view_fold *folds;
    size_t next; /* delta to come by */
    bool backwards;
    bool has_read;
    json_t *view;
    struct view_jobs jobs;
    size_t job; /* being waited for */
    struct pando_buf input;
    bool wanting;
    enum pando_status gave;
};

void view_run_free(struct view_run *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; r->folds != NULL && i < r->schema->properties_len; i++)
        view_fold_deinit(&r->folds[i]);
    free(r->folds);
    view_jobs_deinit(&r->jobs);
    json_decref(r->view);
    view_unref(r->schema);
    buf_deinit(&r->input);
    free(r);
}

enum pando_status view_run_new(struct view_schema *s, struct hyperview *h, struct view_run **ret)
{
    struct view_run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return PANDO_NOMEM;
    *r = (struct view_run){ .schema = view_ref(s), .h = h };
    buf_init(&r->input, HYPERVIEW_BYTES_MAX);
    const struct pando_slice id = hyperview_object(h);
    r->folds = calloc(s->properties_len + 1, sizeof *r->folds);
    r->view = json_pack("{s:s%}", "id", id.ptr, id.len);
    enum pando_status st = r->folds != NULL && r->view != NULL ? PANDO_OK : PANDO_NOMEM;
    for (size_t i = 0; st == PANDO_OK && i < s->properties_len; i++)
        st = view_fold_init(&r->folds[i], &s->properties[i]);
    if (st != PANDO_OK) {
        view_run_free(r);
        return st;
    }
    *ret = r;
    return PANDO_OK;
}

/* Whether the fold is fed on this way, and with deltas of that property. */
static bool takes(const struct view_run *r, size_t i, struct pando_slice property)
{
    return view_fold_descends(&r->folds[i]) == r->backwards &&
           slice_equal(slice_text(r->schema->properties[i].source), property);
}

/* Whether some fold takes the delta; `*ret_parse` whether it can make a difference. */
static bool is_wanted(const struct view_run *r, const struct hyperview_item *item,
                      bool *ret_parse)
{
    bool wanted = false;
    *ret_parse = false;
    for (size_t i = 0; i < r->schema->properties_len; i++) {
        if (!takes(r, i, item->property))
            continue;
        wanted = true;
        *ret_parse = *ret_parse || view_fold_wants(&r->folds[i], item->timestamp);
    }
    return wanted;
}

static enum pando_status feed(struct view_run *r, const struct hyperview_item *item)
{
    json_t *delta =
        json_loadb((const char *)item->text.ptr, item->text.len, JSON_ALLOW_NUL, NULL);
    enum pando_status st = delta != NULL ? PANDO_OK : PANDO_NOMEM;
    for (size_t i = 0; st == PANDO_OK && i < r->schema->properties_len; i++)
        if (takes(r, i, item->property))
            st = view_fold_feed(&r->folds[i], delta);
    json_decref(delta);
    return st;
}

/* The next delta on the way; false: it has been gone to its end. */
static bool next_item(struct view_run *r, struct hyperview_item *ret)
{
    const size_t len = hyperview_items(r->h);
    if (r->next >= len)
        return false;
    return hyperview_item(r->h, r->backwards ? len - 1 - r->next++ : r->next++, ret);
}

/* Deltas until the step is used up, forwards and then backwards for those folds that want the
 * latest. One that is passed by costs little, a large one much. */
static enum pando_status read_some(struct view_run *r)
{
    struct hyperview_item item;
    size_t bytes = 0;
    for (size_t used = 0; used < STEP && bytes < VIEW_DELTA_MAX / 4; used++) {
        bool parse;
        if (!next_item(r, &item)) {
            r->has_read = r->backwards;
            if (r->backwards)
                return PANDO_OK;
            r->backwards = true;
            r->next = 0;
            continue;
        }
        if (!is_wanted(r, &item, &parse))
            continue;
        if (item.text.len > VIEW_DELTA_MAX)
            return PANDO_FULL;
        if (!parse)
            continue;
        bytes += item.text.len;
        used += FED;
        const enum pando_status st = feed(r, &item);
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_BUSY;
}

static enum pando_status end_folds(struct view_run *r)
{
    enum pando_status st = PANDO_OK;
    const char *object = json_string_value(json_object_get(r->view, "id"));
    for (size_t i = 0; st == PANDO_OK && i < r->schema->properties_len; i++)
        st = view_fold_end(&r->folds[i], object, r->view, &r->jobs);
    return st;
}

bool view_run_has_read(const struct view_run *r)
{
    return r->has_read;
}

bool view_run_wants(const struct view_run *r, struct pando_slice *ret_capsule,
                    struct pando_slice *ret_input)
{
    if (!r->wanting)
        return false;
    *ret_capsule = slice_text(r->jobs.items[r->job].capsule);
    *ret_input = buf_view(&r->input);
    return true;
}

void view_run_give(struct view_run *r, enum pando_status status, struct pando_slice output)
{
    if (!r->wanting)
        return;
    const struct view_job *job = &r->jobs.items[r->job++];
    json_t *value = NULL;
    r->wanting = false;
    r->gave = status;
    if (status == PANDO_OK)
        r->gave = json_text_parse(output, VIEW_DELTA_MAX, &value, NULL);
    if (r->gave != PANDO_OK)
        return;
    if (json_is_null(value))
        (void)json_object_del(job->holder, job->name);
    else if (json_object_set(job->holder, job->name, value) != 0)
        r->gave = PANDO_NOMEM;
    json_decref(value);
}

static enum pando_status failed(const struct view_run *r, enum pando_status st,
                                struct pando_err *reterr)
{
    if (r->gave != PANDO_OK && r->job > 0)
        return pando_err_set(reterr, r->gave, "the capsule that resolves %.64s gave no value: %s",
                             r->jobs.items[r->job - 1].name, pando_status_text(r->gave));
    if (st == PANDO_FULL)
        return pando_err_set(reterr, st, "the view needs more deltas or bytes than are allowed: "
                                         "resolve fewer properties, or nest less");
    return pando_err_set(reterr, st, "view: %s", pando_status_text(st));
}

enum pando_status view_run_step(struct view_run *r, struct pando_buf *text, struct pando_err *reterr)
{
    enum pando_status st = r->gave;
    if (r->wanting)
        return PANDO_BUSY;
    if (st == PANDO_OK && !r->has_read) {
        st = read_some(r);
        if (st == PANDO_OK)
            st = end_folds(r);
    }
    if (st == PANDO_OK && r->job < r->jobs.len) {
        buf_reset(&r->input);
        st = render_json(&r->input, r->jobs.items[r->job].input);
        r->wanting = st == PANDO_OK;
        st = st == PANDO_OK ? PANDO_BUSY : st;
    }
    if (st == PANDO_OK)
        st = render_json(text, r->view);
    return st == PANDO_OK || st == PANDO_BUSY ? st : failed(r, st, reterr);
}
