#include "net/udp.h"

#include "net/udp_rx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BUFFER (4 << 20)

struct udp_address udp_address_from_ip(const uint8_t *ip, uint8_t ip_len, uint16_t port)
{
    struct udp_address a = { 0 };
    if (ip_len == 4) {
        a.len = sizeof a.sa.v4;
        a.sa.v4.sin_family = AF_INET;
        a.sa.v4.sin_port = htons(port);
        memcpy(&a.sa.v4.sin_addr, ip, 4);
    } else if (ip_len == 16) {
        a.len = sizeof a.sa.v6;
        a.sa.v6.sin6_family = AF_INET6;
        a.sa.v6.sin6_port = htons(port);
        memcpy(&a.sa.v6.sin6_addr, ip, 16);
    }
    return a;
}

uint16_t udp_address_port(const struct udp_address *a)
{
    return ntohs(a->sa.any.sa_family == AF_INET6 ? a->sa.v6.sin6_port : a->sa.v4.sin_port);
}

uint8_t udp_address_ip(const struct udp_address *a, uint8_t ret_ip[16])
{
    memset(ret_ip, 0, 16);
    if (a->sa.any.sa_family == AF_INET6) {
        memcpy(ret_ip, &a->sa.v6.sin6_addr, 16);
        return 16;
    }
    memcpy(ret_ip, &a->sa.v4.sin_addr, 4);
    return 4;
}

bool udp_address_equal(const struct udp_address *a, const struct udp_address *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

void udp_address_print(const struct udp_address *a, char ret_text[UDP_ADDRESS_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (a->sa.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &a->sa.v6.sin6_addr, ip, sizeof ip);
        (void)snprintf(ret_text, UDP_ADDRESS_TEXT_MAX, "[%s]:%u", ip, udp_address_port(a));
    } else {
        (void)inet_ntop(AF_INET, &a->sa.v4.sin_addr, ip, sizeof ip);
        (void)snprintf(ret_text, UDP_ADDRESS_TEXT_MAX, "%s:%u", ip, udp_address_port(a));
    }
}

static bool set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* None of these is needed to work; each only makes it better. */
static void tune(struct udp *u)
{
    if (!set_int(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER))
        (void)set_int(u->fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (!set_int(u->fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER))
        (void)set_int(u->fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    u->gro = set_int(u->fd, SOL_UDP, UDP_GRO, 1);
    u->gso = true; /* until the kernel says otherwise */
    if (u->family == AF_INET6) {
        (void)set_int(u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
        (void)set_int(u->fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
        (void)set_int(u->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, u->wildcard);
    } else {
        (void)set_int(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
        (void)set_int(u->fd, IPPROTO_IP, IP_RECVERR, 1);
        (void)set_int(u->fd, IPPROTO_IP, IP_PKTINFO, u->wildcard);
    }
}

static bool is_wildcard(const struct udp_address *a)
{
    uint8_t ip[16];
    static const uint8_t zero[16];
    (void)udp_address_ip(a, ip);
    return memcmp(ip, zero, sizeof ip) == 0;
}

static enum pando_status bind_failed(const struct udp_address *a, int error,
                                     struct pando_err *reterr)
{
    char where[UDP_ADDRESS_TEXT_MAX];
    udp_address_print(a, where);
    if (error == EADDRINUSE)
        return pando_err_set(reterr, PANDO_BUSY,
                             "net: UDP port %u is taken by another program (binding %s); "
                             "stop it or choose another port with --port",
                             udp_address_port(a), where);
    if (error == EACCES)
        return pando_err_set(reterr, PANDO_REFUSED,
                             "net: UDP port %u needs privileges; choose one above 1023",
                             udp_address_port(a));
    if (error == EADDRNOTAVAIL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "net: %s is not an address of this machine", where);
    return pando_err_set(reterr, PANDO_IO, "net: cannot bind UDP %s: %s", where,
                         strerror(error));
}

enum pando_status udp_open(struct udp *u, const struct udp_address *bind_to,
                           struct pando_err *reterr)
{
    struct udp opened = { .fd = -1, .family = bind_to->sa.any.sa_family };
    enum pando_status st = PANDO_NOMEM;

    opened.wildcard = is_wildcard(bind_to);
    opened.rx = udp_rx_new();
    opened.tx = malloc(UDP_DATAGRAM_MAX + 2 * UDP_PACKET_MAX);
    if (opened.rx == NULL || opened.tx == NULL) {
        st = pando_err_set(reterr, PANDO_NOMEM, "net: no memory for socket buffers");
        goto fail;
    }
    opened.fd = socket(opened.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened.fd < 0) {
        st = pando_err_set(reterr, PANDO_IO, "net: cannot open a UDP socket: %s",
                           strerror(errno));
        goto fail;
    }
    if (opened.family == AF_INET6)
        (void)set_int(opened.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    tune(&opened);
    if (bind(opened.fd, &bind_to->sa.any, bind_to->len) != 0) {
        st = bind_failed(bind_to, errno, reterr);
        goto fail;
    }
    opened.bound.len = sizeof opened.bound.sa;
    if (getsockname(opened.fd, &opened.bound.sa.any, &opened.bound.len) != 0) {
        st = pando_err_set(reterr, PANDO_IO, "net: getsockname: %s", strerror(errno));
        goto fail;
    }
    *u = opened;
    return PANDO_OK;

fail:
    udp_close(&opened);
    return st;
}

void udp_close(struct udp *u)
{
    if (u->tx == NULL && u->rx == NULL)
        return;
    if (u->fd >= 0)
        (void)close(u->fd);
    udp_rx_free(u->rx);
    free(u->tx);
    *u = (struct udp){ .fd = -1 };
}
