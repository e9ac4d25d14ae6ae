#include "node/args.h"
#include "node/state.h"

#include "view/metrics.h"

#include <stdio.h>

static enum pando_status print_listen(struct node *n, struct pando_buf *b)
{
    char id[PEER_ID_TEXT_MAX], text[MULTIADDR_TEXT_MAX];
    peer_id_print(&n->id, id);
    enum pando_status st = buf_printf(b, ",\"listen\":[");
    for (size_t i = 0; i < n->listen_len && st == PANDO_OK; i++) {
        if (multiaddr_print(&n->listen[i], text, sizeof text) == PANDO_OK)
            st = buf_printf(b, "%s\"%s/p2p/%s\"", i == 0 ? "" : ",", text, id);
    }
    return st == PANDO_OK ? buf_printf(b, "]") : st;
}

static enum pando_status print_member(struct pando_buf *b, const char *key,
                                      const char *text)
{
    const enum pando_status st = buf_printf(b, ",\"%s\":", key);
    return st == PANDO_OK ? answer_string(b, text) : st;
}

static size_t count_in_memory(const struct node *n)
{
    size_t count = 0;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        count += n->spaces[i].used && n->spaces[i].store.memory;
    return count;
}

void calls_status(struct node *n, uint64_t token)
{
    char id[PEER_ID_TEXT_MAX], members[2048];
    struct pando_buf b;
    buf_init(&b, 1u << 20);
    peer_id_print(&n->id, id);
    enum pando_status st =
        buf_printf(&b, "{\"peer_id\":\"%s\",\"version\":\"%s\"", id, PANDO_VERSION);
    if (st == PANDO_OK)
        st = print_member(&b, "name", n->config.name);
    if (st == PANDO_OK)
        st = print_member(&b, "network", n->config.network);
    if (st == PANDO_OK)
        st = print_member(&b, "data", n->config.data);
    if (st == PANDO_OK)
        st = print_member(&b, "durability", n->config.durability);
    if (st == PANDO_OK)
        st = print_listen(n, &b);
    if (st == PANDO_OK && count_in_memory(n) > 0)
        st = buf_printf(&b, ",\"spaces_in_memory\":%zu", count_in_memory(n));
    if (st == PANDO_OK)
        st = buf_printf(
            &b,
            ",\"connected_peers\":%zu,\"links\":%zu,\"uptime_ms\":%llu,\"rss_bytes\":%"
            "llu",
            n->counts.peers, n->counts.links,
            (unsigned long long)(pando_time_since(n->now, n->started).ns / 1000000),
            (unsigned long long)n->ports.memory(n->ports.ctx));
    /* The members of the default dag space, which the seeds print, stand at the top. */
    struct node_space *s = space_by_name(n, NULL, NULL);
    if (st == PANDO_OK && s != NULL) {
        const size_t len = s->ops->status(s->instance, members, sizeof members);
        st = len > 0 ? buf_printf(&b, ",%.*s", (int)len, members) : PANDO_OK;
    }
    if (st == PANDO_OK)
        st = buf_printf(&b, "}");
    if (st == PANDO_OK)
        call_reply(n, token, PANDO_OK, buf_view(&b));
    else
        call_fail(n, token, st, "the status is too long");
    buf_deinit(&b);
}

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

void calls_metrics(struct node *n, uint64_t token)
{
    struct pando_buf b;
    buf_init(&b, 1u << 20);
    struct metrics m;
    metrics_init(&m);
    enum pando_status st = node_metrics(n, &m);
    if (st == PANDO_OK)
        st = gossip_metrics(n, &m);
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

void node_monitor(const struct node *n, struct node_monitor *ret)
{
    char text[2048] = "{";
    *ret = (struct node_monitor){ .connected_peers = n->counts.peers };
    struct node_space *s = space_by_name((struct node *)(uintptr_t)n, NULL, NULL);
    if (s == NULL)
        return;
    const size_t len = s->ops->status(s->instance, text + 1, sizeof text - 2);
    text[len + 1] = '}';
    json_t *members = args_parse(slice_of(text, len + 2), NULL);
    if (members == NULL)
        return;
    ret->dag_events = args_uint(members, "dag_events", 0);
    ret->receipt_count = args_uint(members, "receipt_count", 0);
    ret->node_count = args_uint(members, "node_count", 0);
    json_decref(members);
}
