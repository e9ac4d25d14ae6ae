#include "sync/reconcile.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "sync/set_model.h"

#define MESSAGE_MAX (32u << 10)
#define QUEUE_MAX   4096

/* One of the two who compare. */
struct side {
    struct set_model set;
    struct tally tally;
    struct side *other;
    uint64_t items_sent;
};

struct message {
    struct side *to;
    uint8_t *bytes;
    size_t len;
};

struct talk {
    struct message queue[QUEUE_MAX];
    size_t head, tail;
    uint64_t bytes, messages;
};

static void give(struct side *to, const struct tally_key *keys, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (set_model_add(&to->set, &keys[i]))
            tally_add(&to->tally, &keys[i]);
    CHECK_OK(tally_settle(&to->tally));
}

static void on_have(void *ctx, const struct tally_key *keys, size_t len)
{
    struct side *s = ctx;
    s->items_sent += len;
    give(s->other, keys, len);
}

static void on_have_range(void *ctx, const struct tally_key *from, const struct tally_key *to)
{
    struct side *s = ctx;
    struct tally_key at = *from, keys[64];
    for (size_t len = 64; len == 64;) {
        CHECK_OK(set_model_list(&s->set, &at, to, keys, 64, &len));
        on_have(s, keys, len);
        if (len > 0)
            at = tally_after(&keys[len - 1]);
    }
}

static void send(struct talk *t, struct side *to, struct pando_slice bytes)
{
    struct message *m = &t->queue[t->tail++ % QUEUE_MAX];
    CHECK(t->tail - t->head < QUEUE_MAX);
    *m = (struct message){ to, malloc(bytes.len), bytes.len };
    memcpy(m->bytes, bytes.ptr, bytes.len);
    t->bytes += bytes.len;
    t->messages++;
}

static void answer(struct talk *t, struct side *s, struct pando_slice in)
{
    static uint8_t room[MESSAGE_MAX];
    const struct reconcile_sink sink = { s, on_have_range, on_have };
    struct reconcile_reader r;
    struct reconcile_writer w;
    enum pando_status st;
    reconcile_read(&r, in);
    do {
        reconcile_write(&w, room, sizeof room);
        while ((st = reconcile_answer(&s->tally, &r, &w, &sink)) == PANDO_BUSY)
            ;
        CHECK(st == PANDO_OK || st == PANDO_FULL);
        if (w.out.len > 0)
            send(t, s->other, wire_written(&w.out));
    } while (st == PANDO_FULL);
}

static void run(struct talk *t, struct side *a, struct side *b)
{
    static uint8_t room[MESSAGE_MAX];
    struct reconcile_writer w;
    a->other = b;
    b->other = a;
    reconcile_write(&w, room, sizeof room);
    CHECK_OK(reconcile_open(&a->tally, &w));
    send(t, b, wire_written(&w.out));
    while (t->head < t->tail) {
        struct message m = t->queue[t->head++ % QUEUE_MAX];
        answer(t, m.to, (struct pando_slice){ m.bytes, m.len });
        free(m.bytes);
    }
}

static void setup(struct side *s)
{
    *s = (struct side){ 0 };
    tally_init(&s->tally, set_model_rows(&s->set));
}

static void ready(struct side *s)
{
    enum pando_status st;
    while ((st = tally_build(&s->tally, 5000)) == PANDO_BUSY)
        ;
    CHECK_OK(st);
}

static void teardown(struct side *s)
{
    tally_deinit(&s->tally);
    free(s->set.keys);
}

static void add(struct side *s, const struct tally_key *k)
{
    (void)set_model_add(&s->set, k);
}

static void check_equal(const struct side *a, const struct side *b)
{
    CHECK_EQ(a->set.len, b->set.len);
    CHECK_MEM(a->set.keys, b->set.keys, a->set.len * sizeof *a->set.keys);
}

