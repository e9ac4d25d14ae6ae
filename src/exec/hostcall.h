/* hostcall.h - the functions that a capsule may import from `env`, and what they cost.
 *
 * All take pointers and lengths as i32, read as unsigned. A function with an output takes
 * its place and its room and returns the length written, or one of the negative codes
 * below. A range outside linear memory ends the run, as a load there would. Each call is
 * charged `base` fuel, and `per_byte` for each byte of the lengths marked in `lens`,
 * before it works: host work is bounded by fuel like everything else.
 *
 * The functions see a frame, not the engine: arguments, linear memory, and the facts of
 * the run. A frame that found something wrong is `failed` and ends the run.
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

/* name, capability, parameters, result (l: i64, v: none), lens, base, per_byte */
#define HOSTCALL_MAP(X)                                                                 \
    X(hash_commit, HASH, 3, 'i', 0x2, 200, 2)    /* in, len, out32 -> 32 */             \
    X(hash_verify, HASH, 3, 'i', 0x2, 200, 2)    /* in, len, digest32 -> 1 or 0 */      \
    X(hmac_sha256, HASH, 5, 'i', 0xa, 400, 2)    /* key, len, in, len, out32 -> 32 */   \
    X(json_path, JSON, 6, 'i', 0xa, 500, 10)     /* doc, len, path, len, out, room */   \
    X(json_extract, JSON, 6, 'i', 0xa, 500, 10)  /* likewise; a string comes unquoted */ \
    X(base64_encode, BASE64, 4, 'i', 0x2, 100, 2) /* in, len, out, room */              \
    X(base64_decode, BASE64, 4, 'i', 0x2, 100, 2) /* in, len, out, room */              \
    X(time_now_ms, TIME, 0, 'l', 0, 50, 0)       /* -> ms since 1970 */                 \
    X(time_iso8601, TIME, 2, 'i', 0, 100, 0)     /* out, room -> 24 */                  \
    X(random_bytes, RANDOM, 2, 'i', 0x2, 200, 4) /* out, len -> len */                  \
    X(random_u32, RANDOM, 0, 'i', 0, 200, 0)     /* -> the number */                    \
    X(abort, NONE, 4, 'v', 0, 0, 0)              /* message, file, line, column */

enum hostcall {
#define X(name, cap, params, result, lens, base, per_byte) HOSTCALL_##name,
    HOSTCALL_MAP(X)
#undef X
    HOSTCALL_LEN,
};

/* The capsule's source of randomness: SHA-256 of a key and a counter. */
struct hostcall_random {
    uint8_t key[32];
    uint8_t block[32];
    uint64_t counter;
    uint32_t left; /* bytes of the block not yet given out */
    bool keyed;
};

struct hostcall_frame {
    uint8_t *memory;
    size_t memory_len;
    uint32_t args[HOSTCALL_PARAMS_MAX];
    const struct exec_request *request;
    const struct pando_id *capsule;
    struct hostcall_random *random;
    enum exec_failure failed; /* EXEC_FAIL_NONE: go on */
    char text[EXEC_TEXT_SIZE];
};

/* What a call does: returns its result (i32 sign-extended), or sets frame->failed. */
typedef int64_t hostcall_function(struct hostcall_frame *frame);

struct hostcall_info {
    const char *name;
    hostcall_function *run;
    uint32_t capability;
    uint32_t base, per_byte;
    uint8_t params; /* all i32 */
    uint8_t lens;   /* bit i: argument i is a length that is paid for */
    char result;
};

/* Facts about one; `call` < HOSTCALL_LEN. */
const struct hostcall_info *hostcall_info(enum hostcall call);
/* Its number by name; HOSTCALL_LEN when there is none. */
enum hostcall hostcall_find(const char *name, size_t len);
/* Fuel that a call with these arguments costs. */
uint64_t hostcall_cost(const struct hostcall_info *info, const uint32_t *args);

/* A range of linear memory; fails the frame when it lies outside. */
struct pando_slice hostcall_in(struct hostcall_frame *f, uint32_t at, uint32_t len);
/* Likewise for writing; NULL after a failure. */
uint8_t *hostcall_out(struct hostcall_frame *f, uint32_t at, uint32_t len);

/* "2026-11-20T20:17:20.000Z": 24 characters, for years 1970 to 9999. */
#define HOSTCALL_ISO_SIZE 25
#define HOSTCALL_WALL_MAX INT64_C(253402300799999)
void hostcall_iso8601(int64_t ms, char ret_text[HOSTCALL_ISO_SIZE]);

/* The functions themselves, by the file that holds them. */
#define X(name, cap, params, result, lens, base, per_byte)                              \
    int64_t hostcall_do_##name(struct hostcall_frame *frame);
HOSTCALL_MAP(X)
#undef X

#endif
