/* bench_node.c - what a node itself costs: start, link, memory, disk, durable runs.
 *
 * Usage: bench_node [PREFIX]     environment: PANDO, BENCH_DIR, BENCH_LONG=1
 */
#include "base/slice.h"
#include "bench/calib.h"
#include "bench/world.h"
#include "codec/multibase.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS        5
#define STARTS      11
#define LOAD_EVENTS 20000
#define CLIENTS     64
#define RUN_NS      1500000000u
#define MIB         1048576.0
#define LIMIT_MS    300000

struct bench {
    const char *prefix;
    struct world world;
    struct calib calib;
    char capsule[16384]; /* base64 */
};

static void read_capsule(struct bench *b)
{
    uint8_t bytes[8192];
    FILE *f = fopen(PANDO_CAPSULE_DIR "/hello.wasm", "rbe");
    const size_t got = f == NULL ? 0 : fread(bytes, 1, sizeof bytes, f);
    if (f != NULL)
        (void)fclose(f);
    if (got == 0 || multibase_encode(MULTIBASE_64, slice_of(bytes, got), b->capsule,
                                     sizeof b->capsule) != PANDO_OK)
        bench_fail("cannot read %s", PANDO_CAPSULE_DIR "/hello.wasm");
}

static void link_two(struct bench *b)
{
    const size_t first = 0;
    (void)world_start(&b->world, NULL, 0);
    (void)world_start(&b->world, &first, 1);
    for (size_t i = 0; i < 2; i++)
        if (!world_wait(&b->world.nodes[i], "connected_peers", 1, 10000))
            bench_fail("two nodes do not link");
}

static void bench_start(struct bench *b)
{
    struct figure first = { "node_start", "ms", 50, false, { 0 }, 0 };
    struct figure again = { "node_restart", "ms", 0, false, { 0 }, 0 };
    for (int i = 0; i < STARTS; i++) {
        uint64_t ns;
        if (i % 2 == 0)
            calib_run(&b->calib, b->world.dir);
        const uint64_t start = bench_now_ns();
        struct world_node *n = world_start(&b->world, NULL, 0);
        figure_add(&first, (double)(bench_now_ns() - start) / 1e6);
        world_stop(n);
        world_run(&b->world, n, NULL, 0, &ns);
        figure_add(&again, (double)ns / 1e6);
        world_clear(&b->world);
    }
    figure_print(&first, b->prefix);
    figure_print(&again, b->prefix);
}

/* From the order to dial until both sides have identified each other. */
static void bench_link(struct bench *b)
{
    struct figure link = { "node_link", "ms", 20, false, { 0 }, 0 };
    for (int i = 0; i < RUNS; i++) {
        char args[64];
        calib_run(&b->calib, b->world.dir);
        (void)world_start(&b->world, NULL, 0);
        (void)world_start(&b->world, NULL, 0);
        struct world_node *a = &b->world.nodes[0], *z = &b->world.nodes[1];
        (void)snprintf(args, sizeof args, "{\"address\":\"127.0.0.1:%u\"}", a->port);
        bench_sleep_until(bench_now_ns() + 300000000u);
        const uint64_t start = bench_now_ns();
        (void)conn_ask(&z->conn, "peer.add", args);
        if (!world_wait(z, "connected_peers", 1, 10000) ||
            !world_wait(a, "connected_peers", 1, 10000))
            bench_fail("two nodes do not link");
        figure_add(&link, (double)(bench_now_ns() - start) / 1e6);
        world_clear(&b->world);
    }
    figure_print(&link, b->prefix);
}

static void make_events(struct bench *b, int count)
{
    char args[96], id[128];
    (void)snprintf(args, sizeof args, "{\"count\":%d,\"size\":256,\"quiet\":true}", count);
    if (!conn_text(conn_ask(&b->world.nodes[0].conn, "dag.append_many", args), "id", id,
                   sizeof id) ||
        !world_wait_event(&b->world.nodes[1], id, LIMIT_MS))
        bench_fail("the events do not arrive");
}

static void bench_rss(struct bench *b)
{
    struct figure rss = { "node_rss_idle", "MiB", 12, false, { 0 }, 0 };
    struct figure fresh = { "node_rss_fresh", "MiB", 0, false, { 0 }, 0 };
    link_two(b);
    calib_run(&b->calib, b->world.dir);
    figure_add(&fresh, world_memory(&b->world.nodes[0], "RssAnon") / MIB);
    figure_add(&fresh, world_memory(&b->world.nodes[1], "RssAnon") / MIB);
    for (int i = 0; i < RUNS; i++) {
        make_events(b, LOAD_EVENTS / RUNS);
        (void)printf("# after %d events: RssAnon %.1f and %.1f MiB\n",
                     (i + 1) * (LOAD_EVENTS / RUNS),
                     world_memory(&b->world.nodes[0], "RssAnon") / MIB,
                     world_memory(&b->world.nodes[1], "RssAnon") / MIB);
    }
    bench_sleep_until(bench_now_ns() + 10000000000u); /* gossip keeps messages for 5 s */
    for (int i = 0; i < 2 * RUNS; i++) {
        bench_sleep_until(bench_now_ns() + 500000000u);
        figure_add(&rss, world_memory(&b->world.nodes[i % 2], "RssAnon") / MIB);
    }
    figure_print(&rss, b->prefix);
    figure_print(&fresh, b->prefix);
    world_clear(&b->world);
}

