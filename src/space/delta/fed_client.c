#include "space/delta/fed_state.h"

#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_mutant.h"
#include "space/delta/fed_trust.h"
#include "space/delta/fed_url.h"

#include <string.h>

void fed_client_dial(struct fed *f, struct fed_link *l)
{
    l->retry_at = PANDO_TIME_NEVER;
    l->dialling = true;
    l->failed = false;
    fed_happened(f, l, FED_LINK_CONNECTING, buf_view(&l->url));
    fed_emit_dial(f, l);
    fed_touch(f, l);
}

/* Introduce ourselves, or say anew what we want. */
static void hello(struct fed *f, struct fed_link *l)
{
    buf_reset(&f->scratch);
    enum pando_status st = fed_config_for_peer(&l->config, &f->scratch);
    if (st == PANDO_OK)
        st = fed_say_hello(&f->out, fed_wall(f), buf_view(&f->system_id), buf_view(&f->scratch));
    fed_send_out(f, l, st);
}

void fed_client_open(struct fed *f, uint32_t handle, uint32_t pipe)
{
    struct fed_link *l = fed_link_of(f, handle);
    if (l == NULL || !l->dialling || l->dying) {
        fed_emit_close(f, pipe, FED_CLOSE_NORMAL, "nobody waits for this connection any more");
        return;
    }
    fed_link_open(f, l, pipe);
    hello(f, l);
}

void fed_client_ask(struct fed *f, struct fed_link *l)
{
    const bool again = l->first_seen != 0 && l->config.initial == FED_NONE;
    if (l->config.mode == FED_PUSH || (l->config.initial == FED_NONE && !again))
        return;
    l->asked = true; /* and the batches of an earlier one are taken until it begins */
    buf_reset(&f->scratch);
    enum pando_status st = PANDO_OK;
    if (!filter_is_open(&l->config.pull))
        st = filter_to_json(&l->config.pull, &f->scratch);
    if (st == PANDO_OK)
        st = fed_say_sync_request(&f->out, fed_wall(f), buf_view(&f->scratch),
                                  again || l->config.initial == FED_FROM_TIMESTAMP,
                                  again ? l->first_seen : l->config.from);
    fed_send_out(f, l, st);
}

/* Its own deltas go from the beginning again: from all that is here, or what came after it. */
static void rewind_all(struct fed_link *l)
{
    fed_window_reset(l);
    l->cursor = l->config.initial == FED_NONE ? l->backlog_end : 0;
    l->lagging = true;
}

/* A server that was started anew may have less than it acknowledged, or sent: its store was in
 * memory, a backup took its place, or what it told us of was not on its disk yet. */
static void meet_again(struct fed *f, struct fed_link *l, struct pando_slice session)
{
    if (l->session.len > 0 && !slice_equal(session, buf_view(&l->session))) {
        rewind_all(l);
        fed_link_renew_origin(f, l);
    }
    (void)fed_text_set(&l->session, session);
}

void fed_client_hello_ack(struct fed *f, struct fed_link *l, const struct fed_message *m)
{
    const bool first = !l->greeted;
    if (m->protocol.len > 0 && !slice_equal(m->protocol, slice_text(FED_PROTOCOL))) {
        l->final = true;
        fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), "PROTOCOL_MISMATCH",
                                         slice_text("this client speaks " FED_PROTOCOL), true));
        fed_link_close(f, l, FED_CLOSE_PROTOCOL, "PROTOCOL_MISMATCH");
        return;
    }
    (void)fed_text_set(&l->remote_system, m->system_id);
    l->resumes = m->resumes;
    if (first) {
        meet_again(f, l, m->session);
        fed_link_greeted(f, l);
    }
    if (l->piped && (first || l->ask_again))
        fed_client_ask(f, l);
    l->ask_again = false;
    if (l->first_seen == 0)
        l->first_seen = m->timestamp > 0 ? m->timestamp : fed_wall(f);
}

void fed_client_sync_start(struct fed *f, struct fed_link *l)
{
    l->asked = false;
    l->receiving = true;
    l->processed = 0;
    fed_sync_happened(f, l, FED_SYNC_STARTED, 0);
}

void fed_client_sync_complete(struct fed *f, struct fed_link *l)
{
    struct fed_ack *a = fed_ack_add(l, SLICE_EMPTY);
    l->receiving = false;
    l->stats.last_sync = fed_wall(f);
    if (a == NULL) {
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
        return;
    }
    a->sync_ends = true; /* said when all before it is durable */
    a->ticket = l->last_ticket;
    a->processed = l->processed;
}

/* --- what a person asks for ------------------------------------------------------------ */

