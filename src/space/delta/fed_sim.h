/* fed_sim.h - a small world of federation engines: virtual time, pipes, disks, crashes.
 *
 * Every node is an engine over a store in memory (fed_sim_store.h). The world plays the host: it
 * dials, carries messages in order, gives credit back as the receiver digests, commits what was
 * staged after a moment and tells the engine: of some deltas before, of some after. Faults are the
 * caller's: pipes are cut with all that is in them, nodes crash and lose what was not durable,
 * servers cannot be reached.
 *
 * The world looks at every message: an acknowledged delta must be durable, a paused peer must be
 * sent nothing, queues must be within their bounds. The first breach is kept in `violation`.
 */
#ifndef SPACE_DELTA_FED_SIM_H
#define SPACE_DELTA_FED_SIM_H

#include "base/map.h"
#include "base/rng.h"
#include "space/delta/fed.h"
#include "space/delta/fed_sim_store.h"

#include "agenda.h"

#define SIM_NODES_MAX 16
#define SIM_EDGES_MAX 64
#define SIM_PIPES_MAX 8192
#define SIM_WINDOW    (64u << 10) /* bytes that a node reads ahead */

/* Who dials whom, and how the link behaves. */
struct sim_edge {
    uint32_t client, server;
    const char *config; /* JSON, static */
    struct fed_link_config policy; /* the same, read */
    char id[FED_ID_TEXT];
    bool paused[2]; /* by the client, by the server */
    int64_t since;  /* wall ms of the first greeting of this link; 0 not yet */
    uint32_t pipe;  /* or UINT32_MAX */
    uint32_t opened; /* pipes, and configurations */
};

struct sim_message {
    struct bytes *bytes;
    struct pando_time at;
};

struct sim_pipe {
    bool open;
    uint32_t edge;
    uint32_t node[2]; /* client, server */
    struct sim_message *queue[2]; /* to node[0], to node[1] */
    size_t head[2], len[2], cap[2];
    uint64_t undigested[2];
};

struct sim_node {
    struct fed *fed; /* NULL: it is down */
    struct sim_store *store;
    struct sim *sim;
    uint32_t index, life;
    const char *trust; /* JSON, static, or NULL */
    struct fed_trust policy;
    bool committing, unreachable, hasty;
    struct pando_time tick_at;
    uint32_t created;
};

struct sim_tally {
    uint64_t deltas, batches, batched, acks, nacks, syncs, pauses, commits, crashes, cuts, steps;
    uint64_t early, lost; /* said before they were durable; gone with a crash, but not elsewhere */
};

struct sim {
    struct rng rng;
    struct pando_time now;
    struct agenda agenda;
    struct sim_node nodes[SIM_NODES_MAX];
    uint32_t nodes_len;
    struct sim_edge edges[SIM_EDGES_MAX];
    uint32_t edges_len;
    struct sim_pipe *pipes;
    uint32_t pipes_len;
    struct map acked; /* node index and name of every delta that it acknowledged */
    struct sim_room room;
    struct sim_tally tally;
    uint32_t uuids;
    const char *violation;
};

struct sim *sim_new(uint64_t seed, uint32_t nodes, const char *const *trusts);
void sim_free(struct sim *s);
/* A link from one node to another. */
uint32_t sim_edge(struct sim *s, uint32_t client, uint32_t server, const char *config);
void sim_create(struct sim *s, uint32_t node, size_t pad);
void sim_cut(struct sim *s, uint32_t edge);
void sim_crash(struct sim *s, uint32_t node);
/* How many a crash would take from the node that made them, while another one holds them. */
uint64_t sim_ahead_of_disk(const struct sim *s, uint32_t node);
void sim_restart(struct sim *s, uint32_t node);
/* By the client (0) or by the server (1) of an edge. */
void sim_pause(struct sim *s, uint32_t edge, unsigned side, bool paused);
void sim_configure(struct sim *s, uint32_t edge, const char *config);
void sim_run_for(struct sim *s, struct pando_span span);
int64_t sim_wall(const struct sim *s);

/* Of fed_sim_look.c: the first breach is kept. */
struct fed_link;
void sim_broken(struct sim *s, const char *what);
struct fed_link *sim_link_of(struct sim_node *n, uint32_t pipe);
void sim_look_at(struct sim *s, struct sim_node *n, uint32_t pipe, struct bytes *bytes);
void sim_look_at_bounds(struct sim *s, const struct sim_node *n);

/* Whatever a node holds and a link must carry on is held at the link's other end. */
bool sim_closed(struct sim *s);
/* Nothing is held where no policy, now or then, let it pass: node policies never change. */
void sim_check_trust(struct sim *s);
/* What a node has acknowledged, it holds. */
void sim_check_acks(struct sim *s);
bool sim_equal(const struct sim *s); /* all nodes hold the same set */

/* One stormy history; NULL, or what was broken. Adds to `sums`. */
const char *fed_storm(uint64_t seed, struct sim_tally *sums);
/* A tree without faults: every delta crosses every link once. */
const char *fed_calm(uint64_t seed);

#endif
