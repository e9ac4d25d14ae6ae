/* Property: no sequence of datagrams from strangers stops a listening endpoint, makes it
 * believe in a link, or leaves anything behind when its limits have passed.
 *
 * Input: pieces, each with a head of two bytes: 14 bits of length, then one bit "from
 * another port" and one bit "time passes"; the bytes follow. */
#include "base/assert.h"
#include "net/quic_impl.h"

#include <string.h>

static void on_event(void *ctx, const struct link_event *event)
{
    (void)ctx;
    PANDO_ASSERT(event->kind != LINK_UP); /* nobody here can prove an identity */
}

static struct quic *start(void)
{
    struct quic_config config = quic_config_default();
    struct crypto_secret secret;
    struct quic *q = NULL;
    const uint8_t seed[32] = { 1 };
    const enum pando_status ready = crypto_init();
    PANDO_ASSERT(ready == PANDO_OK);
    crypto_secret_from_seed(seed, &secret);
    config.secret = &secret;
    config.sink.event = on_event;
    config.binds[0] = (struct quic_bind){ .ip = { 127, 0, 0, 1 }, .ip_len = 4 };
    config.retry_above = 4;
    const enum pando_status st = quic_new(&config, &q, NULL);
    PANDO_ASSERT(st == PANDO_OK);
    return q;
}

static void feed(struct quic *q, uint8_t *bytes, size_t len, bool other)
{
    const uint8_t ip[4] = { 127, 0, 0, 1 };
    const struct udp_datagram d = {
        .bytes = bytes,
        .len = len,
        .from = udp_address_from_ip(ip, 4, other ? 9 : 7),
        .local = q->sockets[0].bound,
    };
    quic_input(q, &q->sockets[0], &d);
}

static struct pando_time pass(struct quic *q, struct pando_time now, struct pando_span span)
{
    now = pando_time_add(now, span);
    if (quic_wants_write(q, 0))
        quic_writable(q, 0, now);
    quic_tick(q, now);
    quic_flush(q, now);
    return now;
}

/* As it was before the input. Whatever an input left behind would be found by a later one,
 * and that one alone would reproduce nothing. */
static void assert_as_new(const struct quic *q)
{
    PANDO_ASSERT(q->free_len == q->slots_len);
    PANDO_ASSERT(q->cids.len == 0);
    PANDO_ASSERT(q->tokens.len == 0);
    PANDO_ASSERT(q->sources.len == 0);
    PANDO_ASSERT(q->links.len == 0);
    PANDO_ASSERT(q->streams.len == 0);
    PANDO_ASSERT(q->stats.links == 0);
    PANDO_ASSERT(q->stats.half_open == 0);
    PANDO_ASSERT(q->half_open_in == 0);
    PANDO_ASSERT(q->dirty_first == NULL);
    PANDO_ASSERT(q->dirty_last == NULL);
    PANDO_ASSERT(q->stops.len == 0);
    PANDO_ASSERT(quic_deadline(q).ns == PANDO_TIME_NEVER.ns); /* nothing to tell, no timer */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct quic *q; /* kept: making a certificate costs a millisecond */
    static struct pando_time now = { 1000000000 };
    static uint8_t copy[1 << 14];
    if (q == NULL)
        q = start();
    while (size >= 2) {
        const size_t head = (size_t)data[0] << 8 | data[1];
        size_t len = head & 0x3fff;
        data += 2;
        size -= 2;
        len = len < size ? len : size;
        memcpy(copy, data, len);
        feed(q, copy, len, (head & 0x8000) != 0);
        now = pass(q, now, (head & 0x4000) != 0 ? PANDO_SEC(1) : PANDO_USEC(1));
        data += len;
        size -= len;
    }
    for (int i = 0; i < 12; i++) /* beyond handshake limit and closing periods */
        now = pass(q, now, PANDO_SEC(2));
    assert_as_new(q);
    return 0;
}
