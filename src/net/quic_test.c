/* The endpoint over real sockets: every way to come up and to carry bytes. */
#include "check.h"
#include "net/quic_impl.h"
#include "quic_pair.h"
#include "quic_relay.h"

#include <arpa/inet.h>

static void follows_a_retry_when_the_listener_is_crowded(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    p.config_b.retry_above = 0; /* always crowded */
    pair_start(&p);
    pair_join(&p);
    CHECK_EQ(quic_stats(p.b.quic).retries, 1);
    pair_transfer(&p, 100000);
    pair_deinit(&p);
}

static void carries_bytes_through_loss_and_reordering(void **state)
{
    (void)state;
    struct pair p;
    struct quic_relay relay;
    pair_init(&p);
    pair_start(&p);
    const struct multiaddr address = relay_open(&relay, &p.world, p.b.quic, 7);
    relay.lose_percent = 5;
    relay.reorder_percent = 5;
    pair_dial(&p, &address);
    pair_await(&p, &p.a.ups, 1);
    pair_transfer(&p, 2u << 20);
    CHECK(relay.lost > 20);
    CHECK_EQ(p.a.downs + p.b.downs, 0);
    pair_deinit(&p);
    relay_close(&relay, &p.world);
}

/* 20 ms of round trip: the link paces itself, and still fills the path in a few trips. */
static void paces_itself_over_a_long_path(void **state)
{
    (void)state;
    struct pair p;
    struct quic_relay relay;
    pair_init(&p);
    pair_start(&p);
    const struct multiaddr address = relay_open(&relay, &p.world, p.b.quic, 7);
    relay.delay = PANDO_MSEC(10);
    pair_dial(&p, &address);
    pair_await(&p, &p.a.ups, 1);
    const struct pando_time start = world_now();
    pair_transfer(&p, 4u << 20);
    const uint64_t took = pando_time_since(world_now(), start).ns;
    CHECK_NOTE("4 MiB over 20 ms in %llu ms\n", (unsigned long long)(took / 1000000));
    CHECK(took < 3000000000u);
    const struct link_port port = quic_port(p.a.quic);
    const uint64_t rtt = port.ops->rtt(port.ctx, p.a.link).ns;
    CHECK(rtt >= 20000000u && rtt < 200000000u);
    pair_deinit(&p);
    relay_close(&relay, &p.world);
}

/* One class floods the link; the one below still gets its sixteenth. */
static void never_starves_bulk(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    pair_join(&p);
    const struct link_port port = quic_port(p.a.quic);
    uint64_t flood, bulk;
    uint8_t *data;
    struct bytes *b = bytes_new(3u << 20, &data);
    CHECK(b != NULL);
    memset(data, 0, 3u << 20);
    CHECK_OK(port.ops->open(port.ctx, p.a.link, LINK_EVENT, &flood));
    CHECK_OK(port.ops->open(port.ctx, p.a.link, LINK_BULK, &bulk));
    for (int i = 0; i < 2; i++) /* 6 MiB of events wait when the bulk comes */
        CHECK_OK(port.ops->send(port.ctx, flood, b, false));
    bytes_unref(b);
    b = bytes_new(100000, &data);
    CHECK(b != NULL);
    memset(data, 1, 100000);
    CHECK_OK(port.ops->send(port.ctx, bulk, b, true));
    bytes_unref(b);
    pair_await(&p, &p.b.fins, 1);
    CHECK(port.ops->queued(port.ctx, flood) > 1u << 20);
    pair_await(&p, &p.b.bytes, (6u << 20) + 100000);
    pair_deinit(&p);
}

static void ignores_datagrams_that_arrive_twice(void **state)
{
    (void)state;
    struct pair p;
    struct quic_relay relay;
    pair_init(&p);
    pair_start(&p);
    const struct multiaddr address = relay_open(&relay, &p.world, p.b.quic, 8);
    relay.replay = true;
    pair_dial(&p, &address);
    pair_await(&p, &p.a.ups, 1);
    pair_transfer(&p, 1u << 20);
    CHECK_EQ(p.b.ups, 1);
    pair_deinit(&p);
    relay_close(&relay, &p.world);
}

