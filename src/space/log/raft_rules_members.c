/* raft_rules_members.c - schedules in which the membership changes. */
#include "space/log/raft_rules_impl.h"

/* The schedule of 2015, by which two leaders change the membership behind each other's
 * back. C = {1,2,3,4}; leader 4 adds 5, which only 4 and 5 learn; 3 is elected under C
 * and at once removes 4, which 2 learns. Were that allowed before an own entry is
 * committed, 2 and 3 would commit under {1,2,3} and 1, 4, 5 under {1,2,3,4,5}. */
const char *rule_two_memberships(void)
{
    struct sim *s = rules_world(4, 1);
    if (!rules_make_leader(s, 4))
        return rules_done(s, "4 does not lead");
    sim_run(s, PANDO_MSEC(200));
    struct raft_members d = s->members[1], e = s->members[1];
    d.at[4].standing = RAFT_VOTER;
    e.at[3] = e.at[4]; /* 5 as it was; 4 is gone */
    e.len = 4;
    sim_only(s, "aaabb");
    if (sim_change(s, 4, &d) != PANDO_OK)
        return rules_done(s, "4 does not add 5");
    if (!sim_until(s, 3, RAFT_LEADER, PANDO_SEC(5)))
        return rules_done(s, "3 does not lead");
    sim_only(s, ".aabb");
    (void)sim_change(s, 3, &e);
    (void)sim_propose(s, 3);
    sim_run(s, PANDO_MSEC(300));
    sim_only(s, "a..aa");
    sim_run(s, PANDO_SEC(2));
    if (sim_leader(s) != 0)
        (void)sim_propose(s, sim_leader(s));
    sim_run(s, PANDO_SEC(1));
    sim_only(s, "aaaaa");
    sim_run(s, PANDO_SEC(3));
    return rules_done(s, sim_converged(s) ? NULL : "no agreement");
}

/* A joiner is fed from a snapshot, promoted, and outlives those who were there before. */
const char *rule_a_cluster_is_replaced(void)
{
    struct sim *s = rules_world(3, 3);
    struct raft_members m = s->members[1];
    s->config.ops = 100;
    sim_run(s, PANDO_SEC(3));
    sim_compact(s, sim_leader(s), 20);
    for (uint32_t i = 0; i < 3; i++) {
        m.at[i + 3].standing = RAFT_VOTER;
        if (sim_change(s, sim_leader(s), &m) != PANDO_OK)
            return rules_done(s, "a learner cannot be promoted");
        sim_run(s, PANDO_SEC(1));
        m.at[2 - i].standing = RAFT_LEARNER;
        if (sim_change(s, sim_leader(s), &m) != PANDO_OK)
            return rules_done(s, "a voter cannot be demoted");
        sim_run(s, PANDO_SEC(1));
    }
    sim_crash(s, 1);
    sim_crash(s, 2);
    sim_crash(s, 3);
    sim_run(s, PANDO_SEC(1));
    const uint64_t acked = s->acked;
    sim_run(s, PANDO_SEC(1));
    return rules_done(s, s->acked > acked + 90 && sim_leader(s) > 3
                             ? NULL
                             : "the new cluster does not work without the old one");
}

/* Two of three are gone for good: an operator makes the third a cluster of its own, and
 * from there it grows again. */
const char *rule_a_disaster(void)
{
    struct sim *s = rules_world(3, 1);
    s->config.ops = 100;
    sim_run(s, PANDO_SEC(2));
    sim_crash(s, 2);
    sim_crash(s, 3);
    sim_run(s, PANDO_SEC(2));
    struct raft_members m = { .len = 2,
                              .at = { { 1, RAFT_VOTER }, { 4, RAFT_LEARNER } } };
    sim_force(s, 1, &m);
    sim_run(s, PANDO_SEC(1));
    const uint64_t acked = s->acked;
    m.at[1].standing = RAFT_VOTER;
    if (sim_change(s, 1, &m) != PANDO_OK)
        return rules_done(s, "the forced cluster does not grow");
    sim_run(s, PANDO_SEC(1));
    if (s->acked < acked + 90)
        return rules_done(s, "the forced cluster does not work");
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    return rules_done(s, sim_converged(s) ? NULL : "no agreement");
}

/* The policy alone: who falls silent is demoted, who comes back is promoted again. */
const char *rule_the_policy(void)
{
    struct sim *s = rules_world(5, 0);
    struct raft_members m;
    s->config.ops = 50;
    sim_run(s, PANDO_SEC(1));
    for (uint64_t id = 1; id <= 5; id++)
        sim_crash(s, id);
    s->config.demote = true; /* after two seconds */
    for (uint64_t id = 1; id <= 5; id++)
        sim_restart(s, id);
    sim_run(s, PANDO_SEC(1));
    sim_crash(s, 1);
    sim_crash(s, 2);
    uint32_t least = 5;
    for (int i = 0; i < 120; i++) {
        const uint64_t leader = sim_leader(s);
        if (i == 60)
            sim_restart(s, 1);
        if (i == 60)
            sim_restart(s, 2);
        if (leader != 0 &&
            raft_wants_change(s->nodes[leader].core, s->now, NULL, NULL, &m))
            (void)sim_change(s, leader, &m);
        sim_run(s, PANDO_MSEC(100));
        if (sim_leader(s) != 0 && raft_look(s->nodes[sim_leader(s)].core).voters < least)
            least = raft_look(s->nodes[sim_leader(s)].core).voters;
    }
    if (least != 3)
        return rules_done(s, "silent voters are not demoted");
    return rules_done(s, raft_look(s->nodes[5].core).voters == 5
                             ? NULL
                             : "who came back is not promoted");
}

/* A leader removes itself and falls before the other has the entry: it is no member by
 * its own log, but nobody else can win without it. */
const char *rule_a_removal_that_only_the_leader_knows(void)
{
    struct sim *s = rules_world(2, 0);
    sim_run(s, PANDO_SEC(1));
    struct raft_members m = s->members[1];
    m.len = 1;
    sim_only(s, "ab");
    if (sim_change(s, 2, &m) != PANDO_OK)
        return rules_done(s, "2 cannot remove itself");
    sim_run(s, PANDO_MSEC(100));
    sim_crash(s, 2);
    sim_restart(s, 2);
    sim_only(s, "aa");
    sim_run(s, PANDO_SEC(2));
    return rules_done(s, sim_leader(s) == 1 && sim_converged(s)
                             ? NULL
                             : "a removal that is not known to the others blocks them");
}

/* A voter alone promotes a learner and falls before the learner knows: they find
 * together again. */
const char *rule_a_promotion_that_only_the_leader_knows(void)
{
    struct sim *s = rules_world(1, 1);
    sim_run(s, PANDO_MSEC(300));
    struct raft_members m = s->members[1];
    m.at[1].standing = RAFT_VOTER;
    sim_only(s, "ab");
    if (sim_change(s, 1, &m) != PANDO_OK)
        return rules_done(s, "1 cannot promote");
    sim_run(s, PANDO_MSEC(100));
    sim_crash(s, 1);
    sim_restart(s, 1);
    sim_only(s, "aa");
    sim_run(s, PANDO_SEC(2));
    return rules_done(s, sim_converged(s) ? NULL : "a promoted learner does not vote");
}
