/* running.h - the nodes that run under this user, from their registry files. */
#ifndef APPS_PANDO_RUNNING_H
#define APPS_PANDO_RUNNING_H

#include <pando/types.h>

#define RUNNING_MAX 64

struct running {
    long pid;
    unsigned http;
    char name[64];
    char data[512];
};

/* Fill with the live ones, by name; files of dead processes are passed over. */
size_t running_list(struct running ret[RUNNING_MAX]);
/* Nobody accepts on the control socket (or there is none). */
bool running_is_stopped(const char *socket_path);

#endif
