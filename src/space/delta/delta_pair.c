#include "space/delta/delta_pair.h"

#include "base/slice.h"
#include "check.h"

#include <stdlib.h>

enum { EVENTS_MAX = 65536 };

static void queue(struct pair *p, struct delta_world *to, struct space_input in, const char *text)
{
    CHECK(p->len < EVENTS_MAX);
    struct pair_event *e = &p->events[p->len++];
    *e = (struct pair_event){ .to = to, .input = in };
    (void)snprintf(e->text, sizeof e->text, "%s", text);
    e->input.text = slice_text(e->text);
}

void pair_cut(struct pair *p)
{
    if (!p->open)
        return;
    p->open = false;
    for (size_t i = 0; i < 2; i++)
        queue(p, &p->w[i],
              (struct space_input){ .kind = SPACE_PIPE_CLOSED, .pipe = PAIR_PIPE, .token = SPACE_NOBODY },
              "it went");
}

static void on_pipe(void *ctx, struct delta_world *w, const struct space_effect *e)
{
    struct pair *p = ctx;
    struct delta_world *other = w == &p->w[0] ? &p->w[1] : &p->w[0];
    if (e->kind == SPACE_PIPE_DIAL && p->refuse) {
        queue(p, w, (struct space_input){ .kind = SPACE_PIPE_CLOSED, .pipe = SPACE_NO_PIPE,
                                          .token = e->token, .status = PANDO_UNAVAILABLE },
              "nobody listens");
    } else if (e->kind == SPACE_PIPE_DIAL) {
        p->open = true;
        queue(p, w, (struct space_input){ .kind = SPACE_PIPE_OPEN, .pipe = PAIR_PIPE,
                                          .token = e->token }, "there");
        queue(p, other, (struct space_input){ .kind = SPACE_PIPE_OPEN, .pipe = PAIR_PIPE,
                                              .token = SPACE_NOBODY }, "here");
    } else if (e->kind == SPACE_PIPE_SEND && p->open) {
        p->sent++;
        queue(p, other, (struct space_input){ .kind = SPACE_PIPE_TEXT, .pipe = PAIR_PIPE,
                                              .bytes = bytes_ref(e->bytes) }, "");
        queue(p, w, (struct space_input){ .kind = SPACE_PIPE_CREDIT, .pipe = PAIR_PIPE,
                                          .value = bytes_view(e->bytes).len }, "");
    } else if (e->kind == SPACE_PIPE_CLOSE) {
        pair_cut(p);
    }
}

/* Until neither has anything to say. */
void pair_settle(struct pair *p)
{
    do {
        while (p->head < p->len) {
            const struct pair_event *e = &p->events[p->head++];
            if (p->open || e->input.kind != SPACE_PIPE_TEXT)
                delta_world_feed(e->to, &e->input);
            bytes_unref(e->input.bytes);
        }
        p->head = p->len = 0;
        delta_world_settle(&p->w[0]);
        delta_world_settle(&p->w[1]);
    } while (p->len > 0);
}

void pair_later(struct pair *p, uint64_t seconds)
{
    for (size_t i = 0; i < 2; i++) {
        p->w[i].now = pando_time_add(p->w[i].now, PANDO_SEC(seconds));
        delta_world_feed(&p->w[i], &(struct space_input){ .kind = SPACE_TICK });
    }
    pair_settle(p);
}

void pair_start(struct pair *p, const char *dialling, const char *dialled)
{
    *p = (struct pair){ .events = calloc(EVENTS_MAX, sizeof *p->events) };
    CHECK(p->events != NULL);
    delta_world_init(&p->w[0], dialling);
    delta_world_init(&p->w[1], dialled);
    for (size_t i = 0; i < 2; i++) {
        p->w[i].ctx = p;
        p->w[i].on_pipe = on_pipe;
    }
}

void pair_stop(struct pair *p)
{
    for (size_t i = p->head; i < p->len; i++)
        bytes_unref(p->events[i].input.bytes);
    delta_world_deinit(&p->w[0]);
    delta_world_deinit(&p->w[1]);
    free(p->events);
}

void pair_create(struct pair *p, size_t i, const char *id, const char *author)
{
    char args[256];
    (void)snprintf(args, sizeof args,
                   "{'id':'%s','author':'%s','pointers':[{'role':'of','target':{'id':'o',"
                   "'context':'c'}}]}",
                   id, author);
    json_decref(delta_world_ask(&p->w[i], "create", args, PANDO_OK));
    pair_settle(p);
}

size_t pair_held(struct pair *p, size_t i)
{
    json_t *json = delta_world_ask(&p->w[i], "stats", "{}", PANDO_OK);
    const json_int_t len = json_integer_value(json_object_get(json, "totalDeltas"));
    json_decref(json);
    return (size_t)len;
}

void pair_expect_equal(struct pair *p)
{
    json_t *a = delta_world_ask(&p->w[0], "hash", "{}", PANDO_OK);
    json_t *b = delta_world_ask(&p->w[1], "hash", "{}", PANDO_OK);
    CHECK(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}
