/* dag_ops.c - the table of functions by which a node drives a dag, and its turn. */
#include "space/dag/engine.h"

#include "base/assert.h"
#include "base/slice.h"
#include "net/link.h"

#include <stdlib.h>
#include <string.h>

static const struct space_channel CHANNELS[DAG_CHANNELS] = {
    [DAG_SYNC] = { "/pando/sync/1", LINK_EVENT },
    [DAG_BLOB] = { "/pando/blob/1", LINK_BULK },
};

static const struct fetch_limits EVENT_FETCH = {
    .wants_max = 16384,
    .peers_max = DAG_PEERS_MAX,
    .inflight_peer_max = 256,
    .rounds_max = 3,
    .attempts_max = 64,
    .timeout = { 2000000000u },
    .lifetime = { 10000000000u },
};

static const struct fetch_limits BLOB_FETCH = {
    .wants_max = 4096,
    .peers_max = DAG_PEERS_MAX,
    .inflight_peer_max = 4,
    .rounds_max = 2,
    .attempts_max = 64,
    .timeout = { 3000000000u },
    .lifetime = { 5000000000u },
};

static void dag_close(void *instance)
{
    struct dag *d = instance;
    if (d == NULL)
        return;
    while (d->ops_first != NULL)
        dag_op_free(d, d->ops_first);
    for (size_t i = 0; i < d->peers_len; i++)
        dag_serve_stop(&d->peers[i]);
    dag_items_drop(d);
    dag_parcels_drop(d);
    for (size_t i = d->staged_head; i < d->staged_len; i++)
        bytes_unref(d->staged[i].bytes);
    space_effects_deinit(&d->effects);
    for (size_t i = 0; i < DAG_VERIFY_JOBS_MAX; i++)
        free(d->batches[i]);
    map_deinit(&d->pending);
    map_deinit(&d->waiting);
    map_deinit(&d->refused);
    map_deinit(&d->buckets);
    map_deinit(&d->beats);
    fetch_deinit(&d->fetch);
    fetch_deinit(&d->blob_fetch);
    buf_deinit(&d->addresses);
    free(d->staged);
    free(d->peers);
    free(d);
}

static void init_tables(struct dag *d)
{
    const uint64_t seed = d->host.seed;
    map_init(&d->pending, 32, sizeof(struct dag_item *),
             (size_t)d->config.pending_max * 2, seed);
    map_init(&d->waiting, 32, sizeof(struct dag_item *),
             (size_t)d->config.orphans_max + 1, seed);
    map_init(&d->refused, 32, 1, DAG_REFUSED_MAX, seed);
    map_init(&d->buckets, 32, sizeof(struct dag_bucket), DAG_BUCKETS_MAX, seed);
    map_init(&d->beats, 32, sizeof(struct dag_beat), DAG_BEATS_MAX, seed);
    fetch_init(&d->fetch, &EVENT_FETCH, seed);
    fetch_init(&d->blob_fetch, &BLOB_FETCH, seed);
    buf_init(&d->addresses, EVENT_BODY_MAX / 2);
}

static enum pando_status dag_open(const struct space_host *host,
                                  struct pando_slice config_json, void **ret_instance,
                                  struct pando_err *reterr)
{
    struct dag *d = calloc(1, sizeof *d);
    if (d == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "dag: cannot allocate an instance");
    d->host = *host;
    d->rng = rng_seeded(host->seed);
    d->peers = calloc(DAG_PEERS_MAX, sizeof *d->peers);
    buf_init(&d->addresses, EVENT_BODY_MAX / 2);
    enum pando_status st = d->peers == NULL ? PANDO_NOMEM : PANDO_OK;
    if (st == PANDO_OK)
        st = dag_config_load(config_json, &d->config, &d->addresses, reterr);
    if (st != PANDO_OK) {
        buf_deinit(&d->addresses);
        free(d->peers);
        free(d);
        return st;
    }
    struct pando_buf addresses = d->addresses;
    init_tables(d);
    d->addresses = addresses;
    d->orphan_at = PANDO_TIME_NEVER;
    d->durable = journal_durable(host->journal);
    d->generation = 1;
    d->sessions = host->seed & 0xffffffff; /* differs from run to run */
    dag_local_start(d);
    *ret_instance = d;
    return PANDO_OK;
}

static void peer_up(struct dag *d, uint32_t handle, const struct peer_id *id)
{
    if (d->peers_len == DAG_PEERS_MAX || dag_peer(d, handle) != NULL)
        return; /* it still takes part by gossip */
    struct dag_peer *p = &d->peers[d->peers_len++];
    *p = (struct dag_peer){
        .handle = handle,
        .credit = { SPACE_CREDIT_START, SPACE_CREDIT_START },
        .heads_every = d->config.heads_every,
        .check_at = PANDO_TIME_NEVER,
    };
    if (id != NULL)
        p->id = *id;
    (void)!fetch_peer_up(&d->fetch, d->now, handle);
    (void)!fetch_peer_up(&d->blob_fetch, d->now, handle);
    dag_heads_send(d, p, true);
    if (!d->announced && !d->stopping)
        dag_announce(d);
}

static void peer_down(struct dag *d, uint32_t handle)
{
    struct dag_peer *p = dag_peer(d, handle);
    if (p == NULL)
        return;
    dag_pull_peer_down(d, handle);
    dag_serve_stop(p);
    fetch_peer_down(&d->fetch, d->now, handle);
    fetch_peer_down(&d->blob_fetch, d->now, handle);
    *p = d->peers[--d->peers_len];
}

