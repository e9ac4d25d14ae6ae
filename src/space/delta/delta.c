#include "space/delta/delta.h"

#include "base/slice.h"
#include "codec/cbor_utf8.h"
#include "crypto/sign.h"
#include "space/delta/canon.h"

#include <assert.h>
#include <string.h>

static_assert((uint64_t)DELTA_POINTERS_MAX * 8 < DELTA_BYTES_MAX, "room for small pointers");

static struct delta_hash hash_of(struct pando_slice bytes)
{
    struct delta_hash hash;
    const struct pando_id id = crypto_sha256(bytes);
    memcpy(hash.bytes, id.bytes, sizeof hash.bytes);
    return hash;
}

struct delta_hash delta_name_of(struct pando_slice id)
{
    return hash_of(id);
}

/* ---- reading ---- */

enum pando_status delta_parse(struct pando_slice bytes, struct delta_room *room,
                              struct delta *ret)
{
    return canon_read(bytes, room, ret) ? PANDO_OK : PANDO_MALFORMED;
}

enum pando_status delta_decode(struct pando_slice bytes, struct delta_room *room,
                               struct delta *ret)
{
    const enum pando_status st = delta_parse(bytes, room, ret);
    if (st != PANDO_OK)
        return st;
    ret->name = hash_of(ret->id);
    ret->digest = hash_of(bytes);
    return PANDO_OK;
}

/* ---- sealing ---- */

/* A text of the delta, and how an error names it. */
struct field {
    const char *name;
    const struct delta_pointer *pointer; /* NULL: a member of the delta */
    size_t index;
};

static enum pando_status refuse(struct pando_err *reterr, struct field f, const char *rule)
{
    if (f.pointer == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "%s %s", f.name, rule);
    return pando_err_set(reterr, PANDO_INVALID, "pointers[%zu].%s %s", f.index, f.name, rule);
}

static enum pando_status check_name(struct pando_slice name, struct field f,
                                    struct pando_err *reterr)
{
    static_assert(DELTA_NAME_MAX == 512, "the message below says so");
    if (name.len == 0)
        return refuse(reterr, f, "is missing or empty");
    if (name.len > DELTA_NAME_MAX)
        return refuse(reterr, f, "is longer than 512 bytes");
    return PANDO_OK;
}

/* NaN and infinities are no JSON. */
static bool is_finite(double number)
{
    return number - number == 0;
}

static enum pando_status check_pointer(const struct delta_pointer *p, size_t index,
                                       struct pando_err *reterr)
{
    const struct field role = { "role", p, index }, id = { "target.id", p, index };
    const struct field context = { "target.context", p, index }, target = { "target", p, index };
    const enum pando_status st = check_name(p->role, role, reterr);
    if (st != PANDO_OK)
        return st;
    if (p->kind == DELTA_REF && p->context.len > 0 &&
        check_name(p->context, context, reterr) != PANDO_OK)
        return PANDO_INVALID;
    if (p->kind == DELTA_REF)
        return check_name(p->text, id, reterr);
    if (p->kind == DELTA_STRING && p->text.len > DELTA_TEXT_MAX)
        return refuse(reterr, target, "is longer than 64 KiB: keep large values as blobs");
    if (p->kind == DELTA_NUMBER && !is_finite(p->number))
        return refuse(reterr, target, "is not a finite number");
    return PANDO_OK;
}

static enum pando_status check(const struct delta *d, struct pando_err *reterr)
{
    enum pando_status st = check_name(d->id, (struct field){ .name = "id" }, reterr);
    if (st == PANDO_OK)
        st = check_name(d->author, (struct field){ .name = "author" }, reterr);
    if (st == PANDO_OK)
        st = check_name(d->system, (struct field){ .name = "system" }, reterr);
    if (st == PANDO_OK && (d->timestamp <= 0 || d->timestamp > DELTA_TIME_MAX))
        st = pando_err_set(reterr, PANDO_INVALID,
                           "timestamp is not in (0, 2^53): give milliseconds since 1970");
    if (st == PANDO_OK && d->pointers_len > DELTA_POINTERS_MAX)
        st = pando_err_set(reterr, PANDO_INVALID, "pointers has %zu members; the limit is %d",
                           d->pointers_len, DELTA_POINTERS_MAX);
    for (size_t i = 0; st == PANDO_OK && i < d->pointers_len; i++)
        st = check_pointer(&d->pointers[i], i, reterr);
    return st;
}

static enum pando_status check_text(struct pando_slice text, struct field f,
                                    struct pando_err *reterr)
{
    return cbor_utf8_valid(text) ? PANDO_OK : refuse(reterr, f, "is not UTF-8");
}

static enum pando_status check_pointer_texts(const struct delta_pointer *p, size_t index,
                                             struct pando_err *reterr)
{
    const bool reference = p->kind == DELTA_REF;
    enum pando_status st = check_text(p->role, (struct field){ "role", p, index }, reterr);
    if (st == PANDO_OK && (reference || p->kind == DELTA_STRING))
        st = check_text(p->text, (struct field){ reference ? "target.id" : "target", p, index },
                        reterr);
    if (st == PANDO_OK && reference)
        st = check_text(p->context, (struct field){ "target.context", p, index }, reterr);
    return st;
}

/* All texts are UTF-8; the first that is not is named. */
static enum pando_status check_texts(const struct delta *d, struct pando_err *reterr)
{
    enum pando_status st = check_text(d->id, (struct field){ .name = "id" }, reterr);
    if (st == PANDO_OK)
        st = check_text(d->author, (struct field){ .name = "author" }, reterr);
    if (st == PANDO_OK)
        st = check_text(d->system, (struct field){ .name = "system" }, reterr);
    for (size_t i = 0; st == PANDO_OK && i < d->pointers_len; i++)
        st = check_pointer_texts(&d->pointers[i], i, reterr);
    return st;
}

enum pando_status delta_seal(struct delta *d, struct pando_buf *buf, struct pando_err *reterr)
{
    enum pando_status st = check(d, reterr);
    if (st != PANDO_OK)
        return st;
    const size_t bound = canon_bound(d);
    const bool small = bound <= DELTA_BYTES_MAX + DELTA_POINTERS_MAX * (size_t)16;
    if (small && (st = check_texts(d, reterr)) != PANDO_OK)
        return st;
    if (small && (st = buf_reserve(buf, bound)) != PANDO_OK)
        return pando_err_set(reterr, st, "the delta: %s", pando_status_text(st));
    if (small) {
        uint8_t *const begin = buf->ptr + buf->len;
        d->bytes = slice_of(begin, (size_t)(canon_write(d, begin) - begin));
    }
    if (!small || d->bytes.len > DELTA_BYTES_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "the delta takes more than 128 KiB: keep large values as blobs");
    buf->len += d->bytes.len;
    d->name = hash_of(d->id);
    d->digest = hash_of(d->bytes);
    return PANDO_OK;
}
