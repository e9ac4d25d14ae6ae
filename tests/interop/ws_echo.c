/* ws_echo.c - our end of the WebSocket interop suite, in both roles.
 *
 *   ws-echo [CERT KEY CA]            serve: print "listening PORT", echo every message until
 *                                    standard input ends
 *   ws-echo [CERT KEY CA] dial URL   dial, send messages of all sizes, expect each back, close
 *                                    with 1000; print "done" or what went wrong
 */
#include "base/slice.h"
#include "check.h"
#include "pipe_world.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct end {
    struct pipe_port port;
    bool serves;
    uint32_t pipe;
    bool open, closed;
    enum pando_status status;
    uint16_t code;
    char why[320];
    size_t expected, wrong;
    uint64_t got_bytes;
};

static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 1000000, PIPE_MESSAGE_MAX };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static char letter(size_t message, size_t at)
{
    return (char)('a' + (message * 7 + at) % 26);
}

static void take_back(struct end *e, struct pando_slice text)
{
    e->wrong += e->expected == SIZES || text.len != sizes[e->expected];
    for (size_t k = 0; e->wrong == 0 && k < text.len; k++)
        e->wrong += (char)text.ptr[k] != letter(e->expected, k);
    e->expected++;
}

static void on_event(void *ctx, const struct pipe_event *ev)
{
    struct end *e = ctx;
    if (ev->kind == PIPE_OPEN) {
        e->pipe = ev->pipe;
        e->open = true;
    }
    if (ev->kind == PIPE_TEXT) {
        const struct pando_slice text = bytes_view(ev->bytes);
        if (e->serves)
            e->port.ops->send(e->port.ctx, ev->pipe, bytes_ref(ev->bytes));
        else
            take_back(e, text);
        e->port.ops->digested(e->port.ctx, ev->pipe, text.len);
    }
    if (ev->kind == PIPE_CLOSED && !e->serves) {
        e->closed = true;
        e->status = ev->status;
        e->code = ev->code;
        (void)snprintf(e->why, sizeof e->why, "%s", ev->text);
    }
}

static void send_all(struct end *e)
{
    char *text = malloc(PIPE_MESSAGE_MAX);
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            text[k] = letter(i, k);
        e->port.ops->send(e->port.ctx, e->pipe, bytes_copy(slice_of(text, sizes[i])));
    }
    free(text);
}

static int finish(struct pipe_world *w, const char *what, bool good)
{
    (void)printf("%s\n", what);
    pipe_world_end(w);
    return good ? 0 : 1;
}

static int dial(struct pipe_world *w, struct end *e, const char *url)
{
    struct pando_err err = { 0 };
    if (e->port.ops->dial(e->port.ctx, slice_text(url), 1, &err) != PANDO_OK)
        return finish(w, err.text, false);
    while (!e->open && !e->closed)
        pipe_world_serve(w, 50);
    if (e->closed)
        return finish(w, e->why, false);
    send_all(e);
    while (e->expected < SIZES && !e->closed)
        pipe_world_serve(w, 50);
    e->port.ops->close(e->port.ctx, e->pipe, PIPE_CODE_NORMAL, "that was all");
    while (!e->closed)
        pipe_world_serve(w, 50);
    if (e->wrong > 0 || e->expected < SIZES)
        return finish(w, "an echo was wrong", false);
    return e->status == PANDO_OK && e->code == PIPE_CODE_NORMAL ? finish(w, "done", true)
                                                                : finish(w, e->why, false);
}

int main(int argc, char **argv)
{
    static struct pipe_world world;
    static struct end ends[2];
    struct pipe_world_config config = { .sinks = { { &ends[0], on_event },
                                                   { &ends[1], on_event } } };
    int at = 1;
    if (argc >= 4 && strcmp(argv[1], "dial") != 0) {
        config.tls_cert = argv[1];
        config.tls_key = argv[2];
        config.ca = argv[3];
        at = 4;
    }
    pipe_world_begin(&world, &config);
    for (int i = 0; i < 2; i++)
        ends[i].port = ws_port(world.machines[i].ws);
    ends[0].serves = true;
    if (argc >= at + 2)
        return dial(&world, &ends[1], argv[at + 1]);
    (void)printf("listening %u\n", api_port(world.machines[0].api));
    (void)fflush(stdout);
    for (;;) {
        struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
        pipe_world_serve(&world, 20);
        if (poll(&in, 1, 0) > 0)
            return finish(&world, "bye", true);
    }
}
