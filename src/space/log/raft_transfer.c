/* raft_transfer.c - to hand over leadership, by wish or in a cluster's first moments.
 *
 * The leader takes no more proposals, brings the heir up to date and tells it to stand at
 * once; the heir's votes are asked for with a mark that stickiness does not count. If it
 * takes too long, all goes on as before.
 *
 * In the start window of a static cluster the first leader is whoever came up first.
 * Until there is data it hands over to a higher voter that is up to date, so that the
 * cluster ends with the leader its order of ids asks for. Who joins later has no part in it.
 */
#include "space/log/raft_state.h"

static bool heard_lately(const struct raft *r, const struct raft_peer *p)
{
    return pando_time_since(r->now, p->heard).ns < 2 * r->options.election.ns;
}

/* The highest voter between `above` and `below` (both out) that needs no more than what is in flight. */
static struct raft_peer *heir(struct raft *r, uint64_t above, uint64_t below, uint64_t match)
{
    for (uint32_t i = r->peers_len; i-- > 0;) {
        struct raft_peer *p = &r->peers[i];
        if (p->id > above && p->id < below && p->id != r->options.id && p->voter && !p->mending &&
            p->match >= match && heard_lately(r, p))
            return p;
    }
    return NULL;
}

/* When the heir has everything: its turn. */
void raft_transfer_go(struct raft *r)
{
    const struct raft_peer *p = raft_peer_find(r, r->transfer_to);
    if (p == NULL || !p->voter || pando_time_reached(r->transfer_until, r->now)) {
        r->transfer_to = 0;
        return;
    }
    r->dirty = true;
    if (p->match < r->log.last_index)
        return;
    raft_send(r, &(struct raft_message){
                     .kind = RAFT_TIMEOUT_NOW, .to = p->id, .term = r->term });
}

static void begin(struct raft *r, const struct raft_peer *p)
{
    r->transfer_to = p->id;
    r->transfer_until = pando_time_add(r->now, r->options.transfer);
    raft_transfer_go(r);
}

enum pando_status raft_transfer(struct raft *r, struct pando_time now, uint64_t to)
{
    if (r->role != RAFT_LEADER || r->transfer_to != 0)
        return PANDO_UNAVAILABLE;
    if (now.ns > r->now.ns)
        r->now = now;
    struct raft_peer *p =
        to != 0 ? raft_peer_find(r, to) : heir(r, 0, UINT64_MAX, r->log.last_index);
    if (to == 0 && p == NULL) /* nobody has everything: who has what counts can get it */
        p = heir(r, 0, UINT64_MAX, r->commit);
    if (to != 0 && (p == NULL || !p->voter || p->mending || to == r->options.id))
        return PANDO_INVALID;
    if (p == NULL)
        return PANDO_UNAVAILABLE;
    begin(r, p);
    return PANDO_OK;
}

void raft_window_check(struct raft *r)
{
    const bool open = r->options.start_window && r->commit >= r->own_first &&
                      (r->log.data_index == 0 || r->log.data_index > r->commit) &&
                      r->window_until.ns != 0 &&
                      !pando_time_reached(r->window_until, r->now);
    if (!open || !pando_time_reached(r->handover_after, r->now))
        return;
    const struct raft_peer *p = heir(r, r->options.id, r->window_end, r->log.last_index);
    if (p == NULL)
        return;
    r->handover_after = pando_time_add(r->now, PANDO_SEC(1));
    begin(r, p);
}

void raft_on_timeout_now(struct raft *r, const struct raft_message *m)
{
    if (m->term != r->term || m->from != r->term_leader || r->role == RAFT_LEADER ||
        r->role == RAFT_CANDIDATE || !r->voter || r->mend != 0)
        return;
    raft_campaign(r, true, RAFT_WHY_TRANSFER);
}
