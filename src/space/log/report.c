/* report.c - a log in words and numbers: for people, programs and metrics. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdio.h>

void log_take_answer(struct log *l, const struct log_take *t)
{
    struct pando_buf b;
    if (t->token == LOG_NOBODY)
        return;
    if (t->raw) {
        log_batch_answer(l, t);
        return;
    }
    if (t->full) {
        log_fail(l, t->token, PANDO_FULL, "there are %d rooms already", LOG_ROOMS_MAX);
        return;
    }
    for (uint32_t i = 0; i < t->count; i++)
        if (t->seqs[i] == 0) {
            log_fail(l, t->token, PANDO_TIMEOUT,
                     "the message was taken, but its number is not known here any more");
            return;
        }
    buf_init(&b, 64u << 10);
    enum pando_status st = buf_printf(&b, "{\"room\":");
    if (st == PANDO_OK)
        st = json_text_escape(&b, slice_text(t->room));
    if (st == PANDO_OK && t->many) {
        st = buf_printf(&b, ",\"seqs\":[%llu", (unsigned long long)t->seqs[0]);
        for (uint32_t i = 1; i < t->count && st == PANDO_OK; i++)
            st = buf_printf(&b, ",%llu", (unsigned long long)t->seqs[i]);
        if (st == PANDO_OK)
            st = buf_printf(&b, "]}");
    } else if (st == PANDO_OK) {
        struct pando_slice messages = bytes_view(t->messages);
        struct batch_message m = { 0 };
        (void)batch_next(&messages, &m);
        st = buf_printf(&b, ",\"seq\":%llu,\"term\":%llu,\"msg_id\":",
                        (unsigned long long)t->seqs[0], (unsigned long long)l->term);
        if (st == PANDO_OK)
            st = log_put_id(&b, &m.id);
        if (st == PANDO_OK)
            st = buf_printf(&b, "}");
    }
    log_reply(l, t->token, st, buf_view(&b), false);
    buf_deinit(&b);
}

static enum pando_status put_member(struct log *l, struct pando_buf *b,
                                    const struct batch_member *m)
{
    char peer[PEER_ID_TEXT_MAX] = "", name[BATCH_NAME_MAX + 32];
    struct pando_time heard;
    uint64_t match = 0;
    const bool self = m->raft.id == l->options.id;
    const uint64_t end = raft_look(l->raft).last_index;
    if (m->peer.len > 0)
        peer_id_print(&m->peer, peer);
    enum pando_status st = buf_printf(b, "{\"id\":%llu,\"name\":", (unsigned long long)m->raft.id);
    if (st == PANDO_OK)
        st = json_text_escape(b, slice_text(log_name(l, m->raft.id, name, sizeof name)));
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"peer_id\":\"%s\",\"address\":", peer);
    if (st == PANDO_OK)
        st = json_text_escape(b, slice_text(m->address));
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"standing\":\"%s\",\"leader\":%s,\"reachable\":%s",
                        m->raft.standing == RAFT_VOTER ? "voter" : "learner",
                        m->raft.id == l->leader ? "true" : "false",
                        log_reaches(l, m->raft.id) ? "true" : "false");
    if (st == PANDO_OK && (self || raft_progress(l->raft, m->raft.id, &match, &heard)))
        st = buf_printf(b, ",\"lag\":%llu",
                        (unsigned long long)(self || match > end ? 0 : end - match));
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

static enum pando_status put_members(struct log *l, struct pando_buf *b)
{
    const struct batch_members *m = log_members(l);
    enum pando_status st = buf_printf(b, "\"members\":[");
    for (uint32_t i = 0; i < m->len && st == PANDO_OK; i++) {
        if (i > 0)
            st = buf_printf(b, ",");
        if (st == PANDO_OK)
            st = put_member(l, b, &m->at[i]);
    }
    return st == PANDO_OK ? buf_printf(b, "]") : st;
}

enum pando_status log_report_members(struct log *l, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "{");
    if (st == PANDO_OK)
        st = put_members(l, b);
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

enum pando_status log_report_rooms(struct log *l, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "{\"rooms\":[");
    for (uint32_t i = 0; i < l->rooms.len && st == PANDO_OK; i++) {
        const struct rooms_room *room = &l->rooms.at[i];
        st = buf_printf(b, "%s{\"name\":", i == 0 ? "" : ",");
        if (st == PANDO_OK)
            st = json_text_escape(b, slice_text(room->name));
        if (st == PANDO_OK)
            st = buf_printf(b, ",\"first\":%llu,\"last\":%llu,\"messages\":%llu}",
                            (unsigned long long)room->first, (unsigned long long)room->last,
                            (unsigned long long)(room->last + 1 - room->first));
    }
    return st == PANDO_OK ? buf_printf(b, "]}") : st;
}

enum pando_status log_report_status(struct log *l, struct pando_buf *b)
{
    const struct raft_view v = raft_look(l->raft);
    char why[500], name[BATCH_NAME_MAX + 32];
    uint32_t voters, reachable;
    log_count_voters(l, &voters, &reachable);
    log_no_quorum(l, why, sizeof why);
    const bool quorum = why[0] == '\0';
    if (quorum && l->store_sick != PANDO_OK)
        (void)snprintf(why, sizeof why, "%s on this node: it takes no messages",
                       pando_status_text(l->store_sick));
    else if (quorum)
        log_mend_why(l, why, sizeof why);
    enum pando_status st =
        buf_printf(b, "{\"id\":%llu,\"name\":", (unsigned long long)l->options.id);
    if (st == PANDO_OK)
        st = json_text_escape(b, slice_text(l->options.name));
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"role\":\"%s\",\"leader\":%llu,\"leader_name\":", log_role_name(l),
                        (unsigned long long)l->leader);
    if (st == PANDO_OK)
        st = json_text_escape(b, slice_text(log_name(l, l->leader, name, sizeof name)));
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"term\":%llu,\"commit\":%llu,\"applied\":%llu,\"last_index\":%llu,"
                        "\"first_index\":%llu,\"quorum\":%s,\"voters\":%u,\"reachable\":%u,"
                        "\"why\":",
                        (unsigned long long)v.term, (unsigned long long)l->commit,
                        (unsigned long long)l->rooms.applied, (unsigned long long)v.last_index,
                        (unsigned long long)v.first_index, quorum ? "true" : "false",
                        voters, reachable);
    if (st == PANDO_OK)
        st = json_text_escape(b, slice_text(why));
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"rooms\":%u,\"messages\":%llu,\"elections\":%llu,"
                           "\"repairing\":%s,\"repaired\":%llu,", l->rooms.len,
                        (unsigned long long)l->rooms.messages, (unsigned long long)v.elections,
                        log_mends(l) ? "true" : "false", (unsigned long long)l->totals.mended);
    if (st == PANDO_OK)
        st = put_members(l, b);
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

/* Said once at open, when the disk held something. */
void log_loaded(struct log *l)
{
    const struct rooms_room *room = rooms_find(&l->rooms, slice_text(LOG_DEFAULT_ROOM));
    const uint64_t last = room == NULL ? 0 : room->last;
    if (l->places_len == 0)
        return;
    trace(l->host.tracer, TRACE_STORAGE, TRACE_INFO, "Loaded %llu messages from log",
          (unsigned long long)l->rooms.messages);
    trace(l->host.tracer, TRACE_ORDERING, TRACE_INFO, "Set last_seq=%llu, next_expected=%llu",
          (unsigned long long)last, (unsigned long long)last + 1);
}

