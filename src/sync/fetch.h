/* fetch.h - the one want-manager: things known by id, and who is asked for them when.
 *
 * A space that lacks something (an ancestor, a chunk of a blob) wants it here and names
 * whoever is known to have it. The fetcher asks one announcer at a time, keeps a bound on
 * what each peer has to answer, passes on to the next announcer when an answer is late or
 * says "I lack it", tries everybody who is connected when the announcers are used up,
 * rests a while when nobody had it, and gives up after a number of such rounds. The bytes
 * themselves never come here: the owner verifies them and calls fetch_found.
 *
 * Pure: no clock, socket or global; ids are 32 bytes of any meaning. After each group of
 * calls drain fetch_poll until false; call fetch_tick when fetch_deadline is reached.
 *
 * Workload: a handful of wants as a rule, thousands while a fork is walked or a large
 * blob comes in. Order: first wanted, first asked.
 */
#ifndef SYNC_FETCH_H
#define SYNC_FETCH_H

#include "base/map.h"

#include <pando/status.h>
#include <pando/types.h>

#define FETCH_ANNOUNCERS_MAX 8

struct fetch_limits {
    uint32_t wants_max;         /* beyond: fetch_want gives PANDO_FULL */
    uint32_t peers_max;         /* beyond: fetch_peer_up gives PANDO_FULL */
    uint32_t inflight_peer_max; /* unanswered asks of one peer */
    uint32_t rounds_max;        /* everybody was asked so often: FETCH_GIVE_UP */
    uint32_t attempts_max;      /* asks for one id; then FETCH_GIVE_UP, too */
    struct pando_span timeout;  /* of one ask, and between two rounds */
    struct pando_span lifetime; /* of a want that nobody can be asked for */
};

enum fetch_effect_kind {
    FETCH_ASK,     /* peer, id: send a request */
    FETCH_GIVE_UP, /* id, owner: the want is gone */
};

struct fetch_effect {
    enum fetch_effect_kind kind;
    uint32_t peer;
    uint32_t owner;
    struct pando_id id;
};

/* One id that is wanted. */
struct fetch_want {
    struct pando_id id;
    uint32_t owner;
    uint32_t attempts;
    uint32_t rounds;
    uint32_t others; /* peers beside the announcers that were asked this round */
    uint32_t asked;  /* peer that has to answer, valid when `waiting` */
    uint8_t announcers_len;
    uint8_t tried_len; /* announcers in front of this index were asked this round */
    bool waiting;
    bool resting;          /* between two rounds */
    struct pando_time due; /* of the answer, of the next round, or of giving up */
    uint32_t announcers[FETCH_ANNOUNCERS_MAX];
    uint32_t prev, next; /* in order of wanting; 0 ends */
};

struct fetch_peer {
    uint32_t peer;
    uint32_t inflight;
};

struct fetch {
    struct fetch_limits limits;
    struct map places;        /* id -> uint32_t slot */
    struct fetch_want *wants; /* slot 0 is unused */
    uint32_t wants_cap;
    uint32_t free; /* list of free slots through `next` */
    uint32_t first, last;
    struct fetch_peer *peers;
    uint32_t peers_len;
    uint32_t scan; /* next slot that fetch_poll looks at; 0: none */
    struct pando_time now;
    struct pando_time deadline;
    uint64_t asked_total, late_total, given_up_total;
};

void fetch_init(struct fetch *f, const struct fetch_limits *limits, uint64_t seed);
void fetch_deinit(struct fetch *f);

enum pando_status fetch_peer_up(struct fetch *f, struct pando_time now,
                                uint32_t peer) PANDO_MUST_USE;
/* Forget the peer; what it had to answer is asked elsewhere. */
void fetch_peer_down(struct fetch *f, struct pando_time now, uint32_t peer);

/* Want `id`, or name one more announcer for it (the oldest gives way at the cap).
 * Errors: PANDO_FULL wants_max are wanted; PANDO_NOMEM. Nothing changed then. */
enum pando_status fetch_want(struct fetch *f, struct pando_time now,
                             const struct pando_id *id, uint32_t owner,
                             uint32_t announcer) PANDO_MUST_USE;
/* It came, or is not needed any more. True when it was wanted. */
bool fetch_found(struct fetch *f, struct pando_time now, const struct pando_id *id);
/* `peer` says that it lacks `id`. */
void fetch_lacking(struct fetch *f, struct pando_time now, const struct pando_id *id,
                   uint32_t peer);

/* Look again at what is late. */
void fetch_tick(struct fetch *f, struct pando_time now);
/* The next thing to do; false when none is. Cost: O(wants) per group of calls. */
bool fetch_poll(struct fetch *f, struct fetch_effect *ret_effect);
struct pando_time fetch_deadline(const struct fetch *f);

bool fetch_is_wanted(const struct fetch *f, const struct pando_id *id);
uint32_t fetch_len(const struct fetch *f);

#endif
