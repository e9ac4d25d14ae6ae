/* compact.c - the oldest entries are forgotten, what they amount to is kept.
 *
 * Behind the state that people see there is an older one, the base, that stands at the entry
 * before the first kept one. While entries are applied, the state is marked down every eighth
 * of `keep_bytes`; when a quarter more than that has gathered, one of the marks becomes the
 * base, is written as a snapshot, and the journal drops what lies before. So no entry is read
 * a second time to be forgotten, the kept entries remain readable messages, and a member that
 * lags less than that catches up by them.
 */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <string.h>

#define AGAIN   PANDO_SEC(5)
#define PENDING (UINT64_C(1) << 63)

static void free_mark(struct log_mark *m)
{
    bytes_unref(m->config);
    bytes_unref(m->rooms);
}

/* Marks that do not lie behind the base are of no use. */
static void drop_marks(struct log *l)
{
    size_t gone = 0;
    while (gone < l->marks_len && l->marks[gone].index <= l->base_index)
        free_mark(&l->marks[gone++]);
    l->marks_len -= gone;
    memmove(l->marks, l->marks + gone, l->marks_len * sizeof *l->marks);
}

void log_base_set(struct log *l, const struct log_snapshot *snap, struct bytes *rooms)
{
    bytes_unref(l->base_rooms);
    l->base_rooms = rooms;
    l->base_index = snap->index;
    l->base_term = snap->term;
    l->base_members = snap->members;
    if (l->rooms.applied <= snap->index) { /* and the base says of members what it says */
        bytes_unref(l->applied_config);
        l->applied_config = NULL;
    }
    drop_marks(l);
}

void log_base_deinit(struct log *l)
{
    while (l->marks_len > 0)
        free_mark(&l->marks[--l->marks_len]);
    bytes_unref(l->base_rooms);
    bytes_unref(l->applied_config);
}

static struct bytes *save(const struct rooms *r)
{
    struct pando_buf b;
    buf_init(&b, LOG_SNAPSHOT_MAX);
    struct bytes *saved = rooms_save(r, &b) == PANDO_OK ? bytes_copy(buf_view(&b)) : NULL;
    buf_deinit(&b);
    return saved;
}

void log_mark_after(struct log *l, const struct raft_entry *e, struct bytes *record)
{
    PANDO_ASSERT(e->index == l->rooms.applied);
    if (e->kind == RAFT_CONFIG) {
        bytes_unref(l->applied_config);
        l->applied_config = bytes_ref(record);
    }
    l->unmarked += bytes_view(record).len;
    if (l->unmarked < l->options.keep_bytes / 8 || l->marks_len == LOG_MARKS_MAX)
        return;
    struct bytes *rooms = save(&l->rooms);
    if (rooms == NULL)
        return; /* after the next entry, perhaps */
    l->unmarked = 0;
    l->marks[l->marks_len++] = (struct log_mark){
        .index = e->index,
        .term = e->term,
        .config = l->applied_config == NULL ? NULL : bytes_ref(l->applied_config),
        .rooms = rooms,
    };
}

static uint64_t position_of(const struct log *l, uint64_t index)
{
    const uint64_t position = l->places[index - l->first_index].position;
    return (position & PENDING) != 0 ? UINT64_MAX : position;
}

/* The newest mark behind which `keep_bytes` stay; NULL: nothing is to be done. */
static const struct log_mark *target(const struct log *l)
{
    const uint64_t last = l->rooms.applied, keep = l->options.keep_bytes;
    if (l->places_len < 2 || last <= l->first_index ||
        last >= l->first_index + l->places_len)
        return NULL;
    const uint64_t end = position_of(l, last);
    if (end == UINT64_MAX || end >= l->durable ||
        end - position_of(l, l->first_index) <= keep + keep / 4)
        return NULL;
    for (size_t i = l->marks_len; i > 0; i--) {
        const struct log_mark *m = &l->marks[i - 1];
        if (m->index >= l->first_index && m->index < last &&
            end - position_of(l, m->index + 1) >= keep)
            return m;
    }
    return NULL;
}

static bool read_members(struct bytes *record, struct batch_members *ret)
{
    struct raft_entry e;
    struct pando_slice bytes;
    return log_wire_get_record(bytes_view(record), &e, &bytes) &&
           batch_read_members(bytes, ret) == PANDO_OK;
}

static void move_base(struct log *l, const struct log_mark *to)
{
    struct log_snapshot snap = { .index = to->index, .term = to->term };
    if (to->config == NULL || !read_members(to->config, &snap.members))
        snap.members = l->base_members;
    l->compact_to = to->index + 1;
    log_base_set(l, &snap, bytes_ref(to->rooms));
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
    const struct log_mark *to = l->compact_to == 0 ? target(l) : NULL;
    if (to != NULL)
        move_base(l, to);
    if (l->compact_to != 0)
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
