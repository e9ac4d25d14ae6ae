/* pipe.h - the seam between the node and whatever carries its pipes.
 *
 * A *pipe* is one connection that carries whole text messages both ways: a WebSocket. Its
 * other end need not be a node. Two implementations stand behind this header: src/ws (real
 * sockets) and sim/ (virtual ones), under one conformance suite. No operation calls back:
 * events come from the implementation's own turn, and inside an event the node may call any
 * operation.
 *
 * Handles are not reused soon. What is sent counts until PIPE_CREDIT says that it has left;
 * what was received stays charged to the pipe until `digested`, and a pipe with more than
 * PIPE_HELD_MAX undigested bytes is read no further. Either end may close with a code
 * (RFC 6455, section 7.4) and a reason of at most PIPE_REASON_MAX bytes.
 *
 * Thread: the loop thread only.
 */
#ifndef NET_PIPE_H
#define NET_PIPE_H

#include "base/bytes.h"

#include <pando/status.h>
#include <pando/types.h>

#define PIPE_NONE        UINT32_MAX
#define PIPE_INBOUND     UINT64_MAX   /* instead of the number of a dial */
#define PIPE_MESSAGE_MAX (8u << 20)   /* bytes of one message */
#define PIPE_HELD_MAX    (1u << 20)   /* undigested bytes at which reading stops */
#define PIPE_QUEUED_MAX  (18u << 20)  /* unsent bytes at which a pipe is cut: a wall above
                                         any credit */
#define PIPE_REASON_MAX  123
#define PIPE_DIAL_LIMIT  PANDO_SEC(10)
#define PIPE_IDLE_LIMIT  PANDO_SEC(60) /* without a byte, a ping's answer included */

enum pipe_code {
    PIPE_CODE_NORMAL = 1000,
    PIPE_CODE_GOING = 1001,
    PIPE_CODE_PROTOCOL = 1002,
    PIPE_CODE_KIND = 1003,
    PIPE_CODE_ABSENT = 1005, /* the close frame had none */
    PIPE_CODE_TEXT = 1007,
    PIPE_CODE_POLICY = 1008,
    PIPE_CODE_SIZE = 1009,
    PIPE_CODE_INTERNAL = 1011,
    PIPE_CODE_LATER = 1013, /* try again later */
};

enum pipe_event_kind {
    PIPE_OPEN,   /* pipe, dial, text: the remote's address; path: asked for (inbound) */
    PIPE_TEXT,   /* pipe, bytes (borrowed for the call) */
    PIPE_CREDIT, /* pipe, value: that many sent bytes have left */
    PIPE_CLOSED, /* pipe, or PIPE_NONE and the dial that failed; code (0: none was said),
                    status, text: why. The handle is void */
};

struct pipe_event {
    enum pipe_event_kind kind;
    enum pando_status status;
    uint16_t code;
    uint32_t pipe;
    uint64_t dial;
    uint64_t value;
    struct bytes *bytes;
    const char *text;
    const char *path;
};

struct pipe_sink {
    void *ctx;
    void (*event)(void *ctx, const struct pipe_event *event);
};

struct pipe_ops {
    /* Connect to a ws:// or wss:// URL: PIPE_OPEN or PIPE_CLOSED with `dial` follows within
     * PIPE_DIAL_LIMIT. Errors (nothing follows): PANDO_INVALID no such URL; PANDO_FULL;
     * PANDO_UNSUPPORTED no pipes here; PANDO_NOMEM. */
    enum pando_status (*dial)(void *ctx, struct pando_slice url, uint64_t dial,
                              struct pando_err *reterr);
    /* Send one message (takes the reference). A void handle is ignored, as below. */
    void (*send)(void *ctx, uint32_t pipe, struct bytes *text);
    /* Say goodbye behind what was sent: PIPE_CLOSED follows. */
    void (*close)(void *ctx, uint32_t pipe, uint16_t code, const char *reason);
    /* That many bytes of received messages are done with. */
    void (*digested)(void *ctx, uint32_t pipe, uint64_t bytes);
};

struct pipe_port {
    void *ctx;
    const struct pipe_ops *ops;
};

#endif
