/* udp.h - one non-blocking UDP socket that moves datagrams in batches.
 *
 * Two thirds of what an encrypted packet costs can be saved in the kernel crossing: many
 * equal datagrams to one address leave in a single sendmsg (UDP_SEGMENT) and arrive as one
 * buffer (UDP_GRO). Both are tried at run time and switched off when the kernel or the
 * device refuses them; the packets on the wire are the same.
 *
 * Sending is a batch of one run: packets are written into the socket's own buffer through
 * udp_room/udp_put, and a run ends when the address or the size changes. When the kernel's
 * buffer is full the run is kept: udp_stuck is true and nothing may be put until
 * udp_flush succeeded after the socket became writable.
 *
 * The don't-fragment bit is always set (QUIC finds the path's packet size itself). Refusals
 * that come back by ICMP are read from the socket's error queue.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <pando/status.h>
#include <pando/types.h>

#include <netinet/in.h>

#define UDP_DATAGRAM_MAX 65536
#define UDP_PACKET_MAX 16000 /* four fill a send; only loopback takes more than 1,452 */
#define UDP_BATCH 16
#define UDP_SEND_CAP 65000
#define UDP_SEGMENTS_MAX 64

struct udp_address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa;
};

struct udp_rx; /* receive buffers and control messages */

struct udp_stats {
    uint64_t rx_datagrams, rx_calls, tx_datagrams, tx_calls, tx_dropped, tx_blocked;
};

struct udp {
    int fd; /* -1: not open */
    int family;
    bool gso;
    bool gro;
    bool wildcard; /* bound to every address: learn and choose local addresses per packet */
    bool stuck;
    int send_errno; /* last reason why a run was dropped, 0 none since udp_take_error */
    struct udp_address bound;
    struct udp_rx *rx;
    uint8_t *tx;
    struct udp_run {
        size_t len;
        size_t segment; /* size of the packets of this run; the last may be shorter */
        size_t segments;
        struct udp_address to;
        struct udp_address from; /* len 0: the kernel chooses */
    } run, next;                 /* next: one packet behind the run, while stuck */
    struct udp_address error_to;
    struct udp_stats stats;
};

/* What arrived: one datagram of a batch. `bytes` may be changed in place. */
struct udp_datagram {
    uint8_t *bytes;
    size_t len;
    struct udp_address from;
    struct udp_address local; /* the address it was sent to, with our port */
};

struct udp_receiver {
    void *ctx;
    void (*datagram)(void *ctx, const struct udp_datagram *datagram);
    /* After all segments of one kernel buffer (up to 64 KiB). */
    void (*buffer_end)(void *ctx);
    /* An ICMP error about a datagram that we sent to `to`. */
    void (*unreachable)(void *ctx, const struct udp_address *to, int error);
};

/* From raw bytes (4 or 16). */
struct udp_address udp_address_from_ip(const uint8_t *ip, uint8_t ip_len, uint16_t port);
uint16_t udp_address_port(const struct udp_address *a);
/* Raw bytes of the IP; returns 4 or 16. */
uint8_t udp_address_ip(const struct udp_address *a, uint8_t ret_ip[16]);
bool udp_address_equal(const struct udp_address *a, const struct udp_address *b);
#define UDP_ADDRESS_TEXT_MAX 64
/* "192.0.2.1:9000" or "[2001:db8::1]:9000". */
void udp_address_print(const struct udp_address *a, char ret_text[UDP_ADDRESS_TEXT_MAX]);

/* Open, tune and bind. Errors: PANDO_BUSY the port is taken; PANDO_IO; PANDO_NOMEM. The
 * text names the UDP port and what to do. */
enum pando_status udp_open(struct udp *u, const struct udp_address *bind_to,
                           struct pando_err *reterr) PANDO_MUST_USE;
/* Accepts a zeroed or closed one (fd -1 or 0 with no buffers). */
void udp_close(struct udp *u);
/* Read at most one batch. Returns the number of kernel buffers; 0 when nothing waits. */
size_t udp_receive(struct udp *u, const struct udp_receiver *receiver);
/* Where the next packet may be written: at least UDP_PACKET_MAX bytes. Not while stuck. */
uint8_t *udp_room(struct udp *u);
/* The packet of `len` bytes at udp_room goes to `to`, from `from` when its len is not 0. */
void udp_put(struct udp *u, size_t len, const struct udp_address *to,
             const struct udp_address *from);
/* Hand the run to the kernel; false when its buffer is full (the run is kept). */
bool udp_flush(struct udp *u);
/* One datagram at once, outside the batch; lost when the kernel's buffer is full. */
void udp_send(struct udp *u, struct pando_slice packet, const struct udp_address *to,
              const struct udp_address *from);
/* Why the last run was dropped and to whom; false when none was since the last call. */
bool udp_take_error(struct udp *u, struct udp_address *ret_to, int *ret_errno);

#endif
