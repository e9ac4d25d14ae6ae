/* conn.c - an open connection: reading, writing, and the close in good order. */
#include "ws/ws_impl.h"

#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define READS_PER_TURN  4
#define WRITES_PER_TURN 8
#define WRITE_BLOCK     (256u << 10)
#define KEEP            (256u << 10) /* capacity that a drained queue keeps */
#define LAST_WORDS      PANDO_SEC(2) /* for the other side to read why */

static struct pando_span half(struct pando_span s)
{
    return (struct pando_span){ s.ns / 2 };
}

static void emit(struct ws_conn *c, const struct pipe_event *event)
{
    c->ws->config.sink.event(c->ws->config.sink.ctx, event);
}

/* The node hears of an end once. */
static void tell(struct ws_conn *c, enum pando_status status, uint16_t code, const char *text)
{
    if (c->told)
        return;
    c->told = true;
    emit(c, &(struct pipe_event){ .kind = PIPE_CLOSED,
                                  .pipe = c->pipe,
                                  .dial = PIPE_INBOUND,
                                  .status = status,
                                  .code = code,
                                  .text = text });
}

static enum pando_status status_of(uint16_t code)
{
    switch (code) {
    case PIPE_CODE_NORMAL:
    case PIPE_CODE_ABSENT:
        return PANDO_OK;
    case PIPE_CODE_PROTOCOL:
    case PIPE_CODE_KIND:
    case PIPE_CODE_TEXT:
        return PANDO_MALFORMED;
    case PIPE_CODE_POLICY:
        return PANDO_REFUSED;
    case PIPE_CODE_SIZE:
        return PANDO_FULL;
    default:
        return PANDO_UNAVAILABLE;
    }
}

static size_t unsent(const struct ws_conn *c)
{
    return c->out.len - c->out_taken;
}

/* Nothing goes any more; the slot is given back when the turn ends. */
static void lost(struct ws_conn *c, enum pando_status status, const char *text)
{
    c->broken = true;
    tell(c, status, 0, text);
    ws_conn_touch(c);
}

static void begin_end(struct ws_conn *c)
{
    c->state = WS_ENDING;
    c->end_by = pando_time_add(c->ws->now, WS_CLOSE_LIMIT);
    ws_alarm(c->ws, c->slot, c->end_by);
    ws_conn_touch(c);
}

/* Say goodbye behind what is queued. */
static void part(struct ws_conn *c, uint16_t code, const char *reason)
{
    if (c->goodbye)
        return;
    c->goodbye = true;
    if (ws_frames_put_close(c->frames, code, reason, &c->out) != PANDO_OK)
        c->broken = true;
    begin_end(c);
}

enum pando_status conn_open(struct ws_conn *c, enum ws_role role, struct pando_slice extra,
                            uint64_t dial, const char *path)
{
    struct ws *w = c->ws;
    enum pando_status st =
        ws_frames_new(role, PIPE_MESSAGE_MAX, rng_next(&w->rng), &c->frames);
    if (st == PANDO_OK)
        st = buf_append(&c->in, extra);
    if (st != PANDO_OK)
        return st;
    c->state = WS_OPEN;
    c->heard = c->moved = w->now;
    ws_alarm(w, c->slot, conn_deadline(c));
    ws_conn_touch(c);
    emit(c, &(struct pipe_event){
                .kind = PIPE_OPEN, .pipe = c->pipe, .dial = dial, .text = c->remote, .path = path });
    return PANDO_OK;
}

static void take_event(struct ws_conn *c, const struct ws_event *ev)
{
    if (ev->kind == WS_TEXT) {
        if (c->state == WS_OPEN) {
            c->held += bytes_view(ev->bytes).len;
            emit(c, &(struct pipe_event){
                        .kind = PIPE_TEXT, .pipe = c->pipe, .bytes = ev->bytes });
        }
        bytes_unref(ev->bytes);
        return;
    }
    const bool theirs = ev->kind == WS_CLOSE;
    c->answered = true;
    if (!theirs) {
        trace(c->ws->config.tracer, TRACE_API, TRACE_WARNING, "%s: %s (close %u)", c->remote,
              ev->text, ev->code);
    }
    tell(c, c->goodbye && theirs ? PANDO_OK : status_of(ev->code), ev->code,
         ev->text[0] != '\0' ? ev->text : "closed by the other side");
    part(c, ev->code, theirs ? "" : ev->text);
    ws_conn_touch(c);
}

