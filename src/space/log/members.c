/* members.c - who belongs to the group, where they are, and how that changes.
 *
 * A member is a number bound to a peer id. The binding stands in the entries of kind CONFIG;
 * a static cluster begins with bare numbers, which the first leader fills in as their owners
 * show up. Whoever is not a member asks each peer that it meets, and is sent to the leader.
 */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>
#include <string.h>

#define JOIN_EVERY   PANDO_MSEC(500)
#define POLICY_EVERY PANDO_MSEC(100)
#define DIAL_EVERY   PANDO_SEC(1)

struct batch_members *log_members(struct log *l)
{
    return &l->configs[l->configs_len - 1].members;
}

void log_config_push(struct log *l, uint64_t index, const struct batch_members *m)
{
    if (l->configs_len == LOG_CONFIGS_MAX) { /* the oldest is committed long since */
        memmove(l->configs, l->configs + 1, (LOG_CONFIGS_MAX - 1) * sizeof l->configs[0]);
        l->configs_len--;
    }
    l->configs[l->configs_len++] = (struct log_config_at){ index, *m };
}

void log_config_install(struct log *l, uint64_t index, const struct batch_members *m)
{
    if (l->configs_len == 0)
        log_config_push(l, index, m);
}

void log_config_cut(struct log *l, uint64_t from)
{
    while (l->configs_len > 1 && l->configs[l->configs_len - 1].index >= from)
        l->configs_len--;
}

bool log_is_member(const struct log *l)
{
    const struct batch_members *m = &l->configs[l->configs_len - 1].members;
    for (uint32_t i = 0; i < m->len && !l->left; i++)
        if (m->at[i].raft.id == l->options.id)
            return true;
    return false;
}

const char *log_name(struct log *l, uint64_t id, char *scratch, size_t cap)
{
    const struct batch_member *m = batch_find(log_members(l), id);
    const struct log_peer *p = log_peer_of(l, id);
    if (id == 0)
        return "Unknown";
    if (id == l->options.id)
        return l->options.name;
    if (m != NULL && m->name[0] != '\0')
        return m->name;
    if (p != NULL && p->name[0] != '\0')
        return p->name;
    (void)snprintf(scratch, cap, "node_%llu", (unsigned long long)id);
    return scratch;
}

void log_dial_members(struct log *l)
{
    const struct batch_members *m = log_members(l);
    for (uint32_t i = 0; i < m->len; i++) {
        const struct batch_member *one = &m->at[i];
        if (one->raft.id == l->options.id || one->address[0] == '\0' ||
            log_peer_of(l, one->raft.id) != NULL)
            continue;
        struct bytes *b = bytes_copy(slice_text(one->address));
        if (b != NULL)
            log_emit(l, &(struct space_effect){ .kind = SPACE_DIAL, .bytes = b });
    }
}

/* What is known by now and not yet said by an entry: peer ids, names, addresses. */
static bool fill_in(struct log *l, struct batch_members *m)
{
    bool changed = false;
    for (uint32_t i = 0; i < m->len; i++) {
        struct batch_member *one = &m->at[i];
        const bool self = one->raft.id == l->options.id;
        const struct log_peer *p = self ? NULL : log_peer_of(l, one->raft.id);
        if (!self && p == NULL)
            continue;
        const char *name = self ? l->options.name : p->name;
        const char *address = self ? l->address : p->address;
        const struct peer_id peer = self ? peer_id_from_key(&l->host.key) : p->id;
        if (one->peer.len != 0 && !peer_id_equal(&one->peer, &peer))
            continue;
        if (one->peer.len != 0 && strcmp(one->name, name) == 0 &&
            (address[0] == '\0' || strcmp(one->address, address) == 0))
            continue;
        one->peer = peer;
        (void)snprintf(one->name, sizeof one->name, "%s", name);
        if (address[0] != '\0')
            (void)snprintf(one->address, sizeof one->address, "%s", address);
        changed = true;
    }
    return changed;
}

