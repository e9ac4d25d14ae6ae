/* mend.c - whether this member's disk has lost something, and what is done about it.
 *
 * The journal tells of restores (its epoch) and repairs by numbers that only grow; a record of
 * ours says which of them are answered for. A number that is not, or nothing on disk where
 * others know of a history, puts the member on the mend (raft.h). Damage that is met at run time
 * does, too; then the node is asked to open the space anew, which takes it out.
 */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdio.h>
#include <string.h>

#define RECORD_LEN 25

bool log_mend_load(struct log *l, struct pando_slice s)
{
    struct wire_reader r = wire_read(s);
    const uint64_t epoch = wire_get_be(&r, 8), repairs = wire_get_be(&r, 8);
    const uint64_t number = wire_get_be(&r, 8), why = wire_get_be(&r, 1);
    if (!wire_read_done(&r) || why > LOG_MEND_BROKEN)
        return false;
    l->mend = (struct log_mend){ .epoch = epoch, .repairs = repairs, .number = number,
                                 .why = (enum log_mend_why)why };
    return true;
}

static void put_record(struct log *l)
{
    uint8_t bytes[RECORD_LEN];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, l->mend.epoch, 8);
    wire_put_be(&w, l->mend.repairs, 8);
    wire_put_be(&w, l->mend.number, 8);
    wire_put_be(&w, l->mend.why, 1);
    log_write_put(l, 0, LOG_RECORD_MEND, 0, bytes_copy(wire_written(&w)));
}

/* As a joiner's number: written when it is taken in, before what it belongs to. */
void log_mend_joined(struct log *l)
{
    if (l->mend.number != 0)
        put_record(l);
}

static void begin(struct log *l, enum log_mend_why why)
{
    l->mend.number = rng_next(&l->rng) | 1;
    l->mend.why = why;
    l->blank = false;
    raft_mend(l->raft, l->now, l->mend.number);
}

static bool is_alone(const struct log *l)
{
    const struct raft_members *m = raft_members_now(l->raft);
    uint32_t voters = 0;
    bool own = false;
    for (uint32_t i = 0; i < m->len; i++) {
        voters += m->at[i].standing == RAFT_VOTER;
        own = own || (m->at[i].standing == RAFT_VOTER && m->at[i].id == l->options.id);
    }
    return own && voters == 1;
}

static bool is_blank(const struct log *l)
{
    const struct raft_view v = raft_look(l->raft);
    return l->options.has_members && l->options.members.len > 1 && v.term == 0 &&
           v.last_index == 0;
}

/* What the disk held is known, and so is the membership. */
static enum pando_status settle_loss(struct log *l, struct pando_err *reterr)
{
    const bool damaged = l->host.repairs != l->mend.repairs;
    if (!damaged && l->host.epoch == l->mend.epoch)
        return PANDO_OK;
    if (damaged && is_alone(l))
        return pando_err_set(reterr, PANDO_CORRUPT,
                             "log: the journal was damaged, and this member is the group's only "
                             "voter: nobody else has what is missing. It is set aside as damaged-* "
                             "in the space's journal; restore a backup, or remove the space and "
                             "join it again");
    l->mend.epoch = l->host.epoch;
    l->mend.repairs = l->host.repairs;
    l->mend.number = 0;
    if (!is_alone(l))
        begin(l, damaged ? LOG_MEND_DAMAGED : LOG_MEND_RESTORED);
    put_record(l);
    return PANDO_OK;
}

enum pando_status log_mend_open(struct log *l, bool anything, struct pando_err *reterr)
{
    const bool joins = !l->options.found && !l->options.has_members;
    if (!anything && l->options.found && l->host.repairs != 0)
        return pando_err_set(reterr, PANDO_CORRUPT,
                             "log: the journal was damaged and nothing of it is left, and this "
                             "node founded the group: restore a backup, or join the others without "
                             "`found`");
    const enum pando_status st = settle_loss(l, reterr);
    if (st != PANDO_OK)
        return st;
    if (l->mend.number != 0)
        raft_mend(l->raft, l->now, l->mend.number);
    else if (!anything && joins) /* its number may have been on another disk before */
        begin(l, LOG_MEND_JOINS);
    l->blank = l->mend.number == 0 && is_blank(l);
    l->behind = l->host.reopened && l->mend.number != 0 ? UINT64_MAX : 0;
    return PANDO_OK;
}

static const char *cause(enum log_mend_why why)
{
    static const char *const text[] = {
        [LOG_MEND_DAMAGED] = "its journal was damaged",
        [LOG_MEND_RESTORED] = "it was restored from a backup",
        [LOG_MEND_WIPED] = "nothing was on its disk",
        [LOG_MEND_JOINS] = "it joins",
        [LOG_MEND_BROKEN] = "its journal is damaged",
    };
    return text[why];
}

/* Said once, when it begins to run. */
void log_mend_tell(struct log *l)
{
    if (!log_mends(l))
        return;
    trace(l->host.tracer, TRACE_NODE, TRACE_WARNING,
          "This member is being repaired (%s): it neither votes nor leads until the leader has "
          "brought it up to date", cause(l->mend.why));
}

bool log_is_behind(const struct log *l)
{
    return l->rooms.applied < l->behind;
}

bool log_mends(const struct log *l)
{
    return l->mend.number != 0 && l->mend.why != LOG_MEND_JOINS;
}

