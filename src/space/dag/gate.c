/* gate.c - what is turned away before it costs a signature check. */
#include "space/dag/engine.h"

#include <string.h>

bool dag_gate_may_write(const struct dag *d, const struct pando_key *author)
{
    return space_admit(d->host.access, author, SPACE_MAY_WRITE);
}

/* One token for one event; at the cap of authors all buckets are forgotten, which errs on
 * the generous side for a moment. */
bool dag_gate_rate(struct dag *d, const struct pando_key *author)
{
    const uint64_t full = (uint64_t)d->config.burst * 1000;
    void *value;
    bool added;
    enum pando_status st = map_put(&d->buckets, author, &value, &added);
    if (st == PANDO_FULL) {
        map_reset(&d->buckets);
        st = map_put(&d->buckets, author, &value, &added);
    }
    if (st != PANDO_OK)
        return false;
    struct dag_bucket b = { d->now, full };
    if (!added) {
        memcpy(&b, value, sizeof b);
        const uint64_t us = pando_time_since(d->now, b.at).ns / 1000;
        const uint64_t earned = us > UINT32_MAX ? full : us * d->config.rate / 1000;
        b.tokens_m = b.tokens_m + earned > full ? full : b.tokens_m + earned;
        if (earned > 0)
            b.at = d->now;
    }
    const bool passes = b.tokens_m >= 1000;
    if (passes)
        b.tokens_m -= 1000;
    memcpy(value, &b, sizeof b);
    return passes;
}

/* So that the same wrong event costs only once; the oldest is forgotten at the cap. */
void dag_gate_remember(struct dag *d, const struct pando_id *id, enum dag_refuse why)
{
    void *value;
    bool added;
    if (d->refused.len == DAG_REFUSED_MAX)
        (void)map_del(&d->refused, &d->refused_ring[d->refused_at]);
    if (map_put(&d->refused, id, &value, &added) != PANDO_OK)
        return;
    *(uint8_t *)value = (uint8_t)why;
    if (!added)
        return;
    d->refused_ring[d->refused_at] = *id;
    d->refused_at = (d->refused_at + 1) % DAG_REFUSED_MAX;
}

bool dag_gate_refused(const struct dag *d, const struct pando_id *id,
                      enum dag_refuse *ret_why)
{
    const uint8_t *why = map_find(&d->refused, id);
    if (why == NULL)
        return false;
    *ret_why = (enum dag_refuse) * why;
    return true;
}
