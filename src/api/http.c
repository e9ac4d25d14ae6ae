/* http.c - libmicrohttpd's side: a request from its first header to its last byte.
 *
 * MHD runs in epoll mode without a listener and without threads; its epoll descriptor is
 * watched by the host. A request whose answer is not there yet is suspended: MHD then
 * looks at its socket no more, so we look ourselves, once a second, whether the client
 * has left.
 */
#include "api/api_impl.h"

#include "api/args.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_EVERY       PANDO_SEC(1)
#define BODIES_MAX_FACTOR 8 /* all bodies together, in units of body_max */

/* ADDRESS:PORT, for people. */
static void print_remote(const struct sockaddr_storage *address, char ret[64])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    char ip[46] = "";
    memcpy(&v4, address, sizeof v4);
    memcpy(&v6, address, sizeof v6);
    if (address->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4.sin_addr, ip, sizeof ip);
    else if (address->ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, ip, sizeof ip);
    if (ip[0] == '\0')
        (void)snprintf(ret, 64, "the control socket");
    else
        (void)snprintf(ret, 64, address->ss_family == AF_INET ? "%s:%u" : "[%s]:%u", ip,
                       ntohs(address->ss_family == AF_INET ? v4.sin_port : v6.sin6_port));
}

static void on_connection(void *cls, struct MHD_Connection *http, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api *a = cls;
    struct connection *c = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        a->counters.connections_now--;
        if (c == NULL)
            return;
        *(c->prev != NULL ? &c->prev->next : &a->connections) = c->next;
        if (c->next != NULL)
            c->next->prev = c->prev;
        free(c);
        *socket_context = NULL;
        return;
    }
    a->counters.connections_now++;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return; /* its requests are refused */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info != NULL ? info->connect_fd : -1;
    info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_storage address = { 0 };
    if (info != NULL && info->client_addr != NULL) {
        const sa_family_t family = info->client_addr->sa_family;
        memcpy(&address, info->client_addr,
               family == AF_INET    ? sizeof(struct sockaddr_in)
               : family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                    : sizeof(sa_family_t));
    }
    c->control = address.ss_family == AF_UNIX;
    c->loopback = listen_is_loopback(&address);
    c->first = true;
    c->since = a->now;
    print_remote(&address, c->remote);
    if (a->adding != NULL && a->adding->tls)
        memcpy(c->local_ip, a->adding->local_ip, sizeof c->local_ip);
    else
        listen_local_ip(c->fd, c->local_ip);
    c->next = a->connections;
    if (c->next != NULL)
        c->next->prev = c;
    a->connections = c;
    *socket_context = c;
}

static struct connection *connection_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static struct request *request_new(struct api *a, struct MHD_Connection *http)
{
    struct connection *c = connection_of(http);
    struct request *r = c != NULL ? calloc(1, sizeof *r) : NULL;
    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < a->config.connections_max; i++) {
        if (a->requests[i] != NULL)
            continue;
        a->requests[i] = r;
        r->api = a;
        r->connection = c;
        r->http = http;
        r->token = (++a->next_serial & 0x0fffffff) << 16 | i; /* below other tokens */
        buf_init(&r->body, a->config.body_max);
        buf_init(&r->out, a->config.queued_max);
        return r;
    }
    free(r);
    return NULL;
}

static void on_completed(void *cls, struct MHD_Connection *http, void **req_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct api *a = cls;
    struct request *r = *req_cls;
    (void)http;
    (void)why;
    if (r == NULL)
        return;
    *req_cls = NULL;
    a->requests[r->token & 0xffff] = NULL;
    r->connection->calling = false;
    r->connection->first = false;
    r->connection->since = a->now;
    if (r->stage != REQUEST_BODY && (!r->answered || r->more))
        a->config.backend.cancel(a->config.backend.ctx, r->token);
    a->body_bytes -= r->body.len;
    a->out_bytes -= r->out.len - r->out_taken;
    buf_deinit(&r->body);
    buf_deinit(&r->out);
    json_decref(r->args);
    free(r->rpc_id);
    free(r->uri);
    free(r);
}

