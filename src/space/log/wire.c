#include "space/log/wire.h"

#include "base/slice.h"

#include <string.h>

#define VERSION       1
#define FLAG_GRANTED  1u
#define FLAG_TRANSFER 2u
#define FLAG_MENDING  4u
#define HELLO_KNOWN   1u
#define HELLO_BLANK   2u
#define HELLO_MENDING 4u
#define HELLO_EMPTY   8u
#define HELLO_FLAGS   (HELLO_KNOWN | HELLO_BLANK | HELLO_MENDING | HELLO_EMPTY)

static void get_text(struct wire_reader *r, char *ret, size_t cap)
{
    const struct pando_slice s = wire_get_block(r, cap - 1);
    if (s.len > 0 && memchr(s.ptr, 0, s.len) != NULL)
        r->failed = true;
    if (r->failed)
        return;
    if (s.len > 0)
        memcpy(ret, s.ptr, s.len);
    ret[s.len] = '\0';
}

void log_wire_put_hello(struct wire_writer *w, enum log_wire_kind kind, const struct log_hello *h)
{
    wire_put_be(w, kind, 1);
    wire_put_be(w, VERSION, 1);
    wire_put_bytes(w, SLICE_OF(h->group));
    wire_put_be(w, h->member, 8);
    wire_put_be(w, (h->known ? HELLO_KNOWN : 0) | (h->blank ? HELLO_BLANK : 0) |
                       (h->mending ? HELLO_MENDING : 0) | (h->empty ? HELLO_EMPTY : 0), 1);
    wire_put_block(w, slice_text(h->name));
    wire_put_block(w, slice_text(h->address));
    if (h->empty)
        wire_put_be(w, h->term, 8);
}

enum pando_status log_wire_get_hello(struct pando_slice s, struct log_hello *ret)
{
    struct wire_reader r = wire_read(s);
    struct log_hello h = { .member = 0 };
    const uint64_t version = wire_get_be(&r, 1);
    if (!r.failed && version != VERSION)
        return PANDO_UNSUPPORTED;
    wire_get_copy(&r, h.group, sizeof h.group);
    h.member = wire_get_be(&r, 8);
    const uint64_t flags = wire_get_be(&r, 1);
    h.known = (flags & HELLO_KNOWN) != 0;
    h.blank = (flags & HELLO_BLANK) != 0;
    h.mending = (flags & HELLO_MENDING) != 0;
    get_text(&r, h.name, sizeof h.name);
    h.empty = (flags & HELLO_EMPTY) != 0;
    get_text(&r, h.address, sizeof h.address);
    h.term = h.empty ? wire_get_be(&r, 8) : 0;
    if (!wire_read_done(&r) || flags > HELLO_FLAGS)
        return PANDO_MALFORMED;
    *ret = h;
    return PANDO_OK;
}

void log_wire_put_join_ack(struct wire_writer *w, const struct log_join_ack *a)
{
    wire_put_be(w, LOG_WIRE_JOIN_ACK, 1);
    wire_put_be(w, a->status, 1);
    wire_put_bytes(w, SLICE_OF(a->group));
    wire_put_be(w, a->leader, 8);
    wire_put_block(w, slice_text(a->address));
    wire_put_block(w, slice_text(a->text));
}

enum pando_status log_wire_get_join_ack(struct pando_slice s, struct log_join_ack *ret)
{
    struct wire_reader r = wire_read(s);
    struct log_join_ack a = { .leader = 0 };
    const uint64_t status = wire_get_be(&r, 1);
    wire_get_copy(&r, a.group, sizeof a.group);
    a.leader = wire_get_be(&r, 8);
    get_text(&r, a.address, sizeof a.address);
    get_text(&r, a.text, sizeof a.text);
    if (!wire_read_done(&r) || status > LOG_WIRE_JOIN_REFUSED)
        return PANDO_MALFORMED;
    a.status = (enum log_join_status)status;
    *ret = a;
    return PANDO_OK;
}

void log_wire_put_piece(struct wire_writer *w, const struct log_piece *p)
{
    wire_put_be(w, LOG_WIRE_SNAPSHOT, 1);
    wire_put_be(w, p->index, 8);
    wire_put_be(w, p->term, 8);
    wire_put_be(w, p->total, 8);
    wire_put_be(w, p->offset, 8);
    wire_put_bytes(w, SLICE_OF(p->sha));
    wire_put_bytes(w, p->bytes);
}

