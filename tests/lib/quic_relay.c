#include "quic_relay.h"

#include "check.h"

#include <arpa/inet.h>
#include <stdlib.h>
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

/* Everything that is due, in the order of arrival. */
static void release(struct quic_relay *r, struct pando_time now)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->queue_len; i++) {
        struct relay_datagram *d = &r->queue[i];
        if (pando_time_reached(d->due, now))
            put(r, d->bytes, d->len, &d->to);
        else if (kept++ != i)
            r->queue[kept - 1] = *d;
    }
    r->queue_len = kept;
}

static void forward(struct quic_relay *r, const uint8_t *bytes, size_t len,
                    const struct sockaddr_in *to, struct pando_time now)
{
    struct pando_span wait = r->delay;
    if (r->deaf || rng_chance(&r->rng, r->lose_percent, 100) || r->queue_len == RELAY_QUEUE) {
        r->lost++;
        return;
    }
    if (rng_chance(&r->rng, r->reorder_percent, 100))
        wait.ns += 3000000;
    if (wait.ns == 0) {
        put(r, bytes, len, to);
        return;
    }
    struct relay_datagram *d = &r->queue[r->queue_len++];
    *d = (struct relay_datagram){ .due = pando_time_add(now, wait), .to = *to, .len = len };
    memcpy(d->bytes, bytes, len);
}

static void on_readable(void *ctx, struct pando_time now)
{
    struct quic_relay *r = ctx;
    for (int i = 0; i < 256; i++) {
        uint8_t bytes[1500];
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
    release(r, now);
}

static struct pando_time deadline(void *ctx)
{
    const struct quic_relay *r = ctx;
    struct pando_time at = PANDO_TIME_NEVER;
    for (size_t i = 0; i < r->queue_len; i++)
        at = pando_time_min(at, r->queue[i].due);
    return at;
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
    r->queue = calloc(RELAY_QUEUE, sizeof *r->queue);
    CHECK(r->queue != NULL);
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
    free(r->queue);
    CHECK_EQ(close(r->fd), 0);
}
