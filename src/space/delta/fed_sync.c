#include "space/delta/fed_state.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/delta_json.h"
#include "space/delta/fed_mutant.h"

void fed_serve_end(struct fed_link *l)
{
    if (l->serve.active) {
        filter_deinit(&l->serve.filter);
        buf_deinit(&l->serve.batch);
    }
    l->serve = (struct fed_serve){ 0 };
}

enum pando_status fed_serve_begin(struct fed *f, struct fed_link *l, const struct filter *filter,
                                  int64_t from)
{
    struct fed_serve *s = &l->serve;
    fed_serve_end(l);
    const enum pando_status st = filter_copy(filter, &s->filter);
    if (st != PANDO_OK)
        return st;
    s->active = true;
    s->filter.start = from > s->filter.start ? from : s->filter.start;
    s->filter.include_negated = true; /* sets converge only when negated deltas move, too */
    buf_init(&s->batch, FED_FRAME_MAX);
    fed_touch(f, l);
    return PANDO_OK;
}

static enum pando_status start(struct fed *f, struct fed_link *l)
{
    struct fed_serve *s = &l->serve;
    uint64_t total = 0;
    const enum pando_status st = f->host.count(f->host.ctx, &s->filter, s->filter.start, &total);
    if (st == PANDO_BUSY || (st != PANDO_OK && st != PANDO_NOT_FOUND))
        return st;
    s->started = true;
    fed_send_out(f, l, fed_say_sync_start(&f->out, fed_wall(f), total));
    if (l->piped)
        fed_sync_happened(f, l, FED_SYNC_STARTED, 0);
    return PANDO_OK;
}

static enum pando_status batch_add(struct fed *f, struct fed_serve *s, const struct delta *d)
{
    enum pando_status st = s->len == 0 ? fed_say_batch_head(&s->batch, fed_wall(f))
                                       : buf_append(&s->batch, slice_text(","));
    if (st == PANDO_OK)
        st = delta_to_json(d, &s->batch);
    s->len += st == PANDO_OK;
    return st;
}

static void batch_send(struct fed *f, struct fed_link *l, bool is_last)
{
    struct fed_serve *s = &l->serve;
    struct bytes *message = NULL;
    if (fed_say_batch_tail(&s->batch, s->number, is_last) == PANDO_OK)
        message = bytes_copy(buf_view(&s->batch));
    buf_reset(&s->batch);
    s->number++;
    s->processed += s->len;
    l->stats.sent += s->len;
    s->len = 0;
    if (message != NULL)
        fed_send_bytes(f, l, message);
    else
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
}

static void complete(struct fed *f, struct fed_link *l)
{
    struct fed_serve *s = &l->serve;
    if (s->len > 0)
        batch_send(f, l, true);
    if (l->piped)
        fed_send_out(f, l, fed_say_sync_complete(&f->out, fed_wall(f), s->processed));
    if (!l->piped)
        return;
    l->stats.last_sync = fed_wall(f);
    fed_sync_happened(f, l, FED_SYNC_COMPLETED, s->processed);
    fed_serve_end(l);
    l->lagging = true;
}

static bool is_full(const struct fed_serve *s)
{
    return s->len == FED_BATCH || (s->len > 0 && s->batch.len >= FED_BATCH_BYTES);
}

/* The peer's own wish, said in its hello, narrows every sync; so does what is allowed here. */
static bool passes(struct fed_link *l, const struct delta *d)
{
    if (!filter_passes(&l->config.pull, d))
        return false;
    if (fed_limits_let_go(l, d))
        return true;
    l->limits.since = 0; /* where it lies in the order of arrival is not known */
    return false;
}

/* Read one delta on. A full batch goes out only when the next delta is seen: the last one
 * says that it is. */
static enum pando_status advance(struct fed *f, struct fed_link *l)
{
    struct fed_serve *s = &l->serve;
    struct delta_place place = s->place;
    struct delta d;
    enum pando_status st = source_next(&f->host.source, &s->filter, false, &place, &d);
    if (st == PANDO_OK && passes(l, &d)) {
        if (is_full(s)) {
            batch_send(f, l, false);
            return l->piped ? PANDO_OK : PANDO_CANCELLED; /* the delta is read again */
        }
        st = batch_add(f, s, &d);
    }
    if (st == PANDO_OK || st == PANDO_BUSY)
        s->place = place;
    return st;
}

void fed_serve_step(struct fed *f, struct fed_link *l)
{
    struct fed_serve *s = &l->serve;
    if (!s->active || !l->piped || l->paused_here || l->paused_there || !fed_send_may(l, 1))
        return;
    enum pando_status st = s->started ? PANDO_OK : start(f, l);
    for (uint32_t n = 0; st == PANDO_OK && l->piped && s->active; n++) {
        if (is_full(s) && !fed_send_may(l, s->batch.len)) {
            if (!MUTANT(SYNC_SKIPS))
                return; /* credit comes back */
            buf_reset(&s->batch);
            s->len = 0;
        }
        if (n == FED_READS_MAX) {
            fed_link_again(f, l, FED_AGAIN_AFTER);
            return;
        }
        st = advance(f, l);
    }
    if (!l->piped)
        return;
    if (st == PANDO_NOT_FOUND && (s->len == 0 || fed_send_may(l, s->batch.len)))
        complete(f, l);
    else if (st == PANDO_BUSY)
        fed_link_again(f, l, FED_AGAIN_AFTER);
    else if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "deltas cannot be read now");
}
