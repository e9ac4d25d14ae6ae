/* raft_rules.c - the known bad schedules, step by step, and what a cluster owes its
 * people.
 */
#include "space/log/raft_rules.h"

#include "space/log/raft_sim.h"

#include <stddef.h>

static struct sim *world(uint32_t voters, uint32_t learners)
{
    return sim_new(&(struct sim_config){ .seed = 7,
                                         .nodes = voters + learners,
                                         .voters = voters,
                                         .ordered = true,
                                         .delay_min = PANDO_USEC(500),
                                         .delay_max = PANDO_MSEC(2),
                                         .disk_min = PANDO_USEC(100),
                                         .disk_max = PANDO_MSEC(1) });
}

/* End: what was broken, or what was expected and did not come. */
static const char *done(struct sim *s, const char *missing)
{
    const char *what = s->violation != NULL ? s->violation : missing;
    sim_free(s);
    return what;
}

static void by_hand(struct sim *s, uint64_t id, bool hand)
{
    s->nodes[id].disk.by_hand = hand;
}

/* Give `to` the leadership. */
static bool make_leader(struct sim *s, uint64_t to)
{
    for (int i = 0; i < 20 && sim_leader(s) != to; i++) {
        if (sim_leader(s) != 0)
            sim_transfer(s, sim_leader(s), to);
        sim_run(s, PANDO_MSEC(300));
    }
    return sim_leader(s) == to;
}

/* The paper's figure 8; its S1 ... S5 are our 4, 1, 2, 3, 5, as ids are priorities. A
 * lies on S1 and S2. S5 leads for a moment and holds B in A's place. S1 leads again and
 * brings A, but not its own first entry, to a majority's disks. S5 may still win and
 * replace A: so A must not have counted as committed. */
static const char *figure_8(void)
{
    struct sim *s = world(5, 0);
    if (!make_leader(s, 4))
        return done(s, "S1 does not lead");
    sim_only(s, "a..a.");
    if (!sim_propose(s, 4))
        return done(s, "A is not proposed");
    sim_run(s, PANDO_MSEC(20));
    const uint64_t a = s->nodes[1].log.last;
    sim_only(s, ".bb.b");
    if (!sim_until(s, 5, RAFT_LEADER, PANDO_SEC(5)))
        return done(s, "S5 does not lead");
    sim_only(s, ".....");
    sim_run(s, PANDO_SEC(1));
    if (s->nodes[5].disk.log.last != a || s->nodes[2].log.last >= a)
        return done(s, "B does not lie in A's place on S5 alone");
    sim_only(s, "aa.a.");
    if (!sim_until(s, 4, RAFT_LEADER, PANDO_SEC(5)))
        return done(s, "S1 does not lead again");
    by_hand(s, 1, true);
    by_hand(s, 2, true);
    sim_run(s, PANDO_MSEC(60));
    sim_sync(s, 2, 1);
    sim_run(s, PANDO_MSEC(120));
    if (s->nodes[2].disk.log.last != a)
        return done(s, "A is not on a majority's disks");
    for (uint64_t id = 1; id <= 4; id++) {
        sim_crash(s, id);
        by_hand(s, id, false);
        sim_restart(s, id);
    }
    sim_only(s, ".bb.b");
    if (!sim_until(s, 5, RAFT_LEADER, PANDO_SEC(5)))
        return done(s, "S5 does not lead again");
    sim_run(s, PANDO_SEC(1));
    sim_only(s, "aaaaa");
    sim_run(s, PANDO_SEC(2));
    return done(s, sim_converged(s) ? NULL : "no agreement");
}

/* The schedule of 2015, by which two leaders change the membership behind each other's
 * back. C = {1,2,3,4}; leader 4 adds 5, which only 4 and 5 learn; 3 is elected under C
 * and at once removes 4, which 2 learns. Were that allowed before an own entry is
 * committed, 2 and 3 would commit under {1,2,3} and 1, 4, 5 under {1,2,3,4,5}. */
