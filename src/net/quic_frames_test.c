/* An authenticated peer that sends frames of its own making. The test links with the
 * library's encrypt function wrapped, so that a dialer's packet can be given any payload
 * while it is still sealed correctly. */
#include "check.h"
#include "net/quic_impl.h"
#include "quic_pair.h"

#include "base/rng.h"

#include <sys/wait.h>
#include <unistd.h>

static struct attack {
    bool armed;
    bool fuzzing;
    bool unguarded;
    uint8_t payload[1400];
    size_t len; /* 0: none waits */
    uint64_t sent;
    struct rng rng;
} attack;

int __real_ngtcp2_crypto_encrypt_cb(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *plain,
                                    size_t len, const uint8_t *nonce, size_t nonce_len,
                                    const uint8_t *aad, size_t aad_len);
int __wrap_ngtcp2_crypto_encrypt_cb(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *plain,
                                    size_t len, const uint8_t *nonce, size_t nonce_len,
                                    const uint8_t *aad, size_t aad_len);
size_t __real_guard_frames(uint8_t *buf, size_t len, uint64_t *highest,
                           struct guard_stops *stops);
size_t __wrap_guard_frames(uint8_t *buf, size_t len, uint64_t *highest,
                           struct guard_stops *stops);

size_t __wrap_guard_frames(uint8_t *buf, size_t len, uint64_t *highest,
                           struct guard_stops *stops)
{
    return attack.unguarded ? 0 : __real_guard_frames(buf, len, highest, stops);
}

/* A frame of known type with plausible small numbers, now and then huge ones. */
static size_t random_int(uint8_t *at)
{
    const uint64_t kind = rng_below(&attack.rng, 10);
    if (kind < 9 || rng_chance(&attack.rng, 3, 4)) {
        at[0] = (uint8_t)(4 * rng_below(&attack.rng, 4) + rng_below(&attack.rng, 30) / 29);
        return 1;
    }
    const size_t size = rng_chance(&attack.rng, 1, 2) ? 2 : 8;
    rng_fill(&attack.rng, at, size);
    at[0] = (uint8_t)((at[0] & 0x3f) | (size == 2 ? 0x40 : 0xc0));
    return size;
}

static size_t random_new_id(uint8_t *at)
{
    const uint8_t seq = (uint8_t)rng_below(&attack.rng, 14);
    at[0] = seq;
    at[1] = rng_chance(&attack.rng, 1, 4) ? (uint8_t)rng_below(&attack.rng, seq + 1u) : 0;
    at[2] = 8;
    memset(at + 3, seq + 1, 8);
    memset(at + 11, seq + 100, 16);
    return 27;
}

/* CRYPTO and STREAM end in a length and as many bytes. */
static size_t random_bytes(uint8_t *at)
{
    at[0] = (uint8_t)rng_below(&attack.rng, 20);
    rng_fill(&attack.rng, at + 1, at[0]);
    return 1u + at[0];
}

/* Well-formed, mostly: a broken frame ends the connection at once and tests little more. */
static size_t random_frame(uint8_t *at)
{
    static const struct { uint8_t type, ints; } FRAMES[] = {
        { 0x01, 0 }, { 0x04, 3 }, { 0x05, 2 }, { 0x10, 1 }, { 0x11, 2 }, { 0x12, 1 },
        { 0x14, 1 }, { 0x15, 2 }, { 0x16, 1 }, { 0x19, 1 }, { 0x06, 1 }, { 0x0a, 1 },
        { 0x0b, 1 }, { 0x0e, 2 }, { 0x0f, 2 }, { 0x18, 0 }, { 0x18, 0 }, { 0x18, 0 },
        { 0x18, 0 }, { 0x1a, 0 }, { 0x1b, 0 },
    };
    size_t len = 1;
    const size_t pick = (size_t)rng_below(&attack.rng, sizeof FRAMES / sizeof FRAMES[0]);
    at[0] = rng_chance(&attack.rng, 1, 60) ? (uint8_t)rng_below(&attack.rng, 0x40)
                                           : FRAMES[pick].type;
    if (at[0] == 0x18)
        return 1 + random_new_id(at + 1);
    if (at[0] == 0x1a || at[0] == 0x1b) {
        rng_fill(&attack.rng, at + 1, 8);
        return 9;
    }
    for (uint8_t i = 0; i < FRAMES[pick].ints; i++)
        len += random_int(at + len);
    if (at[0] == 0x06 || (at[0] & 0xfa) == 0x0a)
        len += random_bytes(at + len);
    return len;
}

static bool choose_payload(size_t len, uint8_t *payload)
{
    memset(payload, 0, len);
    if (attack.len > 0 && len >= attack.len) {
        memcpy(payload, attack.payload, attack.len);
        attack.len = 0;
        return true;
    }
    if (!attack.fuzzing || len < 120 || rng_chance(&attack.rng, 4, 10))
        return false;
    size_t at = 0;
    while (at + 80 < len && !rng_chance(&attack.rng, 1, 3))
        at += random_frame(payload + at);
    return true;
}

