/* host.h - a node on a real machine: libuv, sockets, files, threads, signals.
 *
 * host_run is what `pando node` does: open the data directory, link, serve, until a signal
 * or the verb node.stop. host_call answers one call in a process of its own, for commands
 * that find no running node: same store, same engines, no socket. host_node_open makes a
 * node inside a program that is also its user (`pando chat`).
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <pando/status.h>
#include <pando/types.h>

struct config;
struct pando_node;

struct host_options {
    bool json;  /* the event printer writes JSON lines */
    bool quiet; /* no event printer at all */
};

/* Run a node until it is told to stop. Errors: whatever keeps it from starting, with the
 * thing and the remedy named. Blocks; installs handlers for SIGINT and SIGTERM. */
enum pando_status host_run(const struct config *config, const struct host_options *options,
                           struct pando_err *reterr) PANDO_MUST_USE;

/* Where the parts of an answer go; called on the calling thread. */
struct host_reply {
    void *ctx;
    void (*part)(void *ctx, enum pando_status status, struct pando_slice body, bool raw, bool more);
};

/* Open the data directory of `config` (its node must not be running), answer one call,
 * close. Errors: PANDO_BUSY a process holds it; otherwise the call's own status, whose text
 * went to `reply` too. */
enum pando_status host_call(const struct config *config, const char *verb, struct pando_slice args,
                            const struct host_reply *reply, struct pando_err *reterr) PANDO_MUST_USE;

/* Where a node tells things unasked. */
struct host_guest {
    void *ctx;
    /* A line of the log, newline included; from any thread, one at a time; must not log. */
    void (*line)(void *ctx, struct pando_slice line);
    /* The node's own thread has ended: by pando_node_close, or because the verb node.stop
     * came from elsewhere; called on that thread. May be NULL. */
    void (*stopped)(void *ctx);
};

/* A node of a whole config, spaces and their settings included, to be run and asked by the
 * calls of <pando/node.h>: pando_node_start, pando_node_call, pando_node_close... No signal
 * is handled and nothing is printed. `config` was finished by config_finish and is copied;
 * `guest` (NULL: standard error) takes the log unless log.file names a file.
 * Errors: as pando_node_open. */
enum pando_status host_node_open(const struct config *config, const struct host_guest *guest,
                                 struct pando_node **ret, struct pando_err *reterr) PANDO_MUST_USE;

#endif
