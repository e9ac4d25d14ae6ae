#include "crypto/peer_id.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/cid.h"
#include "codec/multibase.h"
#include "codec/pb.h"
#include "crypto/sign.h"

#include <string.h>

enum {
    INLINE_MAX = 42, /* a longer PublicKey is named by its hash */
    KEY_TYPE_ED25519 = 1,
    KEY_TYPE_LAST = 3,
    HASH_IDENTITY = 0x00,
    HASH_SHA256 = 0x12,
    SHA256_SIZE = 32,
};

static const uint8_t ed25519_head[4] = { 0x08, 0x01, 0x12, 0x20 };

void peer_id_public(const struct pando_key *key, uint8_t ret[PEER_ID_PUBLIC_SIZE])
{
    memcpy(ret, ed25519_head, sizeof ed25519_head);
    memcpy(ret + sizeof ed25519_head, key->bytes, sizeof key->bytes);
}

struct peer_id peer_id_from_key(const struct pando_key *key)
{
    struct peer_id id = { .len = 2 + PEER_ID_PUBLIC_SIZE };
    id.bytes[0] = HASH_IDENTITY;
    id.bytes[1] = PEER_ID_PUBLIC_SIZE;
    peer_id_public(key, id.bytes + 2);
    return id;
}

/* The one deterministic encoding: type, then data, both present, nothing else. */
static bool is_public_key(struct pando_slice bytes)
{
    struct wire_reader r = wire_read(bytes);
    if (wire_get_be(&r, 1) != 0x08)
        return false;
    const uint64_t type = wire_get_be(&r, 1);
    if (wire_get_be(&r, 1) != 0x12)
        return false;
    const struct pando_slice data = wire_get_block(&r, 4096);
    if (!wire_read_done(&r) || data.len == 0 || type > KEY_TYPE_LAST)
        return false;
    return type != KEY_TYPE_ED25519 || data.len == sizeof(struct pando_key);
}

enum pando_status peer_id_from_public(struct pando_slice public_key, struct peer_id *ret)
{
    struct peer_id id = { 0 };
    if (!is_public_key(public_key))
        return PANDO_MALFORMED;
    if (public_key.len <= INLINE_MAX) {
        if (public_key.len > sizeof id.bytes - 2)
            return PANDO_UNSUPPORTED; /* no known key type has this length */
        id.bytes[0] = HASH_IDENTITY;
        id.bytes[1] = (uint8_t)public_key.len;
        memcpy(id.bytes + 2, public_key.ptr, public_key.len);
        id.len = (uint8_t)(2 + public_key.len);
    } else {
        const struct pando_id digest = crypto_sha256(public_key);
        id.bytes[0] = HASH_SHA256;
        id.bytes[1] = SHA256_SIZE;
        memcpy(id.bytes + 2, digest.bytes, sizeof digest.bytes);
        id.len = 2 + SHA256_SIZE;
    }
    *ret = id;
    return PANDO_OK;
}

enum pando_status peer_id_key(const struct peer_id *id, struct pando_key *ret)
{
    if (id->len != 2 + PEER_ID_PUBLIC_SIZE || id->bytes[0] != HASH_IDENTITY ||
        memcmp(id->bytes + 2, ed25519_head, sizeof ed25519_head) != 0)
        return PANDO_UNSUPPORTED;
    memcpy(ret->bytes, id->bytes + 6, sizeof ret->bytes);
    return PANDO_OK;
}

enum pando_status peer_id_decode(struct pando_slice bytes, struct peer_id *ret)
{
    struct peer_id id = { 0 };
    uint64_t hash;
    if (bytes.len > sizeof id.bytes || !cid_multihash_valid(bytes, &hash))
        return PANDO_MALFORMED;
    if (hash != HASH_SHA256 &&
        (hash != HASH_IDENTITY || !is_public_key(slice_from(bytes, 2))))
        return PANDO_MALFORMED;
    id.len = (uint8_t)bytes.len;
    memcpy(id.bytes, bytes.ptr, bytes.len);
    *ret = id;
    return PANDO_OK;
}

enum pando_status peer_id_parse(const char *text, struct peer_id *ret)
{
    uint8_t bytes[64];
    size_t len;
    if (text[0] == '1' || (text[0] == 'Q' && text[1] == 'm')) {
        if (multibase_decode(MULTIBASE_58, slice_text(text), bytes, sizeof bytes, &len))
            return PANDO_MALFORMED;
        return peer_id_decode(slice_of(bytes, len), ret);
    }
    struct cid cid;
    if (cid_parse(text, &cid) != PANDO_OK || cid.codec != CID_LIBP2P_KEY)
        return PANDO_MALFORMED;
    return peer_id_decode(slice_of(cid.multihash, cid.len), ret);
}

void peer_id_print(const struct peer_id *id, char ret_text[PEER_ID_TEXT_MAX])
{
    PANDO_ASSERT(id->len <= sizeof id->bytes);
    /* 39 bytes are 54 characters at most */
    const enum pando_status st = multibase_encode(
        MULTIBASE_58, slice_of(id->bytes, id->len), ret_text, PEER_ID_TEXT_MAX);
    PANDO_ASSERT(st == PANDO_OK);
}

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
