/* gossip.h - small records to everyone who cares: a gossipsub 1.1 router without scores.
 *
 * Per topic, every node keeps a *mesh* of about six peers and forwards whole messages to
 * them at once; to a few others it tells ids once a second (IHAVE), and who misses one asks
 * for it (IWANT). So a message normally crosses the network in a few hops, and a lost one
 * is repaired within a second or three. GRAFT and PRUNE mend the mesh; a PRUNE carries a
 * back-off that both ends keep, across reconnection too.
 *
 * Two policies, by topic:
 *   STRICT_SIGN     libp2p's default: author, sequence number and Ed25519 signature over
 *                   them; id = author || seqno (as go makes it). Ids in the forms of js and
 *                   rust are known as aliases, and each peer is told ids in its own form.
 *   SELF_CERTIFIED  the data proves itself (a signed event): no author, seqno, signature or
 *                   key; id = SHA-256 of the data; the application judges each message, and
 *                   only what it accepts is forwarded.
 *
 * Pure engine: no clock, socket or global. Feed gossip_step(), drain gossip_poll() until it
 * is false, wake it at gossip_deadline(). All tables are taken from the arena at place();
 * messages are `struct bytes`, one object each, shared by all queues they wait in. One owner.
 *
 * Sending. Control (subscriptions, GRAFT, PRUNE) is kept as state, said when the peer has
 * credit and never dropped; messages wait in a capped queue per peer that drops gossip
 * first, then forwarded messages, then our own. A peer with credit above zero is sent one
 * RPC more, so credit may overshoot by one message.
 *
 * At the caps: topics_max   further foreign subscriptions are not remembered; a topic of our
 *                           own displaces the foreign one with the fewest peers;
 *   peer_topics_max         further subscriptions of that peer are not remembered;
 *   seen_max                the oldest id is forgotten (a repeat may be delivered again);
 *   messages_max            new messages are dropped while so many await verdicts;
 *   cache_max, cache_bytes  the oldest message is no longer offered by gossip;
 *   queue_max, queue_bytes  see Sending;  backoffs_max  the one nearest its end is dropped.
 *
 * Source: libp2p specs, pubsub/gossipsub v1.0 and v1.1. Deviations: no scores and no peer
 * exchange (broken promises and invalid messages are counted and reported as FAULT); an
 * empty mesh falls back to any peer of the topic; who has just come into the mesh is told
 * the recent ids once, so that healed partitions of small networks exchange them; copies
 * that arrive while a message is judged mark their senders, who are not sent it again.
 */
#ifndef GOSSIPSUB_GOSSIP_H
#define GOSSIPSUB_GOSSIP_H

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/peer_id.h"
#include "crypto/sign.h"

#include <pando/status.h>
#include <pando/types.h>

#define GOSSIP_PROTOCOL_11 "/meshsub/1.1.0"
#define GOSSIP_PROTOCOL_10 "/meshsub/1.0.0"
#define GOSSIP_RPC_MAX (1u << 20)      /* an incoming RPC: limit for the framer */
#define GOSSIP_RPC_SPLIT (64u << 10)   /* ours stay below, save a single larger message */
#define GOSSIP_DATA_MAX (256u << 10)   /* of one message */
#define GOSSIP_TOPIC_MAX 256           /* bytes of a topic's name */
#define GOSSIP_ITEMS_MAX 5000          /* of each kind in one RPC */
#define GOSSIP_NO_PEER UINT32_MAX

enum gossip_policy { GOSSIP_STRICT_SIGN, GOSSIP_SELF_CERTIFIED };
enum gossip_version { GOSSIP_V10, GOSSIP_V11 };
/* How a peer writes the id of a signed message: go as author || seqno, js with the public
 * key for author, rust as text. A js node that is told ids in another form asks for them,
 * does not recognise what it gets, and holds a broken promise against us. */
enum gossip_form { GOSSIP_FORM_GO, GOSSIP_FORM_JS, GOSSIP_FORM_RUST, GOSSIP_FORMS };
enum gossip_verdict { GOSSIP_ACCEPT, GOSSIP_IGNORE, GOSSIP_REJECT };

