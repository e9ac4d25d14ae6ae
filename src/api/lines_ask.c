/* lines_ask.c - what a chat client says becomes calls of the backend; their answers. */
#include "api/lines.h"

#include "base/slice.h"
#include "codec/json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIALS (UINT64_C(1) << 30)

/* Where a node's own address is not known it is the one that this client reached. */
static void reached_at(const struct lines_client *c, char *ret, size_t cap)
{
    struct sockaddr_in v4 = { 0 };
    socklen_t len = sizeof v4;
    (void)snprintf(ret, cap, "127.0.0.1");
    if (getsockname(c->fd, (struct sockaddr *)&v4, &len) == 0 && v4.sin_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4.sin_addr, ret, (socklen_t)cap);
}

/* HOST:PORT, or the first two parts of a multiaddr: /ip4/HOST/udp/PORT/... */
static bool split_address(const char *text, char *host, size_t cap, unsigned *port)
{
    const char *begin = text, *end = strrchr(text, ':'), *digits = end + 1;
    if (text[0] == '/') {
        begin = strchr(text + 1, '/');
        end = begin != NULL ? strchr(++begin, '/') : NULL;
        digits = end != NULL ? strchr(end + 1, '/') : NULL;
        digits = digits != NULL ? digits + 1 : "";
    }
    if (end == NULL || end == begin || (size_t)(end - begin) >= cap)
        return false;
    (void)snprintf(host, cap, "%.*s", (int)(end - begin), begin);
    *port = (unsigned)strtoul(digits, NULL, 10);
    return *port > 0 && *port < 65536;
}

static json_t *member_json(const struct lines_client *c, const json_t *m, int64_t self)
{
    char host[256] = "";
    unsigned port = 0;
    const char *address = json_string_value(json_object_get(m, "address"));
    const char *name = json_string_value(json_object_get(m, "name"));
    const json_int_t id = json_integer_value(json_object_get(m, "id"));
    if (id == self) {
        reached_at(c, host, sizeof host);
        port = c->api->port;
    } else if (address == NULL || !split_address(address, host, sizeof host, &port)) {
        host[0] = '\0';
        port = 0;
    }
    return json_pack("{s:I,s:s,s:i,s:s}", "node_id", id, "host", host, "port", (int)port,
                     "name", name != NULL ? name : "");
}

static json_t *membership(const struct lines_client *c, const json_t *status)
{
    json_t *list = json_array();
    const json_int_t self = json_integer_value(json_object_get(status, "id"));
    size_t i;
    const json_t *m;
    json_array_foreach(json_object_get(status, "members"), i, m)
        (void)json_array_append_new(list, member_json(c, m, self));
    return list;
}

bool lines_call(struct lines_client *c, const struct lines_call *call, const char *verb,
                json_t *args)
{
    struct api *a = c->api;
    if (args != NULL && a->lines_space[0] != '\0')
        (void)json_object_set_new(args, "space", json_string(a->lines_space));
    char *text = args != NULL ? json_dumps(args, JSON_COMPACT) : NULL;
    json_decref(args);
    if (text == NULL || c->calls_len == LINES_CALLS_MAX) {
        free(text);
        return false;
    }
    struct lines_call *place = &c->calls[c->calls_len++];
    *place = *call;
    place->token = LINES_TOKEN | (++a->lines->serial % SERIALS) << 16 | c->slot;
    /* The answer may come within, and then the place is another's. */
    a->config.backend.call(a->config.backend.ctx, place->token, verb, slice_text(text));
    free(text);
    return true;
}

static void call_or_say(struct lines_client *c, const struct lines_call *call,
                        const char *verb, json_t *args)
{
    if (!lines_call(c, call, verb, args))
        lines_say_error(c, PANDO_BUSY, "too much is asked at once, or memory is out",
                        call->msg_id);
}