static void carries_bytes_without_segmentation_offload(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    p.a.quic->sockets[0].gso = p.b.quic->sockets[0].gso = false;
    pair_join(&p);
    pair_transfer(&p, 3u << 20);
    pair_deinit(&p);
}

/* Within one machine packets are as large as the peer takes them. */
static void carries_bytes_in_large_packets_on_loopback(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    p.config_a.loopback_packet_max = UDP_PACKET_MAX;
    pair_start(&p);
    pair_join(&p);
    pair_transfer(&p, 3u << 20);
    CHECK(p.a.quic->sockets[0].stats.tx_datagrams < (3u << 20) / QUIC_UDP_PAYLOAD_MAX / 4);
    CHECK_EQ(p.a.downs + p.b.downs, 0);
    pair_deinit(&p);
}

static void survives_a_key_update(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    pair_join(&p);
    pair_transfer(&p, 1000);
    struct quic_conn *c = p.a.quic->conns[0];
    CHECK(c != NULL && c->ng != NULL);
    CHECK_EQ(ngtcp2_conn_initiate_key_update(c->ng, world_now().ns), 0);
    pair_transfer(&p, 1u << 20);
    CHECK_EQ(p.a.downs + p.b.downs, 0);
    pair_deinit(&p);
}

static void speaks_ipv6(void **state)
{
    (void)state;
    struct pair p;
    const struct quic_bind loopback = { .ip = { [15] = 1 }, .ip_len = 16 };
    pair_init(&p);
    p.config_a.binds[0] = p.config_b.binds[0] = loopback;
    pair_start(&p);
    pair_join(&p);
    pair_transfer(&p, 1u << 20);
    pair_deinit(&p);
}

/* Bound to every address, it must answer from the one that was asked. */
static void answers_from_the_address_that_was_dialled(void **state)
{
    (void)state;
    struct pair p;
    const struct quic_bind any = { .ip_len = 4 }, any6 = { .ip_len = 16 };
    pair_init(&p);
    p.config_a.binds[0] = p.config_b.binds[0] = any;
    p.config_b.binds[1] = any6;
    pair_start(&p);
    for (uint8_t last = 1; last <= 3; last++) {
        const uint8_t ip[4] = { 127, 0, 0, last };
        struct multiaddr address;
        multiaddr_from_udp(ip, 4, udp_address_port(&p.b.quic->sockets[0].bound), &address);
        pair_dial(&p, &address);
        pair_await(&p, &p.a.ups, last);
        pair_transfer(&p, 300000);
    }
    pair_deinit(&p);
}

/* The peer knows nothing of the link after its restart, but its secret proves that. */
static void notices_that_a_restarted_peer_forgot_the_link(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    pair_join(&p);
    p.config_b.binds[0].port = udp_address_port(&p.b.quic->sockets[0].bound);
    udp_close(&p.b.quic->sockets[0]); /* killed: no goodbye leaves */
    p.b.quic->sockets_len = 0;
    for (size_t i = 0; i < p.b.quic->slots_len; i++)
        if (p.b.quic->conns[i] != NULL)
            p.b.quic->conns[i]->state = CONN_DRAINING;
    quic_free(p.b.quic);
    CHECK_OK(quic_new(&p.config_b, &p.b.quic, NULL));
    p.world.quics[1] = p.b.quic;

    const struct link_port port = quic_port(p.a.quic);
    uint64_t stream;
    struct bytes *b = bytes_copy((struct pando_slice){ (const uint8_t *)"hello", 5 });
    CHECK_OK(port.ops->open(port.ctx, p.a.link, LINK_EVENT, &stream));
    CHECK_OK(port.ops->send(port.ctx, stream, b, false));
    bytes_unref(b);
    pair_await(&p, &p.a.downs, 1);
    CHECK_EQ(p.a.reason, LINK_REASON_RESET);
    CHECK_EQ(quic_stats(p.b.quic).resets_sent, 1);
    pair_deinit(&p);
}

