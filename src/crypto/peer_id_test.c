#include "crypto/peer_id.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/cid.h"
#include "crypto/sign.h"
#include "vectors.h"

static void ids_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "peer-id");
    while (vectors_next(&v)) {
        struct peer_id id, again;
        char text[PEER_ID_TEXT_MAX];
        CHECK_NOTE("%s\n", v.columns[0]);
        CHECK_OK(peer_id_from_public(vectors_bytes(&v, 1), &id));
        CHECK(slice_equal(slice_of(id.bytes, id.len), vectors_bytes(&v, 2)));
        peer_id_print(&id, text);
        CHECK_STR(text, v.columns[3]);
        CHECK_OK(peer_id_parse(text, &again));
        CHECK_MEM(&id, &again, sizeof id);
        CHECK_OK(peer_id_decode(vectors_bytes(&v, 2), &again));
        CHECK(peer_id_equal(&id, &again));
        if (!vectors_is(&v, 4, "-")) {
            CHECK_OK(peer_id_parse(v.columns[4], &again));
            CHECK(peer_id_equal(&id, &again));
        }
    }
}

static void a_key_is_read_back_out_of_its_id(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "secret-key");
    while (vectors_next(&v)) {
        struct pando_key key, got;
        char text[PEER_ID_TEXT_MAX];
        uint8_t public_key[PEER_ID_PUBLIC_SIZE];
        struct peer_id other;
        memcpy(key.bytes, vectors_bytes(&v, 2).ptr, sizeof key.bytes);
        const struct peer_id id = peer_id_from_key(&key);
        peer_id_print(&id, text);
        CHECK_STR(text, v.columns[3]);
        CHECK_OK(peer_id_key(&id, &got));
        CHECK(key_equal(&key, &got));
        peer_id_public(&key, public_key);
        CHECK_OK(peer_id_from_public(SLICE_OF(public_key), &other));
        CHECK_MEM(&id, &other, sizeof id);
    }
}

static void other_bytes_and_texts_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    struct peer_id id;
    vectors_open(&v, "public-key-reject");
    while (vectors_next(&v)) {
        CHECK_NOTE("%s\n", v.columns[0]);
        CHECK_EQ(peer_id_from_public(vectors_bytes(&v, 1), &id), PANDO_MALFORMED);
    }
    vectors_open(&v, "peer-id-reject");
    while (vectors_next(&v)) {
        CHECK_NOTE("%s\n", v.columns[0]);
        CHECK_EQ(peer_id_parse(v.columns[1], &id), PANDO_MALFORMED);
    }
    CHECK_EQ(peer_id_parse("", &id), PANDO_MALFORMED);
}

/* RSA and ECDSA keys are over 42 bytes: their ids are hashes, carried but not opened. */
static void a_long_key_is_named_by_its_hash(void **state)
{
    (void)state;
    uint8_t public_key[3 + 2 + 270] = { 0x08, 0x00, 0x12, 0x8e, 0x02 };
    struct peer_id id, again;
    struct pando_key key;
    char text[PEER_ID_TEXT_MAX];
    CHECK_OK(peer_id_from_public(SLICE_OF(public_key), &id));
    const struct pando_id digest = crypto_sha256(SLICE_OF(public_key));
    CHECK_EQ(id.len, 34);
    CHECK_MEM(id.bytes + 2, digest.bytes, sizeof digest.bytes);
    CHECK_EQ(peer_id_key(&id, &key), PANDO_UNSUPPORTED);
    peer_id_print(&id, text);
    CHECK(strncmp(text, "Qm", 2) == 0);
    CHECK_OK(peer_id_parse(text, &again));
    CHECK(peer_id_equal(&id, &again));
}

static void mutated_ids_decode_to_themselves_or_not_at_all(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(10);
    const struct pando_key key = { { 1, 2, 3 } };
    for (int i = 0; i < 20000; i++) {
        struct peer_id id = peer_id_from_key(&key), got;
        const size_t len = (size_t)rng_below(&rng, id.len + 1u);
        id.bytes[rng_below(&rng, 6)] = (uint8_t)rng_next(&rng);
        const size_t take = rng_chance(&rng, 1, 2) ? id.len : len;
        if (peer_id_decode(slice_of(id.bytes, take), &got) == PANDO_OK)
            CHECK(slice_equal(slice_of(got.bytes, got.len), slice_of(id.bytes, take)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ids_agree_with_the_vectors),
        TEST(a_key_is_read_back_out_of_its_id),
        TEST(other_bytes_and_texts_are_refused),
        TEST(a_long_key_is_named_by_its_hash),
        TEST(mutated_ids_decode_to_themselves_or_not_at_all),
    };
    return CHECK_RUN(tests);
}
