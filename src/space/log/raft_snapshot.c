/* raft_snapshot.c - logs that begin later, and a membership by force.
 *
 * A snapshot stands for a committed beginning of the log. Compaction forgets what it
 * covers; restoring one from the leader puts it in the place of a log that lags too far.
 * If the log at hand holds the snapshot's last entry, what follows that entry may have
 * been acknowledged and must stay.
 */
#include "space/log/raft_state.h"

static void later(struct raft *r, struct pando_time now)
{
    if (now.ns > r->now.ns)
        r->now = now;
}

void raft_compacted(struct raft *r, uint64_t index)
{
    if (index < r->log.first_index || index > r->commit)
        return;
    raft_log_compact(&r->log, index);
    raft_writes_settled(&r->writes, index);
    r->dirty = true;
}

void raft_restored(struct raft *r, struct pando_time now, uint64_t index, uint64_t term,
                   const struct raft_members *members)
{
    later(r, now);
    if (index <= r->commit || !raft_members_valid(members) || r->role == RAFT_LEADER ||
        !raft_config_room(r, 1) || !raft_effects_room(r, 16))
        return;
    if (index <= r->log.last_index && raft_log_term(&r->log, index) == term &&
        !MUTANT(RESTORE_CUTS)) {
        raft_commit_to(r, index); /* what follows was acknowledged: it stays */
        raft_compacted(r, index);
    } else {
        raft_writes_restart(&r->writes, index);
        raft_log_restart(&r->log, index, term);
        r->commit = index;
        r->verified = 0; /* the next APPEND shows it */
        raft_config_restart(r, index, members);
    }
    if (r->term_leader == 0)
        return;
    raft_send(r, &(struct raft_message){ .kind = RAFT_SNAPSHOT_DONE,
                                         .to = r->term_leader,
                                         .term = r->term,
                                         .index = index,
                                         .log_term = term });
}

enum pando_status raft_force_members(struct raft *r, struct pando_time now,
                                     const struct raft_members *members, uint32_t size,
                                     uint64_t *ret_index, uint64_t *ret_term)
{
    bool voter = false;
    for (uint32_t i = 0; i < members->len && i < RAFT_MEMBERS_MAX; i++)
        voter |=
            members->at[i].id == r->options.id && members->at[i].standing == RAFT_VOTER;
    if (!raft_members_valid(members) || !voter || size > RAFT_ENTRY_MAX)
        return PANDO_INVALID;
    if (!raft_effects_room(r, 32) || !raft_log_room(&r->log, 2) ||
        !raft_writes_room(&r->writes) || !raft_config_room(r, 1))
        return PANDO_NOMEM;
    later(r, now);
    if (r->mend != 0) { /* nobody is left to mend it */
        r->mend = 0;
        (void)raft_emit(r, RAFT_MENDED);
    }
    raft_lead_by_force(r);
    const enum pando_status st = raft_append_own(r, RAFT_CONFIG, size, members);
    if (st != PANDO_OK)
        return st;
    r->own_first = r->log.last_index;
    *ret_index = r->log.last_index;
    *ret_term = r->term;
    return PANDO_OK;
}
