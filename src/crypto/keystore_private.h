/* keystore_private.h - what the text and the file side of the keystore share. */
#ifndef CRYPTO_KEYSTORE_PRIVATE_H
#define CRYPTO_KEYSTORE_PRIVATE_H

#include "crypto/keystore.h"

struct keystore_entry {
    char name[KEYSTORE_NAME_MAX + 1];
    struct crypto_secret secret;
};

struct keystore {
    char *dir;
    size_t len;
    struct keystore_entry entries[KEYSTORE_KEYS_MAX];
};

/* An empty keystore of that folder, or NULL when memory is out. */
struct keystore *keystore_empty(const char *dir);
/* Errors: PANDO_INVALID, PANDO_EXISTS, PANDO_FULL; the text is set. */
enum pando_status keystore_add(struct keystore *ks, struct pando_slice name,
                               const uint8_t seed[32],
                               struct pando_err *reterr) PANDO_MUST_USE;
/* Wipe, then free. */
void keystore_wipe_buf(struct pando_buf *b);

#endif
