/* pubsub.c - what surrounds the gossip engine: its streams, its jobs, its topics.
 *
 * A space's topic is self-certified and judged by the space. Any other topic is one that
 * a program asked for by `pubsub.subscribe`: it is strictly signed, as other libp2p nodes
 * expect, and its last PUBSUB_KEPT messages are kept for `pubsub.messages`.
 */
#include "node/state.h"

#include "base/assert.h"

#include <stdlib.h>

#define PUBSUB_KEPT       1024
#define SMALL_PEERS       16
#define PUBSUB_KEPT_BYTES (4u << 20)

struct pubsub_message {
    uint64_t seq;
    struct peer_id author;
    uint8_t topic_len;
    char topic[GOSSIP_TOPIC_MAX];
    struct bytes *data;
    struct pando_slice view; /* into data */
};

struct pubsub {
    struct pubsub_message kept[PUBSUB_KEPT];
    uint64_t first, next; /* seq of the oldest kept and of the next one */
    size_t bytes;
};

static struct pando_sig sign_for_gossip(void *ctx, struct pando_slice message)
{
    const struct node *n = ctx;
    return crypto_sign(n->config.secret, message);
}

/* A node of few peers (a thousand of them run in one simulation) hears of little at once:
 * an eighth of the usual tables is room enough, and takes a tenth of the memory. */
static void shrink(struct gossip_config *c)
{
    c->topics_max = 64;
    c->peer_topics_max = 64;
    c->seen_max /= 16;
    c->messages_max /= 8;
    c->cache_max /= 8;
    c->backoffs_max /= 8;
    c->queue_max /= 8;
    c->queue_total /= 16;
}

/* A space's message carries all that became durable together: thousands of messages are
 * seconds of a busy space, and what falls out of the tables is caught up by streams. */
static void fit(struct gossip_config *c)
{
    c->topics_max = 256;
    c->messages_max = 2048;
    c->cache_max = 2048;
    c->queue_total = 1u << 14;
}

enum pando_status pubsub_init(struct node *n)
{
    struct gossip_config config;
    gossip_defaults(&config, n->peers_max);
    if (n->peers_max > SMALL_PEERS)
        fit(&config);
    else
        shrink(&config);
    config.seed = rng_next(&n->rng);
    config.seqno = (uint64_t)n->ports.wall(n->ports.ctx).ms * 1000000u;
    config.self = n->id;
    config.sign_ctx = n;
    config.sign = sign_for_gossip;
    config.join_ctx = n;
    config.may_join = policy_may_join;
    struct arena measure = arena_measure();
    (void)gossip_place(&config, n->now, &measure);
    n->gossip_memory = calloc(1, measure.used);
    n->pubsub = calloc(1, sizeof *n->pubsub);
    if (n->gossip_memory == NULL || n->pubsub == NULL)
        return PANDO_NOMEM;
    struct arena arena = arena_over_zeroed(n->gossip_memory, measure.used);
    n->gossip = gossip_place(&config, n->now, &arena);
    return PANDO_OK;
}

static void forget_oldest(struct pubsub *p)
{
    struct pubsub_message *m = &p->kept[p->first % PUBSUB_KEPT];
    p->bytes -= m->view.len;
    bytes_unref(m->data);
    m->data = NULL;
    p->first++;
}

void pubsub_deinit(struct node *n)
{
    gossip_deinit(n->gossip);
    free(n->gossip_memory);
    while (n->pubsub != NULL && n->pubsub->first < n->pubsub->next)
        forget_oldest(n->pubsub);
    free(n->pubsub);
    n->gossip = NULL;
    n->gossip_memory = NULL;
    n->pubsub = NULL;
}

static void feed(struct node *n, const struct gossip_input *in)
{
    const enum pando_status st = gossip_step(n->gossip, n->now, in);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        trace(n->tracer, TRACE_GOSSIP, TRACE_DEBUG, "gossip input %d: %s", (int)in->kind,
              pando_status_text(st));
}

void pubsub_peer_up(struct node *n, uint32_t peer)
{
    struct node_peer *p = peer_at(n, peer);
    /* Static: they must outlive the negotiation. */
    static const char *const v11[] = { GOSSIP_PROTOCOL_11 };
    static const char *const v10[] = { GOSSIP_PROTOCOL_10 };
    const bool new_version = p->gossip_new;
    struct node_stream *s;
    if (stream_open(n, peer, ROLE_GOSSIP, new_version ? v11 : v10, 1, LINK_EVENT, &s) !=
        PANDO_OK)
        return;
    p->gossip_out = s->id;
    p->gossip_up = true;
    const struct node_link *l = link_find(n, s->link);
    feed(n, &(struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                    .peer = peer,
                                    .peer_id = &p->id,
                                    .version = new_version ? GOSSIP_V11 : GOSSIP_V10,
                                    .form = gossip_form_of_agent(p->agent),
                                    .outbound = l != NULL && l->dialed,
                                    .credit = SPACE_CREDIT_START });
}

