/* A delta space over WebSocket, with real nodes.
 *
 *   delta_ws_rate        a client that sends messages of the type delta, WINDOW of them not
 *                        acked, until COUNT are acked (so durable) and the node returns the last
 *   delta_rss_100k       RssAnon of that node, which then holds COUNT
 *   delta_ws_sync_100k   another node links with it by fed.connect: until it holds all of them
 *   delta_event_p50/p99  create on one node until it has answered and a watcher on the other is
 *                        told, 200/s: durable on both then, for neither answers nor shows what is not
 *   delta_event_floor    the median of the same between two processes that only write, pass on and
 *                        fdatasync (floor_event.h)
 *   delta_ws_floor       what a process does at least: reads the same bytes from a socket, hashes
 *                        each delta twice (its name, its digest), appends it to a file, fdatasyncs
 *                        what came together, answers with a number
 *
 * Each delta is 273 bytes of JSON. The client is a process of its own on the same two cores; its
 * frames are laid out before the clock runs. */
#include "base/slice.h"
#include "bench/calib.h"
#include "bench/floor_event.h"
#include "bench/world.h"
#include "crypto/sign.h"
#include "net/pipe.h"
#include "ws/frames.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT      100000
#define DELTA_LEN  273
#define WINDOW     4096
#define RUNS       3
#define EVENTS     1000
#define EVENTS_NS  5000000u /* 200/s */
#define LIMIT_NS   120000000000u
#define FRAME_ROOM 420

struct bench {
    const char *prefix;
    struct world world;
    struct calib calib;
    struct pando_buf frames; /* of all deltas */
    size_t *ends;            /* of each in `frames` */
    struct figure rate, floor, sync, rss, p50, p99, least;
};

/* ---- deltas ---- */

/* The n-th delta: DELTA_LEN bytes of JSON. */
static void lay_delta(size_t n, char ret[static DELTA_LEN + 1])
{
    const int len = snprintf(
        ret, DELTA_LEN + 1,
        "{\"id\":\"5f0c1e7a-3b52-4c6e-9d1f-%012zu\",\"timestamp\":%zu,\"author\":\"alice\","
        "\"system\":\"client_1\",\"pointers\":[{\"role\":\"named\",\"target\":{\"id\":"
        "\"product_%06zu\",\"context\":\"name\"}},{\"role\":\"name\",\"target\":\"",
        n, (size_t)1700000000000 + n, n / 4);
    for (size_t i = (size_t)len; i < DELTA_LEN - 4; i++)
        ret[i] = (char)('a' + (n + i) % 26);
    memcpy(ret + DELTA_LEN - 4, "\"}]}", 5);
}

static void lay_frames(struct bench *b)
{
    struct ws_frames *f;
    char delta[DELTA_LEN + 1], message[FRAME_ROOM];
    buf_init(&b->frames, (size_t)COUNT * FRAME_ROOM);
    b->ends = calloc(COUNT, sizeof *b->ends);
    if (b->ends == NULL || ws_frames_new(WS_CLIENT, PIPE_MESSAGE_MAX, 7, &f) != PANDO_OK)
        bench_fail("memory is out");
    for (size_t n = 0; n < COUNT; n++) {
        lay_delta(n, delta);
        (void)snprintf(message, sizeof message,
                       "{\"type\":\"delta\",\"timestamp\":%zu,\"delta\":%s}",
                       (size_t)1700000000000 + n, delta);
        if (ws_frames_put_text(f, slice_text(message), &b->frames) != PANDO_OK)
            bench_fail("memory is out");
        b->ends[n] = b->frames.len;
    }
    ws_frames_free(f);
}

/* ---- a client of the protocol ---- */

struct client {
    int fd;
    uint8_t in[1u << 17];
    size_t in_len;
    size_t acked;
    bool greeted;
};

static void send_all(int fd, const void *bytes, size_t len)
{
    for (const uint8_t *at = bytes; len > 0;) {
        const ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            bench_fail("the node took no more bytes");
        at += sent;
        len -= (size_t)sent;
    }
}

