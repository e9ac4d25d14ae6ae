/* raft_storm.c - see raft_storm.h.
 *
 * The seed draws the cluster, its network and its disks, and which faults it likes. In
 * the storm only safety is owed. Then all is healed: within three seconds there is a
 * leader and something new is committed; at the pace asked for, nearly everything is; and
 * when nobody proposes any more, everybody in the membership has applied the same.
 */
#include "space/log/raft_storm.h"

#include "space/log/raft_sim.h"

#include <stddef.h>

struct storm {
    struct sim *s;
    struct rng *rng;
    uint32_t likes; /* a bit per fault */
    bool hunts_leaders;
    bool loses;          /* members lose what was durable */
    struct rng *losing;  /* apart: the other storms stay what they were */
    uint64_t crashes, cuts;
};

static uint64_t any(const struct storm *w)
{
    return 1 + rng_below(w->rng, w->s->config.nodes);
}

static struct pando_span upto(struct storm *w, uint64_t ms)
{
    return (struct pando_span){ (1 + rng_below(w->rng, ms)) * 1000000 };
}

static struct sim_config draw(uint64_t seed)
{
    struct rng rng = rng_seeded(seed ^ 0x5eed);
    struct sim_config c = { .seed = seed };
    c.voters = 1 + (uint32_t)rng_below(&rng, 7);
    if (c.voters < 3 && rng_chance(&rng, 2, 3))
        c.voters = 3;
    c.nodes = c.voters + (uint32_t)rng_below(&rng, 4);
    c.start_window = rng_chance(&rng, 1, 2);
    c.demote = rng_chance(&rng, 1, 2);
    c.ordered = rng_chance(&rng, 1, 2);
    c.loss = rng_chance(&rng, 1, 2) ? (uint32_t)rng_below(&rng, 200) : 0;
    c.twice = rng_chance(&rng, 1, 2) ? (uint32_t)rng_below(&rng, 300) : 0;
    c.delay_min = PANDO_USEC(200);
    c.delay_max.ns = 1000000 + rng_below(&rng, 3) * rng_below(&rng, 60000000);
    c.disk_min = PANDO_USEC(100);
    c.disk_max.ns = 200000 + rng_below(&rng, 3) * rng_below(&rng, 40000000);
    c.snapshot_max.ns = rng_below(&rng, 3) * rng_below(&rng, 1000000000);
    c.skew = 50;
    c.ops = 20 + (uint32_t)rng_below(&rng, 180);
    return c;
}

static void partition(struct storm *w)
{
    struct sim *s = w->s;
    const uint64_t sides = rng_next(w->rng);
    const bool one_way = rng_chance(w->rng, 1, 3), told = rng_chance(w->rng, 1, 2);
    w->cuts++;
    for (uint64_t a = 1; a <= s->config.nodes; a++)
        for (uint64_t b = 1; b <= s->config.nodes; b++) {
            if ((sides >> a & 1) == 0 || (sides >> b & 1) != 0)
                continue;
            s->cut[a][b] = true;
            s->cut[b][a] = !one_way;
            if (!told || one_way)
                continue;
            sim_link(s, a, b, false);
            sim_link(s, b, a, false);
        }
}

/* Single links, one by one and in any order. */
static void swizzle(struct storm *w)
{
    const uint64_t a = any(w), b = any(w);
    w->cuts++;
    w->s->cut[a][b] = !w->s->cut[a][b];
    if (rng_chance(w->rng, 1, 2))
        w->s->cut[b][a] = w->s->cut[a][b];
}

static void heal_links(struct storm *w)
{
    const bool told = rng_chance(w->rng, 1, 2);
    for (uint64_t a = 1; a <= w->s->config.nodes; a++)
        for (uint64_t b = 1; b <= w->s->config.nodes; b++) {
            const bool was = w->s->cut[a][b];
            w->s->cut[a][b] = false;
            if (was && told)
                sim_link(w->s, a, b, true);
        }
}

static void crash(struct storm *w, uint64_t id)
{
    w->crashes++;
    sim_crash(w->s, id);
    if (rng_chance(w->rng, 1, 2))
        for (uint64_t a = 1; a <= w->s->config.nodes; a++)
            if (a != id)
                sim_link(w->s, a, id, false);
}

static void restart_all(struct storm *w)
{
    for (uint64_t id = 1; id <= w->s->config.nodes; id++)
        sim_restart(w->s, id);
}

