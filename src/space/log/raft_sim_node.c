/* raft_sim_node.c - one node of the world: its log in memory, its disk, its core's
 * wishes.
 *
 * A disk takes writes in order and syncs one group at a time; only what a sync has
 * reported counts. A crash leaves any beginning of the rest.
 */
#include "base/assert.h"
#include "space/log/raft_sim.h"

#include <stdlib.h>
#include <string.h>

void sim_log_put(struct sim_log *l, uint64_t index, const struct sim_entry *e)
{
    if (index >= l->cap) {
        l->cap = l->cap == 0 ? 256 : l->cap * 2;
        while (l->cap <= index)
            l->cap *= 2;
        l->at = realloc(l->at, l->cap * sizeof *l->at);
        PANDO_ASSERT(l->at != NULL);
    }
    l->at[index] = *e;
    l->last = index;
}

static void disk_apply(struct sim_disk *d, const struct sim_write *w)
{
    switch (w->kind) {
    case SIM_WRITE_STATE:
        d->term = w->term;
        d->vote = w->vote;
        return;
    case SIM_WRITE_ENTRY:
        if (w->index > d->log.snapshot.index)
            sim_log_put(&d->log, w->index, &w->entry);
        return;
    case SIM_WRITE_TRUNCATE:
        if (w->index > d->log.snapshot.index && d->log.last >= w->index)
            d->log.last = w->index - 1;
        return;
    }
}

static void disk_flush(struct sim_disk *d, uint64_t number)
{
    while (d->len > 0 && d->queue[d->at].number <= number) {
        disk_apply(d, &d->queue[d->at++]);
        if (--d->len == 0)
            d->at = 0;
    }
}

/* Everything is durable, though not reported yet. */
void sim_flush(struct sim_node *n)
{
    disk_flush(&n->disk, UINT64_MAX);
}

static void disk_start(struct sim *s, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    if (d->syncing != 0 || d->len == 0 || d->by_hand)
        return;
    d->syncing = d->queue[d->at + d->len - 1].number;
    sim_post_synced(s, n, d->syncing);
}

static void disk_write(struct sim_node *n, const struct sim_write *w)
{
    struct sim_disk *d = &n->disk;
    if (d->at > 0 && d->at + d->len == d->cap) {
        memmove(d->queue, d->queue + d->at, d->len * sizeof *d->queue);
        d->at = 0;
    }
    if (d->len == d->cap) {
        d->cap = d->cap == 0 ? 64 : d->cap * 2;
        d->queue = realloc(d->queue, d->cap * sizeof *d->queue);
        PANDO_ASSERT(d->queue != NULL);
    }
    d->queue[d->at + d->len++] = *w;
    d->given = w->number;
}

void sim_give(struct sim *s, struct sim_node *n, const struct raft_input *in)
{
    raft_step(n->core, sim_clock(s, n), in);
    sim_drain(s, n);
}

void sim_synced(struct sim *s, struct sim_node *n, uint64_t number)
{
    n->disk.syncing = 0;
    disk_flush(&n->disk, number);
    sim_give(s, n, &(struct raft_input){ .kind = RAFT_WRITTEN, .write = number });
}

void sim_sync(struct sim *s, uint64_t id, uint32_t writes)
{
    struct sim_node *n = &s->nodes[id];
    const struct sim_disk *d = &n->disk;
    if (!n->up || writes == 0)
        return;
    if (writes < d->len)
        sim_synced(s, n, d->queue[d->at + writes - 1].number);
    else /* what a snapshot has swept along as well */
        sim_synced(s, n, d->given);
}

/* The bytes of an entry to be written: own, from the message, or from one that was held.
 */
static struct sim_entry bytes_of(struct sim *s, struct sim_node *n,
                                 const struct raft_effect *e)
{
    if (e->from_message == UINT32_MAX) {
        const struct raft_entry *r = &e->entry;
        return (struct sim_entry){ r->term, ++s->next_value, r->size,
                                   r->config != NULL ? n->proposing : 0,
                                   (uint8_t)r->kind };
    }
    if (e->token == 0) {
        PANDO_ASSERT(n->received != NULL);
        return n->received[e->from_message];
    }
    for (uint32_t i = 0; i < RAFT_HELD_MAX; i++)
        if (n->held[i].token == e->token)
            return n->held[i].entries[e->from_message];
    PANDO_UNREACHABLE();
}

