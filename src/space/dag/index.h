/* index.h - what the tables of a dag hold, and the one function that fills them.
 *
 * The journal is the truth; all below is folded from it and can be folded again. Integers
 * in keys and values are big-endian, so that keys sort.
 *
 *   1 COUNTS   0                          the counters, one row
 *   2 EVENTS   id 32                      position 6, author 4, seq 7, height 4, kind 1
 *   3 SEQS     author 4, seq / 64 6       up to 64 positions, 6 each: of the first event
 *                                         with each number that leaves seq / 64
 *   4 NUMBERS  number / 64 6              up to 64 positions: of the n-th event stored here
 *   5 HEADS    ~height 4, id 32           empty; highest first
 *   6 AUTHORS  key 32, epoch 4            author 4, seq 7 (highest), last id 32
 *   7 RECEIPTS receipt id 32              position 6
 *   8 EQUIVOCATIONS author 4, seq 7       positions, 6 each: of two events with that number
 *                                         or more (the first 8 are kept)
 *   9 BLOBS    id 32, list 1              position 6, len 4
 *  10 EPOCH    0                          our own epoch, when a record raised it
 *  11 WHOLES   hash of a whole body 32    position 6, list id 32
 *
 * `author` is a number that stands for (key, epoch), given in order of first appearance.
 * A position of ones is a hole: no event has that number. An event costs a row of 78
 * bytes, about 120 of LMDB, and 14 in runs. `height` is 1 + the highest of the
 * parents' (0 without any): the same on every node.
 */
#ifndef SPACE_DAG_INDEX_H
#define SPACE_DAG_INDEX_H

#include "space/dag/event.h"
#include "space/space.h"
#include "store/tables.h"

#define INDEX_FORKS_MAX 8

enum index_table {
    INDEX_COUNTS = 1,
    INDEX_EVENTS,
    INDEX_SEQS,
    INDEX_NUMBERS,
    INDEX_HEADS,
    INDEX_AUTHORS,
    INDEX_RECEIPTS,
    INDEX_EQUIVOCATIONS,
    INDEX_BLOBS,
    INDEX_EPOCH,
    INDEX_WHOLES,
};

struct index_counts {
    uint64_t events, receipts, heads, equivocations;
    uint32_t authors;         /* numbers given, one per (key, epoch) */
    uint32_t nodes;           /* distinct keys */
    int64_t earliest, latest; /* milliseconds; 0 while there are no events */
    uint64_t blobs, blob_bytes;
};

struct index_event {
    uint64_t position;
    uint64_t seq;
    uint32_t author;
    uint32_t height;
    enum event_kind kind;
};

struct index_author {
    struct pando_key key;
    uint32_t epoch;
    uint32_t author;
    uint64_t seq; /* all up to it are here */
    struct pando_id last;
};

struct index_equivocation {
    uint32_t author;
    uint64_t seq;
    size_t positions_len; /* two at least */
    uint64_t positions[INDEX_FORKS_MAX];
};

struct index_blob {
    uint64_t position;
    uint32_t len;
};

/* A body above one chunk: where its record lies, and the list that names its chunks. */
struct index_whole {
    uint64_t position;
    struct pando_id list;
};

/* Apply one record. Errors: PANDO_CORRUPT the record contradicts the tables; PANDO_FULL,
 * PANDO_NOMEM from the tables. */
enum pando_status index_fold(struct tables *t, const struct pando_id *space,
                             uint8_t record, uint64_t position,
                             struct pando_slice bytes) PANDO_MUST_USE;

struct index_counts index_counts(struct tables *t);
bool index_find(struct tables *t, const struct pando_id *id,
                struct index_event *ret_event);
bool index_find_author(struct tables *t, const struct pando_key *key, uint32_t epoch,
                       struct index_author *ret_author);
/* Whether that very event is stored. Its author is asked first, whose row is at hand
 * mostly: an event beyond the highest number of its author cannot be. */
bool index_holds(struct tables *t, const struct event *ev, struct index_event *ret_event);
/* Positions of the events with that number; returns how many. */
size_t index_find_seq(struct tables *t, uint32_t author, uint64_t seq,
                      uint64_t ret_positions[INDEX_FORKS_MAX]);
bool index_find_number(struct tables *t, uint64_t number, uint64_t *ret_position);
bool index_find_receipt(struct tables *t, const struct pando_id *receipt,
                        uint64_t *ret_position);
bool index_find_blob(struct tables *t, bool list, const struct pando_id *id,
                     struct index_blob *ret_blob);
bool index_find_whole(struct tables *t, const struct pando_id *whole,
                      struct index_whole *ret_whole);
/* Our own epoch as raised by records; 0 when none was. */
uint32_t index_epoch(struct tables *t);

/* Walks. A zeroed cursor stands at the start; false at the end. */
struct index_cursor {
    struct tables_cursor walk;
    uint64_t heads; /* given so far by a walk over heads */
    bool begun;
};
/* Keep an author walk to the epochs of one key, in rising order. */
struct index_cursor index_authors_of(const struct pando_key *key);
bool index_next_head(struct tables *t, struct index_cursor *cursor,
                     struct pando_id *ret_id, uint32_t *ret_height);
bool index_next_author(struct tables *t, struct index_cursor *cursor,
                       struct index_author *ret_author);
bool index_next_equivocation(struct tables *t, struct index_cursor *cursor,
                             struct index_equivocation *ret);

#endif
