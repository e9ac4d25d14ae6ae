#include "space/delta/fed_trust.h"

#include "base/slice.h"
#include "codec/cid.h"
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX   (2u * FILTER_LIST_MAX * (DELTA_NAME_MAX + 1))
#define CAPSULE_MAX 128
#define DEPTH_MAX   4 /* policies within policies */

static int compare(const void *a, const void *b)
{
    const struct pando_slice *x = a, *y = b;
    const size_t len = x->len < y->len ? x->len : y->len;
    const int by_bytes = len > 0 ? memcmp(x->ptr, y->ptr, len) : 0;
    return by_bytes != 0 ? by_bytes : (x->len > y->len) - (x->len < y->len);
}

static bool holds(const struct filter_list *l, struct pando_slice text)
{
    return l->len > 0 && bsearch(&text, l->items, l->len, sizeof text, compare) != NULL;
}

static bool lets_pass(const struct filter_list *l, struct pando_slice text)
{
    return l->len == 0 || holds(l, text);
}

void fed_trust_init(struct fed_trust *t)
{
    *t = (struct fed_trust){ 0 };
    buf_init(&t->capsule, CAPSULE_MAX);
    buf_init(&t->texts, TEXTS_MAX);
}

void fed_trust_deinit(struct fed_trust *t)
{
    free(t->authors.items);
    free(t->systems.items);
    buf_deinit(&t->capsule);
    buf_deinit(&t->texts);
    fed_trust_init(t);
}

bool fed_trust_is_open(const struct fed_trust *t)
{
    return !t->nobody && t->authors.len == 0 && t->systems.len == 0 && t->capsule.len == 0;
}

bool fed_trust_passes(const struct fed_trust *t, const struct delta *d)
{
    return !t->nobody && lets_pass(&t->authors, d->author) && lets_pass(&t->systems, d->system);
}

/* --- lists ------------------------------------------------------------------------------ */

/* Room for `len` more; the texts are reserved, so that slices into them stay. */
static enum pando_status list_room(struct filter_list *l, size_t len)
{
    l->items = len > 0 ? calloc(len, sizeof *l->items) : NULL;
    return len > 0 && l->items == NULL ? PANDO_NOMEM : PANDO_OK;
}

static void list_add(struct fed_trust *t, struct filter_list *l, struct pando_slice text)
{
    uint8_t *at = t->texts.ptr + t->texts.len;
    memcpy(at, text.ptr, text.len);
    t->texts.len += text.len;
    l->items[l->len++] = slice_of(at, text.len);
}

static void list_sort(struct filter_list *l)
{
    if (l->len > 0)
        qsort(l->items, l->len, sizeof *l->items, compare);
}

static size_t list_bytes(const struct filter_list *l)
{
    size_t bytes = 0;
    for (size_t i = 0; i < l->len; i++)
        bytes += l->items[i].len;
    return bytes;
}

/* What both let pass: the other one's where one is empty, else what they share. */
static void list_meet(struct fed_trust *t, struct filter_list *ret, const struct filter_list *a,
                      const struct filter_list *b)
{
    const struct filter_list *from = a->len > 0 ? a : b;
    for (size_t i = 0; i < from->len; i++)
        if (from == b || lets_pass(b, from->items[i]))
            list_add(t, ret, from->items[i]);
    if (a->len > 0 && b->len > 0 && ret->len == 0)
        t->nobody = true;
}

static enum pando_status meet(const struct fed_trust *a, const struct fed_trust *b,
                              struct fed_trust *ret)
{
    const size_t bytes = list_bytes(&a->authors) + list_bytes(&a->systems) +
                         list_bytes(&b->authors) + list_bytes(&b->systems);
    enum pando_status st = buf_reserve(&ret->texts, bytes > 0 ? bytes : 1);
    if (st == PANDO_OK)
        st = list_room(&ret->authors, a->authors.len + b->authors.len);
    if (st == PANDO_OK)
        st = list_room(&ret->systems, a->systems.len + b->systems.len);
    if (st != PANDO_OK)
        return st;
    ret->nobody = a->nobody || b->nobody;
    list_meet(ret, &ret->authors, &a->authors, &b->authors);
    list_meet(ret, &ret->systems, &a->systems, &b->systems);
    return buf_append(&ret->capsule, buf_view(a->capsule.len > 0 ? &a->capsule : &b->capsule));
}

