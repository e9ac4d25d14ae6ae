#include "apps/pando/chat/chat_impl.h"

#include "apps/pando/chat/clean.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATE_EVERY   PANDO_MSEC(500)
#define WATCH_AGAIN   PANDO_MSEC(300)
#define READ_AGAIN    PANDO_MSEC(300)
#define LOG_AGAIN     PANDO_SEC(10)
#define APPEND_MS     2000
#define ANSWER_MAX    (64u << 20)

struct pando_time chat_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct pando_time){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec };
}

void chat_say(struct chat *c, enum chat_tone tone, const char *format, ...)
{
    char text[1200], clean[1200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)chat_clean_text(text, strlen(text), clean, sizeof clean);
    c->front.show(c->front.ctx, tone, clean);
}

void chat_free_call(struct chat_call *call)
{
    buf_deinit(&call->body);
    free(call);
}

/* On the node's thread. */
static void on_answer(void *ctx, enum pando_status status, struct pando_slice body, bool more)
{
    struct chat_call *call = ctx;
    if (buf_append(&call->body, body) != PANDO_OK && status == PANDO_OK)
        status = PANDO_FULL;
    if (!more)
        chat_queue_put(&call->chat->queue, CHAT_ITEM_ANSWER, status, call, NULL, buf_view(&call->body));
}

void chat_ask(struct chat *c, const char *verb, json_t *args, chat_answer *answer, uint64_t mark)
{
    struct chat_call *call = calloc(1, sizeof *call);
    (void)json_object_set_new(args, "space", json_string(CHAT_SPACE));
    char *text = json_dumps(args, JSON_COMPACT);
    json_decref(args);
    enum pando_status st = call == NULL || text == NULL ? PANDO_NOMEM : PANDO_OK;
    if (st == PANDO_OK) {
        *call = (struct chat_call){ .chat = c, .answer = answer, .mark = mark };
        buf_init(&call->body, ANSWER_MAX);
        st = pando_node_call(c->node, verb, text, on_answer, call);
    }
    free(text);
    if (st != PANDO_OK) {
        free(call);
        answer(c, mark, st, pando_status_text(st));
    }
}

void chat_show_message(struct chat *c, const json_t *message)
{
    char sender[160], head[240], *line = malloc(CHAT_TEXT_MAX * 2);
    const json_t *text = json_object_get(message, "text");
    const json_t *from = json_object_get(message, "sender");
    if (line == NULL)
        return;
    (void)chat_clean_text(json_string_value(from) == NULL ? "?" : json_string_value(from),
                     json_string_value(from) == NULL ? 1 : json_string_length(from), sender,
                     sizeof sender);
    const int at = snprintf(head, sizeof head, "[seq=%lld] %s: ",
                            (long long)json_integer_value(json_object_get(message, "seq")), sender);
    (void)snprintf(line, CHAT_TEXT_MAX, "%s", head);
    if (json_is_string(text))
        (void)chat_clean_text(json_string_value(text), json_string_length(text), line + at,
                         CHAT_TEXT_MAX * 2 - (size_t)at);
    else
        (void)snprintf(line + at, CHAT_TEXT_MAX, "(bytes)");
    c->front.show(c->front.ctx, CHAT_MESSAGE, line);
    free(line);
}

static void changed(struct chat *c)
{
    if (c->front.changed != NULL)
        c->front.changed(c->front.ctx);
}

static void on_read(struct chat *c, uint64_t visit, enum pando_status status, const char *text)
{
    if (visit != c->view.visit)
        return;
    json_t *answer = status == PANDO_OK ? json_loads(text, 0, NULL) : NULL;
    if (answer == NULL) {
        chat_view_read_failed(&c->view);
        c->view_at = pando_time_add(chat_now(), READ_AGAIN);
        return;
    }
    size_t i;
    json_t *m;
    const uint64_t last = (uint64_t)json_integer_value(json_object_get(answer, "last"));
    const bool entering = c->view.next == 0;
    json_array_foreach(json_object_get(answer, "messages"), i, m)
    {
        const uint64_t seq = (uint64_t)json_integer_value(json_object_get(m, "seq"));
        const uint64_t first = (uint64_t)json_integer_value(json_object_get(answer, "first"));
        if (i == 0 && entering && seq > first)
            chat_say(c, CHAT_NOTE, "%llu earlier messages: /history N shows them",
                     (unsigned long long)(seq - first));
        if (chat_view_read(&c->view, seq))
            chat_show_message(c, m);
    }
    chat_view_read_end(&c->view, last);
    json_decref(answer);
}

