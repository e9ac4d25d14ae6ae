/* travel_differ.c - two views of one object side by side, both in the same order. */
#include "space/delta/travel.h"

#include "base/slice.h"
#include "space/delta/hyperview_parts.h"
#include "space/delta/render_json.h"

#include <string.h>

struct difference {
    json_t *added, *removed, *properties, *seen;
};

/* The id of a delta, which is the first member of its text. */
static json_t *id_of(struct pando_slice text)
{
    json_t *delta = json_loadb((const char *)text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    json_t *id = json_incref(json_object_get(delta, "id"));
    json_decref(delta);
    return id;
}

/* A delta may stand under several properties, and is told once. */
static void note_delta(struct difference *d, json_t *list, struct pando_slice text)
{
    json_t *id = id_of(text);
    const char *key = json_string_value(id);
    if (key != NULL && json_object_getn(d->seen, key, json_string_length(id)) == NULL) {
        (void)json_object_setn_new(d->seen, key, json_string_length(id), json_true());
        (void)json_array_append(list, id);
    }
    json_decref(id);
}

static void note_property(struct difference *d, struct pando_slice name)
{
    (void)json_object_setn_new(d->properties, (const char *)name.ptr, name.len,
                               json_string("changed"));
}

static bool has_property(struct hyperview *h, struct pando_slice name)
{
    struct hyperview_item item;
    size_t low = 0, high = hyperview_items(h);
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        (void)hyperview_item(h, mid, &item);
        const struct pando_slice property = item.property;
        const size_t len = property.len < name.len ? property.len : name.len;
        int order = memcmp(property.ptr, name.ptr, len);
        order = order != 0 ? order : (property.len > name.len) - (property.len < name.len);
        if (order == 0)
            return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static void merge(struct difference *d, struct parts *before, struct parts *after)
{
    struct pando_slice property, text, other;
    for (size_t i = 0, k = 0; i < before->items_len || k < after->items_len;) {
        const int order = i == before->items_len ? 1
                          : k == after->items_len
                              ? -1
                              : parts_compare(&before->items[i], &after->items[k]);
        if (order < 0) {
            (void)parts_item(before, i++, &property, &text);
            note_delta(d, d->removed, text);
        } else if (order > 0) {
            (void)parts_item(after, k++, &property, &text);
            note_delta(d, d->added, text);
        } else {
            (void)parts_item(before, i++, &property, &text);
            (void)parts_item(after, k++, &property, &other);
            if (slice_equal(text, other))
                continue; /* what is nested in it may have changed, too */
        }
        note_property(d, property);
    }
}

/* Tell properties that one of the two does not have. */
static void name_properties(struct difference *d, struct hyperview *before, struct hyperview *after)
{
    const char *key;
    size_t len;
    json_t *value;
    json_object_keylen_foreach(d->properties, key, len, value)
    {
        const struct pando_slice name = slice_of(key, len);
        if (!has_property(before, name))
            (void)json_string_set(value, "added");
        else if (!has_property(after, name))
            (void)json_string_set(value, "removed");
    }
}

enum pando_status travel_differ(struct hyperview *before, struct hyperview *after,
                                struct pando_buf *text)
{
    struct difference d = { json_array(), json_array(), json_object(), json_object() };
    struct hyperview_item first;
    (void)hyperview_item(before, 0, &first); /* sorts */
    (void)hyperview_item(after, 0, &first);
    merge(&d, hyperview_parts(before), hyperview_parts(after));
    name_properties(&d, before, after);
    enum pando_status st = buf_append(text, slice_text("\"deltasAdded\":"));
    if (st == PANDO_OK)
        st = render_json(text, d.added);
    if (st == PANDO_OK)
        st = buf_append(text, slice_text(",\"deltasRemoved\":"));
    if (st == PANDO_OK)
        st = render_json(text, d.removed);
    if (st == PANDO_OK)
        st = buf_append(text, slice_text(",\"properties\":"));
    if (st == PANDO_OK)
        st = render_json(text, d.properties);
    json_decref(d.added);
    json_decref(d.removed);
    json_decref(d.properties);
    json_decref(d.seen);
    return st;
}
