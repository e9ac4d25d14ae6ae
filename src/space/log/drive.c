/* drive.c - between raft and everything else: its messages, its writes, its roles. */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_SHARED 4096 /* bytes of a record that is not copied */

/* Entries of the message being received, and what they say of members. */
struct incoming {
    struct bytes *message;
    uint32_t len;
    struct raft_entry entries[RAFT_BATCH_MAX];
    struct pando_slice records[RAFT_BATCH_MAX];
    struct raft_members configs[LOG_INCOMING_CONFIGS];
    uint32_t configs_len;
};

/* `head` and `bytes` follow each other in it. */
static struct bytes *record_of(uint64_t index, uint64_t term, enum raft_kind kind,
                               struct pando_slice head, struct pando_slice bytes)
{
    uint8_t *data;
    const size_t size = LOG_WIRE_RECORD_HEAD + head.len + bytes.len;
    struct bytes *record = bytes_new(size, &data);
    if (record == NULL)
        return NULL;
    struct wire_writer w = wire_write(data, size);
    log_wire_put_record(&w, index, term, kind);
    wire_put_bytes(&w, head);
    wire_put_bytes(&w, bytes);
    return record;
}

/* An entry of ours: its bytes wait in the cache for raft's WRITE_ENTRY. */
static void propose(struct log *l, uint64_t index, struct bytes *record)
{
    PANDO_ASSERT(record != NULL); /* raft counts on it already */
    log_cache_put(l, index, record);
    bytes_unref(record);
}

void log_propose_put(struct log *l, uint64_t index, uint64_t term, enum raft_kind kind,
                     struct pando_slice bytes)
{
    propose(l, index, record_of(index, term, kind, SLICE_EMPTY, bytes));
}

void log_propose_data(struct log *l, uint64_t index, uint64_t term, struct pando_slice head,
                      struct pando_slice messages)
{
    propose(l, index, record_of(index, term, RAFT_DATA, head, messages));
}

static bool is_record(struct pando_slice record, const struct raft_entry *e)
{
    struct raft_entry got;
    struct pando_slice bytes;
    return log_wire_get_record(record, &got, &bytes) && got.index == e->index &&
           got.term == e->term && got.kind == e->kind;
}

/* An APPEND that raft holds back: its bytes are needed when the gap closes. */
static void keep_held(struct log *l, uint64_t token)
{
    size_t at = 0;
    while (at < RAFT_HELD_MAX && l->held[at].message != NULL)
        at++;
    PANDO_ASSERT(at < RAFT_HELD_MAX); /* raft holds no more, and says which it lets go */
    l->held[at] = (struct log_held){ bytes_ref(l->incoming->message), l->incoming_entries, token };
}

static void release_held(struct log *l, uint64_t token)
{
    for (size_t i = 0; i < RAFT_HELD_MAX; i++) {
        if (l->held[i].message == NULL || l->held[i].token != token)
            continue;
        bytes_unref(l->held[i].message);
        l->held[i] = (struct log_held){ .message = NULL };
    }
}

static struct bytes *find_held(struct log *l, const struct raft_entry *e, uint64_t token)
{
    for (size_t i = 0; i < RAFT_HELD_MAX; i++) {
        struct pando_slice left = l->held[i].entries, record;
        if (l->held[i].message == NULL || l->held[i].token != token)
            continue;
        while (log_wire_next_record(&left, &record))
            if (is_record(record, e))
                return bytes_copy(record);
    }
    return NULL;
}

void log_held_drop(struct log *l)
{
    for (size_t i = 0; i < RAFT_HELD_MAX; i++)
        bytes_unref(l->held[i].message);
}

/* A long record stays where the message that brought it lies; its neighbours there are kept
 * and let go of at about the same time. */
static struct bytes *record_in(struct bytes *message, struct pando_slice record)
{
    return record.len < RECORD_SHARED ? bytes_copy(record) : bytes_part(message, record);
}

/* Whatever raft writes was proposed here, has just come, or came before its predecessors. */
static struct bytes *find_record(struct log *l, const struct raft_effect *e)
{
    const struct raft_entry *entry = &e->entry;
    if (e->token != 0)
        return find_held(l, entry, e->token);
    if (l->incoming != NULL && e->from_message < l->incoming->len &&
        is_record(l->incoming->records[e->from_message], entry))
        return record_in(l->incoming->message, l->incoming->records[e->from_message]);
    if (entry->index >= l->cache_first && entry->index < l->cache_end) {
        struct bytes *cached = l->cache[entry->index % l->cache_cap];
        if (is_record(bytes_view(cached), entry))
            return bytes_ref(cached);
    }
    return entry->kind == RAFT_NOOP
               ? record_of(entry->index, entry->term, RAFT_NOOP, SLICE_EMPTY, SLICE_EMPTY)
               : NULL;
}

