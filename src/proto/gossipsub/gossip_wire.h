/* gossip_wire.h - the RPC of pubsub in protobuf, read item by item and written once.
 *
 *     RPC      1* subscription { 1 subscribe, 2 topic }
 *              2* message { 1 from, 2 data, 3 seqno, 4 topic, 5 signature, 6 key }
 *              3  control { 1* ihave { 1 topic, 2* id }   2* iwant { 1* id }
 *                           3* graft { 1 topic }          4* prune { 1 topic, 2* px, 3
 * backoff } }
 *
 * A received RPC is walked twice: gossip_rpc_check() proves that all of it is well formed
 * and below the caps before the first item has any effect; then gossip_rpc_next() yields
 * the items as slices of it. Unknown fields are skipped, and left out when a message is
 * encoded anew for forwarding, so nobody can smuggle bytes through us.
 */
#ifndef GOSSIPSUB_GOSSIP_WIRE_H
#define GOSSIPSUB_GOSSIP_WIRE_H

#include "base/bytes.h"
#include "codec/wire.h"
#include "proto/gossipsub/gossip.h"

#include <pando/status.h>

#define GOSSIP_IDS_MAX     50000 /* ids in one RPC, all IHAVE and IWANT together */
#define GOSSIP_ID_SIZE_MAX 512

/* A message's fields; empty means absent. */
struct gossip_message {
    struct pando_slice from, data, seqno, topic, signature, key;
};

enum gossip_item_kind {
    GOSSIP_ITEM_SUBSCRIPTION, /* subscribe, topic */
    GOSSIP_ITEM_MESSAGE,      /* message */
    GOSSIP_ITEM_IHAVE,        /* topic, body */
    GOSSIP_ITEM_IWANT,        /* body */
    GOSSIP_ITEM_GRAFT,        /* topic */
    GOSSIP_ITEM_PRUNE,        /* topic, backoff in seconds (0: not said) */
    GOSSIP_ITEM_KINDS
};

struct gossip_item {
    enum gossip_item_kind kind;
    bool subscribe;
    uint64_t backoff;
    struct pando_slice topic;
    struct pando_slice body; /* for gossip_id_next */
    struct gossip_message message;
};

struct gossip_rpc {
    struct wire_reader rest;
    struct wire_reader control;
};

/* Errors: PANDO_MALFORMED not protobuf; PANDO_FULL more items than the caps allow. */
enum pando_status gossip_rpc_check(struct pando_slice rpc) PANDO_MUST_USE;

static inline struct gossip_rpc gossip_rpc_read(struct pando_slice rpc)
{
    return (struct gossip_rpc){ .rest = wire_read(rpc) };
}
/* The next item; false at the end or at a failure (rest.failed or control.failed). */
bool gossip_rpc_next(struct gossip_rpc *r, struct gossip_item *ret_item);
/* Walk the ids of an IHAVE or IWANT: `r` starts at the item's body. */
bool gossip_id_next(struct wire_reader *r, enum gossip_item_kind kind,
                    struct pando_slice *ret_id);

/* Where the parts of a framed message lie in its bytes. */
struct gossip_layout {
    uint32_t data_at;
    uint32_t fields_at;  /* the message's first field */
    uint32_t signed_len; /* fields 1 to 4 from there */
};

/* An RPC that holds just this message, with its length before it: what every queue and
 * the cache share. NULL when memory is out. */
struct bytes *gossip_message_frame(const struct gossip_message *m,
                                   struct gossip_layout *ret);
/* What an author signs: "libp2p-pubsub:" and the fields 1 to 4. NULL when memory is out.
 */
struct bytes *gossip_message_signed(const struct gossip_message *m);

/* Writers of control parts, for a control message's body. */
void gossip_put_graft(struct wire_writer *w, struct pando_slice topic);
void gossip_put_prune(struct wire_writer *w, struct pando_slice topic, bool with_backoff,
                      uint64_t backoff);
/* A subscription, for an RPC's body. */
void gossip_put_subscription(struct wire_writer *w, bool subscribe,
                             struct pando_slice topic);
/* A framed RPC of subscriptions and the body of a control message (may be empty). */
struct bytes *gossip_control_frame(struct pando_slice subscriptions,
                                   struct pando_slice control);
/* A framed RPC with one IHAVE of `topic`, or one IWANT when `topic` is empty; `ids` are
 * already encoded by gossip_put_id. */
struct bytes *gossip_ids_frame(struct pando_slice topic, struct pando_slice ids);
void gossip_put_id(struct wire_writer *w, bool ihave, struct pando_slice id);

#endif
