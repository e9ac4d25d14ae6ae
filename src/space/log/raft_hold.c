/* raft_hold.c - APPENDs that arrived before what precedes them.
 *
 * Streams and lanes reorder against each other: a new entry on the live lane may overtake
 * the last pieces of a catch-up. Such an APPEND is kept, its entries' bytes by the caller
 * under the token of RAFT_HELD, until the gap is closed or the term ends. More than
 * RAFT_HELD_MAX are dropped; the leader sends them again.
 */
#include "space/log/raft_state.h"

#include <stdlib.h>
#include <string.h>

static bool holds(const struct raft *r, const struct raft_message *m)
{
    for (uint32_t i = 0; i < r->held_len; i++)
        if (r->held[i]->message.index == m->index &&
            r->held[i]->message.count >= m->count)
            return true;
    return false;
}

/* The message, its entries and their members in one block. */
static struct raft_hold *copy(const struct raft_message *m)
{
    size_t configs = 0;
    for (uint32_t i = 0; i < m->count; i++)
        configs += m->entries[i].config != NULL;
    struct raft_hold *h = malloc(sizeof *h + m->count * sizeof(struct raft_entry) +
                                 configs * sizeof(struct raft_members));
    if (h == NULL)
        return NULL;
    struct raft_entry *entries = (struct raft_entry *)(h + 1);
    struct raft_members *members = (struct raft_members *)(entries + m->count);
    memcpy(entries, m->entries, m->count * sizeof *entries);
    for (uint32_t i = 0; i < m->count; i++) {
        if (entries[i].config == NULL)
            continue;
        *members = *entries[i].config;
        entries[i].config = members++;
    }
    h->message = *m;
    h->message.entries = entries;
    return h;
}

void raft_hold(struct raft *r, const struct raft_message *m)
{
    if (r->held_len == RAFT_HELD_MAX || holds(r, m))
        return;
    struct raft_hold *h = copy(m);
    if (h == NULL)
        return;
    struct raft_effect *e = raft_emit(r, RAFT_HELD);
    if (e == NULL) {
        free(h);
        return;
    }
    h->token = ++r->held_tokens;
    e->index = m->index;
    e->expected = r->log.last_index;
    e->token = h->token;
    r->held[r->held_len++] = h;
}

bool raft_hold_next(struct raft *r, struct raft_hold **ret)
{
    for (uint32_t i = 0; i < r->held_len; i++) {
        if (r->held[i]->message.index > r->log.last_index)
            continue;
        *ret = r->held[i];
        memmove(&r->held[i], &r->held[i + 1], (--r->held_len - i) * sizeof *r->held);
        return true;
    }
    return false;
}

void raft_hold_free(struct raft *r, struct raft_hold *h)
{
    struct raft_effect *e = raft_emit(r, RAFT_RELEASED);
    if (e != NULL)
        e->token = h->token;
    free(h);
}

void raft_hold_drop(struct raft *r)
{
    while (r->held_len > 0)
        raft_hold_free(r, r->held[--r->held_len]);
}
