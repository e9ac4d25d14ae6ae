/* The endpoint against peers, networks and configurations that mean no good. */
#include "check.h"
#include "net/quic_impl.h"
#include "quic_pair.h"
#include "quic_relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

static void join_fails(struct pair *p)
{
    const struct multiaddr address = world_address(p->b.quic);
    pair_dial(p, &address);
    pair_await(p, &p->a.fails, 1);
    world_run_for(&p->world, PANDO_MSEC(50));
    CHECK_EQ(p->a.ups + p->b.ups, 0);
}

static void refuses_a_dialer_without_certificate(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    gnutls_certificate_free_credentials(p.a.quic->tls.credentials);
    CHECK_EQ(gnutls_certificate_allocate_credentials(&p.a.quic->tls.credentials), 0);
    join_fails(&p);
    CHECK_EQ(p.a.reason, LINK_REASON_IDENTITY);
    CHECK_EQ(p.b.quic->stats.half_open, 0);
    pair_deinit(&p);
}

/* A secret whose public half is another one signs what nobody can verify. */
static void forge(struct crypto_secret *secret)
{
    secret->bytes[40] ^= 1;
}

static void refuses_a_dialer_with_a_forged_identity(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    forge(&p.secret_a);
    pair_start(&p);
    join_fails(&p);
    CHECK_EQ(p.a.reason, LINK_REASON_IDENTITY);
    CHECK(strstr(p.a.text, "did not accept our certificate") != NULL);
    pair_deinit(&p);
}

static void refuses_a_listener_with_a_forged_identity(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    forge(&p.secret_b);
    pair_start(&p);
    join_fails(&p);
    CHECK_EQ(p.a.reason, LINK_REASON_IDENTITY);
    CHECK(strstr(p.a.text, "host key") != NULL);
    pair_deinit(&p);
}

struct policy {
    bool addresses, identities;
};

static bool admit(void *ctx, const struct peer_id *peer, const struct multiaddr *address)
{
    const struct policy *policy = ctx;
    CHECK(address->len > 0);
    return peer->len == 0 ? policy->addresses : policy->identities;
}

static void asks_the_lists_for_the_identity(void **state)
{
    (void)state;
    struct pair p;
    struct policy policy = { .addresses = true, .identities = false };
    pair_init(&p);
    p.config_b.admit = admit;
    p.config_b.admit_ctx = &policy;
    pair_start(&p);
    join_fails(&p);
    CHECK_EQ(p.a.reason, LINK_REASON_DENIED);
    CHECK(strstr(p.a.text, "allow or deny list") != NULL);
    pair_deinit(&p);
}

static void asks_the_lists_for_the_address(void **state)
{
    (void)state;
    struct pair p;
    struct policy policy = { .addresses = false, .identities = true };
    pair_init(&p);
    p.config_b.admit = admit;
    p.config_b.admit_ctx = &policy;
    pair_start(&p);
    join_fails(&p);
    CHECK_EQ(p.a.reason, LINK_REASON_LIMIT);
    CHECK_EQ(quic_stats(p.b.quic).accepts, 0);
    pair_deinit(&p);
}

static void refuses_a_link_more_than_its_limit(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    p.config_b.links_max = 1;
    pair_start(&p);
    pair_join(&p);
    const struct multiaddr address = world_address(p.b.quic);
    pair_dial(&p, &address);
    pair_await(&p, &p.a.fails, 1);
    CHECK_EQ(p.a.reason, LINK_REASON_LIMIT);
    CHECK(strstr(p.a.text, "as many links") != NULL);
    pair_deinit(&p);
}

static void refuses_a_dial_more_than_its_limit(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    p.config_a.half_open_max = 3;
    pair_start(&p);
    const struct link_port port = quic_port(p.a.quic);
    const struct link_target target = { .address = world_address(p.b.quic) };
    for (uint32_t i = 0; i < 3; i++)
        CHECK_OK(port.ops->dial(port.ctx, &target, i));
    CHECK_EQ(port.ops->dial(port.ctx, &target, 9), PANDO_FULL);
    pair_await(&p, &p.a.ups, 3);
    CHECK_OK(port.ops->dial(port.ctx, &target, 9));
    pair_await(&p, &p.a.ups, 4);
    pair_deinit(&p);
}

