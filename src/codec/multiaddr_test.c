#include "codec/multiaddr.h"

#include "base/rng.h"
#include "base/slice.h"
#include "vectors.h"

static void addresses_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multiaddr");
    while (vectors_next(&v)) {
        struct multiaddr a, b;
        struct pando_err err = { 0 };
        char text[MULTIADDR_TEXT_MAX];
        CHECK_NOTE("%s\n", v.columns[0]);
        if (vectors_is(&v, 1, "reject")) {
            CHECK_EQ(multiaddr_parse(v.columns[2], &a, &err), PANDO_MALFORMED);
            CHECK(strstr(err.text, "multiaddr: ") == err.text);
            continue;
        }
        const struct pando_slice want = vectors_bytes(&v, 1);
        const enum pando_status st = multiaddr_decode(want, &a);
        if (vectors_is(&v, 2, "reject") || vectors_is(&v, 2, "unsupported")) {
            CHECK_EQ(st,
                     vectors_is(&v, 2, "reject") ? PANDO_MALFORMED : PANDO_UNSUPPORTED);
            continue;
        }
        CHECK_OK(st);
        CHECK(slice_equal(slice_of(a.bytes, a.len), want));
        CHECK_OK(multiaddr_print(&a, text, sizeof text));
        CHECK_STR(text, v.columns[2]);
        CHECK_OK(multiaddr_parse(text, &b, &err));
        CHECK_MEM(&a, &b, sizeof a);
        CHECK_EQ(multiaddr_print(&a, text, strlen(text)), PANDO_FULL);
    }
}

static void other_spellings_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multiaddr-alias");
    while (vectors_next(&v)) {
        struct multiaddr a;
        struct pando_err err = { 0 };
        char text[MULTIADDR_TEXT_MAX];
        CHECK_NOTE("%s\n", v.columns[0]);
        const enum pando_status st = multiaddr_parse_peer(v.columns[1], &a, &err);
        if (vectors_is(&v, 2, "reject")) {
            CHECK_EQ(st, PANDO_MALFORMED);
            CHECK(strstr(err.text, "127.0.0.1:9001") != NULL); /* the remedy */
            continue;
        }
        CHECK_OK(st);
        CHECK_OK(multiaddr_print(&a, text, sizeof text));
        CHECK_STR(text, v.columns[2]);
    }
}

/* Goal: whatever a peer sends as an address, walking and printing it stays in bounds. */
static void mutated_addresses_decode_whole_or_not_at_all(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(3);
    struct multiaddr seed, a;
    struct pando_err err;
    size_t good = 0;
    CHECK_OK(multiaddr_parse("/dns4/example.com/tcp/443/tls/ws/p2p/"
                             "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
                             &seed, &err));
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[MULTIADDR_MAX];
        char text[4 * MULTIADDR_TEXT_MAX];
        const size_t len = 1 + (size_t)rng_below(&rng, seed.len);
        memcpy(bytes, seed.bytes, sizeof bytes);
        for (uint64_t j = rng_below(&rng, 4); j > 0; j--)
            bytes[rng_below(&rng, seed.len)] = (uint8_t)rng_next(&rng);
        if (multiaddr_decode(slice_of(bytes, len), &a) != PANDO_OK)
            continue;
        good++;
        CHECK_OK(multiaddr_print(&a, text, sizeof text));
    }
    CHECK(good > 100);
}

static void a_quic_address_is_taken_apart_and_built_again(void **state)
{
    (void)state;
    struct multiaddr a, b;
    struct multiaddr_udp udp;
    struct pando_err err;
    CHECK_OK(multiaddr_parse("/ip6/2001:db8::1/udp/9000/quic-v1", &a, &err));
    CHECK_OK(multiaddr_to_udp(&a, &udp));
    CHECK_EQ(udp.ip_len, 16);
    CHECK_EQ(udp.port, 9000);
    CHECK_EQ(udp.p2p.len, 0);
    multiaddr_from_udp(udp.ip, udp.ip_len, udp.port, &b);
    CHECK(multiaddr_equal(&a, &b));
    CHECK_OK(multiaddr_parse("/dns/host.example/udp/7/quic-v1/p2p/"
                             "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
                             &a, &err));
    CHECK_OK(multiaddr_to_udp(&a, &udp));
    CHECK_EQ(udp.ip_len, 0);
    CHECK_STR(udp.name, "host.example");
    CHECK_EQ(udp.name_family, 0);
    CHECK_OK(multiaddr_parse("/dns6/host.example/udp/7/quic-v1", &b, &err));
    CHECK_OK(multiaddr_to_udp(&b, &udp));
    CHECK_EQ(udp.name_family, 6);
    CHECK_OK(multiaddr_parse("/dns4/host.example/udp/7/quic-v1", &b, &err));
    CHECK_OK(multiaddr_to_udp(&b, &udp));
    CHECK_EQ(udp.name_family, 4);
    CHECK_OK(multiaddr_to_udp(&a, &udp));
    CHECK_EQ(udp.p2p.len, 38);
}

static void other_shapes_are_not_for_a_quic_dialler(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "/ip4/1.2.3.4/tcp/1",
        "/ip4/1.2.3.4/udp/1",
        "/ip4/1.2.3.4/udp/1/quic",
        "/ip4/1.2.3.4/udp/1/quic-v1/webtransport",
        "/udp/1/quic-v1",
        "/ip6zone/eth0/ip6/fe80::1/udp/1/quic-v1",
        "/dnsaddr/x.example",
        "/ip4/1.2.3.4",
        "/ip4/1.2.3.4/udp/1/quic-v1/p2p-circuit",
        "/ip4/1.2.3.4/udp/1/quic-v1/tls",
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct multiaddr a;
        struct multiaddr_udp udp;
        struct pando_err err;
        CHECK_NOTE("%s\n", shapes[i]);
        CHECK_OK(multiaddr_parse(shapes[i], &a, &err));
        CHECK_EQ(multiaddr_to_udp(&a, &udp), PANDO_UNSUPPORTED);
    }
}

static void an_address_that_would_grow_too_long_stays_as_it_was(void **state)
{
    (void)state;
    struct multiaddr a = { 0 }, before;
    char name[201];
    memset(name, 'a', sizeof name);
    CHECK_OK(multiaddr_append(&a, MULTIADDR_DNS, slice_of(name, sizeof name)));
    before = a;
    CHECK_EQ(multiaddr_append(&a, MULTIADDR_DNS, slice_of(name, sizeof name)),
             PANDO_FULL);
    CHECK_EQ(multiaddr_append(&a, 0x7fff, SLICE_EMPTY), PANDO_UNSUPPORTED);
    CHECK_EQ(multiaddr_append(&a, MULTIADDR_TCP, slice_of(name, 3)), PANDO_MALFORMED);
    CHECK_MEM(&a, &before, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_agree_with_the_vectors),
        TEST(other_spellings_agree_with_the_vectors),
        TEST(mutated_addresses_decode_whole_or_not_at_all),
        TEST(a_quic_address_is_taken_apart_and_built_again),
        TEST(other_shapes_are_not_for_a_quic_dialler),
        TEST(an_address_that_would_grow_too_long_stays_as_it_was),
    };
    return CHECK_RUN(tests);
}
