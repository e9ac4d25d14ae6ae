#include "bench/world.h"

#include "bench/figure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_NS 20000000000u
#define POLL_NS        2000000u

static const char *binary(void)
{
    const char *path = getenv("PANDO");
    return path != NULL && path[0] != '\0' ? path : "build/pando";
}

static bool write_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return written;
}

/* As root at once, otherwise in a user namespace too, where the system allows that. */
static bool enter_own_network(void)
{
    const uid_t uid = getuid();
    char map[32];
    struct ifreq request = { .ifr_name = "lo" };
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    if (unshare(CLONE_NEWNET) != 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 ||
                                       !write_text("/proc/self/uid_map", map)))
        return false;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    up = up && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!up)
        bench_fail("the loopback of the new network does not come up");
    return true;
}

void world_begin(struct world *w)
{
    const char *base = getenv("BENCH_DIR");
    *w = (struct world){ .alone = enter_own_network() };
    (void)snprintf(w->dir, sizeof w->dir, "%.80s/pando-bench-XXXXXX",
                   base != NULL ? base : "/tmp");
    if (mkdtemp(w->dir) == NULL)
        bench_fail("cannot make a folder %s: %s", w->dir, strerror(errno));
    if (access(binary(), X_OK) != 0)
        bench_fail("there is no %s: `make` builds it, PANDO=path names another", binary());
    if (!w->alone)
        (void)printf("# no network namespace of our own: other traffic disturbs\n");
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        bench_fail("no free port: %s", strerror(errno));
    (void)close(fd);
    return ntohs(a.sin_port);
}

/* The child: execv takes its words as writable, so each is copied. */
static void become(const struct world *w, const struct world_node *n, const size_t *peers,
                   size_t peers_len)
{
    char port[8], log[240], address[32];
    const char *const words[] = { "pando",  "node",     "--port", port,
                                  "--name", n->name,    "--data", n->data,
                                  "--listen", "127.0.0.1" };
    char *argv[17 + 2 * WORLD_NODES_MAX] = { NULL };
    size_t len = 0;
    (void)snprintf(port, sizeof port, "%u", n->port);
    (void)snprintf(log, sizeof log, "%s.log", n->data);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        argv[len++] = strdup(words[i]);
    for (size_t i = 0; i < peers_len; i++) {
        (void)snprintf(address, sizeof address, "127.0.0.1:%u", w->nodes[peers[i]].port);
        argv[len++] = strdup("--peer");
        argv[len++] = strdup(address);
    }
    if (w->quiet)
        argv[len++] = strdup("--quiet");
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    (void)execv(binary(), argv);
    _exit(127);
}

void world_run(struct world *w, struct world_node *n, const size_t *peers,
               size_t peers_len, uint64_t *ret_ns)
{
    (void)fflush(stdout);
    const uint64_t start = bench_now_ns();
    n->pid = fork();
    if (n->pid == 0)
        become(w, n, peers, peers_len);
    while (!conn_try(&n->conn, n->socket)) {
        const uint64_t now = bench_now_ns();
        if (now - start > START_LIMIT_NS || waitpid(n->pid, NULL, WNOHANG) == n->pid)
            bench_fail("%s does not start; see %s.log", n->name, n->data);
        bench_sleep_until(now + 200000);
    }
    (void)conn_ask(&n->conn, "health", "{}");
    if (ret_ns != NULL)
        *ret_ns = bench_now_ns() - start;
    if (!conn_text(conn_ask(&n->conn, "status", "{}"), "peer_id", n->id, sizeof n->id))
        bench_fail("%s does not say who it is", n->name);
}

static struct world_node *place(struct world *w)
{
    static unsigned count;
    if (w->nodes_len == WORLD_NODES_MAX)
        bench_fail("too many nodes");
    struct world_node *n = &w->nodes[w->nodes_len++];
    *n = (struct world_node){ .port = free_port(), .conn = { .fd = -1 } };
    (void)snprintf(n->name, sizeof n->name, "n%u", ++count);
    char folder[sizeof n->data];
    (void)snprintf(folder, sizeof folder, "%s/n%u", w->dir, count);
    memcpy(n->data, folder, sizeof folder);
    (void)snprintf(n->socket, sizeof n->socket, "%s/control.sock", folder);
    return n;
}

