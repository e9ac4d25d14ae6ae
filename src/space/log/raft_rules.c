/* raft_rules.c - the known bad schedules, step by step, and what a cluster owes its
 * people: who leads, what is read, what it costs. */
#include "space/log/raft_rules.h"

#include "space/log/raft_rules_impl.h"

struct sim *rules_world(uint32_t voters, uint32_t learners)
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

const char *rules_done(struct sim *s, const char *missing)
{
    const char *what = s->violation != NULL ? s->violation : missing;
    sim_free(s);
    return what;
}

void rules_by_hand(struct sim *s, uint64_t id, bool hand)
{
    s->nodes[id].disk.by_hand = hand;
}

bool rules_make_leader(struct sim *s, uint64_t to)
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
    struct sim *s = rules_world(5, 0);
    if (!rules_make_leader(s, 4))
        return rules_done(s, "S1 does not lead");
    sim_only(s, "a..a.");
    if (!sim_propose(s, 4))
        return rules_done(s, "A is not proposed");
    sim_run(s, PANDO_MSEC(20));
    const uint64_t a = s->nodes[1].log.last;
    sim_only(s, ".bb.b");
    if (!sim_until(s, 5, RAFT_LEADER, PANDO_SEC(5)))
        return rules_done(s, "S5 does not lead");
    sim_only(s, ".....");
    sim_run(s, PANDO_SEC(1));
    if (s->nodes[5].disk.log.last != a || s->nodes[2].log.last >= a)
        return rules_done(s, "B does not lie in A's place on S5 alone");
    sim_only(s, "aa.a.");
    if (!sim_until(s, 4, RAFT_LEADER, PANDO_SEC(5)))
        return rules_done(s, "S1 does not lead again");
    rules_by_hand(s, 1, true);
    rules_by_hand(s, 2, true);
    sim_run(s, PANDO_MSEC(60));
    sim_sync(s, 2, 1);
    sim_run(s, PANDO_MSEC(120));
    if (s->nodes[2].disk.log.last != a)
        return rules_done(s, "A is not on a majority's disks");
    for (uint64_t id = 1; id <= 4; id++) {
        sim_crash(s, id);
        rules_by_hand(s, id, false);
        sim_restart(s, id);
    }
    sim_only(s, ".bb.b");
    if (!sim_until(s, 5, RAFT_LEADER, PANDO_SEC(5)))
        return rules_done(s, "S5 does not lead again");
    sim_run(s, PANDO_SEC(1));
    sim_only(s, "aaaaa");
    sim_run(s, PANDO_SEC(2));
    return rules_done(s, sim_converged(s) ? NULL : "no agreement");
}

/* A leader that was cut off does not know that another leads: it must not serve reads. */
static const char *a_read_behind_a_partition(void)
{
    struct sim *s = rules_world(5, 0);
    sim_run(s, PANDO_SEC(1));
    if (sim_leader(s) != 5 || !sim_propose(s, 5))
        return rules_done(s, "5 does not lead");
    sim_run(s, PANDO_MSEC(100));
    sim_only(s, "aaaab");
    s->config.ops = 0;
    sim_pause(s, 5, PANDO_MSEC(700)); /* it sleeps while the others elect */
    if (!sim_until(s, 4, RAFT_LEADER, PANDO_SEC(2)))
        return rules_done(s, "4 does not lead");
    sim_run(s, PANDO_MSEC(20));
    (void)sim_propose(s, 4);
    sim_run(s, PANDO_MSEC(50));
    sim_read(s, 5);
    sim_run(s, PANDO_SEC(1));
    sim_only(s, "aaaaa");
    sim_run(s, PANDO_SEC(2));
    return rules_done(s, sim_converged(s) ? NULL : "no agreement");
}

/* The next one leads soon after a crash; who returns later preempts nobody. */
static const char *priorities(void)
{
    struct sim *s = rules_world(5, 0);
    sim_run(s, PANDO_SEC(1));
    if (sim_leader(s) != 5)
        return rules_done(s, "speed: the highest does not lead after a second");
    sim_crash(s, 5);
    if (!sim_until(s, 4, RAFT_LEADER, PANDO_MSEC(250)))
        return rules_done(s, "speed: 4 does not follow within 250 ms of silence");
    sim_run(s, PANDO_SEC(1));
    sim_crash(s, 4);
    sim_run(s, PANDO_MSEC(3)); /* after a link has closed, nothing comes from it */
    for (uint64_t id = 1; id <= 3; id++) {
        sim_link(s, id, 5, false);
        sim_link(s, id, 4, false);
    }
    if (!sim_until(s, 3, RAFT_LEADER, PANDO_MSEC(40)))
        return rules_done(s, "speed: 3 does not follow within 40 ms of a closed link");
    sim_run(s, PANDO_SEC(1));
    const uint64_t term = s->nodes[3].role_term;
    sim_restart(s, 4);
    sim_restart(s, 5);
    sim_run(s, PANDO_SEC(5));
    if (sim_leader(s) != 3 || s->nodes[3].role_term != term)
        return rules_done(s, "stability: who came back disturbed the leader");
    return rules_done(s, sim_converged(s) ? NULL : "no agreement");
}

/* In its first moments a static cluster ends with its highest node as the leader; with
 * data in the log it stays with the one it has. */
