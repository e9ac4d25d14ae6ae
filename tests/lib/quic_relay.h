/* quic_relay.h - a bad network between one dialer and one listener: a UDP socket that
 * forwards both ways, delays, and loses or reorders datagrams by a seeded generator. */
#ifndef TESTS_QUIC_RELAY_H
#define TESTS_QUIC_RELAY_H

#include "base/rng.h"
#include "quic_world.h"

#include <netinet/in.h>

#define RELAY_QUEUE 2048 /* datagrams on their way; what comes beyond is lost */

struct quic_relay {
    int fd;
    struct rng rng;
    uint32_t lose_percent;
    uint32_t reorder_percent; /* held back for 3 ms more than the others */
    struct pando_span delay;  /* one way */
    bool deaf;                /* lose everything */
    bool replay;              /* send everything twice */
    struct sockaddr_in listener;
    struct sockaddr_in dialer; /* learned */
    uint64_t forwarded, lost;
    size_t queue_len;
    struct relay_datagram {
        struct pando_time due;
        struct sockaddr_in to;
        size_t len;
        uint8_t bytes[1500];
    } *queue;
};

/* Stand before `listener`; dial the returned address instead. */
struct multiaddr relay_open(struct quic_relay *r, struct quic_world *w,
                            const struct quic *listener, uint64_t seed);
void relay_close(struct quic_relay *r, struct quic_world *w);

#endif
