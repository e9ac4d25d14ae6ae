#include "api/access.h"

#include <string.h>
#include <strings.h>

bool access_same_secret(const char *given, const char *secret)
{
    const size_t given_len = strlen(given), secret_len = strlen(secret);
    volatile unsigned char differs = given_len != secret_len;
    for (size_t i = 0; i < given_len; i++) {
        const unsigned char s =
            (unsigned char)secret[secret_len > 0 ? i % secret_len : 0];
        differs = (unsigned char)(differs | ((unsigned char)given[i] ^ s));
    }
    return differs == 0;
}

/* `host[:port]` or `[v6][:port]` without its port; 0 when malformed. */
static size_t name_len(const char *host)
{
    size_t len = strcspn(host, ":");
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        if (end == NULL)
            return 0;
        len = (size_t)(end - host) + 1;
    }
    if (host[len] != '\0' &&
        (host[len] != ':' || strspn(host + len + 1, "0123456789") == 0 ||
         host[len + 1 + strspn(host + len + 1, "0123456789")] != '\0'))
        return 0;
    return len;
}

static bool is_name(const char *host, size_t len, const char *wanted)
{
    return strlen(wanted) == len && strncasecmp(host, wanted, len) == 0;
}

static bool host_is_ours(const struct access_rules *rules, const struct access_request *r)
{
    static const char *const always[] = { "localhost", "127.0.0.1", "[::1]" };
    if (r->host == NULL)
        return false;
    const size_t len = name_len(r->host);
    if (len == 0)
        return false;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (is_name(r->host, len, always[i]))
            return true;
    for (size_t i = 0; i < rules->hosts_len; i++)
        if (is_name(r->host, len, rules->hosts[i]))
            return true;
    if (r->local_ip == NULL)
        return false;
    if (is_name(r->host, len, r->local_ip))
        return true;
    return r->host[0] == '[' && strlen(r->local_ip) == len - 2 &&
           strncasecmp(r->host + 1, r->local_ip, len - 2) == 0;
}

/* scheme://HOST with the very authority of the Host header. */
static bool origin_is_ours(const struct access_request *r)
{
    if (r->fetch_site != NULL && strcasecmp(r->fetch_site, "cross-site") == 0)
        return false;
    if (r->origin == NULL)
        return true;
    const char *authority = strstr(r->origin, "://");
    return authority != NULL && strcasecmp(authority + 3, r->host) == 0;
}

enum access_verdict access_check(const struct access_rules *rules,
                                 const struct access_request *r)
{
    if (r->control)
        return ACCESS_GRANTED;
    if (!host_is_ours(rules, r))
        return ACCESS_BAD_HOST;
    if (!origin_is_ours(r))
        return ACCESS_BAD_ORIGIN;
    const bool has_token = rules->token[0] != '\0';
    if (r->authorization != NULL) {
        const bool bearer = strncasecmp(r->authorization, "Bearer ", 7) == 0;
        if (!bearer || !has_token ||
            !access_same_secret(r->authorization + 7, rules->token))
            return ACCESS_WRONG_TOKEN;
        return ACCESS_GRANTED;
    }
    if (!r->write || r->loopback)
        return ACCESS_GRANTED;
    return has_token ? ACCESS_NO_TOKEN : ACCESS_NO_WRITERS;
}

/* Whether it is one of the origins, or its host, whatever the port, one of http_hosts. */
static bool origin_is_listed(const struct access_rules *rules, const char *origin)
{
    for (size_t i = 0; i < rules->origins_len; i++)
        if (strcasecmp(origin, rules->origins[i]) == 0)
            return true;
    const char *authority = strstr(origin, "://");
    const size_t len = authority == NULL ? 0 : name_len(authority + 3);
    for (size_t i = 0; i < rules->hosts_len && len > 0; i++)
        if (is_name(authority + 3, len, rules->hosts[i]))
            return true;
    return false;
}

enum access_verdict access_check_pipe(const struct access_rules *rules,
                                      const struct access_request *r)
{
    if (!r->control && r->authorization != NULL) {
        struct access_request bare = *r;
        bare.origin = bare.fetch_site = NULL;
        bare.host = "localhost";
        const enum access_verdict verdict = access_check(rules, &bare);
        if (verdict != ACCESS_GRANTED)
            return verdict;
    }
    if (r->control || (r->origin == NULL && r->fetch_site == NULL))
        return ACCESS_GRANTED; /* a program */
    if (r->origin != NULL && origin_is_listed(rules, r->origin))
        return ACCESS_GRANTED;
    if (!host_is_ours(rules, r))
        return ACCESS_BAD_HOST;
    return origin_is_ours(r) ? ACCESS_GRANTED : ACCESS_BAD_PAGE;
}

const char *access_text(enum access_verdict verdict)
{
    switch (verdict) {
    case ACCESS_GRANTED:
        return "granted";
    case ACCESS_BAD_HOST:
        return "the Host header does not name this node; use localhost or its address, "
               "or add "
               "the name to http_hosts in config.yml";
    case ACCESS_BAD_ORIGIN:
        return "pages of another site may not call this node";
    case ACCESS_BAD_PAGE:
        return "pages of another site may not connect to this node; if the page is "
               "yours, name "
               "its origin in federation.origins in config.yml";
    case ACCESS_WRONG_TOKEN:
        return "the bearer token is wrong";
    case ACCESS_NO_TOKEN:
        return "writes from another machine need 'Authorization: Bearer TOKEN' with the "
               "token "
               "of config.yml";
    case ACCESS_NO_WRITERS:
        return "writes from another machine are off: set token in config.yml, or use the "
               "control socket";
    }
    return "refused";
}
