/* delta_ops.c - the table of functions by which a node drives a delta space, and its turn. */
#include "space/delta/engine.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "net/link.h"

#include <stdlib.h>

static const struct space_channel CHANNELS[] = { { SWAP_PROTOCOL, LINK_BULK } };

static void delta_close(void *instance)
{
    struct deltas *d = instance;
    if (d == NULL)
        return;
    deltas_intakes_drop(d);
    deltas_tasks_drop(d);
    deltas_watchers_drop(d);
    deltas_archiving_drop(d);
    deltas_kept_drop(d);
    space_effects_deinit(&d->effects);
    swap_free(d->swap);
    fed_free(d->fed);
    subs_free(d->subs);
    views_free(d->views);
    delta_store_free(d->store);
    deltas_options_deinit(&d->options);
    origins_deinit(&d->origins);
    buf_deinit(&d->line);
    free(d);
}

/* What ceased to be shown is not known by its text any more: forget all that was computed. */
static void on_change(void *ctx, const struct delta_item *item, bool added)
{
    struct deltas *d = ctx;
    (void)item;
    d->upheaval = d->upheaval || !added;
}

static enum pando_status open_parts(struct deltas *d, struct pando_err *reterr)
{
    enum pando_status st = delta_store_new(&d->host, &d->store, reterr);
    if (st != PANDO_OK)
        return st;
    d->source = delta_store_source(d->store);
    d->news = d->told = delta_store_arrived_end(d->store);
    delta_store_watch(d->store, (struct delta_watch){ d, on_change });
    const struct views_config views = {
        .source = d->source,
        .cache_entries = d->options.cache_size,
        .cache_bytes = d->options.cache_bytes,
        .validate = d->options.validate_schemas,
        .seed = d->host.seed,
    };
    st = views_new(&views, &d->views, reterr);
    if (st == PANDO_OK)
        deltas_kept_views(d);
    if (st == PANDO_OK && (st = subs_new(&d->source, &d->subs)) != PANDO_OK)
        (void)pando_err_set(reterr, st, "delta: memory is out");
    if (st == PANDO_OK)
        st = deltas_federate_open(d, reterr);
    return st == PANDO_OK ? deltas_nodes_open(d, reterr) : st;
}

/* Whoever appends through us and is told to wait: we wake up for it. */
static enum pando_status append_through(void *ctx, uint8_t record, struct pando_slice bytes,
                                        const struct tables_fold *fold, uint64_t *ret_position)
{
    struct deltas *d = ctx;
    const enum pando_status st =
        d->node.append(d->node.ctx, record, bytes, fold, ret_position);
    d->blocked = d->blocked || st == PANDO_BUSY;
    return st;
}

static struct pando_wall wall_through(void *ctx)
{
    const struct deltas *d = ctx;
    return d->node.wall(d->node.ctx);
}

static bool heard_through(void *ctx)
{
    const struct deltas *d = ctx;
    return d->node.heard == NULL || d->node.heard(d->node.ctx);
}

static void take_host(struct deltas *d, const struct space_host *host)
{
    d->node = d->host = *host;
    d->host.ctx = d;
    d->host.append = append_through;
    d->host.wall = wall_through;
    d->host.heard = heard_through;
}

static enum pando_status delta_open(const struct space_host *host,
                                    struct pando_slice config_json, void **ret_instance,
                                    struct pando_err *reterr)
{
    struct deltas *d = calloc(1, sizeof *d);
    if (d == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "delta: cannot allocate an instance");
    take_host(d, host);
    buf_init(&d->line, 2u << 20);
    enum pando_status st = deltas_options_load(config_json, host, &d->options, reterr);
    if (st == PANDO_OK)
        st = open_parts(d, reterr);
    if (st != PANDO_OK) {
        delta_close(d);
        return st;
    }
    *ret_instance = d;
    return PANDO_OK;
}

static void store_failed(struct deltas *d, enum pando_status status)
{
    d->store_failed = true;
    deltas_intakes_fail(d, status == PANDO_NOSPACE ? status : PANDO_UNAVAILABLE);
    deltas_kept_fail(d, status == PANDO_NOSPACE ? status : PANDO_UNAVAILABLE);
}

/* A capsule that judges a delta accepts it by answering true. */
static enum pando_status verdict_of(const struct space_input *in)
{
    json_t *json = NULL;
    if (in->status != PANDO_OK)
        return in->status;
    enum pando_status st = json_text_parse(in->text, 1u << 20, &json, NULL);
    if (st == PANDO_OK && !json_is_true(json))
        st = PANDO_REFUSED;
    json_decref(json);
    return st;
}

static void ran(struct deltas *d, const struct space_input *in)
{
    if (in->token >= SWAP_TOKENS) {
        deltas_nodes_feed(d, &(struct space_input){ .kind = SPACE_RAN,
                                                    .token = in->token,
                                                    .status = verdict_of(in) });
        return;
    }
    if (in->token % 2 == 0) {
        deltas_task_ran(d, in->token >> 1, in->status, in->text);
        return;
    }
    deltas_federate_feed(d, &(struct fed_input){ .kind = FED_JUDGED,
                                                 .token = in->token >> 1,
                                                 .status = verdict_of(in) });
}