static void power_cut(struct storm *w)
{
    for (uint64_t id = 1; id <= w->s->config.nodes; id++)
        crash(w, id);
    restart_all(w);
}

/* A leader keeps only some of its links: what it still says reaches a few. */
static void narrow(struct storm *w)
{
    const uint64_t leader = sim_leader(w->s);
    w->cuts++;
    for (uint64_t id = 1; leader != 0 && id <= w->s->config.nodes; id++)
        if (id != leader && rng_chance(w->rng, 1, 2))
            sim_cut(w->s, leader, id, true);
}

/* Somebody who believes to lead, or 0. */
static uint64_t some_leader(const struct storm *w)
{
    const uint64_t first = any(w), n = w->s->config.nodes;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t id = 1 + (first + i) % n;
        if (w->s->nodes[id].up && w->s->nodes[id].role == RAFT_LEADER &&
            w->s->nodes[id].paused.ns <= w->s->now.ns)
            return id;
    }
    return 0;
}

static void remove_at(struct raft_members *m, uint32_t i)
{
    m->len--;
    for (; i < m->len; i++)
        m->at[i] = m->at[i + 1];
}

static void insert(struct raft_members *m, uint64_t id, enum raft_standing standing)
{
    uint32_t i = m->len++;
    for (; i > 0 && m->at[i - 1].id > id; i--)
        m->at[i] = m->at[i - 1];
    m->at[i] = (struct raft_member){ id, standing };
}

static void change(struct storm *w)
{
    const uint64_t leader = some_leader(w), id = any(w);
    if (leader == 0)
        return;
    struct raft_members m = *raft_members_now(w->s->nodes[leader].core);
    uint32_t i = 0;
    while (i < m.len && m.at[i].id != id)
        i++;
    if (i == m.len)
        insert(&m, id, rng_chance(w->rng, 1, 3) ? RAFT_VOTER : RAFT_LEARNER);
    else if (rng_chance(w->rng, 1, 2))
        m.at[i].standing = m.at[i].standing == RAFT_VOTER ? RAFT_LEARNER : RAFT_VOTER;
    else
        remove_at(&m, i);
    (void)sim_change(w->s, leader, &m);
    if (rng_chance(w->rng, 1, 2)) /* and what it did not wait for */
        change(w);
}

static void policy(struct storm *w)
{
    struct raft_members m;
    const uint64_t leader = some_leader(w);
    const struct sim_node *n = &w->s->nodes[leader];
    if (leader != 0 && raft_wants_change(n->core, sim_clock(w->s, n), NULL, NULL, &m))
        (void)sim_change(w->s, leader, &m);
}

static void hang_disk(struct storm *w)
{
    struct sim_node *n = &w->s->nodes[any(w)];
    n->disk.by_hand = !n->disk.by_hand;
    if (n->disk.syncing == 0)
        sim_sync(w->s, n->id,
                 n->disk.by_hand ? (uint32_t)rng_below(w->rng, n->disk.len + 1)
                                 : UINT32_MAX);
}

static void burst(struct storm *w)
{
    const uint64_t leader = some_leader(w);
    for (uint64_t i = rng_below(w->rng, 600); leader != 0 && i > 0; i--)
        (void)sim_propose(w->s, leader);
}

/* Whether those who count are a majority of a membership. */
static bool leaves_majority(const struct storm *w, const struct raft_members *m)
{
    uint32_t voters = 0, well = 0;
    for (uint32_t i = 0; i < m->len; i++) {
        if (m->at[i].standing != RAFT_VOTER)
            continue;
        voters++;
        well += w->s->nodes[m->at[i].id].disk.mend == 0;
    }
    return well * 2 > voters;
}

/* The same of every membership that anybody may act on. */
static bool leaves_majorities(const struct storm *w)
{
    for (uint64_t id = 1; id <= w->s->config.nodes; id++) {
        const struct sim_node *n = &w->s->nodes[id];
        const struct sim_log *l = n->up ? &n->log : &n->disk.log;
        const uint64_t known = n->applied < l->last ? n->applied : l->last;
        if (!leaves_majority(w, &w->s->members[sim_members_at(n, known)]))
            return false;
        for (uint64_t at = known + 1; at <= l->last; at++)
            if (l->at[at].members != 0 &&
                !leaves_majority(w, &w->s->members[l->at[at].members]))
                return false;
    }
    return true;
}