enum pando_status log_members_set(struct log *l, const struct batch_members *m,
                                  uint64_t *ret_index)
{
    struct raft_members raft;
    struct pando_buf b;
    uint64_t index, term;
    buf_init(&b, RAFT_ENTRY_MAX);
    enum pando_status st = batch_put_members(&b, m);
    batch_to_raft(m, &raft);
    log_batch_flush(l); /* entries keep the order of their proposals */
    if (st == PANDO_OK)
        st = raft_propose_members(l->raft, l->now, &raft, (uint32_t)b.len, &index, &term);
    if (st == PANDO_OK) {
        log_propose_put(l, index, term, RAFT_CONFIG, buf_view(&b));
        *ret_index = index;
        log_drive(l);
    }
    buf_deinit(&b);
    return st;
}

void log_members_lead(struct log *l)
{
    l->policy_at = l->now;
}

/* Who may only read receives, and never votes. */
static bool may_vote(void *ctx, uint64_t id)
{
    struct log *l = ctx;
    const struct batch_member *m = batch_find(log_members(l), id);
    return m != NULL &&
           (m->peer.len == 0 || space_admits(l->host.access, &m->peer, SPACE_MAY_WRITE));
}

static void policy(struct log *l)
{
    struct raft_members want;
    struct batch_members m = *log_members(l);
    uint64_t index;
    bool changed = fill_in(l, &m);
    if (raft_wants_change(l->raft, l->now, may_vote, l, &want)) {
        for (uint32_t i = 0; i < want.len; i++) {
            struct batch_member *one = batch_find(&m, want.at[i].id);
            if (one != NULL && one->raft.standing != want.at[i].standing) {
                char name[BATCH_NAME_MAX + 32];
                const struct log_peer *p = log_peer_of(l, one->raft.id);
                trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_INFO, "%s %s",
                      log_name(l, one->raft.id, name, sizeof name),
                      want.at[i].standing == RAFT_VOTER ? "has caught up and votes from now on"
                      : p != NULL && p->mending
                          ? "has lost data, or never had any, and votes when it is up to date"
                          : "is silent and votes no more");
                one->raft.standing = want.at[i].standing;
                changed = true;
            }
        }
    }
    if (!changed)
        return;
    (void)!log_members_set(l, &m, &index); /* BUSY: the next look tries again */
}

static bool same_peer(const struct batch_member *m, const struct log_peer *p)
{
    return m->peer.len == 0 || peer_id_equal(&m->peer, &p->id);
}

static void answer_join(struct log *l, struct log_peer *p, const struct log_join_ack *a)
{
    uint8_t bytes[512];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    log_wire_put_join_ack(&w, a);
    if (!w.failed && log_send(l, p, LOG_CONTROL, bytes_copy(wire_written(&w))))
        trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_INFO, "Sent JOIN_ACK to %s: %s", p->name,
              a->status == LOG_WIRE_JOIN_TAKEN ? "taken in"
              : a->status == LOG_WIRE_JOIN_ELSEWHERE ? "the leader is elsewhere" : a->text);
}

static void send_elsewhere(struct log *l, struct log_peer *p)
{
    struct log_join_ack a = { .status = LOG_WIRE_JOIN_ELSEWHERE, .leader = l->leader };
    const struct batch_member *m = batch_find(log_members(l), l->leader);
    if (m == NULL || m->address[0] == '\0')
        return; /* it asks again */
    (void)snprintf(a.address, sizeof a.address, "%s", m->address);
    answer_join(l, p, &a);
}

static void refuse_join(struct log *l, struct log_peer *p, const struct batch_member *known)
{
    struct log_join_ack a = { .status = LOG_WIRE_JOIN_REFUSED, .leader = l->leader };
    char owner[PEER_ID_TEXT_MAX], asker[PEER_ID_TEXT_MAX];
    peer_id_print(&known->peer, owner);
    peer_id_print(&p->id, asker);
    (void)snprintf(a.text, sizeof a.text, "id %llu belongs to %s, not to %s",
                   (unsigned long long)known->raft.id, owner, asker);
    answer_join(l, p, &a);
}

