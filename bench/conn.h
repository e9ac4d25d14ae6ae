/* conn.h - one kept connection to a node's control socket.
 *
 * The command line's client makes a connection per call; a bench that asks thousands of
 * times a second keeps it. One request is under way at a time; answers with a
 * Content-Length only (what streams is read by api/client.h).
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn {
    int fd;
    char path[108];
    uint64_t used_ns; /* a node closes what was silent for long */
    char *bytes; /* what has come */
    size_t len, cap;
    int status;
    const char *body; /* of the last answer, terminated; valid until the next request */
    size_t body_len;
};

void conn_open(struct conn *c, const char *socket_path); /* exits when it fails */
bool conn_try(struct conn *c, const char *socket_path);
void conn_close(struct conn *c);
void conn_send(struct conn *c, const char *verb, const char *args);
/* Read once (blocking unless the socket has bytes); true when the answer is complete. */
bool conn_read(struct conn *c);
/* Ask and wait; the body of the answer. Anything but 200 ends the bench. */
const char *conn_ask(struct conn *c, const char *verb, const char *args);
/* The same, but an error of the node is the caller's: the HTTP status. */
int conn_try_ask(struct conn *c, const char *verb, const char *args);

/* A member's number or text of a flat piece of JSON, found by its name. */
bool conn_number(const char *json, const char *name, double *ret);
bool conn_text(const char *json, const char *name, char *ret, size_t cap);

#endif
