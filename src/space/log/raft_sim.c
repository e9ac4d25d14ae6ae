/* raft_sim.c - the world's clock, network and hands. See raft_sim.h. */
#include "space/log/raft_sim.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum event_kind { EVENT_MESSAGE, EVENT_SYNCED, EVENT_TIMER, EVENT_SNAPSHOT };

struct sim_event {
    struct agenda_item due;
    enum event_kind kind;
    uint64_t from, to;
    uint32_t life; /* of `to`: its own events die with it */
    uint64_t number;
    struct raft_message message;
    struct sim_entry *entries;
    struct sim_entry few[4];
    struct sim_snapshot snapshot;
    struct sim_event *next;
};

static struct sim_event *event_new(struct sim *s, enum event_kind kind,
                                   struct sim_node *to, struct pando_time at)
{
    struct sim_event *e = s->free_events;
    if (e != NULL)
        s->free_events = e->next;
    else
        e = malloc(sizeof *e);
    PANDO_ASSERT(e != NULL);
    e->kind = kind;
    e->to = to->id;
    e->life = to->life;
    e->due.at = at;
    e->entries = NULL;
    return e;
}

static void event_free(struct sim *s, struct sim_event *e)
{
    if (e->entries != e->few)
        free(e->entries);
    e->next = s->free_events;
    s->free_events = e;
}

static void push(struct sim *s, struct sim_event *e)
{
    agenda_put(&s->agenda, &e->due, e->due.at);
}

static struct pando_span between(struct sim *s, struct pando_span low,
                                 struct pando_span high)
{
    const uint64_t more = high.ns > low.ns ? rng_below(&s->rng, high.ns - low.ns + 1) : 0;
    return (struct pando_span){ low.ns + more };
}

/* The bytes travel with the message: a copy of the sender's log as it is now. */
static void carry(struct sim_event *e, const struct sim_node *from)
{
    const struct raft_message *m = &e->message;
    if (m->kind != RAFT_APPEND || m->count == 0)
        return;
    e->entries = m->count <= 4 ? e->few : malloc(m->count * sizeof *e->entries);
    PANDO_ASSERT(e->entries != NULL && m->index + m->count <= from->log.last);
    memcpy(e->entries, &from->log.at[m->index + 1], m->count * sizeof *e->entries);
}

static void post(struct sim *s, struct sim_node *from, struct sim_node *to,
                 const struct raft_message *m)
{
    struct pando_time at =
        pando_time_add(s->now, between(s, s->config.delay_min, s->config.delay_max));
    if (s->config.ordered) { /* per lane, as streams do */
        struct pando_time *last = &s->last[from->id][to->id][m->lane];
        if (at.ns < last->ns)
            at = *last;
        *last = at;
    }
    struct sim_event *e = event_new(s, EVENT_MESSAGE, to, at);
    e->from = from->id;
    e->message = *m;
    carry(e, from);
    push(s, e);
}

void sim_post(struct sim *s, struct sim_node *from, const struct raft_message *m)
{
    if (m->to == 0 || m->to > s->config.nodes)
        return;
    sim_check_send(s, from, m);
    s->append_entries += m->count;
    if (s->cut[from->id][m->to] || rng_chance(&s->rng, s->config.loss, 1000))
        return;
    post(s, from, &s->nodes[m->to], m);
    if (rng_chance(&s->rng, s->config.twice, 1000))
        post(s, from, &s->nodes[m->to], m);
}

void sim_post_synced(struct sim *s, struct sim_node *n, uint64_t number)
{
    const struct pando_span span = between(s, s->config.disk_min, s->config.disk_max);
    struct sim_event *e = event_new(s, EVENT_SYNCED, n, pando_time_add(s->now, span));
    e->number = number;
    push(s, e);
}

