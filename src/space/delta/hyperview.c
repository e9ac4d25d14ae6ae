/* hyperview.c - the build: a stack of objects being looked at, one frame per nesting. */
#include "space/delta/hyperview_parts.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/negate.h"
#include "space/delta/render.h"
#include "space/delta/touch.h"

#include <stdlib.h>
#include <string.h>

/* One object being looked at. */
struct frame {
    struct schema *schema;
    struct parts parts;
    struct filter filter; /* the object's deltas up to t; borrows `object` */
    struct pando_slice object;
    struct delta_place place;
    struct pando_buf held; /* canonical bytes of a delta whose pointers are being nested */
    struct delta_room *room;
    struct delta delta;
    bool nesting;     /* `delta` is half printed */
    size_t at;        /* its pointer to be printed next */
    size_t start;     /* where its text begins */
    struct pando_slice picks[SCHEMA_PICKS_MAX];
    size_t picks_len;
};

struct hyperview {
    struct delta_source source;
    const struct registry *registry;
    struct schema *schema;
    int64_t t;
    struct frame *frames[HYPERVIEW_DEPTH_MAX + 1];
    size_t depth; /* frames in use; 0: done */
    struct parts parts;
    struct pando_buf object;
    uint64_t *objects;
    size_t objects_len, objects_cap;
    size_t looked_at;
    bool holds_itself; /* the object is nested in its own view, under another schema */
};

static void frame_free(struct frame *f)
{
    if (f == NULL)
        return;
    schema_unref(f->schema);
    parts_deinit(&f->parts);
    buf_deinit(&f->held);
    free(f->filter.target_ids.items);
    free((void *)(uintptr_t)f->object.ptr);
    free(f->room);
    free(f);
}

static enum pando_status note_object(struct hyperview *h, struct pando_slice object)
{
    const uint64_t hash = touch_hash(object);
    for (size_t i = 0; i < h->objects_len && i < 64; i++)
        if (h->objects[i] == hash)
            return PANDO_OK; /* doubles among the others are found when it is kept */
    if (h->objects_len == h->objects_cap) {
        const size_t cap = h->objects_cap == 0 ? 4 : h->objects_cap * 2;
        uint64_t *objects = realloc(h->objects, cap * sizeof *objects);
        if (objects == NULL)
            return PANDO_NOMEM;
        h->objects = objects;
        h->objects_cap = cap;
    }
    h->objects[h->objects_len++] = hash;
    return PANDO_OK;
}

static enum pando_status push(struct hyperview *h, struct schema *schema, struct pando_slice object)
{
    struct frame *f = calloc(1, sizeof *f);
    if (f == NULL)
        return PANDO_NOMEM;
    f->schema = schema_ref(schema);
    parts_init(&f->parts);
    buf_init(&f->held, DELTA_BYTES_MAX);
    filter_init(&f->filter);
    uint8_t *copy = malloc(object.len + 1);
    f->object = slice_of(copy, object.len);
    f->filter.target_ids.items = malloc(sizeof(struct pando_slice));
    enum pando_status st = note_object(h, object);
    if (copy == NULL || f->filter.target_ids.items == NULL || st != PANDO_OK) {
        frame_free(f);
        return PANDO_NOMEM;
    }
    memcpy(copy, object.ptr, object.len);
    f->filter.target_ids.items[0] = f->object;
    f->filter.target_ids.len = 1;
    f->filter.end = h->t;
    f->filter.include_negated = true;
    f->filter.unnamed = true;
    h->holds_itself =
        h->holds_itself || (h->depth > 0 && slice_equal(object, buf_view(&h->object)));
    h->frames[h->depth++] = f;
    return PANDO_OK;
}

enum pando_status hyperview_new(const struct delta_source *source, const struct registry *registry,
                                struct schema *schema, struct pando_slice object, int64_t t,
                                struct hyperview **ret)
{
    struct hyperview *h = calloc(1, sizeof *h);
    if (h == NULL)
        return PANDO_NOMEM;
    *h = (struct hyperview){ .source = *source, .registry = registry, .t = t };
    h->schema = schema_ref(schema);
    parts_init(&h->parts);
    buf_init(&h->object, DELTA_NAME_MAX);
    enum pando_status st = buf_append(&h->object, object);
    if (st == PANDO_OK)
        st = push(h, schema, object);
    if (st != PANDO_OK) {
        hyperview_free(h);
        return st;
    }
    *ret = h;
    return PANDO_OK;
}

void hyperview_free(struct hyperview *h)
{
    if (h == NULL)
        return;
    while (h->depth > 0)
        frame_free(h->frames[--h->depth]);
    parts_deinit(&h->parts);
    buf_deinit(&h->object);
    schema_unref(h->schema);
    free(h->objects);
    free(h);
}

/* The schema through which the target of `p` is to be shown; NULL: as it is. */
static struct schema *nested_schema(const struct registry *r, const struct schema *schema,
                                    struct pando_slice object, const struct delta *d,
                                    const struct delta_pointer *p)
{
    if (p->kind != DELTA_REF || slice_equal(p->text, object))
        return NULL;
    const struct schema_rule *rule = schema_rule_for(schema, d, p);
    return rule == NULL ? NULL : registry_find(r, rule->schema);
}

