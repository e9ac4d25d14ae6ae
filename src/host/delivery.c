/* delivery.c - what the log spaces deliver: lines for the person at the terminal, and a
 * transcript in chat_dir.
 *
 * Each log space of the config is watched from its first number on, so the transcript is
 * whole after every start. Printed is only what was not here when the node started.
 */
#include "host/state.h"

#include "base/slice.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED_ROOMS 0x100u /* in a token: the answer to log.rooms, else the stream's */

static void ask(struct host *h, uint64_t token, const char *verb, const char *space,
                const char *more)
{
    char args[CONFIG_TEXT_MAX + 64];
    (void)snprintf(args, sizeof args, "{\"space\":\"%s\"%s}", space, more);
    node_call(h->node, host_now(h), token, verb, slice_text(args));
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

static enum pando_status open_transcript(struct host *h, const struct config_space *space,
                                         bool only, struct transcript **ret,
                                         struct pando_err *reterr)
{
    char path[CONFIG_PATH_MAX + 2 * CONFIG_TEXT_MAX + 32], name[CONFIG_TEXT_MAX];
    member_name(space, name, sizeof name);
    (void)snprintf(path, sizeof path, "%s/%s%s%s_messages.jsonl", h->config->chat_dir, name,
                   only ? "" : "_", only ? "" : space->name);
    return transcript_new(path, ret, reterr);
}

enum pando_status delivery_start(struct host *h, struct pando_err *reterr)
{
    const struct config_spaces *spaces = &h->config->spaces;
    enum pando_status st = PANDO_OK;
    size_t logs = 0;
    for (size_t i = 0; i < spaces->len; i++)
        logs += strcmp(spaces->items[i].kind, "log") == 0;
    for (size_t i = 0; i < spaces->len && st == PANDO_OK; i++) {
        struct host_delivery *d = &h->deliveries[i];
        const bool wanted = h->printing || h->config->chat_dir[0] != '\0';
        if (strcmp(spaces->items[i].kind, "log") != 0 || !wanted)
            continue; /* a line of JSON for each message costs more than the message did */
        d->used = true;
        if (h->config->chat_dir[0] != '\0')
            st = open_transcript(h, &spaces->items[i], logs == 1, &d->transcript, reterr);
        ask(h, DELIVERY_TOKEN | ASKED_ROOMS | i, "log.rooms", spaces->items[i].name, "");
        ask(h, DELIVERY_TOKEN | i, "log.watch", spaces->items[i].name, ",\"from\":1");
    }
    if (st == PANDO_OK && logs > 0)
        loop_again(h);
    return st;
}

void delivery_stop(struct host *h)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        transcript_free(h->deliveries[i].transcript);
        json_decref(h->deliveries[i].before);
        h->deliveries[i] = (struct host_delivery){ 0 };
    }
}

void delivery_flush(struct host *h)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (h->deliveries[i].transcript != NULL)
            transcript_flush(h->deliveries[i].transcript);
}

/* {room: last number} as it was at the start. */
static void take_rooms(struct host_delivery *d, const json_t *answer)
{
    size_t i;
    const json_t *room;
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
    if (room == NULL || json_string_value(json_object_get(m, "sender")) == NULL)
        return;
    if (d->transcript != NULL)
        (void)!transcript_put(d->transcript, m);
    if (!h->printing || json_integer_value(json_object_get(m, "seq")) <=
                            json_integer_value(json_object_get(d->before, room)))
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
    json_t *answer = NULL;
    if (!d->used)
        return;
    if (status != PANDO_OK)
        trace(h->tracer, TRACE_HOST, TRACE_WARNING, "deliveries are not shown: %.*s",
              (int)body.len, body.len > 0 ? (const char *)body.ptr : "");
    else if (json_text_parse(body, JSON_TEXT_MAX, &answer, NULL) != PANDO_OK)
        return;
    else if ((token & ASKED_ROOMS) != 0)
        take_rooms(d, answer);
    else if (more)
        deliver(h, d, answer, body);
    json_decref(answer);
}