static void on_entry(struct sim *s, struct sim_node *n, const struct raft_effect *e)
{
    const struct sim_entry entry = bytes_of(s, n, e);
    const struct raft_members *config =
        entry.members != 0 ? &s->members[entry.members] : NULL;
    if (entry.term != e->entry.term || e->entry.index != n->log.last + 1 ||
        (config == NULL) != (e->entry.config == NULL))
        sim_break(s, "effects: an entry's bytes are not its own");
    sim_log_put(&n->log, e->entry.index, &entry);
    sim_check_entry(s, n, e->entry.index);
    disk_write(n, &(struct sim_write){ .kind = SIM_WRITE_ENTRY,
                                       .number = e->write,
                                       .index = e->entry.index,
                                       .entry = entry });
}

/* Cut what only the memory holds by now; the disk follows in its order. */
static void on_truncate(struct sim *s, struct sim_node *n, const struct raft_effect *e)
{
    if (e->index <= n->applied)
        sim_break(s, "truncation: an applied entry was cut off");
    n->log.last = e->index - 1;
    n->truncated = true;
    disk_write(n, &(struct sim_write){ .kind = SIM_WRITE_TRUNCATE,
                                       .number = e->write,
                                       .index = e->index });
}

static void on_held(struct sim *s, struct sim_node *n, const struct raft_effect *e,
                    uint32_t count)
{
    s->held++;
    for (uint32_t i = 0; i < RAFT_HELD_MAX; i++) {
        if (n->held[i].token != 0)
            continue;
        n->held[i].token = e->token;
        n->held[i].entries = malloc(count * sizeof(struct sim_entry));
        PANDO_ASSERT(n->held[i].entries != NULL && n->received != NULL);
        memcpy(n->held[i].entries, n->received, count * sizeof(struct sim_entry));
        return;
    }
    sim_break(s, "effects: more is held than released");
}

static void on_released(struct sim_node *n, uint64_t token)
{
    for (uint32_t i = 0; i < RAFT_HELD_MAX; i++)
        if (n->held[i].token == token) {
            free(n->held[i].entries);
            n->held[i].entries = NULL;
            n->held[i].token = 0;
        }
}

static void on_effect(struct sim *s, struct sim_node *n, const struct raft_effect *e)
{
    switch (e->kind) {
    case RAFT_SEND:
        sim_post(s, n, &e->message);
        return;
    case RAFT_WRITE_STATE:
        disk_write(n, &(struct sim_write){ .kind = SIM_WRITE_STATE,
                                           .number = e->write,
                                           .term = e->term,
                                           .vote = e->vote });
        return;
    case RAFT_WRITE_ENTRY:
        on_entry(s, n, e);
        return;
    case RAFT_WRITE_TRUNCATE:
        on_truncate(s, n, e);
        return;
    case RAFT_COMMIT:
        sim_check_commit(s, n, e->index);
        return;
    case RAFT_ROLE:
        n->role = e->role;
        n->role_term = e->term;
        sim_check_role(s, n);
        return;
    case RAFT_READ:
        sim_check_read(s, n, e->token, e->index);
        return;
    case RAFT_NEED_SNAPSHOT:
        sim_post_snapshot(s, n, e->peer);
        return;
    case RAFT_HELD:
        on_held(s, n, e, n->received_count);
        return;
    case RAFT_RELEASED:
        on_released(n, e->token);
        return;
    case RAFT_MENDED:
        n->disk.mend = 0;
        s->mends++;
        sim_check_mended(s, n);
        return;
    case RAFT_MEMBERS:
    case RAFT_HEARTBEAT:
        return;
    }
}

void sim_drain(struct sim *s, struct sim_node *n)
{
    struct raft_effect e;
    while (raft_poll(n->core, &e)) {
        s->hash = (s->hash ^ (uint64_t)e.kind ^ n->id << 8 ^ e.index << 16 ^ s->now.ns) *
                  UINT64_C(0x100000001b3);
        on_effect(s, n, &e);
    }
    if (n->truncated)
        sim_check_members(s, n);
    n->truncated = false;
    disk_start(s, n);
    sim_set_timer(s, n);
}

