/* gossip_internal.h - the engine's state, shared by its files.
 *
 *   gossip.c          place, step, poll: the way in and out
 *   gossip_peer.c     peers and what they subscribe to
 *   gossip_topic.c    the table of topics
 *   gossip_mesh.c     GRAFT, PRUNE and the upkeep of meshes and fanouts
 *   gossip_message.c  a message's way: received, verified, judged, forwarded
 *   gossip_publish.c  our own messages
 *   gossip_id.c       the names of messages
 *   gossip_cache.c    the pool of messages and the index by which they are found
 *   gossip_lazy.c     IHAVE, IWANT and promises
 *   gossip_queue.c    what waits to be sent to a peer
 */
#ifndef GOSSIPSUB_GOSSIP_INTERNAL_H
#define GOSSIPSUB_GOSSIP_INTERNAL_H

#include "base/rng.h"
#include "proto/gossipsub/gossip.h"
#include "proto/gossipsub/gossip_backoff.h"
#include "proto/gossipsub/gossip_bits.h"
#include "proto/gossipsub/gossip_seen.h"
#include "proto/gossipsub/gossip_wire.h"

#define GOSSIP_NONE UINT32_MAX
#define GOSSIP_WINDOWS 5     /* heartbeats a message stays in the cache */
#define GOSSIP_WINDOWS_TOLD 3 /* and is told of */
#define GOSSIP_FAULTS_MAX 32 /* waiting to be polled; more are only counted */
#define GOSSIP_SEQNO_SIZE 8
#define GOSSIP_SWEEP_EVERY 15 /* heartbeats between sweeps of the back-offs */

/* Planted bugs, by which the simulation proves that its claims can fail; only in a build
 * of its own (GOSSIP_MUTANTS), otherwise the macro is a constant. */
enum gossip_mutant {
    GOSSIP_MUTANT_NONE,
    GOSSIP_MUTANT_NO_FORWARD,       /* accepted messages go nowhere */
    GOSSIP_MUTANT_NO_IWANT_ANSWER,  /* asked for, not sent */
    GOSSIP_MUTANT_NO_BACKOFF,       /* back-offs are neither kept nor enforced */
    GOSSIP_MUTANT_NO_SEEN,          /* repeats are delivered again */
    GOSSIP_MUTANT_NO_UPKEEP,        /* meshes are never mended */
    GOSSIP_MUTANT_FORWARD_REJECTED, /* the verdict is not waited for */
    GOSSIP_MUTANT_NO_CREDIT,        /* sends as if the peer took everything at once */
    GOSSIP_MUTANT_UNBOUNDED_MESH,   /* nobody is ever pruned */
    GOSSIP_MUTANTS_LEN
};
#ifdef GOSSIP_MUTANTS
#define MUTANT(name) (g->config.mutant == GOSSIP_MUTANT_##name)
#else
#define MUTANT(name) false
#endif

enum gossip_class { CLASS_PUBLISH, CLASS_FORWARD, CLASS_GOSSIP, CLASSES };

struct gossip_out {
    struct bytes *bytes;
    uint32_t next;
};

struct gossip_queue {
    uint32_t head, tail;
};

struct gossip_peer {
    bool up, outbound, ready, control_due;
    enum gossip_version version;
    enum gossip_form form;
    struct peer_id id;
    uint64_t id_hash;
    int64_t credit;
    struct gossip_queue queues[CLASSES];
    uint32_t queued_len;
    uint64_t queued_bytes;
    uint32_t topics_len;
    uint32_t ihaves, ids_asked, ids_answered; /* in this heartbeat */
    uint32_t misdeeds;
    uint32_t ready_next;
};

struct gossip_topic {
    bool used, subscribed, judged;
    enum gossip_policy policy;
    uint16_t name_len;
    uint32_t next; /* in its hash chain, or in the free list */
    uint32_t peers_len, mesh_len, fanout_len, told_len;
    uint32_t messages_len; /* of the pool that belong to it */
    uint32_t chain;        /* scratch of the heartbeat: its messages to tell of */
    uint64_t salt;         /* separates its ids and back-offs from other topics' */
    struct pando_time fanout_until;
    uint64_t *peers, *mesh, *fanout; /* who subscribes; whom we send to */
    uint64_t *fresh;                 /* in the mesh since the last heartbeat */
    uint64_t *told;                  /* who knows that we subscribe */
    uint64_t *graft_due, *prune_due, *leave_due;
    uint8_t name[GOSSIP_TOPIC_MAX];
};

enum gossip_msg_state {
    MSG_FREE, MSG_VERIFY_READY, MSG_VERIFYING, MSG_DELIVER_READY, MSG_DELIVERING, MSG_CACHED,
};

struct gossip_list {
    uint32_t head, tail;
};

