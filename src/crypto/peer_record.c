#include "crypto/envelope.h"

#include "base/slice.h"
#include "codec/pb.h"

enum { FIELD_PEER = 1, FIELD_SEQ = 2, FIELD_ADDRESS = 3, FIELD_MULTIADDR = 1 };

#define DOMAIN "libp2p-peer-record"
#define OLDER_DOMAIN "libp2p-routing-state"
#define OLDER_TYPE "/libp2p/routing-state-record"

static const uint8_t record_type[2] = { 0x03, 0x01 };

void peer_record_seal(const struct crypto_secret *secret,
                      const struct peer_record *record, struct wire_writer *w)
{
    uint8_t payload[ENVELOPE_MAX];
    struct wire_writer p = wire_write(payload, sizeof payload);
    const struct pando_key key = crypto_public(secret);
    const struct peer_id peer = peer_id_from_key(&key);
    pb_put_bytes(&p, FIELD_PEER, slice_of(peer.bytes, peer.len));
    pb_put_uint(&p, FIELD_SEQ, record->seq);
    for (size_t i = 0; i < record->addresses_len && i < PEER_RECORD_ADDRESSES_MAX; i++) {
        const struct multiaddr *a = &record->addresses[i];
        pb_put_head(&p, FIELD_ADDRESS, pb_bytes_size(FIELD_MULTIADDR, a->len));
        pb_put_bytes(&p, FIELD_MULTIADDR, slice_of(a->bytes, a->len));
    }
    if (p.failed || record->addresses_len > PEER_RECORD_ADDRESSES_MAX) {
        w->failed = true;
        return;
    }
    envelope_seal(secret, DOMAIN, SLICE_OF(record_type), wire_written(&p), w);
}

/* One { 1 multiaddr }; an address that does not decode is left out. */
static bool take_address(struct pando_slice bytes, struct peer_record *record)
{
    struct wire_reader r = wire_read(bytes);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number != FIELD_MULTIADDR || f.type != PB_BYTES ||
            record->addresses_len == PEER_RECORD_ADDRESSES_MAX)
            continue;
        if (multiaddr_decode(f.bytes, &record->addresses[record->addresses_len]) ==
            PANDO_OK)
            record->addresses_len++;
    }
    return !r.failed;
}

static enum pando_status decode(struct pando_slice payload, struct peer_record *record)
{
    struct wire_reader r = wire_read(payload);
    struct pb_field f;
    *record = (struct peer_record){ .seq = 0 };
    while (pb_next(&r, &f)) {
        if (f.number == FIELD_SEQ && f.type == PB_VARINT)
            record->seq = f.value;
        else if (f.number == FIELD_PEER && f.type == PB_BYTES) {
            if (peer_id_decode(f.bytes, &record->peer) != PANDO_OK)
                return PANDO_MALFORMED;
        } else if (f.number == FIELD_ADDRESS && f.type == PB_BYTES) {
            if (!take_address(f.bytes, record))
                return PANDO_MALFORMED;
        }
    }
    return r.failed || record->peer.len == 0 ? PANDO_MALFORMED : PANDO_OK;
}

enum pando_status peer_record_open(struct pando_slice bytes,
                                   struct peer_record *ret_record)
{
    struct envelope e;
    struct pando_slice type = SLICE_OF(record_type);
    enum pando_status st = envelope_open(bytes, DOMAIN, &e);
    if (st == PANDO_FORGED) {
        type = slice_text(OLDER_TYPE);
        st = envelope_open(bytes, OLDER_DOMAIN, &e);
    }
    if (st != PANDO_OK)
        return st;
    if (!slice_equal(e.type, type))
        return PANDO_UNSUPPORTED;
    struct peer_record record;
    st = decode(e.payload, &record);
    if (st != PANDO_OK)
        return st;
    const struct peer_id signer = peer_id_from_key(&e.key);
    if (!peer_id_equal(&signer, &record.peer))
        return PANDO_FORGED;
    *ret_record = record;
    return PANDO_OK;
}
