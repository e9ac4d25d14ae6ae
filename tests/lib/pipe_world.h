/* pipe_world.h - WebSocket machines over real loopback sockets in one process.
 *
 * A machine has an api that listens on a free port of 127.0.0.1 and takes WebSockets at
 * /federation, and the transport behind it. All are served by one poll loop. Their time
 * follows the clock, and jumps where a test wants a deadline to come.
 */
#ifndef TESTS_PIPE_WORLD_H
#define TESTS_PIPE_WORLD_H

#include "api/api.h"
#include "ws/ws.h"

#define WORLD_MACHINES 2
#define WORLD_WATCHES  512

struct pipe_world;

struct pipe_watch {
    int fd;
    unsigned events;
    uint32_t handle;
    bool of_api;
};

struct pipe_machine {
    struct pipe_world *world;
    struct api *api;
    struct ws *ws;
    struct pipe_watch watches[WORLD_WATCHES];
    size_t watches_len;
    char name[254]; /* asked for last, under */
    uint32_t token; /* this token */
};

struct pipe_world {
    struct pipe_machine machines[WORLD_MACHINES];
    struct pando_span ahead; /* of the clock */
};

struct pipe_world_config {
    struct pipe_sink sinks[WORLD_MACHINES];
    const char *tls_cert, *tls_key, *ca; /* of both; NULL: no TLS */
    const char *host;                    /* of http_hosts; NULL: none */
    const char *origin;                  /* of federation.origins; NULL: none */
};

void pipe_world_begin(struct pipe_world *w, const struct pipe_world_config *config);
void pipe_world_end(struct pipe_world *w);
struct pando_time pipe_world_now(const struct pipe_world *w);
/* Serve what is ready and due, waiting at most `ms` for something. */
void pipe_world_serve(struct pipe_world *w, int ms);
/* A blocking client's socket, connected to machine `i`. */
int pipe_world_connect(struct pipe_world *w, int i);

#endif
