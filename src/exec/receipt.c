#include "exec/receipt.h"

#include <string.h>

#include "base/assert.h"
#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cid.h"
#include "exec/hostcall.h"

#define SIGN_PREFIX "pando/receipt/1"
#define FIELDS_LEN 16
#define LIMITS_LEN 6

/* Capsule, input and output: links to raw blocks. */
static void put_link(struct wire_writer *w, const char *key, const struct pando_id *id)
{
    cbor_put_key(w, key);
    cbor_put_link(w, CID_RAW, id);
}

static void put_uint(struct wire_writer *w, const char *key, uint64_t value)
{
    cbor_put_key(w, key);
    cbor_put_uint(w, value);
}

static void put_bytes(struct wire_writer *w, const char *key, const uint8_t *bytes,
                      size_t len)
{
    cbor_put_key(w, key);
    cbor_put_bytes(w, slice_of(bytes, len));
}

static void put_limits(struct wire_writer *w, const struct exec_limits *l)
{
    cbor_put_key(w, "limits");
    cbor_put_map(w, LIMITS_LEN);
    put_uint(w, "io", l->max_io);
    put_uint(w, "fuel", l->fuel);
    put_uint(w, "time", l->execution_time_ms);
    put_uint(w, "memory", l->memory_mb);
    put_uint(w, "capsule", l->capsule_max);
    put_uint(w, "capabilities", l->capabilities);
}

/* The canonical map, with or without the signature. */
static void put_receipt(struct wire_writer *w, const struct receipt *r, bool with_sig)
{
    cbor_put_map(w, with_sig ? FIELDS_LEN : FIELDS_LEN - 1);
    put_uint(w, "v", RECEIPT_VERSION);
    put_link(w, "in", &r->input);
    put_link(w, "out", &r->output);
    if (with_sig)
        put_bytes(w, "sig", r->sig.bytes, sizeof r->sig.bytes);
    put_uint(w, "fuel", r->fuel_used);
    put_bytes(w, "node", r->node.bytes, sizeof r->node.bytes);
    put_uint(w, "time", (uint64_t)r->time.ms);
    put_uint(w, "calls", r->host_calls);
    put_uint(w, "nonce", r->nonce);
    put_bytes(w, "space", r->space.bytes, sizeof r->space.bytes);
    cbor_put_key(w, "engine");
    cbor_put_text(w, slice_text(r->engine));
    put_limits(w, &r->limits);
    put_uint(w, "memory", r->memory_bytes);
    put_uint(w, "status", 0); /* only runs that completed are certified */
    put_link(w, "capsule", &r->capsule);
    put_uint(w, "duration", r->duration_us);
}

static bool engine_is_sane(const char engine[RECEIPT_ENGINE_SIZE])
{
    const size_t len = strnlen(engine, RECEIPT_ENGINE_SIZE);
    if (len == 0 || len == RECEIPT_ENGINE_SIZE)
        return false;
    for (size_t i = 0; i < len; i++)
        if (engine[i] <= 0x20 || engine[i] >= 0x7f)
            return false;
    return true;
}

/* What no honest receipt breaks; numbers stay below 2^63 so that JSON can carry them. */
static bool is_sane(const struct receipt *r)
{
    const struct exec_limits *l = &r->limits;
    return exec_limits_check(l, NULL) == PANDO_OK && engine_is_sane(r->engine) &&
           r->time.ms >= 0 && r->time.ms <= HOSTCALL_WALL_MAX &&
           r->fuel_used <= l->fuel && r->memory_bytes <= (uint64_t)l->memory_mb << 20 &&
           r->duration_us <= INT64_MAX && r->nonce <= INT64_MAX;
}

