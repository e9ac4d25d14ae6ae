/* A stranger's first packet: is there room, does it own its address, is it welcome? Only
 * then memory is spent on it. */
#include "base/slice.h"
#include "net/quic_impl.h"

#include <assert.h>
#include <string.h>

#define RETRY_LIFETIME (10 * NGTCP2_SECONDS)
#define REFUSED 0x02 /* CONNECTION_REFUSED */

static_assert(QUIC_CID_LEN >= NGTCP2_MIN_INITIAL_DCIDLEN, "a Retry names an id of ours");

/* One source: an IPv4 address, or the first half of an IPv6 one. */
static void source_key(const struct udp_address *from, uint8_t ret_key[16])
{
    const uint8_t ip_len = udp_address_ip(from, ret_key);
    if (ip_len == 16)
        memset(ret_key + 8, 0, 8);
    else
        ret_key[15] = 4;
}

static uint32_t source_count(const struct quic *q, const uint8_t key[16])
{
    uint32_t count = 0;
    const void *value = map_find(&q->sources, key);
    if (value != NULL)
        memcpy(&count, value, sizeof count);
    return count;
}

static bool source_enter(struct quic *q, const uint8_t key[16])
{
    void *value;
    bool added;
    uint32_t count = source_count(q, key) + 1;
    if (map_put(&q->sources, key, &value, &added) != PANDO_OK)
        return false;
    memcpy(value, &count, sizeof count);
    return true;
}

static void send_retry(struct quic *q, struct udp *u, const struct udp_datagram *d,
                       const ngtcp2_pkt_hd *hd)
{
    uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN], packet[512], id[QUIC_CID_LEN];
    ngtcp2_cid scid;
    crypto_random(id, sizeof id);
    ngtcp2_cid_init(&scid, id, sizeof id);
    const ngtcp2_ssize token_len = ngtcp2_crypto_generate_retry_token(
        token, q->retry_secret, sizeof q->retry_secret, hd->version, &d->from.sa.any,
        d->from.len, &scid, &hd->dcid, q->now.ns);
    if (token_len < 0)
        return;
    const ngtcp2_ssize len =
        ngtcp2_crypto_write_retry(packet, sizeof packet, hd->version, &hd->scid, &scid,
                                  &hd->dcid, token, (size_t)token_len);
    if (len <= 0)
        return;
    q->stats.retries++;
    udp_send(u, slice_of(packet, (size_t)len), &d->from, u->wildcard ? &d->local : NULL);
}

static void refuse(struct quic *q, struct udp *u, const struct udp_datagram *d,
                   const ngtcp2_pkt_hd *hd, const char *why)
{
    uint8_t packet[256];
    char from[UDP_ADDRESS_TEXT_MAX];
    udp_address_print(&d->from, from);
    trace(q->config.tracer, TRACE_NET, TRACE_INFO, "refused a link from %s: %s", from, why);
    q->stats.refused++;
    if (!quic_limiter_take(q))
        return;
    const ngtcp2_ssize len = ngtcp2_crypto_write_connection_close(
        packet, sizeof packet, hd->version, &hd->scid, &hd->dcid, REFUSED,
        (const uint8_t *)why, strlen(why));
    if (len > 0)
        udp_send(u, slice_of(packet, (size_t)len), &d->from,
                 u->wildcard ? &d->local : NULL);
}

/* Whether the token proves the address; then `*ret_odcid` is the id of the first try. */
static bool proves_address(const struct quic *q, const struct udp_datagram *d,
                           const ngtcp2_pkt_hd *hd, ngtcp2_cid *ret_odcid)
{
    size_t len = 0;
    const uint8_t *token = compat_token(hd, &len);
    return len > 0 && token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY &&
           ngtcp2_crypto_verify_retry_token(ret_odcid, token, len, q->retry_secret,
                                            sizeof q->retry_secret, hd->version,
                                            &d->from.sa.any, d->from.len, &hd->dcid,
                                            RETRY_LIFETIME, q->now.ns) == 0;
}

/* No room just now, or one source holds half of it: silence, since the dialer repeats its
 * packet by itself. */
static bool is_full(const struct quic *q, const uint8_t key[16])
{
    return q->stats.half_open >= q->config.half_open_max ||
           source_count(q, key) >= q->config.half_open_max / 2 + 1;
}

static const char *why_refused(const struct quic *q, const struct udp_datagram *d)
{
    if (q->stats.links >= q->config.links_max)
        return "this node holds as many links as it may";
    if (q->config.admit != NULL) {
        const struct peer_id nobody = { 0 };
        struct multiaddr address;
        uint8_t ip[16];
        const uint8_t ip_len = udp_address_ip(&d->from, ip);
        multiaddr_from_udp(ip, ip_len, udp_address_port(&d->from), &address);
        if (!q->config.admit(q->config.admit_ctx, &nobody, &address))
            return "this address is not welcome";
    }
    return NULL;
}

/* The library takes an id of any length, even none, beside any token; but honest clients
 * choose 8 bytes at least, and those that we choose ourselves have as many. */
static bool is_first_packet(const struct udp_datagram *d, ngtcp2_pkt_hd *ret_hd)
{
    return ngtcp2_accept(ret_hd, d->bytes, d->len) == 0 &&
           ret_hd->version == NGTCP2_PROTO_VER_V1 &&
           ret_hd->dcid.datalen >= NGTCP2_MIN_INITIAL_DCIDLEN;
}

struct quic_conn *quic_accept(struct quic *q, struct udp *u, const struct udp_datagram *d)
{
    ngtcp2_pkt_hd hd;
    ngtcp2_cid odcid;
    uint8_t key[16];
    if (!is_first_packet(d, &hd)) {
        q->stats.bad_datagrams++;
        return NULL;
    }
    source_key(&d->from, key);
    const bool retried = proves_address(q, d, &hd, &odcid);
    const bool crowded = q->half_open_in >= q->config.retry_above ||
                         source_count(q, key) >= q->config.half_open_source_max;
    if (!retried && crowded) {
        send_retry(q, u, d, &hd);
        return NULL;
    }
    const char *why = why_refused(q, d);
    if (why != NULL) {
        refuse(q, u, d, &hd, why);
        return NULL;
    }
    if (is_full(q, key)) {
        q->stats.refused++;
        return NULL;
    }
    struct quic_conn *c = quic_conn_new(q, true);
    if (c == NULL)
        return NULL;
    q->half_open_in++;
    q->stats.accepts++;
    memcpy(c->source, key, sizeof key);
    c->udp = u;
    c->remote = d->from;
    c->local = d->local;
    if (!source_enter(q, key) ||
        quic_conn_start_server(c, &hd, retried ? &odcid : &hd.dcid, retried) != PANDO_OK) {
        quic_conn_free(c);
        return NULL;
    }
    return c;
}
