#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"
#include "base/slice.h"

/* ---- promises ---- */

/* One of the ids asked of `peer` must have come from somebody by the deadline. When the
 * table is full nothing is expected of it. */
static void expect(struct gossip *g, uint32_t peer, struct gossip_key seen_key)
{
    for (uint32_t i = 0; i < g->config.promises_max; i++) {
        struct gossip_promise *p = &g->promises[i];
        if (p->used)
            continue;
        *p = (struct gossip_promise){ true, peer, seen_key,
                                      pando_time_add(g->now, g->config.promise_after) };
        return;
    }
}

static void check_promises(struct gossip *g)
{
    for (uint32_t i = 0; i < g->config.promises_max; i++) {
        struct gossip_promise *p = &g->promises[i];
        if (!p->used || !pando_time_reached(p->until, g->now))
            continue;
        p->used = false;
        if (!gossip_seen_has(&g->seen, p->key)) {
            g->count.promises_broken++;
            g->peers[p->peer].misdeeds++;
        }
    }
}

void gossip_promises_forget(struct gossip *g, uint32_t peer)
{
    for (uint32_t i = 0; i < g->config.promises_max; i++) {
        if (g->promises[i].peer == peer)
            g->promises[i].used = false;
    }
}

/* ---- asking ---- */

static void send_gossip(struct gossip *g, uint32_t peer, struct bytes *bytes)
{
    if (bytes == NULL) {
        g->count.dropped_memory++;
        return;
    }
    (void)gossip_queue_push(g, peer, CLASS_GOSSIP, bytes);
    bytes_unref(bytes);
}

/* Ask `peer` for those of its ids that we miss, within this heartbeat's budget. */
void gossip_on_ihave(struct gossip *g, uint32_t peer, const struct gossip_item *item)
{
    struct gossip_peer *p = &g->peers[peer];
    const uint32_t topic = gossip_topic_find(g, item->topic);
    g->count.ihave_in++;
    if (topic == GOSSIP_NONE || !g->topics[topic].subscribed ||
        !gossip_may_join(g, item->topic, peer) || ++p->ihaves > g->config.ihave_max) {
        g->count.ihave_ignored++;
        return;
    }
    struct wire_writer ids = wire_write(g->scratch[0], GOSSIP_RPC_SPLIT - 64);
    struct wire_reader r = wire_read(item->body);
    struct pando_slice id;
    struct gossip_key promised = { 0, 0 };
    uint32_t asked = 0;
    while (p->ids_asked < g->config.ids_max &&
           gossip_id_next(&r, GOSSIP_ITEM_IHAVE, &id)) {
        if (id.len == 0 || id.len > GOSSIP_ID_SIZE_MAX)
            continue;
        gossip_learn_form(p, id);
        const struct gossip_key key =
            gossip_key_in(&g->topics[topic], gossip_key_of(g, id));
        if (gossip_seen_has(&g->seen, key))
            continue;
        if (ids.cap - ids.len < id.len + 8)
            break;
        gossip_put_id(&ids, false, id);
        p->ids_asked++;
        if (rng_below(&g->rng, ++asked) == 0) /* any of them with equal chance */
            promised = key;
    }
    if (asked == 0)
        return;
    expect(g, peer, promised);
    g->count.iwant_out += asked;
    send_gossip(g, peer, gossip_ids_frame(SLICE_EMPTY, wire_written(&ids)));
}

/* Two bits per peer and message count how often it was sent on demand. */
static bool may_resend(struct gossip *g, uint32_t msg, uint32_t peer)
{
    uint8_t *byte = &g->msgs[msg].resends[peer / 4];
    const unsigned shift = peer % 4 * 2;
    const unsigned times = (unsigned)*byte >> shift & 3u;
    if (times >= g->config.resend_max)
        return false;
    *byte = (uint8_t)((*byte & ~(3u << shift)) | (times + 1) << shift);
    return true;
}

void gossip_on_iwant(struct gossip *g, uint32_t peer, const struct gossip_item *item)
{
    struct gossip_peer *p = &g->peers[peer];
    struct wire_reader r = wire_read(item->body);
    struct pando_slice id;
    while (p->ids_answered < g->config.ids_max &&
           gossip_id_next(&r, GOSSIP_ITEM_IWANT, &id)) {
        g->count.iwant_in++;
        p->ids_answered++;
        if (id.len == 0 || id.len > GOSSIP_ID_SIZE_MAX)
            continue;
        gossip_learn_form(p, id);
        const uint32_t msg = gossip_msg_by_key(g, gossip_key_of(g, id));
        if (msg == GOSSIP_NONE || g->msgs[msg].state != MSG_CACHED ||
            MUTANT(NO_IWANT_ANSWER) ||
            !gossip_may_join(g, gossip_topic_name(&g->topics[g->msgs[msg].topic]), peer))
            continue;
        if (may_resend(g, msg, peer) &&
            gossip_queue_push(g, peer, CLASS_GOSSIP, g->msgs[msg].framed))
            g->count.iwant_served++;
    }
}

