/* state.h - what the files of this folder share: the node's tables.
 *
 * A peer has an index (its handle toward every engine) from its first link to its last. A
 * stream belongs to one link and plays one role; it negotiates first and then feeds bytes
 * to what its role names. Jobs (verification, runs, work) carry a number that leads back
 * to whoever asked. Nothing here is seen outside src/node.
 */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/slice.h"
#include "codec/cid.h"
#include "node/kept.h"
#include "node/node.h"
#include "peer/dialer.h"
#include "proto/frame.h"
#include "proto/gossipsub/gossip.h"
#include "proto/identify/identify.h"
#include "proto/multistream/multistream.h"
#include "proto/ping/ping.h"

#define NODE_NONE UINT32_MAX
#define NODE_LINKS_PER_PEER 4
#define NODE_STREAMS_PER_PEER 64
#define NODE_NEGOTIATION_LIMIT PANDO_SEC(10)
#define NODE_IDENTIFY_LIMIT PANDO_SEC(5)
#define NODE_GOSSIP_RPC_MAX (1u << 20)
#define NODE_INTERNAL_TOKEN (UINT64_C(1) << 48) /* tokens from here on are ours */
#define NODE_JOBS_MAX 4096
#define NODE_LISTEN_MAX 16
#define NODE_CUTS_MAX 64
#define NODE_WATCHERS_MAX 16
#define NODE_KEEPING_MAX 32 /* changes that wait for the disk */

/* What a stream is for. The first group is negotiated by name when the peer opens it. */
enum stream_role {
    ROLE_IDENTIFY,
    ROLE_PUSH,
    ROLE_PING,
    ROLE_GOSSIP,
    ROLE_CHANNEL, /* of a space: slot and channel */
    ROLE_UNKNOWN, /* the peer opened it, negotiation goes on */
};

struct node_stream {
    uint64_t id;
    uint64_t link;
    uint32_t peer;
    uint32_t slot; /* ROLE_CHANNEL: the space, NODE_NONE until the first frame named it */
    uint8_t kind;  /* ROLE_CHANNEL in: index of the space kind */
    uint8_t channel;
    enum stream_role role;
    bool outbound;
    bool agreed;     /* negotiation is over */
    bool fin_seen;
    struct pando_time deadline; /* of negotiation, identify, ping */
    size_t frame_carried;       /* ROLE_CHANNEL in: bytes of an unfinished message */
    size_t ahead;               /* consumed so, and not digested yet */
    size_t outstanding;         /* ROLE_CHANNEL out: bytes whose credit is not given back */
    uint64_t token;             /* ROLE_PING out: the call that waits */
    struct ms ms;
    struct frame_reader frame;
    struct identify_info *info; /* ROLE_IDENTIFY, ROLE_PUSH while reading */
    union {
        struct ping_responder responder;
        struct pinger pinger;
    } ping;
};

struct node_link {
    uint64_t id;
    uint32_t peer;
    bool dialed;
    uint32_t streams;
    struct pando_time since;
    struct multiaddr address;
};

/* The streams of one space toward one peer. */
struct peer_space {
    bool shared; /* both hold the space: PEER_UP was given */
    uint64_t out[SPACE_CHANNELS_MAX]; /* streams, 0 none */
    uint64_t in[SPACE_CHANNELS_MAX];
};

struct node_peer {
    bool used;
    bool identified;
    bool foreign; /* plain libp2p, not a Pando node */
    uint32_t links_len;
    uint64_t links[NODE_LINKS_PER_PEER]; /* the first one carries new streams */
    uint32_t streams;
    uint32_t faults; /* in this second */
    struct peer_id id;
    struct pando_time since;
    uint64_t gossip_out; /* stream, 0 none */
    bool gossip_up;
    size_t gossip_outstanding; /* bytes whose credit is not given back */
    struct pando_time gossip_retry;
    bool speaks_gossip;
    bool gossip_new; /* 1.1 rather than 1.0 */
    char agent[64];
    char network[IDENTIFY_NETWORK_MAX + 1];
    struct multiaddr address;
    struct multiaddr listen[4];
    uint8_t listen_len;
    struct pando_span rtt; /* of the last ping */
    struct pando_time meet_again; /* 0: not wanted */
    struct peer_space spaces[NODE_SPACES_MAX];
};

