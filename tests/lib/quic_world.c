#include "quic_world.h"

#include "check.h"

#include <poll.h>
#include <time.h>

struct pando_time world_now(void)
{
    struct timespec t;
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (struct pando_time){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec };
}

void world_init(struct quic_world *w)
{
    CHECK_OK(crypto_init());
    *w = (struct quic_world){ .extra_fd = -1 };
}

void world_deinit(struct quic_world *w)
{
    for (size_t i = 0; i < WORLD_MAX; i++)
        quic_free(w->quics[i]);
    world_init(w);
}

struct quic_config world_config(uint8_t seed, struct crypto_secret *secret,
                                struct link_sink sink)
{
    struct quic_config config = quic_config_default();
    config.loopback_packet_max = 0; /* as over a network; the tests of it set it */
    uint8_t bytes[32] = { seed };
    crypto_secret_from_seed(bytes, secret);
    config.secret = secret;
    config.sink = sink;
    config.binds[0] = (struct quic_bind){ .ip = { 127, 0, 0, 1 }, .ip_len = 4 };
    return config;
}

struct multiaddr world_address(const struct quic *q)
{
    struct multiaddr address;
    CHECK(quic_local(q, 0, &address));
    return address;
}

static struct pando_time earliest(const struct quic_world *w)
{
    struct pando_time at = PANDO_TIME_NEVER;
    for (size_t i = 0; i < WORLD_MAX; i++)
        if (w->quics[i] != NULL)
            at = pando_time_min(at, quic_deadline(w->quics[i]));
    if (w->extra_fd >= 0)
        at = pando_time_min(at, w->extra_deadline(w->extra_ctx));
    return at;
}

static int wait_for(const struct quic_world *w, int wait_ms)
{
    const struct pando_span left = pando_time_since(earliest(w), world_now());
    const uint64_t ms = (left.ns + 999999u) / 1000000u;
    return ms < (uint64_t)wait_ms ? (int)ms : wait_ms;
}

void world_turn(struct quic_world *w, int wait_ms)
{
    struct pollfd fds[2 * WORLD_MAX + 1];
    nfds_t len = 0;
    for (size_t i = 0; i < WORLD_MAX; i++) {
        if (w->quics[i] == NULL)
            continue;
        for (size_t k = 0; quic_fd(w->quics[i], k) >= 0; k++) {
            const short write = quic_wants_write(w->quics[i], k) ? POLLOUT : 0;
            fds[len++] = (struct pollfd){ quic_fd(w->quics[i], k), (short)(POLLIN | write), 0 };
        }
    }
    fds[len] = (struct pollfd){ w->extra_fd, POLLIN, 0 };
    CHECK(poll(fds, len + 1, wait_for(w, wait_ms)) >= 0);
    const struct pando_time now = world_now();
    nfds_t at = 0;
    for (size_t i = 0; i < WORLD_MAX; i++) {
        struct quic *q = w->quics[i];
        if (q == NULL)
            continue;
        for (size_t k = 0; quic_fd(q, k) >= 0; k++, at++) {
            if ((fds[at].revents & (POLLIN | POLLERR)) != 0)
                quic_readable(q, k, now);
            if ((fds[at].revents & POLLOUT) != 0)
                quic_writable(q, k, now);
        }
        if (pando_time_reached(quic_deadline(q), now))
            quic_tick(q, now);
        quic_flush(q, now);
    }
    if (w->extra_fd >= 0)
        w->extra_readable(w->extra_ctx, now);
}

bool world_run_until(struct quic_world *w, bool (*done)(void *arg), void *arg,
                     struct pando_span limit)
{
    const struct pando_time end = pando_time_add(world_now(), limit);
    while (!done(arg)) {
        if (pando_time_reached(end, world_now()))
            return false;
        world_turn(w, 50);
    }
    return true;
}

void world_run_for(struct quic_world *w, struct pando_span span)
{
    const struct pando_time end = pando_time_add(world_now(), span);
    while (!pando_time_reached(end, world_now()))
        world_turn(w, 5);
    world_turn(w, 0); /* what fell due or came meanwhile, however late we are */
}
