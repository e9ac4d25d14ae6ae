/* install.c - a member that lags behind the first kept entry gets the base as a snapshot.
 *
 * The leader sends it in pieces on the catch-up channel; the member gathers them, checks the
 * hash, and makes the snapshot durable before it is in force. A piece that is missing ends the
 * attempt: raft asks for another.
 */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <string.h>

#define PIECE (128u << 10)

static bool send_piece(struct log *l, struct log_peer *p, struct log_piece *piece)
{
    uint8_t *data;
    struct bytes *b = bytes_new(LOG_WIRE_PIECE_HEAD + piece->bytes.len, &data);
    if (b == NULL)
        return false;
    struct wire_writer w = wire_write(data, LOG_WIRE_PIECE_HEAD + piece->bytes.len);
    log_wire_put_piece(&w, piece);
    return log_send(l, p, LOG_CATCHUP, b);
}

/* Raft asks each second until the member reports that it has it. */
void log_snapshot_wanted(struct log *l, uint64_t member)
{
    struct log_peer *p = log_peer_of(l, member);
    struct pando_buf b;
    if (p == NULL)
        return;
    buf_init(&b, LOG_SNAPSHOT_MAX);
    if (log_snapshot_put(l, &b) == PANDO_OK) {
        struct log_piece piece = { .index = l->base_index, .term = l->base_term,
                                   .total = b.len };
        piece.sha = crypto_sha256(buf_view(&b));
        bool sent = true;
        for (; sent && piece.offset < b.len; piece.offset += piece.bytes.len) {
            const size_t left = b.len - piece.offset;
            piece.bytes = slice_of(b.ptr + piece.offset, left < PIECE ? left : PIECE);
            sent = send_piece(l, p, &piece);
        }
        trace(l->host.tracer, TRACE_ORDERING, TRACE_INFO,
              "Sent a snapshot up to entry %llu to %s (%zu bytes)%s",
              (unsigned long long)piece.index, p->name, b.len,
              sent ? "" : ": the link is busy, again in a second");
    }
    buf_deinit(&b);
}

static void begin(struct log *l, const struct log_piece *piece)
{
    buf_deinit(&l->incoming_snapshot);
    buf_init(&l->incoming_snapshot, LOG_SNAPSHOT_MAX);
    l->installing = *piece;
    l->installing.bytes = SLICE_EMPTY;
}

static void forget(struct log *l)
{
    buf_deinit(&l->incoming_snapshot);
    l->installing = (struct log_piece){ .index = 0 };
}

static bool is_sound(struct log *l)
{
    struct log_snapshot snap;
    struct rooms rooms;
    const struct pando_slice whole = buf_view(&l->incoming_snapshot);
    const struct pando_id sha = crypto_sha256(whole);
    if (!id_equal(&sha, &l->installing.sha) || rooms_init(&rooms, l->host.seed) != PANDO_OK)
        return false;
    const bool sound = log_snapshot_get(whole, &snap, &rooms) == PANDO_OK && !snap.old &&
                       snap.index == l->installing.index && snap.term == l->installing.term &&
                       memcmp(snap.group.bytes, l->group.bytes, sizeof l->group.bytes) == 0;
    rooms_deinit(&rooms);
    return sound;
}

/* Our own part goes into it in place of the leader's. */
static struct bytes *own_copy(struct log *l)
{
    struct wire_writer w =
        wire_write(l->incoming_snapshot.ptr + LOG_SNAPSHOT_OWN, LOG_SNAPSHOT_OWN_SIZE);
    log_snapshot_put_own(l, &w);
    return bytes_copy(buf_view(&l->incoming_snapshot));
}

static void write_it(struct log *l)
{
    struct bytes *state = own_copy(l);
    if (state == NULL) {
        forget(l);
        return;
    }
    l->install_writing = l->snapshotting = true;
    l->compact_to = 0;
    /* Entries before this position do not count any more; records behind it do. */
    log_emit(l, &(struct space_effect){ .kind = SPACE_SNAPSHOT,
                                        .value = l->install_position, .bytes = state });
}

/* Everything staged must be on disk first, so that the position behind it can be named. */
static void write_when_still(struct log *l)
{
    if (l->installing.index == 0 || l->install_writing || l->snapshotting ||
        l->incoming_snapshot.len < l->installing.total || l->writes_head != l->writes_len)
        return;
    if (l->installing.index <= l->commit) {
        forget(l);
        return;
    }
    const uint64_t next = l->installing.index + 1;
    const bool held = raft_term_at(l->raft, l->installing.index) == l->installing.term &&
                      next >= l->first_index && next - l->first_index < l->places_len;
    l->install_position = held ? l->places[next - l->first_index].position : l->durable;
    write_it(l);
}

