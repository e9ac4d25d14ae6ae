/* bench_delta_link.c - two real nodes that hold a delta space, over QUIC on loopback.
 *
 * Deltas of 273 bytes of JSON, imported into the first node before the clock starts. The second
 * node, empty, is told where the first is; the clock ends when it holds all of them durable (none
 * on its way), and gives the newest by its id. `delta_link_sync_100k` is that time for 100,000;
 * `delta_link_rate` is the rate of 300,000, link and first comparison included.
 *
 * Both nodes, their disks and the asking program share this machine's cores. The hashed floor
 * (`delta_floor_rate`) is what one core does when it only hashes such deltas and appends them to
 * a file, 256 at a time, each batch made durable.
 *
 * Usage: bench_delta_link [PREFIX]     environment: PANDO, BENCH_DIR, RUNS (3)
 */
#include "base/slice.h"
#include "bench/calib.h"
#include "bench/world.h"
#include "crypto/sign.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON_BYTES 273
#define AT_ONCE    20000 /* lines of one import */
#define FIRST      100000
#define MANY       300000
#define LIMIT_NS   300000000000u
#define POLL_NS    4000000u

static size_t print_delta(size_t i, char *to)
{
    char value[JSON_BYTES];
    memset(value, 'v', sizeof value);
    const int around = snprintf(
        to, JSON_BYTES + 2,
        "{\"id\":\"%08zx-%04zx-4000-8000-%012zx\",\"timestamp\":%zu,\"author\":\"author_%zu\","
        "\"system\":\"system_1\",\"pointers\":[{\"role\":\"named\",\"target\":{\"id\":"
        "\"object_%06zu\",\"context\":\"name\"}},{\"role\":\"name\",\"target\":\"",
        i * 2654435761u & 0xffffffff, i & 0xffff, i, (size_t)1700000000000 + i, i % 8, i / 100);
    const int len = snprintf(to + around, (size_t)(JSON_BYTES + 2 - around), "%.*s\"}]}",
                             JSON_BYTES - around - 4, value);
    return (size_t)(around + len);
}

static void import(struct world_node *n, size_t from, size_t to)
{
    const size_t cap = 16 + AT_ONCE * (size_t)(JSON_BYTES + 1);
    char *body = malloc(cap);
    if (body == NULL)
        bench_fail("memory is out");
    for (size_t i = from; i < to;) {
        size_t len = 3;
        memcpy(body, "\x02""db", len);
        for (size_t k = 0; k < AT_ONCE && i < to; k++, i++) {
            char line[JSON_BYTES + 2];
            const size_t line_len = print_delta(i, line);
            if (line_len != JSON_BYTES)
                bench_fail("a delta of %zu bytes", line_len);
            memcpy(body + len, line, line_len);
            len += line_len;
            body[len++] = '\n';
        }
        body[len] = '\0';
        double fresh = 0;
        if (!conn_number(conn_ask(&n->conn, "delta.import", body), "new", &fresh) || fresh < 1)
            bench_fail("nothing was imported");
    }
    free(body);
}

/* Whether all are held, durable. */
static bool holds(struct world_node *n, size_t count)
{
    double held = 0, onway = 0;
    const char *said = conn_ask(&n->conn, "delta.stats", "{\"space\":\"db\"}");
    if (!conn_number(said, "totalDeltas", &held) || !conn_number(said, "onTheirWay", &onway))
        bench_fail("no count: %.200s", said);
    return held >= (double)count && onway < 1;
}

static void await(struct world_node *n, size_t count, uint64_t start)
{
    char line[JSON_BYTES + 2], id[64], args[96];
    while (!holds(n, count)) {
        const uint64_t now = bench_now_ns();
        if (now - start > LIMIT_NS)
            bench_fail("%s does not get all %zu deltas", n->name, count);
        bench_sleep_until(now + POLL_NS);
    }
    (void)print_delta(count - 1, line);
    if (!conn_text(line, "id", id, sizeof id))
        bench_fail("a delta without id");
    (void)snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    (void)conn_ask(&n->conn, "delta.get", args);
}

static struct world_node *node_with_space(struct world *w)
{
    struct world_node *n = world_start(w, NULL, 0);
    (void)conn_ask(&n->conn, "space.create", "{\"name\":\"db\",\"kind\":\"delta\"}");
    return n;
}

