/* envelope.h - libp2p's signed envelope, and the peer record that travels in one.
 *
 * An envelope binds a payload to a purpose: the signature covers domain, type and
 * payload, each with its length, so bytes signed for one purpose mean nothing for
 * another. A peer record says "these are my addresses"; the higher sequence number wins.
 *
 *   Envelope    1 public key message | 2 payload type | 3 payload | 5 signature
 *   PeerRecord  1 peer id | 2 seq | 3 { 1 multiaddr } ...
 *
 * Source: libp2p RFC 0002 and RFC 0003. Deviation: only Ed25519 envelopes are verified.
 */
#ifndef CRYPTO_ENVELOPE_H
#define CRYPTO_ENVELOPE_H

#include "codec/multiaddr.h"
#include "codec/wire.h"
#include "crypto/peer_id.h"
#include "crypto/sign.h"

#define ENVELOPE_MAX 16384
#define ENVELOPE_DOMAIN_MAX 64
#define PEER_RECORD_ADDRESSES_MAX 32

/* Sign `payload` for `domain` and write the envelope. Fails (sticky) when it does not fit
 * into the writer or is over ENVELOPE_MAX. */
void envelope_seal(const struct crypto_secret *secret, const char *domain,
                   struct pando_slice type, struct pando_slice payload,
                   struct wire_writer *w);

/* An envelope whose signature was verified; type and payload borrow from the input. */
struct envelope {
    struct pando_key key;
    struct pando_slice type;
    struct pando_slice payload;
};

/* Verify for `domain`. Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED a key that is not
 * Ed25519; PANDO_FORGED the signature is not good for this domain. */
enum pando_status envelope_open(struct pando_slice bytes, const char *domain,
                                struct envelope *ret_envelope) PANDO_MUST_USE;

struct peer_record {
    struct peer_id peer;
    uint64_t seq; /* strictly increasing; we use unix time in ns */
    size_t addresses_len;
    struct multiaddr addresses[PEER_RECORD_ADDRESSES_MAX];
};

/* Write the sealed record of `secret`'s own peer; `record->peer` is not read. Fails
 * (sticky) when it does not fit. */
void peer_record_seal(const struct crypto_secret *secret,
                      const struct peer_record *record, struct wire_writer *w);
/* Verify a sealed record, also in the older domain that some nodes still use. Addresses
 * that we do not understand are skipped, those beyond the cap dropped.
 * Errors: as envelope_open; PANDO_UNSUPPORTED another payload type; PANDO_FORGED signed
 * by another peer than the record is about. */
enum pando_status peer_record_open(struct pando_slice bytes,
                                   struct peer_record *ret_record) PANDO_MUST_USE;

#endif
