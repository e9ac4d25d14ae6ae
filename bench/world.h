/* world.h - real nodes: the built `pando`, on loopback ports and folders of their own.
 *
 * Where it may, the program moves into a network namespace of its own first: then ports
 * are free, nobody disturbs, and the counters of its loopback interface are the bytes on
 * the wire. Nodes die with the program.
 */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "bench/conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WORLD_NODES_MAX 16

struct world_node {
    char name[16], data[200], socket[220];
    char id[80];
    uint16_t port;
    pid_t pid;
    struct conn conn; /* for questions */
};

struct world {
    char dir[128];
    bool alone; /* in a network namespace of its own */
    bool quiet; /* the nodes print no events */
    struct world_node nodes[WORLD_NODES_MAX];
    size_t nodes_len;
};

void world_begin(struct world *w);
void world_end(struct world *w); /* stops the nodes, removes the folders */
/* Start a node that dials the given earlier ones; returns when it answers. */
struct world_node *world_start(struct world *w, const size_t *peers, size_t peers_len);
/* A node with this config.yml, not started yet. */
struct world_node *world_place(struct world *w, const char *config);
/* Start a node that was placed, or stopped, on its folder; `ret_ns`: exec to answering. */
void world_run(struct world *w, struct world_node *n, const size_t *peers,
               size_t peers_len, uint64_t *ret_ns);
void world_stop(struct world_node *n);
void world_kill(struct world_node *n); /* as a crash of the process */
/* Forget the nodes, so that the next ones start anew. */
void world_clear(struct world *w);

/* Numbers of a node: of its status, of its metrics, of /proc/PID/status in bytes. */
double world_status(struct world_node *n, const char *name);
double world_metric(struct world_node *n, const char *name);
double world_memory(const struct world_node *n, const char *name);
/* Bytes on disk of a node's folder. */
double world_disk(const struct world_node *n);
uint64_t world_wire_bytes(void); /* through loopback, each counted once */
/* Poll until the number in the status is at least `least`; false at the deadline. */
bool world_wait(struct world_node *n, const char *name, double least, uint64_t limit_ms);
/* Until the event is durable there and can be shown; its last poll ends the clock. */
bool world_wait_event(struct world_node *n, const char *id, uint64_t limit_ms);

#endif
