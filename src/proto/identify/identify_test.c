#include "proto/identify/identify.h"

#include "base/slice.h"
#include "check.h"
#include "codec/pb.h"
#include "crypto/envelope.h"

static const char *const PROTOCOLS[] = { "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0",
                                         "/meshsub/1.1.0" };

static struct crypto_secret secret_of(uint8_t fill)
{
    uint8_t seed[32];
    memset(seed, fill, sizeof seed);
    struct crypto_secret s;
    crypto_secret_from_seed(seed, &s);
    return s;
}

static struct multiaddr address(const char *text)
{
    struct multiaddr a;
    CHECK_OK(multiaddr_parse(text, &a, NULL));
    return a;
}

static struct identify_self self_with(struct pando_key key,
                                      const struct multiaddr *addresses, size_t len)
{
    return (struct identify_self){
        .key = key,
        .network = "pando",
        .protocols = PROTOCOLS,
        .protocols_len = 3,
        .addresses = addresses,
        .addresses_len = len,
    };
}

static size_t encode(const struct identify_self *self, const struct multiaddr *observed,
                     uint8_t *out, size_t cap)
{
    struct wire_writer w = wire_write(out, cap);
    CHECK_OK(identify_encode(self, observed, &w));
    return w.len;
}

static void what_is_said_is_what_is_heard(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1);
    const struct multiaddr at[] = { address("/ip4/10.0.0.1/udp/9000/quic-v1"),
                                    address("/ip6/::1/udp/9000/quic-v1") };
    const struct multiaddr seen = address("/ip4/10.9.9.9/udp/777/quic-v1");
    const struct identify_self self = self_with(crypto_public(&secret), at, 2);
    uint8_t out[IDENTIFY_OUT_MAX];
    const size_t len = encode(&self, &seen, out, sizeof out);

    static struct identify_info info;
    identify_init(&info);
    CHECK_OK(identify_merge(&info, slice_of(out, len)));
    const struct peer_id peer = peer_id_from_key(&self.key);
    CHECK_OK(identify_check(&info, &peer));
    CHECK_EQ(info.addresses_len, 2);
    CHECK(multiaddr_equal(&info.addresses[1], &at[1]));
    CHECK(info.has_observed && multiaddr_equal(&info.observed, &seen));
    CHECK_STR(info.agent, "pando/" PANDO_VERSION);
    CHECK_STR(info.version, "pando/1");
    CHECK_STR(info.network, "pando");
    CHECK_EQ(info.protocols_len, 4);
    CHECK(identify_speaks(&info, "/meshsub/1.1.0"));
    CHECK(!identify_speaks(&info, "/meshsub/1.1"));
    CHECK_EQ(info.dropped, 0);
}

