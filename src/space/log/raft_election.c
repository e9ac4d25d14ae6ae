/* raft_election.c - who leads: bands of timeouts, pre-votes, votes, and stepping down.
 *
 * A node that misses its leader first asks whether it would win (pre-vote); nobody's term
 * rises by that, so one that was cut off disturbs nothing when it returns. Who has heard
 * of a leader within the shortest timeout refuses. That refusal is bounded by time, not
 * by the node's own timer, or the one that waits longest would always win.
 *
 * The highest id stands first: a timeout is the shortest one, plus a band for each voter
 * that ranks above, plus jitter of half a band. When the leader's link closes, only the
 * bands remain: the highest of the others stands at once.
 *
 * A candidacy is made known when it is durable, and so is a vote. Writes are durable in
 * order, so both stand on a log that is durable, too.
 */
#include "space/log/raft_state.h"

#define PACE_GAPS 3 /* timeouts are so many of the longest gap, */
#define PACE_MAX  8 /* and at most so many of what the options say */

static uint64_t band(const struct raft *r)
{
    return r->options.election.ns / 3;
}

/* Voters that go first: with a higher id, but for the leader that is being replaced and
 * those whose link is known to be closed. */
static uint64_t rank(const struct raft *r)
{
    uint64_t above = 0;
    for (uint32_t i = r->peers_len; i-- > 0 && r->peers[i].id > r->options.id;)
        above +=
            r->peers[i].voter && !r->peers[i].down && r->peers[i].id != r->term_leader;
    return above;
}

static void arm(struct raft *r, uint64_t ns)
{
    r->timer = r->now;
    r->timeout = (struct pando_span){ ns };
}

/* The full timeout, from now on. */
void raft_timer_arm(struct raft *r)
{
    const uint64_t jitter = rng_below(&r->rng, band(r) / 2 + 1);
    arm(r, r->options.election.ns + rank(r) * band(r) + jitter);
}

/* After a pre-vote: soon again. Just after a link closed, others will notice any moment.
 */
static void arm_retry(struct raft *r)
{
    const bool fresh = pando_time_since(r->now, r->lost).ns < r->options.election.ns;
    const uint64_t step = fresh && r->lost.ns > 0 ? band(r) / 4 : band(r);
    arm(r, step * (1 + rank(r)) + rng_below(&r->rng, step + 1));
}

/* Whether this node may stand: a voter by the members in force, or by those before them
 * while these are not known to be committed. Whom an uncommitted entry removes may be the
 * only one who holds it, and then nobody else can win. */
static bool stands(const struct raft *r)
{
    const bool well = r->mend == 0 || MUTANT(MEND_VOTES);
    if (r->voter || !well || MUTANT(REMOVED_IS_QUIET))
        return r->voter && well;
    const struct raft_config *c = r->config;
    while (c->index > r->commit && c->next != NULL) {
        c = c->next;
        for (uint32_t i = 0; i < c->members.len; i++)
            if (c->members.at[i].id == r->options.id &&
                c->members.at[i].standing == RAFT_VOTER)
                return true;
    }
    return false;
}

bool raft_alone(const struct raft *r)
{
    return r->voter && r->voters == 1 && r->mend == 0;
}

struct pando_time raft_timer_at(const struct raft *r)
{
    if (!stands(r))
        return PANDO_TIME_NEVER;
    if (raft_alone(r) && r->role == RAFT_FOLLOWER && r->writes.done >= r->writes.state)
        return r->timer; /* nobody to wait for */
    return pando_time_add(r->timer, r->timeout);
}

bool raft_quorum_lately(const struct raft *r, struct pando_span within)
{
    uint32_t heard = 0;
    for (uint32_t i = 0; i < r->peers_len; i++) {
        const struct raft_peer *p = &r->peers[i];
        heard += p->voter && !p->mending &&
                 (p->id == r->options.id ||
                  pando_time_since(r->now, p->heard).ns < within.ns);
    }
    return heard > r->voters / 2;
}

/* Whether a live leader makes us deaf to candidates. */
static bool sticky(const struct raft *r)
{
    if (r->role == RAFT_LEADER)
        return raft_quorum_lately(r, r->options.election);
    const struct pando_span silence = pando_time_since(r->now, r->heard);
    return r->leader != 0 &&
           (silence.ns < r->options.election.ns || MUTANT(STICKY_FOREVER));
}

static void set_term(struct raft *r, uint64_t term, uint64_t vote)
{
    r->term = term;
    r->vote = vote;
    r->term_leader = 0;
    if (!MUTANT(VERIFIED_STAYS))
        r->verified = 0;
    r->leader_commit = 0;
    r->ack_owed = false;
    r->promise.to = 0;
    raft_write_state(r);
    raft_hold_drop(r);
}

