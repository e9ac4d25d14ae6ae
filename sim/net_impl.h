/* net_impl.h - the virtual network's parts, shared by its files.
 *
 * A link has two sides (side 0 dialled); a stream has two pipes, pipe [d] carrying what
 * side d sends. Written bytes wait in `waiting`; as far as the window admits they become
 * flying pieces in `flying`. One event of the queue stands for one packet: it delivers
 * every piece of the pipe that is due. If the path is cut at that instant the pipe parks
 * until it is healed.
 */
#ifndef SIM_NET_IMPL_H
#define SIM_NET_IMPL_H

#include "base/map.h"
#include "base/rng.h"
#include "sim/net.h"

struct net_piece {
    struct net_piece *next;
    struct bytes *bytes; /* NULL: only a mark */
    size_t from, len;
    uint64_t arrives;
    bool fin;
    bool reset;
};

struct net_pieces {
    struct net_piece *first, *last;
};

struct net_pipe {
    struct net_pieces waiting, flying;
    size_t queued;      /* bytes in `waiting` */
    size_t charged;     /* bytes flying or not consumed: at most NET_WINDOW */
    size_t unconsumed;  /* of those, delivered */
    uint64_t arrives;   /* of the last flying piece: order is kept */
    uint64_t announced; /* an event of the queue stands for this arrival */
    uint64_t owed;      /* consumed bytes that the sender was not told of */
    uint64_t credit;    /* consumed bytes whose news is parked */
    bool refused;       /* a send found it full: LINK_WRITABLE follows */
    bool fin_sent;
    bool over; /* fin delivered, or reset by either end */
    bool parked;
};

struct net_stream {
    uint64_t id;
    struct net_link *link;
    struct net_stream *next, *before;
    enum link_class class[2];
    bool known[2]; /* side knows of the stream and has not let go of it */
    bool told;     /* the other side has had LINK_STREAM */
    uint8_t opener;
    struct net_pipe pipes[2];
};

struct net_side {
    uint32_t port;
    uint32_t life;    /* of the port when the link began */
    bool up;          /* the owner may use it */
    bool ended;       /* LINK_DOWN was told, or there is nobody to tell */
    uint64_t packet_at, packet_in; /* what is sent at packet_at takes packet_in */
    uint64_t earliest;             /* nothing this side sends arrives before */
    uint64_t busy[LINK_CLASSES];   /* with a bandwidth: the wire is taken until */
};

struct net_link {
    uint64_t id;
    struct net_link *next, *before;
    struct net_stream *streams;
    struct net_side sides[2];
    uint64_t cut_round; /* of the cut that its idle check watches; 0 whole */
    uint64_t cut_since;
};

struct net_dial {
    struct net *net;
    uint32_t from, life, token, to; /* to UINT32_MAX: nobody lives there */
    uint32_t to_life;               /* who has answered there */
    struct peer_id expected;
    struct multiaddr address;
};

struct net_node {
    struct net *net;
    uint32_t index;
    uint32_t life;
    bool up;
    struct peer_id id;
    struct link_sink sink;
};

struct net {
    struct sim_queue *queue;
    struct net_config config;
    struct rng rng;
    struct net_node *nodes;
    struct map links, streams;
    struct net_link *first_link;
    struct net_dial **dials; /* under way, by slot */
    size_t dials_len, dials_cap;
    uint8_t *cuts; /* [from * ports + to] */
    uint64_t cuts_len;
    uint64_t next_link, next_stream, cut_rounds;
    uint64_t plant_every, planted;
    struct net_counts counts;
};

/* net.c */
struct net_link *net_link_find(const struct net *n, uint64_t id);
void net_tell(struct net *n, const struct net_link *l, unsigned side, struct link_event ev);
/* Latency of a packet that side `d` sends now. */
uint64_t net_packet_delay(struct net *n, struct net_link *l, unsigned d);
bool net_path_whole(const struct net *n, const struct net_link *l, unsigned from_side);
void net_link_added(struct net *n, struct net_link *l);
/* Side `d` learns of the end after `in`; its streams are gone for it then. */
void net_end_side(struct net *n, struct net_link *l, unsigned d, enum link_reason reason,
                  struct pando_span in);
bool net_side_alive(const struct net *n, const struct net_link *l, unsigned d);

/* net_dial.c */
enum pando_status net_dial(void *ctx, const struct link_target *target, uint32_t token);
void net_dials_free(struct net *n);

/* net_stream.c */
enum pando_status net_open(void *ctx, uint64_t link, enum link_class class, uint64_t *ret);
enum pando_status net_send(void *ctx, uint64_t stream, struct bytes *bytes, bool fin);
size_t net_queued(void *ctx, uint64_t stream);
void net_reset(void *ctx, uint64_t stream);
void net_consume(void *ctx, uint64_t stream, size_t len);
void net_classify(void *ctx, uint64_t stream, enum link_class class);
void net_stream_free(struct net *n, struct net_stream *s);
/* The path from side `d` is whole again: what was parked goes on. */
void net_stream_unpark(struct net *n, struct net_stream *s, unsigned d);

#endif
