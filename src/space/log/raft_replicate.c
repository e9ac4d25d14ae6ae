/* raft_replicate.c - what a leader sends, to whom, and how much of it at once.
 *
 * A peer is probed with one message at a time until it has shown where its log meets
 * ours; then entries are pipelined: sent ahead of the answers, bounded in bytes. One that
 * is far behind is fed in pieces on the catch-up lane; once the last piece is out, new
 * entries go on the live lane at once. They may overtake that piece: the follower holds
 * them back for it. What got lost is found by the absence of progress, not by refusals.
 *
 * Heartbeats are APPENDs without entries, each with a round. A round that a majority has
 * answered proves that we still led when it was sent: reads wait for that. An APPEND
 * without entries or round is a notice of the commit index; nobody answers it.
 */
#include "space/log/raft_state.h"

#define BEHIND_ENTRIES  1024 /* that could not be sent at once: the peer is behind */
#define PATIENCE_BEATS  4
#define PATIENCE_MAX_NS UINT64_C(2000000000)

void raft_peer_patience(struct raft *r, struct raft_peer *p)
{
    p->patience.ns = PATIENCE_BEATS * r->options.heartbeat.ns;
    p->moved = r->now;
}

/* Nothing is known of it. */
void raft_peer_reset(struct raft *r, struct raft_peer *p)
{
    const struct raft_peer old = *p;
    *p = (struct raft_peer){ .id = old.id,
                             .voter = old.voter,
                             .down = old.down,
                             .mode = PEER_PROBE,
                             .next = r->log.last_index + 1,
                             .floor = r->probe + 1,
                             .heard = r->now };
    raft_peer_patience(r, p);
}

/* Send again from `next` on. Refusals of what was sent before are stale now. */
void raft_peer_rewind(struct raft *r, struct raft_peer *p, uint64_t next,
                      enum peer_mode mode)
{
    p->mode = mode;
    p->probed = false;
    p->next = next <= p->match ? p->match + 1 : next;
    p->inflight =
        mode == PEER_STREAM ? raft_log_costs(&r->log, p->match, p->next - 1) : 0;
    p->floor = r->probe + 1;
    p->moved = r->now;
    r->dirty = true;
}

static void append(struct raft *r, struct raft_peer *p, uint64_t prev, uint32_t count,
                   uint64_t round, enum raft_lane lane)
{
    raft_send(r, &(struct raft_message){ .kind = RAFT_APPEND,
                                         .to = p->id,
                                         .term = r->term,
                                         .index = prev,
                                         .log_term = raft_log_term(&r->log, prev),
                                         .commit = r->commit,
                                         .round = round,
                                         .probe = ++r->probe,
                                         .count = count,
                                         .lane = lane });
    p->told = r->commit;
}

/* The place where a message without entries asks whether the logs agree. */
static uint64_t meeting(const struct raft *r, const struct raft_peer *p)
{
    const uint64_t base = r->log.first_index - 1;
    const uint64_t at = p->mode == PEER_PROBE ? p->next - 1 : p->match;
    return p->mode == PEER_SNAPSHOT || at < base ? base : at;
}

/* How many entries from `next` on make one message of at most `room` bytes. */
static uint32_t piece(const struct raft *r, uint64_t next, uint64_t room,
                      uint64_t *ret_cost)
{
    uint64_t cost = 0;
    uint32_t count = 0;
    if (room > RAFT_PIECE_BYTES)
        room = RAFT_PIECE_BYTES;
    while (count < RAFT_BATCH_MAX && next + count <= r->log.last_index) {
        const uint64_t more = raft_log_cost(&r->log, next + count);
        if (count > 0 && cost + more > room)
            break;
        cost += more;
        count++;
    }
    *ret_cost = cost;
    return count;
}

static void need_snapshot(struct raft *r, struct raft_peer *p)
{
    if (p->mode != PEER_SNAPSHOT)
        raft_peer_rewind(r, p, p->next, PEER_SNAPSHOT);
    p->asked = r->now;
    struct raft_effect *e = raft_emit(r, RAFT_NEED_SNAPSHOT);
    if (e != NULL)
        e->peer = p->id;
}

static void stream(struct raft *r, struct raft_peer *p)
{
    const uint64_t last = r->log.last_index;
    while (p->next <= last &&
           (p->inflight == 0 || p->inflight < r->options.inflight_max)) {
        uint64_t cost;
        const uint64_t room =
            p->inflight == 0 ? UINT64_MAX : r->options.inflight_max - p->inflight;
        if (p->inflight > 0 && raft_log_cost(&r->log, p->next) > room)
            break;
        const uint32_t count = piece(r, p->next, room, &cost);
        if (p->inflight == 0)
            p->moved = r->now;
        append(r, p, p->next - 1, count, 0,
               p->behind ? RAFT_LANE_CATCHUP : RAFT_LANE_LIVE);
        p->next += count;
        p->inflight += cost;
    }
    if (p->next > last)
        p->behind = false;
    else if (last - p->next >= BEHIND_ENTRIES)
        p->behind = true;
}

