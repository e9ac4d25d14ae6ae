/* config.c - the limits of a dag, and what a space's configuration may say about them. */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/json.h"

#include <string.h>

static const struct dag_config DEFAULTS = {
    .pending_max = 16384,
    .orphans_max = 8192,
    .orphan_bytes_max = 16u << 20,
    .verify_jobs_max = 8,
    .verify_batch = 128,
    .rate = 50000,
    .burst = 100000,
    .ahead_ms = 600000,
    .heartbeat = { 10000000000u },
    .heads_every = { 5000000000u },
    .heads_every_max = { 60000000000u },
    .orphan_life = { 60000000000u },
    .grace = { 150000000u },
    .stall = { 5000000000u },
    .blob_max = BLOB_SIZE_MAX,
};

struct option {
    const char *name;
    uint64_t min, max;
    size_t offset;
    enum { OPTION_U32, OPTION_U64, OPTION_MS } type; /* MS: milliseconds into a span */
};

#define FIELD(name) offsetof(struct dag_config, name)

static const struct option OPTIONS[] = {
    { "pending_max", 16, 1u << 20, FIELD(pending_max), OPTION_U32 },
    { "orphans_max", 1, 1u << 20, FIELD(orphans_max), OPTION_U32 },
    { "orphan_bytes_max", 1u << 16, 1u << 30, FIELD(orphan_bytes_max), OPTION_U64 },
    { "verify_jobs_max", 1, DAG_VERIFY_JOBS_MAX, FIELD(verify_jobs_max), OPTION_U32 },
    { "verify_batch", 2, SPACE_VERIFY_MAX, FIELD(verify_batch), OPTION_U32 },
    { "rate", 1, 10000000, FIELD(rate), OPTION_U32 },
    { "burst", 1, 10000000, FIELD(burst), OPTION_U32 },
    { "ahead_ms", 0, UINT64_C(86400000) * 365, FIELD(ahead_ms), OPTION_U64 },
    { "heartbeat_ms", 1000, 86400000, FIELD(heartbeat), OPTION_MS },
    { "heads_ms", 50, 3600000, FIELD(heads_every), OPTION_MS },
    { "heads_max_ms", 50, 3600000, FIELD(heads_every_max), OPTION_MS },
    { "orphan_ms", 100, 3600000, FIELD(orphan_life), OPTION_MS },
    { "grace_ms", 1, 60000, FIELD(grace), OPTION_MS },
    { "stall_ms", 100, 600000, FIELD(stall), OPTION_MS },
    { "blob_max", 1, BLOB_SIZE_MAX, FIELD(blob_max), OPTION_U64 },
};

static void store(struct dag_config *c, const struct option *o, uint64_t value)
{
    uint8_t *at = (uint8_t *)c + o->offset;
    const uint32_t narrow = (uint32_t)value;
    const struct pando_span span = PANDO_MSEC(value);
    switch (o->type) {
    case OPTION_U32:
        memcpy(at, &narrow, sizeof narrow);
        return;
    case OPTION_U64:
        memcpy(at, &value, sizeof value);
        return;
    case OPTION_MS:
        memcpy(at, &span, sizeof span);
        return;
    }
}

static enum pando_status load_one(struct dag_config *c, const char *name,
                                  const json_t *value, struct pando_err *reterr)
{
    for (size_t i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0]; i++) {
        const struct option *o = &OPTIONS[i];
        if (strcmp(name, o->name) != 0)
            continue;
        const json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < 0 || (uint64_t)number < o->min ||
            (uint64_t)number > o->max)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "dag: \"%s\" must be a whole number from %llu to %llu",
                                 name, (unsigned long long)o->min,
                                 (unsigned long long)o->max);
        store(c, o, (uint64_t)number);
        return PANDO_OK;
    }
    return pando_err_set(reterr, PANDO_INVALID, "dag: there is no option \"%s\"", name);
}

static enum pando_status load_addresses(const json_t *value, struct pando_buf *ret,
                                        struct pando_err *reterr)
{
    const json_t *one;
    size_t i;
    enum pando_status st = buf_append(ret, slice_text("["));
    json_array_foreach(value, i, one)
    {
        if (!json_is_string(one))
            return pando_err_set(reterr, PANDO_INVALID,
                                 "dag: \"addresses\" must hold strings");
        if (st == PANDO_OK && i > 0)
            st = buf_append(ret, slice_text(","));
        if (st == PANDO_OK)
            st = json_text_escape(ret, slice_text(json_string_value(one)));
    }
    return st == PANDO_OK ? buf_printf(ret, "]") : st;
}

/* {"rate":50000, ..., "addresses":["/ip4/..."]}. Empty text means all defaults. */
enum pando_status dag_config_load(struct pando_slice json, struct dag_config *ret,
                                  struct pando_buf *ret_addresses,
                                  struct pando_err *reterr)
{
    struct dag_config config = DEFAULTS;
    json_t *root = NULL, *value;
    const char *name;
    enum pando_status st = PANDO_OK;
    if (json.len > 0)
        st = json_text_parse(json, 1u << 16, &root, reterr);
    if (st != PANDO_OK)
        return st;
    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "addresses") == 0)
            st = load_addresses(value, ret_addresses, reterr);
        else
            st = load_one(&config, name, value, reterr);
        if (st != PANDO_OK)
            break;
    }
    json_decref(root);
    if (st == PANDO_OK)
        *ret = config;
    return st;
}
