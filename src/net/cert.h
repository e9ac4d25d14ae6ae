/* cert.h - libp2p's TLS certificate: how a link proves which node is at its other end.
 *
 * TLS runs on a throw-away P-256 key, generated at start and never stored. One extension of
 * the self-signed certificate carries the node's real public key and its signature over
 * "libp2p-tls-handshake:" and the throw-away key, so whoever holds the session also holds
 * the node's key. No authority, no names, no revocation: the peer id is the whole identity.
 *
 *   extension 1.3.6.1.4.1.53594.1.1 (not critical when we write it, either when we read):
 *   SEQUENCE { OCTET STRING public key (protobuf), OCTET STRING signature }
 *
 * Host keys: Ed25519 through crypto/, ECDSA and RSA (2048 bits or more) through GnuTLS;
 * secp256k1 is recognised and refused as unsupported. The signed parts are taken from the
 * certificate's own bytes by a strict DER walk, never from a re-encoding.
 *
 * Source: libp2p specs, tls/tls.md, with its four test vectors in tests/vectors.
 */
#ifndef NET_CERT_H
#define NET_CERT_H

#include "crypto/peer_id.h"
#include "crypto/sign.h"

#include <pando/status.h>
#include <pando/types.h>

#define CERT_DER_MAX 4096

/* A fresh certificate for `secret` valid from an hour before `now`, with its key: both DER.
 * Errors: PANDO_IO the TLS library refused, with its text in reterr. */
struct cert_pair {
    uint8_t cert[CERT_DER_MAX];
    size_t cert_len;
    uint8_t key[512];
    size_t key_len;
};
enum pando_status cert_make(const struct crypto_secret *secret, struct pando_wall now,
                            struct cert_pair *ret_pair, struct pando_err *reterr)
    PANDO_MUST_USE;
void cert_pair_deinit(struct cert_pair *pair);

/* The identity that a certificate proves. Errors (each with its cause in reterr):
 * PANDO_MALFORMED not such a certificate; PANDO_FORGED a signature does not verify;
 * PANDO_REFUSED outside its dates, both clocks are named; PANDO_UNSUPPORTED a host key or
 * signature type that we do not know. */
enum pando_status cert_verify(struct pando_slice der, struct pando_wall now,
                              struct peer_id *ret_peer, struct pando_err *reterr)
    PANDO_MUST_USE;

#endif
