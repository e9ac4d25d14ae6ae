#include "bench/lanes.h"

#include "base/buf.h"
#include "base/slice.h"
#include "bench/figure.h"
#include "space/log/batch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define ANSWER_MAX  (LANES_BATCH_MAX * 8 + 4096)
#define PATIENCE_MS 30000

struct lane {
    int fd;
    uint64_t client, counter, last_seq;
    uint64_t sent_ns;
    bool waiting;
    uint8_t *out, *in;
    size_t in_len;
};

struct client {
    struct lane lanes[LANES_MAX];
    uint32_t lanes_len, batch;
    struct load_result *result;
};

struct load_result *load_result_new(void)
{
    struct load_result *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED)
        bench_fail("no shared memory");
    return r;
}

uint64_t lanes_be8(const uint8_t *bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | bytes[i];
    return v;
}

size_t lanes_request(uint8_t *to, size_t cap, uint64_t client, uint64_t counter,
                     uint32_t count)
{
    uint8_t body[LANES_BODY];
    char head[128];
    struct pando_buf b = { .ptr = to, .len = sizeof head, .cap = cap, .max = cap };
    memset(body, 'm', sizeof body);
    to[b.len++] = 0; /* the only space */
    for (uint32_t i = 0; i < count; i++) {
        struct batch_message m = { .client = client,
                                   .counter = counter + i,
                                   .room = slice_text(LANES_ROOM),
                                   .sender = slice_text("bench"),
                                   .body = SLICE_OF(body) };
        memcpy(body, &m.client, 8);
        memcpy(body + 8, &m.counter, 8);
        if (batch_put(&b, &m) != PANDO_OK)
            bench_fail("a batch does not fit");
    }
    const int len = snprintf(head, sizeof head,
                             "POST /api/log.append_batch HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Length: %zu\r\n\r\n", b.len - sizeof head);
    memmove(to + len, to + sizeof head, b.len - sizeof head);
    memcpy(to, head, (size_t)len);
    return b.len - sizeof head + (size_t)len;
}

size_t lanes_answer(const uint8_t *bytes, size_t len, int *ret_status,
                    const uint8_t **ret_body, size_t *ret_body_len)
{
    const uint8_t *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const size_t head = (size_t)(end + 4 - bytes);
    const char *length = memmem(bytes, head, "Content-Length:", 15);
    if (length == NULL)
        bench_fail("an answer without a length");
    const size_t body = strtoull(length + 15, NULL, 10);
    if (len < head + body)
        return 0;
    *ret_status = atoi((const char *)bytes + 9);
    *ret_body = bytes + head;
    *ret_body_len = body;
    return head + body;
}

static void open_lane(struct lane *l, const char *path, uint32_t number)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    *l = (struct lane){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                        .client = bench_now_ns() * 64 + number,
                        .counter = 1,
                        .out = malloc(LANES_REQUEST_MAX),
                        .in = malloc(ANSWER_MAX) };
    if (l->out == NULL || l->in == NULL)
        bench_fail("memory is out");
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&a, sizeof a) != 0)
        bench_fail("no node answers on %s: %s", path, strerror(errno));
}

static void send_batch(struct client *c, struct lane *l)
{
    const size_t len =
        lanes_request(l->out, LANES_REQUEST_MAX, l->client, l->counter, c->batch);
    l->sent_ns = bench_now_ns();
    l->waiting = true;
    for (size_t at = 0; at < len;) {
        const ssize_t sent = send(l->fd, l->out + at, len - at, MSG_NOSIGNAL);
        if (sent < 0)
            bench_fail("sending a batch: %s", strerror(errno));
        at += (size_t)sent;
    }
}