static int dial(uint16_t port)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        bench_fail("nothing listens on port %u", port);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

/* One message of the node. */
static void take_message(struct client *c, struct pando_slice text)
{
    static const char ack[] = "{\"type\":\"delta_ack\"", hello[] = "{\"type\":\"hello_ack\"";
    if (text.len > sizeof ack && memcmp(text.ptr, ack, sizeof ack - 1) == 0)
        c->acked++;
    else if (text.len > sizeof hello && memcmp(text.ptr, hello, sizeof hello - 1) == 0)
        c->greeted = true;
    else
        bench_fail("the node says %.*s", (int)text.len, (const char *)text.ptr);
}

/* The frame at the head of what came, unmasked as a server's are; 0: it is not whole yet. */
static size_t take_frame(struct client *c, const uint8_t *p, size_t left)
{
    if (left < 4)
        return 0;
    const size_t head = p[1] == 126 ? 4 : 2;
    const size_t len = p[1] == 126 ? (size_t)p[2] << 8 | p[3] : p[1];
    if (p[1] > 126)
        bench_fail("the node sent a frame of over 64 KiB");
    if (left < head + len)
        return 0;
    if (p[0] != 0x81)
        bench_fail("the node sent a frame that is no text");
    take_message(c, slice_of(p + head, len));
    return head + len;
}

static bool take_input(struct client *c)
{
    size_t at = 0, len;
    const ssize_t got = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
    if (got == 0)
        bench_fail("the node closed the connection");
    if (got < 0)
        return false;
    c->in_len += (size_t)got;
    while ((len = take_frame(c, c->in + at, c->in_len - at)) > 0)
        at += len;
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    return true;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    if (poll(&p, 1, 60000) <= 0)
        bench_fail("the node is silent");
}

static void greet(struct client *c, uint16_t port)
{
    static const char upgrade[] = "GET /federation HTTP/1.1\r\nHost: localhost\r\n"
                                  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";
    static const char hello[] = "{\"type\":\"hello\",\"timestamp\":1,\"systemId\":\"client_1\","
                                "\"config\":{\"mode\":\"push\"},\"protocol\":"
                                "\"rhizomedb-federation-v1\"}";
    struct ws_frames *f;
    struct pando_buf b;
    char head[1024] = { 0 };
    *c = (struct client){ .fd = dial(port) };
    send_all(c->fd, upgrade, sizeof upgrade - 1);
    wait_for(c->fd, POLLIN);
    if (recv(c->fd, head, sizeof head - 1, 0) <= 0 || strstr(head, " 101 ") == NULL)
        bench_fail("no upgrade: %s", head);
    buf_init(&b, 4096);
    if (ws_frames_new(WS_CLIENT, PIPE_MESSAGE_MAX, 9, &f) != PANDO_OK ||
        ws_frames_put_text(f, slice_text(hello), &b) != PANDO_OK)
        bench_fail("memory is out");
    send_all(c->fd, b.ptr, b.len);
    buf_deinit(&b);
    ws_frames_free(f);
    while (!c->greeted) {
        wait_for(c->fd, POLLIN);
        (void)take_input(c);
    }
}

/* As much as the window and the socket take. */
static size_t push(const struct bench *b, struct client *c, size_t from)
{
    const size_t most = c->acked + WINDOW < COUNT ? c->acked + WINDOW : COUNT;
    const size_t end = most > 0 ? b->ends[most - 1] : 0;
    if (from >= end)
        return from;
    const ssize_t sent = send(c->fd, b->frames.ptr + from, end - from, MSG_DONTWAIT | MSG_NOSIGNAL);
    return from + (sent > 0 ? (size_t)sent : 0);
}

static void stream(const struct bench *b, struct client *c)
{
    size_t sent = 0;
    while (c->acked < COUNT) {
        const size_t before = sent;
        sent = push(b, c, sent);
        if (!take_input(c) && sent == before)
            wait_for(c->fd, POLLIN); /* an ack opens the window, and the socket with it */
    }
}