static void take(struct deltas *d, const struct space_input *in)
{
    switch (in->kind) {
    case SPACE_DURABLE:
        delta_store_on_durable(d->store, in->value);
        deltas_nodes_feed(d, in);
        return;
    case SPACE_STORE_FAIL: store_failed(d, in->status); return;
    case SPACE_STORE_BACK:
        d->store_failed = false;
        deltas_nodes_feed(d, in);
        return;
    case SPACE_CALL: deltas_call(d, in); return;
    case SPACE_PIPE_OPEN:
    case SPACE_PIPE_TEXT:
    case SPACE_PIPE_CREDIT:
    case SPACE_PIPE_CLOSED: deltas_federate_pipe(d, in); return;
    case SPACE_RAN: ran(d, in); return;
    case SPACE_SNAPSHOTTED: deltas_archiving_snapshotted(d, in->status); return;
    case SPACE_STOPPING: d->stopping = true; return;
    case SPACE_PUT:
        deltas_fail(d, in->token, PANDO_UNSUPPORTED, "a delta space takes no such record");
        return;
    case SPACE_PEER_UP:
    case SPACE_PEER_DOWN:
    case SPACE_MESSAGE:
    case SPACE_CREDIT:
    case SPACE_VERIFIED: deltas_nodes_feed(d, in); return;
    case SPACE_GOSSIP: /* nothing is published; the verdict is: ignore */
        deltas_emit(d, &(struct space_effect){ .kind = SPACE_VERDICT,
                                               .token = in->token,
                                               .status = PANDO_CANCELLED },
                    NULL);
        return;
    case SPACE_TICK: return;
    }
    PANDO_UNREACHABLE();
}

/* Everything staged in this turn goes into the journal now; BUSY: in a later turn. */
static void flush(struct deltas *d)
{
    if (!d->staged || d->store_failed)
        return;
    const enum pando_status st = delta_store_flush(d->store);
    d->staged = st != PANDO_OK;
    if (st != PANDO_OK && st != PANDO_BUSY)
        store_failed(d, st);
}

/* What the step allows to go on: first what became durable is told, then more is taken. */
static void run(struct deltas *d)
{
    const uint64_t durable = delta_store_durable(d->store);
    const bool was_blocked = d->blocked;
    d->more_work = d->blocked = d->put_off = false;
    if (was_blocked) /* those who wait for the journal try again */
        deltas_nodes_feed(d, &(struct space_input){ .kind = SPACE_TICK });
    if (durable != d->durable || was_blocked)
        deltas_federate_feed(d, &(struct fed_input){ .kind = FED_DURABLE, .value = durable });
    d->durable = durable;
    deltas_news_run(d);
    if (pando_time_reached(fed_deadline(d->fed), d->now))
        deltas_federate_feed(d, &(struct fed_input){ .kind = FED_TICK });
    if (pando_time_reached(swap_deadline(d->swap), d->now))
        deltas_nodes_feed(d, &(struct space_input){ .kind = SPACE_TICK });
    deltas_intakes_run(d);
    flush(d);
    deltas_news_early(d);
    deltas_intakes_durable(d); /* also those that brought nothing new */
    if (d->upheaval)
        views_on_upheaval(d->views);
    d->upheaval = false;
    deltas_tasks_run(d);
    deltas_watchers_run(d);
    deltas_archiving_run(d);
    deltas_kept_run(d); /* also what this turn has changed */
}

static void delta_step(void *instance, struct pando_time now, const struct space_input *in)
{
    struct deltas *d = instance;
    PANDO_ASSERT(d->now.ns <= now.ns);
    d->now = now;
    if (!d->begun) {
        d->begun = true;
        fed_listen(d->fed, deltas_is_heard(d));
        deltas_federate_begin(d);
    }
    take(d, in);
    /* Messages come many in a turn: what they brought is one record, and is told of once. */
    d->put_off = in->kind == SPACE_PIPE_TEXT;
    if (!d->put_off)
        run(d);
}

static bool delta_poll(void *instance, struct space_effect *ret_effect)
{
    struct deltas *d = instance;
    return space_effects_poll(&d->effects, ret_effect);
}

static struct pando_time delta_deadline(const void *instance)
{
    const struct deltas *d = instance;
    if (!d->begun)
        return d->options.links_len > 0 ? (struct pando_time){ 0 } : PANDO_TIME_NEVER;
    if (d->put_off)
        return d->now; /* the end of this turn */
    if (d->more_work)
        return pando_time_add(d->now, (struct pando_span){ 1 });
    struct pando_time at = pando_time_min(fed_deadline(d->fed), swap_deadline(d->swap));
    if (d->blocked) /* a flush of the tables ends without a word to us */
        at = pando_time_min(at, pando_time_add(d->now, PANDO_MSEC(2)));
    return pando_time_reached(at, d->now) ? pando_time_add(d->now, PANDO_MSEC(1)) : at;
}

const struct space_ops space_delta_ops = {
    .kind = "delta",
    .pipes = true,
    .channels = CHANNELS,
    .channels_len = sizeof CHANNELS / sizeof CHANNELS[0],
    .verbs = deltas_verbs,
    .family = "fed.",
    .raw_verbs = deltas_raw_verbs,
    .open = delta_open,
    .close = delta_close,
    .fold = delta_store_fold,
    .step = delta_step,
    .poll = delta_poll,
    .deadline = delta_deadline,
    .metrics = deltas_metrics,
    .status = deltas_status,
};
