#include "bench/floor_log.h"

#include "bench/figure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD    136
#define STEP      ((size_t)1 << 20) /* read at once */
#define FILE_SIZE ((off_t)64 << 20)
#define WINDOW    4096

struct disk {
    int fd;
    off_t at;
};

static void disk_open(struct disk *d, const char *dir)
{
    static const uint8_t zeros[1 << 16];
    char path[300];
    (void)snprintf(path, sizeof path, "%s/floor-XXXXXX", dir);
    *d = (struct disk){ .fd = mkostemp(path, O_CLOEXEC) };
    if (d->fd < 0)
        bench_fail("cannot make a file in %s: %s", dir, strerror(errno));
    (void)unlink(path);
    for (off_t i = 0; i < FILE_SIZE; i += (off_t)sizeof zeros)
        if (write(d->fd, zeros, sizeof zeros) != (ssize_t)sizeof zeros)
            bench_fail("cannot write in %s: %s", dir, strerror(errno));
    (void)fsync(d->fd);
}

static void disk_commit(struct disk *d, const uint8_t *bytes, size_t len)
{
    if (d->at + (off_t)len > FILE_SIZE)
        d->at = 0;
    if (pwrite(d->fd, bytes, len, d->at) != (ssize_t)len || fdatasync(d->fd) != 0)
        bench_fail("a commit failed: %s", strerror(errno));
    d->at += (off_t)len;
}

static void send_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        const ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            _exit(1); /* the other side is done */
        at += sent;
        len -= (size_t)sent;
    }
}

