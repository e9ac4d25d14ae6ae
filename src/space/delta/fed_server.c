#include "space/delta/fed_state.h"

#include "base/slice.h"
#include "space/delta/fed_config.h"

#include <string.h>

void fed_server_open(struct fed *f, uint32_t pipe, struct pando_slice remote)
{
    struct fed_link *l;
    if (!f->config.server) {
        fed_emit_close(f, pipe, FED_CLOSE_POLICY, "this instance takes no links");
        return;
    }
    if (f->inbound_len >= f->config.max_connections) {
        fed_emit_close(f, pipe, FED_CLOSE_POLICY, "Max connections reached");
        return;
    }
    if (fed_link_new(f, true, &l) != PANDO_OK) {
        fed_emit_close(f, pipe, FED_CLOSE_INTERNAL, "out of memory");
        return;
    }
    (void)fed_text_set(&l->url, remote);
    fed_link_open(f, l, pipe);
}

static void mismatch(struct fed *f, struct fed_link *l)
{
    fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), "PROTOCOL_MISMATCH",
                                     slice_text("this server speaks " FED_PROTOCOL), true));
    fed_link_close(f, l, FED_CLOSE_PROTOCOL, "PROTOCOL_MISMATCH");
}

void fed_server_hello(struct fed *f, struct fed_link *l, const struct fed_message *m)
{
    struct fed_link_config config;
    struct pando_err why = { 0 };
    if (!slice_equal(m->protocol, slice_text(FED_PROTOCOL))) {
        mismatch(f, l);
        return;
    }
    if (fed_config_from_peer(m->config, &config, &why) != PANDO_OK) {
        fed_link_fault(f, l, "MESSAGE_ERROR", why.text);
        return;
    }
    const bool received = l->greeted && l->config.mode != FED_PUSH;
    const struct fed_trust open = config.trust;
    config.trust = l->config.trust; /* ours, if there is one (fed_limits.c) */
    l->config.trust = open;
    fed_config_deinit(&l->config);
    l->config = config;
    (void)fed_text_set(&l->remote_system, m->system_id);
    if (!received) { /* what was before is the business of a sync */
        l->cursor = f->host.newest(f->host.ctx);
        l->lagging = true;
    }
    if (f->session[0] == '\0') /* a run is named after the first who came */
        memcpy(f->session, l->id, sizeof f->session);
    fed_send_out(f, l, fed_say_hello_ack(&f->out, fed_wall(f), buf_view(&f->system_id),
                                         slice_text(l->id), slice_text(f->session)));
    if (l->piped && !l->greeted)
        fed_link_greeted(f, l);
}

/* A client that only pushes is sent nothing, but is told that the sync is over. */
static void sync_nothing(struct fed *f, struct fed_link *l)
{
    fed_send_out(f, l, fed_say_sync_start(&f->out, fed_wall(f), 0));
    if (l->piped)
        fed_send_out(f, l, fed_say_sync_complete(&f->out, fed_wall(f), 0));
}

void fed_server_sync(struct fed *f, struct fed_link *l, const struct fed_message *m)
{
    struct pando_err why = { 0 };
    struct filter asked;
    if (l->config.mode == FED_PUSH) {
        sync_nothing(f, l);
        return;
    }
    if (filter_from_json(m->filter, &asked, &why) != PANDO_OK) {
        fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), "SYNC_ERROR",
                                         slice_text(why.text), false));
        return;
    }
    const enum pando_status st = fed_serve_begin(
        f, l, m->filter != NULL ? &asked : &l->config.pull, m->has_from ? m->from : INT64_MIN);
    filter_deinit(&asked);
    if (st != PANDO_OK)
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
}
