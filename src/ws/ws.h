/* ws.h - WebSockets over real sockets: the pipe port of the host.
 *
 * Server: the api hands over a socket whose HTTP upgrade it has answered (ws_adopt). Client:
 * a dial resolves the name, connects, makes TLS where the URL says wss, and asks for the
 * upgrade, in PIPE_DIAL_LIMIT together. From then on both are the same: frames (frames.h)
 * in, frames out, back-pressure both ways (net/pipe.h).
 *
 * TLS is one part for both roles: a relay between the socket and one end of a socketpair,
 * so that whatever reads the other end (libmicrohttpd, the JSON lines, our frames) sees
 * plain bytes.
 *
 * Nothing here blocks and nothing has a thread: the host watches descriptors and calls
 * ws_ready() and ws_tick(). What the node sends in one turn is written together at the end
 * of it; a busy connection reads a few blocks and then waits for the next turn, as all do
 * once WS_TURN_MAX bytes were read in one.
 *
 * Caps: WS_CONNS_MAX connections (further ones: HTTP 503), WS_RELAYS_MAX of TLS; per
 * connection one message being assembled, PIPE_HELD_MAX of undigested ones, PIPE_QUEUED_MAX
 * unsent bytes, 64 KiB of unread ones. All unfinished messages together take at most
 * WS_ASSEMBLED_MAX: whoever goes beyond is told to try again later. A connection that takes
 * nothing for WS_STALL_LIMIT while bytes wait is cut, and so is one that is silent for
 * PIPE_IDLE_LIMIT (a ping is sent half-way).
 */
#ifndef WS_WS_H
#define WS_WS_H

#include "base/trace.h"
#include "net/pipe.h"

#define WS_CONNS_MAX   2048
#define WS_RELAYS_MAX  2048
#define WS_HANDLES     (WS_CONNS_MAX + 2 * WS_RELAYS_MAX)
#define WS_ASSEMBLED_MAX (128u << 20)
#define WS_TURN_MAX    (4u << 20)
#define WS_ADDRESSES   8
#define WS_CLOSE_LIMIT PANDO_SEC(5)
#define WS_STALL_LIMIT PANDO_SEC(30)

enum ws_events { WS_READABLE = 1u, WS_WRITABLE = 2u };

/* An address of a name. */
struct ws_address {
    uint8_t ip[16];
    uint8_t len; /* 4 or 16 */
};

struct ws_config {
    void *ctx; /* of the three below */
    /* From now on call ws_ready(ws, now, handle, events); handles are below WS_HANDLES. */
    enum pando_status (*watch)(void *ctx, int fd, unsigned events, uint32_t handle);
    void (*unwatch)(void *ctx, int fd, uint32_t handle);
    /* Find a name's addresses off the loop: ws_resolved() with the token follows. */
    enum pando_status (*resolve)(void *ctx, uint32_t token, const char *name);
    struct pipe_sink sink;
    const char *ca_file;             /* beside the system's; NULL or "": none */
    const char *tls_cert, *tls_key;  /* PEM files of the server role; NULL or "": no TLS */
    uint64_t seed;
    const struct tracer *tracer;
};

struct ws;

/* Errors: PANDO_INVALID a certificate, key or CA file that cannot be used (named);
 * PANDO_NOMEM. */
enum pando_status ws_new(const struct ws_config *config, struct ws **ret,
                         struct pando_err *reterr) PANDO_MUST_USE;
/* Cut everything, without events. Accepts NULL. */
void ws_free(struct ws *w);
struct pipe_port ws_port(struct ws *w);

void ws_ready(struct ws *w, struct pando_time now, uint32_t handle, unsigned events);
/* Before calls through the port, which bring no time: a limit counts from now. */
void ws_clock(struct ws *w, struct pando_time now);
/* What is due, and what was sent since the last call. Cheap when there is nothing. */
void ws_tick(struct ws *w, struct pando_time now);
struct pando_time ws_deadline(const struct ws *w);
/* A name's addresses; none: `why`. */
void ws_resolved(struct ws *w, struct pando_time now, uint32_t token,
                 const struct ws_address *list, size_t len, const char *why);

/* Whether one more connection can be taken. */
bool ws_has_room(const struct ws *w);
/* Take over a non-blocking socket whose upgrade was answered. `extra`: bytes that came
 * behind the request. PIPE_OPEN with `path` and `remote` comes at once. The descriptor is
 * ours, also on failure. */
enum pando_status ws_adopt(struct ws *w, struct pando_time now, int fd, struct pando_slice extra,
                           const char *path, const char *remote) PANDO_MUST_USE;

/* Whether the listener has a certificate. */
bool ws_serves_tls(const struct ws *w);
/* A client that begins TLS on `fd`: `*ret_plain` is where its plain bytes come. The
 * descriptor is ours, also on failure. Errors: PANDO_FULL, PANDO_NOMEM, PANDO_IO. */
enum pando_status ws_tls_serve(struct ws *w, struct pando_time now, int fd,
                               int *ret_plain) PANDO_MUST_USE;

#endif
