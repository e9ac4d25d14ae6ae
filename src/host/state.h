/* state.h - the host's parts, shared by the files of this folder.
 *
 * One loop thread owns the sockets, the api and the node. Pools of workers verify, commit,
 * run capsules and do slow work; each job comes back through the loop. Seen nowhere else.
 */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include "api/api.h"
#include "exec/exec.h"
#include "host/host.h"
#include "host/log.h"
#include "host/pool.h"
#include "host/transcript.h"
#include "net/quic.h"
#include "node/config.h"
#include "node/node.h"
#include "store/store.h"
#include "ws/ws.h"

#include <jansson.h>
#include <uv.h>

#define HOST_WATCH_MAX 600 /* the api's connections and its listeners */

/* A descriptor of the api that the loop watches. */
struct host_watch {
    uv_poll_t poll;
    struct host *host;
    uint32_t handle;
};

/* The commits and flushes of one space. */
struct host_space {
    bool used;
    bool commit_wanted;
    bool committing;
    bool flushing;
    bool aheading; /* zeros are written for the next segment */
    bool failed;
    bool snapshotting;
    uint64_t drop_before; /* a snapshot covers the records below; 0: none waits */
    uint8_t quick;              /* a bit for each of the last commits */
    struct commit_job *at_once; /* a small one that the end of this turn makes */
    struct store_space *store;
    uint32_t slot;
    struct host *host;
};

/* What the node tells of a log space. */
struct host_delivery {
    bool used;
    char name[64];
    char id[65]; /* "" until the node has listed it */
    bool asked;  /* it is watched, */
    bool ended;  /* or was, until the space was closed for a while */
    struct transcript *transcript; /* or NULL */
    json_t *before; /* {room: last number} when the node started, or NULL */
    json_t *seen;   /* {room: last number that was delivered} */
};

struct host {
    const struct config *config;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_check_t check;
    uv_idle_t idle;  /* signatures that were checked on the loop itself */
    uv_idle_t again; /* something is due: go round without waiting */
    uv_timer_t retry;
    uv_signal_t signals[2];
    uv_poll_t sockets[QUIC_SOCKETS_MAX];
    size_t sockets_len;
    bool wants_write[QUIC_SOCKETS_MAX];
    struct host_watch *watches[HOST_WATCH_MAX];
    struct log *log;
    struct host_guest guest; /* who opened it; zeros for a process of its own */
    const struct tracer *tracer;
    struct keystore *keystore;
    const struct crypto_secret *secret;
    struct store *store;
    struct store *memory; /* of spaces that are kept in memory; opened by the first (memory.c) */
    char memory_dir[64];
    struct exec *exec;
    struct quic *quic;
    struct api *api;
    struct ws *ws;
    struct host_pipe_watch **pipe_watches; /* WS_HANDLES of them */
    struct node *node;
    struct pool *verifiers;
    struct pool *syncers;
    struct pool *runners;
    struct pool *helpers;
    uint32_t walks; /* over journal files, by backups and verification */
    struct host_space spaces[NODE_SPACES_MAX];
    struct host_delivery deliveries[NODE_SPACES_MAX];
    bool spaces_changed; /* delivery.c has to look */
    struct exec_limits limits;
    bool network;     /* false: a one-shot call without sockets */
    bool signals_wanted;
    bool printing;    /* the event printer is on */
    bool json;        /* it prints JSON lines */
    struct pool_job *ready; /* completions that the next turn delivers */
    bool stopping;
    bool ended;
    uint64_t slow_turns; /* loop turns of more than 5 ms */
    uint64_t turns;
    uint64_t turns_then;   /* at the last look */
    struct pando_time look_at;
    unsigned quiet_s; /* looks since the last busy second */
    unsigned signals_seen;
    char registry[512];
    struct node_monitor monitor; /* as printed last */
    bool monitored;
    struct pando_time labels_at;
    struct pando_node *library; /* calls with tokens from LIBRARY_TOKEN on are its */
    const struct host_reply *direct; /* where a one-shot call's answer goes */
    bool direct_done;
    enum pando_status direct_status;
    struct node_space_config space_configs[NODE_SPACES_MAX];
    char *local_json[NODE_SPACES_MAX]; /* of its space in the config */
    struct pando_buf space_json[NODE_SPACES_MAX]; /* immutable configs */
    struct pando_buf note;   /* operator.json as it was read */
    struct pando_slice kept; /* of it */
    struct peer_id allow[CONFIG_LIST_MAX];
    struct peer_id deny[CONFIG_LIST_MAX];
};

