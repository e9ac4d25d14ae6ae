/* cid.h - content ids: CIDv1 (and v0 when read) as libp2p and IPLD tools know them.
 *
 * Inside Pando a thing is named by its sha2-256 digest (struct pando_id) and the place it
 * is used in tells its codec; the CID's bytes and text appear only on wires, in files and
 * before people. struct cid holds any CID that we accept from outside, up to 128 bytes.
 */
#ifndef CODEC_CID_H
#define CODEC_CID_H

#include <pando/status.h>
#include <pando/types.h>

enum cid_codec {
    CID_RAW = 0x55,
    CID_DAG_PB = 0x70,
    CID_DAG_CBOR = 0x71,
    CID_LIBP2P_KEY = 0x72,
};

#define CID_MAX 128
#define CID_SHA256_SIZE 36 /* 01, codec, 12 20, digest */
#define CID_TEXT_MAX 256

struct cid {
    uint8_t version; /* 0 or 1 */
    uint8_t len;     /* of the multihash */
    uint16_t codec;
    uint64_t hash; /* multihash code: 0x12 sha2-256, 0x00 identity */
    uint8_t multihash[CID_MAX];
};

/* The 36 bytes of the CIDv1 with a sha2-256 digest. */
void cid_write_sha256(enum cid_codec codec, const struct pando_id *id,
                      uint8_t ret_bytes[CID_SHA256_SIZE]);
/* The digest in exactly such 36 bytes of the wanted codec. Errors: PANDO_MALFORMED. */
enum pando_status cid_read_sha256(enum cid_codec codec, struct pando_slice bytes,
                                  struct pando_id *ret_id) PANDO_MUST_USE;
/* "bafy..." / "bafk...": base32 text of such a CID; 60 bytes are enough. */
#define CID_SHA256_TEXT_SIZE 60
void cid_text_sha256(enum cid_codec codec, const struct pando_id *id,
                     char ret_text[CID_SHA256_TEXT_SIZE]);
/* Any CID in bytes. Strict: minimal varints, known version, digest length, nothing
 * behind. */
enum pando_status cid_decode(struct pando_slice bytes,
                             struct cid *ret_cid) PANDO_MUST_USE;
enum pando_status cid_encode(const struct cid *cid, uint8_t *ret_bytes, size_t cap,
                             size_t *ret_len) PANDO_MUST_USE;
/* Any CID in text: base32, base58btc, base36, base16, base64; "Qm..." is version 0. */
enum pando_status cid_parse(const char *text, struct cid *ret_cid) PANDO_MUST_USE;
enum pando_status cid_print(const struct cid *cid, char *ret_text,
                            size_t cap) PANDO_MUST_USE;
/* Whether `bytes` is exactly one well-formed CID of any codec. */
bool cid_valid(struct pando_slice bytes);
/* Whether `multihash` is exactly one multihash: minimal varints, the digest as long as
 * the hash function gives it (any length for identity and for functions we do not know).
 */
bool cid_multihash_valid(struct pando_slice multihash, uint64_t *ret_hash);
/* The digest when the CID is a sha2-256 one; PANDO_UNSUPPORTED otherwise. */
enum pando_status cid_sha256(const struct cid *cid,
                             struct pando_id *ret_id) PANDO_MUST_USE;

#endif
