/* raft_writes.c - numbers for everything that goes to the disk, and what came of it.
 *
 * Writes are durable in the order of their numbers. So a durable vote implies that the
 * log it was given for is durable, too; and of the entries only the index up to which
 * they are durable counts. Entries follow each other without a gap most of the time:
 * what is under way is remembered in runs of neighbouring numbers.
 */
#include "space/log/raft_state.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more run. */
bool raft_writes_room(struct raft_writes *w)
{
    if (w->runs_at + w->runs_len < w->runs_cap)
        return true;
    if (w->runs_at > w->runs_cap / 2) {
        memmove(w->runs, w->runs + w->runs_at, w->runs_len * sizeof *w->runs);
        w->runs_at = 0;
        return true;
    }
    const uint32_t cap = w->runs_cap == 0 ? 16 : w->runs_cap * 2;
    struct write_run *runs = realloc(w->runs, cap * sizeof *runs);
    if (runs == NULL)
        return false;
    w->runs = runs;
    w->runs_cap = cap;
    return true;
}

static void pop_front(struct raft_writes *w)
{
    w->runs_at++;
    w->runs_len--;
    if (w->runs_len == 0)
        w->runs_at = 0;
}

void raft_writes_done(struct raft_writes *w, uint64_t number)
{
    if (number > w->given)
        number = w->given;
    if (number <= w->done)
        return;
    w->done = number;
    while (w->runs_len > 0) {
        struct write_run *run = &w->runs[w->runs_at];
        if (number < run->write)
            return;
        if (number - run->write < run->last - run->first) {
            w->durable = run->first + (number - run->write);
            run->write = number + 1;
            run->first = w->durable + 1;
            return;
        }
        w->durable = run->last;
        pop_front(w);
    }
}

void raft_writes_settled(struct raft_writes *w, uint64_t index)
{
    while (w->runs_len > 0 && w->runs[w->runs_at].last <= index)
        pop_front(w);
    if (w->runs_len > 0 && w->runs[w->runs_at].first <= index) {
        struct write_run *run = &w->runs[w->runs_at];
        run->write += index + 1 - run->first;
        run->first = index + 1;
    }
    if (index > w->durable)
        w->durable = index;
}

/* The log begins again behind `index`, which is durable. */
void raft_writes_restart(struct raft_writes *w, uint64_t index)
{
    w->runs_at = w->runs_len = 0;
    w->durable = index;
}

static void track(struct raft_writes *w, uint64_t index)
{
    const uint64_t write = ++w->given;
    if (w->runs_len > 0) {
        struct write_run *last = &w->runs[w->runs_at + w->runs_len - 1];
        if (last->last + 1 == index && last->write + (index - last->first) == write) {
            last->last = index;
            return;
        }
    }
    PANDO_ASSERT(w->runs_at + w->runs_len < w->runs_cap);
    w->runs[w->runs_at + w->runs_len++] = (struct write_run){ index, index, write };
}

static void untrack(struct raft_writes *w, uint64_t index)
{
    while (w->runs_len > 0) {
        struct write_run *last = &w->runs[w->runs_at + w->runs_len - 1];
        if (last->first < index) {
            if (last->last >= index)
                last->last = index - 1;
            break;
        }
        w->runs_len--;
    }
    if (w->durable >= index)
        w->durable = index - 1;
}

void raft_write_state(struct raft *r)
{
    struct raft_effect *e = raft_emit(r, RAFT_WRITE_STATE);
    PANDO_ASSERT(e != NULL); /* room was made before */
    e->write = r->writes.state = ++r->writes.given;
    e->term = r->term;
    e->vote = MUTANT(VOTE_FORGOTTEN) ? 0 : r->vote;
}

void raft_write_entry(struct raft *r, const struct raft_entry *entry,
                      uint32_t from_message)
{
    struct raft_effect *e = raft_emit(r, RAFT_WRITE_ENTRY);
    PANDO_ASSERT(e != NULL);
    track(&r->writes, entry->index);
    e->write = r->writes.given;
    e->entry = *entry;
    e->from_message = from_message;
    e->token = r->source;
}

void raft_write_truncate(struct raft *r, uint64_t index)
{
    struct raft_effect *e = raft_emit(r, RAFT_WRITE_TRUNCATE);
    PANDO_ASSERT(e != NULL);
    untrack(&r->writes, index);
    e->write = ++r->writes.given;
    e->index = index;
}