/* MHD shows the request line before anything else: the path stays undecoded here, so that
 * the router can keep %2F inside one part. What is returned is the request's context. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *http)
{
    struct request *r = request_new(cls, http);
    if (r == NULL)
        return NULL;
    r->uri = strdup(uri);
    if (r->uri == NULL)
        r->cut = true;
    return r;
}

static const char *header(struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->http, MHD_HEADER_KIND, name);
}

static struct access_rules rules_of(const struct api *a)
{
    return (struct access_rules){ a->token, a->host_list, a->config.hosts_len,
                                   a->origin_list, a->config.origins_len };
}

static struct access_request question_of(struct request *r, bool write)
{
    return (struct access_request){
        .control = r->connection->control,
        .loopback = r->connection->loopback,
        .write = write,
        .host = header(r, "Host"),
        .origin = header(r, "Origin"),
        .fetch_site = header(r, "Sec-Fetch-Site"),
        .authorization = header(r, "Authorization"),
        .local_ip = r->connection->local_ip,
    };
}

enum access_verdict request_access(struct request *r, bool write)
{
    const struct access_rules rules = rules_of(r->api);
    const struct access_request q = question_of(r, write);
    return access_check(&rules, &q);
}

enum access_verdict request_access_pipe(struct request *r)
{
    const struct access_rules rules = rules_of(r->api);
    const struct access_request q = question_of(r, true);
    return access_check_pipe(&rules, &q);
}

static void begin_failed(struct request *r, const struct route_match *m)
{
    char text[200];
    if (m->result == ROUTE_MISSING) {
        const bool near = m->near[0] != '\0';
        (void)snprintf(text, sizeof text, "no such route%s%s%s; GET /api lists them",
                       near ? "; did you mean " : "", m->near, near ? "?" : "");
        reply_fail(r, 404, PANDO_NOT_FOUND, text);
    } else {
        (void)snprintf(text, sizeof text, "this route takes %s", m->allow);
        reply_fail(r, 405, PANDO_INVALID, text);
    }
}

/* The headers are here: what does not depend on the body is decided now. */
static void begin(struct request *r, const char *method)
{
    char *query = strchr(r->uri, '?');
    if (query != NULL)
        *query++ = '\0';
    r->begun = true;
    r->api->counters.requests++;
    r->args = json_object();
    route_find(method, r->uri, &r->match);
    if ((r->match.result == ROUTE_MISSING || upgrade_is_wanted(r)) && upgrade_begin(r, method))
        return;
    const bool write = r->match.verb != NULL && route_writes(r->match.verb);
    const enum access_verdict verdict = request_access(r, write);
    if (verdict != ACCESS_GRANTED)
        reply_refuse(r, verdict);
    else if (r->match.result == ROUTE_MISSING || r->match.result == ROUTE_BAD_METHOD)
        begin_failed(r, &r->match);
    else if (r->args == NULL ||
             (query != NULL && args_add_query(r->args, query) != PANDO_OK))
        reply_fail(r, 400, PANDO_INVALID,
                   "the query does not read: each key once, at most 64, UTF-8");
}

/* A body that announces itself as too big is refused before it is sent. */
static bool announces_too_much(struct request *r)
{
    const char *len = header(r, "Content-Length");
    return len != NULL && strtoull(len, NULL, 10) > r->api->config.body_max;
}

static void fail_too_big(struct request *r)
{
    char text[80];
    r->answered = false;
    (void)snprintf(text, sizeof text, "a body may have at most %zu bytes",
                   r->api->config.body_max);
    reply_fail(r, 413, PANDO_FULL, text);
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t len)
{
    struct api *a = r->api;
    if (r->body_over)
        return MHD_NO; /* told too big, yet sends on */
    if (r->answered)
        return MHD_YES; /* refused already: read and forget */
    if (a->body_bytes + len > BODIES_MAX_FACTOR * a->config.body_max) {
        reply_fail(r, 503, PANDO_BUSY, "too many large requests at once: try again");
        return MHD_YES;
    }
    const struct pando_slice part = { (const uint8_t *)data, len };
    const enum pando_status st = buf_append(&r->body, part);
    if (st == PANDO_OK) {
        a->body_bytes += len;
    } else {
        fail_too_big(r);
        r->body_over = true;
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *http, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *data_len, void **req_cls)
{
    struct api *a = cls;
    struct request *r = *req_cls;
    (void)version;
    (void)url;
    if (r == NULL || r->cut || a->stopping)
        return MHD_NO;
    if (!r->begun) {
        begin(r, method);
        if (!announces_too_much(r))
            return MHD_YES;
        fail_too_big(r);
        return reply_queue(r);
    }
    if (*data_len > 0) {
        const enum MHD_Result result = take_body(r, data, *data_len);
        *data_len = 0;
        return result;
    }
    if (r->stage == REQUEST_BODY && !r->answered) {
        r->connection->calling = true;
        r->stage = REQUEST_CALLED;
        dispatch(r);
    }
    if (r->answered)
        return reply_queue(r);
    r->suspended = true;
    MHD_suspend_connection(http);
    return MHD_YES;
}

enum pando_status http_start(struct api *a, struct pando_err *reterr)
{
    const unsigned timeout =
        (unsigned)((a->config.request_timeout.ns + 999999999) / 1000000000);
    a->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE,
        0, NULL,
        NULL, on_request, a, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)a->config.connections_max, MHD_OPTION_CONNECTION_TIMEOUT, timeout,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_HEADERS_MAX,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, a, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, a, MHD_OPTION_URI_LOG_CALLBACK, on_uri, a, MHD_OPTION_END);
    if (a->daemon == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "the HTTP server does not start");
    a->run_at = PANDO_TIME_NEVER;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "libmicrohttpd was built without epoll");
    a->http_fd = info->epoll_fd;
    return a->config.watch.watch(a->config.watch.ctx, a->http_fd, API_READABLE,
                                 HANDLE_HTTP);
}

