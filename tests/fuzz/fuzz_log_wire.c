/* Whatever decodes encodes back to the very same bytes: greetings, raft heads, records,
 * messages, members. The first byte chooses. A state that loads saves as it was. */
#include "base/assert.h"
#include "base/slice.h"
#include "space/log/rooms.h"
#include "space/log/wire.h"

#include <stdlib.h>
#include <string.h>

static uint8_t again[1u << 17];

static void check_same(const struct wire_writer *w, struct pando_slice s)
{
    PANDO_ASSERT(!w->failed);
    PANDO_ASSERT(slice_equal(wire_written(w), s));
}

static void check_hello(struct pando_slice s)
{
    struct log_hello h;
    struct wire_writer w = wire_write(again, sizeof again);
    if (log_wire_get_hello(slice_from(s, 1), &h) != PANDO_OK)
        return;
    log_wire_put_hello(&w, (enum log_wire_kind)s.ptr[0], &h);
    check_same(&w, s);
}

static void check_join_ack(struct pando_slice s)
{
    struct log_join_ack a;
    struct wire_writer w = wire_write(again, sizeof again);
    if (log_wire_get_join_ack(slice_from(s, 1), &a) != PANDO_OK)
        return;
    log_wire_put_join_ack(&w, &a);
    check_same(&w, s);
}

static void check_raft(struct pando_slice s)
{
    struct raft_message m;
    struct pando_slice entries, record, body;
    struct raft_entry e;
    struct wire_writer w = wire_write(again, sizeof again);
    if (log_wire_get_raft(slice_from(s, 1), &m, &entries) != PANDO_OK)
        return;
    log_wire_put_raft(&w, &m);
    while (log_wire_next_record(&entries, &record) && log_wire_get_record(record, &e, &body) &&
           w.len + record.len + 4 < sizeof again) {
        wire_put_be(&w, record.len, 4);
        log_wire_put_record(&w, e.index, e.term, e.kind);
        wire_put_bytes(&w, body);
    }
    check_same(&w, slice_of(s.ptr, w.len));
}

static void check_messages(struct pando_slice s)
{
    struct pando_slice left = slice_from(s, 1);
    struct batch_message m;
    struct pando_buf b;
    buf_init(&b, s.len + 128);
    while (batch_next(&left, &m))
        PANDO_ASSERT(batch_put(&b, &m) == PANDO_OK);
    PANDO_ASSERT(b.len == 0 || memcmp(b.ptr, s.ptr + 1, b.len) == 0);
    buf_deinit(&b);
}

static void check_members(struct pando_slice s)
{
    struct batch_members m;
    struct pando_buf b;
    if (batch_read_members(slice_from(s, 1), &m) != PANDO_OK)
        return;
    buf_init(&b, 1u << 20);
    PANDO_ASSERT(batch_put_members(&b, &m) == PANDO_OK);
    PANDO_ASSERT(slice_equal(buf_view(&b), slice_from(s, 1)));
    buf_deinit(&b);
}

static void check_rooms(struct pando_slice s)
{
    struct rooms r;
    struct pando_buf b;
    PANDO_ASSERT(rooms_init(&r, 1) == PANDO_OK);
    buf_init(&b, 4u << 20);
    if (rooms_load(&r, slice_from(s, 1)) == PANDO_OK) {
        PANDO_ASSERT(rooms_save(&r, &b) == PANDO_OK);
        if (s.ptr[1] == 2) /* the version that is written */
            PANDO_ASSERT(slice_equal(buf_view(&b), slice_from(s, 1)));
    }
    buf_deinit(&b);
    rooms_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pando_slice s = slice_of(data, size);
    if (size == 0 || size > sizeof again)
        return 0;
    switch (data[0]) {
    case LOG_WIRE_HELLO:
    case LOG_WIRE_JOIN:
        check_hello(s);
        break;
    case LOG_WIRE_JOIN_ACK:
        check_join_ack(s);
        break;
    case LOG_WIRE_RAFT:
        check_raft(s);
        break;
    case LOG_WIRE_FORWARD:
        check_messages(s);
        break;
    case 7:
        check_members(s);
        break;
    case 8:
        check_rooms(s);
        break;
    default:
        break;
    }
    return 0;
}
