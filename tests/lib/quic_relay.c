#include "quic_relay.h"

#include "check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static void put(struct quic_relay *r, const uint8_t *bytes, size_t len,
                const struct sockaddr_in *to)
{
    (void)!sendto(r->fd, bytes, len, 0, (const struct sockaddr *)to, sizeof *to);
    if (r->replay)
        (void)!sendto(r->fd, bytes, len, 0, (const struct sockaddr *)to, sizeof *to);
    r->forwarded++;
}

static void release(struct quic_relay *r)
{
    if (r->held_len > 0)
        put(r, r->held, r->held_len, &r->held_to);
    r->held_len = 0;
}

static void forward(struct quic_relay *r, const uint8_t *bytes, size_t len,
                    const struct sockaddr_in *to, struct pando_time now)
{
    if (r->deaf || rng_chance(&r->rng, r->lose_percent, 100)) {
        r->lost++;
        return;
    }
    if (r->held_len == 0 && rng_chance(&r->rng, r->reorder_percent, 100)) {
        memcpy(r->held, bytes, len);
        r->held_len = len;
        r->held_to = *to;
        r->held_until = pando_time_add(now, PANDO_MSEC(3));
        return;
    }
    put(r, bytes, len, to);
    if (r->held_len > 0 && rng_chance(&r->rng, 1, 3))
        release(r);
}

static void on_readable(void *ctx, struct pando_time now)
{
    struct quic_relay *r = ctx;
    for (int i = 0; i < 256; i++) {
        uint8_t bytes[2048];
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        const ssize_t len = recvfrom(r->fd, bytes, sizeof bytes, MSG_DONTWAIT,
                                     (struct sockaddr *)&from, &from_len);
        if (len < 0)
            break;
        const bool is_listener = from.sin_port == r->listener.sin_port;
        if (!is_listener)
            r->dialer = from;
        forward(r, bytes, (size_t)len, is_listener ? &r->dialer : &r->listener, now);
    }
    if (r->held_len > 0 && pando_time_reached(r->held_until, now))
        release(r);
}

static struct pando_time deadline(void *ctx)
{
    const struct quic_relay *r = ctx;
    return r->held_len > 0 ? r->held_until : PANDO_TIME_NEVER;
}

struct multiaddr relay_open(struct quic_relay *r, struct quic_world *w,
                            const struct quic *listener, uint64_t seed)
{
    struct multiaddr address = world_address(listener);
    struct multiaddr_udp where;
    struct sockaddr_in me = { .sin_family = AF_INET };
    socklen_t me_len = sizeof me;
    CHECK_OK(multiaddr_to_udp(&address, &where));
    *r = (struct quic_relay){ .rng = rng_seeded(seed) };
    r->listener.sin_family = me.sin_family;
    r->listener.sin_port = htons(where.port);
    r->listener.sin_addr.s_addr = me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(r->fd >= 0);
    CHECK_EQ(bind(r->fd, (struct sockaddr *)&me, sizeof me), 0);
    CHECK_EQ(getsockname(r->fd, (struct sockaddr *)&me, &me_len), 0);
    w->extra_fd = r->fd;
    w->extra_ctx = r;
    w->extra_readable = on_readable;
    w->extra_deadline = deadline;
    multiaddr_from_udp(where.ip, 4, ntohs(me.sin_port), &address);
    return address;
}

void relay_close(struct quic_relay *r, struct quic_world *w)
{
    w->extra_fd = -1;
    CHECK_EQ(close(r->fd), 0);
}
