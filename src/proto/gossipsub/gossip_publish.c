#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"
#include "base/slice.h"
#include "crypto/sign.h"

/* A peer's first message in a topic nobody meshes with us: any subscribers will do. */
static uint32_t send_to_some(struct gossip *g, struct gossip_msg *m)
{
    const struct gossip_topic *t = &g->topics[m->topic];
    const uint32_t len = gossip_pick(g, m->topic, t->peers, NULL, false, g->config.d);
    uint32_t sent = 0;
    for (uint32_t i = 0; i < len; i++)
        sent += gossip_queue_push(g, g->picks[i], CLASS_PUBLISH, m->framed);
    return sent;
}

static uint32_t spread(struct gossip *g, struct gossip_msg *m)
{
    struct gossip_topic *t = &g->topics[m->topic];
    if (g->config.flood_publish)
        return gossip_send_to(g, m, t->peers, CLASS_PUBLISH);
    if (!t->subscribed) {
        t->fanout_until = pando_time_add(g->now, g->config.fanout_ttl);
        return gossip_send_to(g, m, gossip_fanout(g, m->topic), CLASS_PUBLISH);
    }
    if (t->mesh_len == 0)
        return send_to_some(g, m);
    return gossip_send_to(g, m, t->mesh, CLASS_PUBLISH);
}

/* Known, cached and on its way. */
static enum pando_status launch(struct gossip *g, uint32_t msg)
{
    struct gossip_msg *m = &g->msgs[msg];
    (void)gossip_see_all(g, m);
    gossip_msg_index(g, msg);
    g->reached = spread(g, m);
    g->count.published++;
    gossip_cache_put(g, msg);
    return PANDO_OK;
}

static enum pando_status publish_plain(struct gossip *g, uint32_t topic,
                                       struct pando_slice data)
{
    const struct pando_id hash = crypto_sha256(data);
    if (gossip_saw(g, &g->topics[topic], gossip_key_of(g, SLICE_OF(hash))))
        return PANDO_EXISTS;
    const struct gossip_message m = { .data = data,
                                      .topic = gossip_topic_name(&g->topics[topic]) };
    uint32_t msg;
    const enum pando_status st = gossip_admit(g, topic, GOSSIP_NO_PEER, &m, &msg);
    if (st != PANDO_OK)
        return st;
    gossip_name_data(g, &g->msgs[msg], &hash);
    return launch(g, msg);
}

static enum pando_status publish_signed(struct gossip *g, uint32_t topic,
                                        struct pando_slice data)
{
    if (g->config.sign == NULL)
        return PANDO_INVALID;
    const uint64_t seqno = g->seqno;
    uint8_t seqno_bytes[GOSSIP_SEQNO_SIZE];
    struct wire_writer w = wire_write(seqno_bytes, sizeof seqno_bytes);
    wire_put_be(&w, seqno, GOSSIP_SEQNO_SIZE);
    struct gossip_message m = {
        .from = slice_of(g->config.self.bytes, g->config.self.len),
        .data = data,
        .seqno = SLICE_OF(seqno_bytes),
        .topic = gossip_topic_name(&g->topics[topic]),
    };
    struct bytes *to_sign = gossip_message_signed(&m);
    if (to_sign == NULL)
        return PANDO_NOMEM;
    const struct pando_sig sig = g->config.sign(g->config.sign_ctx, bytes_view(to_sign));
    bytes_unref(to_sign);
    m.signature = SLICE_OF(sig);

    uint32_t msg;
    const enum pando_status st = gossip_admit(g, topic, GOSSIP_NO_PEER, &m, &msg);
    if (st != PANDO_OK)
        return st;
    g->seqno++;
    g->msgs[msg].author = g->config.self;
    g->msgs[msg].seqno = seqno;
    gossip_name_signed(g, &g->msgs[msg]);
    return launch(g, msg);
}

enum pando_status gossip_publish(struct gossip *g, const struct gossip_input *in)
{
    if (in->topic.len == 0 || in->topic.len > GOSSIP_TOPIC_MAX ||
        in->data.len > GOSSIP_DATA_MAX)
        return PANDO_INVALID;
    const uint32_t topic = gossip_topic_claim(g, in->topic);
    if (topic == GOSSIP_NONE)
        return PANDO_FULL;
    const struct gossip_topic *t = &g->topics[topic];
    const enum gossip_policy policy = t->subscribed ? t->policy : in->policy;
    g->reached = 0;
    const enum pando_status st = policy == GOSSIP_SELF_CERTIFIED
                                     ? publish_plain(g, topic, in->data)
                                     : publish_signed(g, topic, in->data);
    gossip_topic_release(g, topic);
    return st;
}
