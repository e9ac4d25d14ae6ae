/* keystore.h - the file that makes a node itself: its named secret keys.
 *
 * DATA/keystore is text, so that it can be looked at, backed up and typed in again:
 *
 *   pando-keystore 1
 *   key node ed25519 <seed, 64 hex digits> <public key, 64 hex digits>
 *   key NAME ed25519 ...
 *   sha256 <of all bytes above, 64 hex digits>
 *
 * The checksum is against damage, not against an attacker: whoever can write the file
 * owns the node. It is therefore mode 0600, and a file that others may read is refused.
 * It is replaced as a whole: a temporary file, flushed, renamed, the folder flushed; a
 * crash leaves the old file or the new one. "node" is the key that every keystore has.
 *
 * Thread: one owner at a time; several processes are kept apart by the data folder's
 * lock.
 */
#ifndef CRYPTO_KEYSTORE_H
#define CRYPTO_KEYSTORE_H

#include "base/buf.h"
#include "crypto/sign.h"

#define KEYSTORE_FILE "keystore"
#define KEYSTORE_VERSION 1
#define KEYSTORE_KEYS_MAX 16
#define KEYSTORE_NAME_MAX 32 /* a-z, 0-9, '-', '_', starting with a letter */
#define KEYSTORE_SIZE_MAX 8192

struct keystore; /* opaque; holds secrets, wiped at close */

/* Read the keystore of the folder `dir`, which must exist. With `create`, one with a
 * fresh key "node" is made when there is none; a racing creator wins or loses as a whole.
 * Errors: PANDO_NOT_FOUND no keystore and not `create`; PANDO_REFUSED others may read it;
 * PANDO_UNSUPPORTED another version; PANDO_CORRUPT; PANDO_IO, PANDO_NOSPACE. */
enum pando_status keystore_open(const char *dir, bool create,
                                struct keystore **ret_keystore,
                                struct pando_err *reterr) PANDO_MUST_USE;
/* Wipe and free. Accepts NULL. */
void keystore_close(struct keystore *ks);
/* The key of that name, valid until close. Errors: PANDO_NOT_FOUND. */
enum pando_status keystore_key(const struct keystore *ks, const char *name,
                               const struct crypto_secret **ret_secret) PANDO_MUST_USE;
/* Make a key and save the file; on failure nothing has changed. Errors: PANDO_INVALID the
 * name; PANDO_EXISTS; PANDO_FULL; PANDO_IO, PANDO_NOSPACE. */
enum pando_status keystore_new_key(struct keystore *ks, const char *name,
                                   struct pando_err *reterr) PANDO_MUST_USE;
/* Up to `cap` names in the order they were made; returns how many there are. */
size_t keystore_names(const struct keystore *ks, const char **ret_names, size_t cap);

/* The file's text and back, without a file; `dir` is where keystore_new_key will save. */
enum pando_status keystore_decode(struct pando_slice text, const char *dir,
                                  struct keystore **ret_keystore,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Append the text; the caller wipes it. */
enum pando_status keystore_encode(const struct keystore *ks,
                                  struct pando_buf *b) PANDO_MUST_USE;

#endif