static bool is_full(const struct ws_conn *c)
{
    return c->state == WS_OPEN && c->held > PIPE_HELD_MAX;
}

/* All unfinished messages share one wall: whoever stands beyond it goes. */
static void weigh(struct ws_conn *c)
{
    struct ws *w = c->ws;
    w->assembled += ws_frames_hold(c->frames);
    w->assembled -= c->assembled;
    c->assembled = ws_frames_hold(c->frames);
    if (w->assembled <= WS_ASSEMBLED_MAX || c->state != WS_OPEN)
        return;
    static const char why[] = "too much is being received: try again later";
    c->answered = true;
    tell(c, PANDO_FULL, PIPE_CODE_LATER, why);
    part(c, PIPE_CODE_LATER, why);
}

/* What was read becomes messages, as far as the node digests them. */
static void take(struct ws_conn *c, struct pando_slice bytes)
{
    struct ws_event ev;
    ws_frames_feed(c->frames, bytes);
    while (!is_full(c) && ws_frames_next(c->frames, c->ws->now, &ev))
        take_event(c, &ev);
    weigh(c);
}

/* Bytes that wait since reading stopped. */
static void take_kept(struct ws_conn *c)
{
    if (is_full(c))
        return;
    take(c, buf_view(&c->in));
    buf_consume(&c->in, c->in.len - ws_frames_left(c->frames).len);
    ws_frames_feed(c->frames, SLICE_EMPTY);
    if (c->in.len == 0)
        buf_deinit(&c->in);
}

static void keep_rest(struct ws_conn *c)
{
    const struct pando_slice left = ws_frames_left(c->frames);
    if (left.len > 0 && buf_append(&c->in, left) != PANDO_OK)
        lost(c, PANDO_NOMEM, "memory is out");
    ws_frames_feed(c->frames, SLICE_EMPTY);
}

static void receive(struct ws_conn *c)
{
    struct ws *w = c->ws;
    for (int i = 0; i < READS_PER_TURN && !c->broken && !is_full(c) && c->in.len == 0; i++) {
        if (w->budget < sizeof w->block)
            return; /* its turn comes: the socket stays ready */
        const ssize_t got = recv(c->fd, w->block, sizeof w->block, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            lost(c, c->goodbye ? PANDO_OK : PANDO_UNAVAILABLE,
                 got == 0 ? "the connection ended without a close" : strerror(errno));
            return;
        }
        w->budget -= (size_t)got;
        c->heard = w->now;
        c->pinged = false;
        if (c->answered)
            continue; /* whatever follows a close is of no interest */
        take(c, slice_of(w->block, (size_t)got));
        keep_rest(c);
        if ((size_t)got < sizeof w->block)
            return;
    }
}

/* The part of the owed bytes that `sent` of `before` queued ones stand for. */
static void give_credit(struct ws_conn *c, size_t sent, size_t before)
{
    const uint64_t share = sent == before
                               ? c->owed
                               : (uint64_t)((double)c->owed * (double)sent / (double)before);
    c->owed -= share;
    if (share > 0 && !c->told && c->state == WS_OPEN)
        emit(c, &(struct pipe_event){ .kind = PIPE_CREDIT, .pipe = c->pipe, .value = share });
}

static void forget_sent(struct ws_conn *c)
{
    if (unsent(c) == 0) {
        if (c->out.cap > KEEP)
            buf_deinit(&c->out);
        buf_reset(&c->out);
        c->out_taken = 0;
    } else if (c->out_taken > c->out.len / 2) {
        buf_consume(&c->out, c->out_taken);
        c->out_taken = 0;
    }
}

static void flush(struct ws_conn *c)
{
    const size_t before = unsent(c);
    for (int i = 0; i < WRITES_PER_TURN && unsent(c) > 0; i++) {
        const size_t some = unsent(c) < WRITE_BLOCK ? unsent(c) : WRITE_BLOCK;
        const ssize_t sent = send(c->fd, c->out.ptr + c->out_taken, some, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            lost(c, c->goodbye ? PANDO_OK : PANDO_UNAVAILABLE, "the connection is gone");
            return;
        }
        if (sent <= 0)
            break;
        c->out_taken += (size_t)sent;
        c->moved = c->ws->now;
    }
    const size_t after = unsent(c);
    forget_sent(c);
    if (after < before)
        give_credit(c, before - after, before);
}

