/* reads.c - linear reads: everything acknowledged before the call is seen.
 *
 * The leader gives the index that must be applied first, once a quorum has confirmed after
 * the call that it still leads (raft_read). A member that does not lead asks the leader for
 * that index and reads its own state when it is there. When the leader changes, or its link
 * was away, the question may be lost: it is asked again, which only makes the index newer.
 */
#include "space/log/engine.h"

#include "base/slice.h"

#define PATIENCE PANDO_SEC(5)

static void drop(struct log *l, struct log_read *r)
{
    r->used = false;
    l->reads_len--;
}

void log_read_failed(struct log *l, struct log_read *r)
{
    if (!r->remote)
        log_fail(l, r->token, PANDO_UNAVAILABLE,
                 "no leader confirmed the read in time, or it changed: repeat the read");
    drop(l, r); /* a member that asked gives up by itself */
}

void log_reads_fail(struct log *l)
{
    for (size_t i = 0; i < LOG_READS_MAX; i++)
        if (l->reads[i].used)
            log_read_failed(l, &l->reads[i]);
}

static bool send_numbers(struct log *l, struct log_peer *p, enum log_wire_kind kind, uint64_t id,
                         uint64_t index)
{
    uint8_t bytes[17];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, kind, 1);
    wire_put_be(&w, id, 8);
    wire_put_be(&w, index, 8);
    return p != NULL && log_send(l, p, LOG_CONTROL, bytes_copy(wire_written(&w)));
}

static struct log_read *place_for(struct log *l)
{
    for (size_t i = 0; i < LOG_READS_MAX; i++)
        if (!l->reads[i].used)
            return &l->reads[i];
    return NULL;
}

/* Here when we lead, else at the leader; false: it cannot be asked now. */
static bool ask(struct log *l, struct log_read *r)
{
    r->asked = l->role == RAFT_LEADER
                   ? raft_read(l->raft, l->now, r->id) == PANDO_OK
                   : !r->remote && send_numbers(l, log_peer_of(l, l->leader), LOG_WIRE_READ, r->id, 0);
    return r->asked;
}

static bool begin(struct log *l, struct log_read *place, const struct log_read *r)
{
    *place = *r;
    place->used = true;
    place->id = ++l->read_ids;
    place->index = UINT64_MAX;
    place->due = pando_time_add(l->now, PATIENCE);
    l->reads_len++;
    l->totals.reads++;
    const bool begun = ask(l, place);
    if (!begun)
        drop(l, place);
    log_drive(l);
    return begun;
}

void log_read_linear(struct log *l, const struct log_read *r)
{
    char why[500];
    struct log_read *place = place_for(l);
    if (place == NULL) {
        log_fail(l, r->token, PANDO_BUSY, "too many reads are under way");
        return;
    }
    if (begin(l, place, r))
        return;
    log_no_quorum(l, why, sizeof why);
    log_fail(l, r->token, PANDO_UNAVAILABLE, "%s",
             why[0] != '\0' ? why : "the leader cannot be asked now: repeat the read");
}

/* A member asks us for an index; whoever does not lead stays silent. */
enum pando_status log_read_asked(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct wire_reader w = wire_read(s);
    struct log_read r = { .remote = true };
    r.token = wire_get_be(&w, 8);
    (void)wire_get_be(&w, 8);
    if (!wire_read_done(&w))
        return PANDO_MALFORMED;
    struct log_read *place = place_for(l);
    r.peer = p->handle;
    if (place != NULL && l->role == RAFT_LEADER && batch_find(log_members(l), p->member) != NULL)
        (void)begin(l, place, &r);
    return PANDO_OK;
}

enum pando_status log_read_told(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct wire_reader w = wire_read(s);
    const uint64_t id = wire_get_be(&w, 8), index = wire_get_be(&w, 8);
    if (!wire_read_done(&w))
        return PANDO_MALFORMED;
    for (size_t i = 0; i < LOG_READS_MAX; i++) {
        struct log_read *r = &l->reads[i];
        if (r->used && !r->remote && r->id == id && p->member == l->leader)
            r->index = index;
    }
    return PANDO_OK;
}

/* Raft has an index for one of them, or (0) it has lost the lead. */
void log_read_confirmed(struct log *l, uint64_t id, uint64_t index)
{
    for (size_t i = 0; i < LOG_READS_MAX; i++) {
        struct log_read *r = &l->reads[i];
        if (!r->used || r->id != id)
            continue;
        if (index == 0) {
            log_read_failed(l, r);
        } else if (r->remote) {
            (void)send_numbers(l, log_peer(l, r->peer), LOG_WIRE_READ_INDEX, r->token, index);
            drop(l, r);
        } else {
            r->index = index;
        }
    }
}

void log_read_run(struct log *l)
{
    for (size_t i = 0; i < LOG_READS_MAX && l->reads_len > 0; i++) {
        struct log_read *r = &l->reads[i];
        if (!r->used)
            continue;
        if (r->index <= l->rooms.applied) {
            log_read_now(l, r);
            drop(l, r);
        } else if (pando_time_reached(r->due, l->now)) {
            log_read_failed(l, r);
        } else if (!r->asked && l->leader != 0 && ask(l, r)) {
            log_drive(l);
        }
    }
}

void log_reads_reset(struct log *l)
{
    for (size_t i = 0; i < LOG_READS_MAX && l->reads_len > 0; i++)
        if (l->reads[i].used && !l->reads[i].remote && l->reads[i].index == UINT64_MAX)
            l->reads[i].asked = false;
}

void log_reads_peer_up(struct log *l, const struct log_peer *p)
{
    if (p->member == l->leader)
        log_reads_reset(l);
}

struct pando_time log_reads_deadline(const struct log *l)
{
    struct pando_time at = PANDO_TIME_NEVER;
    for (size_t i = 0; i < LOG_READS_MAX && l->reads_len > 0; i++)
        if (l->reads[i].used)
            at = pando_time_min(at, l->reads[i].due);
    return at;
}