struct node_space {
    bool used;
    char name[64];
    struct pando_id id;
    const struct space_ops *ops;
    uint32_t pipes; /* open ones */
    void *instance;
    struct space_access access;
    char *config_text; /* immutable, in its one spelling; the id hashes it */
    char *local_text;  /* its settings here, as they came */
    bool reopen;       /* it asked for that */
    struct space_host host;
    struct node_space_store store;
    struct node *node;
    uint32_t slot;
    char hex[65];
    char topic[96]; /* "/pando/space/HEX": its gossip topic and its pseudo-protocol */
    uint8_t kind;   /* index among the config's kinds */
    bool busy;      /* stepped since it was polled last */
    bool commit_wanted;
    bool failed; /* the journal refuses appends */
    bool stopping_said;
    uint64_t appended; /* position behind the last appended record */
    uint64_t durable;
};

/* A pipe that is being dialled for a space. */
struct node_pipe_dial {
    uint64_t token;
    uint32_t slot;
};

/* Who waits for a job's end. */
enum job_owner { JOB_GOSSIP, JOB_SPACE, JOB_RUN, JOB_WORK, JOB_KEEP };

struct node_job {
    enum job_owner owner;
    uint32_t slot;
    uint64_t token;
};

/* A space that is to be opened again, and when. */
struct node_reopening {
    char *name, *config_text, *local_text;
    const char *kind;
    struct pando_time at;
};

struct node_op; /* calls that take several steps: ops.h */

struct pubsub; /* application topics: pubsub.c */
struct keeping; /* keeping.c */

/* One kept message of an application topic. */
struct pubsub_view {
    uint64_t seq;
    struct peer_id author;
    struct pando_slice data;
};

/* One gossip signature being checked; its address is the job's token. */
struct pubsub_job {
    uint64_t handle;
    struct bytes *bytes;
    struct space_verify_item item;
};

enum node_pipe_way { NODE_PIPE_IN, NODE_PIPE_OUT, NODE_PIPE_WAYS };

#define NODE_PIPE_CLOSES 12 /* no code, each of enum pipe_code, any other */

/* What went over pipes since the start. */
struct node_pipe_counts {
    uint64_t open;
    uint64_t opened[NODE_PIPE_WAYS];
    uint64_t messages[NODE_PIPE_WAYS];
    uint64_t bytes[NODE_PIPE_WAYS]; /* of messages */
    uint64_t dials_failed;
    uint64_t closed[NODE_PIPE_CLOSES];
};

struct node {
    struct node_config config;
    struct node_ports ports;
    struct peer_id id;
    struct pando_key key;
    struct pando_time now;
    struct pando_time started;
    struct rng rng;
    const struct tracer *tracer;
    uint32_t peers_max;
    uint32_t peers_top; /* behind the last place that was ever used */
    struct node_peer *peers;
    struct map streams; /* u64 -> struct node_stream * */
    struct map links;   /* u64 -> struct node_link * */
    struct map by_id;   /* struct peer_id -> u32 */
    struct map jobs;    /* u64 -> struct node_job */
    struct map ops;     /* u64 internal token -> struct node_op * */
    struct map pipes;      /* u32 -> u32 slot of the space */
    struct map pipe_dials; /* u64 number -> struct node_pipe_dial */
    uint64_t next_pipe_dial;
    uint64_t next_job;
    uint64_t next_token;
    struct dialer dialer;
    struct gossip *gossip;
    void *gossip_memory;
    struct pando_time gossip_now;
    struct node_space spaces[NODE_SPACES_MAX];
    struct node_reopening reopenings[NODE_SPACES_MAX]; /* reopening.c; name NULL: free */
    struct multiaddr listen[NODE_LISTEN_MAX];
    size_t listen_len;
    struct kept *kept; /* what the operator changed and wants to find again */
    struct keeping *keeping;
    struct peer_id cuts[NODE_CUTS_MAX];
    size_t cuts_len;
    bool cut_all;
    bool commits_wanted;
    bool credit_wanted;
    bool stopping;
    struct pando_time stop_by;
    struct pando_time sweep_at;
    struct pubsub *pubsub;
    uint64_t watchers[NODE_WATCHERS_MAX]; /* tokens of node.watch; 0 free */
    uint64_t nonce;
    struct pando_id kept_capsule; /* the last one whose bytes a space keeps, */
    struct bytes *kept_bytes;     /* these bytes, NULL none, */
    uint32_t kept_slot;           /* and that space */
    struct bytes *run_bytes;      /* the last capsule that a space had run, NULL none, */
    char run_cid[CID_TEXT_MAX];   /* and its name */
    struct node_view counts;
    struct node_pipe_counts pipe_counts;
    uint64_t faults_by[32]; /* by status: how often peers broke a rule */
};

