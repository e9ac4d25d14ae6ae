/* raft_config.c - who belongs: in force from the append, rolled back with the log.
 *
 * A membership counts from the moment its entry is in the log, committed or not, and
 * falls with it. So the versions behind the committed one are kept, newest first. Two
 * rules keep any two quorums in touch: only one member's standing changes at a time, and
 * a leader changes nothing before an entry of its own term is committed, or two leaders
 * could each change a membership that the other does not know.
 *
 * Versions leave by a list of retired ones that is emptied when the effects, which point
 * at them, have been drained.
 */
#include "space/log/raft_state.h"

#include <stdlib.h>
#include <string.h>

bool raft_members_valid(const struct raft_members *m)
{
    uint32_t voters = 0;
    if (m == NULL || m->len == 0 || m->len > RAFT_MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < m->len; i++) {
        if (m->at[i].id == 0 || (i > 0 && m->at[i].id <= m->at[i - 1].id))
            return false;
        if (m->at[i].standing != RAFT_VOTER && m->at[i].standing != RAFT_LEARNER)
            return false;
        voters += m->at[i].standing == RAFT_VOTER;
    }
    return voters > 0 && voters <= RAFT_VOTERS_MAX;
}

struct raft_peer *raft_peer_find(struct raft *r, uint64_t id)
{
    for (uint32_t i = 0; i < r->peers_len; i++)
        if (r->peers[i].id == id)
            return &r->peers[i];
    return NULL;
}

/* The peer records follow the members in force; who stays keeps its progress. */
static void align_peers(struct raft *r)
{
    struct raft_peer old[RAFT_MEMBERS_MAX];
    const uint32_t old_len = r->peers_len;
    const struct raft_members *m = &r->config->members;
    memcpy(old, r->peers, old_len * sizeof *old);
    r->peers_len = m->len;
    r->voters = 0;
    r->voter = false;
    for (uint32_t i = 0, o = 0; i < m->len; i++) {
        struct raft_peer *p = &r->peers[i];
        while (o < old_len && old[o].id < m->at[i].id)
            o++;
        if (o < old_len && old[o].id == m->at[i].id) {
            *p = old[o];
        } else {
            *p = (struct raft_peer){ .id = m->at[i].id };
            raft_peer_reset(r, p);
        }
        p->voter = m->at[i].standing == RAFT_VOTER;
        r->voters += p->voter;
        r->voter |= p->voter && p->id == r->options.id;
    }
}

static void in_force(struct raft *r)
{
    align_peers(r);
    if (r->started)
        (void)raft_emit(r, RAFT_MEMBERS);
}

static void retire(struct raft *r, struct raft_config *c)
{
    c->next = r->retired;
    r->retired = c;
}

bool raft_config_room(struct raft *r, uint32_t more)
{
    for (const struct raft_config *c = r->spare; c != NULL && more > 0; c = c->next)
        more--;
    for (; more > 0; more--) {
        struct raft_config *c = malloc(sizeof *c);
        if (c == NULL)
            return false;
        c->next = r->spare;
        r->spare = c;
    }
    return true;
}

void raft_config_push(struct raft *r, uint64_t index, const struct raft_members *m)
{
    struct raft_config *c = r->spare;
    PANDO_ASSERT(c != NULL); /* room was made before */
    r->spare = c->next;
    *c = (struct raft_config){ r->config, index, *m };
    r->config = c;
    in_force(r);
}

void raft_config_truncate(struct raft *r, uint64_t index)
{
    bool changed = false;
    while (r->config->index >= index && r->config->next != NULL &&
           !MUTANT(CONFIG_STAYS)) {
        struct raft_config *gone = r->config;
        r->config = gone->next;
        retire(r, gone);
        changed = true;
    }
    if (changed)
        in_force(r);
}

void raft_config_prune(struct raft *r)
{
    struct raft_config *c = r->config;
    while (c->index > r->commit && c->next != NULL)
        c = c->next;
    while (c->next != NULL) {
        struct raft_config *gone = c->next;
        c->next = gone->next;
        retire(r, gone);
    }
}

void raft_config_restart(struct raft *r, uint64_t index, const struct raft_members *m)
{
    while (r->config != NULL) {
        struct raft_config *gone = r->config;
        r->config = gone->next;
        retire(r, gone);
    }
    raft_config_push(r, index, m);
}

