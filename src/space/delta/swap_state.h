/* swap_state.h - the inside of swap.h, shared by its files.
 *
 *   swap.c          life, inputs, effects
 *   swap_take.c     received groups: verified, then staged, in their order
 *   swap_judge.c    what a capsule has to say about them before
 *   swap_push.c     passing on what arrived, and sending what a peer lacks
 *   swap_lazy.c     announcing where nothing is passed on, asking for what was announced
 *   swap_compare.c  states, comparisons of ranges, who passes on to whom
 */
#ifndef SPACE_DELTA_SWAP_STATE_H
#define SPACE_DELTA_SWAP_STATE_H

#include "base/bytes.h"
#include "base/map.h"
#include "space/delta/pile.h"
#include "space/delta/swap.h"
#include "space/delta/swap_mutant.h"
#include "space/effects.h"
#include "sync/reconcile.h"

#define SWAP_MESSAGE_MAX  (64u << 10)  /* groups of one message, but for a single larger one */
#define SWAP_RANGES_MAX   (32u << 10)  /* one message of ranges */
#define SWAP_GROUPS_MAX   64           /* groups of one message */
#define SWAP_PARCELS_MAX  256          /* messages of one peer that wait */
#define SWAP_VERIFIES_MAX 128          /* messages whose signatures are being checked, of all peers */
#define SWAP_SPANS_MAX    1024         /* ranges that one peer lacks */
#define SWAP_KEYS_MAX     65536        /* single deltas that one peer lacks */
#define SWAP_ORIGINS_MAX  1024         /* records whose origin is remembered */

#define SWAP_JUDGES_MAX   64           /* deltas at the capsule, of all peers */
#define SWAP_BARRED_MAX   16384        /* deltas that it refused, remembered */
#define SWAP_JUDGED_WORDS (DELTA_GROUP_MAX / 64)

#define SWAP_ANNOUNCE_MAX 1024         /* keys of one message, and of one peer that wait */

#define SWAP_WANT_AFTER  PANDO_MSEC(100)
#define SWAP_STATE_SOON  PANDO_MSEC(500)
#define SWAP_STATE_FIRST PANDO_SEC(5)
#define SWAP_STATE_LAST  PANDO_SEC(60)

enum swap_message {
    SWAP_STATE = 1, /* space id 32, count 8, low 8, high 8 */
    SWAP_RANGES,    /* ranges */
    SWAP_GROUPS,    /* 1: passed on, 0: was lacking; then groups, see swap_take.c */
    SWAP_PRUNE,
    SWAP_GRAFT,
    SWAP_HAVE, /* keys (time 8, digest 16), 1 to 1024: held here, not passed on */
    SWAP_WANT, /* likewise: of those that were announced, what did not come */
};

/* Keys that stand in a message, where they stand. */
struct swap_keys {
    const uint8_t *of[SWAP_GROUPS_MAX];
    size_t len;
};

/* How far the group at the head of a message is judged. */
struct swap_judged {
    uint64_t accepted[SWAP_JUDGED_WORDS];
    size_t next;    /* member to be asked about */
    size_t pending; /* at the capsule */
};

/* A received message that cannot be done with at once. */
struct swap_parcel {
    struct swap_parcel *next;
    struct bytes *bytes;
    enum swap_message kind;
    struct pando_slice left; /* not done with */
    bool live;
    bool verified; /* nothing is to be verified any more */
    bool waits;    /* for its turn to be verified */
    bool fresh;    /* something in it was new */
    uint64_t token;
    struct space_verify_item *items; /* of the signed groups */
    uint8_t *signed_bytes;
    struct delta_hash *digests; /* of the members of signed groups that are held, in order */
    size_t items_max, digests_max; /* how many there will be */
    size_t items_len, items_at, digests_at;
    struct swap_keys keys; /* in what is done with */
    uint64_t valid; /* bit i: item i is */
    struct reconcile_reader reader;
    struct swap_judged judged;
};

/* A delta at the capsule. */
struct swap_judge {
    uint64_t token; /* 0: a free place */
    struct swap_parcel *parcel; /* NULL: it was given up */
    size_t member;
    struct delta_hash digest;
};

struct swap_span {
    struct tally_key from, to;
};

struct swap_peer {
    uint32_t handle;
    uint64_t credit;
    bool reads, writes; /* what the space's access lets it do */
    bool heard;      /* a STATE came */
    bool pruned;     /* it wants nothing passed on */
    bool pruned_it;  /* we want nothing passed on by it */
    uint32_t again;  /* how much of what it passes on brings nothing new */
    struct tally_sum state; /* what it said last */
    struct tally_sum told;  /* what we said last */
    bool due;               /* a STATE is owed now */
    bool weigh;             /* what it said last is still to be looked at */
    bool settle;            /* say our state when the comparison has gone quiet */
    bool progress;          /* since its last STATE something new went over */
    struct pando_time state_at;
    struct pando_span every;
    struct pando_time busy_until; /* a comparison is under way as long as messages move */
    uint64_t cursor; /* in the order of arrival: what was passed on */
    struct swap_parcel *first, *last;
    size_t parcels;
    struct swap_span spans[SWAP_SPANS_MAX];
    size_t spans_len;
    struct tally_key announced[SWAP_ANNOUNCE_MAX]; /* by it, and not here when it was */
    size_t announced_len;
    struct pando_time want_at; /* when what still lacks is asked for */
    struct tally_key *keys; /* a stack of what it lacks */
    size_t keys_len, keys_cap;
};