/* peers.c: links, identities, admission */
void peers_link_up(struct node *n, const struct link_event *ev);
void peers_link_down(struct node *n, const struct link_event *ev);
struct node_peer *peer_at(struct node *n, uint32_t index);
struct node_peer *peer_find(struct node *n, const struct peer_id *id, uint32_t *ret_index);
struct node_link *link_find(struct node *n, uint64_t link);
void peers_identified(struct node *n, uint32_t peer, const struct identify_info *info);
void peers_drop(struct node *n, uint32_t peer, enum link_reason reason);
void peers_sweep(struct node *n);
void peers_fault(struct node *n, uint32_t peer, enum pando_status why, const char *text);
bool peers_is_cut(const struct node *n, const struct peer_id *peer);

/* streams.c: negotiation and the bytes of each role */
struct node_stream *stream_find(struct node *n, uint64_t id);
enum pando_status stream_open(struct node *n, uint32_t peer, enum stream_role role,
                              const char *const *names, size_t names_len, uint8_t class,
                              struct node_stream **ret);
void stream_drop(struct node *n, struct node_stream *s, bool reset);
void streams_drop_link(struct node *n, uint64_t link);
void streams_event(struct node *n, const struct link_event *ev);
void streams_sweep(struct node *n);

/* protocols.c: identify, push, ping */
size_t protocols_list(struct node *n, const char **ret, size_t cap);
void protocols_push(struct node *n);
void protocols_identify_open(struct node *n, uint32_t peer);
void protocols_answer_identify(struct node *n, struct node_stream *s);
void protocols_read_identify(struct node *n, struct node_stream *s, struct pando_slice data, bool fin);
void protocols_read_ping(struct node *n, struct node_stream *s, struct pando_slice data, bool fin);
void protocols_ping(struct node *n, uint32_t peer, uint64_t token);

/* pubsub.c: the gossip engine's surroundings */
enum pando_status pubsub_init(struct node *n);
void pubsub_deinit(struct node *n);
void pubsub_peer_up(struct node *n, uint32_t peer);
void pubsub_peer_spoke(struct node *n, uint32_t peer, bool new_version);
void pubsub_peer_down(struct node *n, uint32_t peer);
void pubsub_receive(struct node *n, struct node_stream *s, struct pando_slice data);
void pubsub_settle(struct node *n);
void pubsub_verified(struct node *n, uint64_t token, bool valid);
void pubsub_drop_job(uint64_t token);
void pubsub_leave_space(struct node *n, struct node_space *space);
void pubsub_publish_space(struct node *n, struct node_space *space, struct bytes *bytes);
void pubsub_verdict(struct node *n, uint64_t handle, enum pando_status status);
void pubsub_join_space(struct node *n, struct node_space *space);
void pubsub_tick(struct node *n);
struct pando_time pubsub_deadline(const struct node *n);
bool pubsub_kept(const struct node *n, uint64_t *seq, const char *topic, struct pubsub_view *ret);
void pubsub_call(struct node *n, uint64_t token, const char *verb, struct pando_slice args);

/* spaces.c: instances, their effects, their channels */
enum pando_status spaces_open(struct node *n, const struct node_space_config *config,
                              uint32_t *ret_slot, struct pando_err *reterr);
void spaces_close(struct node *n, uint32_t slot);
struct node_space *space_at(struct node *n, uint32_t slot);
struct node_space *space_by_name(struct node *n, const char *name, const char *kind);
struct node_space *space_by_topic(struct node *n, struct pando_slice topic);
void space_input(struct node *n, struct node_space *s, const struct space_input *in);
void spaces_peer_meets(struct node *n, uint32_t peer, const struct identify_info *info);
void spaces_peer_gone(struct node *n, uint32_t peer);
void spaces_channel_opened(struct node *n, struct node_stream *s, struct pando_slice first);
void spaces_channel_read(struct node *n, struct node_stream *s, struct pando_slice data);
void spaces_channel_lost(struct node *n, struct node_stream *s);
void spaces_settle(struct node *n);
void spaces_credit(struct node *n);
void space_call(struct node *n, struct node_space *s, uint64_t token, const char *verb,
                struct pando_slice args);
/* Hand bytes to the space as they are; see SPACE_PUT. */
void space_put(struct node *n, struct node_space *s, uint64_t token, const char *verb,
               struct bytes *bytes);

