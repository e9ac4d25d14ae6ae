/* nodes.h - which node to speak to, and getting a connection.
 *
 * The nodes are tried in turn, the last good one first, every one within DIAL_LIMIT; after
 * two rounds without luck there is a pause of 2 s, half as long again each time up to 30 s.
 */
#ifndef APPS_PANDO_CLIENT_NODES_H
#define APPS_PANDO_CLIENT_NODES_H

#include <pando/status.h>
#include <pando/types.h>

#define NODES_MAX  16
#define DIAL_LIMIT PANDO_SEC(3)

struct nodes {
    struct {
        char host[256];
        char port[8];
    } at[NODES_MAX];
    size_t len;
    size_t current; /* tried or spoken to */
    size_t tries;   /* since the last success */
    struct pando_span pause;
};

/* Add HOST:PORT, several parted by commas; doubles are passed over.
 * Errors: PANDO_INVALID with the part that does not read; PANDO_FULL. */
enum pando_status nodes_add(struct nodes *n, const char *list,
                            struct pando_err *reterr) PANDO_MUST_USE;
/* Begin a connection to the current node: a socket that becomes writable, or -1. */
int nodes_dial(const struct nodes *n);
/* Whether a socket that became writable is connected. */
bool nodes_is_connected(int fd);
/* It failed: the next one is current. `ret_pause` is how long to wait first. True after
 * each whole cycle of two rounds. */
bool nodes_failed(struct nodes *n, struct pando_span *ret_pause);
void nodes_succeeded(struct nodes *n);

#endif
