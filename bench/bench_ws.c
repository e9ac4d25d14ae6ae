/* What a small text message costs on a WebSocket: in the frames alone, and over a loopback
 * socket with the whole transport around it (reads in blocks, one write per turn). The other
 * end is a process of its own, so the CPU time counted is this end's. Messages of 200 bytes;
 * each is digested at once. Prints `name value unit`. */
#include "base/slice.h"
#include "ws/frames.h"
#include "ws/ws.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES = 1000000, TEXT = 200, BLOCK = 500 };

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct pando_time now(void)
{
    return (struct pando_time){ (uint64_t)(seconds(CLOCK_MONOTONIC) * 1e9) };
}

static void check(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench_ws: %s\n", what);
    exit(1);
}

/* BLOCK masked frames, as a client sends them. */
static void lay_block(struct pando_buf *b)
{
    struct ws_frames *f;
    char text[TEXT];
    memset(text, 'x', sizeof text);
    buf_init(b, 1u << 24);
    check(ws_frames_new(WS_CLIENT, PIPE_MESSAGE_MAX, 3, &f) == PANDO_OK, "memory");
    for (int i = 0; i < BLOCK; i++)
        check(ws_frames_put_text(f, slice_of(text, sizeof text), b) == PANDO_OK, "memory");
    ws_frames_free(f);
}

static void bench_frames(void)
{
    struct ws_frames *f;
    struct pando_buf block;
    struct ws_event ev;
    uint64_t got = 0;
    lay_block(&block);
    check(ws_frames_new(WS_SERVER, PIPE_MESSAGE_MAX, 1, &f) == PANDO_OK, "memory");
    const double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < MESSAGES / BLOCK; i++) {
        ws_frames_feed(f, buf_view(&block));
        while (ws_frames_next(f, (struct pando_time){ 1 }, &ev)) {
            bytes_unref(ev.bytes);
            got++;
        }
    }
    check(got == MESSAGES, "messages are missing");
    (void)printf("ws_frames_per_core %.0f msg/s\n",
                 (double)MESSAGES / (seconds(CLOCK_PROCESS_CPUTIME_ID) - began));
    ws_frames_free(f);
    buf_deinit(&block);
}

struct side {
    struct ws *ws;
    int fd;
    unsigned events;
    uint32_t handle, pipe;
    uint64_t got, credit;
};

static enum pando_status watch(void *ctx, int fd, unsigned events, uint32_t handle)
{
    struct side *s = ctx;
    s->fd = fd;
    s->events = events;
    s->handle = handle;
    return PANDO_OK;
}
static void unwatch(void *ctx, int fd, uint32_t handle)
{
    struct side *s = ctx;
    (void)fd, (void)handle;
    s->events = 0;
}
static enum pando_status resolve(void *ctx, uint32_t token, const char *name)
{
    (void)ctx, (void)token, (void)name;
    return PANDO_UNSUPPORTED;
}

static void on_event(void *ctx, const struct pipe_event *ev)
{
    struct side *s = ctx;
    const struct pipe_port p = ws_port(s->ws);
    if (ev->kind == PIPE_OPEN)
        s->pipe = ev->pipe;
    if (ev->kind == PIPE_CREDIT)
        s->credit += ev->value;
    if (ev->kind != PIPE_TEXT)
        return;
    s->got++;
    p.ops->digested(p.ctx, ev->pipe, bytes_view(ev->bytes).len);
}

static void turn(struct side *s)
{
    ws_tick(s->ws, now());
    struct pollfd p = { .fd = s->fd };
    p.events = (short)(((s->events & WS_READABLE) != 0 ? POLLIN : 0) |
                       ((s->events & WS_WRITABLE) != 0 ? POLLOUT : 0));
    if (poll(&p, 1, 1000) > 0)
        ws_ready(s->ws, now(), s->handle,
                 ((p.revents & POLLOUT) != 0 ? WS_WRITABLE : 0) |
                     ((p.revents & ~POLLOUT) != 0 ? WS_READABLE : 0));
}

/* Two connected TCP sockets. */
static void connect_both(int ret[2])
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof here;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    ret[0] = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr *)&here, len) == 0 && listen(listener, 1) == 0 &&
              getsockname(listener, (struct sockaddr *)&here, &len) == 0 &&
              connect(ret[0], (struct sockaddr *)&here, len) == 0,
          "loopback");
    ret[1] = accept(listener, NULL, NULL);
    (void)close(listener);
    (void)fcntl(ret[0], F_SETFL, O_NONBLOCK);
}

static void begin(struct side *s, int fd)
{
    const struct ws_config config = { .ctx = s,
                                      .watch = watch,
                                      .unwatch = unwatch,
                                      .resolve = resolve,
                                      .sink = { s, on_event } };
    *s = (struct side){ 0 };
    check(ws_new(&config, &s->ws, NULL) == PANDO_OK &&
              ws_adopt(s->ws, now(), fd, SLICE_EMPTY, "/", "bench") == PANDO_OK,
          "the transport");
}

static void write_all(int fd, struct pando_slice bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        const ssize_t sent = write(fd, bytes.ptr + at, bytes.len - at);
        if (sent <= 0)
            _exit(1);
        at += (size_t)sent;
    }
}

static void bench_receive(void)
{
    int ends[2];
    struct side s;
    struct pando_buf block;
    connect_both(ends);
    lay_block(&block);
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < MESSAGES / BLOCK; i++)
            write_all(ends[1], buf_view(&block));
        (void)pause();
        _exit(0);
    }
    (void)close(ends[1]);
    begin(&s, ends[0]);
    const double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    while (s.got < MESSAGES)
        turn(&s);
    (void)printf("ws_receive_per_core %.0f msg/s\n",
                 (double)MESSAGES / (seconds(CLOCK_PROCESS_CPUTIME_ID) - began));
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    ws_free(s.ws);
    buf_deinit(&block);
}

static void bench_send(void)
{
    int ends[2];
    struct side s;
    char text[TEXT];
    uint64_t sent = 0;
    memset(text, 'x', sizeof text);
    connect_both(ends);
    const pid_t child = fork();
    if (child == 0) {
        static uint8_t sink[1u << 16];
        (void)close(ends[0]); /* so that its end is seen */
        while (read(ends[1], sink, sizeof sink) > 0)
            ;
        _exit(0);
    }
    (void)close(ends[1]);
    begin(&s, ends[0]);
    const struct pipe_port p = ws_port(s.ws);
    const double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    while (s.credit < (uint64_t)MESSAGES * TEXT) {
        for (; sent < MESSAGES && sent * TEXT < s.credit + (1u << 20); sent++)
            p.ops->send(p.ctx, s.pipe, bytes_copy(slice_of(text, sizeof text)));
        ws_tick(s.ws, now());
        if (sent == MESSAGES || sent * TEXT >= s.credit + (1u << 20))
            turn(&s);
    }
    (void)printf("ws_send_per_core %.0f msg/s\n",
                 (double)MESSAGES / (seconds(CLOCK_PROCESS_CPUTIME_ID) - began));
    ws_free(s.ws);
    (void)waitpid(child, NULL, 0);
}

int main(void)
{
    bench_frames();
    bench_receive();
    bench_send();
    return 0;
}
