#include "ws/frames.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/cbor_utf8.h"
#include "net/pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#define CONTROL_MAX  125
#define KEEP         (64u << 10) /* capacity that an assembled message leaves behind */
#define FLOOD_WINDOW PANDO_SEC(1)

struct ws_frames {
    wslay_frame_context_ptr wslay;
    enum ws_role role;
    size_t message_max;
    struct rng rng;
    struct pando_slice in;
    struct pando_buf *out; /* of the put under way */
    enum pando_status put;
    bool midway;     /* in a frame whose payload goes on */
    bool in_message; /* fragments of a message came, the last one not */
    bool over;
    bool owes_pong;
    uint64_t frame_got;
    uint8_t control[CONTROL_MAX], pong[CONTROL_MAX];
    size_t pong_len;
    struct pando_buf message;
    struct pando_time window; /* of counting idle frames: its start */
    unsigned idle_frames;
    char text[PIPE_REASON_MAX + 1];
};

static ssize_t on_want(uint8_t *buf, size_t len, int flags, void *user)
{
    struct ws_frames *f = user;
    (void)flags;
    const size_t some = len < f->in.len ? len : f->in.len;
    if (some == 0)
        return -1;
    memcpy(buf, f->in.ptr, some);
    f->in = slice_from(f->in, some);
    return (ssize_t)some;
}

static ssize_t on_made(const uint8_t *data, size_t len, int flags, void *user)
{
    struct ws_frames *f = user;
    (void)flags;
    f->put = buf_append(f->out, slice_of(data, len));
    return f->put == PANDO_OK ? (ssize_t)len : -1;
}

static int on_mask(uint8_t *buf, size_t len, void *user)
{
    struct ws_frames *f = user;
    rng_fill(&f->rng, buf, len);
    return 0;
}

enum pando_status ws_frames_new(enum ws_role role, size_t message_max, uint64_t seed,
                                struct ws_frames **ret)
{
    static const struct wslay_frame_callbacks callbacks = { on_made, on_want, on_mask };
    struct ws_frames *f = calloc(1, sizeof *f);
    if (f == NULL || wslay_frame_context_init(&f->wslay, &callbacks, f) != 0) {
        free(f);
        return PANDO_NOMEM;
    }
    f->role = role;
    f->message_max = message_max;
    f->rng = rng_seeded(seed);
    buf_init(&f->message, message_max);
    *ret = f;
    return PANDO_OK;
}

void ws_frames_free(struct ws_frames *f)
{
    if (f == NULL)
        return;
    wslay_frame_context_free(f->wslay);
    buf_deinit(&f->message);
    free(f);
}

void ws_frames_feed(struct ws_frames *f, struct pando_slice bytes)
{
    f->in = bytes;
}

struct pando_slice ws_frames_left(const struct ws_frames *f)
{
    return f->in;
}

size_t ws_frames_hold(const struct ws_frames *f)
{
    return f->message.cap;
}

static bool fail(struct ws_frames *f, uint16_t code, const char *text, struct ws_event *ret)
{
    f->over = true;
    (void)snprintf(f->text, sizeof f->text, "%s", text);
    *ret = (struct ws_event){ .kind = WS_FAIL, .code = code, .text = f->text };
    return true;
}

static bool floods(struct ws_frames *f, struct pando_time now)
{
    if (pando_time_since(now, f->window).ns >= FLOOD_WINDOW.ns) {
        f->window = now;
        f->idle_frames = 0;
    }
    return ++f->idle_frames > WS_IDLE_FRAMES;
}

