/* delivery.c - what the log spaces deliver: lines for the person at the terminal, and a
 * transcript in chat_dir.
 *
 * Each log space is watched from its first number on, so the transcript is whole after every
 * start. Printed is only what was not here when the node started. Spaces that are made while the
 * node runs are found in its list; one that was closed and opened again is watched again, and
 * what it tells twice is passed over.
 */
#include "host/state.h"

#include "base/slice.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a token, what the answer is to; none of them: log.watch. */
#define ASKED_ROOMS  0x100u
#define ASKED_LIST   0x200u
#define ASKED_STATUS 0x400u

static void ask(struct host *h, uint64_t token, const char *verb, const char *space,
                const char *more)
{
    char args[CONFIG_TEXT_MAX + 64];
    (void)snprintf(args, sizeof args, "{\"space\":\"%s\"%s}", space, more);
    node_call(h->node, host_now(h), DELIVERY_TOKEN | token, verb, slice_text(args));
}

/* The member's name, as the space's settings have it. */
static void member_name(const struct config_space *space, char *ret, size_t cap)
{
    json_t *settings = json_loads(space->settings[0] != '\0' ? space->settings : "{}", 0, NULL);
    const char *name = json_string_value(json_object_get(settings, "name"));
    if (name != NULL && strchr(name, '/') == NULL)
        (void)snprintf(ret, cap, "%s", name);
    else
        (void)snprintf(ret, cap, "node_%lld",
                       (long long)json_integer_value(json_object_get(settings, "id")));
    json_decref(settings);
}

static enum pando_status open_transcript(struct host *h, const char *member, const char *space,
                                         struct transcript **ret, struct pando_err *reterr)
{
    char path[CONFIG_PATH_MAX + 2 * CONFIG_TEXT_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s%s%s_messages.jsonl", h->config->chat_dir, member,
                   space[0] == '\0' ? "" : "_", space);
    return transcript_new(path, ret, reterr);
}

static struct host_delivery *add(struct host *h, const char *name)
{
    size_t i = 0;
    while (i < NODE_SPACES_MAX && h->deliveries[i].used)
        i++;
    if (i == NODE_SPACES_MAX)
        return NULL;
    struct host_delivery *d = &h->deliveries[i];
    *d = (struct host_delivery){ .used = true, .seen = json_object() };
    (void)snprintf(d->name, sizeof d->name, "%s", name);
    return d;
}

static void drop(struct host_delivery *d)
{
    transcript_free(d->transcript);
    json_decref(d->before);
    json_decref(d->seen);
    *d = (struct host_delivery){ .used = false };
}

/* A line of JSON for each message costs more than the message did. */
static bool is_wanted(const struct host *h)
{
    return h->signals_wanted && (h->printing || h->config->chat_dir[0] != '\0');
}

enum pando_status delivery_start(struct host *h, struct pando_err *reterr)
{
    const struct config_spaces *spaces = &h->config->spaces;
    enum pando_status st = PANDO_OK;
    size_t logs = 0;
    for (size_t i = 0; i < spaces->len; i++)
        logs += strcmp(spaces->items[i].kind, "log") == 0;
    for (size_t i = 0; i < spaces->len && st == PANDO_OK; i++) {
        const struct config_space *space = &spaces->items[i];
        char member[CONFIG_TEXT_MAX];
        if (strcmp(space->kind, "log") != 0 || !is_wanted(h))
            continue;
        struct host_delivery *d = add(h, space->name);
        member_name(space, member, sizeof member);
        if (d != NULL && h->config->chat_dir[0] != '\0')
            st = open_transcript(h, member, logs == 1 ? "" : space->name, &d->transcript, reterr);
    }
    h->spaces_changed = true;
    loop_again(h);
    return st;
}

void delivery_stop(struct host *h)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        drop(&h->deliveries[i]);
}

void delivery_flush(struct host *h)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (h->deliveries[i].transcript != NULL)
            transcript_flush(h->deliveries[i].transcript);
}

static struct host_delivery *find(struct host *h, const char *id, const char *name)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct host_delivery *d = &h->deliveries[i];
        if (d->used && (d->id[0] != '\0' ? strcmp(d->id, id) : strcmp(d->name, name)) == 0)
            return d;
    }
    return NULL;
}

/* The node's spaces: those that it lists are to be watched. One that a mend has closed may come
 * back; the others that it does not list are gone. */
static void take_list(struct host *h, const json_t *answer)
{
    size_t i;
    const json_t *space;
    bool listed[NODE_SPACES_MAX] = { false };
    json_array_foreach(json_object_get(answer, "spaces"), i, space) {
        const char *id = json_string_value(json_object_get(space, "id"));
        const char *name = json_string_value(json_object_get(space, "name"));
        if (strcmp(json_string_value(json_object_get(space, "kind")), "log") != 0)
            continue;
        struct host_delivery *d = find(h, id, name);
        d = d != NULL ? d : add(h, name);
        if (d == NULL)
            continue;
        (void)snprintf(d->id, sizeof d->id, "%s", id);
        d->asked = d->asked && !d->ended;
        d->ended = false;
        listed[d - h->deliveries] = true;
    }
    for (i = 0; i < NODE_SPACES_MAX; i++)
        if (h->deliveries[i].used && !listed[i] && !h->deliveries[i].ended)
            drop(&h->deliveries[i]);
}

