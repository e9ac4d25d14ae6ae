#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"

static uint64_t backoff_key(const struct gossip *g, uint32_t topic, uint32_t peer)
{
    const uint64_t key = g->peers[peer].id_hash ^ g->topics[topic].salt;
    return key != 0 ? key : 1;
}

static void back_off(struct gossip *g, uint32_t topic, uint32_t peer,
                     struct pando_span span)
{
    gossip_backoff_add(&g->backoffs, backoff_key(g, topic, peer),
                       pando_time_add(g->now, span));
}

/* Whether we may graft `peer`: its back-off is over, with slack for its clock. */
static bool may_graft(const struct gossip *g, uint32_t topic, uint32_t peer)
{
    if (MUTANT(NO_BACKOFF))
        return true;
    const struct pando_time until =
        gossip_backoff_of(&g->backoffs, backoff_key(g, topic, peer));
    return until.ns == 0 ||
           pando_time_reached(pando_time_add(until, g->config.backoff_slack), g->now);
}

uint32_t gossip_pick(struct gossip *g, uint32_t topic, const uint64_t *from,
                     const uint64_t *except, bool grafting, uint32_t want)
{
    uint32_t len = 0, cursor = 0, peer;
    while (bits_next(from, g->words, &cursor, &peer)) {
        if ((except == NULL || !bits_has(except, peer)) &&
            (!grafting || may_graft(g, topic, peer)))
            g->picks[len++] = peer;
    }
    const uint32_t take = len < want ? len : want;
    for (uint32_t i = 0; i < take; i++) {
        const uint32_t j = i + (uint32_t)rng_below(&g->rng, len - i);
        const uint32_t other = g->picks[j];
        g->picks[j] = g->picks[i];
        g->picks[i] = other;
    }
    return take;
}

static void mesh_add(struct gossip *g, uint32_t topic, uint32_t peer)
{
    struct gossip_topic *t = &g->topics[topic];
    t->mesh_len += bits_put(t->mesh, peer, true);
    (void)bits_put(t->fresh, peer, true);
}

void gossip_mesh_remove(struct gossip *g, uint32_t topic, uint32_t peer)
{
    struct gossip_topic *t = &g->topics[topic];
    t->mesh_len -= bits_put(t->mesh, peer, false);
    (void)bits_put(t->fresh, peer, false);
    (void)bits_put(t->graft_due, peer, false);
}

static void graft(struct gossip *g, uint32_t topic, uint32_t peer)
{
    mesh_add(g, topic, peer);
    (void)bits_put(g->topics[topic].graft_due, peer, true);
    (void)bits_put(g->topics[topic].prune_due, peer, false);
    gossip_control_due(g, peer);
}

static void owe_prune(struct gossip *g, uint32_t topic, uint32_t peer, bool leave)
{
    struct gossip_topic *t = &g->topics[topic];
    (void)bits_put(t->prune_due, peer, true);
    (void)bits_put(t->leave_due, peer, leave);
    back_off(g, topic, peer, leave ? g->config.leave_backoff : g->config.prune_backoff);
    gossip_control_due(g, peer);
}

static void prune(struct gossip *g, uint32_t topic, uint32_t peer, bool leave)
{
    gossip_mesh_remove(g, topic, peer);
    owe_prune(g, topic, peer, leave);
}

static void graft_some(struct gossip *g, uint32_t topic, uint32_t want)
{
    const struct gossip_topic *t = &g->topics[topic];
    const uint32_t len = gossip_pick(g, topic, t->peers, t->mesh, true, want);
    for (uint32_t i = 0; i < len; i++)
        graft(g, topic, g->picks[i]);
}

void gossip_mesh_welcome(struct gossip *g, uint32_t topic, uint32_t peer)
{
    struct gossip_topic *t = &g->topics[topic];
    if (t->mesh_len < g->config.d && !bits_has(t->mesh, peer) &&
        may_graft(g, topic, peer))
        graft(g, topic, peer);
}

