/* chat_impl.h - the insides of a chat, shared by the files of this folder only. */
#ifndef APPS_PANDO_CHAT_CHAT_IMPL_H
#define APPS_PANDO_CHAT_CHAT_IMPL_H

#include "apps/pando/chat/chat.h"
#include "apps/pando/chat/outbox.h"
#include "apps/pando/chat/queue.h"
#include "apps/pando/chat/view.h"
#include "base/buf.h"
#include "host/transcript.h"
#include "node/config.h"

#include <pando/node.h>

#define CHAT_ROOM_MAX 64
#define CHAT_TEXT_MAX (64u << 10) /* of a message */
#define CHAT_SAID_MAX 8           /* log lines that are not repeated at once */

/* The answer to a call: `text` is JSON, or a sentence when status says that it failed. */
typedef void chat_answer(struct chat *c, uint64_t mark, enum pando_status status, const char *text);

/* A call under way; the node's thread fills it and hands it back through the queue. */
struct chat_call {
    struct chat *chat;
    chat_answer *answer;
    uint64_t mark; /* the asker's own */
    struct pando_buf body;
};

struct chat {
    struct chat_options options;
    struct chat_front front;
    struct config config;
    struct pando_node *node;
    struct chat_queue queue;
    struct transcript *transcript; /* of the node's thread while it watches */
    char transcript_path[CONFIG_PATH_MAX + 64];
    bool watching;
    struct pando_time watch_at; /* when to watch again */
    char room[CHAT_ROOM_MAX + 1];
    struct chat_view view;
    struct pando_time view_at; /* no read before */
    struct chat_outbox outbox;
    bool trouble_said;
    struct {
        char text[120];
        struct pando_time at;
    } said[CHAT_SAID_MAX]; /* by the log lately */
    size_t said_next;
    json_t *state;
    bool state_asked;
    struct pando_time state_at;
    bool quitting;
    struct pando_time quit_by;
    bool stopped; /* the node's thread has ended */
};

struct pando_time chat_now(void);
/* Ask the node; `args` is consumed and gets the space. */
void chat_ask(struct chat *c, const char *verb, json_t *args, chat_answer *answer, uint64_t mark);
void chat_say(struct chat *c, enum chat_tone tone, const char *format, ...) PANDO_PRINTF(3, 4);
/* Show a message of the log. */
void chat_show_message(struct chat *c, const json_t *message);
/* Put a room on show: its newest messages first. */
void chat_enter_room(struct chat *c, const char *room);
void chat_free_call(struct chat_call *call);
/* commands.c: a line that begins with '/'. */
void chat_command(struct chat *c, const char *line);
/* watch.c: follow every room from its first message, writing the transcript anew. */
void chat_watch(struct chat *c);

#endif
