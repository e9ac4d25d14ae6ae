/* bench_dag.c - events between real nodes: latency, rate, ten nodes, catch-up.
 *
 * Every node is a process, this program is their client (and forks another where it
 * watches while it writes). A figure is the median of its runs; before each run the
 * machine is calibrated, so that ratios compare the same seconds.
 *
 * Usage: bench_dag [PREFIX]     environment: PANDO, BENCH_DIR, BENCH_LONG=1
 */
#include "api/client.h"
#include "base/slice.h"
#include "bench/calib.h"
#include "bench/world.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY          256
#define RUNS          5
#define SYNC_RUNS     7
#define SYNC_EVENTS   400
#define SYNC_PACE     5000000u /* ns: 200 a second */
#define SYNC_SEQ_MAX  65536
#define RATE_EVENTS   20000
#define MESH_NODES    10
#define MESH_EVENTS   4000
#define CATCH_EVENTS  100000
#define LIMIT_MS      120000

struct bench {
    const char *prefix;
    struct world world;
    struct calib calib;
};

/* One run's calibration: the number of this run alone, and the sample kept. */
static double verify_now(struct bench *b)
{
    calib_run(&b->calib, b->world.dir);
    return b->calib.verify.runs[b->calib.verify.runs_len - 1];
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

static bool any_wanted(const struct bench *b, const char *const *names, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (figure_wanted(names[i], b->prefix))
            return true;
    return false;
}
#define WANTED(b, ...)                                    \
    any_wanted(b, (const char *const[]){ __VA_ARGS__ },   \
               sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* Generated events of 256 bytes on `n`; the id of the last, when all are durable there. */
static void make_events(struct world_node *n, int count, char id[128])
{
    char args[96];
    (void)snprintf(args, sizeof args, "{\"count\":%d,\"size\":%d,\"quiet\":true}", count,
                   BODY);
    if (!conn_text(conn_ask(&n->conn, "dag.append_many", args), "id", id, 128))
        bench_fail("append_many does not say the last id");
}

/* ---- latency ---- */

/* Shared with the watching process: when each of A's events was seen on B. */
struct seen {
    atomic_uint_fast64_t at[SYNC_SEQ_MAX];
};

struct watch {
    struct seen *seen;
    const char *author;
    char line[8192];
    size_t len;
};

static void take_line(struct watch *w, uint64_t now)
{
    double seq = 0;
    char author[80];
    w->line[w->len] = '\0';
    if (conn_text(w->line, "author", author, sizeof author) &&
        strcmp(author, w->author) == 0 && conn_number(w->line, "seq", &seq) &&
        seq < SYNC_SEQ_MAX)
        atomic_store(&w->seen->at[(size_t)seq], now);
    w->len = 0;
}

static bool take_part(void *ctx, struct pando_slice part)
{
    struct watch *w = ctx;
    const uint64_t now = bench_now_ns();
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '\n')
            take_line(w, now);
        else if (w->len + 1 < sizeof w->line)
            w->line[w->len++] = (char)part.ptr[i];
    }
    return true;
}

static pid_t watch_from(const struct world_node *n, const char *author, struct seen *seen)
{
    const pid_t child = fork();
    if (child != 0)
        return child;
    struct watch *w = calloc(1, sizeof *w);
    const struct client_target target = { .socket_path = n->socket,
                                          .timeout = PANDO_SEC(600) };
    const struct client_stream stream = { w, take_part };
    struct pando_err err = { 0 };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (w != NULL) {
        *w = (struct watch){ .seen = seen, .author = author };
        (void)!client_call(&target, "dag.watch", slice_text("{}"), &stream, NULL, &err);
    }
    (void)fprintf(stderr, "bench: the watch ended: %s\n", err.text);
    _exit(1);
}

static const char *append_args(void)
{
    static char args[BODY * 2];
    char text[(BODY + 2) / 3 * 4 + 1];
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[sizeof text - 2] = text[sizeof text - 3] = '='; /* 256 = 3 * 85 + 1 */
    (void)snprintf(args, sizeof args, "{\"kind\":\"data\",\"bytes\":\"%s\"}", text);
    return args;
}

