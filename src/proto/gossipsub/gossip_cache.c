#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"
#include "base/slice.h"

void gossip_cache_place(struct gossip *g, struct arena *arena)
{
    const size_t len = (size_t)g->config.messages_max + g->config.cache_max;
    uint32_t slots = 16;
    while (slots < 2 * GOSSIP_FORMS * (uint64_t)len)
        slots *= 2;
    g->msgs_len = (uint32_t)len;
    g->msg_mask = slots - 1;
    g->msg_index = arena_take(arena, slots, sizeof *g->msg_index);
    g->msgs = arena_take(arena, len, sizeof *g->msgs);
    uint64_t *has = arena_take(arena, len * g->words, sizeof *has);
    const size_t resends_size = (g->config.peers_max + 3u) / 4u;
    uint8_t *resends = arena_take(arena, len, resends_size);
    if (g->msgs == NULL || has == NULL || resends == NULL || g->msg_index == NULL)
        return;
    for (uint32_t i = 0; i < slots; i++)
        g->msg_index[i] = GOSSIP_NONE;
    for (uint32_t i = 0; i < len; i++) {
        g->msgs[i].has = has + i * g->words;
        g->msgs[i].resends = resends + i * resends_size;
        g->msgs[i].next = i + 1 < len ? i + 1 : GOSSIP_NONE;
    }
}

void gossip_list_push(struct gossip *g, struct gossip_list *l, uint32_t msg)
{
    g->msgs[msg].prev = l->tail;
    g->msgs[msg].next = GOSSIP_NONE;
    if (l->tail == GOSSIP_NONE)
        l->head = msg;
    else
        g->msgs[l->tail].next = msg;
    l->tail = msg;
}

void gossip_list_remove(struct gossip *g, struct gossip_list *l, uint32_t msg)
{
    struct gossip_msg *m = &g->msgs[msg];
    if (m->prev == GOSSIP_NONE)
        l->head = m->next;
    else
        g->msgs[m->prev].next = m->next;
    if (m->next == GOSSIP_NONE)
        l->tail = m->prev;
    else
        g->msgs[m->next].prev = m->prev;
}

/* An entry names a message and which of its keys: msg * GOSSIP_FORMS + form. */
static struct gossip_key key_at(const struct gossip *g, uint32_t slot)
{
    const uint32_t entry = g->msg_index[slot];
    return g->msgs[entry / GOSSIP_FORMS].keys[entry % GOSSIP_FORMS];
}

static uint32_t probe(const struct gossip *g, struct gossip_key key)
{
    uint32_t i = (uint32_t)key.b & g->msg_mask;
    while (g->msg_index[i] != GOSSIP_NONE && !gossip_key_equal(key_at(g, i), key))
        i = (i + 1) & g->msg_mask;
    return i;
}

static void unlink_slot(struct gossip *g, uint32_t hole)
{
    const uint32_t mask = g->msg_mask;
    for (uint32_t i = (hole + 1) & mask; g->msg_index[i] != GOSSIP_NONE;
         i = (i + 1) & mask) {
        const uint32_t home = (uint32_t)key_at(g, i).b & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        g->msg_index[hole] = g->msg_index[i];
        hole = i;
    }
    g->msg_index[hole] = GOSSIP_NONE;
}

uint32_t gossip_msg_by_key(const struct gossip *g, struct gossip_key key)
{
    const uint32_t slot = probe(g, key);
    return g->msg_index[slot] == GOSSIP_NONE ? GOSSIP_NONE
                                             : g->msg_index[slot] / GOSSIP_FORMS;
}

/* A key that another message holds (the same data on two topics) stays with that one. */
void gossip_msg_index(struct gossip *g, uint32_t msg)
{
    for (uint32_t form = 0; form < g->msgs[msg].keys_len; form++) {
        const uint32_t slot = probe(g, g->msgs[msg].keys[form]);
        if (g->msg_index[slot] == GOSSIP_NONE)
            g->msg_index[slot] = msg * GOSSIP_FORMS + form;
    }
}

static void unindex(struct gossip *g, uint32_t msg)
{
    for (uint32_t form = 0; form < g->msgs[msg].keys_len; form++) {
        const uint32_t slot = probe(g, g->msgs[msg].keys[form]);
        if (g->msg_index[slot] == msg * GOSSIP_FORMS + form)
            unlink_slot(g, slot);
    }
}

uint32_t gossip_msg_take(struct gossip *g)
{
    if (g->waiting_len >= g->config.messages_max)
        return GOSSIP_NONE;
    const uint32_t i = g->msg_free;
    PANDO_ASSERT(i != GOSSIP_NONE); /* the pool holds both kinds at their caps */
    struct gossip_msg *m = &g->msgs[i];
    g->msg_free = m->next;
    g->waiting_len++;
    m->generation++;
    m->sender = GOSSIP_NO_PEER;
    m->author = (struct peer_id){ 0 };
    m->seqno = 0;
    m->keys_len = 0;
    memset(m->has, 0, g->words * sizeof *m->has);
    memset(m->resends, 0, (g->config.peers_max + 3u) / 4u);
    return i;
}

/* The message must be in no list. */
void gossip_msg_free(struct gossip *g, uint32_t msg)
{
    struct gossip_msg *m = &g->msgs[msg];
    if (m->state == MSG_CACHED) {
        g->cached_len--;
        g->cached_bytes -= bytes_view(m->framed).len;
    } else {
        g->waiting_len--;
    }
    unindex(g, msg);
    bytes_unref(m->framed);
    bytes_unref(m->signed_bytes);
    m->framed = m->signed_bytes = NULL;
    m->state = MSG_FREE;
    m->next = g->msg_free;
    g->msg_free = msg;
    g->topics[m->topic].messages_len--;
    gossip_topic_release(g, m->topic);
}

uint64_t gossip_msg_handle(const struct gossip *g, uint32_t msg)
{
    return (uint64_t)g->msgs[msg].generation << 32 | msg;
}

uint32_t gossip_msg_by_handle(const struct gossip *g, uint64_t handle)
{
    const uint32_t i = (uint32_t)handle;
    if (i >= g->msgs_len || g->msgs[i].state == MSG_FREE ||
        g->msgs[i].generation != (uint32_t)(handle >> 32))
        return GOSSIP_NONE;
    return i;
}

static void forget_oldest(struct gossip *g)
{
    const uint32_t msg = g->cached.head;
    gossip_list_remove(g, &g->cached, msg);
    gossip_msg_free(g, msg);
}

/* An accepted message moves from the waiting ones to the cache. */
void gossip_cache_put(struct gossip *g, uint32_t msg)
{
    struct gossip_msg *m = &g->msgs[msg];
    const size_t len = bytes_view(m->framed).len;
    while (g->cached_len > 0 && (g->cached_len >= g->config.cache_max ||
                                 g->cached_bytes + len > g->config.cache_bytes)) {
        forget_oldest(g);
        g->count.cache_forgotten++;
    }
    g->waiting_len--;
    g->cached_len++;
    g->cached_bytes += len;
    m->state = MSG_CACHED;
    m->tick = g->ticks;
    gossip_list_push(g, &g->cached, msg);
}

void gossip_cache_tick(struct gossip *g)
{
    while (g->cached_len > 0 && g->ticks - g->msgs[g->cached.head].tick >= GOSSIP_WINDOWS)
        forget_oldest(g);
}