static void note_members(struct log *l, uint64_t index, struct bytes *record)
{
    struct raft_entry e;
    struct pando_slice bytes;
    struct batch_members m;
    if (log_wire_get_record(bytes_view(record), &e, &bytes) &&
        batch_read_members(bytes, &m) == PANDO_OK)
        log_config_push(l, index, &m);
}

static void write_entry(struct log *l, const struct raft_effect *e)
{
    struct bytes *record = find_record(l, e);
    PANDO_ASSERT(record != NULL);
    if (e->entry.index < l->cache_first || e->entry.index >= l->cache_end)
        log_cache_put(l, e->entry.index, record);
    if (e->entry.kind == RAFT_CONFIG)
        note_members(l, e->entry.index, record);
    l->blank = false;
    l->totals.entries++;
    log_write_put(l, e->write, LOG_RECORD_ENTRY, e->entry.index, record);
}

static void write_numbers(struct log *l, uint64_t write, uint8_t record, uint64_t a, uint64_t b,
                          size_t len)
{
    uint8_t bytes[16];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, a, 8);
    wire_put_be(&w, b, 8);
    log_write_put(l, write, record, 0, bytes_copy(slice_of(bytes, len)));
}

void log_write_truncate(struct log *l, uint64_t write, uint64_t from)
{
    write_numbers(l, write, LOG_RECORD_TRUNCATE, from, 0, 8);
}

static size_t append_size(struct log *l, const struct raft_message *m,
                          struct bytes *records[RAFT_BATCH_MAX])
{
    size_t size = LOG_WIRE_RAFT_HEAD;
    for (uint32_t i = 0; i < m->count; i++) {
        records[i] = log_entry(l, m->index + 1 + i);
        if (records[i] == NULL) {
            while (i > 0)
                bytes_unref(records[--i]);
            return 0;
        }
        size += 4 + bytes_view(records[i]).len;
    }
    return size;
}

static uint8_t channel_of(const struct raft_message *m)
{
    return m->lane == RAFT_LANE_LIVE ? LOG_LIVE
           : m->lane == RAFT_LANE_CATCHUP ? LOG_CATCHUP : LOG_CONTROL;
}

/* A message that cannot be sent is lost: raft repeats what matters. */
static void send(struct log *l, const struct raft_message *m)
{
    struct bytes *records[RAFT_BATCH_MAX];
    uint8_t *data;
    struct log_peer *p = log_peer_of(l, m->to);
    if (p == NULL)
        return;
    const size_t size = append_size(l, m, records);
    struct bytes *message = size == 0 ? NULL : bytes_new(size, &data);
    if (message != NULL) {
        struct wire_writer w = wire_write(data, size);
        log_wire_put_raft(&w, m);
        for (uint32_t i = 0; i < m->count; i++) {
            wire_put_be(&w, bytes_view(records[i]).len, 4);
            wire_put_bytes(&w, bytes_view(records[i]));
        }
        PANDO_ASSERT(!w.failed && w.len == size);
        (void)log_send(l, p, channel_of(m), message);
    }
    for (uint32_t i = 0; size > 0 && i < m->count; i++)
        bytes_unref(records[i]);
}

static void heartbeat(struct log *l, const struct raft_effect *e)
{
    if (e->peers > 0)
        trace(l->host.tracer, TRACE_FAILURE, TRACE_DEBUG, "Sent heartbeat to %u peers",
              (unsigned)e->peers);
    else
        trace(l->host.tracer, TRACE_FAILURE, TRACE_DEBUG,
              "Heartbeat received from leader, term=%llu", (unsigned long long)l->term);
}

static void held(struct log *l, const struct raft_effect *e)
{
    const struct rooms_room *room =
        l->rooms.len == 0 ? NULL : &l->rooms.at[l->rooms.latest];
    const uint64_t expected = room == NULL ? 1 : room->last + 1;
    keep_held(l, e->token);
    l->totals.held++;
    trace(l->host.tracer, TRACE_ORDERING, TRACE_DEBUG,
          "Buffered out-of-order message seq_no=%llu (expected %llu)",
          (unsigned long long)(expected + (e->index - e->expected)),
          (unsigned long long)expected);
}

