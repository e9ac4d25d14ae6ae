/* streams.c - messages read back: for a call, or for those who watch.
 *
 * Everything shown is applied, so it is committed. A stream remembers the next entry to look
 * at; entries are cheap to look at while they are in memory, and are read back otherwise.
 */
#include "space/log/engine.h"

#include "base/slice.h"
#include "codec/multibase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_PER_STEP (256u << 10)
#define LINE_MAX_BYTES (LOG_MESSAGE_MAX * 6 + 1024)

enum pando_status log_put_id(struct pando_buf *b, const struct batch_id *id)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t text[38], *to = text;
    *to++ = '"';
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = (uint8_t)digits[id->bytes[i] >> 4];
        *to++ = (uint8_t)digits[id->bytes[i] & 15];
    }
    *to++ = '"';
    return buf_append(b, slice_of(text, (size_t)(to - text)));
}

static enum pando_status put_base64(struct pando_buf *b, struct pando_slice s)
{
    const size_t cap = s.len / 3 * 4 + 8;
    enum pando_status st = buf_printf(b, "\"");
    if (st == PANDO_OK)
        st = buf_reserve(b, cap);
    if (st == PANDO_OK)
        st = multibase_encode(MULTIBASE_64, s, (char *)b->ptr + b->len, cap);
    if (st != PANDO_OK)
        return st;
    b->len += strlen((const char *)b->ptr + b->len);
    return buf_printf(b, "\"");
}

enum pando_status log_put_message(struct pando_buf *b, uint64_t seq, uint64_t term,
                                  int64_t time_ms, const struct batch_message *m)
{
    enum pando_status st = buf_printf(b, "{\"seq\":%llu,\"term\":%llu,\"msg_id\":",
                                      (unsigned long long)seq, (unsigned long long)term);
    if (st == PANDO_OK)
        st = log_put_id(b, &m->id);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"sender\":");
    if (st == PANDO_OK)
        st = json_text_escape(b, m->sender);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"room\":");
    if (st == PANDO_OK)
        st = json_text_escape(b, m->room);
    if (st == PANDO_OK)
        st = buf_printf(b, m->binary ? ",\"bytes\":" : ",\"text\":");
    if (st == PANDO_OK)
        st = m->binary ? put_base64(b, m->body) : json_text_escape(b, m->body);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"time\":%lld}", (long long)time_ms);
    return st;
}

/* One entry's messages of a room (NULL: of all), one call of `each` per message. */
struct walk {
    struct log *l;
    const struct rooms_room *room;
    void *ctx;
    bool (*each)(void *ctx, uint64_t seq, uint64_t term, int64_t time_ms,
                 const struct batch_message *m); /* false: enough */
};

/* How many messages of `room` stand before ordinal `end` of the entry, numbered ones only. */
static uint64_t before(const struct log *l, uint64_t index, struct pando_slice left, uint32_t end,
                       struct pando_slice room)
{
    struct batch_message m;
    uint64_t n = 0;
    for (uint32_t i = 0; i < end && batch_next(&left, &m); i++)
        n += slice_equal(m.room, room) && !rooms_skipped(&l->rooms, index, i);
    return n;
}

/* Where the numbers of a room stand within the entry. Few rooms share an entry; those beyond
 * the eighth are counted from the entry's beginning. */
struct tally {
    const struct rooms_room *rooms[8];
    uint64_t next[8];
    size_t len;
};

static uint64_t *tally_of(struct tally *t, const struct log *l, const struct rooms_room *room,
                          uint64_t index, struct pando_slice messages, uint32_t ordinal)
{
    size_t at = 0;
    while (at < t->len && t->rooms[at] != room)
        at++;
    if (at < t->len)
        return &t->next[at];
    if (at == sizeof t->rooms / sizeof t->rooms[0])
        at--;
    else
        t->len++;
    if (!rooms_in_entry(room, index, &t->next[at])) {
        t->rooms[at] = NULL;
        return NULL;
    }
    t->rooms[at] = room;
    t->next[at] += before(l, index, messages, ordinal, slice_text(room->name));
    return &t->next[at];
}

static bool walk_messages(const struct walk *w, const struct raft_entry *e,
                          struct pando_slice bytes)
{
    struct pando_slice messages, left;
    struct batch_message m;
    struct tally tally = { .len = 0 };
    int64_t time_ms;
    uint32_t len;
    if (!batch_open(bytes, &time_ms, &len, &messages))
        return true;
    left = messages;
    for (uint32_t i = 0; i < len && batch_next(&left, &m); i++) {
        const struct rooms_room *room = rooms_find(&w->l->rooms, m.room);
        if (room == NULL || (w->room != NULL && room != w->room) ||
            rooms_skipped(&w->l->rooms, e->index, i))
            continue;
        uint64_t *next = tally_of(&tally, w->l, room, e->index, messages, i);
        if (next != NULL && !w->each(w->ctx, (*next)++, e->term, time_ms, &m))
            return false;
    }
    return true;
}

