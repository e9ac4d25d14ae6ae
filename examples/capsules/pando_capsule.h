/* pando_capsule.h - what a capsule written in C sees: its two exports and the host.
 *
 * Write one function, `PANDO_CAPSULE uint32_t run(const uint8_t *in, uint32_t len)`, and
 * answer with pando_reply(). Build with
 *
 *   clang --target=wasm32 -O2 -nostdlib -fno-builtin -Wl,--no-entry \
 *     -Wl,--export=__global_base -Wl,--global-base=32768 -Wl,-z,stack-size=8192 \
 *     -Wl,--strip-all -o my.wasm my.c
 *
 * The host writes the input at offset 1024. With data beginning at 32768 there is room
 * for PANDO_INPUT_MAX bytes of it, and the whole capsule fits into a page of 64 KiB. The
 * exported symbol __global_base tells the host where our data begins, so that it refuses
 * a longer input instead of writing over the data. For more input, raise --global-base.
 *
 * Every import needs a capability (`--limits '{"capabilities":["hash","json"]}'`); a
 * function that is declared but not called is not imported.
 */
#ifndef PANDO_CAPSULE_H
#define PANDO_CAPSULE_H

typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;

#define PANDO_INPUT_AT 1024u
#define PANDO_INPUT_MAX (32768u - PANDO_INPUT_AT)

/* Answers of host functions that fail. */
#define PANDO_NOT_FOUND (-1) /* the path leads to nothing */
#define PANDO_MALFORMED (-2) /* JSON, path or base64 text does not parse */
#define PANDO_NO_ROOM (-3)   /* the output is longer than its room */
#define PANDO_TOO_LARGE (-4) /* more than 256 KiB of JSON */

#define PANDO_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

/* hash */
PANDO_IMPORT(hash_commit) int32_t hash_commit(const void *in, uint32_t len, void *out32);
PANDO_IMPORT(hash_verify)
int32_t hash_verify(const void *in, uint32_t len, const void *hash32);
PANDO_IMPORT(hmac_sha256)
int32_t hmac_sha256(const void *key, uint32_t key_len, const void *in, uint32_t len,
                    void *out32);
/* json: path "user.name", "$.items[2].id" or "/items/2/id" */
PANDO_IMPORT(json_path)
int32_t json_path(const void *doc, uint32_t doc_len, const void *path, uint32_t path_len,
                  void *out, uint32_t room);
PANDO_IMPORT(json_extract)
int32_t json_extract(const void *doc, uint32_t doc_len, const void *path,
                     uint32_t path_len, void *out, uint32_t room);
/* base64 */
PANDO_IMPORT(base64_encode)
int32_t base64_encode(const void *in, uint32_t len, void *out, uint32_t room);
PANDO_IMPORT(base64_decode)
int32_t base64_decode(const void *in, uint32_t len, void *out, uint32_t room);
/* time: constant during a run */
PANDO_IMPORT(time_now_ms) int64_t time_now_ms(void);
PANDO_IMPORT(time_iso8601) int32_t time_iso8601(void *out, uint32_t room);
/* random: drawn from the receipt's time and nonce, so that a replay draws the same */
PANDO_IMPORT(random_bytes) int32_t random_bytes(void *out, uint32_t len);
PANDO_IMPORT(random_u32) uint32_t random_u32(void);
/* Always allowed. Ends the run; `line` is shown. */
PANDO_IMPORT(abort)
_Noreturn void pando_abort(const void *message, const void *file, uint32_t line,
                           uint32_t column);

#define PANDO_CAPSULE __attribute__((export_name("run")))

/* The result word of `run`: both parts must be below 65536. */
static inline uint32_t pando_reply(const void *out, uint32_t len)
{
    return len << 16 | (uint32_t)(__UINTPTR_TYPE__)out;
}

/* Text building: `at` is where the next byte goes; the caller knows there is room. */
static inline uint8_t *pando_put(uint8_t *at, const void *from, uint32_t len)
{
    const uint8_t *bytes = from;
    for (uint32_t i = 0; i < len; i++)
        *at++ = bytes[i];
    return at;
}
#define PANDO_PUT(at, literal) pando_put((at), (literal), sizeof(literal) - 1)

#endif
