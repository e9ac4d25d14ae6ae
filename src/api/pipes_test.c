/* The transport behind the api, both roles: the suite that the simulator runs too, over plain
 * sockets and over TLS. */
#include "pipe_conformance.h"
#include "pipe_world.h"

#include "check.h"

#include <stdlib.h>

struct harness {
    struct pipe_world world;
    bool tls;
};

#define TLS_DIR PANDO_SOURCE_DIR "/tests/vectors/tls/"

static void begin(void *ctx, const struct pipe_sink sinks[PIPE_PORTS],
                  struct pipe_harness_port ret_ports[PIPE_PORTS])
{
    struct harness *h = ctx;
    const struct pipe_world_config config = {
        .sinks = { sinks[0], sinks[1] },
        .tls_cert = h->tls ? TLS_DIR "server.crt" : NULL,
        .tls_key = h->tls ? TLS_DIR "server.key" : NULL,
        .ca = h->tls ? TLS_DIR "ca.crt" : NULL,
    };
    pipe_world_begin(&h->world, &config);
    for (int i = 0; i < PIPE_PORTS; i++) {
        ret_ports[i].port = ws_port(h->world.machines[i].ws);
        (void)snprintf(ret_ports[i].url, sizeof ret_ports[i].url,
                       h->tls ? "wss://localhost:%u/federation" : "ws://127.0.0.1:%u/federation",
                       api_port(h->world.machines[i].api));
    }
}

static void end(void *ctx)
{
    pipe_world_end(&((struct harness *)ctx)->world);
}

static bool run_until(void *ctx, bool (*done)(void *arg), void *arg)
{
    struct harness *h = ctx;
    const struct pando_time limit = pando_time_add(pipe_world_now(&h->world), PANDO_SEC(30));
    while (!done(arg)) {
        if (pando_time_reached(limit, pipe_world_now(&h->world)))
            return false;
        pipe_world_serve(&h->world, 20);
    }
    return true;
}

/* Time jumps where nothing is going on. */
static void run_for(void *ctx, struct pando_span span)
{
    struct harness *h = ctx;
    for (int i = 0; i < 20; i++)
        pipe_world_serve(&h->world, 1);
    h->world.ahead.ns += span.ns;
    for (int i = 0; i < 20; i++)
        pipe_world_serve(&h->world, 1);
}

int main(void)
{
    static struct harness plain, tls = { .tls = true };
    struct pipe_harness a = { &plain, begin, end, run_until, run_for, "ws://127.0.0.1:1/federation" };
    struct pipe_harness b = { &tls, begin, end, run_until, run_for, "wss://localhost:1/federation" };
    return pipe_conformance_run("pipes over sockets", &a) +
           pipe_conformance_run("pipes over TLS", &b);
}
