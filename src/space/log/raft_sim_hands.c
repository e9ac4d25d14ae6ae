/* raft_sim_hands.c - what clients and operators do in the world. */
#include "base/assert.h"
#include "space/log/raft_sim.h"

#include <stdlib.h>
#include <string.h>

bool sim_propose(struct sim *s, uint64_t id)
{
    struct sim_node *n = &s->nodes[id];
    uint64_t index, term;
    if (!n->up)
        return false;
    const uint32_t size = 16 + (uint32_t)rng_below(&s->rng, 400);
    const enum pando_status st =
        raft_propose(n->core, sim_clock(s, n), RAFT_DATA, size, &index, &term);
    sim_drain(s, n);
    return st == PANDO_OK;
}

uint16_t sim_members_at(const struct sim_node *n, uint64_t index)
{
    for (; index > n->log.snapshot.index; index--)
        if (n->log.at[index].members != 0)
            return n->log.at[index].members;
    return n->log.snapshot.members;
}

/* The number of a membership, which is stored for good. */
static uint16_t members_number(struct sim *s, const struct raft_members *m)
{
    if (s->members_len == s->members_cap) {
        s->members_cap *= 2;
        s->members = realloc(s->members, s->members_cap * sizeof *s->members);
        PANDO_ASSERT(s->members != NULL && s->members_cap < UINT16_MAX);
    }
    s->members[s->members_len] = *m;
    return (uint16_t)s->members_len++;
}

static bool change_is_due(const struct sim_node *n)
{
    const struct raft_view v = raft_look(n->core);
    uint64_t last = v.last_index;
    while (last > n->log.snapshot.index && n->log.at[last].members == 0)
        last--;
    return last <= v.commit && raft_term_at(n->core, v.commit) == v.term;
}

enum pando_status sim_change(struct sim *s, uint64_t id, const struct raft_members *m)
{
    struct sim_node *n = &s->nodes[id];
    uint64_t index, term;
    if (!n->up)
        return PANDO_UNAVAILABLE;
    const bool due = change_is_due(n);
    n->proposing = members_number(s, m);
    const enum pando_status st = raft_propose_members(
        n->core, sim_clock(s, n), &s->members[n->proposing], 100, &index, &term);
    if (st == PANDO_OK && !due)
        sim_break(s, "membership: a change too early");
    s->changes += st == PANDO_OK;
    if (st != PANDO_OK)
        s->members_len--;
    sim_drain(s, n);
    return st;
}

void sim_force(struct sim *s, uint64_t id, const struct raft_members *m)
{
    struct sim_node *n = &s->nodes[id];
    uint64_t index, term;
    s->forced = true;
    n->proposing = members_number(s, m);
    if (raft_force_members(n->core, sim_clock(s, n), &s->members[n->proposing], 100,
                           &index, &term) != PANDO_OK)
        sim_break(s, "membership: it could not be forced");
    sim_drain(s, n);
}

void sim_read(struct sim *s, uint64_t id)
{
    struct sim_node *n = &s->nodes[id];
    if (!n->up || n->reads_len == SIM_READS_MAX)
        return;
    n->reads[n->reads_len++] = (struct sim_read){ ++s->next_token, s->index_last };
    if (raft_read(n->core, sim_clock(s, n), s->next_token) != PANDO_OK)
        n->reads_len--;
    sim_drain(s, n);
}

void sim_transfer(struct sim *s, uint64_t id, uint64_t to)
{
    struct sim_node *n = &s->nodes[id];
    if (!n->up)
        return;
    s->transfers += raft_transfer(n->core, sim_clock(s, n), to) == PANDO_OK;
    sim_drain(s, n);
}

/* A snapshot of all but the last `keep` entries applied. It is durable behind all that
 * was written before it. */
void sim_compact(struct sim *s, uint64_t id, uint64_t keep)
{
    struct sim_node *n = &s->nodes[id];
    if (!n->up || n->applied < n->log.snapshot.index + keep + 1)
        return;
    const uint64_t index = n->applied - keep;
    const struct sim_snapshot snapshot = { index, n->log.at[index].term,
                                           sim_members_at(n, index) };
    sim_flush(n);
    n->log.snapshot = n->disk.log.snapshot = snapshot;
    raft_compacted(n->core, index);
    if (raft_look(n->core).first_index != index + 1)
        sim_break(s, "compaction: not done");
    sim_drain(s, n);
}

uint64_t sim_leader(const struct sim *s)
{
    uint64_t leader = 0, term = 0;
    for (uint64_t i = 1; i <= s->config.nodes; i++)
        if (s->nodes[i].up && s->nodes[i].role == RAFT_LEADER &&
            s->nodes[i].role_term > term) {
            leader = i;
            term = s->nodes[i].role_term;
        }
    return leader;
}

bool sim_converged(const struct sim *s)
{
    const uint64_t leader = sim_leader(s);
    if (leader == 0)
        return false;
    const struct sim_node *l = &s->nodes[leader];
    const struct raft_members *m = raft_members_now(l->core);
    if (l->applied != l->log.last)
        return false;
    for (uint32_t i = 0; i < m->len; i++) {
        const struct sim_node *n = &s->nodes[m->at[i].id];
        if (!n->up || n->applied != l->applied)
            return false;
    }
    return true;
}
