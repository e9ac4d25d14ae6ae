#include "space/delta/filter.h"

#include "base/slice.h"
#include "codec/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LISTS = 5 };

static const char *const list_names[LISTS] = { "ids", "targetIds", "targetContexts",
                                               "authors", "systems" };

static struct filter_list *list_at(struct filter *f, size_t i)
{
    struct filter_list *lists[LISTS] = { &f->ids, &f->target_ids, &f->target_contexts,
                                         &f->authors, &f->systems };
    return lists[i];
}

static const struct filter_list *list_of(const struct filter *f, size_t i)
{
    const struct filter_list *lists[LISTS] = { &f->ids, &f->target_ids, &f->target_contexts,
                                               &f->authors, &f->systems };
    return lists[i];
}

void filter_init(struct filter *f)
{
    *f = (struct filter){ .start = INT64_MIN, .end = INT64_MAX };
    buf_init(&f->texts, (size_t)LISTS * FILTER_LIST_MAX * DELTA_NAME_MAX);
}

void filter_deinit(struct filter *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < LISTS; i++)
        free(list_at(f, i)->items);
    buf_deinit(&f->texts);
    filter_init(f);
}

/* ---- lists ---- */

static int compare(struct pando_slice a, struct pando_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_items(const void *a, const void *b)
{
    return compare(*(const struct pando_slice *)a, *(const struct pando_slice *)b);
}

bool filter_list_holds(const struct filter_list *list, struct pando_slice item)
{
    size_t low = 0, high = list->len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(list->items[middle], item);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Sort, and drop what stands twice. */
static void settle(struct filter_list *list)
{
    size_t kept = 0;
    qsort(list->items, list->len, sizeof list->items[0], compare_items);
    for (size_t i = 0; i < list->len; i++)
        if (kept == 0 || compare(list->items[kept - 1], list->items[i]) != 0)
            list->items[kept++] = list->items[i];
    list->len = kept;
}

/* Room was reserved, so that the texts do not move. */
static struct pando_slice keep(struct pando_buf *texts, struct pando_slice item)
{
    uint8_t *at = texts->ptr + texts->len;
    memcpy(at, item.ptr, item.len);
    texts->len += item.len;
    return slice_of(at, item.len);
}

static enum pando_status list_room(struct filter_list *list, size_t len)
{
    list->items = calloc(len, sizeof list->items[0]);
    return list->items == NULL ? PANDO_NOMEM : PANDO_OK;
}

/* ---- JSON ---- */

/* `contexts` and `targetContexts` are one list; NULL when there is none. */
static const json_t *list_in(const json_t *json, size_t i)
{
    const json_t *list = json_object_get(json, list_names[i]);
    if (list == NULL && strcmp(list_names[i], "targetContexts") == 0)
        list = json_object_get(json, "contexts");
    return list == NULL || json_is_null(list) ? NULL : list;
}

static enum pando_status check_list(const json_t *list, const char *name, size_t *ret_size,
                                    struct pando_err *reterr)
{
    if (!json_is_array(list))
        return pando_err_set(reterr, PANDO_INVALID, "%s is not a list of texts", name);
    const size_t len = json_array_size(list);
    if (len > FILTER_LIST_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "%s has %zu members; the limit is %d",
                             name, len, FILTER_LIST_MAX);
    for (size_t i = 0; i < len; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item))
            return pando_err_set(reterr, PANDO_INVALID, "%s[%zu] is not a text", name, i);
        const size_t size = json_string_length(item);
        if (size == 0 || size > DELTA_NAME_MAX)
            return pando_err_set(reterr, PANDO_INVALID, "%s[%zu] is %s", name, i,
                                 size == 0 ? "empty" : "longer than 512 bytes");
        *ret_size += size;
    }
    return PANDO_OK;
}

