/* batch.h - what the entries of the sequence hold: messages, and members.
 *
 * One entry carries all messages that reached the leader in one turn, so the cost of an entry
 * (a record, a vote of the quorum) is shared. A message is encoded once, by the member that
 * took it from its sender, and travels unchanged from there into every journal:
 *
 *   entry    version u8 | time be8 (ms, the leader's) | count uvarint | messages
 *   message  flags u8 (1: bytes, not text; 2: an id follows; 4: since follows) | client be8 |
 *            counter uvarint | [since uvarint] | [id 16] | room block | sender block | body block
 *            block: uvarint length, bytes
 *   members  version u8 | count uvarint | members
 *   member   id be8 | standing u8 | peer id block | name block | address block
 *
 * Numbers are not in it: every member counts them out in the same way (rooms.h).
 */
#ifndef SPACE_LOG_BATCH_H
#define SPACE_LOG_BATCH_H

#include "base/buf.h"
#include "codec/wire.h"
#include "crypto/peer_id.h"
#include "space/log/log.h"
#include "space/log/raft.h"

#define BATCH_HEAD_MAX    24
#define BATCH_ADDRESS_MAX 128
#define BATCH_NAME_MAX    64
/* More than any message takes, encoded. */
#define BATCH_MESSAGE_MAX (LOG_MESSAGE_MAX + LOG_ROOM_MAX + LOG_SENDER_MAX + 80)

struct batch_id {
    uint8_t bytes[16];
};

/* One message; slices borrow from what was decoded. */
struct batch_message {
    bool binary;
    bool named; /* `id` was given by the sender; else it is made of client and counter */
    bool dated;  /* `since` counts */
    uint64_t client, counter;
    uint64_t since; /* of a session's first message: up to this entry it was not in the sequence */
    struct batch_id id;
    struct pando_slice room, sender, body;
};

/* Append one message. Errors: PANDO_INVALID a field over its cap, or an empty room;
 * PANDO_FULL, PANDO_NOMEM. The buffer is as it was. */
enum pando_status batch_put(struct pando_buf *b, const struct batch_message *m) PANDO_MUST_USE;
/* Take the next message from `left`; false when it is malformed, `ret` is then undefined. */
bool batch_next(struct pando_slice *left, struct batch_message *ret);
/* Whether `messages` is a whole number of well-formed ones, and how many. */
bool batch_count(struct pando_slice messages, uint32_t *ret_len);
/* The head of an entry's bytes. */
void batch_put_head(struct wire_writer *w, int64_t time_ms, uint32_t count);
/* Open an entry: its time, and the messages behind the head. False: malformed. */
bool batch_open(struct pando_slice entry, int64_t *ret_time_ms, uint32_t *ret_count,
                struct pando_slice *ret_messages);

/* A member with what is known of it besides its number. */
struct batch_member {
    struct raft_member raft;
    struct peer_id peer; /* len 0: nobody has claimed the number yet */
    char name[BATCH_NAME_MAX + 1];
    char address[BATCH_ADDRESS_MAX + 1]; /* a multiaddr, or empty */
};

struct batch_members {
    uint32_t len;
    struct batch_member at[RAFT_MEMBERS_MAX];
};

enum pando_status batch_put_members(struct pando_buf *b,
                                    const struct batch_members *m) PANDO_MUST_USE;
/* Errors: PANDO_MALFORMED, also when ids are not rising or a standing is unknown. */
enum pando_status batch_read_members(struct pando_slice bytes,
                                     struct batch_members *ret) PANDO_MUST_USE;
void batch_to_raft(const struct batch_members *m, struct raft_members *ret);
struct batch_member *batch_find(struct batch_members *m, uint64_t id);

#endif
