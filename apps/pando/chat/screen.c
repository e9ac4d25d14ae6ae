/* screen.c - the chat on a whole terminal: what it tells, laid out by ui/tui. */
#include "apps/pando/chat/fronts.h"

#include "apps/pando/output.h"
#include "ui/tui/tui.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define QUIT_PATIENCE PANDO_SEC(2)

struct screen {
    struct chat *chat;
    struct tui *tui;
    int signals;
};

/* "2026-11-28 12:00:00,123 - node.peer_1 - INFO - Became LEADER" is shown as
 * "12:00:00 Became LEADER". */
static void show_log(struct tui *t, const char *line)
{
    char text[1200];
    const char *at = line;
    for (int parts = 0; parts < 3 && at != NULL; parts++) {
        at = strstr(at, " - ");
        at = at == NULL ? NULL : at + 3;
    }
    if (at != NULL && strlen(line) > 19) {
        (void)snprintf(text, sizeof text, "%.8s %s", line + 11, at);
        tui_add(t, TUI_DIM, text);
    } else {
        tui_add(t, TUI_DIM, line);
    }
}

static void show(void *ctx, enum chat_tone tone, const char *text)
{
    struct screen *s = ctx;
    switch (tone) {
    case CHAT_MESSAGE:
        tui_add(s->tui, TUI_PLAIN, text);
        return;
    case CHAT_NOTE:
        tui_add(s->tui, TUI_NOTE, text);
        return;
    case CHAT_TROUBLE:
        tui_add(s->tui, TUI_TROUBLE, text);
        return;
    case CHAT_LOG:
        show_log(s->tui, text);
        return;
    }
}

static void lay_list(struct screen *s, const json_t *state)
{
    struct tui_row rows[TUI_ROWS_MAX];
    char name[64], title[64];
    size_t i, len = 0;
    json_t *m;
    const json_t *members = json_object_get(state, "members");
    const long long self = number_of(state, "id"), leader = number_of(state, "leader");
    json_array_foreach(members, i, m)
    {
        const long long id = number_of(m, "id"), lag = number_of(m, "lag");
        const bool here = flag_of(m, "reachable") || id == self;
        struct tui_row *row = &rows[len];
        if (len++ == TUI_ROWS_MAX - 1)
            break;
        char what[32];
        (void)text_of(m, "standing", what, sizeof what);
        if (!here)
            (void)snprintf(what, sizeof what, "unreachable");
        else if (id == leader)
            (void)snprintf(what, sizeof what, "LEADER");
        else if (leader != 0 && lag <= 0 && strcmp(what, "voter") == 0)
            (void)snprintf(what, sizeof what, "follower");
        else if (lag > 0)
            (void)snprintf(what, sizeof what, "lag %lld", lag);
        (void)snprintf(row->text, sizeof row->text, "%c %-14.40s %s", id == self ? '>' : ' ',
                       text_of(m, "name", name, sizeof name), what);
        row->style = !here ? TUI_DIM : id == leader ? TUI_BOLD : TUI_PLAIN;
    }
    (void)snprintf(title, sizeof title, "Members: %zu", json_array_size(members));
    tui_list(s->tui, title, rows, len);
}

static void changed(void *ctx)
{
    struct screen *s = ctx;
    char text[400], role[32], leader[80], why[200];
    const json_t *state = s->chat == NULL ? NULL : chat_state(s->chat);
    if (s->chat == NULL)
        return; /* it is being opened */
    (void)text_of(state, "role", role, sizeof role);
    (void)text_of(state, "leader_name", leader, sizeof leader);
    (void)text_of(state, "why", why, sizeof why);
    (void)snprintf(text, sizeof text, " %s | room %s | Role: %s | Leader: %s | Term: %lld",
                   chat_name(s->chat), chat_room(s->chat), role[0] != '\0' ? role : "starting",
                   leader[0] != '\0' ? leader : "Unknown", number_of(state, "term"));
    tui_title(s->tui, text);
    const bool quorum = flag_of(state, "quorum");
    const size_t waiting = chat_waiting(s->chat);
    if (state != NULL && !quorum)
        (void)snprintf(text, sizeof text, " %s", why);
    else if (waiting > 0)
        (void)snprintf(text, sizeof text, " %zu not delivered yet", waiting);
    else
        (void)snprintf(text, sizeof text, " Quorum: %lld of %lld | /help | PgUp scrolls",
                       chat_reachable(state), number_of(state, "voters"));
    tui_status(s->tui, text, state == NULL || quorum ? TUI_PLAIN : TUI_TROUBLE);
    if (state != NULL)
        lay_list(s, state);
}

static void read_signals(struct screen *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGWINCH)
            tui_resize(s->tui);
        else
            chat_quit(s->chat, (struct pando_span){ 0 });
    }
}

static void read_keys(struct screen *s)
{
    const char *line;
    while ((line = tui_read(s->tui)) != NULL)
        chat_take(s->chat, line);
    if (tui_wants_out(s->tui))
        chat_quit(s->chat, QUIT_PATIENCE);
}

static void serve(struct screen *s)
{
    while (!chat_has_ended(s->chat)) {
        changed(s);
        tui_draw(s->tui);
        struct pollfd fds[3] = { { chat_fd(s->chat), POLLIN, 0 },
                                 { s->signals, POLLIN, 0 },
                                 { STDIN_FILENO, POLLIN, 0 } };
        (void)poll(fds, 3, chat_timeout_ms(s->chat));
        if (fds[1].revents != 0)
            read_signals(s);
        if (fds[2].revents != 0)
            read_keys(s);
        if ((fds[2].revents & (POLLHUP | POLLERR)) != 0) /* the terminal is gone */
            chat_quit(s->chat, (struct pando_span){ 0 });
        chat_run(s->chat);
    }
}

enum pando_status chat_screen(struct chat_options *options, struct pando_err *reterr)
{
    struct screen s = { .signals = chat_signals() };
    const struct chat_front front = { &s, show, NULL };
    char prompt[48];
    if (s.signals < 0)
        return pando_err_set(reterr, PANDO_IO, "signalfd: %s", strerror(errno));
    (void)snprintf(prompt, sizeof prompt, "peer_%lu> ", options->id);
    enum pando_status st = tui_new(&s.tui, reterr);
    if (st == PANDO_OK)
        tui_prompt(s.tui, prompt);
    if (st == PANDO_OK)
        st = chat_open(options, &front, &s.chat, reterr);
    if (st == PANDO_OK) {
        serve(&s);
        st = chat_verdict(s.chat, reterr);
    }
    chat_signals_end(s.signals);
    chat_close(s.chat);
    tui_free(s.tui);
    return st;
}
