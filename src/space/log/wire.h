/* wire.h - what the members of a group say to each other.
 *
 * Every message begins with its kind. Integers are big-endian and of fixed size, for these
 * are hot; blocks are a uvarint length and bytes. Docs: docs/wire/log.md.
 *
 *   HELLO     version u8 | group 16 | member be8 | flags u8 | name block | address block
 *             1 known: yours has arrived here; without it, it is sent again. 2 blank: nothing
 *             was on disk and nothing was said since. 4 mending: this member counts for nothing.
 *             8 empty: no entry is here; then its term be8 follows
 *   JOIN      as HELLO: take this member in
 *   JOIN_ACK  status u8 | group 16 | leader be8 | peer block | address block | text block
 *   LEAVE     member be8
 *   SNAPSHOT  index, term, total, offset be8 | sha256 of the whole 32 | a piece, to the end
 *   READ      id, 0 be8: which index must be applied for a linear read now?
 *   READ_INDEX  id, index be8: that one
 *   FORWARD   messages as batch.h encodes them, to the end
 *   RAFT      kind u8 | flags u8 | from, to, term, index, log_term, commit, round, probe be8 |
 *             count be4 | entries: length be4, record
 *   record    index be8 | term be8 | kind u8 | bytes   (also what the journal keeps)
 */
#ifndef SPACE_LOG_WIRE_H
#define SPACE_LOG_WIRE_H

#include "space/log/batch.h"
#include "space/log/raft.h"

#define LOG_CONTROL  0 /* channels */
#define LOG_LIVE     1
#define LOG_CATCHUP  2
#define LOG_CHANNELS 3

#define LOG_SNAPSHOT_MAX (8u << 20)
#define LOG_WIRE_PIECE_HEAD 65
#define LOG_WIRE_RAFT_HEAD   71
#define LOG_WIRE_RECORD_HEAD 17

enum log_wire_kind {
    LOG_WIRE_HELLO = 1,
    LOG_WIRE_JOIN = 2,
    LOG_WIRE_JOIN_ACK = 3,
    LOG_WIRE_LEAVE = 4,
    LOG_WIRE_FORWARD = 5,
    LOG_WIRE_RAFT = 6,
    LOG_WIRE_SNAPSHOT = 9,
    LOG_WIRE_READ = 10,
    LOG_WIRE_READ_INDEX = 11,
};

struct log_hello {
    uint8_t group[16];
    uint64_t member;
    bool known, blank, mending, empty;
    uint64_t term; /* of who is empty */
    char name[BATCH_NAME_MAX + 1];
    char address[BATCH_ADDRESS_MAX + 1];
};

/* A piece of a snapshot; the pieces come in order. */
struct log_piece {
    uint64_t index, term, total, offset;
    struct pando_id sha;
    struct pando_slice bytes;
};

enum log_join_status { LOG_WIRE_JOIN_TAKEN, LOG_WIRE_JOIN_ELSEWHERE, LOG_WIRE_JOIN_REFUSED };

struct log_join_ack {
    enum log_join_status status;
    uint8_t group[16];
    uint64_t leader;
    char address[BATCH_ADDRESS_MAX + 1]; /* of the leader, with its /p2p/ */
    char text[200];
};

void log_wire_put_hello(struct wire_writer *w, enum log_wire_kind kind, const struct log_hello *h);
/* Bytes behind the kind, in all of these. PANDO_MALFORMED, PANDO_UNSUPPORTED. */
enum pando_status log_wire_get_hello(struct pando_slice s, struct log_hello *ret);
void log_wire_put_join_ack(struct wire_writer *w, const struct log_join_ack *a);
enum pando_status log_wire_get_join_ack(struct pando_slice s, struct log_join_ack *ret);

void log_wire_put_piece(struct wire_writer *w, const struct log_piece *p);
enum pando_status log_wire_get_piece(struct pando_slice s, struct log_piece *ret);

/* The head of a RAFT message; `count` entries follow. */
void log_wire_put_raft(struct wire_writer *w, const struct raft_message *m);
/* The message without its entries, which `ret_entries` walks by log_wire_next_record. */
enum pando_status log_wire_get_raft(struct pando_slice s, struct raft_message *ret,
                                struct pando_slice *ret_entries);
/* The next entry's record, with its length before it. False: malformed or at the end. */
bool log_wire_next_record(struct pando_slice *left, struct pando_slice *ret_record);

/* An entry's record: head, and the bytes behind. */
void log_wire_put_record(struct wire_writer *w, uint64_t index, uint64_t term, enum raft_kind kind);
bool log_wire_get_record(struct pando_slice record, struct raft_entry *ret,
                     struct pando_slice *ret_bytes);

#endif
