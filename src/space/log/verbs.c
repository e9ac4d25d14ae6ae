/* verbs.c - what people and programs can ask of a log; log.h says what each verb means. */
#include "space/log/engine.h"

#include "base/slice.h"
#include "codec/multibase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY_MAX      1024
#define MANY_BYTES    (120u << 10) /* encoded: one entry holds it */
#define LIMIT_DEFAULT 50
#define LIMIT_MAX     1000
#define TIMEOUT_MAX   600000

struct call {
    struct log *l;
    uint64_t token;
    const json_t *args;
};

static struct pando_slice text_arg(const json_t *args, const char *name)
{
    const json_t *v = json_object_get(args, name);
    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v))
                             : SLICE_EMPTY;
}

static uint64_t number_arg(const struct call *c, const char *name, uint64_t otherwise)
{
    const json_t *v = json_object_get(c->args, name);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v)
                                                            : otherwise;
}

static bool flag_arg(const struct call *c, const char *name)
{
    return json_is_true(json_object_get(c->args, name));
}

/* The room that is meant, `general` when none is named. False: it was refused. */
static bool room_arg(const struct call *c, char ret[LOG_ROOM_MAX + 1])
{
    struct pando_slice name = text_arg(c->args, "room");
    if (name.len == 0)
        name = slice_text(LOG_DEFAULT_ROOM);
    if (name.len > LOG_ROOM_MAX || memchr(name.ptr, 0, name.len) != NULL) {
        log_fail(c->l, c->token, PANDO_INVALID, "a room's name has 1 to %d bytes", LOG_ROOM_MAX);
        return false;
    }
    memcpy(ret, name.ptr, name.len);
    ret[name.len] = '\0';
    return true;
}

static bool body_arg(const struct call *c, struct batch_message *m, struct pando_buf *scratch)
{
    const json_t *text = json_object_get(c->args, "text");
    struct pando_slice bytes = text_arg(c->args, "bytes");
    size_t len;
    m->body = text_arg(c->args, "text");
    if (json_is_string(text))
        return true;
    m->binary = true;
    while (bytes.len > 0 && bytes.ptr[bytes.len - 1] == '=')
        bytes.len--;
    if (!json_is_string(json_object_get(c->args, "bytes")) ||
        buf_reserve(scratch, bytes.len + 4) != PANDO_OK ||
        multibase_decode(MULTIBASE_64, bytes, scratch->ptr, scratch->cap, &len) != PANDO_OK) {
        log_fail(c->l, c->token, PANDO_INVALID,
                 "a message needs \"text\", or \"bytes\" in base64");
        return false;
    }
    m->body = slice_of(scratch->ptr, len);
    return true;
}

static int hex_of(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                        : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A UUID: 32 hexadecimal digits, dashes anywhere between them. */
static bool id_arg(const struct call *c, struct batch_message *m)
{
    const struct pando_slice text = text_arg(c->args, "msg_id");
    size_t digits = 0;
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        const int digit = hex_of(text.ptr[i]);
        if (text.ptr[i] == '-')
            continue;
        if (digit < 0 || digits == 32)
            break;
        m->id.bytes[digits / 2] =
            (uint8_t)((unsigned)m->id.bytes[digits / 2] << 4 | (unsigned)digit);
        digits++;
        if (digits == 32 && i + 1 == text.len)
            m->named = true;
    }
    if (!m->named)
        log_fail(c->l, c->token, PANDO_INVALID, "\"msg_id\" is a UUID of 32 hexadecimal digits");
    return m->named;
}

static struct log_take *new_take(const struct call *c, uint32_t count)
{
    uint64_t ms = number_arg(c, "timeout_ms", LOG_TIMEOUT.ns / 1000000u);
    struct log_take *t = calloc(1, sizeof *t);
    ms = ms > TIMEOUT_MAX ? TIMEOUT_MAX : ms;
    if (t != NULL)
        t->seqs = calloc(count, sizeof *t->seqs);
    if (t == NULL || t->seqs == NULL) {
        free(t);
        log_fail(c->l, c->token, PANDO_NOMEM, "memory is out");
        return NULL;
    }
    t->token = c->token;
    t->count = count;
    t->due = pando_time_add(c->l->now, PANDO_MSEC(ms));
    return t;
}

