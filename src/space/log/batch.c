#include "space/log/batch.h"

#include "base/slice.h"

#include <string.h>

#define VERSION      1
#define FLAG_BINARY  1u
#define FLAG_NAMED   2u
#define FLAG_DATED   4u

enum pando_status batch_put(struct pando_buf *b, const struct batch_message *m)
{
    if (m->room.len == 0 || m->room.len > LOG_ROOM_MAX ||
        memchr(m->room.ptr, 0, m->room.len) != NULL || m->sender.len > LOG_SENDER_MAX ||
        m->body.len > LOG_MESSAGE_MAX || m->counter > INT64_MAX ||
        m->since > INT64_MAX)
        return PANDO_INVALID;
    const size_t cap = 80 + m->room.len + m->sender.len + m->body.len;
    const enum pando_status st = buf_reserve(b, cap);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(b->ptr + b->len, cap);
    wire_put_be(&w, (m->binary ? FLAG_BINARY : 0) | (m->named ? FLAG_NAMED : 0) |
                        (m->dated ? FLAG_DATED : 0), 1);
    wire_put_be(&w, m->client, 8);
    wire_put_uvarint(&w, m->counter);
    if (m->dated)
        wire_put_uvarint(&w, m->since);
    if (m->named)
        wire_put_bytes(&w, SLICE_OF(m->id));
    wire_put_block(&w, m->room);
    wire_put_block(&w, m->sender);
    wire_put_block(&w, m->body);
    if (w.failed)
        return PANDO_INVALID;
    b->len += w.len;
    return PANDO_OK;
}

/* A cursor that is read message by message: no failure is carried along, each step says. */
static bool get_uvarint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    const uint8_t *p = *at;
    if (end - p >= 1 && p[0] < 0x80) {
        *ret = p[0];
        *at = p + 1;
        return true;
    }
    if (end - p >= 2 && p[1] < 0x80 && p[1] > 0) {
        *ret = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
        *at = p + 2;
        return true;
    }
    const int size = wire_peek_uvarint(slice_of(*at, (size_t)(end - *at)), ret);
    *at += size > 0 ? size : 0;
    return size > 0;
}

static bool get_block(const uint8_t **at, const uint8_t *end, size_t max,
                      struct pando_slice *ret)
{
    uint64_t len;
    if (!get_uvarint(at, end, &len) || len > max || len > (size_t)(end - *at))
        return false;
    *ret = slice_of(*at, (size_t)len);
    *at += len;
    return true;
}

static uint64_t get_be8(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | p[7];
}

static void put_be8(uint8_t *p, uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
}

bool batch_next(struct pando_slice *left, struct batch_message *ret)
{
    if (left->len < 9 || (left->ptr[0] & ~(FLAG_BINARY | FLAG_NAMED | FLAG_DATED)) != 0)
        return false;
    const uint8_t flags = left->ptr[0], *const client = left->ptr + 1;
    const uint8_t *at = client, *const end = left->ptr + left->len;
    ret->binary = (flags & FLAG_BINARY) != 0;
    ret->named = (flags & FLAG_NAMED) != 0;
    ret->dated = (flags & FLAG_DATED) != 0;
    ret->since = 0;
    ret->client = get_be8(client);
    at += 8;
    if (!get_uvarint(&at, end, &ret->counter) ||
        (ret->dated && !get_uvarint(&at, end, &ret->since)))
        return false;
    if (!ret->named) {
        memcpy(ret->id.bytes, client, 8);
        put_be8(ret->id.bytes + 8, ret->counter);
    } else if ((size_t)(end - at) >= sizeof ret->id.bytes) {
        memcpy(ret->id.bytes, at, sizeof ret->id.bytes);
        at += sizeof ret->id.bytes;
    } else {
        return false;
    }
    if (!get_block(&at, end, LOG_ROOM_MAX, &ret->room) ||
        !get_block(&at, end, LOG_SENDER_MAX, &ret->sender) ||
        !get_block(&at, end, LOG_MESSAGE_MAX, &ret->body) || ret->room.len == 0 ||
        memchr(ret->room.ptr, 0, ret->room.len) != NULL)
        return false;
    *left = slice_of(at, (size_t)(end - at));
    return true;
}

