/* install.c - a member that lags behind the first kept entry gets the base as a snapshot.
 *
 * The leader sends it in pieces on the catch-up channel; the member gathers them, checks the
 * hash, and makes the snapshot durable before it is in force. A piece that is missing ends the
 * attempt: raft asks for another.
 */
#include "space/log/engine.h"

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
    if (p == NULL || (l->compact_to != 0 && l->base.applied + 1 != l->compact_to))
        return; /* the base is on the move: in a second it stands */
    buf_init(&b, LOG_SNAPSHOT_MAX);
    if (log_snapshot_put(l, &b) == PANDO_OK) {
        struct log_piece piece = { .index = l->base.applied, .term = l->base_term,
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
    const bool sound = log_snapshot_get(whole, &snap, &rooms) == PANDO_OK &&
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
void log_install_run(struct log *l)
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

static void restart_places(struct log *l, uint64_t first)
{
    if (first > l->first_index && first - l->first_index < l->places_len) {
        const size_t gone = first - l->first_index;
        memmove(l->places, l->places + gone, (l->places_len - gone) * sizeof *l->places);
        l->places_len -= gone;
    } else {
        l->places_len = 0;
        log_cache_clear(l);
    }
    l->first_index = first;
}

/* On disk, so in force: both states, the membership, and raft. */
void log_installed(struct log *l, enum pando_status status)
{
    struct log_snapshot snap;
    struct raft_members members;
    struct rooms rooms, base;
    l->install_writing = l->snapshotting = false;
    if (status != PANDO_OK) {
        forget(l);
        return;
    }
    if (rooms_init(&rooms, l->host.seed) != PANDO_OK)
        return;
    if (rooms_init(&base, l->host.seed) != PANDO_OK) {
        rooms_deinit(&rooms);
        return;
    }
    const struct pando_slice whole = buf_view(&l->incoming_snapshot);
    (void)!log_snapshot_get(whole, &snap, &base);
    (void)!log_snapshot_get(whole, &snap, &rooms);
    forget(l);
    const bool held = raft_term_at(l->raft, snap.index) == snap.term;
    batch_to_raft(&snap.members, &members);
    raft_restored(l->raft, l->now, snap.index, snap.term, &members);
    restart_places(l, snap.index + 1);
    rooms_deinit(&l->rooms);
    rooms_deinit(&l->base);
    l->rooms = rooms;
    l->base = base;
    l->base_term = snap.term;
    l->base_members = snap.members;
    l->commit = l->commit > snap.index ? l->commit : snap.index;
    l->commit_written = snap.index;
    if (!held)
        l->configs_len = 0;
    log_config_install(l, snap.index, &snap.members);
    if (!held) /* what was appended meanwhile belongs to the old sequence */
        log_write_truncate(l, 0, snap.index + 1);
    l->totals.installed++;
    trace(l->host.tracer, TRACE_ORDERING, TRACE_INFO,
          "Took a snapshot up to entry %llu: %llu messages", (unsigned long long)snap.index,
          (unsigned long long)l->rooms.messages);
    log_takes_reset(l);
    log_drive(l);
}
