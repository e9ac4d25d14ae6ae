#include "space/delta/group.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/wire.h"

#include <assert.h>
#include <string.h>

#define VERSION 1
#define DOMAIN  "pando/delta-group/1"

static_assert(sizeof DOMAIN - 1 + 32 + DELTA_GROUP_MAX * GROUP_DIGEST == GROUP_MESSAGE_MAX,
              "a message holds the digests of a full group");
static_assert(DELTA_BYTES_MAX < 1u << (8 * GROUP_LENGTH), "a length has room in its field");

struct delta_hash group_hash(struct pando_slice s)
{
    const struct pando_id id = crypto_sha256(s);
    struct delta_hash h;
    memcpy(h.bytes, id.bytes, sizeof h.bytes);
    return h;
}

/* The fixed part: where lengths begin, and how many there are. */
static enum pando_status read_head(struct wire_reader *r, bool is_signed, struct group *ret)
{
    const uint64_t version = wire_get_be(r, 1);
    if (!r->failed && version != VERSION)
        return PANDO_UNSUPPORTED;
    ret->len = (size_t)wire_get_be(r, 1) + 1;
    ret->is_signed = is_signed;
    if (is_signed) {
        wire_get_copy(r, ret->key.bytes, sizeof ret->key.bytes);
        wire_get_copy(r, ret->sig.bytes, sizeof ret->sig.bytes);
    }
    return r->failed ? PANDO_MALFORMED : PANDO_OK;
}

enum pando_status group_decode(struct pando_slice bytes, bool is_signed, struct group *ret)
{
    struct wire_reader r = wire_read(bytes);
    if (bytes.len > GROUP_BYTES_MAX)
        return PANDO_MALFORMED;
    const enum pando_status st = read_head(&r, is_signed, ret);
    if (st != PANDO_OK)
        return st;
    struct wire_reader lengths =
        wire_read(wire_get_bytes(&r, ret->len * GROUP_LENGTH));
    size_t held = 0;
    for (size_t i = 0; i < ret->len; i++) {
        const size_t len = (size_t)wire_get_be(&lengths, GROUP_LENGTH);
        ret->held[i] = len != 0;
        held += len != 0;
        if (len > DELTA_BYTES_MAX || (len == 0 && !is_signed))
            return PANDO_MALFORMED;
        ret->bodies[i] = wire_get_bytes(&r, len != 0 ? len : GROUP_DIGEST);
    }
    return wire_read_done(&r) && held != 0 ? PANDO_OK : PANDO_MALFORMED;
}

/* Every delta that is read asks for all lengths before its own: by hand. */
static size_t length_at(const uint8_t *lengths, size_t i)
{
    const uint8_t *p = lengths + i * GROUP_LENGTH;
    return (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
}

enum pando_status group_locate(struct pando_slice bytes, bool is_signed, size_t i,
                               size_t *ret_at, size_t *ret_len)
{
    const size_t head = is_signed ? GROUP_HEAD_SIGNED : GROUP_HEAD_PLAIN;
    if (bytes.len < head || i > bytes.ptr[1])
        return PANDO_NOT_FOUND;
    size_t at = head + (size_t)(bytes.ptr[1] + 1) * GROUP_LENGTH;
    if (bytes.len - head < (i + 1) * GROUP_LENGTH)
        return PANDO_CORRUPT;
    const uint8_t *lengths = bytes.ptr + head;
    for (size_t n = 0; n < i; n++) {
        const size_t len = length_at(lengths, n);
        at += len != 0 ? len : GROUP_DIGEST;
    }
    *ret_at = at;
    *ret_len = length_at(lengths, i);
    if (*ret_len > DELTA_BYTES_MAX)
        return PANDO_CORRUPT;
    return *ret_len == 0 ? PANDO_NOT_FOUND : PANDO_OK;
}

enum pando_status group_member(struct pando_slice bytes, bool is_signed, size_t i,
                               struct pando_slice *ret)
{
    size_t at, len;
    const enum pando_status st = group_locate(bytes, is_signed, i, &at, &len);
    if (st != PANDO_OK)
        return st;
    if (at > bytes.len || len > bytes.len - at)
        return PANDO_CORRUPT;
    *ret = slice_of(bytes.ptr + at, len);
    return PANDO_OK;
}

/* Bytes of the encoding; 0 when the group may not be. */
static size_t size_of(const struct group *g)
{
    size_t size = g->is_signed ? GROUP_HEAD_SIGNED : GROUP_HEAD_PLAIN, held = 0;
    if (g->len == 0 || g->len > DELTA_GROUP_MAX)
        return 0;
    for (size_t i = 0; i < g->len; i++) {
        const size_t len = g->bodies[i].len;
        if (g->held[i] ? len == 0 || len > DELTA_BYTES_MAX
                       : !g->is_signed || len != GROUP_DIGEST)
            return 0;
        size += GROUP_LENGTH + len;
        held += g->held[i];
    }
    return held == 0 || size > GROUP_BYTES_MAX ? 0 : size;
}

enum pando_status group_encode(const struct group *g, struct pando_buf *buf)
{
    const size_t size = size_of(g);
    if (size == 0)
        return PANDO_INVALID;
    const enum pando_status st = buf_reserve(buf, size);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(buf->ptr + buf->len, size);
    wire_put_be(&w, VERSION, 1);
    wire_put_be(&w, g->len - 1, 1);
    if (g->is_signed) {
        wire_put_bytes(&w, SLICE_OF(g->key));
        wire_put_bytes(&w, SLICE_OF(g->sig));
    }
    for (size_t i = 0; i < g->len; i++)
        wire_put_be(&w, g->held[i] ? g->bodies[i].len : 0, GROUP_LENGTH);
    for (size_t i = 0; i < g->len; i++)
        wire_put_bytes(&w, g->bodies[i]);
    PANDO_ASSERT(!w.failed && w.len == size);
    buf->len += size;
    return PANDO_OK;
}

struct delta_hash group_digest(const struct group *g, size_t i)
{
    struct delta_hash h;
    if (g->held[i])
        return group_hash(g->bodies[i]);
    memcpy(h.bytes, g->bodies[i].ptr, sizeof h.bytes);
    return h;
}

size_t group_message(const struct group *g, const struct pando_id *space,
                     uint8_t ret[static GROUP_MESSAGE_MAX])
{
    struct wire_writer w = wire_write(ret, GROUP_MESSAGE_MAX);
    wire_put_bytes(&w, slice_text(DOMAIN));
    wire_put_bytes(&w, SLICE_OF(*space));
    for (size_t i = 0; i < g->len; i++) {
        const struct delta_hash h = group_digest(g, i);
        wire_put_bytes(&w, SLICE_OF(h));
    }
    PANDO_ASSERT(!w.failed);
    return w.len;
}

struct space_verify_item group_verify_item(const struct group *g, const struct pando_id *space,
                                           uint8_t message[static GROUP_MESSAGE_MAX])
{
    const size_t len = group_message(g, space, message);
    return (struct space_verify_item){ g->key, g->sig, slice_of(message, len) };
}

void group_sign(struct group *g, const struct pando_id *space,
                const struct crypto_secret *secret)
{
    uint8_t message[GROUP_MESSAGE_MAX];
    const size_t len = group_message(g, space, message);
    g->is_signed = true;
    g->key = crypto_public(secret);
    g->sig = crypto_sign(secret, slice_of(message, len));
}
