#include "crypto/envelope.h"

#include "base/slice.h"
#include "codec/pb.h"
#include "vectors.h"

#include <stdlib.h>

#define DOMAIN "libp2p-peer-record"

static struct crypto_secret secret_of(uint8_t first)
{
    const uint8_t seed[32] = { first };
    struct crypto_secret secret;
    crypto_secret_from_seed(seed, &secret);
    return secret;
}

static void records_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "envelope");
    while (vectors_next(&v)) {
        struct crypto_secret secret;
        struct peer_record record;
        char text[MULTIADDR_TEXT_MAX];
        uint8_t bytes[ENVELOPE_MAX];
        const struct pando_slice want = vectors_bytes(&v, 1);
        CHECK_OK(peer_record_open(want, &record));
        CHECK_EQ(record.seq, strtoull(v.columns[3], NULL, 10));
        CHECK_EQ(record.addresses_len, 1);
        CHECK_OK(multiaddr_print(&record.addresses[0], text, sizeof text));
        CHECK_STR(text, v.columns[4]);
        crypto_secret_from_seed(vectors_bytes(&v, 2).ptr, &secret);
        struct wire_writer w = wire_write(bytes, sizeof bytes);
        peer_record_seal(&secret, &record, &w);
        CHECK(slice_equal(wire_written(&w), want));
    }
}

/* Every bit is covered: by the signature, by the checks, or by being the key itself. */
static void no_bit_of_a_record_can_be_changed(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "envelope");
    CHECK(vectors_next(&v));
    const struct pando_slice good = vectors_bytes(&v, 1);
    struct peer_record record;
    uint8_t bytes[512];
    CHECK(good.len <= sizeof bytes);
    for (size_t bit = 0; bit < 8 * good.len; bit++) {
        memcpy(bytes, good.ptr, good.len);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(peer_record_open(slice_of(bytes, good.len), &record) != PANDO_OK);
    }
    for (size_t len = 0; len < good.len; len++)
        CHECK(peer_record_open(slice_of(good.ptr, len), &record) != PANDO_OK);
    (void)fclose(v.file);
}

static void an_envelope_is_good_for_its_domain_only(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1);
    const struct pando_key key = crypto_public(&secret);
    uint8_t bytes[512];
    struct envelope e;
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    envelope_seal(&secret, "one", slice_text("type"), slice_text("payload"), &w);
    CHECK_OK(envelope_open(wire_written(&w), "one", &e));
    CHECK(key_equal(&e.key, &key));
    CHECK(slice_equal(e.type, slice_text("type")));
    CHECK(slice_equal(e.payload, slice_text("payload")));
    CHECK_EQ(envelope_open(wire_written(&w), "two", &e), PANDO_FORGED);
}

/* A record about peer P in P's words, sealed in any domain and type. */
static struct wire_writer sealed(uint8_t *bytes, size_t cap, uint8_t signer,
                                 uint8_t subject, const char *domain,
                                 struct pando_slice type)
{
    const struct crypto_secret secret = secret_of(signer), about = secret_of(subject);
    const struct pando_key key = crypto_public(&about);
    const struct peer_id peer = peer_id_from_key(&key);
    uint8_t payload[128];
    struct wire_writer p = wire_write(payload, sizeof payload);
    pb_put_bytes(&p, 1, slice_of(peer.bytes, peer.len));
    pb_put_uint(&p, 2, 5);
    pb_put_bytes(&p, 3, slice_text("\x0a\x04\xff\x7f\x01\x02")); /* an unknown address */
    pb_put_bytes(&p, 3, slice_of("\x0a\x08\x04\x7f\0\0\x01\x06\x0f\xa1", 10));
    struct wire_writer w = wire_write(bytes, cap);
    envelope_seal(&secret, domain, type, wire_written(&p), &w);
    CHECK(!w.failed);
    return w;
}

