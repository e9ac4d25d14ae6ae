#include "net/cert.h"

#include "base/slice.h"
#include "codec/pb.h"
#include "net/cert_parts.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RSA_BITS_MIN 2048
#define SIGNATURE_MAX 1024
#define SPKI_MAX 1024

enum host_key_type { HOST_RSA = 0, HOST_ED25519 = 1, HOST_SECP256K1 = 2, HOST_ECDSA = 3 };

static gnutls_datum_t datum_of(struct pando_slice s)
{
    return (gnutls_datum_t){ (unsigned char *)(uintptr_t)s.ptr, (unsigned)s.len };
}

static void print_time(int64_t seconds, char *ret_text, size_t cap)
{
    const time_t t = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(ret_text, cap, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(ret_text, cap, "%lld", (long long)seconds);
}

static enum pando_status check_dates(gnutls_x509_crt_t crt, struct pando_wall now,
                                     struct pando_err *reterr)
{
    const int64_t from = gnutls_x509_crt_get_activation_time(crt);
    const int64_t until = gnutls_x509_crt_get_expiration_time(crt);
    const int64_t here = now.ms / 1000;
    char bound[40], clock[40];
    if (from != -1 && until != -1 && from <= here && here <= until)
        return PANDO_OK;
    print_time(here < from ? from : until, bound, sizeof bound);
    print_time(here, clock, sizeof clock);
    return pando_err_set(reterr, PANDO_REFUSED,
                         "the peer's certificate is %s %s, but our clock says %s: one of the "
                         "two clocks is wrong",
                         here < from ? "valid only from" : "valid only until", bound, clock);
}

static bool is_sound_algorithm(int algorithm)
{
    switch (algorithm) {
    case GNUTLS_SIGN_ECDSA_SHA256: case GNUTLS_SIGN_ECDSA_SHA384: case GNUTLS_SIGN_ECDSA_SHA512:
    case GNUTLS_SIGN_EDDSA_ED25519:
    case GNUTLS_SIGN_RSA_SHA256: case GNUTLS_SIGN_RSA_SHA384: case GNUTLS_SIGN_RSA_SHA512:
    case GNUTLS_SIGN_RSA_PSS_SHA256: case GNUTLS_SIGN_RSA_PSS_SHA384:
    case GNUTLS_SIGN_RSA_PSS_SHA512:
        return true;
    default:
        return false;
    }
}

static bool is_weak_rsa(gnutls_pubkey_t pub)
{
    unsigned bits = 0;
    const int type = gnutls_pubkey_get_pk_algorithm(pub, &bits);
    return (type == GNUTLS_PK_RSA || type == GNUTLS_PK_RSA_PSS) && bits < RSA_BITS_MIN;
}

static enum pando_status check_self_signature(gnutls_x509_crt_t crt, struct pando_slice tbs,
                                              struct pando_err *reterr)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t len = sizeof signature;
    gnutls_pubkey_t pub = NULL;
    enum pando_status st = PANDO_NOMEM;
    const int algorithm = gnutls_x509_crt_get_signature_algorithm(crt);
    if (!is_sound_algorithm(algorithm))
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "the peer's certificate is signed in a way that is not accepted");
    if (gnutls_pubkey_init(&pub) < 0)
        return pando_err_set(reterr, PANDO_NOMEM, "no memory for a key");
    if (gnutls_x509_crt_get_signature(crt, (char *)signature, &len) < 0 ||
        gnutls_pubkey_import_x509(pub, crt, 0) < 0 || is_weak_rsa(pub)) {
        st = pando_err_set(reterr, PANDO_MALFORMED, "the peer's certificate has no usable key");
    } else {
        const gnutls_datum_t data = datum_of(tbs), sig = { signature, (unsigned)len };
        const int rc = gnutls_pubkey_verify_data2(pub, (gnutls_sign_algorithm_t)algorithm, 0,
                                                  &data, &sig);
        st = rc >= 0 ? PANDO_OK
                     : pando_err_set(reterr, PANDO_FORGED,
                                     "the peer's certificate is not signed by its own key");
    }
    gnutls_pubkey_deinit(pub);
    return st;
}