static enum pando_status take_in(struct log *l, struct log_peer *p, const struct log_hello *h)
{
    struct batch_members m = *log_members(l);
    struct batch_member fresh = { .raft = { h->member, RAFT_LEARNER }, .peer = p->id };
    uint64_t index;
    uint32_t at = 0;
    if (m.len == RAFT_MEMBERS_MAX)
        return PANDO_FULL;
    (void)snprintf(fresh.name, sizeof fresh.name, "%s", h->name);
    (void)snprintf(fresh.address, sizeof fresh.address, "%s", h->address);
    while (at < m.len && m.at[at].raft.id < h->member)
        at++;
    memmove(&m.at[at + 1], &m.at[at], (m.len - at) * sizeof m.at[0]);
    m.at[at] = fresh;
    m.len++;
    return log_members_set(l, &m, &index);
}

void log_join_asked(struct log *l, struct log_peer *p, const struct log_hello *h)
{
    if (!l->grouped || h->member == 0)
        return;
    if (l->role != RAFT_LEADER) {
        send_elsewhere(l, p);
        return;
    }
    const struct batch_member *known = batch_find(log_members(l), h->member);
    struct log_join_ack a = { .status = LOG_WIRE_JOIN_TAKEN, .leader = l->options.id };
    if (known != NULL && !same_peer(known, p)) {
        refuse_join(l, p, known);
        return;
    }
    const enum pando_status st = known == NULL ? take_in(l, p, h) : PANDO_OK;
    if (st == PANDO_FULL) {
        a.status = LOG_WIRE_JOIN_REFUSED;
        (void)snprintf(a.text, sizeof a.text, "the group has %d members already",
                       RAFT_MEMBERS_MAX);
    } else if (st != PANDO_OK) {
        return; /* a change is under way: it asks again */
    }
    memcpy(a.group, l->group.bytes, sizeof a.group);
    answer_join(l, p, &a);
}

void log_join_answered(struct log *l, struct log_peer *p, const struct log_join_ack *a)
{
    if (log_is_member(l))
        return;
    if (a->status == LOG_WIRE_JOIN_REFUSED) {
        trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_ERROR, "refused by %s: %s", p->name,
              a->text);
        l->join_at = pando_time_add(l->now, PANDO_SEC(5));
    } else if (a->status == LOG_WIRE_JOIN_ELSEWHERE && a->address[0] != '\0') {
        struct bytes *b = bytes_copy(slice_text(a->address));
        if (b != NULL)
            log_emit(l, &(struct space_effect){ .kind = SPACE_DIAL, .bytes = b });
    } else if (a->status == LOG_WIRE_JOIN_TAKEN && (!l->grouped || l->left)) {
        l->left = false;
        memcpy(l->group.bytes, a->group, sizeof l->group.bytes);
        l->grouped = true;
        log_mend_joined(l);
        log_identity_write(l);
        memcpy(p->group.bytes, a->group, sizeof p->group.bytes);
        for (size_t i = 0; i < l->peers_len; i++)
            log_hello_send(l, &l->peers[i], LOG_WIRE_HELLO);
        trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_INFO, "Taken in by %s", p->name);
    }
}

static void ask_to_join(struct log *l)
{
    if (l->options.found || l->options.has_members)
        return;
    for (size_t i = 0; i < l->peers_len; i++)
        if (l->peers[i].hello && l->peers[i].member != 0)
            log_hello_send(l, &l->peers[i], LOG_WIRE_JOIN);
    trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_INFO, "Attempting to join... (%zu peers)",
          l->peers_len);
}

void log_members_tick(struct log *l)
{
    if (l->role == RAFT_LEADER && pando_time_reached(l->policy_at, l->now)) {
        l->policy_at = pando_time_add(l->now, POLICY_EVERY);
        policy(l);
    }
    if (l->leader == 0 && pando_time_reached(l->dial_at, l->now)) {
        l->dial_at = pando_time_add(l->now, DIAL_EVERY);
        log_dial_members(l); /* the group waits: not for what failed dials wait */
    }
    if (!pando_time_reached(l->join_at, l->now))
        return;
    l->join_at = log_is_member(l) ? PANDO_TIME_NEVER : pando_time_add(l->now, JOIN_EVERY);
    if (!log_is_member(l) && l->peers_len > 0 && !l->stopping)
        ask_to_join(l);
}

struct pando_time log_members_deadline(const struct log *l)
{
    const struct pando_time at = l->role == RAFT_LEADER ? l->policy_at
                                 : l->leader == 0       ? l->dial_at : PANDO_TIME_NEVER;
    return pando_time_min(at, l->join_at);
}
