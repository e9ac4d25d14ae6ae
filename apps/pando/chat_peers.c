#include "apps/pando/chat_peers.h"

#include "api/client.h"
#include "apps/pando/demo.h"
#include "apps/pando/output.h"
#include "base/slice.h"
#include "space/log/raft.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_US 60000000
#define STOP_LIMIT_MS  30000
#define FILE_MAX       (64u << 20)

enum pando_status chat_peers_init(struct chat_peers *p, size_t len, uint16_t port,
                                  struct pando_err *reterr)
{
    memset(p, 0, sizeof *p);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/pando-chat-XXXXXX");
    if (mkdtemp(p->dir) == NULL)
        return pando_err_set(reterr, PANDO_IO, "cannot make a folder under /tmp: %s", strerror(errno));
    p->len = len;
    for (size_t i = 0; i < len; i++) {
        struct chat_peer *one = &p->at[i];
        one->id = i + 1;
        one->in = -1;
        one->port = demo_free_port(port);
        port = (uint16_t)(one->port + 1);
        (void)snprintf(one->data, sizeof one->data, "%s/peer_%lu_data", p->dir, one->id);
        (void)snprintf(one->out, sizeof one->out, "%s/peer_%lu.out", p->dir, one->id);
        (void)snprintf(one->err, sizeof one->err, "%s/peer_%lu.err", p->dir, one->id);
        (void)snprintf(one->transcript, sizeof one->transcript, "%s/logs/peer_%lu.log", p->dir, one->id);
        buf_init(&one->unsent, FILE_MAX);
        if (one->port == 0)
            return pando_err_set(reterr, PANDO_UNAVAILABLE, "there is no free port");
    }
    return PANDO_OK;
}

void chat_peers_deinit(struct chat_peers *p, bool keep)
{
    for (size_t i = 0; i < p->len; i++) {
        chat_peers_kill(p, i);
        buf_deinit(&p->at[i].unsent);
    }
    if (!keep && p->dir[0] != '\0')
        demo_remove(p->dir);
}