void http_add(struct api *a, struct pending *p)
{
    /* MHD owns the descriptor from here on, and closes it when this fails. */
    a->adding = p;
    if (MHD_add_connection(a->daemon, p->fd, (const struct sockaddr *)&p->address,
                           p->address_len) != MHD_YES)
        a->counters.overflow++;
    a->adding = NULL;
    a->run_again = true;
}

void http_run(struct api *a)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    bool timed = true;
    /* A reply given in a callback resumes others: run until nothing more was. What a stream has
     * to say is asked for in one run and sent in the next: once that is not put off. */
    for (int i = 0; i < 2 || (a->run_again && i < 16); i++) {
        if (i == 1 && !a->run_again && !(timed && ms == 0))
            break;
        a->run_again = false;
        (void)MHD_run(a->daemon);
        timed = MHD_get_timeout(a->daemon, &ms) == MHD_YES;
    }
    a->run_at = timed ? pando_time_add(a->now, PANDO_MSEC(ms)) : PANDO_TIME_NEVER;
}

void http_run_due(struct api *a)
{
    if (a->run_again || pando_time_reached(a->run_at, a->now))
        http_run(a);
}

static bool has_left(const struct request *r)
{
    struct pollfd p = { .fd = r->connection->fd, .events = POLLRDHUP };
    if (poll(&p, 1, 0) <= 0)
        return false;
    /* A client may close its sending half and still wait for one answer, not for a
     * stream. */
    return (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 ||
           (r->more && (p.revents & POLLRDHUP) != 0);
}

static void cut_left(struct api *a)
{
    for (size_t i = 0; i < a->config.connections_max; i++) {
        struct request *r = a->requests[i];
        if (r != NULL && r->suspended && has_left(r)) {
            r->cut = true;
            reply_wake(r);
        }
    }
}

/* MHD counts silence; a client that drips one byte at a time is never silent, so the
 * whole request has a deadline too. A kept-alive connection may first idle for one
 * timeout. */
static struct pando_time late_at(const struct api *a, const struct connection *c)
{
    struct pando_time at = pando_time_add(c->since, a->config.request_timeout);
    return c->first ? at : pando_time_add(at, a->config.request_timeout);
}

void http_expire(struct api *a)
{
    if (!pando_time_reached(a->check_at, a->now))
        return;
    a->check_at = pando_time_add(a->now, CHECK_EVERY);
    cut_left(a);
    for (struct connection *c = a->connections; c != NULL; c = c->next)
        if (!c->calling && c->fd >= 0 && pando_time_reached(late_at(a, c), a->now)) {
            a->counters.slow++;
            (void)shutdown(c->fd, SHUT_RDWR); /* MHD sees the end and closes */
            c->since = a->now;
            a->run_again = true;
        }
}

struct pando_time http_deadline(const struct api *a)
{
    if (a->run_again)
        return (struct pando_time){ 0 };
    return a->connections != NULL ? pando_time_min(a->check_at, a->run_at) : a->run_at;
}

void http_stop(struct api *a)
{
    if (a->daemon == NULL)
        return;
    /* MHD must not be stopped while connections are suspended. */
    for (size_t i = 0; i < a->config.connections_max; i++)
        if (a->requests[i] != NULL && a->requests[i]->suspended) {
            a->requests[i]->cut = true;
            reply_wake(a->requests[i]);
        }
    http_run(a);
    if (a->http_fd >= 0)
        a->config.watch.unwatch(a->config.watch.ctx, a->http_fd, HANDLE_HTTP);
    MHD_stop_daemon(a->daemon);
    a->daemon = NULL;
}