/* False: enough, or the entry cannot be read. */
static bool walk_entry(const struct walk *w, uint64_t index, size_t *ret_size)
{
    struct raft_entry e;
    struct pando_slice bytes;
    struct bytes *record = log_entry(w->l, index);
    bool more = record != NULL;
    *ret_size = record == NULL ? 0 : bytes_view(record).len;
    if (more && log_wire_get_record(bytes_view(record), &e, &bytes) && e.kind == RAFT_DATA)
        more = walk_messages(w, &e, bytes);
    bytes_unref(record);
    return more;
}

struct reading {
    struct pando_buf *b;
    uint64_t from, last;
    uint32_t left;
    enum pando_status st;
};

static bool read_one(void *ctx, uint64_t seq, uint64_t term, int64_t time_ms,
                     const struct batch_message *m)
{
    struct reading *r = ctx;
    if (seq < r->from)
        return true;
    if (r->left == 0 || (r->b->len > LOG_READ_BYTES && r->last > 0))
        return false;
    if (r->last > 0)
        r->st = buf_printf(r->b, ",");
    if (r->st == PANDO_OK)
        r->st = log_put_message(r->b, seq, term, time_ms, m);
    r->last = seq;
    r->left--;
    return r->st == PANDO_OK;
}

/* The messages from `from` on, as the members of a JSON array; `*ret_last` 0: none. */
enum pando_status log_read_room(struct log *l, const struct rooms_room *room, uint64_t from,
                                uint32_t limit, struct pando_buf *b, uint64_t *ret_last)
{
    struct reading r = { .b = b, .from = from, .left = limit, .st = PANDO_OK };
    const struct walk w = { l, room, &r, read_one };
    struct rooms_run run;
    size_t size = 1;
    *ret_last = 0;
    if (!rooms_locate(room, from, &run))
        return PANDO_OK;
    uint64_t at = run.index;
    while (r.st == PANDO_OK && at <= l->rooms.applied && walk_entry(&w, at, &size)) {
        if (r.last == room->last || r.left == 0 ||
            !rooms_locate(room, r.last == 0 ? from : r.last + 1, &run))
            break;
        at = run.index > at ? run.index : at + 1;
    }
    *ret_last = r.last;
    return r.st == PANDO_OK && r.last == 0 && size == 0 ? PANDO_UNAVAILABLE : r.st;
}

struct watching {
    struct log *l;
    struct log_stream *s;
    bool failed;
};

static bool watch_one(void *ctx, uint64_t seq, uint64_t term, int64_t time_ms,
                      const struct batch_message *m)
{
    struct watching *w = ctx;
    struct pando_buf b;
    if (!w->s->all && seq < w->s->from)
        return true;
    buf_init(&b, LINE_MAX_BYTES);
    w->failed = log_put_message(&b, seq, term, time_ms, m) != PANDO_OK;
    if (!w->failed)
        log_reply(w->l, w->s->token, PANDO_OK, buf_view(&b), true);
    buf_deinit(&b);
    if (!w->s->all)
        w->s->from = seq + 1;
    return !w->failed;
}

static void run_stream(struct log *l, struct log_stream *s, size_t budget)
{
    struct watching ctx = { l, s, false };
    size_t done = 0, size;
    if (s->index < l->first_index)
        s->index = l->first_index; /* what is forgotten cannot be shown */
    while (s->index <= l->rooms.applied && done < budget) {
        const struct rooms_room *room = s->all ? NULL : rooms_find(&l->rooms, slice_text(s->room));
        const struct walk w = { l, room, &ctx, watch_one };
        if ((s->all || room != NULL) && !walk_entry(&w, s->index, &size))
            return; /* without memory, or damaged on disk: later */
        done += s->all || room != NULL ? size : 0;
        s->index++;
    }
    l->more_work = l->more_work || s->index <= l->rooms.applied;
}

void log_streams_run(struct log *l)
{
    for (size_t i = 0; i < l->streams_len; i++)
        run_stream(l, &l->streams[i], BYTES_PER_STEP / l->streams_len + 1);
}

void log_streams_tell(struct log *l, struct pando_slice json)
{
    for (size_t i = 0; i < l->streams_len; i++)
        if (l->streams[i].roles)
            log_reply(l, l->streams[i].token, PANDO_OK, json, true);
}

bool log_stream_cancel(struct log *l, uint64_t token)
{
    for (size_t i = 0; i < l->streams_len; i++) {
        if (l->streams[i].token != token)
            continue;
        l->streams[i] = l->streams[--l->streams_len];
        return true;
    }
    return false;
}

void log_streams_end(struct log *l, const char *why)
{
    for (size_t i = 0; i < l->streams_len; i++)
        log_fail(l, l->streams[i].token, PANDO_UNAVAILABLE, "%s", why);
    l->streams_len = 0;
}

enum pando_status log_stream_open(struct log *l, const struct log_stream *s)
{
    if (l->streams_len == LOG_STREAMS_MAX)
        return PANDO_FULL;
    if (l->streams_len == l->streams_cap) {
        const size_t cap = l->streams_cap == 0 ? 8 : l->streams_cap * 2;
        struct log_stream *grown = realloc(l->streams, cap * sizeof *grown);
        if (grown == NULL)
            return PANDO_NOMEM;
        l->streams = grown;
        l->streams_cap = cap;
    }
    l->streams[l->streams_len++] = *s;
    return PANDO_OK;
}
