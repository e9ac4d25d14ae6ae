#include "apps/pando/chat/fronts.h"

#include "base/buf.h"
#include "base/slice.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LINE_MAX_LEN (1u << 20)
#define EOF_PATIENCE PANDO_SEC(30)

struct lines {
    struct chat *chat;
    struct pando_buf in; /* read and not taken */
    bool at_end;         /* of the input */
    int signals;
};

static void show(void *ctx, enum chat_tone tone, const char *text)
{
    FILE *to = tone == CHAT_LOG || tone == CHAT_TROUBLE ? stderr : stdout;
    (void)ctx;
    (void)fprintf(to, "%s\n", text);
}

/* Whole lines of the input, as far as the outbox takes them. */
static void take_lines(struct lines *l)
{
    while (!chat_is_full(l->chat)) {
        uint8_t *end = l->in.len == 0 ? NULL : memchr(l->in.ptr, '\n', l->in.len);
        size_t len = end == NULL ? l->in.len : (size_t)(end - l->in.ptr);
        if (end == NULL && (!l->at_end || l->in.len == 0) && l->in.len < LINE_MAX_LEN - 1)
            return;
        if (end == NULL && buf_append(&l->in, slice_of("\n", 1)) != PANDO_OK)
            return;
        const size_t whole = len + 1;
        l->in.ptr[len] = '\0';
        if (len > 0 && l->in.ptr[len - 1] == '\r')
            l->in.ptr[len - 1] = '\0';
        chat_take(l->chat, (const char *)l->in.ptr);
        buf_consume(&l->in, whole);
    }
}

static void read_input(struct lines *l)
{
    char chunk[16384];
    const ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
    if (got > 0)
        (void)!buf_append(&l->in, slice_of(chunk, (size_t)got));
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        l->at_end = true;
}

static void read_signals(struct lines *l)
{
    struct signalfd_siginfo info;
    while (read(l->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGWINCH)
            chat_quit(l->chat, (struct pando_span){ 0 });
}

static void serve(struct lines *l)
{
    while (!chat_has_ended(l->chat)) {
        const bool wants = !l->at_end && !chat_is_full(l->chat) && l->in.len < LINE_MAX_LEN / 2;
        struct pollfd fds[3] = { { chat_fd(l->chat), POLLIN, 0 },
                                 { l->signals, POLLIN, 0 },
                                 { wants ? STDIN_FILENO : -1, POLLIN, 0 } };
        (void)poll(fds, 3, chat_timeout_ms(l->chat));
        if (fds[1].revents != 0)
            read_signals(l);
        if (fds[2].revents != 0)
            read_input(l);
        take_lines(l);
        chat_run(l->chat);
        if (l->at_end && l->in.len == 0)
            chat_quit(l->chat, EOF_PATIENCE);
        if (fflush(stdout) != 0) /* nobody reads any more */
            chat_quit(l->chat, (struct pando_span){ 0 });
    }
}

enum pando_status chat_lines(struct chat_options *options, struct pando_err *reterr)
{
    struct lines l = { .signals = chat_signals() };
    const struct chat_front front = { &l, show, NULL };
    if (l.signals < 0)
        return pando_err_set(reterr, PANDO_IO, "signalfd: %s", strerror(errno));
    buf_init(&l.in, LINE_MAX_LEN);
    enum pando_status st = chat_open(options, &front, &l.chat, reterr);
    if (st == PANDO_OK) {
        serve(&l);
        st = chat_verdict(l.chat, reterr);
    }
    chat_signals_end(l.signals);
    chat_close(l.chat);
    buf_deinit(&l.in);
    return st;
}
