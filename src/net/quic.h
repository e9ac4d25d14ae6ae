/* quic.h - the endpoint: links over QUIC v1 on real UDP sockets, spoken as libp2p does.
 *
 * One endpoint owns up to two sockets (IPv4, IPv6), dials and accepts on them, and gives
 * the node a struct link_port (link.h). It has no loop and no thread: the owner polls the
 * sockets, calls quic_readable / quic_writable / quic_tick with the monotonic time, and
 * once per turn quic_flush, which is the only place where packets are written: everything
 * that was queued during the turn leaves in as few and as full packets as possible.
 *
 *   poll(fds, until quic_deadline) -> readable/writable/tick -> (node works) -> flush
 *
 * Events reach the sink from within readable, tick and flush, never from within an
 * operation of the port. Bytes, links, half-open handshakes and streams are all capped in
 * the config; at each cap the newcomer is refused and told so.
 *
 * Against floods: above `retry_above` half-open handshakes a newcomer must prove its
 * address (Retry) before memory is spent on it; so must one more than
 * `half_open_source_max` from the same source, which never gets more than half of all.
 *
 * Thread: one thread at a time for all calls on one endpoint.
 * Source: RFC 9000, 9001, 9002; libp2p specs quic/ and tls/. docs/wire/links.md.
 */
#ifndef NET_QUIC_H
#define NET_QUIC_H

#include "base/trace.h"
#include "crypto/sign.h"
#include "net/link.h"

#define QUIC_SOCKETS_MAX 2

struct quic;

struct quic_bind {
    uint8_t ip[16];
    uint8_t ip_len; /* 4 or 16; 0 ends the list */
    uint16_t port;  /* 0: any */
};

struct quic_config {
    struct quic_bind binds[QUIC_SOCKETS_MAX]; /* at most one per family */
    const struct crypto_secret *secret;       /* borrowed for quic_new */
    struct link_sink sink;
    const struct tracer *tracer;
    /* Allow and deny lists: asked with peer->len 0 when only the address is known, and
     * again with the proved identity. NULL admits everybody. Must not call the port. */
    void *admit_ctx;
    bool (*admit)(void *ctx, const struct peer_id *peer, const struct multiaddr *address);
    uint32_t links_max;            /* established links */
    uint32_t half_open_max;        /* handshakes under way, both directions */
    uint32_t half_open_source_max; /* inbound handshakes from one IP (IPv6: one /64) that
                                      are let in without Retry */
    uint32_t retry_above;          /* half-open inbound handshakes that cause Retry */
    uint32_t streams_max;          /* bidirectional streams the peer may hold open */
    uint32_t open_waiting_max;     /* our streams waiting for the peer's limit, per link */
    struct pando_span idle;
    struct pando_span handshake;
    uint64_t stream_window;     /* at first; grows on consumption */
    uint64_t stream_window_max; /* up to */
    /* Packets between addresses of this machine's loopback, whose MTU is 64 KiB: up to so
     * many bytes (UDP_PACKET_MAX at most), if the peer takes them. 0: as on any path. */
    uint16_t loopback_packet_max;
};

struct quic_stats {
    uint64_t links, half_open, dials, accepts, refused, retries, resets_sent, resets_seen;
    uint64_t versions_sent, guarded, bad_datagrams;
    uint64_t rx_datagrams, tx_datagrams, tx_dropped;
};

/* The defaults of everything but secret and sink; no address to bind. */
struct quic_config quic_config_default(void);

/* Bind the sockets and make the certificate. Errors, each named in reterr with the remedy:
 * PANDO_BUSY the UDP port is taken; PANDO_INVALID config; PANDO_IO; PANDO_NOMEM. */
enum pando_status quic_new(const struct quic_config *config, struct quic **ret_quic,
                           struct pando_err *reterr) PANDO_MUST_USE;
/* Say goodbye to every peer (best effort) and free. No events. Accepts NULL. */
void quic_free(struct quic *q);

/* The node's side. Valid until quic_free. */
struct link_port quic_port(struct quic *q);
struct peer_id quic_peer_id(const struct quic *q);
/* The i-th bound address as /ip../udp/PORT/quic-v1; false behind the last. */
bool quic_local(const struct quic *q, size_t i, struct multiaddr *ret_address);
/* The i-th socket; -1 behind the last. */
int quic_fd(const struct quic *q, size_t i);

/* Read one batch from socket i and deliver what it brought. */
void quic_readable(struct quic *q, size_t i, struct pando_time now);
/* Socket i takes bytes again. */
void quic_writable(struct quic *q, size_t i, struct pando_time now);
/* Whether the owner must watch socket i for writability. */
bool quic_wants_write(const struct quic *q, size_t i);
/* When quic_tick or quic_flush is wanted again; the past means at once. */
struct pando_time quic_deadline(const struct quic *q);
/* Serve due timers. */
void quic_tick(struct quic *q, struct pando_time now);
/* Start queued dials, write what is due, deliver events. Once per turn, last. */
void quic_flush(struct quic *q, struct pando_time now);

struct quic_stats quic_stats(const struct quic *q);

#endif