/* Whatever was voted in terms up to `term`: nothing more is. */
void raft_spend_vote(struct raft *r, uint64_t term)
{
    set_term(r, term > r->term ? term : r->term, r->options.id);
}

/* Become a follower in `term` (not below ours) of `leader` (0: not known yet). */
void raft_follow(struct raft *r, uint64_t term, uint64_t leader, enum raft_why why)
{
    const enum raft_role before = r->role;
    const uint64_t led = r->leader;
    if (term > r->term)
        set_term(r, term, 0);
    r->role = RAFT_FOLLOWER;
    r->leader = leader;
    if (leader != 0) {
        if (r->window_until.ns == 0)
            r->window_until = pando_time_add(r->now, PANDO_SEC(30));
        r->leader_changes += leader != r->term_leader;
        r->term_leader = leader;
    }
    if (before != RAFT_FOLLOWER || leader != led) {
        raft_timer_arm(r);
        raft_emit_role(r, why);
    }
    if (before == RAFT_LEADER) {
        r->transfer_to = 0;
        raft_read_fail(r);
    }
}

static void clear_grants(struct raft *r)
{
    for (uint32_t i = 0; i < r->peers_len; i++)
        r->peers[i].granted = false;
}

/* Count one more grant; true when that is a quorum. */
static bool granted_by(struct raft *r, uint64_t id)
{
    struct raft_peer *p = raft_peer_find(r, id);
    uint32_t votes = 0;
    if (p != NULL)
        p->granted = true;
    for (uint32_t i = 0; i < r->peers_len; i++)
        votes += r->peers[i].granted && r->peers[i].voter;
    return votes > r->voters / 2;
}

static void ask(struct raft *r, enum raft_message_kind kind, uint64_t term)
{
    for (uint32_t i = 0; i < r->peers_len; i++) {
        if (!r->peers[i].voter || r->peers[i].id == r->options.id)
            continue;
        raft_send(
            r, &(struct raft_message){ .kind = kind,
                                       .to = r->peers[i].id,
                                       .term = term,
                                       .index = r->log.last_index,
                                       .log_term = r->log.last_term,
                                       .transfer = kind == RAFT_VOTE && r->by_transfer });
    }
}

/* Stand for election in a new term. Votes are asked for when that is durable. */
void raft_campaign(struct raft *r, bool transfer, enum raft_why why)
{
    r->role = RAFT_CANDIDATE;
    r->leader = 0;
    set_term(r, r->term + 1, r->options.id);
    r->asked = false;
    r->by_transfer = transfer;
    r->elections++;
    raft_timer_arm(r);
    raft_emit_role(r, why);
}

/* The leader is missed: ask around whether we would win. */
void raft_stand(struct raft *r, enum raft_why why)
{
    if (r->writes.done < r->writes.state) { /* a disk that hangs: no term is worth more */
        arm_retry(r);
        return;
    }
    if (raft_alone(r)) {
        raft_campaign(r, false, RAFT_WHY_ALONE);
        return;
    }
    const bool again = r->role == RAFT_PRECANDIDATE;
    r->role = RAFT_PRECANDIDATE;
    r->leader = 0;
    r->by_transfer = false;
    clear_grants(r);
    (void)granted_by(r, r->options.id);
    arm_retry(r);
    if (!again)
        raft_emit_role(r, why);
    ask(r, RAFT_PREVOTE, r->term + 1);
}

/* The leader's link closed: do not wait for the timeout, only for those who rank above.
 */
void raft_leader_lost(struct raft *r)
{
    r->lost = r->now;
    r->leader = 0;
    raft_emit_role(r, RAFT_WHY_LINK);
    const uint64_t above = rank(r);
    if (above == 0 && stands(r)) {
        raft_stand(r, RAFT_WHY_LINK);
        return;
    }
    arm(r, above * band(r) + rng_below(&r->rng, band(r) / 2 + 1));
}

/* Win: all that is known about the others is forgotten, and an entry of the new term
 * begins; only through it may older ones be committed. */
void raft_lead(struct raft *r, enum raft_why why)
{
    r->role = RAFT_LEADER;
    r->leader = r->term_leader = r->options.id;
    r->leader_changes++;
    r->transfer_to = 0;
    r->handover_after = r->now;
    r->pending = raft_log_costs(&r->log, r->commit, r->log.last_index);
    for (uint32_t i = 0; i < r->peers_len; i++)
        raft_peer_reset(r, &r->peers[i]);
    raft_emit_role(r, why);
    r->own_first = r->log.last_index + 1;
    if (raft_append_own(r, RAFT_NOOP, 0, NULL) != PANDO_OK) {
        raft_follow(r, r->term, 0, RAFT_WHY_NO_QUORUM); /* no memory: let another lead */
        return;
    }
    r->beat = r->dirty = true;
    r->beat_at = pando_time_add(r->now, r->options.heartbeat);
}

