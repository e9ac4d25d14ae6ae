/* compact.c - the oldest entries are forgotten, what they amount to is kept.
 *
 * Behind the state that people see there is a second one, the base, that stands at the entry
 * before the first kept one. When more than `keep_bytes` have gathered, the base is moved on
 * entry by entry, written as a snapshot, and the journal drops what lies before. So the kept
 * entries remain readable messages, and a member that lags less than that catches up by them.
 */
#include "space/log/engine.h"

#include "base/slice.h"

#include <string.h>

#define BYTES_PER_STEP (1u << 20)
#define AGAIN          PANDO_SEC(5)
#define PENDING        (UINT64_C(1) << 63)

static uint64_t position_of(const struct log *l, uint64_t index)
{
    const uint64_t position = l->places[index - l->first_index].position;
    return (position & PENDING) != 0 ? UINT64_MAX : position;
}

/* The entry to begin with when about `keep_bytes` stay; 0: nothing is to be done. */
static uint64_t target(const struct log *l)
{
    const uint64_t last = l->rooms.applied, keep = l->options.keep_bytes;
    if (l->places_len < 2 || last <= l->first_index ||
        last >= l->first_index + l->places_len)
        return 0;
    const uint64_t end = position_of(l, last);
    if (end == UINT64_MAX || end >= l->durable ||
        end - position_of(l, l->first_index) <= keep + keep / 4)
        return 0;
    uint64_t low = l->first_index, high = last;
    while (low < high) {
        const uint64_t mid = low + (high - low) / 2;
        if (end - position_of(l, mid) <= keep)
            high = mid;
        else
            low = mid + 1;
    }
    return low > l->first_index ? low : 0;
}

static void move_over(struct log *l, const struct raft_entry *e, struct pando_slice bytes)
{
    struct pando_slice left;
    struct batch_message m;
    struct batch_members members;
    int64_t time_ms;
    uint32_t len, room;
    uint64_t seq;
    l->base_term = e->term;
    if (e->kind == RAFT_CONFIG && batch_read_members(bytes, &members) == PANDO_OK)
        l->base_members = members;
    if (e->kind == RAFT_DATA && batch_open(bytes, &time_ms, &len, &left))
        for (uint32_t i = 0; i < len && batch_next(&left, &m); i++)
            (void)rooms_apply(&l->base, e->index, i, &m, &room, &seq);
    l->base.applied = e->index;
}

/* False: an entry cannot be read. */
static bool move_base(struct log *l)
{
    size_t done = 0;
    while (l->base.applied + 1 < l->compact_to && done < BYTES_PER_STEP) {
        struct raft_entry e;
        struct pando_slice bytes;
        struct bytes *record = log_entry(l, l->base.applied + 1);
        if (record == NULL || !log_wire_get_record(bytes_view(record), &e, &bytes)) {
            bytes_unref(record);
            return false;
        }
        done += bytes_view(record).len;
        move_over(l, &e, bytes);
        bytes_unref(record);
    }
    rooms_drop_before(&l->base, l->base.applied + 1);
    l->more_work = l->more_work || l->base.applied + 1 < l->compact_to;
    return true;
}

static void write_snapshot(struct log *l)
{
    struct pando_buf b;
    buf_init(&b, LOG_SNAPSHOT_MAX);
    struct bytes *state = log_snapshot_put(l, &b) == PANDO_OK ? bytes_copy(buf_view(&b)) : NULL;
    buf_deinit(&b);
    if (state == NULL) {
        l->compact_at = pando_time_add(l->now, AGAIN);
        return;
    }
    l->snapshotting = true;
    log_emit(l, &(struct space_effect){ .kind = SPACE_SNAPSHOT,
                                        .value = position_of(l, l->compact_to),
                                        .bytes = state });
}

void log_compact(struct log *l)
{
    if (l->snapshotting || l->install_writing || l->stopping ||
        !pando_time_reached(l->compact_at, l->now))
        return;
    if (l->compact_to == 0)
        l->compact_to = target(l);
    if (l->compact_to == 0)
        return;
    if (!move_base(l))
        l->compact_at = pando_time_add(l->now, AGAIN);
    else if (l->base.applied + 1 == l->compact_to)
        write_snapshot(l);
}

/* The snapshot is on disk, or not: then it is written again later. */
void log_compact_done(struct log *l, enum pando_status status)
{
    const uint64_t to = l->compact_to;
    l->snapshotting = false;
    if (status != PANDO_OK) {
        l->compact_at = pando_time_add(l->now, AGAIN);
        return;
    }
    l->compact_to = 0;
    l->totals.snapshots++;
    raft_compacted(l->raft, to - 1);
    const size_t gone = to - l->first_index;
    memmove(l->places, l->places + gone, (l->places_len - gone) * sizeof *l->places);
    l->places_len -= gone;
    l->first_index = to;
    rooms_drop_before(&l->rooms, to);
    log_drive(l);
}
