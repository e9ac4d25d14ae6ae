/* state.h - the simulator's insides, shared by its files. */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "base/map.h"
#include "crypto/sign.h"
#include "node/kinds.h"
#include "sim/sim.h"

#define SIM_PEERS_MAX 32
#define SIM_ACKED_MAX 65536
#define SIM_SAID_MAX 65536
#define SIM_VERDICTS_MAX (1u << 20) /* remembered signatures; then all are forgotten */

struct sim_node {
    struct sim *sim;
    uint32_t index;
    uint32_t life; /* events of an earlier life are void */
    bool up;
    bool dirty; /* had an input since its last turn */
    struct node *node;
    struct crypto_secret secret;
    struct peer_id id;
    struct disk *disk;
    struct link_port link;
    struct pipe_port pipe;
    int64_t clock_off_ms;
    uint64_t wake_at; /* of the scheduled wake; 0 none */
    uint32_t dials;
    uint32_t peers[SIM_PEERS_MAX]; /* whom to keep linked */
    uint32_t peers_len;
    struct node_space_config space;
    char settings[160];
    char *own; /* sim_settings */
    struct files_memory *backup;
    struct bytes *kept; /* what the work "keep" wrote last */
    struct pando_slice kept_view;
    char name[16];
    struct tracer tracer;
};

enum sim_call_kind { SIM_CALL_ASK, SIM_CALL_APPEND, SIM_CALL_MANY, SIM_CALL_SAY, SIM_CALL_WATCH };

struct sim_call {
    enum sim_call_kind kind;
    bool done;
    uint32_t node, life;
    uint32_t count; /* of MANY; of SAY: which */
    enum pando_status status;
    struct pando_time asked;
    struct pando_buf body;
};

/* How often an event was told of, by a hash of its id. */
struct sim_told {
    uint32_t count;
    struct pando_time last;
};

/* Signatures under verification at one node. */
struct sim_verify {
    struct sim_node *node;
    uint32_t life;
    uint64_t job;
    uint64_t bits[SPACE_VERIFY_MAX / 64];
};

struct sim {
    struct sim_config config;
    struct sim_queue queue;
    struct rng rng;
    struct net *net;
    struct pipes *pipes;
    struct sim_node *nodes;
    struct map verdicts; /* hash of key, signature and bytes -> u8 */
    struct map calls;    /* token -> struct sim_call * */
    struct map told;     /* u64 -> struct sim_told */
    struct sim_acked *acked;
    struct sim_said *said;
    size_t said_len;
    size_t acked_len, appends_open, appends_failed;
    uint64_t acked_many;
    uint64_t next_token;
    char error[256];
};

/* ports.c */
struct node_ports sim_ports(struct sim_node *n);
struct disk_owner sim_disk_owner(struct sim_node *n);
/* world.c: the node had an input: give it its turn and its next wake. */
void sim_turn(struct sim_node *n);
/* ask.c */
void sim_replied(struct sim *s, uint64_t token, enum pando_status status,
                 struct pando_slice body, bool more);
void sim_noticed(struct sim_node *n, struct pando_slice json);
void sim_calls_forget(struct sim *s, uint32_t node);
uint64_t sim_text_hash(const char *text, size_t len);

#endif
