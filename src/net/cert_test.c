#include "net/cert.h"

#include "check.h"
#include "net/cert_parts.h"

#include <stdlib.h>

#define VECTOR_MAX 1024
static const struct pando_wall NOW = { 1795000000000 }; /* in 2026 */

static struct pando_slice read_vector(int number, uint8_t buf[VECTOR_MAX])
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/libp2p-tls/vector_%d.der",
                   PANDO_SOURCE_DIR, number);
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    const size_t len = fread(buf, 1, VECTOR_MAX, f);
    CHECK_EQ(fclose(f), 0);
    CHECK(len > 400);
    return (struct pando_slice){ buf, len };
}

static void expect_peer(int vector, const char *want)
{
    uint8_t buf[VECTOR_MAX];
    char got[PEER_ID_TEXT_MAX];
    struct peer_id peer;
    struct pando_err err = { 0 };
    const enum pando_status st = cert_verify(read_vector(vector, buf), NOW, &peer, &err);
    CHECK_NOTE("vector %d: %s\n", vector, err.text);
    CHECK_OK(st);
    peer_id_print(&peer, got);
    CHECK_STR(got, want);
}

static void accepts_the_vectors_with_ed25519_and_ecdsa_hosts(void **state)
{
    (void)state;
    expect_peer(1, "12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv");
    expect_peer(2, "QmfXbAwNjJLXfesgztEHe8HwgVDCMMpZ9Eax1HYq6hn9uE");
}

static void names_secp256k1_as_unsupported(void **state)
{
    (void)state;
    uint8_t buf[VECTOR_MAX];
    struct peer_id peer = { 0 };
    struct pando_err err;
    CHECK_EQ(cert_verify(read_vector(3, buf), NOW, &peer, &err), PANDO_UNSUPPORTED);
    CHECK(strstr(err.text, "secp256k1") != NULL);
    CHECK_EQ(peer.len, 0);
}

static void refuses_the_vector_with_a_false_host_signature(void **state)
{
    (void)state;
    uint8_t buf[VECTOR_MAX];
    struct peer_id peer;
    CHECK_EQ(cert_verify(read_vector(4, buf), NOW, &peer, NULL), PANDO_FORGED);
}

static struct crypto_secret test_secret(void)
{
    uint8_t seed[32] = { 0 };
    struct crypto_secret secret;
    CHECK_OK(crypto_init());
    crypto_secret_from_seed(seed, &secret);
    return secret;
}

static struct pando_slice made(const struct cert_pair *pair)
{
    return (struct pando_slice){ pair->cert, pair->cert_len };
}

static void verifies_what_it_makes(void **state)
{
    (void)state;
    const struct crypto_secret secret = test_secret();
    struct cert_pair pair;
    struct peer_id peer;
    struct pando_err err = { 0 };
    char got[PEER_ID_TEXT_MAX];
    CHECK_OK(cert_make(&secret, NOW, &pair, &err));
    CHECK_OK(cert_verify(made(&pair), NOW, &peer, &err));
    peer_id_print(&peer, got);
    CHECK_STR(got, "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
}

static void blames_a_clock_when_the_dates_do_not_fit(void **state)
{
    (void)state;
    const struct crypto_secret secret = test_secret();
    struct cert_pair pair;
    struct peer_id peer;
    struct pando_err err;
    CHECK_OK(cert_make(&secret, NOW, &pair, NULL));
    const struct pando_wall before = { NOW.ms - 7200 * 1000 };
    const struct pando_wall inside = { NOW.ms - 3000 * 1000 };
    CHECK_EQ(cert_verify(made(&pair), before, &peer, &err), PANDO_REFUSED);
    CHECK(strstr(err.text, "clock") != NULL && strstr(err.text, "2026-11-18") != NULL);
    CHECK_OK(cert_verify(made(&pair), inside, &peer, &err));
}

/* Every byte matters: whichever one is changed, the certificate is refused. */
static void refuses_any_changed_byte(void **state)
{
    (void)state;
    const struct crypto_secret secret = test_secret();
    struct cert_pair pair;
    struct peer_id peer;
    CHECK_OK(cert_make(&secret, NOW, &pair, NULL));
    for (size_t i = 0; i < pair.cert_len; i++) {
        pair.cert[i] ^= 0x01;
        CHECK(cert_verify(made(&pair), NOW, &peer, NULL) != PANDO_OK);
        pair.cert[i] ^= 0x01;
    }
    CHECK_OK(cert_verify(made(&pair), NOW, &peer, NULL));
}

static void refuses_any_shortened_or_extended_certificate(void **state)
{
    (void)state;
    uint8_t buf[VECTOR_MAX];
    struct cert_parts parts;
    const char *why;
    struct pando_slice s = read_vector(1, buf);
    const size_t whole = s.len;
    CHECK_OK(cert_split(s, &parts, &why));
    for (s.len = 0; s.len < whole; s.len++)
        CHECK_EQ(cert_split(s, &parts, &why), PANDO_MALFORMED);
    s.len = whole + 1;
    CHECK_EQ(cert_split(s, &parts, &why), PANDO_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepts_the_vectors_with_ed25519_and_ecdsa_hosts),
        TEST(names_secp256k1_as_unsupported),
        TEST(refuses_the_vector_with_a_false_host_signature),
        TEST(verifies_what_it_makes),
        TEST(blames_a_clock_when_the_dates_do_not_fit),
        TEST(refuses_any_changed_byte),
        TEST(refuses_any_shortened_or_extended_certificate),
    };
    return CHECK_RUN(tests);
}
