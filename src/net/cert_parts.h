/* cert_parts.h - what a libp2p certificate is made of, cut out of its own bytes. */
#ifndef NET_CERT_PARTS_H
#define NET_CERT_PARTS_H

#include <pando/status.h>
#include <pando/types.h>

#define CERT_OID "1.3.6.1.4.1.53594.1.1"
#define CERT_PREFIX "libp2p-tls-handshake:"

struct cert_parts {
    struct pando_slice tbs;        /* the signed part, whole element */
    struct pando_slice spki;       /* SubjectPublicKeyInfo, whole element */
    struct pando_slice public_key; /* the host's PublicKey protobuf */
    struct pando_slice signature;  /* by the host over CERT_PREFIX and spki */
};

/* All slices borrow from `der`. Errors: PANDO_MALFORMED, with what is wrong in `*ret_why`
 * (a constant). */
enum pando_status cert_split(struct pando_slice der, struct cert_parts *ret_parts,
                             const char **ret_why) PANDO_MUST_USE;

#endif
