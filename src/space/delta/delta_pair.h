/* delta_pair.h - two whole instances with a pipe between them, for tests of federation. */
#ifndef SPACE_DELTA_DELTA_PAIR_H
#define SPACE_DELTA_DELTA_PAIR_H

#include "space/delta/delta_world.h"

enum { PAIR_PIPE = 7 }; /* how both call it */

struct pair_event {
    struct delta_world *to;
    struct space_input input;
    char text[128];
};

/* Instance 0 dials instance 1; both call their end of the pipe by one number. */
struct pair {
    struct delta_world w[2];
    struct pair_event *events;
    size_t head, len;
    bool open, refuse;
    uint64_t sent; /* messages */
};

void pair_start(struct pair *p, const char *dialling, const char *dialled);
void pair_stop(struct pair *p);
/* Until neither has anything to say. */
void pair_settle(struct pair *p);
void pair_later(struct pair *p, uint64_t seconds);
/* The pipe ends, for both. */
void pair_cut(struct pair *p);
/* A delta of an author, made at one of them, and what follows from it. */
void pair_create(struct pair *p, size_t i, const char *id, const char *author);
size_t pair_held(struct pair *p, size_t i);
void pair_expect_equal(struct pair *p);

/* Settings of one that dials. */
#define LINK "{\"systemId\":\"a\",\"links\":[{\"url\":\"ws://there:1/federation\"}]}"

#endif