static enum pando_status check_members(const json_t *json, struct pando_err *reterr)
{
    static const char *const others[] = { "contexts", "timestampRange", "includeNegated" };
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < LISTS; i++)
            known = known || strcmp(key, list_names[i]) == 0;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            known = known || strcmp(key, others[i]) == 0;
        if (!known)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "a filter has no member \"%.60s\": it has ids, targetIds, "
                                 "targetContexts, authors, systems, timestampRange, "
                                 "includeNegated",
                                 key);
    }
    if (json_object_get(json, "contexts") != NULL &&
        json_object_get(json, "targetContexts") != NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "contexts and targetContexts are one list: give one of them");
    return PANDO_OK;
}

/* An end of the range; a number that is not whole is moved into the range. */
static enum pando_status read_end(const json_t *range, const char *key, bool is_start,
                                  int64_t *ret, struct pando_err *reterr)
{
    const json_t *value = json_object_get(range, key);
    if (value == NULL || json_is_null(value))
        return PANDO_OK;
    if (!json_is_number(value))
        return pando_err_set(reterr, PANDO_INVALID, "timestampRange.%s is not a number", key);
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return PANDO_OK;
    }
    const double real = json_real_value(value);
    if (real >= 0x1p62 || real <= -0x1p62) {
        *ret = real > 0 ? INT64_MAX : INT64_MIN;
        return PANDO_OK;
    }
    *ret = (int64_t)real; /* towards zero */
    if (is_start && (double)*ret < real)
        *ret += 1;
    if (!is_start && (double)*ret > real)
        *ret -= 1;
    return PANDO_OK;
}

static enum pando_status read_range(const json_t *json, struct filter *f,
                                    struct pando_err *reterr)
{
    const json_t *range = json_object_get(json, "timestampRange");
    if (range == NULL || json_is_null(range))
        return PANDO_OK;
    if (!json_is_object(range))
        return pando_err_set(reterr, PANDO_INVALID,
                             "timestampRange is not an object with start and end");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)range, key, value)
    {
        if (strcmp(key, "start") != 0 && strcmp(key, "end") != 0)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "timestampRange has no member \"%.60s\": it has start, end",
                                 key);
    }
    const enum pando_status st = read_end(range, "start", true, &f->start, reterr);
    return st == PANDO_OK ? read_end(range, "end", false, &f->end, reterr) : st;
}

static enum pando_status read_lists(const json_t *json, struct filter *f,
                                    struct pando_err *reterr)
{
    size_t size = 0;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < LISTS; i++)
        if (list_in(json, i) != NULL)
            st = check_list(list_in(json, i), list_names[i], &size, reterr);
    if (st == PANDO_OK && (st = buf_reserve(&f->texts, size)) != PANDO_OK)
        st = pando_err_set(reterr, st, "the filter: %s", pando_status_text(st));
    for (size_t i = 0; st == PANDO_OK && i < LISTS; i++) {
        const json_t *list = list_in(json, i);
        struct filter_list *to = list_at(f, i);
        const size_t len = json_array_size(list);
        if (len == 0)
            continue;
        if ((st = list_room(to, len)) != PANDO_OK)
            return pando_err_set(reterr, st, "the filter: %s", pando_status_text(st));
        for (; to->len < len; to->len++) {
            const json_t *item = json_array_get(list, to->len);
            to->items[to->len] = keep(
                &f->texts, slice_of(json_string_value(item), json_string_length(item)));
        }
        settle(to);
    }
    return st;
}

static enum pando_status read_all(const json_t *json, struct filter *f,
                                  struct pando_err *reterr)
{
    if (!json_is_object(json))
        return pando_err_set(reterr, PANDO_INVALID, "a filter is an object");
    enum pando_status st = check_members(json, reterr);
    if (st == PANDO_OK)
        st = read_lists(json, f, reterr);
    if (st == PANDO_OK)
        st = read_range(json, f, reterr);
    const json_t *negated = json_object_get(json, "includeNegated");
    if (st == PANDO_OK && negated != NULL && !json_is_boolean(negated) &&
        !json_is_null(negated))
        st = pando_err_set(reterr, PANDO_INVALID, "includeNegated is not a boolean");
    f->include_negated = json_is_true(negated);
    return st;
}

