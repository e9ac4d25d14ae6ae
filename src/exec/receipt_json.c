/* receipt_json.c - a receipt as people and other programs read it; see receipt.h. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/slice.h"
#include "codec/cid.h"
#include "codec/multibase.h"
#include "exec/hostcall.h"
#include "exec/receipt.h"

static json_t *json_link(enum cid_codec codec, const struct pando_id *id)
{
    char text[CID_SHA256_TEXT_SIZE];
    cid_text_sha256(codec, id, text);
    return json_string(text);
}

static json_t *json_hex(const uint8_t *bytes, size_t len)
{
    char text[129];
    if (multibase_encode(MULTIBASE_16, slice_of(bytes, len), text, sizeof text) !=
        PANDO_OK)
        return NULL;
    return json_string(text);
}

static json_t *json_number(uint64_t value)
{
    return json_integer((json_int_t)value); /* below 2^63: receipts are sane */
}

static json_t *json_limits(const struct exec_limits *l)
{
    json_t *names = json_array();
    for (uint32_t bit = 1; bit < EXEC_CAP_ALL; bit <<= 1)
        if ((l->capabilities & bit) != 0)
            (void)json_array_append_new(names, json_string(exec_capability_name(bit)));
    json_t *o = json_object();
    (void)json_object_set_new(o, "memory_mb", json_number(l->memory_mb));
    (void)json_object_set_new(o, "execution_time_ms", json_number(l->execution_time_ms));
    (void)json_object_set_new(o, "fuel", json_number(l->fuel));
    (void)json_object_set_new(o, "max_io", json_number(l->max_io));
    (void)json_object_set_new(o, "capsule_max", json_number(l->capsule_max));
    (void)json_object_set_new(o, "capabilities", names);
    return o;
}

static bool has_space(const struct receipt *r)
{
    static const struct pando_id none;
    return !id_equal(&r->space, &none);
}

static json_t *json_receipt(const struct receipt *r)
{
    const struct pando_id id = receipt_id(r);
    char time[HOSTCALL_ISO_SIZE];
    hostcall_iso8601(r->time.ms, time);
    json_t *o = json_object();
    (void)json_object_set_new(o, "version", json_number(RECEIPT_VERSION));
    (void)json_object_set_new(o, "id", json_link(CID_DAG_CBOR, &id));
    (void)json_object_set_new(o, "capsule", json_link(CID_RAW, &r->capsule));
    (void)json_object_set_new(o, "input", json_link(CID_RAW, &r->input));
    (void)json_object_set_new(o, "output", json_link(CID_RAW, &r->output));
    if (has_space(r))
        (void)json_object_set_new(o, "space",
                                  json_hex(r->space.bytes, sizeof r->space.bytes));
    (void)json_object_set_new(o, "fuel_used", json_number(r->fuel_used));
    (void)json_object_set_new(o, "memory_bytes", json_number(r->memory_bytes));
    (void)json_object_set_new(o, "duration_us", json_number(r->duration_us));
    (void)json_object_set_new(o, "host_calls", json_number(r->host_calls));
    (void)json_object_set_new(o, "engine", json_string(r->engine));
    (void)json_object_set_new(o, "limits", json_limits(&r->limits));
    (void)json_object_set_new(o, "nonce", json_number(r->nonce));
    (void)json_object_set_new(o, "time", json_string(time));
    (void)json_object_set_new(o, "time_ms", json_number((uint64_t)r->time.ms));
    (void)json_object_set_new(o, "node", json_hex(r->node.bytes, sizeof r->node.bytes));
    (void)json_object_set_new(o, "signature",
                              json_hex(r->sig.bytes, sizeof r->sig.bytes));
    return o;
}

enum pando_status receipt_to_json(const struct receipt *r, bool pretty,
                                  struct pando_buf *ret_text)
{
    json_t *o = json_receipt(r);
    char *text = json_dumps(o, pretty ? JSON_INDENT(2) : JSON_COMPACT);
    json_decref(o);
    if (text == NULL)
        return PANDO_NOMEM;
    const enum pando_status st = buf_append(ret_text, slice_text(text));
    free(text);
    return st;
}

/* Reads fields of one object; the first thing wrong is kept and ends the reading. */
struct fields {
    const json_t *object;
    const char *wrong; /* key */
    size_t taken;
};

static const json_t *take(struct fields *f, const char *key)
{
    const json_t *value = json_object_get(f->object, key);
    if (value == NULL && f->wrong == NULL)
        f->wrong = key;
    f->taken++;
    return value;
}

static void wrong(struct fields *f, const char *key)
{
    if (f->wrong == NULL)
        f->wrong = key;
}

static uint64_t take_number(struct fields *f, const char *key, uint64_t max)
{
    const json_t *value = take(f, key);
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number > max) {
        wrong(f, key);
        return 0;
    }
    return (uint64_t)number;
}

static uint32_t take_number32(struct fields *f, const char *key)
{
    return (uint32_t)take_number(f, key, UINT32_MAX);
}

