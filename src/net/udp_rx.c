#include "net/udp_rx.h"

#include "net/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONTROL_SIZE 128

struct udp_rx {
    struct mmsghdr messages[UDP_BATCH];
    struct iovec vecs[UDP_BATCH];
    struct udp_address from[UDP_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CONTROL_SIZE];
    uint8_t *buffers;
};

struct udp_rx *udp_rx_new(void)
{
    struct udp_rx *rx = calloc(1, sizeof *rx);
    if (rx == NULL)
        return NULL;
    rx->buffers = malloc((size_t)UDP_BATCH * UDP_DATAGRAM_MAX);
    if (rx->buffers == NULL) {
        free(rx);
        return NULL;
    }
    for (size_t i = 0; i < UDP_BATCH; i++) {
        rx->vecs[i] = (struct iovec){ rx->buffers + i * UDP_DATAGRAM_MAX, UDP_DATAGRAM_MAX };
        rx->messages[i].msg_hdr.msg_iov = &rx->vecs[i];
        rx->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return rx;
}

void udp_rx_free(struct udp_rx *rx)
{
    if (rx == NULL)
        return;
    free(rx->buffers);
    free(rx);
}

static void arm(struct udp_rx *rx)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        struct msghdr *h = &rx->messages[i].msg_hdr;
        memset(&rx->from[i], 0, sizeof rx->from[i]);
        h->msg_name = &rx->from[i].sa;
        h->msg_namelen = sizeof rx->from[i].sa;
        h->msg_control = rx->control[i];
        h->msg_controllen = CONTROL_SIZE;
        h->msg_flags = 0;
    }
}

/* The GRO segment size and the local address, when the kernel tells them. */
static void read_control(struct msghdr *h, size_t *segment, struct udp_address *local)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int size = 0;
            memcpy(&size, CMSG_DATA(c), sizeof size);
            if (size > 0)
                *segment = (size_t)size;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            local->sa.v4.sin_addr = info.ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            local->sa.v6.sin6_addr = info.ipi6_addr;
        }
    }
}

static void hand_over(struct udp *u, size_t i, const struct udp_receiver *receiver)
{
    struct mmsghdr *m = &u->rx->messages[i];
    struct udp_datagram d = { .from = u->rx->from[i], .local = u->bound };
    size_t segment = m->msg_len;
    d.from.len = m->msg_hdr.msg_namelen;
    read_control(&m->msg_hdr, &segment, &d.local);
    uint8_t *bytes = u->rx->buffers + i * UDP_DATAGRAM_MAX;
    for (size_t at = 0; at < m->msg_len; at += segment) {
        d.bytes = bytes + at;
        d.len = m->msg_len - at < segment ? m->msg_len - at : segment;
        u->stats.rx_datagrams++;
        receiver->datagram(receiver->ctx, &d);
    }
    receiver->buffer_end(receiver->ctx);
}

static bool is_icmp(const struct cmsghdr *c, struct sock_extended_err *ret_error)
{
    const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
    const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6)
        return false;
    memcpy(ret_error, CMSG_DATA(c), sizeof *ret_error);
    return ret_error->ee_origin == SO_EE_ORIGIN_ICMP ||
           ret_error->ee_origin == SO_EE_ORIGIN_ICMP6;
}

static void drain_errors(struct udp *u, const struct udp_receiver *receiver)
{
    for (int i = 0; i < 64; i++) {
        struct udp_address to = { 0 };
        _Alignas(struct cmsghdr) uint8_t control[512];
        uint8_t start[64];
        struct iovec vec = { start, sizeof start };
        struct msghdr h = { .msg_name = &to.sa, .msg_namelen = sizeof to.sa,
                            .msg_iov = &vec, .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        if (recvmsg(u->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        to.len = h.msg_namelen;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
            struct sock_extended_err error;
            if (is_icmp(c, &error) && error.ee_errno != EMSGSIZE)
                receiver->unreachable(receiver->ctx, &to, (int)error.ee_errno);
        }
    }
}

size_t udp_receive(struct udp *u, const struct udp_receiver *receiver)
{
    arm(u->rx);
    const int got = recvmmsg(u->fd, u->rx->messages, UDP_BATCH, MSG_DONTWAIT, NULL);
    u->stats.rx_calls++;
    if (got <= 0) {
        drain_errors(u, receiver);
        return 0;
    }
    for (size_t i = 0; i < (size_t)got; i++)
        hand_over(u, i, receiver);
    return (size_t)got;
}
