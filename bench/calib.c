#include "bench/calib.h"

#include "base/slice.h"
#include "crypto/sign.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY        256
#define PACKET      400 /* an event of such a body with its head and signature */
#define FILE_SIZE   ((size_t)2 << 20)
#define SYNCS       60
#define PINGS       1000
#define FLOOR_PINGS 200
#define FLOOR_PACE  5000000u /* ns: 200 a second */
#define VERIFY_NS   200000000u

static struct crypto_secret secret_of_bench(void)
{
    static const uint8_t seed[32] = { 1 };
    struct crypto_secret secret;
    if (crypto_init() != PANDO_OK)
        bench_fail("libsodium does not start");
    crypto_secret_from_seed(seed, &secret);
    return secret;
}

double calib_verify(void)
{
    const struct crypto_secret secret = secret_of_bench();
    const struct pando_key key = crypto_public(&secret);
    const uint8_t body[BODY] = { 1 };
    const struct pando_sig sig = crypto_sign(&secret, SLICE_OF(body));
    const uint64_t start = bench_now_ns();
    uint64_t spent = 0;
    double count = 0;
    for (; spent < VERIFY_NS; count++) {
        if (!crypto_verify(&key, SLICE_OF(body), &sig))
            bench_fail("a good signature was refused");
        spent = bench_now_ns() - start;
    }
    return count * 1e9 / (double)spent;
}

/* A file whose blocks are allocated and written, as a journal prepares its segments. */
struct log {
    int fd;
    off_t at;
};

static void open_log(struct log *l, const char *dir)
{
    static const uint8_t zeros[1 << 16];
    char path[300];
    (void)snprintf(path, sizeof path, "%s/calib-XXXXXX", dir);
    l->fd = mkostemp(path, O_CLOEXEC);
    l->at = 0;
    if (l->fd < 0)
        bench_fail("cannot make a file in %s: %s", dir, strerror(errno));
    (void)unlink(path);
    for (size_t i = 0; i < FILE_SIZE / sizeof zeros; i++)
        if (write(l->fd, zeros, sizeof zeros) != (ssize_t)sizeof zeros)
            bench_fail("cannot write in %s: %s", dir, strerror(errno));
    (void)fsync(l->fd);
}

static void commit(struct log *l, const uint8_t *bytes, size_t len)
{
    if (pwrite(l->fd, bytes, len, l->at) != (ssize_t)len || fdatasync(l->fd) != 0)
        bench_fail("a commit failed: %s", strerror(errno));
    l->at = (l->at + (off_t)len) % (off_t)(FILE_SIZE - PACKET);
}

double calib_fsync(const char *dir)
{
    const uint8_t body[BODY] = { 1 };
    double us[SYNCS];
    struct log l;
    open_log(&l, dir);
    for (size_t i = 0; i < SYNCS; i++) {
        const uint64_t start = bench_now_ns();
        commit(&l, body, sizeof body);
        us[i] = (double)(bench_now_ns() - start) / 1e3;
    }
    (void)close(l.fd);
    return figure_quantile(us, SYNCS, 0.5);
}

static int open_udp(struct sockaddr_in *ret)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        bench_fail("no UDP socket on loopback: %s", strerror(errno));
    *ret = a;
    return fd;
}

struct packet {
    uint8_t body[BODY];
    struct pando_sig sig;
    uint8_t rest[PACKET - BODY - sizeof(struct pando_sig)];
};

/* The other process: answers each packet, after verifying and committing when asked. */
_Noreturn static void echo(int fd, const char *dir)
{
    const struct crypto_secret secret = secret_of_bench();
    const struct pando_key key = crypto_public(&secret);
    struct packet p;
    struct log l;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dir != NULL)
        open_log(&l, dir);
    while (recv(fd, &p, sizeof p, 0) == (ssize_t)sizeof p) {
        if (dir != NULL) {
            if (!crypto_verify(&key, SLICE_OF(p.body), &p.sig))
                break;
            commit(&l, (const uint8_t *)&p, sizeof p);
        }
        if (send(fd, &p, sizeof p, 0) != (ssize_t)sizeof p)
            break;
    }
    _exit(1);
}

static double once(int fd, struct log *l, const struct crypto_secret *secret)
{
    static uint8_t round;
    struct packet p = { .body = { round++ } };
    const uint64_t start = bench_now_ns();
    if (l != NULL) {
        p.sig = crypto_sign(secret, SLICE_OF(p.body));
        commit(l, (const uint8_t *)&p, sizeof p);
    }
    if (send(fd, &p, sizeof p, 0) < 0 || recv(fd, &p, sizeof p, 0) < 0)
        bench_fail("the UDP round trip failed: %s", strerror(errno));
    return (double)(bench_now_ns() - start) / 1e3;
}

/* Median round trip in us: plain (`dir` NULL) or with all that an event needs. */
static double round_trip(const char *dir, size_t rounds)
{
    const struct crypto_secret secret = secret_of_bench();
    const struct timeval limit = { .tv_sec = 5 };
    double us[PINGS];
    struct sockaddr_in here, there;
    struct log l;
    const int a = open_udp(&here), b = open_udp(&there);
    if (connect(a, (struct sockaddr *)&there, sizeof there) != 0 ||
        connect(b, (struct sockaddr *)&here, sizeof here) != 0 ||
        setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        bench_fail("UDP sockets do not connect: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0)
        echo(b, dir);
    if (dir != NULL)
        open_log(&l, dir);
    uint64_t due = bench_now_ns();
    for (size_t i = 0; i < rounds; i++) {
        us[i] = once(a, dir != NULL ? &l : NULL, &secret);
        due += FLOOR_PACE;
        if (dir != NULL)
            bench_sleep_until(due);
    }
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)close(a);
    (void)close(b);
    if (dir != NULL)
        (void)close(l.fd);
    return figure_quantile(us, rounds, 0.5);
}

double calib_udp(void)
{
    return round_trip(NULL, PINGS);
}

double calib_floor(const char *dir)
{
    return round_trip(dir, FLOOR_PINGS);
}

void calib_begin(struct calib *c)
{
    *c = (struct calib){ .verify = { .name = "calib_verify", .unit = "per_s" },
                         .fsync = { .name = "calib_fsync", .unit = "us" },
                         .udp = { .name = "calib_udp", .unit = "us" } };
}

void calib_run(struct calib *c, const char *dir)
{
    figure_add(&c->verify, calib_verify());
    figure_add(&c->fsync, calib_fsync(dir));
    figure_add(&c->udp, calib_udp());
}

void calib_print(const struct calib *c)
{
    figure_print(&c->verify, "");
    figure_print(&c->fsync, "");
    figure_print(&c->udp, "");
}