void delivery_turn(struct host *h)
{
    if (!h->spaces_changed || h->stopping || !is_wanted(h))
        return;
    h->spaces_changed = false;
    node_call(h->node, host_now(h), DELIVERY_TOKEN | ASKED_LIST, "space.ls", SLICE_EMPTY);
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct host_delivery *d = &h->deliveries[i];
        if (!d->used || d->id[0] == '\0' || d->asked)
            continue;
        d->asked = true;
        if (d->transcript == NULL && h->config->chat_dir[0] != '\0')
            ask(h, ASKED_STATUS | i, "log.status", d->id, "");
        if (d->before == NULL)
            ask(h, ASKED_ROOMS | i, "log.rooms", d->id, "");
        ask(h, i, "log.watch", d->id, ",\"from\":1");
    }
}

/* The file of a space that the configuration does not name is called by its member and itself. */
static void take_status(struct host *h, struct host_delivery *d, const json_t *answer)
{
    char member[CONFIG_TEXT_MAX];
    struct pando_err err = { 0 };
    const char *name = json_string_value(json_object_get(answer, "name"));
    if (name != NULL && name[0] != '\0' && strchr(name, '/') == NULL)
        (void)snprintf(member, sizeof member, "%s", name);
    else
        (void)snprintf(member, sizeof member, "node_%lld",
                       (long long)json_integer_value(json_object_get(answer, "id")));
    const bool good = strchr(d->name, '/') == NULL;
    if (!good || open_transcript(h, member, d->name, &d->transcript, &err) != PANDO_OK)
        trace(h->tracer, TRACE_HOST, TRACE_WARNING, "no transcript of space '%.63s': %.300s", d->name,
              good ? err.text : "its name makes no file name");
}

/* {room: last number} as it was at the start. */
static void take_rooms(struct host_delivery *d, const json_t *answer)
{
    size_t i;
    const json_t *room;
    json_decref(d->before);
    d->before = json_object();
    json_array_foreach(json_object_get(answer, "rooms"), i, room)
        (void)json_object_set(d->before,
                              json_string_value(json_object_get(room, "name")),
                              json_object_get(room, "last"));
}

/* Others chose these texts, and they go to a terminal. */
static void print_clean(const char *text)
{
    for (; *text != '\0'; text++)
        (void)putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_message(const json_t *m)
{
    const char *room = json_string_value(json_object_get(m, "room"));
    const char *sender = json_string_value(json_object_get(m, "sender"));
    const char *text = json_string_value(json_object_get(m, "text"));
    (void)putchar('[');
    if (strcmp(room, "general") != 0) {
        print_clean(room);
        (void)putchar(' ');
    }
    (void)printf("seq=%lld] ", (long long)json_integer_value(json_object_get(m, "seq")));
    print_clean(sender);
    (void)printf(": ");
    print_clean(text != NULL ? text : "(bytes)");
    (void)putchar('\n');
}

static void deliver(struct host *h, struct host_delivery *d, const json_t *m,
                    struct pando_slice text)
{
    const char *room = json_string_value(json_object_get(m, "room"));
    json_t *number = json_object_get(m, "seq");
    const json_int_t seq = json_integer_value(number);
    if (room == NULL || json_string_value(json_object_get(m, "sender")) == NULL ||
        seq <= json_integer_value(json_object_get(d->seen, room)))
        return;
    (void)json_object_set(d->seen, room, number);
    if (d->transcript != NULL)
        (void)!transcript_put(d->transcript, m);
    if (!h->printing || seq <= json_integer_value(json_object_get(d->before, room)))
        return;
    if (h->json)
        (void)printf("{\"kind\":\"delivered\",\"message\":%.*s}\n", (int)text.len,
                     (const char *)text.ptr);
    else
        print_message(m);
}

void delivery_reply(struct host *h, uint64_t token, enum pando_status status,
                    struct pando_slice body, bool more)
{
    struct host_delivery *d = &h->deliveries[token & (NODE_SPACES_MAX - 1)];
    const uint64_t asked = token & (ASKED_ROOMS | ASKED_LIST | ASKED_STATUS);
    json_t *answer = NULL;
    if (asked != ASKED_LIST && !d->used)
        return;
    d->ended = d->ended || (asked == 0 && !more);
    if (status != PANDO_OK)
        trace(h->tracer, TRACE_HOST, TRACE_WARNING, "deliveries are not shown: %.*s",
              (int)body.len, body.len > 0 ? (const char *)body.ptr : "");
    else if (json_text_parse(body, JSON_TEXT_MAX, &answer, NULL) != PANDO_OK)
        return;
    else if (asked == ASKED_LIST)
        take_list(h, answer);
    else if (asked == ASKED_STATUS)
        take_status(h, d, answer);
    else if (asked == ASKED_ROOMS)
        take_rooms(d, answer);
    else if (more)
        deliver(h, d, answer, body);
    json_decref(answer);
}