size_t log_status(const void *instance, char *ret_text, size_t cap)
{
    const struct log *l = instance;
    const int len = snprintf(ret_text, cap,
                             "\"log_role\":\"%s\",\"log_leader\":%llu,\"log_term\":%llu,"
                             "\"log_commit\":%llu,\"log_messages\":%llu,\"log_repairing\":%s",
                             log_role_name(l), (unsigned long long)l->leader,
                             (unsigned long long)l->term, (unsigned long long)l->commit,
                             (unsigned long long)l->rooms.messages,
                             log_mends(l) ? "true" : "false");
    return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}

size_t log_metrics(const void *instance, struct space_metric *ret, size_t cap)
{
    const struct log *l = instance;
    const struct log_totals *t = &l->totals;
    const struct raft_view v = raft_look(l->raft);
    const struct space_metric rows[] = {
        { "leader", "1 while this member leads", false, l->role == RAFT_LEADER },
        { "term", "the election term", false, (double)v.term },
        { "commit_index", "entries known committed", false, (double)l->commit },
        { "applied_index", "entries counted out", false, (double)l->rooms.applied },
        { "last_index", "entries in the sequence here", false, (double)v.last_index },
        { "rooms", "rooms", false, (double)l->rooms.len },
        { "messages_total", "messages that got a number", true, (double)t->messages },
        { "messages_again_total", "messages handed over twice", true, (double)t->again },
        { "messages_gap_total", "messages that overtook their predecessor", true,
          (double)t->gaps },
        { "messages_unknown_total", "messages of forgotten sessions", true, (double)t->unknown },
        { "proposed_total", "messages put into entries here", true, (double)t->proposed },
        { "forwarded_total", "messages handed to the leader", true, (double)t->forwarded },
        { "received_total", "messages that members handed to this one", true, (double)t->received },
        { "reads_total", "linear reads begun here", true, (double)t->reads },
        { "entries_total", "entries written here", true, (double)t->entries },
        { "elections_total", "elections that this member stood for", true, (double)v.elections },
        { "leader_changes_total", "leaders seen", true, (double)v.leader_changes },
        { "held_total", "entries that came before their predecessors", true, (double)t->held },
        { "sends_dropped_total", "messages to members without room on the link", true,
          (double)t->dropped_sends },
        { "snapshots_total", "snapshots made here", true, (double)t->snapshots },
        { "installed_total", "snapshots taken from the leader", true, (double)t->installed },
        { "repairing", "1 while this member's disk lacks something", false, log_mends(l) },
        { "repaired_total", "times that it had everything again", true, (double)t->mended },
        { "malformed_total", "messages of peers that broke the format", true,
          (double)t->malformed },
    };
    const size_t len = sizeof rows / sizeof rows[0];
    size_t n = 0;
    for (; n < len && n < cap; n++)
        ret[n] = rows[n];
    return n;
}
