/* cmd_client.c - `pando client`: a person at the chat lines of a node, line by line.
 *
 * One poll loop over the keyboard, the node and the signals. What is typed while no node
 * answers waits; when the input ends, the command ends once all is acknowledged.
 */
#include "apps/pando/commands.h"

#include "apps/pando/client/nodes.h"
#include "apps/pando/client/talk.h"
#include "base/slice.h"
#include "crypto/sign.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN (256u << 10)
#define ID_DEFAULT   "9999" /* as the demo guide's client */

enum client_state { CLIENT_PAUSING, CLIENT_DIALING, CLIENT_ONLINE };

struct client {
    struct talk talk;
    struct nodes nodes;
    enum client_state state;
    int fd, signals;
    struct pando_time until; /* PAUSING, DIALING */
    struct pando_time leave_by;
    struct pando_span patience; /* after the input's end */
    bool prompt, input_ended, quit, interrupted, met_ever;
    struct pando_buf typed, heard;
};

static struct pando_time clock_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct pando_time){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec };
}

/* A line for the person; the prompt comes back under it. */
static void show(void *ctx, const char *line)
{
    const struct client *c = ctx;
    if (c->talk.json && line[0] != '{') { /* what is no delivery stays out of the JSON */
        (void)fprintf(stderr, "%s\n", line);
        return;
    }
    (void)printf(c->prompt ? "\r\033[K%s\n> " : "%s\n", line);
    (void)fflush(stdout);
}

static void show_node(struct client *c, const char *what)
{
    char line[340];
    (void)snprintf(line, sizeof line, "* %s %.255s:%.8s", what,
                   c->nodes.at[c->nodes.current].host, c->nodes.at[c->nodes.current].port);
    show(c, line);
}

static void hang_up(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    buf_reset(&c->heard);
    talk_down(&c->talk);
}

static void dial(struct client *c, struct pando_time now)
{
    c->fd = nodes_dial(&c->nodes);
    c->state = CLIENT_DIALING;
    c->until = c->fd < 0 ? now : pando_time_add(now, DIAL_LIMIT);
}

/* False: two rounds found nobody, and nobody was ever found. */
static bool failed(struct client *c, struct pando_time now)
{
    struct pando_span pause;
    hang_up(c);
    show_node(c, "Failed to connect to");
    const bool rounds_over = nodes_failed(&c->nodes, &pause);
    if (rounds_over && !c->met_ever)
        return false;
    c->state = CLIENT_PAUSING;
    c->until = pando_time_add(now, pause);
    return true;
}

static void lost(struct client *c, struct pando_time now, bool move)
{
    struct pando_span pause = { 0 };
    hang_up(c);
    show_node(c, "Connection lost to");
    if (move && c->nodes.len > 1)
        c->nodes.current = (c->nodes.current + 1) % c->nodes.len;
    c->state = CLIENT_PAUSING;
    c->until = pando_time_add(now, pause);
}

static void take_typed(struct client *c, char *line)
{
    line[strcspn(line, "\r")] = '\0';
    if (strcmp(line, "/quit") == 0) {
        c->quit = c->input_ended = true;
    } else if (strcmp(line, "/status") == 0) {
        talk_status(&c->talk);
    } else if (line[0] != '\0') {
        const enum pando_status st = talk_say(&c->talk, line);
        if (st == PANDO_INVALID)
            show(c, "! a message is UTF-8 text of at most 60000 bytes");
        else if (st != PANDO_OK)
            show(c, "! memory is out");
    } else if (c->prompt) {
        (void)printf("> ");
    }
    if (c->prompt && line[0] != '\0' && line[0] != '/')
        (void)printf("> ");
    (void)fflush(stdout);
}

/* Whole lines, as long as the queue has room. */
static void take_input(struct client *c)
{
    size_t at = 0;
    const uint8_t *end;
    while (!c->quit && c->talk.queue_len < TALK_QUEUE_MAX && at < c->typed.len &&
           (end = memchr(c->typed.ptr + at, '\n', c->typed.len - at)) != NULL) {
        char *line = (char *)c->typed.ptr + at;
        c->typed.ptr[end - c->typed.ptr] = '\0';
        at = (size_t)(end - c->typed.ptr) + 1;
        take_typed(c, line);
    }
    buf_consume(&c->typed, at);
}

