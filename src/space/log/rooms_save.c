/* rooms_save.c - the state as bytes: what a snapshot carries.
 *
 *   version u8 | applied be8 | messages be8 | forgotten be8 | rooms uvarint | rooms |
 *   sessions uvarint | sessions
 *   room     name block | last be8
 *   session  client be8 | last be8 | born be8 | answers 8 x (room be4, seq be8)      oldest first
 */
#include "space/log/rooms.h"

#include "base/assert.h"
#include "base/slice.h"

#include <string.h>

#define VERSION      2 /* 1 has neither `forgotten` nor `born`: then both are 0 */
#define SESSION_SIZE (24 + ROOMS_ANSWERS * 12)
#define NONE         UINT32_MAX

static void put_session(struct wire_writer *w, const struct rooms_session *s)
{
    wire_put_be(w, s->client, 8);
    wire_put_be(w, s->last, 8);
    wire_put_be(w, s->born, 8);
    for (size_t i = 0; i < ROOMS_ANSWERS; i++) {
        wire_put_be(w, s->rooms[i], 4);
        wire_put_be(w, s->seqs[i], 8);
    }
}

enum pando_status rooms_save(const struct rooms *r, struct pando_buf *b)
{
    const size_t cap = 64 + (size_t)r->len * (LOG_ROOM_MAX + 16) +
                       (size_t)r->sessions_len * SESSION_SIZE;
    const enum pando_status st = buf_reserve(b, cap);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(b->ptr + b->len, cap);
    wire_put_be(&w, VERSION, 1);
    wire_put_be(&w, r->applied, 8);
    wire_put_be(&w, r->messages, 8);
    wire_put_be(&w, r->forgotten, 8);
    wire_put_uvarint(&w, r->len);
    for (uint32_t i = 0; i < r->len; i++) {
        wire_put_block(&w, slice_text(r->at[i].name));
        wire_put_be(&w, r->at[i].last, 8);
    }
    wire_put_uvarint(&w, r->sessions_len);
    for (uint32_t i = r->oldest; i != NONE; i = r->sessions[i].newer)
        put_session(&w, &r->sessions[i]);
    PANDO_ASSERT(!w.failed);
    b->len += w.len;
    return PANDO_OK;
}

static bool load_room(struct rooms *r, struct wire_reader *w, uint64_t index)
{
    const struct pando_slice name = wire_get_block(w, LOG_ROOM_MAX);
    const uint64_t last = wire_get_be(w, 8);
    struct batch_message m = { .client = 1, .counter = 1, .room = name };
    uint32_t at;
    uint64_t seq;
    if (w->failed || name.len == 0 || memchr(name.ptr, 0, name.len) != NULL ||
        rooms_find(r, name) != NULL)
        return false;
    /* A room is made by its first message; each loaded room has one of a session of its own,
     * which the caller forgets again. */
    m.client = r->len + 1;
    if (rooms_apply(r, index, 0, &m, &at, &seq) != ROOMS_TAKEN)
        return false;
    r->at[at].last = last;
    r->at[at].runs_len = 0;
    return true;
}

static void forget_sessions(struct rooms *r)
{
    map_reset(&r->by_client);
    r->sessions_len = 0;
    r->oldest = r->newest = NONE;
}

static bool load_session(struct rooms *r, struct wire_reader *w, bool born)
{
    struct rooms_session s = { .client = wire_get_be(w, 8) };
    s.last = wire_get_be(w, 8);
    s.born = born ? wire_get_be(w, 8) : 0;
    for (size_t i = 0; i < ROOMS_ANSWERS; i++) {
        s.rooms[i] = (uint32_t)wire_get_be(w, 4);
        s.seqs[i] = wire_get_be(w, 8);
    }
    if (w->failed || map_find(&r->by_client, &s.client) != NULL)
        return false;
    void *place;
    bool added;
    const uint32_t i = r->sessions_len++;
    if (map_put(&r->by_client, &s.client, &place, &added) != PANDO_OK)
        return false;
    memcpy(place, &i, sizeof i);
    s.older = r->newest;
    s.newer = NONE;
    if (r->newest != NONE)
        r->sessions[r->newest].newer = i;
    else
        r->oldest = i;
    r->newest = i;
    r->sessions[i] = s;
    return true;
}

enum pando_status rooms_load(struct rooms *r, struct pando_slice bytes)
{
    struct wire_reader w = wire_read(bytes);
    const uint64_t version = wire_get_be(&w, 1), applied = wire_get_be(&w, 8);
    const uint64_t messages = wire_get_be(&w, 8);
    const uint64_t forgotten = version < 2 ? 0 : wire_get_be(&w, 8);
    const uint64_t rooms = wire_get_uvarint(&w);
    PANDO_ASSERT(r->len == 0 && r->sessions_len == 0);
    if (w.failed || version == 0 || version > VERSION || rooms > LOG_ROOMS_MAX)
        return PANDO_MALFORMED;
    for (uint64_t i = 0; i < rooms; i++)
        if (!load_room(r, &w, applied))
            return PANDO_MALFORMED;
    forget_sessions(r);
    const uint64_t sessions = wire_get_uvarint(&w);
    if (w.failed || sessions > ROOMS_SESSIONS_MAX)
        return PANDO_MALFORMED;
    for (uint64_t i = 0; i < sessions; i++)
        if (!load_session(r, &w, version > 1))
            return PANDO_MALFORMED;
    if (!wire_read_done(&w))
        return PANDO_MALFORMED;
    r->applied = applied;
    r->messages = messages;
    r->forgotten = forgotten;
    rooms_drop_before(r, applied + 1);
    return PANDO_OK;
}
