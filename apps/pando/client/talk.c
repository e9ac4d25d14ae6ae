#include "apps/pando/client/talk.h"

#include "base/slice.h"
#include "codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX      (8u << 20)
#define RESEND_AFTER PANDO_SEC(1)
#define PULSE        PANDO_SEC(5)
#define SILENCE      PANDO_SEC(15)
#define STUCK_AFTER  3 /* failures in a row */

static void begin_session(struct talk *t)
{
    (void)snprintf(t->session, sizeof t->session, "%s-%u", t->base, t->round++);
    for (size_t i = 0; i < t->queue_len; i++)
        t->queue[i].counter = i + 1;
    t->counter = t->queue_len;
}

void talk_init(struct talk *t, int64_t id, const char *room, const char *token,
               const uint8_t session[static 8])
{
    memset(t, 0, sizeof *t);
    t->id = id;
    t->room = room;
    t->token = token;
    t->resend_at = t->heard = t->pulse_at = PANDO_TIME_NEVER;
    buf_init(&t->out, OUT_MAX);
    const int len = snprintf(t->base, sizeof t->base, "%" PRId64 "-", id);
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(t->base + len + 2 * i, 3, "%02x", (unsigned)session[i]);
    begin_session(t);
}

void talk_deinit(struct talk *t)
{
    for (size_t i = 0; i < t->queue_len; i++)
        free(t->queue[i].text);
    t->queue_len = 0;
    json_decref(t->met);
    json_decref(t->membership);
    buf_deinit(&t->out);
}

static void put(struct talk *t, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text != NULL && buf_append(&t->out, slice_text(text)) == PANDO_OK)
        (void)!buf_append(&t->out, slice_text("\n"));
    free(text);
}

static void put_message(struct talk *t, const struct talk_message *m)
{
    char id[TALK_NAME_MAX + 1];
    (void)snprintf(id, sizeof id, "%s:%" PRIu64, t->session, m->counter);
    put(t, json_pack("{s:s,s:I,s:i,s:s,s:s,s:s}", "type", "CHAT", "sender_id",
                     (json_int_t)t->id, "term", 0, "room_id", t->room, "msg_id", id,
                     "payload", m->text));
}

enum pando_status talk_say(struct talk *t, const char *text)
{
    json_t *readable = json_string(text);
    const bool good = readable != NULL && strlen(text) <= TALK_TEXT_MAX;
    json_decref(readable);
    if (!good)
        return PANDO_INVALID;
    if (t->queue_len == TALK_QUEUE_MAX)
        return PANDO_FULL;
    struct talk_message *m = &t->queue[t->queue_len];
    *m = (struct talk_message){ strdup(text), t->counter + 1 };
    if (m->text == NULL)
        return PANDO_NOMEM;
    t->counter++;
    t->queue_len++;
    /* While something waits to be said again, what follows waits behind it. */
    if (t->online && t->resend_at.ns == UINT64_MAX)
        put_message(t, m);
    return PANDO_OK;
}

static void say_again(struct talk *t)
{
    t->resend_at = PANDO_TIME_NEVER;
    for (size_t i = 0; i < t->queue_len; i++)
        put_message(t, &t->queue[i]);
}

void talk_up(struct talk *t, struct pando_time now)
{
    t->online = true;
    t->joined = false;
    t->failures = 0;
    t->heard = now;
    t->pulse_at = pando_time_add(now, PULSE);
    buf_reset(&t->out);
    json_t *join = json_pack("{s:s,s:I,s:i,s:s}", "type", "JOIN", "sender_id",
                             (json_int_t)t->id, "term", 0, "room_id", t->room);
    if (t->knows_last)
        (void)json_object_set_new(join, "last_seq", json_integer((json_int_t)t->last_seq));
    if (t->token[0] != '\0')
        (void)json_object_set_new(join, "token", json_string(t->token));
    put(t, join);
    say_again(t);
}

void talk_down(struct talk *t)
{
    t->online = t->joined = false;
    t->resend_at = t->heard = t->pulse_at = PANDO_TIME_NEVER;
    buf_reset(&t->out);
}

/* What another person wrote goes to a terminal: no control characters. */
static void clean(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = *c == '\n' || *c == '\t' ? ' ' : '?';
}

static void show_text(struct talk *t, char *line)
{
    if (line == NULL)
        return;
    clean(line);
    t->show(t->ctx, line);
    free(line);
}

