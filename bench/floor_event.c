#include "bench/floor_event.h"

#include "bench/figure.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT     300 /* bytes */
#define FILE_SIZE (1 << 20)

/* One of the two; `to` is the other one's socket or -1. */
static void serve(int from, int to, const char *path)
{
    static char block[FILE_SIZE];
    char event[EVENT];
    off_t at = 0;
    const int file = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, block, sizeof block) != sizeof block || fsync(file) != 0)
        _exit(1);
    while (recv(from, event, sizeof event, 0) == sizeof event) {
        if (pwrite(file, event, sizeof event, at) != sizeof event ||
            (to >= 0 && send(to, event, sizeof event, MSG_NOSIGNAL) != sizeof event) ||
            fdatasync(file) != 0 || send(from, event, 1, MSG_NOSIGNAL) != 1)
            _exit(1);
        at = (at + EVENT) % (FILE_SIZE - EVENT);
    }
    (void)unlink(path);
    _exit(0);
}

/* A process at the other end of the socket that is given back. */
static int start(int to, const char *dir, const char *name, pid_t *ret_pid)
{
    char path[200];
    int ends[2];
    (void)snprintf(path, sizeof path, "%.150s/%s", dir, name);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        bench_fail("no sockets");
    (void)fflush(stdout);
    *ret_pid = fork();
    if (*ret_pid == 0) {
        (void)close(ends[0]);
        serve(ends[1], to, path);
    }
    (void)close(ends[1]);
    return ends[0];
}

static void wait_for_both(int first, int second)
{
    bool answered = false, told = false;
    char byte;
    while (!answered || !told) {
        struct pollfd p[2] = { { .fd = answered ? -1 : first, .events = POLLIN },
                               { .fd = told ? -1 : second, .events = POLLIN } };
        if (poll(p, 2, 10000) <= 0)
            bench_fail("the floor is silent");
        answered = answered || (p[0].revents != 0 && recv(first, &byte, 1, 0) == 1);
        told = told || (p[1].revents != 0 && recv(second, &byte, 1, 0) == 1);
    }
}

void floor_event(const char *dir, double *ret_us, size_t len, uint64_t every_ns)
{
    const char event[EVENT] = { 1 };
    pid_t pids[2];
    const int second = start(-1, dir, "floor-b", &pids[1]);
    const int first = start(second, dir, "floor-a", &pids[0]);
    uint64_t at = bench_now_ns();
    for (size_t i = 0; i < len; i++) {
        const uint64_t begin = bench_now_ns();
        if (send(first, event, sizeof event, MSG_NOSIGNAL) != sizeof event)
            bench_fail("the floor has ended");
        wait_for_both(first, second);
        ret_us[i] = (double)(bench_now_ns() - begin) / 1e3;
        at += every_ns;
        if (at > bench_now_ns())
            bench_sleep_until(at);
    }
    (void)close(first);
    (void)waitpid(pids[0], NULL, 0);
    (void)close(second);
    (void)waitpid(pids[1], NULL, 0);
}
