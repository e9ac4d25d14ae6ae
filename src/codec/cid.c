#include "codec/cid.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/multibase.h"
#include "codec/wire.h"

#include <string.h>

enum { SHA256 = 0x12, SHA256_SIZE = 32, SHA256_MULTIHASH = 34 };

/* The only digest length of the hashes that we know; 0 when any may stand there. */
static uint64_t digest_size(uint64_t hash)
{
    switch (hash) {
    case 0x11: return 20; /* sha1 */
    case SHA256: return 32;
    case 0x13: return 64;   /* sha2-512 */
    case 0x16: return 32;   /* sha3-256 */
    case 0x1b: return 32;   /* keccak-256 */
    case 0x1e: return 32;   /* blake3 */
    case 0xb220: return 32; /* blake2b-256 */
    case 0xb260: return 32; /* blake2s-256 */
    default: return 0;
    }
}

bool cid_multihash_valid(struct pando_slice multihash, uint64_t *ret_hash)
{
    struct wire_reader r = wire_read(multihash);
    const uint64_t hash = wire_get_uvarint(&r);
    const uint64_t size = wire_get_uvarint(&r);
    if (r.failed || size != r.left.len || size > CID_MAX)
        return false;
    if (digest_size(hash) != 0 && digest_size(hash) != size)
        return false;
    *ret_hash = hash;
    return true;
}

/* Version, codec and multihash of any well-formed CID. */
static bool split(struct pando_slice bytes, uint8_t *ret_version, uint64_t *ret_codec,
                  struct pando_slice *ret_multihash, uint64_t *ret_hash)
{
    if (bytes.len > CID_MAX)
        return false;
    if (bytes.len >= 2 && bytes.ptr[0] == SHA256 && bytes.ptr[1] == SHA256_SIZE) {
        *ret_version = 0;
        *ret_codec = CID_DAG_PB;
        *ret_multihash = bytes;
        return cid_multihash_valid(bytes, ret_hash);
    }
    struct wire_reader r = wire_read(bytes);
    const uint64_t version = wire_get_uvarint(&r);
    *ret_version = 1;
    *ret_codec = wire_get_uvarint(&r);
    *ret_multihash = r.left;
    return !r.failed && version == 1 && cid_multihash_valid(r.left, ret_hash);
}

bool cid_valid(struct pando_slice bytes)
{
    uint8_t version;
    uint64_t codec, hash;
    struct pando_slice multihash;
    return split(bytes, &version, &codec, &multihash, &hash);
}

enum pando_status cid_decode(struct pando_slice bytes, struct cid *ret_cid)
{
    struct cid cid = { 0 };
    uint64_t codec;
    struct pando_slice multihash;
    if (!split(bytes, &cid.version, &codec, &multihash, &cid.hash))
        return PANDO_MALFORMED;
    if (codec > UINT16_MAX)
        return PANDO_UNSUPPORTED;
    cid.codec = (uint16_t)codec;
    cid.len = (uint8_t)multihash.len;
    memcpy(cid.multihash, multihash.ptr, multihash.len);
    *ret_cid = cid;
    return PANDO_OK;
}

enum pando_status cid_encode(const struct cid *cid, uint8_t *ret_bytes, size_t cap,
                             size_t *ret_len)
{
    if (cid->len > CID_MAX || cid->version > 1)
        return PANDO_INVALID;
    struct wire_writer w = wire_write(ret_bytes, cap);
    if (cid->version == 1) {
        wire_put_uvarint(&w, 1);
        wire_put_uvarint(&w, cid->codec);
    }
    wire_put_bytes(&w, slice_of(cid->multihash, cid->len));
    if (w.failed)
        return PANDO_FULL;
    *ret_len = w.len;
    return PANDO_OK;
}

void cid_write_sha256(enum cid_codec codec, const struct pando_id *id,
                      uint8_t ret_bytes[CID_SHA256_SIZE])
{
    PANDO_ASSERT(codec < 0x80); /* as all of enum cid_codec are: one byte */
    ret_bytes[0] = 1;
    ret_bytes[1] = (uint8_t)codec;
    ret_bytes[2] = SHA256;
    ret_bytes[3] = SHA256_SIZE;
    memcpy(ret_bytes + 4, id->bytes, sizeof id->bytes);
}

