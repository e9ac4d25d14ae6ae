#include "node/state.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define FAULTS_TOLERATED 64 /* per peer and second, before its links are cut */

struct node_peer *peer_at(struct node *n, uint32_t index)
{
    PANDO_ASSERT(index < n->peers_max && n->peers[index].used);
    return &n->peers[index];
}

struct node_peer *peer_find(struct node *n, const struct peer_id *id, uint32_t *ret_index)
{
    const uint32_t *index = map_find(&n->by_id, id);
    if (index == NULL)
        return NULL;
    *ret_index = *index;
    return &n->peers[*index];
}

struct node_link *link_find(struct node *n, uint64_t link)
{
    struct node_link **found = map_find(&n->links, &link);
    return found == NULL ? NULL : *found;
}

static bool is_listed(const struct peer_id *list, size_t len, const struct peer_id *id)
{
    for (size_t i = 0; i < len; i++)
        if (peer_id_equal(&list[i], id))
            return true;
    return false;
}

bool peers_is_cut(const struct node *n, const struct peer_id *peer)
{
    return n->cut_all || is_listed(n->cuts, n->cuts_len, peer);
}

bool node_bars(const struct node *n, const struct peer_id *peer)
{
    return peer_id_equal(peer, &n->id) ||
           is_listed(n->config.deny, n->config.deny_len, peer) ||
           kept_is_banned(n->kept, peer) ||
           (n->config.allow_len > 0 &&
            !is_listed(n->config.allow, n->config.allow_len, peer));
}

bool node_admits(const struct node *n, const struct peer_id *peer)
{
    return !peers_is_cut(n, peer) && !node_bars(n, peer);
}

static enum pando_status add_peer(struct node *n, const struct peer_id *id,
                                  uint32_t *ret_index)
{
    if (peer_find(n, id, ret_index) != NULL)
        return PANDO_OK;
    for (uint32_t i = 0; i < n->peers_max; i++) {
        struct node_peer *p = &n->peers[i];
        if (p->used)
            continue;
        void *place;
        bool added;
        const enum pando_status st = map_put(&n->by_id, id, &place, &added);
        if (st != PANDO_OK)
            return st;
        memset(p, 0, sizeof *p);
        p->used = true;
        n->peers_top = i < n->peers_top ? n->peers_top : i + 1;
        p->id = *id;
        p->since = n->now;
        memcpy(place, &i, sizeof i);
        *ret_index = i;
        return PANDO_OK;
    }
    return PANDO_FULL;
}

static enum pando_status add_link(struct node *n, const struct link_event *ev,
                                  uint32_t peer)
{
    struct node_peer *p = peer_at(n, peer);
    if (p->links_len == NODE_LINKS_PER_PEER)
        return PANDO_FULL;
    struct node_link *l = calloc(1, sizeof *l);
    void *place;
    bool added;
    if (l == NULL || map_put(&n->links, &ev->link, &place, &added) != PANDO_OK) {
        free(l);
        return PANDO_NOMEM;
    }
    memcpy(place, &l, sizeof l);
    l->id = ev->link;
    l->peer = peer;
    l->dialed = ev->dialed;
    l->since = n->now;
    if (ev->address != NULL)
        l->address = *ev->address;
    p->links[p->links_len++] = ev->link;
    return PANDO_OK;
}

static void release_if_unlinked(struct node *n, uint32_t peer)
{
    struct node_peer *p = &n->peers[peer];
    if (p->links_len > 0)
        return;
    (void)map_del(&n->by_id, &p->id);
    p->used = false;
}

static void refuse(struct node *n, const struct link_event *ev, enum link_reason reason)
{
    n->counts.refused++;
    if (ev->dialed && ev->token != 0)
        dialer_failed(&n->dialer, n->now, ev->token, reason, link_reason_text(reason));
    n->ports.link.ops->close(n->ports.link.ctx, ev->link, reason);
}