enum pando_status log_wire_get_piece(struct pando_slice s, struct log_piece *ret)
{
    struct wire_reader r = wire_read(s);
    struct log_piece p = { .index = 0 };
    p.index = wire_get_be(&r, 8);
    p.term = wire_get_be(&r, 8);
    p.total = wire_get_be(&r, 8);
    p.offset = wire_get_be(&r, 8);
    wire_get_copy(&r, p.sha.bytes, sizeof p.sha.bytes);
    p.bytes = r.left;
    if (r.failed || p.bytes.len == 0 || p.total > LOG_SNAPSHOT_MAX || p.offset > p.total ||
        p.bytes.len > p.total - p.offset)
        return PANDO_MALFORMED;
    *ret = p;
    return PANDO_OK;
}

void log_wire_put_raft(struct wire_writer *w, const struct raft_message *m)
{
    const uint64_t words[] = { m->from,     m->to,     m->term,  m->index,
                               m->log_term, m->commit, m->round, m->probe };
    wire_put_be(w, LOG_WIRE_RAFT, 1);
    wire_put_be(w, m->kind, 1);
    wire_put_be(w, (m->granted ? FLAG_GRANTED : 0) | (m->transfer ? FLAG_TRANSFER : 0) |
                       (m->mending ? FLAG_MENDING : 0), 1);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        wire_put_be(w, words[i], 8);
    wire_put_be(w, m->count, 4);
}

enum pando_status log_wire_get_raft(struct pando_slice s, struct raft_message *ret,
                                struct pando_slice *ret_entries)
{
    struct wire_reader r = wire_read(s);
    struct raft_message m = { .from = 0 };
    uint64_t *const words[] = { &m.from,     &m.to,     &m.term,  &m.index,
                                &m.log_term, &m.commit, &m.round, &m.probe };
    const uint64_t kind = wire_get_be(&r, 1), flags = wire_get_be(&r, 1);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        *words[i] = wire_get_be(&r, 8);
    m.count = (uint32_t)wire_get_be(&r, 4);
    if (r.failed || kind > RAFT_MEND_DONE ||
        (flags & ~(uint64_t)(FLAG_GRANTED | FLAG_TRANSFER | FLAG_MENDING)) != 0 ||
        (m.count > 0 && kind != RAFT_APPEND) || m.count > RAFT_BATCH_MAX)
        return PANDO_MALFORMED;
    m.kind = (enum raft_message_kind)kind;
    m.granted = (flags & FLAG_GRANTED) != 0;
    m.transfer = (flags & FLAG_TRANSFER) != 0;
    m.mending = (flags & FLAG_MENDING) != 0;
    *ret = m;
    *ret_entries = r.left;
    return PANDO_OK;
}

bool log_wire_next_record(struct pando_slice *left, struct pando_slice *ret_record)
{
    struct wire_reader r = wire_read(*left);
    const size_t len = (size_t)wire_get_be(&r, 4);
    const struct pando_slice record = wire_get_bytes(&r, len);
    if (r.failed || len < LOG_WIRE_RECORD_HEAD || len > LOG_WIRE_RECORD_HEAD + RAFT_ENTRY_MAX)
        return false;
    *ret_record = record;
    *left = r.left;
    return true;
}

void log_wire_put_record(struct wire_writer *w, uint64_t index, uint64_t term, enum raft_kind kind)
{
    wire_put_be(w, index, 8);
    wire_put_be(w, term, 8);
    wire_put_be(w, kind, 1);
}

bool log_wire_get_record(struct pando_slice record, struct raft_entry *ret,
                     struct pando_slice *ret_bytes)
{
    struct wire_reader r = wire_read(record);
    struct raft_entry e = { .index = 0 };
    e.index = wire_get_be(&r, 8);
    e.term = wire_get_be(&r, 8);
    const uint64_t kind = wire_get_be(&r, 1);
    if (r.failed || kind > RAFT_CONFIG || r.left.len > RAFT_ENTRY_MAX)
        return false;
    e.kind = (enum raft_kind)kind;
    e.size = (uint32_t)r.left.len;
    *ret = e;
    *ret_bytes = r.left;
    return true;
}
