#include "codec/json.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cid.h"
#include "codec/multibase.h"

#include <stdlib.h>
#include <string.h>

/* Where the encoding goes. The first problem wins. */
struct encoder {
    struct wire_writer w;
    enum pando_status status;
    struct pando_err *err;
};

static bool encode_value(struct encoder *e, const json_t *value);

static bool refuse(struct encoder *e, enum pando_status status, const char *why)
{
    e->status = pando_err_set(e->err, status, "JSON: %s", why);
    return false;
}

/* The only member of an object, when its key is `key`; NULL otherwise. */
static const json_t *only_member(const json_t *object, const char *key)
{
    return json_is_object(object) && json_object_size(object) == 1
               ? json_object_get(object, key)
               : NULL;
}

static struct pando_slice string_of(const json_t *value)
{
    return slice_of(json_string_value(value), json_string_length(value));
}

static bool encode_link(struct encoder *e, const json_t *text)
{
    uint8_t bytes[CID_MAX];
    struct cid cid;
    size_t len;
    if (strlen(json_string_value(text)) != json_string_length(text) ||
        cid_parse(json_string_value(text), &cid) != PANDO_OK ||
        cid_encode(&cid, bytes, sizeof bytes, &len) != PANDO_OK)
        return refuse(e, PANDO_MALFORMED, "the value of \"/\" is not a CID");
    cbor_put_cid(&e->w, slice_of(bytes, len));
    return true;
}

static bool encode_bytes(struct encoder *e, const json_t *text)
{
    const struct pando_slice base64 = string_of(text);
    uint8_t *bytes = malloc(base64.len + 1);
    size_t len;
    if (bytes == NULL)
        return refuse(e, PANDO_NOMEM, "memory could not be allocated");
    const bool good =
        !multibase_decode(MULTIBASE_64, base64, bytes, base64.len + 1, &len);
    if (good)
        cbor_put_bytes(&e->w, slice_of(bytes, len));
    free(bytes);
    return good || refuse(e, PANDO_MALFORMED, "\"bytes\" is not base64 without padding");
}

struct member {
    struct pando_slice key;
    const json_t *value;
};

/* The order of the encoded keys: shorter first, then by bytes. */
static int compare_members(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->key.len != b->key.len)
        return a->key.len < b->key.len ? -1 : 1;
    return a->key.len > 0 ? memcmp(a->key.ptr, b->key.ptr, a->key.len) : 0;
}

static bool encode_map(struct encoder *e, const json_t *object)
{
    const size_t len = json_object_size(object);
    struct member *members = malloc((len + 1) * sizeof *members);
    if (members == NULL)
        return refuse(e, PANDO_NOMEM, "memory could not be allocated");
    size_t at = 0;
    /* jansson iterates over non-const objects only; nothing is changed here */
    json_t *walked = (json_t *)(uintptr_t)object;
    for (void *i = json_object_iter(walked); i != NULL;
         i = json_object_iter_next(walked, i)) {
        PANDO_ASSERT(at < len);
        members[at++] = (struct member){ slice_text(json_object_iter_key(i)),
                                         json_object_iter_value(i) };
    }
    qsort(members, len, sizeof *members, compare_members);
    cbor_put_map(&e->w, len);
    bool good = true;
    for (size_t i = 0; good && i < len; i++) {
        cbor_put_text(&e->w, members[i].key);
        good = encode_value(e, members[i].value);
    }
    free(members);
    return good;
}

static bool encode_object(struct encoder *e, const json_t *object)
{
    const json_t *slash = only_member(object, "/");
    if (slash == NULL)
        return encode_map(e, object);
    if (json_is_string(slash))
        return encode_link(e, slash);
    const json_t *bytes = only_member(slash, "bytes");
    return json_is_string(bytes) ? encode_bytes(e, bytes) : encode_map(e, object);
}

static bool encode_value(struct encoder *e, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return encode_object(e, value);
    case JSON_ARRAY:
        cbor_put_array(&e->w, json_array_size(value));
        for (size_t i = 0; i < json_array_size(value); i++)
            if (!encode_value(e, json_array_get(value, i)))
                return false;
        return true;
    case JSON_STRING: cbor_put_text(&e->w, string_of(value)); return true;
    case JSON_INTEGER:
        cbor_put_int(&e->w, (int64_t)json_integer_value(value));
        return true;
    case JSON_REAL: cbor_put_float(&e->w, json_real_value(value)); return true;
    case JSON_TRUE: cbor_put_bool(&e->w, true); return true;
    case JSON_FALSE: cbor_put_bool(&e->w, false); return true;
    case JSON_NULL: cbor_put_null(&e->w); return true;
    }
    PANDO_UNREACHABLE();
}

/* Depth of a value, cut at one over the cap: a program may build what no text may say. */
static size_t depth_of(const json_t *value, size_t left)
{
    if (left == 0 || (!json_is_object(value) && !json_is_array(value)))
        return 0;
    size_t deepest = 0, depth;
    for (size_t i = 0; i < json_array_size(value); i++) {
        depth = depth_of(json_array_get(value, i), left - 1);
        deepest = depth > deepest ? depth : deepest;
    }
    json_t *walked = (json_t *)(uintptr_t)value;
    for (void *i = json_object_iter(walked); i != NULL;
         i = json_object_iter_next(walked, i)) {
        depth = depth_of(json_object_iter_value(i), left - 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* Encode into the room that is left; PANDO_FULL when that was too little. */
static enum pando_status encode_into(const json_t *value, struct pando_buf *cbor,
                                     struct pando_err *reterr)
{
    struct encoder e = { .w = wire_write(cbor->ptr + cbor->len, cbor->cap - cbor->len),
                         .err = reterr };
    if (!encode_value(&e, value))
        return e.status;
    if (e.w.failed)
        return PANDO_FULL;
    PANDO_ASSERT_SLOW(cbor_check(wire_written(&e.w)) == PANDO_OK);
    cbor->len += e.w.len;
    return PANDO_OK;
}

enum pando_status json_text_encode(const json_t *value, struct pando_buf *cbor,
                                   struct pando_err *reterr)
{
    if (depth_of(value, JSON_DEPTH_MAX + 1) > JSON_DEPTH_MAX)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "JSON: nested deeper than %d levels", JSON_DEPTH_MAX);
    const size_t left = cbor->max - cbor->len;
    if (left == 0)
        return pando_err_set(reterr, PANDO_FULL,
                             "JSON: there is no room for its encoding");
    for (size_t room = 256;; room *= 2) {
        const enum pando_status grown = buf_reserve(cbor, room < left ? room : left);
        if (grown != PANDO_OK)
            return pando_err_set(reterr, grown, "JSON: %s", pando_status_text(grown));
        const enum pando_status st = encode_into(value, cbor, reterr);
        if (st != PANDO_FULL)
            return st;
        if (room >= left)
            return pando_err_set(reterr, PANDO_FULL,
                                 "JSON: encodes to more than %zu bytes", left);
    }
}

enum pando_status json_text_to_cbor(struct pando_slice text, struct pando_buf *cbor,
                                    struct pando_err *reterr)
{
    json_t *value;
    enum pando_status st = json_text_parse(text, JSON_TEXT_MAX, &value, reterr);
    if (st != PANDO_OK)
        return st;
    st = json_text_encode(value, cbor, reterr);
    json_decref(value);
    return st;
}
