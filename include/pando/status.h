/* status.h - one list, and every fact about a failure comes from it.
 *
 * A function that can fail returns `enum pando_status` and nothing else. Policy reads the
 * blame: a peer's fault lowers its score or cuts the link, the host's fault is retried or
 * stops the node, the caller's fault is a bug report. The exit code, the HTTP status and
 * the JSON-RPC code of an outcome are columns of the same table, so they cannot disagree.
 */
#ifndef PANDO_STATUS_H
#define PANDO_STATUS_H

#include <pando/macros.h>

/* name, value, blame, exit code, HTTP status, JSON-RPC code, what a human is told */
#define PANDO_STATUS_MAP(X)                                                             \
    X(OK, 0, NONE, 0, 200, 0, "success")                                                \
    X(NOMEM, -1, HOST, 1, 503, -32001, "memory could not be allocated")                 \
    X(FULL, -2, HOST, 5, 507, -32002, "a configured limit was reached")                 \
    X(IO, -3, HOST, 1, 500, -32003, "the operating system refused the request")         \
    X(CORRUPT, -4, HOST, 7, 500, -32004, "stored bytes no longer match their hash")     \
    X(INVALID, -5, CALLER, 2, 400, -32602, "an argument breaks the contract")           \
    X(MALFORMED, -6, PEER, 7, 400, -32700, "received bytes do not decode")              \
    X(FORGED, -7, PEER, 7, 403, -32005, "a signature does not verify")                  \
    X(UNASKED, -8, PEER, 4, 409, -32006, "a peer sent what it was never asked for")     \
    X(NOT_FOUND, -9, CALLER, 3, 404, -32007, "there is no such thing")                  \
    X(REFUSED, -10, CALLER, 4, 403, -32008, "policy refuses this")                      \
    X(UNAVAILABLE, -11, HOST, 5, 503, -32009, "the service is not available now")       \
    X(TIMEOUT, -12, HOST, 6, 504, -32010, "the time limit was reached")                 \
    X(BUSY, -13, HOST, 5, 503, -32011, "another process or request holds it")           \
    X(EXISTS, -14, CALLER, 1, 409, -32012, "it exists already")                         \
    X(UNSUPPORTED, -15, CALLER, 1, 501, -32601, "this version does not know it")        \
    X(CANCELLED, -16, NONE, 1, 499, -32013, "the request was cancelled")                \
    X(NOSPACE, -17, HOST, 5, 507, -32014, "the disk is full")

enum pando_status {
#define X(name, value, blame, exit, http, rpc, text) PANDO_##name = (value),
    PANDO_STATUS_MAP(X)
#undef X
};

/* Who answers for a failure: nobody, this host, our caller, or a remote peer. */
enum pando_blame { PANDO_BLAME_NONE, PANDO_BLAME_HOST, PANDO_BLAME_CALLER, PANDO_BLAME_PEER };

/* The columns of the table. An unknown value reads as an IO failure of the host. */
PANDO_EXPORT const char *pando_status_name(enum pando_status status);
PANDO_EXPORT const char *pando_status_text(enum pando_status status);
PANDO_EXPORT enum pando_blame pando_status_blame(enum pando_status status);
PANDO_EXPORT int pando_status_exit(enum pando_status status);
PANDO_EXPORT int pando_status_http(enum pando_status status);
PANDO_EXPORT int pando_status_rpc(enum pando_status status);

/* Human context of a failure, on the caller's stack. Filled once, at boundary functions
 * (open, load, config, store); NULL is allowed wherever one is taken. */
struct pando_err {
    enum pando_status status;
    char text[320];
};

/* Fill `err` (if not NULL) and return `status`, so that a boundary function can end with
 * `return pando_err_set(reterr, status, "store: cannot %s", doing);`. Cuts long text. */
PANDO_EXPORT enum pando_status pando_err_set(struct pando_err *err, enum pando_status status,
                                             const char *format, ...) PANDO_PRINTF(3, 4);

#endif
