/* The virtual network is a link port like the one of real sockets: one suite for both. */
#include "link_conformance.h"

#include "check.h"
#include "crypto/sign.h"
#include "sim/net.h"

struct harness {
    struct sim_queue queue;
    struct net *net;
};

static void begin(void *ctx, const struct link_sink sinks[CONFORMANCE_PORTS],
                  struct link_harness_port ret_ports[CONFORMANCE_PORTS])
{
    struct harness *h = ctx;
    const struct net_config config = {
        .seed = 5,
        .ports = 3,
        .weather = { .latency = PANDO_MSEC(5), .jitter = PANDO_MSEC(5), .loss_permille = 50,
                     .shred = true },
        .idle = PANDO_SEC(10),
        .dial_limit = PANDO_SEC(5),
    };
    queue_init(&h->queue);
    h->net = net_new(&h->queue, &config);
    for (uint32_t i = 0; i < CONFORMANCE_PORTS; i++) {
        struct crypto_secret secret;
        const uint8_t seed[32] = { (uint8_t)(i + 1) };
        crypto_secret_from_seed(seed, &secret);
        const struct pando_key key = crypto_public(&secret);
        ret_ports[i].id = peer_id_from_key(&key);
        ret_ports[i].port = net_port(h->net, i);
        net_address(i, &ret_ports[i].address);
        net_up(h->net, i, &ret_ports[i].id, sinks[i]);
    }
}

static void end(void *ctx)
{
    struct harness *h = ctx;
    net_free(h->net);
    queue_deinit(&h->queue);
}

static void run_for(void *ctx, struct pando_span span)
{
    struct harness *h = ctx;
    const struct pando_time until = pando_time_add(h->queue.now, span);
    while (queue_step(&h->queue, until))
        ;
}

static bool run_until(void *ctx, bool (*done)(void *arg), void *arg)
{
    struct harness *h = ctx;
    const struct pando_time limit = pando_time_add(h->queue.now, PANDO_SEC(30));
    while (!done(arg))
        if (!queue_step(&h->queue, limit))
            return done(arg);
    return true;
}

int main(void)
{
    struct harness h = { .net = NULL };
    struct link_harness harness = { &h, begin, end, run_until, run_for, { 0 } };
    if (crypto_init() != PANDO_OK)
        return 1;
    net_address(2, &harness.nobody);
    return link_conformance_run("link_port over the virtual network", &harness);
}
