#include "exec/hostcall.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/slice.h"
#include "exec/hmac.h"

static const struct hostcall_info infos[HOSTCALL_LEN] = {
#define X(name, cap, params, result, lens, base, per_byte)                               \
    { #name, hostcall_do_##name, EXEC_CAP_##cap, base, per_byte, params, lens, result },
    HOSTCALL_MAP(X)
#undef X
};

const struct hostcall_info *hostcall_info(enum hostcall call)
{
    PANDO_ASSERT(call < HOSTCALL_LEN);
    return &infos[call];
}

enum hostcall hostcall_find(const char *name, size_t len)
{
    for (size_t i = 0; i < HOSTCALL_LEN; i++)
        if (strlen(infos[i].name) == len && memcmp(infos[i].name, name, len) == 0)
            return (enum hostcall)i;
    return HOSTCALL_LEN;
}

uint64_t hostcall_cost(const struct hostcall_info *info, const uint32_t *args)
{
    uint64_t cost = info->base;
    for (size_t i = 0; i < info->params; i++)
        if ((info->lens >> i & 1) != 0)
            cost += (uint64_t)info->per_byte * args[i];
    return cost;
}

static bool within(struct hostcall_frame *f, uint32_t at, uint32_t len)
{
    if (f->failed != EXEC_FAIL_NONE)
        return false;
    if ((uint64_t)at + len <= f->memory_len)
        return true;
    f->failed = EXEC_FAIL_TRAP;
    (void)snprintf(f->text, sizeof f->text,
                   "range of %u bytes at %u lies outside the memory of %zu bytes",
                   (unsigned)len, (unsigned)at, f->memory_len);
    return false;
}

struct pando_slice hostcall_in(struct hostcall_frame *f, uint32_t at, uint32_t len)
{
    return within(f, at, len) ? slice_of(f->memory + at, len) : SLICE_EMPTY;
}

uint8_t *hostcall_out(struct hostcall_frame *f, uint32_t at, uint32_t len)
{
    return within(f, at, len) ? f->memory + at : NULL;
}

int64_t hostcall_do_hash_commit(struct hostcall_frame *f)
{
    const struct pando_slice in = hostcall_in(f, f->args[0], f->args[1]);
    uint8_t *out = hostcall_out(f, f->args[2], 32);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    const struct pando_id digest = crypto_sha256(in);
    memcpy(out, digest.bytes, sizeof digest.bytes);
    return sizeof digest.bytes;
}

int64_t hostcall_do_hash_verify(struct hostcall_frame *f)
{
    const struct pando_slice in = hostcall_in(f, f->args[0], f->args[1]);
    const struct pando_slice want = hostcall_in(f, f->args[2], 32);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    const struct pando_id digest = crypto_sha256(in);
    return memcmp(digest.bytes, want.ptr, sizeof digest.bytes) == 0;
}

int64_t hostcall_do_hmac_sha256(struct hostcall_frame *f)
{
    const struct pando_slice key = hostcall_in(f, f->args[0], f->args[1]);
    const struct pando_slice in = hostcall_in(f, f->args[2], f->args[3]);
    uint8_t *out = hostcall_out(f, f->args[4], 32);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    const struct pando_id digest = hmac_sha256(key, in);
    memcpy(out, digest.bytes, sizeof digest.bytes);
    return sizeof digest.bytes;
}

/* AssemblyScript passes a UTF-16 string with its byte length four bytes before it; C
 * capsules pass 0. Printable ASCII of it is shown, anything else as a question mark. */
static void abort_message(struct hostcall_frame *f, uint32_t at, char *ret, size_t cap)
{
    size_t len = 0;
    if (at >= 4 && at < f->memory_len) {
        const uint8_t *p = f->memory + at - 4;
        const uint64_t size = (uint64_t)p[0] | (uint64_t)p[1] << 8 |
                              (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
        if (size <= f->memory_len - at)
            for (size_t i = 0; i + 1 < size && len + 1 < cap; i += 2) {
                const uint8_t low = f->memory[at + i], high = f->memory[at + i + 1];
                ret[len++] = high == 0 && low >= 0x20 && low < 0x7f ? (char)low : '?';
            }
    }
    ret[len] = '\0';
}

int64_t hostcall_do_abort(struct hostcall_frame *f)
{
    char message[120];
    abort_message(f, f->args[0], message, sizeof message);
    f->failed = EXEC_FAIL_ABORT;
    (void)snprintf(f->text, sizeof f->text, "line %u, column %u%s%s",
                   (unsigned)f->args[2], (unsigned)f->args[3],
                   message[0] != '\0' ? ": " : "", message);
    return 0;
}
