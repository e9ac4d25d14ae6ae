#include "net/udp.h"

#include "base/assert.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

/* Choose the local address that the packet leaves from. */
static size_t put_local(uint8_t *at, const struct udp_address *from)
{
    struct cmsghdr c = { 0 };
    if (from->sa.any.sa_family == AF_INET6) {
        const struct in6_pktinfo info = { .ipi6_addr = from->sa.v6.sin6_addr };
        c.cmsg_level = IPPROTO_IPV6;
        c.cmsg_type = IPV6_PKTINFO;
        c.cmsg_len = CMSG_LEN(sizeof info);
        memcpy(at, &c, sizeof c);
        memcpy(at + CMSG_LEN(0), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    const struct in_pktinfo info = { .ipi_spec_dst = from->sa.v4.sin_addr };
    c.cmsg_level = IPPROTO_IP;
    c.cmsg_type = IP_PKTINFO;
    c.cmsg_len = CMSG_LEN(sizeof info);
    memcpy(at, &c, sizeof c);
    memcpy(at + CMSG_LEN(0), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

static size_t put_segment(uint8_t *at, size_t segment)
{
    const uint16_t size = (uint16_t)segment;
    const struct cmsghdr c = { .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = SOL_UDP,
                               .cmsg_type = UDP_SEGMENT };
    memcpy(at, &c, sizeof c);
    memcpy(at + CMSG_LEN(0), &size, sizeof size);
    return CMSG_SPACE(sizeof size);
}

/* One sendmsg. `segment` 0 sends the bytes as one datagram. Returns 0 or an errno. */
static int send_bytes(struct udp *u, struct pando_slice bytes, size_t segment,
                      const struct udp_address *to, const struct udp_address *from)
{
    _Alignas(struct cmsghdr) uint8_t control[128] = { 0 };
    struct udp_address name = *to;
    struct iovec vec = { (void *)(uintptr_t)bytes.ptr, bytes.len };
    struct msghdr h = { .msg_name = &name.sa, .msg_namelen = name.len, .msg_iov = &vec,
                        .msg_iovlen = 1 };
    size_t len = 0;
    if (from != NULL && from->len != 0)
        len += put_local(control + len, from);
    if (segment != 0)
        len += put_segment(control + len, segment);
    if (len != 0) {
        h.msg_control = control;
        h.msg_controllen = len;
    }
    for (int attempt = 0; attempt < 3; attempt++) {
        u->stats.tx_calls++;
        if (sendmsg(u->fd, &h, 0) >= 0)
            return 0;
        /* A refusal that another packet met earlier is reported on this one: try again. */
        if (errno != EINTR && errno != ECONNREFUSED && errno != EHOSTUNREACH)
            break;
    }
    return errno;
}

static void drop_run(struct udp *u, int error)
{
    u->stats.tx_dropped += u->run.segments;
    /* A probe larger than the path, or a full queue: that is loss, not a refusal. */
    if (error != EMSGSIZE && error != ENOBUFS) {
        u->send_errno = error;
        u->error_to = u->run.to;
    }
    u->run = (struct udp_run){ 0 };
}

/* Without GSO: packet by packet. The sent head of the run is cut off when it gets stuck. */
static int send_singly(struct udp *u)
{
    struct udp_run *run = &u->run;
    size_t at = 0;
    int result = 0;
    while (at < run->len) {
        const size_t len = run->len - at < run->segment ? run->len - at : run->segment;
        const int error = send_bytes(u, (struct pando_slice){ u->tx + at, len }, 0, &run->to,
                                     &run->from);
        if (error == EAGAIN) {
            memmove(u->tx, u->tx + at, run->len - at + u->next.len);
            run->len -= at;
            return EAGAIN;
        }
        if (error != 0)
            result = error;
        else
            u->stats.tx_datagrams++;
        at += len;
        run->segments--;
    }
    return result;
}

static int send_run(struct udp *u)
{
    struct udp_run *run = &u->run;
    if (run->segments == 1 || !u->gso)
        return send_singly(u);
    const struct pando_slice all = { u->tx, run->len };
    const int error = send_bytes(u, all, run->segment, &run->to, &run->from);
    if (error == EIO || error == EINVAL || error == EOPNOTSUPP) {
        u->gso = false; /* this device or kernel cannot */
        return send_singly(u);
    }
    if (error == 0)
        u->stats.tx_datagrams += run->segments;
    return error;
}

bool udp_flush(struct udp *u)
{
    while (u->run.len != 0) {
        const size_t before = u->run.len;
        const int error = send_run(u);
        if (error == EAGAIN) {
            u->stuck = true;
            u->stats.tx_blocked++;
            return false;
        }
        if (error != 0)
            drop_run(u, error);
        u->run = u->next;
        u->next = (struct udp_run){ 0 };
        if (u->run.len != 0)
            memmove(u->tx, u->tx + before, u->run.len);
    }
    u->stuck = false;
    return true;
}

uint8_t *udp_room(struct udp *u)
{
    PANDO_ASSERT(!u->stuck);
    return u->tx + u->run.len;
}

static bool fits_run(const struct udp *u, size_t len, const struct udp_address *to,
                     const struct udp_address *from)
{
    const struct udp_run *run = &u->run;
    return len <= run->segment && run->len == run->segment * run->segments &&
           udp_address_equal(&run->to, to) && udp_address_equal(&run->from, from);
}

void udp_put(struct udp *u, size_t len, const struct udp_address *to,
             const struct udp_address *from)
{
    static const struct udp_address any;
    if (from == NULL)
        from = &any;
    PANDO_ASSERT(!u->stuck && len <= UDP_PACKET_MAX);
    if (u->run.len != 0 && fits_run(u, len, to, from)) {
        u->run.len += len;
        u->run.segments++;
    } else {
        const struct udp_run fresh = { .len = len, .segment = len, .segments = 1, .to = *to,
                                       .from = *from };
        if (u->run.len == 0) {
            u->run = fresh;
        } else {
            u->next = fresh;
            (void)udp_flush(u); /* sends both, or is stuck with both */
            return;
        }
    }
    if (u->run.segments == UDP_SEGMENTS_MAX || u->run.len + u->run.segment > UDP_SEND_CAP)
        (void)udp_flush(u);
}

void udp_send(struct udp *u, struct pando_slice packet, const struct udp_address *to,
              const struct udp_address *from)
{
    const int error = send_bytes(u, packet, 0, to, from);
    if (error == 0)
        u->stats.tx_datagrams++;
    else
        u->stats.tx_dropped++;
}

bool udp_take_error(struct udp *u, struct udp_address *ret_to, int *ret_errno)
{
    if (u->send_errno == 0)
        return false;
    *ret_to = u->error_to;
    *ret_errno = u->send_errno;
    u->send_errno = 0;
    return true;
}
