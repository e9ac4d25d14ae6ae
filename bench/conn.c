#include "bench/conn.h"

#include "bench/figure.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)4 << 20)
#define PATIENCE   300000 /* ms of silence */
#define IDLE_NS    10000000000u

bool conn_try(struct conn *c, const char *socket_path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if ((size_t)snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path) >=
        sizeof a.sun_path)
        bench_fail("the path %s is too long for a socket", socket_path);
    *c = (struct conn){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                        .used_ns = bench_now_ns() };
    memcpy(c->path, a.sun_path, sizeof c->path);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0)
        return true;
    conn_close(c);
    return false;
}

void conn_open(struct conn *c, const char *socket_path)
{
    if (!conn_try(c, socket_path))
        bench_fail("no node answers on %s: %s", socket_path, strerror(errno));
}

void conn_close(struct conn *c)
{
    const int why = errno;
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c->bytes);
    *c = (struct conn){ .fd = -1 };
    errno = why;
}

void conn_send(struct conn *c, const char *verb, const char *args)
{
    char *text = NULL;
    if (bench_now_ns() - c->used_ns > IDLE_NS) {
        char path[sizeof c->path];
        memcpy(path, c->path, sizeof path);
        conn_close(c);
        conn_open(c, path);
    }
    const int len = asprintf(&text,
                             "POST /api/%s HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Type: application/json\r\n"
                             "Content-Length: %zu\r\n\r\n%s",
                             verb, strlen(args), args);
    if (len < 0)
        bench_fail("memory is out");
    for (int at = 0; at < len;) {
        const ssize_t sent = send(c->fd, text + at, (size_t)(len - at), MSG_NOSIGNAL);
        if (sent < 0)
            bench_fail("asking %s: %s", verb, strerror(errno));
        at += (int)sent;
    }
    free(text);
    c->len = 0;
}

static bool complete(struct conn *c)
{
    c->bytes[c->len] = '\0';
    char *end = strstr(c->bytes, "\r\n\r\n");
    const char *length = strcasestr(c->bytes, "Content-Length:");
    if (end == NULL)
        return false;
    if (length == NULL || length > end)
        bench_fail("an answer without a length");
    const size_t want = strtoull(length + 15, NULL, 10);
    const size_t head = (size_t)(end + 4 - c->bytes);
    if (c->len < head + want)
        return false;
    c->status = atoi(c->bytes + 9);
    c->body = c->bytes + head;
    c->body_len = want;
    return true;
}

bool conn_read(struct conn *c)
{
    if (c->cap - c->len < 4096) {
        c->cap = c->cap == 0 ? 8192 : c->cap * 2;
        c->bytes = c->cap <= ANSWER_MAX ? realloc(c->bytes, c->cap + 1) : NULL;
        if (c->bytes == NULL)
            bench_fail("an answer of over %zu bytes", ANSWER_MAX);
    }
    const ssize_t got = recv(c->fd, c->bytes + c->len, c->cap - c->len, 0);
    if (got <= 0)
        bench_fail("the node closed the connection: %s", strerror(errno));
    c->len += (size_t)got;
    c->used_ns = bench_now_ns();
    return complete(c);
}

int conn_try_ask(struct conn *c, const char *verb, const char *args)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    conn_send(c, verb, args);
    do
        if (poll(&p, 1, PATIENCE) <= 0)
            bench_fail("%s is not answered", verb);
    while (!conn_read(c));
    return c->status;
}

const char *conn_ask(struct conn *c, const char *verb, const char *args)
{
    if (conn_try_ask(c, verb, args) != 200)
        bench_fail("%s %.200s: %.400s", verb, args, c->body);
    return c->body;
}

static const char *member(const char *json, const char *name)
{
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(json, quoted);
    return at == NULL ? NULL : at + strlen(quoted);
}

bool conn_number(const char *json, const char *name, double *ret)
{
    const char *at = member(json, name);
    char *end = NULL;
    const double value = at == NULL ? 0 : strtod(at, &end);
    if (at == NULL || end == at)
        return false;
    *ret = value;
    return true;
}

bool conn_text(const char *json, const char *name, char *ret, size_t cap)
{
    const char *at = member(json, name);
    const char *end = at != NULL && *at == '"' ? strchr(at + 1, '"') : NULL;
    if (end == NULL || (size_t)(end - at) > cap)
        return false;
    memcpy(ret, at + 1, (size_t)(end - at - 1));
    ret[end - at - 1] = '\0';
    return true;
}
