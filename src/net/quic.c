#include "net/quic.h"

#include "base/assert.h"
#include "base/slice.h"
#include "net/quic_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STREAMS_MAX ((size_t)1 << 20)
#define ROUNDS_MAX 4

struct quic_config quic_config_default(void)
{
    return (struct quic_config){
        .links_max = 2048,
        .half_open_max = 256,
        .half_open_source_max = 64,
        .retry_above = 64,
        .streams_max = 256,
        .open_waiting_max = 256,
        .idle = PANDO_SEC(60),
        .handshake = PANDO_SEC(5),
        /* A message of 256 KiB is consumed when it is whole, and QUIC announces new room only
         * when half a window is free: less than two messages could stand still for good. */
        .stream_window = 1u << 20,
        .stream_window_max = 16u << 20,
        .loopback_packet_max = UDP_PACKET_MAX,
    };
}

static enum pando_status check_config(const struct quic_config *config,
                                      struct pando_err *reterr)
{
    if (config->secret == NULL || config->sink.event == NULL || config->binds[0].ip_len == 0 ||
        config->links_max == 0 || config->half_open_max == 0 || config->streams_max == 0 ||
        config->stream_window == 0 || config->loopback_packet_max > UDP_PACKET_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "net: the endpoint needs a secret, a sink, an address to bind and "
                             "limits above zero");
    if (config->binds[0].ip_len == config->binds[1].ip_len)
        return pando_err_set(reterr, PANDO_INVALID, "net: one socket per address family");
    return PANDO_OK;
}

/* Tokens survive a restart because their key comes from the node's own secret. */
static void derive_reset_secret(const struct crypto_secret *secret, uint8_t ret[32])
{
    static const char LABEL[] = "pando/quic-reset/1";
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, slice_of(LABEL, sizeof LABEL));
    crypto_sha256_add(&st, slice_of(secret->bytes, 32));
    const struct pando_id id = crypto_sha256_end(&st);
    memcpy(ret, id.bytes, 32);
}

static enum pando_status make_tables(struct quic *q)
{
    const struct quic_config *config = &q->config;
    uint64_t seed[5];
    crypto_random((uint8_t *)seed, sizeof seed);
    q->slots_len = (size_t)config->links_max + config->half_open_max + QUIC_CLOSING_MAX;
    map_init(&q->cids, sizeof(struct quic_cid_key), sizeof(void *),
             q->slots_len * QUIC_CIDS_MAX, seed[0]);
    map_init(&q->tokens, NGTCP2_STATELESS_RESET_TOKENLEN, sizeof(void *),
             q->slots_len * QUIC_TOKENS_MAX, seed[1]);
    map_init(&q->links, sizeof(uint64_t), sizeof(void *), config->links_max, seed[2]);
    map_init(&q->streams, sizeof(uint64_t), sizeof(void *), STREAMS_MAX, seed[3]);
    map_init(&q->sources, 16, sizeof(uint32_t), config->half_open_max, seed[4]);
    heap_init(&q->timers);
    outbox_init(&q->outboxes[0]);
    outbox_init(&q->outboxes[1]);
    q->conns = calloc(q->slots_len, sizeof *q->conns);
    q->free_slots = calloc(q->slots_len, sizeof *q->free_slots);
    if (q->conns == NULL || q->free_slots == NULL)
        return PANDO_NOMEM;
    for (size_t i = q->slots_len; i > 0; i--)
        q->free_slots[q->free_len++] = (uint32_t)(i - 1);
    return PANDO_OK;
}

static enum pando_status open_sockets(struct quic *q, struct pando_err *reterr)
{
    for (size_t i = 0; i < QUIC_SOCKETS_MAX && q->config.binds[i].ip_len != 0; i++) {
        const struct quic_bind *b = &q->config.binds[i];
        const struct udp_address where = udp_address_from_ip(b->ip, b->ip_len, b->port);
        const enum pando_status st = udp_open(&q->sockets[i], &where, reterr);
        if (st != PANDO_OK)
            return st;
        q->sockets_len++;
    }
    return PANDO_OK;
}

