/* ask.c - calls to simulated nodes, their answers, and what nodes tell of events. */
#include "sim/state.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_LIMIT PANDO_SEC(30)
#define ANSWER_MAX (16u << 20)

uint64_t sim_text_hash(const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* The first "id" of a JSON text: the event's. */
static bool event_id(const char *json, const char **ret_id, size_t *ret_len)
{
    static const char key[] = "\"id\":\"";
    const char *at = json == NULL ? NULL : strstr(json, key);
    if (at == NULL)
        return false;
    *ret_id = at + sizeof key - 1;
    const char *end = strchr(*ret_id, '"');
    *ret_len = end == NULL ? 0 : (size_t)(end - *ret_id);
    return *ret_len > 0 && *ret_len < sizeof ((struct sim_acked *)0)->id;
}

static struct sim_call *new_call(struct sim *s, uint32_t node, enum sim_call_kind kind,
                                 uint64_t *ret_token)
{
    struct sim_call *c = calloc(1, sizeof *c);
    void *place;
    bool added;
    *ret_token = ++s->next_token;
    PANDO_ASSERT(c != NULL && map_put(&s->calls, ret_token, &place, &added) == PANDO_OK);
    memcpy(place, &c, sizeof c);
    *c = (struct sim_call){ .kind = kind, .node = node, .life = s->nodes[node].life,
                            .asked = s->queue.now };
    buf_init(&c->body, ANSWER_MAX);
    return c;
}

static void free_call(struct sim *s, uint64_t token, struct sim_call *c)
{
    (void)map_del(&s->calls, &token);
    buf_deinit(&c->body);
    free(c);
}

/* Whether it was taken is known only by the answer; no answer means that it may have been. */
static void said(struct sim *s, const struct sim_call *c)
{
    static const char key[] = "\"seq\":";
    struct sim_said *one = &s->said[c->count];
    const char *at = strstr((const char *)c->body.ptr, key);
    one->answered = true;
    one->acked = s->queue.now;
    one->taken = c->status == PANDO_OK;
    if (one->taken && at == NULL)
        sim_set_error(s, "an acknowledged message has no number");
    else if (one->taken)
        one->seq = strtoull(at + sizeof key - 1, NULL, 10);
}

static void acknowledged(struct sim *s, const struct sim_call *c)
{
    const char *id;
    size_t len;
    s->appends_open--;
    if (c->kind == SIM_CALL_SAY) {
        said(s, c);
        return;
    }
    if (c->status != PANDO_OK) {
        s->appends_failed++;
        return;
    }
    if (c->kind == SIM_CALL_MANY)
        return;
    if (s->acked_len == SIM_ACKED_MAX || !event_id((const char *)c->body.ptr, &id, &len)) {
        sim_set_error(s, "an append's answer holds no id");
        return;
    }
    struct sim_acked *a = &s->acked[s->acked_len++];
    memcpy(a->id, id, len);
    a->author = c->node;
    a->asked = c->asked;
    a->acked = s->queue.now;
}

static void told(struct sim *s, const char *id, size_t len)
{
    void *place;
    bool added;
    const uint64_t hash = sim_text_hash(id, len);
    PANDO_ASSERT(map_put(&s->told, &hash, &place, &added) == PANDO_OK);
    struct sim_told *t = place;
    t->count++;
    t->last = s->queue.now;
}

/* The id stands at the beginning of a line. */
static void watched(struct sim *s, struct pando_slice lines)
{
    char text[128];
    const char *id;
    size_t len;
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        const size_t line = end == NULL ? lines.len : (size_t)(end - lines.ptr) + 1;
        const size_t shown = line < sizeof text - 1 ? line : sizeof text - 1;
        memcpy(text, lines.ptr, shown);
        text[shown] = '\0';
        if (event_id(text, &id, &len))
            told(s, id, len);
        lines = slice_of(lines.ptr + line, lines.len - line);
    }
}

void sim_replied(struct sim *s, uint64_t token, enum pando_status status,
                 struct pando_slice body, bool more)
{
    struct sim_call **found = map_find(&s->calls, &token);
    if (found == NULL)
        return;
    struct sim_call *c = *found;
    PANDO_ASSERT(!c->done);
    if (c->kind == SIM_CALL_WATCH) {
        watched(s, body);
        if (!more)
            free_call(s, token, c);
        return;
    }
    if (buf_append(&c->body, body) != PANDO_OK || buf_reserve(&c->body, 1) != PANDO_OK)
        status = PANDO_FULL;
    else
        c->body.ptr[c->body.len] = '\0';
    if (more)
        return;
    c->done = true;
    c->status = status;
    queue_mix(&s->queue, sim_text_hash((const char *)body.ptr, body.len));
    if (c->kind == SIM_CALL_ASK)
        return; /* sim_ask takes it */
    acknowledged(s, c);
    free_call(s, token, c);
}

void sim_noticed(struct sim_node *n, struct pando_slice json)
{
    char text[256];
    const char *id;
    size_t len;
    const size_t shown = json.len < sizeof text - 1 ? json.len : sizeof text - 1;
    memcpy(text, json.ptr, shown);
    text[shown] = '\0';
    if (strstr(text, "\"notice\":\"event\"") == NULL || !event_id(text, &id, &len))
        return;
    told(n->sim, id, len);
}

