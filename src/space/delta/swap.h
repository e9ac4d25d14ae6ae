/* swap.h - deltas between nodes, over the channel /pando/delta/1.
 *
 * Two nodes that meet say how many deltas they hold and the sum of their digests (STATE). Equal
 * ones have nothing to do. Else the one that holds less compares ranges (sync/reconcile.h), and
 * each sends the groups that the other lacks: a reconnect costs what differs. From the meeting
 * on, what becomes durable here, or is allowed before (swap_tell), is passed on at once, in order
 * of arrival, to every peer but the one it came from.
 *
 * In a mesh most of that would arrive twice. A peer that is mostly sent what it has already says
 * so (PRUNE); from then on both only announce keys to each other (HAVE), until one asks again
 * (GRAFT): when another link went down, or something was announced, did not come, was asked for
 * (WANT) and was new. What remains is between one and two copies of each delta per node.
 * Source: Leitao, Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007; deviation: a
 * prune takes some duplicates, a different number each time, so that a circle loses one link.
 *
 * What is passed on is no promise to hold it: after a crash a peer may have what we have lost, and
 * the comparison at the next meeting brings it back. A signed group is verified before any delta
 * of it is kept. The node's trust policy decides what is kept (`admits`, then its capsule, for
 * whose verdict a group waits); what it refuses is counted, and offered again with every
 * comparison, which backs off to once a minute.
 *
 * Layout of the messages: docs/wire/delta-link.md. Pure: step, then poll until false.
 */
#ifndef SPACE_DELTA_SWAP_H
#define SPACE_DELTA_SWAP_H

#include "space/delta/store.h"

#define SWAP_PROTOCOL  "/pando/delta/1"
#define SWAP_PEERS_MAX 256
#define SWAP_CAPSULE_MAX 128

struct swap_config {
    const struct space_host *host;
    struct delta_store *store; /* swap becomes the listener of its items */
    uint8_t channel;           /* the channel's number among the kind's */
    void *ctx;
    /* Whether the node's policy lets this delta in. */
    bool (*admits)(void *ctx, const struct delta *d);
    /* CID text of the capsule that has the last word on each that is admitted; empty: none. */
    struct pando_slice capsule;
    /* A delta of a peer was staged; durable with `ticket`. May be NULL. */
    void (*took)(void *ctx, uint32_t peer, const struct delta *d, uint64_t ticket);
};

struct swap_totals {
    uint64_t received, known, refused, sent; /* deltas */
    uint64_t bytes_received, bytes_sent;     /* of messages */
    uint64_t comparisons, prunes, grafts, malformed, forged;
    uint64_t judged; /* deltas about which the capsule was asked */
    uint64_t unadmitted; /* messages of peers whose role does not allow them */
};

struct swap;

enum pando_status swap_new(const struct swap_config *config, struct swap **ret) PANDO_MUST_USE;
void swap_free(struct swap *s); /* accepts NULL */

/* PEER_UP, PEER_DOWN, MESSAGE, CREDIT (of its channel), VERIFIED and RAN (of its tokens; the
 * status OK: the capsule accepts, REFUSED: it does not), DURABLE (after
 * the store was told), STORE_BACK, TICK; anything else is ignored. */
void swap_step(struct swap *s, struct pando_time now, const struct space_input *in);
/* Pass on what lies in front of `until` in the order of arrival, durable or not. */
void swap_tell(struct swap *s, struct pando_time now, uint64_t until);
/* SEND, VERIFY, RUN, DIGESTED and FAULT. Tokens of VERIFY and RUN begin with SWAP_TOKENS. */
bool swap_poll(struct swap *s, struct space_effect *ret);
#define SWAP_TOKENS (UINT64_C(1) << 40)
struct pando_time swap_deadline(const struct swap *s);

void swap_totals(const struct swap *s, struct swap_totals *ret);
/* Whether a peer says to hold what we hold. */
size_t swap_equal_peers(const struct swap *s);

#endif
