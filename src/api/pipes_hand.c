#include "pipes_hand.h"

#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_event(void *ctx, const struct pipe_event *ev)
{
    struct hand_owner *o = ctx;
    o->opened += ev->kind == PIPE_OPEN;
    o->closed += ev->kind == PIPE_CLOSED;
    if (ev->kind == PIPE_OPEN)
        o->pipe = ev->pipe;
    if (ev->kind == PIPE_TEXT) {
        o->texts++;
        (void)snprintf(o->last, sizeof o->last, "%.*s",
                       (int)bytes_view(ev->bytes).len % 40,
                       (const char *)bytes_view(ev->bytes).ptr);
    }
    if (ev->kind == PIPE_CLOSED) {
        o->status = ev->status;
        o->code = ev->code;
        (void)snprintf(o->why, sizeof o->why, "%s", ev->text);
    }
}

struct hand *hand_begin_with(struct pipe_world_config config)
{
    struct hand *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    config.sinks[0] = config.sinks[1] = (struct pipe_sink){ &f->owner, on_event };
    pipe_world_begin(&f->world, &config);
    return f;
}

struct hand *hand_begin(void)
{
    return hand_begin_with((struct pipe_world_config){
        .host = "page.example", .origin = "http://localhost:8000" });
}

void hand_finish(struct hand *f, int fd)
{
    if (fd >= 0)
        (void)close(fd);
    for (int i = 0; i < 10; i++)
        pipe_world_serve(&f->world, 1);
    pipe_world_end(&f->world);
    free(f);
}

void hand_put(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        const ssize_t sent = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return; /* they hung up on us, or take no more now */
        at += sent;
        len -= (size_t)sent;
    }
}

void hand_put_text(int fd, const char *text)
{
    hand_put(fd, text, strlen(text));
}

void hand_turn(struct hand *f, int fd)
{
    pipe_world_serve(&f->world, 5);
    while (!f->ended && f->seen_len < HAND_SEEN) {
        const ssize_t got =
            recv(fd, f->seen + f->seen_len, HAND_SEEN - f->seen_len, MSG_DONTWAIT);
        f->ended = got == 0 || (got < 0 && errno != EAGAIN);
        if (got <= 0)
            return;
        f->seen_len += (size_t)got;
    }
}

void hand_await(struct hand *f, int fd, const char *text)
{
    for (int i = 0; i < 2000; i++) {
        if (text == NULL
                ? f->ended
                : f->seen_len > 0 && memmem(f->seen, f->seen_len, text, strlen(text)))
            return;
        hand_turn(f, fd);
    }
    print_error("saw '%.*s'\n", (int)f->seen_len, (const char *)f->seen);
    fail();
}

int hand_upgrade(struct hand *f)
{
    const int fd = pipe_world_connect(&f->world, 0);
    hand_put_text(fd, ASK(""));
    hand_await(f, fd, "\r\n\r\n");
    CHECK_EQ(f->owner.opened, 1);
    f->seen_len = 0;
    return fd;
}