/* 200 events a second on A; from asking A to the line on B, in us. */
static size_t sync_run(struct world_node *a, struct seen *seen, double *us)
{
    static uint64_t sent[SYNC_EVENTS];
    static size_t seqs[SYNC_EVENTS];
    const char *args = append_args();
    uint64_t due = bench_now_ns();
    size_t len = 0;
    for (size_t i = 0; i < SYNC_EVENTS; i++, due += SYNC_PACE) {
        double seq = 0;
        bench_sleep_until(due);
        sent[i] = bench_now_ns();
        if (!conn_number(conn_ask(&a->conn, "dag.append", args), "seq", &seq) ||
            seq >= SYNC_SEQ_MAX)
            bench_fail("append does not say its number");
        seqs[i] = (size_t)seq;
    }
    for (size_t i = 0; i < SYNC_EVENTS; i++) {
        uint64_t at;
        while ((at = atomic_load(&seen->at[seqs[i]])) == 0) {
            bench_sleep_until(bench_now_ns() + 1000000u);
            if (bench_now_ns() > due + 10000000000u)
                bench_fail("event %zu of %d is not seen on B", i, SYNC_EVENTS);
        }
        us[len++] = (double)(at - sent[i]) / 1e3;
    }
    return len;
}

static void bench_sync(struct bench *b)
{
    struct figure ratio = { "dag_sync_p50_vs_floor", "x", 2, false, { 0 }, 0 };
    struct figure p50 = { "dag_sync_p50", "us", 0, false, { 0 }, 0 };
    struct figure p99 = { "dag_sync_p99", "us", 4000, false, { 0 }, 0 };
    struct figure floor = { "dag_sync_floor", "us", 0, false, { 0 }, 0 };
    double us[SYNC_EVENTS];
    struct seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED)
        bench_fail("no shared memory");
    link_two(b);
    struct world_node *a = &b->world.nodes[0];
    const pid_t child = watch_from(&b->world.nodes[1], a->id, seen);
    bench_sleep_until(bench_now_ns() + 1000000000u);
    for (int i = 0; i < SYNC_RUNS; i++) {
        calib_run(&b->calib, b->world.dir);
        figure_add(&floor, calib_floor(b->world.dir));
        const size_t len = sync_run(a, seen, us);
        figure_add(&p50, figure_quantile(us, len, 0.5));
        figure_add(&p99, figure_quantile(us, len, 0.99));
        figure_add(&ratio, p50.runs[i] / floor.runs[i]);
        (void)printf("# run %d: p50 %.0f us, p99 %.0f us, greatest %.0f us, floor %.0f us\n",
                     i, p50.runs[i], p99.runs[i], us[len - 1], floor.runs[i]);
    }
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)munmap(seen, sizeof *seen);
    figure_print(&ratio, b->prefix);
    figure_print(&p50, b->prefix);
    figure_print(&p99, b->prefix);
    figure_print(&floor, b->prefix);
    world_clear(&b->world);
}

/* ---- rate ---- */

static void bench_events(struct bench *b)
{
    struct figure ratio = { "dag_events_vs_verify", "x", 0.3, true, { 0 }, 0 };
    struct figure rate = { "dag_events", "ev/s", 0, true, { 0 }, 0 };
    char id[128];
    link_two(b);
    make_events(&b->world.nodes[0], 1000, id); /* warm */
    if (!world_wait_event(&b->world.nodes[1], id, LIMIT_MS))
        bench_fail("the first events do not arrive");
    for (int i = 0; i < RUNS; i++) {
        const double verify = verify_now(b);
        const uint64_t start = bench_now_ns();
        make_events(&b->world.nodes[0], RATE_EVENTS, id);
        const uint64_t made = bench_now_ns();
        if (!world_wait_event(&b->world.nodes[1], id, LIMIT_MS))
            bench_fail("the events do not arrive");
        const double seconds = (double)(bench_now_ns() - start) / 1e9;
        figure_add(&rate, RATE_EVENTS / seconds);
        figure_add(&ratio, RATE_EVENTS / seconds / (2 * verify));
        (void)printf("# run %d: durable on A after %.3f s, on B after %.3f s\n", i,
                     (double)(made - start) / 1e9, seconds);
    }
    figure_print(&ratio, b->prefix);
    figure_print(&rate, b->prefix);
    world_clear(&b->world);
}

/* ---- ten nodes ---- */

