/* raft_commit.c - what can no more be lost, and what follows from that.
 *
 * A leader commits the highest index that a majority of the voters holds durably, itself
 * among them only as far as its own disk has come; and only if that entry is of its own
 * term. An entry of an older term on a majority may still be replaced (the paper's figure
 * 8); it is committed by an own entry above it.
 */
#include "space/log/raft_state.h"

/* The value that a majority of the voters reaches. */
uint64_t raft_quorum_of(const struct raft *r,
                        uint64_t (*of)(const struct raft *, const struct raft_peer *))
{
    uint64_t values[RAFT_MEMBERS_MAX];
    uint32_t len = 0;
    for (uint32_t i = 0; i < r->peers_len; i++) {
        if (!r->peers[i].voter && !MUTANT(LEARNER_COUNTS))
            continue;
        const uint64_t value =
            r->peers[i].mending && !MUTANT(MEND_COUNTS) ? 0 : of(r, &r->peers[i]);
        uint32_t at = len++;
        for (; at > 0 && values[at - 1] < value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return len == 0 ? 0 : values[r->voters / 2];
}

static uint64_t match_of(const struct raft *r, const struct raft_peer *p)
{
    if (p->id != r->options.id)
        return p->match;
    return MUTANT(COUNT_UNWRITTEN) ? r->log.last_index : r->writes.durable;
}

/* A leader that is no voter any more has done its last duty: the news goes out, and it
 * steps down. */
static void step_down_if_removed(struct raft *r)
{
    if (r->voter || r->config->index > r->commit)
        return;
    r->beat = true;
    raft_flush(r);
    raft_follow(r, r->term, 0, RAFT_WHY_REMOVED);
}

void raft_commit_try(struct raft *r)
{
    const uint64_t index = raft_quorum_of(r, match_of);
    if (index <= r->commit || (index < r->own_first && !MUTANT(OLD_TERM_COMMIT)))
        return;
    const uint64_t cost = raft_log_costs(&r->log, r->commit, index);
    r->pending -= cost < r->pending ? cost : r->pending;
    raft_commit_to(r, index);
    if (r->window_until.ns == 0)
        r->window_until = pando_time_add(r->now, PANDO_SEC(30));
    r->dirty = true;
    raft_read_settle(r);
    step_down_if_removed(r);
}

void raft_commit_to(struct raft *r, uint64_t index)
{
    if (index <= r->commit)
        return;
    PANDO_ASSERT(index <= r->log.last_index);
    r->commit = index;
    if (r->config->next != NULL)
        raft_config_prune(r);
    struct raft_effect *e = raft_emit(r, RAFT_COMMIT);
    if (e != NULL)
        e->index = index;
}
