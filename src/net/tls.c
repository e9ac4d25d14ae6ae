#include "net/tls.h"

#include "net/cert.h"

#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#define PRIORITY                                                                        \
    "NONE:+VERS-TLS1.3:+AEAD:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM"              \
    ":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"                                  \
    ":+SIGN-EDDSA-ED25519:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384"    \
    ":+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512"    \
    ":+SIGN-RSA-SHA256:+CTYPE-X509:%DISABLE_TLS13_COMPAT_MODE:%SERVER_PRECEDENCE"

static int use_pair(gnutls_certificate_credentials_t credentials, struct cert_pair *pair)
{
    const gnutls_datum_t cert = { pair->cert, (unsigned)pair->cert_len };
    const gnutls_datum_t key = { pair->key, (unsigned)pair->key_len };
    return gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_DER);
}

enum pando_status tls_init(struct tls *t, const struct crypto_secret *secret,
                           struct pando_wall now, struct pando_err *reterr)
{
    struct tls made = { 0 };
    struct cert_pair pair;
    enum pando_status st = cert_make(secret, now, &pair, reterr);
    if (st != PANDO_OK)
        return st;
    int rc = gnutls_certificate_allocate_credentials(&made.credentials);
    if (rc >= 0)
        rc = use_pair(made.credentials, &pair);
    if (rc >= 0)
        rc = gnutls_priority_init(&made.priority, PRIORITY, NULL);
    cert_pair_deinit(&pair);
    if (rc < 0) {
        tls_deinit(&made);
        return pando_err_set(reterr, PANDO_IO, "net: cannot prepare TLS: %s",
                             gnutls_strerror(rc));
    }
    *t = made;
    return PANDO_OK;
}

void tls_deinit(struct tls *t)
{
    if (t->priority != NULL)
        gnutls_priority_deinit(t->priority);
    if (t->credentials != NULL)
        gnutls_certificate_free_credentials(t->credentials);
    *t = (struct tls){ 0 };
}

/* GnuTLS knows neither the extension nor self-signed peers: only our callback decides. The
 * struct tls hangs on the session beside the session pointer of the crypto helper. */
static int verify(gnutls_session_t session)
{
    unsigned count = 0;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &count);
    const struct tls *t = gnutls_db_get_ptr(session);
    if (list == NULL || count != 1)
        return GNUTLS_E_CERTIFICATE_ERROR;
    const struct pando_slice der = { list[0].data, list[0].size };
    return t->verify(gnutls_session_get_ptr(session), der) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

static int configure(const struct tls *t, bool server, void *session_ptr,
                     gnutls_session_t session)
{
    const gnutls_datum_t alpn = { (unsigned char *)(uintptr_t) "libp2p", 6 };
    int rc = gnutls_priority_set(session, t->priority);
    if (rc < 0)
        return rc;
    rc = server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                : ngtcp2_crypto_gnutls_configure_client_session(session);
    if (rc != 0)
        return GNUTLS_E_INTERNAL_ERROR;
    gnutls_session_set_ptr(session, session_ptr);
    gnutls_db_set_ptr(session, (void *)(uintptr_t)t);
    gnutls_session_set_verify_function(session, verify);
    if (server)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    rc = gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
    if (rc < 0)
        return rc;
    return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->credentials);
}

enum pando_status tls_session(const struct tls *t, bool server, void *session_ptr,
                              gnutls_session_t *ret_session)
{
    const unsigned common = GNUTLS_NO_TICKETS | GNUTLS_NO_END_OF_EARLY_DATA;
    const unsigned role = server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET
                                 : GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT;
    gnutls_session_t session = NULL;
    if (gnutls_init(&session, role | common) < 0)
        return PANDO_NOMEM;
    if (configure(t, server, session_ptr, session) < 0) {
        gnutls_deinit(session);
        return PANDO_NOMEM;
    }
    *ret_session = session;
    return PANDO_OK;
}
