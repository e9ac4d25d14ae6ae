/* frames.h - one WebSocket connection as an engine: bytes in, messages out, and back.
 *
 * RFC 6455 after the upgrade, in either role, over wslay's frames: text messages only, at
 * most `message_max` bytes however they are cut, masks as the role demands, UTF-8, no
 * extension. Pings are answered by the last one's pong (section 5.5.3), so that a flood of
 * them costs one pong; WS_IDLE_FRAMES of frames without content in one second are a fault.
 *
 * The caller feeds bytes and takes events until there are none. After WS_CLOSE or WS_FAIL
 * nothing more is read. Pure: no clock and no socket; masks come from the seed.
 */
#ifndef WS_FRAMES_H
#define WS_FRAMES_H

#include "base/buf.h"
#include "base/bytes.h"

#define WS_IDLE_FRAMES 256

struct ws_frames;

enum ws_role { WS_SERVER, WS_CLIENT };

enum ws_event_kind {
    WS_TEXT,  /* bytes: a reference that is the caller's */
    WS_CLOSE, /* code, text: what the other side said */
    WS_FAIL,  /* code to close with, text: the rule that was broken */
};

struct ws_event {
    enum ws_event_kind kind;
    uint16_t code;
    struct bytes *bytes;
    const char *text; /* valid until the next call */
};

/* Errors: PANDO_NOMEM. */
enum pando_status ws_frames_new(enum ws_role role, size_t message_max, uint64_t seed,
                                struct ws_frames **ret) PANDO_MUST_USE;
void ws_frames_free(struct ws_frames *f);

/* Give it bytes, borrowed until they are taken; those of before must be. */
void ws_frames_feed(struct ws_frames *f, struct pando_slice bytes);
/* The next event, or false: everything fed was taken. */
bool ws_frames_next(struct ws_frames *f, struct pando_time now, struct ws_event *ret);
/* What was fed and not taken yet (an owner that pauses keeps it). */
struct pando_slice ws_frames_left(const struct ws_frames *f);

/* Memory that an unfinished message takes. */
size_t ws_frames_hold(const struct ws_frames *f);

/* Append one whole message as a frame. Errors: PANDO_FULL, PANDO_NOMEM. */
enum pando_status ws_frames_put_text(struct ws_frames *f, struct pando_slice text,
                                     struct pando_buf *out) PANDO_MUST_USE;
enum pando_status ws_frames_put_ping(struct ws_frames *f, struct pando_buf *out) PANDO_MUST_USE;
/* A close frame; PIPE_CODE_ABSENT: without a code. A long reason is cut. */
enum pando_status ws_frames_put_close(struct ws_frames *f, uint16_t code, const char *reason,
                                      struct pando_buf *out) PANDO_MUST_USE;
/* The pong that is due, if one is. */
enum pando_status ws_frames_put_pong(struct ws_frames *f, struct pando_buf *out) PANDO_MUST_USE;
bool ws_frames_owes_pong(const struct ws_frames *f);

#endif
