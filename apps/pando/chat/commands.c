/* commands.c - what a person asks for with a slash. */
#include "apps/pando/chat/chat_impl.h"

#include "apps/pando/output.h"
#include "base/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_DEFAULT 20
#define HISTORY_MAX     1000
#define QUIT_PATIENCE   PANDO_SEC(5)

/* The answer as JSON, a new reference; NULL: it failed, which was said. */
static json_t *parsed(struct chat *c, enum pando_status status, const char *text)
{
    json_t *answer = status == PANDO_OK ? json_loads(text, 0, NULL) : NULL;
    if (answer == NULL)
        chat_say(c, CHAT_TROUBLE, "%s", status == PANDO_OK ? "the answer does not read" : text);
    return answer;
}

static void member_line(struct chat *c, const json_t *m, long long leader)
{
    char name[80], standing[32], address[128];
    const long long id = number_of(m, "id");
    const bool here = flag_of(m, "reachable") || id == (long long)c->options.id;
    const bool votes = strcmp(text_of(m, "standing", standing, sizeof standing), "voter") == 0;
    const char *role = !here ? "unreachable" : id == leader ? "LEADER" : !votes ? "LEARNER"
                       : leader != 0 ? "FOLLOWER" : "no leader";
    chat_say(c, CHAT_NOTE, "  %-10s %-11s %s%s", text_of(m, "name", name, sizeof name), role,
             text_of(m, "address", address, sizeof address),
             id == (long long)c->options.id ? " (you)" : "");
    const long long lag = number_of(m, "lag");
    if (lag > 0)
        chat_say(c, CHAT_NOTE, "             %lld entries behind", lag);
}

static void on_peers(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    json_t *answer = parsed(c, status, text), *m;
    size_t i;
    if (answer == NULL)
        return;
    json_t *members = json_object_get(answer, "members");
    chat_say(c, CHAT_NOTE, "Members: %zu", json_array_size(members));
    json_array_foreach(members, i, m)
        member_line(c, m, number_of(answer, "leader"));
    json_decref(answer);
}

static long long last_of_room(const struct chat *c)
{
    const uint64_t shown = c->view.next > 0 ? c->view.next - 1 : 0;
    return (long long)(shown > c->view.newest ? shown : c->view.newest);
}

static void on_status(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    json_t *s = parsed(c, status, text);
    char role[32], leader[80], why[200];
    if (s == NULL)
        return;
    (void)text_of(s, "leader_name", leader, sizeof leader);
    (void)text_of(s, "why", why, sizeof why);
    chat_say(c, CHAT_NOTE, "Peer: %s (id %lu)", chat_name(c), c->options.id);
    chat_say(c, CHAT_NOTE, "Role: %s", text_of(s, "role", role, sizeof role));
    chat_say(c, CHAT_NOTE, "Leader: %s", leader[0] != '\0' ? leader : "Unknown");
    chat_say(c, CHAT_NOTE, "Term: %lld", number_of(s, "term"));
    chat_say(c, CHAT_NOTE, "Address: %s:%lu", c->options.host, c->options.port);
    chat_say(c, CHAT_NOTE, "Members: %zu", json_array_size(json_object_get(s, "members")));
    chat_say(c, CHAT_NOTE, "Room: %s", c->room);
    chat_say(c, CHAT_NOTE, "Last seq: %lld", last_of_room(c));
    if (flag_of(s, "quorum"))
        chat_say(c, CHAT_NOTE, "Quorum: yes (%lld of %lld voters reachable)",
                 chat_reachable(s), number_of(s, "voters"));
    else
        chat_say(c, CHAT_NOTE, "Quorum: no%s%s", why[0] != '\0' ? ": " : "", why);
    if (c->outbox.len > 0)
        chat_say(c, CHAT_NOTE, "Not delivered yet: %zu", c->outbox.len);
    json_decref(s);
}

static void on_rooms(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    json_t *answer = parsed(c, status, text), *room;
    size_t i;
    char name[CHAT_ROOM_MAX + 1];
    if (answer == NULL)
        return;
    json_array_foreach(json_object_get(answer, "rooms"), i, room)
    {
        (void)text_of(room, "name", name, sizeof name);
        chat_say(c, CHAT_NOTE, "%s %s: %lld messages", strcmp(name, c->room) == 0 ? "*" : " ", name,
                 number_of(room, "messages"));
    }
    if (json_array_size(json_object_get(answer, "rooms")) == 0)
        chat_say(c, CHAT_NOTE, "no room has a message yet");
    json_decref(answer);
}

