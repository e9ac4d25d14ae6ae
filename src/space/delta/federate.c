/* federate.c - the federation engine within the space: what it asks for, what it wants done. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"

#include <inttypes.h>
#include <string.h>

#define COUNT_SLICES 64 /* of an exact count; beyond it is an estimate */

/* ---- what the engine asks ---- */

static struct pando_wall host_wall(void *ctx)
{
    const struct deltas *d = ctx;
    return d->host.wall(d->host.ctx);
}

static void host_uuid(void *ctx, char ret[FED_ID_TEXT])
{
    deltas_uuid(ctx, ret);
}

static enum pando_status host_stage(void *ctx, uint32_t link, const struct delta *delta,
                                    enum delta_outcome *ret_outcome, uint64_t *ret_ticket)
{
    struct deltas *d = ctx;
    if (d->stopping || d->store_failed)
        return PANDO_UNAVAILABLE;
    return deltas_stage(d, delta, false, link, ret_outcome, ret_ticket);
}

/* A sync gives only what watchers were told of; the rest is read behind d->news. */
static enum pando_status durable_get(void *ctx, struct pando_slice id, struct delta *ret)
{
    struct deltas *d = ctx;
    const enum pando_status st = source_get(&d->source, id, ret);
    return st == PANDO_OK && deltas_is_onway(d, ret) ? PANDO_NOT_FOUND : st;
}

static enum pando_status durable_next(void *ctx, const struct filter *f, bool descending,
                                      struct delta_place *place, struct delta *ret)
{
    struct deltas *d = ctx;
    for (size_t i = 0; i < DELTAS_STEP; i++) {
        const enum pando_status st = source_next(&d->source, f, descending, place, ret);
        if (st != PANDO_OK || !deltas_is_onway(d, ret))
            return st;
    }
    return PANDO_BUSY;
}

static enum pando_status host_arrived(void *ctx, uint64_t *position, struct delta *ret)
{
    struct deltas *d = ctx;
    return delta_store_arrived_until(d->store, d->told, position, ret);
}

/* Not the durable end: what is durable but no news yet is in no sync, and must be read on. */
static uint64_t host_newest(void *ctx)
{
    const struct deltas *d = ctx;
    return d->news;
}

static enum pando_status host_count(void *ctx, const struct filter *f, int64_t from,
                                    uint64_t *ret)
{
    struct deltas *d = ctx;
    struct delta_store_count count = { .count = 0 };
    struct filter borrowed = *f;
    enum pando_status st = PANDO_BUSY;
    if (borrowed.start < from)
        borrowed.start = from;
    for (size_t i = 0; st == PANDO_BUSY && i < COUNT_SLICES; i++)
        st = delta_store_count(d->store, &borrowed, &count);
    *ret = count.count;
    return st == PANDO_BUSY ? PANDO_OK : st;
}

static const struct delta_source_ops durable_ops = { .get = durable_get, .next = durable_next };

enum pando_status deltas_federate_open(struct deltas *d, struct pando_err *reterr)
{
    const struct deltas_options *o = &d->options;
    const struct fed_host host = {
        .ctx = d,
        .wall = host_wall,
        .uuid = host_uuid,
        .stage = host_stage,
        .source = { d, &durable_ops },
        .newest = host_newest,
        .arrived = host_arrived,
        .count = host_count,
    };
    const struct fed_config config = {
        .system_id = slice_text(o->system_id),
        .server = o->server,
        .auto_broadcast = o->auto_broadcast,
        .max_connections = o->max_connections,
        .trust = o->trust,
        .seed = d->host.seed,
    };
    return fed_new(&config, &host, &d->fed, reterr);
}

/* ---- what it wants done ---- */

static const char *event_name(enum fed_event_kind kind)
{
    switch (kind) {
    case FED_LINK_CONNECTING: return "link:connecting";
    case FED_LINK_CONNECTED: return "link:connected";
    case FED_LINK_DISCONNECTED: return "link:disconnected";
    case FED_LINK_ERROR: return "link:error";
    case FED_LINK_PAUSED: return "link:paused";
    case FED_LINK_RESUMED: return "link:resumed";
    case FED_DELTA_SENT: return "delta:sent";
    case FED_DELTA_RECEIVED: return "delta:received";
    case FED_DELTA_REJECTED: return "delta:rejected";
    case FED_SYNC_STARTED: return "sync:started";
    case FED_SYNC_COMPLETED: return "sync:completed";
    }
    return "unknown";
}

static enum pando_status put_member(struct pando_buf *b, const char *name,
                                    struct pando_slice text)
{
    if (text.len == 0)
        return PANDO_OK;
    const enum pando_status st = buf_printf(b, ",\"%s\":", name);
    return st == PANDO_OK ? json_text_escape(b, text) : st;
}

static enum pando_status print_event(const struct fed_event *e, struct pando_buf *b)
{
    const char *remote = e->kind == FED_LINK_CONNECTING ? "remoteUrl" : "remoteSystemId";
    enum pando_status st = buf_printf(b, "{\"event\":\"%s\",\"linkId\":\"%s\"",
                                      event_name(e->kind), e->link);
    if (st == PANDO_OK)
        st = put_member(b, remote, e->remote);
    if (st == PANDO_OK)
        st = put_member(b, "deltaId", e->delta_id);
    if (st == PANDO_OK)
        st = put_member(b, e->kind == FED_LINK_ERROR ? "error" : "reason", e->reason);
    if (st == PANDO_OK && e->kind == FED_SYNC_COMPLETED)
        st = buf_printf(b, ",\"deltasProcessed\":%" PRIu64, e->processed);
    return st == PANDO_OK ? buf_append(b, slice_text("}")) : st;
}