static void on_state(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    c->state_asked = false;
    c->state_at = pando_time_add(chat_now(), STATE_EVERY);
    json_t *state = status == PANDO_OK ? json_loads(text, 0, NULL) : NULL;
    if (state == NULL)
        return;
    json_decref(c->state);
    c->state = state;
    changed(c);
}

static void on_append(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    const enum chat_outbox_outcome outcome = chat_outbox_answer(&c->outbox, chat_now(), status);
    if (outcome == OUTBOX_LATER && !c->trouble_said) {
        chat_say(c, CHAT_TROUBLE, "not delivered yet (%s); I keep trying", text);
        c->trouble_said = true;
    } else if (outcome == OUTBOX_DROPPED) {
        chat_say(c, CHAT_TROUBLE, "not sent: %s", text);
    } else if (outcome == OUTBOX_DONE) {
        c->trouble_said = false;
    }
    changed(c);
}

static void told(struct chat *c, const json_t *json)
{
    const json_t *seq = json_object_get(json, "seq");
    const char *room = json_string_value(json_object_get(json, "room"));
    if (!json_is_integer(seq) || json_object_get(json, "event") != NULL) {
        c->state_at = (struct pando_time){ 0 };
        return;
    }
    if (room != NULL && strcmp(room, c->room) == 0 &&
        chat_view_told(&c->view, (uint64_t)json_integer_value(seq)))
        chat_show_message(c, json);
}

/* A peer that cannot be reached is dialled again and again: the same news of it is told
 * once in LOG_AGAIN. */
static bool was_said(struct chat *c, const char *line)
{
    const char *text = strstr(line, "Failed to connect");
    const struct pando_time now = chat_now();
    char key[sizeof c->said[0].text];
    if (text == NULL)
        return false;
    (void)snprintf(key, sizeof key, "%s", text);
    for (size_t i = 0; i < CHAT_SAID_MAX; i++)
        if (strcmp(c->said[i].text, key) == 0 &&
            !pando_time_reached(pando_time_add(c->said[i].at, LOG_AGAIN), now))
            return true;
    memcpy(c->said[c->said_next].text, key, sizeof key);
    c->said[c->said_next].at = now;
    c->said_next = (c->said_next + 1) % CHAT_SAID_MAX;
    return false;
}

static void take_item(struct chat *c, const struct chat_item *item)
{
    struct chat_call *call = item->ctx;
    switch (item->kind) {
    case CHAT_ITEM_TOLD:
        told(c, item->json);
        return;
    case CHAT_ITEM_UNTOLD:
        c->watching = false;
        c->watch_at = pando_time_add(chat_now(), WATCH_AGAIN);
        if (item->status != PANDO_OK && item->status != PANDO_CANCELLED)
            chat_say(c, CHAT_TROUBLE, "following the chat broke off: %s", item->text);
        return;
    case CHAT_ITEM_ANSWER:
        call->answer(c, call->mark, item->status, item->text);
        chat_free_call(call);
        return;
    case CHAT_ITEM_LOG:
        if (c->options.verbose || !was_said(c, item->text))
            chat_say(c, CHAT_LOG, "%.*s", (int)(item->len > 0 ? item->len - 1 : 0),
                     item->text);
        return;
    case CHAT_ITEM_STOPPED:
        c->stopped = true;
        return;
    }
}

static void send_next(struct chat *c)
{
    const struct chat_outbox_line *line = chat_outbox_next(&c->outbox, chat_now());
    if (line == NULL)
        return;
    json_t *args = json_pack("{s:s,s:I,s:I,s:i}", "room", line->room, "client",
                             (json_int_t)c->outbox.client, "counter", (json_int_t)c->outbox.counter,
                             "timeout_ms", APPEND_MS);
    (void)json_object_set_new(args, "text", json_string(line->text));
    chat_ask(c, "log.append", args, on_append, 0);
}

