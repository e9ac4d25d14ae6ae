/* The conformance suite of link_port over real QUIC on loopback. */
#include "check.h"
#include "link_conformance.h"
#include "quic_world.h"

static void begin(void *ctx, const struct link_sink sinks[CONFORMANCE_PORTS],
                  struct link_harness_port ret_ports[CONFORMANCE_PORTS])
{
    struct quic_world *w = ctx;
    world_init(w);
    for (uint8_t i = 0; i < CONFORMANCE_PORTS; i++) {
        struct crypto_secret secret;
        const struct quic_config config = world_config(i, &secret, sinks[i]);
        struct pando_err err = { 0 };
        CHECK_OK(quic_new(&config, &w->quics[i], &err));
        ret_ports[i] = (struct link_harness_port){
            .port = quic_port(w->quics[i]),
            .id = quic_peer_id(w->quics[i]),
            .address = world_address(w->quics[i]),
        };
    }
}

static void end(void *ctx)
{
    world_deinit(ctx);
}

static bool run_until(void *ctx, bool (*done)(void *arg), void *arg)
{
    return world_run_until(ctx, done, arg, PANDO_SEC(30));
}

static void run_for(void *ctx, struct pando_span span)
{
    world_run_for(ctx, span);
}

int main(void)
{
    struct quic_world world;
    struct link_harness harness = { .ctx = &world, .begin = begin, .end = end,
                                    .run_until = run_until, .run_for = run_for };
    const uint8_t loopback[4] = { 127, 0, 0, 1 };
    multiaddr_from_udp(loopback, 4, 9, &harness.nobody);
    return link_conformance_run("link_port over QUIC", &harness);
}
