/* demo.h - real nodes as child processes, for `pando demo`.
 *
 * A demo shows what ships: it starts this very binary as nodes, speaks to their control
 * sockets as every command does, and stops them by signal. Whatever way it ends, no child
 * is left and its folder is removed.
 */
#ifndef APPS_PANDO_DEMO_H
#define APPS_PANDO_DEMO_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>
#include <sys/types.h>

#define DEMO_NODES_MAX 8

struct demo_node {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char name[32];
    char data[256];
};

struct demo {
    char dir[200];
    struct demo_node nodes[DEMO_NODES_MAX];
    size_t nodes_len;
    unsigned step;
    unsigned failed;
    bool json;
    long every_ms; /* between updates, where a demo has some */
};

/* A fresh folder under /tmp; the rest is 0. */
enum pando_status demo_begin(struct demo *d, bool json, struct pando_err *reterr);
/* Stop what runs, remove the folder; 0 failed steps is a success. */
enum pando_status demo_end(struct demo *d, struct pando_err *reterr);
/* Start a node on `port` (or the next free one) that keeps links to `peer` (NULL: none), and
 * wait until it answers. */
enum pando_status demo_start(struct demo *d, size_t i, const char *name, uint16_t port,
                             const char *peer, struct pando_err *reterr);
/* SIGINT, then wait for the exit; true when it ended by itself with 0. */
bool demo_stop(struct demo *d, size_t i);

/* One call to a node; the answer is a new reference, NULL on failure. */
json_t *demo_ask(struct demo *d, size_t i, const char *verb, const char *args,
                 struct pando_err *reterr);
/* Ask `verb` until `holds` says so, at most for `limit_ms`; the time it took in us. */
bool demo_wait(struct demo *d, size_t i, const char *verb, bool (*holds)(const json_t *, void *),
               void *ctx, unsigned limit_ms, uint64_t *ret_us);
uint64_t demo_now_us(void);
void demo_pause_ms(long ms);
/* `wanted` or the next port that is free for UDP and TCP on loopback; 0: none. */
uint16_t demo_free_port(uint16_t wanted);
/* Remove a folder and all in it. */
void demo_remove(const char *dir);
/* Print a step's heading. */
void demo_step(struct demo *d, const char *format, ...) PANDO_PRINTF(2, 3);
/* Print what a step has shown and remember whether it held. Returns `held`. */
bool demo_check(struct demo *d, bool held, const char *format, ...) PANDO_PRINTF(3, 4);

enum pando_status demo_two_node(struct demo *d, struct pando_err *reterr);
enum pando_status demo_chat(struct demo *d, struct pando_err *reterr);
enum pando_status demo_federation_simple(struct demo *d, struct pando_err *reterr);
enum pando_status demo_hub_and_spoke(struct demo *d, struct pando_err *reterr);
enum pando_status demo_trust_policies(struct demo *d, struct pando_err *reterr);
enum pando_status demo_mesh(struct demo *d, struct pando_err *reterr);
enum pando_status demo_hierarchy(struct demo *d, struct pando_err *reterr);
enum pando_status demo_bridge(struct demo *d, struct pando_err *reterr);

#endif
