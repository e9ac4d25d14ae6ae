/* apply.c - what is committed is counted out, in order, once. */
#include "space/log/engine.h"

#include "base/slice.h"

#define BYTES_PER_STEP (4u << 20)

static bool wants(const struct log *l, enum trace_module module, enum trace_level level)
{
    return l->host.tracer != NULL && l->host.tracer->levels[module] <= level;
}

static void count(struct log *l, enum rooms_verdict verdict)
{
    l->totals.messages += verdict == ROOMS_TAKEN;
    l->totals.again += verdict == ROOMS_AGAIN;
    l->totals.gaps += verdict == ROOMS_GAP;
    l->totals.unknown += verdict == ROOMS_UNKNOWN;
}

static void apply_data(struct log *l, uint64_t index, struct pando_slice bytes)
{
    struct pando_slice left;
    struct batch_message m;
    int64_t time_ms;
    uint32_t len, room;
    uint64_t seq;
    const bool tell = wants(l, TRACE_ORDERING, TRACE_DEBUG);
    if (!batch_open(bytes, &time_ms, &len, &left))
        return; /* the same nothing everywhere */
    for (uint32_t i = 0; i < len && batch_next(&left, &m); i++) {
        const enum rooms_verdict verdict = rooms_apply(&l->rooms, index, i, &m, &room, &seq);
        count(l, verdict);
        if (tell && verdict == ROOMS_TAKEN)
            trace(l->host.tracer, TRACE_ORDERING, TRACE_DEBUG, "Delivering seq_no=%llu",
                  (unsigned long long)seq);
        log_takes_seen(l, &m, verdict, seq);
    }
}

void log_apply(struct log *l)
{
    size_t done = 0;
    while (l->rooms.applied < l->commit && done < BYTES_PER_STEP) {
        struct raft_entry e;
        struct pando_slice bytes;
        struct bytes *record = log_entry(l, l->rooms.applied + 1);
        l->damaged = record == NULL;
        if (record == NULL)
            return; /* on disk: what is behind it must wait for it */
        done += bytes_view(record).len;
        const bool sound = log_wire_get_record(bytes_view(record), &e, &bytes);
        if (sound && e.kind == RAFT_DATA)
            apply_data(l, e.index, bytes);
        l->rooms.applied++;
        if (sound)
            log_mark_after(l, &e, record);
        bytes_unref(record);
    }
    l->more_work = l->more_work || l->rooms.applied < l->commit;
}
