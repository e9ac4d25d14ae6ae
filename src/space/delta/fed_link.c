#include "space/delta/fed_state.h"

#include "base/slice.h"
#include "space/delta/fed_config.h"

#include <stdlib.h>

enum fed_status fed_link_status(const struct fed_link *l)
{
    if (!l->piped)
        return l->dialling ? FED_CONNECTING : l->failed ? FED_ERROR : FED_DISCONNECTED;
    if (!l->greeted)
        return FED_CONNECTING;
    if (l->paused_here || l->paused_there)
        return FED_PAUSED;
    return l->receiving || l->serve.active ? FED_SYNCING : FED_CONNECTED;
}

void fed_link_deinit(struct fed_link *l)
{
    fed_take_forget(l);
    fed_ack_forget(l);
    fed_serve_end(l);
    fed_window_reset(l);
    fed_config_deinit(&l->config);
    fed_limits_deinit(&l->limits);
    buf_deinit(&l->url);
    buf_deinit(&l->remote_system);
    buf_deinit(&l->last_error);
    buf_deinit(&l->session);
}

void fed_link_open(struct fed *f, struct fed_link *l, uint32_t pipe)
{
    l->piped = true;
    l->dialling = false;
    l->pipe = pipe;
    l->in_flight = 0;
    l->faults = 0;
    l->heard = true;
    l->paused_there = false;
    l->hello_at = pando_time_add(f->now, FED_HELLO_AFTER);
    fed_pipe_map(f, l, pipe);
    fed_touch(f, l);
}

void fed_link_error(struct fed *f, struct fed_link *l, const char *text)
{
    (void)fed_text_set(&l->last_error, slice_text(text));
    fed_happened(f, l, FED_LINK_ERROR, slice_text(text));
}

void fed_link_close(struct fed *f, struct fed_link *l, unsigned code, const char *reason)
{
    if (!l->piped)
        return;
    if (code != FED_CLOSE_NORMAL)
        fed_link_error(f, l, reason);
    fed_emit_close(f, l->pipe, code, reason);
    fed_link_lost(f, l, reason);
}

/* initial * multiplier^attempts, at most max. */
static struct pando_span backoff(const struct fed_reconnect *r, uint32_t attempts)
{
    double ns = (double)r->initial.ns;
    for (uint32_t i = 0; i < attempts && ns < (double)r->max.ns && r->multiplier > 1; i++)
        ns *= r->multiplier;
    return ns < (double)r->max.ns ? (struct pando_span){ (uint64_t)ns } : r->max;
}

static void retry_later(struct fed *f, struct fed_link *l)
{
    const struct fed_reconnect *r = &l->config.reconnect;
    l->failed = l->last_error.len > 0;
    if (l->final || !r->enabled)
        return;
    if (r->max_attempts > 0 && l->attempts >= r->max_attempts) {
        l->failed = true;
        fed_link_error(f, l, "all attempts to connect failed: resume the link to try again");
        return;
    }
    l->retry_at = pando_time_add(f->now, backoff(r, l->attempts));
    l->attempts++;
    l->failed = false;
}

void fed_link_lost(struct fed *f, struct fed_link *l, const char *reason)
{
    const bool was_open = l->piped;
    if (was_open)
        fed_pipe_unmap(f, l);
    l->piped = l->dialling = l->greeted = false;
    l->asked = l->receiving = l->ask_again = false;
    l->hello_at = l->ping_at = l->stall_at = l->again_at = PANDO_TIME_NEVER;
    if (was_open)
        fed_happened(f, l, FED_LINK_DISCONNECTED, slice_text(reason));
    else
        fed_link_error(f, l, reason);
    if (l->inbound)
        l->dying = true;
    else if (!l->dying)
        retry_later(f, l);
    fed_touch(f, l);
}

void fed_link_greeted(struct fed *f, struct fed_link *l)
{
    l->greeted = true;
    l->failed = false;
    l->attempts = 0;
    l->stats.connected_at = fed_wall(f);
    l->hello_at = PANDO_TIME_NEVER;
    l->ping_at = pando_time_add(f->now, FED_PING_EVERY);
    buf_reset(&l->last_error);
    fed_happened(f, l, FED_LINK_CONNECTED, buf_view(&l->remote_system));
    if (l->paused_here)
        fed_send_out(f, l, fed_say_plain(&f->out, fed_wall(f), FED_SAYS_PAUSE));
    fed_touch(f, l);
}

void fed_link_fault(struct fed *f, struct fed_link *l, const char *code, const char *text)
{
    const bool last = ++l->faults >= FED_FAULTS_MAX;
    const bool garbled = code[0] == 'M'; /* MESSAGE_ERROR; else it was out of place */
    fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), code, slice_text(text), last));
    if (last && l->piped)
        fed_link_close(f, l, garbled ? FED_CLOSE_DATA : FED_CLOSE_POLICY,
                       garbled ? "too many messages do not decode"
                               : "too many messages are out of place");
}

void fed_link_again(struct fed *f, struct fed_link *l, struct pando_span after)
{
    l->again_at = pando_time_min(l->again_at, pando_time_add(f->now, after));
}

void fed_link_credit(struct fed *f, struct fed_link *l, uint64_t bytes)
{
    l->in_flight -= bytes < l->in_flight ? bytes : l->in_flight;
    l->stall_at = l->in_flight > 0 ? pando_time_add(f->now, FED_STALL_AFTER) : PANDO_TIME_NEVER;
    fed_touch(f, l);
}

/* Every 30 s: whoever said nothing since the last ping is gone, unless it is we who do not read. */
static void ping(struct fed *f, struct fed_link *l)
{
    if (!l->heard && l->inbox.len == 0) {
        fed_link_close(f, l, FED_CLOSE_AWAY, "no answer to a ping for 30 s");
        return;
    }
    l->heard = false;
    l->ping_at = pando_time_add(f->now, FED_PING_EVERY);
    fed_send_out(f, l, fed_say_plain(&f->out, fed_wall(f), FED_SAYS_PING));
}

/* Nothing of what is on its way has left for 60 s. */
static void stall(struct fed *f, struct fed_link *l)
{
    if (l->lagging || l->serve.active || l->acks.len > 0 || l->inbox.len > 0)
        fed_link_close(f, l, FED_CLOSE_POLICY, "slow reader: nothing was read for 60 s");
    else
        l->stall_at = pando_time_add(f->now, FED_STALL_AFTER);
}

void fed_link_tick(struct fed *f, struct fed_link *l)
{
    if (pando_time_reached(l->hello_at, f->now))
        fed_link_close(f, l, FED_CLOSE_POLICY,
                       l->inbound ? "no hello within 10 s" : "no answer to hello within 10 s");
    if (pando_time_reached(l->stall_at, f->now))
        stall(f, l);
    if (pando_time_reached(l->ping_at, f->now))
        ping(f, l);
    if (pando_time_reached(l->again_at, f->now))
        l->again_at = PANDO_TIME_NEVER;
    if (pando_time_reached(l->retry_at, f->now))
        fed_client_dial(f, l);
    fed_touch(f, l);
}

void fed_link_arm(struct fed *f, struct fed_link *l)
{
    struct pando_time at = pando_time_min(l->hello_at, l->ping_at);
    at = pando_time_min(at, pando_time_min(l->stall_at, l->retry_at));
    at = pando_time_min(at, l->again_at);
    if (l->piped)
        at = pando_time_min(at, l->window.full_at);
    if (at.ns == l->armed.ns)
        return;
    if (heap_set(&f->timers, l->handle % FED_LINKS_MAX, at) == PANDO_OK)
        l->armed = at;
}