static void credit(struct dag *d, const struct space_input *in)
{
    struct dag_peer *p = dag_peer(d, in->peer);
    if (p == NULL || in->channel >= DAG_CHANNELS)
        return;
    p->credit[in->channel] += (int64_t)in->value;
}

static void stopping(struct dag *d)
{
    if (!d->stopping && !d->store_failed)
        dag_leave(d);
    d->stopping = true;
}

static void take(struct dag *d, const struct space_input *in)
{
    switch (in->kind) {
    case SPACE_PEER_UP:
        peer_up(d, in->peer, in->peer_id);
        return;
    case SPACE_PEER_DOWN:
        peer_down(d, in->peer);
        return;
    case SPACE_MESSAGE:
    case SPACE_GOSSIP:
        dag_parcel_take(d, in);
        return;
    case SPACE_CREDIT:
        credit(d, in);
        return;
    case SPACE_DURABLE:
        dag_durable(d, in->value);
        return;
    case SPACE_VERIFIED:
        dag_verify_done(d, in->token, in->bits);
        return;
    case SPACE_STORE_FAIL:
        d->store_failed = true;
        dag_ops_fail(d, PANDO_UNAVAILABLE);
        return;
    case SPACE_STORE_BACK:
        d->store_failed = false;
        return;
    case SPACE_CALL:
        dag_call(d, in);
        return;
    case SPACE_PUT:
        dag_put(d, in);
        return;
    case SPACE_STOPPING:
        stopping(d);
        return;
    case SPACE_SNAPSHOTTED: /* a dag makes none, and opens no pipe */
    case SPACE_PIPE_OPEN:
    case SPACE_PIPE_TEXT:
    case SPACE_PIPE_CREDIT:
    case SPACE_PIPE_CLOSED:
    case SPACE_RAN:
    case SPACE_TICK:
        return;
    }
    PANDO_UNREACHABLE();
}

static void tick_fetchers(struct dag *d)
{
    if (pando_time_reached(fetch_deadline(&d->fetch), d->now))
        fetch_tick(&d->fetch, d->now);
    if (pando_time_reached(fetch_deadline(&d->blob_fetch), d->now))
        fetch_tick(&d->blob_fetch, d->now);
}

/* What the step allows to go on. Items are admitted before parcels are opened, so that
 * what came first is stored first. */
static void run(struct dag *d)
{
    d->more_work = d->blocked = false;
    dag_admit_ready(d);
    dag_parcels_open(d);
    dag_heads_tick(d);
    dag_pull_tick(d);
    dag_orphan_tick(d);
    dag_beat_tick(d);
    tick_fetchers(d);
    dag_fetch_run(d);
    dag_ops_run(d);
    dag_blob_fetch_run(d);
    for (size_t i = 0; i < d->peers_len; i++)
        dag_serve_run(d, &d->peers[i]);
    dag_verify_flush(d);
}

static void sum_notices(struct dag *d)
{
    struct pando_buf b;
    if (d->notices_summed == 0)
        return;
    buf_init(&b, 128);
    if (buf_printf(&b, "{\"notice\":\"events\",\"count\":%llu}",
                   (unsigned long long)d->notices_summed) == PANDO_OK)
        dag_notice(d, buf_view(&b));
    buf_deinit(&b);
    d->notices_summed = 0;
}

static void dag_step(void *instance, struct pando_time now, const struct space_input *in)
{
    struct dag *d = instance;
    PANDO_ASSERT(d->now.ns <= now.ns);
    d->now = now;
    if (!d->begun) {
        d->begun = true;
        d->started = now;
        d->beat_at = pando_time_add(now, PANDO_SEC(1));
    }
    d->notices = 0;
    take(d, in);
    run(d);
    sum_notices(d);
}

static bool dag_poll(void *instance, struct space_effect *ret_effect)
{
    struct dag *d = instance;
    return space_effects_poll(&d->effects, ret_effect);
}

static struct pando_time dag_deadline(const void *instance)
{
    const struct dag *d = instance;
    if (!d->begun)
        return PANDO_TIME_NEVER;
    if (d->more_work)
        return pando_time_add(d->now, (struct pando_span){ 1 });
    struct pando_time at = pando_time_min(d->beat_at, d->orphan_at);
    if (d->blocked) /* a flush of the tables ends without a word to us */
        at = pando_time_min(at, pando_time_add(d->now, PANDO_MSEC(2)));
    at = pando_time_min(at, dag_heads_deadline(d));
    at = pando_time_min(at, dag_pull_deadline(d));
    at = pando_time_min(at, dag_ops_deadline(d));
    at = pando_time_min(at, fetch_deadline(&d->fetch));
    at = pando_time_min(at, fetch_deadline(&d->blob_fetch));
    return pando_time_reached(at, d->now) ? pando_time_add(d->now, PANDO_MSEC(1)) : at;
}

void space_dag_set_check(void *instance, const struct dag_check *check)
{
    struct dag *d = instance;
    d->check = *check;
}

const struct space_ops space_dag_ops = {
    .kind = "dag",
    .channels = CHANNELS,
    .channels_len = DAG_CHANNELS,
    .verbs = dag_verbs,
    .open = dag_open,
    .close = dag_close,
    .fold = index_fold,
    .step = dag_step,
    .poll = dag_poll,
    .deadline = dag_deadline,
    .metrics = dag_metrics,
    .status = dag_status,
};