static void any_two_sets_become_equal_and_nothing_is_sent_twice(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng r = rng_seeded(seed);
        struct side a, b;
        static struct talk t;
        t = (struct talk){ 0 };
        setup(&a);
        setup(&b);
        const uint64_t n = rng_below(&r, 4) == 0 ? rng_below(&r, 5) : rng_below(&r, 3000);
        const uint64_t times = 1 + rng_below(&r, rng_below(&r, 2) == 0 ? 3 : 100000);
        const uint64_t apart = 1 + rng_below(&r, 1000), only = rng_below(&r, 3);
        uint64_t differ = 0;
        for (uint64_t i = 0; i < n; i++) {
            struct tally_key k = { .time = 1 + rng_below(&r, times) };
            rng_fill(&r, k.digest, sizeof k.digest);
            const bool same = rng_below(&r, 1000) >= apart;
            const bool mine = only == 0 || (only == 1 && rng_below(&r, 2) == 0);
            differ += !same;
            if (same || mine)
                add(&a, &k);
            if (same || !mine)
                add(&b, &k);
        }
        ready(&a);
        ready(&b);
        run(&t, &a, &b);
        CHECK_NOTE("seed %llu\n", (unsigned long long)seed);
        check_equal(&a, &b);
        CHECK_EQ(a.items_sent + b.items_sent, differ);
        teardown(&a);
        teardown(&b);
    }
}

static void fill(struct side *a, struct side *b, uint64_t n, uint64_t missing, bool newest)
{
    struct rng r = rng_seeded(5);
    a->set.cap = b->set.cap = n;
    a->set.keys = calloc(n, sizeof *a->set.keys);
    b->set.keys = calloc(n, sizeof *b->set.keys);
    for (uint64_t i = 0; i < n; i++) {
        struct tally_key k = { .time = UINT64_C(1700000000000) + i };
        rng_fill(&r, k.digest, sizeof k.digest);
        a->set.keys[a->set.len++] = k;
        const bool lacks = newest ? i >= n - missing : i % (n / missing) == 3;
        if (!lacks)
            b->set.keys[b->set.len++] = k;
    }
    ready(a);
    ready(b);
}

static void two_hundred_of_two_hundred_thousand_cost_what_they_are_worth(void **state)
{
    (void)state;
    static struct talk t;
    for (int newest = 0; newest < 2; newest++) {
        struct side a, b;
        t = (struct talk){ 0 };
        setup(&a);
        setup(&b);
        fill(&a, &b, 200000, 200, newest == 1);
        run(&t, &b, &a);
        check_equal(&a, &b);
        CHECK_EQ(a.items_sent + b.items_sent, 200);
        CHECK_NOTE("newest %d: %llu bytes, %llu messages\n", newest,
                   (unsigned long long)t.bytes, (unsigned long long)t.messages);
        CHECK(t.bytes <= (newest == 1 ? 2000u : 10000u));
        teardown(&a);
        teardown(&b);
    }
}

/* One item is lacking among so many that they are said as a sum, on the side that begins or on the
 * other: no list is needed. */
static void one_that_is_lacking_is_found_by_the_sum_alone(void **state)
{
    (void)state;
    static struct talk t;
    for (int turn = 0; turn < 2; turn++) {
        struct side a, b;
        t = (struct talk){ 0 };
        setup(&a);
        setup(&b);
        fill(&a, &b, 6000, 1, false);
        if (turn == 0)
            run(&t, &b, &a);
        else
            run(&t, &a, &b);
        check_equal(&a, &b);
        CHECK_EQ(a.items_sent + b.items_sent, 1);
        CHECK(t.bytes < 500);
        CHECK(t.messages <= 3);
        teardown(&a);
        teardown(&b);
    }
}

