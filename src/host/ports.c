/* ports.c - the node's ports over the host's parts: what each operation really does. */
#include "host/state.h"

#include "base/slice.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* A one-shot call has no links: whatever asks for one is told so. */
static enum pando_status no_dial(void *ctx, const struct link_target *target,
                                 uint32_t token)
{
    (void)ctx, (void)target, (void)token;
    return PANDO_UNSUPPORTED;
}
static void no_close(void *ctx, uint64_t link, enum link_reason reason)
{
    (void)ctx, (void)link, (void)reason;
}
static enum pando_status no_open(void *ctx, uint64_t link, enum link_class class,
                                 uint64_t *ret)
{
    (void)ctx, (void)link, (void)class, (void)ret;
    return PANDO_NOT_FOUND;
}
static enum pando_status no_send(void *ctx, uint64_t stream, struct bytes *bytes,
                                 bool fin)
{
    (void)ctx, (void)stream, (void)bytes, (void)fin;
    return PANDO_NOT_FOUND;
}
static size_t none_queued(void *ctx, uint64_t stream)
{
    (void)ctx, (void)stream;
    return 0;
}
static void no_reset(void *ctx, uint64_t stream)
{
    (void)ctx, (void)stream;
}
static void no_consume(void *ctx, uint64_t stream, size_t len)
{
    (void)ctx, (void)stream, (void)len;
}
static void no_class(void *ctx, uint64_t stream, enum link_class class)
{
    (void)ctx, (void)stream, (void)class;
}
static struct pando_span no_rtt(void *ctx, uint64_t link)
{
    (void)ctx, (void)link;
    return (struct pando_span){ 0 };
}

static const struct link_ops no_links = { no_dial,    no_close,    no_open,
                                          no_send,    none_queued, no_reset,
                                          no_consume, no_class,    no_rtt };

static enum pando_status append(void *ctx, uint32_t slot, uint8_t record,
                                struct pando_slice bytes, const struct tables_fold *fold,
                                uint64_t *ret_position)
{
    struct host *h = ctx;
    return store_append(h->spaces[slot].store, record, bytes, fold, ret_position);
}

static void entropy(void *ctx, uint8_t *ret, size_t len)
{
    (void)ctx;
    crypto_random(ret, len);
}

static void reply(void *ctx, uint64_t token, enum pando_status status,
                  struct pando_slice body, bool raw, bool more)
{
    struct host *h = ctx;
    if (h->direct != NULL) {
        h->direct->part(h->direct->ctx, status, body, raw, more);
        h->direct_done = !more;
        h->direct_status = status;
        return;
    }
    if (token >= LIBRARY_TOKEN) {
        library_reply(h->library, token, status, body, more);
        return;
    }
    if (token >= DELIVERY_TOKEN && token < 2 * DELIVERY_TOKEN) {
        delivery_reply(h, token, status, body, more);
        return;
    }
    const char *type = !raw   ? NULL
                       : more ? "application/octet-stream"
                              : "text/plain; version=0.0.4";
    if (h->api != NULL &&
        api_reply(h->api, token, status, body, raw, type, more) != PANDO_OK && more)
        node_cancel(h->node, token);
}

static uint64_t memory(void *ctx)
{
    (void)ctx;
    FILE *f = fopen("/proc/self/status", "re");
    char line[128];
    unsigned long long kib = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "RssAnon: %llu", &kib) == 1)
            break;
    if (f != NULL)
        (void)fclose(f);
    return kib * 1024;
}

static enum pando_status log_level(void *ctx, const char *text, struct pando_err *reterr)
{
    struct host *h = ctx;
    return log_level_set(h->log, text, reterr);
}

static void stop(void *ctx)
{
    host_begin_stop(ctx);
}

struct node_ports host_ports(struct host *h)
{
    return (struct node_ports){
        .ctx = h,
        .link = h->quic != NULL ? quic_port(h->quic) : (struct link_port){ h, &no_links },
        .pipes = h->ws != NULL ? ws_port(h->ws) : (struct pipe_port){ 0 },
        .space_open = commits_space_open,
        .space_close = commits_space_close,
        .space_mend = commits_space_mend,
        .space_remove = commits_space_remove,
        .append = append,
        .commit = commits_want,
        .snapshot = snapshots_write,
        .verify = workers_verify,
        .run = workers_run,
        .work = workers_work,
        .resolve = workers_resolve,
        .wall = host_wall,
        .entropy = entropy,
        .reply = reply,
        .notice = print_notice,
        .memory = memory,
        .log_level = log_level,
        .stop = stop,
    };
}

static void on_link(void *ctx, const struct link_event *event)
{
    struct host *h = ctx;
    node_link_event(h->node, host_now(h), event);
}

static bool admit(void *ctx, const struct peer_id *peer, const struct multiaddr *address)
{
    struct host *h = ctx;
    (void)address;
    /* A cut one gets in and is sent away with that reason: it must not give up dialling. */
    return peer->len == 0 || !node_bars(h->node, peer);
}

static void on_call(void *ctx, uint64_t token, const char *verb, struct pando_slice args)
{
    struct host *h = ctx;
    node_call(h->node, host_now(h), token, verb, args);
}

