/* library.c - pando_node_*: the host as a library, threaded or driven.
 *
 * Calls come from any thread: they wait in a locked list, an async handle wakes the loop,
 * and the loop hands them to the node. Everything else is the same host as `pando node`.
 */
#include "host/state.h"

#include "base/slice.h"

#include <pando/node.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct library_call {
    struct library_call *next;
    uint64_t token;
    char *verb;
    char *args;
    pando_node_reply reply;
    void *ctx;
};

struct pando_node {
    struct host host;
    struct config config;
    uv_async_t wake;
    uv_mutex_t lock;
    uv_thread_t thread;
    bool threaded;
    bool closing; /* under the lock */
    struct library_call *waiting;
    struct library_call **waiting_last;
    struct library_call *asked; /* loop thread only */
    uint64_t next_token;
};

static void free_call(struct library_call *c)
{
    free(c->verb);
    free(c->args);
    free(c);
}

void library_reply(struct pando_node *n, uint64_t token, enum pando_status status,
                   struct pando_slice body, bool more)
{
    for (struct library_call **at = &n->asked; *at != NULL; at = &(*at)->next) {
        struct library_call *c = *at;
        if (c->token != token)
            continue;
        c->reply(c->ctx, status, body, more);
        if (!more) { /* the callback may have asked anew: look the place up again */
            for (at = &n->asked; *at != c; at = &(*at)->next)
                ;
            *at = c->next;
            free_call(c);
        }
        return;
    }
}

/* The space forgets whom it told; the call itself gets its last word from here. */
static void cancel(struct pando_node *n, const struct library_call *request)
{
    for (const struct library_call *c = n->asked; c != NULL; c = c->next)
        if (c->reply == request->reply && c->ctx == request->ctx) {
            const uint64_t token = c->token;
            node_cancel(n->host.node, token);
            library_reply(n, token, PANDO_CANCELLED, slice_text("cancelled"), false);
            return;
        }
}

static void begin_call(struct pando_node *n, struct library_call *c)
{
    if (c->verb == NULL) {
        cancel(n, c);
        free_call(c);
        return;
    }
    c->token = LIBRARY_TOKEN + ++n->next_token;
    c->next = n->asked;
    n->asked = c;
    node_call(n->host.node, host_now(&n->host), c->token, c->verb, slice_text(c->args));
}

static void on_wake(uv_async_t *wake)
{
    struct pando_node *n = wake->data;
    uv_mutex_lock(&n->lock);
    struct library_call *c = n->waiting;
    const bool closing = n->closing;
    n->waiting = NULL;
    n->waiting_last = &n->waiting;
    uv_mutex_unlock(&n->lock);
    while (c != NULL) {
        struct library_call *next = c->next;
        begin_call(n, c);
        c = next;
    }
    if (closing)
        host_begin_stop(&n->host);
}

static enum pando_status set(struct config *c, const char *key, const char *value,
                             struct pando_err *reterr)
{
    return value == NULL ? PANDO_OK : config_set(c, key, value, reterr);
}

static enum pando_status take_config(const struct pando_node_config *in, struct config *c,
                                     struct pando_err *reterr)
{
    char port[16], http[16];
    (void)snprintf(port, sizeof port, "%u", in->port == 0 ? 9000 : in->port);
    (void)snprintf(http, sizeof http, "%u", in->http_port);
    config_init(c);
    enum pando_status st = set(c, "data", in->data, reterr);
    if (st == PANDO_OK)
        st = set(c, "name", in->name, reterr);
    if (st == PANDO_OK)
        st = set(c, "network", in->network, reterr);
    if (st == PANDO_OK)
        st = set(c, "listen", in->listen, reterr);
    if (st == PANDO_OK)
        st = set(c, "port", port, reterr);
    if (st == PANDO_OK && in->http_port != 0)
        st = set(c, "http_port", http, reterr);
    if (st == PANDO_OK)
        st = set(c, "log.level", in->log_level == NULL ? "warning" : in->log_level, reterr);
    for (size_t i = 0; i < in->peers_len && st == PANDO_OK; i++)
        st = set(c, "peers", in->peers[i], reterr);
    return st == PANDO_OK ? config_finish(c, reterr) : st;
}

/* `n->config` is set. On failure the whole node is gone. */
static enum pando_status open_node(struct pando_node *n, struct pando_node **ret,
                                   struct pando_err *reterr)
{
    n->waiting_last = &n->waiting;
    n->host.config = &n->config;
    n->host.network = true;
    n->host.library = n;
    enum pando_status st = host_open(&n->host, reterr);
    if (st == PANDO_OK && (uv_mutex_init(&n->lock) != 0 ||
                           uv_async_init(&n->host.loop, &n->wake, on_wake) != 0))
        st = pando_err_set(reterr, PANDO_IO, "the event loop cannot be woken");
    if (st != PANDO_OK) {
        host_close(&n->host);
        free(n);
        return st;
    }
    n->wake.data = n;
    registry_write(&n->host);
    *ret = n;
    return PANDO_OK;
}

enum pando_status pando_node_open(const struct pando_node_config *config, struct pando_node **ret,
                                  struct pando_err *reterr)
{
    if (config->size != sizeof *config)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "config.size is %zu, this library wants %zu: use PANDO_NODE_CONFIG "
                             "and rebuild", config->size, sizeof *config);
    struct pando_node *n = calloc(1, sizeof *n);
    if (n == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    const enum pando_status st = take_config(config, &n->config, reterr);
    if (st == PANDO_OK)
        return open_node(n, ret, reterr);
    free(n);
    return st;
}

