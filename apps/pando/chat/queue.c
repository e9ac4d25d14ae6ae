#include "apps/pando/chat/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ITEM_COST 512 /* a parsed message without its text, roughly */

enum pando_status chat_queue_init(struct chat_queue *q, struct pando_err *reterr)
{
    *q = (struct chat_queue){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    q->last = &q->first;
    if (q->fd < 0)
        return pando_err_set(reterr, PANDO_IO, "eventfd: %s", strerror(errno));
    (void)pthread_mutex_init(&q->lock, NULL);
    return PANDO_OK;
}

void chat_queue_item_free(struct chat_item *item)
{
    json_decref(item->json);
    free(item);
}

void chat_queue_deinit(struct chat_queue *q)
{
    for (struct chat_item *item = q->first, *next; item != NULL; item = next) {
        next = item->next;
        chat_queue_item_free(item);
    }
    q->first = NULL;
    if (q->fd >= 0)
        (void)close(q->fd);
    (void)pthread_mutex_destroy(&q->lock);
}

static size_t cost_of(const struct chat_item *item)
{
    const json_t *text = json_object_get(item->json, "text");
    return ITEM_COST + item->len + (json_is_string(text) ? json_string_length(text) : 0);
}

static bool may_be_dropped(enum chat_item_kind kind)
{
    return kind == CHAT_ITEM_TOLD || kind == CHAT_ITEM_LOG;
}

void chat_queue_put(struct chat_queue *q, enum chat_item_kind kind, enum pando_status status, void *ctx,
               json_t *json, struct pando_slice text)
{
    const uint64_t one = 1;
    struct chat_item *item = malloc(sizeof *item + text.len + 1);
    if (item == NULL) {
        json_decref(json);
        return; /* a message comes again by its number */
    }
    *item = (struct chat_item){
        .kind = kind, .status = status, .ctx = ctx, .json = json, .len = text.len
    };
    if (text.len > 0)
        memcpy(item->text, text.ptr, text.len);
    item->text[text.len] = '\0';
    (void)pthread_mutex_lock(&q->lock);
    const bool full = may_be_dropped(kind) && q->bytes > CHAT_QUEUE_MAX;
    if (!full) {
        *q->last = item;
        q->last = &item->next;
        q->bytes += cost_of(item);
    } else if (kind == CHAT_ITEM_TOLD) {
        q->dropped = true;
    }
    (void)pthread_mutex_unlock(&q->lock);
    if (full)
        chat_queue_item_free(item);
    else
        (void)!write(q->fd, &one, sizeof one);
}

struct chat_item *chat_queue_take(struct chat_queue *q, bool *ret_dropped)
{
    uint64_t count;
    (void)!read(q->fd, &count, sizeof count);
    (void)pthread_mutex_lock(&q->lock);
    struct chat_item *all = q->first;
    q->first = NULL;
    q->last = &q->first;
    q->bytes = 0;
    *ret_dropped = q->dropped;
    q->dropped = false;
    (void)pthread_mutex_unlock(&q->lock);
    return all;
}
