#include "bench/steady.h"

#include "bench/figure.h"
#include "bench/lanes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_LIMIT_S 2
#define AGAIN_NS       2000000u
#define PIECE          1000

struct asker {
    struct steady *s;
    char paths[TRIO][220];
    size_t at;
    int fd;
};

static bool reach(struct asker *a)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    const struct timeval limit = { .tv_sec = ANSWER_LIMIT_S };
    if (a->fd >= 0)
        return true;
    (void)snprintf(where.sun_path, sizeof where.sun_path, "%s", a->paths[a->at]);
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return a->fd >= 0 && setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
           connect(a->fd, (struct sockaddr *)&where, sizeof where) == 0;
}

static void go_on(struct asker *a)
{
    if (a->fd >= 0)
        (void)close(a->fd);
    a->fd = -1;
    a->at = (a->at + 1) % TRIO;
    a->s->repeats++;
    bench_sleep_until(bench_now_ns() + AGAIN_NS);
}

/* The number of the message with this counter; 0 when this node did not say. */
static uint64_t ask(struct asker *a, uint64_t counter)
{
    static uint8_t request[LANES_REQUEST_MAX], answer[8192];
    const size_t len = lanes_request(request, sizeof request, a->s->client, counter, 1);
    const uint8_t *body;
    size_t got = 0, body_len;
    int status = 0;
    if (!reach(a) || send(a->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        return 0;
    for (;;) {
        const ssize_t more = recv(a->fd, answer + got, sizeof answer - got, 0);
        if (more <= 0)
            return 0;
        got += (size_t)more;
        if (lanes_answer(answer, got, &status, &body, &body_len) > 0)
            return status == 200 && body_len == 8 ? lanes_be8(body) : 0;
    }
}

_Noreturn static void run(struct asker *a, uint64_t pace_ns)
{
    struct steady *s = a->s;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    uint64_t due = bench_now_ns();
    for (uint64_t n = 0; n < STEADY_MAX && !atomic_load(&s->stop); n++) {
        uint64_t seq;
        bench_sleep_until(due);
        while ((seq = ask(a, n + 1)) == 0)
            go_on(a);
        s->seqs[n] = seq;
        s->at_ns[n] = bench_now_ns();
        atomic_store(&s->len, n + 1);
        due = due + pace_ns > s->at_ns[n] ? due + pace_ns : s->at_ns[n];
    }
    _exit(0);
}

struct steady *steady_begin(const struct world *w, uint64_t pace_ns, pid_t *ret_pid)
{
    struct steady *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        bench_fail("no shared memory");
    s->client = bench_now_ns();
    struct asker a = { .s = s, .at = TRIO - 1, .fd = -1 }; /* the highest leads at first */
    for (size_t i = 0; i < TRIO; i++)
        memcpy(a.paths[i], w->nodes[i].socket, sizeof a.paths[i]);
    (void)fflush(stdout);
    *ret_pid = fork();
    if (*ret_pid == 0)
        run(&a, pace_ns);
    return s;
}

void steady_end(struct steady *s, pid_t pid)
{
    atomic_store(&s->stop, true);
    lanes_wait(pid);
}

double steady_gap_ms(const struct steady *s, uint64_t from, uint64_t to)
{
    uint64_t longest = 0;
    const uint64_t len = atomic_load(&s->len);
    for (uint64_t i = 1; i < len; i++) {
        const uint64_t gap = s->at_ns[i] - s->at_ns[i - 1];
        if (s->at_ns[i] >= from && s->at_ns[i - 1] <= to && gap > longest)
            longest = gap;
    }
    return (double)longest / 1e6;
}

/* The messages of one answer against what was acknowledged; the next number to read. */
static uint64_t check_piece(const struct steady *s, const char *json, uint64_t from,
                            uint64_t *seen)
{
    const char *at = strstr(json, "\"messages\":[");
    double seq = 0;
    char id[40];
    for (at = at == NULL ? NULL : strstr(at, "{\"seq\":"); at != NULL;
         at = strstr(at + 1, "{\"seq\":")) {
        unsigned long long client, counter;
        unsigned a[5];
        if (!conn_number(at, "seq", &seq) || !conn_text(at, "msg_id", id, sizeof id) ||
            sscanf(id, "%8x-%4x-%4x-%4x-%4x", &a[0], &a[1], &a[2], &a[3], &a[4]) != 5)
            bench_fail("a message does not read: %.80s", at);
        client = (unsigned long long)a[0] << 32 | a[1] << 16 | a[2];
        counter = (unsigned long long)a[3] << 48 | (unsigned long long)a[4] << 32 |
                  strtoull(id + 28, NULL, 16);
        if (client == s->client && counter <= atomic_load(&s->len)) {
            if (s->seqs[counter - 1] != (uint64_t)seq)
                bench_fail("message %llu was acknowledged as %llu and stands at %.0f", counter,
                           (unsigned long long)s->seqs[counter - 1], seq);
            (*seen)++;
        }
    }
    return (uint64_t)seq < from ? from : (uint64_t)seq + 1;
}

void steady_check(const struct steady *s, struct world_node *n)
{
    char args[64];
    uint64_t from = 1, seen = 0;
    for (;;) {
        (void)snprintf(args, sizeof args, "{\"from\":%llu,\"limit\":%d}",
                       (unsigned long long)from, PIECE);
        const uint64_t next =
            check_piece(s, conn_ask(&n->conn, "log.read", args), from, &seen);
        if (next == from)
            break;
        from = next;
    }
    if (seen != atomic_load(&s->len))
        bench_fail("%s shows %llu of %llu acknowledged messages", n->name,
                   (unsigned long long)seen, (unsigned long long)atomic_load(&s->len));
}
