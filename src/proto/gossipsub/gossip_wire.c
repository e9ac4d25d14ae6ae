#include "proto/gossipsub/gossip_wire.h"

#include "base/slice.h"
#include "codec/pb.h"

enum { RPC_SUBSCRIPTION = 1, RPC_MESSAGE = 2, RPC_CONTROL = 3 };
enum { CONTROL_IHAVE = 1, CONTROL_IWANT = 2, CONTROL_GRAFT = 3, CONTROL_PRUNE = 4 };
enum {
    MESSAGE_FROM = 1,
    MESSAGE_DATA,
    MESSAGE_SEQNO,
    MESSAGE_TOPIC,
    MESSAGE_SIGNATURE,
    MESSAGE_KEY
};
enum { IHAVE_TOPIC = 1, IHAVE_ID = 2, IWANT_ID = 1, PRUNE_BACKOFF = 3 };

static bool read_message(struct pando_slice body, struct gossip_message *ret)
{
    struct gossip_message m = { 0 };
    struct wire_reader r = wire_read(body);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.type != PB_BYTES)
            continue;
        switch (f.number) {
        case MESSAGE_FROM:
            m.from = f.bytes;
            break;
        case MESSAGE_DATA:
            m.data = f.bytes;
            break;
        case MESSAGE_SEQNO:
            m.seqno = f.bytes;
            break;
        case MESSAGE_TOPIC:
            m.topic = f.bytes;
            break;
        case MESSAGE_SIGNATURE:
            m.signature = f.bytes;
            break;
        case MESSAGE_KEY:
            m.key = f.bytes;
            break;
        default:
            break;
        }
    }
    *ret = m;
    return wire_read_done(&r);
}

static bool read_subscription(struct pando_slice body, struct gossip_item *item)
{
    struct wire_reader r = wire_read(body);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_VARINT)
            item->subscribe = f.value != 0;
        else if (f.number == 2 && f.type == PB_BYTES)
            item->topic = f.bytes;
    }
    return wire_read_done(&r);
}

/* IHAVE, IWANT, GRAFT and PRUNE: a topic, perhaps a back-off, ids that are read later. */
static bool read_control(struct pando_slice body, struct gossip_item *item)
{
    struct wire_reader r = wire_read(body);
    struct pb_field f;
    item->body = body;
    while (pb_next(&r, &f)) {
        if (f.number == IHAVE_TOPIC && f.type == PB_BYTES)
            item->topic = f.bytes;
        else if (f.number == PRUNE_BACKOFF && f.type == PB_VARINT)
            item->backoff = f.value;
    }
    return wire_read_done(&r);
}

/* The next item of the control message; false at its end or a failure. */
static bool next_control(struct gossip_rpc *r, struct gossip_item *item)
{
    struct pb_field f;
    while (pb_next(&r->control, &f)) {
        if (f.type != PB_BYTES || f.number < CONTROL_IHAVE || f.number > CONTROL_PRUNE)
            continue;
        static const enum gossip_item_kind kinds[] = {
            [CONTROL_IHAVE] = GOSSIP_ITEM_IHAVE,
            [CONTROL_IWANT] = GOSSIP_ITEM_IWANT,
            [CONTROL_GRAFT] = GOSSIP_ITEM_GRAFT,
            [CONTROL_PRUNE] = GOSSIP_ITEM_PRUNE,
        };
        *item = (struct gossip_item){ .kind = kinds[f.number] };
        r->control.failed = !read_control(f.bytes, item);
        return !r->control.failed;
    }
    return false;
}

