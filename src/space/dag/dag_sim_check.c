/* dag_sim_check.c - the invariants of a dag, looked at from outside the engine.
 *
 *   parents    stored => all parents stored, at lower positions
 *   name       the id is the hash of the bytes that the journal gives back
 *   heads      the heads are exactly the events without children; the counts agree
 *   forks      a proof exists iff two stored events share (author, epoch, seq)
 *   orphans    whoever waits has a deadline, and what it waits for is missing
 *   account    received = known + refused + stored + heartbeats + under way
 *   acks       an acknowledged event is stored, crash or not
 */
#include "base/assert.h"
#include "base/slice.h"
#include "space/dag/dag_sim.h"

#include <string.h>

static void broken(struct sim *s, const char *what)
{
    if (s->violation == NULL)
        s->violation = what;
}

static void check_orphans(struct sim *s, struct dag *d)
{
    size_t n = 0;
    for (struct dag_item *item = d->orphans.first; item != NULL; item = item->next, n++) {
        struct index_event known;
        struct dag_item **first = map_find(&d->waiting, &item->missing);
        struct dag_item *at = first == NULL ? NULL : *first;
        while (at != NULL && at != item)
            at = at->next_waiter;
        if (at == NULL)
            broken(s, "orphans: one waits for nothing");
        if (index_find(d->host.tables, &item->missing, &known))
            broken(s, "orphans: the parent is here");
    }
    if (n > 0 && d->orphan_at.ns == PANDO_TIME_NEVER.ns)
        broken(s, "orphans: without a deadline");
}

static void check_account(struct sim *s, struct dag *d)
{
    uint64_t refused = 0;
    for (int i = 0; i < DAG_REFUSES; i++)
        refused += d->totals.refused[i];
    const uint64_t gone = d->totals.duplicates + refused + d->totals.stored -
                          d->totals.local + d->totals.beats + d->pending.len;
    if (d->totals.received != gone)
        broken(s, "account: an event vanished");
}

static void check_event(struct sim *s, struct dag *d, uint64_t number,
                        struct map *children, struct map *seqs, uint64_t *forks)
{
    uint64_t position;
    struct event ev;
    struct index_event known, parent;
    void *value;
    bool added;
    if (!index_find_number(d->host.tables, number, &position)) {
        broken(s, "name: a number leads nowhere");
        return;
    }
    struct bytes *bytes = dag_read_event(d, position, &ev);
    if (bytes == NULL || !index_find(d->host.tables, &ev.id, &known) ||
        known.position != position) {
        broken(s, "name: bytes and id differ");
        bytes_unref(bytes);
        return;
    }
    for (size_t i = 0; i < ev.parents_len; i++) {
        if (!index_find(d->host.tables, &ev.parents[i], &parent) ||
            parent.position >= position)
            broken(s, "parents: an event is stored without one");
        PANDO_ASSERT(map_put(children, &ev.parents[i], &value, &added) == PANDO_OK);
    }
    struct {
        struct pando_key author;
        uint64_t epoch, seq;
    } key = { ev.author, ev.epoch, ev.seq };
    PANDO_ASSERT(map_put(seqs, &key, &value, &added) == PANDO_OK);
    *forks += ++*(uint8_t *)value == 2;
    bytes_unref(bytes);
}

static void check_heads(struct sim *s, struct dag *d, const struct map *children)
{
    struct index_cursor cursor = { .begun = false };
    struct pando_id id;
    uint32_t height;
    uint64_t heads = 0;
    const struct index_counts c = index_counts(d->host.tables);
    while (index_next_head(d->host.tables, &cursor, &id, &height)) {
        heads++;
        if (map_find(children, &id) != NULL)
            broken(s, "heads: one has a child");
    }
    if (heads != c.heads || c.events != heads + children->len)
        broken(s, "heads: the counts differ");
}

static void check_deep(struct sim *s, struct dag *d)
{
    struct map children, seqs;
    struct index_cursor cursor = { .begun = false };
    struct index_equivocation e;
    uint64_t forks = 0, proofs = 0;
    const struct index_counts c = index_counts(d->host.tables);
    map_init(&children, 32, 1, 1u << 20, 1);
    map_init(&seqs, 48, 1, 1u << 20, 1);
    for (uint64_t n = 0; n < c.events && s->violation == NULL; n++)
        check_event(s, d, n, &children, &seqs, &forks);
    if (s->violation == NULL)
        check_heads(s, d, &children);
    while (index_next_equivocation(d->host.tables, &cursor, &e))
        proofs += e.positions_len >= 2;
    if (s->violation == NULL && (forks != proofs || c.equivocations != proofs))
        broken(s, "forks: proofs and forks differ");
    map_deinit(&children);
    map_deinit(&seqs);
}

void sim_check(struct sim *s, bool deep)
{
    for (uint32_t i = 0; i < s->config.nodes && s->violation == NULL; i++) {
        struct dag *d = s->nodes[i].instance;
        if (!s->nodes[i].up)
            continue;
        check_orphans(s, d);
        if (d->parcels_len == 0)
            check_account(s, d);
        if (deep)
            check_deep(s, d);
    }
}

void sim_check_acks(struct sim *s)
{
    for (size_t i = 0; i < s->acks_len; i++) {
        struct index_event known;
        struct dag *d = s->nodes[s->acks[i].node].instance;
        if (s->nodes[s->acks[i].node].up &&
            !index_find(d->host.tables, &s->acks[i].id, &known))
            broken(s, "acks: an acknowledged event is lost");
    }
}

bool sim_converged(struct sim *s)
{
    const struct dag_heads *first = NULL;
    for (uint32_t i = 0; i < s->config.nodes; i++) {
        if (!s->nodes[i].up)
            continue;
        const struct dag_heads *h = dag_heads_now(s->nodes[i].instance);
        if (first == NULL)
            first = h;
        else if (h->events != first->events || !id_equal(&h->digest, &first->digest))
            return false;
    }
    return true;
}