/* ---- nodes ---- */

static void make_space(struct world_node *n, const char *system)
{
    char args[160];
    (void)snprintf(args, sizeof args,
                   "{\"name\":\"db\",\"kind\":\"delta\",\"settings\":{\"systemId\":\"%s\"}}", system);
    (void)conn_ask(&n->conn, "space.create", args);
}

/* How many deltas are readable and durable there. */
static double held(struct world_node *n)
{
    double all = 0, onway = 0;
    const char *stats = conn_ask(&n->conn, "delta.stats", "{}");
    if (!conn_number(stats, "totalDeltas", &all) || !conn_number(stats, "onTheirWay", &onway))
        bench_fail("the space does not say how many deltas it holds");
    return all - onway;
}

static void expect_last(struct world_node *n)
{
    char delta[DELTA_LEN + 1], id[64], args[96];
    lay_delta(COUNT - 1, delta);
    if (!conn_text(delta, "id", id, sizeof id))
        bench_fail("a delta without an id");
    (void)snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    (void)conn_ask(&n->conn, "delta.get", args);
}

/* User and system time of a process, in seconds. */
static double cpu_of(pid_t pid)
{
    char path[64], line[1024] = { 0 };
    unsigned long user = 0, kernel = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        (void)fgets(line, sizeof line, f);
        (void)fclose(f);
    }
    const char *at = strrchr(line, ')');
    if (at == NULL || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                             &kernel) != 2)
        bench_fail("%s cannot be read", path);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static struct client client; /* large */

static void run_rate(struct bench *b, struct world_node *a)
{
    const double cpu = cpu_of(a->pid);
    greet(&client, a->port);
    const uint64_t start = bench_now_ns();
    stream(b, &client);
    expect_last(a);
    const double seconds = (double)(bench_now_ns() - start) / 1e9;
    (void)printf("# run: %.3f s, CPU of the node %.1f us/delta\n", seconds,
                 (cpu_of(a->pid) - cpu) / COUNT * 1e6);
    (void)close(client.fd);
    figure_add(&b->rate, COUNT / seconds);
    bench_sleep_until(bench_now_ns() + 4000000000u); /* idle: memory was given back */
    if (held(a) != COUNT)
        bench_fail("the node holds %.0f deltas", held(a));
    figure_add(&b->rss, world_memory(a, "RssAnon") / 1048576);
}

static void run_sync(struct bench *b, struct world_node *a, struct world_node *z)
{
    char args[128];
    (void)snprintf(args, sizeof args, "{\"url\":\"ws://127.0.0.1:%u/federation\"}", a->port);
    const double cpu_a = cpu_of(a->pid), cpu_z = cpu_of(z->pid);
    const uint64_t start = bench_now_ns();
    (void)conn_ask(&z->conn, "fed.connect", args);
    while (held(z) < COUNT) {
        if (bench_now_ns() - start > LIMIT_NS)
            bench_fail("the sync does not end");
        bench_sleep_until(bench_now_ns() + 2000000);
    }
    expect_last(z);
    figure_add(&b->sync, (double)(bench_now_ns() - start) / 1e6);
    (void)printf("# sync: %.0f ms, CPU %.1f us/delta there, %.1f here\n",
                 b->sync.runs[b->sync.runs_len - 1], (cpu_of(a->pid) - cpu_a) / COUNT * 1e6,
                 (cpu_of(z->pid) - cpu_z) / COUNT * 1e6);
}

/* ---- events ---- */

/* The stream of deltas of a node. */
static int watch(const struct world_node *n)
{
    static const char ask[] = "GET /api/delta.watch HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct conn c;
    conn_open(&c, n->socket);
    send_all(c.fd, ask, sizeof ask - 1);
    return c.fd; /* `c` has nothing else yet */
}