bool gossip_rpc_next(struct gossip_rpc *r, struct gossip_item *ret_item)
{
    struct pb_field f;
    for (;;) {
        if (next_control(r, ret_item))
            return true;
        if (r->control.failed || !pb_next(&r->rest, &f))
            return false;
        if (f.type != PB_BYTES)
            continue;
        switch (f.number) {
        case RPC_CONTROL:
            r->control = wire_read(f.bytes);
            break;
        case RPC_SUBSCRIPTION:
            *ret_item = (struct gossip_item){ .kind = GOSSIP_ITEM_SUBSCRIPTION };
            r->rest.failed = !read_subscription(f.bytes, ret_item);
            return !r->rest.failed;
        case RPC_MESSAGE:
            *ret_item = (struct gossip_item){ .kind = GOSSIP_ITEM_MESSAGE };
            r->rest.failed = !read_message(f.bytes, &ret_item->message);
            return !r->rest.failed;
        default:
            break;
        }
    }
}

bool gossip_id_next(struct wire_reader *r, enum gossip_item_kind kind,
                    struct pando_slice *ret_id)
{
    const uint32_t number = kind == GOSSIP_ITEM_IHAVE ? IHAVE_ID : IWANT_ID;
    struct pb_field f;
    while (pb_next(r, &f)) {
        if (f.number == number && f.type == PB_BYTES) {
            *ret_id = f.bytes;
            return true;
        }
    }
    return false;
}

enum pando_status gossip_rpc_check(struct pando_slice rpc)
{
    struct gossip_rpc r = gossip_rpc_read(rpc);
    struct gossip_item item;
    size_t counts[GOSSIP_ITEM_KINDS] = { 0 };
    size_t ids = 0;
    while (gossip_rpc_next(&r, &item)) {
        if (++counts[item.kind] > GOSSIP_ITEMS_MAX)
            return PANDO_FULL;
        if (item.kind != GOSSIP_ITEM_IHAVE && item.kind != GOSSIP_ITEM_IWANT)
            continue;
        struct wire_reader body = wire_read(item.body);
        struct pando_slice id;
        while (gossip_id_next(&body, item.kind, &id)) {
            if (++ids > GOSSIP_IDS_MAX)
                return PANDO_FULL;
        }
    }
    return r.control.failed || !wire_read_done(&r.rest) ? PANDO_MALFORMED : PANDO_OK;
}

static size_t optional_size(uint32_t number, struct pando_slice s)
{
    return s.len == 0 ? 0 : pb_bytes_size(number, s.len);
}

static void put_optional(struct wire_writer *w, uint32_t number, struct pando_slice s)
{
    if (s.len > 0)
        pb_put_bytes(w, number, s);
}

static size_t signed_size(const struct gossip_message *m)
{
    return optional_size(MESSAGE_FROM, m->from) +
           pb_bytes_size(MESSAGE_DATA, m->data.len) +
           optional_size(MESSAGE_SEQNO, m->seqno) +
           pb_bytes_size(MESSAGE_TOPIC, m->topic.len);
}

/* Fields 1 to 4; where the data lies in `w` afterwards. Data is written even when empty.
 */
static size_t put_signed(struct wire_writer *w, const struct gossip_message *m)
{
    put_optional(w, MESSAGE_FROM, m->from);
    pb_put_bytes(w, MESSAGE_DATA, m->data);
    const size_t data_at = w->len - m->data.len;
    put_optional(w, MESSAGE_SEQNO, m->seqno);
    pb_put_bytes(w, MESSAGE_TOPIC, m->topic);
    return data_at;
}

struct bytes *gossip_message_frame(const struct gossip_message *m,
                                   struct gossip_layout *ret)
{
    const size_t signed_len = signed_size(m);
    const size_t body = signed_len + optional_size(MESSAGE_SIGNATURE, m->signature) +
                        optional_size(MESSAGE_KEY, m->key);
    const size_t rpc = pb_bytes_size(RPC_MESSAGE, body);
    const size_t size = wire_uvarint_size(rpc) + rpc;
    uint8_t *data;
    struct bytes *b = bytes_new(size, &data);
    if (b == NULL)
        return NULL;

