/* Property: an RPC that passes the check is walked without a failure, and each message in
 * it is framed to an RPC that says the same. */
#include "base/assert.h"
#include "base/slice.h"
#include "proto/gossipsub/gossip_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frame_again(const struct gossip_message *m)
{
    struct gossip_layout layout;
    struct bytes *framed = gossip_message_frame(m, &layout);
    struct bytes *to_sign = gossip_message_signed(m);
    PANDO_ASSERT(framed != NULL && to_sign != NULL);
    uint64_t len;
    const struct pando_slice all = bytes_view(framed);
    const int head = wire_peek_uvarint(all, &len);
    PANDO_ASSERT(head > 0 && (size_t)head + len == all.len);
    PANDO_ASSERT(slice_equal(slice_of(all.ptr + layout.data_at, m->data.len), m->data));
    PANDO_ASSERT(slice_equal(slice_of(all.ptr + layout.fields_at, layout.signed_len),
                             slice_from(bytes_view(to_sign), 14)));
    struct gossip_rpc r = gossip_rpc_read(slice_from(all, (size_t)head));
    struct gossip_item item;
    PANDO_ASSERT(gossip_rpc_next(&r, &item) && item.kind == GOSSIP_ITEM_MESSAGE);
    PANDO_ASSERT(slice_equal(item.message.from, m->from));
    PANDO_ASSERT(slice_equal(item.message.data, m->data));
    PANDO_ASSERT(slice_equal(item.message.seqno, m->seqno));
    PANDO_ASSERT(slice_equal(item.message.topic, m->topic));
    PANDO_ASSERT(slice_equal(item.message.signature, m->signature));
    PANDO_ASSERT(slice_equal(item.message.key, m->key));
    PANDO_ASSERT(!gossip_rpc_next(&r, &item));
    bytes_unref(framed);
    bytes_unref(to_sign);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pando_slice rpc = slice_of(data, size);
    if (gossip_rpc_check(rpc) != PANDO_OK)
        return 0;
    struct gossip_rpc r = gossip_rpc_read(rpc);
    struct gossip_item item;
    while (gossip_rpc_next(&r, &item)) {
        if (item.kind == GOSSIP_ITEM_MESSAGE)
            frame_again(&item.message);
        if (item.kind != GOSSIP_ITEM_IHAVE && item.kind != GOSSIP_ITEM_IWANT)
            continue;
        struct wire_reader body = wire_read(item.body);
        struct pando_slice id;
        while (gossip_id_next(&body, item.kind, &id))
            PANDO_ASSERT(id.len <= size);
        PANDO_ASSERT(!body.failed);
    }
    PANDO_ASSERT(wire_read_done(&r.rest) && !r.control.failed);
    return 0;
}