static bool is_voter(const struct raft_members *m, uint64_t id)
{
    for (uint32_t i = 0; i < m->len; i++)
        if (m->at[i].id == id)
            return m->at[i].standing == RAFT_VOTER;
    return false;
}

static uint64_t last_term(const struct sim_log *l)
{
    return l->last == l->snapshot.index ? l->snapshot.term : l->at[l->last].term;
}

static const struct raft_members *in_force(const struct storm *w, const struct sim_node *n)
{
    return &w->s->members[sim_members_at(n, n->log.last)];
}

/* By Raft's rules: the voter's log is not the newer one, and it knows that it is a voter or
 * sees that the candidate knows more. */
static bool would_vote(const struct storm *w, const struct sim_node *v, const struct sim_node *c)
{
    const uint64_t mine = last_term(&v->log), its = last_term(&c->log);
    if (v->disk.mend != 0 || !v->up || its < mine || (its == mine && c->log.last < v->log.last))
        return false;
    return is_voter(in_force(w, v), v->id) || its > mine || c->log.last > v->log.last;
}

/* Whether anybody's candidacy can succeed as the logs stand now, when all hear each other. */
static bool someone_can_win(const struct storm *w)
{
    for (uint64_t id = 1; id <= w->s->config.nodes; id++) {
        const struct sim_node *c = &w->s->nodes[id];
        const struct raft_members *m = in_force(w, c);
        uint32_t voters = 0, votes = 0;
        for (uint32_t i = 0; i < m->len; i++) {
            if (m->at[i].standing != RAFT_VOTER)
                continue;
            voters++;
            votes += would_vote(w, &w->s->nodes[m->at[i].id], c);
        }
        if (votes * 2 > voters && c->up && c->disk.mend == 0 && sim_was_voter(w->s, c))
            return true;
    }
    return false;
}

/* A change of the membership was not committed when its leader lost everything. What is left is
 * no majority, or a majority one of whom holds a newer end and is no voter by it: so Raft itself
 * would stand still if the loser were gone for good. docs/decisions/0008-repair.md */
static bool is_excused(const struct storm *w)
{
    bool lost = false;
    for (uint64_t id = 1; id <= w->s->config.nodes; id++)
        lost = lost || w->s->nodes[id].disk.mend != 0;
    return lost && (!leaves_majorities(w) || (sim_leader(w->s) == 0 && !someone_can_win(w)));
}

/* A member's disk loses something that was durable: an end of the log, with term and vote; or
 * all of it. As many at once as leave majorities. */
static void lose(struct storm *w)
{
    const uint64_t id = 1 + rng_below(w->losing, w->s->config.nodes);
    const bool whole = rng_chance(w->losing, 1, 3);
    struct sim_disk *d = &w->s->nodes[id].disk;
    const uint64_t before = d->mend;
    d->mend = UINT64_MAX; /* to see what would be left */
    const bool may = leaves_majorities(w);
    d->mend = before;
    if (!may)
        return;
    sim_crash(w->s, id);
    sim_lose(w->s, id, rng_below(w->losing, d->log.last + 1), whole);
    sim_restart(w->s, id);
}

static void stir(struct storm *w)
{
    uint32_t fault = (uint32_t)rng_below(w->rng, 14);
    if (w->hunts_leaders && rng_chance(w->rng, 1, 3)) /* no leader has a long life */
        fault = rng_chance(w->rng, 1, 2) ? 12 : 13;
    if ((w->likes >> fault & 1) == 0)
        return;
    switch (fault) {
    case 0:
        crash(w, any(w));
        return;
    case 1:
        power_cut(w);
        return;
    case 2:
        partition(w);
        return;
    case 3:
        swizzle(w);
        return;
    case 4:
        sim_pause(w->s, any(w), upto(w, 1500));
        return;
    case 5:
        change(w);
        return;
    case 6:
        hang_disk(w);
        return;
    case 7:
        sim_compact(w->s, any(w), rng_below(w->rng, 30));
        return;
    case 8:
        burst(w);
        return;
    case 9:
        policy(w);
        return;
    case 10:
        sim_link(w->s, any(w), any(w), rng_chance(w->rng, 1, 2));
        return;
    default:
        break;
    }
    if (fault == 13)
        narrow(w);
    else if (fault == 11 && some_leader(w) != 0)
        sim_transfer(w->s, some_leader(w), rng_below(w->rng, w->s->config.nodes + 1));
    else if (fault == 12)
        crash(w, sim_leader(w->s) != 0 ? sim_leader(w->s) : any(w));
}