/* All limits; gossip_defaults() fills it, the caller changes what it must. */
struct gossip_config {
    uint32_t peers_max, topics_max, peer_topics_max;
    uint32_t seen_max, messages_max, cache_max, backoffs_max, promises_max;
    uint32_t queue_max;    /* RPCs waiting per peer */
    uint32_t queue_total;  /* for all peers together */
    uint64_t queue_bytes;  /* and their bytes */
    uint64_t cache_bytes;
    uint32_t d, d_low, d_high, d_out, d_lazy;
    uint32_t lazy_percent; /* of a topic's other peers are told ids, at least d_lazy */
    uint32_t ihave_max;    /* IHAVE messages read from a peer per heartbeat */
    uint32_t ids_max;      /* ids asked of, or told to, a peer per heartbeat */
    uint32_t resend_max;   /* times one message is sent to a peer on IWANT */
    bool flood_publish;    /* our own messages go to every peer of the topic */
    struct pando_span heartbeat, seen_ttl, fanout_ttl, prune_backoff, leave_backoff;
    struct pando_span backoff_slack, backoff_max, graft_flood, promise_after, verdict_after;
    uint64_t seed;         /* of the engine's choices and of its hash tables */
    uint64_t seqno;        /* first own sequence number: unix time in ns at start */
    struct peer_id self;
    void *sign_ctx;        /* signs what we publish under STRICT_SIGN; NULL: cannot */
    struct pando_sig (*sign)(void *ctx, struct pando_slice message);
    /* Who may take part in a topic; NULL: everybody. Pure, and the same answer as long as we
     * subscribe. Whoever may not is sent nothing of the topic, by push or on demand, and what
     * it says there is not read. */
    void *join_ctx;
    bool (*may_join)(void *ctx, struct pando_slice topic, const struct peer_id *peer);
#ifdef GOSSIP_MUTANTS
    uint32_t mutant; /* a planted bug, for tests of the tests */
#endif
};

/* Gossipsub's customary parameters, for `peers_max` peers. */
void gossip_defaults(struct gossip_config *config, uint32_t peers_max);

enum gossip_input_kind {
    GOSSIP_PEER_UP,     /* peer, peer_id, version, form, outbound, credit: our stream is open */
    GOSSIP_PEER_DOWN,   /* peer */
    GOSSIP_RPC,         /* peer, data: one whole RPC without its length, borrowed */
    GOSSIP_CREDIT,      /* peer, credit: so many sent bytes have left */
    GOSSIP_SUBSCRIBE,   /* topic, policy, judged */
    GOSSIP_UNSUBSCRIBE, /* topic */
    GOSSIP_PUBLISH,     /* topic, policy (when not subscribed), data */
    GOSSIP_VERIFIED,    /* handle of a VERIFY, valid */
    GOSSIP_VERDICT,     /* handle of a DELIVER, verdict */
    GOSSIP_TICK,        /* the deadline was reached */
};

struct gossip_input {
    enum gossip_input_kind kind;
    enum gossip_policy policy;
    enum gossip_version version;
    enum gossip_form form; /* see gossip_form_of_agent; learnt from its ids too */
    enum gossip_verdict verdict;
    bool outbound; /* we dialled the link */
    bool judged;   /* the application gives a VERDICT on each message of the topic */
    bool valid;
    uint32_t peer;
    uint64_t credit;
    uint64_t handle;
    const struct peer_id *peer_id;
    struct pando_slice topic;
    struct pando_slice data;
};

enum gossip_effect_kind {
    GOSSIP_SEND,    /* peer, bytes: one framed RPC (length included) */
    GOSSIP_VERIFY,  /* handle, key, sig, bytes: the signed bytes; answer with VERIFIED */
    GOSSIP_DELIVER, /* handle (0: no verdict wanted), peer, topic, author, seqno, data in bytes */
    GOSSIP_FAULT,   /* peer, status, text: it broke a rule; the owner counts and acts */
};

/* One reference to `bytes` passes to the caller with SEND, VERIFY and DELIVER; slices and
 * pointers borrow from it, `topic` from the engine until the next step. */
