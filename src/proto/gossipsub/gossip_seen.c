#include "proto/gossipsub/gossip_seen.h"

#include "base/assert.h"

void gossip_seen_place(struct gossip_seen *s, uint32_t cap, struct arena *arena)
{
    uint32_t slots = 16;
    while (slots < 2 * (uint64_t)cap)
        slots *= 2;
    *s = (struct gossip_seen){ .cap = cap, .mask = slots - 1 };
    s->keys = arena_take(arena, cap, sizeof *s->keys);
    s->stamps = arena_take(arena, cap, sizeof *s->stamps);
    s->index = arena_take(arena, slots, sizeof *s->index);
}

/* The slot of `key`, or the free one where it would go. */
static uint32_t probe(const struct gossip_seen *s, struct gossip_key key)
{
    uint32_t i = (uint32_t)key.a & s->mask;
    while (s->index[i] != 0 && !gossip_key_equal(s->keys[s->index[i] - 1], key))
        i = (i + 1) & s->mask;
    return i;
}

/* Empty slot `hole` and move back what had been pushed behind it. */
static void unlink_slot(struct gossip_seen *s, uint32_t hole)
{
    for (uint32_t i = (hole + 1) & s->mask; s->index[i] != 0; i = (i + 1) & s->mask) {
        const uint32_t home = (uint32_t)s->keys[s->index[i] - 1].a & s->mask;
        if (((i - home) & s->mask) < ((i - hole) & s->mask))
            continue;
        s->index[hole] = s->index[i];
        hole = i;
    }
    s->index[hole] = 0;
}

static void drop_oldest(struct gossip_seen *s)
{
    PANDO_ASSERT(s->len > 0);
    const uint32_t slot = probe(s, s->keys[s->head]);
    PANDO_ASSERT(s->index[slot] == s->head + 1);
    unlink_slot(s, slot);
    s->head = s->head + 1 == s->cap ? 0 : s->head + 1;
    s->len--;
}

bool gossip_seen_has(const struct gossip_seen *s, struct gossip_key key)
{
    return s->index[probe(s, key)] != 0;
}

bool gossip_seen_add(struct gossip_seen *s, struct gossip_key key, uint32_t stamp,
                     bool *ret_forgot)
{
    *ret_forgot = false;
    if (gossip_seen_has(s, key))
        return false;
    if (s->len == s->cap) {
        drop_oldest(s);
        *ret_forgot = true;
    }
    const uint32_t at = (uint32_t)(((uint64_t)s->head + s->len) % s->cap);
    s->keys[at] = key;
    s->stamps[at] = stamp;
    s->index[probe(s, key)] = at + 1;
    s->len++;
    return true;
}

void gossip_seen_expire(struct gossip_seen *s, uint32_t oldest)
{
    while (s->len > 0 && s->stamps[s->head] < oldest)
        drop_oldest(s);
}
