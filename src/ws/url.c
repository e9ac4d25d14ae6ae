#include "ws/url.h"

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static enum pando_status bad_scheme(const char *url, struct pando_err *reterr)
{
    const char *rest = strstr(url, "://");
    const bool secure = strncasecmp(url, "https://", 8) == 0;
    return pando_err_set(reterr, PANDO_INVALID,
                         "%.100s: a federation URL begins with ws:// or wss://: try %s://%.100s",
                         url, secure ? "wss" : "ws", rest == NULL ? url : rest + 3);
}

/* The host part, up to what follows it; NULL when it is none. */
static const char *take_host(const char *at, struct ws_url *ret)
{
    const bool ip6 = *at == '[';
    if (ip6)
        at++;
    const size_t len = strcspn(at, ip6 ? "]" : ":/?#");
    const char *end = at + len;
    if (len == 0 || len > WS_HOST_MAX || (ip6 && *end != ']'))
        return NULL;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)at[i];
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
        if (!plain && !(ip6 && (c == ':' || c == '%')))
            return NULL;
    }
    (void)snprintf(ret->host, sizeof ret->host, "%.*s", (int)len, at);
    ret->ip6 = ip6;
    return ip6 ? end + 1 : end;
}

static bool take_port(const char **at, struct ws_url *ret)
{
    ret->port = ret->tls ? 443 : 80;
    if (**at != ':')
        return true;
    const size_t len = strspn(*at + 1, "0123456789");
    const unsigned long port = strtoul(*at + 1, NULL, 10);
    if (len == 0 || len > 5 || port == 0 || port > 65535)
        return false;
    ret->port = (uint16_t)port;
    *at += len + 1;
    return true;
}

static bool take_target(const char *at, struct ws_url *ret)
{
    for (const char *c = at; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f || *c == '#')
            return false;
    if (*at != '\0' && *at != '/' && *at != '?')
        return false;
    (void)snprintf(ret->target, sizeof ret->target, "%s%s", *at == '/' ? "" : "/", at);
    return true;
}

enum pando_status ws_url_parse(struct pando_slice text, struct ws_url *ret,
                               struct pando_err *reterr)
{
    char url[WS_URL_MAX + 1];
    struct ws_url made = { 0 };
    if (text.len == 0 || text.len >= WS_URL_MAX || memchr(text.ptr, '\0', text.len) != NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "a federation URL has 1 to %d characters, as in "
                             "ws://localhost:8080/federation",
                             WS_URL_MAX - 1);
    (void)snprintf(url, sizeof url, "%.*s", (int)text.len, (const char *)text.ptr);
    const char *at = url;
    if (strncasecmp(at, "ws://", 5) == 0)
        at += 5;
    else if (strncasecmp(at, "wss://", 6) == 0)
        at += 6;
    else
        return bad_scheme(url, reterr);
    made.tls = url[2] != ':';
    if (at[strcspn(at, "@/?")] == '@')
        return pando_err_set(reterr, PANDO_INVALID,
                             "a federation URL carries no user name or password");
    at = take_host(at, &made);
    if (at == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%.150s names no host: write ws://HOST:PORT/PATH (an IPv6 address "
                             "in brackets)",
                             url);
    if (!take_port(&at, &made))
        return pando_err_set(reterr, PANDO_INVALID, "%.150s: a port is a number from 1 to 65535",
                             url);
    if (!take_target(at, &made))
        return pando_err_set(reterr, PANDO_INVALID,
                             "%.150s: behind the host comes /PATH, without spaces and without #",
                             url);
    *ret = made;
    return PANDO_OK;
}
