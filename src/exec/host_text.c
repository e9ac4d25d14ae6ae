/* host_text.c - base64, time and randomness for capsules; see hostcall.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/slice.h"
#include "crypto/sign.h"
#include "exec/hostcall.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648 section 4, with padding, which multibase text has not. Input and output may
 * overlap, since capsules reuse their buffers: the input is first moved to the end of the
 * room, and the text, growing from the front, reaches each group after it was read. */
int64_t hostcall_do_base64_encode(struct hostcall_frame *f)
{
    const uint32_t len = f->args[1];
    const uint64_t need = ((uint64_t)len + 2) / 3 * 4;
    const struct pando_slice in = hostcall_in(f, f->args[0], len);
    uint8_t *out = hostcall_out(f, f->args[2], f->args[3]);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    if (need > f->args[3])
        return HOSTCALL_NO_ROOM;
    if (len > 0)
        memmove(out + (need - len), in.ptr, len); /* behind what is written below */
    const uint8_t *from = out + (need - len);
    for (uint32_t i = 0, o = 0; i < len; i += 3, o += 4) {
        const uint32_t left = len - i;
        const uint32_t b0 = from[i];
        const uint32_t b1 = left > 1 ? from[i + 1] : 0;
        const uint32_t b2 = left > 2 ? from[i + 2] : 0;
        const uint32_t bits = b0 << 16 | b1 << 8 | b2;
        out[o] = (uint8_t)alphabet[bits >> 18];
        out[o + 1] = (uint8_t)alphabet[bits >> 12 & 63];
        out[o + 2] = left > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
        out[o + 3] = left > 2 ? (uint8_t)alphabet[bits & 63] : '=';
    }
    return (int64_t)need;
}

static int value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

/* Length of the text without padding, or -1 when the padding is wrong. */
static int64_t unpadded(struct pando_slice in)
{
    size_t len = in.len;
    while (len > 0 && in.len - len < 2 && in.ptr[len - 1] == '=')
        len--;
    if (len != in.len && in.len % 4 != 0)
        return -1;
    return len % 4 == 1 ? -1 : (int64_t)len;
}

/* Standard or URL alphabet, padded or not; bits left over must be zero. */
int64_t hostcall_do_base64_decode(struct hostcall_frame *f)
{
    const struct pando_slice in = hostcall_in(f, f->args[0], f->args[1]);
    uint8_t *out = hostcall_out(f, f->args[2], f->args[3]);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    const int64_t len = unpadded(in);
    if (len < 0)
        return HOSTCALL_MALFORMED;
    if (len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1) > f->args[3])
        return HOSTCALL_NO_ROOM;
    uint32_t bits = 0, have = 0;
    int64_t written = 0;
    for (int64_t i = 0; i < len; i++) {
        const int value = value_of(in.ptr[i]);
        if (value < 0)
            return HOSTCALL_MALFORMED;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[written++] = (uint8_t)(bits >> have);
        }
    }
    if ((bits & ((1u << have) - 1)) != 0)
        return HOSTCALL_MALFORMED;
    return written;
}

void hostcall_iso8601(int64_t ms, char ret_text[HOSTCALL_ISO_SIZE])
{
    const int64_t bounded = ms < 0 ? 0 : ms > HOSTCALL_WALL_MAX ? HOSTCALL_WALL_MAX : ms;
    const time_t seconds = (time_t)(bounded / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char text[80]; /* room for whatever an int may print */
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                   tm.tm_sec, (int)(bounded % 1000));
    memcpy(ret_text, text, HOSTCALL_ISO_SIZE - 1);
    ret_text[HOSTCALL_ISO_SIZE - 1] = '\0';
}

int64_t hostcall_do_time_now_ms(struct hostcall_frame *f)
{
    return f->request->time.ms;
}

int64_t hostcall_do_time_iso8601(struct hostcall_frame *f)
{
    uint8_t *out = hostcall_out(f, f->args[0], f->args[1]);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    if (f->args[1] < HOSTCALL_ISO_SIZE - 1)
        return HOSTCALL_NO_ROOM;
    char text[HOSTCALL_ISO_SIZE];
    hostcall_iso8601(f->request->time.ms, text);
    memcpy(out, text, HOSTCALL_ISO_SIZE - 1);
    return HOSTCALL_ISO_SIZE - 1;
}

static void put_be64(uint8_t *to, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* Key: what a receipt says about the run, so that a replay draws the same numbers. */
static void random_key(struct hostcall_frame *f)
{
    static const char prefix[] = "pando/capsule-random/1";
    uint8_t facts[16];
    put_be64(facts, (uint64_t)f->request->time.ms);
    put_be64(facts + 8, f->request->nonce);
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, slice_of(prefix, sizeof prefix - 1));
    crypto_sha256_add(&st, SLICE_OF(*f->capsule));
    crypto_sha256_add(&st, SLICE_OF(facts));
    const struct pando_id key = crypto_sha256_end(&st);
    memcpy(f->random->key, key.bytes, sizeof key.bytes);
    f->random->keyed = true;
}

static void random_fill(struct hostcall_frame *f, uint8_t *out, size_t len)
{
    struct hostcall_random *r = f->random;
    if (!r->keyed)
        random_key(f);
    while (len > 0) {
        if (r->left == 0) {
            uint8_t block[40];
            memcpy(block, r->key, sizeof r->key);
            put_be64(block + 32, r->counter++);
            const struct pando_id digest = crypto_sha256(SLICE_OF(block));
            memcpy(r->block, digest.bytes, sizeof r->block);
            r->left = sizeof r->block;
        }
        const size_t n = len < r->left ? len : r->left;
        memcpy(out, r->block + (sizeof r->block - r->left), n);
        r->left -= (uint32_t)n;
        out += n;
        len -= n;
    }
}

int64_t hostcall_do_random_bytes(struct hostcall_frame *f)
{
    uint8_t *out = hostcall_out(f, f->args[0], f->args[1]);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    random_fill(f, out, f->args[1]);
    return f->args[1];
}

int64_t hostcall_do_random_u32(struct hostcall_frame *f)
{
    uint8_t b[4];
    random_fill(f, b, sizeof b);
    return (int32_t)((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
                     b[3]);
}
