/* Property: an envelope that opens was signed by its key, and a record that opens seals
 * and opens again to the same record. */
#include "base/assert.h"
#include "base/slice.h"
#include "crypto/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seals_again(const struct peer_record *record)
{
    static const uint8_t seed[32] = { 7 };
    uint8_t bytes[ENVELOPE_MAX + 256];
    struct crypto_secret secret;
    struct peer_record again;
    crypto_secret_from_seed(seed, &secret);
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    peer_record_seal(&secret, record, &w);
    PANDO_ASSERT(!w.failed);
    PANDO_ASSERT(peer_record_open(wire_written(&w), &again) == PANDO_OK);
    PANDO_ASSERT(again.seq == record->seq &&
                 again.addresses_len == record->addresses_len);
    for (size_t i = 0; i < again.addresses_len; i++)
        PANDO_ASSERT(multiaddr_equal(&again.addresses[i], &record->addresses[i]));
    bytes[w.len - 1] ^= 1;
    PANDO_ASSERT(peer_record_open(wire_written(&w), &again) != PANDO_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_record record;
    struct envelope e;
    struct pando_key key;
    if (crypto_init() != PANDO_OK)
        return 0;
    if (envelope_open(slice_of(data, size), "libp2p-peer-record", &e) == PANDO_OK)
        PANDO_ASSERT(e.type.len + e.payload.len <= size);
    if (peer_record_open(slice_of(data, size), &record) == PANDO_OK) {
        PANDO_ASSERT(peer_id_key(&record.peer, &key) == PANDO_OK);
        seals_again(&record);
    }
    return 0;
}
