/* peer_id.h - libp2p peer ids: the multihash of a public key's protobuf.
 *
 * Ours are Ed25519, whose 36-byte protobuf is inlined (identity multihash, 38 bytes), so
 * the key can be read back out of the id. Ids of other key types are carried, compared
 * and printed; their keys are met only in certificates.
 */
#ifndef CRYPTO_PEER_ID_H
#define CRYPTO_PEER_ID_H

#include <pando/status.h>
#include <pando/types.h>

#define PEER_ID_TEXT_MAX 64

struct peer_id {
    uint8_t len;       /* 0: none */
    uint8_t bytes[39]; /* zero behind len, so that the struct compares with memcmp */
};

struct peer_id peer_id_from_key(const struct pando_key *key);
/* From a serialized PublicKey message of any type (hashed when over 42 bytes). */
enum pando_status peer_id_from_public(struct pando_slice public_key,
                                      struct peer_id *ret) PANDO_MUST_USE;
/* The inlined Ed25519 key. Errors: PANDO_UNSUPPORTED another type. */
enum pando_status peer_id_key(const struct peer_id *id,
                              struct pando_key *ret) PANDO_MUST_USE;
/* From multihash bytes: identity with a PublicKey inside, or sha2-256. */
enum pando_status peer_id_decode(struct pando_slice bytes,
                                 struct peer_id *ret) PANDO_MUST_USE;
/* base58 ("12D3Koo...", "Qm...") or CID text. */
enum pando_status peer_id_parse(const char *text, struct peer_id *ret) PANDO_MUST_USE;
void peer_id_print(const struct peer_id *id, char ret_text[PEER_ID_TEXT_MAX]);
bool peer_id_equal(const struct peer_id *a, const struct peer_id *b);
/* The PublicKey protobuf of an Ed25519 key: always 36 bytes. */
#define PEER_ID_PUBLIC_SIZE 36
void peer_id_public(const struct pando_key *key, uint8_t ret[PEER_ID_PUBLIC_SIZE]);

#endif