enum pando_status fed_trust_combine(const struct fed_trust *a, const struct fed_trust *b,
                                    struct fed_trust *ret)
{
    if (a->capsule.len > 0 && b->capsule.len > 0 &&
        !slice_equal(buf_view(&a->capsule), buf_view(&b->capsule)))
        return PANDO_UNSUPPORTED;
    struct fed_trust t;
    fed_trust_init(&t);
    t.texts.max = a->texts.max + b->texts.max;
    const enum pando_status st = meet(a, b, &t);
    if (st != PANDO_OK)
        fed_trust_deinit(&t);
    else
        *ret = t;
    return st;
}

enum pando_status fed_trust_copy(const struct fed_trust *t, struct fed_trust *ret)
{
    struct fed_trust open;
    fed_trust_init(&open);
    return fed_trust_combine(t, &open, ret);
}

/* --- JSON ------------------------------------------------------------------------------- */

static enum pando_status check_list(const json_t *json, const char *member, size_t *ret_bytes,
                                    struct pando_err *reterr)
{
    size_t i;
    json_t *v;
    if (json == NULL || json_is_null(json))
        return PANDO_OK;
    if (!json_is_array(json) || json_array_size(json) > FILTER_LIST_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "trustPolicy.%s: must be an array of at most %d texts", member,
                             FILTER_LIST_MAX);
    json_array_foreach (json, i, v) {
        const size_t len = json_string_length(v);
        if (!json_is_string(v) || len == 0 || len > DELTA_NAME_MAX)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "trustPolicy.%s[%zu]: must be a text of 1 to %d bytes", member,
                                 i, DELTA_NAME_MAX);
        *ret_bytes += len;
    }
    return PANDO_OK;
}

static enum pando_status read_list(struct fed_trust *t, struct filter_list *l,
                                   const json_t *json)
{
    size_t i;
    json_t *v;
    const enum pando_status st = list_room(l, json_array_size(json));
    if (st != PANDO_OK)
        return st;
    json_array_foreach (json, i, v)
        list_add(t, l, slice_of(json_string_value(v), json_string_length(v)));
    list_sort(l);
    return PANDO_OK;
}

static enum pando_status read_capsule(struct fed_trust *t, const json_t *json,
                                      struct pando_err *reterr)
{
    struct cid cid;
    if (json == NULL || json_is_null(json))
        return PANDO_OK;
    const char *text = json_string_value(json);
    if (text == NULL || strlen(text) != json_string_length(json) || strlen(text) > CAPSULE_MAX ||
        cid_parse(text, &cid) != PANDO_OK)
        return pando_err_set(reterr, PANDO_INVALID,
                             "trustPolicy.capsule: must be the CID of a capsule that verifies "
                             "deltas");
    return buf_append(&t->capsule, slice_text(text));
}

/* A function cannot be sent as JSON: the original loses it silently, we say so. */
static enum pando_status check_members(const json_t *json, struct pando_err *reterr)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)json, key, v) {
        if (strcmp(key, "verify") == 0 && !json_is_null(v))
            return pando_err_set(reterr, PANDO_INVALID,
                                 "trustPolicy.verify: a function cannot be configured; name a "
                                 "capsule that verifies: \"capsule\":\"<CID>\"");
        if (strcmp(key, "trustedAuthors") != 0 && strcmp(key, "trustedSystems") != 0 &&
            strcmp(key, "capsule") != 0 && strcmp(key, "verify") != 0 &&
            strcmp(key, "all") != 0 && strcmp(key, "nobody") != 0)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "trustPolicy.%.60s: is not known; there are trustedAuthors, "
                                 "trustedSystems, capsule, all", key);
    }
    return PANDO_OK;
}

