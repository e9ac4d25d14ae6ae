/* hmac.h - HMAC-SHA256 (RFC 2104), for capsules and for the cache of compiled modules. */
#ifndef EXEC_HMAC_H
#define EXEC_HMAC_H

#include "crypto/sign.h"

struct hmac {
    struct crypto_sha256_state inner;
    uint8_t outer_pad[64];
};

/* Begin with a key of any length; add in pieces; end. The state holds key material and is
 * wiped by hmac_end. */
void hmac_begin(struct hmac *h, struct pando_slice key);
void hmac_add(struct hmac *h, struct pando_slice s);
struct pando_id hmac_end(struct hmac *h);
/* The same over one message. */
struct pando_id hmac_sha256(struct pando_slice key, struct pando_slice message);
/* Compare in a time that tells nothing about where they differ. */
bool hmac_equal(const struct pando_id *a, const struct pando_id *b);

#endif