struct world_node *world_start(struct world *w, const size_t *peers, size_t peers_len)
{
    struct world_node *n = place(w);
    world_run(w, n, peers, peers_len, NULL);
    return n;
}

struct world_node *world_place(struct world *w, const char *config)
{
    char path[sizeof w->nodes[0].data + 16];
    struct world_node *n = place(w);
    (void)snprintf(path, sizeof path, "%s/config.yml", n->data);
    const int fd = mkdir(n->data, 0700) != 0
                       ? -1
                       : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, config, strlen(config)) != (ssize_t)strlen(config))
        bench_fail("cannot write %s: %s", path, strerror(errno));
    (void)close(fd);
    return n;
}

void world_kill(struct world_node *n)
{
    conn_close(&n->conn);
    (void)kill(n->pid, SIGKILL);
    (void)waitpid(n->pid, NULL, 0);
    n->pid = 0;
}

void world_stop(struct world_node *n)
{
    int status = 0;
    if (n->pid <= 0)
        return;
    conn_close(&n->conn);
    (void)kill(n->pid, SIGINT);
    for (int i = 0; i < 1000; i++) {
        if (waitpid(n->pid, &status, WNOHANG) == n->pid) {
            n->pid = 0;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                bench_fail("%s stopped with status %d; see %s.log", n->name, status, n->data);
            return;
        }
        bench_sleep_until(bench_now_ns() + 10000000);
    }
    (void)printf("# %s did not stop within 10 s and was killed\n", n->name);
    (void)kill(n->pid, SIGKILL);
    (void)waitpid(n->pid, &status, 0);
    n->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void world_clear(struct world *w)
{
    for (size_t i = 0; i < w->nodes_len; i++)
        world_stop(&w->nodes[i]);
    for (size_t i = 0; i < w->nodes_len; i++)
        (void)nftw(w->nodes[i].data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    w->nodes_len = 0;
}

void world_end(struct world *w)
{
    world_clear(w);
    (void)nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

double world_status(struct world_node *n, const char *name)
{
    double value = 0;
    if (!conn_number(conn_ask(&n->conn, "status", "{}"), name, &value))
        bench_fail("the status of %s has no %s", n->name, name);
    return value;
}

double world_metric(struct world_node *n, const char *name)
{
    const char *at = conn_ask(&n->conn, "metrics", "{}");
    const size_t len = strlen(name);
    for (; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, name, len) == 0 && (at[len] == ' ' || at[len] == '{'))
            return strtod(strpbrk(at + len, at[len] == '{' ? "}" : " ") + 1, NULL);
    bench_fail("%s has no metric %s", n->name, name);
}

double world_memory(const struct world_node *n, const char *name)
{
    char path[64], line[128];
    double kib = 0;
    const size_t len = strlen(name);
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)n->pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            kib = strtod(line + len + 1, NULL);
    if (f != NULL)
        (void)fclose(f);
    return kib * 1024;
}

double world_disk(const struct world_node *n)
{
    char *const roots[] = { (char *)n->data, NULL };
    double sum = 0;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (const FTSENT *e; walk != NULL && (e = fts_read(walk)) != NULL;)
        if (e->fts_info == FTS_F || e->fts_info == FTS_D)
            sum += (double)e->fts_statp->st_blocks * 512;
    if (walk != NULL)
        (void)fts_close(walk);
    return sum;
}

uint64_t world_wire_bytes(void)
{
    char line[256];
    unsigned long long bytes = 0;
    FILE *f = fopen("/proc/thread-self/net/dev", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strstr(line, "lo:") != NULL)
            bytes = strtoull(strchr(line, ':') + 1, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return bytes;
}

bool world_wait(struct world_node *n, const char *name, double least, uint64_t limit_ms)
{
    const uint64_t end = bench_now_ns() + limit_ms * 1000000u;
    while (world_status(n, name) < least) {
        const uint64_t now = bench_now_ns();
        if (now > end)
            return false;
        bench_sleep_until(now + POLL_NS);
    }
    return true;
}

bool world_wait_event(struct world_node *n, const char *id, uint64_t limit_ms)
{
    char args[160];
    const uint64_t end = bench_now_ns() + limit_ms * 1000000u;
    (void)snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    while (conn_try_ask(&n->conn, "dag.show", args) != 200) {
        const uint64_t now = bench_now_ns();
        if (now > end)
            return false;
        bench_sleep_until(now + POLL_NS);
    }
    return true;
}