/* RSA and ECDSA host keys: the protobuf carries a SubjectPublicKeyInfo. */
static bool verify_foreign(struct pando_slice key, struct pando_slice message,
                           struct pando_slice signature, gnutls_sign_algorithm_t algorithm)
{
    gnutls_pubkey_t pub = NULL;
    const gnutls_datum_t der = datum_of(key), data = datum_of(message),
                         sig = datum_of(signature);
    if (gnutls_pubkey_init(&pub) < 0)
        return false;
    const bool ok = gnutls_pubkey_import(pub, &der, GNUTLS_X509_FMT_DER) >= 0 &&
                    !is_weak_rsa(pub) &&
                    gnutls_pubkey_verify_data2(pub, algorithm, 0, &data, &sig) >= 0;
    gnutls_pubkey_deinit(pub);
    return ok;
}

static bool verify_ed25519(struct pando_slice key, struct pando_slice message,
                           struct pando_slice signature)
{
    struct pando_key public;
    struct pando_sig sig;
    if (key.len != sizeof public.bytes || signature.len != sizeof sig.bytes)
        return false;
    memcpy(public.bytes, key.ptr, sizeof public.bytes);
    memcpy(sig.bytes, signature.ptr, sizeof sig.bytes);
    return crypto_verify(&public, message, &sig);
}

static enum pando_status check_host_signature(const struct cert_parts *parts,
                                              struct pando_err *reterr)
{
    uint8_t message[sizeof CERT_PREFIX - 1 + SPKI_MAX];
    const size_t prefix = sizeof CERT_PREFIX - 1;
    struct wire_reader r = wire_read(parts->public_key);
    struct pb_field field;
    uint64_t type = UINT64_MAX;
    struct pando_slice key = SLICE_EMPTY;
    bool ok = false;

    while (pb_next(&r, &field)) {
        if (field.number == 1 && field.type == PB_VARINT)
            type = field.value;
        else if (field.number == 2 && field.type == PB_BYTES)
            key = field.bytes;
    }
    if (r.failed || key.len == 0 || parts->spki.len > SPKI_MAX)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "the peer's certificate carries no readable host key");
    memcpy(message, CERT_PREFIX, prefix);
    memcpy(message + prefix, parts->spki.ptr, parts->spki.len);
    const struct pando_slice what = { message, prefix + parts->spki.len };
    switch (type) {
    case HOST_ED25519: ok = verify_ed25519(key, what, parts->signature); break;
    case HOST_ECDSA:
        ok = verify_foreign(key, what, parts->signature, GNUTLS_SIGN_ECDSA_SHA256);
        break;
    case HOST_RSA:
        ok = verify_foreign(key, what, parts->signature, GNUTLS_SIGN_RSA_SHA256);
        break;
    default:
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "the peer's host key is of a type that is not supported "
                             "(%s)", type == HOST_SECP256K1 ? "secp256k1" : "unknown");
    }
    if (!ok)
        return pando_err_set(reterr, PANDO_FORGED,
                             "the peer's certificate is not signed by the host key it claims");
    return PANDO_OK;
}

enum pando_status cert_verify(struct pando_slice der, struct pando_wall now,
                              struct peer_id *ret_peer, struct pando_err *reterr)
{
    struct cert_parts parts;
    const char *why = NULL;
    gnutls_x509_crt_t crt = NULL;
    struct peer_id peer;

    if (der.len > CERT_DER_MAX)
        return pando_err_set(reterr, PANDO_MALFORMED, "the peer's certificate is too large");
    if (cert_split(der, &parts, &why) != PANDO_OK)
        return pando_err_set(reterr, PANDO_MALFORMED, "the peer's certificate is refused: %s",
                             why);
    const gnutls_datum_t data = datum_of(der);
    if (gnutls_x509_crt_init(&crt) < 0)
        return pando_err_set(reterr, PANDO_NOMEM, "no memory for a certificate");
    enum pando_status st = PANDO_OK;
    if (gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_DER) < 0)
        st = pando_err_set(reterr, PANDO_MALFORMED, "the peer's certificate is not X.509");
    if (st == PANDO_OK)
        st = check_dates(crt, now, reterr);
    if (st == PANDO_OK)
        st = check_self_signature(crt, parts.tbs, reterr);
    gnutls_x509_crt_deinit(crt);
    if (st == PANDO_OK)
        st = check_host_signature(&parts, reterr);
    if (st == PANDO_OK && peer_id_from_public(parts.public_key, &peer) != PANDO_OK)
        st = pando_err_set(reterr, PANDO_MALFORMED,
                           "the peer's host key is not a valid public key");
    if (st == PANDO_OK)
        *ret_peer = peer;
    return st;
}
