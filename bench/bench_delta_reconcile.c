/* bench_delta_reconcile.c - bytes that it takes to find and hand over what another node lacks.
 *
 * A million deltas of 273 bytes of JSON, of which the other side lacks 1,000: the newest ones, or
 * ones scattered over all times. Both compare as nodes do (sync/reconcile.h), each message with
 * its byte of kind; what is lacking then goes over in the groups in which it was stored, about 65
 * deltas to a record, as swap_push.c lays them out. Counted are all bytes of messages, both ways,
 * and divided by the canonical bytes of the 1,000. No node, disk or network: bytes do not depend
 * on them. `signed`: the groups carry a signature, and hashes for the members left out; all of one
 * message are of the same key, which stands there once.
 *
 * Usage: bench_delta_reconcile [PREFIX]
 */
#include "base/rng.h"
#include "base/slice.h"
#include "bench/delta_made.h"
#include "bench/figure.h"
#include "crypto/sign.h"
#include "space/delta/group.h"
#include "sync/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT       1000000u
#define LACKING     1000u
#define MESSAGE_MAX (32u << 10) /* of ranges */
#define GROUPS_MAX  (64u << 10) /* of groups */
#define GROUPS      64u         /* in one message */
#define QUEUE_MAX   256u

static struct tally_key *keys;
static bool *lacks; /* the i-th, by the second side */
static size_t per_group;
static uint64_t wire_bytes, body_bytes, found;

static struct delta make(size_t i, struct pando_buf *buf)
{
    static char id[64], object[32], author[16];
    (void)snprintf(id, sizeof id, "%08zx-%04zx-4000-8000-%012zx", i * 2654435761u & 0xffffffff,
                   i & 0xffff, i);
    (void)snprintf(object, sizeof object, "object_%06zu", i / 100);
    (void)snprintf(author, sizeof author, "author_%zu", i % 8);
    return delta_made(id, author, object, "name", INT64_C(1700000000000) + (int64_t)i, buf);
}

/* --- two sides --- */

struct side {
    bool lacking;
    struct tally tally;
};

static struct side sides[2] = { { .lacking = false }, { .lacking = true } };

