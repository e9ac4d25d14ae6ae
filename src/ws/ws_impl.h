/* ws_impl.h - the inside of the WebSocket transport, shared by its own files.
 *
 *   hub.c        slots, handles, deadlines, the port's operations
 *   conn.c       an open connection: reading, writing, closing
 *   dial.c       from a URL to an open connection
 *   tls.c        credentials, and what a failed handshake means
 *   relay.c      TLS between a socket and one end of a socketpair
 *   frames.c     RFC 6455's frames; handshake.c its upgrade; url.c
 */
#ifndef WS_WS_IMPL_H
#define WS_WS_IMPL_H

#include "base/buf.h"
#include "base/heap.h"
#include "base/rng.h"
#include "ws/frames.h"
#include "ws/handshake.h"
#include "ws/ws.h"

#include <gnutls/gnutls.h>

#define WS_BLOCK   (64u << 10)
#define RELAY_ROOM (16u << 10)
#define WS_WHY_MAX 320

enum ws_state {
    WS_RESOLVING,
    WS_CONNECTING,
    WS_ASKING, /* connected (TLS may be under way): the upgrade is asked for */
    WS_OPEN,
    WS_ENDING, /* no more messages either way; what is left is the close itself */
};

/* What only a dial needs. */
struct ws_dial {
    uint64_t number;
    struct ws_url url;
    char key[WS_KEY_TEXT + 1];
    struct ws_address addresses[WS_ADDRESSES];
    size_t len, next;
    enum pando_status status; /* of `why` */
    char why[WS_WHY_MAX];     /* the last failure */
};

struct ws_conn {
    struct ws *ws;
    struct ws_conn *next_dirty;
    struct ws_dial *dial; /* until it is open */
    struct ws_frames *frames;
    uint32_t slot, pipe;
    int fd;
    unsigned watched;
    enum ws_state state;
    bool dirty;
    bool told;     /* the node knows that it is closed */
    bool overrun;  /* more was sent than PIPE_QUEUED_MAX holds */
    bool broken;   /* nothing can be sent or received any more */
    bool goodbye;  /* a close frame of ours is in `out` or sent */
    bool answered; /* theirs has come, or is of no interest any more */
    bool shut;     /* our half is shut down */
    bool pinged;
    char remote[64];
    struct pando_time heard, moved, end_by;
    size_t assembled; /* its part of the hub's */
    uint64_t held;  /* undigested bytes of messages */
    uint64_t owed;  /* bytes of messages in `out` */
    struct pando_buf in; /* read, but not digested by the frames */
    struct pando_buf out;
    size_t out_taken;
};

/* TLS between `net` and `plain`. */
struct ws_relay {
    struct ws *ws;
    uint32_t slot;
    uint32_t pipe; /* of the dial it serves; PIPE_NONE: a client of ours */
    gnutls_session_t session;
    int net, plain;
    unsigned net_watched, plain_watched;
    bool shaken; /* the handshake is over */
    bool net_over, plain_over; /* nothing more comes from there */
    bool plain_shut, net_shut; /* and was passed on */
    struct pando_time end_by;
    uint8_t inward[RELAY_ROOM], outward[RELAY_ROOM];
    size_t inward_at, inward_len, outward_at, outward_len;
};

struct ws {
    struct ws_config config;
    struct ws_conn *conns[WS_CONNS_MAX];
    struct ws_relay *relays[WS_RELAYS_MAX];
    size_t conns_len, relays_len;
    uint32_t next_slot, next_relay, serial;
    size_t assembled; /* memory of unfinished messages */
    size_t budget;    /* bytes that may still be read in this turn */
    struct ws_conn *dirty;
    struct heap deadlines; /* slots of conns, then of relays */
    struct rng rng;
    struct pando_time now;
    gnutls_certificate_credentials_t server, client;
    bool serves_tls;
    uint8_t block[WS_BLOCK];
};

/* hub.c */
struct ws_conn *ws_conn_new(struct ws *w);
struct ws_conn *ws_conn_at(struct ws *w, uint32_t pipe);
void ws_conn_free(struct ws_conn *c);
/* Look at it at the end of this turn. */
void ws_conn_touch(struct ws_conn *c);
void ws_conn_watch(struct ws_conn *c, unsigned events);
void ws_alarm(struct ws *w, uint32_t handle, struct pando_time at);

/* conn.c */
enum pando_status conn_open(struct ws_conn *c, enum ws_role role, struct pando_slice extra,
                            uint64_t dial, const char *path);
void conn_ready(struct ws_conn *c, unsigned events);
/* Write, go on reading, end: whatever its state asks for. May free it. */
void conn_settle(struct ws_conn *c);
void conn_expire(struct ws_conn *c);
void conn_send(struct ws_conn *c, struct pando_slice text);
void conn_close(struct ws_conn *c, uint16_t code, const char *reason);
struct pando_time conn_deadline(const struct ws_conn *c);

/* dial.c */
enum pando_status dial_begin(struct ws *w, struct pando_slice url, uint64_t number,
                             struct pando_err *reterr);
void dial_ready(struct ws_conn *c, unsigned events);
void dial_settle(struct ws_conn *c);
void dial_expire(struct ws_conn *c);
void dial_failed(struct ws_conn *c, enum pando_status status, const char *format, ...)
    PANDO_PRINTF(3, 4);

/* tls.c */
enum pando_status ws_tls_load(struct ws *w, struct pando_err *reterr);
void ws_tls_unload(struct ws *w);
/* A session in that role; `host` is the name that the server must prove. NULL: refused. */
gnutls_session_t ws_tls_session(const struct ws *w, enum ws_role role, const struct ws_url *url);
/* Why the handshake failed, for people. */
enum pando_status ws_tls_reason(gnutls_session_t session, int rc, char *ret, size_t cap);

/* relay.c */
enum pando_status relay_new(struct ws *w, int net, gnutls_session_t session, uint32_t pipe,
                            int *ret_plain) PANDO_MUST_USE;
void relay_ready(struct ws_relay *r, bool net, unsigned events);
void relay_expire(struct ws_relay *r);
void relay_free(struct ws_relay *r);

#endif