struct gossip_msg {
    enum gossip_msg_state state;
    uint32_t generation;
    uint32_t topic;
    uint32_t sender; /* or GOSSIP_NO_PEER */
    uint32_t prev, next;
    uint32_t chain;  /* next to tell of, in the heartbeat */
    uint32_t tick;   /* heartbeat in which it was cached */
    uint32_t keys_len;
    struct gossip_key keys[GOSSIP_FORMS];
    struct gossip_layout layout;
    uint32_t data_len;
    struct bytes *framed;
    struct bytes *signed_bytes; /* until the VERIFY was polled */
    struct pando_id id;         /* SELF_CERTIFIED */
    struct peer_id author;
    uint64_t seqno;
    struct pando_sig sig;
    struct pando_time waits_since;
    uint64_t *has;    /* peers that sent it to us */
    uint8_t *resends; /* two bits per peer */
};

struct gossip_promise {
    bool used;
    uint32_t peer;
    struct gossip_key key;
    struct pando_time until;
};

struct gossip_fault {
    uint32_t peer;
    enum pando_status status;
    const char *text;
};

struct gossip {
    struct gossip_config config;
    struct pando_time now, next_heartbeat, started;
    uint32_t ticks;
    struct rng rng;
    uint64_t secret[2];
    uint64_t seqno;
    uint32_t reached;
    size_t words; /* of a set of peers */
    struct gossip_counters count;

    struct gossip_peer *peers;
    struct gossip_list ready; /* peers that may be sent something */
    struct gossip_topic *topics;
    uint32_t *topic_index;
    uint32_t topic_mask, topic_free, topics_len;
    struct gossip_seen seen;
    struct gossip_backoffs backoffs;
    struct gossip_promise *promises;

    struct gossip_msg *msgs;
    uint32_t msgs_len;  /* size of the pool */
    uint32_t msg_free;
    uint32_t waiting_len, cached_len;
    uint64_t cached_bytes;
    struct gossip_list effects; /* messages whose next effect is ready */
    struct gossip_list waiting; /* for VERIFIED or VERDICT, oldest first */
    struct gossip_list cached;  /* oldest first */
    uint32_t *msg_index;
    uint32_t msg_mask;

    struct gossip_out *outs;
    uint32_t outs_len, outs_used, out_free;

    struct gossip_fault faults[GOSSIP_FAULTS_MAX];
    uint32_t faults_head, faults_len;
    uint32_t *picks;        /* scratch: peers_max handles */
    uint8_t *scratch[2];    /* GOSSIP_RPC_SPLIT bytes, and half as many */
};

/* gossip.c */
void gossip_fault(struct gossip *g, uint32_t peer, enum pando_status status, const char *text);

/* gossip_topic.c: GOSSIP_NONE when there is no such topic, or no room for it. */
void gossip_topics_place(struct gossip *g, struct arena *arena);
uint32_t gossip_topic_find(const struct gossip *g, struct pando_slice name);
uint32_t gossip_topic_obtain(struct gossip *g, struct pando_slice name);
/* Likewise for a topic of our own, which may displace one that only peers speak of. */
uint32_t gossip_topic_claim(struct gossip *g, struct pando_slice name);
/* Whether the topic is open to a peer. */
bool gossip_may_join(const struct gossip *g, struct pando_slice name, uint32_t peer);
/* Give the slot back if nothing holds it. */
void gossip_topic_release(struct gossip *g, uint32_t topic);
struct pando_slice gossip_topic_name(const struct gossip_topic *t);

/* gossip_peer.c */
enum pando_status gossip_peer_up(struct gossip *g, const struct gossip_input *in);
void gossip_peer_down(struct gossip *g, uint32_t peer);
void gossip_peer_subscription(struct gossip *g, uint32_t peer, struct pando_slice topic,
                              bool subscribe);

/* gossip_mesh.c */
enum pando_status gossip_join(struct gossip *g, const struct gossip_input *in);
enum pando_status gossip_leave(struct gossip *g, struct pando_slice name);
void gossip_on_graft(struct gossip *g, uint32_t peer, struct pando_slice topic);
void gossip_on_prune(struct gossip *g, uint32_t peer, struct pando_slice topic,
                     uint64_t seconds);
/* A peer began to subscribe: graft it at once when the mesh is thin. */
void gossip_mesh_welcome(struct gossip *g, uint32_t topic, uint32_t peer);
void gossip_mesh_remove(struct gossip *g, uint32_t topic, uint32_t peer);
/* The set to send a message of an unsubscribed topic to, filled up to D. */
const uint64_t *gossip_fanout(struct gossip *g, uint32_t topic);
void gossip_mesh_tick(struct gossip *g);
/* Up to `want` members of `from` that are in neither `except` and pass the back-off check
 * (when `grafting`), at random, in g->picks. Returns how many. */