static void submit(const struct call *c, struct log_take *t, const struct pando_buf *messages)
{
    t->messages = bytes_copy(buf_view(messages));
    if (t->messages != NULL) {
        log_take_call(c->l, t);
        return;
    }
    log_fail(c->l, c->token, PANDO_NOMEM, "memory is out");
    log_take_free(t);
}

static bool sender_arg(const struct call *c, struct batch_message *m)
{
    m->sender = text_arg(c->args, "sender");
    if (m->sender.len == 0)
        m->sender = slice_text(c->l->options.name);
    if (m->sender.len <= LOG_SENDER_MAX)
        return true;
    log_fail(c->l, c->token, PANDO_INVALID, "a sender's name has at most %d bytes",
             LOG_SENDER_MAX);
    return false;
}

static void append_message(const struct call *c, struct batch_message *m, const char *room)
{
    struct pando_buf b;
    struct log_take *t = new_take(c, 1);
    if (t == NULL)
        return;
    m->client = number_arg(c, "client", 0);
    m->counter = number_arg(c, "counter", 0);
    t->own = m->client == 0;
    m->dated = !t->own && m->counter == 1;
    m->since = m->dated ? c->l->rooms.applied : 0;
    t->client = m->client;
    t->counter = m->counter;
    (void)snprintf(t->room, sizeof t->room, "%s", room);
    buf_init(&b, BATCH_MESSAGE_MAX);
    if (batch_put(&b, m) == PANDO_OK) {
        submit(c, t, &b);
    } else {
        log_fail(c->l, c->token, PANDO_INVALID, "a message has at most %u bytes",
                 LOG_MESSAGE_MAX);
        log_take_free(t);
    }
    buf_deinit(&b);
}

static void call_append(const struct call *c)
{
    struct batch_message m = { 0 };
    struct pando_buf scratch;
    char room[LOG_ROOM_MAX + 1];
    const bool has_client = number_arg(c, "client", 0) != 0;
    if (has_client != (number_arg(c, "counter", 0) != 0)) {
        log_fail(c->l, c->token, PANDO_INVALID,
                 "\"client\" and \"counter\" go together, both 1 or more");
        return;
    }
    buf_init(&scratch, LOG_MESSAGE_MAX * 2);
    if (room_arg(c, room) && sender_arg(c, &m) && id_arg(c, &m) && body_arg(c, &m, &scratch)) {
        m.room = slice_text(room);
        append_message(c, &m, room);
    }
    buf_deinit(&scratch);
}

static void call_append_many(const struct call *c)
{
    struct batch_message m = { 0 };
    const json_t *texts = json_object_get(c->args, "texts"), *one;
    struct pando_buf b;
    char room[LOG_ROOM_MAX + 1];
    const size_t count = json_array_size(texts);
    enum pando_status st = PANDO_OK;
    size_t i;
    if (count == 0 || count > MANY_MAX) {
        log_fail(c->l, c->token, PANDO_INVALID, "\"texts\" is a list of 1 to %d strings",
                 MANY_MAX);
        return;
    }
    if (!room_arg(c, room) || !sender_arg(c, &m))
        return;
    m.room = slice_text(room);
    buf_init(&b, MANY_BYTES);
    json_array_foreach(texts, i, one)
    {
        m.body = slice_of(json_string_value(one), json_string_length(one));
        if (st == PANDO_OK)
            st = json_is_string(one) ? batch_put(&b, &m) : PANDO_INVALID;
    }
    struct log_take *t = st == PANDO_OK ? new_take(c, (uint32_t)count) : NULL;
    if (t != NULL) {
        t->own = t->many = true;
        (void)snprintf(t->room, sizeof t->room, "%s", room);
        submit(c, t, &b);
    } else if (st != PANDO_OK) {
        log_fail(c->l, c->token, PANDO_INVALID,
                 "\"texts\" is a list of strings of at most %u bytes, %u in all", LOG_MESSAGE_MAX,
                 MANY_BYTES);
    }
    buf_deinit(&b);
}

