#include "space/delta/view_fold.h"

#include "base/slice.h"
#include "crypto/sign.h"

#include <stdlib.h>
#include <string.h>

static bool is_trusting(const struct view_fold *f)
{
    return f->property->resolve == VIEW_TRUSTED_AUTHOR ||
           f->property->resolve == VIEW_TRUSTED_SYSTEM;
}

enum pando_status view_fold_init(struct view_fold *f, const struct view_property *property)
{
    *f = (struct view_fold){ .property = property };
    const bool trusts = is_trusting(f);
    const bool lists = property->resolve == VIEW_ALL_VALUES || property->resolve == VIEW_CUSTOM;
    if (trusts) {
        f->of_len = f->of_cap = json_array_size(property->trusted);
        f->of = calloc(f->of_len + 1, sizeof *f->of);
    }
    f->groups = property->resolve == VIEW_CONSENSUS ? json_object() : NULL;
    f->list = lists ? json_array() : NULL;
    const bool failed = (trusts && f->of == NULL) || (lists && f->list == NULL) ||
                        (property->resolve == VIEW_CONSENSUS && f->groups == NULL);
    return failed ? PANDO_NOMEM : PANDO_OK;
}

void view_fold_deinit(struct view_fold *f)
{
    json_decref(f->best.delta);
    for (size_t i = 0; i < f->of_len; i++)
        json_decref(f->of[i].delta);
    free(f->of);
    json_decref(f->groups);
    json_decref(f->list);
    *f = (struct view_fold){ .property = NULL };
}

void view_jobs_deinit(struct view_jobs *jobs)
{
    for (size_t i = 0; i < jobs->len; i++) {
        json_decref(jobs->items[i].input);
        json_decref(jobs->items[i].holder);
    }
    free(jobs->items);
    *jobs = (struct view_jobs){ .len = 0 };
}

static const char *member(const json_t *delta, const char *name)
{
    const char *text = json_string_value(json_object_get(delta, name));
    return text != NULL ? text : "";
}

/* By timestamp, then by id. */
static int order_of(const json_t *a, const json_t *b)
{
    const json_int_t at = json_integer_value(json_object_get(a, "timestamp"));
    const json_int_t bt = json_integer_value(json_object_get(b, "timestamp"));
    return at != bt ? (at < bt ? -1 : 1) : strcmp(member(a, "id"), member(b, "id"));
}

bool view_fold_descends(const struct view_fold *f)
{
    return f->property->resolve == VIEW_MOST_RECENT || is_trusting(f);
}

bool view_fold_wants(const struct view_fold *f, int64_t timestamp)
{
    /* what the most trusted one said counts, whatever the others did */
    const json_t *best = is_trusting(f) && f->of_len > 0 ? f->of[0].delta : f->best.delta;
    if (best == NULL)
        return true;
    const json_int_t at = json_integer_value(json_object_get(best, "timestamp"));
    if (f->property->resolve == VIEW_FIRST_WRITE)
        return timestamp <= at;
    return !view_fold_descends(f) || timestamp >= at;
}

static bool is_of_kind(const json_t *pointer, const struct view_property *p)
{
    const json_t *target = json_object_get(pointer, "target");
    if (strcmp(member(pointer, "role"), p->role) != 0 || json_object_get(pointer, "invalid") != NULL)
        return false;
    switch (p->extract) {
    case VIEW_PRIMITIVE:
        return !json_is_object(target);
    case VIEW_REFERENCE:
    case VIEW_NESTED:
        return json_is_object(target);
    case VIEW_ARRAY:
        return true;
    case VIEW_ABOUT: /* the delta as a whole decides */
        break;
    }
    return false;
}

/* Whether it is by this pointer that the delta is about the object. */
static bool points_at(const json_t *pointer, const char *object)
{
    const json_t *target = json_object_get(pointer, "target");
    return json_object_get(target, "context") != NULL && strcmp(member(target, "id"), object) == 0;
}

/* The pointer with the property's name as its role, else the only one that does not point at the
 * object; one at most. */
static const json_t *pointer_about(const json_t *delta, const struct view_property *p, size_t *from)
{
    const json_t *pointers = json_object_get(delta, "pointers"), *pointer, *found = NULL;
    size_t i, others = 0;
    if (*from > 0)
        return NULL;
    *from = 1;
    json_array_foreach(pointers, i, pointer)
    {
        if (json_object_get(pointer, "invalid") != NULL || points_at(pointer, p->role))
            continue;
        if (strcmp(member(pointer, "role"), p->name) == 0)
            return pointer;
        found = pointer;
        others++;
    }
    return others == 1 ? found : NULL;
}