void pubsub_peer_down(struct node *n, uint32_t peer)
{
    struct node_peer *p = peer_at(n, peer);
    if (!p->gossip_up)
        return;
    p->gossip_up = false;
    p->gossip_out = 0;
    p->gossip_outstanding = 0;
    p->gossip_retry = pando_time_add(n->now, PANDO_SEC(2));
    feed(n, &(struct gossip_input){ .kind = GOSSIP_PEER_DOWN, .peer = peer });
}

/* A peer that opens a gossip stream speaks gossip, whatever its identify says later; its
 * first RPC, with all its subscriptions, must not fall into the gap. */
void pubsub_peer_spoke(struct node *n, uint32_t peer, bool new_version)
{
    struct node_peer *p = peer_at(n, peer);
    if (p->gossip_up)
        return;
    p->speaks_gossip = true;
    p->gossip_new = new_version;
    pubsub_peer_up(n, peer);
}

void pubsub_receive(struct node *n, struct node_stream *s, struct pando_slice data)
{
    const uint32_t peer = s->peer;
    const uint64_t id = s->id;
    struct pando_slice message;
    bool found = true;
    while ((s = stream_find(n, id)) != NULL && found) {
        const enum pando_status st = frame_next(&s->frame, &data, &message, &found);
        if (st != PANDO_OK) {
            peers_fault(n, peer, st, "gossip framing");
            stream_drop(n, s, true);
            return;
        }
        if (!found || !peer_at(n, peer)->gossip_up)
            continue;
        feed(n,
             &(struct gossip_input){ .kind = GOSSIP_RPC, .peer = peer, .data = message });
        pubsub_settle(n);
    }
}

static void keep(struct node *n, const struct gossip_effect *e)
{
    struct pubsub *p = n->pubsub;
    while (p->first < p->next && (p->next - p->first == PUBSUB_KEPT ||
                                  p->bytes + e->data.len > PUBSUB_KEPT_BYTES))
        forget_oldest(p);
    struct pubsub_message *m = &p->kept[p->next % PUBSUB_KEPT];
    *m = (struct pubsub_message){ .seq = p->next++, .author = e->author };
    m->topic_len =
        (uint8_t)(e->topic.len < sizeof m->topic ? e->topic.len : sizeof m->topic - 1);
    memcpy(m->topic, e->topic.ptr, m->topic_len);
    m->data = bytes_ref(e->bytes);
    m->view = e->data;
    p->bytes += m->view.len;
}

static void deliver(struct node *n, const struct gossip_effect *e)
{
    struct node_space *space = space_by_topic(n, e->topic);
    if (space == NULL) {
        keep(n, e);
        return;
    }
    struct bytes *data = bytes_copy(e->data);
    if (data == NULL)
        return;
    space_input(
        n, space,
        &(struct space_input){
            .kind = SPACE_GOSSIP, .peer = e->peer, .token = e->handle, .bytes = data });
    bytes_unref(data);
}

static void send_rpc(struct node *n, const struct gossip_effect *e)
{
    struct node_peer *p = peer_at(n, e->peer);
    if (!p->gossip_up)
        return;
    const size_t len = bytes_view(e->bytes).len;
    const enum pando_status st =
        n->ports.link.ops->send(n->ports.link.ctx, p->gossip_out, e->bytes, false);
    p->gossip_outstanding += len; /* a refused one gives its credit back like one that left */
    if (st != PANDO_OK)
        trace(n->tracer, TRACE_GOSSIP, TRACE_DEBUG, "an RPC was not taken: %s",
              pando_status_text(st));
}

/* A signature over a message of a strictly signed topic, as a job of one item. */
static void verify(struct node *n, const struct gossip_effect *e)
{
    struct pubsub_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return;
    job->handle = e->handle;
    job->bytes = bytes_ref(e->bytes);
    job->item = (struct space_verify_item){ .key = e->key,
                                            .sig = e->sig,
                                            .signed_bytes = bytes_view(e->bytes) };
    const uint64_t id = job_add(n, JOB_GOSSIP, 0, (uint64_t)(uintptr_t)job);
    if (id == 0) {
        bytes_unref(job->bytes);
        free(job);
        return;
    }
    n->ports.verify(n->ports.ctx, id, &job->item, 1);
}