/* The child: this very binary as a peer. */
static void become(const struct chat_peers *p, const struct chat_peer *one, int in)
{
    char id[24], port[8], seed[40], logs[256];
    (void)snprintf(id, sizeof id, "%lu", one->id);
    (void)snprintf(port, sizeof port, "%u", one->port);
    (void)snprintf(seed, sizeof seed, "1:127.0.0.1:%u", p->at[0].port);
    (void)snprintf(logs, sizeof logs, "%s/logs", p->dir);
    const int out = open(one->out, O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int err = open(one->err, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    const char *argv[16] = { "pando", "chat",      "--id", id,     "--port", port,
                             "--data", one->data, "--log-dir", logs };
    if (one != &p->at[0]) {
        argv[10] = "--seed";
        argv[11] = seed;
    }
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

enum pando_status chat_peers_start(struct chat_peers *p, size_t i, struct pando_err *reterr)
{
    struct chat_peer *one = &p->at[i];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return pando_err_set(reterr, PANDO_IO, "pipe: %s", strerror(errno));
    (void)fflush(stdout);
    one->pid = fork();
    if (one->pid == 0)
        become(p, one, ends[0]);
    (void)close(ends[0]);
    one->in = ends[1];
    (void)fcntl(one->in, F_SETFL, O_NONBLOCK);
    const uint64_t begin = demo_now_us();
    while (one->pid > 0 && demo_now_us() - begin < START_LIMIT_US) {
        json_t *state = chat_peers_state(p, i);
        json_decref(state);
        if (state != NULL)
            return PANDO_OK;
        if (waitpid(one->pid, NULL, WNOHANG) == one->pid) {
            one->pid = 0;
            break;
        }
        demo_pause_ms(5);
    }
    return pando_err_set(reterr, PANDO_UNAVAILABLE, "peer_%lu does not start; see %s", one->id, one->err);
}

static void gone(struct chat_peer *one)
{
    one->pid = 0;
    if (one->in >= 0)
        (void)close(one->in);
    one->in = -1;
    buf_reset(&one->unsent);
}

bool chat_peers_stop(struct chat_peers *p, size_t i)
{
    struct chat_peer *one = &p->at[i];
    int status = 0;
    if (one->pid <= 0)
        return true;
    (void)kill(one->pid, SIGINT);
    for (unsigned ms = 0; ms < STOP_LIMIT_MS; ms += 10) {
        if (waitpid(one->pid, &status, WNOHANG) == one->pid) {
            gone(one);
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        demo_pause_ms(10);
    }
    chat_peers_kill(p, i);
    return false;
}

void chat_peers_kill(struct chat_peers *p, size_t i)
{
    struct chat_peer *one = &p->at[i];
    if (one->pid > 0) {
        (void)kill(one->pid, SIGKILL);
        (void)waitpid(one->pid, NULL, 0);
    }
    gone(one);
}

static void push(struct chat_peer *one)
{
    while (one->in >= 0 && one->unsent.len > 0) {
        const ssize_t put = write(one->in, one->unsent.ptr, one->unsent.len);
        if (put <= 0)
            return;
        buf_consume(&one->unsent, (size_t)put);
    }
}

void chat_peers_say(struct chat_peers *p, size_t i, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)!buf_printf(&p->at[i].unsent, "%s\n", line);
    push(&p->at[i]);
}

bool chat_peers_pump(struct chat_peers *p)
{
    bool done = true;
    for (size_t i = 0; i < p->len; i++) {
        push(&p->at[i]);
        done &= p->at[i].unsent.len == 0;
    }
    return done;
}

json_t *chat_peers_state(struct chat_peers *p, size_t i)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/control.sock", p->at[i].data);
    const struct client_target target = { .socket_path = path, .timeout = PANDO_SEC(5) };
    struct pando_buf body;
    json_t *answer = NULL;
    buf_init(&body, 1u << 20);
    if (client_call(&target, "log.status", slice_text("{\"space\":\"chat\"}"), NULL, &body, NULL) ==
        PANDO_OK)
        answer = json_loadb((const char *)body.ptr, body.len, 0, NULL);
    buf_deinit(&body);
    return answer;
}

int chat_peers_leader(struct chat_peers *p)
{
    char role[32];
    int leader = -1;
    long long term = -1;
    for (size_t i = 0; i < p->len; i++) {
        json_t *state = p->at[i].pid > 0 ? chat_peers_state(p, i) : NULL;
        if (strcmp(text_of(state, "role", role, sizeof role), "LEADER") == 0 &&
            number_of(state, "term") > term) {
            leader = (int)i;
            term = number_of(state, "term");
        }
        json_decref(state);
    }
    return leader;
}

static bool settled(const json_t *state, size_t members, long long leader)
{
    size_t i, voters = 0;
    json_t *m;
    char standing[32];
    const json_t *all = json_object_get(state, "members");
    json_array_foreach(all, i, m)
        voters += strcmp(text_of(m, "standing", standing, sizeof standing), "voter") == 0;
    return json_array_size(all) == members && number_of(state, "leader") == leader &&
           voters == (members < RAFT_VOTERS_MAX ? members : RAFT_VOTERS_MAX);
}

bool chat_peers_settled(struct chat_peers *p, size_t members)
{
    const int leader = chat_peers_leader(p);
    bool all = leader >= 0;
    for (size_t i = 0; i < p->len && all; i++) {
        json_t *state = p->at[i].pid > 0 ? chat_peers_state(p, i) : NULL;
        all = p->at[i].pid <= 0 || settled(state, members, (long long)p->at[leader].id);
        json_decref(state);
    }
    return all;
}

struct pando_buf chat_peers_file(const char *path)
{
    struct pando_buf b;
    buf_init(&b, FILE_MAX);
    FILE *file = fopen(path, "re");
    uint8_t chunk[16384];
    size_t len;
    while (file != NULL && (len = fread(chunk, 1, sizeof chunk, file)) > 0)
        if (buf_append(&b, slice_of(chunk, len)) != PANDO_OK)
            break;
    if (file != NULL)
        (void)fclose(file);
    return b;
}

bool chat_peers_has(const char *path, size_t from, const char *text)
{
    struct pando_buf b = chat_peers_file(path);
    const bool has = b.len > from &&
                     memmem(b.ptr + from, b.len - from, text, strlen(text)) != NULL;
    buf_deinit(&b);
    return has;
}

size_t chat_peers_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}
