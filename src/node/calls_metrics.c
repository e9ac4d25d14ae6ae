/* calls_metrics.c - the verb "metrics": what the node and its spaces count, as one text. */
#include "node/state.h"

#include "view/metrics.h"

#include <stdio.h>

static enum pando_status space_metrics(struct node_space *s, struct metrics *m)
{
    struct space_metric list[96];
    const size_t len = s->ops->metrics(s->instance, list, sizeof list / sizeof list[0]);
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < len && st == PANDO_OK; i++) {
        char name[96];
        const struct metric_label labels[] = { { "space", s->name }, { NULL, NULL } };
        (void)snprintf(name, sizeof name, "pando_%s_%s", s->ops->kind, list[i].name);
        st = metrics_add(m, list[i].counter ? METRIC_COUNTER : METRIC_GAUGE, name,
                         list[i].help, labels, list[i].value);
    }
    return st;
}

static enum pando_status gossip_metrics(struct node *n, struct metrics *m)
{
    const struct gossip_counters *c = gossip_count(n->gossip);
    enum pando_status st = PANDO_OK;
#define X(name)                                                             \
    if (st == PANDO_OK)                                                     \
        st = metrics_add(m, METRIC_COUNTER, "pando_gossip_" #name "_total", \
                         "gossip router: " #name, NULL, (double)c->name);
    GOSSIP_COUNTER_MAP(X)
#undef X
    return st;
}

static enum pando_status node_metrics(struct node *n, struct metrics *m)
{
    const struct {
        const char *name;
        enum metric_kind kind;
        const char *help;
        double value;
    } rows[] = {
        { "pando_connected_peers", METRIC_GAUGE, "identified peers of our network",
          (double)n->counts.peers },
        { "pando_links", METRIC_GAUGE, "links, identified or not",
          (double)n->counts.links },
        { "pando_streams", METRIC_GAUGE, "open streams", (double)n->streams.len },
        { "pando_links_refused_total", METRIC_COUNTER,
          "links refused by policy or network name", (double)n->counts.refused },
        { "pando_peer_faults_total", METRIC_COUNTER, "rules broken by peers",
          (double)n->counts.faults },
        { "pando_uptime_seconds", METRIC_GAUGE, "time since the start",
          (double)pando_time_since(n->now, n->started).ns / 1e9 },
        { "pando_memory_anonymous_bytes", METRIC_GAUGE, "resident anonymous memory",
          (double)n->ports.memory(n->ports.ctx) },
        { "pando_calls_in_flight", METRIC_GAUGE, "calls that take several steps",
          (double)n->ops.len },
    };
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && st == PANDO_OK; i++)
        st =
            metrics_add(m, rows[i].kind, rows[i].name, rows[i].help, NULL, rows[i].value);
    return st;
}

/* By the code of the close frame; "none": the connection went without one. */
static enum pando_status closed_metrics(const struct node_pipe_counts *c, struct metrics *m)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < NODE_PIPE_CLOSES && st == PANDO_OK; i++) {
        char code[8] = "none";
        if (i == NODE_PIPE_CLOSES - 1)
            (void)snprintf(code, sizeof code, "other");
        else if (i > 0)
            (void)snprintf(code, sizeof code, "%u", node_pipe_codes[i]);
        const struct metric_label labels[] = { { "code", code }, { NULL, NULL } };
        st = metrics_add(m, METRIC_COUNTER, "pando_websockets_closed_total",
                         "WebSocket connections that ended, by the code of the close", labels,
                         (double)c->closed[i]);
    }
    return st;
}

static enum pando_status both_ways(struct metrics *m, const char *name, const char *help,
                                   const uint64_t counts[NODE_PIPE_WAYS])
{
    static const char *const ways[NODE_PIPE_WAYS] = { "in", "out" };
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < NODE_PIPE_WAYS && st == PANDO_OK; i++) {
        const struct metric_label labels[] = { { "direction", ways[i] }, { NULL, NULL } };
        st = metrics_add(m, METRIC_COUNTER, name, help, labels, (double)counts[i]);
    }
    return st;
}

static enum pando_status pipe_metrics(const struct node_pipe_counts *c, struct metrics *m)
{
    enum pando_status st =
        metrics_add(m, METRIC_GAUGE, "pando_websockets", "open WebSocket connections", NULL,
                    (double)c->open);
    if (st == PANDO_OK)
        st = both_ways(m, "pando_websockets_opened_total",
                       "WebSocket connections, taken (in) and dialled (out)", c->opened);
    if (st == PANDO_OK)
        st = both_ways(m, "pando_websocket_messages_total", "messages over WebSockets",
                       c->messages);
    if (st == PANDO_OK)
        st = both_ways(m, "pando_websocket_bytes_total", "bytes of messages over WebSockets",
                       c->bytes);
    if (st == PANDO_OK)
        st = metrics_add(m, METRIC_COUNTER, "pando_websocket_dials_failed_total",
                         "dials that did not end in a WebSocket", NULL, (double)c->dials_failed);
    return st == PANDO_OK ? closed_metrics(c, m) : st;
}

void calls_metrics(struct node *n, uint64_t token)
{
    struct pando_buf b;
    buf_init(&b, 1u << 20);
    struct metrics m;
    metrics_init(&m);
    enum pando_status st = node_metrics(n, &m);
    if (st == PANDO_OK)
        st = gossip_metrics(n, &m);
    if (st == PANDO_OK)
        st = pipe_metrics(&n->pipe_counts, &m);
    for (size_t i = 0; i < NODE_SPACES_MAX && st == PANDO_OK; i++)
        if (n->spaces[i].used)
            st = space_metrics(&n->spaces[i], &m);
    if (st == PANDO_OK)
        st = metrics_render(&m, &b);
    metrics_deinit(&m);
    if (st == PANDO_OK)
        n->ports.reply(n->ports.ctx, token, PANDO_OK, buf_view(&b), true, false);
    else
        call_fail(n, token, st, "the metrics are too long");
    buf_deinit(&b);
}