/* ---- telling ---- */

/* Chain the messages of the told windows by topic, newest first. */
static void chain_by_topic(struct gossip *g)
{
    for (uint32_t i = 0; i < g->config.topics_max; i++)
        g->topics[i].chain = GOSSIP_NONE;
    for (uint32_t i = g->cached.head; i != GOSSIP_NONE; i = g->msgs[i].next) {
        struct gossip_msg *m = &g->msgs[i];
        if (g->ticks - m->tick >= GOSSIP_WINDOWS_TOLD)
            continue;
        m->chain = g->topics[m->topic].chain;
        g->topics[m->topic].chain = i;
    }
}

static uint32_t chain_len(const struct gossip *g, uint32_t topic)
{
    uint32_t len = 0;
    for (uint32_t i = g->topics[topic].chain; i != GOSSIP_NONE; i = g->msgs[i].chain)
        len++;
    return len;
}

/* Whom to tell, in g->picks: some peers outside the mesh (or fanout), and those who came
 * into the mesh just now. The latter is ours: where two halves of a small network meet
 * again everybody is in the mesh at once, and what was said before would never cross. */
static uint32_t pick_listeners(struct gossip *g, uint32_t topic)
{
    const struct gossip_topic *t = &g->topics[topic];
    const uint64_t *except = t->subscribed ? t->mesh : t->fanout;
    const uint32_t others = gossip_pick(g, topic, t->peers, except, false, UINT32_MAX);
    uint32_t len = others * g->config.lazy_percent / 100, cursor = 0, peer;
    if (len < g->config.d_lazy)
        len = g->config.d_lazy;
    if (len > others)
        len = others;
    while (t->subscribed && bits_next(t->fresh, g->words, &cursor, &peer))
        g->picks[len++] = peer;
    return len;
}

/* One IHAVE to all picked peers that read this form, shared by them. */
static void tell(struct gossip *g, const struct gossip_topic *t, struct wire_writer *ids,
                 uint32_t picks, enum gossip_form form)
{
    if (ids->len == 0)
        return;
    struct bytes *bytes = gossip_ids_frame(gossip_topic_name(t), wire_written(ids));
    ids->len = 0;
    if (bytes == NULL) {
        g->count.dropped_memory++;
        return;
    }
    for (uint32_t i = 0; i < picks; i++) {
        if (g->peers[g->picks[i]].form == form)
            g->count.ihave_out += gossip_queue_push(g, g->picks[i], CLASS_GOSSIP, bytes);
    }
    bytes_unref(bytes);
}

/* All ids of the topic's told messages, or a random choice of as many as may be told. */
static void tell_in_form(struct gossip *g, uint32_t topic, uint32_t picks,
                         enum gossip_form form)
{
    const struct gossip_topic *t = &g->topics[topic];
    uint32_t left = chain_len(g, topic);
    uint32_t want = left < g->config.ids_max ? left : g->config.ids_max;
    struct wire_writer ids = wire_write(g->scratch[0], GOSSIP_RPC_SPLIT - 512);
    for (uint32_t i = t->chain; i != GOSSIP_NONE && want > 0;
         i = g->msgs[i].chain, left--) {
        if (rng_below(&g->rng, left) >= want)
            continue; /* each has the same chance */
        want--;
        uint8_t id[PEER_ID_TEXT_MAX + 24];
        struct wire_writer name = wire_write(id, sizeof id);
        gossip_put_name(&name, &g->msgs[i], form);
        if (ids.cap - ids.len < sizeof id + 8)
            tell(g, t, &ids, picks, form);
        gossip_put_id(&ids, true, wire_written(&name));
    }
    tell(g, t, &ids, picks, form);
}

/* Some peers learn which messages we could send them, each in the form it knows. */
static void tell_topic(struct gossip *g, uint32_t topic)
{
    const uint32_t picks = pick_listeners(g, topic);
    for (int form = 0; form < GOSSIP_FORMS; form++) {
        uint32_t readers = 0;
        for (uint32_t i = 0; i < picks; i++)
            readers += g->peers[g->picks[i]].form == (enum gossip_form)form;
        if (readers > 0)
            tell_in_form(g, topic, picks, (enum gossip_form)form);
    }
}

void gossip_lazy_tick(struct gossip *g)
{
    check_promises(g);
    for (uint32_t peer = 0; peer < g->config.peers_max; peer++) {
        struct gossip_peer *p = &g->peers[peer];
        p->ihaves = p->ids_asked = p->ids_answered = 0;
    }
    chain_by_topic(g);
    for (uint32_t i = 0; i < g->config.topics_max; i++) {
        const struct gossip_topic *t = &g->topics[i];
        if (!t->used)
            continue;
        if (t->chain != GOSSIP_NONE)
            tell_topic(g, i);
        memset(t->fresh, 0, g->words * sizeof *t->fresh);
    }
}
