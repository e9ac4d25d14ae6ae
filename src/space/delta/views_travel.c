/* views_travel.c - the verbs of time travel. */
#include "space/delta/views_private.h"

#include "base/slice.h"
#include "space/delta/delta_json.h"
#include "space/delta/negate.h"
#include "space/delta/render.h"

static enum pando_status arg_range(struct views_call *c, struct pando_err *reterr)
{
    c->from = 0;
    c->to = INT64_MAX;
    enum pando_status st = views_arg_time(c, "start", false, &c->from, reterr);
    return st == PANDO_OK ? views_arg_time(c, "end", false, &c->to, reterr) : st;
}

static enum pando_status begin_timeline(struct views_call *c, struct pando_err *reterr)
{
    const enum pando_status st =
        travel_timeline_init(&c->timeline, &c->v->config.source, c->object, c->from, c->to);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

static enum pando_status put_member(struct pando_buf *b, const char *before, struct pando_slice text)
{
    const enum pando_status st = render_literal(b, before);
    return st == PANDO_OK ? render_text(b, text) : st;
}

enum pando_status views_timeline_begin(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_object(c, reterr);
    if (st == PANDO_OK)
        st = arg_range(c, reterr);
    return st == PANDO_OK ? begin_timeline(c, reterr) : st;
}

enum pando_status views_timeline_step(struct views_call *c, struct pando_buf *text,
                                     struct pando_err *reterr)
{
    enum pando_status st = travel_timeline_step(&c->timeline);
    if (st == PANDO_BUSY)
        return st;
    const struct times *times = &c->timeline.times;
    if (st == PANDO_OK)
        st = put_member(text, "{\"id\":", c->object);
    if (st == PANDO_OK)
        st = render_literal(text, ",\"timestamps\":[");
    for (size_t i = 0; st == PANDO_OK && i < times->len; i++) {
        st = i > 0 ? render_literal(text, ",") : PANDO_OK;
        if (st == PANDO_OK)
            st = render_integer(text, times->items[i]);
    }
    if (st == PANDO_OK)
        st = render_literal(text, "]}");
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_count_begin(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_time(c, "at", false, &c->at, reterr);
    if (st != PANDO_OK)
        return st;
    st = travel_count_init(&c->count, &c->v->config.source, c->at);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

/* Both `snapshot` and `stats_at`. */
enum pando_status views_count_step(struct views_call *c, struct pando_buf *text,
                                  struct pando_err *reterr)
{
    enum pando_status st = travel_count_step(&c->count);
    if (st == PANDO_BUSY)
        return st;
    const struct travel_count *n = &c->count;
    const unsigned long long total = n->total, negated = n->negated;
    if (st == PANDO_OK && c->at != INT64_MAX)
        st = buf_printf(text, "{\"timestamp\":%lld,", (long long)c->at);
    else if (st == PANDO_OK)
        st = render_literal(text, "{");
    if (st == PANDO_OK && c->verb->name[1] == 'n')
        st = buf_printf(text, "\"deltaCount\":%llu,\"negatedCount\":%llu}", total - negated, negated);
    else if (st == PANDO_OK)
        st = buf_printf(text,
                        "\"total\":%llu,\"negated\":%llu,\"active\":%llu,\"uniqueAuthors\":%zu,"
                        "\"uniqueSystems\":%zu}",
                        total, negated, total - negated, n->authors.len, n->systems.len);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_replay_begin(struct views_call *c, struct pando_err *reterr)
{
    const json_t *max = json_object_get(c->args, "maxSnapshots");
    enum pando_status st = views_arg_object(c, reterr);
    if (st == PANDO_OK)
        st = arg_range(c, reterr);
    if (st == PANDO_OK && max != NULL &&
        (!json_is_integer(max) || json_integer_value(max) < 1 ||
         json_integer_value(max) > TRAVEL_REPLAY_MAX))
        st = pando_err_set(reterr, PANDO_INVALID,
                           "replay: maxSnapshots must be a whole number from 1 to %d",
                           TRAVEL_REPLAY_MAX);
    c->max = max == NULL ? 100 : (uint32_t)json_integer_value(max);
    return st == PANDO_OK ? begin_timeline(c, reterr) : st;
}

static enum pando_status replay_one(struct views_call *c, struct pando_err *reterr)
{
    const int64_t t = c->timeline.times.items[c->next];
    enum pando_status st = views_call_build(c, t, reterr);
    if (st != PANDO_OK)
        return st;
    st = buf_printf(&c->out, "%s{\"timestamp\":%lld,\"hyperview\":", c->next > 0 ? "," : "",
                    (long long)t);
    if (st == PANDO_OK)
        st = hyperview_text(c->build, true, &c->out);
    if (st == PANDO_OK)
        st = render_literal(&c->out, "}");
    hyperview_free(c->build);
    c->build = NULL;
    c->next++;
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_replay_step(struct views_call *c, struct pando_buf *text,
                                   struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    const struct times *times = &c->timeline.times;
    if (c->stage == 0) {
        st = travel_timeline_step(&c->timeline);
        if (st != PANDO_OK)
            return st == PANDO_BUSY ? st : views_call_failed(c, st, reterr);
        travel_times_sample(&c->timeline.times, c->max);
        c->stage = 1;
        return PANDO_BUSY;
    }
    if (c->next < times->len) {
        st = replay_one(c, reterr);
        return st == PANDO_OK ? PANDO_BUSY : st;
    }
    st = put_member(text, "{\"id\":", c->object);
    if (st == PANDO_OK)
        st = render_literal(text, ",\"snapshots\":[");
    if (st == PANDO_OK)
        st = buf_append(text, buf_view(&c->out));
    if (st == PANDO_OK)
        st = render_literal(text, "]}");
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_changes_begin(struct views_call *c, struct pando_err *reterr)
{
    const enum pando_status st = views_arg_object(c, reterr);
    return st == PANDO_OK ? views_arg_text(c, "property", true, &c->name, reterr) : st;
}

static enum pando_status put_change(const struct travel_changes *all, size_t i, struct pando_buf *b)
{
    static const char *const kinds[] = { "added", "negated", "restored" };
    const struct travel_change *one = &all->items[i];
    const struct pando_slice said = slice_of(all->text.ptr + one->text, one->text_len);
    enum pando_status st =
        buf_printf(b, "%s{\"timestamp\":%lld,\"change\":\"%s\",", i > 0 ? "," : "",
                   (long long)one->time, kinds[one->kind]);
    if (st == PANDO_OK)
        st = buf_append(b, said);
    return st == PANDO_OK ? render_literal(b, "}") : st;
}

enum pando_status views_changes_step(struct views_call *c, struct pando_buf *text,
                                    struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    if (c->changes.schema == NULL)
        st = travel_changes_init(&c->changes, &c->v->config.source, c->schema, c->object, c->name);
    if (st == PANDO_OK)
        st = travel_changes_step(&c->changes);
    if (st == PANDO_BUSY)
        return st;
    if (st == PANDO_OK)
        st = put_member(text, "{\"id\":", c->object);
    if (st == PANDO_OK)
        st = put_member(text, ",\"property\":", c->name);
    if (st == PANDO_OK)
        st = render_literal(text, ",\"changes\":[");
    for (size_t i = 0; st == PANDO_OK && i < c->changes.len; i++)
        st = put_change(&c->changes, i, text);
    if (st == PANDO_OK)
        st = render_literal(text, "]}");
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_compare_begin(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_object(c, reterr);
    if (st == PANDO_OK)
        st = views_arg_time(c, "from", true, &c->from, reterr);
    return st == PANDO_OK ? views_arg_time(c, "to", true, &c->to, reterr) : st;
}

static enum pando_status put_compared(struct views_call *c, struct pando_buf *text)
{
    enum pando_status st = put_member(text, "{\"id\":", c->object);
    if (st == PANDO_OK)
        st = render_literal(text, ",\"before\":");
    if (st == PANDO_OK)
        st = hyperview_text(c->before, true, text);
    if (st == PANDO_OK)
        st = render_literal(text, ",\"after\":");
    if (st == PANDO_OK)
        st = hyperview_text(c->build, true, text);
    if (st == PANDO_OK)
        st = render_literal(text, ",");
    if (st == PANDO_OK)
        st = travel_differ(c->before, c->build, text);
    return st == PANDO_OK ? render_literal(text, "}") : st;
}

enum pando_status views_compare_step(struct views_call *c, struct pando_buf *text,
                                    struct pando_err *reterr)
{
    enum pando_status st = views_call_build(c, c->before == NULL ? c->from : c->to, reterr);
    if (st != PANDO_OK)
        return st;
    if (c->before == NULL) {
        c->before = c->build;
        c->build = NULL;
        return PANDO_BUSY;
    }
    st = put_compared(c, text);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_origin_begin(struct views_call *c, struct pando_err *reterr)
{
    enum pando_status st = views_arg_object(c, reterr);
    if (st != PANDO_OK)
        return st;
    st = object_walk_init(&c->walk, &c->v->config.source, c->object, INT64_MIN, INT64_MAX);
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}

enum pando_status views_origin_step(struct views_call *c, struct pando_buf *text,
                                   struct pando_err *reterr)
{
    bool negated = false;
    enum pando_status st = object_walk_next(&c->walk);
    if (st == PANDO_NOT_FOUND)
        return pando_err_set(reterr, st, "origin: no delta is about %.*s",
                             (int)(c->object.len % 200), (const char *)c->object.ptr);
    if (st == PANDO_OK)
        st = negate_is(&c->v->config.source, c->walk.d.id, NEGATE_NOW, &negated);
    if (st == PANDO_BUSY)
        return st;
    if (st == PANDO_OK)
        st = put_member(text, "{\"id\":", c->object);
    if (st == PANDO_OK)
        st = buf_printf(text, ",\"timestamp\":%lld", (long long)c->walk.d.timestamp);
    if (st == PANDO_OK)
        st = put_member(text, ",\"author\":", c->walk.d.author);
    if (st == PANDO_OK)
        st = put_member(text, ",\"system\":", c->walk.d.system);
    if (st == PANDO_OK)
        st = buf_printf(text, ",\"negated\":%s,\"delta\":", negated ? "true" : "false");
    if (st == PANDO_OK)
        st = delta_to_json(&c->walk.d, text);
    if (st == PANDO_OK)
        st = render_literal(text, "}");
    return st == PANDO_OK ? st : views_call_failed(c, st, reterr);
}
