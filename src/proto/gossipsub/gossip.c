#include "proto/gossipsub/gossip.h"

#include "base/assert.h"
#include "base/slice.h"
#include "proto/gossipsub/gossip_internal.h"

_Static_assert(GOSSIP_DATA_MAX + 4096 < GOSSIP_RPC_MAX, "a message must fit an RPC");

void gossip_defaults(struct gossip_config *config, uint32_t peers_max)
{
    *config = (struct gossip_config){
        .peers_max = peers_max,
        .topics_max = 512,
        .peer_topics_max = 256,
        .seen_max = 1u << 17,
        .messages_max = 4096,
        .cache_max = 8192,
        .backoffs_max = 8192,
        .promises_max = 1024,
        .queue_max = 4096,
        .queue_total = 1u << 16,
        .queue_bytes = 8u << 20,
        .cache_bytes = 32u << 20,
        .d = 6,
        .d_low = 5,
        .d_high = 12,
        .d_out = 2,
        .d_lazy = 6,
        .lazy_percent = 25,
        .ihave_max = 10,
        .ids_max = 5000,
        .resend_max = 3,
        .flood_publish = true,
        .heartbeat = PANDO_SEC(1),
        .seen_ttl = PANDO_SEC(120),
        .fanout_ttl = PANDO_SEC(60),
        .prune_backoff = PANDO_SEC(60),
        .leave_backoff = PANDO_SEC(10),
        .backoff_slack = PANDO_SEC(2),
        .backoff_max = PANDO_SEC(3600),
        .graft_flood = PANDO_SEC(10),
        .promise_after = PANDO_SEC(3),
        .verdict_after = PANDO_SEC(30),
    };
}

static void check_config(const struct gossip_config *c)
{
    PANDO_ASSERT(c->peers_max > 0 && c->topics_max > 0);
    PANDO_ASSERT(c->seen_max >= GOSSIP_FORMS + 1 && c->messages_max > 0 &&
                 c->cache_max > 0);
    PANDO_ASSERT(c->seen_max < 1u << 30 && c->backoffs_max > 0 &&
                 c->backoffs_max < 1u << 30);
    PANDO_ASSERT((uint64_t)c->messages_max + c->cache_max < 1u << 28);
    PANDO_ASSERT(c->d_low <= c->d && c->d <= c->d_high && c->d_out <= c->d);
    PANDO_ASSERT(c->queue_max > 0 && c->queue_total > 0 && c->resend_max <= 3);
    PANDO_ASSERT(c->heartbeat.ns > 0);
}

static void start(struct gossip *g, const struct gossip_config *config,
                  struct pando_time now)
{
    const struct gossip_list empty = { GOSSIP_NONE, GOSSIP_NONE };
    g->config = *config;
    g->now = g->started = now;
    g->rng = rng_seeded(config->seed);
    g->secret[0] = rng_next(&g->rng);
    g->secret[1] = rng_next(&g->rng);
    g->seqno = config->seqno;
    g->ready = g->effects = g->waiting = g->cached = empty;
    const uint64_t phase = rng_below(&g->rng, config->heartbeat.ns) + 1;
    g->next_heartbeat = pando_time_add(now, (struct pando_span){ phase });
}

struct gossip *gossip_place(const struct gossip_config *config, struct pando_time now,
                            struct arena *arena)
{
    check_config(config);
    struct gossip measured = { 0 };
    struct gossip *placed = arena_take(arena, 1, sizeof *placed);
    struct gossip *g = placed != NULL ? placed : &measured;
    start(g, config, now);
    g->words = BITS_WORDS(config->peers_max);
    g->peers = arena_take(arena, config->peers_max, sizeof *g->peers);
    g->picks = arena_take(arena, config->peers_max, sizeof *g->picks);
    g->promises = arena_take(arena, config->promises_max, sizeof *g->promises);
    gossip_topics_place(g, arena);
    gossip_seen_place(&g->seen, config->seen_max, arena);
    gossip_backoffs_place(&g->backoffs, config->backoffs_max, arena);
    gossip_cache_place(g, arena);
    gossip_queues_place(g, arena);
    return placed;
}