bool batch_count(struct pando_slice messages, uint32_t *ret_len)
{
    struct batch_message m;
    uint32_t len = 0;
    while (messages.len > 0) {
        if (!batch_next(&messages, &m))
            return false;
        len++;
    }
    *ret_len = len;
    return true;
}

void batch_put_head(struct wire_writer *w, int64_t time_ms, uint32_t count)
{
    wire_put_be(w, VERSION, 1);
    wire_put_be(w, (uint64_t)time_ms, 8);
    wire_put_uvarint(w, count);
}

bool batch_open(struct pando_slice entry, int64_t *ret_time_ms, uint32_t *ret_count,
                struct pando_slice *ret_messages)
{
    struct wire_reader r = wire_read(entry);
    const uint64_t version = wire_get_be(&r, 1);
    const int64_t time_ms = (int64_t)wire_get_be(&r, 8);
    const uint64_t count = wire_get_uvarint(&r);
    if (r.failed || version != VERSION || count > r.left.len)
        return false;
    *ret_time_ms = time_ms;
    *ret_count = (uint32_t)count;
    *ret_messages = r.left;
    return true;
}

enum pando_status batch_put_members(struct pando_buf *b, const struct batch_members *m)
{
    const size_t cap = 8 + (size_t)m->len * sizeof m->at[0];
    const enum pando_status st = buf_reserve(b, cap);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(b->ptr + b->len, cap);
    wire_put_be(&w, VERSION, 1);
    wire_put_uvarint(&w, m->len);
    for (uint32_t i = 0; i < m->len; i++) {
        const struct batch_member *one = &m->at[i];
        wire_put_be(&w, one->raft.id, 8);
        wire_put_be(&w, one->raft.standing, 1);
        wire_put_block(&w, slice_of(one->peer.bytes, one->peer.len));
        wire_put_block(&w, slice_text(one->name));
        wire_put_block(&w, slice_text(one->address));
    }
    if (w.failed)
        return PANDO_INVALID;
    b->len += w.len;
    return PANDO_OK;
}

static bool get_text(struct wire_reader *r, char *ret, size_t max)
{
    const struct pando_slice s = wire_get_block(r, max);
    if (r->failed || (s.len > 0 && memchr(s.ptr, 0, s.len) != NULL))
        return false;
    if (s.len > 0)
        memcpy(ret, s.ptr, s.len);
    ret[s.len] = '\0';
    return true;
}

static bool get_member(struct wire_reader *r, struct batch_member *ret)
{
    ret->raft.id = wire_get_be(r, 8);
    const uint64_t standing = wire_get_be(r, 1);
    const struct pando_slice peer = wire_get_block(r, sizeof ret->peer.bytes);
    if (r->failed || ret->raft.id == 0 || standing > RAFT_VOTER)
        return false;
    ret->raft.standing = (enum raft_standing)standing;
    if (peer.len > 0 && peer_id_decode(peer, &ret->peer) != PANDO_OK)
        return false;
    return get_text(r, ret->name, BATCH_NAME_MAX) &&
           get_text(r, ret->address, BATCH_ADDRESS_MAX);
}

enum pando_status batch_read_members(struct pando_slice bytes, struct batch_members *ret)
{
    struct wire_reader r = wire_read(bytes);
    struct batch_members m = { 0 };
    const uint64_t version = wire_get_be(&r, 1);
    const uint64_t len = wire_get_uvarint(&r);
    if (r.failed || version != VERSION || len > RAFT_MEMBERS_MAX)
        return PANDO_MALFORMED;
    for (; m.len < len; m.len++)
        if (!get_member(&r, &m.at[m.len]) ||
            (m.len > 0 && m.at[m.len].raft.id <= m.at[m.len - 1].raft.id))
            return PANDO_MALFORMED;
    if (!wire_read_done(&r))
        return PANDO_MALFORMED;
    *ret = m;
    return PANDO_OK;
}

void batch_to_raft(const struct batch_members *m, struct raft_members *ret)
{
    ret->len = m->len;
    for (uint32_t i = 0; i < m->len; i++)
        ret->at[i] = m->at[i].raft;
}

struct batch_member *batch_find(struct batch_members *m, uint64_t id)
{
    for (uint32_t i = 0; i < m->len; i++)
        if (m->at[i].raft.id == id)
            return &m->at[i];
    return NULL;
}
