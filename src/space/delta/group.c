#include "space/delta/group.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/wire.h"
#include "space/delta/group_mutant.h"

#include <assert.h>
#include <string.h>

#define VERSION 2
#define DOMAIN  "pando/delta-group/2"

static_assert(sizeof DOMAIN - 1 + 32 + 2 + GROUP_HASH == GROUP_MESSAGE,
              "a message holds the hash of the tree");
static_assert(DELTA_BYTES_MAX < 1u << (8 * GROUP_LENGTH), "a length has room in its field");
static_assert(DELTA_GROUP_MAX <= 256, "an index has room in its byte");

struct delta_hash group_hash(struct pando_slice s)
{
    const struct pando_id id = crypto_sha256(s);
    struct delta_hash h;
    memcpy(h.bytes, id.bytes, sizeof h.bytes);
    return h;
}

/* --- reading --- */

/* A body, or what may not be one: the digest of that would be the hash of a node. */
static bool is_body(struct pando_slice s)
{
    return s.len > 0 && s.len <= DELTA_BYTES_MAX &&
           (s.ptr[0] != GROUP_NODE || GROUP_MUTANT == 2);
}

/* The fixed part. Returns how many members are held. */
static size_t read_head(struct wire_reader *r, bool is_signed, const struct pando_key *key,
                        struct group *ret)
{
    ret->len = (size_t)wire_get_be(r, 1) + 1;
    ret->is_signed = is_signed;
    ret->hashes_len = 0;
    ret->digests = NULL;
    if (!is_signed)
        return ret->len;
    if (key != NULL)
        ret->key = *key;
    else
        wire_get_copy(r, ret->key.bytes, sizeof ret->key.bytes);
    wire_get_copy(r, ret->sig.bytes, sizeof ret->sig.bytes);
    return (size_t)wire_get_be(r, 1) + 1;
}

/* The entries of those held and their bodies; indices rise. */
static bool read_held(struct wire_reader *r, size_t held, struct group *ret)
{
    const bool whole = held == ret->len;
    struct wire_reader table =
        wire_read(wire_get_bytes(r, held * (whole ? GROUP_LENGTH : GROUP_ENTRY)));
    size_t behind = 0; /* the last one */
    memset(ret->held, whole, ret->len * sizeof ret->held[0]);
    for (size_t n = 0; n < held; n++) {
        const size_t i = whole ? n : (size_t)wire_get_be(&table, 1);
        const size_t len = (size_t)wire_get_be(&table, GROUP_LENGTH);
        if (i >= ret->len || (i < behind && GROUP_MUTANT != 6))
            return false;
        behind = i + 1;
        ret->held[i] = true;
        ret->bodies[i] = wire_get_bytes(r, len);
        if (!is_body(ret->bodies[i]))
            return false;
    }
    return !r->failed;
}

static bool read_hashes(struct wire_reader *r, size_t held, struct group *ret)
{
    if (held == ret->len)
        return true;
    ret->hashes_len = group_gaps(ret->held, ret->len);
    for (size_t i = 0; i < ret->hashes_len; i++)
        wire_get_copy(r, ret->hashes[i].bytes, GROUP_HASH);
    return !r->failed;
}

static enum pando_status decode(struct pando_slice bytes, bool is_signed,
                                const struct pando_key *key, struct group *ret)
{
    struct wire_reader r = wire_read(bytes);
    if (bytes.len > GROUP_BYTES_MAX)
        return PANDO_MALFORMED;
    const uint64_t version = wire_get_be(&r, 1);
    if (!r.failed && version != VERSION)
        return PANDO_UNSUPPORTED;
    const size_t held = read_head(&r, is_signed, key, ret);
    if (r.failed || held > ret->len || !read_held(&r, held, ret) ||
        !read_hashes(&r, held, ret))
        return PANDO_MALFORMED;
    return r.left.len == 0 || GROUP_MUTANT == 5 ? PANDO_OK : PANDO_MALFORMED;
}

enum pando_status group_decode(struct pando_slice bytes, bool is_signed, struct group *ret)
{
    return decode(bytes, is_signed, NULL, ret);
}

enum pando_status group_decode_bare(struct pando_slice bytes, const struct pando_key *key,
                                    struct group *ret)
{
    return decode(bytes, key != NULL, key, ret);
}

