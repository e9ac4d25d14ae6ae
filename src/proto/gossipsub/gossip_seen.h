/* gossip_seen.h - which ids were met in the last two minutes.
 *
 * A ring of keys in order of arrival, so the oldest entry is both the first to expire and
 * the one forgotten at the cap, and an open-addressed index into it. Keys are 128 bits of
 * a hash that was salted with the engine's secret: a peer can neither aim at a slot nor
 * make two ids meet. 24 bytes an entry and 8 of index.
 */
#ifndef GOSSIPSUB_GOSSIP_SEEN_H
#define GOSSIPSUB_GOSSIP_SEEN_H

#include "base/arena.h"

#include <pando/types.h>

struct gossip_key {
    uint64_t a, b;
};

struct gossip_seen {
    struct gossip_key *keys; /* ring */
    uint32_t *stamps;        /* when each was added, in units of the owner's choice */
    uint32_t *index;         /* ring position + 1, or 0 */
    uint32_t cap, head, len; /* head: the oldest */
    uint32_t mask;
};

void gossip_seen_place(struct gossip_seen *s, uint32_t cap, struct arena *arena);
bool gossip_seen_has(const struct gossip_seen *s, struct gossip_key key);
/* Add `key`; false when it was there already (its stamp stays). `*ret_forgot` is set when
 * an entry had to go for it. */
bool gossip_seen_add(struct gossip_seen *s, struct gossip_key key, uint32_t stamp,
                     bool *ret_forgot);
/* Drop entries whose stamp is below `oldest`. */
void gossip_seen_expire(struct gossip_seen *s, uint32_t oldest);

static inline bool gossip_key_equal(struct gossip_key a, struct gossip_key b)
{
    return a.a == b.a && a.b == b.b;
}

#endif
