#include "crypto/envelope.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/pb.h"

#include <string.h>

enum { FIELD_KEY = 1, FIELD_TYPE = 2, FIELD_PAYLOAD = 3, FIELD_SIGNATURE = 5 };

enum { SIGNED_MAX = ENVELOPE_MAX + ENVELOPE_DOMAIN_MAX + 3 * WIRE_UVARINT_MAX };

/* What the signature covers. */
static struct wire_writer signed_bytes(uint8_t ret[SIGNED_MAX], const char *domain,
                                       struct pando_slice type,
                                       struct pando_slice payload)
{
    struct wire_writer w = wire_write(ret, SIGNED_MAX);
    PANDO_ASSERT(strlen(domain) <= ENVELOPE_DOMAIN_MAX);
    wire_put_block(&w, slice_text(domain));
    wire_put_block(&w, type);
    wire_put_block(&w, payload);
    return w;
}

void envelope_seal(const struct crypto_secret *secret, const char *domain,
                   struct pando_slice type, struct pando_slice payload,
                   struct wire_writer *w)
{
    uint8_t covered[SIGNED_MAX], public_key[PEER_ID_PUBLIC_SIZE];
    const size_t before = w->len;
    const struct pando_key key = crypto_public(secret);
    peer_id_public(&key, public_key);
    const struct wire_writer s = signed_bytes(covered, domain, type, payload);
    if (s.failed) {
        w->failed = true;
        return;
    }
    const struct pando_sig sig = crypto_sign(secret, wire_written(&s));
    pb_put_bytes(w, FIELD_KEY, SLICE_OF(public_key));
    pb_put_bytes(w, FIELD_TYPE, type);
    pb_put_bytes(w, FIELD_PAYLOAD, payload);
    pb_put_bytes(w, FIELD_SIGNATURE, SLICE_OF(sig.bytes));
    if (w->len - before > ENVELOPE_MAX)
        w->failed = true;
}

enum pando_status envelope_open(struct pando_slice bytes, const char *domain,
                                struct envelope *ret_envelope)
{
    struct wire_reader r = wire_read(bytes);
    struct pando_slice public_key = SLICE_EMPTY, signature = SLICE_EMPTY;
    struct envelope e = { .type = SLICE_EMPTY, .payload = SLICE_EMPTY };
    struct pb_field f;
    if (bytes.len > ENVELOPE_MAX)
        return PANDO_MALFORMED;
    while (pb_next(&r, &f)) {
        if (f.type != PB_BYTES)
            continue;
        switch (f.number) {
        case FIELD_KEY: public_key = f.bytes; break;
        case FIELD_TYPE: e.type = f.bytes; break;
        case FIELD_PAYLOAD: e.payload = f.bytes; break;
        case FIELD_SIGNATURE: signature = f.bytes; break;
        default: break;
        }
    }
    struct peer_id peer;
    if (r.failed || e.type.len == 0 || signature.len == 0 ||
        peer_id_from_public(public_key, &peer) != PANDO_OK)
        return PANDO_MALFORMED;
    if (peer_id_key(&peer, &e.key) != PANDO_OK)
        return PANDO_UNSUPPORTED;

    uint8_t covered[SIGNED_MAX];
    struct pando_sig sig;
    const struct wire_writer s = signed_bytes(covered, domain, e.type, e.payload);
    PANDO_ASSERT(!s.failed); /* both are parts of at most ENVELOPE_MAX bytes */
    if (signature.len != sizeof sig.bytes)
        return PANDO_FORGED;
    memcpy(sig.bytes, signature.ptr, sizeof sig.bytes);
    if (!crypto_verify(&e.key, wire_written(&s), &sig))
        return PANDO_FORGED;
    *ret_envelope = e;
    return PANDO_OK;
}