/* Every delta that is read asks for all lengths before its own: by hand. */
static size_t length_at(const uint8_t *p)
{
    return (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
}

/* In the table of `held` entries the one of the `i`-th member; `at` becomes where its body
 * lies. */
static enum pando_status find_entry(const uint8_t *table, size_t held, bool whole, size_t i,
                                    size_t *at, size_t *ret_len)
{
    const size_t entry = whole ? GROUP_LENGTH : GROUP_ENTRY, skip = entry - GROUP_LENGTH;
    for (size_t n = 0; n < held; n++, table += entry) {
        const size_t index = whole ? n : table[0], len = length_at(table + skip);
        if (index > i)
            break;
        if (len == 0 || len > DELTA_BYTES_MAX)
            return PANDO_CORRUPT;
        *ret_len = len;
        if (index == i)
            return PANDO_OK;
        *at += len;
    }
    return PANDO_NOT_FOUND;
}

enum pando_status group_locate(struct pando_slice bytes, bool is_signed, size_t i,
                               size_t *ret_at, size_t *ret_len)
{
    const size_t head = is_signed ? GROUP_HEAD_SIGNED : GROUP_HEAD_PLAIN;
    if (bytes.len < head || i > bytes.ptr[1])
        return PANDO_NOT_FOUND;
    const size_t members = (size_t)bytes.ptr[1] + 1;
    const size_t held = is_signed ? (size_t)bytes.ptr[head - 1] + 1 : members;
    const bool whole = held == members;
    *ret_at = head + held * (whole ? GROUP_LENGTH : GROUP_ENTRY);
    if (held > members || bytes.len < *ret_at)
        return PANDO_CORRUPT;
    return find_entry(bytes.ptr + head, held, whole, i, ret_at, ret_len);
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

/* --- writing --- */

/* Bytes of the encoding; 0 when the group may not be. */
static size_t size_of(const struct group *g, size_t held, bool bare)
{
    const bool whole = held == g->len;
    size_t size = g->is_signed ? GROUP_HEAD_SIGNED - bare * sizeof g->key : GROUP_HEAD_PLAIN;
    if (held == 0 || (!whole && !g->is_signed) || g->hashes_len != group_gaps(g->held, g->len))
        return 0;
    size += held * (whole ? GROUP_LENGTH : GROUP_ENTRY) + g->hashes_len * GROUP_HASH;
    for (size_t i = 0; i < g->len; i++) {
        if (!g->held[i])
            continue;
        if (!is_body(g->bodies[i]))
            return 0;
        size += g->bodies[i].len;
    }
    return size > GROUP_BYTES_MAX ? 0 : size;
}

static void write_group(struct wire_writer *w, const struct group *g, size_t held, bool bare)
{
    wire_put_be(w, VERSION, 1);
    wire_put_be(w, g->len - 1, 1);
    if (g->is_signed && !bare)
        wire_put_bytes(w, SLICE_OF(g->key));
    if (g->is_signed) {
        wire_put_bytes(w, SLICE_OF(g->sig));
        wire_put_be(w, held - 1, 1);
    }
    for (size_t i = 0; i < g->len; i++) {
        if (!g->held[i])
            continue;
        if (held < g->len)
            wire_put_be(w, i, 1);
        wire_put_be(w, g->bodies[i].len, GROUP_LENGTH);
    }
    for (size_t i = 0; i < g->len; i++)
        if (g->held[i])
            wire_put_bytes(w, g->bodies[i]);
    for (size_t i = 0; i < g->hashes_len; i++)
        wire_put_bytes(w, SLICE_OF(g->hashes[i]));
}

static enum pando_status encode(const struct group *g, bool bare, struct pando_buf *buf)
{
    if (g->len == 0 || g->len > DELTA_GROUP_MAX)
        return PANDO_INVALID;
    const size_t held = group_held(g), size = size_of(g, held, bare);
    if (size == 0)
        return PANDO_INVALID;
    const enum pando_status st = buf_reserve(buf, size);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(buf->ptr + buf->len, size);
    write_group(&w, g, held, bare);
    PANDO_ASSERT(!w.failed && w.len == size);
    buf->len += size;
    return PANDO_OK;
}

enum pando_status group_encode(const struct group *g, struct pando_buf *buf)
{
    return encode(g, false, buf);
}

enum pando_status group_encode_bare(const struct group *g, struct pando_buf *buf)
{
    return encode(g, true, buf);
}

/* --- the signature --- */

void group_message(const struct group *g, const struct pando_id *space,
                   uint8_t ret[static GROUP_MESSAGE])
{
    struct wire_writer w = wire_write(ret, GROUP_MESSAGE);
    const struct delta_hash root = group_root(g);
    wire_put_bytes(&w, slice_text(DOMAIN));
    wire_put_bytes(&w, SLICE_OF(*space));
    wire_put_be(&w, GROUP_MUTANT == 1 ? 0 : g->len, 2);
    wire_put_bytes(&w, SLICE_OF(root));
    PANDO_ASSERT(!w.failed && w.len == GROUP_MESSAGE);
}

struct space_verify_item group_verify_item(const struct group *g, const struct pando_id *space,
                                           uint8_t message[static GROUP_MESSAGE])
{
    group_message(g, space, message);
    return (struct space_verify_item){ g->key, g->sig, slice_of(message, GROUP_MESSAGE) };
}

void group_sign(struct group *g, const struct pando_id *space,
                const struct crypto_secret *secret)
{
    uint8_t message[GROUP_MESSAGE];
    g->is_signed = true;
    group_message(g, space, message);
    g->key = crypto_public(secret);
    g->sig = crypto_sign(secret, slice_of(message, GROUP_MESSAGE));
}