/* Microseconds that a node computed so far, of all threads. */
static double cpu_us(const struct world_node *n)
{
    char path[64], text[1024] = "";
    unsigned long long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)n->pid);
    FILE *f = fopen(path, "re");
    if (f == NULL || fgets(text, sizeof text, f) == NULL)
        bench_fail("cannot read %s", path);
    (void)fclose(f);
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 14; field++)
        at = strchr(at + 1, ' ');
    char *end = NULL;
    if (at != NULL) {
        user = strtoull(at, &end, 10);
        system = strtoull(end, NULL, 10);
    }
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* Nanoseconds from the order to dial until the second node holds all. */
static double sync_once(struct world *w, size_t count)
{
    char args[64];
    struct world_node *a = node_with_space(w), *b = node_with_space(w);
    import(a, 0, count);
    await(a, count, bench_now_ns());
    bench_sleep_until(bench_now_ns() + 500000000u);
    (void)snprintf(args, sizeof args, "{\"address\":\"127.0.0.1:%u\"}", a->port);
    const double cpu_a = cpu_us(a), cpu_b = cpu_us(b);
    const uint64_t start = bench_now_ns();
    (void)conn_ask(&b->conn, "peer.add", args);
    await(b, count, start);
    const double ns = (double)(bench_now_ns() - start);
    (void)printf("# %zu deltas in %.0f ms; %.2f us of each computed by the giver, %.2f by the "
                 "taker; RssAnon %.1f and %.1f MiB\n",
                 count, ns / 1e6, (cpu_us(a) - cpu_a) / (double)count,
                 (cpu_us(b) - cpu_b) / (double)count, world_memory(a, "RssAnon") / 1048576,
                 world_memory(b, "RssAnon") / 1048576);
    world_clear(w);
    return ns;
}

/* Hash, append, make durable: nothing less holds what came. */
static double floor_rate(const struct world *w)
{
    char path[sizeof w->dir + 16], line[JSON_BYTES + 2];
    static uint8_t batch[256 * JSON_BYTES];
    (void)snprintf(path, sizeof path, "%s/floor", w->dir);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const uint64_t start = bench_now_ns();
    size_t len = 0;
    for (size_t i = 0; i < FIRST; i++) {
        (void)print_delta(i, line);
        const struct pando_id hash = crypto_sha256(slice_of((const uint8_t *)line, JSON_BYTES));
        memcpy(line + 8, hash.bytes, 8); /* it is used */
        memcpy(batch + len, line, JSON_BYTES);
        len += JSON_BYTES;
        if (len < sizeof batch && i + 1 < FIRST)
            continue;
        if (write(fd, batch, len) != (ssize_t)len || fdatasync(fd) != 0)
            bench_fail("cannot write %s", path);
        len = 0;
    }
    const double ns = (double)(bench_now_ns() - start);
    (void)close(fd);
    (void)unlink(path);
    return FIRST * 1e9 / ns;
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "", *text = getenv("RUNS");
    const int runs = text != NULL ? atoi(text) : 3;
    struct figure sync = { "delta_link_sync_100k", "ms", 400, false, { 0 }, 0 };
    struct figure rate = { "delta_link_rate", "delta/s", 150000, true, { 0 }, 0 };
    struct figure ground = { "delta_floor_rate", "delta/s", 0, false, { 0 }, 0 };
    struct calib calib;
    struct world w;
    if (crypto_init() != PANDO_OK)
        bench_fail("no cryptography");
    calib_begin(&calib);
    world_begin(&w);
    for (int i = 0; i < runs; i++) {
        calib_run(&calib, w.dir);
        figure_add(&ground, floor_rate(&w));
        if (figure_wanted(sync.name, prefix))
            figure_add(&sync, sync_once(&w, FIRST) / 1e6);
        if (figure_wanted(rate.name, prefix))
            figure_add(&rate, MANY * 1e9 / sync_once(&w, MANY));
    }
    if (figure_wanted(sync.name, prefix))
        figure_print(&sync, prefix);
    if (figure_wanted(rate.name, prefix))
        figure_print(&rate, prefix);
    figure_print(&ground, "");
    calib_print(&calib);
    world_end(&w);
    return EXIT_SUCCESS;
}
