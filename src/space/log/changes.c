/* changes.c - what operators ask of the membership: leave, remove, recover, transfer. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <string.h>

#define LEAVE_EVERY PANDO_MSEC(200)

void log_change_wait(struct log *l, uint64_t token, uint64_t index, const char *answer)
{
    for (size_t i = 0; i < LOG_CHANGES_MAX; i++) {
        if (l->changes[i].used)
            continue;
        l->changes[i] = (struct log_change){ true, token, index, answer };
        return;
    }
    log_fail(l, token, PANDO_FULL, "too many changes are waited for");
}

/* A change is agreed on when its entry is committed; a leader that was voted out meanwhile
 * cannot tell. */
void log_changes_check(struct log *l)
{
    for (size_t i = 0; i < LOG_CHANGES_MAX; i++) {
        struct log_change *c = &l->changes[i];
        if (!c->used || c->index > l->commit)
            continue;
        c->used = false;
        log_reply(l, c->token, PANDO_OK, slice_text(c->answer), false);
    }
}

void log_changes_fail(struct log *l)
{
    log_changes_check(l);
    for (size_t i = 0; i < LOG_CHANGES_MAX; i++) {
        struct log_change *c = &l->changes[i];
        if (c->used)
            log_fail(l, c->token, PANDO_UNAVAILABLE,
                     "the leader changed while this was being agreed on: look and repeat");
        c->used = false;
    }
}

static enum pando_status without(struct log *l, uint64_t id, uint64_t *ret_index)
{
    struct batch_members m = *log_members(l);
    struct batch_member *one = batch_find(&m, id);
    if (one == NULL)
        return PANDO_NOT_FOUND;
    const size_t at = (size_t)(one - m.at);
    memmove(one, one + 1, (m.len - at - 1) * sizeof *one);
    m.len--;
    return log_members_set(l, &m, ret_index);
}

static void send_leave(struct log *l, struct log_peer *p, uint64_t id)
{
    uint8_t bytes[9];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, LOG_WIRE_LEAVE, 1);
    wire_put_be(&w, id, 8);
    (void)log_send(l, p, LOG_CONTROL, bytes_copy(wire_written(&w)));
}

/* The leader says that it is agreed on: this member is out. */
static void left(struct log *l)
{
    l->leaving = false;
    l->left = true;
    log_identity_write(l);
    log_reply(l, l->leave_token, PANDO_OK, slice_text("{\"removed\":true}"), false);
}

/* A member asks the leader to let it go, again and again, until the leader says the same. */
void log_leave_asked(struct log *l, struct log_peer *p, uint64_t id)
{
    uint64_t index;
    const struct batch_member *m = batch_find(log_members(l), id);
    if (id == l->options.id) {
        if (l->leaving && batch_find(log_members(l), p->member) != NULL)
            left(l); /* only a leader says so */
        return;
    }
    if (l->role != RAFT_LEADER || p->member != id)
        return;
    if (m == NULL && l->configs[l->configs_len - 1].index <= l->commit)
        send_leave(l, p, id);
    else if (m != NULL && peer_id_equal(&m->peer, &p->id))
        (void)!without(l, id, &index); /* BUSY: it asks again */
}

/* What changes the group is an admin's, but that a member goes is its own affair. */
static bool is_refused(struct log *l, uint64_t token)
{
    if (space_admit(l->host.access, &l->host.key, SPACE_MAY_ADMIN))
        return false;
    log_fail(l, token, PANDO_REFUSED,
             "the space's access policy gives this node no admin role");
    return true;
}