/* More dials at once than the listener takes without proof, then than it takes at all. */
static void serves_a_burst_of_dials_from_one_source(void **state)
{
    (void)state;
    enum { BURST = 150 };
    struct pair p;
    pair_init(&p);
    p.config_b.half_open_source_max = 20;
    pair_start(&p);
    const struct link_port port = quic_port(p.a.quic);
    const struct link_target target = { .address = world_address(p.b.quic) };
    for (uint32_t i = 0; i < BURST; i++)
        CHECK_OK(port.ops->dial(port.ctx, &target, i));
    pair_await(&p, &p.a.ups, BURST);
    CHECK_EQ(p.a.fails, 0);
    CHECK(quic_stats(p.b.quic).retries > 0);
    pair_deinit(&p);
}

static void names_the_port_and_the_remedy_when_nobody_listens(void **state)
{
    (void)state;
    struct pair p;
    const uint8_t loopback[4] = { 127, 0, 0, 1 };
    struct multiaddr address;
    pair_init(&p);
    pair_start(&p);
    multiaddr_from_udp(loopback, 4, 9, &address);
    pair_dial(&p, &address);
    pair_await(&p, &p.a.fails, 1);
    CHECK_EQ(p.a.reason, LINK_REASON_UNREACHABLE); /* by ICMP, not by time */
    CHECK(strstr(p.a.text, "UDP port 9") != NULL && strstr(p.a.text, "firewall") != NULL);
    pair_deinit(&p);
}

static void gives_up_on_silence_and_names_the_port(void **state)
{
    (void)state;
    struct pair p;
    struct quic_relay relay;
    char want[32];
    pair_init(&p);
    p.config_a.handshake = PANDO_SEC(1);
    pair_start(&p);
    const struct multiaddr address = relay_open(&relay, &p.world, p.b.quic, 1);
    struct multiaddr_udp where;
    CHECK_OK(multiaddr_to_udp(&address, &where));
    relay.deaf = true;
    pair_dial(&p, &address);
    pair_await(&p, &p.a.fails, 1);
    CHECK_EQ(p.a.reason, LINK_REASON_HANDSHAKE_TIMEOUT);
    (void)snprintf(want, sizeof want, "UDP port %u", where.port);
    CHECK(strstr(p.a.text, want) != NULL);
    pair_deinit(&p);
    relay_close(&relay, &p.world);
}

/* The dialer vanishes in the middle: the listener forgets it after its limit. */
static void forgets_half_open_handshakes(void **state)
{
    (void)state;
    struct pair p;
    struct quic_relay relay;
    pair_init(&p);
    p.config_b.handshake = PANDO_MSEC(300);
    pair_start(&p);
    const struct multiaddr address = relay_open(&relay, &p.world, p.b.quic, 1);
    pair_dial(&p, &address);
    pair_await(&p, &p.b.quic->stats.half_open, 1);
    relay.deaf = true;
    CHECK_EQ(p.b.ups, 0);
    world_run_for(&p.world, PANDO_MSEC(800));
    CHECK_EQ(p.b.quic->stats.half_open, 0);
    CHECK_EQ(p.b.quic->half_open_in, 0);
    CHECK_EQ(p.b.quic->sources.len, 0);
    CHECK_EQ(p.b.quic->free_len, p.b.quic->slots_len);
    CHECK_EQ(p.b.ups + p.b.downs + p.b.fails, 0);
    pair_deinit(&p);
    relay_close(&relay, &p.world);
}

/* A plain socket that speaks to endpoint b. */
static int stranger(const struct pair *p)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct udp_address *to = &p->b.quic->sockets[0].bound;
    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, &to->sa.any, to->len), 0);
    return fd;
}

