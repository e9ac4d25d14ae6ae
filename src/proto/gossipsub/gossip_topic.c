#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"
#include "base/slice.h"

static uint32_t slot_of(const struct gossip *g, struct pando_slice name)
{
    uint64_t h = g->secret[0];
    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ name.ptr[i]) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29) & g->topic_mask;
}

void gossip_topics_place(struct gossip *g, struct arena *arena)
{
    const uint32_t cap = g->config.topics_max;
    uint32_t slots = 16;
    while (slots < cap)
        slots *= 2;
    g->topic_mask = slots - 1;
    g->topic_index = arena_take(arena, slots, sizeof *g->topic_index);
    g->topics = arena_take(arena, cap, sizeof *g->topics);
    uint64_t *bits = arena_take(arena, (size_t)cap * 8 * g->words, sizeof *bits);
    g->topic_free = 0;
    if (bits == NULL)
        return;
    for (uint32_t i = 0; i < slots; i++)
        g->topic_index[i] = GOSSIP_NONE;
    for (uint32_t i = 0; i < cap; i++) {
        struct gossip_topic *t = &g->topics[i];
        uint64_t **sets[] = { &t->peers, &t->mesh,      &t->fresh,     &t->fanout,
                              &t->told,  &t->graft_due, &t->prune_due, &t->leave_due };
        for (size_t k = 0; k < sizeof sets / sizeof sets[0]; k++) {
            *sets[k] = bits;
            bits += g->words;
        }
        t->next = i + 1 < cap ? i + 1 : GOSSIP_NONE;
    }
}

struct pando_slice gossip_topic_name(const struct gossip_topic *t)
{
    return slice_of(t->name, t->name_len);
}

bool gossip_may_join(const struct gossip *g, struct pando_slice name, uint32_t peer)
{
    return g->config.may_join == NULL ||
           g->config.may_join(g->config.join_ctx, name, &g->peers[peer].id);
}

uint32_t gossip_topic_find(const struct gossip *g, struct pando_slice name)
{
    uint32_t i = g->topic_index[slot_of(g, name)];
    while (i != GOSSIP_NONE && !slice_equal(gossip_topic_name(&g->topics[i]), name))
        i = g->topics[i].next;
    return i;
}

uint32_t gossip_topic_obtain(struct gossip *g, struct pando_slice name)
{
    const uint32_t found = gossip_topic_find(g, name);
    if (found != GOSSIP_NONE || g->topic_free == GOSSIP_NONE)
        return found;
    PANDO_ASSERT(name.len > 0 && name.len <= GOSSIP_TOPIC_MAX);
    const uint32_t i = g->topic_free, slot = slot_of(g, name);
    struct gossip_topic *t = &g->topics[i];
    g->topic_free = t->next;
    g->topics_len++;
    t->used = true;
    t->name_len = (uint16_t)name.len;
    memcpy(t->name, name.ptr, name.len);
    /* from the name, so that what was seen and whom we back off outlive a leave and
     * rejoin */
    t->salt = gossip_key_of(g, name).a;
    t->next = g->topic_index[slot];
    g->topic_index[slot] = i;
    return i;
}

/* Owed PRUNEs hold the slot: who is in a mesh with us must hear that we left. */
static bool is_held(const struct gossip *g, const struct gossip_topic *t)
{
    return t->subscribed || t->peers_len > 0 || t->mesh_len > 0 || t->fanout_len > 0 ||
           t->told_len > 0 || t->messages_len > 0 ||
           !bits_are_empty(t->prune_due, g->words);
}

void gossip_topic_release(struct gossip *g, uint32_t topic)
{
    struct gossip_topic *t = &g->topics[topic];
    if (!t->used || is_held(g, t))
        return;
    uint32_t *at = &g->topic_index[slot_of(g, gossip_topic_name(t))];
    while (*at != topic)
        at = &g->topics[*at].next;
    *at = t->next;
    t->used = false;
    t->judged = false;
    t->name_len = 0;
    t->next = g->topic_free;
    g->topic_free = topic;
    g->topics_len--;
}

/* The topic that fewest peers speak of and nothing else holds. */
static uint32_t least_foreign(const struct gossip *g)
{
    uint32_t best = GOSSIP_NONE;
    for (uint32_t i = 0; i < g->config.topics_max; i++) {
        const struct gossip_topic *t = &g->topics[i];
        if (!t->used || t->subscribed || t->fanout_len > 0 || t->told_len > 0 ||
            t->messages_len > 0 || !bits_are_empty(t->prune_due, g->words))
            continue;
        if (best == GOSSIP_NONE || t->peers_len < g->topics[best].peers_len)
            best = i;
    }
    return best;
}

uint32_t gossip_topic_claim(struct gossip *g, struct pando_slice name)
{
    uint32_t topic = gossip_topic_obtain(g, name);
    if (topic != GOSSIP_NONE)
        return topic;
    topic = least_foreign(g);
    if (topic == GOSSIP_NONE)
        return GOSSIP_NONE;
    struct gossip_topic *t = &g->topics[topic];
    uint32_t cursor = 0, peer;
    while (bits_next(t->peers, g->words, &cursor, &peer)) {
        (void)bits_put(t->peers, peer, false);
        g->peers[peer].topics_len--;
    }
    t->peers_len = 0;
    g->count.topics_forgotten++;
    gossip_topic_release(g, topic);
    return gossip_topic_obtain(g, name);
}
