/* limits.h - what one run of a capsule may use, and which host functions it may call.
 *
 * Limits are part of a receipt: a replay under the same limits sees the same outcome. The
 * four presets are the ones that Tenzik users know; JSON text (`--limits`) changes single
 * fields of a preset.
 */
#ifndef EXEC_LIMITS_H
#define EXEC_LIMITS_H

#include <pando/status.h>
#include <pando/types.h>

#define EXEC_IO_MAX (1u << 20)         /* input or output of one run, at most */
#define EXEC_CAPSULE_MAX (1u << 20)    /* the largest value of limits.capsule_max */
#define EXEC_CAPSULE_DEFAULT (5u << 10)
#define EXEC_MEMORY_MB_MAX 1024u
#define EXEC_TIME_MS_MAX 600000u
#define EXEC_FUEL_MAX (UINT64_C(1) << 48)

/* A capability: bit, name in JSON and receipts. The functions lie in hostcall.h. */
#define EXEC_CAPABILITY_MAP(X)                                                          \
    X(HASH, 0, "hash")                                                                  \
    X(JSON, 1, "json")                                                                  \
    X(BASE64, 2, "base64")                                                              \
    X(TIME, 3, "time")                                                                  \
    X(RANDOM, 4, "random")

enum exec_capability {
#define X(name, bit, text) EXEC_CAP_##name = 1 << (bit),
    EXEC_CAPABILITY_MAP(X)
#undef X
    EXEC_CAP_NONE = 0,
    EXEC_CAP_ALL = 31,
};

struct exec_limits {
    uint64_t fuel;              /* of the engine's count, host calls included */
    uint32_t memory_mb;         /* linear memory, in MiB */
    uint32_t execution_time_ms; /* wall clock of one run */
    uint32_t capabilities;      /* bits of enum exec_capability */
    uint32_t max_io;            /* bytes of input, and of output */
    uint32_t capsule_max;       /* bytes of the module */
};

/* default: 32 MiB, 1 s, 1 M fuel, hash + json. */
struct exec_limits exec_limits_default(void);
/* "default", "development", "production" or "test". Errors: PANDO_NOT_FOUND. */
enum pando_status exec_limits_preset(const char *name,
                                     struct exec_limits *ret) PANDO_MUST_USE;
/* Change `base` by a JSON object: preset, memory_mb, execution_time_ms, fuel,
 * capabilities (array of names), max_io, capsule_max; the seed's
 * memory_limit_mb, fuel_limit and max_io_size are the same fields.
 * Errors: PANDO_INVALID with the offending key, the nearest known one and the range. */
enum pando_status exec_limits_parse(struct pando_slice json,
                                    const struct exec_limits *base,
                                    struct exec_limits *ret,
                                    struct pando_err *reterr) PANDO_MUST_USE;
/* PANDO_OK when every field is within its bounds; else PANDO_INVALID and the reason. */
enum pando_status exec_limits_check(const struct exec_limits *limits,
                                    struct pando_err *reterr) PANDO_MUST_USE;

/* The name of one capability bit; "?" for none. */
const char *exec_capability_name(uint32_t bit);
/* The bit of a name, in any case of letters; 0 when there is none. */
uint32_t exec_capability_find(const char *name);

#endif