static void ends_a_link_whose_peer_fell_silent(void **state)
{
    (void)state;
    struct pair p;
    struct quic_relay relay;
    pair_init(&p);
    p.config_a.idle = p.config_b.idle = PANDO_MSEC(1500);
    pair_start(&p);
    const struct multiaddr address = relay_open(&relay, &p.world, p.b.quic, 9);
    pair_dial(&p, &address);
    pair_await(&p, &p.b.ups, 1);
    pair_await(&p, &p.a.ups, 1);
    world_run_for(&p.world, PANDO_MSEC(2500)); /* kept alive beyond its idle limit */
    CHECK_EQ(p.a.downs + p.b.downs, 0);
    relay.deaf = true;
    pair_await(&p, &p.a.downs, 1);
    pair_await(&p, &p.b.downs, 1);
    CHECK_EQ(p.a.reason, LINK_REASON_IDLE);
    CHECK_EQ(p.b.reason, LINK_REASON_IDLE);
    pair_deinit(&p);
    relay_close(&relay, &p.world);
}

static void chooses_keep_alive_from_the_shorter_idle_limit(void **state)
{
    (void)state;
    const uint64_t s = 1000000000u;
    CHECK_EQ(quic_keep_alive(60 * s, 60 * s), 20 * s);
    CHECK_EQ(quic_keep_alive(60 * s, 10 * s), 5 * s);
    CHECK_EQ(quic_keep_alive(60 * s, 0), 20 * s);
    CHECK_EQ(quic_keep_alive(60 * s, 3600 * s), 20 * s);
    CHECK_EQ(quic_keep_alive(10 * s, 60 * s), 5 * s);
}

static void frees_everything_when_links_come_and_go(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    const struct link_port port = quic_port(p.a.quic);
    for (uint64_t i = 1; i <= 20; i++) {
        const struct multiaddr address = world_address(p.b.quic);
        pair_dial(&p, &address);
        pair_await(&p, &p.a.ups, i);
        pair_transfer(&p, 5000);
        port.ops->close(port.ctx, p.a.link, LINK_REASON_LOCAL);
        pair_await(&p, &p.b.downs, i);
    }
    world_run_for(&p.world, PANDO_MSEC(1200)); /* closing periods end */
    struct quic *quics[] = { p.a.quic, p.b.quic };
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(quics[i]->stats.links, 0);
        CHECK_EQ(quics[i]->stats.half_open, 0);
        CHECK_EQ(quics[i]->free_len, quics[i]->slots_len);
        CHECK_EQ(quics[i]->cids.len, 0);
        CHECK_EQ(quics[i]->tokens.len, 0);
        CHECK_EQ(quics[i]->links.len, 0);
        CHECK_EQ(quics[i]->streams.len, 0);
        CHECK_EQ(quics[i]->sources.len, 0);
    }
    pair_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(follows_a_retry_when_the_listener_is_crowded),
        TEST(carries_bytes_through_loss_and_reordering),
        TEST(paces_itself_over_a_long_path),
        TEST(never_starves_bulk),
        TEST(ignores_datagrams_that_arrive_twice),
        TEST(carries_bytes_without_segmentation_offload),
        TEST(carries_bytes_in_large_packets_on_loopback),
        TEST(survives_a_key_update),
        TEST(speaks_ipv6),
        TEST(answers_from_the_address_that_was_dialled),
        TEST(notices_that_a_restarted_peer_forgot_the_link),
        TEST(ends_a_link_whose_peer_fell_silent),
        TEST(chooses_keep_alive_from_the_shorter_idle_limit),
        TEST(frees_everything_when_links_come_and_go),
    };
    return CHECK_RUN(tests);
}
