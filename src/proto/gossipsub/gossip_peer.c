#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"
#include "base/slice.h"
#include "crypto/sign.h"

static uint64_t hash_id(const struct gossip *g, const struct peer_id *id)
{
    const struct gossip_key key = gossip_key_of(g, slice_of(id->bytes, id->len));
    return key.a != 0 ? key.a : 1;
}

enum pando_status gossip_peer_up(struct gossip *g, const struct gossip_input *in)
{
    if (in->peer >= g->config.peers_max)
        return PANDO_FULL;
    struct gossip_peer *p = &g->peers[in->peer];
    if (p->up || in->peer_id == NULL || in->credit > INT64_MAX)
        return PANDO_INVALID;
    *p = (struct gossip_peer){
        .up = true,
        .outbound = in->outbound,
        .version = in->version,
        .form = in->form,
        .id = *in->peer_id,
        .id_hash = hash_id(g, in->peer_id),
        .credit = (int64_t)in->credit,
        .ready = p->ready, /* its handle may still stand in the queue of a former life */
        .ready_next = p->ready_next,
    };
    for (int class = 0; class < CLASSES; class ++)
        p->queues[class] = (struct gossip_queue){ GOSSIP_NONE, GOSSIP_NONE };
    gossip_control_due(g, in->peer); /* hello: all our subscriptions */
    return PANDO_OK;
}

static void forget_in_topic(struct gossip *g, uint32_t topic, uint32_t peer)
{
    struct gossip_topic *t = &g->topics[topic];
    t->peers_len -= bits_put(t->peers, peer, false);
    t->mesh_len -= bits_put(t->mesh, peer, false);
    t->fanout_len -= bits_put(t->fanout, peer, false);
    t->told_len -= bits_put(t->told, peer, false);
    (void)bits_put(t->fresh, peer, false);
    (void)bits_put(t->graft_due, peer, false);
    (void)bits_put(t->prune_due, peer, false);
    (void)bits_put(t->leave_due, peer, false);
    gossip_topic_release(g, topic);
}

/* The handle may be given to another peer: no message may remember it. */
static void forget_in_messages(struct gossip *g, uint32_t peer)
{
    for (uint32_t i = 0; i < g->msgs_len; i++) {
        struct gossip_msg *m = &g->msgs[i];
        if (m->state == MSG_FREE)
            continue;
        if (m->sender == peer)
            m->sender = GOSSIP_NO_PEER;
        (void)bits_put(m->has, peer, false);
        m->resends[peer / 4] &= (uint8_t) ~(3u << (peer % 4 * 2));
    }
}

void gossip_peer_down(struct gossip *g, uint32_t peer)
{
    for (uint32_t i = 0; i < g->config.topics_max; i++) {
        if (g->topics[i].used)
            forget_in_topic(g, i, peer);
    }
    forget_in_messages(g, peer);
    gossip_promises_forget(g, peer);
    gossip_queue_clear(g, peer);
    g->peers[peer].up = false;
    g->peers[peer].control_due = false;
}

static void unsubscribed(struct gossip *g, uint32_t peer, uint32_t topic)
{
    struct gossip_topic *t = &g->topics[topic];
    if (!bits_put(t->peers, peer, false))
        return;
    t->peers_len--;
    g->peers[peer].topics_len--;
    gossip_mesh_remove(g, topic, peer);
    t->fanout_len -= bits_put(t->fanout, peer, false);
    gossip_topic_release(g, topic);
}

void gossip_peer_subscription(struct gossip *g, uint32_t peer, struct pando_slice name,
                              bool subscribe)
{
    struct gossip_peer *p = &g->peers[peer];
    if (name.len == 0 || name.len > GOSSIP_TOPIC_MAX)
        return;
    uint32_t topic = gossip_topic_find(g, name);
    if (!subscribe) {
        if (topic != GOSSIP_NONE)
            unsubscribed(g, peer, topic);
        return;
    }
    if (!gossip_may_join(g, name, peer))
        return;
    const bool ours = topic != GOSSIP_NONE && g->topics[topic].subscribed;
    if (topic == GOSSIP_NONE && p->topics_len < g->config.peer_topics_max)
        topic = gossip_topic_obtain(g, name);
    if (topic == GOSSIP_NONE || (!ours && p->topics_len >= g->config.peer_topics_max)) {
        g->count.topics_forgotten++;
        return;
    }
    struct gossip_topic *t = &g->topics[topic];
    if (!bits_put(t->peers, peer, true))
        return;
    t->peers_len++;
    p->topics_len++;
    if (t->subscribed)
        gossip_mesh_welcome(g, topic, peer);
}