static bool is_on_path(const struct hyperview *h, const struct schema *schema,
                       struct pando_slice object)
{
    for (size_t i = 0; i < h->depth; i++)
        if (slice_equal(h->frames[i]->schema->id, schema->id) &&
            slice_equal(h->frames[i]->object, object))
            return true;
    return false;
}

static bool nests(const struct registry *r, const struct schema *schema, struct pando_slice object,
                  const struct delta *d)
{
    for (size_t i = 0; schema->rules_len > 0 && i < d->pointers_len; i++)
        if (nested_schema(r, schema, object, d, &d->pointers[i]) != NULL)
            return true;
    return false;
}

/* What follows a target: the mark of a primitive schema that is not satisfied. */
static enum pando_status end_pointer(struct pando_buf *b, const struct schema *schema,
                                     const struct delta *d, const struct delta_pointer *p)
{
    const struct schema_rule *rule = schema_rule_for(schema, d, p);
    const enum schema_primitive kind =
        rule == NULL ? SCHEMA_OBJECT : schema_primitive_of(rule->schema);
    enum pando_status st = PANDO_OK;
    if (kind != SCHEMA_OBJECT && !schema_validates(kind, p)) {
        st = render_literal(b, ",\"invalid\":");
        if (st == PANDO_OK)
            st = render_text(b, rule->schema);
    }
    return st == PANDO_OK ? render_literal(b, "}") : st;
}

static enum pando_status print_pointer(struct pando_buf *b, const struct schema *schema,
                                       const struct delta *d, size_t at)
{
    const struct delta_pointer *p = &d->pointers[at];
    enum pando_status st = at > 0 ? render_literal(b, ",") : PANDO_OK;
    if (st == PANDO_OK)
        st = render_role(b, p);
    if (st == PANDO_OK)
        st = render_target(b, p);
    return st == PANDO_OK ? end_pointer(b, schema, d, p) : st;
}

/* The whole text of a delta in which nothing nests. */
static enum pando_status print_flat(struct pando_buf *b, const struct schema *schema,
                                    const struct delta *d)
{
    enum pando_status st = render_head(b, d);
    for (size_t i = 0; st == PANDO_OK && i < d->pointers_len; i++)
        st = print_pointer(b, schema, d, i);
    return st == PANDO_OK ? render_literal(b, "]}") : st;
}

/* Keep a delta about which the source may be asked meanwhile. */
static enum pando_status hold(struct frame *f, const struct delta *d)
{
    if (f->room == NULL)
        f->room = malloc(sizeof *f->room);
    if (f->room == NULL)
        return PANDO_NOMEM;
    buf_reset(&f->held);
    enum pando_status st = buf_append(&f->held, d->bytes);
    return st == PANDO_OK ? delta_decode(buf_view(&f->held), f->room, &f->delta) : st;
}

/* A delta of the object that was not looked at before. It is printed before negation is asked
 * about, since `d` does not outlive that question. */
static enum pando_status take_flat(struct hyperview *h, struct frame *f, const struct delta *d)
{
    struct parts *p = &f->parts;
    struct pando_slice picks[SCHEMA_PICKS_MAX];
    const size_t picks_len = schema_select(f->schema, f->object, d, picks, SCHEMA_PICKS_MAX);
    if (picks_len == 0)
        return PANDO_OK;
    const struct parts_mark before = parts_mark(p);
    enum pando_status st = print_flat(&p->text, f->schema, d);
    for (size_t i = 0; st == PANDO_OK && i < picks_len; i++)
        st = parts_file(p, picks[i], d, before.text);
    buf_reset(&f->held);
    if (st == PANDO_OK)
        st = buf_append(&f->held, d->id);
    const int64_t timestamp = d->timestamp;
    bool negated = false;
    if (st == PANDO_OK)
        st = negate_is(&h->source, buf_view(&f->held), h->t, &negated);
    if (st == PANDO_OK && negated)
        parts_back(p, before);
    else if (st == PANDO_OK)
        parts_count(p, timestamp);
    return st;
}

static enum pando_status take_nesting(struct hyperview *h, struct frame *f, const struct delta *d)
{
    bool negated = false;
    enum pando_status st = hold(f, d);
    if (st == PANDO_OK)
        st = negate_is(&h->source, f->delta.id, h->t, &negated);
    if (st != PANDO_OK || negated)
        return st;
    f->picks_len = schema_select(f->schema, f->object, &f->delta, f->picks, SCHEMA_PICKS_MAX);
    if (f->picks_len == 0)
        return PANDO_OK;
    f->start = f->parts.text.len;
    f->at = 0;
    f->nesting = true;
    return render_head(&f->parts.text, &f->delta);
}

