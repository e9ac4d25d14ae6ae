/* raft_sim_check.c - what must never happen, checked where it would.
 *
 * Election safety: one leader a term. Log matching: an index and a term name one entry,
 * and what precedes it. Leader completeness: a new leader holds what earlier terms have
 * committed. State-machine safety: what one node applies at an index, all apply. And the
 * reasons below these: a vote or an acknowledgement that is sent is on the disk, an
 * acknowledged entry equals the leader's, a committed one lies on the disks of a
 * majority.
 */
#include "base/assert.h"
#include "space/log/raft_sim.h"

#include <stdlib.h>
#include <string.h>

void sim_break(struct sim *s, const char *what)
{
    if (s->violation == NULL)
        s->violation = what;
}

static struct sim_index *index_at(struct sim *s, uint64_t index)
{
    if (index >= s->index_cap) {
        const uint64_t cap = index * 2;
        s->index = realloc(s->index, cap * sizeof *s->index);
        PANDO_ASSERT(s->index != NULL);
        memset(s->index + s->index_cap, 0, (cap - s->index_cap) * sizeof *s->index);
        s->index_cap = cap;
    }
    return &s->index[index];
}

static uint64_t term_before(const struct sim_node *n, uint64_t index)
{
    return index - 1 == n->log.snapshot.index ? n->log.snapshot.term
                                              : n->log.at[index - 1].term;
}

void sim_check_entry(struct sim *s, struct sim_node *n, uint64_t index)
{
    struct sim_index *at = index_at(s, index);
    const struct sim_entry *e = &n->log.at[index];
    const uint64_t prev = term_before(n, index);
    for (uint32_t i = 0; i < at->seen_len; i++)
        if (at->seen[i].term == e->term) {
            if (at->seen[i].value != e->value || at->seen[i].prev_term != prev)
                sim_break(s, "log matching: one index and term, two entries");
            return;
        }
    if (at->seen_len == at->seen_cap) {
        at->seen_cap = at->seen_cap == 0 ? 2 : at->seen_cap * 2;
        at->seen = realloc(at->seen, at->seen_cap * sizeof *at->seen);
        PANDO_ASSERT(at->seen != NULL);
    }
    at->seen[at->seen_len++] = (struct sim_seen){ e->term, e->value, prev };
}

static bool on_disk(const struct sim_node *n, uint64_t index, uint64_t term)
{
    const struct sim_log *l = &n->disk.log;
    return index <= l->snapshot.index || (index <= l->last && l->at[index].term == term);
}

static void check_majority(struct sim *s, const struct sim_node *leader, uint64_t index)
{
    const struct raft_members *m = raft_members_now(leader->core);
    uint32_t voters = 0, copies = 0;
    for (uint32_t i = 0; i < m->len; i++) {
        if (m->at[i].standing != RAFT_VOTER)
            continue;
        voters++;
        const struct sim_node *n = &s->nodes[m->at[i].id];
        const bool was = n->disk.mend != 0 && index <= n->acked; /* its word was on the way */
        copies += was || on_disk(n, index, leader->log.at[index].term);
    }
    if (copies <= voters / 2 && !s->forced)
        sim_break(s, "durability: committed, but not on the disks of a majority");
}

static void commit_first(struct sim *s, struct sim_node *n, uint64_t index)
{
    struct sim_index *at = index_at(s, index);
    at->committed = true;
    at->entry = n->log.at[index];
    at->by_term = raft_look(n->core).term;
    if (index > s->index_last)
        s->index_last = index;
    if (n->role != RAFT_LEADER)
        return;
    s->acked += at->entry.kind == RAFT_DATA;
    check_majority(s, n, index);
}

void sim_check_commit(struct sim *s, struct sim_node *n, uint64_t index)
{
    if (index <= n->commit || index > n->log.last) {
        sim_break(s, "commit: the index fell, or ran ahead of the log");
        return;
    }
    n->commit = index;
    for (uint64_t i = n->applied + 1; i <= index; i++) {
        const struct sim_index *at = index_at(s, i);
        if (!at->committed)
            commit_first(s, n, i);
        else if (at->entry.value != n->log.at[i].value ||
                 at->entry.term != n->log.at[i].term)
            sim_break(s, "state machine: two entries applied at one index");
    }
    if (index > n->applied)
        n->applied = index;
}

static void check_complete(struct sim *s, const struct sim_node *n)
{
    for (uint64_t i = n->log.snapshot.index + 1; i <= s->index_last; i++) {
        const struct sim_index *at = &s->index[i];
        if (!at->committed || at->by_term >= n->role_term)
            continue;
        if (i > n->log.last || n->log.at[i].value != at->entry.value)
            sim_break(s, "leader completeness: a leader lacks what was committed");
    }
}