static void read_next(struct chat *c)
{
    uint64_t from, limit;
    if (!pando_time_reached(c->view_at, chat_now()) || !chat_view_wants(&c->view, &from, &limit))
        return;
    json_t *args = json_pack("{s:s,s:I}", "room", c->room, "limit", (json_int_t)limit);
    if (from != 0)
        (void)json_object_set_new(args, "from", json_integer((json_int_t)from));
    chat_ask(c, "log.read", args, on_read, c->view.visit);
}

void chat_run(struct chat *c)
{
    bool dropped;
    for (struct chat_item *item = chat_queue_take(&c->queue, &dropped), *next; item != NULL;
         item = next) {
        next = item->next;
        take_item(c, item);
        chat_queue_item_free(item);
    }
    if (dropped)
        chat_view_missed(&c->view);
    if (c->stopped)
        return;
    const struct pando_time now = chat_now();
    if (!c->watching && pando_time_reached(c->watch_at, now))
        chat_watch(c);
    read_next(c);
    send_next(c);
    if (c->options.live && !c->state_asked && pando_time_reached(c->state_at, now)) {
        c->state_asked = true;
        chat_ask(c, "log.status", json_object(), on_state, 0);
    }
}

int chat_timeout_ms(const struct chat *c)
{
    const struct pando_time now = chat_now();
    struct pando_time next = chat_outbox_deadline(&c->outbox);
    if (!c->watching)
        next = pando_time_min(next, c->watch_at);
    if (!c->view.reading && (c->view.next == 0 || c->view.newest >= c->view.next))
        next = pando_time_min(next, c->view_at);
    if (c->options.live && !c->state_asked)
        next = pando_time_min(next, c->state_at);
    if (c->quitting)
        next = pando_time_min(next, c->quit_by);
    if (next.ns == UINT64_MAX)
        return -1;
    return next.ns <= now.ns ? 0 : (int)((next.ns - now.ns + 999999) / 1000000);
}

void chat_take(struct chat *c, const char *line)
{
    if (line[0] == '/' && line[1] != '/') {
        chat_command(c, line);
        return;
    }
    const char *text = line[0] == '/' ? line + 1 : line;
    uint32_t code;
    for (size_t at = 0, len = strlen(text); at < len;) {
        const size_t size = chat_clean_next(text + at, len - at, &code);
        if (size == 0) {
            chat_say(c, CHAT_TROUBLE, "not sent: the line is not UTF-8 text");
            return;
        }
        at += size;
    }
    if (text[0] == '\0')
        return;
    if (strlen(text) > CHAT_TEXT_MAX)
        chat_say(c, CHAT_TROUBLE, "not sent: a message has at most %u bytes", CHAT_TEXT_MAX);
    else if (chat_outbox_put(&c->outbox, c->room, text) != PANDO_OK)
        chat_say(c, CHAT_TROUBLE, "not sent: %d lines wait already", OUTBOX_MAX);
    send_next(c);
}

void chat_enter_room(struct chat *c, const char *room)
{
    (void)snprintf(c->room, sizeof c->room, "%s", room);
    chat_view_enter(&c->view);
    c->view_at = (struct pando_time){ 0 };
    changed(c);
}

bool chat_is_full(const struct chat *c)
{
    return c->outbox.len == OUTBOX_MAX;
}

void chat_quit(struct chat *c, struct pando_span patience)
{
    const struct pando_time by = pando_time_add(chat_now(), patience);
    c->quit_by = c->quitting ? pando_time_min(c->quit_by, by) : by;
    c->quitting = true;
}

bool chat_has_ended(const struct chat *c)
{
    return c->stopped ||
           (c->quitting && (c->outbox.len == 0 || pando_time_reached(c->quit_by, chat_now())));
}

const char *chat_name(const struct chat *c)
{
    return c->config.name;
}

const char *chat_room(const struct chat *c)
{
    return c->room;
}

const json_t *chat_state(const struct chat *c)
{
    return c->state;
}

long long chat_reachable(const json_t *state)
{
    size_t i;
    json_t *m;
    long long count = 0;
    json_array_foreach(json_object_get(state, "members"), i, m)
    {
        const char *standing = json_string_value(json_object_get(m, "standing"));
        count += standing != NULL && strcmp(standing, "voter") == 0 &&
                 json_is_true(json_object_get(m, "reachable"));
    }
    return count;
}

size_t chat_waiting(const struct chat *c)
{
    return c->outbox.len;
}