/* The core of what the disk holds. */
void sim_boot(struct sim *s, struct sim_node *n)
{
    const struct sim_log *l = &n->disk.log;
    const struct raft_options options = { .id = n->id,
                                          .start_window = s->config.start_window,
                                          .demote = s->config.demote,
                                          .demote_after = PANDO_SEC(2),
                                          .seed = s->config.seed + n->life };
    const struct raft_state state = { .term = n->disk.term,
                                      .vote = n->disk.vote,
                                      .mend = n->disk.mend,
                                      .first_index = l->snapshot.index + 1,
                                      .base_term = l->snapshot.term,
                                      .last_index = l->last,
                                      .commit = l->snapshot.index,
                                      .base = s->members[l->snapshot.members] };
    n->core = raft_new(&options, &state);
    PANDO_ASSERT(n->core != NULL);
    n->log.snapshot = l->snapshot;
    n->log.last = l->snapshot.index;
    for (uint64_t i = l->snapshot.index + 1; i <= l->last; i++) {
        const struct sim_entry *e = &l->at[i];
        const struct raft_entry entry = { i, e->term, e->kind, e->size,
                                          e->members != 0 ? &s->members[e->members]
                                                          : NULL };
        if (raft_load_entry(n->core, &entry) != PANDO_OK)
            sim_break(s, "disk: an entry cannot be loaded");
        sim_log_put(&n->log, i, e);
    }
    n->up = true;
    n->role = RAFT_FOLLOWER;
    n->applied = n->commit = l->snapshot.index;
    n->timer.ns = 0;
    sim_give(s, n, &(struct raft_input){ .kind = RAFT_TICK });
}

void sim_crash(struct sim *s, uint64_t id)
{
    struct sim_node *n = &s->nodes[id];
    if (!n->up)
        return;
    const uint64_t kept = n->disk.by_hand ? 0 : rng_below(&s->rng, n->disk.len + 1);
    for (uint64_t i = 0; i < kept; i++)
        disk_apply(&n->disk, &n->disk.queue[n->disk.at + i]);
    n->disk.at = n->disk.len = 0;
    n->disk.syncing = n->disk.given = 0;
    for (uint32_t i = 0; i < RAFT_HELD_MAX; i++)
        if (n->held[i].token != 0)
            on_released(n, n->held[i].token);
    raft_free(n->core);
    n->core = NULL;
    n->up = false;
    n->role = RAFT_FOLLOWER;
    n->reads_len = 0;
    n->paused.ns = 0;
    n->life++;
}

void sim_lose(struct sim *s, uint64_t id, uint64_t keep, bool whole)
{
    struct sim_node *n = &s->nodes[id];
    struct sim_disk *d = &n->disk;
    PANDO_ASSERT(!n->up);
    s->losses++;
    if (d->mend == 0)
        for (n->owed = d->log.last; n->owed > 0 && !sim_is_committed(s, n, n->owed);)
            n->owed--;
    d->mend = s->losses;
    if (whole) {
        d->log.snapshot = (struct sim_snapshot){ .members = 1 };
        d->log.last = d->term = d->vote = 0;
        return;
    }
    if (keep < d->log.snapshot.index)
        keep = d->log.snapshot.index;
    if (keep < d->log.last)
        d->log.last = keep;
    const uint64_t least = d->log.last > d->log.snapshot.index ? d->log.at[d->log.last].term
                                                               : d->log.snapshot.term;
    if (d->term > least)
        d->vote = 0;
    d->term = least;
}

void sim_restart(struct sim *s, uint64_t id)
{
    if (!s->nodes[id].up)
        sim_boot(s, &s->nodes[id]);
}

void sim_restored(struct sim *s, struct sim_node *n, const struct sim_snapshot *snapshot)
{
    if (snapshot->index <= raft_look(n->core).commit)
        return;
    s->restores++;
    sim_flush(n);
    raft_restored(n->core, sim_clock(s, n), snapshot->index, snapshot->term,
                  &s->members[snapshot->members]);
    const uint64_t last = raft_look(n->core).last_index;
    n->log.snapshot = n->disk.log.snapshot = *snapshot;
    n->log.last = last;
    if (n->disk.log.last > last || n->disk.log.last < snapshot->index)
        n->disk.log.last = last;
    n->applied = snapshot->index;
    sim_drain(s, n);
}
