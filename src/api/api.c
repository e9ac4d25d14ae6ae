#include "api/jsonl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_defaults(struct api_config *c)
{
    if (c->connections_max == 0 || c->connections_max > 0xffff)
        c->connections_max = API_CONNECTIONS_MAX;
    if (c->body_max == 0)
        c->body_max = API_BODY_MAX;
    if (c->queued_max == 0)
        c->queued_max = API_QUEUED_MAX;
    if (c->first_byte_timeout.ns == 0)
        c->first_byte_timeout = PANDO_SEC(2);
    if (c->request_timeout.ns == 0)
        c->request_timeout = PANDO_SEC(30);
    if (c->lines_idle.ns == 0)
        c->lines_idle = PANDO_SEC(900);
    if (c->lines_stall.ns == 0)
        c->lines_stall = PANDO_SEC(30);
}

/* The caller's texts are only borrowed. */
static enum pando_status copy_texts(struct api *a, struct pando_err *reterr)
{
    struct api_config *c = &a->config;
    if ((c->token != NULL && strlen(c->token) >= sizeof a->token) ||
        c->hosts_len > API_HOSTS_MAX || c->origins_len > API_HOSTS_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "the token or the list of hosts or origins is too long");
    (void)snprintf(a->token, sizeof a->token, "%s", c->token != NULL ? c->token : "");
    for (size_t i = 0; i < c->hosts_len; i++) {
        (void)snprintf(a->hosts[i], sizeof a->hosts[i], "%s", c->hosts[i]);
        a->host_list[i] = a->hosts[i];
    }
    for (size_t i = 0; i < c->origins_len; i++) {
        (void)snprintf(a->origins[i], sizeof a->origins[i], "%s", c->origins[i]);
        a->origin_list[i] = a->origins[i];
    }
    c->token = NULL;
    if (c->lines_space != NULL && strlen(c->lines_space) >= sizeof a->lines_space)
        return pando_err_set(reterr, PANDO_INVALID, "the chat space's name is too long");
    (void)snprintf(a->lines_space, sizeof a->lines_space, "%s",
                   c->lines_space != NULL ? c->lines_space : "");
    c->lines_space = NULL;
    return PANDO_OK;
}

static enum pando_status listen_all(struct api *a, struct pando_err *reterr)
{
    const struct api_config *c = &a->config;
    const struct api_watch_ops *w = &c->watch;
    enum pando_status st = PANDO_OK;
    if (c->http_address != NULL)
        st = listen_tcp(c->http_address, c->http_port, &a->tcp_fd, &a->port, reterr);
    if (st == PANDO_OK && c->socket_path != NULL) {
        st = listen_unix(c->socket_path, &a->unix_fd, reterr);
        if (st == PANDO_OK) {
            a->socket_bound = true;
            (void)snprintf(a->socket_path, sizeof a->socket_path, "%s", c->socket_path);
        }
    }
    if (st == PANDO_OK && a->tcp_fd >= 0)
        st = w->watch(w->ctx, a->tcp_fd, API_READABLE, HANDLE_TCP);
    if (st == PANDO_OK && a->unix_fd >= 0)
        st = w->watch(w->ctx, a->unix_fd, API_READABLE, HANDLE_UNIX);
    return st;
}

enum pando_status api_new(const struct api_config *config, struct api **ret_api,
                          struct pando_err *reterr)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "api: memory is out");
    a->config = *config;
    a->tcp_fd = a->unix_fd = a->http_fd = -1;
    set_defaults(&a->config);
    a->pending = calloc(a->config.connections_max, sizeof *a->pending);
    a->requests = calloc(a->config.connections_max, sizeof *a->requests);
    enum pando_status st =
        a->pending != NULL && a->requests != NULL ? PANDO_OK : PANDO_NOMEM;
    for (size_t i = 0; a->pending != NULL && i < a->config.connections_max; i++)
        a->pending[i].fd = -1;
    if (st == PANDO_OK)
        st = copy_texts(a, reterr);
    if (st == PANDO_OK)
        st = jsonl_start(a);
    if (st == PANDO_OK)
        st = http_start(a, reterr);
    if (st == PANDO_OK)
        st = listen_all(a, reterr);
    if (st != PANDO_OK) {
        api_free(a);
        return st;
    }
    a->config.socket_path = NULL;
    a->config.http_address = NULL;
    *ret_api = a;
    return PANDO_OK;
}

static void close_listener(struct api *a, int *fd, uint32_t handle)
{
    if (*fd < 0)
        return;
    if (!a->paused)
        a->config.watch.unwatch(a->config.watch.ctx, *fd, handle);
    (void)close(*fd);
    *fd = -1;
}

void api_stop_listening(struct api *a)
{
    close_listener(a, &a->tcp_fd, HANDLE_TCP);
    close_listener(a, &a->unix_fd, HANDLE_UNIX);
    if (a->socket_bound)
        (void)unlink(a->socket_path);
    a->socket_bound = false;
    door_close(a);
    jsonl_close_all(a, "this node stops");
}

void api_free(struct api *a)
{
    if (a == NULL)
        return;
    a->stopping = true;
    api_stop_listening(a);
    jsonl_stop(a);
    http_stop(a);
    free(a->pending);
    free(a->requests);
    free(a);
}

void api_ready(struct api *a, struct pando_time now, uint32_t handle, unsigned events)
{
    a->now = now;
    if (handle == HANDLE_TCP)
        door_accept(a, a->tcp_fd, false);
    else if (handle == HANDLE_UNIX)
        door_accept(a, a->unix_fd, true);
    else if (handle >= HANDLE_LINES)
        jsonl_ready(a, handle, events);
    else if (handle >= HANDLE_PENDING)
        door_ready(a, handle - HANDLE_PENDING);
    if (handle == HANDLE_HTTP || a->run_again)
        http_run(a);
}

void api_tick(struct api *a, struct pando_time now)
{
    a->now = now;
    door_expire(a);
    http_expire(a);
    http_run_due(a);
    jsonl_tick(a);
}

struct pando_time api_deadline(const struct api *a, struct pando_time now)
{
    struct pando_time at = pando_time_min(door_deadline(a), http_deadline(a));
    at = pando_time_min(at, jsonl_deadline(a));
    return pando_time_reached(at, now) ? now : at;
}

uint16_t api_port(const struct api *a)
{
    return a->port;
}

struct api_counters api_counters(const struct api *a)
{
    return a->counters;
}
