/* talk.h - one person's side of the chat lines, without a socket.
 *
 * A message stays in the queue until the node acknowledges it. Its id is a place in a
 * session (`101-9f3a...:7`), which the log takes once and in order, so after a lost
 * connection everything that is unacknowledged is said again, on whatever node, and nothing
 * is lost or doubled. What is delivered is shown when its number is above the last one
 * shown; after a reconnect the node is told that number and fills the hole.
 *
 * Bytes for the node gather in `out`; the owner writes them and calls talk_hear() with each
 * line that comes back. Time is handed in.
 */
#ifndef APPS_PANDO_CLIENT_TALK_H
#define APPS_PANDO_CLIENT_TALK_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>

#define TALK_QUEUE_MAX 1000 /* messages not acknowledged; then the typist waits */
#define TALK_TEXT_MAX  60000
#define TALK_NAME_MAX  64

struct talk_message {
    char *text;
    uint64_t counter;
};

struct talk {
    int64_t id;
    const char *room;
    const char *token; /* or "" */
    char base[40];    /* of the session's name: the id and 16 hex digits */
    unsigned round;   /* sessions begun so far */
    char session[52];
    uint64_t counter; /* of the message queued last */
    struct talk_message queue[TALK_QUEUE_MAX];
    size_t queue_len;
    uint64_t last_seq; /* shown */
    uint64_t acked;    /* highest number of our own that was acknowledged */
    bool knows_last;
    bool online, joined;
    bool json; /* show deliveries as the JSON that came */
    unsigned failures; /* since the last acknowledgement: the node cannot have it taken */
    struct pando_time resend_at, heard, pulse_at;
    char problem[200]; /* shown last; not shown again until something is acknowledged */
    json_t *met; /* the last JOIN_ACK or HEARTBEAT, NULL before */
    json_t *membership;
    struct pando_buf out;
    void *ctx;
    void (*show)(void *ctx, const char *line); /* one line for the person */
};

/* `id` has at most 15 digits; `room` and `token` are borrowed; `session` is 8 random bytes. */
void talk_init(struct talk *t, int64_t id, const char *room, const char *token,
               const uint8_t session[static 8]);
void talk_deinit(struct talk *t);
/* Queue what was typed, and say it when there is a node. Errors: PANDO_FULL the queue is;
 * PANDO_INVALID too long, or not UTF-8. */
enum pando_status talk_say(struct talk *t, const char *text) PANDO_MUST_USE;
/* The connection is there, or gone. */
void talk_up(struct talk *t, struct pando_time now);
void talk_down(struct talk *t);
void talk_hear(struct talk *t, struct pando_time now, struct pando_slice line);
/* Say again what is due; a HEARTBEAT now and then. */
void talk_tick(struct talk *t, struct pando_time now);
struct pando_time talk_deadline(const struct talk *t);
/* The node is silent. */
bool talk_is_silent(const struct talk *t, struct pando_time now);
/* The node cannot get anything taken: another one may be better. */
bool talk_is_stuck(const struct talk *t);
/* Everything said is acknowledged, and shown. */
bool talk_is_settled(const struct talk *t);
/* Who leads and who is there, for the person. */
void talk_status(const struct talk *t);

#endif