/* The first pointer that the extractor takes, behind the first `from`. */
static const json_t *pointer_of(const json_t *delta, const struct view_property *p, size_t *from)
{
    const json_t *pointers = json_object_get(delta, "pointers");
    if (p->extract == VIEW_ABOUT)
        return pointer_about(delta, p, from);
    while (*from < json_array_size(pointers)) {
        const json_t *pointer = json_array_get(pointers, (*from)++);
        if (is_of_kind(pointer, p))
            return pointer;
    }
    return NULL;
}

static json_t *plain_value(const json_t *pointer)
{
    json_t *target = json_object_get(pointer, "target");
    return json_is_object(target) ? json_incref(json_object_get(target, "id"))
                                  : json_incref(target);
}

/* The values of an array extractor; of the others the first. */
static json_t *value_of(const json_t *delta, const struct view_property *p)
{
    size_t from = 0;
    const json_t *pointer = pointer_of(delta, p, &from);
    if (p->extract != VIEW_ARRAY)
        return plain_value(pointer);
    json_t *list = json_array();
    for (; pointer != NULL; pointer = pointer_of(delta, p, &from))
        (void)json_array_append_new(list, plain_value(pointer));
    return list;
}

static void keep(struct view_best *best, json_t *delta, bool earliest)
{
    const int order = best->delta == NULL ? 1 : order_of(delta, best->delta);
    if (best->delta != NULL && (earliest ? order >= 0 : order <= 0))
        return;
    json_decref(best->delta);
    best->delta = json_incref(delta);
}

static void add_numbers(struct view_fold *f, const json_t *delta)
{
    size_t from = 0;
    const json_t *pointer;
    while ((pointer = pointer_of(delta, f->property, &from)) != NULL) {
        const json_t *target = json_object_get(pointer, "target");
        const double n = json_number_value(target);
        if (!json_is_number(target))
            continue;
        f->least = f->numbers == 0 || n < f->least ? n : f->least;
        f->most = f->numbers == 0 || n > f->most ? n : f->most;
        f->sum += n;
        f->numbers++;
        if (f->property->extract != VIEW_ARRAY)
            return;
    }
}

static void keep_trusted(struct view_fold *f, json_t *delta)
{
    const bool author = f->property->resolve == VIEW_TRUSTED_AUTHOR;
    const char *who = member(delta, author ? "author" : "system");
    for (size_t i = 0; i < f->of_len; i++)
        if (strcmp(who, json_string_value(json_array_get(f->property->trusted, i))) == 0) {
            keep(&f->of[i], delta, false);
            break;
        }
    keep(&f->best, delta, false);
}

static int compare_ids(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct pando_id));
}

/* The set of pointers, whatever their order, as hexadecimal digits. */
static enum pando_status set_name(const json_t *delta, char ret[65])
{
    struct pando_id ids[DELTA_POINTERS_MAX];
    const json_t *pointers = json_object_get(delta, "pointers");
    size_t len = 0;
    for (; len < json_array_size(pointers) && len < DELTA_POINTERS_MAX; len++) {
        char *text = json_dumps(json_array_get(pointers, len), JSON_SORT_KEYS | JSON_COMPACT);
        if (text == NULL)
            return PANDO_NOMEM;
        ids[len] = crypto_sha256(slice_text(text));
        free(text);
    }
    qsort(ids, len, sizeof ids[0], compare_ids);
    const struct pando_id all = crypto_sha256(slice_of(ids, len * sizeof ids[0]));
    for (size_t i = 0; i < 32; i++) {
        ret[2 * i] = "0123456789abcdef"[all.bytes[i] >> 4];
        ret[2 * i + 1] = "0123456789abcdef"[all.bytes[i] & 15];
    }
    ret[64] = '\0';
    return PANDO_OK;
}

