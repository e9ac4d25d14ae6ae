/* raft_mend.c - a member that has lost something comes back without doing harm.
 *
 * It may have acknowledged entries and given votes that its disk does not know of any more.
 * So until it is well it neither votes nor stands, and a leader that hears `mending` counts it
 * for nothing. The leader makes it a learner, and once an entry that was appended after the
 * mend was known is committed by the voters without it, two things hold: whoever still relies
 * on its lost votes cannot win any more, and the leader's log up to that entry holds everything
 * that its lost acknowledgements have committed. When it holds that entry, too, it is well.
 * docs/decisions/0008-repair.md has the argument.
 */
#include "space/log/raft_state.h"

void raft_mend(struct raft *r, struct pando_time now, uint64_t number)
{
    if (now.ns > r->now.ns)
        r->now = now;
    r->mend = number;
    r->promise.to = 0;
    if (r->role != RAFT_FOLLOWER)
        raft_follow(r, r->term, 0, RAFT_WHY_MEND);
}

bool raft_mend_void(struct raft *r, struct pando_time now, uint64_t term)
{
    if (r->log.last_index != 0 || r->role != RAFT_FOLLOWER || !raft_effects_room(r, 4) ||
        !raft_writes_room(&r->writes))
        return false;
    if (now.ns > r->now.ns)
        r->now = now;
    r->mend = 0;
    raft_spend_vote(r, term);
    raft_timer_arm(r);
    return true;
}

/* Leader: what an answer in our term says of its sender. */
void raft_mend_note(struct raft *r, struct raft_peer *p, const struct raft_message *m)
{
    p->mending = m->mending;
    if (!m->mending)
        p->mend = 0;
    if (!m->mending || !m->granted || p->mend == m->log_term)
        return;
    p->mend = m->log_term;
    p->mend_from = r->log.last_index + 1;
}

/* Leader: bring it on, and tell it when it is well. It is told again with each answer. */
void raft_mend_settle(struct raft *r, struct raft_peer *p)
{
    if (!p->mending || p->mend == 0 || p->voter)
        return;
    if (r->log.last_index < p->mend_from) {
        if (r->transfer_to == 0)
            (void)!raft_append_own(r, RAFT_NOOP, 0, NULL); /* without memory: at its next word */
        return;
    }
    if (r->config->index > r->commit || r->commit < p->mend_from || p->match < p->mend_from)
        return;
    raft_send(r, &(struct raft_message){ .kind = RAFT_MEND_DONE,
                                         .to = p->id,
                                         .term = r->term,
                                         .index = p->mend_from,
                                         .round = p->mend });
}

void raft_on_mend_done(struct raft *r, const struct raft_message *m)
{
    const uint64_t held =
        r->verified < r->writes.durable ? r->verified : r->writes.durable;
    if (r->mend == 0 || m->round != r->mend || m->term != r->term ||
        m->from != r->term_leader || r->role != RAFT_FOLLOWER)
        return;
    if (held < m->index || r->writes.done < r->writes.state)
        return;
    struct raft_effect *e = raft_emit(r, RAFT_MENDED);
    if (e == NULL)
        return; /* it is told again */
    e->index = m->index;
    r->mend = 0;
    raft_timer_arm(r);
}
