#include "api/client.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX  (32u << 10)
#define ERROR_MAX (64u << 10)

struct wire {
    int fd;
    const struct client_target *target;
    struct pando_err *reterr;
    char where[128];
    uint8_t bytes[16384]; /* read and not used: [at, len) */
    size_t at, len;
};

static int timeout_ms(const struct client_target *t)
{
    const uint64_t ms = t->timeout.ns == 0 ? 30000 : t->timeout.ns / 1000000;
    return ms > 86400000 ? 86400000 : (int)ms;
}

static enum pando_status bad(struct wire *w, const char *what)
{
    return pando_err_set(w->reterr, PANDO_MALFORMED,
                         "%s does not answer as a node does: %s", w->where, what);
}

static enum pando_status wait_for(struct wire *w, short events)
{
    struct pollfd p = { .fd = w->fd, .events = events };
    int rc;
    do
        rc = poll(&p, 1, timeout_ms(w->target));
    while (rc < 0 && errno == EINTR);
    if (rc > 0)
        return PANDO_OK;
    if (rc == 0)
        return pando_err_set(w->reterr, PANDO_TIMEOUT, "%s has not answered for %d ms",
                             w->where, timeout_ms(w->target));
    return pando_err_set(w->reterr, PANDO_IO, "poll: %s", strerror(errno));
}

static enum pando_status unavailable(struct wire *w, int why)
{
    if (w->target->socket_path != NULL)
        return pando_err_set(w->reterr, PANDO_UNAVAILABLE,
                             "no node answers on %s (%s): start one with 'pando node'",
                             w->where, strerror(why));
    return pando_err_set(
        w->reterr, PANDO_UNAVAILABLE,
        "no node answers on %s (%s): is it running, does it listen there "
        "(http_listen), is TCP port %u open in the firewall?",
        w->where, strerror(why), w->target->port);
}

/* Connect without waiting longer than the timeout. */
static enum pando_status connect_to(struct wire *w, int family,
                                    const struct sockaddr *address, socklen_t len)
{
    w->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0)
        return pando_err_set(w->reterr, PANDO_IO, "socket: %s", strerror(errno));
    if (connect(w->fd, address, len) == 0)
        return PANDO_OK;
    if (errno != EINPROGRESS)
        return unavailable(w, errno);
    const enum pando_status st = wait_for(w, POLLOUT);
    int why = 0;
    socklen_t why_len = sizeof why;
    if (st != PANDO_OK)
        return st;
    (void)getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &why, &why_len);
    return why == 0 ? PANDO_OK : unavailable(w, why);
}