/* The head of a frame is here. True: it breaks a rule. */
static bool begin(struct ws_frames *f, struct pando_time now,
                  const struct wslay_frame_iocb *io, struct ws_event *ret)
{
    const bool control = wslay_is_ctrl_frame(io->opcode) != 0;
    f->frame_got = 0;
    if (io->rsv != 0)
        return fail(f, PIPE_CODE_PROTOCOL, "a reserved bit is set; no extension was agreed", ret);
    if ((io->mask != 0) != (f->role == WS_SERVER))
        return fail(f, PIPE_CODE_PROTOCOL,
                    f->role == WS_SERVER ? "a client masks its frames"
                                         : "a server does not mask its frames",
                    ret);
    if (io->opcode == WSLAY_BINARY_FRAME)
        return fail(f, PIPE_CODE_KIND, "text messages only", ret);
    if (io->opcode > WSLAY_PONG || (io->opcode > WSLAY_BINARY_FRAME && !control))
        return fail(f, PIPE_CODE_PROTOCOL, "unknown kind of frame", ret);
    if (!control && (io->opcode == WSLAY_CONTINUATION_FRAME) != f->in_message)
        return fail(f, PIPE_CODE_PROTOCOL,
                    f->in_message ? "a message began within another"
                                  : "a message goes on that never began",
                    ret);
    if (!control && io->payload_length > f->message_max - f->message.len)
        return fail(f, PIPE_CODE_SIZE, "the message is too big", ret);
    if ((control || (io->payload_length == 0 && io->fin == 0)) && floods(f, now))
        return fail(f, PIPE_CODE_POLICY, "too many frames without content", ret);
    return false;
}