void pubsub_verified(struct node *n, uint64_t token, bool valid)
{
    struct pubsub_job *job = (struct pubsub_job *)(uintptr_t)token;
    feed(n, &(struct gossip_input){
                .kind = GOSSIP_VERIFIED, .handle = job->handle, .valid = valid });
    pubsub_drop_job(token);
}

void pubsub_drop_job(uint64_t token)
{
    struct pubsub_job *job = (struct pubsub_job *)(uintptr_t)token;
    bytes_unref(job->bytes);
    free(job);
}

void pubsub_settle(struct node *n)
{
    struct gossip_effect e;
    while (gossip_poll(n->gossip, &e)) {
        switch (e.kind) {
        case GOSSIP_SEND:
            send_rpc(n, &e);
            break;
        case GOSSIP_VERIFY:
            verify(n, &e);
            break;
        case GOSSIP_DELIVER:
            deliver(n, &e);
            break;
        case GOSSIP_FAULT:
            if (e.peer < n->peers_max && n->peers[e.peer].used)
                peers_fault(n, e.peer, e.status, e.text);
            break;
        }
        bytes_unref(e.bytes);
    }
}

void pubsub_publish_space(struct node *n, struct node_space *space, struct bytes *bytes)
{
    feed(n, &(struct gossip_input){ .kind = GOSSIP_PUBLISH,
                                    .topic = slice_text(space->topic),
                                    .policy = GOSSIP_SELF_CERTIFIED,
                                    .data = bytes_view(bytes) });
}

void pubsub_verdict(struct node *n, uint64_t handle, enum pando_status status)
{
    const enum gossip_verdict verdict = status == PANDO_OK          ? GOSSIP_ACCEPT
                                        : status == PANDO_CANCELLED ? GOSSIP_IGNORE
                                                                    : GOSSIP_REJECT;
    feed(n, &(struct gossip_input){
                .kind = GOSSIP_VERDICT, .handle = handle, .verdict = verdict });
}

void pubsub_join_space(struct node *n, struct node_space *space)
{
    feed(n, &(struct gossip_input){ .kind = GOSSIP_SUBSCRIBE,
                                    .topic = slice_text(space->topic),
                                    .policy = GOSSIP_SELF_CERTIFIED,
                                    .judged = true });
}

void pubsub_leave_space(struct node *n, struct node_space *space)
{
    feed(n, &(struct gossip_input){ .kind = GOSSIP_UNSUBSCRIBE,
                                    .topic = slice_text(space->topic) });
}

/* Give back credit for what has left, reopen a lost stream, let time pass. */
void pubsub_tick(struct node *n)
{
    for (uint32_t i = 0; i < n->peers_top; i++) {
        struct node_peer *p = &n->peers[i];
        if (!p->used)
            continue;
        if (!p->gossip_up && p->identified && p->speaks_gossip &&
            pando_time_reached(p->gossip_retry, n->now))
            pubsub_peer_up(n, i);
        if (!p->gossip_up || p->gossip_outstanding == 0)
            continue;
        const size_t queued = n->ports.link.ops->queued(n->ports.link.ctx, p->gossip_out);
        if (queued >= p->gossip_outstanding)
            continue;
        const size_t left = p->gossip_outstanding - queued;
        p->gossip_outstanding = queued;
        feed(n,
             &(struct gossip_input){ .kind = GOSSIP_CREDIT, .peer = i, .credit = left });
    }
    if (pando_time_reached(gossip_deadline(n->gossip), n->now))
        feed(n, &(struct gossip_input){ .kind = GOSSIP_TICK });
    pubsub_settle(n);
}

struct pando_time pubsub_deadline(const struct node *n)
{
    return gossip_deadline(n->gossip);
}

/* The next kept message of `topic` at or after `*seq`; `view` borrows until the next
 * turn. */
bool pubsub_kept(const struct node *n, uint64_t *seq, const char *topic,
                 struct pubsub_view *ret)
{
    const struct pubsub *p = n->pubsub;
    for (uint64_t i = *seq < p->first ? p->first : *seq; i < p->next; i++) {
        const struct pubsub_message *m = &p->kept[i % PUBSUB_KEPT];
        if (!slice_equal(slice_of(m->topic, m->topic_len), slice_text(topic)))
            continue;
        *seq = i;
        *ret = (struct pubsub_view){ m->seq, m->author, m->view };
        return true;
    }
    return false;
}
