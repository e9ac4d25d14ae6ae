#include "net/outbox.h"

#include <stdlib.h>

#define DATA_MAX ((size_t)1 << 30)
#define DATA_KEEP ((size_t)1 << 20)
#define LIST_KEEP 1024

void outbox_init(struct outbox *o)
{
    *o = (struct outbox){ 0 };
    buf_init(&o->data, DATA_MAX);
}

void outbox_deinit(struct outbox *o)
{
    free(o->list);
    buf_deinit(&o->data);
    *o = (struct outbox){ 0 };
}

void outbox_reset(struct outbox *o)
{
    o->len = o->next = 0;
    if (o->cap > LIST_KEEP) {
        free(o->list);
        o->list = NULL;
        o->cap = 0;
    }
    if (o->data.cap > DATA_KEEP)
        buf_deinit(&o->data);
    else
        buf_reset(&o->data);
}

static enum pando_status grow(struct outbox *o)
{
    if (o->len < o->cap)
        return PANDO_OK;
    const size_t cap = o->cap == 0 ? 64 : 2 * o->cap;
    struct outbox_event *list = realloc(o->list, cap * sizeof *list);
    if (list == NULL)
        return PANDO_NOMEM;
    o->list = list;
    o->cap = cap;
    return PANDO_OK;
}

enum pando_status outbox_put(struct outbox *o, const struct outbox_event *event,
                             struct pando_slice data)
{
    if (grow(o) != PANDO_OK)
        return PANDO_NOMEM;
    struct outbox_event e = *event;
    e.at = o->data.len;
    e.len = data.len;
    if (data.len > 0 && buf_append(&o->data, data) != PANDO_OK)
        return PANDO_NOMEM;
    o->list[o->len++] = e;
    return PANDO_OK;
}

enum pando_status outbox_put_data(struct outbox *o, uint64_t link, uint64_t stream,
                                  struct pando_slice data, bool fin)
{
    struct outbox_event *last = o->len > o->next ? &o->list[o->len - 1] : NULL;
    if (last != NULL && last->kind == LINK_DATA && last->stream == stream && !last->fin) {
        if (data.len > 0 && buf_append(&o->data, data) != PANDO_OK)
            return PANDO_NOMEM;
        last->len += data.len;
        last->fin = fin;
        return PANDO_OK;
    }
    const struct outbox_event e = { .kind = LINK_DATA, .link = link, .stream = stream,
                                    .fin = fin };
    return outbox_put(o, &e, data);
}
