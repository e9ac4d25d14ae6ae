/* raft_follow.c - a follower takes what the leader sends, in order, and says so.
 *
 * Two indices tell everything that may be said. `verified`: all entries up to it equal
 * the leader's of this term, by the chain of prev checks; an old tail behind it proves
 * nothing. `durable`: all up to it are on disk. An acknowledgement names the smaller one,
 * so one answer covers many APPENDs, and never more than what was matched and written.
 *
 * An APPEND that lies behind a gap is held back; what the log holds already is passed
 * over; only a true conflict cuts the log, and never below the commit index.
 */
#include "space/log/raft_state.h"

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Tell the leader how far we are; `commit` carries what has arrived but may not be
 * durable. */
void raft_ack(struct raft *r, uint64_t round)
{
    uint64_t index = lower(r->verified, r->writes.durable);
    if (MUTANT(ACK_BEFORE_DISK))
        index = r->verified;
    if (MUTANT(ACK_LAST_INDEX))
        index = r->writes.durable;
    if (r->writes.done < r->writes.state && !MUTANT(ACK_BEFORE_DISK)) {
        r->ack_owed = true; /* not even the term is durable */
        return;
    }
    r->ack_owed = index < r->verified;
    raft_send(r, &(struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                         .to = r->term_leader,
                                         .term = r->term,
                                         .index = index,
                                         .log_term = r->mend,
                                         .commit = r->verified,
                                         .round = round,
                                         .probe = r->last_probe,
                                         .mending = r->mend != 0,
                                         .granted = true });
}

/* After WRITTEN. */
void raft_ack_settle(struct raft *r)
{
    if (r->ack_owed && r->role == RAFT_FOLLOWER && r->term_leader != 0)
        raft_ack(r, 0);
}

static void refuse(struct raft *r, const struct raft_message *m, uint64_t hint)
{
    raft_send(r, &(struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                         .to = m->from,
                                         .term = r->term,
                                         .index = hint,
                                         .log_term = raft_log_term(&r->log, hint),
                                         .commit = r->verified,
                                         .round = m->term == r->term ? m->round : 0,
                                         .probe = m->probe,
                                         .mending = r->mend != 0 });
}

/* Entries in sequence, terms that do not fall: what no honest leader breaks. */
static bool sound(const struct raft_message *m)
{
    uint64_t term = m->log_term;
    if (m->count > RAFT_BATCH_MAX || m->index > RAFT_TERM_MAX ||
        (m->count > 0 && m->entries == NULL) || m->log_term > m->term)
        return false;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct raft_entry *e = &m->entries[i];
        if (e->index != m->index + 1 + i || e->term < term || e->term > m->term ||
            e->term == 0 || e->size > RAFT_ENTRY_MAX || (unsigned)e->kind > RAFT_CONFIG)
            return false;
        if ((e->kind == RAFT_CONFIG) != (e->config != NULL) ||
            (e->config != NULL && !raft_members_valid(e->config)))
            return false;
        term = e->term;
    }
    return true;
}

static bool room_for(struct raft *r, const struct raft_message *m)
{
    uint32_t configs = 0;
    for (uint32_t i = 0; i < m->count; i++)
        configs += m->entries[i].config != NULL;
    return raft_effects_room(r, m->count + configs + 16) &&
           raft_log_room(&r->log, m->count) && raft_writes_room(&r->writes) &&
           raft_config_room(r, configs);
}

static void cut(struct raft *r, uint64_t index)
{
    raft_log_truncate(&r->log, index);
    raft_write_truncate(r, index);
    raft_config_truncate(r, index);
    if (r->verified >= index)
        r->verified = index - 1;
}

static void take(struct raft *r, const struct raft_message *m, uint32_t from)
{
    for (uint32_t i = from; i < m->count; i++) {
        struct raft_entry e = m->entries[i];
        raft_log_append(&r->log, e.term, e.kind, e.size);
        if (e.config != NULL) {
            raft_config_push(r, e.index, e.config);
            e.config = &r->config->members;
        }
        raft_write_entry(r, &e, i);
    }
}

/* The prev check passed: pass over what is known, cut a conflict, take the rest. False:
 * nonsense, it contradicts what is committed. */