void spaces_sweep(struct node *n);
/* channels.c: the space leaves its peers, and they meet again soon, wherever it is then. */
void spaces_part_all(struct node *n, struct node_space *s);
/* reopening.c: close the spaces that asked for it, mend their journals, open them again. */
void reopenings_begin(struct node *n);
void reopenings_sweep(struct node *n);
void reopenings_deinit(struct node *n);
/* pipes.c */
extern const uint16_t node_pipe_codes[NODE_PIPE_CLOSES - 1]; /* what `closed` counts apart */
void pipes_init(struct node *n);
void pipes_deinit(struct node *n);
void pipes_carry_out(struct node *n, struct node_space *s, const struct space_effect *e);
/* Close the space's pipes, which is told no more; NODE_NONE: everybody's, and they are. */
void pipes_drop(struct node *n, uint32_t slot, const char *why);
/* policy.c: who may do what in a space */
enum pando_status policy_read(const char *config_json, struct space_access *ret_access,
                              char **ret_text, struct pando_err *reterr);
bool policy_admits(const struct node_space *s, const struct peer_id *who,
                   enum space_action action);
bool policy_may_join(void *ctx, struct pando_slice topic, const struct peer_id *peer);
/* Members of the space's JSON object: this node's role and the policy. */
enum pando_status policy_print(const struct node *n, const struct node_space *s,
                               struct pando_buf *b);
/* channels.c */
void channels_send(struct node *n, struct node_space *s, const struct space_effect *e);
void channels_digested(struct node *n, struct node_space *s, const struct space_effect *e);
/* storing.c: the journal, its durability and its failures */
enum pando_status node_store_append(struct node_space *s, uint8_t record, struct pando_slice bytes,
                                    const struct tables_fold *fold,
                                    uint64_t *ret_position);
/* keeping.c: the operator's changes survive a restart */
enum pando_status keeping_new(struct node *n);
void keeping_free(struct node *n);
enum pando_status keeping_load(struct node *n, struct pando_err *reterr);
/* Ask before the change is made. False: too many wait, and the call was answered. */
bool keeping_has_room(struct node *n, uint64_t token);
/* Write what is in force now; then the call is answered with `answer` (short). */
void keeping_save(struct node *n, uint64_t token, const char *answer);
void keeping_done(struct node *n, enum pando_status status, struct pando_slice text);
bool keeping_is_busy(const struct node *n);
/* Open the spaces that were created in an earlier life. */
enum pando_status keeping_open_spaces(struct node *n, struct pando_err *reterr);
/* mesh.c: dial the nodes that are announced, or that a space needs */
void nodes_meet(struct node *n, const char *text);
void nodes_heard(struct node *n, struct pando_slice notice);

/* jobs */
uint64_t job_add(struct node *n, enum job_owner owner, uint32_t slot, uint64_t token);
bool job_take(struct node *n, uint64_t job, struct node_job *ret);

/* calls.c and its neighbours: verbs */
void call_reply(struct node *n, uint64_t token, enum pando_status status, struct pando_slice body);
void call_fail(struct node *n, uint64_t token, enum pando_status status, const char *format, ...)
    PANDO_PRINTF(4, 5);
void calls_notice(struct node *n, const char *kind, struct pando_slice json);
/* Whether anybody wants notices of events now: the owner, a watcher, the mesh. */
bool node_is_heard(const struct node *n);
void calls_peers(struct node *n, uint64_t token, const char *verb, struct pando_slice args);
void calls_spaces(struct node *n, uint64_t token, const char *verb, struct pando_slice args);
void calls_links(struct node *n, uint64_t token, const char *verb, struct pando_slice args);
void calls_status(struct node *n, uint64_t token);
void calls_metrics(struct node *n, uint64_t token);

/* ops.c, runs.c: calls in several steps */
void ops_reply(struct node *n, uint64_t token, enum pando_status status, struct bytes *body,
               bool raw, bool more);
void ops_ran(struct node *n, uint64_t token, const struct exec_result *result,
             const struct receipt *receipt);
void ops_worked(struct node *n, uint64_t token, enum pando_status status, struct pando_slice json);
void ops_drop_all(struct node *n);
void runs_call(struct node *n, uint64_t token, const char *verb, struct pando_slice args);
/* Drop the capsule that the space in that slot keeps for us; the space is going. */
void runs_forget(struct node *n, uint32_t slot);

#endif