uint32_t gossip_pick(struct gossip *g, uint32_t topic, const uint64_t *from,
                     const uint64_t *except, bool grafting, uint32_t want);

/* gossip_message.c */
void gossip_on_message(struct gossip *g, uint32_t peer, const struct gossip_message *m);
/* Put a new message into the pool, in no list, and frame it once for everyone. */
enum pando_status gossip_admit(struct gossip *g, uint32_t topic, uint32_t peer,
                               const struct gossip_message *m, uint32_t *ret_msg) PANDO_MUST_USE;
/* Queue a message for those of `peers` that do not have it; returns for how many. */
uint32_t gossip_send_to(struct gossip *g, const struct gossip_msg *m, const uint64_t *peers,
                        enum gossip_class class);
enum pando_status gossip_verified(struct gossip *g, const struct gossip_input *in);
enum pando_status gossip_judge(struct gossip *g, const struct gossip_input *in);
/* Pop the next VERIFY or DELIVER. */
bool gossip_message_poll(struct gossip *g, struct gossip_effect *ret);
void gossip_message_tick(struct gossip *g);

/* gossip_publish.c */
enum pando_status gossip_publish(struct gossip *g, const struct gossip_input *in);

/* gossip_cache.c */
void gossip_cache_place(struct gossip *g, struct arena *arena);
uint32_t gossip_msg_take(struct gossip *g); /* GOSSIP_NONE at the cap */
void gossip_msg_free(struct gossip *g, uint32_t msg);
uint32_t gossip_msg_by_key(const struct gossip *g, struct gossip_key key);
uint32_t gossip_msg_by_handle(const struct gossip *g, uint64_t handle);
uint64_t gossip_msg_handle(const struct gossip *g, uint32_t msg);
void gossip_msg_index(struct gossip *g, uint32_t msg); /* by its keys */
void gossip_cache_put(struct gossip *g, uint32_t msg);
void gossip_cache_tick(struct gossip *g);
void gossip_list_push(struct gossip *g, struct gossip_list *l, uint32_t msg);
void gossip_list_remove(struct gossip *g, struct gossip_list *l, uint32_t msg);

/* gossip_id.c */
/* The key of an id as it stands in IHAVE and IWANT. */
struct gossip_key gossip_key_of(const struct gossip *g, struct pando_slice id);
/* The key under which a topic's id is remembered as seen. */
struct gossip_key gossip_key_in(const struct gossip_topic *t, struct gossip_key key);
/* Remember; false when it was seen already. */
bool gossip_see(struct gossip *g, const struct gossip_topic *t, struct gossip_key key);
bool gossip_saw(const struct gossip *g, const struct gossip_topic *t, struct gossip_key key);
/* Go's form of a signed message's id. */
struct gossip_key gossip_key_signed(const struct gossip *g, const struct peer_id *author,
                                    uint64_t seqno);
/* Write a message's id in a form; the data's hash has but one. */
void gossip_put_name(struct wire_writer *w, const struct gossip_msg *m, enum gossip_form form);
/* Note in which form a peer writes ids, if this one shows it. */
void gossip_learn_form(struct gossip_peer *p, struct pando_slice id);
/* The whole content of a signed message. */
struct gossip_key gossip_key_content(const struct gossip *g, const struct gossip_message *m);
/* Give a message its keys: all forms of a signed one's id, or the data's hash. */
void gossip_name_signed(const struct gossip *g, struct gossip_msg *m);
void gossip_name_data(const struct gossip *g, struct gossip_msg *m, const struct pando_id *hash);
/* All keys become known at once; false when one was. */
bool gossip_see_all(struct gossip *g, const struct gossip_msg *m);

/* gossip_lazy.c */
void gossip_on_ihave(struct gossip *g, uint32_t peer, const struct gossip_item *item);
void gossip_on_iwant(struct gossip *g, uint32_t peer, const struct gossip_item *item);
void gossip_lazy_tick(struct gossip *g);
void gossip_promises_forget(struct gossip *g, uint32_t peer);

/* gossip_queue.c */
void gossip_queues_place(struct gossip *g, struct arena *arena);
/* Queue a reference of its own for `peer`; false when it was dropped. */
bool gossip_queue_push(struct gossip *g, uint32_t peer, enum gossip_class class,
                       struct bytes *bytes);
void gossip_queue_clear(struct gossip *g, uint32_t peer);
/* The peer has control to say: see told, graft_due and prune_due of the topics. */
void gossip_control_due(struct gossip *g, uint32_t peer);
void gossip_peer_wake(struct gossip *g, uint32_t peer);
bool gossip_queue_poll(struct gossip *g, struct gossip_effect *ret);

#endif