static void carry_out(struct log *l, const struct raft_effect *e)
{
    switch (e->kind) {
    case RAFT_SEND:
        send(l, &e->message);
        return;
    case RAFT_WRITE_STATE:
        l->blank = l->blank && (e->vote == 0 || e->vote == l->options.id);
        write_numbers(l, e->write, LOG_RECORD_STATE, e->term, e->vote, 16);
        return;
    case RAFT_WRITE_ENTRY:
        write_entry(l, e);
        return;
    case RAFT_WRITE_TRUNCATE:
        log_truncate(l, e->index);
        log_write_truncate(l, e->write, e->index);
        return;
    case RAFT_COMMIT:
        l->commit = e->index;
        return;
    case RAFT_ROLE:
        log_role(l, e);
        return;
    case RAFT_MEMBERS:
        log_dial_members(l);
        return;
    case RAFT_READ:
        log_read_confirmed(l, e->token, e->index);
        return;
    case RAFT_NEED_SNAPSHOT:
        log_snapshot_wanted(l, e->peer);
        return;
    case RAFT_HELD:
        held(l, e);
        return;
    case RAFT_RELEASED:
        release_held(l, e->token);
        return;
    case RAFT_HEARTBEAT:
        heartbeat(l, e);
        return;
    case RAFT_MENDED:
        log_mended(l, e->index);
        return;
    }
    PANDO_UNREACHABLE();
}

void log_drive(struct log *l)
{
    struct raft_effect e;
    while (raft_poll(l->raft, &e))
        carry_out(l, &e);
    log_write_run(l);
}

void log_raft_input(struct log *l, const struct raft_input *in)
{
    raft_step(l->raft, l->now, in);
    log_drive(l);
}

static bool read_entries(struct incoming *in, struct raft_message *m, struct pando_slice entries)
{
    for (in->len = 0; in->len < m->count; in->len++) {
        struct raft_entry *e = &in->entries[in->len];
        struct pando_slice bytes;
        struct batch_members members;
        if (!log_wire_next_record(&entries, &in->records[in->len]) ||
            !log_wire_get_record(in->records[in->len], e, &bytes) ||
            e->index != m->index + 1 + in->len || e->term > m->term)
            return false;
        if (e->kind != RAFT_CONFIG)
            continue;
        if (batch_read_members(bytes, &members) != PANDO_OK)
            return false;
        if (in->configs_len == LOG_INCOMING_CONFIGS)
            break; /* the rest comes again */
        batch_to_raft(&members, &in->configs[in->configs_len]);
        e->config = &in->configs[in->configs_len++];
    }
    if (in->len == m->count && entries.len > 0)
        return false;
    m->count = in->len;
    return true;
}

/* Whether this peer is the member that it says it is. */
static bool is_member(struct log *l, const struct log_peer *p, uint64_t id)
{
    if (!p->hello || p->member != id || !l->grouped ||
        memcmp(p->group.bytes, l->group.bytes, sizeof l->group.bytes) != 0)
        return false;
    const struct batch_member *known = batch_find(log_members(l), id);
    return known == NULL || known->peer.len == 0 || peer_id_equal(&known->peer, &p->id);
}

bool log_receive(struct log *l, struct log_peer *p, struct bytes *bytes, size_t offset)
{
    struct raft_message m;
    struct pando_slice entries;
    if (l->incoming_room == NULL)
        l->incoming_room = malloc(sizeof *l->incoming_room);
    struct incoming *in = l->incoming_room; /* only what is counted is looked at */
    if (in == NULL)
        return true; /* as if it had been lost */
    in->len = in->configs_len = 0;
    bool ok = log_wire_get_raft(slice_from(bytes_view(bytes), offset), &m, &entries) == PANDO_OK;
    const bool useless = ok && m.kind == RAFT_MEND_DONE && l->broken != 0; /* not while it runs */
    if (ok && !useless && is_member(l, p, m.from) && m.to == l->options.id) {
        in->message = bytes;
        l->incoming_entries = entries;
        ok = read_entries(in, &m, entries);
        m.entries = in->entries;
        l->incoming = in;
        if (ok)
            log_raft_input(l, &(struct raft_input){ .kind = RAFT_RECEIVE, .message = &m });
        l->incoming = NULL;
    }
    return ok;
}
