/* client.h - a small blocking HTTP/1.1 client, for the command line.
 *
 * It asks a node one verb (POST /api/VERB with JSON arguments) over the control socket or
 * over TCP, and reads status, Content-Length or chunked body, with a cap and a deadline
 * on everything. It trusts the other side no more than the server trusts it.
 */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include "base/buf.h"

#include <pando/status.h>
#include <pando/types.h>

#define CLIENT_BODY_MAX (256u << 20)

struct client_target {
    const char *socket_path; /* the control socket, or NULL: */
    const char *host;        /* IP or name for TCP */
    uint16_t port;
    const char *token;         /* NULL: none */
    struct pando_span timeout; /* of silence from the node; 0: 30 s */
};

/* Receives parts of a streamed reply; false ends the call early with PANDO_OK. */
struct client_stream {
    void *ctx;
    bool (*part)(void *ctx, struct pando_slice part);
};

/* Ask and wait. With `stream` NULL the body is appended to `ret_body` (whose max holds),
 * otherwise each part goes to the stream and `ret_body` may be NULL.
 *
 * Errors: PANDO_UNAVAILABLE nobody listens there (the text says how to start a node);
 *         PANDO_TIMEOUT; PANDO_MALFORMED not a node's answer; PANDO_FULL too big;
 *         else the status and the text that the node replied. */
enum pando_status client_call(const struct client_target *target, const char *verb,
                              struct pando_slice args, const struct client_stream *stream,
                              struct pando_buf *ret_body,
                              struct pando_err *reterr) PANDO_MUST_USE;

#endif
