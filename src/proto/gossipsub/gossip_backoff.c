#include "proto/gossipsub/gossip_backoff.h"

#include "base/assert.h"

void gossip_backoffs_place(struct gossip_backoffs *b, uint32_t cap, struct arena *arena)
{
    uint32_t slots = 16;
    while (slots < 2 * (uint64_t)cap)
        slots *= 2;
    *b = (struct gossip_backoffs){ .cap = cap, .mask = slots - 1 };
    b->slots = arena_take(arena, slots, sizeof *b->slots);
}

static uint32_t home_of(const struct gossip_backoffs *b, uint64_t key)
{
    return (uint32_t)((key * 0x9fb21c651e98df25u) >> 32) & b->mask;
}

static uint32_t probe(const struct gossip_backoffs *b, uint64_t key)
{
    uint32_t i = home_of(b, key);
    while (b->slots[i].key != 0 && b->slots[i].key != key)
        i = (i + 1) & b->mask;
    return i;
}

static void drop_slot(struct gossip_backoffs *b, uint32_t hole)
{
    PANDO_ASSERT(b->len > 0);
    for (uint32_t i = (hole + 1) & b->mask; b->slots[i].key != 0; i = (i + 1) & b->mask) {
        const uint32_t home = home_of(b, b->slots[i].key);
        if (((i - home) & b->mask) < ((i - hole) & b->mask))
            continue;
        b->slots[hole] = b->slots[i];
        hole = i;
    }
    b->slots[hole] = (struct gossip_backoff){ 0 };
    b->len--;
}

static void drop_nearest_its_end(struct gossip_backoffs *b)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i <= b->mask; i++) {
        if (b->slots[i].key != 0 &&
            (best == UINT32_MAX || b->slots[i].until.ns < b->slots[best].until.ns))
            best = i;
    }
    drop_slot(b, best);
}

struct pando_time gossip_backoff_of(const struct gossip_backoffs *b, uint64_t key)
{
    return b->slots[probe(b, key)].until;
}

void gossip_backoff_add(struct gossip_backoffs *b, uint64_t key, struct pando_time until)
{
    PANDO_ASSERT(key != 0);
    uint32_t i = probe(b, key);
    if (b->slots[i].key == 0) {
        if (b->len == b->cap) {
            drop_nearest_its_end(b);
            i = probe(b, key);
        }
        b->slots[i] = (struct gossip_backoff){ key, until };
        b->len++;
    } else if (b->slots[i].until.ns < until.ns) {
        b->slots[i].until = until;
    }
}

/* Deleting moves later entries back into the hole, so a slot is looked at until it stays.
 */
void gossip_backoffs_sweep(struct gossip_backoffs *b, struct pando_time now)
{
    for (uint32_t i = 0; i <= b->mask; i++) {
        while (b->slots[i].key != 0 && pando_time_reached(b->slots[i].until, now))
            drop_slot(b, i);
    }
}