/* As the two-node demo: a dozen runs of a capsule on either side. */
static void bench_demo_store(struct bench *b)
{
    struct figure disk = { "node_store_demo", "MiB", 10, false, { 0 }, 0 };
    char args[sizeof b->capsule + 64];
    link_two(b);
    (void)snprintf(args, sizeof args, "{\"capsule\":\"%s\",\"input_text\":\"Alice\"}",
                   b->capsule);
    for (int i = 0; i < 12; i++)
        (void)conn_ask(&b->world.nodes[i % 2].conn, "exec.run", args);
    if (!world_wait(&b->world.nodes[0], "receipt_count", 12, 10000) ||
        !world_wait(&b->world.nodes[1], "receipt_count", 12, 10000))
        bench_fail("the receipts do not arrive");
    figure_add(&disk, (world_disk(&b->world.nodes[0]) + world_disk(&b->world.nodes[1])) / MIB);
    for (size_t i = 0; i < 2; i++)
        world_stop(&b->world.nodes[i]);
    figure_add(&disk, (world_disk(&b->world.nodes[0]) + world_disk(&b->world.nodes[1])) / MIB);
    figure_print(&disk, b->prefix);
    world_clear(&b->world);
}

static void bench_store(struct bench *b)
{
    struct figure disk = { "node_store_per_event", "B", 1000, false, { 0 }, 0 };
    const char *long_mode = getenv("BENCH_LONG");
    const int rounds = long_mode != NULL && long_mode[0] == '1' ? 10 : 1;
    link_two(b);
    calib_run(&b->calib, b->world.dir);
    for (int i = 0; i < rounds; i++)
        make_events(b, 100000);
    for (size_t i = 0; i < 2; i++) {
        const double events = world_status(&b->world.nodes[i], "dag_events");
        world_stop(&b->world.nodes[i]);
        figure_add(&disk, world_disk(&b->world.nodes[i]) / events);
    }
    (void)printf("# node_store_per_event: %d events of 256 B body%s; both nodes\n",
                 rounds * 100000, rounds == 1 ? " (BENCH_LONG=1 makes it 1 M)" : "");
    figure_print(&disk, b->prefix);
    world_clear(&b->world);
}

/* ---- runs of a capsule, their receipts durable, from many clients at once ---- */

static double exec_run_once(struct conn *clients, const char *args)
{
    struct pollfd fds[CLIENTS];
    double done = 0;
    const uint64_t start = bench_now_ns();
    uint64_t now = start;
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
        conn_send(&clients[i], "exec.run", args);
    }
    for (size_t open = CLIENTS; open > 0;) {
        if (poll(fds, CLIENTS, 30000) <= 0)
            bench_fail("runs are not answered");
        now = bench_now_ns();
        for (size_t i = 0; i < CLIENTS; i++) {
            if (fds[i].revents == 0 || !conn_read(&clients[i]))
                continue;
            if (clients[i].status != 200)
                bench_fail("exec.run: %.300s", clients[i].body);
            done++;
            if (now - start < RUN_NS) {
                conn_send(&clients[i], "exec.run", args);
                continue;
            }
            fds[i].fd = -1;
            open--;
        }
    }
    return done * 1e9 / (double)(now - start);
}

static void bench_exec_durable(struct bench *b)
{
    struct figure rate = { "exec_durable_rate", "run/s", 10000, true, { 0 }, 0 };
    struct conn clients[CLIENTS];
    char args[sizeof b->capsule + 64], cid[128];
    struct world_node *n = world_start(&b->world, NULL, 0);
    (void)snprintf(args, sizeof args, "{\"capsule\":\"%s\",\"input_text\":\"Alice\"}",
                   b->capsule);
    const char *said = conn_ask(&n->conn, "exec.run", args);
    if (!conn_text(said, "capsule", cid, sizeof cid) &&
        !conn_text(said, "capsule_id", cid, sizeof cid))
        bench_fail("exec.run does not name the capsule: %.300s", said);
    (void)snprintf(args, sizeof args, "{\"capsule_id\":\"%s\",\"input_text\":\"Alice\"}", cid);
    for (size_t i = 0; i < CLIENTS; i++)
        conn_open(&clients[i], n->socket);
    (void)exec_run_once(clients, args);
    for (int i = 0; i < RUNS; i++) {
        calib_run(&b->calib, b->world.dir);
        figure_add(&rate, exec_run_once(clients, args));
    }
    for (size_t i = 0; i < CLIENTS; i++)
        conn_close(&clients[i]);
    figure_print(&rate, b->prefix);
    world_clear(&b->world);
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        bench_fail("memory is out");
    b->prefix = argc > 1 ? argv[1] : "";
    read_capsule(b);
    calib_begin(&b->calib);
    world_begin(&b->world);
    const struct {
        const char *name;
        void (*run)(struct bench *);
    } all[] = {
        { "node_start", bench_start },           { "node_link", bench_link },
        { "node_rss_idle", bench_rss },          { "node_store_demo", bench_demo_store },
        { "node_store_per_event", bench_store }, { "exec_durable_rate", bench_exec_durable },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (figure_wanted(all[i].name, b->prefix))
            all[i].run(b);
    calib_print(&b->calib);
    world_end(&b->world);
    free(b);
    return 0;
}