static enum pando_status read_one(const json_t *json, struct fed_trust *t,
                                  struct pando_err *reterr)
{
    const json_t *authors = json_object_get(json, "trustedAuthors");
    const json_t *systems = json_object_get(json, "trustedSystems");
    size_t bytes = 1;
    enum pando_status st = check_members(json, reterr);
    if (st == PANDO_OK)
        st = check_list(authors, "trustedAuthors", &bytes, reterr);
    if (st == PANDO_OK)
        st = check_list(systems, "trustedSystems", &bytes, reterr);
    if (st == PANDO_OK)
        st = buf_reserve(&t->texts, bytes);
    if (st == PANDO_OK)
        st = read_list(t, &t->authors, authors);
    if (st == PANDO_OK)
        st = read_list(t, &t->systems, systems);
    if (st == PANDO_OK)
        st = read_capsule(t, json_object_get(json, "capsule"), reterr);
    t->nobody = json_is_true(json_object_get(json, "nobody"));
    return st;
}

static enum pando_status narrow(struct fed_trust *t, const struct fed_trust *other, size_t i,
                                struct pando_err *reterr)
{
    struct fed_trust both;
    const enum pando_status st = fed_trust_combine(t, other, &both);
    if (st == PANDO_UNSUPPORTED)
        return pando_err_set(reterr, PANDO_INVALID,
                             "trustPolicy.all[%zu].capsule: one policy can have one capsule", i);
    if (st != PANDO_OK)
        return st;
    fed_trust_deinit(t);
    *t = both;
    return PANDO_OK;
}

static enum pando_status read_policy(const json_t *json, unsigned depth, struct fed_trust *ret,
                                     struct pando_err *reterr)
{
    fed_trust_init(ret);
    if (json == NULL || json_is_null(json))
        return PANDO_OK;
    if (!json_is_object(json) || depth > DEPTH_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             depth > DEPTH_MAX ? "trustPolicy.all: is nested too deep"
                                               : "trustPolicy: must be an object");
    const json_t *all = json_object_get(json, "all"), *v;
    size_t i;
    if (all != NULL && (!json_is_array(all) || json_array_size(all) > 64))
        return pando_err_set(reterr, PANDO_INVALID,
                             "trustPolicy.all: must be an array of at most 64 policies");
    enum pando_status st = read_one(json, ret, reterr);
    json_array_foreach (all, i, v) {
        struct fed_trust other;
        if (st != PANDO_OK)
            break;
        st = read_policy(v, depth + 1, &other, reterr);
        if (st == PANDO_OK)
            st = narrow(ret, &other, i, reterr);
        fed_trust_deinit(&other);
    }
    return st;
}

enum pando_status fed_trust_from_json(const json_t *json, struct fed_trust *ret,
                                      struct pando_err *reterr)
{
    struct fed_trust t;
    const enum pando_status st = read_policy(json, 0, &t, reterr);
    if (st != PANDO_OK)
        fed_trust_deinit(&t);
    else
        *ret = t;
    return st;
}

static enum pando_status put_list(struct pando_buf *b, const char *member,
                                  const struct filter_list *l, const char **comma)
{
    if (l->len == 0)
        return PANDO_OK;
    enum pando_status st = buf_printf(b, "%s\"%s\":", *comma, member);
    for (size_t i = 0; st == PANDO_OK && i < l->len; i++) {
        st = buf_append(b, slice_text(i == 0 ? "[" : ","));
        if (st == PANDO_OK)
            st = json_text_escape(b, l->items[i]);
    }
    *comma = ",";
    return st == PANDO_OK ? buf_append(b, slice_text("]")) : st;
}

enum pando_status fed_trust_to_json(const struct fed_trust *t, struct pando_buf *b)
{
    const size_t before = b->len;
    const char *comma = "";
    enum pando_status st = buf_append(b, slice_text("{"));
    if (st == PANDO_OK)
        st = put_list(b, "trustedAuthors", &t->authors, &comma);
    if (st == PANDO_OK)
        st = put_list(b, "trustedSystems", &t->systems, &comma);
    if (st == PANDO_OK && t->capsule.len > 0) {
        st = buf_printf(b, "%s\"capsule\":", comma);
        comma = ",";
        if (st == PANDO_OK)
            st = json_text_escape(b, buf_view(&t->capsule));
    }
    if (st == PANDO_OK && t->nobody)
        st = buf_printf(b, "%s\"nobody\":true", comma);
    if (st == PANDO_OK)
        st = buf_append(b, slice_text("}"));
    if (st != PANDO_OK)
        b->len = before;
    return st;
}
