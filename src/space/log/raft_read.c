/* raft_read.c - reads that see every write acknowledged before them.
 *
 * The leader notes the commit index (its own first entry at least: before that is
 * committed it does not know what is), sends a round of heartbeats, and serves the read
 * when a majority has answered that round: so it still led after the read began. All
 * reads between two drains share a round.
 */
#include "space/log/raft_state.h"

static uint64_t round_of(const struct raft *r, const struct raft_peer *p)
{
    return p->id == r->options.id ? r->round : p->round;
}

static void answer(struct raft *r, uint64_t token, uint64_t index)
{
    struct raft_effect *e = raft_emit(r, RAFT_READ);
    if (e == NULL)
        return;
    e->token = token;
    e->index = index;
}

bool raft_read_waits(const struct raft *r)
{
    if (r->reads_len == 0)
        return false;
    return r->reads[(r->reads_at + r->reads_len - 1) % RAFT_READS_MAX].round > r->round;
}

enum pando_status raft_read(struct raft *r, struct pando_time now, uint64_t token)
{
    if (r->role != RAFT_LEADER)
        return PANDO_UNAVAILABLE;
    if (r->reads_len == RAFT_READS_MAX)
        return PANDO_FULL;
    if (now.ns > r->now.ns)
        r->now = now;
    if (MUTANT(STALE_READ)) {
        answer(r, token, r->commit);
        return PANDO_OK;
    }
    const bool early = r->commit < r->own_first && !MUTANT(READ_TOO_EARLY);
    r->reads[(r->reads_at + r->reads_len++) % RAFT_READS_MAX] =
        (struct raft_wait){ token, early ? r->own_first : r->commit, r->round + 1 };
    r->dirty = true;
    return PANDO_OK;
}

/* Serve those whose round is answered and whose index is committed; they are in order. */
void raft_read_settle(struct raft *r)
{
    if (r->reads_len == 0)
        return;
    const uint64_t round = raft_quorum_of(r, round_of);
    while (r->reads_len > 0) {
        const struct raft_wait *w = &r->reads[r->reads_at];
        if (w->round > round || w->index > r->commit)
            return;
        answer(r, w->token, w->index);
        r->reads_at = (r->reads_at + 1) % RAFT_READS_MAX;
        r->reads_len--;
    }
}

void raft_read_fail(struct raft *r)
{
    for (; r->reads_len > 0; r->reads_len--) {
        answer(r, r->reads[r->reads_at].token, 0);
        r->reads_at = (r->reads_at + 1) % RAFT_READS_MAX;
    }
}
