/* view_plain.c - the view that is used where none is named: every property, the most recent value. */
#include "space/delta/view.h"

#include "base/slice.h"

#include <string.h>

/* {"extract": {"about": object}} */
static json_t *property_of(struct pando_slice object)
{
    return json_pack("{s:{s:s%}}", "extract", "about", object.ptr, object.len);
}

static enum pando_status add(json_t *properties, struct pando_slice name,
                             struct pando_slice object, struct pando_err *reterr)
{
    const char *text = (const char *)name.ptr;
    if (memchr(text, 0, name.len) != NULL || json_object_getn(properties, text, name.len) != NULL)
        return PANDO_OK; /* no view can name the first; the second is there */
    if (json_object_size(properties) == VIEW_PROPERTIES_MAX)
        return pando_err_set(reterr, PANDO_FULL,
                             "view: the object has more than %d properties: say which in a view",
                             VIEW_PROPERTIES_MAX);
    return json_object_setn_new(properties, text, name.len, property_of(object)) == 0
               ? PANDO_OK
               : pando_err_set(reterr, PANDO_NOMEM, "view: memory is out");
}

enum pando_status view_plain(struct hyperview *h, struct view_schema **ret,
                             struct pando_err *reterr)
{
    const struct pando_slice object = hyperview_object(h);
    struct pando_slice last = SLICE_EMPTY;
    struct hyperview_item item;
    json_t *properties = json_object();
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && hyperview_item(h, i, &item); i++) {
        if (slice_equal(item.property, last))
            continue;
        last = item.property;
        st = add(properties, last, object, reterr);
    }
    json_t *view = json_pack("{s:o}", "properties", properties);
    if (st == PANDO_OK)
        st = view_from_json(view, ret, reterr);
    json_decref(view);
    return st;
}