static const char *two_memberships(void)
{
    struct sim *s = world(4, 1);
    if (!make_leader(s, 4))
        return done(s, "4 does not lead");
    sim_run(s, PANDO_MSEC(200));
    struct raft_members d = s->members[1], e = s->members[1];
    d.at[4].standing = RAFT_VOTER;
    e.at[3] = e.at[4]; /* 5 as it was; 4 is gone */
    e.len = 4;
    sim_only(s, "aaabb");
    if (sim_change(s, 4, &d) != PANDO_OK)
        return done(s, "4 does not add 5");
    if (!sim_until(s, 3, RAFT_LEADER, PANDO_SEC(5)))
        return done(s, "3 does not lead");
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
    return done(s, sim_converged(s) ? NULL : "no agreement");
}

/* A leader that was cut off does not know that another leads: it must not serve reads. */
static const char *a_read_behind_a_partition(void)
{
    struct sim *s = world(5, 0);
    sim_run(s, PANDO_SEC(1));
    if (sim_leader(s) != 5 || !sim_propose(s, 5))
        return done(s, "5 does not lead");
    sim_run(s, PANDO_MSEC(100));
    sim_only(s, "aaaab");
    s->config.ops = 0;
    sim_pause(s, 5, PANDO_MSEC(700)); /* it sleeps while the others elect */
    if (!sim_until(s, 4, RAFT_LEADER, PANDO_SEC(2)))
        return done(s, "4 does not lead");
    sim_run(s, PANDO_MSEC(20));
    (void)sim_propose(s, 4);
    sim_run(s, PANDO_MSEC(50));
    sim_read(s, 5);
    sim_run(s, PANDO_SEC(1));
    sim_only(s, "aaaaa");
    sim_run(s, PANDO_SEC(2));
    return done(s, sim_converged(s) ? NULL : "no agreement");
}

/* The next one leads soon after a crash; who returns later preempts nobody. */
static const char *priorities(void)
{
    struct sim *s = world(5, 0);
    sim_run(s, PANDO_SEC(1));
    if (sim_leader(s) != 5)
        return done(s, "speed: the highest does not lead after a second");
    sim_crash(s, 5);
    if (!sim_until(s, 4, RAFT_LEADER, PANDO_MSEC(250)))
        return done(s, "speed: 4 does not follow within 250 ms of silence");
    sim_run(s, PANDO_SEC(1));
    sim_crash(s, 4);
    sim_run(s, PANDO_MSEC(3)); /* after a link has closed, nothing comes from it */
    for (uint64_t id = 1; id <= 3; id++) {
        sim_link(s, id, 5, false);
        sim_link(s, id, 4, false);
    }
    if (!sim_until(s, 3, RAFT_LEADER, PANDO_MSEC(40)))
        return done(s, "speed: 3 does not follow within 40 ms of a closed link");
    sim_run(s, PANDO_SEC(1));
    const uint64_t term = s->nodes[3].role_term;
    sim_restart(s, 4);
    sim_restart(s, 5);
    sim_run(s, PANDO_SEC(5));
    if (sim_leader(s) != 3 || s->nodes[3].role_term != term)
        return done(s, "stability: who came back disturbed the leader");
    return done(s, sim_converged(s) ? NULL : "no agreement");
}

/* In its first moments a static cluster ends with its highest node as the leader; with
 * data in the log it stays with the one it has. */
static const char *the_start_window(void)
{
    struct sim *s = world(3, 0);
    for (uint64_t id = 1; id <= 3; id++)
        sim_crash(s, id);
    s->config.start_window = true;
    sim_restart(s, 1);
    sim_restart(s, 2);
    sim_run(s, PANDO_SEC(2));
    if (sim_leader(s) != 2)
        return done(s, "2 does not lead");
    sim_restart(s, 3);
    sim_run(s, PANDO_SEC(2));
    if (sim_leader(s) != 3)
        return done(s, "the start window does not hand over to 3");
    (void)sim_propose(s, 3);
    sim_run(s, PANDO_MSEC(200));
    sim_crash(s, 3);
    sim_run(s, PANDO_SEC(2));
    sim_restart(s, 3);
    sim_run(s, PANDO_SEC(3));
    return done(s, sim_leader(s) == 2 ? NULL : "data did not end the start window");
}

static const char *a_transfer_under_load(void)
{
    struct sim *s = world(5, 0);
    s->config.ops = 500;
    sim_run(s, PANDO_SEC(1));
    for (uint64_t to = 1; to <= 5; to++) {
        sim_transfer(s, sim_leader(s), to);
        if (!sim_until(s, to, RAFT_LEADER, PANDO_MSEC(60)))
            return done(s, "speed: a transfer takes more than 60 ms");
        sim_run(s, PANDO_MSEC(300));
    }
    const uint64_t acked = s->acked;
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    return done(s,
                sim_converged(s) && acked > 900 ? NULL : "too little was acknowledged");
}

