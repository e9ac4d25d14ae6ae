#include "crypto/sign.h"

#include "base/rng.h"
#include "base/slice.h"
#include "vectors.h"

static void hashes_agree_with_the_vectors_whole_and_in_pieces(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "sha256");
    while (vectors_next(&v)) {
        const struct pando_slice in = vectors_bytes(&v, 1), want = vectors_bytes(&v, 2);
        CHECK_NOTE("%s\n", v.columns[0]);
        CHECK_EQ(want.len, 32);
        const struct pando_id whole = crypto_sha256(in);
        CHECK_MEM(whole.bytes, want.ptr, 32);
        for (size_t cut = 0; cut <= in.len; cut++) {
            struct crypto_sha256_state st;
            crypto_sha256_begin(&st);
            crypto_sha256_add(&st, slice_of(in.ptr, cut));
            crypto_sha256_add(&st, slice_from(in, cut));
            const struct pando_id pieces = crypto_sha256_end(&st);
            CHECK_MEM(pieces.bytes, want.ptr, 32);
        }
    }
}

static void keys_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "secret-key");
    while (vectors_next(&v)) {
        struct crypto_secret secret;
        const struct pando_slice seed = vectors_bytes(&v, 1), want = vectors_bytes(&v, 2);
        CHECK_EQ(seed.len, 32);
        crypto_secret_from_seed(seed.ptr, &secret);
        const struct pando_key key = crypto_public(&secret);
        CHECK(slice_equal(SLICE_OF(key.bytes), want));
        crypto_secret_deinit(&secret);
    }
}

/* Goal: one verdict everywhere. Whatever path verifies, these are its answers. */
static void adversarial_signatures_get_the_written_verdict(void **state)
{
    (void)state;
    struct vectors v;
    size_t valid = 0;
    vectors_open(&v, "ed25519");
    while (vectors_next(&v)) {
        struct pando_key key;
        struct pando_sig sig;
        const struct pando_slice k = vectors_bytes(&v, 1), s = vectors_bytes(&v, 2);
        CHECK_NOTE("%s\n", v.columns[0]);
        CHECK(k.len == sizeof key.bytes && s.len == sizeof sig.bytes);
        memcpy(key.bytes, k.ptr, k.len);
        memcpy(sig.bytes, s.ptr, s.len);
        const bool want = vectors_is(&v, 4, "valid");
        CHECK(want || vectors_is(&v, 4, "invalid"));
        CHECK_EQ(crypto_verify(&key, vectors_bytes(&v, 3), &sig), want);
        valid += want;
    }
    CHECK(valid >= 8 && v.count >= 100);
}

static void a_signature_holds_for_its_bytes_and_key_only(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(9);
    for (int i = 0; i < 100; i++) {
        uint8_t seed[32], message[100];
        struct crypto_secret secret, other;
        const size_t len = 1 + (size_t)rng_below(&rng, sizeof message - 1);
        rng_fill(&rng, seed, sizeof seed);
        rng_fill(&rng, message, len);
        crypto_secret_from_seed(seed, &secret);
        seed[0] ^= 1;
        crypto_secret_from_seed(seed, &other);
        const struct pando_key key = crypto_public(&secret),
                               wrong = crypto_public(&other);
        struct pando_sig sig = crypto_sign(&secret, slice_of(message, len));
        CHECK(crypto_verify(&key, slice_of(message, len), &sig));
        CHECK(!crypto_verify(&wrong, slice_of(message, len), &sig));
        CHECK(!crypto_verify(&key, slice_of(message, len - 1), &sig));
        message[rng_below(&rng, len)] ^= 1;
        CHECK(!crypto_verify(&key, slice_of(message, len), &sig));
    }
}

static void a_secret_is_wiped(void **state)
{
    (void)state;
    const uint8_t seed[32] = { 1 };
    const struct crypto_secret zero = { { 0 } };
    struct crypto_secret secret;
    crypto_secret_from_seed(seed, &secret);
    crypto_secret_deinit(&secret);
    CHECK_MEM(&secret, &zero, sizeof zero);
    crypto_secret_deinit(NULL);
}

static void randomness_differs_from_call_to_call(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hashes_agree_with_the_vectors_whole_and_in_pieces),
        TEST(keys_agree_with_the_vectors),
        TEST(adversarial_signatures_get_the_written_verdict),
        TEST(a_signature_holds_for_its_bytes_and_key_only),
        TEST(a_secret_is_wiped),
        TEST(randomness_differs_from_call_to_call),
    };
    return crypto_init() == PANDO_OK ? CHECK_RUN(tests) : 1;
}
