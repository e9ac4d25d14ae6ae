/* gossip_backoff.h - until when a peer may not be grafted into a topic's mesh.
 *
 * Keyed by the peer's identity, not by its handle: who reconnects is still held to it.
 * An open-addressed table; at the cap the entry nearest its end makes room.
 */
#ifndef GOSSIPSUB_GOSSIP_BACKOFF_H
#define GOSSIPSUB_GOSSIP_BACKOFF_H

#include "base/arena.h"

#include <pando/types.h>

struct gossip_backoff {
    uint64_t key; /* 0: free */
    struct pando_time until;
};

struct gossip_backoffs {
    struct gossip_backoff *slots;
    uint32_t cap, len, mask;
};

void gossip_backoffs_place(struct gossip_backoffs *b, uint32_t cap, struct arena *arena);
/* The end of the back-off of `key`; 0 when there is none. */
struct pando_time gossip_backoff_of(const struct gossip_backoffs *b, uint64_t key);
/* Note a back-off; a longer one in force is kept. */
void gossip_backoff_add(struct gossip_backoffs *b, uint64_t key, struct pando_time until);
/* Forget those that ended before `now`. */
void gossip_backoffs_sweep(struct gossip_backoffs *b, struct pando_time now);

#endif
