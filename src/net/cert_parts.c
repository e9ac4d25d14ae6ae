#include "net/cert_parts.h"

#include "base/slice.h"
#include "net/der.h"

static const uint8_t LIBP2P_OID[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xa2, 0x5a, 0x01,
                                      0x01 };
/* Critical extensions of ordinary certificates that change nothing for us: key usage,
 * basic constraints, extended key usage, subject alternative name. */
static const uint8_t KNOWN_OIDS[][3] = {
    { 0x55, 0x1d, 0x0f }, { 0x55, 0x1d, 0x13 }, { 0x55, 0x1d, 0x25 }, { 0x55, 0x1d, 0x11 },
};

static bool is_known(struct pando_slice oid)
{
    for (size_t i = 0; i < sizeof KNOWN_OIDS / sizeof KNOWN_OIDS[0]; i++)
        if (slice_equal(oid, slice_of(KNOWN_OIDS[i], 3)))
            return true;
    return false;
}

/* One extension: OID, critical (absent means false), value. */
struct extension {
    struct pando_slice oid;
    struct pando_slice value;
    bool critical;
};

static struct extension take_extension(struct der *list)
{
    struct extension e = { 0 };
    struct der d = { .left = der_take(list, DER_SEQUENCE) };
    e.oid = der_take(&d, DER_OID);
    if (der_peek(&d) == DER_BOOLEAN) {
        const struct pando_slice flag = der_take(&d, DER_BOOLEAN);
        e.critical = flag.len == 1 && flag.ptr[0] == 0xff;
        if (!e.critical)
            d.failed = true; /* DER writes only true, as ff */
    }
    e.value = der_take(&d, DER_OCTETS);
    if (!der_done(&d))
        list->failed = true;
    return e;
}

static const char *read_signed_key(struct pando_slice value, struct cert_parts *parts)
{
    struct der outer = { .left = value };
    struct der inner = { .left = der_take(&outer, DER_SEQUENCE) };
    parts->public_key = der_take(&inner, DER_OCTETS);
    parts->signature = der_take(&inner, DER_OCTETS);
    if (!der_done(&outer) || !der_done(&inner))
        return "its libp2p extension is not a signed key";
    return NULL;
}

static const char *read_extensions(struct pando_slice content, struct cert_parts *parts)
{
    struct der outer = { .left = content };
    struct der list = { .left = der_take(&outer, DER_SEQUENCE) };
    bool seen = false;
    if (!der_done(&outer))
        return "its extensions are not DER";
    while (!list.failed && list.left.len > 0) {
        const struct extension e = take_extension(&list);
        if (list.failed)
            break;
        if (slice_equal(e.oid, SLICE_OF(LIBP2P_OID))) {
            if (seen)
                return "it has two libp2p extensions";
            seen = true;
            const char *why = read_signed_key(e.value, parts);
            if (why != NULL)
                return why;
        } else if (e.critical && !is_known(e.oid)) {
            return "it has an unknown critical extension";
        }
    }
    if (list.failed)
        return "its extensions are not DER";
    return seen ? NULL : "it has no libp2p extension";
}

static const char *read_tbs(struct pando_slice content, struct cert_parts *parts)
{
    struct der d = { .left = content };
    struct der version = { .left = der_take(&d, 0xa0) };
    const struct pando_slice number = der_take(&version, DER_INTEGER);
    if (d.failed || !der_done(&version) || number.len != 1 || number.ptr[0] != 2)
        return "it is not an X.509 version 3 certificate";
    (void)der_take(&d, DER_INTEGER);  /* serial */
    (void)der_take(&d, DER_SEQUENCE); /* signature algorithm */
    (void)der_take(&d, DER_SEQUENCE); /* issuer */
    (void)der_take(&d, DER_SEQUENCE); /* validity */
    (void)der_take(&d, DER_SEQUENCE); /* subject */
    if (der_peek(&d) != DER_SEQUENCE)
        return "it is not DER";
    parts->spki = der_take_whole(&d);
    if (der_peek(&d) == 0x81 || der_peek(&d) == 0x82)
        return "it has a unique identifier";
    if (der_peek(&d) != 0xa3)
        return "it has no libp2p extension";
    const struct pando_slice extensions = der_take(&d, 0xa3);
    if (!der_done(&d))
        return "it is not DER";
    return read_extensions(extensions, parts);
}

enum pando_status cert_split(struct pando_slice bytes, struct cert_parts *ret_parts,
                             const char **ret_why)
{
    struct cert_parts parts = { 0 };
    struct der outer = { .left = bytes };
    struct der cert = { .left = der_take(&outer, DER_SEQUENCE) };
    if (!der_done(&outer) || der_peek(&cert) != DER_SEQUENCE) {
        *ret_why = "it is not DER";
        return PANDO_MALFORMED;
    }
    parts.tbs = der_take_whole(&cert);
    (void)der_take(&cert, DER_SEQUENCE); /* signature algorithm */
    (void)der_take(&cert, 0x03);         /* signature */
    struct der tbs = { .left = parts.tbs };
    const char *why = der_done(&cert) ? read_tbs(der_take(&tbs, DER_SEQUENCE), &parts)
                                      : "it is not DER";
    if (why != NULL) {
        *ret_why = why;
        return PANDO_MALFORMED;
    }
    *ret_parts = parts;
    return PANDO_OK;
}
