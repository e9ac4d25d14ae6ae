#include "apps/pando/chat/outbox.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void chat_outbox_init(struct chat_outbox *o, uint64_t client)
{
    memset(o, 0, sizeof *o);
    o->client = client;
    o->counter = 1;
}

static void drop_first(struct chat_outbox *o)
{
    struct chat_outbox_line *line = &o->lines[o->head];
    free(line->room);
    free(line->text);
    *line = (struct chat_outbox_line){ 0 };
    o->head = (o->head + 1) % OUTBOX_MAX;
    o->len--;
}

void chat_outbox_deinit(struct chat_outbox *o)
{
    while (o->len > 0)
        drop_first(o);
}

enum pando_status chat_outbox_put(struct chat_outbox *o, const char *room, const char *text)
{
    if (o->len == OUTBOX_MAX)
        return PANDO_FULL;
    struct chat_outbox_line *line = &o->lines[(o->head + o->len++) % OUTBOX_MAX];
    *line = (struct chat_outbox_line){ .room = strdup(room), .text = strdup(text) };
    if (line->room != NULL && line->text != NULL)
        return PANDO_OK;
    free(line->room);
    free(line->text);
    *line = (struct chat_outbox_line){ 0 };
    o->len--;
    return PANDO_NOMEM;
}

const struct chat_outbox_line *chat_outbox_next(struct chat_outbox *o, struct pando_time now)
{
    if (o->len == 0 || o->under_way || !pando_time_reached(o->wait, now))
        return NULL;
    o->under_way = true;
    return &o->lines[o->head];
}

struct pando_time chat_outbox_deadline(const struct chat_outbox *o)
{
    return o->len == 0 || o->under_way ? PANDO_TIME_NEVER : o->wait;
}

static bool may_pass(enum pando_status status)
{
    switch (status) {
    case PANDO_UNAVAILABLE:
    case PANDO_TIMEOUT:
    case PANDO_BUSY:
    case PANDO_CANCELLED:
    case PANDO_NOMEM:
    case PANDO_NOSPACE:
    case PANDO_IO:
        return true;
    default:
        return false;
    }
}

enum chat_outbox_outcome chat_outbox_answer(struct chat_outbox *o, struct pando_time now,
                                            enum pando_status status)
{
    PANDO_ASSERT(o->under_way);
    o->under_way = false;
    o->trouble = may_pass(status);
    if (o->trouble) {
        o->wait = pando_time_add(now, OUTBOX_RETRY);
        return OUTBOX_LATER;
    }
    drop_first(o);
    if (status == PANDO_OK) {
        o->counter++;
        return OUTBOX_DONE;
    }
    o->client++;
    o->counter = 1;
    return OUTBOX_DROPPED;
}