/* A peer dials only while it has no link: two links that it dialled mean that it forgot the
 * older one, by a restart. One that we dialled may be alive (both dialled at once): a ping
 * tells, by its answer, by the peer's stateless reset or by its deadline. */
static void doubt_older_links(struct node *n, uint32_t peer, const struct link_event *ev)
{
    const struct node_peer *p = peer_at(n, peer);
    const uint32_t older = p->links_len - 1;
    uint64_t links[NODE_LINKS_PER_PEER];
    memcpy(links, p->links, sizeof links);
    for (uint32_t i = 0; i < older; i++) {
        const struct node_link *l = link_find(n, links[i]);
        if (l != NULL && !l->dialed && !ev->dialed)
            n->ports.link.ops->close(n->ports.link.ctx, l->id, LINK_REASON_RESET);
    }
    protocols_ping(n, peer, 0);
}

void peers_link_up(struct node *n, const struct link_event *ev)
{
    uint32_t index;
    if (!node_admits(n, ev->peer)) {
        refuse(n, ev, node_bars(n, ev->peer) ? LINK_REASON_DENIED : LINK_REASON_CUT);
        return;
    }
    if (n->stopping || add_peer(n, ev->peer, &index) != PANDO_OK) {
        refuse(n, ev, n->stopping ? LINK_REASON_SHUTDOWN : LINK_REASON_LIMIT);
        return;
    }
    if (add_link(n, ev, index) != PANDO_OK) {
        release_if_unlinked(n, index);
        refuse(n, ev, LINK_REASON_LIMIT);
        return;
    }
    struct node_peer *p = peer_at(n, index);
    if (ev->dialed && ev->token != 0)
        dialer_linked(&n->dialer, ev->token, ev->peer);
    dialer_peer_up(&n->dialer, ev->peer);
    n->counts.links++;
    if (p->links_len > 1) {
        doubt_older_links(n, index, ev);
        return;
    }
    if (ev->address != NULL)
        p->address = *ev->address;
    char text[PEER_ID_TEXT_MAX];
    peer_id_print(ev->peer, text);
    trace(n->tracer, TRACE_PEER, TRACE_INFO, "linked with %s (%s)", text,
          ev->dialed ? "we dialled" : "it dialled");
    protocols_identify_open(n, index);
}

/* The peer's engines forget it, then its slot is free. */
static void peer_gone(struct node *n, uint32_t peer, const char *why)
{
    struct node_peer *p = peer_at(n, peer);
    if (p->gossip_up)
        pubsub_peer_down(n, peer);
    spaces_peer_gone(n, peer);
    char text[PEER_ID_TEXT_MAX], json[512];
    peer_id_print(&p->id, text);
    trace(n->tracer, TRACE_PEER, TRACE_INFO, "lost %s: %s", text, why);
    if (p->identified) {
        n->counts.peers--;
        const int len = snprintf(json, sizeof json,
                                 "{\"peer_id\":\"%s\",\"reason\":\"%s\"}", text, why);
        calls_notice(n, "peer_down", slice_of(json, (size_t)len));
    }
    dialer_peer_down(&n->dialer, n->now, &p->id, why);
    release_if_unlinked(n, peer);
}

void peers_link_down(struct node *n, const struct link_event *ev)
{
    struct node_link *l = link_find(n, ev->link);
    if (l == NULL)
        return;
    const uint32_t peer = l->peer;
    struct node_peer *p = peer_at(n, peer);
    const bool was_first = p->links[0] == ev->link;
    streams_drop_link(n, ev->link);
    (void)map_del(&n->links, &ev->link);
    free(l);
    n->counts.links--;
    for (uint32_t i = 0; i < p->links_len; i++) {
        if (p->links[i] != ev->link)
            continue;
        memmove(&p->links[i], &p->links[i + 1],
                (p->links_len - i - 1) * sizeof p->links[0]);
        p->links_len--;
        break;
    }
    if (p->links_len == 0)
        peer_gone(n, peer, link_reason_text(ev->reason));
    else if (was_first) /* its streams went with it: ask again, open them on the next link
                         */
        protocols_identify_open(n, peer);
}

