#include "base/slice.h"
#include "net/quic_impl.h"

#include <errno.h>
#include <string.h>

#define ANSWERS_PER_SECOND 100
#define RESET_MIN 21 /* header, 4 random bytes, token */
#define INITIAL_MIN 1200

/* Strangers may make us answer only so often. */
bool quic_limiter_take(struct quic *q)
{
    struct quic_limiter *l = &q->limiter;
    if (pando_time_since(q->now, l->refilled).ns >= NGTCP2_SECONDS) {
        l->refilled = q->now;
        l->left = ANSWERS_PER_SECOND;
    }
    if (l->left == 0)
        return false;
    l->left--;
    return true;
}

static void answer(struct udp *u, const struct udp_datagram *d, const uint8_t *packet,
                   ngtcp2_ssize len)
{
    if (len > 0)
        udp_send(u, slice_of(packet, (size_t)len), &d->from, u->wildcard ? &d->local : NULL);
}

static void send_versions(struct quic *q, struct udp *u, const struct udp_datagram *d,
                          const ngtcp2_version_cid *vc)
{
    static const uint32_t VERSIONS[] = { 0x1a2a3a4a /* grease */, NGTCP2_PROTO_VER_V1 };
    uint8_t packet[256], unused;
    if (d->len < INITIAL_MIN || !quic_limiter_take(q))
        return;
    crypto_random(&unused, 1);
    answer(u, d, packet,
           ngtcp2_pkt_write_version_negotiation(packet, sizeof packet, unused, vc->scid,
                                                vc->scidlen, vc->dcid, vc->dcidlen, VERSIONS,
                                                sizeof VERSIONS / sizeof VERSIONS[0]));
    q->stats.versions_sent++;
}

/* "I know nothing of this connection", provable by the token; always smaller than what
 * caused it, so that two amnesiacs cannot play ball. */
static void send_reset(struct quic *q, struct udp *u, const struct udp_datagram *d,
                       const ngtcp2_version_cid *vc)
{
    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN], noise[24], packet[64];
    ngtcp2_cid cid;
    if (d->len <= RESET_MIN || !quic_limiter_take(q))
        return;
    ngtcp2_cid_init(&cid, vc->dcid, vc->dcidlen);
    if (ngtcp2_crypto_generate_stateless_reset_token(token, q->reset_secret,
                                                     sizeof q->reset_secret, &cid) != 0)
        return;
    size_t noise_len = d->len - 1 - sizeof token;
    if (noise_len > sizeof noise)
        noise_len = sizeof noise;
    crypto_random(noise, noise_len);
    answer(u, d, packet,
           ngtcp2_pkt_write_stateless_reset(packet, sizeof packet, token, noise, noise_len));
    q->stats.resets_sent++;
}

/* A stateless reset has a random id: the peer's token at its end tells whose it is. */
static struct quic_conn *find_by_token(const struct quic *q, const struct udp_datagram *d)
{
    struct quic_conn *c = NULL;
    if (d->len < RESET_MIN)
        return NULL;
    const void *value =
        map_find(&q->tokens, d->bytes + d->len - NGTCP2_STATELESS_RESET_TOKENLEN);
    if (value != NULL)
        memcpy(&c, value, sizeof c);
    return c;
}

/* The library stopped these streams by itself; their owners shall know. */
static void tell_stops(struct quic_conn *c)
{
    struct guard_stops *stops = &c->quic->stops;
    for (size_t i = 0; i < stops->len; i++)
        for (struct quic_stream *s = c->streams; s != NULL; s = s->next)
            if (s->id == stops->ids[i] && !s->closed)
                quic_stream_refused(s);
    stops->len = 0;
}

static void read_packet(struct quic_conn *c, const struct udp_datagram *d)
{
    struct quic *q = c->quic;
    struct udp_address from = d->from, local = c->server ? d->local : c->local;
    const ngtcp2_path path = {
        .local = { .addr = &local.sa.any, .addrlen = local.len },
        .remote = { .addr = &from.sa.any, .addrlen = from.len },
    };
    const ngtcp2_pkt_info info = { 0 };
    if (c->state >= CONN_CLOSING) {
        if (c->state == CONN_CLOSING)
            quic_conn_closing_input(c);
        return;
    }
    quic_reading(c);
    const int rc = ngtcp2_conn_read_pkt(c->ng, &path, &info, d->bytes, d->len, q->now.ns);
    quic_reading(NULL);
    tell_stops(c);
    if (c->close_wanted) {
        quic_conn_close(c);
    } else if (rc != 0) {
        quic_conn_failed(c, rc);
    } else {
        quic_conn_mark(c);
    }
}

void quic_input(struct quic *q, struct udp *u, const struct udp_datagram *d)
{
    ngtcp2_version_cid vc;
    if (d->len == 0)
        return;
    const int rc = ngtcp2_pkt_decode_version_cid(&vc, d->bytes, d->len, QUIC_CID_LEN);
    if (rc != 0 && rc != NGTCP2_ERR_VERSION_NEGOTIATION) {
        q->stats.bad_datagrams++;
        return;
    }
    const bool is_long = (d->bytes[0] & 0x80) != 0;
    struct quic_conn *c = quic_cid_find(q, vc.dcid, vc.dcidlen);
    if (c == NULL && !is_long)
        c = find_by_token(q, d);
    if (c != NULL && (rc == 0 || vc.version == 0)) {
        read_packet(c, d);
        return;
    }
    if (is_long && vc.version == 0)
        return; /* a stray version negotiation */
    if (is_long && vc.version != NGTCP2_PROTO_VER_V1) {
        send_versions(q, u, d, &vc);
        return;
    }
    if (!is_long) {
        send_reset(q, u, d, &vc);
        return;
    }
    c = quic_accept(q, u, d);
    if (c != NULL)
        read_packet(c, d);
}

/* The network or this host says that nothing of ours reaches `to`: dials there fail now;
 * established links rely on their idle limit, since such news can be forged. */
void quic_unreachable(struct quic *q, const struct udp_address *to, int error)
{
    char where[UDP_ADDRESS_TEXT_MAX];
    udp_address_print(to, where);
    for (size_t i = 0; i < q->slots_len; i++) {
        struct quic_conn *c = q->conns[i];
        if (c == NULL || c->server || c->link != 0 || c->state != CONN_HANDSHAKE ||
            !udp_address_equal(&c->remote, to))
            continue;
        if (error == ECONNREFUSED)
            quic_cause(c, LINK_REASON_UNREACHABLE,
                       "%s answers that UDP port %u is closed: no node listens there, or its "
                       "firewall refuses the port", where, udp_address_port(to));
        else if (error == EPERM || error == EACCES)
            quic_cause(c, LINK_REASON_UNREACHABLE,
                       "this machine's firewall refuses packets to %s: allow UDP port %u",
                       where, udp_address_port(to));
        else
            quic_cause(c, LINK_REASON_UNREACHABLE, "%s cannot be reached over UDP port %u: %s",
                       where, udp_address_port(to), strerror(error));
        quic_conn_failed(c, NGTCP2_ERR_HANDSHAKE_TIMEOUT);
    }
}