void gossip_deinit(struct gossip *g)
{
    if (g == NULL)
        return;
    for (uint32_t peer = 0; peer < g->config.peers_max; peer++) {
        if (g->peers[peer].up)
            gossip_queue_clear(g, peer);
        g->peers[peer].up = false;
    }
    for (uint32_t i = 0; i < g->msgs_len; i++) {
        bytes_unref(g->msgs[i].framed);
        bytes_unref(g->msgs[i].signed_bytes);
        g->msgs[i].framed = g->msgs[i].signed_bytes = NULL;
    }
}

void gossip_fault(struct gossip *g, uint32_t peer, enum pando_status status,
                  const char *text)
{
    g->count.faults++;
    if (g->faults_len == GOSSIP_FAULTS_MAX)
        return;
    const uint32_t at = (g->faults_head + g->faults_len++) % GOSSIP_FAULTS_MAX;
    g->faults[at] = (struct gossip_fault){ peer, status, text };
}

static void on_item(struct gossip *g, uint32_t peer, const struct gossip_item *item)
{
    switch (item->kind) {
    case GOSSIP_ITEM_SUBSCRIPTION:
        gossip_peer_subscription(g, peer, item->topic, item->subscribe);
        return;
    case GOSSIP_ITEM_MESSAGE:
        gossip_on_message(g, peer, &item->message);
        return;
    case GOSSIP_ITEM_IHAVE:
        gossip_on_ihave(g, peer, item);
        return;
    case GOSSIP_ITEM_IWANT:
        gossip_on_iwant(g, peer, item);
        return;
    case GOSSIP_ITEM_GRAFT:
        gossip_on_graft(g, peer, item->topic);
        return;
    case GOSSIP_ITEM_PRUNE:
        gossip_on_prune(g, peer, item->topic, item->backoff);
        return;
    case GOSSIP_ITEM_KINDS:
        break;
    }
    PANDO_UNREACHABLE();
}

static void on_rpc(struct gossip *g, uint32_t peer, struct pando_slice rpc)
{
    g->count.rpcs_in++;
    const enum pando_status st =
        rpc.len > GOSSIP_RPC_MAX ? PANDO_FULL : gossip_rpc_check(rpc);
    if (st != PANDO_OK) {
        g->count.malformed++;
        g->peers[peer].misdeeds++;
        gossip_fault(g, peer, PANDO_MALFORMED,
                     st == PANDO_FULL ? "an RPC with more items than the limits allow"
                                      : "an RPC that does not decode");
        return;
    }
    struct gossip_rpc r = gossip_rpc_read(rpc);
    struct gossip_item item;
    while (gossip_rpc_next(&r, &item))
        on_item(g, peer, &item);
}

static void on_credit(struct gossip *g, uint32_t peer, uint64_t credit)
{
    struct gossip_peer *p = &g->peers[peer];
    const uint64_t room = (uint64_t)INT64_MAX - (p->credit > 0 ? (uint64_t)p->credit : 0);
    p->credit += (int64_t)(credit < room ? credit : room);
    gossip_peer_wake(g, peer);
}

/* The second's work. A late host makes up for no missed beats. */
static void on_tick(struct gossip *g)
{
    if (!pando_time_reached(g->next_heartbeat, g->now))
        return;
    g->next_heartbeat = pando_time_add(g->next_heartbeat, g->config.heartbeat);
    if (pando_time_reached(g->next_heartbeat, g->now))
        g->next_heartbeat = pando_time_add(g->now, g->config.heartbeat);
    const uint64_t age = pando_time_since(g->now, g->started).ns;
    if (age > g->config.seen_ttl.ns)
        gossip_seen_expire(&g->seen,
                           (uint32_t)((age - g->config.seen_ttl.ns) / 1000000000u));
    gossip_message_tick(g);
    gossip_mesh_tick(g);
    gossip_lazy_tick(g);
    g->ticks++;
    gossip_cache_tick(g);
}

