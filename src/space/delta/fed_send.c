#include "space/delta/fed_state.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/fed_mutant.h"

bool fed_send_may(const struct fed_link *l, size_t len)
{
    return l->piped && (l->in_flight == 0 || l->in_flight + len <= FED_DATA_CREDIT);
}

/* Whether deltas go this way at all. */
static bool sends(const struct fed *f, const struct fed_link *l)
{
    return l->inbound ? f->config.auto_broadcast && l->config.mode != FED_PUSH
                      : l->config.mode != FED_PULL;
}

bool fed_sends_to_others(const struct fed *f, uint32_t origin)
{
    for (uint32_t i = 0; i < f->links_len; i++) {
        const struct fed_link *l = f->links[i];
        if (l != NULL && !l->dying && l->origin != origin && sends(f, l))
            return true;
    }
    return false;
}

/* Whether they go now: an initial sync comes first, a pause holds everything. */
static bool streams(const struct fed_link *l)
{
    const bool paused = l->paused_here || (l->paused_there && !MUTANT(PAUSE_IGNORED));
    return l->piped && l->greeted && !paused && !l->serve.active;
}

static bool wants(const struct fed_link *l, const struct delta *d, uint64_t place)
{
    if (!l->inbound && l->config.initial == FED_FROM_TIMESTAMP && place <= l->backlog_end &&
        d->timestamp < l->config.from)
        return false;
    return filter_passes(l->inbound ? &l->config.pull : &l->config.push, d) &&
           fed_limits_let_go(l, d);
}

/* The delta as a message; the caller owns a reference. NULL when memory is out. */
static struct bytes *frame_of(struct fed *f, const struct delta *d)
{
    buf_reset(&f->out);
    const enum pando_status st = fed_say_delta(&f->out, fed_wall(f), d);
    struct bytes *frame = st == PANDO_OK ? bytes_copy(buf_view(&f->out)) : NULL;
    buf_reset(&f->out);
    return frame;
}

/* Send one delta, and move the cursor to its place; takes the reference. */
static void send_one(struct fed *f, struct fed_link *l, const struct delta *d, uint64_t place,
                     struct bytes *frame)
{
    const uint64_t behind = l->cursor;
    l->cursor = place;
    if (frame == NULL || !fed_window_add(l, behind, &d->name)) {
        bytes_unref(frame);
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
        return;
    }
    fed_send_bytes(f, l, frame);
    if (!l->piped)
        return;
    l->stats.sent++;
    fed_delta_happened(f, l, FED_DELTA_SENT, d->id, SLICE_EMPTY);
}

/* Offer the newest delta to one link; the frame is made once for all of them. False: not now. */
static bool offer(struct fed *f, struct fed_link *l, const struct fed_input *in)
{
    if (!streams(l) || l->lagging || !fed_window_room(f, l))
        return false;
    if (f->frame == NULL)
        f->frame = frame_of(f, in->delta);
    if (f->frame != NULL && !fed_send_may(l, bytes_view(f->frame).len))
        return false;
    send_one(f, l, in->delta, in->value, f->frame != NULL ? bytes_ref(f->frame) : NULL);
    fed_touch(f, l);
    return true;
}

static void consider(struct fed *f, struct fed_link *l, const struct fed_input *in)
{
    const bool own = in->link == l->origin && !MUTANT(ECHO_FORWARDED);
    if (l->dying || !sends(f, l) || in->value <= l->cursor)
        return;
    if (own)
        fed_run_note(l, in->value);
    l->run_open = own;
    if (own || !wants(l, in->delta, in->value)) {
        if (!l->lagging)
            l->cursor = in->value;
        fed_run_drop(l, fed_window_floor(l));
    } else if (!offer(f, l, in)) {
        l->lagging |= !MUTANT(LAG_IS_LOST);
    }
}

void fed_send_new(struct fed *f, const struct fed_input *in)
{
    for (uint32_t i = 0; i < f->links_len; i++)
        if (f->links[i] != NULL)
            consider(f, f->links[i], in);
    bytes_unref(f->frame);
    f->frame = NULL;
}

/* Read one delta on and send it if it should go. */
static enum pando_status advance(struct fed *f, struct fed_link *l)
{
    uint64_t place = l->cursor;
    struct delta d;
    const enum pando_status st = f->host.arrived(f->host.ctx, &place, &d);
    if (st == PANDO_BUSY)
        l->cursor = place;
    if (st != PANDO_OK)
        return st;
    if (!fed_run_has(l, place) && wants(l, &d, place)) {
        struct bytes *frame = frame_of(f, &d);
        if (frame != NULL && !fed_send_may(l, bytes_view(frame).len)) {
            bytes_unref(frame);
            return PANDO_CANCELLED; /* it is read again when credit comes back */
        }
        send_one(f, l, &d, place, frame);
    } else {
        l->cursor = place;
    }
    return PANDO_OK;
}

void fed_send_pump(struct fed *f, struct fed_link *l)
{
    if (!sends(f, l))
        return;
    enum pando_status st = PANDO_OK;
    uint32_t n = 0;
    while (st == PANDO_OK && l->lagging && streams(l) && fed_send_may(l, 1) &&
           fed_window_room(f, l) && n++ < FED_READS_MAX)
        st = advance(f, l);
    if (st == PANDO_NOT_FOUND) {
        l->lagging = false;
        fed_run_drop(l, fed_window_floor(l));
    } else if (st == PANDO_BUSY || n > FED_READS_MAX) {
        fed_link_again(f, l, FED_AGAIN_AFTER);
    } else if (st != PANDO_OK && st != PANDO_CANCELLED) {
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "deltas cannot be read now");
    }
}