static void the_older_domain_is_read_too(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct peer_record record;
    const struct wire_writer w = sealed(bytes, sizeof bytes, 1, 1, "libp2p-routing-state",
                                        slice_text("/libp2p/routing-state-record"));
    CHECK_OK(peer_record_open(wire_written(&w), &record));
    CHECK_EQ(record.seq, 5);
    CHECK_EQ(record.addresses_len, 1); /* the unknown one is skipped, not fatal */
}

static void a_record_of_another_peer_or_type_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct peer_record record;
    const struct pando_slice type = slice_text("\x03\x01");
    struct wire_writer w = sealed(bytes, sizeof bytes, 1, 1, DOMAIN, type);
    CHECK_OK(peer_record_open(wire_written(&w), &record));
    w = sealed(bytes, sizeof bytes, 1, 2, DOMAIN, type);
    CHECK_EQ(peer_record_open(wire_written(&w), &record), PANDO_FORGED);
    w = sealed(bytes, sizeof bytes, 1, 1, DOMAIN, slice_text("\x03\x02"));
    CHECK_EQ(peer_record_open(wire_written(&w), &record), PANDO_UNSUPPORTED);
    w = sealed(bytes, sizeof bytes, 1, 1, "libp2p-relay-rsvp", type);
    CHECK_EQ(peer_record_open(wire_written(&w), &record), PANDO_FORGED);
}

static void addresses_beyond_the_cap_are_dropped(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1);
    const struct pando_key key = crypto_public(&secret);
    const struct peer_id peer = peer_id_from_key(&key);
    uint8_t payload[2048], bytes[4096];
    struct wire_writer p = wire_write(payload, sizeof payload);
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    static struct peer_record record;
    pb_put_bytes(&p, 1, slice_of(peer.bytes, peer.len));
    for (int i = 0; i < PEER_RECORD_ADDRESSES_MAX + 5; i++)
        pb_put_bytes(&p, 3, slice_of("\x0a\x08\x04\x7f\0\0\x01\x06\x0f\xa1", 10));
    envelope_seal(&secret, DOMAIN, slice_text("\x03\x01"), wire_written(&p), &w);
    CHECK_OK(peer_record_open(wire_written(&w), &record));
    CHECK_EQ(record.addresses_len, PEER_RECORD_ADDRESSES_MAX);

    record.addresses_len = PEER_RECORD_ADDRESSES_MAX + 1; /* ours: refused, not cut */
    w = wire_write(bytes, sizeof bytes);
    peer_record_seal(&secret, &record, &w);
    CHECK(w.failed);
}

static void a_key_that_we_cannot_verify_is_told_apart(void **state)
{
    (void)state;
    uint8_t bytes[256], public_key[37] = { 0x08, 0x02, 0x12, 0x21 };
    struct envelope e;
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    pb_put_bytes(&w, 1, SLICE_OF(public_key));
    pb_put_bytes(&w, 2, slice_text("t"));
    pb_put_bytes(&w, 3, slice_text("p"));
    pb_put_bytes(&w, 5, slice_text("0123456789"));
    CHECK_EQ(envelope_open(wire_written(&w), "d", &e), PANDO_UNSUPPORTED);
}

static void an_envelope_minds_its_writer_s_room(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1);
    static uint8_t payload[ENVELOPE_MAX], bytes[2 * ENVELOPE_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    envelope_seal(&secret, "d", slice_text("t"), SLICE_OF(payload), &w);
    CHECK(w.failed); /* over ENVELOPE_MAX: nobody would open it */
    w = wire_write(bytes, 100);
    envelope_seal(&secret, "d", slice_text("t"), slice_text("p"), &w);
    CHECK(w.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_agree_with_the_vectors),
        TEST(no_bit_of_a_record_can_be_changed),
        TEST(an_envelope_is_good_for_its_domain_only),
        TEST(the_older_domain_is_read_too),
        TEST(a_record_of_another_peer_or_type_is_refused),
        TEST(addresses_beyond_the_cap_are_dropped),
        TEST(a_key_that_we_cannot_verify_is_told_apart),
        TEST(an_envelope_minds_its_writer_s_room),
    };
    return crypto_init() == PANDO_OK ? CHECK_RUN(tests) : 1;
}
