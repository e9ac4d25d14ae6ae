#include "apps/pando/demo.h"

#include "api/client.h"
#include "apps/pando/commands.h"
#include "apps/pando/output.h"
#include "base/slice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT_MS 60000
#define STOP_LIMIT_MS 30000

uint64_t demo_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void demo_pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL);
}

void demo_step(struct demo *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)printf("\n%u. ", ++d->step);
    (void)vprintf(format, args);
    (void)printf("\n");
    va_end(args);
    (void)fflush(stdout);
}

bool demo_check(struct demo *d, bool held, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const bool glyphs = output_is_utf8();
    (void)printf("   %s ", held ? (glyphs ? "\u2713" : "ok:") : (glyphs ? "\u2717" : "FAILED:"));
    (void)vprintf(format, args);
    (void)printf("\n");
    va_end(args);
    (void)fflush(stdout);
    d->failed += !held;
    return held;
}

enum pando_status demo_begin(struct demo *d, bool json, struct pando_err *reterr)
{
    *d = (struct demo){ .json = json };
    (void)snprintf(d->dir, sizeof d->dir, "/tmp/pando-demo-XXXXXX");
    if (mkdtemp(d->dir) == NULL)
        return pando_err_set(reterr, PANDO_IO, "cannot make a folder under /tmp: %s", strerror(errno));
    return PANDO_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void demo_remove(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum pando_status demo_end(struct demo *d, struct pando_err *reterr)
{
    for (size_t i = 0; i < d->nodes_len; i++)
        (void)demo_stop(d, i);
    if (d->failed == 0)
        demo_remove(d->dir);
    if (d->failed == 0)
        return PANDO_OK;
    return pando_err_set(reterr, PANDO_IO, "%u steps of the demo did not hold; logs are in %s",
                         d->failed, d->dir);
}

/* UDP and TCP of a port are both free on loopback. */
static bool is_free(uint16_t port)
{
    const int kinds[2] = { SOCK_DGRAM, SOCK_STREAM };
    bool free_port = true;
    for (size_t i = 0; i < 2; i++) {
        const struct sockaddr_in a = { .sin_family = AF_INET,
                                       .sin_port = htons(port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const int on = 1, fd = socket(AF_INET, kinds[i] | SOCK_CLOEXEC, 0);
        if (kinds[i] == SOCK_STREAM)
            (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        free_port &= fd >= 0 && bind(fd, (const struct sockaddr *)(const void *)&a, sizeof a) == 0;
        if (fd >= 0)
            (void)close(fd);
    }
    return free_port;
}

uint16_t demo_free_port(uint16_t wanted)
{
    for (uint32_t port = wanted; port < 65000; port++)
        if (is_free((uint16_t)port))
            return (uint16_t)port;
    return 0;
}

/* A port for node `who`; one that starts again may have its old one. */
static uint16_t free_port(const struct demo *d, size_t who, uint16_t wanted)
{
    for (uint32_t port = wanted; port < 65000; port++) {
        bool taken = false;
        for (size_t i = 0; i < d->nodes_len; i++)
            taken |= i != who && d->nodes[i].port == port;
        if (!taken && is_free((uint16_t)port))
            return (uint16_t)port;
    }
    return 0;
}

/* The child: this very binary as a node; its words go to a file beside its data. */
static void become_node(const struct demo_node *n, const char *peer)
{
    char port[8], log[300];
    (void)snprintf(port, sizeof port, "%u", n->port);
    (void)snprintf(log, sizeof log, "%s.log", n->data);
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    if (peer == NULL)
        (void)execl("/proc/self/exe", "pando", "node", "--port", port, "--name", n->name, "--data",
                    n->data, "--listen", "127.0.0.1", (char *)NULL);
    else
        (void)execl("/proc/self/exe", "pando", "node", "--port", port, "--name", n->name, "--data",
                    n->data, "--listen", "127.0.0.1", "--peer", peer, (char *)NULL);
    _exit(127);
}

json_t *demo_ask(struct demo *d, size_t i, const char *verb, const char *args, struct pando_err *reterr)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/control.sock", d->nodes[i].data);
    const struct client_target target = { .socket_path = path };
    struct pando_buf body;
    buf_init(&body, 16u << 20);
    json_t *answer = NULL;
    if (client_call(&target, verb, slice_text(args), NULL, &body, reterr) == PANDO_OK)
        answer = json_loadb((const char *)body.ptr, body.len, 0, NULL);
    buf_deinit(&body);
    return answer;
}

bool demo_wait(struct demo *d, size_t i, const char *verb, bool (*holds)(const json_t *, void *),
               void *ctx, unsigned limit_ms, uint64_t *ret_us)
{
    const uint64_t start = demo_now_us();
    do {
        json_t *answer = demo_ask(d, i, verb, "{}", NULL);
        const bool held = answer != NULL && holds(answer, ctx);
        json_decref(answer);
        *ret_us = demo_now_us() - start;
        if (held)
            return true;
        demo_pause_ms(*ret_us < 100000 ? 1 : 20);
    } while (demo_now_us() - start < (uint64_t)limit_ms * 1000);
    return false;
}

static bool answers(const json_t *answer, void *ctx)
{
    (void)ctx;
    return json_is_string(json_object_get(answer, "peer_id"));
}

enum pando_status demo_start(struct demo *d, size_t i, const char *name, uint16_t port,
                             const char *peer, struct pando_err *reterr)
{
    struct demo_node *n = &d->nodes[i];
    if (i >= d->nodes_len)
        d->nodes_len = i + 1;
    (void)snprintf(n->name, sizeof n->name, "%s", name);
    char data[sizeof n->data];
    (void)snprintf(data, sizeof data, "%.190s/%.31s", d->dir, name);
    memcpy(n->data, data, sizeof data);
    n->port = free_port(d, i, port);
    (void)fflush(stdout);
    n->pid = fork();
    if (n->pid == 0)
        become_node(n, peer);
    uint64_t us;
    if (n->pid < 0 || !demo_wait(d, i, "status", answers, NULL, START_LIMIT_MS, &us))
        return pando_err_set(reterr, PANDO_UNAVAILABLE, "%s does not answer; see %s.log", name, n->data);
    (void)demo_check(d, true, "%s listens on port %u after %llu ms (pid %d)", name, n->port,
                     (unsigned long long)(us / 1000), (int)n->pid);
    return PANDO_OK;
}

bool demo_stop(struct demo *d, size_t i)
{
    struct demo_node *n = &d->nodes[i];
    int status = 0;
    if (n->pid <= 0)
        return true;
    (void)kill(n->pid, SIGINT);
    for (unsigned ms = 0; ms < STOP_LIMIT_MS; ms += 10) {
        if (waitpid(n->pid, &status, WNOHANG) == n->pid) {
            n->pid = 0;
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        demo_pause_ms(10);
    }
    (void)kill(n->pid, SIGKILL);
    (void)waitpid(n->pid, &status, 0);
    n->pid = 0;
    return false;
}

static const struct {
    const char *name;
    enum pando_status (*play)(struct demo *d, struct pando_err *reterr);
} demos[] = {
    { "two-node", demo_two_node },
    { "chat", demo_chat },
    { "federation-simple", demo_federation_simple },
    { "hub-and-spoke", demo_hub_and_spoke },
    { "trust-policies", demo_trust_policies },
    { "federation-mesh", demo_mesh },
    { "federation-hierarchy", demo_hierarchy },
    { "federation-bridge", demo_bridge },
};

static enum pando_status read_interval(const struct args *args, long *ret,
                                       struct pando_err *reterr)
{
    char *end;
    const char *text = args_value(args, OPT_EVERY, "100");
    const unsigned long ms = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || ms > 60000)
        return pando_err_set(reterr, PANDO_INVALID,
                             "--every takes milliseconds from 0 to 60000, not '%.40s'", text);
    *ret = (long)ms;
    return PANDO_OK;
}

enum pando_status run_demo(const struct args *args, struct pando_err *reterr)
{
    struct demo d;
    size_t i = 0;
    while (i < sizeof demos / sizeof demos[0] && strcmp(demos[i].name, args->words[0]) != 0)
        i++;
    if (i == sizeof demos / sizeof demos[0])
        return pando_err_set(reterr, PANDO_NOT_FOUND,
                             "there is no demo '%s'; there are: two-node, chat, "
                             "federation-simple, hub-and-spoke, trust-policies, "
                             "federation-mesh, federation-hierarchy, federation-bridge",
                             args->words[0]);
    long every_ms = 0;
    enum pando_status st = read_interval(args, &every_ms, reterr);
    if (st == PANDO_OK)
        st = demo_begin(&d, args->json, reterr);
    if (st != PANDO_OK)
        return st;
    d.every_ms = every_ms;
    st = demos[i].play(&d, reterr);
    if (st != PANDO_OK)
        d.failed++;
    const enum pando_status end = demo_end(&d, st == PANDO_OK ? reterr : NULL);
    return st == PANDO_OK ? end : st;
}
