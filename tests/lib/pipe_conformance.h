/* pipe_conformance.h - what every implementation of struct pipe_port must do.
 *
 * src/ws (real sockets) and sim/ (virtual ones) run the same suite. A harness makes two
 * ports of which each takes pipes at the path /federation, and lets time pass until a
 * condition holds; whether that time is real or virtual is its own affair.
 */
#ifndef TESTS_PIPE_CONFORMANCE_H
#define TESTS_PIPE_CONFORMANCE_H

#include "net/pipe.h"

#define PIPE_PORTS 2

struct pipe_harness_port {
    struct pipe_port port;
    char url[128]; /* where the other one dials it, ending in /federation */
};

struct pipe_harness {
    void *ctx;
    void (*begin)(void *ctx, const struct pipe_sink sinks[PIPE_PORTS],
                  struct pipe_harness_port ret_ports[PIPE_PORTS]);
    void (*end)(void *ctx);
    /* Run until done(arg) holds; false when it does not within 30 s of the harness's time. */
    bool (*run_until)(void *ctx, bool (*done)(void *arg), void *arg);
    /* Let that much of the harness's time pass. */
    void (*run_for)(void *ctx, struct pando_span span);
    char nobody[128]; /* a URL where nobody answers */
};

/* Run all tests; returns the number of failed ones (for main to return). */
int pipe_conformance_run(const char *name, struct pipe_harness *harness);

#endif
