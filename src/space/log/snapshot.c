/* snapshot.c - the beginning of the sequence, up to an entry, as one block of bytes.
 *
 *   version u8 | index, term be8 | own: member, term, vote be8, left u8, epoch, repairs,
 *   mend be8, why u8 | group 16 | members block | rooms, to the end (rooms_save.c)
 *
 * The own part is this member's and means nothing to others: the records that the snapshot
 * replaces may have held it.
 */
#include "space/log/engine.h"

#include "base/slice.h"

#define VERSION     2
#define MEMBERS_MAX (64u << 10)

void log_snapshot_put_own(struct log *l, struct wire_writer *w)
{
    const struct raft_view v = raft_look(l->raft);
    wire_put_be(w, l->options.id, 8);
    wire_put_be(w, v.term, 8);
    wire_put_be(w, v.vote, 8);
    wire_put_be(w, l->left, 1);
    wire_put_be(w, l->mend.epoch, 8);
    wire_put_be(w, l->mend.repairs, 8);
    wire_put_be(w, l->mend.number, 8);
    wire_put_be(w, l->mend.why, 1);
}

enum pando_status log_snapshot_put(struct log *l, struct pando_buf *b)
{
    uint8_t head[128];
    struct pando_buf members;
    struct wire_writer w = wire_write(head, sizeof head);
    if (l->base_rooms == NULL)
        return PANDO_NOT_FOUND;
    wire_put_be(&w, VERSION, 1);
    wire_put_be(&w, l->base_index, 8);
    wire_put_be(&w, l->base_term, 8);
    log_snapshot_put_own(l, &w);
    wire_put_bytes(&w, SLICE_OF(l->group));
    buf_init(&members, MEMBERS_MAX);
    enum pando_status st = batch_put_members(&members, &l->base_members);
    if (st == PANDO_OK) {
        wire_put_uvarint(&w, members.len);
        st = w.failed ? PANDO_INVALID : buf_append(b, wire_written(&w));
    }
    if (st == PANDO_OK)
        st = buf_append(b, buf_view(&members));
    buf_deinit(&members);
    return st == PANDO_OK ? buf_append(b, bytes_view(l->base_rooms)) : st;
}

enum pando_status log_snapshot_get(struct pando_slice s, struct log_snapshot *ret,
                                   struct rooms *rooms)
{
    struct wire_reader r = wire_read(s);
    const uint64_t version = wire_get_be(&r, 1);
    if (!r.failed && (version == 0 || version > VERSION))
        return PANDO_UNSUPPORTED;
    ret->old = version < VERSION;
    ret->index = wire_get_be(&r, 8);
    ret->term = wire_get_be(&r, 8);
    ret->member = wire_get_be(&r, 8);
    ret->vote_term = wire_get_be(&r, 8);
    ret->vote = wire_get_be(&r, 8);
    ret->left = wire_get_be(&r, 1) != 0;
    ret->mend = (struct log_mend){ .epoch = 0 };
    if (!ret->old) {
        ret->mend.epoch = wire_get_be(&r, 8);
        ret->mend.repairs = wire_get_be(&r, 8);
        ret->mend.number = wire_get_be(&r, 8);
        const uint64_t why = wire_get_be(&r, 1);
        r.failed = r.failed || why > LOG_MEND_BROKEN;
        ret->mend.why = (enum log_mend_why)(r.failed ? 0 : why);
    }
    wire_get_copy(&r, ret->group.bytes, sizeof ret->group.bytes);
    const struct pando_slice members = wire_get_block(&r, MEMBERS_MAX);
    if (r.failed || batch_read_members(members, &ret->members) != PANDO_OK)
        return PANDO_MALFORMED;
    ret->rooms = r.left;
    const enum pando_status st = rooms_load(rooms, r.left);
    return st == PANDO_OK && rooms->applied != ret->index ? PANDO_MALFORMED : st;
}
