#include "ws/ws_impl.h"

#include <stdio.h>
#include <string.h>

#include <gnutls/x509.h>

static bool is_set(const char *path)
{
    return path != NULL && path[0] != '\0';
}

static enum pando_status load_server(struct ws *w, struct pando_err *reterr)
{
    const struct ws_config *k = &w->config;
    if (!is_set(k->tls_cert) && !is_set(k->tls_key))
        return PANDO_OK;
    if (!is_set(k->tls_cert) || !is_set(k->tls_key))
        return pando_err_set(reterr, PANDO_INVALID,
                             "tls_cert and tls_key go together: %s is missing",
                             is_set(k->tls_cert) ? "tls_key" : "tls_cert");
    if (gnutls_certificate_allocate_credentials(&w->server) < 0)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    const int rc = gnutls_certificate_set_x509_key_file2(w->server, k->tls_cert, k->tls_key,
                                                         GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc < 0)
        return pando_err_set(reterr, PANDO_INVALID,
                             "tls_cert %.100s with tls_key %.100s: %s (both are PEM files, and "
                             "the key is the certificate's)",
                             k->tls_cert, k->tls_key, gnutls_strerror(rc));
    w->serves_tls = true;
    return PANDO_OK;
}

static enum pando_status load_client(struct ws *w, struct pando_err *reterr)
{
    if (gnutls_certificate_allocate_credentials(&w->client) < 0)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    (void)gnutls_certificate_set_x509_system_trust(w->client);
    if (!is_set(w->config.ca_file))
        return PANDO_OK;
    const int rc = gnutls_certificate_set_x509_trust_file(w->client, w->config.ca_file,
                                                          GNUTLS_X509_FMT_PEM);
    return rc > 0 ? PANDO_OK
                  : pando_err_set(reterr, PANDO_INVALID,
                                  "federation.ca %.150s: %s (a PEM file of CA certificates)",
                                  w->config.ca_file,
                                  rc == 0 ? "no certificate in it" : gnutls_strerror(rc));
}

enum pando_status ws_tls_load(struct ws *w, struct pando_err *reterr)
{
    const enum pando_status st = load_server(w, reterr);
    /* The system's store is large: without a file of our own it waits for the first wss. */
    return st == PANDO_OK && is_set(w->config.ca_file) ? load_client(w, reterr) : st;
}

void ws_tls_unload(struct ws *w)
{
    if (w->server != NULL)
        gnutls_certificate_free_credentials(w->server);
    if (w->client != NULL)
        gnutls_certificate_free_credentials(w->client);
}

static int configure(const struct ws *w, gnutls_session_t session, enum ws_role role,
                     const struct ws_url *url)
{
    const gnutls_datum_t alpn = { (unsigned char *)(uintptr_t) "http/1.1", 8 };
    int rc = gnutls_set_default_priority(session);
    if (rc >= 0)
        rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                                    role == WS_SERVER ? w->server : w->client);
    if (rc >= 0)
        rc = gnutls_alpn_set_protocols(session, &alpn, 1, 0);
    if (rc < 0 || role == WS_SERVER)
        return rc;
    const bool name = !url->ip6 && url->host[strspn(url->host, "0123456789.")] != '\0';
    if (name)
        rc = gnutls_server_name_set(session, GNUTLS_NAME_DNS, url->host, strlen(url->host));
    gnutls_session_set_verify_cert(session, url->host, 0);
    return rc;
}

gnutls_session_t ws_tls_session(const struct ws *w, enum ws_role role, const struct ws_url *url)
{
    gnutls_session_t session = NULL;
    struct ws *mine = (struct ws *)(uintptr_t)w;
    if (role == WS_CLIENT && w->client == NULL && load_client(mine, NULL) != PANDO_OK)
        return NULL;
    const unsigned flags =
        (role == WS_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    if (gnutls_init(&session, flags) < 0)
        return NULL;
    if (configure(w, session, role, url) < 0) {
        gnutls_deinit(session);
        return NULL;
    }
    return session;
}

enum pando_status ws_tls_reason(gnutls_session_t session, int rc, char *ret, size_t cap)
{
    if (rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
        gnutls_datum_t text = { NULL, 0 };
        (void)gnutls_certificate_verification_status_print(
            gnutls_session_get_verify_cert_status(session), GNUTLS_CRT_X509, &text, 0);
        (void)snprintf(ret, cap,
                       "the server's certificate is refused: %.150s name the CA that signed it "
                       "with federation.ca, and the server as its certificate does",
                       text.data == NULL ? "" : (const char *)text.data);
        gnutls_free(text.data);
        return PANDO_REFUSED;
    }
    if (rc == GNUTLS_E_UNEXPECTED_PACKET || rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH ||
        rc == GNUTLS_E_UNSUPPORTED_VERSION_PACKET) {
        (void)snprintf(ret, cap, "whoever answers there does not speak TLS: try ws://");
        return PANDO_MALFORMED;
    }
    /* What a plain port of ours answers, and some others. */
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED &&
        gnutls_alert_get(session) == GNUTLS_A_PROTOCOL_VERSION) {
        (void)snprintf(ret, cap, "no TLS that we speak (1.2, 1.3) is taken there: try ws://");
        return PANDO_MALFORMED;
    }
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        const char *name = gnutls_alert_get_name(gnutls_alert_get(session));
        (void)snprintf(ret, cap, "the TLS handshake was refused: %.80s",
                       name == NULL ? "for no known reason" : name);
        return PANDO_REFUSED;
    }
    if (rc == GNUTLS_E_PREMATURE_TERMINATION || rc == GNUTLS_E_PULL_ERROR ||
        rc == GNUTLS_E_PUSH_ERROR) {
        (void)snprintf(ret, cap, "the connection ended during the TLS handshake: if no TLS is "
                                 "spoken there, try ws://");
        return PANDO_UNAVAILABLE;
    }
    (void)snprintf(ret, cap, "the TLS handshake failed: %s", gnutls_strerror(rc));
    return PANDO_REFUSED;
}
