/* jsonl_room.c - what is delivered reaches the clients of its room, in order, once. */
#include "api/jsonl.h"

#include "base/slice.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_AGAIN    PANDO_SEC(1)
#define CHUNK_MAX      (56u << 10) /* of a CATCHUP_RESP, its head not counted */

static const char no_room[] = "this node has no chat room; HTTP is spoken on this port "
                              "too: GET /api lists its routes";

struct jsonl_room *jsonl_room_of(struct jsonl_client *c, const char *name)
{
    for (size_t i = 0; i < c->rooms_len; i++)
        if (strcmp(c->rooms[i].name, name) == 0)
            return &c->rooms[i];
    return NULL;
}

struct jsonl_room *jsonl_room_join(struct jsonl_client *c, const char *name)
{
    struct jsonl_room *room = jsonl_room_of(c, name);
    if (room != NULL || c->rooms_len == JSONL_ROOMS_MAX)
        return room;
    room = &c->rooms[c->rooms_len++];
    *room = (struct jsonl_room){ 0 };
    (void)snprintf(room->name, sizeof room->name, "%s", name);
    return room;
}

void jsonl_watch(struct api *a)
{
    struct jsonl *l = a->jsonl;
    json_t *args = json_object();
    if (a->lines_space[0] != '\0')
        (void)json_object_set_new(args, "space", json_string(a->lines_space));
    char *text = json_dumps(args, JSON_COMPACT);
    json_decref(args);
    if (text == NULL)
        return;
    l->watch = JSONL_TOKEN | (++l->serial % (UINT64_C(1) << 30)) << 16 | JSONL_WATCH_SLOT;
    l->watch_at = pando_time_add(a->now, WATCH_AGAIN);
    a->config.backend.call(a->config.backend.ctx, l->watch, "log.watch", slice_text(text));
    free(text);
}

/* One delivered message for one client. */
static void tell(struct jsonl_client *c, const char *name, uint64_t seq,
                 struct pando_slice line)
{
    struct jsonl_room *room = c->ending ? NULL : jsonl_room_of(c, name);
    if (room == NULL || room->behind || (room->next != 0 && seq < room->next))
        return;
    if ((room->next != 0 && seq > room->next) || jsonl_queued(c) > QUEUED_HIGH) {
        if (room->next == 0)
            room->next = seq;
        room->behind = true;
        c->api->jsonl->again = true;
        return;
    }
    room->next = seq + 1;
    jsonl_say_bytes(c, line);
}

/* The line is made once for all. */
static void deliver(struct api *a, struct pando_slice text)
{
    json_t *entry = NULL;
    struct pando_buf line;
    char name[JSONL_NAME_MAX + 1];
    if (json_text_parse(text, JSON_TEXT_MAX, &entry, NULL) != PANDO_OK)
        return;
    json_t *chat = jsonl_seq_chat(entry);
    const char *room = json_string_value(json_object_get(chat, "room_id"));
    const uint64_t seq = (uint64_t)json_integer_value(json_object_get(chat, "seq_no"));
    (void)snprintf(name, sizeof name, "%s", room != NULL ? room : "");
    buf_init(&line, JSONL_MAX);
    const bool made = jsonl_put(&line, chat);
    for (size_t i = 0; made && i < a->config.connections_max; i++)
        if (a->jsonl->clients[i] != NULL)
            tell(a->jsonl->clients[i], name, seq, buf_view(&line));
    buf_deinit(&line);
    json_decref(entry);
}

static void end_all(struct api *a, const char *why)
{
    for (size_t i = 0; i < a->config.connections_max; i++)
        if (a->jsonl->clients[i] != NULL)
            jsonl_end(a->jsonl->clients[i], why);
}

void jsonl_watched(struct api *a, enum pando_status status, struct pando_slice body,
                   bool more)
{
    if (status == PANDO_NOT_FOUND || status == PANDO_UNSUPPORTED)
        end_all(a, no_room);
    while (status == PANDO_OK && body.len > 0) {
        const uint8_t *end = memchr(body.ptr, '\n', body.len);
        const size_t len = end != NULL ? (size_t)(end - body.ptr) : body.len;
        if (len > 0)
            deliver(a, slice_of(body.ptr, len));
        body = slice_from(body, len + 1);
    }
    if (more && status == PANDO_OK)
        return;
    a->jsonl->watch = 0; /* begun again by the tick; holes are filled by reading */
}

