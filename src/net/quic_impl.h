/* quic_impl.h - the endpoint's inside, shared by the quic_*.c files only.
 *
 *   quic.c           life-cycle, the port's table, the turn (readable, tick, flush)
 *   quic_input.c     a datagram: which link is it for, or what to answer a stranger
 *   quic_accept.c    a first Initial: admission, Retry, refusal
 *   quic_conn.c      a link's life: start, timers, removal
 *   quic_close.c     why and how a link ends, and what is sent until it is forgotten
 *   quic_callbacks.c what the QUIC library tells us; only notes it down
 *   quic_stream.c    streams and the node's operations on them
 *   quic_send.c      the write pass
 *   quic_deliver.c   the outbox to the node
 *
 * A link's states:
 *
 *   NEW --flush--> HANDSHAKE --proved--> UP --we close--> CLOSING --3 PTO--> freed
 *                       \                 \--they close--> DRAINING --3 PTO--> freed
 *                        \--fails, 5 s--> CLOSING or DRAINING
 */
#ifndef NET_QUIC_IMPL_H
#define NET_QUIC_IMPL_H

#include "base/heap.h"
#include "base/map.h"
#include "net/guard.h"
#include "net/ngtcp2_compat.h"
#include "net/outbox.h"
#include "net/quic.h"
#include "net/sendq.h"
#include "net/tls.h"
#include "net/udp.h"

#define QUIC_CID_LEN 8
#define QUIC_UDP_PAYLOAD_MAX 1452
#define QUIC_TOKENS_MAX 8
#define QUIC_CIDS_MAX 20 /* ours per link: 8 live ones, the first, and retired ones */
#define QUIC_CLOSING_MAX 256
#define QUIC_WHY_MAX 200

enum quic_conn_state { CONN_NEW, CONN_HANDSHAKE, CONN_UP, CONN_CLOSING, CONN_DRAINING };

struct quic_conn;

struct quic_stream {
    uint64_t handle;
    struct quic_conn *conn;
    int64_t id; /* -1 while it waits for the peer's limit */
    enum link_class class;
    struct quic_stream *prev, *next;             /* conn->streams */
    struct quic_stream *turn_prev, *turn_next;   /* conn->ready[class], or waiting */
    struct quic_stream *finished_next;           /* quic->finished */
    struct sendq out;
    uint64_t unconsumed;
    bool ready;         /* is in conn->ready[class] */
    bool blocked;       /* by the peer's stream window */
    bool want_writable; /* a send was refused */
    bool stopped;       /* the peer wants no more, or we gave up sending */
    bool forgotten;     /* the node reset it: no handle, no events */
    bool closed;        /* the QUIC library is done with it */
    bool finished;      /* is in quic->finished */
};

struct quic_turns { /* a list in which streams take turns */
    struct quic_stream *first, *last;
};

struct quic_conn {
    ngtcp2_crypto_conn_ref ref; /* first: the crypto helper finds it through the session */
    struct quic *quic;
    ngtcp2_conn *ng;
    gnutls_session_t tls;
    enum quic_conn_state state;
    uint32_t slot;
    uint32_t token; /* the dial's */
    uint64_t link;  /* handle, 0 before LINK_UP */
    bool server;
    bool dirty;
    bool half_open;
    bool handshake_done;
    size_t packet_max; /* once the handshake is done; the library may choose less */
    bool proved;       /* LINK_UP may be told */
    bool tls_done;     /* the TLS session is needed no more */
    bool open_waiting; /* the peer raised its stream limit */
    bool end_noted;    /* LINK_DOWN or LINK_DIAL_FAILED lies in the outbox or was told */
    bool end_told;
    struct peer_id expected;
    struct peer_id peer;
    struct udp *udp;
    struct udp_address remote;
    struct udp_address local;
    uint8_t source[16]; /* key of the half-open cap */
    uint64_t guard_highest;
    struct pando_time handshake_until;
    struct quic_conn *dirty_next;
    struct quic_stream *streams;
    struct quic_turns waiting; /* for the peer's stream limit */
    uint32_t waiting_len;
    struct quic_turns ready[LINK_CLASSES];
    uint32_t bulk_passed_over; /* packets of other classes while bulk waited */
    uint8_t tokens[QUIC_TOKENS_MAX][NGTCP2_STATELESS_RESET_TOKENLEN];
    uint32_t tokens_len;
    uint32_t cids_len;
    ngtcp2_cid first_dcid; /* server: the client's own choice, ours until removal */
    /* Ending. `cause` is set first by whoever knows best (verification, an operation). */
    enum link_reason cause;
    char why[QUIC_WHY_MAX];
    bool close_wanted;
    uint8_t close_packet[QUIC_UDP_PAYLOAD_MAX];
    size_t close_len;
    uint32_t close_hits;
    struct pando_time gone_at;
};

/* So many stateless answers (resets, refusals, versions) per second. */
struct quic_limiter {
    uint32_t left;
    struct pando_time refilled;
};

