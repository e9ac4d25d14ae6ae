/* api.h - one TCP port and one control socket, one route table.
 *
 * Whatever asks a node something (the command line, a browser, a monitoring server,
 * another program) asks it here, in HTTP/1.1. The TCP listener is loopback unless
 * configured otherwise; the control socket is a unix socket of mode 0600 in the data
 * directory. Both speak the same routes (route.h): REST paths, `/api/VERB` for every
 * verb, and JSON-RPC 2.0 at `/rpc`. A request becomes one call of the backend (verb, JSON
 * arguments, token); the backend answers now or later with api_reply(), in one part or in
 * many.
 *
 * The first byte of a connection is peeked before HTTP sees it, because the port is
 * shared: 0x16 begins TLS, `{` begins the JSON-lines dialect, anything else is HTTP.
 *
 *      accept -> peek (2 s) -> libmicrohttpd -> access rules -> route -> backend.call
 *                  |                                                        |
 *                  +-> '{': JSON lines (jsonl.h)            client <- api_reply
 *                  +-> 0x16: TLS where a certificate is configured, then as above; else
 *                            refused with a reason
 *
 * A GET that asks for a WebSocket at a path that the backend takes pipes at is answered here
 * and its socket handed to src/ws (docs/wire/websocket.md).
 *
 * Who may write: anybody on the control socket, loopback peers of the TCP port, and
 * others with the bearer token (access.h). Nothing here blocks and nothing has a thread:
 * the host watches file descriptors for us and calls api_ready() and api_tick().
 *
 * Caps: connections_max (further ones are closed at accept), body_max (413), 32 KiB of
 * headers (431), queued_max bytes of a reply that a slow client has not taken (the client
 * is cut and the call cancelled), 30 s for a request to arrive, 2 s for its first byte; of
 * JSON lines 64 KiB each, 64 calls and 16 rooms of one client (jsonl.h).
 */
#ifndef API_API_H
#define API_API_H

#include "base/trace.h"

#include <pando/status.h>
#include <pando/types.h>

#define API_HOSTS_MAX       16
#define API_CONNECTIONS_MAX 256
#define API_BODY_MAX        (8u << 20)
#define API_QUEUED_MAX      (64u << 20)
#define API_HEADERS_MAX     (32u << 10)

enum api_events { API_READABLE = 1u, API_WRITABLE = 2u };

/* How the host watches descriptors for us. */
struct api_watch_ops {
    void *ctx;
    /* From now on call api_ready(api, now, handle, events) when `fd` is ready
     * (level-triggered). A second call for the same handle changes the events. */
    enum pando_status (*watch)(void *ctx, int fd, unsigned events, uint32_t handle);
    /* Stop watching; `fd` is closed or handed on right after this returns. */
    void (*unwatch)(void *ctx, int fd, uint32_t handle);
};

/* Who answers. Both are called from inside api_ready() and api_tick(). */
struct api_backend {
    void *ctx;
    /* Answer `verb` with api_reply(token), in the call or later, exactly once with `more`
     * false. `args` is a JSON object (bytes, where route.h says so) and, like `verb`, valid
     * during the call. */
    void (*call)(void *ctx, uint64_t token, const char *verb, struct pando_slice args);
    /* The client is gone: no reply is wanted any more (a late one is ignored). */
    void (*cancel)(void *ctx, uint64_t token);
    /* Whether WebSockets are taken at this path; reterr says why not. NULL: nowhere. */
    enum pando_status (*takes_pipe)(void *ctx, const char *path, struct pando_err *reterr);
};

struct ws; /* ws/ws.h */

/* Zero in a number or NULL in a text means the default. Texts are copied. */
struct api_config {
    const char *http_address;         /* IP to bind, NULL: no TCP listener */
    uint16_t http_port;               /* 0: any free one, see api_port() */
    const char *socket_path;          /* NULL: no control socket */
    const char *token;                /* NULL or "": nobody may write from elsewhere */
    const char *hosts[API_HOSTS_MAX]; /* further values allowed in the Host header */
    size_t hosts_len;
    const char *origins[API_HOSTS_MAX]; /* of web pages that may open a WebSocket */
    size_t origins_len;
    size_t connections_max;
    size_t body_max;
    size_t queued_max;
    struct pando_span first_byte_timeout; /* 2 s */
    struct pando_span request_timeout;    /* 30 s for a whole request to arrive */
    const char *lines_space;       /* log space of the JSON-lines dialect; NULL: the only one */
    bool lines_open;               /* it takes messages of other machines without the token */
    struct pando_span lines_idle;  /* 15 min without a byte from a client */
    struct pando_span lines_stall; /* 30 s in which a client takes none of what waits */
    struct api_watch_ops watch;
    struct api_backend backend;
    struct ws *ws; /* TLS, and where upgraded sockets go; NULL: neither */
    const struct tracer *tracer;
};

struct api;

/* Bind, listen and begin to watch.
 *
 * Errors: PANDO_BUSY   the TCP port is taken, or a live node answers on the socket; the
 *                      text names the port and the remedy. A dead node's socket is
 *                      replaced.
 *         PANDO_INVALID an address that is none, a socket path over 107 bytes.
 *         PANDO_IO, PANDO_NOMEM. */
enum pando_status api_new(const struct api_config *config, struct api **ret_api,
                          struct pando_err *reterr) PANDO_MUST_USE;
/* Close everything; open requests are cancelled at the backend and their clients cut. The
 * control socket's file is removed. Accepts NULL. */
void api_free(struct api *a);
/* Take no new connections; those open live on. For a stop that lets replies get out. */
void api_stop_listening(struct api *a);

/* A watched descriptor is ready. */
void api_ready(struct api *a, struct pando_time now, uint32_t handle, unsigned events);
/* Call at api_deadline(), and after api_reply() was called from outside api_ready().
 * Costs a few compares when nothing is due, so it may be called in every turn of a loop.
 */
void api_tick(struct api *a, struct pando_time now);
struct pando_time api_deadline(const struct api *a, struct pando_time now);

/* One part of the answer to a call.
 *
 * `status` counts in the first part only: a failure ends the call, and `body` then is a
 * sentence for the human (or empty). Otherwise `body` is JSON, or bytes of `content_type`
 * when `raw`. With `more`, further parts follow and the client sees each at once.
 * After a call from outside api_ready() do api_tick().
 *
 * Errors: PANDO_NOT_FOUND no such call (the client left); PANDO_FULL the client is too
 * slow: it was cut, no further part is wanted; PANDO_NOMEM likewise. */
enum pando_status api_reply(struct api *a, uint64_t token, enum pando_status status,
                            struct pando_slice body, bool raw, const char *content_type,
                            bool more);
/* Bytes of the reply that the client has not taken yet; producers of big replies pause
 * above some bound of theirs. 0 for an unknown token. */
size_t api_queued(const struct api *a, uint64_t token);

/* The TCP port bound, 0 without one. */
uint16_t api_port(const struct api *a);

struct api_counters {
    uint64_t connections;     /* accepted ever */
    uint64_t connections_now; /* open, pending first bytes included */
    uint64_t requests;
    uint64_t refused;  /* by the access rules */
    uint64_t overflow; /* connections closed at the cap */
    uint64_t slow;     /* connections cut for being late */
};
struct api_counters api_counters(const struct api *a);

#endif