static bool is_about_a_delta(enum fed_event_kind kind)
{
    return kind == FED_DELTA_SENT || kind == FED_DELTA_RECEIVED || kind == FED_DELTA_REJECTED;
}

static void happened(struct deltas *d, const struct fed_event *e)
{
    struct pando_buf b;
    if (d->listeners == 0 && is_about_a_delta(e->kind))
        return; /* too many for the notices of a node */
    buf_init(&b, 64u << 10);
    if (print_event(e, &b) == PANDO_OK) {
        deltas_watchers_event(d, buf_view(&b));
        if (!is_about_a_delta(e->kind) && deltas_is_heard(d))
            deltas_notice(d, buf_view(&b));
    }
    buf_deinit(&b);
}

static void carry_out(struct deltas *d, const struct fed_effect *e)
{
    struct space_effect out = { .pipe = e->pipe, .value = e->value, .bytes = e->bytes };
    switch (e->kind) {
    case FED_DIAL:
        out.kind = SPACE_PIPE_DIAL;
        out.token = e->link;
        out.bytes = bytes_copy(slice_text(e->text));
        if (out.bytes != NULL)
            deltas_emit(d, &out, NULL);
        return;
    case FED_SEND:
        out.kind = SPACE_PIPE_SEND;
        deltas_emit(d, &out, NULL);
        return;
    case FED_CLOSE:
        out.kind = SPACE_PIPE_CLOSE;
        deltas_emit(d, &out, e->text == NULL ? "" : e->text);
        return;
    case FED_DIGESTED:
        out.kind = SPACE_PIPE_DIGESTED;
        deltas_emit(d, &out, NULL);
        return;
    case FED_JUDGE:
        out.kind = SPACE_RUN;
        out.token = e->token << 1 | 1;
        deltas_emit(d, &out, e->text);
        return;
    case FED_HAPPENED:
        happened(d, &e->event);
        return;
    }
}

void deltas_federate_drain(struct deltas *d)
{
    struct fed_effect e;
    while (fed_poll(d->fed, &e))
        carry_out(d, &e);
}

void deltas_federate_feed(struct deltas *d, const struct fed_input *in)
{
    fed_step(d->fed, d->now, in);
    deltas_federate_drain(d);
}

void deltas_federate_pipe(struct deltas *d, const struct space_input *in)
{
    struct fed_input out = { .pipe = in->pipe,
                             .link = in->token > UINT32_MAX ? FED_NO_LINK : (uint32_t)in->token,
                             .value = in->value,
                             .status = in->status,
                             .bytes = in->bytes,
                             .text = in->text };
    switch (in->kind) {
    case SPACE_PIPE_OPEN: out.kind = FED_PIPE_OPEN; break;
    case SPACE_PIPE_TEXT: out.kind = FED_PIPE_TEXT; break;
    case SPACE_PIPE_CREDIT: out.kind = FED_PIPE_CREDIT; break;
    default: out.kind = FED_PIPE_CLOSED; break;
    }
    deltas_federate_feed(d, &out);
}

/* A link of the settings, or one that was kept. */
static void begin_link(struct deltas *d, struct pando_slice url, struct fed_link_config *config,
                       enum fed_keeper keeper)
{
    struct pando_err err = { .text = "" };
    char id[FED_ID_TEXT];
    if (fed_connect(d->fed, d->now, url, config, id, &err) == PANDO_OK)
        fed_set_keeper(d->fed, slice_text(id), keeper);
    else
        trace(d->host.tracer, TRACE_NODE, TRACE_ERROR, "federation with %.*s: %s%s", (int)url.len,
              (const char *)url.ptr, err.text,
              keeper == FED_KEPT_BY_NODE ? ": it is still kept: when there is room, connect to this "
                                           "URL again; `pando link rm` of that link forgets it"
                                         : "");
    fed_config_deinit(config);
}

bool deltas_federate_is_configured(const struct deltas *d, struct pando_slice url)
{
    for (size_t i = 0; i < d->options.links_len; i++)
        if (slice_equal(slice_text(d->options.links[i].url), url))
            return true;
    return false;
}

/* The settings win: what was kept for their URL is forgotten. */
static void begin_kept(struct deltas *d, struct pando_slice url, const json_t *json)
{
    struct pando_err err = { .text = "" };
    struct fed_link_config config;
    if (deltas_federate_is_configured(d, url)) {
        trace(d->host.tracer, TRACE_NODE, TRACE_WARNING,
              "federation with %.*s: config.yml names it: the link that was kept is forgotten",
              (int)url.len, (const char *)url.ptr);
        deltas_keep(d, SPACE_NOBODY, DELTA_KEPT_LINK, url, SLICE_EMPTY, SLICE_EMPTY);
    } else if (fed_config_from_json(json, &config, &err) == PANDO_OK) {
        begin_link(d, url, &config, FED_KEPT_BY_NODE);
    } else {
        trace(d->host.tracer, TRACE_NODE, TRACE_ERROR,
              "the kept link with %.*s is not made: %s: connect to this URL again, which takes its "
              "place; `pando link rm` of that link forgets it",
              (int)url.len, (const char *)url.ptr, err.text);
    }
}

void deltas_federate_begin(struct deltas *d)
{
    for (size_t i = 0; i < d->options.links_len; i++) {
        struct deltas_link *link = &d->options.links[i];
        begin_link(d, slice_text(link->url), &link->config, FED_KEPT_BY_CONFIG);
    }
    deltas_kept_each(d, DELTA_KEPT_LINK, begin_kept);
    deltas_federate_drain(d);
}
