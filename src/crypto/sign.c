#include "crypto/sign.h"

#include <assert.h>
#include <nettle/sha2.h>
/* Not <sodium.h>: it declares a crypto_sign of its own, and ours has that name. */
#include <sodium/core.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <string.h>

static_assert(sizeof(struct sha256_ctx) <= sizeof(struct crypto_sha256_state),
              "nettle's state fits into ours");
static_assert(crypto_sign_ed25519_SECRETKEYBYTES == sizeof(struct crypto_secret),
              "one form of key");
static_assert(crypto_sign_ed25519_BYTES == sizeof(struct pando_sig),
              "one form of signature");

enum pando_status crypto_init(void)
{
    return sodium_init() < 0 ? PANDO_UNAVAILABLE : PANDO_OK;
}

void crypto_random(uint8_t *ret, size_t len)
{
    randombytes_buf(ret, len);
}

void crypto_secret_from_seed(const uint8_t seed[32], struct crypto_secret *ret)
{
    uint8_t public[crypto_sign_ed25519_PUBLICKEYBYTES];
    (void)crypto_sign_ed25519_seed_keypair(public, ret->bytes, seed); /* cannot fail */
}

void crypto_secret_deinit(struct crypto_secret *s)
{
    if (s != NULL)
        sodium_memzero(s, sizeof *s);
}

struct pando_key crypto_public(const struct crypto_secret *s)
{
    struct pando_key key;
    memcpy(key.bytes, s->bytes + 32, sizeof key.bytes);
    return key;
}

struct pando_sig crypto_sign(const struct crypto_secret *s, struct pando_slice message)
{
    struct pando_sig sig;
    (void)crypto_sign_ed25519_detached(sig.bytes, NULL, message.ptr, message.len,
                                       s->bytes);
    return sig;
}

bool crypto_verify(const struct pando_key *key, struct pando_slice message,
                   const struct pando_sig *sig)
{
    /* what crypto_sign_verify_detached is, too */
    return crypto_sign_ed25519_verify_detached(sig->bytes, message.ptr, message.len,
                                               key->bytes) == 0;
}

/* The state lies in the caller's words; nettle sees it as its own type. */
static struct sha256_ctx *ctx_of(struct crypto_sha256_state *st)
{
    return (struct sha256_ctx *)(void *)st;
}

void crypto_sha256_begin(struct crypto_sha256_state *st)
{
    sha256_init(ctx_of(st));
}

void crypto_sha256_add(struct crypto_sha256_state *st, struct pando_slice s)
{
    if (s.len > 0)
        sha256_update(ctx_of(st), s.len, s.ptr);
}

struct pando_id crypto_sha256_end(struct crypto_sha256_state *st)
{
    struct pando_id id;
    sha256_digest(ctx_of(st), sizeof id.bytes, id.bytes);
    return id;
}

struct pando_id crypto_sha256(struct pando_slice s)
{
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, s);
    return crypto_sha256_end(&st);
}