enum pando_status fed_connect(struct fed *f, struct pando_time now, struct pando_slice url,
                              struct fed_link_config *config, char ret_id[FED_ID_TEXT],
                              struct pando_err *reterr)
{
    struct fed_link *l;
    enum pando_status st = fed_url_check(url, reterr);
    if (st != PANDO_OK)
        return st;
    f->now = now;
    st = fed_link_new(f, false, &l);
    if (st == PANDO_OK) {
        st = fed_text_set(&l->url, url);
        l->dying = st != PANDO_OK;
        fed_touch(f, l);
    }
    if (st != PANDO_OK) {
        fed_settle(f);
        return pando_err_set(reterr, st, "a node has at most %d federation links",
                             FED_LINKS_MAX);
    }
    fed_config_deinit(&l->config);
    l->config = *config;
    fed_config_init(config);
    l->backlog_end = f->host.newest(f->host.ctx);
    rewind_all(l);
    memcpy(ret_id, l->id, FED_ID_TEXT);
    fed_client_dial(f, l);
    fed_settle(f);
    return PANDO_OK;
}

enum pando_status fed_disconnect(struct fed *f, struct pando_time now, struct pando_slice id)
{
    struct fed_link *l = fed_link_named(f, id);
    if (l == NULL)
        return PANDO_NOT_FOUND;
    f->now = now;
    l->dying = true;
    l->retry_at = PANDO_TIME_NEVER;
    if (l->piped)
        fed_link_close(f, l, FED_CLOSE_NORMAL, "disconnected on request");
    else
        fed_happened(f, l, FED_LINK_DISCONNECTED, slice_text("disconnected on request"));
    fed_touch(f, l);
    fed_settle(f);
    return PANDO_OK;
}

enum pando_status fed_pause(struct fed *f, struct pando_time now, struct pando_slice id)
{
    struct fed_link *l = fed_link_named(f, id);
    if (l == NULL)
        return PANDO_NOT_FOUND;
    f->now = now;
    if (!l->paused_here) {
        l->paused_here = true;
        fed_happened(f, l, FED_LINK_PAUSED, SLICE_EMPTY);
        if (l->greeted)
            fed_send_out(f, l, fed_say_plain(&f->out, fed_wall(f), FED_SAYS_PAUSE));
    }
    fed_settle(f);
    return PANDO_OK;
}

/* A server that drops what it cannot send while we pause is asked for all of it. */
static void resume(struct fed *f, struct fed_link *l)
{
    l->paused_here = false;
    fed_happened(f, l, FED_LINK_RESUMED, SLICE_EMPTY);
    if (l->greeted)
        fed_send_out(f, l, fed_say_plain(&f->out, fed_wall(f), FED_SAYS_RESUME));
    if (l->greeted && !l->inbound && !l->resumes)
        fed_client_ask(f, l);
}

enum pando_status fed_resume(struct fed *f, struct pando_time now, struct pando_slice id)
{
    struct fed_link *l = fed_link_named(f, id);
    if (l == NULL)
        return PANDO_NOT_FOUND;
    f->now = now;
    if (l->paused_here)
        resume(f, l);
    if (!l->inbound && !l->piped && !l->dialling) { /* do not wait for the next attempt */
        l->attempts = 0;
        l->final = false;
        fed_client_dial(f, l);
    }
    fed_touch(f, l);
    fed_settle(f);
    return PANDO_OK;
}

/* --- another configuration ------------------------------------------------------------- */

bool fed_filters_differ(const struct filter *a, const struct filter *b)
{
    struct pando_buf x, y;
    buf_init(&x, FED_FRAME_MAX);
    buf_init(&y, FED_FRAME_MAX);
    const bool differ = filter_to_json(a, &x) != PANDO_OK || filter_to_json(b, &y) != PANDO_OK ||
                        !slice_equal(buf_view(&x), buf_view(&y));
    buf_deinit(&x);
    buf_deinit(&y);
    return differ;
}

/* Likewise of policies. */
static bool policies_differ(const struct fed_trust *a, const struct fed_trust *b)
{
    struct pando_buf x, y;
    buf_init(&x, FED_FRAME_MAX);
    buf_init(&y, FED_FRAME_MAX);
    const bool differ = fed_trust_to_json(a, &x) != PANDO_OK ||
                        fed_trust_to_json(b, &y) != PANDO_OK ||
                        !slice_equal(buf_view(&x), buf_view(&y));
    buf_deinit(&x);
    buf_deinit(&y);
    return differ;
}

enum pando_status fed_configure(struct fed *f, struct pando_time now, struct pando_slice id,
                                struct fed_link_config *config)
{
    struct fed_link *l = fed_link_named(f, id);
    if (l == NULL)
        return PANDO_NOT_FOUND;
    f->now = now;
    if (l->inbound) {
        fed_limits_change(f, l, config);
        fed_config_deinit(config);
        fed_settle(f);
        return PANDO_OK;
    }
    const bool other = config->mode != l->config.mode || config->initial != l->config.initial ||
                       (config->initial == FED_FROM_TIMESTAMP && config->from != l->config.from);
    const bool push = other || fed_filters_differ(&config->push, &l->config.push);
    const bool pull = other || fed_filters_differ(&config->pull, &l->config.pull) ||
                      policies_differ(&config->trust, &l->config.trust);
    fed_config_deinit(&l->config);
    l->config = *config;
    fed_config_init(config);
    if (push && !MUTANT(FILTER_LATE))
        rewind_all(l);
    l->ask_again = pull && l->piped && !MUTANT(FILTER_LATE);
    if (l->piped)
        hello(f, l);
    fed_touch(f, l);
    fed_settle(f);
    return PANDO_OK;
}