/* Records of [from, to) came from a peer. */
struct swap_origin {
    uint64_t from, to;
    uint32_t peer;
};

struct swap {
    struct swap_config config;
    struct pando_time now;
    struct tally tally;
    struct swap_peer *peers[SWAP_PEERS_MAX];
    size_t peers_len;
    struct swap_origin origins[SWAP_ORIGINS_MAX];
    size_t origins_next;
    struct space_effects effects;
    uint64_t next_token;
    uint64_t told; /* order of arrival: what lies in front is passed on, durable or not */
    struct swap_parcel *orphans; /* their peer has gone while their signatures were checked */
    size_t verifying, waiting; /* messages whose signatures are checked; that wait for that */
    bool stuck; /* the store takes nothing now */
    bool again; /* work is left that waits for nobody: the next turn */
    struct group group;      /* being read or made */
    struct delta_room room;
    enum delta_outcome outcomes[DELTA_GROUP_MAX];
    struct delta_pile pile; /* of a group that is being taken */
    struct delta_hash digests[DELTA_GROUP_MAX]; /* of the members of s->group, if it says so */
    struct swap_totals totals;
    char capsule[SWAP_CAPSULE_MAX + 1]; /* its CID; "": none is asked */
    struct swap_judge judges[SWAP_JUDGES_MAX];
    struct map barred; /* digests; bounded by SWAP_BARRED_MAX */
    struct pando_buf json;
    struct pando_buf out;     /* a message that is being made */
    struct pando_key keys[SWAP_GROUPS_MAX]; /* that stand in it */
    size_t keys_len;
    struct pando_buf encoded; /* a group of it */
};

/* swap.c */
struct swap_peer *swap_peer(struct swap *s, uint32_t handle);
void swap_emit(struct swap *s, const struct space_effect *effect);
bool swap_can_send(const struct swap_peer *p);
/* Send `bytes`, its kind in front. */
void swap_send(struct swap *s, struct swap_peer *p, enum swap_message kind,
               struct pando_slice bytes);

/* swap_rows.c: what is held, as rows of the tally and as places. */
enum pando_status swap_rows_list(void *ctx, const struct tally_key *from,
                                 const struct tally_key *to, struct tally_key *ret, size_t cap,
                                 size_t *ret_len) PANDO_MUST_USE;
/* The place of one key. False: it is not held, or not appended yet. */
bool swap_rows_place(struct swap *s, const struct tally_key *key, uint64_t *ret_place);
/* The next places of a span, which is shortened. False: that was all. */
bool swap_rows_span(struct swap *s, struct swap_span *span, uint64_t *ret, size_t cap,
                    size_t *ret_len);

/* swap_take.c: a GROUPS message: what is to be verified of it; then go on with it when it is the
 * peer's oldest. PANDO_BUSY: it waits. */
enum pando_status swap_take_open(struct swap *s, struct swap_parcel *parcel) PANDO_MUST_USE;
/* Have signatures checked of messages that wait for that, within SWAP_VERIFIES_MAX. */
void swap_take_verify(struct swap *s);
enum pando_status swap_take_go(struct swap *s, struct swap_peer *p,
                               struct swap_parcel *parcel) PANDO_MUST_USE;

/* swap_judge.c: ask about the members of s->group, which is the parcel's next. PANDO_OK: all have
 * their verdict; PANDO_BUSY: it waits for more. */
enum pando_status swap_judge_group(struct swap *s, struct swap_parcel *parcel) PANDO_MUST_USE;
bool swap_judge_accepts(const struct swap *s, const struct swap_parcel *parcel, size_t i);
void swap_judge_done(struct swap_parcel *parcel); /* with that group */
void swap_judge_end(struct swap *s, uint64_t token, enum pando_status verdict);
void swap_judge_forget(struct swap *s, const struct swap_parcel *parcel);

/* swap_push.c: send what there is to send within the peer's credit. */
void swap_push(struct swap *s, struct swap_peer *p);
/* The next record for this peer into s->group, its cursor where `ret_after` says once it is done
 * with. PANDO_NOT_FOUND: it has been passed all. */
enum pando_status swap_next_record(struct swap *s, struct swap_peer *p,
                                   uint64_t *ret_after) PANDO_MUST_USE;

/* swap_lazy.c */
/* Announce what was not passed on. Whether there was something. */
bool swap_announce(struct swap *s, struct swap_peer *p);
enum pando_status swap_have_come(struct swap *s, struct swap_peer *p,
                                 struct pando_slice keys) PANDO_MUST_USE;
enum pando_status swap_want_come(struct swap_peer *p, struct pando_slice keys) PANDO_MUST_USE;
void swap_lazy_tick(struct swap *s);

/* swap_compare.c */
/* The peer lacks these; at the cap they are dropped, and found again by a comparison. */
void swap_lacks(struct swap_peer *p, const struct tally_key *keys, size_t len);
void swap_compare_tick(struct swap *s);
void swap_state_come(struct swap *s, struct swap_peer *p, const struct tally_sum *sum);
enum pando_status swap_ranges_go(struct swap *s, struct swap_peer *p,
                                 struct swap_parcel *parcel) PANDO_MUST_USE;
/* A comparison goes on as long as its messages move. */
void swap_busy(struct swap *s, struct swap_peer *p);
/* A message of groups was taken, passed on or found lacking; was anything in it new? */
void swap_taken(struct swap *s, struct swap_peer *p, bool live, bool fresh);
/* Everybody is to pass on to us again. */
void swap_graft_all(struct swap *s);

#endif