int __wrap_ngtcp2_crypto_encrypt_cb(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *plain,
                                    size_t len, const uint8_t *nonce, size_t nonce_len,
                                    const uint8_t *aad, size_t aad_len)
{
    uint8_t payload[2048];
    if (attack.armed && (aad[0] & 0x80) == 0 && len <= sizeof payload &&
        choose_payload(len, payload)) {
        plain = payload;
        attack.sent++;
    }
    return __real_ngtcp2_crypto_encrypt_cb(dest, aead, ctx, plain, len, nonce, nonce_len, aad,
                                           aad_len);
}

static void put_new_id(uint8_t seq, uint8_t retire_prior_to)
{
    uint8_t *at = attack.payload + attack.len;
    at[0] = 0x18;
    at[1] = seq;
    at[2] = retire_prior_to;
    at[3] = 8;
    memset(at + 4, seq, 24);
    attack.len += 28;
}

/* One turn in which only a's packets are tampered with. */
static void turn(struct pair *p)
{
    struct quic_world listener = { .quics = { p->b.quic }, .extra_fd = -1 };
    struct quic_world dialer = { .quics = { p->a.quic }, .extra_fd = -1 };
    attack.armed = true;
    world_turn(&dialer, 1);
    attack.armed = false;
    world_turn(&listener, 1);
}

static void send_filler(struct pair *p, size_t len)
{
    const struct link_port port = quic_port(p->a.quic);
    uint64_t stream;
    uint8_t *data;
    struct bytes *b = bytes_new(len, &data);
    CHECK(b != NULL);
    memset(data, 0, len);
    if (port.ops->open(port.ctx, p->a.link, LINK_EVENT, &stream) == PANDO_OK)
        (void)!port.ops->send(port.ctx, stream, b, false);
    bytes_unref(b);
}

/* The sequence that stops libngtcp2 0.12.1: raise "retire prior to", then twice one id
 * below it. */
static void retire_twice(struct pair *p)
{
    pair_init(p);
    pair_start(p);
    pair_join(p);
    world_run_for(&p->world, PANDO_MSEC(30));
    put_new_id(40, 40);
    put_new_id(9, 9);
    put_new_id(9, 9);
    send_filler(p, 1000);
    for (int i = 0; i < 50; i++)
        turn(p);
    CHECK_EQ(attack.len, 0);
}

static void outlives_an_id_retired_twice(void **state)
{
    (void)state;
    struct pair p;
    attack = (struct attack){ 0 };
    retire_twice(&p);
    CHECK_EQ(quic_stats(p.b.quic).guarded, 2);
    pair_deinit(&p);
}

/* And it is the guard that saves us: without it the same packet aborts the process. */
static void would_abort_without_the_guard(void **state)
{
    (void)state;
    int status = 0;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct pair p;
        attack = (struct attack){ .unguarded = true };
        retire_twice(&p);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (NGTCP2_VERSION_NUM < 0x010400)
        CHECK(WIFSIGNALED(status));
    else
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void fuzz_one_connection(struct pair *p)
{
    const uint64_t downs = p->a.downs, ups = p->a.ups;
    const struct multiaddr address = world_address(p->b.quic);
    pair_dial(p, &address);
    pair_await(p, &p->a.ups, ups + 1);
    attack.fuzzing = true;
    for (size_t i = 0; i < 30 && p->a.downs == downs; i++) {
        send_filler(p, 200 + 40 * i);
        turn(p);
    }
    attack.fuzzing = false;
}

/* Method: connection after connection whose dialer mixes random 1-RTT frames into its
 * packets. Whatever comes of them, the listener serves an honest one in the end. */
static void outlives_random_frames_of_an_authenticated_peer(void **state)
{
    (void)state;
    struct pair p;
    attack = (struct attack){ .rng = rng_seeded(20261120) };
    pair_init(&p);
    p.b.echo = true;
    pair_start(&p);
    for (int i = 0; i < 400; i++)
        fuzz_one_connection(&p);
    p.b.echo = false;
    const uint64_t ups = p.a.ups;
    const struct multiaddr address = world_address(p.b.quic);
    pair_dial(&p, &address);
    pair_await(&p, &p.a.ups, ups + 1);
    pair_transfer(&p, 100000);
    CHECK_NOTE("%llu packets were tampered with, %llu frames guarded\n",
               (unsigned long long)attack.sent,
               (unsigned long long)quic_stats(p.b.quic).guarded);
    CHECK(attack.sent > 500);
    pair_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(outlives_an_id_retired_twice),
        TEST(would_abort_without_the_guard),
        TEST(outlives_random_frames_of_an_authenticated_peer),
    };
    return CHECK_RUN(tests);
}
