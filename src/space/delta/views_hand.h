/* views_hand.h - a space for tests: deltas written as JSON, a source that is unkind, calls.
 *
 * The source frees what it gave at the next call on it, and may answer PANDO_BUSY now and
 * then, so that a user of it who keeps what he should not is found by the sanitizer.
 */
#ifndef SPACE_DELTA_VIEWS_HAND_H
#define SPACE_DELTA_VIEWS_HAND_H

#include "space/delta/views.h"

#define HAND_MAX 2048

struct hand {
    struct pando_buf bytes[HAND_MAX]; /* canonical */
    struct delta deltas[HAND_MAX];
    struct delta_room *rooms[HAND_MAX];
    size_t len;
    struct source_array array;
    bool sorted;
    unsigned busy_every; /* 0: never */
    unsigned calls;
    uint8_t *given; /* bytes of the delta given last */
    struct delta_room *given_room;
    struct views *views; /* told of every delta, unless NULL */
};

void hand_init(struct hand *h);
void hand_deinit(struct hand *h);
/* An empty space and views over it, which are not told of deltas yet; and their end. */
struct views *hand_open(struct hand *h);
void hand_close(struct hand *h, struct views *v);
struct delta_source hand_source(struct hand *h);

/* Add a delta, or an array of them; system and author are "s" and "a" where left out. Adding
 * one that is there (same bytes) does nothing but tell the views again. Checks. */
void hand_add(struct hand *h, const char *json);
void hand_add_value(struct hand *h, const json_t *json);
/* {id, time}: `object` has the property `property` of `value` (JSON text). */
void hand_say(struct hand *h, const char *id, int64_t time, const char *object,
              const char *property, const char *value);
void hand_negate(struct hand *h, const char *id, int64_t time, const char *negated);
void hand_remove(struct hand *h, const char *id);

/* What capsules answer in tests: JSON text for a capsule's name and input. */
typedef const char *hand_capsule(const char *capsule, const json_t *input);

/* Call until there is an answer; `args` JSON text or NULL. The caller gives `*ret` back with
 * json_decref, unless NULL. `turns`: counted unless NULL. */
enum pando_status hand_call(struct views *v, const char *verb, const char *args,
                            hand_capsule *capsule, json_t **ret, struct pando_err *err);
/* The same as text, into `text` (reset before). */
enum pando_status hand_call_text(struct views *v, const char *verb, const char *args,
                                 hand_capsule *capsule, struct pando_buf *text,
                                 struct pando_err *err);
/* The same where it must succeed; the answer is the caller's. */
json_t *hand_ask(struct views *v, const char *verb, const char *args);
json_t *hand_json(const char *text); /* checks; the caller's */

#endif