/* Print pointers up to one that nests, whose frame is pushed. */
static enum pando_status go_on_nesting(struct hyperview *h, struct frame *f)
{
    enum pando_status st = PANDO_OK;
    while (st == PANDO_OK && f->at < f->delta.pointers_len) {
        const size_t at = f->at++;
        const struct delta_pointer *p = &f->delta.pointers[at];
        struct schema *s = nested_schema(h->registry, f->schema, f->object, &f->delta, p);
        if (s == NULL || h->depth > HYPERVIEW_DEPTH_MAX || is_on_path(h, s, p->text)) {
            st = print_pointer(&f->parts.text, f->schema, &f->delta, at);
            continue;
        }
        st = at > 0 ? render_literal(&f->parts.text, ",") : PANDO_OK;
        if (st == PANDO_OK)
            st = render_role(&f->parts.text, p);
        return st == PANDO_OK ? push(h, s, p->text) : st;
    }
    if (st == PANDO_OK)
        st = render_literal(&f->parts.text, "]}");
    for (size_t i = 0; st == PANDO_OK && i < f->picks_len; i++)
        st = parts_file(&f->parts, f->picks[i], &f->delta, f->start);
    if (st == PANDO_OK)
        parts_count(&f->parts, f->delta.timestamp);
    f->nesting = false;
    return st;
}

/* The object of the last frame is done: its text becomes the target in the one before. */
static enum pando_status pop(struct hyperview *h)
{
    struct frame *f = h->frames[h->depth - 1];
    enum pando_status st = PANDO_OK;
    if (h->depth == 1) {
        parts_deinit(&h->parts);
        h->parts = f->parts;
        parts_init(&f->parts);
    } else {
        struct parts *above = &h->frames[h->depth - 2]->parts;
        st = parts_print(&f->parts, f->object, NULL, &above->text);
        if (st == PANDO_OK)
            st = render_literal(&above->text, "}");
        if (above->latest < f->parts.latest)
            above->latest = f->parts.latest;
    }
    h->depth--;
    frame_free(f);
    return st;
}

static enum pando_status look(struct hyperview *h, struct frame *f)
{
    struct delta d;
    enum pando_status st = source_next(&h->source, &f->filter, false, &f->place, &d);
    if (st == PANDO_NOT_FOUND)
        return pop(h);
    if (st != PANDO_OK)
        return st;
    if (++h->looked_at > HYPERVIEW_DELTAS_MAX)
        return PANDO_FULL;
    return nests(h->registry, f->schema, f->object, &d) ? take_nesting(h, f, &d)
                                                        : take_flat(h, f, &d);
}

enum pando_status hyperview_step(struct hyperview *h)
{
    for (size_t i = 0; i < HYPERVIEW_STEP && h->depth > 0; i++) {
        struct frame *f = h->frames[h->depth - 1];
        const enum pando_status st = f->nesting ? go_on_nesting(h, f) : look(h, f);
        if (st != PANDO_OK)
            return st;
    }
    return h->depth > 0 ? PANDO_BUSY : PANDO_OK;
}

enum pando_status hyperview_text(struct hyperview *h, bool metadata, struct pando_buf *text)
{
    PANDO_ASSERT(h->depth == 0);
    return parts_print(&h->parts, buf_view(&h->object), metadata ? h->schema : NULL, text);
}

enum pando_status hyperview_insert(struct hyperview *h, const struct delta *d)
{
    PANDO_ASSERT(h->depth == 0);
    const struct pando_slice object = buf_view(&h->object);
    struct pando_slice picks[SCHEMA_PICKS_MAX];
    if (h->holds_itself || nests(h->registry, h->schema, object, d) ||
        parts_hold_other(&h->parts, d))
        return PANDO_UNSUPPORTED;
    const size_t picks_len = schema_select(h->schema, object, d, picks, SCHEMA_PICKS_MAX);
    if (picks_len == 0)
        return PANDO_OK;
    const struct parts_mark before = parts_mark(&h->parts);
    enum pando_status st = print_flat(&h->parts.text, h->schema, d);
    for (size_t i = 0; st == PANDO_OK && i < picks_len; i++)
        st = parts_file(&h->parts, picks[i], d, before.text);
    if (st == PANDO_OK)
        parts_count(&h->parts, d->timestamp);
    else
        parts_back(&h->parts, before);
    return st;
}

const uint64_t *hyperview_objects(const struct hyperview *h, size_t *ret_len)
{
    *ret_len = h->objects_len;
    return h->objects;
}

bool hyperview_holds(const struct hyperview *h, const struct delta *d)
{
    return parts_hold(&h->parts, d);
}

struct pando_slice hyperview_object(const struct hyperview *h)
{
    return buf_view(&h->object);
}

size_t hyperview_items(const struct hyperview *h)
{
    return h->parts.items_len;
}

bool hyperview_item(struct hyperview *h, size_t n, struct hyperview_item *ret)
{
    if (!parts_item(&h->parts, n, &ret->property, &ret->text))
        return false;
    ret->timestamp = h->parts.items[n].timestamp;
    return true;
}

struct schema *hyperview_schema(const struct hyperview *h)
{
    return h->schema;
}

size_t hyperview_bytes(const struct hyperview *h)
{
    return sizeof *h + parts_bytes(&h->parts) + h->objects_cap * sizeof *h->objects;
}

struct parts *hyperview_parts(struct hyperview *h)
{
    return &h->parts;
}
