/* link_conformance.h - what every implementation of struct link_port must do.
 *
 * src/net (QUIC) and sim/ (the virtual network) run the same suite. A harness makes two
 * ports that can reach each other, and lets time pass until a condition holds; whether
 * that time is real or virtual is its own affair.
 */
#ifndef TESTS_LINK_CONFORMANCE_H
#define TESTS_LINK_CONFORMANCE_H

#include "net/link.h"

#define CONFORMANCE_PORTS 2

struct link_harness_port {
    struct link_port port;
    struct peer_id id;
    struct multiaddr address; /* where the other one dials it */
};

struct link_harness {
    void *ctx;
    /* Make two fresh ports whose events go to `sinks`. */
    void (*begin)(void *ctx, const struct link_sink sinks[CONFORMANCE_PORTS],
                  struct link_harness_port ret_ports[CONFORMANCE_PORTS]);
    void (*end)(void *ctx);
    /* Run until done(arg) holds; false when it does not within 30 s of the harness's time. */
    bool (*run_until)(void *ctx, bool (*done)(void *arg), void *arg);
    /* Let that much of the harness's time pass. */
    void (*run_for)(void *ctx, struct pando_span span);
    /* A reachable address where nobody answers. */
    struct multiaddr nobody;
};

/* Run all tests; returns the number of failed ones (for main to return). */
int link_conformance_run(const char *name, struct link_harness *harness);

#endif
