/* link.c - peers come and go, say who they are, and hand over what belongs to others. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdio.h>
#include <string.h>

#define HELLO_EVERY PANDO_MSEC(300)

void log_hello_send(struct log *l, struct log_peer *p, enum log_wire_kind kind)
{
    uint8_t bytes[512];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    struct log_hello h = { .member = l->options.id, .known = p->hello, .blank = l->blank,
                           .mending = l->mend.number != 0, .empty = log_is_empty(l),
                           .term = raft_look(l->raft).term };
    if (l->grouped)
        memcpy(h.group, l->group.bytes, sizeof h.group);
    (void)snprintf(h.name, sizeof h.name, "%s", l->options.name);
    (void)snprintf(h.address, sizeof h.address, "%s", l->address);
    log_wire_put_hello(&w, kind, &h);
    if (!w.failed)
        (void)log_send(l, p, LOG_CONTROL, bytes_copy(wire_written(&w)));
    if (kind == LOG_WIRE_HELLO)
        p->hello_at = pando_time_add(l->now, HELLO_EVERY);
}

/* Until a peer says that it knows us, we say who we are: what came before the peer had met our
 * space was dropped there. */
void log_links_tick(struct log *l)
{
    for (size_t i = 0; i < l->peers_len; i++)
        if (!l->peers[i].known && pando_time_reached(l->peers[i].hello_at, l->now))
            log_hello_send(l, &l->peers[i], LOG_WIRE_HELLO);
}

struct pando_time log_links_deadline(const struct log *l)
{
    struct pando_time at = PANDO_TIME_NEVER;
    for (size_t i = 0; i < l->peers_len; i++)
        if (!l->peers[i].known)
            at = pando_time_min(at, l->peers[i].hello_at);
    return at;
}

void log_peer_up(struct log *l, uint32_t handle, const struct peer_id *id)
{
    if (l->peers_len == LOG_PEERS_MAX || log_peer(l, handle) != NULL)
        return;
    struct log_peer *p = &l->peers[l->peers_len++];
    *p = (struct log_peer){ .handle = handle, .heard = l->now };
    for (size_t c = 0; c < LOG_CHANNELS; c++)
        p->credit[c] = SPACE_CREDIT_START;
    if (id != NULL)
        p->id = *id;
    log_hello_send(l, p, LOG_WIRE_HELLO);
}

void log_peer_down(struct log *l, uint32_t handle)
{
    struct log_peer *p = log_peer(l, handle);
    if (p == NULL)
        return;
    const uint64_t member = p->hello ? p->member : 0;
    log_inbox_drop_peer(l, handle);
    *p = l->peers[--l->peers_len];
    if (member == 0 || log_peer_of(l, member) != NULL)
        return;
    log_raft_input(l, &(struct raft_input){ .kind = RAFT_LINK_DOWN, .peer = member });
    log_dial_members(l);
}

static bool is_zero(const uint8_t group[16])
{
    static const uint8_t zero[16];
    return memcmp(group, zero, 16) == 0;
}

static void say_foreign(struct log *l, struct log_peer *p)
{
    char id[PEER_ID_TEXT_MAX];
    if (p->refused_said)
        return;
    p->refused_said = true;
    peer_id_print(&p->id, id);
    trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_WARNING,
          "%s (%s) belongs to another group of this space: nothing is shared with it; one of the "
          "two began a group of its own and must join with empty data instead", p->name, id);
}

