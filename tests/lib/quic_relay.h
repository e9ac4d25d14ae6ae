/* quic_relay.h - a bad network between one dialer and one listener: a UDP socket that
 * forwards both ways and loses or reorders datagrams by a seeded generator. */
#ifndef TESTS_QUIC_RELAY_H
#define TESTS_QUIC_RELAY_H

#include "base/rng.h"
#include "quic_world.h"

#include <netinet/in.h>

struct quic_relay {
    int fd;
    struct rng rng;
    uint32_t lose_percent;
    uint32_t reorder_percent;
    bool deaf;   /* lose everything */
    bool replay; /* send everything twice */
    struct sockaddr_in listener;
    struct sockaddr_in dialer; /* learned */
    uint64_t forwarded, lost;
    size_t held_len; /* a datagram that waits to be overtaken */
    uint8_t held[2048];
    struct sockaddr_in held_to;
    struct pando_time held_until;
};

/* Stand before `listener`; dial the returned address instead. */
struct multiaddr relay_open(struct quic_relay *r, struct quic_world *w,
                            const struct quic *listener, uint64_t seed);
void relay_close(struct quic_relay *r, struct quic_world *w);

#endif