static bool merge(struct raft *r, const struct raft_message *m)
{
    uint32_t i = 0;
    for (; i < m->count; i++) {
        const struct raft_entry *e = &m->entries[i];
        if (e->index < r->log.first_index)
            continue;
        if (e->index > r->log.last_index)
            break;
        if (raft_log_term(&r->log, e->index) == e->term)
            continue;
        if (e->index <= r->commit)
            return false;
        cut(r, e->index);
        break;
    }
    if (MUTANT(TRUNCATE_MATCH) && i == m->count && m->count > 0 &&
        m->index + m->count >= r->log.first_index &&
        m->index + m->count < r->log.last_index)
        cut(r, m->index + m->count + 1);
    take(r, m, i);
    if (r->verified < m->index + m->count)
        r->verified = m->index + m->count;
    return true;
}

/* Commit what the leader has committed, as far as we are known to agree with it. */
static void learn_commit(struct raft *r, const struct raft_message *m)
{
    if (m->commit > r->leader_commit)
        r->leader_commit = m->commit;
    const uint64_t proven = MUTANT(COMMIT_UNPROVEN) ? r->log.last_index : r->verified;
    raft_commit_to(r, lower(r->leader_commit, proven));
}

enum fit { FITS, GAP, CONFLICT };

static enum fit fit(const struct raft *r, const struct raft_message *m)
{
    const struct raft_log *l = &r->log;
    if (m->index + 1 < l->first_index)
        return FITS; /* below our snapshot everything is committed, so equal */
    if (m->index > l->last_index)
        return GAP;
    if (raft_log_term(l, m->index) == m->log_term || MUTANT(NO_CONFLICT_CHECK))
        return FITS;
    return CONFLICT;
}

/* The last index that may match, where the prev check failed. */
static uint64_t hint(const struct raft *r, const struct raft_message *m)
{
    const uint64_t index = raft_log_meet(&r->log, m->index - 1, m->log_term);
    return index < r->commit ? r->commit : index;
}

/* Held ones that fit by now. */
static void take_held(struct raft *r)
{
    struct raft_hold *h;
    while (raft_hold_next(r, &h)) {
        r->source = h->token;
        if (room_for(r, &h->message) && fit(r, &h->message) == FITS &&
            merge(r, &h->message))
            learn_commit(r, &h->message);
        r->source = 0;
        raft_hold_free(r, h);
    }
}

static void accept(struct raft *r, const struct raft_message *m)
{
    if (!room_for(r, m) || !merge(r, m))
        return;
    if (r->held_len > 0)
        take_held(r);
    learn_commit(r, m);
    r->last_probe = m->probe;
    if (m->round != 0 ||
        (m->count > 0 && lower(r->verified, r->writes.durable) >= m->index + m->count))
        raft_ack(r, m->round);
    else if (m->count > 0)
        r->ack_owed = true;
    if (MUTANT(ACK_BEFORE_DISK))
        raft_ack_settle(r);
}

/* From whom, and in which term? True: from the leader of ours. */
static bool from_leader(struct raft *r, const struct raft_message *m)
{
    if (m->term < r->term && !MUTANT(NO_TERM_CHECK)) {
        refuse(r, m, r->log.last_index);
        return false;
    }
    if (m->term <= r->term &&
        (r->role == RAFT_LEADER || (r->term_leader != 0 && r->term_leader != m->from)))
        if (!MUTANT(NO_TERM_CHECK) || r->role == RAFT_LEADER)
            return false; /* two leaders of one term: one of them lies */
    if (m->term > r->term || r->role != RAFT_FOLLOWER || r->leader != m->from)
        raft_follow(r, m->term > r->term ? m->term : r->term, m->from,
                    RAFT_WHY_LEADER_SEEN);
    else
        raft_pace(r, pando_time_since(r->now, r->heard));
    r->heard = r->timer = r->now;
    if (MUTANT(MEND_SOON) && r->mend != 0) {
        r->mend = 0;
        (void)raft_emit(r, RAFT_MENDED);
    }
    return true;
}

void raft_on_append(struct raft *r, const struct raft_message *m)
{
    if (!sound(m) || !from_leader(r, m))
        return;
    if (m->count == 0) {
        struct raft_effect *e = m->round != 0 ? raft_emit(r, RAFT_HEARTBEAT) : NULL;
        if (e != NULL)
            e->peer = m->from;
    }
    switch (fit(r, m)) {
    case FITS:
        accept(r, m);
        return;
    case CONFLICT:
        if (m->index > r->commit)
            refuse(r, m, hint(r, m));
        return;
    case GAP:
        if (m->count > 0)
            raft_hold(r, m);
        if (m->round != 0)
            refuse(r, m, r->log.last_index);
        return;
    }
}