static void read_keyboard(struct client *c)
{
    char bytes[8192];
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        c->input_ended = true;
        if (c->typed.len > 0 && buf_append(&c->typed, slice_text("\n")) == PANDO_OK)
            take_input(c); /* a last line without its newline */
    } else if (buf_append(&c->typed, slice_of(bytes, (size_t)got)) != PANDO_OK) {
        buf_reset(&c->typed);
        show(c, "! a message is UTF-8 text of at most 60000 bytes");
    }
    take_input(c);
}

/* False: the node is gone. */
static bool read_node(struct client *c, struct pando_time now)
{
    char bytes[16384];
    const ssize_t got = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0 || buf_append(&c->heard, slice_of(bytes, (size_t)got)) != PANDO_OK)
        return false;
    size_t at = 0;
    const uint8_t *end;
    while ((end = memchr(c->heard.ptr + at, '\n', c->heard.len - at)) != NULL) {
        const size_t len = (size_t)(end - c->heard.ptr) - at;
        talk_hear(&c->talk, now, slice_of(c->heard.ptr + at, len));
        at += len + 1;
    }
    buf_consume(&c->heard, at);
    if (c->talk.joined && !c->met_ever)
        show_node(c, "Connected to");
    c->met_ever |= c->talk.joined;
    if (c->talk.joined)
        nodes_succeeded(&c->nodes);
    return true;
}

static bool write_node(struct client *c)
{
    struct pando_buf *out = &c->talk.out;
    while (out->len > 0) {
        const ssize_t sent = send(c->fd, out->ptr, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent <= 0)
            return true;
        buf_consume(out, (size_t)sent);
    }
    return true;
}

/* What is due by the clock. False: nobody was ever found. */
static bool tick(struct client *c, struct pando_time now)
{
    if (c->state == CLIENT_PAUSING && pando_time_reached(c->until, now))
        dial(c, now);
    if (c->state == CLIENT_DIALING && pando_time_reached(c->until, now))
        return failed(c, now);
    const bool stuck = talk_is_stuck(&c->talk) && c->nodes.len > 1;
    if (c->state == CLIENT_ONLINE && (stuck || talk_is_silent(&c->talk, now)))
        lost(c, now, true);
    talk_tick(&c->talk, now);
    return true;
}

static bool online(struct client *c, struct pando_time now, short events)
{
    const bool again = c->met_ever;
    if (c->state == CLIENT_DIALING) {
        if (!nodes_is_connected(c->fd))
            return failed(c, now);
        c->state = CLIENT_ONLINE;
        talk_up(&c->talk, now);
        if (again)
            show_node(c, "Connected to");
        return true;
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0 || read_node(c, now))
        return true;
    if (!c->talk.joined) /* it took the connection and had no room for us */
        return failed(c, now);
    lost(c, now, false);
    return true;
}

static int wait_ms(const struct client *c, struct pando_time now)
{
    struct pando_time at = talk_deadline(&c->talk);
    if (c->state != CLIENT_ONLINE)
        at = pando_time_min(at, c->until);
    at = pando_time_min(at, c->leave_by);
    if (at.ns <= now.ns)
        return 0;
    const uint64_t ms = (at.ns - now.ns) / 1000000 + 1;
    return ms > 1000 ? 1000 : (int)ms;
}

/* One round of the loop. False: nobody was ever found. */
static bool turn(struct client *c)
{
    struct pando_time now = clock_now();
    const bool types = !c->input_ended && c->talk.queue_len < TALK_QUEUE_MAX;
    struct pollfd fds[3] = {
        { .fd = types ? STDIN_FILENO : -1, .events = POLLIN },
        { .fd = c->fd,
          .events = (short)(c->state == CLIENT_DIALING ? POLLOUT
                            : c->talk.out.len > 0      ? POLLIN | POLLOUT
                                                       : POLLIN) },
        { .fd = c->signals, .events = POLLIN },
    };
    if (poll(fds, 3, wait_ms(c, now)) < 0 && errno != EINTR)
        return false;
    now = clock_now();
    c->interrupted |= fds[2].revents != 0;
    if (fds[1].revents != 0 && c->fd >= 0 && !online(c, now, fds[1].revents))
        return false;
    if (fds[0].revents != 0)
        read_keyboard(c);
    take_input(c);
    if (!tick(c, now))
        return false;
    if (c->state == CLIENT_ONLINE && !write_node(c))
        lost(c, now, false);
    if (c->input_ended && c->leave_by.ns == UINT64_MAX)
        c->leave_by = pando_time_add(now, c->patience);
    return true;
}