static void on_history(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    json_t *answer = parsed(c, status, text), *m;
    size_t i;
    if (answer == NULL)
        return;
    json_t *messages = json_object_get(answer, "messages");
    chat_say(c, CHAT_NOTE, "the last %zu messages of %s:", json_array_size(messages), c->room);
    json_array_foreach(messages, i, m)
        chat_show_message(c, m);
    json_decref(answer);
}

static void on_left(struct chat *c, uint64_t mark, enum pando_status status, const char *text)
{
    (void)mark;
    json_t *answer = parsed(c, status, text);
    if (answer == NULL)
        return;
    json_decref(answer);
    chat_say(c, CHAT_NOTE, "You have left the group for good.");
    chat_quit(c, (struct pando_span){ 0 });
}

static void do_status(struct chat *c, const char *word)
{
    (void)word;
    chat_ask(c, "log.status", json_object(), on_status, 0);
}

static void do_peers(struct chat *c, const char *word)
{
    (void)word;
    chat_ask(c, "log.status", json_object(), on_peers, 0);
}

static void do_rooms(struct chat *c, const char *word)
{
    (void)word;
    chat_ask(c, "log.rooms", json_object(), on_rooms, 0);
}

static void do_join(struct chat *c, const char *word)
{
    if (word[0] == '\0' || strlen(word) > CHAT_ROOM_MAX || strchr(word, ' ') != NULL) {
        chat_say(c, CHAT_TROUBLE, "usage: /join ROOM (one word of at most %d bytes)", CHAT_ROOM_MAX);
        return;
    }
    chat_say(c, CHAT_NOTE, "You are in %s now.", word);
    chat_enter_room(c, word);
}

static void do_history(struct chat *c, const char *word)
{
    char *end = NULL;
    const long n = word[0] == '\0' ? HISTORY_DEFAULT : strtol(word, &end, 10);
    if ((end != NULL && *end != '\0') || n < 1 || n > HISTORY_MAX) {
        chat_say(c, CHAT_TROUBLE, "usage: /history [N], N from 1 to %d", HISTORY_MAX);
        return;
    }
    chat_ask(c, "log.read", json_pack("{s:s,s:i}", "room", c->room, "limit", (int)n), on_history, 0);
}

static void do_leave(struct chat *c, const char *word)
{
    (void)word;
    chat_ask(c, "log.leave", json_object(), on_left, 0);
}

static void do_quit(struct chat *c, const char *word)
{
    (void)word;
    chat_quit(c, QUIT_PATIENCE);
}

static void do_help(struct chat *c, const char *word);

static const struct {
    const char *name;
    void (*act)(struct chat *c, const char *word);
    const char *help;
} commands[] = {
    { "status", do_status, "role, leader, term, members, last number, quorum" },
    { "peers", do_peers, "the members and how they are" },
    { "rooms", do_rooms, "the rooms and their messages" },
    { "join", do_join, "ROOM: talk in another room" },
    { "history", do_history, "[N]: the last N messages of this room (20)" },
    { "leave", do_leave, "leave the group for good, and quit" },
    { "quit", do_quit, "stop; the next start goes on where this one stopped" },
    { "help", do_help, "this list; a line that begins with // is said with one /" },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void do_help(struct chat *c, const char *word)
{
    (void)word;
    for (size_t i = 0; i < COMMANDS; i++)
        chat_say(c, CHAT_NOTE, "/%-8s %s", commands[i].name, commands[i].help);
}

void chat_command(struct chat *c, const char *line)
{
    char name[32];
    const char *word = line + 1 + strcspn(line + 1, " ");
    (void)snprintf(name, sizeof name, "%.*s", (int)(word - line - 1), line + 1);
    word += strspn(word, " ");
    struct near_search near = { .word = name };
    for (size_t i = 0; i < COMMANDS; i++) {
        near_offer(&near, commands[i].name);
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].act(c, word);
            return;
        }
    }
    if (near.best != NULL)
        chat_say(c, CHAT_TROUBLE, "unknown command /%s; did you mean /%s? /help lists them", name,
                 near.best);
    else
        chat_say(c, CHAT_TROUBLE, "unknown command /%s; /help lists them", name);
}