struct quic {
    struct quic_config config;
    struct tls tls;
    struct peer_id self;
    struct udp sockets[QUIC_SOCKETS_MAX];
    size_t sockets_len;
    uint8_t reset_secret[32]; /* survives restarts: derived from the node's secret */
    uint8_t retry_secret[32];
    struct pando_time now;
    struct quic_conn **conns; /* by slot */
    uint32_t *free_slots;
    size_t free_len;
    size_t slots_len;
    struct map cids;    /* struct quic_cid_key -> conn */
    struct map tokens;  /* 16 bytes -> conn */
    struct map links;   /* handle -> conn */
    struct map streams; /* handle -> stream */
    struct map sources; /* 16 bytes -> count of half-open */
    struct heap timers; /* by slot */
    struct quic_conn *dirty_first, *dirty_last;
    struct quic_stream *finished;
    struct outbox outboxes[2];
    uint32_t outbox_active;
    bool delivering;
    uint64_t next_link;
    uint64_t next_stream;
    uint32_t half_open_in;
    struct quic_limiter limiter;
    struct guard_stops stops; /* named by the packet just read */
    struct quic_stats stats;
};

struct quic_cid_key {
    uint8_t len;
    uint8_t bytes[NGTCP2_MAX_CIDLEN];
};

/* quic_conn.c */
struct quic_conn *quic_conn_new(struct quic *q, bool server);
void quic_conn_free(struct quic_conn *c);
enum pando_status quic_conn_start_client(struct quic_conn *c) PANDO_MUST_USE;
enum pando_status quic_conn_start_server(struct quic_conn *c, const ngtcp2_pkt_hd *hd,
                                         const ngtcp2_cid *odcid, bool retried) PANDO_MUST_USE;
void quic_conn_mark(struct quic_conn *c); /* wants a write pass */
void quic_conn_rearm(struct quic_conn *c);
void quic_conn_expire(struct quic_conn *c);
void quic_conn_proved(struct quic_conn *c); /* LINK_UP, unless refused by the lists */
void quic_conn_settle(struct quic_conn *c); /* no longer half-open */
struct multiaddr quic_conn_address(const struct quic_conn *c);
bool quic_cid_add(struct quic *q, const ngtcp2_cid *cid, struct quic_conn *c);
void quic_cid_remove(struct quic *q, const ngtcp2_cid *cid, struct quic_conn *c);
struct quic_conn *quic_cid_find(const struct quic *q, const uint8_t *cid, size_t len);
void quic_token_add(struct quic_conn *c, const uint8_t *token);
void quic_token_remove(struct quic_conn *c, const uint8_t *token);
/* Keep-alive interval toward a peer with this idle limit (0: none), both in ns. */
uint64_t quic_keep_alive(uint64_t ours, uint64_t theirs);

/* quic_close.c */
/* The first cause wins: it is nearest to the truth. */
void quic_cause(struct quic_conn *c, enum link_reason reason, const char *format, ...)
    PANDO_PRINTF(3, 4);
/* The library refused to go on with `error`: tell the peer if that is right, end. */
void quic_conn_failed(struct quic_conn *c, int error);
/* We end it, for the cause set before. */
void quic_conn_close(struct quic_conn *c);
/* LINK_DOWN or LINK_DIAL_FAILED into the outbox, unless it lies there already. */
void quic_conn_note_end(struct quic_conn *c);
/* A packet for a link in its closing period. */
void quic_conn_closing_input(struct quic_conn *c);

/* quic_input.c */
void quic_input(struct quic *q, struct udp *u, const struct udp_datagram *d);
void quic_unreachable(struct quic *q, const struct udp_address *to, int error);
bool quic_limiter_take(struct quic *q);

/* quic_accept.c */
struct quic_conn *quic_accept(struct quic *q, struct udp *u, const struct udp_datagram *d);

/* quic_callbacks.c */
void quic_callbacks_fill(ngtcp2_callbacks *ret);
bool quic_verify(void *session_ptr, struct pando_slice der);
/* Between these two the guard knows whose packets are being decrypted. */
void quic_reading(struct quic_conn *c);

/* quic_stream.c */
struct quic_stream *quic_stream_new(struct quic_conn *c, int64_t id, enum link_class class);
void quic_stream_free(struct quic_stream *s);
struct quic_stream *quic_stream_find(const struct quic *q, uint64_t handle);
void quic_stream_ready(struct quic_stream *s);   /* may have something to write */
void quic_stream_unready(struct quic_stream *s);
void quic_stream_stop(struct quic_stream *s);    /* will never write again */
void quic_stream_refused(struct quic_stream *s); /* the peer wants no more: tell, stop */
void quic_stream_credit(struct quic_stream *s, uint64_t len);
void quic_stream_finish(struct quic_stream *s);  /* freed after the next delivery */
void quic_streams_admit(struct quic_conn *c);    /* open what waited */
void quic_turns_append(struct quic_turns *t, struct quic_stream *s);
void quic_turns_remove(struct quic_turns *t, struct quic_stream *s);
extern const struct link_ops quic_link_ops;

/* quic_send.c */
void quic_send_dirty(struct quic *q);

/* quic_deliver.c */
void quic_note(struct quic *q, const struct outbox_event *event, struct pando_slice data);
struct outbox *quic_outbox(struct quic *q);
/* Returns whether anything was told. */
bool quic_deliver(struct quic *q);

#endif
