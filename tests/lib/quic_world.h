/* quic_world.h - several QUIC endpoints in one process on loopback, and the loop that
 * drives them: poll their sockets, serve their timers, until a condition holds. A packet
 * may be looked at, dropped or delayed on its way through a relay (see quic_relay). */
#ifndef TESTS_QUIC_WORLD_H
#define TESTS_QUIC_WORLD_H

#include "net/quic.h"

#define WORLD_MAX 4

struct quic_world {
    struct quic *quics[WORLD_MAX]; /* NULL: absent */
    /* One more socket to watch and serve, or -1. */
    int extra_fd;
    void *extra_ctx;
    void (*extra_readable)(void *ctx, struct pando_time now);
    struct pando_time (*extra_deadline)(void *ctx);
};

void world_init(struct quic_world *w);
void world_deinit(struct quic_world *w);
/* Default config of an endpoint on 127.0.0.1, any port, with the secret of seed `seed`. */
struct quic_config world_config(uint8_t seed, struct crypto_secret *secret,
                                struct link_sink sink);
/* Its loopback address. */
struct multiaddr world_address(const struct quic *q);
struct pando_time world_now(void);
/* One turn: waits at most `wait_ms` for something to happen. */
void world_turn(struct quic_world *w, int wait_ms);
bool world_run_until(struct quic_world *w, bool (*done)(void *arg), void *arg,
                     struct pando_span limit);
void world_run_for(struct quic_world *w, struct pando_span span);

#endif