static struct pando_id take_link(struct fields *f, const char *key, uint16_t codec)
{
    struct pando_id id = { { 0 } };
    struct cid cid;
    const char *text = json_string_value(take(f, key));
    if (text == NULL || cid_parse(text, &cid) != PANDO_OK || cid.version != 1 ||
        cid.codec != codec || cid_sha256(&cid, &id) != PANDO_OK)
        wrong(f, key);
    return id;
}

static void take_hex(struct fields *f, const char *key, uint8_t *to, size_t len)
{
    size_t got = 0;
    const char *text = json_string_value(take(f, key));
    if (text == NULL ||
        multibase_decode(MULTIBASE_16, slice_text(text), to, len, &got) != PANDO_OK ||
        got != len)
        wrong(f, key);
}

static void take_engine(struct fields *f, char engine[RECEIPT_ENGINE_SIZE])
{
    const char *text = json_string_value(take(f, "engine"));
    if (text == NULL || strlen(text) >= RECEIPT_ENGINE_SIZE)
        wrong(f, "engine");
    else
        memcpy(engine, text, strlen(text));
}

/* The limits object is the text that --limits takes, every key present. */
static void take_limits(struct fields *f, struct exec_limits *l)
{
    struct fields in = { .object = take(f, "limits") };
    l->memory_mb = take_number32(&in, "memory_mb");
    l->execution_time_ms = take_number32(&in, "execution_time_ms");
    l->fuel = take_number(&in, "fuel", EXEC_FUEL_MAX);
    l->max_io = take_number32(&in, "max_io");
    l->capsule_max = take_number32(&in, "capsule_max");
    const json_t *names = take(&in, "capabilities");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const uint32_t bit = name == NULL ? 0 : exec_capability_find(name);
        if (bit == 0 || (l->capabilities & bit) != 0)
            wrong(&in, "capabilities");
        l->capabilities |= bit;
    }
    if (!json_is_array(names) || json_object_size(in.object) != in.taken)
        wrong(&in, "limits");
    if (in.wrong != NULL)
        wrong(f, in.wrong);
}

static void take_time(struct fields *f, struct pando_wall *ret)
{
    ret->ms = (int64_t)take_number(f, "time_ms", (uint64_t)HOSTCALL_WALL_MAX);
    char text[HOSTCALL_ISO_SIZE];
    hostcall_iso8601(ret->ms, text);
    const char *shown = json_string_value(take(f, "time"));
    if (shown == NULL || strcmp(shown, text) != 0)
        wrong(f, "time");
}

static const char *read_fields(const json_t *object, struct receipt *r)
{
    struct fields f = { .object = object };
    if (take_number(&f, "version", UINT32_MAX) != RECEIPT_VERSION)
        wrong(&f, "version");
    const struct pando_id id = take_link(&f, "id", CID_DAG_CBOR);
    r->capsule = take_link(&f, "capsule", CID_RAW);
    r->input = take_link(&f, "input", CID_RAW);
    r->output = take_link(&f, "output", CID_RAW);
    if (json_object_get(object, "space") != NULL)
        take_hex(&f, "space", r->space.bytes, sizeof r->space.bytes);
    r->fuel_used = take_number(&f, "fuel_used", INT64_MAX);
    r->memory_bytes = take_number(&f, "memory_bytes", INT64_MAX);
    r->duration_us = take_number(&f, "duration_us", INT64_MAX);
    r->host_calls = take_number32(&f, "host_calls");
    take_engine(&f, r->engine);
    take_limits(&f, &r->limits);
    r->nonce = take_number(&f, "nonce", INT64_MAX);
    take_time(&f, &r->time);
    take_hex(&f, "node", r->node.bytes, sizeof r->node.bytes);
    take_hex(&f, "signature", r->sig.bytes, sizeof r->sig.bytes);
    if (f.wrong != NULL)
        return f.wrong;
    if (json_object_size(object) != f.taken)
        return "an unknown key";
    uint8_t bytes[RECEIPT_SIZE_MAX];
    size_t len;
    if (receipt_encode(r, bytes, &len) != PANDO_OK)
        return "a field out of range";
    const struct pando_id real = crypto_sha256(slice_of(bytes, len));
    return id_equal(&real, &id) ? NULL
                                : "id (the content has another one: it was changed)";
}

enum pando_status receipt_from_json(struct pando_slice text, struct receipt *ret,
                                    struct pando_err *reterr)
{
    if (text.len > RECEIPT_JSON_MAX)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "receipt: more than %u bytes of JSON", RECEIPT_JSON_MAX);
    json_error_t error;
    json_t *o =
        json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (o == NULL)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "receipt: not JSON: %s (line %d, column %d)", error.text,
                             error.line, error.column);
    struct receipt r;
    memset(&r, 0, sizeof r);
    const char *bad = json_is_object(o) ? read_fields(o, &r) : "the whole: not an object";
    json_decref(o);
    if (bad != NULL)
        return pando_err_set(reterr, PANDO_MALFORMED, "receipt: missing or wrong: %s",
                             bad);
    *ret = r;
    return PANDO_OK;
}
