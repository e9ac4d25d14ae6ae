/* rooms.h - the state that all members fold from the sequence: rooms, numbers, sessions.
 *
 * Applying entry after entry, every member counts out the same numbers: a room's next number
 * goes to the next message for it. A session (the `client` of a message) remembers the last
 * counter that was taken; a message counts only when its counter follows it, so what is
 * handed over twice is numbered once, and what overtakes its predecessor waits to be sent
 * again. The oldest session gives way when there are too many: at the same entry everywhere.
 * Whoever takes a session's first message from its sender writes into it up to which entry it
 * was not in the sequence. A copy that comes when a session that began behind that entry has
 * given way may be of that one: it does not count.
 *
 * A run says where numbers lie: "from `first` on, entry `index`". Messages that were not
 * numbered are rare and listed as skips, so an entry can be read again and yield the same.
 *
 * Pure and deterministic; allocates within its caps.
 */
#ifndef SPACE_LOG_ROOMS_H
#define SPACE_LOG_ROOMS_H

#include "base/map.h"
#include "space/log/batch.h"

#define ROOMS_SESSIONS_MAX 4096
#define ROOMS_ANSWERS      8 /* of a session, remembered for repeated calls */

struct rooms_run {
    uint64_t first; /* number of the first message of this room in the entry */
    uint64_t index;
};

struct rooms_room {
    char name[LOG_ROOM_MAX + 1];
    uint64_t first, last; /* numbers readable here; last 0: none yet */
    struct rooms_run *runs;
    size_t runs_len, runs_cap;
};

struct rooms_session {
    uint64_t client, last;
    uint64_t born; /* the entry of its first message, if that was dated; else 0 */
    uint64_t seqs[ROOMS_ANSWERS]; /* by counter modulo */
    uint32_t rooms[ROOMS_ANSWERS];
    uint32_t older, newer; /* by last use */
};

struct rooms_skip {
    uint64_t index;
    uint32_t ordinal; /* of the message in its entry */
};

struct rooms {
    struct rooms_room *at;
    uint32_t len, cap;
    uint32_t latest; /* where the last message went */
    struct map by_name; /* 64 zero-padded bytes -> u32 */
    struct rooms_session *sessions;
    uint32_t sessions_len, oldest, newest;
    struct map by_client; /* u64 -> u32 */
    struct rooms_skip *skips;
    size_t skips_len, skips_cap;
    uint64_t forgotten; /* the highest `born` of those that gave way */
    uint64_t applied;  /* entries up to this index are in it */
    uint64_t messages; /* numbered in all */
};

enum rooms_verdict {
    ROOMS_TAKEN,   /* room, seq */
    ROOMS_AGAIN,   /* it was numbered before; room, seq (0: too long ago to tell) */
    ROOMS_GAP,     /* its predecessor has not come */
    ROOMS_UNKNOWN, /* of a session that is not known (any more): a counter above 1, or a first
                      message that may have been taken before that session gave way */
    ROOMS_FULL,    /* too many rooms; its counter is used up */
};

enum pando_status rooms_init(struct rooms *r, uint64_t seed) PANDO_MUST_USE;
void rooms_deinit(struct rooms *r);
/* Apply one message, number `ordinal` of entry `index`; indexes rise. */
enum rooms_verdict rooms_apply(struct rooms *r, uint64_t index, uint32_t ordinal,
                               const struct batch_message *m, uint32_t *ret_room,
                               uint64_t *ret_seq);
/* What a message that was handed over before got; as the verdicts of rooms_apply. Changes
 * nothing: ROOMS_TAKEN means that it is new and may be sent. */
enum rooms_verdict rooms_ask(const struct rooms *r, uint64_t client, uint64_t counter,
                             uint32_t *ret_room, uint64_t *ret_seq);
/* NULL: no such room yet. */
struct rooms_room *rooms_find(const struct rooms *r, struct pando_slice name);
/* The entry that holds number `seq` of a room, and the number of the room's first message in
 * it. False: no such number here. */
bool rooms_locate(const struct rooms_room *room, uint64_t seq, struct rooms_run *ret);
/* The number of the room's first message in entry `index`; false when it has none there. */
bool rooms_in_entry(const struct rooms_room *room, uint64_t index, uint64_t *ret_first);
/* Whether message `ordinal` of entry `index` got no number. */
bool rooms_skipped(const struct rooms *r, uint64_t index, uint32_t ordinal);
/* Entries below `index` are not kept any more: what points there is forgotten. */
void rooms_drop_before(struct rooms *r, uint64_t index);

/* The whole state as bytes, for a snapshot, and back; runs and skips are not part of it: a
 * state that was loaded knows numbers, and no messages before `applied`. */
enum pando_status rooms_save(const struct rooms *r, struct pando_buf *b) PANDO_MUST_USE;
enum pando_status rooms_load(struct rooms *r, struct pando_slice bytes) PANDO_MUST_USE;

#endif
