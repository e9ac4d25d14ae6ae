#include "exec/hmac.h"

#include <string.h>

#include "base/slice.h"

void hmac_begin(struct hmac *h, struct pando_slice key)
{
    uint8_t block[64] = { 0 };
    if (key.len > sizeof block) {
        const struct pando_id digest = crypto_sha256(key);
        memcpy(block, digest.bytes, sizeof digest.bytes);
    } else if (key.len > 0) {
        memcpy(block, key.ptr, key.len);
    }
    uint8_t inner_pad[64];
    for (size_t i = 0; i < sizeof block; i++) {
        inner_pad[i] = block[i] ^ 0x36;
        h->outer_pad[i] = block[i] ^ 0x5c;
    }
    crypto_sha256_begin(&h->inner);
    crypto_sha256_add(&h->inner, SLICE_OF(inner_pad));
    explicit_bzero(block, sizeof block);
    explicit_bzero(inner_pad, sizeof inner_pad);
}

void hmac_add(struct hmac *h, struct pando_slice s)
{
    crypto_sha256_add(&h->inner, s);
}

struct pando_id hmac_end(struct hmac *h)
{
    const struct pando_id inner = crypto_sha256_end(&h->inner);
    struct crypto_sha256_state outer;
    crypto_sha256_begin(&outer);
    crypto_sha256_add(&outer, SLICE_OF(h->outer_pad));
    crypto_sha256_add(&outer, SLICE_OF(inner));
    explicit_bzero(h, sizeof *h);
    return crypto_sha256_end(&outer);
}

struct pando_id hmac_sha256(struct pando_slice key, struct pando_slice message)
{
    struct hmac h;
    hmac_begin(&h, key);
    hmac_add(&h, message);
    return hmac_end(&h);
}

bool hmac_equal(const struct pando_id *a, const struct pando_id *b)
{
    unsigned diff = 0;
    for (size_t i = 0; i < sizeof a->bytes; i++)
        diff |= (unsigned)(a->bytes[i] ^ b->bytes[i]);
    return diff == 0;
}
