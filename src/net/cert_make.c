#include "net/cert.h"

#include "net/cert_parts.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#define HOUR_S 3600
#define YEAR_S (365 * 24 * HOUR_S)
#define NAME "CN=pando"

/* SEQUENCE(104) { OCTETS(36) public key, OCTETS(64) signature }. */
#define EXTENSION_SIZE 106

struct maker {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_pubkey_t pub;
    gnutls_datum_t spki;
};

static void maker_deinit(struct maker *m)
{
    if (m->spki.data != NULL)
        gnutls_free(m->spki.data);
    if (m->pub != NULL)
        gnutls_pubkey_deinit(m->pub);
    if (m->crt != NULL)
        gnutls_x509_crt_deinit(m->crt);
    if (m->key != NULL)
        gnutls_x509_privkey_deinit(m->key);
}

static int make_key(struct maker *m)
{
    int rc = gnutls_x509_privkey_init(&m->key);
    if (rc >= 0)
        rc = gnutls_x509_privkey_generate(m->key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    return rc;
}

static int fill_names(struct maker *m, struct pando_wall now)
{
    uint8_t serial[8];
    const char *error_at;
    const time_t seconds = (time_t)(now.ms / 1000);
    crypto_random(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 1); /* positive, not zero */
    int rc = gnutls_x509_crt_init(&m->crt);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_version(m->crt, 3);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_serial(m->crt, serial, sizeof serial);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_activation_time(m->crt, seconds - HOUR_S);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_expiration_time(m->crt, seconds + 20L * YEAR_S);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_dn(m->crt, NAME, &error_at);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_issuer_dn(m->crt, NAME, &error_at);
    return rc < 0 ? rc : gnutls_x509_crt_set_key(m->crt, m->key);
}

static int take_spki(struct maker *m)
{
    int rc = gnutls_pubkey_init(&m->pub);
    if (rc >= 0)
        rc = gnutls_pubkey_import_x509(m->pub, m->crt, 0);
    return rc < 0 ? rc : gnutls_pubkey_export2(m->pub, GNUTLS_X509_FMT_DER, &m->spki);
}

static int add_extension(struct maker *m, const struct crypto_secret *secret)
{
    uint8_t message[sizeof CERT_PREFIX - 1 + 256];
    uint8_t extension[EXTENSION_SIZE] = { 0x30, EXTENSION_SIZE - 2, 0x04, PEER_ID_PUBLIC_SIZE };
    const size_t prefix = sizeof CERT_PREFIX - 1;
    const struct pando_key public = crypto_public(secret);
    if (m->spki.size > sizeof message - prefix)
        return GNUTLS_E_SHORT_MEMORY_BUFFER;
    memcpy(message, CERT_PREFIX, prefix);
    memcpy(message + prefix, m->spki.data, m->spki.size);
    const struct pando_sig sig =
        crypto_sign(secret, (struct pando_slice){ message, prefix + m->spki.size });
    peer_id_public(&public, extension + 4);
    extension[4 + PEER_ID_PUBLIC_SIZE] = 0x04;
    extension[5 + PEER_ID_PUBLIC_SIZE] = sizeof sig.bytes;
    memcpy(extension + 6 + PEER_ID_PUBLIC_SIZE, sig.bytes, sizeof sig.bytes);
    /* Not critical: some older peers refuse what they think they do not know. */
    return gnutls_x509_crt_set_extension_by_oid(m->crt, CERT_OID, extension, sizeof extension,
                                                0);
}

static int export_pair(struct maker *m, struct cert_pair *pair)
{
    pair->cert_len = sizeof pair->cert;
    pair->key_len = sizeof pair->key;
    int rc = gnutls_x509_crt_export(m->crt, GNUTLS_X509_FMT_DER, pair->cert, &pair->cert_len);
    if (rc >= 0)
        rc = gnutls_x509_privkey_export(m->key, GNUTLS_X509_FMT_DER, pair->key,
                                        &pair->key_len);
    return rc;
}

enum pando_status cert_make(const struct crypto_secret *secret, struct pando_wall now,
                            struct cert_pair *ret_pair, struct pando_err *reterr)
{
    struct maker m = { 0 };
    const char *doing = "generate a P-256 key";
    int rc = make_key(&m);
    if (rc >= 0) {
        doing = "fill a certificate";
        rc = fill_names(&m, now);
    }
    if (rc >= 0) {
        doing = "take the certificate's public key";
        rc = take_spki(&m);
    }
    if (rc >= 0) {
        doing = "add the identity";
        rc = add_extension(&m, secret);
    }
    if (rc >= 0) {
        doing = "sign the certificate";
        rc = gnutls_x509_crt_sign2(m.crt, m.crt, m.key, GNUTLS_DIG_SHA256, 0);
    }
    if (rc >= 0) {
        doing = "export the certificate";
        rc = export_pair(&m, ret_pair);
    }
    maker_deinit(&m);
    if (rc >= 0)
        return PANDO_OK;
    cert_pair_deinit(ret_pair);
    return pando_err_set(reterr, PANDO_IO, "net: cannot %s: %s", doing, gnutls_strerror(rc));
}

void cert_pair_deinit(struct cert_pair *pair)
{
    gnutls_memset(pair, 0, sizeof *pair);
}
