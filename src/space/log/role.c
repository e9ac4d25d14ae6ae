/* role.c - what this member is to the group, told to people as it changes. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdio.h>

static void tell_streams(struct log *l, const char *role)
{
    struct pando_buf b;
    char leader[BATCH_NAME_MAX + 32];
    buf_init(&b, 1024);
    if (buf_printf(&b, "{\"event\":\"role\",\"role\":\"%s\",\"term\":%llu,\"leader\":%llu,"
                       "\"leader_name\":", role, (unsigned long long)l->term,
                   (unsigned long long)l->leader) == PANDO_OK &&
        json_text_escape(&b, slice_text(log_name(l, l->leader, leader, sizeof leader))) ==
            PANDO_OK &&
        buf_printf(&b, "}") == PANDO_OK)
        log_streams_tell(l, buf_view(&b));
    buf_deinit(&b);
}

const char *log_role_name(const struct log *l)
{
    if (!log_is_member(l))
        return "JOINING";
    if (l->role == RAFT_LEADER)
        return "LEADER";
    if (l->role != RAFT_FOLLOWER)
        return "CANDIDATE";
    return raft_look(l->raft).voter ? "FOLLOWER" : "LEARNER";
}

static void tell_election(struct log *l, const struct raft_effect *e)
{
    const struct tracer *t = l->host.tracer;
    if (e->role == RAFT_PRECANDIDATE && e->why == RAFT_WHY_TIMEOUT && e->leader == 0)
        trace(t, TRACE_FAILURE, TRACE_WARNING, "Leader timeout!");
    if (e->role == RAFT_PRECANDIDATE && e->why == RAFT_WHY_LINK)
        trace(t, TRACE_FAILURE, TRACE_WARNING, "Leader timeout! Its link is closed");
    if (e->role == RAFT_PRECANDIDATE)
        trace(t, TRACE_ELECTION, TRACE_INFO, "Starting election...");
    if (e->role == RAFT_CANDIDATE)
        trace(t, TRACE_ELECTION, TRACE_INFO, "Starting election for term %llu",
              (unsigned long long)e->term);
    if (e->role != RAFT_LEADER)
        return;
    trace(t, TRACE_ELECTION, TRACE_INFO, "Becoming coordinator for term %llu",
          (unsigned long long)e->term);
    trace(t, TRACE_NODE, TRACE_INFO, "Became LEADER for term %llu", (unsigned long long)e->term);
}

static void tell_leader(struct log *l)
{
    char name[BATCH_NAME_MAX + 32];
    const char *leader = log_name(l, l->leader, name, sizeof name);
    trace(l->host.tracer, TRACE_ELECTION, TRACE_INFO, "Received COORDINATOR from %s", leader);
    trace(l->host.tracer, TRACE_NODE, TRACE_INFO, "New coordinator: %s, term=%llu", leader,
          (unsigned long long)l->term);
}

void log_role(struct log *l, const struct raft_effect *e)
{
    const bool led = l->role == RAFT_LEADER, leads = e->role == RAFT_LEADER;
    const bool leader_changed = e->leader != l->leader || e->term != l->term;
    tell_election(l, e);
    l->role = e->role;
    l->blank = l->blank && !leads;
    l->term = e->term;
    l->leader = e->leader;
    if (e->leader == 0 && l->leaderless_since.ns == PANDO_TIME_NEVER.ns)
        l->leaderless_since = l->now;
    if (e->leader != 0)
        l->leaderless_since = PANDO_TIME_NEVER;
    if (leader_changed && e->leader != 0 && !leads) {
        l->catch_up_said = false;
        tell_leader(l);
    }
    if (led && !leads) {
        trace(l->host.tracer, TRACE_NODE, TRACE_INFO, "No longer LEADER, term=%llu%s",
              (unsigned long long)e->term,
              e->why == RAFT_WHY_NO_QUORUM ? ": no quorum can be reached" : "");
        log_inbox_drop(l);
        log_changes_fail(l);
    }
    if (leader_changed) {
        log_takes_reset(l);
        log_reads_reset(l);
    }
    if (leads && !led)
        log_members_lead(l);
    tell_streams(l, log_role_name(l));
}

/* The silent ones among the voters, as text: "peer_2, peer_3 silent for 4 s". */
static void silent(struct log *l, char *text, size_t cap)
{
    const struct batch_members *m = log_members(l);
    size_t len = 0;
    char name[BATCH_NAME_MAX + 32];
    text[0] = '\0';
    for (uint32_t i = 0; i < m->len; i++) {
        const struct batch_member *one = &m->at[i];
        if (one->raft.standing != RAFT_VOTER || one->raft.id == l->options.id ||
            log_reaches(l, one->raft.id))
            continue;
        const int put = snprintf(text + len, cap - len, "%s%s", len == 0 ? "" : ", ",
                                 log_name(l, one->raft.id, name, sizeof name));
        if (put > 0 && len + (size_t)put < cap)
            len += (size_t)put;
    }
    if (len > 0 && l->leaderless_since.ns != PANDO_TIME_NEVER.ns)
        (void)snprintf(text + len, cap - len, " silent for %llu s",
                       (unsigned long long)(pando_time_since(l->now, l->leaderless_since).ns /
                                            1000000000u));
}

void log_no_quorum(struct log *l, char *text, size_t cap)
{
    uint32_t voters, reachable;
    char names[300];
    text[0] = '\0';
    if (l->leader != 0)
        return;
    log_mend_why(l, text, cap);
    if (text[0] != '\0')
        return;
    if (!log_is_member(l)) {
        (void)snprintf(text, cap, "this member is not in the group yet: it asks the peers that "
                                  "it meets to take it in (%zu linked)", l->peers_len);
        return;
    }
    log_count_voters(l, &voters, &reachable);
    silent(l, names, sizeof names);
    if (reachable * 2 > voters)
        (void)snprintf(text, cap, "no leader yet: an election is under way (%u of %u voters "
                                  "reachable)", reachable, voters);
    else
        (void)snprintf(text, cap, "no quorum: %u of %u voters reachable%s%s%s", reachable, voters,
                       names[0] == '\0' ? "" : " (", names, names[0] == '\0' ? "" : ")");
}
