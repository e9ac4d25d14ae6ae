/* commits.c - making journals durable, off the loop.
 *
 * A space that staged something gets a commit as soon as no other is in flight for it;
 * what is staged meanwhile gathers into the next group. When a commit fails (a full disk,
 * an I/O error) the space's journal has stopped: the node hears of it, and every second
 * the journal is asked to go on, so that space which returns ends the trouble by itself.
 */
#include "host/state.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000

/* A lone record is committed by the loop itself, at the end of a turn, when all that the
 * turn had to send is on its way: two thread switches cost as much as the disk does, and
 * latency is what a lone record wants. Only while the disk is quick, most of the time: half
 * of the last eight commits; and after one that stood still not before four more. */
#define AT_ONCE_BYTES 4096
#define AT_ONCE_NS    400000u
#define AT_ONCE_OF_8  4
#define STALL_NS      20000000u

struct commit_job {
    struct pool_job job;
    struct host_space *space;
    struct journal_group *group;
    uint64_t took_ns;
};

struct ahead_job {
    struct pool_job job;
    struct host_space *space;
    struct journal_ahead *ahead;
};

struct flush_job {
    struct pool_job job;
    struct host_space *space;
    struct store_flush *flush;
};

static void on_retry(uv_timer_t *timer)
{
    struct host *h = timer->data;
    bool failed = false;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct host_space *s = &h->spaces[i];
        struct pando_err err;
        if (!s->used || !s->failed || s->committing)
            continue;
        if (s->aheading || journal_retry(store_journal(s->store), &err) != PANDO_OK) {
            failed = true;
            continue;
        }
        s->failed = false;
        s->commit_wanted = true;
        node_store_back(h->node, host_now(h), s->slot);
        trace(h->tracer, TRACE_STORE, TRACE_WARNING, "a journal takes records again");
    }
    if (failed)
        (void)uv_timer_start(&h->retry, on_retry, RETRY_MS, 0);
}

static void run_ahead(struct pool_job *job)
{
    journal_ahead_run(((struct ahead_job *)job)->ahead);
}

static void ahead_done(struct pool_job *job)
{
    struct ahead_job *a = (struct ahead_job *)job;
    a->space->aheading = false;
    a->space->commit_wanted = true; /* one that makes a segment has waited for us */
    journal_ahead_end(store_journal(a->space->store), a->ahead);
    free(a);
}

/* Beside the commits: the next segment's zeros. */
static void start_ahead(struct host_space *s)
{
    struct journal_ahead *ahead;
    if (s->aheading || s->failed || !journal_ahead_begin(store_journal(s->store), &ahead))
        return;
    struct ahead_job *a = calloc(1, sizeof *a);
    if (a == NULL)
        abort();
    *a = (struct ahead_job){ { NULL, run_ahead, ahead_done }, s, ahead };
    s->aheading = true;
    if (pool_submit(s->host->syncers, &a->job) != PANDO_OK) {
        run_ahead(&a->job);
        ahead_done(&a->job);
    }
}

static void run_commit(struct pool_job *job)
{
    struct commit_job *c = (struct commit_job *)job;
    const uint64_t start = uv_hrtime();
    journal_commit_run(c->group);
    c->took_ns = uv_hrtime() - start;
}

static void note_time(struct host_space *s, uint64_t ns)
{
    const unsigned shifted = (unsigned)s->quick << 1 | (ns < AT_ONCE_NS ? 1u : 0u);
    s->quick = ns > STALL_NS ? 0 : (uint8_t)(shifted & 0xff);
}

static bool is_quick(const struct host_space *s)
{
    unsigned count = 0;
    for (unsigned bits = s->quick; bits != 0; bits >>= 1)
        count += bits & 1;
    return count >= AT_ONCE_OF_8;
}

static void committed(struct pool_job *job)
{
    struct commit_job *c = (struct commit_job *)job;
    struct host_space *s = c->space;
    struct host *h = s->host;
    uint64_t durable = 0;
    s->committing = false;
    note_time(s, c->took_ns);
    const enum pando_status st =
        journal_commit_end(store_journal(s->store), c->group, &durable);
    free(c);
    if (st == PANDO_OK) {
        node_durable(h->node, host_now(h), s->slot, durable);
        s->commit_wanted = true; /* perhaps more was staged meanwhile */
        start_ahead(s);
        return;
    }
    s->failed = true;
    trace(h->tracer, TRACE_STORE, TRACE_ERROR,
          "a journal stopped: %s; nothing is acknowledged until it goes on (free some "
          "space in %s)",
          pando_status_text(st), h->config->data);
    node_store_failed(h->node, host_now(h), s->slot, st);
    (void)uv_timer_start(&h->retry, on_retry, RETRY_MS, 0);
}

static void start_commit(struct host_space *s)
{
    struct journal_group *group;
    struct journal *j = store_journal(s->store);
    const bool lone = journal_end(j) - journal_durable(j) <= AT_ONCE_BYTES;
    s->commit_wanted = false;
    if (s->failed || !journal_commit_begin(j, &group))
        return;
    struct commit_job *c = calloc(1, sizeof *c);
    if (c == NULL)
        abort(); /* a group that cannot be written cannot be given back either */
    *c = (struct commit_job){ { NULL, run_commit, committed }, s, group, 0 };
    s->committing = true;
    if (lone && is_quick(s) && !s->host->stopping) {
        s->at_once = c;
        return;
    }
    if (pool_submit(s->host->syncers, &c->job) != PANDO_OK) {
        run_commit(&c->job); /* one job per space: the queue's cap is above that */
        committed(&c->job);
    }
}

