#include "space/delta/delta.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "crypto/sign.h"

#include <assert.h>
#include <string.h>

enum { FIELDS = 5, POINTER_FIELDS = 2 };

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

bool delta_is_whole(double number)
{
    return number >= -(double)DELTA_TIME_MAX && number <= (double)DELTA_TIME_MAX &&
           (double)(int64_t)number == number;
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

static size_t text_size(size_t len)
{
    return len + (len < 24 ? 1 : len <= 0xff ? 2 : len <= 0xffff ? 3 : 5);
}

/* Not less than the encoding takes, and at most some bytes per pointer more. */
static size_t size_bound(const struct delta *d)
{
    size_t size = 1 + 3 + 7 + 7 + 9 + 3 + 10 + 9 + text_size(d->id.len) +
                  text_size(d->author.len) + text_size(d->system.len);
    for (size_t i = 0; i < d->pointers_len; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        size += 1 + 5 + 7 + text_size(p->role.len);
        size += p->kind == DELTA_REF      ? 1 + 3 + 8 + text_size(p->text.len) +
                                            text_size(p->context.len)
                : p->kind == DELTA_STRING ? text_size(p->text.len)
                                          : 9;
    }
    return size;
}

/* A text that must be UTF-8; `*bad` keeps the first that is not. */
static void put_text(struct wire_writer *w, struct pando_slice text, struct field f,
                     struct field *bad)
{
    const bool was = w->failed;
    cbor_put_text(w, text);
    if (w->failed && !was)
        *bad = f;
}

static void put_number(struct wire_writer *w, double number)
{
    if (delta_is_whole(number))
        cbor_put_int(w, (int64_t)number);
    else
        cbor_put_float(w, number);
}

static void put_pointer(struct wire_writer *w, const struct delta_pointer *p, size_t index,
                        struct field *bad)
{
    cbor_put_map(w, POINTER_FIELDS);
    cbor_put_key(w, "role");
    put_text(w, p->role, (struct field){ "role", p, index }, bad);
    cbor_put_key(w, "target");
    switch (p->kind) {
    case DELTA_STRING:
        put_text(w, p->text, (struct field){ "target", p, index }, bad);
        return;
    case DELTA_NUMBER: put_number(w, p->number); return;
    case DELTA_BOOL: cbor_put_bool(w, p->truth); return;
    case DELTA_REF: break;
    }
    cbor_put_map(w, p->context.len > 0 ? 2 : 1);
    cbor_put_key(w, "id");
    put_text(w, p->text, (struct field){ "target.id", p, index }, bad);
    if (p->context.len > 0) {
        cbor_put_key(w, "context");
        put_text(w, p->context, (struct field){ "target.context", p, index }, bad);
    }
}

static void put_delta(struct wire_writer *w, const struct delta *d, struct field *bad)
{
    cbor_put_map(w, FIELDS);
    cbor_put_key(w, "id");
    put_text(w, d->id, (struct field){ .name = "id" }, bad);
    cbor_put_key(w, "author");
    put_text(w, d->author, (struct field){ .name = "author" }, bad);
    cbor_put_key(w, "system");
    put_text(w, d->system, (struct field){ .name = "system" }, bad);
    cbor_put_key(w, "pointers");
    cbor_put_array(w, d->pointers_len);
    for (size_t i = 0; i < d->pointers_len; i++)
        put_pointer(w, &d->pointers[i], i, bad);
    cbor_put_key(w, "timestamp");
    cbor_put_uint(w, (uint64_t)d->timestamp);
}

enum pando_status delta_seal(struct delta *d, struct pando_buf *buf, struct pando_err *reterr)
{
    struct field bad = { .name = "the delta" };
    enum pando_status st = check(d, reterr);
    if (st != PANDO_OK)
        return st;
    const size_t bound = size_bound(d);
    const size_t slack = DELTA_POINTERS_MAX * (size_t)16;
    if (bound <= DELTA_BYTES_MAX + slack) {
        st = buf_reserve(buf, bound);
        if (st != PANDO_OK)
            return pando_err_set(reterr, st, "the delta: %s", pando_status_text(st));
        struct wire_writer w = wire_write(buf->ptr + buf->len, bound);
        put_delta(&w, d, &bad);
        if (w.failed)
            return refuse(reterr, bad, "is not UTF-8");
        d->bytes = wire_written(&w);
    }
    if (bound > DELTA_BYTES_MAX + slack || d->bytes.len > DELTA_BYTES_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "the delta takes more than 128 KiB: keep large values as blobs");
    buf->len += d->bytes.len;
    d->name = hash_of(d->id);
    d->digest = hash_of(d->bytes);
    return PANDO_OK;
}
