/* raft_peer.c - what a leader learns from the answers of its peers.
 *
 * An acknowledgement proves that the peer holds, durably, what we hold up to an index. A
 * refusal tells where the logs may meet; it counts only for a peer that is being probed
 * and only if it answers the probe under way, for an older one may come late and would
 * move the sending back for nothing.
 */
#include "space/log/raft_state.h"

static void progressed(struct raft *r, struct raft_peer *p, uint64_t match)
{
    for (uint64_t i = p->match + 1; i <= match && p->inflight > 0 && i < p->next; i++) {
        const uint64_t cost = raft_log_cost(&r->log, i);
        p->inflight -= cost < p->inflight ? cost : p->inflight;
    }
    p->match = match;
    if (p->next <= match)
        p->next = match + 1;
    if (p->next == match + 1)
        p->inflight = 0;
    raft_peer_patience(r, p);
}

/* What has arrived needs not be sent again, even after a rewind. */
static void arrived_to(struct raft *r, struct raft_peer *p, uint64_t index)
{
    if (index > p->arrived)
        raft_peer_patience(r, p);
    p->arrived = index;
    if (p->next > index)
        return;
    p->next = index + 1;
    p->inflight = raft_log_costs(&r->log, p->match, index);
}

static void on_granted(struct raft *r, struct raft_peer *p, const struct raft_message *m)
{
    const uint64_t last = r->log.last_index;
    if (p->floor <= m->probe)
        p->floor = m->probe + 1;
    if (p->mode != PEER_STREAM) {
        p->mode = PEER_STREAM;
        if (p->next < r->log.first_index)
            p->next = r->log.first_index;
        p->inflight = 0;
        p->behind = last - (p->next - 1) > RAFT_BATCH_MAX;
        r->dirty = true;
    }
    if (m->index > p->match) {
        progressed(r, p, m->index);
        r->dirty = true;
    }
    arrived_to(r, p, m->commit < last ? m->commit : last);
    raft_commit_try(r);
}

/* `m->index` is the last entry that may match; of what term it is narrows it down. */
static void on_refused(struct raft *r, struct raft_peer *p, const struct raft_message *m)
{
    const bool stale = m->probe < p->floor;
    const bool wiped = m->index < p->match; /* it has lost what it had acknowledged */
    if (stale)
        return;
    if (p->mode == PEER_STREAM &&
        !wiped) { /* a gap: what had arrived may be gone again */
        p->arrived = m->commit;
        return;
    }
    uint64_t meet = m->index;
    if (m->log_term != 0 && meet >= r->log.first_index)
        meet = raft_log_meet(&r->log, meet, m->log_term);
    if (p->mode == PEER_SNAPSHOT && meet + 1 < r->log.first_index)
        return;
    if (wiped)
        p->match = p->arrived = 0;
    if (meet + 1 >= p->next) /* it must go back, whatever the peer says */
        meet = p->next > 2 ? p->next - 2 : 0;
    raft_peer_rewind(r, p, meet + 1, PEER_PROBE);
}

void raft_on_append_reply(struct raft *r, const struct raft_message *m)
{
    if (m->term > r->term) {
        raft_follow(r, m->term, 0, RAFT_WHY_HIGHER_TERM);
        return;
    }
    struct raft_peer *p = raft_peer_find(r, m->from);
    if (r->role != RAFT_LEADER || m->term != r->term || p == NULL ||
        m->from == r->options.id)
        return;
    if (p->voter)
        raft_pace(r, pando_time_since(r->now, p->heard));
    p->heard = r->now;
    raft_mend_note(r, p, m);
    if (m->round > p->round && m->round <= r->round) {
        p->round = m->round;
        raft_read_settle(r);
    }
    if (m->probe > r->probe)
        return; /* it answers what we never sent */
    if (!m->granted)
        on_refused(r, p, m);
    else if (m->index <= r->log.last_index)
        on_granted(r, p, m);
    if (r->role == RAFT_LEADER)
        raft_mend_settle(r, p);
    if (r->role == RAFT_LEADER && r->transfer_to != 0)
        raft_transfer_go(r);
    else if (r->role == RAFT_LEADER)
        raft_window_check(r);
}

/* It says that it holds everything up to an index; the next probe shows whether our logs
 * meet there. */
void raft_on_snapshot_done(struct raft *r, const struct raft_message *m)
{
    struct raft_peer *p = raft_peer_find(r, m->from);
    if (r->role != RAFT_LEADER || p == NULL || p->mode != PEER_SNAPSHOT)
        return;
    if (m->index > r->log.last_index || raft_log_term(&r->log, m->index) != m->log_term) {
        return; /* older than what we keep: it is asked for once more in a while */
    }
    p->heard = r->now;
    raft_peer_rewind(r, p, m->index + 1, PEER_PROBE);
}
