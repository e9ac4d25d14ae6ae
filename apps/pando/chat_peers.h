/* chat_peers.h - a group of real chat processes, for the demo and the scale test.
 *
 * Each peer is this very binary as `pando chat` in lines: what it is told goes through a
 * pipe, what it says goes to files (OUT: messages and answers, ERR: the node's log), and its
 * state is asked over its control socket as any command does.
 */
#ifndef APPS_PANDO_CHAT_PEERS_H
#define APPS_PANDO_CHAT_PEERS_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>
#include <sys/types.h>

#define CHAT_PEERS_MAX 32 /* members of a group */

struct chat_peer {
    pid_t pid; /* 0: not running */
    int in;    /* -1 likewise */
    unsigned long id;
    uint16_t port;
    char data[256], out[256], err[256], transcript[300];
    struct pando_buf unsent; /* told and not taken by the pipe */
};

struct chat_peers {
    char dir[200];
    struct chat_peer at[CHAT_PEERS_MAX];
    size_t len;
};

/* A fresh folder under /tmp and `len` peers with free ports from `port` on; none runs. */
enum pando_status chat_peers_init(struct chat_peers *p, size_t len, uint16_t port,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Kill what runs; remove the folder unless it shall be kept. */
void chat_peers_deinit(struct chat_peers *p, bool keep);
/* Start peer `i`, with the first one as its seed unless it is itself the first; wait until it
 * answers. A second start goes on with the data of the first. */
enum pando_status chat_peers_start(struct chat_peers *p, size_t i, struct pando_err *reterr) PANDO_MUST_USE;
/* SIGINT, and wait: true when it ended by itself with 0. */
bool chat_peers_stop(struct chat_peers *p, size_t i);
/* SIGKILL. */
void chat_peers_kill(struct chat_peers *p, size_t i);
/* One line to its input. Lines that its pipe does not take wait for chat_peers_pump. */
void chat_peers_say(struct chat_peers *p, size_t i, const char *format, ...) PANDO_PRINTF(3, 4);
/* Push what waits; true when nothing is left. */
bool chat_peers_pump(struct chat_peers *p);

/* `log.status` of a peer: a new reference, or NULL. */
json_t *chat_peers_state(struct chat_peers *p, size_t i);
/* The peer that says it leads, by its own word; -1: none does. */
int chat_peers_leader(struct chat_peers *p);
/* The first `members` peers are the group, as many of them vote as may, and everybody who
 * runs knows the same leader. */
bool chat_peers_settled(struct chat_peers *p, size_t members);
/* The whole file; empty when there is none. The caller deinits. */
struct pando_buf chat_peers_file(const char *path);
/* The file has this text, counted from byte `from`. */
bool chat_peers_has(const char *path, size_t from, const char *text);
size_t chat_peers_size(const char *path);

#endif
