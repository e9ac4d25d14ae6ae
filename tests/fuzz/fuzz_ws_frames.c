/* WebSocket frames from anybody, in either role and in pieces of any size: no crash, messages
 * within the cap and UTF-8, nothing after the end; and what is cut otherwise says the same. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/cbor_utf8.h"
#include "ws/frames.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 5000, EVENTS = 64 };

/* What was said, in a few words. */
struct story {
    size_t len;
    uint64_t facts[EVENTS];
};

static void tell(struct story *s, uint64_t fact)
{
    if (s->len < EVENTS)
        s->facts[s->len++] = fact;
}

static void play(enum ws_role role, struct pando_slice bytes, size_t step, struct story *ret)
{
    struct ws_frames *f;
    struct pando_buf out;
    bool over = false;
    buf_init(&out, 1u << 16);
    if (ws_frames_new(role, MOST, 1, &f) != PANDO_OK)
        return;
    for (size_t at = 0; at < bytes.len; at += step) {
        const size_t len = bytes.len - at < step ? bytes.len - at : step;
        struct ws_event ev;
        ws_frames_feed(f, slice_of(bytes.ptr + at, len));
        while (ws_frames_next(f, (struct pando_time){ 1 }, &ev)) {
            PANDO_ASSERT(!over);
            over = ev.kind != WS_TEXT;
            if (ev.kind == WS_TEXT) {
                const struct pando_slice text = bytes_view(ev.bytes);
                PANDO_ASSERT(text.len <= MOST && cbor_utf8_valid(text));
                tell(ret, text.len);
                bytes_unref(ev.bytes);
            } else {
                tell(ret, (uint64_t)ev.kind << 32 | ev.code);
            }
        }
        PANDO_ASSERT(ws_frames_left(f).len == 0);
        PANDO_ASSERT(ws_frames_put_pong(f, &out) == PANDO_OK);
        buf_reset(&out);
    }
    ws_frames_free(f);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const enum ws_role role = (data[0] & 1) != 0 ? WS_CLIENT : WS_SERVER;
    const struct pando_slice bytes = slice_of(data + 2, size - 2);
    struct story whole = { 0 }, pieces = { 0 };
    play(role, bytes, bytes.len + 1, &whole);
    play(role, bytes, 1 + (size_t)data[1], &pieces);
    PANDO_ASSERT(whole.len == pieces.len &&
                 memcmp(whole.facts, pieces.facts, sizeof whole.facts) == 0);
    return 0;
}