/* By the members in force, or by earlier ones while these are not committed. */
bool sim_was_voter(const struct sim *s, const struct sim_node *n)
{
    for (uint64_t at = n->log.last;; at--) {
        const struct raft_members *m = &s->members[sim_members_at(n, at)];
        for (uint32_t i = 0; i < m->len; i++)
            if (m->at[i].id == n->id && m->at[i].standing == RAFT_VOTER)
                return true;
        while (at > n->log.snapshot.index && n->log.at[at].members == 0)
            at--;
        if (at <= n->commit || at <= n->log.snapshot.index)
            return false;
    }
}

void sim_check_role(struct sim *s, struct sim_node *n)
{
    if (n->role == RAFT_FOLLOWER)
        return;
    if (n->disk.mend != 0)
        sim_break(s, "mend: a member stands that does not know what it has lost");
    if (!sim_was_voter(s, n))
        sim_break(s, "standing: who is no voter stands for election");
    if (n->role != RAFT_LEADER || n->role_term >= SIM_TERMS_MAX)
        return;
    s->elections++;
    if (s->leaders[n->role_term] != 0 && s->leaders[n->role_term] != n->id)
        sim_break(s, "election: two leaders in one term");
    s->leaders[n->role_term] = n->id;
    if (!s->forced)
        check_complete(s, n);
}

static void check_ack(struct sim *s, const struct sim_node *n,
                      const struct raft_message *m)
{
    const struct sim_log *l = &n->disk.log;
    const struct sim_node *leader = &s->nodes[m->to];
    if (m->index > l->last && m->index > l->snapshot.index) {
        sim_break(s, "durability: acknowledged before it was durable");
        return;
    }
    if (!leader->up || leader->role != RAFT_LEADER || leader->role_term != m->term ||
        m->index <= l->snapshot.index || m->index <= leader->log.snapshot.index)
        return;
    if (m->index > leader->log.last ||
        l->at[m->index].term != leader->log.at[m->index].term)
        sim_break(s, "acknowledgement: it names what the leader does not have");
}

void sim_check_send(struct sim *s, struct sim_node *n, const struct raft_message *m)
{
    if (m->kind == RAFT_VOTE_REPLY && m->granted &&
        (n->disk.term != m->term || n->disk.vote != m->to))
        sim_break(s, "durability: a vote was given before it was durable");
    if (m->kind == RAFT_VOTE && (n->disk.term != m->term || n->disk.vote != n->id))
        sim_break(s, "durability: a candidacy was announced before it was durable");
    if ((m->kind == RAFT_VOTE_REPLY || m->kind == RAFT_PREVOTE_REPLY) && m->granted &&
        n->disk.mend != 0)
        sim_break(s, "mend: a member voted that does not know what it has lost");
    if (m->kind == RAFT_APPEND_REPLY && m->mending != (n->disk.mend != 0))
        sim_break(s, "mend: an acknowledgement does not say that it counts for nothing");
    if (m->kind != RAFT_APPEND_REPLY || !m->granted)
        return;
    check_ack(s, n, m);
    if (!m->mending && m->index > n->acked)
        n->acked = m->index;
}

bool sim_is_committed(const struct sim *s, const struct sim_node *n, uint64_t index)
{
    const struct sim_log *l = &n->disk.log;
    const struct sim_index *at = &s->index[index];
    return index <= l->snapshot.index ||
           (index <= l->last && at->committed && l->at[index].value == at->entry.value);
}

/* Well again: what was committed and here when it was lost is here once more. */
void sim_check_mended(struct sim *s, struct sim_node *n)
{
    for (uint64_t i = 1; i <= n->owed && !s->forced; i++)
        if (!sim_is_committed(s, n, i))
            sim_break(s, "mend: a member is well and lacks what it held");
}

void sim_check_read(struct sim *s, struct sim_node *n, uint64_t token, uint64_t index)
{
    for (uint32_t i = 0; i < n->reads_len; i++) {
        if (n->reads[i].token != token)
            continue;
        if (index != 0 && index < n->reads[i].least)
            sim_break(s, "linearizability: a read misses an acknowledged write");
        if (index != 0)
            s->reads_served++;
        n->reads[i] = n->reads[--n->reads_len];
        return;
    }
    sim_break(s, "reads: one was answered that nobody asked for");
}

void sim_check_members(struct sim *s, struct sim_node *n)
{
    const struct raft_members *want = &s->members[sim_members_at(n, n->log.last)];
    const struct raft_members *got = raft_members_now(n->core);
    bool equal = want->len == got->len;
    for (uint32_t i = 0; equal && i < want->len; i++)
        equal = want->at[i].id == got->at[i].id &&
                want->at[i].standing == got->at[i].standing;
    if (!equal)
        sim_break(s, "membership: not that of the last entry in the log");
}
