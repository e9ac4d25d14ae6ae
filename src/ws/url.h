/* url.h - where a pipe is dialled: ws://HOST[:PORT][/PATH][?QUERY], or wss.
 *
 * HOST is a name, an IPv4 address or an IPv6 address in brackets. Errors name what is wrong
 * and what to write instead. Pure.
 */
#ifndef WS_URL_H
#define WS_URL_H

#include <pando/status.h>
#include <pando/types.h>

#define WS_URL_MAX  1024
#define WS_HOST_MAX 253

struct ws_url {
    bool tls;
    bool ip6;                   /* the host stood in brackets */
    char host[WS_HOST_MAX + 1]; /* without brackets */
    uint16_t port;
    char target[WS_URL_MAX + 1]; /* path and query: "/" at least */
};

/* Errors: PANDO_INVALID. */
enum pando_status ws_url_parse(struct pando_slice text, struct ws_url *ret,
                               struct pando_err *reterr) PANDO_MUST_USE;

#endif