static bool code_is_legal(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static bool take_close(struct ws_frames *f, size_t len, struct ws_event *ret)
{
    const unsigned code =
        len >= 2 ? (unsigned)f->control[0] << 8 | f->control[1] : PIPE_CODE_ABSENT;
    if (len == 1 || (len >= 2 && !code_is_legal(code)))
        return fail(f, PIPE_CODE_PROTOCOL, "the close code is none", ret);
    const struct pando_slice reason = slice_from(slice_of(f->control, len), 2);
    if (!cbor_utf8_valid(reason))
        return fail(f, PIPE_CODE_TEXT, "the close reason is not UTF-8", ret);
    f->over = true;
    (void)snprintf(f->text, sizeof f->text, "%.*s", (int)reason.len,
                   reason.len > 0 ? (const char *)reason.ptr : "");
    *ret = (struct ws_event){ .kind = WS_CLOSE, .code = (uint16_t)code, .text = f->text };
    return true;
}

/* A whole control frame lies in `control`. True: with an event. */
static bool take_control(struct ws_frames *f, uint8_t opcode, size_t len, struct ws_event *ret)
{
    if (opcode == WSLAY_CONNECTION_CLOSE)
        return take_close(f, len, ret);
    if (opcode == WSLAY_PING) {
        memcpy(f->pong, f->control, len);
        f->pong_len = len;
        f->owes_pong = true;
    }
    return false;
}

static bool take_message(struct ws_frames *f, struct pando_slice whole, struct ws_event *ret)
{
    if (!cbor_utf8_valid(whole))
        return fail(f, PIPE_CODE_TEXT, "the message is not UTF-8", ret);
    struct bytes *bytes = bytes_copy(whole);
    if (f->message.cap > KEEP)
        buf_deinit(&f->message);
    buf_reset(&f->message);
    if (bytes == NULL)
        return fail(f, PIPE_CODE_INTERNAL, "memory is out", ret);
    *ret = (struct ws_event){ .kind = WS_TEXT, .bytes = bytes };
    return true;
}

/* A piece of a frame's payload. True: with an event. */
static bool take_piece(struct ws_frames *f, const struct wslay_frame_iocb *io,
                       struct ws_event *ret)
{
    const struct pando_slice piece = slice_of(io->data, io->data_length);
    const bool ends = f->frame_got + piece.len == io->payload_length;
    if (wslay_is_ctrl_frame(io->opcode)) {
        if (piece.len > 0)
            memcpy(f->control + f->frame_got, piece.ptr, piece.len);
        f->frame_got += piece.len;
        return ends && take_control(f, io->opcode, (size_t)f->frame_got, ret);
    }
    const bool whole = ends && io->fin != 0;
    if (whole && f->frame_got == 0 && f->message.len == 0) {
        f->in_message = false;
        return take_message(f, piece, ret); /* as most are: it never lay elsewhere */
    }
    f->frame_got += piece.len;
    if (buf_append(&f->message, piece) != PANDO_OK)
        return fail(f, PIPE_CODE_INTERNAL, "memory is out", ret);
    f->in_message = !whole;
    return whole && take_message(f, buf_view(&f->message), ret);
}

bool ws_frames_next(struct ws_frames *f, struct pando_time now, struct ws_event *ret)
{
    while (!f->over) {
        struct wslay_frame_iocb io = { 0 };
        const ssize_t got = wslay_frame_recv(f->wslay, &io);
        if (got == WSLAY_ERR_WANT_READ) {
            if (f->in.len == 0)
                return false;
            continue;
        }
        if (got < 0)
            return fail(f, PIPE_CODE_PROTOCOL, "the frame is malformed", ret);
        if (!f->midway && begin(f, now, &io, ret))
            return true;
        f->midway = f->frame_got + io.data_length < io.payload_length;
        if (take_piece(f, &io, ret))
            return true;
    }
    f->in = SLICE_EMPTY;
    return false;
}

static enum pando_status put(struct ws_frames *f, uint8_t opcode, struct pando_slice payload,
                             struct pando_buf *out)
{
    static const uint8_t none[1];
    struct wslay_frame_iocb io = {
        .fin = 1,
        .opcode = opcode,
        .mask = f->role == WS_CLIENT,
        .payload_length = payload.len,
        .data = payload.len > 0 ? payload.ptr : none,
        .data_length = payload.len,
    };
    /* A frame is put whole or not at all: its head must not promise what does not follow. */
    const enum pando_status st = buf_reserve(out, payload.len + 14);
    if (st != PANDO_OK)
        return st;
    f->out = out;
    f->put = PANDO_OK;
    do {
        const ssize_t sent = wslay_frame_send(f->wslay, &io);
        if (sent < 0)
            return f->put != PANDO_OK ? f->put : PANDO_NOMEM;
        io.data += sent;
        io.data_length -= (size_t)sent;
    } while (io.data_length > 0);
    return PANDO_OK;
}

enum pando_status ws_frames_put_text(struct ws_frames *f, struct pando_slice text,
                                     struct pando_buf *out)
{
    return put(f, WSLAY_TEXT_FRAME, text, out);
}

enum pando_status ws_frames_put_ping(struct ws_frames *f, struct pando_buf *out)
{
    return put(f, WSLAY_PING, SLICE_EMPTY, out);
}

/* The longest prefix of at most `max` bytes that does not cut a character. */
static size_t whole_characters(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len <= max)
        return len;
    for (len = max; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80;)
        len--;
    return len;
}

enum pando_status ws_frames_put_close(struct ws_frames *f, uint16_t code, const char *reason,
                                      struct pando_buf *out)
{
    uint8_t payload[CONTROL_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
    if (code == PIPE_CODE_ABSENT)
        return put(f, WSLAY_CONNECTION_CLOSE, SLICE_EMPTY, out);
    const size_t len = reason == NULL ? 0 : whole_characters(reason, PIPE_REASON_MAX);
    if (len > 0)
        memcpy(payload + 2, reason, len);
    return put(f, WSLAY_CONNECTION_CLOSE, slice_of(payload, len + 2), out);
}

bool ws_frames_owes_pong(const struct ws_frames *f)
{
    return f->owes_pong;
}

enum pando_status ws_frames_put_pong(struct ws_frames *f, struct pando_buf *out)
{
    if (!f->owes_pong)
        return PANDO_OK;
    f->owes_pong = false;
    return put(f, WSLAY_PONG, slice_of(f->pong, f->pong_len), out);
}