static const char *the_start_window(void)
{
    struct sim *s = rules_world(3, 0);
    for (uint64_t id = 1; id <= 3; id++)
        sim_crash(s, id);
    s->config.start_window = true;
    sim_restart(s, 1);
    sim_restart(s, 2);
    sim_run(s, PANDO_SEC(2));
    if (sim_leader(s) != 2)
        return rules_done(s, "2 does not lead");
    sim_restart(s, 3);
    sim_run(s, PANDO_SEC(2));
    if (sim_leader(s) != 3)
        return rules_done(s, "the start window does not hand over to 3");
    (void)sim_propose(s, 3);
    sim_run(s, PANDO_MSEC(200));
    sim_crash(s, 3);
    sim_run(s, PANDO_SEC(2));
    sim_restart(s, 3);
    sim_run(s, PANDO_SEC(3));
    return rules_done(s, sim_leader(s) == 2 ? NULL : "data did not end the start window");
}

static const char *a_transfer_under_load(void)
{
    struct sim *s = rules_world(5, 0);
    s->config.ops = 500;
    sim_run(s, PANDO_SEC(1));
    for (uint64_t to = 1; to <= 5; to++) {
        sim_transfer(s, sim_leader(s), to);
        if (!sim_until(s, to, RAFT_LEADER, PANDO_MSEC(60)))
            return rules_done(s, "speed: a transfer takes more than 60 ms");
        sim_run(s, PANDO_MSEC(300));
    }
    const uint64_t acked = s->acked;
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    return rules_done(s, sim_converged(s) && acked > 900 ? NULL
                                                         : "too little was acknowledged");
}

/* Who lags far is fed in pieces, soon, and nobody else is slower for it. */
static const char *catching_up(void)
{
    struct sim *s = rules_world(3, 0);
    s->config.ops = 1000;
    sim_only(s, ".aa");
    sim_run(s, PANDO_SEC(10));
    const uint64_t before = s->acked, sent = s->append_entries;
    sim_only(s, "aaa");
    sim_run(s, PANDO_SEC(1));
    if (s->acked - before < 980)
        return rules_done(s, "speed: a node that catches up slows the others");
    if (s->nodes[1].applied + 50 < s->nodes[3].applied)
        return rules_done(s, "speed: 9000 entries take more than a second");
    s->config.ops = 0;
    sim_run(s, PANDO_SEC(1));
    return rules_done(s, s->append_entries - sent < 13000
                             ? NULL
                             : "speed: a node that catches up is sent too much");
}

/* A snapshot comes late, to a node that by now holds more and has acknowledged it, but
 * after a restart knows of no commit: what follows the snapshot must stay. */
static const char *a_late_snapshot(void)
{
    struct sim *s = rules_world(3, 0);
    s->config.ops = 100;
    sim_run(s, PANDO_SEC(1));
    sim_compact(s, 3, 5);
    const struct sim_snapshot late = s->nodes[3].log.snapshot;
    if (!rules_make_leader(s, 2))
        return rules_done(s, "2 does not lead");
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
        return rules_done(s, "1 does not lead with what only 1 and 2 have acknowledged");
    sim_restart(s, 2);
    sim_only(s, "aaa");
    sim_run(s, PANDO_SEC(2));
    return rules_done(s, sim_converged(s) ? NULL : "no agreement");
}

/* What a closed live lane lost and a slow catch-up brings again. */
static const char *lost_messages_cost_little(void)
{
    struct sim *s = rules_world(3, 0);
    s->config.ops = 200;
    s->config.loss = 50;
    sim_run(s, PANDO_SEC(10));
    s->config.ops = 0;
    s->config.loss = 0;
    sim_run(s, PANDO_SEC(1));
    if (!sim_converged(s) || s->acked < 1800)
        return rules_done(s,
                          "speed: a twentieth lost costs more than a tenth of the work");
    return rules_done(s, s->append_entries < 4 * 2 * s->acked
                             ? NULL
                             : "speed: entries are sent too often");
}

/* Late, doubled and reordered: none of it may make the leader send entries again; what it
 * sent to a node that was down, it must. */
static const char *late_messages_cost_nothing(void)
{
    struct sim *s = rules_world(3, 0);
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
        return rules_done(s, "speed: too little was acknowledged");
    return rules_done(s, s->append_entries * 4 < s->acked * 2 * 5
                             ? NULL
                             : "speed: entries are sent again without need");
}

const struct raft_rule raft_rules[] = {
    { "figure 8", figure_8 },
    { "two memberships behind each other's back", rule_two_memberships },
    { "a read behind a partition", a_read_behind_a_partition },
    { "priorities", priorities },
    { "the start window", the_start_window },
    { "a transfer under load", a_transfer_under_load },
    { "a cluster is replaced", rule_a_cluster_is_replaced },
    { "power cuts", rule_power_cuts },
    { "catching up", catching_up },
    { "a disaster", rule_a_disaster },
    { "the policy", rule_the_policy },
    { "a late snapshot", a_late_snapshot },
    { "a removal that only the leader knows", rule_a_removal_that_only_the_leader_knows },
    { "a promotion that only the leader knows",
      rule_a_promotion_that_only_the_leader_knows },
    { "lost messages cost little", lost_messages_cost_little },
    { "late messages cost nothing", late_messages_cost_nothing },
    { "a lost folder", rule_a_lost_folder },
    { "a lost vote", rule_a_lost_vote },
    { "too many losses", rule_too_many_losses },
};
const uint32_t raft_rules_len = sizeof raft_rules / sizeof raft_rules[0];