static void tell_peers(struct log *l)
{
    for (size_t i = 0; i < l->peers_len; i++)
        log_hello_send(l, &l->peers[i], LOG_WIRE_HELLO);
}

/* A peer of our group has said whether it knows of a history. Nothing is here, and we have never
 * said anything: either we are late, or this disk has forgotten everything. */
void log_mend_met(struct log *l, const struct log_peer *p, bool blank)
{
    if (!l->blank || blank)
        return;
    begin(l, LOG_MEND_WIPED);
    put_record(l);
    trace(l->host.tracer, TRACE_NODE, TRACE_INFO,
          "Nothing is on this disk and %s knows of a history: votes are withheld until the leader "
          "has brought this member up to date", p->name);
    tell_peers(l);
    log_drive(l);
}

bool log_is_empty(const struct log *l)
{
    const struct raft_view v = raft_look(l->raft);
    return v.last_index == 0 && v.commit == 0 && l->base_index == 0;
}

/* At a group's first start votes and greetings cross: who has voted is not blank any more, and
 * the others take that for a history. But when every member has told us, since we started, that
 * it has no entry, then what we may have acknowledged is nowhere, and whom we may have voted for
 * was in no later term than it says. So we are well, and vote in later terms only. */
void log_mend_settle(struct log *l)
{
    const struct raft_members *m = &l->options.members;
    uint64_t term = 0;
    if (l->mend.number == 0 || l->mend.why != LOG_MEND_WIPED || !log_is_empty(l) ||
        l->leader != 0 || !l->options.has_members)
        return;
    for (uint32_t i = 0; i < m->len; i++) {
        const struct log_peer *p = log_peer_of(l, m->at[i].id);
        if (m->at[i].id == l->options.id)
            continue;
        if (p == NULL || !p->hello || !p->empty ||
            memcmp(p->group.bytes, l->group.bytes, sizeof l->group.bytes) != 0)
            return;
        term = p->term > term ? p->term : term;
    }
    if (!raft_mend_void(l->raft, l->now, term))
        return; /* without memory: at the next greeting */
    log_drive(l); /* the term is written first */
    l->mend.number = 0;
    put_record(l);
    trace(l->host.tracer, TRACE_NODE, TRACE_INFO,
          "Nobody in this group has anything: nothing is missing here, and votes are given again");
    tell_peers(l);
}

/* An entry cannot be read back: others must lead, and opening anew takes the damage out. */
void log_mend_broken(struct log *l, uint64_t index)
{
    if (l->broken != 0 || l->raft == NULL || !l->begun || is_alone(l))
        return;
    l->broken = index;
    begin(l, LOG_MEND_BROKEN);
    put_record(l);
    trace(l->host.tracer, TRACE_NODE, TRACE_WARNING,
          "Entry %llu is damaged on this disk: this member neither votes nor leads; its journal is "
          "repaired, and what it lacks then comes from the others", (unsigned long long)index);
    tell_peers(l);
}

/* Everybody is answered first: this instance ends. */
void log_mend_run(struct log *l)
{
    if (l->broken == 0 || l->given_up || l->stopping || !pando_time_reached(l->reopen_at, l->now))
        return;
    l->given_up = true;
    log_takes_fail(l);
    log_reads_fail(l);
    log_changes_fail(l);
    log_leave_fail(l);
    log_streams_end(l, "this member's journal is being repaired: watch again");
    log_emit(l, &(struct space_effect){ .kind = SPACE_REOPEN });
}

/* The leader has called us well, and we hold all up to `index`; 0: the operator has decided. */
void log_mended(struct log *l, uint64_t index)
{
    const bool told = log_mends(l);
    l->mend.number = 0;
    if (l->behind != 0)
        l->behind = index;
    put_record(l);
    l->totals.mended += told;
    if (told && index == 0)
        trace(l->host.tracer, TRACE_NODE, TRACE_WARNING,
              "The membership is forced: what this member has lost is given up");
    else if (told)
        trace(l->host.tracer, TRACE_NODE, TRACE_INFO,
              "Repaired: everything up to entry %llu is here again", (unsigned long long)index);
    tell_peers(l);
}

/* Why nobody leads, when that is because too many are on the mend; or "". */
void log_mend_why(struct log *l, char *text, size_t cap)
{
    const struct batch_members *m = log_members(l);
    uint32_t voters = 0, ill = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < m->len; i++) {
        if (m->at[i].raft.standing != RAFT_VOTER)
            continue;
        const struct log_peer *p = log_peer_of(l, m->at[i].raft.id);
        voters++;
        ill += m->at[i].raft.id == l->options.id ? l->mend.number != 0 : p != NULL && p->mending;
    }
    if (l->broken != 0)
        (void)snprintf(text, cap, "entry %llu is damaged on this disk: the journal is repaired within "
                                  "10 s, else restart this node", (unsigned long long)l->broken);
    else if (ill * 2 >= voters && ill > 0 && l->leader == 0)
        (void)snprintf(text, cap,
                       "%u of %u voters have lost data and may not vote before a leader has repaired "
                       "them, and the others are no majority: restore backups of them, or, if what "
                       "is here will do, 'pando log recover'", ill, voters);
    else if (log_mends(l) && l->leader == 0)
        (void)snprintf(text, cap, "this member is being repaired (%s) and waits for a leader",
                       cause(l->mend.why));
}
