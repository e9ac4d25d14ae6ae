/* link.h - the seam between the node and whatever carries its bytes.
 *
 * A *link* is one authenticated encrypted session with a peer; a *stream* is one ordered
 * byte channel on it. Two implementations stand behind this header: src/net (QUIC on real
 * sockets) and sim/ (a virtual network), under one conformance suite. The node calls the
 * operations; the implementation reports events. No operation calls back: events come from
 * the implementation's own turn (a readable socket, a timer, a simulated step), and inside
 * an event the node may call any operation.
 *
 * Handles are never reused within the life of the port. Bytes handed to send are kept by
 * reference until the peer acknowledged them. Received bytes stay charged to the stream's
 * window until link_consume: that is the back-pressure.
 *
 * Thread: the loop thread only.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "base/bytes.h"
#include "codec/multiaddr.h"
#include "crypto/peer_id.h"

#include <pando/status.h>
#include <pando/types.h>

/* Order in which a link serves its streams: control is strict, bulk waits for both. */
enum link_class { LINK_CONTROL, LINK_EVENT, LINK_BULK, LINK_CLASSES };

/* Why a link ended or a dial failed; the text of link_reason_text is shown to people. */
#define LINK_REASON_MAP(X)                                                              \
    X(NONE, "none")                                                                     \
    X(LOCAL, "closed by this node")                                                     \
    X(REMOTE, "closed by the peer")                                                     \
    X(IDLE, "no packet within the idle limit")                                          \
    X(HANDSHAKE_TIMEOUT, "no answer to the handshake")                                  \
    X(WRONG_PEER, "the peer proved another identity than the one asked for")            \
    X(IDENTITY, "the peer's certificate does not prove an identity")                    \
    X(PROTOCOL, "the peer broke the protocol")                                          \
    X(RESET, "the peer forgot the connection (stateless reset)")                        \
    X(UNREACHABLE, "the address cannot be reached")                                     \
    X(LIMIT, "a limit on links was reached")                                            \
    X(DENIED, "refused by the allow or deny list")                                      \
    X(NETWORK_NAME, "the peer belongs to another network")                              \
    X(CUT, "cut by a control call")                                                     \
    X(SHUTDOWN, "the node is stopping")

enum link_reason {
#define X(name, text) LINK_REASON_##name,
    LINK_REASON_MAP(X)
#undef X
};

enum link_event_kind {
    LINK_UP,          /* link, peer, address, dialed (token is the dial's or 0) */
    LINK_DOWN,        /* link, reason, text; all its streams are gone, no event for each */
    LINK_DIAL_FAILED, /* token, reason, text */
    LINK_STREAM,      /* link, stream: the peer opened it */
    LINK_DATA,        /* link, stream, bytes (borrowed for the call), fin */
    LINK_WRITABLE,    /* link, stream: unsent bytes fell below LINK_SEND_LOW after a send
                         found them above it, or the stream may be opened now */
    LINK_STOPPED,     /* link, stream: the peer wants no more bytes (STOP_SENDING) */
    LINK_RESET,       /* link, stream: the peer aborted its side; no more data comes */
};

struct link_event {
    enum link_event_kind kind;
    enum link_reason reason;
    bool dialed;
    bool fin;
    uint32_t token;
    uint64_t link;
    uint64_t stream;
    struct pando_slice data;
    const struct peer_id *peer;
    const struct multiaddr *address; /* the peer's, as seen; with /p2p not appended */
    const char *text;
};

struct link_target {
    struct multiaddr address; /* an IP address; names are resolved above */
    struct peer_id peer;      /* len 0: any identity */
};

/* Bytes queued but unsent on a stream: above HIGH send refuses, below LOW it is writable. */
#define LINK_SEND_HIGH (4u << 20)
#define LINK_SEND_LOW (1u << 20)

struct link_port {
    void *ctx;
    const struct link_ops *ops;
};

struct link_ops {
    /* Begin to dial; ends in LINK_UP or LINK_DIAL_FAILED with the same token. Errors:
     * PANDO_FULL too many half-open; PANDO_UNSUPPORTED the address is not for this port. */
    enum pando_status (*dial)(void *ctx, const struct link_target *target, uint32_t token);
    /* Say goodbye and forget; LINK_DOWN follows in a later event with this reason. */
    void (*close)(void *ctx, uint64_t link, enum link_reason reason);
    /* A new stream; usable at once, the bytes wait until the peer's limit admits it.
     * Errors: PANDO_NOT_FOUND no such link; PANDO_FULL too many of ours wait. */
    enum pando_status (*open)(void *ctx, uint64_t link, enum link_class class, uint64_t *ret_stream);
    /* Queue `bytes` (takes a reference of its own; NULL with fin to end the stream).
     * Errors: PANDO_BUSY over LINK_SEND_HIGH: nothing was taken, LINK_WRITABLE follows;
     * PANDO_NOT_FOUND the stream is gone. */
    enum pando_status (*send)(void *ctx, uint64_t stream, struct bytes *bytes, bool fin);
    /* Bytes queued and not yet handed to the network. */
    size_t (*queued)(void *ctx, uint64_t stream);
    /* Abort our side and refuse the peer's. */
    void (*reset)(void *ctx, uint64_t stream);
    /* `len` received bytes were digested: the peer may send as many more. */
    void (*consume)(void *ctx, uint64_t stream, size_t len);
    /* Change the class in which a stream is served (known after negotiation). */
    void (*classify)(void *ctx, uint64_t stream, enum link_class class);
    /* Smoothed round trip of a link; 0 ns while unknown. */
    struct pando_span (*rtt)(void *ctx, uint64_t link);
};

/* Where the port's owner receives events. */
struct link_sink {
    void *ctx;
    void (*event)(void *ctx, const struct link_event *event);
};

const char *link_reason_text(enum link_reason reason);

#endif
