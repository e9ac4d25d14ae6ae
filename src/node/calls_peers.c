#include "node/args.h"
#include "node/state.h"

#include <stdio.h>

static const char *state_of(const struct node_peer *p)
{
    return p->identified ? "linked" : "identifying";
}

static enum pando_status print_peer(struct node *n, struct pando_buf *b,
                                    const struct node_peer *p, bool first)
{
    char id[PEER_ID_TEXT_MAX], address[MULTIADDR_TEXT_MAX];
    peer_id_print(&p->id, id);
    if (multiaddr_print(&p->address, address, sizeof address) != PANDO_OK)
        address[0] = '\0';
    const struct node_link *l = p->links_len == 0 ? NULL : link_find(n, p->links[0]);
    struct pando_span rtt = p->rtt;
    if (l != NULL && n->ports.link.ops->rtt(n->ports.link.ctx, l->id).ns > 0)
        rtt = n->ports.link.ops->rtt(n->ports.link.ctx, l->id);
    enum pando_status st = buf_printf(
        b,
        "%s{\"peer_id\":\"%s\",\"address\":\"%s\",\"state\":\"%s\",\"reason\":\"\","
        "\"dialed\":%s,\"links\":%u,\"streams\":%u,\"rtt_us\":%llu,\"since_ms\":%llu,"
        "\"pando\":%s,\"network\":",
        first ? "" : ",", id, address, state_of(p),
        l != NULL && l->dialed ? "true" : "false", p->links_len, p->streams,
        (unsigned long long)(rtt.ns / 1000),
        (unsigned long long)(pando_time_since(n->now, p->since).ns / 1000000),
        p->foreign ? "false" : "true");
    if (st == PANDO_OK)
        st = answer_string(b, p->network);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"agent\":");
    if (st == PANDO_OK)
        st = answer_string(b, p->agent);
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

