/* outbox.h - lines that were typed and are not yet known to be in the log.
 *
 * They leave one after the other, in the order in which they were typed, each when the one
 * before is in the log. Every line has a counter of our own session there, so a line that is
 * handed over twice is numbered once: a failure that may pass (no leader, no quorum, a
 * timeout whose outcome is not known) sends the same line under the same counter again. A
 * failure that will not pass takes the line out; what stands behind it begins a new session,
 * because the counters of one leave no hole.
 *
 * Pure: it decides, chat.c asks the node. Full at OUTBOX_MAX lines: then nothing is taken.
 */
#ifndef APPS_PANDO_CHAT_OUTBOX_H
#define APPS_PANDO_CHAT_OUTBOX_H

#include <pando/status.h>
#include <pando/types.h>

#define OUTBOX_MAX   4096
#define OUTBOX_RETRY PANDO_MSEC(200)

struct chat_outbox_line {
    char *room;
    char *text;
};

struct chat_outbox {
    struct chat_outbox_line lines[OUTBOX_MAX]; /* a ring */
    size_t head, len;
    uint64_t client;        /* our session */
    uint64_t counter;       /* of the first line */
    bool under_way;         /* the first line is */
    bool trouble;           /* its last answer was a failure that may pass */
    struct pando_time wait; /* it does not leave before */
};

void chat_outbox_init(struct chat_outbox *o, uint64_t client);
void chat_outbox_deinit(struct chat_outbox *o);
/* Take a line in. Errors: PANDO_FULL, PANDO_NOMEM. */
enum pando_status chat_outbox_put(struct chat_outbox *o, const char *room, const char *text) PANDO_MUST_USE;
/* The line to hand to the node now, under `client` and `counter`; it counts as under way.
 * NULL: none. */
const struct chat_outbox_line *chat_outbox_next(struct chat_outbox *o, struct pando_time now);
/* When chat_outbox_next may have one without an answer coming before. */
struct pando_time chat_outbox_deadline(const struct chat_outbox *o);

enum chat_outbox_outcome {
    OUTBOX_DONE,    /* in the log */
    OUTBOX_LATER,   /* will be handed over again */
    OUTBOX_DROPPED, /* it can never be */
};
/* The answer for the line under way. */
enum chat_outbox_outcome chat_outbox_answer(struct chat_outbox *o, struct pando_time now,
                                            enum pando_status status);

#endif
