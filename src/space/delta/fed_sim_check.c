#include "space/delta/fed_sim.h"

#include "base/slice.h"
#include "space/delta/fed_trust.h"

#include <string.h>

static bool initial_covers(const struct sim_edge *e, const struct delta *d)
{
    switch (e->policy.initial) {
    case FED_FULL: return true;
    case FED_FROM_TIMESTAMP: return d->timestamp >= e->policy.from;
    case FED_NONE: return e->since != 0 && d->timestamp > e->since + 10;
    }
    return false;
}

/* Whether the link must carry the delta towards its server (to 1) or its client (to 0). */
static bool carries(const struct sim *s, const struct sim_edge *e, unsigned to,
                    const struct delta *d)
{
    if (!initial_covers(e, d))
        return false;
    if (to == 1)
        return e->policy.mode != FED_PULL && filter_passes(&e->policy.push, d) &&
               fed_trust_passes(&s->nodes[e->server].policy, d);
    return e->policy.mode != FED_PUSH && filter_passes(&e->policy.pull, d) &&
           fed_trust_passes(&e->policy.trust, d) &&
           fed_trust_passes(&s->nodes[e->client].policy, d);
}

static bool edge_closed(const struct sim *s, const struct sim_edge *e, unsigned to)
{
    const struct sim_store *from = s->nodes[to == 1 ? e->client : e->server].store;
    const struct sim_store *at = s->nodes[to == 1 ? e->server : e->client].store;
    for (size_t i = 0; i < from->durable; i++) {
        const struct delta *d = &from->arrived[i]->d;
        if (carries(s, e, to, d) && !sim_store_has(at, &d->name))
            return false;
    }
    return true;
}

bool sim_closed(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes_len; i++)
        if (s->nodes[i].fed == NULL || s->nodes[i].store->durable != s->nodes[i].store->len)
            return false;
    for (uint32_t i = 0; i < s->edges_len; i++)
        if (!edge_closed(s, &s->edges[i], 0) || !edge_closed(s, &s->edges[i], 1))
            return false;
    return true;
}

bool sim_equal(const struct sim *s)
{
    for (uint32_t n = 1; n < s->nodes_len; n++) {
        const struct sim_store *a = s->nodes[0].store, *b = s->nodes[n].store;
        if (a->durable != b->durable)
            return false;
        for (size_t i = 0; i < a->durable; i++)
            if (memcmp(&a->sorted[i]->d.digest, &b->sorted[i]->d.digest,
                       sizeof(struct delta_hash)) != 0)
                return false;
    }
    return true;
}

void sim_check_trust(struct sim *s)
{
    for (uint32_t n = 0; n < s->nodes_len; n++) {
        const struct sim_store *at = s->nodes[n].store;
        for (size_t i = 0; i < at->len; i++)
            if (at->arrived[i]->link != FED_NO_LINK &&
                !fed_trust_passes(&s->nodes[n].policy, &at->arrived[i]->d))
                s->violation = "a node took what its policy refuses";
    }
}

void sim_check_acks(struct sim *s)
{
    const void *key;
    void *value;
    size_t cursor = 0;
    while (map_next(&s->acked, &cursor, &key, &value)) {
        uint32_t node;
        struct delta_hash name;
        memcpy(&node, key, 4);
        memcpy(&name, (const uint8_t *)key + 4, 16);
        if (!sim_store_has(s->nodes[node].store, &name))
            s->violation = "an acknowledged delta is gone";
    }
}