struct gossip_effect {
    enum gossip_effect_kind kind;
    enum pando_status status;
    uint32_t peer; /* GOSSIP_NO_PEER for a DELIVER whose sender has left */
    uint64_t handle;
    struct bytes *bytes;
    struct pando_slice topic;
    struct pando_slice data;
    struct peer_id author; /* STRICT_SIGN */
    uint64_t seqno;        /* STRICT_SIGN */
    struct pando_key key;
    struct pando_sig sig;
    const char *text;      /* static */
};

/* Everything that happened, since place(). */
#define GOSSIP_COUNTER_MAP(X)                                                           \
    X(published) X(delivered) X(duplicates) X(forwarded) X(accepted) X(ignored)         \
    X(rejected) X(forged) X(unsupported) X(unwanted) X(malformed) X(own_echo)           \
    X(recovered) X(ihave_in) X(ihave_out) X(iwant_in) X(iwant_out) X(iwant_served)      \
    X(ihave_ignored) X(promises_broken) X(graft_in) X(graft_out) X(prune_in)            \
    X(prune_out) X(graft_refused) X(graft_floods) X(dropped_gossip) X(dropped_forward)  \
    X(dropped_publish) X(dropped_full) X(dropped_memory) X(verdict_late)                \
    X(seen_forgotten) X(cache_forgotten) X(topics_forgotten) X(faults) X(rpcs_in)       \
    X(rpcs_out) X(bytes_out)

struct gossip_counters {
#define X(name) uint64_t name;
    GOSSIP_COUNTER_MAP(X)
#undef X
};

struct gossip; /* opaque; lives in the arena */

/* Take an engine from `arena` (a measuring one yields NULL and the size in arena->used).
 * `now` starts the heartbeat. */
struct gossip *gossip_place(const struct gossip_config *config, struct pando_time now,
                            struct arena *arena);
/* Give back what the engine holds by reference: bytes in queues and caches. The arena's
 * memory is the caller's. Accepts NULL. */
void gossip_deinit(struct gossip *g);

/* Consume one input.
 *
 * Units:  `now` never runs backwards.
 * Owns:   borrows `in` and all it points to, for the call.
 * Errors: PANDO_INVALID   a peer that is not up (or already up), a topic name too long or
 *                         empty, data above GOSSIP_DATA_MAX, publishing STRICT_SIGN without a
 *                         signer; PANDO_EXISTS subscribed already, or published already
 *                         (same id, still seen);
 *         PANDO_NOT_FOUND not subscribed; an unknown or expired handle: ignore it;
 *         PANDO_FULL      peers_max, topics_max or messages_max; PANDO_NOMEM.
 *         The state is unchanged then. What a peer sends never is an error here: see FAULT. */
enum pando_status gossip_step(struct gossip *g, struct pando_time now,
                              const struct gossip_input *in) PANDO_MUST_USE;
/* Pop one effect; false when none is left. */
bool gossip_poll(struct gossip *g, struct gossip_effect *ret_effect);
/* The next instant at which GOSSIP_TICK is due. */
struct pando_time gossip_deadline(const struct gossip *g);

/* The form that an implementation uses by default, by the agent version of identify. */
enum gossip_form gossip_form_of_agent(const char *agent);
/* To how many peers the last PUBLISH was queued. */
uint32_t gossip_reached(const struct gossip *g);
/* Handles of the peers in our mesh for `topic`, ascending: up to `cap`; how many there are. */
size_t gossip_mesh(const struct gossip *g, struct pando_slice topic, uint32_t *ret_peers,
                   size_t cap);
/* Likewise the peers that subscribe to `topic`. */
size_t gossip_subscribers(const struct gossip *g, struct pando_slice topic,
                          uint32_t *ret_peers, size_t cap);
/* Bytes waiting for a peer. */
uint64_t gossip_queued(const struct gossip *g, uint32_t peer);
const struct gossip_counters *gossip_count(const struct gossip *g);
/* How badly a peer behaves: broken promises, invalid messages, premature GRAFTs. */
uint32_t gossip_misdeeds(const struct gossip *g, uint32_t peer);

#endif