enum pando_status cid_read_sha256(enum cid_codec codec, struct pando_slice bytes,
                                  struct pando_id *ret_id)
{
    const uint8_t head[4] = { 1, (uint8_t)codec, SHA256, SHA256_SIZE };
    if (bytes.len != CID_SHA256_SIZE || memcmp(bytes.ptr, head, sizeof head) != 0)
        return PANDO_MALFORMED;
    memcpy(ret_id->bytes, bytes.ptr + sizeof head, sizeof ret_id->bytes);
    return PANDO_OK;
}

void cid_text_sha256(enum cid_codec codec, const struct pando_id *id,
                     char ret_text[CID_SHA256_TEXT_SIZE])
{
    uint8_t bytes[CID_SHA256_SIZE];
    cid_write_sha256(codec, id, bytes);
    ret_text[0] = (char)MULTIBASE_32;
    const enum pando_status st = multibase_encode(MULTIBASE_32, SLICE_OF(bytes),
                                                  ret_text + 1, CID_SHA256_TEXT_SIZE - 1);
    PANDO_ASSERT(st == PANDO_OK); /* 58 characters and a terminator behind the prefix */
}

/* The base that a prefix names; upper-case spellings are folded by the caller. */
static bool base_of(char prefix, enum multibase *ret_base, bool *ret_fold)
{
    *ret_fold = prefix == 'B' || prefix == 'F' || prefix == 'K';
    switch (prefix) {
    case 'b':
    case 'B': *ret_base = MULTIBASE_32; return true;
    case 'f':
    case 'F': *ret_base = MULTIBASE_16; return true;
    case 'k':
    case 'K': *ret_base = MULTIBASE_36; return true;
    case 'z': *ret_base = MULTIBASE_58; return true;
    case 'm': *ret_base = MULTIBASE_64; return true;
    case 'u': *ret_base = MULTIBASE_64URL; return true;
    default: return false;
    }
}

/* Upper-case text to lower case; text that mixes them belongs to neither prefix. */
static bool fold(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z')
            return false;
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
    return true;
}

enum pando_status cid_parse(const char *text, struct cid *ret_cid)
{
    uint8_t bytes[CID_MAX];
    char copy[CID_TEXT_MAX + 16];
    size_t len = strlen(text);
    if (len < 2 || len >= sizeof copy)
        return PANDO_MALFORMED;
    if (len == 46 && text[0] == 'Q' && text[1] == 'm') {
        if (multibase_decode(MULTIBASE_58, slice_of(text, len), bytes, sizeof bytes,
                             &len))
            return PANDO_MALFORMED;
        if (len != SHA256_MULTIHASH || bytes[0] != SHA256 || bytes[1] != SHA256_SIZE)
            return PANDO_MALFORMED;
        return cid_decode(slice_of(bytes, len), ret_cid);
    }
    enum multibase base;
    bool folded;
    memcpy(copy, text, len + 1);
    if (!base_of(text[0], &base, &folded) || (folded && !fold(copy + 1)))
        return PANDO_MALFORMED;
    if (multibase_decode(base, slice_of(copy + 1, len - 1), bytes, sizeof bytes, &len))
        return PANDO_MALFORMED;
    if (len == 0 || bytes[0] == SHA256)
        return PANDO_MALFORMED; /* version 0 has no multibase form */
    return cid_decode(slice_of(bytes, len), ret_cid);
}

enum pando_status cid_print(const struct cid *cid, char *ret_text, size_t cap)
{
    uint8_t bytes[CID_MAX + 8];
    size_t len;
    const enum pando_status st = cid_encode(cid, bytes, sizeof bytes, &len);
    if (st != PANDO_OK)
        return st;
    if (cid->version == 0)
        return multibase_encode(MULTIBASE_58, slice_of(bytes, len), ret_text, cap);
    if (cap < 2)
        return PANDO_FULL;
    ret_text[0] = (char)MULTIBASE_32;
    return multibase_encode(MULTIBASE_32, slice_of(bytes, len), ret_text + 1, cap - 1);
}

enum pando_status cid_sha256(const struct cid *cid, struct pando_id *ret_id)
{
    if (cid->hash != SHA256 || cid->len != SHA256_MULTIHASH)
        return PANDO_UNSUPPORTED;
    memcpy(ret_id->bytes, cid->multihash + 2, sizeof ret_id->bytes);
    return PANDO_OK;
}
