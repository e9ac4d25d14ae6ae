/* snapshots.c - a space's state written beside its journal, and the journal's head dropped.
 *
 * Writing goes to a worker; dropping happens on the loop between two commits. While a backup
 * or a verification walks over the files neither happens: they must stay.
 */
#include "host/state.h"

#include <stdlib.h>

struct snapshot_job {
    struct pool_job job;
    struct host_space *space;
    struct bytes *state;
    uint64_t position;
    enum pando_status status;
    struct pando_err err;
};

static void run_snapshot(struct pool_job *job)
{
    struct snapshot_job *s = (struct snapshot_job *)job;
    s->status = store_snapshot_write(s->space->store, s->position, bytes_view(s->state), &s->err);
}

static void answer(struct host_space *s, enum pando_status status)
{
    s->snapshotting = false;
    node_snapshotted(s->host->node, host_now(s->host), s->slot, status);
}

static void written(struct pool_job *job)
{
    struct snapshot_job *s = (struct snapshot_job *)job;
    struct host_space *space = s->space;
    if (s->status != PANDO_OK)
        trace(space->host->tracer, TRACE_STORE, TRACE_ERROR, "%s", s->err.text);
    if (s->status == PANDO_OK && s->position > 0)
        space->drop_before = s->position;
    else
        answer(space, s->status);
    bytes_unref(s->state);
    free(s);
}

void snapshots_write(void *ctx, uint32_t slot, uint64_t position, struct bytes *state)
{
    struct host *h = ctx;
    struct host_space *space = &h->spaces[slot];
    struct snapshot_job *s = h->walks > 0 ? NULL : calloc(1, sizeof *s);
    space->snapshotting = true;
    if (s == NULL) {
        bytes_unref(state);
        answer(space, PANDO_BUSY);
        return;
    }
    *s = (struct snapshot_job){ .job = { NULL, run_snapshot, written },
                                .space = space,
                                .state = state,
                                .position = position };
    if (pool_submit(h->helpers, &s->job) != PANDO_OK) {
        run_snapshot(&s->job);
        written(&s->job);
    }
}

/* The snapshot is on the disk, so it counts whatever comes of the dropping: what could not go
 * now goes with the next one. */
void snapshots_drop(struct host_space *s)
{
    struct pando_err err = { 0 };
    if (s->drop_before == 0 || s->committing || s->host->walks > 0)
        return;
    const enum pando_status st = store_drop_before(s->store, s->drop_before, &err);
    if (st != PANDO_OK && st != PANDO_BUSY)
        trace(s->host->tracer, TRACE_STORE, TRACE_WARNING, "%s", err.text);
    s->drop_before = 0;
    answer(s, PANDO_OK);
}