static enum pando_status vote(struct view_fold *f, json_t *delta)
{
    char name[65];
    enum pando_status st = set_name(delta, name);
    if (st != PANDO_OK)
        return st;
    const json_t *group = json_object_get(f->groups, name);
    size_t at = group != NULL ? (size_t)json_integer_value(group) : f->of_len;
    if (group == NULL && f->of_len == f->of_cap) {
        const size_t cap = f->of_cap == 0 ? 8 : f->of_cap * 2;
        struct view_best *of = cap > VIEW_VALUES_MAX ? NULL : realloc(f->of, cap * sizeof *of);
        if (of == NULL)
            return cap > VIEW_VALUES_MAX ? PANDO_FULL : PANDO_NOMEM;
        f->of = of;
        f->of_cap = cap;
    }
    if (group == NULL) {
        if (json_object_set_new(f->groups, name, json_integer((json_int_t)at)) != 0)
            return PANDO_NOMEM;
        f->of[f->of_len++] = (struct view_best){ .delta = NULL };
    }
    f->of[at].votes++;
    keep(&f->of[at], delta, false);
    return PANDO_OK;
}

static enum pando_status add_to_list(struct view_fold *f, json_t *delta)
{
    const size_t max = f->property->resolve == VIEW_CUSTOM ? VIEW_CUSTOM_MAX : VIEW_VALUES_MAX;
    if (json_array_size(f->list) >= max)
        return PANDO_FULL;
    return json_array_append(f->list, delta) == 0 ? PANDO_OK : PANDO_NOMEM;
}

enum pando_status view_fold_feed(struct view_fold *f, json_t *delta)
{
    size_t from = 0;
    if (pointer_of(delta, f->property, &from) == NULL)
        return PANDO_OK;
    switch (f->property->resolve) {
    case VIEW_MOST_RECENT:
        keep(&f->best, delta, false);
        return PANDO_OK;
    case VIEW_FIRST_WRITE:
        keep(&f->best, delta, true);
        return PANDO_OK;
    case VIEW_TRUSTED_AUTHOR:
    case VIEW_TRUSTED_SYSTEM:
        keep_trusted(f, delta);
        return PANDO_OK;
    case VIEW_CONSENSUS:
        return vote(f, delta);
    case VIEW_AVERAGE:
    case VIEW_MINIMUM:
    case VIEW_MAXIMUM:
        add_numbers(f, delta);
        return PANDO_OK;
    case VIEW_ALL_VALUES:
    case VIEW_CUSTOM:
        return add_to_list(f, delta);
    }
    return PANDO_INVALID;
}

/* A property's name as nested hyperviews spell it (render_property). */
static json_t *deltas_of(const json_t *hyperview, const char *source)
{
    char name[DELTA_NAME_MAX + 2] = "~";
    if (strcmp(source, "id") != 0 && strcmp(source, "_metadata") != 0 && source[0] != '~')
        return json_object_get(hyperview, source);
    memcpy(name + 1, source, strlen(source) + 1);
    return json_object_get(hyperview, name);
}

static enum pando_status view_property_of(const struct view_property *p, const json_t *hyperview,
                                          json_t *view, struct view_jobs *jobs)
{
    struct view_fold f;
    json_t *deltas = deltas_of(hyperview, p->source);
    enum pando_status st = view_fold_init(&f, p);
    for (size_t k = 0; st == PANDO_OK && k < json_array_size(deltas); k++)
        st = view_fold_feed(&f, json_array_get(deltas, k));
    if (st == PANDO_OK)
        st = view_fold_end(&f, member(hyperview, "id"), view, jobs);
    view_fold_deinit(&f);
    return st;
}

/* The view of an object that is nested in a delta. */
static enum pando_status nested_value(const struct view_schema *s, const json_t *hyperview,
                                      struct view_jobs *jobs, json_t **ret)
{
    json_t *view = json_object();
    enum pando_status st = PANDO_OK;
    (void)json_object_set(view, "id", json_object_get(hyperview, "id"));
    for (size_t i = 0; st == PANDO_OK && i < s->properties_len; i++)
        st = view_property_of(&s->properties[i], hyperview, view, jobs);
    if (st != PANDO_OK) {
        json_decref(view);
        return st;
    }
    *ret = view;
    return PANDO_OK;
}

static enum pando_status take(const json_t *delta, const struct view_property *p,
                              struct view_jobs *jobs, json_t **ret)
{
    size_t from = 0;
    if (p->extract == VIEW_NESTED)
        return nested_value(p->nested, json_object_get(pointer_of(delta, p, &from), "target"), jobs,
                            ret);
    *ret = value_of(delta, p);
    return *ret != NULL ? PANDO_OK : PANDO_NOMEM;
}

static json_t *number(double n)
{
    const bool near = n >= -(double)DELTA_TIME_MAX && n <= (double)DELTA_TIME_MAX;
    const double whole = near ? (double)(int64_t)n : 0;
    return near && whole >= n && whole <= n ? json_integer((json_int_t)n) : json_real(n);
}