void log_read_now(struct log *l, const struct log_read *r)
{
    const struct rooms_room *room = rooms_find(&l->rooms, slice_text(r->room));
    struct pando_buf b;
    uint64_t last = 0;
    const uint64_t first = room == NULL ? 1 : room->first, end = room == NULL ? 0 : room->last;
    uint64_t from = r->has_from ? r->from : end >= r->limit ? end - r->limit + 1 : 1;
    from = from < first ? first : from;
    buf_init(&b, LOG_READ_BYTES * 8 + (1u << 20));
    enum pando_status st = buf_printf(&b, "{\"room\":");
    if (st == PANDO_OK)
        st = json_text_escape(&b, slice_text(r->room));
    if (st == PANDO_OK)
        st = buf_printf(&b, ",\"first\":%llu,\"last\":%llu,\"messages\":[",
                        (unsigned long long)first, (unsigned long long)end);
    if (st == PANDO_OK && room != NULL && from <= end)
        st = log_read_room(l, room, from, r->limit, &b, &last);
    if (st == PANDO_OK)
        st = buf_printf(&b, "]}");
    if (st == PANDO_OK)
        log_reply(l, r->token, PANDO_OK, buf_view(&b), false);
    else
        log_fail(l, r->token, st,
                 st == PANDO_UNAVAILABLE ? "message %llu cannot be read from this disk: read again in a "
                                           "while, or at another member"
                                         : "the messages from %llu on do not fit: ask for fewer",
                 (unsigned long long)from);
    buf_deinit(&b);
}

/* What a caller has seen here before must not seem to be gone. */
static bool is_behind(const struct call *c)
{
    if (!log_is_behind(c->l))
        return false;
    log_fail(c->l, c->token, PANDO_UNAVAILABLE,
             "this member is being repaired and has less than it had: ask again in a while, ask "
             "another member, or read linearly");
    return true;
}

static void call_read(const struct call *c)
{
    struct log_read r = { .token = c->token, .from = number_arg(c, "from", 0) };
    const uint64_t limit = number_arg(c, "limit", LIMIT_DEFAULT);
    if (!room_arg(c, r.room))
        return;
    r.has_from = json_is_integer(json_object_get(c->args, "from"));
    r.limit = (uint32_t)(limit > LIMIT_MAX ? LIMIT_MAX : limit);
    if (flag_arg(c, "linear"))
        log_read_linear(c->l, &r);
    else if (!is_behind(c))
        log_read_now(c->l, &r);
}

static void call_watch(const struct call *c)
{
    struct log *l = c->l;
    struct log_stream s = { .token = c->token, .roles = flag_arg(c, "roles") };
    struct rooms_run run;
    s.all = !json_is_string(json_object_get(c->args, "room"));
    if (!room_arg(c, s.room))
        return;
    const struct rooms_room *room = rooms_find(&l->rooms, slice_text(s.room));
    const bool has_from = json_is_integer(json_object_get(c->args, "from"));
    if (!has_from && is_behind(c))
        return;
    s.from = has_from ? number_arg(c, "from", 1) : room == NULL ? 1 : room->last + 1;
    s.index = l->rooms.applied + 1;
    if (has_from && s.all)
        s.index = l->first_index;
    else if (has_from && room != NULL && s.from <= room->last)
        s.index = rooms_locate(room, s.from < room->first ? room->first : s.from, &run)
                      ? run.index : s.index;
    if (log_stream_open(l, &s) != PANDO_OK)
        log_fail(l, c->token, PANDO_FULL, "too many watch already");
}

static void reply_report(const struct call *c,
                         enum pando_status (*report)(struct log *l, struct pando_buf *b))
{
    struct pando_buf b;
    buf_init(&b, 1u << 20);
    const enum pando_status st = report(c->l, &b);
    if (st == PANDO_OK)
        log_reply(c->l, c->token, PANDO_OK, buf_view(&b), false);
    else
        log_fail(c->l, c->token, st, "the report does not fit");
    buf_deinit(&b);
}