static ssize_t ask(struct pair *p, int fd, const uint8_t *packet, size_t len, uint8_t *answer,
                   size_t cap)
{
    CHECK_EQ(send(fd, packet, len, 0), (ssize_t)len);
    world_run_for(&p->world, PANDO_MSEC(50));
    return recv(fd, answer, cap, MSG_DONTWAIT);
}

static void negotiates_the_version_only_for_full_packets(void **state)
{
    (void)state;
    struct pair p;
    uint8_t packet[1200] = { 0xc0, 0x5a, 0x6a, 0x7a, 0x8a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8,
                             9, 9, 9, 9, 9, 9, 9, 9 };
    uint8_t answer[1500];
    pair_init(&p);
    pair_start(&p);
    const int fd = stranger(&p);
    CHECK_EQ(ask(&p, fd, packet, 1199, answer, sizeof answer), -1);
    const ssize_t len = ask(&p, fd, packet, 1200, answer, sizeof answer);
    CHECK_EQ(len, 1 + 4 + 1 + 8 + 1 + 8 + 2 * 4);
    static const uint8_t none[4] = { 0 }, v1[4] = { 0, 0, 0, 1 };
    CHECK((answer[0] & 0x80) != 0);
    CHECK_MEM(answer + 1, none, 4);
    CHECK_MEM(answer + 6, packet + 15, 8); /* their ids, crossed over */
    CHECK_MEM(answer + len - 4, v1, 4);
    packet[1] = 0xff, packet[2] = packet[3] = 0, packet[4] = 29; /* a draft is no version 1 */
    CHECK(ask(&p, fd, packet, 1200, answer, sizeof answer) > 0);
    CHECK_EQ(close(fd), 0);
    pair_deinit(&p);
}

static void answers_unknown_packets_with_smaller_resets_and_not_too_many(void **state)
{
    (void)state;
    struct pair p;
    uint8_t packet[100], answer[200];
    pair_init(&p);
    const struct pando_time start = world_now();
    pair_start(&p);
    const int fd = stranger(&p);
    memset(packet, 0x41, sizeof packet);
    for (size_t len = 1; len <= 60; len++) {
        const ssize_t got = ask(&p, fd, packet, len, answer, sizeof answer);
        CHECK(got < (ssize_t)len);
        CHECK((got > 0) == (len > 21));
    }
    for (int i = 0; i < 2000; i++) {
        CHECK_EQ(send(fd, packet, sizeof packet, 0), sizeof packet);
        if (i % 50 == 0)
            world_turn(&p.world, 0);
    }
    world_run_for(&p.world, PANDO_MSEC(100));
    const uint64_t seconds = pando_time_since(world_now(), start).ns / 1000000000u;
    CHECK(quic_stats(p.b.quic).resets_sent <= 100 * (seconds + 1));
    CHECK_EQ(close(fd), 0);
    pair_deinit(&p);
}

/* An Initial packet of version 1 with an id of `id_len` bytes and a token of one byte. */
static void write_initial(uint8_t packet[1200], uint8_t id_len)
{
    const uint8_t head[5] = { 0xc0, 0, 0, 0, 1 };
    memset(packet, 0, 1200);
    memcpy(packet, head, sizeof head);
    uint8_t *at = packet + sizeof head;
    *at++ = id_len;
    memset(at, 0x5a, id_len);
    at += id_len;
    *at++ = 0; /* no id of its own */
    *at++ = 1; /* the token's length */
    *at++ = 't';
    const size_t rest = 1200 - (size_t)(at + 2 - packet);
    *at++ = (uint8_t)(0x40 | rest >> 8);
    *at = (uint8_t)rest;
}

/* It once took an id of no bytes and kept it beyond the link: the next packet with no id
 * was given to a link that had been freed. */
