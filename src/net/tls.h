/* tls.h - TLS 1.3 sessions for QUIC, as libp2p wants them.
 *
 * Both sides show one certificate (cert.h), ALPN is "libp2p", there are no tickets and no
 * 0-RTT. AES-128-GCM comes first and the server's order wins: GnuTLS's ChaCha20 costs
 * thirteen times as much, and js peers offer it first.
 *
 * Verification of the certificate happens inside the handshake through the owner's
 * callback, which may also compare the proved identity with the one that was dialled.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "crypto/sign.h"

#include <pando/status.h>

#include <gnutls/gnutls.h>

struct tls {
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    /* Whether the peer's certificate is acceptable; called within the handshake with the
     * `session_ptr` of tls_session. Set by the owner after tls_init. */
    bool (*verify)(void *session_ptr, struct pando_slice der);
};

/* Make the certificate and the shared objects. Errors: PANDO_IO. */
enum pando_status tls_init(struct tls *t, const struct crypto_secret *secret,
                           struct pando_wall now, struct pando_err *reterr) PANDO_MUST_USE;
void tls_deinit(struct tls *t);
/* A session in the form that ngtcp2's crypto helper drives. `session_ptr` must begin with
 * a struct ngtcp2_crypto_conn_ref, as that helper demands. Errors: PANDO_NOMEM. */
enum pando_status tls_session(const struct tls *t, bool server, void *session_ptr,
                              gnutls_session_t *ret_session) PANDO_MUST_USE;

#endif
