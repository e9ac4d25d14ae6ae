/* raft_effects.c - what the caller shall do, in a ring that grows by doubling.
 *
 * Room for what must not be lost (writes) is made before a message is touched; a message
 * to be sent may be dropped when memory is short: it counts as lost and is repeated.
 */
#include "space/log/raft_state.h"

#include <stdlib.h>
#include <string.h>

bool raft_effects_room(struct raft *r, uint32_t more)
{
    if (r->effects_len + more <= r->effects_cap)
        return true;
    uint32_t cap = r->effects_cap == 0 ? 64 : r->effects_cap;
    while (cap < r->effects_len + more)
        cap *= 2;
    struct raft_effect *effects = malloc(cap * sizeof *effects);
    if (effects == NULL)
        return false;
    const uint32_t head = r->effects_cap - r->effects_at;
    const uint32_t first = head < r->effects_len ? head : r->effects_len;
    if (r->effects_len > 0) {
        memcpy(effects, r->effects + r->effects_at, first * sizeof *effects);
        memcpy(effects + first, r->effects, (r->effects_len - first) * sizeof *effects);
    }
    free(r->effects);
    r->effects = effects;
    r->effects_cap = cap;
    r->effects_at = 0;
    return true;
}

struct raft_effect *raft_emit(struct raft *r, enum raft_effect_kind kind)
{
    if (r->effects_len == r->effects_cap && !raft_effects_room(r, 1))
        return NULL;
    struct raft_effect *e =
        &r->effects[(r->effects_at + r->effects_len++) & (r->effects_cap - 1)];
    memset(e, 0, sizeof *e);
    e->kind = kind;
    return e;
}

void raft_send(struct raft *r, const struct raft_message *m)
{
    struct raft_effect *e = raft_emit(r, RAFT_SEND);
    if (e == NULL)
        return;
    e->message = *m;
    e->message.from = r->options.id;
    e->peer = m->to;
}

void raft_emit_role(struct raft *r, enum raft_why why)
{
    struct raft_effect *e = raft_emit(r, RAFT_ROLE);
    if (e == NULL)
        return;
    e->role = r->role;
    e->term = r->term;
    e->leader = r->leader;
    e->why = why;
}
