#include "exec/limits.h"

#include <string.h>

#include <jansson.h>

#include "base/near.h"

#define LIMITS_JSON_MAX (16u << 10)

struct field {
    const char *key;
    const char *alias; /* what the seed calls it */
    size_t at;
    bool wide; /* uint64_t, else uint32_t */
    uint64_t min, max;
};

#define AT(member) offsetof(struct exec_limits, member)
static const struct field fields[] = {
    { "memory_mb", "memory_limit_mb", AT(memory_mb), false, 1, EXEC_MEMORY_MB_MAX },
    { "execution_time_ms", "time_ms", AT(execution_time_ms), false, 1, EXEC_TIME_MS_MAX },
    { "fuel", "fuel_limit", AT(fuel), true, 1, EXEC_FUEL_MAX },
    { "max_io", "max_io_size", AT(max_io), false, 0, EXEC_IO_MAX },
    { "capsule_max", "capsule_size", AT(capsule_max), false, 8, EXEC_CAPSULE_MAX },
};
#define FIELDS_LEN (sizeof fields / sizeof *fields)

static const struct {
    uint32_t bit;
    const char *name;
} capabilities[] = {
#define X(name, bit, text) { EXEC_CAP_##name, text },
    EXEC_CAPABILITY_MAP(X)
#undef X
};
#define CAPABILITIES_LEN (sizeof capabilities / sizeof *capabilities)

static struct exec_limits made(uint32_t memory_mb, uint32_t time_ms, uint64_t fuel,
                               uint32_t granted)
{
    return (struct exec_limits){ .fuel = fuel,
                                 .memory_mb = memory_mb,
                                 .execution_time_ms = time_ms,
                                 .capabilities = granted,
                                 .max_io = EXEC_IO_MAX,
                                 .capsule_max = EXEC_CAPSULE_DEFAULT };
}

struct exec_limits exec_limits_default(void)
{
    return made(32, 1000, 1000000, EXEC_CAP_HASH | EXEC_CAP_JSON);
}

enum pando_status exec_limits_preset(const char *name, struct exec_limits *ret)
{
    if (strcmp(name, "default") == 0)
        *ret = exec_limits_default();
    else if (strcmp(name, "development") == 0)
        *ret = made(64, 5000, 10000000, EXEC_CAP_ALL);
    else if (strcmp(name, "production") == 0)
        *ret = made(16, 500, 500000, EXEC_CAP_HASH);
    else if (strcmp(name, "test") == 0)
        *ret = made(64, 5000, 10000000,
                    EXEC_CAP_HASH | EXEC_CAP_JSON | EXEC_CAP_BASE64 | EXEC_CAP_TIME);
    else
        return PANDO_NOT_FOUND;
    return PANDO_OK;
}

const char *exec_capability_name(uint32_t bit)
{
    for (size_t i = 0; i < CAPABILITIES_LEN; i++)
        if (capabilities[i].bit == bit)
            return capabilities[i].name;
    return "?";
}

uint32_t exec_capability_find(const char *name)
{
    for (size_t i = 0; i < CAPABILITIES_LEN; i++)
        if (strcasecmp(capabilities[i].name, name) == 0)
            return capabilities[i].bit;
    return 0;
}

static uint64_t field_get(const struct field *f, const struct exec_limits *l)
{
    const char *at = (const char *)l + f->at;
    return f->wide ? *(const uint64_t *)(const void *)at
                   : *(const uint32_t *)(const void *)at;
}

static void field_put(const struct field *f, struct exec_limits *l, uint64_t value)
{
    char *at = (char *)l + f->at;
    if (f->wide)
        *(uint64_t *)(void *)at = value;
    else
        *(uint32_t *)(void *)at = (uint32_t)value;
}

static enum pando_status out_of_range(const struct field *f, struct pando_err *reterr)
{
    return pando_err_set(reterr, PANDO_INVALID,
                         "limits: %s must be a whole number from %llu to %llu", f->key,
                         (unsigned long long)f->min, (unsigned long long)f->max);
}

enum pando_status exec_limits_check(const struct exec_limits *limits,
                                    struct pando_err *reterr)
{
    for (size_t i = 0; i < FIELDS_LEN; i++) {
        const uint64_t value = field_get(&fields[i], limits);
        if (value < fields[i].min || value > fields[i].max)
            return out_of_range(&fields[i], reterr);
    }
    if ((limits->capabilities & ~(uint32_t)EXEC_CAP_ALL) != 0)
        return pando_err_set(reterr, PANDO_INVALID,
                             "limits: unknown capability bits 0x%x",
                             (unsigned)limits->capabilities);
    return PANDO_OK;
}