static void tell_everybody(struct gossip *g)
{
    for (uint32_t peer = 0; peer < g->config.peers_max; peer++) {
        if (g->peers[peer].up)
            gossip_control_due(g, peer);
    }
}

static void fanout_end(struct gossip *g, struct gossip_topic *t)
{
    for (size_t i = 0; i < g->words; i++)
        t->fanout[i] = 0;
    t->fanout_len = 0;
}

enum pando_status gossip_join(struct gossip *g, const struct gossip_input *in)
{
    if (in->topic.len == 0 || in->topic.len > GOSSIP_TOPIC_MAX)
        return PANDO_INVALID;
    const uint32_t topic = gossip_topic_claim(g, in->topic);
    if (topic == GOSSIP_NONE)
        return PANDO_FULL;
    struct gossip_topic *t = &g->topics[topic];
    if (t->subscribed)
        return PANDO_EXISTS;
    t->subscribed = true;
    t->policy = in->policy;
    t->judged = in->judged;
    uint32_t cursor = 0, peer;
    while (bits_next(t->peers, g->words, &cursor, &peer)) { /* who came before us */
        if (!gossip_may_join(g, in->topic, peer))
            gossip_peer_subscription(g, peer, in->topic, false);
    }
    cursor = 0;
    while (bits_next(t->fanout, g->words, &cursor, &peer)) {
        if (may_graft(g, topic, peer))
            graft(g, topic, peer);
    }
    fanout_end(g, t);
    if (t->mesh_len < g->config.d)
        graft_some(g, topic, g->config.d - t->mesh_len);
    tell_everybody(g);
    return PANDO_OK;
}

enum pando_status gossip_leave(struct gossip *g, struct pando_slice name)
{
    const uint32_t topic = gossip_topic_find(g, name);
    if (topic == GOSSIP_NONE || !g->topics[topic].subscribed)
        return PANDO_NOT_FOUND;
    struct gossip_topic *t = &g->topics[topic];
    uint32_t cursor = 0, peer;
    while (bits_next(t->mesh, g->words, &cursor, &peer))
        prune(g, topic, peer, true);
    t->subscribed = false;
    tell_everybody(g);
    gossip_topic_release(g, topic);
    return PANDO_OK;
}

/* It came during its back-off; worse when right behind our PRUNE. */
static void refuse_early_graft(struct gossip *g, uint32_t topic, uint32_t peer,
                               struct pando_time until)
{
    const struct pando_span left = pando_time_since(until, g->now);
    g->count.graft_refused++;
    g->peers[peer].misdeeds++;
    if (left.ns + g->config.graft_flood.ns > g->config.prune_backoff.ns) {
        g->count.graft_floods++;
        g->peers[peer].misdeeds++;
    }
    owe_prune(g, topic, peer, false);
}

void gossip_on_graft(struct gossip *g, uint32_t peer, struct pando_slice name)
{
    g->count.graft_in++;
    const uint32_t topic = gossip_topic_find(g, name);
    if (topic == GOSSIP_NONE || !g->topics[topic].subscribed ||
        !gossip_may_join(g, name, peer))
        return; /* an unknown topic costs nothing and is answered by nothing */
    gossip_peer_subscription(g, peer, name, true); /* who grafts also listens */
    struct gossip_topic *t = &g->topics[topic];
    if (bits_has(t->mesh, peer))
        return;
    const struct pando_time until =
        gossip_backoff_of(&g->backoffs, backoff_key(g, topic, peer));
    if (until.ns > g->now.ns && !MUTANT(NO_BACKOFF)) {
        refuse_early_graft(g, topic, peer, until);
    } else if (t->mesh_len >= g->config.d_high && !g->peers[peer].outbound &&
               !MUTANT(UNBOUNDED_MESH)) {
        g->count.graft_refused++;
        owe_prune(g, topic, peer, false);
    } else {
        (void)bits_put(t->prune_due, peer, false);
        mesh_add(g, topic, peer);
    }
}