static enum pando_status list(void *ctx, const struct tally_key *from, const struct tally_key *to,
                              struct tally_key *ret, size_t cap, size_t *ret_len)
{
    const struct side *s = ctx;
    size_t low = 0, high = COUNT;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (tally_compare(&keys[middle], from) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_len = 0;
    for (; low < COUNT && *ret_len < cap && tally_compare(&keys[low], to) < 0; low++)
        if (!s->lacking || !lacks[low])
            ret[(*ret_len)++] = keys[low];
    return PANDO_OK;
}

static bool *wanted; /* found out to be lacking */

static void have(void *ctx, const struct tally_key *k, size_t len)
{
    const struct side *s = ctx;
    for (size_t i = 0; i < len; i++) {
        const size_t at = (size_t)(k[i].time - 1700000000000u);
        if (s->lacking || !lacks[at])
            bench_fail("the comparison is wrong");
        found += !wanted[at];
        wanted[at] = true;
    }
}

static void have_range(void *ctx, const struct tally_key *from, const struct tally_key *to)
{
    struct tally_key at = *from, some[64];
    for (size_t len = 64; len == 64;) {
        if (list(ctx, &at, to, some, 64, &len) != PANDO_OK)
            bench_fail("no list");
        have(ctx, some, len);
        if (len > 0)
            at = tally_after(&some[len - 1]);
    }
}

struct message {
    struct side *to;
    size_t len;
    uint8_t bytes[MESSAGE_MAX];
};

static struct message queue[QUEUE_MAX];
static size_t head, tail;

static void send(struct side *to, struct pando_slice bytes)
{
    if (tail - head >= QUEUE_MAX)
        bench_fail("too many messages");
    struct message *m = &queue[tail++ % QUEUE_MAX];
    m->to = to;
    m->len = bytes.len;
    memcpy(m->bytes, bytes.ptr, bytes.len);
    wire_bytes += bytes.len + 1;
}

static void answer(struct side *s, struct pando_slice in)
{
    static uint8_t room[MESSAGE_MAX];
    const struct reconcile_sink sink = { s, have_range, have };
    struct reconcile_reader r;
    struct reconcile_writer w;
    enum pando_status st;
    reconcile_read(&r, in);
    do {
        reconcile_write(&w, room, sizeof room);
        while ((st = reconcile_answer(&s->tally, &r, &w, &sink)) == PANDO_BUSY)
            continue;
        if (st != PANDO_OK && st != PANDO_FULL)
            bench_fail("a message is not answered");
        if (w.out.len > 0)
            send(s == sides ? sides + 1 : sides, wire_written(&w.out));
    } while (st == PANDO_FULL);
}

static void compare(void)
{
    static uint8_t room[MESSAGE_MAX], in[MESSAGE_MAX];
    struct reconcile_writer w;
    for (size_t i = 0; i < 2; i++) {
        tally_init(&sides[i].tally, (struct tally_rows){ &sides[i], list });
        while (tally_build(&sides[i].tally, 65536) == PANDO_BUSY)
            continue;
    }
    reconcile_write(&w, room, sizeof room);
    if (reconcile_open(&sides[1].tally, &w) != PANDO_OK)
        bench_fail("no first message");
    send(&sides[0], wire_written(&w.out));
    while (head < tail) {
        struct message *m = &queue[head++ % QUEUE_MAX];
        const size_t len = m->len;
        memcpy(in, m->bytes, len);
        answer(m->to, slice_of(in, len));
    }
    for (size_t i = 0; i < 2; i++)
        tally_deinit(&sides[i].tally);
}

/* --- what was lacking, in its groups --- */

/* A group of which only those are held that are wanted. Returns how many. */
static size_t make_group(size_t from, size_t to, bool is_signed, struct pando_buf *bodies,
                         struct group *ret)
{
    static struct delta deltas[DELTA_GROUP_MAX];
    bool keep[DELTA_GROUP_MAX];
    size_t held = 0;
    buf_reset(bodies);
    *ret = (struct group){ .is_signed = is_signed, .len = to - from };
    for (size_t i = from; i < to; i++) {
        held += keep[i - from] = wanted[i];
        ret->held[i - from] = true;
        memcpy(deltas[i - from].digest.bytes, keys[i].digest, sizeof keys[i].digest);
        if (wanted[i])
            ret->bodies[i - from] = make(i, bodies).bytes;
        body_bytes += ret->bodies[i - from].len;
    }
    if (held > 0)
        group_part(ret, keep, deltas);
    return held;
}

/* What stands before a group in a message: kind, key, length. */
static size_t head_size(bool is_signed, bool first, size_t len)
{
    const size_t key = is_signed ? 1 + first * sizeof(struct pando_key) : 0;
    return 1 + key + wire_uvarint_size(len);
}

static void hand_over(bool is_signed)
{
    static struct group g;
    struct pando_buf bodies, out;
    size_t in_message = GROUPS_MAX, groups = 0;
    buf_init(&bodies, 4u << 20);
    buf_init(&out, GROUP_BYTES_MAX);
    if (buf_reserve(&bodies, 1u << 20) != PANDO_OK)
        bench_fail("memory is out");
    for (size_t from = 0; from < COUNT; from += per_group) {
        const size_t to = from + per_group < COUNT ? from + per_group : COUNT;
        if (make_group(from, to, is_signed, &bodies, &g) == 0)
            continue;
        buf_reset(&out);
        if (group_encode_bare(&g, &out) != PANDO_OK)
            bench_fail("a group cannot be written");
        if (groups == GROUPS ||
            in_message + head_size(is_signed, groups == 0, out.len) + out.len > GROUPS_MAX) {
            wire_bytes += 2; /* another message: its kind, its flag */
            in_message = 2;
            groups = 0;
        }
        const size_t len = head_size(is_signed, groups++ == 0, out.len) + out.len;
        wire_bytes += len;
        in_message += len;
    }
    buf_deinit(&bodies);
    buf_deinit(&out);
}

static double run(bool scattered, bool is_signed)
{
    struct rng rng = rng_seeded(7);
    wire_bytes = body_bytes = found = 0;
    memset(lacks, 0, COUNT);
    memset(wanted, 0, COUNT);
    for (size_t n = 0; n < LACKING;) {
        const size_t i = scattered ? (size_t)rng_below(&rng, COUNT) : COUNT - 1 - n;
        n += !lacks[i];
        lacks[i] = true;
    }
    compare();
    if (found != LACKING)
        bench_fail("%llu were found", (unsigned long long)found);
    const uint64_t compared = wire_bytes;
    hand_over(is_signed);
    (void)printf("# %s, %s: %.1f KiB of ranges, %.1f KiB of groups, %.1f KiB of deltas\n",
                 scattered ? "scattered" : "newest", is_signed ? "signed" : "unsigned",
                 (double)compared / 1024, (double)(wire_bytes - compared) / 1024,
                 (double)body_bytes / 1024);
    return (double)wire_bytes / (double)body_bytes;
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    struct pando_buf buf;
    struct figure figures[] = {
        { "delta_reconcile_recent", "x", 1.5, false, { 0 }, 0 },
        { "delta_reconcile_scattered", "x", 4, false, { 0 }, 0 },
        { "delta_reconcile_recent_signed", "x", 1.5, false, { 0 }, 0 },
        { "delta_reconcile_scattered_signed", "x", 4, false, { 0 }, 0 },
    };
    keys = calloc(COUNT, sizeof *keys);
    lacks = calloc(COUNT, sizeof *lacks);
    wanted = calloc(COUNT, sizeof *wanted);
    if (crypto_init() != PANDO_OK || keys == NULL || lacks == NULL || wanted == NULL)
        bench_fail("memory is out");
    buf_init(&buf, 4096);
    for (size_t i = 0; i < COUNT; i++) {
        buf_reset(&buf);
        const struct delta d = make(i, &buf);
        keys[i].time = (uint64_t)d.timestamp;
        memcpy(keys[i].digest, d.digest.bytes, sizeof keys[i].digest);
        per_group = DELTA_GROUP_BYTES / d.bytes.len;
    }
    for (size_t i = 0; i < 4; i++) {
        figure_add(&figures[i], run(i % 2 == 1, i > 1));
        figure_print(&figures[i], prefix);
    }
    buf_deinit(&buf);
    free(keys);
    free(lacks);
    free(wanted);
    return EXIT_SUCCESS;
}