static int listen_tcp(uint16_t *ret_port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        bench_fail("no TCP socket on loopback: %s", strerror(errno));
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static int no_delay(int fd)
{
    const int one = 1;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        bench_fail("TCP on loopback: %s", strerror(errno));
    return fd;
}

static int connect_tcp(uint16_t port)
{
    const struct sockaddr_in a = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons(port) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        bench_fail("TCP on loopback: %s", strerror(errno));
    return no_delay(fd);
}

_Noreturn static void follow(int listener, const char *dir)
{
    struct disk d;
    uint8_t *bytes = malloc(STEP);
    uint64_t total = 0;
    disk_open(&d, dir);
    const int fd = no_delay(accept(listener, NULL, NULL));
    for (;;) {
        const ssize_t got = bytes == NULL ? -1 : recv(fd, bytes, STEP, 0);
        if (got <= 0)
            _exit(0);
        disk_commit(&d, bytes, (size_t)got);
        total += (uint64_t)got;
        send_all(fd, &total, sizeof total);
    }
}

struct leader {
    struct disk disk;
    struct pollfd fds[3]; /* client, followers */
    uint64_t durable, acked[2], told;
    uint8_t *bytes;
};

static void take_acks(struct leader *l, size_t i)
{
    uint64_t acks[512];
    const ssize_t got = recv(l->fds[i + 1].fd, acks, sizeof acks, 0);
    if (got <= 0 || (size_t)got % sizeof acks[0] != 0)
        _exit(0);
    l->acked[i] = acks[(size_t)got / sizeof acks[0] - 1];
}

static void serve_client(struct leader *l, int *ret_fd)
{
    const ssize_t got = recv(l->fds[0].fd, l->bytes, STEP, 0);
    if (got <= 0) { /* a client is done: the next one counts anew */
        (void)close(l->fds[0].fd);
        *ret_fd = -1;
        return;
    }
    send_all(l->fds[1].fd, l->bytes, (size_t)got);
    send_all(l->fds[2].fd, l->bytes, (size_t)got);
    disk_commit(&l->disk, l->bytes, (size_t)got);
    l->durable += (uint64_t)got;
}

/* Durable here and at one follower more. */
static void tell(struct leader *l, uint64_t base)
{
    const uint64_t best = l->acked[0] > l->acked[1] ? l->acked[0] : l->acked[1];
    const uint64_t both = best < l->durable ? best : l->durable;
    const uint64_t count = (both - base) / RECORD;
    if (both <= base || count <= l->told)
        return;
    l->told = count;
    send_all(l->fds[0].fd, &count, sizeof count);
}

_Noreturn static void lead(int listener, const uint16_t followers[2], const char *dir)
{
    struct leader l = { .bytes = malloc(STEP) };
    disk_open(&l.disk, dir);
    for (size_t i = 0; i < 2; i++)
        l.fds[i + 1] = (struct pollfd){ .fd = connect_tcp(followers[i]), .events = POLLIN };
    for (;;) {
        int client = no_delay(accept(listener, NULL, NULL));
        const uint64_t base = l.durable;
        l.told = 0;
        l.fds[0] = (struct pollfd){ .fd = client, .events = POLLIN };
        while (client >= 0 && l.bytes != NULL && poll(l.fds, 3, -1) > 0) {
            for (size_t i = 0; i < 2; i++)
                if (l.fds[i + 1].revents != 0)
                    take_acks(&l, i);
            tell(&l, base);
            if (l.fds[0].revents != 0)
                serve_client(&l, &client);
            if (client >= 0)
                tell(&l, base);
        }
    }
}

void floor_log_begin(struct floor_log *f, const char *dir)
{
    int listeners[3];
    uint16_t ports[3];
    (void)fflush(stdout);
    for (size_t i = 0; i < 3; i++)
        listeners[i] = listen_tcp(&ports[i]);
    f->port = ports[0];
    for (size_t i = 0; i < 3; i++) {
        f->pids[i] = fork();
        if (f->pids[i] != 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (i > 0)
            follow(listeners[i], dir);
        lead(listeners[0], ports + 1, dir);
    }
    for (size_t i = 0; i < 3; i++)
        (void)close(listeners[i]);
}

void floor_log_end(struct floor_log *f)
{
    for (size_t i = 0; i < 3; i++)
        (void)kill(f->pids[i], SIGKILL);
    for (size_t i = 0; i < 3; i++)
        (void)waitpid(f->pids[i], NULL, 0);
}

struct window {
    int fd;
    uint64_t sent, acked;
    uint64_t at[WINDOW]; /* when each was sent */
    uint8_t out[WINDOW * RECORD];
    struct load_result *result;
};

static void fill(struct window *w, uint32_t outstanding)
{
    const uint64_t now = bench_now_ns();
    size_t len = 0;
    for (; w->sent - w->acked < outstanding; w->sent++, len += RECORD) {
        memcpy(w->out + len, &w->sent, sizeof w->sent);
        w->at[w->sent % WINDOW] = now;
    }
    send_all(w->fd, w->out, len);
}

static void drain(struct window *w)
{
    uint64_t acks[512];
    const ssize_t got = recv(w->fd, acks, sizeof acks, 0);
    if (got <= 0 || (size_t)got % sizeof acks[0] != 0)
        bench_fail("the floor's leader is gone");
    const uint64_t upto = acks[(size_t)got / sizeof acks[0] - 1], now = bench_now_ns();
    for (; w->acked < upto; w->acked++)
        spread_add(&w->result->latency, now - w->at[w->acked % WINDOW], 1);
    w->result->messages = w->acked;
}

void floor_log_load(const struct floor_log *f, uint32_t outstanding, double seconds,
                    struct load_result *ret)
{
    (void)fflush(stdout);
    memset(ret, 0, sizeof *ret);
    const pid_t pid = fork();
    if (pid != 0) {
        lanes_wait(pid);
        return;
    }
    struct window *w = calloc(1, sizeof *w);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (w == NULL || outstanding > WINDOW)
        bench_fail("memory is out");
    w->fd = connect_tcp(f->port);
    w->result = ret;
    const uint64_t start = bench_now_ns(), end = start + (uint64_t)(seconds * 1e9);
    while (bench_now_ns() < end) {
        fill(w, outstanding);
        drain(w);
    }
    ret->elapsed_ns = bench_now_ns() - start;
    _exit(0);
}
