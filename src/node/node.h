/* node.h - the conductor: routes one engine's effects to the next engine's inputs.
 *
 * A node has one identity, one set of links, one store and some spaces. It holds no rule of
 * any protocol or kind of space: it negotiates streams, frames messages, hands them to the
 * engine they belong to and carries out what that engine asks for. Below it lies the closed
 * list of ports (node/ports.h). It is an engine itself: every input carries the time, and
 * nothing here sleeps, reads a clock or touches a thread, so the simulator runs whole nodes.
 *
 * The owner calls one of the inputs below, in any order and as often as it likes, then
 * node_turn() once before it waits again, and wakes the node at node_deadline().
 * Thread: the loop thread only.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/ports.h"

#define NODE_PEERS_MAX 1024
#define NODE_SPACES_MAX 16

struct node;
struct exec_result;
struct receipt;

struct node_space_config {
    const char *name;
    const char *kind;
    const char *config_json; /* immutable part of the space's identity; NULL = {} */
    const char *local_json;  /* this node's own settings for it; not part of its id */
    bool reopened; /* it was open before, in this life of the node */
};

struct node_config {
    const struct crypto_secret *secret;
    const char *name;
    const char *network;
    const char *data;       /* shown by status */
    const char *durability; /* "fsync" or the weaker mode's name */
    const struct peer_id *allow; /* empty: everybody */
    size_t allow_len;
    const struct peer_id *deny;
    size_t deny_len;
    bool no_store;       /* keep no capsules and inputs unless a run says so */
    bool mesh;           /* dial every node that is announced */
    bool notices;        /* ports.notice wants every event, watched or not */
    uint32_t peers_max;  /* 0: 64 */
    bool no_pipes;         /* take none from outside */
    const char *pipe_path; /* where they come: NULL /federation, with /SPACE behind it or not */
    uint64_t seed;
    const struct tracer *tracer;
    const struct space_ops *const *kinds;
    size_t kinds_len;
    const struct node_space_config *spaces;
    size_t spaces_len;
    const struct pando_slice *kept; /* what the work "keep" wrote last; NULL nothing */
};

/* A node over `ports`, not started. All pointers of the config outlive it.
 * Errors: PANDO_NOMEM; PANDO_INVALID an unknown kind (named in reterr). */
enum pando_status node_new(const struct node_config *config, const struct node_ports *ports,
                           struct node **ret, struct pando_err *reterr) PANDO_MUST_USE;
void node_free(struct node *n);
/* Open the spaces. `listen`: addresses to tell peers. */
enum pando_status node_start(struct node *n, struct pando_time now, const struct multiaddr *listen,
                             size_t listen_len, struct pando_err *reterr) PANDO_MUST_USE;
/* Say goodbye in every space; node_stopped() turns true once that is durable and sent. */
void node_stop(struct node *n, struct pando_time now);
bool node_stopped(const struct node *n);

/* Inputs: answers of the ports. */
void node_link_event(struct node *n, struct pando_time now, const struct link_event *event);
void node_pipe_event(struct node *n, struct pando_time now, const struct pipe_event *event);
void node_durable(struct node *n, struct pando_time now, uint32_t slot, uint64_t position);
void node_store_failed(struct node *n, struct pando_time now, uint32_t slot, enum pando_status why);
void node_store_back(struct node *n, struct pando_time now, uint32_t slot);
void node_snapshotted(struct node *n, struct pando_time now, uint32_t slot,
                      enum pando_status status);
void node_verified(struct node *n, struct pando_time now, uint64_t job, const uint64_t *bits);
/* `receipt`: signed; NULL when the run failed or none was asked for. */
void node_ran(struct node *n, struct pando_time now, uint64_t job,
              const struct exec_result *result, const struct receipt *receipt);
/* The report of a validate-only run or of `work`: JSON text. */
void node_worked(struct node *n, struct pando_time now, uint64_t job, enum pando_status status,
                 struct pando_slice json);
void node_resolved(struct node *n, struct pando_time now, uint32_t token, const uint8_t *ip,
                   uint8_t ip_len, const char *text);
/* A command: `verb` with JSON arguments; answered through ports.reply with this token.
 * Tokens are the caller's and must stay below 2^48. */
void node_call(struct node *n, struct pando_time now, uint64_t token, const char *verb,
               struct pando_slice args);
/* Whoever waited for `token` is gone (a watcher hung up). */
void node_cancel(struct node *n, uint64_t token);

/* Deliver what the engines have to say to each other and to the ports. */
void node_turn(struct node *n, struct pando_time now);
struct pando_time node_deadline(const struct node *n);

/* Whether a space takes pipes at this path (no query). Errors: PANDO_NOT_FOUND none does;
 * PANDO_UNAVAILABLE the node stops. */
enum pando_status node_takes_pipe(struct node *n, const char *path,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Whether this identity is refused until the operator changes his mind: allow and deny
 * lists, bans, self. A dialler that is told so gives up. */
bool node_bars(const struct node *n, const struct peer_id *peer);
/* Whether a link to it is wanted now: not barred, and not cut. */
bool node_admits(const struct node *n, const struct peer_id *peer);
const struct peer_id *node_id(const struct node *n);
/* Dial an address of the configuration and keep it linked, unless the operator removed it. */
enum pando_status node_add_peer(struct node *n, struct pando_time now,
                                const struct multiaddr *address) PANDO_MUST_USE;
/* Dial what the operator added in an earlier life. */
void node_add_kept_peers(struct node *n, struct pando_time now);

/* Numbers for tests, the demo and the simulator. */
struct node_view {
    size_t links;
    size_t peers;        /* identified, of our network */
    uint64_t refused;    /* links refused by policy or network name */
    uint64_t faults;     /* rules broken by peers */
};
struct node_view node_look(const struct node *n);
/* The four numbers that a person watches. */
struct node_monitor {
    uint64_t connected_peers, dag_events, receipt_count, node_count;
};
void node_monitor(const struct node *n, struct node_monitor *ret);
/* The instance of a space by its slot, for checkers; NULL when there is none. */
void *node_space_instance(const struct node *n, uint32_t slot);

#endif
