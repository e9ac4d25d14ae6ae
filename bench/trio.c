#include "bench/trio.h"

#include "bench/figure.h"

#include <stdio.h>
#include <string.h>

#define POLL_NS 2000000u

void trio_run(struct world *w, struct world_node *n)
{
    size_t peers[TRIO], len = 0;
    for (size_t i = 0; i < w->nodes_len; i++)
        if (&w->nodes[i] != n && w->nodes[i].pid > 0)
            peers[len++] = i;
    world_run(w, n, peers, len, NULL);
}

void trio_begin(struct world *w)
{
    char config[200];
    w->quiet = true; /* a line for each message is not what is measured */
    for (size_t i = 1; i <= TRIO; i++) {
        (void)snprintf(config, sizeof config,
                       "log:\n  level: warning\nspaces:\n  - {name: chat, kind: log, "
                       "settings: '{\"id\":%zu,\"members\":[1,2,3]}'}\n", i);
        trio_run(w, world_place(w, config));
    }
    struct world_node *leader = trio_await_leader(w, 20000);
    for (size_t i = 0; i < TRIO; i++)
        if (!world_wait(&w->nodes[i], "connected_peers", TRIO - 1, 10000))
            bench_fail("the members do not link");
    (void)leader;
    bench_sleep_until(bench_now_ns() + 500000000u); /* the start window may hand over */
    (void)trio_await_leader(w, 20000);
}

struct world_node *trio_leader(struct world *w)
{
    for (size_t i = 0; i < w->nodes_len; i++) {
        struct world_node *n = &w->nodes[i];
        if (n->pid <= 0)
            continue;
        const char *status = conn_ask(&n->conn, "log.status", "{}");
        if (strstr(status, "\"role\":\"LEADER\"") != NULL &&
            strstr(status, "\"quorum\":true") != NULL)
            return n;
    }
    return NULL;
}

struct world_node *trio_await_leader(struct world *w, uint64_t limit_ms)
{
    const uint64_t end = bench_now_ns() + limit_ms * 1000000u;
    for (;;) {
        struct world_node *n = trio_leader(w);
        if (n != NULL)
            return n;
        if (bench_now_ns() > end)
            bench_fail("nobody leads within %llu ms", (unsigned long long)limit_ms);
        bench_sleep_until(bench_now_ns() + POLL_NS);
    }
}

double trio_number(struct world_node *n, const char *name)
{
    double value = 0;
    if (!conn_number(conn_ask(&n->conn, "log.status", "{}"), name, &value))
        bench_fail("the log of %s does not say its %s", n->name, name);
    return value;
}

bool trio_await_messages(struct world_node *n, double least, uint64_t limit_ms)
{
    const uint64_t end = bench_now_ns() + limit_ms * 1000000u;
    while (trio_number(n, "messages") < least) {
        if (bench_now_ns() > end)
            return false;
        bench_sleep_until(bench_now_ns() + POLL_NS);
    }
    return true;
}

void trio_settle(struct world *w)
{
    const double all = trio_number(trio_await_leader(w, 20000), "messages");
    for (size_t i = 0; i < w->nodes_len; i++)
        if (!trio_await_messages(&w->nodes[i], all, 60000))
            bench_fail("%s does not get the messages", w->nodes[i].name);
}
