/* chat.h - one member of the space "chat", and the person at it.
 *
 * The member is a whole node in this process, on a thread of its own; this is what stands
 * between it and a front, which shows lines and takes them. A front has the terminal (line.c,
 * screen.c); it polls chat_fd() beside its own descriptors, at most chat_timeout_ms(), and
 * calls chat_run(). Nothing here blocks, and all of it belongs to the front's thread.
 *
 * What is typed goes through the outbox: it is handed over until the group has it, and shown
 * when it comes back with its number, to the sender as to everybody else. What is delivered
 * goes to the transcript (on the node's thread) and, when it belongs to the room on show, to
 * the front in the order of its numbers, without holes.
 */
#ifndef APPS_PANDO_CHAT_CHAT_H
#define APPS_PANDO_CHAT_CHAT_H

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>

#define CHAT_SPACE     "chat"
#define CHAT_SEEDS_MAX 16

struct chat_options {
    unsigned long id;
    unsigned long port;
    const char *host;
    const char *seeds[CHAT_SEEDS_MAX]; /* HOST:PORT or a multiaddr */
    size_t seeds_len;
    const char *room;
    const char *data;
    const char *log_dir;
    bool verbose;
    bool live; /* the front shows the state at all times */
};

enum chat_tone {
    CHAT_MESSAGE, /* "[seq=1] peer_1: Hello" */
    CHAT_NOTE,    /* an answer to a command, or what a person should know */
    CHAT_TROUBLE, /* the same, when something does not work */
    CHAT_LOG,     /* a line of the node's log */
};

struct chat_front {
    void *ctx;
    /* One line, fit for a terminal, without newline. */
    void (*show)(void *ctx, enum chat_tone tone, const char *text);
    /* chat_state, chat_room or chat_waiting tells something new. May be NULL. */
    void (*changed)(void *ctx);
};

struct chat;

/* Open data and ports, start the node. Errors: as host_node_open, and the transcript's. */
enum pando_status chat_open(const struct chat_options *options, const struct chat_front *front,
                            struct chat **ret, struct pando_err *reterr) PANDO_MUST_USE;
/* Stop the node without leaving the group. Accepts NULL. */
void chat_close(struct chat *c);

int chat_fd(const struct chat *c);
int chat_timeout_ms(const struct chat *c);
/* Show what has come, do what is due. */
void chat_run(struct chat *c);
/* A line from the person: a command or a message. */
void chat_take(struct chat *c, const char *line);
/* The outbox is full: take no lines for now. */
bool chat_is_full(const struct chat *c);
/* End when everything typed is in the log, or after so long. */
void chat_quit(struct chat *c, struct pando_span patience);
bool chat_has_ended(const struct chat *c);

const char *chat_name(const struct chat *c);
const char *chat_room(const struct chat *c);
/* The log's status as told last; NULL before. Valid until the next chat_run. */
const json_t *chat_state(const struct chat *c);
/* Voters of such a status that have a link to us, ourselves among them. */
long long chat_reachable(const json_t *state);
/* Typed lines that are not yet known to be in the log. */
size_t chat_waiting(const struct chat *c);

#endif