static struct pando_wall wall_now(void)
{
    struct timespec t = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (struct pando_wall){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

enum pando_status quic_new(const struct quic_config *config, struct quic **ret_quic,
                           struct pando_err *reterr)
{
    enum pando_status st = check_config(config, reterr);
    if (st != PANDO_OK)
        return st;
    struct quic *q = calloc(1, sizeof *q);
    if (q == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "net: no memory for an endpoint");
    q->config = *config;
    q->config.secret = NULL; /* borrowed for this call only */
    q->next_link = q->next_stream = 1;
    derive_reset_secret(config->secret, q->reset_secret);
    crypto_random(q->retry_secret, sizeof q->retry_secret);
    const struct pando_key key = crypto_public(config->secret);
    q->self = peer_id_from_key(&key);
    st = make_tables(q);
    if (st != PANDO_OK)
        st = pando_err_set(reterr, st, "net: no memory for an endpoint's tables");
    if (st == PANDO_OK)
        st = open_sockets(q, reterr);
    if (st == PANDO_OK)
        st = tls_init(&q->tls, config->secret, wall_now(), reterr);
    if (st != PANDO_OK) {
        quic_free(q);
        return st;
    }
    q->tls.verify = quic_verify;
    *ret_quic = q;
    return PANDO_OK;
}

static void say_goodbye(struct quic *q)
{
    for (size_t i = 0; i < q->slots_len && q->conns != NULL; i++) {
        struct quic_conn *c = q->conns[i];
        if (c == NULL)
            continue;
        if (c->ng != NULL && c->state < CONN_CLOSING) {
            quic_cause(c, LINK_REASON_SHUTDOWN, "the node is stopping");
            quic_conn_close(c);
        }
        quic_conn_free(c);
    }
}

void quic_free(struct quic *q)
{
    if (q == NULL)
        return;
    say_goodbye(q);
    for (size_t i = 0; i < q->sockets_len; i++)
        udp_close(&q->sockets[i]);
    tls_deinit(&q->tls);
    map_deinit(&q->cids);
    map_deinit(&q->tokens);
    map_deinit(&q->links);
    map_deinit(&q->streams);
    map_deinit(&q->sources);
    heap_deinit(&q->timers);
    outbox_deinit(&q->outboxes[0]);
    outbox_deinit(&q->outboxes[1]);
    free(q->conns);
    free(q->free_slots);
    gnutls_memset(q->reset_secret, 0, sizeof q->reset_secret);
    free(q);
}

struct link_port quic_port(struct quic *q)
{
    return (struct link_port){ .ctx = q, .ops = &quic_link_ops };
}

struct peer_id quic_peer_id(const struct quic *q)
{
    return q->self;
}

bool quic_local(const struct quic *q, size_t i, struct multiaddr *ret_address)
{
    uint8_t ip[16];
    if (i >= q->sockets_len)
        return false;
    const struct udp_address *bound = &q->sockets[i].bound;
    const uint8_t ip_len = udp_address_ip(bound, ip);
    multiaddr_from_udp(ip, ip_len, udp_address_port(bound), ret_address);
    return true;
}

int quic_fd(const struct quic *q, size_t i)
{
    return i < q->sockets_len ? q->sockets[i].fd : -1;
}

static void advance(struct quic *q, struct pando_time now)
{
    if (now.ns > q->now.ns)
        q->now = now;
}

struct socket_ctx {
    struct quic *quic;
    struct udp *udp;
};

static void on_datagram(void *ctx, const struct udp_datagram *d)
{
    const struct socket_ctx *s = ctx;
    quic_input(s->quic, s->udp, d);
}

static void on_buffer_end(void *ctx)
{
    (void)quic_deliver(((const struct socket_ctx *)ctx)->quic);
}

static void on_unreachable(void *ctx, const struct udp_address *to, int error)
{
    quic_unreachable(((const struct socket_ctx *)ctx)->quic, to, error);
}

void quic_readable(struct quic *q, size_t i, struct pando_time now)
{
    PANDO_ASSERT(i < q->sockets_len);
    struct socket_ctx ctx = { q, &q->sockets[i] };
    const struct udp_receiver receiver = { &ctx, on_datagram, on_buffer_end, on_unreachable };
    advance(q, now);
    (void)udp_receive(&q->sockets[i], &receiver);
    (void)quic_deliver(q);
}

void quic_writable(struct quic *q, size_t i, struct pando_time now)
{
    PANDO_ASSERT(i < q->sockets_len);
    advance(q, now);
    (void)udp_flush(&q->sockets[i]);
}

bool quic_wants_write(const struct quic *q, size_t i)
{
    return i < q->sockets_len && q->sockets[i].stuck;
}

struct pando_time quic_deadline(const struct quic *q)
{
    const struct pando_time at_once = { 0 };
    if (q->outboxes[0].len > 0 || q->outboxes[1].len > 0 || q->finished != NULL)
        return at_once;
    for (const struct quic_conn *c = q->dirty_first; c != NULL; c = c->dirty_next)
        if (!c->udp->stuck)
            return at_once;
    return heap_first(&q->timers);
}

void quic_tick(struct quic *q, struct pando_time now)
{
    uint32_t slot;
    advance(q, now);
    while (heap_pop_due(&q->timers, q->now, &slot))
        if (q->conns[slot] != NULL)
            quic_conn_expire(q->conns[slot]);
    (void)quic_deliver(q);
}

void quic_flush(struct quic *q, struct pando_time now)
{
    advance(q, now);
    (void)quic_deliver(q);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        quic_send_dirty(q);
        if (!quic_deliver(q))
            return;
    }
}

struct quic_stats quic_stats(const struct quic *q)
{
    struct quic_stats stats = q->stats;
    for (size_t i = 0; i < q->sockets_len; i++) {
        stats.rx_datagrams += q->sockets[i].stats.rx_datagrams;
        stats.tx_datagrams += q->sockets[i].stats.tx_datagrams;
        stats.tx_dropped += q->sockets[i].stats.tx_dropped;
    }
    return stats;
}