enum pando_status receipt_make(const struct exec_request *request,
                               const struct exec_result *result,
                               const struct pando_id *space, struct receipt *ret)
{
    if (result->failure != EXEC_FAIL_NONE)
        return PANDO_INVALID;
    struct receipt r = {
        .capsule = result->capsule,
        .input = result->input_id,
        .output = result->output_id,
        .limits = request->limits,
        .fuel_used = result->metrics.fuel_used,
        .memory_bytes = result->metrics.memory_bytes,
        .duration_us = result->metrics.duration_us,
        .nonce = request->nonce,
        .time = request->time,
        .host_calls = result->metrics.host_calls,
    };
    if (space != NULL)
        r.space = *space;
    const char *engine = exec_engine_name();
    PANDO_ASSERT(strlen(engine) < sizeof r.engine);
    memcpy(r.engine, engine, strlen(engine));
    if (!is_sane(&r))
        return PANDO_INVALID;
    *ret = r;
    return PANDO_OK;
}

enum pando_status receipt_encode(const struct receipt *r,
                                 uint8_t ret_bytes[RECEIPT_SIZE_MAX], size_t *ret_len)
{
    if (!is_sane(r))
        return PANDO_INVALID;
    struct wire_writer w = wire_write(ret_bytes, RECEIPT_SIZE_MAX);
    put_receipt(&w, r, true);
    if (w.failed)
        return PANDO_FULL;
    *ret_len = w.len;
    return PANDO_OK;
}

enum pando_status receipt_signed_bytes(const struct receipt *r,
                                       uint8_t ret_bytes[RECEIPT_SIGNED_MAX],
                                       size_t *ret_len)
{
    if (!is_sane(r))
        return PANDO_INVALID;
    struct wire_writer w = wire_write(ret_bytes, RECEIPT_SIGNED_MAX);
    wire_put_bytes(&w, slice_text(SIGN_PREFIX));
    wire_put_bytes(&w, SLICE_OF(r->space.bytes));
    put_receipt(&w, r, false);
    if (w.failed)
        return PANDO_FULL;
    *ret_len = w.len;
    return PANDO_OK;
}

void receipt_sign(struct receipt *r, const struct crypto_secret *secret)
{
    uint8_t bytes[RECEIPT_SIGNED_MAX];
    size_t len = 0;
    r->node = crypto_public(secret);
    const enum pando_status st = receipt_signed_bytes(r, bytes, &len);
    PANDO_ASSERT(st == PANDO_OK); /* receipt_make checked the fields */
    r->sig = crypto_sign(secret, slice_of(bytes, len));
}

static uint64_t get_uint(struct wire_reader *r, const char *key)
{
    cbor_expect_key(r, key);
    return cbor_get_uint(r);
}

static uint32_t get_uint32(struct wire_reader *r, const char *key)
{
    const uint64_t value = get_uint(r, key);
    if (value > UINT32_MAX)
        r->failed = true;
    return (uint32_t)value;
}

static struct pando_id get_link(struct wire_reader *r, const char *key)
{
    cbor_expect_key(r, key);
    return cbor_get_link(r, CID_RAW);
}

static void get_bytes(struct wire_reader *r, const char *key, uint8_t *to, size_t len)
{
    cbor_expect_key(r, key);
    const struct pando_slice s = cbor_get_bytes(r, len);
    if (s.len != len)
        r->failed = true;
    else
        memcpy(to, s.ptr, len);
}

static void get_limits(struct wire_reader *r, struct exec_limits *l)
{
    cbor_expect_key(r, "limits");
    if (cbor_get_map(r, LIMITS_LEN) != LIMITS_LEN)
        r->failed = true;
    l->max_io = get_uint32(r, "io");
    l->fuel = get_uint(r, "fuel");
    l->execution_time_ms = get_uint32(r, "time");
    l->memory_mb = get_uint32(r, "memory");
    l->capsule_max = get_uint32(r, "capsule");
    l->capabilities = get_uint32(r, "capabilities");
}

static void get_engine(struct wire_reader *r, char engine[RECEIPT_ENGINE_SIZE])
{
    cbor_expect_key(r, "engine");
    const struct pando_slice text = cbor_get_text(r, RECEIPT_ENGINE_SIZE - 1);
    if (text.len > 0)
        memcpy(engine, text.ptr, text.len);
    if (memchr(engine, 0, RECEIPT_ENGINE_SIZE) != engine + text.len)
        r->failed = true; /* a zero byte inside would be lost */
}