/* How many members' standing differs. */
static uint32_t changes(const struct raft_members *a, const struct raft_members *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0, k = 0; i < a->len || k < b->len; n++) {
        if (k == b->len || (i < a->len && a->at[i].id < b->at[k].id)) {
            i++;
        } else if (i == a->len || b->at[k].id < a->at[i].id) {
            k++;
        } else {
            n -= a->at[i].standing == b->at[k].standing;
            i++;
            k++;
        }
    }
    return n;
}

/* A voter that counts for nothing; UINT32_MAX: there is none. */
static uint32_t mending(const struct raft *r)
{
    for (uint32_t i = 0; i < r->peers_len; i++)
        if (r->peers[i].voter && r->peers[i].mending)
            return i;
    return UINT32_MAX;
}

/* While a voter counts for nothing its demotion is the only change: any other might leave a
 * membership in which those who count are no majority. */
static bool is_first_due(const struct raft *r, const struct raft_members *m)
{
    const uint32_t ill = mending(r);
    for (uint32_t i = 0; ill != UINT32_MAX && i < m->len; i++)
        if (m->at[i].id == r->peers[ill].id && m->at[i].standing == RAFT_VOTER)
            return false;
    return true;
}

static bool may_change(const struct raft *r)
{
    const bool settled = r->config->index <= r->commit || MUTANT(TWO_CHANGES);
    const bool barrier = r->commit >= r->own_first || MUTANT(NO_BARRIER);
    return settled && barrier;
}

enum pando_status raft_propose_members(struct raft *r, struct pando_time now,
                                       const struct raft_members *members, uint32_t size,
                                       uint64_t *ret_index, uint64_t *ret_term)
{
    uint32_t voters = 0;
    if (r->role != RAFT_LEADER || r->transfer_to != 0)
        return PANDO_UNAVAILABLE;
    if (members->len > RAFT_MEMBERS_MAX)
        return PANDO_FULL;
    for (uint32_t i = 0; i < members->len; i++)
        voters += members->at[i].standing == RAFT_VOTER;
    if (voters > RAFT_VOTERS_MAX)
        return PANDO_FULL;
    if (!raft_members_valid(members) || size > RAFT_ENTRY_MAX ||
        changes(&r->config->members, members) > 1)
        return PANDO_INVALID;
    if (!may_change(r) || !is_first_due(r, members))
        return PANDO_BUSY;
    if (now.ns > r->now.ns)
        r->now = now;
    const enum pando_status st = raft_append_own(r, RAFT_CONFIG, size, members);
    if (st != PANDO_OK)
        return st;
    *ret_index = r->log.last_index;
    *ret_term = r->term;
    return PANDO_OK;
}

static struct pando_span silence(const struct raft *r, const struct raft_peer *p,
                                 struct pando_time now)
{
    return p->id == r->options.id ? (struct pando_span){ 0 }
                                  : pando_time_since(now, p->heard);
}

/* Within one message of what is committed. */
static bool caught_up(const struct raft *r, const struct raft_peer *p)
{
    return p->mode == PEER_STREAM && p->match + RAFT_BATCH_MAX >= r->commit;
}

/* The member whose standing the policy would change: first the voter that is on the mend,
 * then the silent one with the lowest id, then the learner with the highest that has caught
 * up and may vote. */
static uint32_t candidate(const struct raft *r, struct pando_time now,
                          bool (*may)(void *ctx, uint64_t id), void *ctx)
{
    const uint32_t ill = mending(r);
    if (ill != UINT32_MAX)
        return ill;
    if (r->options.demote && r->voters > 1)
        for (uint32_t i = 0; i < r->peers_len; i++)
            if (r->peers[i].voter &&
                silence(r, &r->peers[i], now).ns >= r->options.demote_after.ns)
                return i;
    if (r->voters < RAFT_VOTERS_MAX)
        for (uint32_t i = r->peers_len; i-- > 0;)
            if (!r->peers[i].voter && !r->peers[i].mending && caught_up(r, &r->peers[i]) &&
                (may == NULL || may(ctx, r->peers[i].id)) &&
                silence(r, &r->peers[i], now).ns < r->options.election.ns)
                return i;
    return UINT32_MAX;
}

bool raft_wants_change(const struct raft *r, struct pando_time now,
                       bool (*may)(void *ctx, uint64_t id), void *ctx,
                       struct raft_members *ret)
{
    if (r->role != RAFT_LEADER || r->transfer_to != 0 || !may_change(r))
        return false;
    const uint32_t i = candidate(r, now, may, ctx);
    if (i == UINT32_MAX)
        return false;
    *ret = r->config->members;
    ret->at[i].standing = r->peers[i].voter ? RAFT_LEARNER : RAFT_VOTER;
    return true;
}