static char *printed(const char *format, ...) PANDO_PRINTF(1, 2);
static char *printed(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    const int len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void delivered(struct talk *t, const json_t *m, const char *key)
{
    const uint64_t seq = (uint64_t)json_integer_value(json_object_get(m, "seq_no"));
    if (seq <= t->last_seq || strcmp(text_in(m, "room_id"), t->room) != 0)
        return;
    t->last_seq = seq;
    t->knows_last = true;
    const json_int_t id = json_integer_value(json_object_get(m, "sender_id"));
    if (t->json)
        show_text(t, json_dumps(m, JSON_COMPACT));
    else if (text_in(m, "sender")[0] != '\0')
        show_text(t, printed("[seq=%" PRIu64 "] %s: %s", seq, text_in(m, "sender"),
                             text_in(m, key)));
    else
        show_text(t, printed("[seq=%" PRIu64 "] node_%lld: %s", seq, (long long)id,
                             text_in(m, key)));
}

/* The place of a message id in the queue; queue_len when it is none of ours. */
static size_t find(const struct talk *t, const char *id)
{
    const size_t len = strlen(t->session);
    size_t i = 0;
    if (strncmp(id, t->session, len) != 0 || id[len] != ':')
        return t->queue_len;
    const uint64_t counter = strtoull(id + len + 1, NULL, 10);
    while (i < t->queue_len && t->queue[i].counter != counter)
        i++;
    return i;
}

static void forget(struct talk *t, size_t i)
{
    free(t->queue[i].text);
    t->queue_len--;
    memmove(&t->queue[i], &t->queue[i + 1], (t->queue_len - i) * sizeof t->queue[0]);
}

static void acknowledged(struct talk *t, const json_t *m)
{
    const size_t i = find(t, text_in(m, "msg_id"));
    const uint64_t seq = (uint64_t)json_integer_value(json_object_get(m, "seq_no"));
    if (i == t->queue_len)
        return;
    t->failures = 0;
    t->problem[0] = '\0';
    t->acked = seq > t->acked ? seq : t->acked;
    forget(t, i);
}

static void refused(struct talk *t, struct pando_time now, const json_t *m)
{
    const char *status = text_in(m, "status");
    const char *id = text_in(m, "msg_id");
    const size_t i = find(t, id);
    if (i > 0 && id[0] != '\0')
        return; /* those before it come first, and it is said again with them */
    const bool ours = i == 0 && t->queue_len > 0;
    const bool final = strcmp(status, "INVALID") == 0 || strcmp(status, "FULL") == 0 ||
                       strcmp(status, "REFUSED") == 0;
    const bool drop = ours && final && (t->queue[0].counter == 1 || status[0] != 'I');
    const char *text = text_in(m, "text");
    const size_t gist = strcspn(text, "("); /* what stands in brackets counts seconds */
    const bool known = ours && !drop && t->problem[0] != '\0' && strlen(t->problem) == gist &&
                       strncmp(t->problem, text, gist) == 0;
    if (!known)
        show_text(t, printed("! %s%s", text,
                             drop   ? " (the message is dropped)"
                             : ours ? " (it will be said again)"
                                    : ""));
    (void)snprintf(t->problem, sizeof t->problem, "%.*s", (int)gist, text);
    if (!ours)
        return;
    if (drop)
        forget(t, 0);
    /* The log has forgotten our session, or there is a hole in it. What is queued was not
     * taken, or it would have been acknowledged as such: it may get new numbers. */
    if (final)
        begin_session(t);
    else
        t->failures++;
    t->resend_at = pando_time_add(now, RESEND_AFTER);
}

static void met(struct talk *t, const json_t *m, bool join)
{
    if (join) {
        t->joined = true;
        const uint64_t last = (uint64_t)json_integer_value(json_object_get(m, "last_seq"));
        if (!t->knows_last && last > t->last_seq)
            t->last_seq = last;
        t->knows_last = true;
    }
    json_decref(t->membership);
    t->membership = json_incref(json_object_get(m, "membership"));
    json_decref(t->met);
    t->met = json_incref((json_t *)(uintptr_t)m);
}

void talk_hear(struct talk *t, struct pando_time now, struct pando_slice line)
{
    json_t *m = NULL;
    t->heard = now;
    if (json_text_parse(line, JSON_TEXT_MAX, &m, NULL) != PANDO_OK)
        return;
    const char *type = text_in(m, "type");
    if (strcmp(type, "SEQ_CHAT") == 0) {
        delivered(t, m, "payload");
    } else if (strcmp(type, "CHAT_ACK") == 0) {
        acknowledged(t, m);
    } else if (strcmp(type, "JOIN_ACK") == 0 || strcmp(type, "HEARTBEAT") == 0) {
        met(t, m, type[0] == 'J');
    } else if (strcmp(type, "ERROR") == 0) {
        refused(t, now, m);
    } else if (strcmp(type, "CATCHUP_RESP") == 0) {
        size_t i;
        const json_t *record;
        json_array_foreach(json_object_get(m, "payload"), i, record)
            delivered(t, record, "text");
    }
    json_decref(m);
}

void talk_tick(struct talk *t, struct pando_time now)
{
    if (!t->online)
        return;
    if (pando_time_reached(t->resend_at, now))
        say_again(t);
    if (pando_time_reached(t->pulse_at, now)) {
        t->pulse_at = pando_time_add(now, PULSE);
        put(t, json_pack("{s:s,s:I,s:i,s:s}", "type", "HEARTBEAT", "sender_id",
                         (json_int_t)t->id, "term", 0, "room_id", t->room));
    }
}

struct pando_time talk_deadline(const struct talk *t)
{
    return pando_time_min(t->resend_at, t->pulse_at);
}

bool talk_is_silent(const struct talk *t, struct pando_time now)
{
    return t->online && pando_time_reached(pando_time_add(t->heard, SILENCE), now);
}

bool talk_is_stuck(const struct talk *t)
{
    return t->online && t->failures >= STUCK_AFTER;
}

bool talk_is_settled(const struct talk *t)
{
    return t->queue_len == 0 && t->last_seq >= t->acked;
}

void talk_status(const struct talk *t)
{
    struct talk *mine = (struct talk *)(uintptr_t)t; /* showing changes nothing */
    size_t i;
    const json_t *m;
    if (t->met == NULL) {
        t->show(t->ctx, "No node has answered yet.");
        return;
    }
    show_text(mine, printed("Leader: node_%lld, term %lld; room %s, last seq %" PRIu64
                            ", %zu messages not acknowledged",
                            (long long)json_integer_value(json_object_get(t->met, "leader_id")),
                            (long long)json_integer_value(json_object_get(t->met, "term")),
                            t->room, t->last_seq, t->queue_len));
    json_array_foreach(t->membership, i, m)
        show_text(mine, text_in(m, "host")[0] == '\0'
                            ? printed("  %s  (address not known yet)", text_in(m, "name"))
                            : printed("  %s  %s:%lld", text_in(m, "name"), text_in(m, "host"),
                                      (long long)json_integer_value(
                                          json_object_get(m, "port"))));
}
