/* sign.h - hashes and signatures: SHA-256 and Ed25519, one verdict everywhere.
 *
 * Valid means what libsodium's crypto_sign_verify_detached accepts; any faster path gives
 * the same verdict, and adversarial vectors prove it. crypto_init() once per process.
 */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <pando/status.h>
#include <pando/types.h>

/* A secret key. Wiped by secret_deinit; never passed to a trace. */
struct crypto_secret {
    uint8_t bytes[64]; /* seed, public key: libsodium's form */
};

enum pando_status crypto_init(void) PANDO_MUST_USE;
void crypto_random(uint8_t *ret, size_t len);
void crypto_secret_from_seed(const uint8_t seed[32], struct crypto_secret *ret);
void crypto_secret_deinit(struct crypto_secret *s);
struct pando_key crypto_public(const struct crypto_secret *s);

struct pando_sig crypto_sign(const struct crypto_secret *s, struct pando_slice message);
bool crypto_verify(const struct pando_key *key, struct pando_slice message,
                   const struct pando_sig *sig);

struct pando_id crypto_sha256(struct pando_slice s);
/* Incremental form, for bodies in chunks. */
struct crypto_sha256_state {
    uint64_t opaque[16];
};
void crypto_sha256_begin(struct crypto_sha256_state *st);
void crypto_sha256_add(struct crypto_sha256_state *st, struct pando_slice s);
struct pando_id crypto_sha256_end(struct crypto_sha256_state *st);

#endif