static void remember(struct node_peer *p, const struct identify_info *info)
{
    (void)snprintf(p->agent, sizeof p->agent, "%.63s", info->agent);
    (void)snprintf(p->network, sizeof p->network, "%s", info->network);
    p->foreign = info->network[0] == '\0';
    p->listen_len = 0;
    for (size_t i = 0; i < info->addresses_len && p->listen_len < 4; i++)
        p->listen[p->listen_len++] = info->addresses[i];
    p->gossip_new = identify_speaks(info, GOSSIP_PROTOCOL_11);
    p->speaks_gossip = p->gossip_new || identify_speaks(info, GOSSIP_PROTOCOL_10);
}

void peers_identified(struct node *n, uint32_t peer, const struct identify_info *info)
{
    struct node_peer *p = peer_at(n, peer);
    char text[PEER_ID_TEXT_MAX], json[512];
    peer_id_print(&p->id, text);
    if (identify_is_foreign(info, n->config.network)) {
        trace(n->tracer, TRACE_PEER, TRACE_WARNING,
              "%s is of network '%s', we are of '%s'", text, info->network,
              n->config.network);
        n->counts.refused++;
        peers_drop(n, peer, LINK_REASON_NETWORK_NAME);
        return;
    }
    remember(p, info);
    if (!p->identified) {
        p->identified = true;
        n->counts.peers++;
        const int len = snprintf(json, sizeof json,
                                 "{\"peer_id\":\"%s\",\"agent\":\"%s\"}", text, p->agent);
        calls_notice(n, "peer_up", slice_of(json, (size_t)len));
    }
    if (p->speaks_gossip && p->gossip_out == 0)
        pubsub_peer_up(n, peer);
    spaces_peer_meets(n, peer, info);
}

void peers_drop(struct node *n, uint32_t peer, enum link_reason reason)
{
    const struct node_peer *p = peer_at(n, peer);
    uint64_t links[NODE_LINKS_PER_PEER];
    const uint32_t len = p->links_len;
    memcpy(links, p->links, sizeof links);
    for (uint32_t i = 0; i < len; i++)
        n->ports.link.ops->close(n->ports.link.ctx, links[i], reason);
}

void peers_fault(struct node *n, uint32_t peer, enum pando_status why, const char *text)
{
    n->counts.faults++;
    n->faults_by[(unsigned)-(int)why % 32]++;
    struct node_peer *p = peer_at(n, peer);
    char name[PEER_ID_TEXT_MAX];
    peer_id_print(&p->id, name);
    trace(n->tracer, TRACE_PEER, TRACE_WARNING, "%s broke a rule: %s (%s)", name,
          text == NULL ? "" : text, pando_status_text(why));
    if (++p->faults >= FAULTS_TOLERATED && pando_status_blame(why) == PANDO_BLAME_PEER)
        peers_drop(n, peer, LINK_REASON_PROTOCOL);
}

/* Once a second: faults are forgiven, and of two links that a simultaneous dial left, the
 * one that carries nothing is closed by the side with the smaller id. */
void peers_sweep(struct node *n)
{
    for (uint32_t i = 0; i < n->peers_top; i++) {
        struct node_peer *p = &n->peers[i];
        if (!p->used)
            continue;
        p->faults = 0;
        if (p->links_len < 2 || memcmp(n->id.bytes, p->id.bytes, sizeof n->id.bytes) > 0)
            continue;
        for (uint32_t k = 1; k < p->links_len; k++) {
            const struct node_link *l = link_find(n, p->links[k]);
            if (l != NULL && l->streams == 0 &&
                pando_time_since(n->now, l->since).ns > PANDO_SEC(30).ns)
                n->ports.link.ops->close(n->ports.link.ctx, l->id, LINK_REASON_LOCAL);
        }
    }
}