void log_remove(struct log *l, uint64_t token, uint64_t id)
{
    uint64_t index;
    struct log_peer *leader = log_peer_of(l, l->leader);
    if (id != l->options.id && is_refused(l, token))
        return;
    if (l->role == RAFT_LEADER) {
        const enum pando_status st = without(l, id, &index);
        if (st == PANDO_OK)
            log_change_wait(l, token, index, "{\"removed\":true}");
        else if (st == PANDO_NOT_FOUND)
            log_fail(l, token, st, "there is no member %llu", (unsigned long long)id);
        else
            log_fail(l, token, st, "%s",
                     st == PANDO_BUSY ? "a change of the membership is under way: try again"
                                      : "the last voter cannot go");
        return;
    }
    if (id != l->options.id || leader == NULL) {
        char name[BATCH_NAME_MAX + 32];
        log_fail(l, token, PANDO_UNAVAILABLE, "ask the leader, %s",
                 log_name(l, l->leader, name, sizeof name));
        return;
    }
    send_leave(l, leader, id);
    l->leave_token = token;
    l->leave_due = pando_time_add(l->now, LOG_TIMEOUT);
    l->leave_again = pando_time_add(l->now, LEAVE_EVERY);
    l->leaving = true;
}

void log_leave_fail(struct log *l)
{
    if (l->leaving)
        log_fail(l, l->leave_token, PANDO_UNAVAILABLE,
                 "this member's journal is damaged and is being repaired: look and repeat");
    l->leaving = false;
}

void log_leave_tick(struct log *l)
{
    struct log_peer *leader = log_peer_of(l, l->leader);
    if (!l->leaving)
        return;
    if (pando_time_reached(l->leave_due, l->now)) {
        l->leaving = false;
        log_fail(l, l->leave_token, PANDO_TIMEOUT,
                 "the leader has not let go of this member within 10 s; try again");
    } else if (pando_time_reached(l->leave_again, l->now)) {
        l->leave_again = pando_time_add(l->now, LEAVE_EVERY);
        if (leader != NULL)
            send_leave(l, leader, l->options.id);
        else /* who is out already hears of no leader: whoever it is answers */
            for (size_t i = 0; i < l->peers_len; i++)
                send_leave(l, &l->peers[i], l->options.id);
    }
}

void log_transfer(struct log *l, uint64_t token, uint64_t to)
{
    if (is_refused(l, token))
        return;
    const enum pando_status st = raft_transfer(l->raft, l->now, to);
    char name[BATCH_NAME_MAX + 32];
    if (st == PANDO_OK)
        log_reply(l, token, PANDO_OK, slice_text("{\"transfer\":\"begun\"}"), false);
    else if (l->role != RAFT_LEADER)
        log_fail(l, token, st, "only the leader hands over: ask %s",
                 log_name(l, l->leader, name, sizeof name));
    else
        log_fail(l, token, st, "no voter is up to date that could take over");
    log_drive(l);
}

void log_recover(struct log *l, uint64_t token, const struct raft_members *keep)
{
    struct batch_members m = { .len = 0 };
    struct raft_members raft;
    struct pando_buf b;
    uint64_t index, term;
    if (is_refused(l, token))
        return;
    for (uint32_t i = 0; i < keep->len; i++) {
        const struct batch_member *known = batch_find(log_members(l), keep->at[i].id);
        if (known == NULL) {
            log_fail(l, token, PANDO_NOT_FOUND, "there is no member %llu",
                     (unsigned long long)keep->at[i].id);
            return;
        }
        const struct log_peer *p = log_peer_of(l, keep->at[i].id);
        m.at[m.len] = *known;
        m.at[m.len++].raft.standing = /* who is on the mend gets its vote back when it is well */
            p != NULL && p->mending ? RAFT_LEARNER : RAFT_VOTER;
    }
    buf_init(&b, RAFT_ENTRY_MAX);
    batch_to_raft(&m, &raft);
    enum pando_status st = batch_put_members(&b, &m);
    if (st == PANDO_OK)
        st = raft_force_members(l->raft, l->now, &raft, (uint32_t)b.len, &index, &term);
    if (st == PANDO_OK) {
        /* Before it stands the empty entry of the forced term, which no effect has told of. */
        log_propose_put(l, index - 1, term, RAFT_NOOP, SLICE_EMPTY);
        log_propose_put(l, index, term, RAFT_CONFIG, buf_view(&b));
        log_change_wait(l, token, index, "{\"recovered\":true}");
    } else {
        log_fail(l, token, st, "the membership cannot be forced: %s", pando_status_text(st));
    }
    buf_deinit(&b);
    log_drive(l);
}