/* Counts that differ by one, but nothing is the one: lists tell. */
static void two_for_one_are_found_in_lists(void **state)
{
    (void)state;
    static struct talk t;
    for (size_t only = 1; only <= 3; only++)
        for (int turn = 0; turn < 2; turn++) {
            struct side a, b;
            struct rng r = rng_seeded(only);
            t = (struct talk){ 0 };
            setup(&a);
            setup(&b);
            for (size_t i = 0; i < 400; i++) {
                struct tally_key k = { .time = 1000 + i };
                rng_fill(&r, k.digest, sizeof k.digest);
                if (i % 90 != 7 || i / 90 >= only) /* `only` are not here */
                    add(&a, &k);
                if (i % 90 != 31 || i / 90 > only) /* one more is not there */
                    add(&b, &k);
            }
            ready(&a);
            ready(&b);
            CHECK_EQ(a.set.len, b.set.len + 1);
            if (turn == 0)
                run(&t, &b, &a);
            else
                run(&t, &a, &b);
            check_equal(&a, &b);
            CHECK_EQ(a.set.len, 400);
            CHECK_EQ(a.items_sent + b.items_sent, 2 * only + 1);
            teardown(&a);
            teardown(&b);
        }
}

/* What a sum says that no set of ours has: it is parted further, and an end is found. */
static void a_sum_that_lies_by_one_is_answered_by_parts(void **state)
{
    (void)state;
    struct side s;
    uint8_t room[MESSAGE_MAX];
    struct rng r = rng_seeded(4);
    setup(&s);
    for (size_t i = 0; i < 200; i++) {
        struct tally_key k = { .time = 1 + i };
        rng_fill(&r, k.digest, sizeof k.digest);
        add(&s, &k);
    }
    ready(&s);
    const struct reconcile_sink sink = { &s, on_have_range, on_have };
    static const uint8_t less[] = { 0, 1, 0xc7, 1, 1, 2, 3, 4, 5, 6, 7, 8 };
    static const uint8_t more[] = { 0, 1, 0xc9, 1, 1, 2, 3, 4, 5, 6, 7, 8 };
    struct reconcile_reader reader;
    struct reconcile_writer w;
    reconcile_write(&w, room, sizeof room);
    reconcile_read(&reader, SLICE_OF(less));
    CHECK_OK(reconcile_answer(&s.tally, &reader, &w, &sink));
    CHECK(w.out.len > 16 * 10); /* sixteen parts */
    reconcile_write(&w, room, sizeof room);
    reconcile_read(&reader, SLICE_OF(more));
    CHECK_OK(reconcile_answer(&s.tally, &reader, &w, &sink));
    CHECK_EQ(w.out.len, 12); /* what is here, and no more */
    CHECK_EQ(s.items_sent, 0);
    teardown(&s);
}

static void a_message_that_does_not_read_is_refused(void **state)
{
    (void)state;
    struct side s;
    struct rng r = rng_seeded(3);
    uint8_t room[MESSAGE_MAX];
    setup(&s);
    for (int i = 0; i < 200; i++) {
        struct tally_key k = { .time = 1 + rng_below(&r, 50) };
        add(&s, &k);
    }
    ready(&s);
    const struct reconcile_sink sink = { &s, on_have_range, on_have };
    static const uint8_t bad[][12] = {
        { 0, 7 },                      /* no such kind */
        { 0, 1, 3 },                   /* a sum cut short */
        { 5, 17, 0 },                  /* a digest of 17 bytes */
        { 5, 0, 0, 1, 0, 0 },          /* the second range does not rise */
        { 0, 0, 0, 0 },                /* something behind everything */
        { 0, 2, 0x81, 0x80, 0x04, 1 }, /* a list that is too long */
    };
    static const size_t lens[] = { 2, 3, 3, 6, 4, 6 };
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct reconcile_reader reader;
        struct reconcile_writer w;
        reconcile_write(&w, room, sizeof room);
        reconcile_read(&reader, (struct pando_slice){ bad[i], lens[i] });
        CHECK_EQ(reconcile_answer(&s.tally, &reader, &w, &sink), PANDO_MALFORMED);
    }
    teardown(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_two_sets_become_equal_and_nothing_is_sent_twice),
        TEST(two_hundred_of_two_hundred_thousand_cost_what_they_are_worth),
        TEST(one_that_is_lacking_is_found_by_the_sum_alone),
        TEST(two_for_one_are_found_in_lists),
        TEST(a_sum_that_lies_by_one_is_answered_by_parts),
        TEST(a_message_that_does_not_read_is_refused),
    };
    return CHECK_RUN(tests);
}
