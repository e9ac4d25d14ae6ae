#include "host/lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static bool is_of_use(const struct addrinfo *a, const struct lookup_wish *wish)
{
    if (a->ai_family == AF_INET)
        return wish->ip4 && wish->family != 6;
    return a->ai_family == AF_INET6 && wish->ip6 && wish->family != 4;
}

enum pando_status lookup_choose(const struct addrinfo *list,
                                const struct lookup_wish *wish, uint8_t ret_ip[16],
                                uint8_t *ret_ip_len)
{
    uint32_t len = 0, skip;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next)
        len += is_of_use(a, wish);
    if (len == 0)
        return PANDO_NOT_FOUND;
    skip = wish->attempt % len;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (!is_of_use(a, wish) || skip-- > 0)
            continue;
        if (a->ai_family == AF_INET) {
            struct sockaddr_in v4;
            memcpy(&v4, a->ai_addr, sizeof v4);
            memcpy(ret_ip, &v4.sin_addr, 4);
            *ret_ip_len = 4;
        } else {
            struct sockaddr_in6 v6;
            memcpy(&v6, a->ai_addr, sizeof v6);
            memcpy(ret_ip, &v6.sin6_addr, 16);
            *ret_ip_len = 16;
        }
        break;
    }
    return PANDO_OK;
}
