/* delta_db.h - a database of <pando/delta.h>: a node, one delta space, who listens. */
#ifndef HOST_DELTA_DB_H
#define HOST_DELTA_DB_H

#include <jansson.h>
#include <pando/delta.h>
#include <uv.h>

struct pando_delta_subscription {
    struct pando_delta_subscription *next;
    struct pando_delta_db *db;
    pando_delta_event_fn on_event; /* either of the two */
    pando_delta_fn on_delta;
    void *ctx;
    bool ready;  /* what comes from now on is the caller's */
    bool ended;  /* the node has said its last word */
    bool silent; /* unsubscribed: no more callbacks */
    bool orphan; /* unsubscribed on the node's thread: whoever ends it frees it */
    enum pando_status status;
    char why[200]; /* it ended before it was ready */
};

struct pando_delta_db {
    struct pando_node *node;
    char space[64];
    char folder[64]; /* one of our own, that goes at close; "" none */
    uv_mutex_t lock; /* over the subscriptions */
    uv_cond_t changed;
    struct pando_delta_subscription *subscriptions;
};

/* Ask and wait; `args` is consumed, and NULL when memory was out. */
enum pando_status delta_db_ask(struct pando_delta_db *db, const char *verb, json_t *args,
                               char **ret_text, struct pando_err *reterr) PANDO_MUST_USE;
/* The same, parsed. */
enum pando_status delta_db_answer(struct pando_delta_db *db, const char *verb, json_t *args,
                                  json_t **ret, struct pando_err *reterr) PANDO_MUST_USE;
/* As JSON; NULL when memory is out or a text is not UTF-8. */
json_t *delta_db_trust(const struct pando_delta_trust *trust);

#endif