static enum pando_status connect_tcp(struct wire *w)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *all = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", w->target->port);
    const int rc = getaddrinfo(w->target->host, port, &hints, &all);
    if (rc != 0)
        return pando_err_set(w->reterr, PANDO_UNAVAILABLE, "cannot resolve %s: %s",
                             w->target->host, gai_strerror(rc));
    enum pando_status st = PANDO_UNAVAILABLE;
    for (const struct addrinfo *a = all; a != NULL && st != PANDO_OK; a = a->ai_next) {
        if (w->fd >= 0)
            (void)close(w->fd);
        st = connect_to(w, a->ai_family, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(all);
    return st;
}

static enum pando_status connect_any(struct wire *w)
{
    const struct client_target *t = w->target;
    if (t->socket_path == NULL) {
        (void)snprintf(w->where, sizeof w->where, "%.100s port %u", t->host, t->port);
        return connect_tcp(w);
    }
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    (void)snprintf(w->where, sizeof w->where, "%.120s", t->socket_path);
    if (strlen(t->socket_path) >= sizeof place.sun_path)
        return pando_err_set(w->reterr, PANDO_INVALID,
                             "the path of %s is too long for a socket", w->where);
    (void)snprintf(place.sun_path, sizeof place.sun_path, "%s", t->socket_path);
    return connect_to(w, AF_UNIX, (const struct sockaddr *)&place, sizeof place);
}

static enum pando_status send_all(struct wire *w, struct pando_slice s)
{
    while (s.len > 0) {
        const ssize_t sent = send(w->fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (sent > 0) {
            s = (struct pando_slice){ s.ptr + sent, s.len - (size_t)sent };
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return PANDO_OK; /* it may have answered already, e.g. that this is too big */
        } else if (errno != EAGAIN && errno != EINTR) {
            return unavailable(w, errno);
        } else {
            const enum pando_status st = wait_for(w, POLLOUT);
            if (st != PANDO_OK)
                return st;
        }
    }
    return PANDO_OK;
}

static enum pando_status send_request(struct wire *w, const char *verb,
                                      struct pando_slice args)
{
    struct pando_buf head;
    const struct client_target *t = w->target;
    const bool token = t->token != NULL && t->token[0] != '\0';
    buf_init(&head, 4096);
    enum pando_status st = buf_printf(
        &head,
        "POST /api/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\nConnection: close\r\n%s%s%s\r\n",
        verb, t->socket_path != NULL ? "localhost" : t->host, args.len,
        token ? "Authorization: Bearer " : "", token ? t->token : "",
        token ? "\r\n" : "");
    if (st == PANDO_OK)
        st = send_all(w, buf_view(&head));
    buf_deinit(&head);
    return st == PANDO_OK ? send_all(w, args) : st;
}

/* At least one unread byte, or `*ret_end`. */
static enum pando_status fill(struct wire *w, bool *ret_end)
{
    *ret_end = false;
    while (w->at == w->len) {
        const ssize_t got = recv(w->fd, w->bytes, sizeof w->bytes, 0);
        if (got > 0) {
            w->at = 0;
            w->len = (size_t)got;
        } else if (got == 0 || errno == ECONNRESET) {
            *ret_end = true;
            return PANDO_OK;
        } else if (errno != EAGAIN && errno != EINTR) {
            return pando_err_set(w->reterr, PANDO_IO, "reading from %s: %s", w->where,
                                 strerror(errno));
        } else {
            const enum pando_status st = wait_for(w, POLLIN);
            if (st != PANDO_OK)
                return st;
        }
    }
    return PANDO_OK;
}

/* One line without its CRLF; `*budget` counts the head's bytes down. */
static enum pando_status read_line(struct wire *w, char *line, size_t cap, size_t *budget)
{
    size_t len = 0;
    for (;;) {
        bool end;
        const enum pando_status st = fill(w, &end);
        if (st != PANDO_OK)
            return st;
        if (end)
            return bad(w, "it closed the connection in the middle");
        const char c = (char)w->bytes[w->at++];
        if (*budget == 0 || len + 1 >= cap)
            return bad(w, "its header is too long");
        --*budget;
        if (c == '\n')
            break;
        line[len++] = c;
    }
    line[len - (len > 0 && line[len - 1] == '\r')] = '\0';
    return PANDO_OK;
}

struct head {
    int status;
    bool chunked;
    bool has_len;
    uint64_t len;
};

static bool parse_number(const char *text, unsigned base, uint64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, (int)base);
    if (end == text || errno != 0 || text[0] == '-' || (*end != '\0' && *end != ';'))
        return false;
    *ret_value = value;
    return true;
}

static enum pando_status read_head(struct wire *w, struct head *ret_head)
{
    char line[4096];
    size_t budget = HEAD_MAX;
    struct head h = { 0 };
    enum pando_status st = read_line(w, line, sizeof line, &budget);
    if (st != PANDO_OK)
        return st;
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12)
        return bad(w, "it speaks no HTTP");
    h.status = atoi(line + 9);
    while ((st = read_line(w, line, sizeof line, &budget)) == PANDO_OK &&
           line[0] != '\0') {
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            const char *value = line + 15 + strspn(line + 15, " ");
            h.has_len = parse_number(value, 10, &h.len);
            if (!h.has_len)
                return bad(w, "its Content-Length is no number");
        } else if (strncasecmp(line, "Transfer-Encoding:", 18) == 0) {
            h.chunked = strcasestr(line + 18, "chunked") != NULL;
        }
    }
    if (st == PANDO_OK)
        *ret_head = h;
    return st;
}

struct sink {
    const struct client_stream *stream;
    struct pando_buf *body;
    bool enough;
};