/* A joiner is fed from a snapshot, promoted, and outlives those who were there before. */
static const char *a_cluster_is_replaced(void)
{
    struct sim *s = world(3, 3);
    struct raft_members m = s->members[1];
    s->config.ops = 100;
    sim_run(s, PANDO_SEC(3));
    sim_compact(s, sim_leader(s), 20);
    for (uint32_t i = 0; i < 3; i++) {
        m.at[i + 3].standing = RAFT_VOTER;
        if (sim_change(s, sim_leader(s), &m) != PANDO_OK)
            return done(s, "a learner cannot be promoted");
        sim_run(s, PANDO_SEC(1));
        m.at[2 - i].standing = RAFT_LEARNER;
        if (sim_change(s, sim_leader(s), &m) != PANDO_OK)
            return done(s, "a voter cannot be demoted");
        sim_run(s, PANDO_SEC(1));
    }
    sim_crash(s, 1);
    sim_crash(s, 2);
    sim_crash(s, 3);
    sim_run(s, PANDO_SEC(1));
    const uint64_t acked = s->acked;
    sim_run(s, PANDO_SEC(1));
    return done(s, s->acked > acked + 90 && sim_leader(s) > 3
                       ? NULL
                       : "the new cluster does not work without the old one");
}

/* All disks lose what was not durable, at once and again and again. */
static const char *power_cuts(void)
{
    struct sim *s = world(3, 0);
    s->config.ops = 300;
    for (int i = 0; i < 20 && s->violation == NULL; i++) {
        sim_run(s, PANDO_MSEC(700));
        for (uint64_t id = 1; id <= 3; id++)
            sim_crash(s, id);
        for (uint64_t id = 1; id <= 3; id++)
            sim_restart(s, id);
    }
    return done(s, s->acked > 1000 ? NULL : "too little was acknowledged");
}

/* Who lags far is fed in pieces, soon, and nobody else is slower for it. */
static const char *catching_up(void)
{
    struct sim *s = world(3, 0);
    s->config.ops = 1000;
    sim_only(s, ".aa");
    sim_run(s, PANDO_SEC(10));
    const uint64_t before = s->acked, sent = s->append_entries;
    sim_only(s, "aaa");
    sim_run(s, PANDO_SEC(1));
    if (s->acked - before < 980)
        return done(s, "speed: a node that catches up slows the others");
    if (s->nodes[1].applied + 50 < s->nodes[3].applied)
        return done(s, "speed: 9000 entries take more than a second");
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    return done(s, s->append_entries - sent < 13000
                       ? NULL
                       : "speed: a node that catches up is sent too much");
}

/* Two of three are gone for good: an operator makes the third a cluster of its own, and
 * from there it grows again. */
static const char *a_disaster(void)
{
    struct sim *s = world(3, 1);
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
        return done(s, "the forced cluster does not grow");
    sim_run(s, PANDO_SEC(1));
    if (s->acked < acked + 90)
        return done(s, "the forced cluster does not work");
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    return done(s, sim_converged(s) ? NULL : "no agreement");
}

/* The policy alone: who falls silent is demoted, who comes back is promoted again. */
static const char *the_policy(void)
{
    struct sim *s = world(5, 0);
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
        if (leader != 0 && raft_wants_change(s->nodes[leader].core, s->now, NULL, NULL, &m))
            (void)sim_change(s, leader, &m);
        sim_run(s, PANDO_MSEC(100));
        if (sim_leader(s) != 0 && raft_look(s->nodes[sim_leader(s)].core).voters < least)
            least = raft_look(s->nodes[sim_leader(s)].core).voters;
    }
    if (least != 3)
        return done(s, "silent voters are not demoted");
    return done(s, raft_look(s->nodes[5].core).voters == 5
                       ? NULL
                       : "who came back is not promoted");
}

/* A leader removes itself and falls before the other has the entry: it is no member by
 * its own log, but nobody else can win without it. */
