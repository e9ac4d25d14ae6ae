/* net.h - a virtual network of links and streams: the link port without sockets.
 *
 * Every port has an identity and the address 10.x.y.z/udp/9000/quic-v1. Bytes travel in
 * packets: what one side sends at one instant shares a latency, drawn anew with jitter; a
 * lost packet arrives later by its retransmission, and within a stream order is kept, as
 * under QUIC. What the reader sees is cut into random pieces, single bytes among them.
 *
 * A path is a direction from one port to another. While it is cut nothing arrives; bytes
 * wait, and after the idle limit links over it die on both sides. A port that crashed
 * is missed at the idle limit, or at once when it comes back (stateless reset). Dials that
 * get no answer fail after the dial limit.
 *
 * Everything random is drawn from the seed in the order of events. One thread.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "net/link.h"
#include "sim/queue.h"

#define NET_WINDOW (1u << 20)     /* bytes of a stream that wait for link_consume */
#define NET_PORTS_MAX 4096

struct net_weather {
    struct pando_span latency; /* one way */
    struct pando_span jitter;  /* up to, added */
    uint32_t loss_permille;
    uint64_t bytes_per_s; /* of a link, per direction; 0: no limit */
    bool shred;           /* cut the bytes into random pieces */
};

struct net_config {
    uint64_t seed;
    uint32_t ports;
    struct net_weather weather;
    struct pando_span idle;
    struct pando_span dial_limit;
};

/* What went through, for claims about traffic. */
struct net_counts {
    uint64_t bytes;     /* of streams, delivered */
    uint64_t crossings; /* bytes delivered over a path while it was cut: always 0 */
    uint64_t links;     /* that came up */
    uint64_t deaths;    /* links that ended by idling */
};

struct net;

struct net *net_new(struct sim_queue *queue, const struct net_config *config);
void net_free(struct net *n);

/* The port at `index`; down until net_up. `id` of the last net_up. */
struct link_port net_port(struct net *n, uint32_t index);
void net_up(struct net *n, uint32_t index, const struct peer_id *id, struct link_sink sink);
/* Power off: nobody is told. */
void net_down(struct net *n, uint32_t index);
/* An orderly end: peers are told, then as net_down. */
void net_leave(struct net *n, uint32_t index);
void net_address(uint32_t index, struct multiaddr *ret);

void net_set_weather(struct net *n, const struct net_weather *weather);
struct net_weather net_weather(const struct net *n);
/* Nothing from `from` arrives at `to` (one way) until it is healed. */
void net_cut(struct net *n, uint32_t from, uint32_t to, bool cut);
void net_heal(struct net *n);
bool net_is_cut(const struct net *n, uint32_t from, uint32_t to);

struct net_counts net_count(const struct net *n);

/* A planted bug: every nth delivered piece vanishes (0: none). */
void net_plant_loss(struct net *n, uint64_t every);

#endif