/* True when the batch is answered. */
static bool take_answer(struct client *c, struct lane *l)
{
    int status;
    const uint8_t *body;
    size_t body_len;
    const ssize_t got = recv(l->fd, l->in + l->in_len, ANSWER_MAX - l->in_len, 0);
    if (got <= 0)
        bench_fail("the node closed the connection: %s", strerror(errno));
    l->in_len += (size_t)got;
    if (lanes_answer(l->in, l->in_len, &status, &body, &body_len) == 0)
        return false;
    const uint64_t now = bench_now_ns();
    if (status != 200 || body_len != 8 * (size_t)c->batch)
        bench_fail("append_batch: %d %.*s", status, (int)body_len, (const char *)body);
    for (uint32_t i = 0; i < c->batch; i++) {
        const uint64_t seq = lanes_be8(body + 8 * (size_t)i);
        if (seq <= l->last_seq || seq == UINT64_MAX)
            bench_fail("message %llu got number %llu after %llu",
                       (unsigned long long)(l->counter + i), (unsigned long long)seq,
                       (unsigned long long)l->last_seq);
        l->last_seq = seq;
    }
    spread_add(&c->result->latency, now - l->sent_ns, c->batch);
    c->result->messages += c->batch;
    l->counter += c->batch;
    l->in_len = 0;
    l->waiting = false;
    return true;
}

/* Send on the free lanes what is due. Returns how long nothing will be due. */
static int send_due(struct client *c, uint64_t start, uint64_t end, double pace)
{
    const uint64_t now = bench_now_ns();
    uint64_t sent = c->result->messages;
    for (uint32_t i = 0; i < c->lanes_len; i++)
        sent += c->lanes[i].waiting ? c->batch : 0;
    for (uint32_t i = 0; i < c->lanes_len && now < end; i++) {
        if (c->lanes[i].waiting)
            continue;
        if (pace > 0 && (double)sent > pace * (double)(now - start) / 1e9)
            return 1;
        send_batch(c, &c->lanes[i]);
        sent += c->batch;
    }
    return PATIENCE_MS;
}

static void run(struct client *c, double seconds, double pace)
{
    struct pollfd polls[LANES_MAX];
    const uint64_t start = bench_now_ns(), end = start + (uint64_t)(seconds * 1e9);
    uint64_t last = start;
    for (;;) {
        nfds_t waiting = 0;
        const int rest = send_due(c, start, end, pace);
        for (uint32_t i = 0; i < c->lanes_len; i++) {
            polls[i] = (struct pollfd){ .fd = c->lanes[i].fd, .events = POLLIN };
            waiting += c->lanes[i].waiting;
        }
        if (waiting == 0 && bench_now_ns() >= end)
            break;
        const int ready = poll(polls, c->lanes_len, rest);
        if (ready == 0 && rest == PATIENCE_MS)
            bench_fail("nothing is answered any more");
        for (uint32_t i = 0; i < c->lanes_len && ready > 0; i++)
            if (polls[i].revents != 0 && take_answer(c, &c->lanes[i]))
                last = bench_now_ns();
        c->result->elapsed_ns = last - start;
    }
}

pid_t lanes_start(const char *socket_path, uint32_t lanes, uint32_t batch, double seconds,
                  double pace, struct load_result *ret)
{
    if (lanes > LANES_MAX || batch > LANES_BATCH_MAX)
        bench_fail("too many lanes");
    (void)fflush(stdout);
    memset(ret, 0, sizeof *ret);
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL)
        bench_fail("memory is out");
    *c = (struct client){ .lanes_len = lanes, .batch = batch, .result = ret };
    for (uint32_t i = 0; i < lanes; i++)
        open_lane(&c->lanes[i], socket_path, i);
    run(c, seconds, pace);
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    ret->cpu_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
    _exit(0);
}

void lanes_wait(pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("the client failed");
}

void lanes_load(const char *socket_path, uint32_t lanes, uint32_t batch, double seconds,
                double pace, struct load_result *ret)
{
    lanes_wait(lanes_start(socket_path, lanes, batch, seconds, pace, ret));
}

uint64_t process_cpu_ns(pid_t pid)
{
    char path[64], line[1024];
    unsigned long long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *at = strrchr(line, ')');
        if (at == NULL || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                                 &user, &system) != 2)
            bench_fail("%s does not read", path);
    }
    if (f != NULL)
        (void)fclose(f);
    return (uint64_t)(user + system) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}
