/* The virtual WebSockets run the suite of the real ones, and what only they can show. */
#include "pipe_conformance.h"

#include "base/slice.h"
#include "check.h"
#include "sim/pipes.h"

#include <stdio.h>

struct harness {
    struct sim_queue queue;
    struct net *net;
    struct pipes *pipes;
};

static enum pando_status takes(void *ctx, const char *path, struct pando_err *reterr)
{
    (void)ctx, (void)reterr;
    return strcmp(path, "/federation") == 0 ? PANDO_OK : PANDO_NOT_FOUND;
}

static void begin(void *ctx, const struct pipe_sink sinks[PIPE_PORTS],
                  struct pipe_harness_port ret_ports[PIPE_PORTS])
{
    struct harness *h = ctx;
    const struct net_config config = {
        .seed = 5,
        .ports = 3,
        .weather = { .latency = PANDO_MSEC(5), .jitter = PANDO_MSEC(5) },
        .idle = PANDO_SEC(10),
        .dial_limit = PANDO_SEC(5),
    };
    queue_init(&h->queue);
    h->net = net_new(&h->queue, &config);
    h->pipes = pipes_new(&h->queue, h->net, 6, 3, PANDO_SEC(10));
    for (uint32_t i = 0; i < PIPE_PORTS; i++) {
        const struct pipes_owner owner = { sinks[i], takes };
        pipes_up(h->pipes, i, &owner);
        ret_ports[i].port = pipes_port(h->pipes, i);
        (void)snprintf(ret_ports[i].url, sizeof ret_ports[i].url, "ws://n%u:9000/federation", i);
    }
}

static void run_for(void *ctx, struct pando_span span)
{
    struct harness *h = ctx;
    const struct pando_time until = pando_time_add(h->queue.now, span);
    while (queue_step(&h->queue, until))
        ;
}

static void end(void *ctx)
{
    struct harness *h = ctx;
    for (uint32_t i = 0; i < PIPE_PORTS; i++)
        pipes_down(h->pipes, i);
    run_for(h, PANDO_SEC(100));
    pipes_free(h->pipes);
    net_free(h->net);
    queue_deinit(&h->queue);
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

static struct harness shared;

struct counts {
    int open, text, closed;
    uint32_t pipe;
    enum pando_status status;
};

static void count(void *ctx, const struct pipe_event *ev)
{
    struct counts *c = ctx;
    c->open += ev->kind == PIPE_OPEN;
    c->text += ev->kind == PIPE_TEXT;
    c->closed += ev->kind == PIPE_CLOSED;
    c->status = ev->status;
    if (ev->kind == PIPE_OPEN)
        c->pipe = ev->pipe;
}

static void open_two(struct counts seen[PIPE_PORTS], struct pipe_harness_port ports[PIPE_PORTS])
{
    struct pipe_sink sinks[PIPE_PORTS];
    struct pando_err err;
    for (int i = 0; i < PIPE_PORTS; i++)
        sinks[i] = (struct pipe_sink){ &seen[i], count };
    begin(&shared, sinks, ports);
    CHECK_OK(ports[0].port.ops->dial(ports[0].port.ctx, slice_text(ports[1].url), 1, &err));
    run_for(&shared, PANDO_MSEC(50));
    CHECK_EQ(seen[0].open + seen[1].open, 2);
}

static void say(const struct pipe_harness_port *port, uint32_t pipe)
{
    port->port.ops->send(port->port.ctx, pipe, bytes_copy(slice_text("hello")));
}

static void a_cut_path_delays_and_a_long_cut_kills(void **state)
{
    (void)state;
    struct counts seen[PIPE_PORTS] = { 0 };
    struct pipe_harness_port ports[PIPE_PORTS];
    open_two(seen, ports);
    net_cut(shared.net, 0, 1, true);
    say(&ports[0], seen[0].pipe);
    run_for(&shared, PANDO_SEC(5));
    CHECK_EQ(seen[1].text, 0);
    net_heal(shared.net);
    run_for(&shared, PANDO_SEC(1));
    CHECK_EQ(seen[1].text, 1);
    net_cut(shared.net, 0, 1, true);
    say(&ports[0], seen[0].pipe);
    run_for(&shared, PANDO_SEC(12));
    CHECK_EQ(seen[0].closed, 1);
    CHECK_EQ(seen[1].closed, 1);
    CHECK_EQ(seen[0].status, PANDO_TIMEOUT);
    end(&shared);
}

static void a_crashed_machine_is_missed_at_the_idle_limit(void **state)
{
    (void)state;
    struct counts seen[PIPE_PORTS] = { 0 };
    struct pipe_harness_port ports[PIPE_PORTS];
    open_two(seen, ports);
    pipes_down(shared.pipes, 1);
    run_for(&shared, PANDO_SEC(9));
    CHECK_EQ(seen[0].closed, 0);
    run_for(&shared, PANDO_SEC(2));
    CHECK_EQ(seen[0].closed, 1);
    CHECK_EQ(seen[1].closed, 0); /* nobody is told there */
    end(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_path_delays_and_a_long_cut_kills),
        TEST(a_crashed_machine_is_missed_at_the_idle_limit),
    };
    struct pipe_harness harness = { &shared, begin, end, run_until, run_for,
                                    "ws://n2:9000/federation" };
    return CHECK_RUN(tests) + pipe_conformance_run("pipes over the virtual network", &harness);
}