/* Whether the id came on the stream since the last call. */
static bool is_told(int fd, const char *id)
{
    static char seen[1u << 16];
    static size_t len;
    const ssize_t got = recv(fd, seen + len, sizeof seen - 1 - len, MSG_DONTWAIT);
    if (got == 0)
        bench_fail("the stream has ended");
    if (got < 0)
        return false;
    len += (size_t)got;
    seen[len] = '\0';
    const bool found = strstr(seen, id) != NULL;
    if (found || len > sizeof seen / 2)
        len = 0;
    return found;
}

static double one_event(struct world_node *a, int stream_fd, size_t n)
{
    char args[512], id[32];
    (void)snprintf(id, sizeof id, "event-%zu", n);
    (void)snprintf(args, sizeof args,
                   "{\"id\":\"%s\",\"pointers\":[{\"role\":\"named\",\"target\":{\"id\":"
                   "\"product_%zu\",\"context\":\"name\"}},{\"role\":\"name\",\"target\":"
                   "\"%0100zu\"}]}",
                   id, n % 100, n);
    const uint64_t start = bench_now_ns();
    uint64_t told = 0, answered = 0;
    conn_send(&a->conn, "delta.create", args);
    while (told == 0 || answered == 0) {
        struct pollfd p[2] = { { .fd = stream_fd, .events = POLLIN },
                               { .fd = answered != 0 ? -1 : a->conn.fd, .events = POLLIN } };
        if (poll(p, 2, 10000) <= 0)
            bench_fail("%s is not told", id);
        if (p[0].revents != 0 && told == 0 && is_told(stream_fd, id))
            told = bench_now_ns();
        if (p[1].revents != 0 && conn_read(&a->conn))
            answered = bench_now_ns();
    }
    return (double)((told > answered ? told : answered) - start) / 1e3;
}

static void bench_event(struct bench *b)
{
    static double us[EVENTS];
    char args[128];
    struct world_node *a = world_start(&b->world, NULL, 0);
    struct world_node *z = world_start(&b->world, NULL, 0);
    make_space(a, "server");
    make_space(z, "client");
    (void)snprintf(args, sizeof args, "{\"url\":\"ws://127.0.0.1:%u/federation\"}", a->port);
    (void)conn_ask(&z->conn, "fed.connect", args);
    const int fd = watch(z);
    size_t n = 0;
    for (int i = -1; i < RUNS; i++) { /* the first warms */
        const size_t len = i < 0 ? 100 : EVENTS;
        if (i >= 0) {
            calib_run(&b->calib, b->world.dir);
            floor_event(b->world.dir, us, EVENTS, EVENTS_NS);
            figure_add(&b->least, figure_quantile(us, EVENTS, 0.5));
        }
        uint64_t at = bench_now_ns();
        for (size_t k = 0; k < len; k++) {
            us[k] = one_event(a, fd, n++);
            at += EVENTS_NS;
            if (at > bench_now_ns())
                bench_sleep_until(at);
        }
        if (i < 0)
            continue;
        figure_add(&b->p50, figure_quantile(us, len, 0.5));
        figure_add(&b->p99, figure_quantile(us, len, 0.99));
    }
    (void)close(fd);
    world_clear(&b->world);
}

/* ---- the floor ---- */

static void serve_floor(int fd, const char *dir)
{
    static uint8_t block[1u << 20];
    char path[200];
    size_t len = 0;
    uint64_t done = 0;
    (void)snprintf(path, sizeof path, "%.150s/floor", dir);
    const int file = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    for (ssize_t got; (got = recv(fd, block + len, sizeof block - len, 0)) > 0;) {
        len += (size_t)got;
        const size_t whole = len / DELTA_LEN * DELTA_LEN;
        if (whole == 0)
            continue;
        for (size_t at = 0; at < whole; at += DELTA_LEN) {
            volatile uint8_t used = crypto_sha256(slice_of(block + at, DELTA_LEN)).bytes[0];
            used = crypto_sha256(slice_of(block + at + 7, 36)).bytes[0];
            (void)used;
            done++;
        }
        if (write(file, block, whole) != (ssize_t)whole || fdatasync(file) != 0 ||
            send(fd, &done, sizeof done, MSG_NOSIGNAL) != sizeof done)
            _exit(1);
        memmove(block, block + whole, len - whole);
        len -= whole;
    }
    (void)unlink(path);
    _exit(0);
}