/* Both have said goodbye: end our half, and wait until the other side has read it. */
static void shut_down(struct ws_conn *c)
{
    if (c->shut || !c->goodbye || !c->answered || unsent(c) > 0)
        return;
    c->shut = true;
    (void)shutdown(c->fd, SHUT_WR);
    c->end_by = pando_time_add(c->ws->now, LAST_WORDS);
    ws_alarm(c->ws, c->slot, c->end_by);
}

void conn_settle(struct ws_conn *c)
{
    if (!c->broken && c->in.len > 0)
        take_kept(c);
    if (!c->broken && !c->goodbye && ws_frames_owes_pong(c->frames) &&
        ws_frames_put_pong(c->frames, &c->out) != PANDO_OK)
        c->broken = true;
    if (!c->broken)
        flush(c);
    if (!c->broken)
        shut_down(c);
    if (c->broken) {
        tell(c, c->overrun ? PANDO_FULL : PANDO_UNAVAILABLE, 0,
             c->overrun ? "the other side reads too slowly: 18 MiB wait for it"
                        : "the connection is gone");
        ws_conn_free(c);
        return;
    }
    const bool reads = !is_full(c) && c->in.len == 0;
    ws_conn_watch(c, (reads ? WS_READABLE : 0) | (unsent(c) > 0 ? WS_WRITABLE : 0));
}

void conn_ready(struct ws_conn *c, unsigned events)
{
    if ((events & WS_READABLE) != 0)
        receive(c);
    ws_conn_touch(c);
}

void conn_send(struct ws_conn *c, struct pando_slice text)
{
    if (unsent(c) == 0)
        c->moved = c->ws->now;
    if (c->out.len + text.len + 64 > PIPE_QUEUED_MAX) { /* what has left makes room */
        buf_consume(&c->out, c->out_taken);
        c->out_taken = 0;
    }
    const enum pando_status st = c->out.len - c->out_taken + text.len > PIPE_QUEUED_MAX - 64
                                     ? PANDO_FULL
                                     : ws_frames_put_text(c->frames, text, &c->out);
    if (st == PANDO_OK) {
        c->owed += text.len;
        ws_conn_touch(c);
        return;
    }
    c->overrun = c->broken = true; /* told by the next tick: no operation calls back */
    ws_conn_touch(c);
}

void conn_close(struct ws_conn *c, uint16_t code, const char *reason)
{
    part(c, code, reason);
}

struct pando_time conn_deadline(const struct ws_conn *c)
{
    if (c->state == WS_ENDING)
        return c->end_by;
    const struct pando_span silence = c->pinged ? PIPE_IDLE_LIMIT : half(PIPE_IDLE_LIMIT);
    struct pando_time at = pando_time_add(c->heard, silence);
    if (unsent(c) > 0)
        at = pando_time_min(at, pando_time_add(c->moved, WS_STALL_LIMIT));
    return at;
}

void conn_expire(struct ws_conn *c)
{
    const struct pando_time now = c->ws->now;
    if (is_full(c)) /* its silence is our doing */
        c->heard = now;
    if (!pando_time_reached(conn_deadline(c), now)) {
        ws_alarm(c->ws, c->slot, conn_deadline(c));
        return;
    }
    if (c->state == WS_ENDING) {
        lost(c, c->goodbye ? PANDO_OK : PANDO_TIMEOUT, "closed by this node");
        return;
    }
    if (unsent(c) > 0 && pando_time_reached(pando_time_add(c->moved, WS_STALL_LIMIT), now)) {
        lost(c, PANDO_TIMEOUT, "the other side takes nothing: it was cut after 30 s");
        return;
    }
    if (c->pinged) {
        lost(c, PANDO_TIMEOUT, "the other side was silent for 60 s, a ping included");
        return;
    }
    c->pinged = true;
    if (unsent(c) == 0)
        c->moved = now; /* the ping begins to wait */
    if (ws_frames_put_ping(c->frames, &c->out) != PANDO_OK)
        c->broken = true;
    ws_alarm(c->ws, c->slot, conn_deadline(c));
    ws_conn_touch(c);
}