enum pando_status host_node_open(const struct config *config, const struct host_guest *guest,
                                 struct pando_node **ret, struct pando_err *reterr)
{
    struct pando_node *n = calloc(1, sizeof *n);
    if (n == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    n->config = *config;
    if (guest != NULL)
        n->host.guest = *guest;
    return open_node(n, ret, reterr);
}

static void run(void *arg)
{
    struct pando_node *n = arg;
    (void)uv_run(&n->host.loop, UV_RUN_DEFAULT);
    if (n->host.guest.stopped != NULL)
        n->host.guest.stopped(n->host.guest.ctx);
}

enum pando_status pando_node_start(struct pando_node *n, struct pando_err *reterr)
{
    if (n->threaded)
        return pando_err_set(reterr, PANDO_EXISTS, "the node runs already");
    if (uv_thread_create(&n->thread, run, n) != 0)
        return pando_err_set(reterr, PANDO_IO, "a thread cannot be started");
    n->threaded = true;
    return PANDO_OK;
}

void pando_node_close(struct pando_node *n)
{
    if (n == NULL)
        return;
    uv_mutex_lock(&n->lock);
    n->closing = true;
    uv_mutex_unlock(&n->lock);
    (void)uv_async_send(&n->wake);
    if (n->threaded)
        (void)uv_thread_join(&n->thread);
    else
        (void)uv_run(&n->host.loop, UV_RUN_DEFAULT); /* until it has stopped */
    registry_remove(&n->host);
    host_close(&n->host);
    uv_mutex_destroy(&n->lock);
    *n->waiting_last = n->asked; /* what came too late is answered with the rest */
    for (struct library_call *c = n->waiting, *next; c != NULL; c = next) {
        next = c->next;
        if (c->verb != NULL)
            c->reply(c->ctx, PANDO_CANCELLED, slice_text("the node was closed"), false);
        free_call(c);
    }
    free(n);
}

int pando_node_fd(const struct pando_node *n)
{
    return uv_backend_fd(&n->host.loop);
}

int pando_node_timeout(const struct pando_node *n)
{
    return uv_backend_timeout(&n->host.loop);
}

void pando_node_dispatch(struct pando_node *n)
{
    (void)uv_run(&n->host.loop, UV_RUN_NOWAIT);
}

static void enqueue(struct pando_node *n, struct library_call *c)
{
    uv_mutex_lock(&n->lock);
    *n->waiting_last = c;
    n->waiting_last = &c->next;
    uv_mutex_unlock(&n->lock);
    (void)uv_async_send(&n->wake);
}

enum pando_status pando_node_cancel(struct pando_node *n, pando_node_reply reply, void *ctx)
{
    struct library_call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return PANDO_NOMEM;
    *c = (struct library_call){ .reply = reply, .ctx = ctx };
    enqueue(n, c);
    return PANDO_OK;
}

bool library_is_own_thread(const struct pando_node *n)
{
    const uv_thread_t here = uv_thread_self();
    return n->threaded && uv_thread_equal(&here, &n->thread);
}

enum pando_status pando_node_call(struct pando_node *n, const char *verb, const char *json_args,
                                  pando_node_reply reply, void *ctx)
{
    struct library_call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return PANDO_NOMEM;
    *c = (struct library_call){ .verb = strdup(verb),
                                .args = strdup(json_args == NULL ? "{}" : json_args),
                                .reply = reply, .ctx = ctx };
    if (c->verb == NULL || c->args == NULL) {
        free_call(c);
        return PANDO_NOMEM;
    }
    enqueue(n, c);
    return PANDO_OK;
}

struct question {
    uv_mutex_t lock;
    uv_cond_t answered;
    struct pando_buf body;
    enum pando_status status;
    bool done;
};

static void on_answer(void *ctx, enum pando_status status, struct pando_slice body, bool more)
{
    struct question *q = ctx;
    uv_mutex_lock(&q->lock);
    if (q->status == PANDO_OK)
        q->status = status != PANDO_OK ? status : buf_append(&q->body, body);
    if (status != PANDO_OK)
        q->status = buf_append(&q->body, body) == PANDO_OK ? status : PANDO_NOMEM;
    q->done = !more;
    uv_cond_signal(&q->answered);
    uv_mutex_unlock(&q->lock);
}

enum pando_status pando_node_ask(struct pando_node *n, const char *verb, const char *json_args,
                                 char **ret_text, struct pando_err *reterr)
{
    struct question q = { .status = PANDO_OK };
    if (!n->threaded)
        return pando_err_set(reterr, PANDO_INVALID, "pando_node_ask needs pando_node_start");
    buf_init(&q.body, 256u << 20);
    if (uv_mutex_init(&q.lock) != 0 || uv_cond_init(&q.answered) != 0)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    enum pando_status st = pando_node_call(n, verb, json_args, on_answer, &q);
    uv_mutex_lock(&q.lock);
    while (st == PANDO_OK && !q.done)
        uv_cond_wait(&q.answered, &q.lock);
    uv_mutex_unlock(&q.lock);
    if (st == PANDO_OK)
        st = q.status;
    char *text = malloc(q.body.len + 1);
    if (text != NULL) {
        if (q.body.len > 0)
            memcpy(text, q.body.ptr, q.body.len);
        text[q.body.len] = '\0';
    }
    if (st == PANDO_OK && text == NULL)
        st = PANDO_NOMEM;
    if (st == PANDO_OK)
        *ret_text = text;
    else
        (void)pando_err_set(reterr, st, "%s: %s", verb, text == NULL ? "memory is out" : text);
    if (st != PANDO_OK)
        free(text);
    uv_cond_destroy(&q.answered);
    uv_mutex_destroy(&q.lock);
    buf_deinit(&q.body);
    return st;
}