static void on_cancel(void *ctx, uint64_t token)
{
    struct host *h = ctx;
    node_cancel(h->node, token);
}

static enum pando_status takes_pipe(void *ctx, const char *path, struct pando_err *reterr)
{
    return node_takes_pipe(((struct host *)ctx)->node, path, reterr);
}

/* "0.0.0.0", "::", or one of each family with a comma between them. */
static enum pando_status read_listen(const struct config *c, struct quic_config *qc,
                                     struct pando_err *reterr)
{
    const char *at = c->listen;
    for (size_t i = 0; at != NULL; i++) {
        const char *comma = strchr(at, ',');
        char text[64];
        (void)snprintf(text, sizeof text, "%.*s",
                       (int)(comma == NULL ? strlen(at) : (size_t)(comma - at)), at);
        struct quic_bind b = { .port = c->port };
        if (inet_pton(AF_INET, text, b.ip) == 1)
            b.ip_len = 4;
        else if (inet_pton(AF_INET6, text, b.ip) == 1)
            b.ip_len = 16;
        if (b.ip_len == 0)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "listen: '%s' is neither an IPv4 nor an IPv6 address", text);
        if (i == QUIC_SOCKETS_MAX || (i > 0 && qc->binds[0].ip_len == b.ip_len))
            return pando_err_set(reterr, PANDO_INVALID,
                                 "listen: '%s' has two addresses of one family; one IPv4 and "
                                 "one IPv6 address are possible",
                                 c->listen);
        qc->binds[i] = b;
        at = comma == NULL ? NULL : comma + 1;
    }
    return PANDO_OK;
}

enum pando_status ports_open_quic(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    struct quic_config qc = quic_config_default();
    const enum pando_status st = read_listen(c, &qc, reterr);
    if (st != PANDO_OK)
        return st;
    qc.secret = h->secret;
    qc.sink = (struct link_sink){ h, on_link };
    qc.tracer = h->tracer;
    qc.admit_ctx = h;
    qc.admit = admit;
    return quic_new(&qc, &h->quic, reterr);
}

/* The space of the chat lines: `chat` where there is one, else the node's only log. */
static const char *chat_space(const struct config *c)
{
    for (size_t i = 0; i < c->spaces.len; i++)
        if (strcmp(c->spaces.items[i].name, "chat") == 0 &&
            strcmp(c->spaces.items[i].kind, "log") == 0)
            return c->spaces.items[i].name;
    return NULL;
}

enum pando_status ports_open_api(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    char path[CONFIG_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/control.sock", c->data);
    struct api_config ac = {
        .http_address = c->http_listen,
        .http_port = c->http_port,
        .socket_path = path,
        .token = c->token,
        .lines_open = c->lines_open,
        .lines_space = chat_space(c),
        .watch = loop_watch_ops(h),
        .backend = { h, on_call, on_cancel, takes_pipe },
        .ws = h->ws,
        .tracer = h->tracer,
    };
    for (size_t i = 0; i < c->http_hosts.len && i < API_HOSTS_MAX; i++)
        ac.hosts[ac.hosts_len++] = c->http_hosts.items[i];
    for (size_t i = 0; i < c->federation.origins.len && i < API_HOSTS_MAX; i++)
        ac.origins[ac.origins_len++] = c->federation.origins.items[i];
    return api_new(&ac, &h->api, reterr);
}

/* An interface's address of that length. IPv6 addresses that mean something on one link only
 * are of no use to peers. */
static bool interface_ip(const struct sockaddr *address, uint8_t ip_len, uint8_t ret_ip[16])
{
    if (address != NULL && address->sa_family == AF_INET && ip_len == 4) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(ret_ip, &v4.sin_addr, 4);
        return true;
    }
    if (address == NULL || address->sa_family != AF_INET6 || ip_len != 16)
        return false;
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    memcpy(ret_ip, &v6.sin6_addr, 16);
    return !IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
}

/* The addresses to tell peers: those of the config, else the bound one, or every
 * interface's when it is "any". */
size_t ports_listen(struct host *h, struct multiaddr *ret, size_t cap)
{
    size_t len = 0;
    struct multiaddr a;
    struct multiaddr_udp udp;
    for (size_t i = 0; i < h->config->advertise.len && len < cap; i++)
        if (multiaddr_parse_peer(h->config->advertise.items[i], &ret[len], NULL) == PANDO_OK)
            len++;
    if (len > 0)
        return len;
    for (size_t i = 0; h->quic != NULL && len < cap && quic_local(h->quic, i, &a); i++) {
        static const uint8_t any[16] = { 0 };
        if (multiaddr_to_udp(&a, &udp) != PANDO_OK ||
            memcmp(udp.ip, any, udp.ip_len) != 0) {
            ret[len++] = a;
            continue;
        }
        struct ifaddrs *list = NULL;
        if (getifaddrs(&list) != 0)
            continue;
        for (struct ifaddrs *it = list; it != NULL && len < cap; it = it->ifa_next) {
            uint8_t ip[16];
            if ((it->ifa_flags & IFF_UP) != 0 && interface_ip(it->ifa_addr, udp.ip_len, ip))
                multiaddr_from_udp(ip, udp.ip_len, udp.port, &ret[len++]);
        }
        freeifaddrs(list);
    }
    return len;
}