static void bench_mesh(struct bench *b)
{
    struct figure rate = { "dag_events_10n", "ev/s", 2200, true, { 0 }, 0 };
    const size_t hubs[3] = { 0, 1, 2 };
    struct world_node *nodes = b->world.nodes;
    char id[128];
    for (size_t i = 0; i < MESH_NODES; i++)
        (void)world_start(&b->world, hubs, i < 3 ? i : 3);
    for (size_t i = 0; i < MESH_NODES; i++)
        if (!world_wait(&nodes[i], "connected_peers", i < 3 ? 9 : 3, 20000))
            bench_fail("ten nodes do not link");
    for (int i = -1; i < RUNS; i++) {
        const int count = i < 0 ? 500 : MESH_EVENTS;
        calib_run(&b->calib, b->world.dir);
        const uint64_t start = bench_now_ns();
        make_events(&nodes[MESH_NODES - 1], count, id);
        for (size_t n = 0; n < MESH_NODES; n++)
            if (!world_wait_event(&nodes[n], id, LIMIT_MS))
                bench_fail("%s does not get the events", nodes[n].name);
        if (i >= 0)
            figure_add(&rate, count / ((double)(bench_now_ns() - start) / 1e9));
    }
    figure_print(&rate, b->prefix);
    world_clear(&b->world);
}

/* ---- catch-up ---- */

static double event_size(struct world_node *n)
{
    double size = 0;
    if (!conn_number(conn_ask(&n->conn, "dag.ls", "{\"limit\":1,\"kind\":\"data\"}"), "size",
                     &size))
        bench_fail("dag.ls does not say a size");
    return size;
}

struct catch_up {
    struct figure ratio, rate, overhead, relink;
};

static void catch_up_once(struct bench *b, struct catch_up *c)
{
    struct world_node *a = &b->world.nodes[0], *z = &b->world.nodes[1];
    char id[128];
    (void)conn_ask(&a->conn, "link.cut", "{\"peer\":\"all\"}");
    (void)conn_ask(&z->conn, "link.cut", "{\"peer\":\"all\"}");
    make_events(a, CATCH_EVENTS, id);
    const double verify = verify_now(b);
    const uint64_t wire = world_wire_bytes(), start = bench_now_ns();
    (void)conn_ask(&a->conn, "link.heal", "{\"peer\":\"all\"}");
    (void)conn_ask(&z->conn, "link.heal", "{\"peer\":\"all\"}");
    if (!world_wait(z, "connected_peers", 1, LIMIT_MS))
        bench_fail("the link does not heal");
    const uint64_t linked = bench_now_ns();
    if (!world_wait_event(z, id, LIMIT_MS))
        bench_fail("the catch-up does not end");
    const double seconds = (double)(bench_now_ns() - linked) / 1e9;
    const double bytes = (double)(world_wire_bytes() - wire);
    figure_add(&c->relink, (double)(linked - start) / 1e6);
    figure_add(&c->rate, CATCH_EVENTS / seconds);
    figure_add(&c->ratio, CATCH_EVENTS / seconds / (2 * verify));
    figure_add(&c->overhead, bytes / (CATCH_EVENTS * event_size(a)));
}

static void bench_catch_up(struct bench *b)
{
    struct catch_up c = {
        .ratio = { "dag_catchup_vs_verify", "x", 0.4, true, { 0 }, 0 },
        .rate = { "dag_catchup", "ev/s", 0, true, { 0 }, 0 },
        .overhead = { "dag_catchup_overhead", "x", 1.1, false, { 0 }, 0 },
        .relink = { "dag_catchup_relink", "ms", 0, false, { 0 }, 0 },
    };
    link_two(b);
    for (int i = 0; i < RUNS; i++)
        catch_up_once(b, &c);
    figure_print(&c.ratio, b->prefix);
    figure_print(&c.rate, b->prefix);
    figure_print(&c.overhead, b->prefix);
    figure_print(&c.relink, b->prefix);
    world_clear(&b->world);
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        bench_fail("memory is out");
    b->prefix = argc > 1 ? argv[1] : "";
    calib_begin(&b->calib);
    world_begin(&b->world);
    if (WANTED(b, "dag_sync_p50_vs_floor", "dag_sync_p50", "dag_sync_p99"))
        bench_sync(b);
    if (WANTED(b, "dag_events_vs_verify", "dag_events"))
        bench_events(b);
    if (WANTED(b, "dag_events_10n"))
        bench_mesh(b);
    if (WANTED(b, "dag_catchup_vs_verify", "dag_catchup_overhead"))
        bench_catch_up(b);
    calib_print(&b->calib);
    world_end(&b->world);
    free(b);
    return 0;
}