static const char *a_removal_that_only_the_leader_knows(void)
{
    struct sim *s = world(2, 0);
    sim_run(s, PANDO_SEC(1));
    struct raft_members m = s->members[1];
    m.len = 1;
    sim_only(s, "ab");
    if (sim_change(s, 2, &m) != PANDO_OK)
        return done(s, "2 cannot remove itself");
    sim_run(s, PANDO_MSEC(100));
    sim_crash(s, 2);
    sim_restart(s, 2);
    sim_only(s, "aa");
    sim_run(s, PANDO_SEC(2));
    return done(s, sim_leader(s) == 1 && sim_converged(s)
                       ? NULL
                       : "a removal that is not known to the others blocks them");
}

/* A snapshot comes late, to a node that by now holds more and has acknowledged it, but
 * after a restart knows of no commit: what follows the snapshot must stay. */
static const char *a_late_snapshot(void)
{
    struct sim *s = world(3, 0);
    s->config.ops = 100;
    sim_run(s, PANDO_SEC(1));
    sim_compact(s, 3, 5);
    const struct sim_snapshot late = s->nodes[3].log.snapshot;
    if (!make_leader(s, 2))
        return done(s, "2 does not lead");
    sim_only(s, "aa.");
    sim_run(s, PANDO_SEC(1)); /* on 1 and 2 alone */
    s->config.ops = 0;
    sim_run(s, PANDO_MSEC(100));
    sim_only(s, "...");
    sim_crash(s, 1);
    sim_restart(s, 1);
    sim_restored(s, &s->nodes[1], &late);
    sim_crash(s, 2);
    sim_only(s, "a.a");
    if (!sim_until(s, 1, RAFT_LEADER, PANDO_SEC(5)))
        return done(s, "1 does not lead with what only 1 and 2 have acknowledged");
    sim_restart(s, 2);
    sim_only(s, "aaa");
    sim_run(s, PANDO_SEC(2));
    return done(s, sim_converged(s) ? NULL : "no agreement");
}

/* A voter alone promotes a learner and falls before the learner knows: they find
 * together again. */
static const char *a_promotion_that_only_the_leader_knows(void)
{
    struct sim *s = world(1, 1);
    sim_run(s, PANDO_MSEC(300));
    struct raft_members m = s->members[1];
    m.at[1].standing = RAFT_VOTER;
    sim_only(s, "ab");
    if (sim_change(s, 1, &m) != PANDO_OK)
        return done(s, "1 cannot promote");
    sim_run(s, PANDO_MSEC(100));
    sim_crash(s, 1);
    sim_restart(s, 1);
    sim_only(s, "aa");
    sim_run(s, PANDO_SEC(2));
    return done(s, sim_converged(s) ? NULL : "a promoted learner does not vote");
}

/* What a closed live lane lost and a slow catch-up brings again. */
static const char *lost_messages_cost_little(void)
{
    struct sim *s = world(3, 0);
    s->config.ops = 200;
    s->config.loss = 50;
    sim_run(s, PANDO_SEC(10));
    s->config.ops = 0;
    s->config.loss = 0;
    sim_run(s, PANDO_SEC(1));
    if (!sim_converged(s) || s->acked < 1800)
        return done(s, "speed: a twentieth lost costs more than a tenth of the work");
    return done(s, s->append_entries < 4 * 2 * s->acked
                       ? NULL
                       : "speed: entries are sent too often");
}

/* Late, doubled and reordered: none of it may make the leader send entries again; what it
 * sent to a node that was down, it must. */