/* js appends /p2p/<our id> to what it observed, some do to their listen addresses. */
static void leaves_out_p2p_behind_addresses(void **state)
{
    (void)state;
    const struct multiaddr with =
        address("/ip4/10.0.0.1/udp/9000/quic-v1/p2p/"
                "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
    const struct multiaddr without = address("/ip4/10.0.0.1/udp/9000/quic-v1");
    uint8_t out[1024];
    struct wire_writer w = wire_write(out, sizeof out);
    pb_put_bytes(&w, 4, slice_of(with.bytes, with.len));
    pb_put_bytes(&w, 2, slice_of(with.bytes, with.len));
    pb_put_bytes(&w, 2, slice_of(without.bytes, without.len));
    static struct identify_info info;
    identify_init(&info);
    CHECK_OK(identify_merge(&info, wire_written(&w)));
    CHECK(multiaddr_equal(&info.observed, &without));
    CHECK_EQ(info.addresses_len, 1);
    CHECK(multiaddr_equal(&info.addresses[0], &without));

    const struct crypto_secret secret = secret_of(1);
    const struct identify_self self = self_with(crypto_public(&secret), &with, 1);
    identify_init(&info);
    const size_t len = encode(&self, &with, out, sizeof out);
    CHECK_OK(identify_merge(&info, slice_of(out, len)));
    CHECK(multiaddr_equal(&info.observed, &without));
}

static void merges_messages_until_the_end(void **state)
{
    (void)state;
    uint8_t one[64], two[64];
    struct wire_writer w = wire_write(one, sizeof one), v = wire_write(two, sizeof two);
    pb_put_bytes(&w, 3, slice_text("/a"));
    pb_put_bytes(&w, 6, slice_text("old"));
    pb_put_bytes(&v, 3, slice_text("/b"));
    pb_put_bytes(&v, 6, slice_text("new\033[2J"));
    static struct identify_info info;
    identify_init(&info);
    CHECK_OK(identify_merge(&info, wire_written(&w)));
    CHECK_OK(identify_merge(&info, wire_written(&v)));
    CHECK_EQ(info.protocols_len, 2);
    CHECK_STR(identify_protocol(&info, 1), "/b");
    CHECK_STR(info.agent, "new?[2J"); /* nobody writes on our terminal */
    for (int i = 2; i < IDENTIFY_MESSAGES_MAX; i++)
        CHECK_OK(identify_merge(&info, wire_written(&w)));
    CHECK_EQ(identify_merge(&info, wire_written(&w)), PANDO_FULL);
}

static void another_ones_key_is_a_forgery(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1), other = secret_of(2);
    const struct identify_self self = self_with(crypto_public(&secret), NULL, 0);
    const struct pando_key other_key = crypto_public(&other);
    const struct peer_id peer = peer_id_from_key(&other_key);
    uint8_t out[1024];
    static struct identify_info info;
    identify_init(&info);
    CHECK_EQ(identify_check(&info, &peer), PANDO_MALFORMED);
    CHECK_OK(identify_merge(&info, slice_of(out, encode(&self, NULL, out, sizeof out))));
    CHECK_EQ(identify_check(&info, &peer), PANDO_FORGED);
}

static void stays_within_4096_bytes_by_dropping_addresses(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1);
    char name[200];
    memset(name, 'a', sizeof name);
    struct multiaddr at[IDENTIFY_ADDRESSES_MAX + 8];
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        at[i] = (struct multiaddr){ 0 };
        name[0] = (char)('a' + i % 20);
        name[1] = (char)('a' + i / 20);
        CHECK_OK(multiaddr_append(&at[i], MULTIADDR_DNS, slice_of(name, sizeof name)));
    }
    struct identify_self self =
        self_with(crypto_public(&secret), at, sizeof at / sizeof at[0]);
    uint8_t record[1500] = { 0 };
    self.signed_record = slice_of(record, sizeof record);
    uint8_t out[8192];
    const size_t len = encode(&self, NULL, out, sizeof out);
    CHECK(len <= IDENTIFY_OUT_MAX && len > IDENTIFY_OUT_MAX - 300);
    static struct identify_info info;
    identify_init(&info);
    CHECK_OK(identify_merge(&info, slice_of(out, len)));
    CHECK_EQ(info.record_len, sizeof record);
    CHECK(info.addresses_len > 5 && info.addresses_len < IDENTIFY_ADDRESSES_MAX);

    struct wire_writer small = wire_write(out, 60);
    CHECK_EQ(identify_encode(&self, NULL, &small), PANDO_FULL);
    CHECK_EQ(small.len, 0);
}

/* Hostile: more items than the caps, addresses of no known form, names with terminators.
 */
static void drops_what_exceeds_its_caps_and_keeps_the_rest(void **state)
{
    (void)state;
    static uint8_t out[IDENTIFY_IN_MAX];
    struct wire_writer w = wire_write(out, sizeof out);
    const uint8_t unknown[] = { 0xe0, 0x7f, 1, 2, 3 };
    pb_put_bytes(&w, 2, slice_of(unknown, sizeof unknown));
    pb_put_bytes(&w, 3, slice_of("/a\0b", 4));
    for (int i = 0; i < IDENTIFY_PROTOCOLS_MAX + 9; i++)
        pb_put_bytes(&w, 3, slice_text("/p"));
    CHECK(!w.failed);
    static struct identify_info info;
    identify_init(&info);
    CHECK_OK(identify_merge(&info, wire_written(&w)));
    CHECK_EQ(info.protocols_len, IDENTIFY_PROTOCOLS_MAX);
    CHECK_EQ(info.addresses_len, 0);
    CHECK_EQ(info.dropped, 11);
}