void gossip_on_prune(struct gossip *g, uint32_t peer, struct pando_slice name,
                     uint64_t seconds)
{
    g->count.prune_in++;
    const uint32_t topic = gossip_topic_find(g, name);
    if (topic == GOSSIP_NONE || !g->topics[topic].subscribed)
        return;
    gossip_mesh_remove(g, topic, peer);
    struct pando_span span = g->config.prune_backoff;
    if (seconds > 0)
        span = seconds > g->config.backoff_max.ns / 1000000000u ? g->config.backoff_max
                                                                : PANDO_SEC(seconds);
    back_off(g, topic, peer, span);
}

/* Above D_high: keep D at random, enough of them dialled by us. */
static void shrink(struct gossip *g, uint32_t topic)
{
    struct gossip_topic *t = &g->topics[topic];
    const uint32_t len = gossip_pick(g, topic, t->mesh, NULL, false, UINT32_MAX);
    uint32_t kept = 0, outbound = 0, others = 0;
    for (uint32_t i = 0; i < len; i++)
        outbound += g->peers[g->picks[i]].outbound;
    if (outbound > g->config.d_out)
        outbound = g->config.d_out;
    const uint32_t others_max = g->config.d - outbound;
    uint32_t outbound_kept = 0;
    for (uint32_t i = 0; i < len; i++) {
        const uint32_t peer = g->picks[i];
        const bool reserved = g->peers[peer].outbound && outbound_kept < outbound;
        if (reserved || (others < others_max && kept < g->config.d)) {
            kept++;
            outbound_kept += reserved;
            others += !reserved;
        } else {
            prune(g, topic, peer, false);
        }
    }
}

/* A mesh of peers that all dialled us is easily arranged by one attacker. */
static void add_outbound(struct gossip *g, uint32_t topic)
{
    struct gossip_topic *t = &g->topics[topic];
    uint32_t have = 0, cursor = 0, peer;
    while (bits_next(t->mesh, g->words, &cursor, &peer))
        have += g->peers[peer].outbound;
    if (have >= g->config.d_out)
        return;
    const uint32_t len = gossip_pick(g, topic, t->peers, t->mesh, true, UINT32_MAX);
    for (uint32_t i = 0; i < len && have < g->config.d_out; i++) {
        if (g->peers[g->picks[i]].outbound) {
            graft(g, topic, g->picks[i]);
            have++;
        }
    }
}

static void mend(struct gossip *g, uint32_t topic)
{
    const struct gossip_topic *t = &g->topics[topic];
    if (t->mesh_len < g->config.d_low)
        graft_some(g, topic, g->config.d - t->mesh_len);
    else if (t->mesh_len > g->config.d_high && !MUTANT(UNBOUNDED_MESH))
        shrink(g, topic);
    if (t->mesh_len >= g->config.d_low)
        add_outbound(g, topic);
}

const uint64_t *gossip_fanout(struct gossip *g, uint32_t topic)
{
    struct gossip_topic *t = &g->topics[topic];
    if (t->fanout_len < g->config.d) {
        const uint32_t len = gossip_pick(g, topic, t->peers, t->fanout, false,
                                         g->config.d - t->fanout_len);
        for (uint32_t i = 0; i < len; i++)
            t->fanout_len += bits_put(t->fanout, g->picks[i], true);
    }
    return t->fanout;
}

void gossip_mesh_tick(struct gossip *g)
{
    if (g->ticks % GOSSIP_SWEEP_EVERY == 0) {
        const uint64_t slack = g->config.backoff_slack.ns;
        if (g->now.ns > slack)
            gossip_backoffs_sweep(&g->backoffs, (struct pando_time){ g->now.ns - slack });
    }
    for (uint32_t i = 0; i < g->config.topics_max; i++) {
        struct gossip_topic *t = &g->topics[i];
        if (!t->used)
            continue;
        if (t->subscribed && !MUTANT(NO_UPKEEP)) {
            mend(g, i);
        } else if (t->fanout_len > 0) {
            if (pando_time_reached(t->fanout_until, g->now))
                fanout_end(g, t);
            else
                (void)gossip_fanout(g, i);
        }
        gossip_topic_release(g, i);
    }
}
