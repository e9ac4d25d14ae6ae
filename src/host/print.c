/* print.c - what a person at the node's terminal sees: one start report, then events.
 *
 * The labels are those of the seed documents. The four monitoring numbers are printed
 * when they change, at most ten times a second.
 */
#include "host/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABELS_EVERY PANDO_MSEC(100)

static void print_json_start(struct host *h, const char *peer)
{
    (void)printf("{\"kind\":\"start\",\"peer_id\":\"%s\",\"name\":\"%s\",\"network\":\"%"
                 "s\",\"data\":\"%s\","
                 "\"http_port\":%u,\"listen\":[",
                 peer, h->config->name, h->config->network, h->config->data,
                 api_port(h->api));
    struct multiaddr listen[NODE_LISTEN_HOST_MAX];
    const size_t len = ports_listen(h, listen, NODE_LISTEN_HOST_MAX);
    char text[MULTIADDR_TEXT_MAX];
    for (size_t i = 0; i < len; i++)
        if (multiaddr_print(&listen[i], text, sizeof text) == PANDO_OK)
            (void)printf("%s\"%s/p2p/%s\"", i == 0 ? "" : ",", text, peer);
    (void)printf("]}\n");
}

static void print_text_start(struct host *h, const char *peer)
{
    const struct config *c = h->config;
    char text[MULTIADDR_TEXT_MAX];
    struct multiaddr listen[NODE_LISTEN_HOST_MAX];
    const size_t len = ports_listen(h, listen, NODE_LISTEN_HOST_MAX);
    (void)printf("Pando node %s\n  Peer id:     %s\n  Network:     %s\n", c->name, peer,
                 c->network);
    for (size_t i = 0; i < len; i++)
        if (multiaddr_print(&listen[i], text, sizeof text) == PANDO_OK)
            (void)printf("  Listening:   %s/p2p/%s\n", text, peer);
    (void)printf("  HTTP:        http://%s:%u\n  Data:        %s\n  Durability:  %s\n",
                 c->http_listen, api_port(h->api), c->data,
                 c->durability == CONFIG_DURABILITY_FSYNC
                     ? "fsync"
                     : "none (a crash may lose acknowledged events)");
    bool chat = false;
    for (size_t i = 0; i < c->spaces.len; i++) {
        (void)printf("  Space:       %s (%s%s)\n", c->spaces.items[i].name,
                     c->spaces.items[i].kind,
                     c->spaces.items[i].members_len > 0 ? ", members only" : "");
        chat |= strcmp(c->spaces.items[i].kind, "log") == 0;
    }
    if (chat)
        (void)printf("  Chat lines:  %s:%u%s\n", c->http_listen, api_port(h->api),
                     c->lines_open ? ", open to other machines" : "");
    for (size_t i = 0; i < c->peers.len; i++)
        (void)printf("  Peer:        %s\n", c->peers.items[i]);
}

void print_start(struct host *h)
{
    char peer[PEER_ID_TEXT_MAX];
    peer_id_print(node_id(h->node), peer);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!h->printing)
        return;
    if (h->json)
        print_json_start(h, peer);
    else
        print_text_start(h, peer);
    (void)fflush(stdout);
}

void print_notice(void *ctx, const char *kind, struct pando_slice json)
{
    struct host *h = ctx;
    if (strcmp(kind, "spaces_changed") == 0) {
        h->spaces_changed = true;
        loop_again(h);
    }
    if (!h->printing || json.len == 0)
        return;
    if (h->json)
        (void)printf("{\"kind\":\"%s\",\"event\":%.*s}\n", kind, (int)json.len,
                     (const char *)json.ptr);
}

/* The labels count events of dag spaces; a chat's node has none. */
static bool has_dag(const struct host *h)
{
    for (size_t i = 0; i < h->config->spaces.len; i++)
        if (strcmp(h->config->spaces.items[i].kind, "dag") == 0)
            return true;
    return false;
}

/* The four labels, when one of them has changed. */
void print_labels(struct host *h)
{
    const struct pando_time now = host_now(h);
    if (!h->printing || h->json || !pando_time_reached(h->labels_at, now) || !has_dag(h))
        return;
    struct node_monitor m;
    h->labels_at = pando_time_add(now, LABELS_EVERY);
    node_monitor(h->node, &m);
    if (memcmp(&m, &h->monitor, sizeof m) == 0 && h->monitored)
        return;
    h->monitor = m;
    h->monitored = true;
    (void)printf("Connected Peers: %llu | DAG Events: %llu | Receipt Count: %llu | Node "
                 "Count: %llu\n",
                 (unsigned long long)m.connected_peers, (unsigned long long)m.dag_events,
                 (unsigned long long)m.receipt_count, (unsigned long long)m.node_count);
}

void print_stop(struct host *h)
{
    print_labels(h);
    if (h->printing && !h->json)
        (void)printf("Stopped: every acknowledged event is on disk.\n");
    else if (h->printing)
        (void)printf("{\"kind\":\"stopped\"}\n");
    (void)fflush(stdout);
}
