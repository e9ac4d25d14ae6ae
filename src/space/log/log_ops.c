/* log_ops.c - the table of functions by which a node drives a log, and its turn. */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"
#include "net/link.h"

#include <stdlib.h>

#define REOPEN_AFTER PANDO_SEC(10) /* of its last opening: damage that stays is not chased */

static const struct space_channel CHANNELS[LOG_CHANNELS] = {
    [LOG_CONTROL] = { "/pando/log/control/1", LINK_CONTROL },
    [LOG_LIVE] = { "/pando/log/live/1", LINK_EVENT },
    [LOG_CATCHUP] = { "/pando/log/catchup/1", LINK_BULK },
};

static void log_close(void *instance)
{
    struct log *l = instance;
    if (l == NULL)
        return;
    log_takes_deinit(l);
    log_held_drop(l);
    log_disk_deinit(l);
    space_effects_deinit(&l->effects);
    rooms_deinit(&l->rooms);
    log_base_deinit(l);
    buf_deinit(&l->incoming_snapshot);
    raft_free(l->raft);
    free(l->incoming_room);
    free(l->streams);
    free(l);
}

static enum pando_status log_open(const struct space_host *host, struct pando_slice config_json,
                                  void **ret_instance, struct pando_err *reterr)
{
    struct log *l = calloc(1, sizeof *l);
    if (l == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "log: cannot allocate an instance");
    l->host = *host;
    l->rng = rng_seeded(host->seed);
    l->session = rng_next(&l->rng) | 1;
    l->session_next = 1;
    l->commit_at = l->takes_due = l->leaderless_since = PANDO_TIME_NEVER;
    buf_init(&l->batch, RAFT_ENTRY_MAX);
    enum pando_status st = log_options_load(config_json, &l->options, reterr);
    if (st == PANDO_OK) {
        st = rooms_init(&l->rooms, host->seed);
        if (st != PANDO_OK)
            (void)pando_err_set(reterr, st, "log: memory is out");
    }
    if (st == PANDO_OK)
        st = log_load(l, reterr);
    if (st != PANDO_OK) {
        log_close(l);
        return st;
    }
    do
        log_apply(l);
    while (l->rooms.applied < l->commit && !l->damaged);
    log_loaded(l);
    *ret_instance = l;
    return PANDO_OK;
}

static void begin(struct log *l)
{
    l->begun = true;
    l->join_at = l->now;
    l->leaderless_since = l->now;
    l->reopen_at = pando_time_add(l->now, REOPEN_AFTER);
    trace(l->host.tracer, TRACE_NODE, TRACE_INFO, "Starting node...");
    log_mend_tell(l);
    log_dial_members(l);
    log_write_run(l);
}

static void credit(struct log *l, const struct space_input *in)
{
    struct log_peer *p = log_peer(l, in->peer);
    if (p != NULL && in->channel < LOG_CHANNELS)
        p->credit[in->channel] += (int64_t)in->value;
}

static void stopping(struct log *l)
{
    l->stopping = true;
    log_commit_note(l, true);
    log_write_run(l);
}

static void store_back(struct log *l)
{
    l->store_failed = false;
    log_write_run(l);
}

/* A snapshot is written: a leader's that was taken over, or one of our own. */
static void snapshotted(struct log *l, enum pando_status status)
{
    if (l->install_writing)
        log_installed(l, status);
    else
        log_compact_done(l, status);
}

/* Nothing is said on the topic of a log. */
static void refuse_gossip(struct log *l, uint64_t token)
{
    log_emit(l, &(struct space_effect){
                    .kind = SPACE_VERDICT, .token = token, .status = PANDO_CANCELLED });
}

