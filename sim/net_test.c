/* The virtual network is a link port like the one of real sockets: one suite for both. */
#include "link_conformance.h"

#include "check.h"
#include "crypto/sign.h"
#include "sim/net.h"

#include <stdio.h>

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

static void count_event(void *ctx, const struct link_event *ev)
{
    uint32_t *counts = ctx;
    counts[0] += ev->kind == LINK_UP;
    counts[1] += ev->kind == LINK_DOWN;
}

/* A peer that dies between its answer and the end of the dial leaves no link that lives on
 * by itself: the dialler misses it like any other. */
static int check_answer_of_the_dying(void)
{
    struct harness h = { .net = NULL };
    struct link_harness_port ports[CONFORMANCE_PORTS];
    uint32_t counts[2] = { 0 };
    struct link_sink sinks[CONFORMANCE_PORTS];
    for (uint32_t i = 0; i < CONFORMANCE_PORTS; i++)
        sinks[i] = (struct link_sink){ counts, count_event };
    begin(&h, sinks, ports);
    const struct link_target target = { .address = ports[1].address, .peer = ports[1].id };
    const enum pando_status st = ports[0].port.ops->dial(ports[0].port.ctx, &target, 1);
    run_for(&h, PANDO_MSEC(6)); /* the first packet has arrived */
    net_down(h.net, 1);
    run_for(&h, PANDO_SEC(1));
    const bool came = st == PANDO_OK && counts[0] == 1 && counts[1] == 0;
    run_for(&h, PANDO_SEC(11));
    const bool went = counts[0] == 1 && counts[1] == 1;
    end(&h);
    if (!came || !went)
        (void)fprintf(stderr, "a link to a peer that died while answering: came %d, went %d\n",
                      came, went);
    return came && went ? 0 : 1;
}

int main(void)
{
    struct harness h = { .net = NULL };
    struct link_harness harness = { &h, begin, end, run_until, run_for, { 0 } };
    if (crypto_init() != PANDO_OK)
        return 1;
    net_address(2, &harness.nobody);
    if (check_answer_of_the_dying() != 0)
        return 1;
    return link_conformance_run("link_port over the virtual network", &harness);
}