/* The node is gone: nobody will answer. What was asked may or may not have happened. */
void sim_calls_forget(struct sim *s, uint32_t node)
{
    for (bool again = true; again;) {
        size_t cursor = 0;
        const void *key;
        void *value;
        again = false;
        while (map_next(&s->calls, &cursor, &key, &value)) {
            struct sim_call *c = *(struct sim_call **)value;
            if (c->node != node || c->kind == SIM_CALL_ASK)
                continue;
            const uint64_t token = *(const uint64_t *)key;
            s->appends_open -= c->kind != SIM_CALL_WATCH;
            free_call(s, token, c);
            again = true;
            break;
        }
    }
}

static bool is_answered(struct sim *s, void *ctx)
{
    const struct sim_call *c = ctx;
    return c->done || s->nodes[c->node].life != c->life;
}

static void call(struct sim *s, uint32_t i, uint64_t token, const char *verb,
                 struct pando_slice args)
{
    struct sim_node *n = &s->nodes[i];
    node_call(n->node, s->queue.now, token, verb, args);
    n->dirty = true;
    sim_turn(n);
}

enum pando_status sim_ask(struct sim *s, uint32_t i, const char *verb, const char *args,
                          struct pando_buf *ret_body)
{
    return sim_ask_bytes(s, i, verb, slice_text(args), ret_body);
}

enum pando_status sim_ask_bytes(struct sim *s, uint32_t i, const char *verb,
                                struct pando_slice args, struct pando_buf *ret_body)
{
    uint64_t token;
    if (!s->nodes[i].up)
        return PANDO_UNAVAILABLE;
    struct sim_call *c = new_call(s, i, SIM_CALL_ASK, &token);
    call(s, i, token, verb, args);
    if (!c->done)
        (void)sim_run_until(s, is_answered, c, PANDO_MSEC(1), ASK_LIMIT);
    enum pando_status st = c->done ? c->status : PANDO_TIMEOUT;
    buf_reset(ret_body);
    if (c->done && buf_append(ret_body, buf_view(&c->body)) != PANDO_OK)
        st = PANDO_FULL;
    if (buf_reserve(ret_body, 1) == PANDO_OK)
        ret_body->ptr[ret_body->len] = '\0';
    free_call(s, token, c);
    return st;
}

void sim_make(struct sim *s, uint32_t i, const char *verb, const char *args)
{
    uint64_t token;
    if (!s->nodes[i].up)
        return;
    (void)new_call(s, i, SIM_CALL_APPEND, &token);
    s->appends_open++;
    call(s, i, token, verb, slice_text(args));
}

void sim_append(struct sim *s, uint32_t i)
{
    char args[64];
    (void)snprintf(args, sizeof args, "{\"body\":{\"n\":%llu}}",
                   (unsigned long long)s->next_token + 1);
    sim_make(s, i, "dag.append", args);
}

void sim_watch(struct sim *s, uint32_t i, const char *verb, const char *args)
{
    uint64_t token;
    if (!s->nodes[i].up)
        return;
    (void)new_call(s, i, SIM_CALL_WATCH, &token);
    call(s, i, token, verb, slice_text(args));
}

void sim_append_many(struct sim *s, uint32_t i, uint32_t count, uint32_t size)
{
    char args[64];
    uint64_t token;
    if (!s->nodes[i].up)
        return;
    struct sim_call *c = new_call(s, i, SIM_CALL_MANY, &token);
    c->count = count;
    s->appends_open++;
    (void)snprintf(args, sizeof args, "{\"count\":%u,\"size\":%u,\"quiet\":true}", count, size);
    call(s, i, token, "dag.append_many", slice_text(args));
}

void sim_say(struct sim *s, uint32_t i)
{
    char args[64];
    uint64_t token;
    if (!s->nodes[i].up || s->said_len == SIM_SAID_MAX)
        return;
    struct sim_call *c = new_call(s, i, SIM_CALL_SAY, &token);
    c->count = (uint32_t)s->said_len;
    s->said[s->said_len++] = (struct sim_said){ .node = i, .asked = s->queue.now };
    s->appends_open++;
    (void)snprintf(args, sizeof args, "{\"text\":\"m%zu\"}", s->said_len);
    call(s, i, token, "log.append", slice_text(args));
}

size_t sim_said_len(const struct sim *s)
{
    return s->said_len;
}

const struct sim_said *sim_said_at(const struct sim *s, size_t k)
{
    return &s->said[k];
}

size_t sim_acked_len(const struct sim *s)
{
    return s->acked_len;
}

const struct sim_acked *sim_acked_at(const struct sim *s, size_t k)
{
    struct sim_acked *a = &s->acked[k];
    const uint64_t hash = sim_text_hash(a->id, strlen(a->id));
    const struct sim_told *t = map_find(&s->told, &hash);
    a->told = t == NULL ? 0 : t->count;
    a->last = t == NULL ? (struct pando_time){ 0 } : t->last;
    return a;
}

size_t sim_appends_open(const struct sim *s)
{
    return s->appends_open;
}

size_t sim_appends_failed(const struct sim *s)
{
    return s->appends_failed;
}