static void run_flush(struct pool_job *job)
{
    store_flush_run(((struct flush_job *)job)->flush);
}

static void flushed(struct pool_job *job)
{
    struct flush_job *f = (struct flush_job *)job;
    struct host_space *s = f->space;
    struct pando_err err = { 0 };
    s->flushing = false;
    if (store_flush_end(s->store, f->flush, &err) == PANDO_OK)
        /* An engine that was told BUSY at the overlay's cap waits for this. */
        node_durable(s->host->node, host_now(s->host), s->slot,
                     journal_durable(store_journal(s->store)));
    else
        trace(s->host->tracer, TRACE_STORE, TRACE_ERROR, "%s", err.text);
    free(f);
}

static void start_flush(struct host_space *s, bool force)
{
    struct store_flush *flush;
    if (s->flushing || !store_flush_begin(s->store, force, &flush))
        return;
    struct flush_job *f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    *f = (struct flush_job){ { NULL, run_flush, flushed }, s, flush };
    s->flushing = true;
    if (pool_submit(s->host->helpers, &f->job) != PANDO_OK) {
        run_flush(&f->job);
        flushed(&f->job);
    }
}

void commits_start_all(struct host *h)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct host_space *s = &h->spaces[i];
        if (!s->used)
            continue;
        snapshots_drop(s);
        if (s->commit_wanted && !s->committing)
            start_commit(s);
        if (!s->flushing)
            start_flush(s, false);
    }
    store_turn(h->store);
    if (h->memory != NULL)
        store_turn(h->memory);
}

bool commits_at_once(struct host *h)
{
    bool any = false;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct commit_job *c = h->spaces[i].at_once;
        if (c == NULL)
            continue;
        h->spaces[i].at_once = NULL;
        run_commit(&c->job);
        committed(&c->job);
        any = true;
    }
    return any;
}

void commits_want(void *ctx, uint32_t slot)
{
    struct host *h = ctx;
    h->spaces[slot].commit_wanted = true;
}

static enum pando_status fold(void *ctx, struct tables *tables,
                              const struct pando_id *space, uint8_t record,
                              uint64_t position, struct pando_slice bytes)
{
    const struct space_ops *ops = ctx;
    return ops->fold(tables, space, record, position, bytes);
}

static enum pando_status read_snapshot(struct host_space *s, struct node_space_store *ret,
                                       struct pando_err *reterr)
{
    struct pando_buf state;
    buf_init(&state, JOURNAL_SNAPSHOT_MAX);
    enum pando_status st = store_snapshot_read(s->store, &ret->snapshot_position, &state, reterr);
    if (st == PANDO_OK)
        ret->snapshot = bytes_copy(buf_view(&state));
    buf_deinit(&state);
    if (st == PANDO_NOT_FOUND || (st == PANDO_OK && ret->snapshot != NULL))
        return PANDO_OK;
    commits_space_close(s->host, s->slot);
    return st == PANDO_OK ? PANDO_NOMEM : st;
}

enum pando_status commits_space_open(void *ctx, uint32_t slot, const struct pando_id *id,
                                     const struct space_ops *ops,
                                     struct node_space_store *ret,
                                     struct pando_err *reterr)
{
    struct host *h = ctx;
    struct host_space *s = &h->spaces[slot];
    const struct store_fold how = { (void *)(uintptr_t)ops, fold, ops->kind };
    *s = (struct host_space){ .slot = slot, .host = h };
    const bool memory = h->config->delta.storage == CONFIG_STORAGE_MEMORY &&
                        strcmp(ops->kind, "delta") == 0;
    enum pando_status st = memory ? memory_store_open(h, reterr) : PANDO_OK;
    if (st == PANDO_OK)
        st = store_space_open(memory ? h->memory : h->store, id, &how, &s->store, reterr);
    if (st != PANDO_OK)
        return st;
    s->used = true;
    h->retry.data = h;
    *ret = (struct node_space_store){ .tables = store_tables(s->store),
                                      .journal = store_journal(s->store),
                                      .epoch = store_epoch(s->store),
                                      .repairs = journal_repairs(store_journal(s->store)),
                                      .memory = memory,
                                      .handle = s->store };
    return read_snapshot(s, ret, reterr);
}

/* Wait for what is under way: closing is rare, and the jobs are short. */
void commits_space_close(void *ctx, uint32_t slot)
{
    struct host *h = ctx;
    struct host_space *s = &h->spaces[slot];
    if (!s->used)
        return;
    while (s->committing || s->flushing || s->aheading ||
           (s->snapshotting && s->drop_before == 0)) {
        (void)commits_at_once(h);
        pool_drain(h->syncers);
        pool_drain(h->helpers);
    }
    store_space_close(s->store);
    s->used = false;
}

enum pando_status commits_space_mend(void *ctx, const struct pando_id *id,
                                     struct pando_err *reterr)
{
    struct host *h = ctx;
    return store_space_mend(h->store, id, reterr);
}

enum pando_status commits_space_remove(void *ctx, const struct pando_id *id,
                                       struct pando_err *reterr)
{
    struct host *h = ctx;
    if (h->memory != NULL && store_space_remove(h->memory, id, reterr) == PANDO_OK)
        return PANDO_OK;
    return store_space_remove(h->store, id, reterr);
}
