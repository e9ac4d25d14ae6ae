#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"

void gossip_queues_place(struct gossip *g, struct arena *arena)
{
    const uint64_t all = (uint64_t)g->config.peers_max * g->config.queue_max;
    g->outs_len = (uint32_t)(all < g->config.queue_total ? all : g->config.queue_total);
    g->outs = arena_take(arena, g->outs_len, sizeof *g->outs);
    g->scratch[0] = arena_take(arena, GOSSIP_RPC_SPLIT, 1);
    g->scratch[1] = arena_take(arena, GOSSIP_RPC_SPLIT / 2, 1);
    for (uint32_t i = 0; g->outs != NULL && i < g->outs_len; i++)
        g->outs[i].next = i + 1 < g->outs_len ? i + 1 : GOSSIP_NONE;
}

void gossip_peer_wake(struct gossip *g, uint32_t peer)
{
    struct gossip_peer *p = &g->peers[peer];
    if (p->ready || p->credit <= 0 || (!p->control_due && p->queued_len == 0))
        return;
    p->ready = true;
    p->ready_next = GOSSIP_NONE;
    if (g->ready.tail == GOSSIP_NONE)
        g->ready.head = peer;
    else
        g->peers[g->ready.tail].ready_next = peer;
    g->ready.tail = peer;
}

void gossip_control_due(struct gossip *g, uint32_t peer)
{
    g->peers[peer].control_due = true;
    gossip_peer_wake(g, peer);
}

/* Take the oldest RPC of a class; the caller owns its reference. */
static struct bytes *pop(struct gossip *g, struct gossip_peer *p, enum gossip_class class)
{
    struct gossip_queue *q = &p->queues[class];
    const uint32_t i = q->head;
    struct gossip_out *out = &g->outs[i];
    struct bytes *bytes = out->bytes;
    q->head = out->next;
    if (q->head == GOSSIP_NONE)
        q->tail = GOSSIP_NONE;
    out->bytes = NULL;
    out->next = g->out_free;
    g->out_free = i;
    g->outs_used--;
    p->queued_len--;
    p->queued_bytes -= bytes_view(bytes).len;
    return bytes;
}

static void count_drop(struct gossip *g, enum gossip_class class)
{
    switch (class) {
    case CLASS_PUBLISH:
        g->count.dropped_publish++;
        break;
    case CLASS_FORWARD:
        g->count.dropped_forward++;
        break;
    default:
        g->count.dropped_gossip++;
        break;
    }
}

/* The more all queues hold, the less one of them may: a stalled peer can take half of
 * what is free, never all of it. */
static bool has_room(const struct gossip *g, const struct gossip_peer *p, size_t len)
{
    const uint32_t free_len = g->outs_len - g->outs_used;
    return free_len > 0 && p->queued_len < g->config.queue_max &&
           p->queued_len <= free_len &&
           (p->queued_len == 0 || p->queued_bytes + len <= g->config.queue_bytes);
}

/* Drop the oldest RPC of the least class below `class`; false when there is none. */
static bool drop_lesser(struct gossip *g, struct gossip_peer *p, enum gossip_class class)
{
    for (int lesser = CLASSES - 1; lesser > (int)class; lesser--) {
        if (p->queues[lesser].head != GOSSIP_NONE) {
            bytes_unref(pop(g, p, (enum gossip_class)lesser));
            count_drop(g, (enum gossip_class)lesser);
            return true;
        }
    }
    return false;
}

bool gossip_queue_push(struct gossip *g, uint32_t peer, enum gossip_class class,
                       struct bytes *bytes)
{
    struct gossip_peer *p = &g->peers[peer];
    PANDO_ASSERT(p->up);
    while (!has_room(g, p, bytes_view(bytes).len)) {
        if (!drop_lesser(g, p, class)) {
            count_drop(g, class);
            return false;
        }
    }
    const uint32_t i = g->out_free;
    g->out_free = g->outs[i].next;
    g->outs_used++;
    g->outs[i] = (struct gossip_out){ bytes_ref(bytes), GOSSIP_NONE };
    struct gossip_queue *q = &p->queues[class];
    if (q->tail == GOSSIP_NONE)
        q->head = i;
    else
        g->outs[q->tail].next = i;
    q->tail = i;
    p->queued_len++;
    p->queued_bytes += bytes_view(bytes).len;
    gossip_peer_wake(g, peer);
    return true;
}

