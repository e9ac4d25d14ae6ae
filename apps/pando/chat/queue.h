/* queue.h - what the node's thread hands to the front's thread.
 *
 * The node must not wait for a terminal: whoever reads this screen may have stopped it, and
 * a leader that waits is a leader that is voted out. So everything goes through this queue,
 * and its descriptor becomes readable. Log lines and delivered messages are dropped when
 * the front is CHAT_QUEUE_MAX bytes behind (a message is read again from the log by its
 * number, see view.h); answers never are, for calls are few.
 */
#ifndef APPS_PANDO_CHAT_QUEUE_H
#define APPS_PANDO_CHAT_QUEUE_H

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>
#include <pthread.h>

#define CHAT_QUEUE_MAX (8u << 20)

enum chat_item_kind {
    CHAT_ITEM_TOLD,    /* json: a message or an event of the watched space */
    CHAT_ITEM_UNTOLD,  /* the watching has ended; status, text */
    CHAT_ITEM_ANSWER,  /* ctx: the call; status, text */
    CHAT_ITEM_LOG,     /* text: a line of the log */
    CHAT_ITEM_STOPPED, /* the node's thread has ended */
};

struct chat_item {
    struct chat_item *next;
    enum chat_item_kind kind;
    enum pando_status status;
    void *ctx;
    json_t *json; /* or NULL */
    size_t len;
    char text[]; /* terminated */
};

struct chat_queue {
    pthread_mutex_t lock;
    int fd; /* readable while something waits */
    struct chat_item *first, **last;
    size_t bytes;
    bool dropped; /* a message since the last take */
};

enum pando_status chat_queue_init(struct chat_queue *q, struct pando_err *reterr) PANDO_MUST_USE;
/* Frees what waits; answers' contexts are not its own. */
void chat_queue_deinit(struct chat_queue *q);
/* Any thread. `json` is taken, dropped too where the item is. */
void chat_queue_put(struct chat_queue *q, enum chat_item_kind kind, enum pando_status status, void *ctx,
               json_t *json, struct pando_slice text);
/* All that waits, in order; give each item back. `ret_dropped`: messages are missing behind
 * them, for the queue was full. */
struct chat_item *chat_queue_take(struct chat_queue *q, bool *ret_dropped);
void chat_queue_item_free(struct chat_item *item);

#endif