static enum pando_status run(struct client *c, struct pando_err *reterr)
{
    while (!c->interrupted) {
        if (c->input_ended && c->typed.len == 0 && talk_is_settled(&c->talk) && c->met_ever)
            return PANDO_OK;
        if (pando_time_reached(c->leave_by, clock_now()))
            break;
        if (!turn(c))
            return pando_err_set(reterr, PANDO_UNAVAILABLE,
                                 "no node answers: is one running, and on this port?");
    }
    if (c->interrupted && c->prompt)
        (void)printf("\n");
    return c->talk.queue_len == 0
               ? PANDO_OK
               : pando_err_set(reterr, c->interrupted ? PANDO_CANCELLED : PANDO_TIMEOUT,
                               "%zu messages were not acknowledged", c->talk.queue_len);
}

static enum pando_status read_args(const struct args *args, struct client *c, int64_t *ret_id,
                                   struct pando_err *reterr)
{
    char first[300];
    const char *id = args_value(args, OPT_CLIENT_ID, ID_DEFAULT);
    const char *timeout = args_value(args, OPT_TIMEOUT, "30");
    char *end = NULL;
    const double seconds = strtod(timeout, &end);
    if (*end != '\0' || !(seconds > 0 && seconds <= 86400))
        return pando_err_set(reterr, PANDO_INVALID, "--timeout takes seconds, not '%.40s'",
                             timeout);
    if (id[0] == '\0' || strlen(id) > 15 || strspn(id, "0123456789") != strlen(id))
        return pando_err_set(reterr, PANDO_INVALID, "--client-id takes a number, not '%.40s'",
                             id);
    c->patience.ns = (uint64_t)(seconds * 1e9);
    *ret_id = strtoll(id, NULL, 10);
    const char *list = args_value(args, OPT_NODES, "");
    if (args_has(args, OPT_HOST) || args_has(args, OPT_PORT) || list[0] == '\0') {
        (void)snprintf(first, sizeof first, "%.255s:%.20s",
                       args_value(args, OPT_HOST, "127.0.0.1"),
                       args_value(args, OPT_PORT, "5001"));
        const enum pando_status st = nodes_add(&c->nodes, first, reterr);
        if (st != PANDO_OK)
            return st;
    }
    return nodes_add(&c->nodes, list, reterr);
}

enum pando_status run_client(const struct args *args, struct pando_err *reterr)
{
    struct client *c = calloc(1, sizeof *c);
    uint8_t session[8];
    sigset_t set;
    int64_t id = 0;
    if (c == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    enum pando_status st = read_args(args, c, &id, reterr);
    if (st == PANDO_OK)
        st = crypto_init();
    if (st != PANDO_OK) {
        free(c);
        return st;
    }
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    c->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    c->fd = -1;
    c->until.ns = 0;
    c->leave_by = PANDO_TIME_NEVER;
    c->prompt = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    buf_init(&c->typed, LINE_MAX_LEN);
    buf_init(&c->heard, LINE_MAX_LEN);
    crypto_random(session, sizeof session);
    talk_init(&c->talk, id, args_value(args, OPT_ROOM, "general"),
              args_value(args, OPT_TOKEN, ""), session);
    c->talk.ctx = c;
    c->talk.show = show;
    c->talk.json = args->json;
    st = run(c, reterr);
    hang_up(c);
    (void)close(c->signals);
    talk_deinit(&c->talk);
    buf_deinit(&c->typed);
    buf_deinit(&c->heard);
    free(c);
    return st;
}
