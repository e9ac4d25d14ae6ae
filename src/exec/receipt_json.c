/* receipt_json.c - a receipt as people and other programs read it; see receipt.h. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/slice.h"
#include "codec/cid.h"
#include "codec/multibase.h"
#include "exec/hostcall.h"
#include "exec/receipt.h"

static bool has_space(const struct receipt *r)
{
    static const struct pando_id none;
    return !id_equal(&r->space, &none);
}

static void hex(const uint8_t *bytes, size_t len, char *ret_text, size_t cap)
{
    const enum pando_status st =
        multibase_encode(MULTIBASE_16, slice_of(bytes, len), ret_text, cap);
    PANDO_ASSERT(st == PANDO_OK); /* the callers give 2 * len + 1 */
}

static enum pando_status print_ids(const struct receipt *r, const struct pando_id *id,
                                   struct pando_buf *b)
{
    char self[CID_SHA256_TEXT_SIZE], capsule[CID_SHA256_TEXT_SIZE],
        input[CID_SHA256_TEXT_SIZE], output[CID_SHA256_TEXT_SIZE];
    char space[2 * sizeof r->space.bytes + 1];
    cid_text_sha256(CID_DAG_CBOR, id, self);
    cid_text_sha256(CID_RAW, &r->capsule, capsule);
    cid_text_sha256(CID_RAW, &r->input, input);
    cid_text_sha256(CID_RAW, &r->output, output);
    const enum pando_status st =
        buf_printf(b,
                   "{\"version\":%d,\"id\":\"%s\",\"capsule\":\"%s\",\"input\":\"%s\","
                   "\"output\":\"%s\"",
                   RECEIPT_VERSION, self, capsule, input, output);
    if (st != PANDO_OK || !has_space(r))
        return st;
    hex(r->space.bytes, sizeof r->space.bytes, space, sizeof space);
    return buf_printf(b, ",\"space\":\"%s\"", space);
}

static enum pando_status print_limits(const struct exec_limits *l, struct pando_buf *b)
{
    enum pando_status st = buf_printf(
        b,
        ",\"limits\":{\"memory_mb\":%u,\"execution_time_ms\":%u,\"fuel\":%llu,"
        "\"max_io\":%u,\"capsule_max\":%u,\"capabilities\":[",
        l->memory_mb, l->execution_time_ms, (unsigned long long)l->fuel, l->max_io,
        l->capsule_max);
    const char *comma = "";
    for (uint32_t bit = 1; bit < EXEC_CAP_ALL && st == PANDO_OK; bit <<= 1) {
        if ((l->capabilities & bit) == 0)
            continue;
        st = buf_printf(b, "%s\"%s\"", comma, exec_capability_name(bit));
        comma = ",";
    }
    return st == PANDO_OK ? buf_printf(b, "]}") : st;
}

/* Printable ASCII, as receipts hold it; JSON wants two of its characters escaped. */
static enum pando_status print_engine(const char *engine, struct pando_buf *b)
{
    char text[2 * RECEIPT_ENGINE_SIZE];
    size_t len = 0;
    for (const char *c = engine; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            text[len++] = '\\';
        text[len++] = *c;
    }
    return buf_printf(b, ",\"engine\":\"%.*s\"", (int)len, text);
}

enum pando_status receipt_print(const struct receipt *r, const struct pando_id *id,
                                struct pando_buf *b)
{
    char time[HOSTCALL_ISO_SIZE];
    char node[2 * sizeof r->node.bytes + 1], sig[2 * sizeof r->sig.bytes + 1];
    hostcall_iso8601(r->time.ms, time);
    hex(r->node.bytes, sizeof r->node.bytes, node, sizeof node);
    hex(r->sig.bytes, sizeof r->sig.bytes, sig, sizeof sig);
    enum pando_status st = print_ids(r, id, b);
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"fuel_used\":%llu,\"memory_bytes\":%llu,\"duration_us\":%llu,"
                        "\"host_calls\":%u",
                        (unsigned long long)r->fuel_used,
                        (unsigned long long)r->memory_bytes,
                        (unsigned long long)r->duration_us, r->host_calls);
    if (st == PANDO_OK)
        st = print_engine(r->engine, b);
    if (st == PANDO_OK)
        st = print_limits(&r->limits, b);
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"nonce\":%llu,\"time\":\"%s\",\"time_ms\":%lld,"
                        "\"node\":\"%s\",\"signature\":\"%s\"}",
                        (unsigned long long)r->nonce, time, (long long)r->time.ms, node,
                        sig);
    return st;
}

/* The same members in the same order, on lines of their own. */
static enum pando_status print_pretty(struct pando_slice compact,
                                      struct pando_buf *ret_text)
{
    json_t *o = json_loadb((const char *)compact.ptr, compact.len, 0, NULL);
    char *text = o == NULL ? NULL : json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    const enum pando_status st =
        text == NULL ? PANDO_NOMEM : buf_append(ret_text, slice_text(text));
    free(text);
    return st;
}

enum pando_status receipt_to_json(const struct receipt *r, bool pretty,
                                  struct pando_buf *ret_text)
{
    const struct pando_id id = receipt_id(r);
    if (!pretty)
        return receipt_print(r, &id, ret_text);
    struct pando_buf compact;
    buf_init(&compact, RECEIPT_JSON_MAX);
    enum pando_status st = receipt_print(r, &id, &compact);
    if (st == PANDO_OK)
        st = print_pretty(buf_view(&compact), ret_text);
    buf_deinit(&compact);
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
