/* wire.h - what two dags say to each other beside the events themselves.
 *
 * Every message is one strict DAG-CBOR array that begins with the version, the space id
 * and the number of its kind:
 *
 *   HEADS   [1, space, 0, reply, events, heads, digest, [id, ...]]
 *   VECTOR  [1, space, 1, session, more, [author, epoch, seq, author, epoch, seq, ...]]
 *   EVENTS  [1, space, 2, session, more, [block, ...]]
 *   WANT    [1, space, 3, [id, ...]]
 *   LACK    [1, space, 4, [id, ...]]
 *   STOP    [1, space, 5, session]
 *   BLOB_WANT [1, space, 16, [id, ...]]
 *   BLOB_DATA [1, space, 17, list, block]
 *   BLOB_LACK [1, space, 18, [id, ...]]
 *   BLOB_WHOLE [1, space, 19, [whole, list]]
 *
 * ids, authors and digests are byte strings of 32, blocks are byte strings. The gossip
 * topic carries EVENTS with session 0, "/pando/sync/1" kinds 0 to 5, "/pando/blob/1" the
 * others. Integers are at most 2^53-1. See docs/wire/dag.md for who says what when.
 */
#ifndef SPACE_DAG_WIRE_H
#define SPACE_DAG_WIRE_H

#include "base/buf.h"
#include "codec/wire.h"

#include <pando/status.h>
#include <pando/types.h>

#define DAG_VERSION    1
#define DAG_IDS_MAX    4096
#define DAG_VECTOR_MAX 4096 /* authors of one VECTOR message */
#define DAG_BLOCKS_MAX 8192
#define DAG_HEAD_MAX   64 /* bytes in front of a list, at most */

enum dag_message_kind {
    DAG_HEADS = 0,
    DAG_VECTOR = 1,
    DAG_EVENTS = 2,
    DAG_WANT = 3,
    DAG_LACK = 4,
    DAG_STOP = 5,
    DAG_BLOB_WANT = 16,
    DAG_BLOB_DATA = 17,
    DAG_BLOB_LACK = 18,
    DAG_BLOB_WHOLE = 19, /* the body with this hash is the one of this list */
};

struct dag_message {
    enum dag_message_kind kind;
    bool more;  /* VECTOR, EVENTS: parts follow */
    bool reply; /* HEADS: tell me yours */
    bool list;  /* BLOB_DATA: the block is a chunk list, not a chunk */
    uint64_t session;
    uint64_t events; /* HEADS: how many the sender holds */
    uint64_t heads;
    struct pando_id digest;
    struct pando_slice block; /* BLOB_DATA */
    size_t items_len;         /* ids, blocks, or authors (three elements each) */
    struct wire_reader
        items; /* for the dag_wire_next_ calls; all elements were checked */
};

/* Check a whole message and read what stands in front of its list. Borrows from `bytes`.
 * Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED another version or an unknown kind;
 *         PANDO_REFUSED the message is of another space. */
enum pando_status dag_wire_decode(struct pando_slice bytes, const struct pando_id *space,
                                  struct dag_message *ret_message) PANDO_MUST_USE;

/* The next element of the list; false at its end. */
bool dag_wire_next_id(struct dag_message *m, struct pando_id *ret_id);
bool dag_wire_next_block(struct dag_message *m, struct pando_slice *ret_block);
bool dag_wire_next_author(struct dag_message *m, struct pando_key *ret_author,
                          uint32_t *ret_epoch, uint64_t *ret_seq);

/* Heads of messages; the list's elements are written behind with dag_wire_put_*. */
void dag_wire_put_heads(struct wire_writer *w, const struct pando_id *space,
                        const struct dag_message *m, size_t ids_len);
void dag_wire_put_list(struct wire_writer *w, const struct pando_id *space,
                       enum dag_message_kind kind, uint64_t session, bool more,
                       size_t items_len);
void dag_wire_put_ids(struct wire_writer *w, const struct pando_id *space,
                      enum dag_message_kind kind, size_t ids_len);
void dag_wire_put_stop(struct wire_writer *w, const struct pando_id *space,
                       uint64_t session);
void dag_wire_put_blob(struct wire_writer *w, const struct pando_id *space, bool list,
                       struct pando_slice block);
void dag_wire_put_block(struct wire_writer *w, struct pando_slice block);
/* What stands in front of a block of `len` bytes. */
void dag_wire_put_block_head(struct wire_writer *w, size_t len);
void dag_wire_put_id(struct wire_writer *w, const struct pando_id *id);
void dag_wire_put_author(struct wire_writer *w, const struct pando_key *author,
                         uint32_t epoch, uint64_t seq);

#endif