    struct wire_writer w = wire_write(data, size);
    wire_put_uvarint(&w, rpc);
    pb_put_head(&w, RPC_MESSAGE, body);
    const size_t fields_at = w.len;
    const size_t data_at = put_signed(&w, m);
    put_optional(&w, MESSAGE_SIGNATURE, m->signature);
    put_optional(&w, MESSAGE_KEY, m->key);
    *ret = (struct gossip_layout){
        .data_at = (uint32_t)data_at,
        .fields_at = (uint32_t)fields_at,
        .signed_len = (uint32_t)signed_len,
    };
    return b;
}

struct bytes *gossip_message_signed(const struct gossip_message *m)
{
    const struct pando_slice prefix = slice_text("libp2p-pubsub:");
    const size_t size = prefix.len + signed_size(m);
    uint8_t *data;
    struct bytes *b = bytes_new(size, &data);
    if (b == NULL)
        return NULL;
    struct wire_writer w = wire_write(data, size);
    wire_put_bytes(&w, prefix);
    (void)put_signed(&w, m);
    return b;
}

void gossip_put_graft(struct wire_writer *w, struct pando_slice topic)
{
    pb_put_head(w, CONTROL_GRAFT, pb_bytes_size(1, topic.len));
    pb_put_bytes(w, 1, topic);
}

void gossip_put_prune(struct wire_writer *w, struct pando_slice topic, bool with_backoff,
                      uint64_t backoff)
{
    const size_t extra = with_backoff ? pb_uint_size(PRUNE_BACKOFF, backoff) : 0;
    pb_put_head(w, CONTROL_PRUNE, pb_bytes_size(1, topic.len) + extra);
    pb_put_bytes(w, 1, topic);
    if (with_backoff)
        pb_put_uint(w, PRUNE_BACKOFF, backoff);
}

void gossip_put_subscription(struct wire_writer *w, bool subscribe,
                             struct pando_slice topic)
{
    pb_put_head(w, RPC_SUBSCRIPTION,
                pb_uint_size(1, subscribe) + pb_bytes_size(2, topic.len));
    pb_put_uint(w, 1, subscribe);
    pb_put_bytes(w, 2, topic);
}

struct bytes *gossip_control_frame(struct pando_slice subscriptions,
                                   struct pando_slice control)
{
    const size_t rpc = subscriptions.len + optional_size(RPC_CONTROL, control);
    const size_t size = wire_uvarint_size(rpc) + rpc;
    uint8_t *data;
    struct bytes *b = bytes_new(size, &data);
    if (b == NULL)
        return NULL;
    struct wire_writer w = wire_write(data, size);
    wire_put_uvarint(&w, rpc);
    wire_put_bytes(&w, subscriptions);
    put_optional(&w, RPC_CONTROL, control);
    return b;
}

void gossip_put_id(struct wire_writer *w, bool ihave, struct pando_slice id)
{
    pb_put_bytes(w, ihave ? IHAVE_ID : IWANT_ID, id);
}

struct bytes *gossip_ids_frame(struct pando_slice topic, struct pando_slice ids)
{
    const uint32_t kind = topic.len > 0 ? CONTROL_IHAVE : CONTROL_IWANT;
    const size_t body = optional_size(IHAVE_TOPIC, topic) + ids.len;
    const size_t control = pb_bytes_size(kind, body);
    const size_t rpc = pb_bytes_size(RPC_CONTROL, control);
    const size_t size = wire_uvarint_size(rpc) + rpc;
    uint8_t *data;
    struct bytes *b = bytes_new(size, &data);
    if (b == NULL)
        return NULL;
    struct wire_writer w = wire_write(data, size);
    wire_put_uvarint(&w, rpc);
    pb_put_head(&w, RPC_CONTROL, control);
    pb_put_head(&w, kind, body);
    put_optional(&w, IHAVE_TOPIC, topic);
    wire_put_bytes(&w, ids);
    return b;
}