static void take(struct log *l, const struct space_input *in)
{
    switch (in->kind) {
    case SPACE_PEER_UP:
        log_peer_up(l, in->peer, in->peer_id);
        return;
    case SPACE_PEER_DOWN:
        log_peer_down(l, in->peer);
        return;
    case SPACE_MESSAGE:
        log_message(l, in);
        return;
    case SPACE_CREDIT:
        credit(l, in);
        return;
    case SPACE_DURABLE:
        log_durable(l, in->value);
        return;
    case SPACE_STORE_FAIL:
        log_store_fail(l, in->status);
        return;
    case SPACE_STORE_BACK:
        store_back(l);
        return;
    case SPACE_SNAPSHOTTED:
        snapshotted(l, in->status);
        return;
    case SPACE_CALL:
        log_call(l, in);
        return;
    case SPACE_STOPPING:
        stopping(l);
        return;
    case SPACE_GOSSIP:
        refuse_gossip(l, in->token);
        return;
    case SPACE_PUT: /* a log takes nothing of the node's own */
        log_fail(l, in->token, PANDO_UNSUPPORTED, "a log takes no %s", in->verb);
        return;
    case SPACE_VERIFIED:
    case SPACE_PIPE_OPEN: /* it opens no pipe and runs no capsule */
    case SPACE_PIPE_TEXT:
    case SPACE_PIPE_CREDIT:
    case SPACE_PIPE_CLOSED:
    case SPACE_RAN:
    case SPACE_TICK:
        return;
    }
    PANDO_UNREACHABLE();
}

static void log_step(void *instance, struct pando_time now, const struct space_input *in)
{
    struct log *l = instance;
    l->now = now;
    l->more_work = false;
    if (!l->begun)
        begin(l);
    take(l, in);
    if (pando_time_reached(raft_deadline(l->raft), now))
        log_raft_input(l, &(struct raft_input){ .kind = RAFT_TICK });
    if (pando_time_reached(l->commit_at, now))
        log_commit_note(l, true);
    log_links_tick(l);
    log_members_tick(l);
    log_leave_tick(l);
    log_takes_tick(l);
}

/* Before the effects of a turn leave: what the turn gathered becomes one entry, and what it
 * committed is counted out. */
static void settle(struct log *l)
{
    log_takes_run(l);
    log_apply(l);
    log_commit_note(l, false);
    log_install_run(l);
    log_compact(l);
    log_changes_check(l);
    log_read_run(l);
    log_streams_run(l);
    log_write_run(l);
    log_mend_run(l);
}

static bool log_poll(void *instance, struct space_effect *ret)
{
    struct log *l = instance;
    if (space_effects_empty(&l->effects) && l->begun)
        settle(l);
    return space_effects_poll(&l->effects, ret);
}

static struct pando_time log_deadline(const void *instance)
{
    const struct log *l = instance;
    if (l->more_work || !l->begun)
        return l->now;
    struct pando_time at = pando_time_min(raft_deadline(l->raft), log_members_deadline(l));
    at = pando_time_min(at, l->leaving ? l->leave_again : PANDO_TIME_NEVER);
    at = pando_time_min(at, l->takes_due);
    if (l->broken != 0 && !l->given_up)
        at = pando_time_min(at, l->reopen_at);
    at = pando_time_min(at, log_links_deadline(l));
    at = pando_time_min(at, log_reads_deadline(l));
    return pando_time_min(at, l->commit_at);
}

/* Nothing of a log lies in tables: its journal is read at open, and kept in mind. */
static enum pando_status log_fold(struct tables *tables, const struct pando_id *space,
                                  uint8_t record, uint64_t position, struct pando_slice bytes)
{
    (void)tables;
    (void)space;
    (void)position;
    (void)bytes;
    return record == 0 || record > LOG_RECORD_LAST ? PANDO_UNSUPPORTED : PANDO_OK;
}

const struct space_ops space_log_ops = {
    .kind = "log",
    .mends = true,
    .channels = CHANNELS,
    .channels_len = LOG_CHANNELS,
    .verbs = log_verbs,
    .raw_verbs = log_raw_verbs,
    .open = log_open,
    .close = log_close,
    .fold = log_fold,
    .step = log_step,
    .poll = log_poll,
    .deadline = log_deadline,
    .metrics = log_metrics,
    .status = log_status,
};
