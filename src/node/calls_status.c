#include "node/args.h"
#include "node/state.h"

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
