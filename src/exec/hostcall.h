/* hostcall.h - the functions that a capsule may import from `env`, and what they cost.
 *
 * All take pointers and lengths as i32, read as unsigned. A function with an output takes
 * its place and its room and returns the length written, or one of the negative codes
 * below. A range outside linear memory ends the run, as a load there would. Each call is
 * charged `base` fuel plus `per_byte` for each byte that it reads or may write, before it
 * works: host work is bounded by fuel like everything else.
 */
#ifndef EXEC_HOSTCALL_H
#define EXEC_HOSTCALL_H

#include "exec/exec.h"

#define HOSTCALL_NOT_FOUND (-1) /* the path leads to nothing */
#define HOSTCALL_MALFORMED (-2) /* JSON, path or base64 text does not parse */
#define HOSTCALL_NO_ROOM (-3)   /* the output is longer than its room */
#define HOSTCALL_TOO_LARGE (-4) /* more than HOSTCALL_JSON_MAX bytes of JSON */
#define HOSTCALL_JSON_MAX (256u << 10)
#define HOSTCALL_PARAMS_MAX 6

/* name, capability, parameters, result ('i' i32, 'l' i64, 'v' none), base, per_byte */
#define HOSTCALL_MAP(X)                                                                 \
    X(hash_commit, HASH, 3, 'i', 200, 2)    /* in, len, out32 -> 32 */                  \
    X(hash_verify, HASH, 3, 'i', 200, 2)    /* in, len, digest32 -> 1 or 0 */           \
    X(hmac_sha256, HASH, 5, 'i', 400, 2)    /* key, len, in, len, out32 -> 32 */        \
    X(json_path, JSON, 6, 'i', 500, 10)     /* doc, len, path, len, out, room */        \
    X(json_extract, JSON, 6, 'i', 500, 10)  /* likewise; a string comes unquoted */     \
    X(base64_encode, BASE64, 4, 'i', 100, 2) /* in, len, out, room */                   \
    X(base64_decode, BASE64, 4, 'i', 100, 2) /* in, len, out, room */                   \
    X(time_now_ms, TIME, 0, 'l', 50, 0)     /* -> ms since 1970 */                      \
    X(time_iso8601, TIME, 2, 'i', 100, 0)   /* out, room -> 24 */                       \
    X(random_bytes, RANDOM, 2, 'i', 200, 4) /* out, len -> len */                       \
    X(random_u32, RANDOM, 0, 'i', 200, 0)   /* -> the number */                         \
    X(abort, NONE, 4, 'v', 0, 0)            /* message, file, line, column */

enum hostcall {
#define X(name, cap, params, result, base, per_byte) HOSTCALL_##name,
    HOSTCALL_MAP(X)
#undef X
    HOSTCALL_LEN,
};

struct hostcall_info {
    const char *name;
    uint32_t capability;
    uint8_t params; /* all i32 */
    char result;
    uint32_t base, per_byte;
};

/* Facts about one; `call` < HOSTCALL_LEN. */
const struct hostcall_info *hostcall_info(enum hostcall call);
/* Its number by name; HOSTCALL_LEN when there is none. */
enum hostcall hostcall_find(const char *name, size_t len);

#endif