static void rage(struct storm *w)
{
    w->likes = (uint32_t)(rng_next(w->rng) | rng_next(w->rng)) | 1u << 8;
    w->hunts_leaders = rng_chance(w->rng, 1, 3);
    w->loses = rng_chance(w->losing, 1, 3);
    for (uint32_t i = 0; i < 150 && w->s->violation == NULL; i++) {
        stir(w);
        if (w->loses && rng_chance(w->losing, 1, 8))
            lose(w);
        if (rng_chance(w->rng, 1, 4))
            sim_restart(w->s, any(w));
        if (rng_chance(w->rng, 1, 6))
            heal_links(w);
        sim_run(w->s, upto(w, 160));
    }
}

static void heal(struct storm *w)
{
    struct sim *s = w->s;
    s->config.loss = s->config.twice = 0;
    s->config.delay_max = PANDO_MSEC(3);
    s->config.disk_max = PANDO_MSEC(2);
    s->config.snapshot_max = PANDO_MSEC(50);
    heal_links(w);
    for (uint64_t id = 1; id <= s->config.nodes; id++) {
        s->nodes[id].paused.ns = 0;
        s->nodes[id].disk.by_hand = false;
    }
    restart_all(w);
    for (uint64_t id = 1; id <= s->config.nodes; id++)
        if (s->nodes[id].disk.syncing == 0)
            sim_sync(s, id, UINT32_MAX);
}

/* Peace, and the policy at work where members may be on the mend. */
static void pass(struct storm *w, uint32_t ms)
{
    for (; ms >= 100; ms -= 100) {
        sim_run(w->s, PANDO_MSEC(100));
        if (w->loses)
            policy(w);
    }
}

static bool all_are_well(const struct storm *w)
{
    const struct raft_members *m = raft_members_now(w->s->nodes[sim_leader(w->s)].core);
    for (uint32_t i = 0; i < m->len; i++)
        if (w->s->nodes[m->at[i].id].disk.mend != 0)
            return false;
    return true;
}

static const char *owed(struct storm *w)
{
    struct sim *s = w->s;
    const uint64_t before = s->acked;
    pass(w, 3000);
    if (sim_leader(s) == 0)
        return "liveness: no leader three seconds after all is healed";
    if (s->acked == before)
        return "liveness: nothing was committed in three seconds";
    pass(w, 1000); /* those who lag are fed, removed leaders replaced */
    const uint64_t then = s->acked;
    pass(w, 2000);
    if (s->acked - then < s->config.ops * 9 / 5)
        return "speed: less than nine of ten proposals were committed in time";
    s->config.ops = 0;
    for (int i = 0; i < 10 && !sim_converged(s) && s->violation == NULL; i++)
        pass(w, 1000);
    if (!sim_converged(s))
        return "liveness: not everybody has applied everything";
    return all_are_well(w) ? NULL : "liveness: a member is not mended";
}

static void sum_up(const struct storm *w, struct raft_storm_sums *sums)
{
    const struct sim *s = w->s;
    sums->seeds++;
    sums->virtual_ms += s->now.ns / 1000000 - 1000;
    sums->steps += s->steps;
    sums->acked += s->acked;
    sums->reads += s->reads_served;
    sums->elections += s->elections;
    sums->changes += s->changes;
    sums->transfers += s->transfers;
    sums->restores += s->restores;
    sums->held += s->held;
    sums->losses += s->losses;
    sums->mends += s->mends;
    sums->crashes += w->crashes;
    sums->cuts += w->cuts;
}

const char *raft_storm(uint64_t seed, struct raft_storm_sums *sums)
{
    const struct sim_config config = draw(seed);
    struct rng rng = rng_seeded(seed), losing = rng_seeded(seed ^ 0x105e);
    struct storm w = { .s = sim_new(&config), .rng = &rng, .losing = &losing };
    const char *what = NULL;
    rage(&w);
    if (w.s->violation == NULL) {
        heal(&w);
        what = owed(&w);
        if (what != NULL && is_excused(&w)) { /* a change and a loss behind its back */
            what = NULL;
            sums->stuck++;
        }
    }
    if (w.s->violation != NULL)
        what = w.s->violation;
    sum_up(&w, sums);
    sim_free(w.s);
    return what;
}
