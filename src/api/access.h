/* access.h - who may call what: the rules at the door, as one pure function.
 *
 *   control socket          everything; the file's mode 0600 is the rule
 *   TCP from loopback       everything, but only for a page or program that says so
 * itself: Host must name us, Origin (when there) must be that host TCP from elsewhere
 * reads; writes with the bearer token
 *
 * Host and Origin guard against DNS rebinding and foreign pages: a browser that was lured
 * to evil.example and finds 127.0.0.1 behind it still sends `Host: evil.example`. A wrong
 * token is refused even where none is needed, so that a typo shows at once.
 */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include <pando/types.h>

struct access_request {
    bool control; /* came by the unix socket */
    bool loopback;
    bool write;
    const char *host;          /* header, or NULL */
    const char *origin;        /* header, or NULL */
    const char *fetch_site;    /* Sec-Fetch-Site, or NULL */
    const char *authorization; /* header, or NULL */
    const char *local_ip;      /* the address at which the client reached us, or NULL */
};

struct access_rules {
    const char *token; /* "" when none is configured */
    const char *const *hosts;
    size_t hosts_len;
    const char *const *origins; /* of pages that may open a WebSocket */
    size_t origins_len;
};

enum access_verdict {
    ACCESS_GRANTED,
    ACCESS_BAD_HOST,
    ACCESS_BAD_ORIGIN,
    ACCESS_BAD_PAGE,   /* the same, for a WebSocket */
    ACCESS_WRONG_TOKEN,
    ACCESS_NO_TOKEN,   /* a write from elsewhere without one */
    ACCESS_NO_WRITERS, /* the same, and no token is configured at all */
};

/* A WebSocket: what its client may do is a matter of the space, so no token is asked for (a
 * wrong one is refused still), and programs may reach us by any name. A page is let in where
 * its origin is ours, or listed, or a host of http_hosts: a browser opens a WebSocket for any
 * page and lets it read what comes, so this is the only lock. */
enum access_verdict access_check_pipe(const struct access_rules *rules,
                                      const struct access_request *request);
enum access_verdict access_check(const struct access_rules *rules,
                                 const struct access_request *request);
/* What to tell the client, with the remedy. */
const char *access_text(enum access_verdict verdict);
/* Equality in a time that depends only on the length of `given`. */
bool access_same_secret(const char *given, const char *secret);

#endif