static void call_rooms(const struct call *c)
{
    if (!is_behind(c))
        reply_report(c, log_report_rooms);
}

static void call_status(const struct call *c)
{
    reply_report(c, log_report_status);
}

static void call_members(const struct call *c)
{
    reply_report(c, log_report_members);
}

static void call_transfer(const struct call *c)
{
    log_transfer(c->l, c->token, number_arg(c, "to", 0));
}

static void call_leave(const struct call *c)
{
    log_remove(c->l, c->token, c->l->options.id);
}

static void call_remove(const struct call *c)
{
    log_remove(c->l, c->token, number_arg(c, "id", 0));
}

static void call_recover(const struct call *c)
{
    const json_t *list = json_object_get(c->args, "members"), *one;
    struct raft_members m = { .len = 0 };
    size_t i;
    if (!flag_arg(c, "unsafe")) {
        log_fail(c->l, c->token, PANDO_REFUSED,
                 "this may lose acknowledged messages: it needs \"unsafe\", and all members that "
                 "are not named must never come back");
        return;
    }
    json_array_foreach(list, i, one)
    {
        const uint64_t id = json_is_integer(one) ? (uint64_t)json_integer_value(one) : 0;
        if (m.len < RAFT_VOTERS_MAX && (m.len == 0 || id > m.at[m.len - 1].id))
            m.at[m.len++] = (struct raft_member){ id, RAFT_VOTER };
    }
    if (m.len == 0 || m.len != json_array_size(list))
        log_fail(c->l, c->token, PANDO_INVALID,
                 "\"members\" is a rising list of 1 to %d ids that survive", RAFT_VOTERS_MAX);
    else
        log_recover(c->l, c->token, &m);
}

/* The node says where it listens; the first address is told to members. */
static void call_announce(const struct call *c)
{
    const json_t *first = json_array_get(json_object_get(c->args, "addresses"), 0);
    if (json_is_string(first))
        (void)snprintf(c->l->address, sizeof c->l->address, "%s", json_string_value(first));
    log_reply(c->l, c->token, PANDO_OK, slice_text("{}"), false);
}

static void call_cancel(const struct call *c)
{
    (void)log_stream_cancel(c->l, c->token);
}

static const struct {
    const char *name;
    void (*run)(const struct call *c);
} VERBS[] = {
    { "append", call_append },     { "append_many", call_append_many },
    { "read", call_read },         { "watch", call_watch },
    { "rooms", call_rooms },       { "status", call_status },
    { "members", call_members },   { "transfer", call_transfer },
    { "leave", call_leave },       { "remove", call_remove },
    { "recover", call_recover },   { "announce", call_announce },
    { "cancel", call_cancel },
};

const char *const log_verbs[] = { "append",  "append_batch", "append_many", "read",
                                  "watch",   "rooms",        "status",      "members",
                                  "transfer", "leave",       "remove",      "recover",
                                  "announce", "cancel",      NULL };

void log_call(struct log *l, const struct space_input *in)
{
    struct call c = { .l = l, .token = in->token };
    json_t *args = NULL;
    if (strcmp(in->verb, log_raw_verbs[0]) == 0) {
        log_append_batch(l, in->token, in->text);
        return;
    }
    if (in->text.len > 0 && (json_text_parse(in->text, JSON_TEXT_MAX, &args, NULL) != PANDO_OK ||
                             !json_is_object(args))) {
        log_fail(l, in->token, PANDO_MALFORMED, "the arguments must be a JSON object");
        json_decref(args);
        return;
    }
    c.args = args;
    size_t i = 0;
    while (i < sizeof VERBS / sizeof VERBS[0] && strcmp(VERBS[i].name, in->verb) != 0)
        i++;
    if (i < sizeof VERBS / sizeof VERBS[0])
        VERBS[i].run(&c);
    else
        log_fail(l, in->token, PANDO_UNSUPPORTED, "a log has no verb '%s'", in->verb);
    json_decref(args);
}
