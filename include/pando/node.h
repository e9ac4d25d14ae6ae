/* node.h - a whole node inside your program.
 *
 * Open one with a config, then either let it run on a thread of its own (pando_node_start)
 * or drive it from your event loop (pando_node_fd, pando_node_timeout, pando_node_dispatch).
 * Talk to it with calls: a verb and JSON arguments, the same that `pando` and the HTTP
 * routes use ("status", "dag.append", "exec.run", "peer.add", ...). Any number of nodes may
 * live in one process; nothing is global.
 *
 *     struct pando_node_config config = PANDO_NODE_CONFIG;
 *     config.data = "./mine";
 *     config.port = 9000;
 *     pando_node_open(&config, &node, &err);
 *     pando_node_start(node, &err);
 *     pando_node_ask(node, "status", "{}", &text, &err);
 *     pando_node_close(node);
 */
#ifndef PANDO_NODE_H
#define PANDO_NODE_H

#include <pando/status.h>
#include <pando/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pando_node;

struct pando_node_config {
    size_t size; /* of this struct, as your compiler sees it: set by PANDO_NODE_CONFIG */
    const char *data;    /* folder; NULL: ./NAME_data */
    const char *name;    /* NULL: node-PORT */
    const char *network; /* NULL: "pando" */
    const char *listen;  /* IPv4 address of QUIC; NULL: all */
    uint16_t port;       /* UDP, QUIC; 0: 9000 */
    uint16_t http_port;  /* TCP on loopback; 0: the same number */
    const char *const *peers; /* addresses to keep linked */
    size_t peers_len;
    const char *log_level; /* NULL: "warning" */
};

#define PANDO_NODE_CONFIG                                                               \
    {                                                                                   \
        sizeof(struct pando_node_config), NULL, NULL, NULL, NULL, 0, 0, NULL, 0, NULL   \
    }

/* Open the data folder, bind the ports, start the engines. The config is copied.
 * Errors, each named with its remedy in reterr: PANDO_INVALID, PANDO_BUSY (a port or the
 * folder is taken), PANDO_REFUSED, PANDO_NOSPACE, PANDO_CORRUPT, PANDO_IO. */
PANDO_EXPORT enum pando_status pando_node_open(const struct pando_node_config *config,
                                               struct pando_node **ret_node,
                                               struct pando_err *reterr) PANDO_MUST_USE;
/* Say goodbye to peers, make everything durable, stop the thread if there is one, free.
 * Accepts NULL. Blocks for at most a few seconds. */
PANDO_EXPORT void pando_node_close(struct pando_node *node);

/* Run on a thread of its own until closed. */
PANDO_EXPORT enum pando_status pando_node_start(struct pando_node *node,
                                                struct pando_err *reterr) PANDO_MUST_USE;

/* Or be driven: poll this descriptor for reading, at most pando_node_timeout ms (-1: as long
 * as you like), then dispatch. All three and the calls: one thread. */
PANDO_EXPORT int pando_node_fd(const struct pando_node *node);
PANDO_EXPORT int pando_node_timeout(const struct pando_node *node);
PANDO_EXPORT void pando_node_dispatch(struct pando_node *node);

/* One part of an answer; `more` says that further ones follow. A failure's body is a
 * sentence. Runs on the node's thread (or inside dispatch); may call pando_node_call. */
typedef void (*pando_node_reply)(void *ctx, enum pando_status status, struct pando_slice body,
                                 bool more);

/* Ask without waiting. Thread: any. Errors: PANDO_NOMEM. */
PANDO_EXPORT enum pando_status pando_node_call(struct pando_node *node, const char *verb,
                                               const char *json_args, pando_node_reply reply,
                                               void *ctx) PANDO_MUST_USE;
/* End a call whose answer goes on and on (a watch). Its reply runs once more, the last time,
 * with PANDO_CANCELLED, unless it had ended by itself. `reply` and `ctx` say which call is meant.
 * Thread: any. Errors: PANDO_NOMEM. */
PANDO_EXPORT enum pando_status pando_node_cancel(struct pando_node *node, pando_node_reply reply,
                                                 void *ctx) PANDO_MUST_USE;
/* Ask and wait for the whole answer, which is terminated and yours to free(). Needs the
 * node's own thread, and must not run on it. Errors: the call's, with its sentence. */
PANDO_EXPORT enum pando_status pando_node_ask(struct pando_node *node, const char *verb,
                                              const char *json_args, char **ret_text,
                                              struct pando_err *reterr) PANDO_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