void sim_post_snapshot(struct sim *s, struct sim_node *from, uint64_t to)
{
    if (to == 0 || to > s->config.nodes || s->cut[from->id][to])
        return;
    const struct pando_time at =
        pando_time_add(s->now, between(s, PANDO_MSEC(5), s->config.snapshot_max));
    struct sim_event *e = event_new(s, EVENT_SNAPSHOT, &s->nodes[to], at);
    e->from = from->id;
    e->snapshot = from->log.snapshot;
    e->number = raft_look(from->core).term;
    push(s, e);
}

/* A timer event may come too early, then it is set again; never too late. */
void sim_set_timer(struct sim *s, struct sim_node *n)
{
    struct pando_time at = raft_deadline(n->core);
    if (at.ns == UINT64_MAX)
        return;
    at.ns = (at.ns + n->rate - 1) / n->rate * 1000;
    if (n->timer.ns != 0 && n->timer.ns <= at.ns)
        return;
    n->timer = at.ns < s->now.ns ? s->now : at;
    push(s, event_new(s, EVENT_TIMER, n, n->timer));
}

static void deliver(struct sim *s, struct sim_node *n, struct sim_event *e)
{
    struct raft_entry entries[RAFT_BATCH_MAX];
    struct raft_message m = e->message;
    if (s->cut[e->from][e->to])
        return;
    for (uint32_t i = 0; i < m.count; i++) {
        const struct sim_entry *in = &e->entries[i];
        entries[i] =
            (struct raft_entry){ m.index + 1 + i, in->term, in->kind, in->size,
                                 in->members != 0 ? &s->members[in->members] : NULL };
    }
    m.entries = m.count > 0 ? entries : NULL;
    n->received = e->entries;
    n->received_count = m.count;
    sim_give(s, n, &(struct raft_input){ .kind = RAFT_RECEIVE, .message = &m });
    n->received = NULL;
}

static void happen(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->to];
    switch (e->kind) {
    case EVENT_MESSAGE:
        deliver(s, n, e);
        return;
    case EVENT_SYNCED:
        if (e->life == n->life)
            sim_synced(s, n, e->number);
        return;
    case EVENT_SNAPSHOT:
        if (!s->cut[e->from][e->to] && raft_look(n->core).term >= e->number)
            sim_restored(s, n, &e->snapshot);
        return;
    case EVENT_TIMER:
        if (e->life != n->life || e->due.at.ns != n->timer.ns)
            return;
        n->timer.ns = 0;
        if (pando_time_reached(raft_deadline(n->core), sim_clock(s, n)))
            sim_give(s, n, &(struct raft_input){ .kind = RAFT_TICK });
        else
            sim_set_timer(s, n);
        return;
    }
}

bool sim_next(struct sim *s)
{
    struct sim_event *e = agenda_take(&s->agenda);
    if (e == NULL)
        return false;
    struct sim_node *n = &s->nodes[e->to];
    if (e->due.at.ns > s->now.ns)
        s->now = e->due.at;
    if (n->up && n->paused.ns > s->now.ns) { /* it notices when it wakes */
        if (e->kind == EVENT_TIMER && e->due.at.ns == n->timer.ns)
            n->timer = n->paused;
        e->due.at = n->paused;
        push(s, e);
        return true;
    }
    if (n->up)
        happen(s, e);
    event_free(s, e);
    s->steps++;
    return true;
}

/* Proposals come in their rhythm, to whoever believes to lead. */
static void offer(struct sim *s)
{
    for (uint32_t i = 1; i <= s->config.nodes; i++)
        if (s->nodes[i].up && s->nodes[i].role == RAFT_LEADER &&
            s->nodes[i].paused.ns <= s->now.ns) {
            (void)sim_propose(s, i);
            if (s->next_value % 4 == 0)
                sim_read(s, i);
        }
}

void sim_run(struct sim *s, struct pando_span span)
{
    const struct pando_time end = pando_time_add(s->now, span);
    while (s->violation == NULL) {
        const struct pando_time next = agenda_due(&s->agenda);
        if (s->config.ops > 0 && s->next_op.ns <= next.ns && s->next_op.ns <= end.ns) {
            s->now = s->next_op;
            s->next_op =
                pando_time_add(s->now, (struct pando_span){ 1000000000 / s->config.ops });
            offer(s);
            continue;
        }
        if (next.ns > end.ns)
            break;
        (void)sim_next(s);
    }
    if (s->now.ns < end.ns)
        s->now = end;
}