enum pando_status log_piece_come(struct log *l, struct log_peer *p, struct pando_slice s)
{
    struct log_piece piece;
    if (log_wire_get_piece(s, &piece) != PANDO_OK)
        return PANDO_MALFORMED;
    if (p->member != l->leader || piece.index <= l->commit || l->install_writing)
        return PANDO_OK;
    if (piece.offset == 0)
        begin(l, &piece);
    if (piece.index != l->installing.index || !id_equal(&piece.sha, &l->installing.sha) ||
        piece.total != l->installing.total || piece.offset != l->incoming_snapshot.len ||
        buf_append(&l->incoming_snapshot, piece.bytes) != PANDO_OK) {
        forget(l);
        return PANDO_OK;
    }
    if (l->incoming_snapshot.len < piece.total)
        return PANDO_OK;
    if (is_sound(l))
        return PANDO_OK; /* log_install_run goes on */
    forget(l);
    return PANDO_FORGED;
}

/* Of our entries those behind the snapshot stay that raft keeps. */
static void restart_places(struct log *l, uint64_t index, uint64_t last)
{
    const size_t kept = last > index ? last - index : 0;
    if (kept > 0) {
        const size_t gone = index + 1 - l->first_index;
        PANDO_ASSERT(gone + kept == l->places_len);
        memmove(l->places, l->places + gone, kept * sizeof *l->places);
    } else {
        log_cache_clear(l);
    }
    l->places_len = kept;
    l->first_index = index + 1;
}

static void take_rooms(struct rooms *place, struct rooms *fresh)
{
    rooms_deinit(place);
    *place = *fresh;
    *fresh = (struct rooms){ .len = 0 };
}

/* On disk, so in force: the state, the membership, and raft. */
static void adopt(struct log *l, const struct log_snapshot *snap, struct rooms *rooms,
                  struct bytes *base)
{
    struct raft_members members;
    const uint64_t index = snap->index;
    const bool restart = index > l->commit && raft_term_at(l->raft, index) != snap->term;
    batch_to_raft(&snap->members, &members);
    if (index > l->commit)
        raft_restored(l->raft, l->now, index, snap->term, &members);
    else
        raft_compacted(l->raft, index); /* its entries came by themselves meanwhile */
    const struct raft_view v = raft_look(l->raft);
    PANDO_ASSERT(v.first_index == index + 1);
    restart_places(l, index, v.last_index);
    const bool jumped = l->rooms.applied < index;
    if (jumped)
        take_rooms(&l->rooms, rooms);
    rooms_drop_before(&l->rooms, index + 1);
    log_base_set(l, snap, base);
    l->commit = l->commit > index ? l->commit : index;
    l->commit_written = l->commit_written > index ? l->commit_written : index;
    if (restart) { /* what was appended meanwhile belongs to the old sequence */
        l->configs_len = 0;
        log_write_truncate(l, 0, index + 1);
    }
    log_config_install(l, index, &snap->members);
    l->totals.installed++;
    trace(l->host.tracer, TRACE_ORDERING, TRACE_INFO,
          "Took a snapshot up to entry %llu: %llu messages", (unsigned long long)index,
          (unsigned long long)l->rooms.messages);
    if (jumped)
        log_takes_jumped(l);
    log_takes_reset(l);
    log_drive(l);
}

/* A leader holds the snapshot's entries, and learns soon that they are committed. */
static void try_adopt(struct log *l)
{
    struct log_snapshot snap;
    struct rooms rooms = { .len = 0 };
    if (l->role == RAFT_LEADER && l->installing.index > l->commit)
        return;
    const struct pando_slice whole = buf_view(&l->incoming_snapshot);
    struct bytes *base = NULL;
    if (rooms_init(&rooms, l->host.seed) == PANDO_OK &&
        log_snapshot_get(whole, &snap, &rooms) == PANDO_OK)
        base = bytes_copy(snap.rooms);
    if (base != NULL) {
        forget(l);
        l->install_writing = l->install_written = false;
        adopt(l, &snap, &rooms, base);
    } /* else without memory: again at the next turn */
    rooms_deinit(&rooms);
}

void log_install_run(struct log *l)
{
    if (l->install_written)
        try_adopt(l);
    else
        write_when_still(l);
}

void log_installed(struct log *l, enum pando_status status)
{
    l->snapshotting = false;
    l->install_written = status == PANDO_OK;
    if (status == PANDO_OK)
        return; /* log_install_run goes on */
    l->install_writing = false;
    forget(l);
}