static enum pando_status print_entry(struct pando_buf *b, const struct dialer_entry *e,
                                     bool first)
{
    char id[PEER_ID_TEXT_MAX] = "", address[MULTIADDR_TEXT_MAX];
    if (e->peer.len > 0)
        peer_id_print(&e->peer, id);
    if (multiaddr_print(&e->address, address, sizeof address) != PANDO_OK)
        address[0] = '\0';
    enum pando_status st = buf_printf(
        b,
        "%s{\"peer_id\":\"%s\",\"address\":\"%s\",\"state\":\"%s\",\"dialed\":true,"
        "\"failures\":%u,\"reason\":",
        first ? "" : ",", id, address, dialer_state_name(e->state), e->failures);
    if (st == PANDO_OK)
        st = answer_string(b, e->text);
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

static enum pando_status print_bans(struct node *n, struct pando_buf *b)
{
    char id[PEER_ID_TEXT_MAX];
    enum pando_status st = buf_printf(b, "],\"banned\":[");
    for (size_t i = 0; i < n->kept->bans_len && st == PANDO_OK; i++) {
        const struct kept_ban *ban = &n->kept->bans[i];
        peer_id_print(&ban->peer, id);
        st = buf_printf(b, "%s{\"peer_id\":\"%s\",\"reason\":", i == 0 ? "" : ",", id);
        if (st == PANDO_OK)
            st = answer_string(b, ban->reason);
        if (st == PANDO_OK)
            st = buf_printf(b, "}");
    }
    return st == PANDO_OK ? buf_printf(b, "]}") : st;
}

static void list(struct node *n, uint64_t token)
{
    struct pando_buf b;
    buf_init(&b, 4u << 20);
    enum pando_status st = buf_printf(&b, "{\"peers\":[");
    bool first = true;
    for (uint32_t i = 0; i < n->peers_max && st == PANDO_OK; i++) {
        if (!n->peers[i].used)
            continue;
        st = print_peer(n, &b, &n->peers[i], first);
        first = false;
    }
    for (size_t i = 0; i < DIALER_ENTRIES_MAX && st == PANDO_OK; i++) {
        const struct dialer_entry *e = &n->dialer.entries[i];
        if (e->state == DIALER_FREE || e->state == DIALER_LINKED)
            continue;
        st = print_entry(&b, e, first);
        first = false;
    }
    if (st == PANDO_OK)
        st = print_bans(n, &b);
    if (st == PANDO_OK)
        call_reply(n, token, PANDO_OK, buf_view(&b));
    else
        call_fail(n, token, st, "the list of peers is too long");
    buf_deinit(&b);
}

static void add(struct node *n, uint64_t token, const json_t *args)
{
    struct pando_err err = { 0 };
    struct multiaddr address;
    const char *text = args_text(args, "address", NULL);
    uint32_t entry;
    if (text == NULL) {
        call_fail(n, token, PANDO_INVALID,
                  "peer.add needs \"address\": IP:PORT or a multiaddr");
        return;
    }
    enum pando_status st = multiaddr_parse_peer(text, &address, &err);
    if (st != PANDO_OK) {
        call_fail(n, token, st, "%s", err.text);
        return;
    }
    if (!keeping_has_room(n, token))
        return;
    st = dialer_add(&n->dialer, n->now, &address, true, &entry);
    if (st == PANDO_OK)
        st = kept_add(n->kept, &address);
    if (st == PANDO_OK)
        keeping_save(n, token, "{\"added\":true}");
    else if (st == PANDO_FULL)
        call_fail(n, token, st,
                  "at most %d addresses are kept; remove one with `pando peer rm`",
                  DIALER_ENTRIES_MAX);
    else
        call_fail(n, token, st,
                  "'%s' is not an address that we can dial: give IP:PORT (e.g., "
                  "127.0.0.1:9001) "
                  "or /ip4/.../udp/PORT/quic-v1",
                  text);
}

/* The peer that the argument names, by id or by a known address. */
static bool named(struct node *n, uint64_t token, const json_t *args, struct peer_id *ret)
{
    const char *text = args_text(args, "peer", NULL);
    if (text == NULL) {
        call_fail(n, token, PANDO_INVALID, "give \"peer\": a peer id (12D3Koo...)");
        return false;
    }
    if (peer_id_parse(text, ret) == PANDO_OK)
        return true;
    call_fail(n, token, PANDO_INVALID,
              "'%s' is not a peer id (12D3Koo...); `pando peer ls` shows them", text);
    return false;
}

static void drop_named(struct node *n, const struct peer_id *id, enum link_reason reason)
{
    uint32_t index;
    if (peer_find(n, id, &index) != NULL)
        peers_drop(n, index, reason);
}

/* Dial none of its addresses any more; how many there were. */
static size_t forget(struct node *n, const struct peer_id *id)
{
    for (size_t i = 0; i < DIALER_ENTRIES_MAX; i++) {
        const struct dialer_entry *e = &n->dialer.entries[i];
        if (e->state != DIALER_FREE && peer_id_equal(&e->peer, id))
            kept_remove(n->kept, &e->address);
    }
    return dialer_remove_peer(&n->dialer, id);
}

static void remove_peer(struct node *n, uint64_t token, const json_t *args)
{
    struct multiaddr address;
    const char *text = args_text(args, "peer", "");
    if (!keeping_has_room(n, token))
        return;
    if (peer_id_parse(text, &(struct peer_id){ 0 }) != PANDO_OK &&
        multiaddr_parse_peer(text, &address, NULL) == PANDO_OK &&
        dialer_remove_address(&n->dialer, &address) > 0) {
        kept_remove(n->kept, &address);
        keeping_save(n, token, "{\"removed\":true}");
        return;
    }
    struct peer_id id;
    if (!named(n, token, args, &id))
        return;
    uint32_t index;
    const bool linked = peer_find(n, &id, &index) != NULL;
    if (forget(n, &id) == 0 && !linked) {
        call_fail(n, token, PANDO_NOT_FOUND,
                  "this node knows no such peer; `pando peer ls` lists them");
        return;
    }
    drop_named(n, &id, LINK_REASON_LOCAL);
    keeping_save(n, token, "{\"removed\":true}");
}

static void ban(struct node *n, uint64_t token, const json_t *args)
{
    struct peer_id id;
    if (!named(n, token, args, &id) || !keeping_has_room(n, token))
        return;
    if (kept_ban(n->kept, &id, args_text(args, "reason", "")) != PANDO_OK) {
        call_fail(n, token, PANDO_FULL,
                  "at most %d peers are banned; put further ones into `deny:` of config.yml",
                  KEPT_BANS_MAX);
        return;
    }
    (void)forget(n, &id);
    drop_named(n, &id, LINK_REASON_DENIED);
    keeping_save(n, token, "{\"banned\":true}");
}

static void unban(struct node *n, uint64_t token, const json_t *args)
{
    struct peer_id id;
    if (!named(n, token, args, &id) || !keeping_has_room(n, token))
        return;
    if (kept_unban(n->kept, &id))
        keeping_save(n, token, "{\"unbanned\":true}");
    else
        call_fail(n, token, PANDO_NOT_FOUND,
                  "that peer is not banned; `pando peer ls` lists those that are, and "
                  "`deny:` of config.yml may name further ones");
}

static void ping(struct node *n, uint64_t token, const json_t *args)
{
    struct peer_id id;
    uint32_t index;
    if (!named(n, token, args, &id))
        return;
    if (peer_find(n, &id, &index) == NULL)
        call_fail(n, token, PANDO_NOT_FOUND,
                  "no link to that peer; `pando peer ls` says why");
    else
        protocols_ping(n, index, token);
}

void calls_peers(struct node *n, uint64_t token, const char *verb,
                 struct pando_slice text)
{
    struct pando_err err = { 0 };
    json_t *args = args_parse(text, &err);
    if (args == NULL)
        call_fail(n, token, err.status, "%s", err.text);
    else if (strcmp(verb, "peer.ls") == 0)
        list(n, token);
    else if (strcmp(verb, "peer.add") == 0)
        add(n, token, args);
    else if (strcmp(verb, "peer.rm") == 0)
        remove_peer(n, token, args);
    else if (strcmp(verb, "peer.ban") == 0)
        ban(n, token, args);
    else if (strcmp(verb, "peer.unban") == 0)
        unban(n, token, args);
    else if (strcmp(verb, "peer.ping") == 0)
        ping(n, token, args);
    else
        call_fail(n, token, PANDO_UNSUPPORTED, "there is no verb '%s'", verb);
    json_decref(args);
}

/* Cut the links to one peer or to all, and refuse new ones, until they are healed. */
static void cut(struct node *n, uint64_t token, const json_t *args)
{
    const char *who = args_text(args, "peer", "all");
    struct peer_id id;
    if (strcmp(who, "all") == 0) {
        n->cut_all = true;
        for (uint32_t i = 0; i < n->peers_max; i++)
            if (n->peers[i].used)
                peers_drop(n, i, LINK_REASON_CUT);
    } else {
        if (!named(n, token, args, &id))
            return;
        if (n->cuts_len == NODE_CUTS_MAX) {
            call_fail(n, token, PANDO_FULL, "at most %d single cuts; cut \"all\" instead",
                      NODE_CUTS_MAX);
            return;
        }
        n->cuts[n->cuts_len++] = id;
        drop_named(n, &id, LINK_REASON_CUT);
    }
    call_reply(n, token, PANDO_OK, slice_text("{\"cut\":true}"));
}

void calls_links(struct node *n, uint64_t token, const char *verb,
                 struct pando_slice text)
{
    struct pando_err err = { 0 };
    json_t *args = args_parse(text, &err);
    if (args == NULL) {
        call_fail(n, token, err.status, "%s", err.text);
    } else if (strcmp(verb, "link.cut") == 0) {
        cut(n, token, args);
    } else if (strcmp(verb, "link.heal") == 0) {
        n->cut_all = false;
        n->cuts_len = 0;
        dialer_hurry(&n->dialer, n->now);
        call_reply(n, token, PANDO_OK, slice_text("{\"healed\":true}"));
    } else {
        call_fail(n, token, PANDO_UNSUPPORTED, "there is no verb '%s'", verb);
    }
    json_decref(args);
}