enum pando_status filter_from_json(const json_t *json, struct filter *ret,
                                   struct pando_err *reterr)
{
    struct filter f;
    filter_init(&f);
    const enum pando_status st = json == NULL ? PANDO_OK : read_all(json, &f, reterr);
    if (st == PANDO_OK)
        *ret = f;
    else
        filter_deinit(&f);
    return st;
}

static enum pando_status put(struct pando_buf *b, const char *text)
{
    return buf_append(b, slice_text(text));
}

static enum pando_status print_list(const struct filter_list *list, const char *name,
                                    struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "\"%s\":[", name);
    for (size_t i = 0; st == PANDO_OK && i < list->len; i++)
        if (i == 0 || (st = put(b, ",")) == PANDO_OK)
            st = json_text_escape(b, list->items[i]);
    return st == PANDO_OK ? put(b, "],") : st;
}

static enum pando_status print_range(const struct filter *f, struct pando_buf *b)
{
    if (f->start == INT64_MIN && f->end == INT64_MAX)
        return PANDO_OK;
    if (f->start == INT64_MIN)
        return buf_printf(b, "\"timestampRange\":{\"end\":%" PRId64 "},", f->end);
    if (f->end == INT64_MAX)
        return buf_printf(b, "\"timestampRange\":{\"start\":%" PRId64 "},", f->start);
    return buf_printf(b, "\"timestampRange\":{\"start\":%" PRId64 ",\"end\":%" PRId64 "},",
                      f->start, f->end);
}

enum pando_status filter_to_json(const struct filter *f, struct pando_buf *text)
{
    const size_t before = text->len;
    enum pando_status st = put(text, "{");
    for (size_t i = 0; st == PANDO_OK && i < LISTS; i++)
        if (list_of(f, i)->len > 0)
            st = print_list(list_of(f, i), list_names[i], text);
    if (st == PANDO_OK)
        st = print_range(f, text);
    if (st == PANDO_OK && f->include_negated)
        st = put(text, "\"includeNegated\":true,");
    if (st == PANDO_OK && text->ptr[text->len - 1] == ',')
        text->len--;
    if (st == PANDO_OK)
        st = put(text, "}");
    if (st != PANDO_OK)
        text->len = before;
    return st;
}

/* ---- use ---- */

enum pando_status filter_copy(const struct filter *f, struct filter *ret)
{
    struct filter copy;
    filter_init(&copy);
    enum pando_status st = buf_reserve(&copy.texts, f->texts.len);
    for (size_t i = 0; st == PANDO_OK && i < LISTS; i++) {
        const struct filter_list *from = list_of(f, i);
        struct filter_list *to = list_at(&copy, i);
        if (from->len == 0 || (st = list_room(to, from->len)) != PANDO_OK)
            continue;
        for (; to->len < from->len; to->len++)
            to->items[to->len] = keep(&copy.texts, from->items[to->len]);
    }
    copy.start = f->start;
    copy.end = f->end;
    copy.include_negated = f->include_negated;
    if (st == PANDO_OK)
        *ret = copy;
    else
        filter_deinit(&copy);
    return st;
}

static bool admits(const struct filter_list *list, struct pando_slice item)
{
    return list->len == 0 || filter_list_holds(list, item);
}

/* Whether some pointer's target is on the list. */
static bool points_at(const struct filter_list *list, const struct delta *d, bool by_context)
{
    for (size_t i = 0; i < d->pointers_len; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        const struct pando_slice item = by_context ? p->context : p->text;
        if (p->kind == DELTA_REF && filter_list_holds(list, item))
            return true;
    }
    return list->len == 0;
}

bool filter_passes(const struct filter *f, const struct delta *d)
{
    return d->timestamp >= f->start && d->timestamp <= f->end &&
           admits(&f->authors, d->author) && admits(&f->systems, d->system) &&
           admits(&f->ids, d->id) && points_at(&f->target_ids, d, false) &&
           points_at(&f->target_contexts, d, true);
}

bool filter_is_open(const struct filter *f)
{
    for (size_t i = 0; i < LISTS; i++)
        if (list_of(f, i)->len > 0)
            return false;
    return f->start == INT64_MIN && f->end == INT64_MAX;
}
