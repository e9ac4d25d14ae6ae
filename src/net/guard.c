#include "net/guard.h"

#include <string.h>

/* A QUIC variable-length integer. A failed read leaves zeros and sticks. */
struct walk {
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

static uint64_t take_int(struct walk *w)
{
    if (w->failed || w->at >= w->end) {
        w->failed = true;
        return 0;
    }
    const size_t size = (size_t)1 << (*w->at >> 6);
    if ((size_t)(w->end - w->at) < size) {
        w->failed = true;
        return 0;
    }
    uint64_t value = *w->at & 0x3f;
    for (size_t i = 1; i < size; i++)
        value = value << 8 | w->at[i];
    w->at += size;
    return value;
}

static void skip_bytes(struct walk *w, uint64_t len)
{
    if (w->failed || (uint64_t)(w->end - w->at) < len)
        w->failed = true;
    else
        w->at += len;
}

static void skip_ints(struct walk *w, uint64_t count)
{
    for (uint64_t i = 0; i < count && !w->failed; i++)
        (void)take_int(w);
}

static void skip_ack(struct walk *w, bool ecn)
{
    skip_ints(w, 2);
    const uint64_t ranges = take_int(w);
    skip_ints(w, 1);
    if (ranges > (uint64_t)(w->end - w->at)) /* each range takes two bytes or more */
        w->failed = true;
    skip_ints(w, 2 * ranges);
    if (ecn)
        skip_ints(w, 3);
}

/* STREAM: id, [offset], [length], data; without a length it fills the packet. */
static void skip_stream(struct walk *w, uint8_t type)
{
    skip_ints(w, (type & 0x04) ? 2 : 1);
    if (type & 0x02)
        skip_bytes(w, take_int(w));
    else
        w->at = w->end;
}

static bool handle_new_connection_id(struct walk *w, uint8_t *frame, uint64_t *highest)
{
    const uint64_t seq = take_int(w);
    const uint64_t retire_prior_to = take_int(w);
    const uint64_t cid_len = w->at < w->end ? *w->at : 0;
    skip_bytes(w, 1 + cid_len + 16);
    if (w->failed)
        return false;
    if (retire_prior_to > *highest)
        *highest = retire_prior_to;
    if (seq >= *highest)
        return false;
    memset(frame, 0, (size_t)(w->at - frame)); /* PADDING */
    return true;
}

static void note_stop_sending(struct walk *w, struct guard_stops *stops)
{
    const uint64_t id = take_int(w);
    (void)take_int(w);
    if (!w->failed && stops->len < GUARD_STOPS_MAX)
        stops->ids[stops->len++] = (int64_t)id;
}

static void skip_close(struct walk *w, bool transport)
{
    skip_ints(w, transport ? 2 : 1);
    skip_bytes(w, take_int(w));
}

/* Step over one frame of a type that is never touched. */
static void skip_frame(struct walk *w, uint8_t type)
{
    switch (type) {
    case 0x00: case 0x01: case 0x1e: return; /* PADDING, PING, HANDSHAKE_DONE */
    case 0x02: case 0x03: skip_ack(w, type == 0x03); return;
    case 0x04: skip_ints(w, 3); return;            /* RESET_STREAM */
    case 0x11: case 0x15: skip_ints(w, 2); return;
    case 0x06: skip_ints(w, 1); skip_bytes(w, take_int(w)); return; /* CRYPTO */
    case 0x07: skip_bytes(w, take_int(w)); return;                  /* NEW_TOKEN */
    case 0x10: case 0x12: case 0x13: case 0x14: case 0x16: case 0x17: case 0x19:
        skip_ints(w, 1);
        return;
    case 0x1a: case 0x1b: skip_bytes(w, 8); return; /* PATH_CHALLENGE, PATH_RESPONSE */
    case 0x1c: case 0x1d: skip_close(w, type == 0x1c); return;
    default:
        if ((type & 0xf8) == 0x08)
            skip_stream(w, type);
        else
            w->failed = true;
    }
}

size_t guard_frames(uint8_t *buf, size_t len, uint64_t *highest, struct guard_stops *stops)
{
    struct walk w = { .at = buf, .end = buf + len };
    size_t hits = 0;
    while (!w.failed && w.at < w.end) {
        uint8_t *frame = w.at++;
        if (*frame == 0x18)
            hits += handle_new_connection_id(&w, frame, highest);
        else if (*frame == 0x05)
            note_stop_sending(&w, stops);
        else
            skip_frame(&w, *frame);
    }
    return hits;
}
