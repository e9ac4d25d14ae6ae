/* jsonl_ask.c - what a chat client says becomes calls of the backend; their answers. */
#include "api/jsonl.h"

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
static void reached_at(const struct jsonl_client *c, char *ret, size_t cap)
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

static json_t *member_json(const struct jsonl_client *c, const json_t *m, int64_t self)
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

static json_t *membership(const struct jsonl_client *c, const json_t *status)
{
    json_t *list = json_array();
    const json_int_t self = json_integer_value(json_object_get(status, "id"));
    size_t i;
    const json_t *m;
    json_array_foreach(json_object_get(status, "members"), i, m)
        (void)json_array_append_new(list, member_json(c, m, self));
    return list;
}

bool jsonl_call(struct jsonl_client *c, const struct jsonl_call *call, const char *verb,
                json_t *args)
{
    struct api *a = c->api;
    if (args != NULL && a->lines_space[0] != '\0')
        (void)json_object_set_new(args, "space", json_string(a->lines_space));
    char *text = args != NULL ? json_dumps(args, JSON_COMPACT) : NULL;
    json_decref(args);
    if (text == NULL || c->calls_len == JSONL_CALLS_MAX) {
        free(text);
        return false;
    }
    struct jsonl_call *place = &c->calls[c->calls_len++];
    *place = *call;
    place->token = JSONL_TOKEN | (++a->jsonl->serial % SERIALS) << 16 | c->slot;
    /* The answer may come within, and then the place is another's. */
    a->config.backend.call(a->config.backend.ctx, place->token, verb, slice_text(text));
    free(text);
    return true;
}

static void call_or_say(struct jsonl_client *c, const struct jsonl_call *call,
                        const char *verb, json_t *args)
{
    if (!jsonl_call(c, call, verb, args))
        jsonl_say_error(c, PANDO_BUSY, "too much is asked at once, or memory is out",
                        call->msg_id);
}