/* No vote is asked for: the operator has decided. */
void raft_lead_by_force(struct raft *r)
{
    set_term(r, r->term + 1, r->options.id);
    raft_read_fail(r);
    raft_lead(r, RAFT_WHY_ALONE);
}

static bool up_to_date(const struct raft *r, const struct raft_message *m)
{
    if (MUTANT(NO_LOG_CHECK))
        return true;
    return m->log_term > r->log.last_term ||
           (m->log_term == r->log.last_term && m->index >= r->log.last_index);
}

/* Who is no voter by its own log is not asked, unless the candidate knows better: then
 * its log goes on beyond ours, and what made us a voter is there. */
static bool may_vote(const struct raft *r, const struct raft_message *m)
{
    if ((r->mend != 0 && !MUTANT(MEND_VOTES)) || !up_to_date(r, m))
        return false;
    return r->voter || m->log_term > r->log.last_term || m->index > r->log.last_index;
}

static void reply(struct raft *r, enum raft_message_kind kind, uint64_t to, uint64_t term,
                  bool granted)
{
    raft_send(r, &(struct raft_message){
                     .kind = kind, .to = to, .term = term, .granted = granted });
}

void raft_on_prevote(struct raft *r, const struct raft_message *m)
{
    const bool granted = m->term > r->term && !sticky(r) && may_vote(r, m);
    reply(r, RAFT_PREVOTE_REPLY, m->from, granted ? m->term : r->term, granted);
}

void raft_on_prevote_reply(struct raft *r, const struct raft_message *m)
{
    if (!m->granted && m->term > r->term) {
        raft_follow(r, m->term, 0, RAFT_WHY_HIGHER_TERM);
        arm_retry(r);
        return;
    }
    if (r->role != RAFT_PRECANDIDATE || !m->granted || m->term != r->term + 1)
        return;
    if (granted_by(r, m->from))
        raft_campaign(r, false, RAFT_WHY_TIMEOUT);
}

static void promise_settle(struct raft *r)
{
    if (r->promise.to == 0 ||
        (r->writes.done < r->promise.write && !MUTANT(VOTE_BEFORE_DISK)))
        return;
    if (r->promise.term == r->term)
        reply(r, RAFT_VOTE_REPLY, r->promise.to, r->term, true);
    r->promise.to = 0;
}

void raft_on_vote(struct raft *r, const struct raft_message *m)
{
    if (!m->transfer && sticky(r))
        return;
    if (m->term > r->term)
        raft_follow(r, m->term, 0, RAFT_WHY_HIGHER_TERM);
    const bool free = r->vote == 0 || r->vote == m->from;
    if (m->term < r->term || !free || r->role != RAFT_FOLLOWER || r->term_leader != 0 ||
        !may_vote(r, m)) {
        reply(r, RAFT_VOTE_REPLY, m->from, r->term, false);
        return;
    }
    if (r->vote == 0) {
        r->vote = m->from;
        raft_write_state(r);
    }
    r->promise.to = m->from;
    r->promise.term = r->term;
    r->promise.write = r->writes.state;
    raft_timer_arm(r);
    promise_settle(r);
}

void raft_on_vote_reply(struct raft *r, const struct raft_message *m)
{
    if (m->term > r->term) {
        raft_follow(r, m->term, 0, RAFT_WHY_HIGHER_TERM);
        return;
    }
    if (r->role != RAFT_CANDIDATE || !r->asked || !m->granted || m->term != r->term)
        return;
    if (granted_by(r, m->from))
        raft_lead(r, r->by_transfer ? RAFT_WHY_TRANSFER : RAFT_WHY_WON);
}

/* What waited for the disk: the vote given, and the own candidacy. */
void raft_vote_settle(struct raft *r)
{
    promise_settle(r);
    if (r->role != RAFT_CANDIDATE || r->asked || r->writes.done < r->writes.state)
        return;
    r->asked = true;
    clear_grants(r);
    if (granted_by(r, r->options.id)) { /* its own vote is all it needs */
        raft_lead(r, RAFT_WHY_ALONE);
        return;
    }
    ask(r, RAFT_VOTE, r->term);
}

/* How far apart live members' messages come: a slow or busy network makes them late, and a
 * timeout shorter than that would depose leaders that are well. The longest gap fades by a
 * 128th with each message; what is longer than PACE_MAX timeouts is an absence. */
void raft_pace(struct raft *r, struct pando_span gap)
{
    const uint64_t least = r->election_least;
    if (gap.ns > PACE_MAX * least)
        return;
    const uint64_t faded = r->pace - r->pace / 128;
    r->pace = gap.ns > faded ? gap.ns : faded;
    const uint64_t wanted = PACE_GAPS * r->pace, most = PACE_MAX * least;
    r->options.election.ns = wanted < least ? least : wanted > most ? most : wanted;
}