static enum pando_status take_hello(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct log_hello h;
    const enum pando_status st = log_wire_get_hello(s, &h);
    if (st != PANDO_OK)
        return st;
    const bool first = !p->hello;
    p->hello = true;
    p->known = h.known;
    p->mending = h.mending;
    p->empty = h.empty;
    p->term = h.term;
    p->member = h.member;
    memcpy(p->group.bytes, h.group, sizeof h.group);
    (void)snprintf(p->name, sizeof p->name, "%s", h.name);
    (void)snprintf(p->address, sizeof p->address, "%s", h.address);
    if (!h.known)
        log_hello_send(l, p, LOG_WIRE_HELLO);
    if (l->grouped && !is_zero(h.group) && memcmp(h.group, l->group.bytes, 16) != 0) {
        p->member = 0;
        say_foreign(l, p);
        return PANDO_OK;
    }
    if (h.member == l->options.id) {
        trace(l->host.tracer, TRACE_MEMBERSHIP, TRACE_ERROR,
              "a peer claims our number %llu: give one of the two another --id",
              (unsigned long long)h.member);
        p->member = 0;
        return PANDO_OK;
    }
    if (l->grouped && !is_zero(h.group))
        log_mend_met(l, p, h.blank);
    log_mend_settle(l);
    if (!first)
        return PANDO_OK;
    log_takes_peer_up(l, p);
    log_reads_peer_up(l, p);
    log_raft_input(l, &(struct raft_input){ .kind = RAFT_LINK_UP, .peer = h.member });
    if (!log_is_member(l))
        l->join_at = l->now;
    return PANDO_OK;
}

static enum pando_status take_join(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct log_hello h;
    const enum pando_status st = log_wire_get_hello(s, &h);
    if (st == PANDO_OK)
        log_join_asked(l, p, &h);
    return st;
}

static enum pando_status take_join_ack(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct log_join_ack a;
    const enum pando_status st = log_wire_get_join_ack(s, &a);
    if (st == PANDO_OK)
        log_join_answered(l, p, &a);
    return st;
}

static enum pando_status take_leave(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct wire_reader r = wire_read(s);
    const uint64_t id = wire_get_be(&r, 8);
    if (!wire_read_done(&r))
        return PANDO_MALFORMED;
    log_leave_asked(l, p, id);
    return PANDO_OK;
}

/* `*ret_kept`: the bytes stay charged to the peer until what they hold has moved on. */
static enum pando_status take(struct log *l, struct log_peer *p, const struct space_input *in,
                              bool *ret_kept)
{
    const struct pando_slice s = bytes_view(in->bytes), rest = slice_from(s, 1);
    if (s.len == 0)
        return PANDO_MALFORMED;
    switch (s.ptr[0]) {
    case LOG_WIRE_RAFT:
        return log_receive(l, p, in->bytes, 1) ? PANDO_OK : PANDO_MALFORMED;
    case LOG_WIRE_READ:
        return log_read_asked(l, p, rest);
    case LOG_WIRE_READ_INDEX:
        return log_read_told(l, p, rest);
    case LOG_WIRE_SNAPSHOT:
        return log_piece_come(l, p, rest);
    case LOG_WIRE_FORWARD:
        return log_forwarded(l, p, in->bytes, ret_kept);
    case LOG_WIRE_HELLO:
        return take_hello(l, p, rest);
    case LOG_WIRE_JOIN:
        return take_join(l, p, rest);
    case LOG_WIRE_JOIN_ACK:
        return take_join_ack(l, p, rest);
    case LOG_WIRE_LEAVE:
        return take_leave(l, p, rest);
    default:
        return PANDO_MALFORMED;
    }
}

void log_message(struct log *l, const struct space_input *in)
{
    struct log_peer *p = log_peer(l, in->peer);
    bool kept = false;
    if (p == NULL)
        return;
    p->heard = l->now;
    const enum pando_status st = take(l, p, in, &kept);
    if (!kept)
        log_emit(l, &(struct space_effect){ .kind = SPACE_DIGESTED,
                                            .peer = in->peer,
                                            .channel = in->channel,
                                            .value = bytes_view(in->bytes).len });
    if (st == PANDO_OK)
        return;
    l->totals.malformed++;
    log_emit(l, &(struct space_effect){ .kind = SPACE_FAULT,
                                        .peer = in->peer,
                                        .status = st,
                                        .text = "a message of the log protocol" });
}
