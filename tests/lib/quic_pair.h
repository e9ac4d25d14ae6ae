/* quic_pair.h - two endpoints of a world with what each was told, for the tests of net. */
#ifndef TESTS_QUIC_PAIR_H
#define TESTS_QUIC_PAIR_H

#include "quic_world.h"

struct told { /* counts and the last of each */
    struct quic *quic;
    uint64_t ups, downs, fails, streams, resets, fins, bytes, sum;
    uint64_t link;   /* of the last LINK_UP */
    uint64_t stream; /* of the last LINK_STREAM */
    enum link_reason reason;
    char text[256];
    bool echo; /* send back what comes */
    uint64_t push_stream, push_left;
};

struct pair {
    struct quic_world world;
    struct told a, b; /* a dials b */
    struct quic_config config_a, config_b;
    struct crypto_secret secret_a, secret_b;
};

/* Configs are filled with defaults; change them, then pair_start. */
void pair_init(struct pair *p);
void pair_start(struct pair *p);
void pair_deinit(struct pair *p);
struct link_sink told_sink(struct told *t);
void pair_dial(struct pair *p, const struct multiaddr *address);
/* Dial b's own address and wait until both are up. */
void pair_join(struct pair *p);
/* Wait until *counter >= want; checks that it happens within 20 s. */
void pair_await(struct pair *p, const uint64_t *counter, uint64_t want);
/* Push `total` bytes from a to b on a fresh stream, wait for the end, check them. */
void pair_transfer(struct pair *p, uint64_t total);

#endif
