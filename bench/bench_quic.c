/* bench_quic.c - bytes through one stream, per second of the busier side's processor.
 *
 * Two processes on loopback: one pushes a gigabyte through the public stream call, the
 * other digests it. The figure is eight times the bytes over the processor time of the
 * side that needed more, so it does not depend on what else the machine does. Beside it
 * stands a floor: the same bytes through plain UDP sockets with the same offloads.
 *
 * Usage: bench_quic [MEGABYTES]
 */
#include "base/bytes.h"
#include "net/quic.h"
#include "net/udp.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

struct side {
    struct quic *quic;
    struct link_port port;
    struct bytes *chunk;
    uint64_t left;     /* to push */
    uint64_t received;
    uint64_t stream;
    bool up, done;
    double cpu_start;
};

struct report { /* what a child tells its parent */
    double cpu;
    double wall;
};

static double seconds(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        abort();
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct pando_time now(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        abort();
    return (struct pando_time){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec };
}

static void must(enum pando_status st, const struct pando_err *err)
{
    if (st == PANDO_OK)
        return;
    (void)fprintf(stderr, "bench_quic: %s %s\n", pando_status_text(st), err->text);
    exit(1);
}

static void push(struct side *s)
{
    const struct pando_err none = { 0 };
    while (s->left > 0) {
        const bool last = s->left <= CHUNK;
        const enum pando_status st = s->port.ops->send(s->port.ctx, s->stream, s->chunk, last);
        if (st == PANDO_BUSY)
            return;
        must(st, &none);
        s->left -= last ? s->left : CHUNK;
    }
}

static void on_event(void *ctx, const struct link_event *e)
{
    struct side *s = ctx;
    const struct pando_err none = { 0 };
    switch (e->kind) {
    case LINK_UP:
        s->up = true;
        s->cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        if (e->dialed) {
            must(s->port.ops->open(s->port.ctx, e->link, LINK_BULK, &s->stream), &none);
            push(s);
        }
        break;
    case LINK_WRITABLE: push(s); break;
    case LINK_DATA:
        s->received += e->data.len;
        if (e->data.len > 0)
            s->port.ops->consume(s->port.ctx, e->stream, e->data.len);
        if (e->fin) {
            if (s->left == 0 && s->stream == 0) /* the receiver answers: all is here */
                must(s->port.ops->send(s->port.ctx, e->stream, NULL, true), &none);
            s->done = true;
        }
        break;
    case LINK_DOWN: case LINK_DIAL_FAILED:
        if (!s->done) {
            (void)fprintf(stderr, "bench_quic: %s\n", e->text);
            exit(1);
        }
        break;
    default: break;
    }
}

static void open_side(struct side *s, uint8_t seed)
{
    struct quic_config config = quic_config_default();
    config.loopback_packet_max = 0; /* as over a network */
    struct crypto_secret secret;
    struct pando_err err = { 0 };
    const uint8_t bytes[32] = { seed };
    must(crypto_init(), &err);
    crypto_secret_from_seed(bytes, &secret);
    config.secret = &secret;
    config.binds[0] = (struct quic_bind){ .ip = { 127, 0, 0, 1 }, .ip_len = 4 };
    config.sink = (struct link_sink){ s, on_event };
    must(quic_new(&config, &s->quic, &err), &err);
    s->port = quic_port(s->quic);
}

static void turn(struct side *s)
{
    const short events = quic_wants_write(s->quic, 0) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd fd = { quic_fd(s->quic, 0), events, 0 };
    struct pando_time at = now();
    const struct pando_time deadline = quic_deadline(s->quic);
    const uint64_t left = pando_time_since(deadline, at).ns;
    (void)poll(&fd, 1, left > 1000000000u ? 1000 : (int)((left + 999999u) / 1000000u));
    at = now();
    if ((fd.revents & (POLLIN | POLLERR)) != 0)
        quic_readable(s->quic, 0, at);
    if ((fd.revents & POLLOUT) != 0)
        quic_writable(s->quic, 0, at);
    if (pando_time_reached(quic_deadline(s->quic), at))
        quic_tick(s->quic, at);
    quic_flush(s->quic, at);
}

static void say(int fd, const void *what, size_t len)
{
    if (write(fd, what, len) != (ssize_t)len)
        exit(1);
}

static void hear(int fd, void *what, size_t len)
{
    if (read(fd, what, len) != (ssize_t)len)
        exit(1);
}

static void run_side(struct side *s, int report_fd)
{
    const double start = seconds(CLOCK_MONOTONIC);
    while (!s->done)
        turn(s);
    const struct report r = { seconds(CLOCK_PROCESS_CPUTIME_ID) - s->cpu_start,
                              seconds(CLOCK_MONOTONIC) - start };
    say(report_fd, &r, sizeof r);
    for (int i = 0; i < 20; i++)
        turn(s);
    quic_free(s->quic);
}

static void receive_stream(int address_fd, int report_fd)
{
    struct side s = { 0 };
    struct multiaddr address;
    open_side(&s, 1);
    (void)quic_local(s.quic, 0, &address);
    say(address_fd, &address, sizeof address);
    run_side(&s, report_fd);
    exit(0);
}

static struct report send_stream(const struct multiaddr *address, uint64_t bytes)
{
    struct side s = { .left = bytes };
    struct link_target target = { .address = *address };
    const struct pando_err none = { 0 };
    uint8_t *data;
    int fds[2];
    struct report r;
    open_side(&s, 2);
    s.chunk = bytes_new(CHUNK, &data);
    if (s.chunk == NULL || pipe(fds) != 0)
        exit(1);
    memset(data, 0x5a, CHUNK);
    must(s.port.ops->dial(s.port.ctx, &target, 1), &none);
    run_side(&s, fds[1]);
    hear(fds[0], &r, sizeof r);
    bytes_unref(s.chunk);
    return r;
}

static void bench_stream(uint64_t bytes)
{
    int address_fds[2], report_fds[2];
    struct multiaddr address;
    struct report receiver;
    if (pipe(address_fds) != 0 || pipe(report_fds) != 0)
        exit(1);
    const pid_t child = fork();
    if (child == 0)
        receive_stream(address_fds[1], report_fds[1]);
    hear(address_fds[0], &address, sizeof address);
    const struct report sender = send_stream(&address, bytes);
    hear(report_fds[0], &receiver, sizeof receiver);
    (void)waitpid(child, NULL, 0);
    const double busier = sender.cpu > receiver.cpu ? sender.cpu : receiver.cpu;
    const double bits = 8.0 * (double)bytes;
    (void)printf("quic_stream_per_core %.2f Gbit/s\n", bits / busier / 1e9);
    (void)printf("quic_stream_sender %.3f s/GB\n", sender.cpu / ((double)bytes / 1e9));
    (void)printf("quic_stream_receiver %.3f s/GB\n", receiver.cpu / ((double)bytes / 1e9));
    (void)printf("quic_stream_wall %.2f Gbit/s\n", bits / sender.wall / 1e9);
}

struct sink {
    uint64_t bytes;
};

static void on_datagram(void *ctx, const struct udp_datagram *d)
{
    ((struct sink *)ctx)->bytes += d->len;
}

static void on_buffer_end(void *ctx)
{
    (void)ctx;
}

static void on_unreachable(void *ctx, const struct udp_address *to, int error)
{
    (void)ctx;
    (void)to;
    (void)error;
}

/* The floor: datagrams of the same size, no encryption; what is lost is sent again. */
static void calibrate_udp(uint64_t bytes)
{
    const uint8_t loopback[4] = { 127, 0, 0, 1 };
    const struct udp_address any = udp_address_from_ip(loopback, 4, 0);
    struct udp tx, rx;
    struct sink sink = { 0 };
    struct pando_err err = { 0 };
    const struct udp_receiver receiver = { &sink, on_datagram, on_buffer_end, on_unreachable };
    must(udp_open(&tx, &any, &err), &err);
    must(udp_open(&rx, &any, &err), &err);
    const double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    while (sink.bytes < bytes) {
        for (int i = 0; i < 2 * UDP_SEGMENTS_MAX && !tx.stuck; i++) {
            memset(udp_room(&tx), i, 1452);
            udp_put(&tx, 1452, &rx.bound, NULL);
        }
        (void)udp_flush(&tx);
        while (udp_receive(&rx, &receiver) > 0)
            continue;
    }
    const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    (void)printf("calib_udp_bulk %.2f Gbit/s\n", 8.0 * (double)sink.bytes / cpu / 1e9);
    udp_close(&tx);
    udp_close(&rx);
}

int main(int argc, char **argv)
{
    const uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    if (megabytes == 0 || megabytes > 1000000) {
        (void)fprintf(stderr, "usage: bench_quic [MEGABYTES]\n");
        return 2;
    }
    const uint64_t bytes = megabytes * 1000000 / CHUNK * CHUNK + CHUNK;
    bench_stream(bytes);
    calibrate_udp(bytes);
    return 0;
}