static void feed(struct raft *r, struct raft_peer *p)
{
    uint64_t cost;
    if (p->mode == PEER_SNAPSHOT)
        return;
    if (p->next < r->log.first_index) {
        need_snapshot(r, p);
        return;
    }
    if (p->mode == PEER_STREAM) {
        stream(r, p);
        /* While entries are on their way there, more will follow that tell it. */
        if (p->told < r->commit && (p->next - 1 <= r->commit || p->next - 1 == p->match))
            append(r, p, meeting(r, p), 0, 0, RAFT_LANE_CONTROL);
        return;
    }
    if (p->probed)
        return;
    p->probed = true;
    const uint32_t count = piece(r, p->next, UINT64_MAX, &cost);
    append(r, p, p->next - 1, count, r->round, /* a probe is answered at once */
           p->next + count <= r->log.last_index ? RAFT_LANE_CATCHUP : RAFT_LANE_LIVE);
}

/* All that has come together since the last drain. */
void raft_flush(struct raft *r)
{
    const bool beat = r->beat || raft_read_waits(r);
    uint32_t peers = 0;
    r->dirty = r->beat = false;
    if (r->role != RAFT_LEADER)
        return;
    r->round += beat;
    for (uint32_t i = 0; i < r->peers_len; i++) {
        struct raft_peer *p = &r->peers[i];
        if (p->id == r->options.id)
            continue;
        peers++;
        if (beat && (p->mode != PEER_PROBE || p->probed))
            append(r, p, meeting(r, p), 0, r->round, RAFT_LANE_CONTROL);
        feed(r, p);
    }
    if (beat) {
        struct raft_effect *e = raft_emit(r, RAFT_HEARTBEAT);
        if (e != NULL)
            e->peers = peers;
        raft_read_settle(r); /* alone, the round is complete */
    }
}

/* It answers, but makes no progress: what is behind the last entry that arrived was lost.
 */
static void repeat(struct raft *r, struct raft_peer *p)
{
    if (pando_time_since(r->now, p->heard).ns > 2 * r->options.heartbeat.ns)
        return;
    const uint64_t there = p->arrived > p->match ? p->arrived : p->match;
    if (p->next <= there + 1 || pando_time_since(r->now, p->moved).ns < p->patience.ns ||
        MUTANT(NO_REPEAT))
        return;
    raft_peer_rewind(r, p, there + 1, PEER_STREAM);
    if (p->patience.ns < PATIENCE_MAX_NS)
        p->patience.ns *= 2;
}

/* It is silent: nothing but heartbeats until it answers one. */
static void lost_touch(struct raft *r, struct raft_peer *p)
{
    raft_peer_rewind(r, p, p->match + 1, PEER_PROBE);
    p->probed = true;
}

/* Timers of a leader, once per heartbeat. */
void raft_heartbeat(struct raft *r)
{
    const struct pando_span silent = { 2 * r->options.election.ns };
    if (!raft_quorum_lately(r, silent)) {
        raft_follow(r, r->term, 0, RAFT_WHY_NO_QUORUM);
        return;
    }
    for (uint32_t i = 0; i < r->peers_len; i++) {
        struct raft_peer *p = &r->peers[i];
        if (p->id == r->options.id)
            continue;
        if (p->mode == PEER_SNAPSHOT &&
            pando_time_since(r->now, p->asked).ns > 1000000000)
            need_snapshot(r, p);
        else if (p->mode == PEER_STREAM &&
                 pando_time_since(r->now, p->heard).ns >= silent.ns)
            lost_touch(r, p);
        else if (p->mode == PEER_STREAM)
            repeat(r, p);
    }
    r->beat = r->dirty = true;
    r->beat_at = pando_time_add(r->now, r->options.heartbeat);
}

/* The leader takes one entry: into its log, to its disk, to everybody. */
enum pando_status raft_append_own(struct raft *r, enum raft_kind kind, uint32_t size,
                                  const struct raft_members *config)
{
    if (!raft_effects_room(r, 4) || !raft_log_room(&r->log, 1) ||
        !raft_writes_room(&r->writes) || (config != NULL && !raft_config_room(r, 1)))
        return PANDO_NOMEM;
    raft_log_append(&r->log, r->term, kind, size);
    r->pending += raft_log_cost(&r->log, r->log.last_index);
    struct raft_entry e = { r->log.last_index, r->term, kind, size, NULL };
    r->dirty = true;
    if (config == NULL) {
        raft_write_entry(r, &e, UINT32_MAX);
        return PANDO_OK;
    }
    raft_config_push(r, e.index, config);
    e.config = &r->config->members;
    raft_write_entry(r, &e, UINT32_MAX);
    return PANDO_OK;
}

enum pando_status raft_propose(struct raft *r, struct pando_time now, enum raft_kind kind,
                               uint32_t size, uint64_t *ret_index, uint64_t *ret_term)
{
    if (r->role != RAFT_LEADER || r->transfer_to != 0)
        return PANDO_UNAVAILABLE;
    if (kind == RAFT_CONFIG || size > RAFT_ENTRY_MAX)
        return PANDO_INVALID;
    if (r->pending >= RAFT_PENDING_MAX)
        return PANDO_BUSY;
    if (now.ns > r->now.ns)
        r->now = now;
    const enum pando_status st = raft_append_own(r, kind, size, NULL);
    if (st != PANDO_OK)
        return st;
    *ret_index = r->log.last_index;
    *ret_term = r->term;
    return PANDO_OK;
}