static double floor_rate(const struct bench *b, const char *all)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        bench_fail("no sockets");
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        serve_floor(ends[1], b->world.dir);
    }
    (void)close(ends[1]);
    const uint64_t start = bench_now_ns();
    uint64_t done[64] = { 0 };
    size_t sent = 0, acked = 0;
    while (acked < COUNT) {
        size_t most = (acked + WINDOW < COUNT ? acked + WINDOW : COUNT) * DELTA_LEN;
        const ssize_t put = sent == most ? 0
                                         : send(ends[0], all + sent, most - sent,
                                                MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += put > 0 ? (size_t)put : 0;
        if (put <= 0)
            wait_for(ends[0], POLLIN);
        const ssize_t got = recv(ends[0], done, sizeof done, MSG_DONTWAIT);
        if (got >= (ssize_t)sizeof done[0])
            acked = (size_t)done[(size_t)got / sizeof done[0] - 1];
    }
    const double seconds = (double)(bench_now_ns() - start) / 1e9;
    (void)close(ends[0]);
    (void)waitpid(pid, NULL, 0);
    return COUNT / seconds;
}

static void bench_floor(struct bench *b)
{
    char *all = malloc((size_t)COUNT * DELTA_LEN + 1);
    if (all == NULL)
        bench_fail("memory is out");
    for (size_t n = 0; n < COUNT; n++)
        lay_delta(n, all + n * DELTA_LEN);
    figure_add(&b->floor, floor_rate(b, all));
    free(all);
}

static void bench_rate(struct bench *b)
{
    for (int i = 0; i < RUNS; i++) {
        calib_run(&b->calib, b->world.dir);
        bench_floor(b);
        struct world_node *a = world_start(&b->world, NULL, 0);
        make_space(a, "server");
        run_rate(b, a);
        struct world_node *z = world_start(&b->world, NULL, 0);
        make_space(z, "client");
        run_sync(b, a, z);
        world_clear(&b->world);
    }
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL || crypto_init() != PANDO_OK)
        bench_fail("memory is out");
    b->prefix = argc > 1 ? argv[1] : "";
    b->rate = (struct figure){ "delta_ws_rate", "delta/s", 90000, true, { 0 }, 0 };
    b->floor = (struct figure){ "delta_ws_floor", "delta/s", 0, true, { 0 }, 0 };
    b->sync = (struct figure){ "delta_ws_sync_100k", "ms", 700, false, { 0 }, 0 };
    b->rss = (struct figure){ "delta_rss_100k", "MiB", 40, false, { 0 }, 0 };
    b->p50 = (struct figure){ "delta_event_p50", "us", 600, false, { 0 }, 0 };
    b->p99 = (struct figure){ "delta_event_p99", "us", 2500, false, { 0 }, 0 };
    b->least = (struct figure){ "delta_event_floor", "us", 0, false, { 0 }, 0 };
    calib_begin(&b->calib);
    world_begin(&b->world);
    b->world.quiet = true;
    if (figure_wanted(b->rate.name, b->prefix) || figure_wanted(b->sync.name, b->prefix) ||
        figure_wanted(b->rss.name, b->prefix) || figure_wanted(b->floor.name, b->prefix)) {
        lay_frames(b);
        bench_rate(b);
    }
    if (figure_wanted(b->p50.name, b->prefix) || figure_wanted(b->p99.name, b->prefix) ||
        figure_wanted(b->least.name, b->prefix))
        bench_event(b);
    const struct figure *all[] = { &b->rate, &b->floor, &b->sync, &b->rss, &b->p50, &b->p99,
                                  &b->least };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        figure_print(all[i], b->prefix);
    calib_print(&b->calib);
    world_end(&b->world);
    buf_deinit(&b->frames);
    free(b->ends);
    free(b);
    return 0;
}