bool sim_until(struct sim *s, uint64_t id, enum raft_role role, struct pando_span limit)
{
    const struct pando_time end = pando_time_add(s->now, limit);
    while (s->violation == NULL && s->now.ns < end.ns && s->agenda.len > 0) {
        if (s->nodes[id].up && s->nodes[id].role == role)
            return true;
        (void)sim_next(s);
    }
    return s->nodes[id].up && s->nodes[id].role == role;
}

void sim_cut(struct sim *s, uint64_t a, uint64_t b, bool cut)
{
    s->cut[a][b] = s->cut[b][a] = cut;
}

void sim_only(struct sim *s, const char *groups)
{
    const uint64_t len = strlen(groups);
    for (uint64_t a = 1; a <= s->config.nodes; a++)
        for (uint64_t b = 1; b < a; b++) {
            const char ga = a <= len ? groups[a - 1] : '.';
            const char gb = b <= len ? groups[b - 1] : '.';
            sim_cut(s, a, b, ga != gb || ga == '.');
        }
}

void sim_link(struct sim *s, uint64_t at, uint64_t peer, bool up)
{
    if (s->nodes[at].up && s->nodes[at].paused.ns <= s->now.ns)
        sim_give(s, &s->nodes[at],
                 &(struct raft_input){ .kind = up ? RAFT_LINK_UP : RAFT_LINK_DOWN,
                                       .peer = peer });
}

void sim_pause(struct sim *s, uint64_t id, struct pando_span span)
{
    s->nodes[id].paused = pando_time_add(s->now, span);
}

struct sim *sim_new(const struct sim_config *config)
{
    struct sim *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL && config->nodes < SIM_NODES_MAX);
    s->config = *config;
    s->rng = rng_seeded(config->seed * 2654435761u + 17);
    s->now = (struct pando_time){ 1000000000 };
    s->next_op = s->now;
    s->members_cap = 64;
    s->members = calloc(s->members_cap, sizeof *s->members);
    s->index_cap = 1024;
    s->index = calloc(s->index_cap, sizeof *s->index);
    PANDO_ASSERT(s->members != NULL && s->index != NULL);
    s->members_len = 2; /* 1: the first membership */
    for (uint32_t i = 0; i < config->nodes; i++) {
        s->members[1].at[i].id = i + 1;
        s->members[1].at[i].standing = i < config->voters ? RAFT_VOTER : RAFT_LEARNER;
    }
    s->members[1].len = config->nodes;
    for (uint32_t i = 1; i <= config->nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        n->id = i;
        n->rate = 1000;
        if (config->skew > 0)
            n->rate += config->skew - (uint32_t)rng_below(&s->rng, 2 * config->skew + 1);
        n->log.snapshot.members = n->disk.log.snapshot.members = 1;
        sim_boot(s, n);
    }
    return s;
}

static void node_free(struct sim_node *n)
{
    raft_free(n->core);
    free(n->log.at);
    free(n->disk.log.at);
    free(n->disk.queue);
    for (uint32_t i = 0; i < RAFT_HELD_MAX; i++)
        free(n->held[i].entries);
}

void sim_free(struct sim *s)
{
    for (struct sim_event *e; (e = agenda_take(&s->agenda)) != NULL;)
        event_free(s, e);
    while (s->free_events != NULL) {
        struct sim_event *e = s->free_events;
        s->free_events = e->next;
        free(e);
    }
    for (uint32_t i = 1; i <= s->config.nodes; i++)
        node_free(&s->nodes[i]);
    for (uint64_t i = 0; i < s->index_cap; i++)
        free(s->index[i].seen);
    free(s->index);
    free(s->members);
    agenda_deinit(&s->agenda);
    free(s);
}