static void spends_nothing_on_a_first_packet_whose_id_is_too_short(void **state)
{
    (void)state;
    struct pair p;
    uint8_t packet[1200], answer[1500];
    pair_init(&p);
    pair_start(&p);
    const int fd = stranger(&p);
    for (uint8_t len = 0; len < 8; len++) {
        write_initial(packet, len);
        CHECK_EQ(ask(&p, fd, packet, sizeof packet, answer, sizeof answer), -1);
        CHECK_EQ(quic_stats(p.b.quic).bad_datagrams, len + 1u);
    }
    CHECK_EQ(quic_stats(p.b.quic).accepts, 0);
    CHECK_EQ(p.b.quic->cids.len, 0);
    write_initial(packet, 8); /* as long as it must be: a link, though it comes to nothing */
    (void)ask(&p, fd, packet, sizeof packet, answer, sizeof answer);
    CHECK_EQ(quic_stats(p.b.quic).accepts, 1);
    CHECK_EQ(close(fd), 0);
    pair_deinit(&p);
}

static void stands_garbage_while_a_link_is_up(void **state)
{
    (void)state;
    struct pair p;
    struct rng rng = rng_seeded(3);
    pair_init(&p);
    pair_start(&p);
    pair_join(&p);
    const int fd = stranger(&p);
    for (int i = 0; i < 3000; i++) {
        uint8_t packet[1400];
        const size_t len = 1 + rng_below(&rng, sizeof packet);
        rng_fill(&rng, packet, len);
        if (rng_chance(&rng, 1, 2)) { /* looks like version 1 */
            const uint8_t head[5] = { packet[0] | 0xc0, 0, 0, 0, 1 };
            memcpy(packet, head, len < 5 ? len : 5);
        }
        CHECK_EQ(send(fd, packet, len, 0), (ssize_t)len);
        if (i % 20 == 0)
            world_turn(&p.world, 0);
    }
    pair_transfer(&p, 1u << 20);
    CHECK_EQ(p.a.downs + p.b.downs, 0);
    CHECK_EQ(close(fd), 0);
    pair_deinit(&p);
}

static void names_the_udp_port_that_is_taken(void **state)
{
    (void)state;
    struct pair p;
    struct pando_err err;
    struct quic *q = NULL;
    char want[32];
    pair_init(&p);
    pair_start(&p);
    p.config_a.binds[0].port = udp_address_port(&p.b.quic->sockets[0].bound);
    CHECK_EQ(quic_new(&p.config_a, &q, &err), PANDO_BUSY);
    (void)snprintf(want, sizeof want, "UDP port %u", p.config_a.binds[0].port);
    CHECK(strstr(err.text, want) != NULL && strstr(err.text, "--port") != NULL);
    CHECK(q == NULL);
    p.config_a.binds[0].port = 0;
    p.config_a.binds[1] = p.config_a.binds[0];
    CHECK_EQ(quic_new(&p.config_a, &q, &err), PANDO_INVALID);
    pair_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_dialer_without_certificate),
        TEST(refuses_a_dialer_with_a_forged_identity),
        TEST(refuses_a_listener_with_a_forged_identity),
        TEST(asks_the_lists_for_the_identity),
        TEST(asks_the_lists_for_the_address),
        TEST(refuses_a_link_more_than_its_limit),
        TEST(refuses_a_dial_more_than_its_limit),
        TEST(serves_a_burst_of_dials_from_one_source),
        TEST(names_the_port_and_the_remedy_when_nobody_listens),
        TEST(gives_up_on_silence_and_names_the_port),
        TEST(forgets_half_open_handshakes),
        TEST(negotiates_the_version_only_for_full_packets),
        TEST(answers_unknown_packets_with_smaller_resets_and_not_too_many),
        TEST(spends_nothing_on_a_first_packet_whose_id_is_too_short),
        TEST(stands_garbage_while_a_link_is_up),
        TEST(names_the_udp_port_that_is_taken),
    };
    return CHECK_RUN(tests);
}
