/* raft_rules_loss.c - schedules in which disks lose what they had said was safe, or all
 * of it. */
#include "space/log/raft_rules_impl.h"

/* All disks lose what was not durable, at once and again and again. */
const char *rule_power_cuts(void)
{
    struct sim *s = rules_world(3, 0);
    s->config.ops = 300;
    for (int i = 0; i < 20 && s->violation == NULL; i++) {
        sim_run(s, PANDO_MSEC(700));
        for (uint64_t id = 1; id <= 3; id++)
            sim_crash(s, id);
        for (uint64_t id = 1; id <= 3; id++)
            sim_restart(s, id);
    }
    return rules_done(s, s->acked > 1000 ? NULL : "too little was acknowledged");
}

/* Run, and let the policy do its work, as the leader's caller does. */
static void run_with_policy(struct sim *s, uint32_t ms)
{
    struct raft_members m;
    for (; ms >= 20; ms -= 20) {
        const uint64_t leader = sim_leader(s);
        sim_run(s, PANDO_MSEC(20));
        if (leader != 0 && s->nodes[leader].up &&
            raft_wants_change(s->nodes[leader].core, s->now, NULL, NULL, &m))
            (void)sim_change(s, leader, &m);
    }
}

/* 3 leads; A lies on 3 and 1. Then 1 loses its folder, hears of 3 for a moment, and 3 is
 * gone. 2, which never had A, must not lead with the vote of 1; when 3 is back, all are
 * well. */
const char *rule_a_lost_folder(void)
{
    struct sim *s = rules_world(3, 0);
    if (!rules_make_leader(s, 3))
        return rules_done(s, "3 does not lead");
    sim_only(s, "a.a");
    if (!sim_propose(s, 3))
        return rules_done(s, "A is not proposed");
    sim_run(s, PANDO_MSEC(50));
    rules_by_hand(s, 1, true);
    sim_crash(s, 1);
    sim_lose(s, 1, 0, true);
    sim_restart(s, 1);
    sim_run(s, PANDO_MSEC(60));
    sim_crash(s, 3);
    rules_by_hand(s, 1, false);
    sim_crash(s, 1);
    sim_restart(s, 1);
    sim_only(s, "aa.");
    run_with_policy(s, 3000);
    if (sim_leader(s) != 0)
        return rules_done(s, "2 leads without A");
    sim_restart(s, 3);
    sim_only(s, "aaa");
    run_with_policy(s, 3000);
    if (!sim_converged(s) || s->nodes[1].disk.mend != 0)
        return rules_done(s, "1 is not mended");
    return rules_done(s, raft_look(s->nodes[sim_leader(s)].core).voters == 3
                             ? NULL
                             : "1 does not vote again");
}

/* 3 leads and its clock crawls. Behind its back 1 votes for 2, acknowledges B, and loses
 * both. Now 3 must not commit with the word of 1. */
const char *rule_a_lost_vote(void)
{
    struct sim *s = rules_world(3, 0);
    if (!rules_make_leader(s, 3))
        return rules_done(s, "3 does not lead");
    sim_run(s, PANDO_MSEC(100));
    const uint64_t keep = s->nodes[1].disk.log.last;
    s->nodes[3].rate = 10;
    sim_only(s, "aa.");
    if (!sim_until(s, 2, RAFT_LEADER, PANDO_SEC(5)) || !sim_propose(s, 2))
        return rules_done(s, "2 does not lead");
    sim_run(s, PANDO_MSEC(50));
    sim_crash(s, 1);
    sim_lose(s, 1, keep, false);
    sim_restart(s, 1);
    sim_only(s, "a.a");
    if (s->nodes[3].role != RAFT_LEADER || !sim_propose(s, 3))
        return rules_done(s, "3 does not believe to lead any more");
    sim_run(s, PANDO_SEC(1));
    s->nodes[3].rate = 1000;
    sim_only(s, "aaa");
    run_with_policy(s, 5000);
    return rules_done(s, sim_converged(s) && s->nodes[1].disk.mend == 0 ? NULL
                                                                        : "no agreement");
}

/* With two of three in doubt nobody leads: what only they had acknowledged may not be
 * passed over. */
const char *rule_too_many_losses(void)
{
    struct sim *s = rules_world(3, 0);
    if (!rules_make_leader(s, 3))
        return rules_done(s, "3 does not lead");
    sim_only(s, ".aa");
    if (!sim_propose(s, 3))
        return rules_done(s, "A is not proposed");
    sim_run(s, PANDO_MSEC(100));
    for (uint64_t id = 1; id <= 3; id++)
        sim_crash(s, id);
    sim_lose(s, 2, 0, false);
    sim_lose(s, 3, 0, true);
    for (uint64_t id = 1; id <= 3; id++)
        sim_restart(s, id);
    sim_only(s, "aaa");
    run_with_policy(s, 3000);
    return rules_done(s, sim_leader(s) == 0 ? NULL : "somebody leads");
}
