#include "apps/pando/client/nodes.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS      2
#define PAUSE_FIRST PANDO_SEC(2)
#define PAUSE_MAX   PANDO_SEC(30)

static bool is_port(const char *text)
{
    const size_t len = strspn(text, "0123456789");
    const unsigned long port = len <= 5 ? strtoul(text, NULL, 10) : 0;
    return len > 0 && text[len] == '\0' && port > 0 && port <= 65535;
}

static enum pando_status add_one(struct nodes *n, char *text, struct pando_err *reterr)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !is_port(colon + 1) ||
        (size_t)(colon - text) >= sizeof n->at[0].host)
        return pando_err_set(reterr, PANDO_INVALID,
                             "'%.80s' is no HOST:PORT (e.g., 127.0.0.1:5001)", text);
    *colon = '\0';
    for (size_t i = 0; i < n->len; i++)
        if (strcmp(n->at[i].host, text) == 0 && strcmp(n->at[i].port, colon + 1) == 0)
            return PANDO_OK;
    if (n->len == NODES_MAX)
        return pando_err_set(reterr, PANDO_FULL, "at most %d nodes", NODES_MAX);
    (void)snprintf(n->at[n->len].host, sizeof n->at[0].host, "%.255s", text);
    (void)snprintf(n->at[n->len++].port, sizeof n->at[0].port, "%s", colon + 1);
    return PANDO_OK;
}

enum pando_status nodes_add(struct nodes *n, const char *list, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    n->pause = n->pause.ns == 0 ? PAUSE_FIRST : n->pause;
    while (st == PANDO_OK && *list != '\0') {
        char one[300];
        const size_t len = strcspn(list, ",");
        (void)snprintf(one, sizeof one, "%.*s", (int)(len < 299 ? len : 299), list);
        st = add_one(n, one, reterr);
        list += len + (list[len] == ',');
    }
    return st;
}

int nodes_dial(const struct nodes *n)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    const int on = 1;
    int fd = -1;
    if (getaddrinfo(n->at[n->current].host, n->at[n->current].port, &hints, &list) != 0)
        return -1;
    fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)connect(fd, list->ai_addr, list->ai_addrlen); /* its end is seen by poll */
    }
    freeaddrinfo(list);
    return fd;
}

bool nodes_is_connected(int fd)
{
    int problem = 0;
    socklen_t len = sizeof problem;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) == 0 && problem == 0;
}

bool nodes_failed(struct nodes *n, struct pando_span *ret_pause)
{
    n->current = (n->current + 1) % n->len;
    if (++n->tries < ROUNDS * n->len) {
        *ret_pause = PANDO_MSEC(n->tries % n->len == 0 ? 200 : 0); /* between the rounds */
        return false;
    }
    n->tries = 0;
    *ret_pause = n->pause;
    n->pause.ns += n->pause.ns / 2;
    if (n->pause.ns > PAUSE_MAX.ns)
        n->pause = PAUSE_MAX;
    return true;
}

void nodes_succeeded(struct nodes *n)
{
    n->tries = 0;
    n->pause = PAUSE_FIRST;
}