static enum pando_status deliver(struct wire *w, struct sink *sink,
                                 struct pando_slice part)
{
    if (sink->stream != NULL) {
        sink->enough = !sink->stream->part(sink->stream->ctx, part);
        return PANDO_OK;
    }
    const enum pando_status st = buf_append(sink->body, part);
    return st == PANDO_OK ? st
                          : pando_err_set(w->reterr, st, "the answer is over %zu bytes",
                                          sink->body->max);
}

/* `len` bytes of body, or all until the end when `len` is UINT64_MAX. */
static enum pando_status read_bytes(struct wire *w, uint64_t len, struct sink *sink)
{
    while (len > 0 && !sink->enough) {
        bool end;
        enum pando_status st = fill(w, &end);
        if (st != PANDO_OK)
            return st;
        if (end)
            return len == UINT64_MAX ? PANDO_OK : bad(w, "the answer was broken off");
        const size_t have = w->len - w->at;
        const size_t take = have < len ? have : (size_t)len;
        st = deliver(w, sink, (struct pando_slice){ w->bytes + w->at, take });
        if (st != PANDO_OK)
            return st;
        w->at += take;
        if (len != UINT64_MAX)
            len -= take;
    }
    return PANDO_OK;
}

static enum pando_status read_chunks(struct wire *w, struct sink *sink)
{
    for (;;) {
        char line[256];
        size_t budget = sizeof line;
        uint64_t len;
        enum pando_status st = read_line(w, line, sizeof line, &budget);
        if (st != PANDO_OK)
            return st;
        if (!parse_number(line, 16, &len))
            return bad(w, "a chunk's size is no number");
        if (len == 0)
            return PANDO_OK; /* trailers, if any, go with the connection */
        st = read_bytes(w, len, sink);
        if (st != PANDO_OK || sink->enough)
            return st;
        st = read_line(w, line, sizeof line, &budget);
        if (st != PANDO_OK)
            return st;
    }
}

static enum pando_status read_body(struct wire *w, const struct head *h,
                                   struct sink *sink)
{
    if (h->status == 204)
        return PANDO_OK;
    if (h->chunked)
        return read_chunks(w, sink);
    return read_bytes(w, h->has_len ? h->len : UINT64_MAX, sink);
}

static enum pando_status status_named(const char *name)
{
    static const struct {
        const char *name;
        enum pando_status status;
    } all[] = {
#define X(name, value, blame, exit, http, rpc, text) { #name, PANDO_##name },
        PANDO_STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].status;
    return PANDO_IO;
}

static enum pando_status read_error(struct wire *w, const struct head *h)
{
    struct pando_buf text;
    buf_init(&text, ERROR_MAX);
    struct sink sink = { .body = &text };
    enum pando_status st = read_body(w, h, &sink);
    if (st == PANDO_OK) {
        json_t *value = json_loadb((const char *)text.ptr, text.len, 0, NULL);
        const json_t *error = json_object_get(value, "error");
        const char *name = json_string_value(json_object_get(error, "status"));
        const char *said = json_string_value(json_object_get(error, "text"));
        st = name != NULL ? status_named(name) : PANDO_IO;
        if (st == PANDO_OK)
            st = PANDO_IO; /* an error that calls itself a success */
        if (said != NULL)
            (void)pando_err_set(w->reterr, st, "%s", said);
        else
            (void)pando_err_set(w->reterr, st, "%s answered with HTTP status %d",
                                w->where, h->status);
        json_decref(value);
    }
    buf_deinit(&text);
    return st;
}

enum pando_status client_call(const struct client_target *target, const char *verb,
                              struct pando_slice args, const struct client_stream *stream,
                              struct pando_buf *ret_body, struct pando_err *reterr)
{
    struct wire *w = calloc(1, sizeof *w);
    struct head h = { 0 };
    struct sink sink = { .stream = stream, .body = ret_body };
    if (w == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    w->fd = -1;
    w->target = target;
    w->reterr = reterr;
    enum pando_status st = connect_any(w);
    if (st == PANDO_OK)
        st = send_request(w, verb, args);
    if (st == PANDO_OK)
        st = read_head(w, &h);
    if (st == PANDO_OK)
        st = h.status / 100 == 2 ? read_body(w, &h, &sink) : read_error(w, &h);
    if (w->fd >= 0)
        (void)close(w->fd);
    free(w);
    return st;
}