/* The instant of this turn. */
struct pando_time host_now(const struct host *h);
/* Wall time of the system. */
struct pando_wall host_wall(void *ctx);

/* host.c: everything from the log to the node, and back. `config` is set before. */
enum pando_status host_open(struct host *h, struct pando_err *reterr) PANDO_MUST_USE;
void host_close(struct host *h);
void host_begin_stop(struct host *h);
/* ports.c: the node's ports over the parts above */
struct node_ports host_ports(struct host *h);
#define NODE_LISTEN_HOST_MAX 8
enum pando_status ports_open_quic(struct host *h, struct pando_err *reterr);
enum pando_status ports_open_api(struct host *h, struct pando_err *reterr);
size_t ports_listen(struct host *h, struct multiaddr *ret, size_t cap);
/* pipes.c */
enum pando_status pipes_open(struct host *h, struct pando_err *reterr);
void pipes_close(struct host *h);
/* commits.c */
void commits_want(void *ctx, uint32_t slot);
/* memory.c. Open is once; close removes what it held. Errors: PANDO_IO /dev/shm is unusable. */
enum pando_status memory_store_open(struct host *h, struct pando_err *reterr) PANDO_MUST_USE;
void memory_store_close(struct host *h);
/* delta_config.c: what the groups delta and federation of the config say, under what the space's
 * own settings say already. */
enum pando_status host_delta_settings(const struct config *c, const struct config_space *space,
                                      json_t *settings, struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status commits_space_open(void *ctx, uint32_t slot, const struct pando_id *id,
                                     const struct space_ops *ops, struct node_space_store *ret,
                                     struct pando_err *reterr);
void commits_space_close(void *ctx, uint32_t slot);
enum pando_status commits_space_mend(void *ctx, const struct pando_id *id,
                                     struct pando_err *reterr);
enum pando_status commits_space_remove(void *ctx, const struct pando_id *id, struct pando_err *reterr);
void commits_start_all(struct host *h);
/* Make those commits that are small; whether there were any. */
bool commits_at_once(struct host *h);
/* snapshots.c */
void snapshots_write(void *ctx, uint32_t slot, uint64_t position, struct bytes *state);
void snapshots_drop(struct host_space *s);
/* workers.c */
void workers_verify(void *ctx, uint64_t job, const struct space_verify_item *items, size_t len);
enum pando_status workers_run(void *ctx, uint64_t job, const struct node_run *run);
enum pando_status workers_work(void *ctx, uint64_t job, const char *what, struct pando_slice args);
void workers_resolve(void *ctx, uint32_t token, const char *name, uint8_t family,
                     uint32_t attempt);
/* loop.c: watching descriptors and time */
enum pando_status loop_start(struct host *h, struct pando_err *reterr);
/* Set the timer for the first deadline; the node must have started. */
void loop_arm(struct host *h);
/* Something was done outside the sockets: finish the turn without waiting for one. */
void loop_again(struct host *h);
void loop_stop(struct host *h);
struct api_watch_ops loop_watch_ops(struct host *h);
/* print.c: what a person at the terminal sees */
void print_start(struct host *h);
void print_notice(void *ctx, const char *kind, struct pando_slice json);
void print_labels(struct host *h);
void print_stop(struct host *h);
/* delivery.c: calls with tokens of [DELIVERY_TOKEN, 2 * DELIVERY_TOKEN) are its */
#define DELIVERY_TOKEN (UINT64_C(1) << 45)
enum pando_status delivery_start(struct host *h, struct pando_err *reterr);
void delivery_stop(struct host *h);
void delivery_flush(struct host *h);
/* Watch the log spaces that came, let go of those that went. Before the node's turn. */
void delivery_turn(struct host *h);
void delivery_reply(struct host *h, uint64_t token, enum pando_status status,
                    struct pando_slice body, bool more);
/* library.c */
#define LIBRARY_TOKEN (UINT64_C(1) << 47)
/* Whether this is the thread that runs the node. */
bool library_is_own_thread(const struct pando_node *n);
void library_reply(struct pando_node *n, uint64_t token, enum pando_status status,
                   struct pando_slice body, bool more);
/* registry.c: how the command line finds running nodes */
void registry_write(struct host *h);
void registry_remove(struct host *h);

#endif
