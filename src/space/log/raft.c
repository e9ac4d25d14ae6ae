/* raft.c - the core's doors: made, fed, drained, looked at.
 *
 * A step notes the time and handles one input; what it leaves to be sent is made when the
 * effects run dry. Every input may be refused for want of memory before it has touched
 * anything, and then counts as lost.
 */
#include "space/log/raft_state.h"

#include <stdlib.h>

#define STEP_EFFECTS 128 /* that one input causes at most, besides entries and reads */

static struct pando_span span_or(struct pando_span span, struct pando_span otherwise)
{
    return span.ns != 0 ? span : otherwise;
}

static struct raft_options complete(struct raft_options o)
{
    o.heartbeat = span_or(o.heartbeat, PANDO_MSEC(50));
    o.election = span_or(o.election, PANDO_MSEC(150));
    o.demote_after = span_or(o.demote_after, PANDO_SEC(10));
    o.transfer = span_or(o.transfer, o.election);
    o.inflight_max = o.inflight_max != 0 ? o.inflight_max : 512u << 10;
    return o;
}

struct raft *raft_new(const struct raft_options *options, const struct raft_state *state)
{
    struct raft *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->options = complete(*options);
    r->election_least = r->options.election.ns;
    r->rng = rng_seeded(options->seed ^ (options->id * UINT64_C(0x9e3779b97f4a7c15)));
    r->term = state->term;
    r->vote = state->vote;
    r->mend = state->mend;
    const uint64_t first = state->first_index > 0 ? state->first_index : 1;
    raft_log_restart(&r->log, first - 1, state->base_term);
    r->commit = state->commit < first - 1 ? first - 1 : state->commit;
    r->writes.durable = first - 1;
    if (!raft_config_room(r, 1) || !raft_effects_room(r, STEP_EFFECTS)) {
        raft_free(r);
        return NULL;
    }
    raft_config_push(r, first - 1, &state->base);
    if (state->base.len > 0)
        r->window_end = state->base.at[state->base.len - 1].id + 1;
    return r;
}

static void free_configs(struct raft_config *c)
{
    while (c != NULL) {
        struct raft_config *next = c->next;
        free(c);
        c = next;
    }
}

void raft_free(struct raft *r)
{
    if (r == NULL)
        return;
    for (uint32_t i = 0; i < r->held_len; i++)
        free(r->held[i]);
    free_configs(r->config);
    free_configs(r->spare);
    free_configs(r->retired);
    free(r->log.runs);
    free(r->log.sizes);
    free(r->writes.runs);
    free(r->effects);
    free(r);
}

enum pando_status raft_load_entry(struct raft *r, const struct raft_entry *e)
{
    const bool config = e->kind == RAFT_CONFIG;
    if (r->started || e->index != r->log.last_index + 1 || e->term < r->log.last_term ||
        e->term > r->term || config != (e->config != NULL) ||
        (config && !raft_members_valid(e->config)))
        return PANDO_INVALID;
    if (!raft_log_room(&r->log, 1) || (config && !raft_config_room(r, 1)))
        return PANDO_NOMEM;
    raft_log_append(&r->log, e->term, e->kind, e->size);
    r->writes.durable = e->index;
    if (config)
        raft_config_push(r, e->index, e->config);
    return PANDO_OK;
}

/* The first input: the log is complete, time begins. */
static void start(struct raft *r)
{
    r->started = true;
    if (r->commit > r->log.last_index) /* its last entries were not durable here */
        r->commit = r->log.last_index;
    raft_config_prune(r);
    raft_timer_arm(r);
    raft_emit_role(r, RAFT_WHY_START);
    (void)raft_emit(r, RAFT_MEMBERS);
}

static void on_receive(struct raft *r, const struct raft_message *m)
{
    if (m->from == r->options.id || m->from == 0 || m->to != r->options.id ||
        m->term == 0 || m->term > RAFT_TERM_MAX)
        return;
    struct raft_peer *p = raft_peer_find(r, m->from);
    if (p != NULL)
        p->down = false;
    switch (m->kind) {
    case RAFT_PREVOTE:
        raft_on_prevote(r, m);
        return;
    case RAFT_PREVOTE_REPLY:
        raft_on_prevote_reply(r, m);
        return;
    case RAFT_VOTE:
        raft_on_vote(r, m);
        return;
    case RAFT_VOTE_REPLY:
        raft_on_vote_reply(r, m);
        return;
    case RAFT_APPEND:
        raft_on_append(r, m);
        return;
    case RAFT_APPEND_REPLY:
        raft_on_append_reply(r, m);
        return;
    case RAFT_TIMEOUT_NOW:
        raft_on_timeout_now(r, m);
        return;
    case RAFT_SNAPSHOT_DONE:
        raft_on_snapshot_done(r, m);
        return;
    case RAFT_MEND_DONE:
        raft_on_mend_done(r, m);
        return;
    }
}