static void get_receipt(struct wire_reader *r, struct receipt *to)
{
    to->input = get_link(r, "in");
    to->output = get_link(r, "out");
    get_bytes(r, "sig", to->sig.bytes, sizeof to->sig.bytes);
    to->fuel_used = get_uint(r, "fuel");
    get_bytes(r, "node", to->node.bytes, sizeof to->node.bytes);
    const uint64_t ms = get_uint(r, "time");
    to->time.ms = ms > INT64_MAX ? -1 : (int64_t)ms;
    to->host_calls = get_uint32(r, "calls");
    to->nonce = get_uint(r, "nonce");
    get_bytes(r, "space", to->space.bytes, sizeof to->space.bytes);
    get_engine(r, to->engine);
    get_limits(r, &to->limits);
    to->memory_bytes = get_uint(r, "memory");
    if (get_uint(r, "status") != 0)
        r->failed = true;
    to->capsule = get_link(r, "capsule");
    to->duration_us = get_uint(r, "duration");
}

enum pando_status receipt_decode(struct pando_slice bytes, struct receipt *ret)
{
    if (bytes.len > RECEIPT_SIZE_MAX || cbor_check(bytes) != PANDO_OK)
        return PANDO_MALFORMED;
    struct wire_reader r = wire_read(bytes);
    struct receipt receipt;
    memset(&receipt, 0, sizeof receipt);
    const size_t pairs = cbor_get_map(&r, 64);
    const uint64_t version = get_uint(&r, "v");
    if (!r.failed && version > RECEIPT_VERSION)
        return PANDO_UNSUPPORTED;
    get_receipt(&r, &receipt);
    if (!wire_read_done(&r) || pairs != FIELDS_LEN || version != RECEIPT_VERSION ||
        !is_sane(&receipt))
        return PANDO_MALFORMED;
    *ret = receipt;
    return PANDO_OK;
}

struct pando_id receipt_id(const struct receipt *r)
{
    uint8_t bytes[RECEIPT_SIZE_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    put_receipt(&w, r, true);
    PANDO_ASSERT(!w.failed);
    return crypto_sha256(wire_written(&w));
}

static const struct {
    const char *text;
    enum pando_status status;
} verdicts[] = {
#define X(name, status, text) { text, PANDO_##status },
    RECEIPT_VERDICT_MAP(X)
#undef X
};
#define VERDICTS_LEN (sizeof verdicts / sizeof *verdicts)

const char *receipt_verdict_text(enum receipt_verdict verdict)
{
    return (size_t)verdict < VERDICTS_LEN ? verdicts[verdict].text : "?";
}

enum pando_status receipt_verdict_status(enum receipt_verdict verdict)
{
    return (size_t)verdict < VERDICTS_LEN ? verdicts[verdict].status : PANDO_INVALID;
}

enum receipt_verdict receipt_verify(const struct receipt *r, struct pando_wall now,
                                    uint32_t max_age_s)
{
    uint8_t bytes[RECEIPT_SIGNED_MAX];
    size_t len = 0;
    if (receipt_signed_bytes(r, bytes, &len) != PANDO_OK)
        return RECEIPT_MALFORMED;
    if (!crypto_verify(&r->node, slice_of(bytes, len), &r->sig))
        return RECEIPT_FORGED;
    if (max_age_s == 0)
        return RECEIPT_VALID;
    if (r->time.ms > now.ms && r->time.ms - now.ms > (int64_t)RECEIPT_AHEAD_S * 1000)
        return RECEIPT_AHEAD;
    if (now.ms > r->time.ms && now.ms - r->time.ms > (int64_t)max_age_s * 1000)
        return RECEIPT_STALE;
    return RECEIPT_VALID;
}