static void take_join(struct lines_client *c, const struct lines_message *m)
{
    struct lines_call call = { .kind = LINES_LOOK };
    struct api *a = c->api;
    if (m->token[0] != '\0' && (a->token[0] == '\0' || !access_same_secret(m->token, a->token))) {
        lines_end(c, "the token is wrong");
        return;
    }
    c->may_write |= m->token[0] != '\0';
    struct lines_room *room = lines_room_join(c, m->room);
    if (room == NULL) {
        lines_say_error(c, PANDO_FULL, "a client is in at most 16 rooms", m->msg_id);
        return;
    }
    if (m->has_last_seq) {
        room->next = m->last_seq + 1;
        room->behind = true;
    }
    (void)snprintf(call.room, sizeof call.room, "%s", m->room);
    (void)snprintf(call.msg_id, sizeof call.msg_id, "%s", m->msg_id);
    call_or_say(c, &call, "log.read", json_pack("{s:s,s:i}", "room", m->room, "limit", 1));
}

static void take_chat(struct lines_client *c, const struct lines_message *m)
{
    struct lines_call call = { .kind = LINES_APPEND };
    char sender[32];
    if (!c->may_write) {
        lines_say_error(c, PANDO_REFUSED,
                        "messages from another machine need the token of config.yml: say "
                        "it in JOIN, or set lines_open",
                        m->msg_id);
        return;
    }
    const int64_t id = m->sender_id >= 0   ? m->sender_id
                       : c->sender_id >= 0 ? c->sender_id
                                           : LINES_NOBODY;
    (void)snprintf(sender, sizeof sender, "node_%" PRId64, id);
    (void)snprintf(call.room, sizeof call.room, "%s", m->room);
    (void)snprintf(call.msg_id, sizeof call.msg_id, "%s", m->msg_id);
    json_t *args = json_pack("{s:s,s:s,s:s}", "room", m->room, "text", m->payload, "sender",
                             sender);
    if (args != NULL && m->msg_id[0] != '\0') {
        const struct lines_session s = lines_session(m->msg_id);
        (void)json_object_set_new(args, "client", json_integer((json_int_t)s.client));
        (void)json_object_set_new(args, "counter", json_integer((json_int_t)s.counter));
        if (lines_is_uuid(m->msg_id))
            (void)json_object_set_new(args, "msg_id", json_string(m->msg_id));
    }
    call_or_say(c, &call, "log.append", args);
}

static void take_catchup(struct lines_client *c, const struct lines_message *m)
{
    struct lines_room *room = lines_room_join(c, m->room);
    if (room == NULL) {
        lines_say_error(c, PANDO_FULL, "a client is in at most 16 rooms", m->msg_id);
        return;
    }
    room->next = m->last_seq + 1;
    room->asked = room->behind = true;
    room->reading = false; /* what was under way is for another place */
    lines_fill(c);
}

void lines_take(struct lines_client *c, struct pando_slice line)
{
    struct lines_message m;
    struct pando_err err = { 0 };
    const enum pando_status st = lines_decode(line, &m, &err);
    if (st != PANDO_OK) {
        lines_say_error(c, st, err.text, m.msg_id);
        return;
    }
    if (c->api->lines->watch == 0)
        lines_watch(c->api);
    if (m.sender_id >= 0 && (m.type == LINES_JOIN || c->sender_id < 0))
        c->sender_id = m.sender_id;
    if (c->rooms_len == 0 && m.type != LINES_JOIN && m.type != LINES_CATCHUP_REQ)
        (void)lines_room_join(c, LINES_ROOM);
    if (c->ending) { /* there is no room at all */
        lines_release(&m);
        return;
    }
    switch (m.type) {
    case LINES_JOIN:
        take_join(c, &m);
        break;
    case LINES_CHAT:
        take_chat(c, &m);
        break;
    case LINES_CATCHUP_REQ:
        take_catchup(c, &m);
        break;
    case LINES_HEARTBEAT:
        call_or_say(c, &(struct lines_call){ .kind = LINES_PULSE }, "log.status",
                    json_object());
        break;
    }
    lines_release(&m);
}