static void take_join(struct jsonl_client *c, const struct jsonl_message *m)
{
    struct jsonl_call call = { .kind = JSONL_LOOK };
    struct api *a = c->api;
    if (m->token[0] != '\0' && (a->token[0] == '\0' || !access_same_secret(m->token, a->token))) {
        jsonl_end(c, "the token is wrong");
        return;
    }
    c->may_write |= m->token[0] != '\0';
    struct jsonl_room *room = jsonl_room_join(c, m->room);
    if (room == NULL) {
        jsonl_say_error(c, PANDO_FULL, "a client is in at most 16 rooms", m->msg_id);
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

static void take_chat(struct jsonl_client *c, const struct jsonl_message *m)
{
    struct jsonl_call call = { .kind = JSONL_APPEND };
    char sender[32];
    if (!c->may_write) {
        jsonl_say_error(c, PANDO_REFUSED,
                        "messages from another machine need the token of config.yml: say "
                        "it in JOIN, or set lines_open",
                        m->msg_id);
        return;
    }
    const int64_t id = m->sender_id >= 0   ? m->sender_id
                       : c->sender_id >= 0 ? c->sender_id
                                           : JSONL_NOBODY;
    (void)snprintf(sender, sizeof sender, "node_%" PRId64, id);
    (void)snprintf(call.room, sizeof call.room, "%s", m->room);
    (void)snprintf(call.msg_id, sizeof call.msg_id, "%s", m->msg_id);
    json_t *args = json_pack("{s:s,s:s,s:s}", "room", m->room, "text", m->payload, "sender",
                             sender);
    if (args != NULL && m->msg_id[0] != '\0') {
        const struct jsonl_session s = jsonl_session(m->msg_id);
        (void)json_object_set_new(args, "client", json_integer((json_int_t)s.client));
        (void)json_object_set_new(args, "counter", json_integer((json_int_t)s.counter));
        if (jsonl_is_uuid(m->msg_id))
            (void)json_object_set_new(args, "msg_id", json_string(m->msg_id));
    }
    call_or_say(c, &call, "log.append", args);
}

static void take_catchup(struct jsonl_client *c, const struct jsonl_message *m)
{
    struct jsonl_room *room = jsonl_room_join(c, m->room);
    if (room == NULL) {
        jsonl_say_error(c, PANDO_FULL, "a client is in at most 16 rooms", m->msg_id);
        return;
    }
    room->next = m->last_seq + 1;
    room->asked = room->behind = true;
    room->reading = false; /* what was under way is for another place */
    jsonl_fill(c);
}

void jsonl_take(struct jsonl_client *c, struct pando_slice line)
{
    struct jsonl_message m;
    struct pando_err err = { 0 };
    const enum pando_status st = jsonl_decode(line, &m, &err);
    if (st != PANDO_OK) {
        jsonl_say_error(c, st, err.text, m.msg_id);
        return;
    }
    if (c->api->jsonl->watch == 0)
        jsonl_watch(c->api);
    if (m.sender_id >= 0 && (m.type == JSONL_JOIN || c->sender_id < 0))
        c->sender_id = m.sender_id;
    if (c->rooms_len == 0 && m.type != JSONL_JOIN && m.type != JSONL_CATCHUP_REQ)
        (void)jsonl_room_join(c, JSONL_ROOM);
    if (c->ending) { /* there is no room at all */
        jsonl_release(&m);
        return;
    }
    switch (m.type) {
    case JSONL_JOIN:
        take_join(c, &m);
        break;
    case JSONL_CHAT:
        take_chat(c, &m);
        break;
    case JSONL_CATCHUP_REQ:
        take_catchup(c, &m);
        break;
    case JSONL_HEARTBEAT:
        call_or_say(c, &(struct jsonl_call){ .kind = JSONL_PULSE }, "log.status",
                    json_object());
        break;
    }
    jsonl_release(&m);
}

static void appended(struct jsonl_client *c, const struct jsonl_call *call,
                     const json_t *answer)
{
    const char *id = call->msg_id[0] != '\0'
                         ? call->msg_id
                         : json_string_value(json_object_get(answer, "msg_id"));
    jsonl_say(c, json_pack("{s:s,s:I,s:I,s:s,s:I,s:s}", "type", "CHAT_ACK", "sender_id",
                           (json_int_t)c->api->jsonl->node_id, "term",
                           json_integer_value(json_object_get(answer, "term")), "room_id",
                           call->room, "seq_no",
                           json_integer_value(json_object_get(answer, "seq")), "msg_id",
                           id != NULL ? id : ""));
}

/* The room's end is known: now the members. */
static void looked(struct jsonl_client *c, const struct jsonl_call *call,
                   const json_t *answer)
{
    struct jsonl_call next = *call;
    struct jsonl_room *room = jsonl_room_of(c, call->room);
    next.kind = JSONL_MEET;
    next.last_seq = (uint64_t)json_integer_value(json_object_get(answer, "last"));
    if (room != NULL && room->next == 0)
        room->next = next.last_seq + 1;
    call_or_say(c, &next, "log.status", json_object());
}

static void met(struct jsonl_client *c, const struct jsonl_call *call,
                const json_t *status)
{
    struct jsonl *l = c->api->jsonl;
    l->node_id = json_integer_value(json_object_get(status, "id"));
    l->term = (uint64_t)json_integer_value(json_object_get(status, "term"));
    json_t *object = json_pack(
        "{s:s,s:I,s:I,s:I}", "type", call->kind == JSONL_MEET ? "JOIN_ACK" : "HEARTBEAT",
        "sender_id", (json_int_t)l->node_id, "term", (json_int_t)l->term, "leader_id",
        json_integer_value(json_object_get(status, "leader")));
    if (object != NULL)
        (void)json_object_set_new(object, "membership", membership(c, status));
    if (object != NULL && call->kind == JSONL_MEET) {
        (void)json_object_set_new(object, "room_id", json_string(call->room));
        (void)json_object_set_new(object, "last_seq", json_integer((json_int_t)call->last_seq));
        trace(c->api->config.tracer, TRACE_API, TRACE_INFO,
              "Sent JOIN_ACK to client %" PRId64, c->sender_id);
    }
    jsonl_say(c, object);
}

static void answered(struct jsonl_client *c, const struct jsonl_call *call,
                     enum pando_status status, struct pando_slice body)
{
    char text[512];
    json_t *answer = NULL;
    if (status == PANDO_OK && json_text_parse(body, JSON_TEXT_MAX, &answer, NULL) != PANDO_OK)
        status = PANDO_MALFORMED;
    if (call->kind == JSONL_FILL) {
        jsonl_filled(c, call, status, answer);
    } else if (call->kind == JSONL_LOOK && status == PANDO_NOT_FOUND) {
        looked(c, call, NULL); /* a room that nobody wrote in yet */
    } else if (status != PANDO_OK) {
        reply_error_text(status, body, text, sizeof text);
        jsonl_say_error(c, status, text, call->msg_id);
    } else if (call->kind == JSONL_APPEND) {
        appended(c, call, answer);
    } else if (call->kind == JSONL_LOOK) {
        looked(c, call, answer);
    } else {
        met(c, call, answer);
    }
    json_decref(answer);
}

enum pando_status jsonl_reply(struct api *a, uint64_t token, enum pando_status status,
                              struct pando_slice body, bool more)
{
    const uint32_t slot = token & 0xffff;
    if (a->jsonl == NULL)
        return PANDO_NOT_FOUND;
    if (token == a->jsonl->watch) {
        jsonl_watched(a, status, body, more);
        return PANDO_OK;
    }
    struct jsonl_client *c =
        slot < a->config.connections_max ? a->jsonl->clients[slot] : NULL;
    for (size_t i = 0; c != NULL && i < c->calls_len; i++) {
        if (c->calls[i].token != token)
            continue;
        const struct jsonl_call call = c->calls[i];
        c->calls[i] = c->calls[--c->calls_len];
        a->jsonl->again = true;
        answered(c, &call, status, body);
        return PANDO_OK;
    }
    return PANDO_NOT_FOUND;
}