static void a_malformed_message_changes_nothing(void **state)
{
    (void)state;
    uint8_t out[64];
    struct wire_writer w = wire_write(out, sizeof out);
    pb_put_bytes(&w, 6, slice_text("agent"));
    wire_put_be(&w, 0x3a7f, 2); /* a field of 127 bytes that are not there */
    static struct identify_info info;
    identify_init(&info);
    CHECK_EQ(identify_merge(&info, wire_written(&w)), PANDO_MALFORMED);
    CHECK_EQ(info.messages_len, 0);
    CHECK_STR(info.agent, "");
    static uint8_t big[IDENTIFY_IN_MAX + 1];
    CHECK_EQ(identify_merge(&info, slice_of(big, sizeof big)), PANDO_FULL);
}

static void only_two_named_networks_are_foreign_to_each_other(void **state)
{
    (void)state;
    static struct identify_info info;
    identify_init(&info);
    CHECK(!identify_is_foreign(&info, "pando")); /* a plain libp2p peer */
    uint8_t out[200];
    struct wire_writer w = wire_write(out, sizeof out);
    pb_put_bytes(&w, 3, slice_text("/pando/network/bad name"));
    pb_put_bytes(&w, 3, slice_text("/pando/network/lab-1"));
    pb_put_bytes(&w, 3, slice_text("/pando/network/pando"));
    CHECK_OK(identify_merge(&info, wire_written(&w)));
    CHECK_STR(info.network, "lab-1");
    CHECK(identify_is_foreign(&info, "pando"));
    CHECK(!identify_is_foreign(&info, "lab-1"));
    CHECK(identify_network_is_valid("a.b_C-9"));
    CHECK(!identify_network_is_valid("") && !identify_network_is_valid("a/b"));
}

static void certified_addresses_replace_the_others(void **state)
{
    (void)state;
    const struct crypto_secret secret = secret_of(1), other = secret_of(2);
    const struct pando_key key = crypto_public(&secret),
                           other_key = crypto_public(&other);
    const struct multiaddr at = address("/ip4/10.0.0.1/udp/9000/quic-v1");
    static struct peer_record record;
    record = (struct peer_record){ .seq = 77, .addresses_len = 1, .addresses = { at } };
    uint8_t sealed[1024], out[IDENTIFY_OUT_MAX];
    struct wire_writer w = wire_write(sealed, sizeof sealed);
    peer_record_seal(&secret, &record, &w);
    struct identify_self self = self_with(key, NULL, 0);
    self.signed_record = wire_written(&w);
    static struct identify_info info;
    identify_init(&info);
    const struct peer_id peer = peer_id_from_key(&key),
                         wrong = peer_id_from_key(&other_key);
    uint64_t seq = 0;
    CHECK_EQ(identify_certify(&info, &peer, &seq), PANDO_NOT_FOUND);
    CHECK_OK(identify_merge(&info, slice_of(out, encode(&self, NULL, out, sizeof out))));
    CHECK_EQ(identify_certify(&info, &wrong, &seq), PANDO_FORGED);
    CHECK_EQ(info.addresses_len, 0);
    CHECK_OK(identify_certify(&info, &peer, &seq));
    CHECK_EQ(seq, 77);
    CHECK(info.addresses_len == 1 && multiaddr_equal(&info.addresses[0], &at));
}

int main(void)
{
    if (crypto_init() != PANDO_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(what_is_said_is_what_is_heard),
        TEST(leaves_out_p2p_behind_addresses),
        TEST(merges_messages_until_the_end),
        TEST(another_ones_key_is_a_forgery),
        TEST(stays_within_4096_bytes_by_dropping_addresses),
        TEST(drops_what_exceeds_its_caps_and_keeps_the_rest),
        TEST(a_malformed_message_changes_nothing),
        TEST(only_two_named_networks_are_foreign_to_each_other),
        TEST(certified_addresses_replace_the_others),
    };
    return CHECK_RUN(tests);
}