static enum pando_status unknown_key(const char *key, struct pando_err *reterr)
{
    struct near_search n = { .word = key };
    for (size_t i = 0; i < FIELDS_LEN; i++)
        near_offer(&n, fields[i].key);
    near_offer(&n, "capabilities");
    near_offer(&n, "preset");
    return pando_err_set(
        reterr, PANDO_INVALID,
        "limits: unknown key \"%.60s\"%s%s%s. Known are memory_mb, "
        "execution_time_ms, fuel, capabilities, max_io, capsule_max, preset",
        key, n.best == NULL ? "" : "; did you mean \"", n.best == NULL ? "" : n.best,
        n.best == NULL ? "" : "\"?");
}

static enum pando_status unknown_capability(const char *name, struct pando_err *reterr)
{
    struct near_search n = { .word = name };
    for (size_t i = 0; i < CAPABILITIES_LEN; i++)
        near_offer(&n, capabilities[i].name);
    return pando_err_set(
        reterr, PANDO_INVALID,
        "limits: unknown capability \"%.60s\"%s%s%s. Known are hash, json, base64, "
        "time, random, all",
        name, n.best == NULL ? "" : "; did you mean \"", n.best == NULL ? "" : n.best,
        n.best == NULL ? "" : "\"?");
}

static enum pando_status read_capabilities(const json_t *list, struct exec_limits *l,
                                           struct pando_err *reterr)
{
    if (!json_is_array(list))
        return pando_err_set(
            reterr, PANDO_INVALID,
            "limits: capabilities must be a list, such as [\"hash\",\"json\"]");
    uint32_t bits = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name != NULL && strcasecmp(name, "all") == 0) {
            bits |= EXEC_CAP_ALL;
            continue;
        }
        const uint32_t bit = name == NULL ? 0 : exec_capability_find(name);
        if (bit == 0)
            return unknown_capability(name == NULL ? "" : name, reterr);
        bits |= bit;
    }
    l->capabilities = bits;
    return PANDO_OK;
}

static enum pando_status read_member(const char *key, const json_t *value,
                                     struct exec_limits *l, struct pando_err *reterr)
{
    if (strcmp(key, "preset") == 0)
        return PANDO_OK; /* was applied first */
    if (strcmp(key, "capabilities") == 0)
        return read_capabilities(value, l, reterr);
    for (size_t i = 0; i < FIELDS_LEN; i++) {
        const struct field *f = &fields[i];
        if (strcmp(key, f->key) != 0 && strcmp(key, f->alias) != 0)
            continue;
        const json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < 0 || (uint64_t)number < f->min ||
            (uint64_t)number > f->max)
            return out_of_range(f, reterr);
        field_put(f, l, (uint64_t)number);
        return PANDO_OK;
    }
    return unknown_key(key, reterr);
}

static enum pando_status read_object(json_t *root, struct exec_limits *l,
                                     struct pando_err *reterr)
{
    if (!json_is_object(root))
        return pando_err_set(reterr, PANDO_INVALID,
                             "limits: expected an object, such as {\"fuel\":500000}");
    const json_t *preset = json_object_get(root, "preset");
    if (preset != NULL) {
        const char *name = json_string_value(preset);
        if (name == NULL || exec_limits_preset(name, l) != PANDO_OK)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "limits: preset must be \"default\", "
                                 "\"development\", \"production\" or \"test\"");
    }
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        const enum pando_status st = read_member(key, value, l, reterr);
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_OK;
}

enum pando_status exec_limits_parse(struct pando_slice json,
                                    const struct exec_limits *base,
                                    struct exec_limits *ret, struct pando_err *reterr)
{
    if (json.len > LIMITS_JSON_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "limits: text is longer than 16 KiB");
    json_error_t error;
    json_t *root =
        json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "limits: not JSON: %s (line %d, column %d)", error.text,
                             error.line, error.column);
    struct exec_limits limits = *base;
    const enum pando_status st = read_object(root, &limits, reterr);
    json_decref(root);
    if (st != PANDO_OK)
        return st;
    *ret = limits;
    return PANDO_OK;
}