static const json_t *winner(const struct view_fold *f)
{
    const struct view_best *best = &f->best;
    const bool votes = f->property->resolve == VIEW_CONSENSUS;
    for (size_t i = 0; i < f->of_len; i++) {
        const struct view_best *one = &f->of[i];
        if (!votes && one->delta != NULL)
            return one->delta; /* the most trusted that says something */
        if (votes && (best->delta == NULL || one->votes > best->votes ||
                      (one->votes == best->votes && order_of(one->delta, best->delta) > 0)))
            best = one;
    }
    return best->delta;
}

static int compare_deltas(const void *left, const void *right)
{
    return order_of(*(json_t *const *)left, *(json_t *const *)right);
}

/* The listed deltas in their order. */
static enum pando_status sort_list(struct view_fold *f)
{
    const size_t len = json_array_size(f->list);
    json_t **deltas = malloc((len + 1) * sizeof *deltas);
    if (deltas == NULL)
        return PANDO_NOMEM;
    for (size_t i = 0; i < len; i++)
        deltas[i] = json_incref(json_array_get(f->list, i));
    qsort(deltas, len, sizeof *deltas, compare_deltas);
    for (size_t i = 0; i < len; i++)
        (void)json_array_set_new(f->list, i, deltas[i]);
    free(deltas);
    return PANDO_OK;
}

static enum pando_status all_values(struct view_fold *f, struct view_jobs *jobs, json_t **ret)
{
    json_t *values = json_array();
    enum pando_status st = sort_list(f);
    for (size_t i = 0; st == PANDO_OK && i < json_array_size(f->list); i++) {
        json_t *value = NULL;
        st = take(json_array_get(f->list, i), f->property, jobs, &value);
        if (st == PANDO_OK && json_array_append_new(values, value) != 0)
            st = PANDO_NOMEM;
    }
    if (st != PANDO_OK) {
        json_decref(values);
        return st;
    }
    *ret = values;
    return PANDO_OK;
}

static enum pando_status job(struct view_fold *f, const char *object, json_t *holder,
                             struct view_jobs *jobs)
{
    enum pando_status st = sort_list(f);
    if (st == PANDO_OK && jobs->len == jobs->cap) {
        const size_t cap = jobs->cap == 0 ? 4 : jobs->cap * 2;
        struct view_job *items = realloc(jobs->items, cap * sizeof *items);
        if (items == NULL)
            return PANDO_NOMEM;
        jobs->items = items;
        jobs->cap = cap;
    }
    if (st != PANDO_OK)
        return st;
    json_t *values = json_array();
    for (size_t i = 0; i < json_array_size(f->list) && f->property->extract != VIEW_NESTED; i++)
        (void)json_array_append_new(values, value_of(json_array_get(f->list, i), f->property));
    json_t *input = json_pack("{s:s, s:s, s:O, s:o}", "object", object, "property",
                              f->property->name, "deltas", f->list, "values", values);
    if (input == NULL || json_object_set_new(holder, f->property->name, json_null()) != 0) {
        json_decref(input);
        return PANDO_NOMEM;
    }
    jobs->items[jobs->len++] = (struct view_job){ f->property->capsule, input, json_incref(holder),
                                                  f->property->name };
    return PANDO_OK;
}

enum pando_status view_fold_end(struct view_fold *f, const char *object, json_t *holder,
                                struct view_jobs *jobs)
{
    json_t *value = NULL;
    enum pando_status st = PANDO_OK;
    const json_t *best;
    switch (f->property->resolve) {
    case VIEW_AVERAGE:
        value = f->numbers > 0 ? number(f->sum / (double)f->numbers) : NULL;
        break;
    case VIEW_MINIMUM:
        value = f->numbers > 0 ? number(f->least) : NULL;
        break;
    case VIEW_MAXIMUM:
        value = f->numbers > 0 ? number(f->most) : NULL;
        break;
    case VIEW_ALL_VALUES:
        st = json_array_size(f->list) > 0 ? all_values(f, jobs, &value) : PANDO_OK;
        break;
    case VIEW_CUSTOM:
        return json_array_size(f->list) > 0 ? job(f, object, holder, jobs) : PANDO_OK;
    default:
        best = winner(f);
        st = best != NULL ? take(best, f->property, jobs, &value) : PANDO_OK;
    }
    if (st == PANDO_OK && value != NULL && json_object_set_new(holder, f->property->name, value) != 0)
        st = PANDO_NOMEM;
    return st;
}