static void appended(struct lines_client *c, const struct lines_call *call,
                     const json_t *answer)
{
    const char *id = call->msg_id[0] != '\0'
                         ? call->msg_id
                         : json_string_value(json_object_get(answer, "msg_id"));
    lines_say(c, json_pack("{s:s,s:I,s:I,s:s,s:I,s:s}", "type", "CHAT_ACK", "sender_id",
                           (json_int_t)c->api->lines->node_id, "term",
                           json_integer_value(json_object_get(answer, "term")), "room_id",
                           call->room, "seq_no",
                           json_integer_value(json_object_get(answer, "seq")), "msg_id",
                           id != NULL ? id : ""));
}

/* The room's end is known: now the members. */
static void looked(struct lines_client *c, const struct lines_call *call,
                   const json_t *answer)
{
    struct lines_call next = *call;
    struct lines_room *room = lines_room_of(c, call->room);
    next.kind = LINES_MEET;
    next.last_seq = (uint64_t)json_integer_value(json_object_get(answer, "last"));
    if (room != NULL && room->next == 0)
        room->next = next.last_seq + 1;
    call_or_say(c, &next, "log.status", json_object());
}

static void met(struct lines_client *c, const struct lines_call *call,
                const json_t *status)
{
    struct lines *l = c->api->lines;
    l->node_id = json_integer_value(json_object_get(status, "id"));
    l->term = (uint64_t)json_integer_value(json_object_get(status, "term"));
    json_t *object = json_pack(
        "{s:s,s:I,s:I,s:I}", "type", call->kind == LINES_MEET ? "JOIN_ACK" : "HEARTBEAT",
        "sender_id", (json_int_t)l->node_id, "term", (json_int_t)l->term, "leader_id",
        json_integer_value(json_object_get(status, "leader")));
    if (object != NULL && call->kind == LINES_MEET) {
        (void)json_object_set_new(object, "room_id", json_string(call->room));
        (void)json_object_set_new(object, "last_seq", json_integer((json_int_t)call->last_seq));
        (void)json_object_set_new(object, "membership", membership(c, status));
        trace(c->api->config.tracer, TRACE_API, TRACE_INFO,
              "Sent JOIN_ACK to client %" PRId64, c->sender_id);
    }
    lines_say(c, object);
}

static void answered(struct lines_client *c, const struct lines_call *call,
                     enum pando_status status, struct pando_slice body)
{
    char text[512];
    json_t *answer = NULL;
    if (status == PANDO_OK && json_text_parse(body, JSON_TEXT_MAX, &answer, NULL) != PANDO_OK)
        status = PANDO_MALFORMED;
    if (call->kind == LINES_FILL) {
        lines_filled(c, call, status, answer);
    } else if (call->kind == LINES_LOOK && status == PANDO_NOT_FOUND) {
        looked(c, call, NULL); /* a room that nobody wrote in yet */
    } else if (status != PANDO_OK) {
        reply_error_text(status, body, text, sizeof text);
        lines_say_error(c, status, text, call->msg_id);
    } else if (call->kind == LINES_APPEND) {
        appended(c, call, answer);
    } else if (call->kind == LINES_LOOK) {
        looked(c, call, answer);
    } else {
        met(c, call, answer);
    }
    json_decref(answer);
}

enum pando_status lines_reply(struct api *a, uint64_t token, enum pando_status status,
                              struct pando_slice body, bool more)
{
    const uint32_t slot = token & 0xffff;
    if (a->lines == NULL)
        return PANDO_NOT_FOUND;
    if (token == a->lines->watch) {
        lines_watched(a, status, body, more);
        return PANDO_OK;
    }
    struct lines_client *c =
        slot < a->config.connections_max ? a->lines->clients[slot] : NULL;
    for (size_t i = 0; c != NULL && i < c->calls_len; i++) {
        if (c->calls[i].token != token)
            continue;
        const struct lines_call call = c->calls[i];
        c->calls[i] = c->calls[--c->calls_len];
        a->lines->again = true;
        answered(c, &call, status, body);
        return PANDO_OK;
    }
    return PANDO_NOT_FOUND;
}