static const char *late_messages_cost_nothing(void)
{
    struct sim *s = world(3, 0);
    s->config.ordered = false;
    s->config.twice = 300;
    s->config.delay_max = PANDO_MSEC(40);
    s->config.ops = 300;
    sim_run(s, PANDO_SEC(2));
    for (uint64_t i = 0; i < 8; i++) {
        sim_crash(s, 1 + i % 2);
        sim_run(s, PANDO_MSEC(300));
        sim_restart(s, 1 + i % 2);
        sim_run(s, PANDO_MSEC(700));
    }
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    if (!sim_converged(s) || s->acked < 2700)
        return done(s, "speed: too little was acknowledged");
    return done(s, s->append_entries * 4 < s->acked * 2 * 5
                       ? NULL
                       : "speed: entries are sent again without need");
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

/* 3 leads; A lies on 3 and 1. Then 1 loses its folder, hears of 3 for a moment, and 3 is gone. 2,
 * which never had A, must not lead with the vote of 1; when 3 is back, all are well. */
static const char *a_lost_folder(void)
{
    struct sim *s = world(3, 0);
    if (!make_leader(s, 3))
        return done(s, "3 does not lead");
    sim_only(s, "a.a");
    if (!sim_propose(s, 3))
        return done(s, "A is not proposed");
    sim_run(s, PANDO_MSEC(50));
    by_hand(s, 1, true);
    sim_crash(s, 1);
    sim_lose(s, 1, 0, true);
    sim_restart(s, 1);
    sim_run(s, PANDO_MSEC(60));
    sim_crash(s, 3);
    by_hand(s, 1, false);
    sim_crash(s, 1);
    sim_restart(s, 1);
    sim_only(s, "aa.");
    run_with_policy(s, 3000);
    if (sim_leader(s) != 0)
        return done(s, "2 leads without A");
    sim_restart(s, 3);
    sim_only(s, "aaa");
    run_with_policy(s, 3000);
    if (!sim_converged(s) || s->nodes[1].disk.mend != 0)
        return done(s, "1 is not mended");
    return done(s, raft_look(s->nodes[sim_leader(s)].core).voters == 3
                       ? NULL
                       : "1 does not vote again");
}

/* 3 leads and its clock crawls. Behind its back 1 votes for 2, acknowledges B, and loses both.
 * Now 3 must not commit with the word of 1. */
static const char *a_lost_vote(void)
{
    struct sim *s = world(3, 0);
    if (!make_leader(s, 3))
        return done(s, "3 does not lead");
    sim_run(s, PANDO_MSEC(100));
    const uint64_t keep = s->nodes[1].disk.log.last;
    s->nodes[3].rate = 10;
    sim_only(s, "aa.");
    if (!sim_until(s, 2, RAFT_LEADER, PANDO_SEC(5)) || !sim_propose(s, 2))
        return done(s, "2 does not lead");
    sim_run(s, PANDO_MSEC(50));
    sim_crash(s, 1);
    sim_lose(s, 1, keep, false);
    sim_restart(s, 1);
    sim_only(s, "a.a");
    if (s->nodes[3].role != RAFT_LEADER || !sim_propose(s, 3))
        return done(s, "3 does not believe to lead any more");
    sim_run(s, PANDO_SEC(1));
    s->nodes[3].rate = 1000;
    sim_only(s, "aaa");
    run_with_policy(s, 5000);
    return done(s, sim_converged(s) && s->nodes[1].disk.mend == 0 ? NULL : "no agreement");
}

/* With two of three in doubt nobody leads: what only they had acknowledged may not be passed
 * over. */
static const char *too_many_losses(void)
{
    struct sim *s = world(3, 0);
    if (!make_leader(s, 3))
        return done(s, "3 does not lead");
    sim_only(s, ".aa");
    if (!sim_propose(s, 3))
        return done(s, "A is not proposed");
    sim_run(s, PANDO_MSEC(100));
    for (uint64_t id = 1; id <= 3; id++)
        sim_crash(s, id);
    sim_lose(s, 2, 0, false);
    sim_lose(s, 3, 0, true);
    for (uint64_t id = 1; id <= 3; id++)
        sim_restart(s, id);
    sim_only(s, "aaa");
    run_with_policy(s, 3000);
    return done(s, sim_leader(s) == 0 ? NULL : "somebody leads");
}

const struct raft_rule raft_rules[] = {
    { "figure 8", figure_8 },
    { "two memberships behind each other's back", two_memberships },
    { "a read behind a partition", a_read_behind_a_partition },
    { "priorities", priorities },
    { "the start window", the_start_window },
    { "a transfer under load", a_transfer_under_load },
    { "a cluster is replaced", a_cluster_is_replaced },
    { "power cuts", power_cuts },
    { "catching up", catching_up },
    { "a disaster", a_disaster },
    { "the policy", the_policy },
    { "a late snapshot", a_late_snapshot },
    { "a removal that only the leader knows", a_removal_that_only_the_leader_knows },
    { "a promotion that only the leader knows", a_promotion_that_only_the_leader_knows },
    { "lost messages cost little", lost_messages_cost_little },
    { "late messages cost nothing", late_messages_cost_nothing },
    { "a lost folder", a_lost_folder },
    { "a lost vote", a_lost_vote },
    { "too many losses", too_many_losses },
};
const uint32_t raft_rules_len = sizeof raft_rules / sizeof raft_rules[0];