/* What waited for the disk. */
static void on_written(struct raft *r)
{
    raft_vote_settle(r);
    raft_ack_settle(r);
    if (r->role == RAFT_LEADER)
        raft_commit_try(r);
}

static void on_tick(struct raft *r)
{
    on_written(r); /* a report may have come when memory was short */
    if (r->role == RAFT_LEADER) {
        if (r->transfer_to != 0 && pando_time_reached(r->transfer_until, r->now))
            r->transfer_to = 0;
        if (pando_time_reached(r->beat_at, r->now))
            raft_heartbeat(r);
        return;
    }
    if (pando_time_reached(raft_timer_at(r), r->now))
        raft_stand(r, RAFT_WHY_TIMEOUT);
}

static void on_link(struct raft *r, uint64_t id, bool up)
{
    struct raft_peer *p = raft_peer_find(r, id);
    if (p != NULL)
        p->down = !up;
    if (!up && r->role == RAFT_FOLLOWER && r->leader == id && id != 0) {
        raft_leader_lost(r);
        return;
    }
    if (r->role != RAFT_LEADER || p == NULL || id == r->options.id)
        return;
    raft_peer_rewind(r, p, p->match + 1, PEER_PROBE);
    p->probed = !up;
}

static void free_retired(struct raft *r)
{
    if (r->effects_len > 0)
        return;
    free_configs(r->retired);
    r->retired = NULL;
}

void raft_step(struct raft *r, struct pando_time now, const struct raft_input *in)
{
    if (now.ns > r->now.ns)
        r->now = now;
    if (in->kind == RAFT_WRITTEN)
        raft_writes_done(&r->writes, in->write);
    if (r->retired != NULL)
        free_retired(r);
    if (!raft_effects_room(r, STEP_EFFECTS) || !raft_log_room(&r->log, 1) ||
        !raft_writes_room(&r->writes))
        return;
    if (!r->started)
        start(r);
    switch (in->kind) {
    case RAFT_TICK:
        on_tick(r);
        return;
    case RAFT_RECEIVE:
        on_receive(r, in->message);
        return;
    case RAFT_WRITTEN:
        on_written(r);
        return;
    case RAFT_LINK_DOWN:
        on_link(r, in->peer, false);
        return;
    case RAFT_LINK_UP:
        on_link(r, in->peer, true);
        return;
    }
}

bool raft_poll(struct raft *r, struct raft_effect *ret)
{
    if (r->effects_len == 0 && r->dirty)
        raft_flush(r);
    if (r->effects_len == 0)
        return false;
    *ret = r->effects[r->effects_at];
    r->effects_at = (r->effects_at + 1) & (r->effects_cap - 1);
    r->effects_len--;
    return true;
}

struct pando_time raft_deadline(const struct raft *r)
{
    if (!r->started)
        return (struct pando_time){ 0 };
    if (r->role != RAFT_LEADER)
        return raft_timer_at(r);
    return r->transfer_to != 0 ? pando_time_min(r->beat_at, r->transfer_until)
                               : r->beat_at;
}

struct raft_view raft_look(const struct raft *r)
{
    struct raft_view v = { .role = r->role,
                           .id = r->options.id,
                           .term = r->term,
                           .leader = r->leader,
                           .vote = r->vote,
                           .first_index = r->log.first_index,
                           .last_index = r->log.last_index,
                           .durable_index = r->writes.durable,
                           .commit = r->commit,
                           .elections = r->elections,
                           .leader_changes = r->leader_changes,
                           .mend = r->mend,
                           .voter = r->voter,
                           .voters = r->voters };
    if (r->role != RAFT_LEADER) {
        v.quorum = r->leader != 0;
        return v;
    }
    const struct pando_span lately = { 2 * r->options.election.ns };
    v.quorum = raft_quorum_lately(r, lately);
    for (uint32_t i = 0; i < r->peers_len; i++)
        v.reachable += r->peers[i].voter && !r->peers[i].mending &&
                       (r->peers[i].id == r->options.id ||
                        pando_time_since(r->now, r->peers[i].heard).ns < lately.ns);
    return v;
}

const struct raft_members *raft_members_now(const struct raft *r)
{
    return &r->config->members;
}

bool raft_progress(const struct raft *r, uint64_t id, uint64_t *ret_match,
                   struct pando_time *ret_heard)
{
    for (uint32_t i = 0; r->role == RAFT_LEADER && i < r->peers_len; i++) {
        if (r->peers[i].id != id)
            continue;
        const bool self = id == r->options.id;
        *ret_match = self ? r->writes.durable : r->peers[i].match;
        *ret_heard = self ? r->now : r->peers[i].heard;
        return true;
    }
    return false;
}

uint64_t raft_term_at(const struct raft *r, uint64_t index)
{
    return raft_log_term(&r->log, index);
}
