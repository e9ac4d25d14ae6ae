/* pipes.h - virtual WebSockets: the pipe port without sockets.
 *
 * Every port is dialled as ws://nINDEX/PATH (a port number may follow the name). Messages
 * take the network's latency, keep their order, and wait while the path they need is cut; a
 * pipe over a path that stays cut for the idle limit dies on both sides, as one whose machine
 * crashed does. Dials that get no answer fail after PIPE_DIAL_LIMIT. Credit comes back when a
 * message has been taken on the other side, and none is taken while PIPE_HELD_MAX bytes are
 * not digested there.
 *
 * Everything random is drawn from the seed in the order of events. One thread.
 */
#ifndef SIM_PIPES_H
#define SIM_PIPES_H

#include "net/pipe.h"
#include "sim/net.h"

struct pipes;

/* What a port that is up belongs to. */
struct pipes_owner {
    struct pipe_sink sink;
    /* Whether pipes are taken at this path. */
    enum pando_status (*takes)(void *ctx, const char *path, struct pando_err *reterr);
};

/* Over the paths of `net`, which must outlive it. */
struct pipes *pipes_new(struct sim_queue *queue, struct net *net, uint64_t seed, uint32_t ports,
                        struct pando_span idle);
/* The queue must be run dry before. */
void pipes_free(struct pipes *p);
/* The port at `index`; down until pipes_up. */
struct pipe_port pipes_port(struct pipes *p, uint32_t index);
void pipes_up(struct pipes *p, uint32_t index, const struct pipes_owner *owner);
/* Power off: nobody is told. */
void pipes_down(struct pipes *p, uint32_t index);

#endif