static bool is_up(const struct gossip *g, uint32_t peer)
{
    return peer < g->config.peers_max && g->peers[peer].up;
}

enum pando_status gossip_step(struct gossip *g, struct pando_time now,
                              const struct gossip_input *in)
{
    PANDO_ASSERT(g->now.ns <= now.ns);
    g->now = now;
    switch (in->kind) {
    case GOSSIP_PEER_UP:
        return gossip_peer_up(g, in);
    case GOSSIP_SUBSCRIBE:
        return gossip_join(g, in);
    case GOSSIP_UNSUBSCRIBE:
        return gossip_leave(g, in->topic);
    case GOSSIP_PUBLISH:
        return gossip_publish(g, in);
    case GOSSIP_VERIFIED:
        return gossip_verified(g, in);
    case GOSSIP_VERDICT:
        return gossip_judge(g, in);
    case GOSSIP_TICK:
        on_tick(g);
        return PANDO_OK;
    case GOSSIP_PEER_DOWN:
    case GOSSIP_RPC:
    case GOSSIP_CREDIT:
        break;
    }
    if (!is_up(g, in->peer))
        return PANDO_INVALID;
    if (in->kind == GOSSIP_PEER_DOWN)
        gossip_peer_down(g, in->peer);
    else if (in->kind == GOSSIP_RPC)
        on_rpc(g, in->peer, in->data);
    else
        on_credit(g, in->peer, in->credit);
    return PANDO_OK;
}

bool gossip_poll(struct gossip *g, struct gossip_effect *ret_effect)
{
    if (g->faults_len > 0) {
        const struct gossip_fault *f = &g->faults[g->faults_head];
        *ret_effect = (struct gossip_effect){
            .kind = GOSSIP_FAULT, .peer = f->peer, .status = f->status, .text = f->text
        };
        g->faults_head = (g->faults_head + 1) % GOSSIP_FAULTS_MAX;
        g->faults_len--;
        return true;
    }
    return gossip_message_poll(g, ret_effect) || gossip_queue_poll(g, ret_effect);
}

struct pando_time gossip_deadline(const struct gossip *g)
{
    return g->next_heartbeat;
}

uint32_t gossip_reached(const struct gossip *g)
{
    return g->reached;
}

static size_t list_members(const struct gossip *g, const uint64_t *bits,
                           uint32_t *ret_peers, size_t cap)
{
    size_t len = 0;
    uint32_t cursor = 0, peer;
    while (bits_next(bits, g->words, &cursor, &peer)) {
        if (len < cap)
            ret_peers[len] = peer;
        len++;
    }
    return len;
}

size_t gossip_mesh(const struct gossip *g, struct pando_slice topic, uint32_t *ret_peers,
                   size_t cap)
{
    const uint32_t i = gossip_topic_find(g, topic);
    return i == GOSSIP_NONE ? 0 : list_members(g, g->topics[i].mesh, ret_peers, cap);
}

size_t gossip_subscribers(const struct gossip *g, struct pando_slice topic,
                          uint32_t *ret_peers, size_t cap)
{
    const uint32_t i = gossip_topic_find(g, topic);
    return i == GOSSIP_NONE ? 0 : list_members(g, g->topics[i].peers, ret_peers, cap);
}

uint64_t gossip_queued(const struct gossip *g, uint32_t peer)
{
    return is_up(g, peer) ? g->peers[peer].queued_bytes : 0;
}

const struct gossip_counters *gossip_count(const struct gossip *g)
{
    return &g->count;
}

uint32_t gossip_misdeeds(const struct gossip *g, uint32_t peer)
{
    return is_up(g, peer) ? g->peers[peer].misdeeds : 0;
}