void jsonl_fill(struct jsonl_client *c)
{
    for (size_t i = 0; i < c->rooms_len; i++) {
        struct jsonl_room *room = &c->rooms[i];
        if (!room->behind || room->reading || c->ending || jsonl_queued(c) > QUEUED_HIGH)
            continue;
        struct jsonl_call call = { .kind = JSONL_FILL, .last_seq = room->next };
        (void)snprintf(call.room, sizeof call.room, "%s", room->name);
        room->reading = true;
        if (!jsonl_call(c, &call, "log.read",
                        json_pack("{s:s,s:I,s:i}", "room", room->name, "from",
                                  (json_int_t)room->next, "limit", READ_LIMIT)))
            room->reading = false; /* the tick tries again when calls have ended */
    }
}

/* Say what was gathered so far as one line. */
static void say_chunk(struct jsonl_client *c, const struct jsonl_room *room,
                      json_t *records, uint64_t last, bool more)
{
    jsonl_say(c, json_pack("{s:s,s:I,s:I,s:s,s:o,s:I,s:b}", "type", "CATCHUP_RESP",
                           "sender_id", (json_int_t)c->api->jsonl->node_id, "term",
                           (json_int_t)c->api->jsonl->term, "room_id", room->name, "payload",
                           records, "last_seq", (json_int_t)last, "more", (int)more));
}

static size_t size_of(const json_t *value)
{
    return json_dumpb(value, NULL, 0, JSON_COMPACT);
}

/* As CATCHUP_RESP lines, each of as many records as fit. */
static void say_records(struct jsonl_client *c, struct jsonl_room *room, const json_t *list,
                        uint64_t last)
{
    json_t *records = json_array(), *record;
    size_t size = 0, i;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        const uint64_t seq = (uint64_t)json_integer_value(json_object_get(entry, "seq"));
        if (seq < room->next || jsonl_queued(c) > QUEUED_HIGH ||
            (record = jsonl_record(entry)) == NULL)
            continue;
        const size_t more = size_of(record) + 1;
        if (size > 0 && size + more > CHUNK_MAX) {
            say_chunk(c, room, records, last, true);
            records = json_array();
            size = 0;
        }
        size += more;
        room->next = seq + 1;
        (void)json_array_append_new(records, record);
    }
    say_chunk(c, room, records, last, room->next <= last);
}

static void say_chats(struct jsonl_client *c, struct jsonl_room *room, const json_t *list)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        const uint64_t seq = (uint64_t)json_integer_value(json_object_get(entry, "seq"));
        if (seq < room->next || jsonl_queued(c) > QUEUED_HIGH)
            continue;
        room->next = seq + 1;
        jsonl_say(c, jsonl_seq_chat(entry));
    }
}

void jsonl_filled(struct jsonl_client *c, const struct jsonl_call *call,
                  enum pando_status status, const json_t *answer)
{
    struct jsonl_room *room = jsonl_room_of(c, call->room);
    if (room == NULL || !room->reading || call->last_seq != room->next)
        return; /* asked for another place meanwhile */
    room->reading = false;
    if (status != PANDO_OK && status != PANDO_NOT_FOUND) {
        room->behind = room->asked = false;
        room->next = 0;
        jsonl_say_error(c, status, "what was missed cannot be read", NULL);
        return;
    }
    const json_t *list = json_object_get(answer, "messages");
    const uint64_t last = (uint64_t)json_integer_value(json_object_get(answer, "last"));
    const uint64_t before = room->next;
    if (room->asked)
        say_records(c, room, list, last);
    else
        say_chats(c, room, list);
    /* A number beyond the room's end waits for the room; a read that gives nothing more
     * has shown all there is. */
    room->behind = room->next <= last && (room->next > before || jsonl_queued(c) > QUEUED_HIGH);
    if (!room->behind)
        room->asked = false;
}