void gossip_queue_clear(struct gossip *g, uint32_t peer)
{
    struct gossip_peer *p = &g->peers[peer];
    for (int class = 0; class < CLASSES; class ++) {
        while (p->queues[class].head != GOSSIP_NONE)
            bytes_unref(pop(g, p, (enum gossip_class) class));
    }
}

/* Write what `peer` has to be told about one topic, and note that it was told. False when
 * there is no room: nothing was written then. */
static bool say_topic(struct gossip *g, uint32_t peer, struct gossip_topic *t,
                      struct wire_writer *subs, struct wire_writer *control)
{
    const struct pando_slice name = gossip_topic_name(t);
    const size_t most = name.len + 32;
    if (subs->cap - subs->len < most || control->cap - control->len < most)
        return false;
    if (bits_has(t->told, peer) != t->subscribed) {
        gossip_put_subscription(subs, t->subscribed, name);
        (void)bits_put(t->told, peer, t->subscribed);
        t->told_len += t->subscribed ? 1u : -1u;
    }
    if (bits_put(t->graft_due, peer, false)) {
        gossip_put_graft(control, name);
        g->count.graft_out++;
    }
    if (bits_put(t->prune_due, peer, false)) {
        const bool leave = bits_put(t->leave_due, peer, false);
        const struct pando_span s =
            leave ? g->config.leave_backoff : g->config.prune_backoff;
        gossip_put_prune(control, name, g->peers[peer].version >= GOSSIP_V11,
                         s.ns / 1000000000u);
        g->count.prune_out++;
    }
    return true;
}

/* One RPC of what is due, or NULL when that is nothing (or memory is out: tried again at
 * the next control). Both parts together stay below the split. */
static struct bytes *say_control(struct gossip *g, uint32_t peer)
{
    struct wire_writer subs = wire_write(g->scratch[0], GOSSIP_RPC_SPLIT / 2 - 64);
    struct wire_writer control = wire_write(g->scratch[1], GOSSIP_RPC_SPLIT / 2 - 64);
    bool all = true;
    for (uint32_t i = 0; i < g->config.topics_max && all; i++) {
        struct gossip_topic *t = &g->topics[i];
        if (!t->used)
            continue;
        all = say_topic(g, peer, t, &subs, &control);
        gossip_topic_release(g, i);
    }
    g->peers[peer].control_due = !all;
    if (subs.len + control.len == 0)
        return NULL;
    return gossip_control_frame(wire_written(&subs), wire_written(&control));
}

static struct bytes *next_rpc(struct gossip *g, uint32_t peer)
{
    struct gossip_peer *p = &g->peers[peer];
    if (p->control_due) {
        struct bytes *bytes = say_control(g, peer);
        if (bytes != NULL)
            return bytes;
    }
    for (int class = 0; class < CLASSES; class ++) {
        if (p->queues[class].head != GOSSIP_NONE)
            return pop(g, p, (enum gossip_class) class);
    }
    return NULL;
}

static uint32_t pop_ready(struct gossip *g)
{
    const uint32_t peer = g->ready.head;
    struct gossip_peer *p = &g->peers[peer];
    g->ready.head = p->ready_next;
    if (g->ready.head == GOSSIP_NONE)
        g->ready.tail = GOSSIP_NONE;
    p->ready = false;
    return peer;
}

bool gossip_queue_poll(struct gossip *g, struct gossip_effect *ret)
{
    while (g->ready.head != GOSSIP_NONE) {
        const uint32_t peer = pop_ready(g);
        struct gossip_peer *p = &g->peers[peer];
        if (!p->up || p->credit <= 0)
            continue;
        struct bytes *bytes = next_rpc(g, peer);
        if (bytes == NULL)
            continue;
        const size_t len = bytes_view(bytes).len;
        if (!MUTANT(NO_CREDIT))
            p->credit -= (int64_t)len;
        g->count.rpcs_out++;
        g->count.bytes_out += len;
        gossip_peer_wake(g, peer);
        *ret =
            (struct gossip_effect){ .kind = GOSSIP_SEND, .peer = peer, .bytes = bytes };
        return true;
    }
    return false;
}
