#include "sync/tally.h"

#include "base/rng.h"
#include "check.h"
#include "sync/set_model.h"

static struct tally_key draw(struct rng *r, uint64_t times)
{
    struct tally_key k = { .time = 1 + rng_below(r, times) };
    for (size_t i = 0; i < sizeof k.digest; i++)
        k.digest[i] = (uint8_t)rng_below(r, 256);
    return k;
}

static void build(struct tally *t, size_t slice)
{
    enum pando_status st;
    while ((st = tally_build(t, slice)) == PANDO_BUSY)
        ;
    CHECK_OK(st);
}

/* The same by adding one after the other. */
static struct tally_sum plainly(const struct set_model *m, const struct tally_key *from,
                                const struct tally_key *to)
{
    struct tally_sum s = { 0 };
    for (size_t i = 0; i < m->len; i++) {
        if (tally_compare(&m->keys[i], from) < 0 || tally_compare(&m->keys[i], to) >= 0)
            continue;
        uint64_t low, high;
        memcpy(&low, m->keys[i].digest, 8);
        memcpy(&high, m->keys[i].digest + 8, 8);
        s.count++;
        s.low += low;
        s.high += high + (s.low < low);
    }
    return s;
}

static void compare(const struct tally *t, const struct set_model *m,
                    const struct tally_key *from, const struct tally_key *to)
{
    struct tally_sum got;
    const struct tally_sum want = plainly(m, from, to);
    CHECK_OK(tally_range(t, from, to, &got));
    CHECK_EQ(got.count, want.count);
    CHECK(got.low == want.low && got.high == want.high);
}

static void ranges_sum_to_what_the_rows_say_while_items_come_and_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng r = rng_seeded(seed);
        struct set_model m = { 0 };
        struct tally t;
        const uint64_t times = seed % 3 == 0 ? 3 : 1000; /* many at one time, too */
        tally_init(&t, set_model_rows(&m));
        for (int i = 0; i < 3000; i++) {
            const struct tally_key k = draw(&r, times);
            if (rng_below(&r, 4) == 0 && m.len > 0) {
                const struct tally_key gone = m.keys[rng_below(&r, m.len)];
                set_model_remove(&m, &gone);
                tally_remove(&t, &gone);
            } else if (set_model_add(&m, &k)) {
                tally_add(&t, &k);
            }
            CHECK_OK(tally_settle(&t));
            if (i > 1000 && i < 1500)
                CHECK(tally_build(&t, 7) != PANDO_NOMEM); /* in the midst of changes */
        }
        build(&t, 100);
        compare(&t, &m, &(struct tally_key){ 0 }, &TALLY_END);
        for (int i = 0; i < 200; i++) {
            struct tally_key a = draw(&r, times), b = draw(&r, times);
            if (rng_below(&r, 2) == 0)
                a = m.keys[rng_below(&r, m.len)];
            compare(&t, &m, &a, &b);
        }
        tally_deinit(&t);
        free(m.keys);
    }
}

static enum pando_status refuse(void *ctx, const struct tally_key *from,
                                const struct tally_key *to, struct tally_key *ret, size_t cap,
                                size_t *ret_len)
{
    (void)ctx, (void)from, (void)to, (void)ret, (void)cap, (void)ret_len;
    return PANDO_IO;
}

static void a_set_that_grows_at_its_end_reads_no_rows(void **state)
{
    (void)state;
    struct rng r = rng_seeded(3);
    struct set_model m = { 0 };
    struct tally t;
    tally_init(&t, set_model_rows(&m));
    build(&t, 1);
    const struct tally_rows rows = t.rows;
    t.rows.list = refuse;
    for (uint64_t i = 0; i < 20000; i++) {
        struct tally_key k = draw(&r, 1);
        k.time = 1 + i / 3; /* some of one time come out of order */
        if (set_model_add(&m, &k))
            tally_add(&t, &k);
        CHECK_OK(tally_settle(&t));
    }
    CHECK(t.len > m.len / TALLY_BUCKET / 2);
    t.rows = rows;
    for (int i = 0; i < 100; i++) {
        struct tally_key a = draw(&r, 7000), b = draw(&r, 7000);
        compare(&t, &m, &a, &b);
    }
    tally_deinit(&t);
    free(m.keys);
}

static void a_split_rises_inside_the_range_and_parts_it_evenly(void **state)
{
    (void)state;
    struct rng r = rng_seeded(7);
    struct set_model m = { 0 };
    struct tally t;
    tally_init(&t, set_model_rows(&m));
    for (int i = 0; i < 20000; i++) {
        const struct tally_key k = draw(&r, 5000);
        (void)set_model_add(&m, &k);
    }
    build(&t, 1000);
    for (int i = 0; i < 300; i++) {
        struct tally_key a = draw(&r, 5000), b = draw(&r, 5000), bounds[16];
        struct tally_sum all, part;
        size_t len;
        if (tally_compare(&a, &b) >= 0)
            continue;
        CHECK_OK(tally_range(&t, &a, &b, &all));
        CHECK_OK(tally_split(&t, &a, &b, all.count, 16, bounds, &len));
        CHECK(len < 16 && (len == 15 || all.count < 16));
        for (size_t k = 0; k < len; k++) {
            CHECK(tally_compare(k == 0 ? &a : &bounds[k - 1], &bounds[k]) < 0);
            CHECK(tally_compare(&bounds[k], &b) < 0);
            CHECK_OK(tally_range(&t, k == 0 ? &a : &bounds[k - 1], &bounds[k], &part));
            CHECK(part.count <= all.count / 16 * 4 + 4);
        }
    }
    tally_deinit(&t);
    free(m.keys);
}

static void buckets_never_exceed_their_cap(void **state)
{
    (void)state;
    struct set_model m = { 0 };
    struct tally t;
    m.cap = (size_t)TALLY_BUCKETS_MAX * TALLY_BUCKET * 2 + 10000;
    m.keys = calloc(m.cap, sizeof *m.keys);
    CHECK(m.keys != NULL);
    for (size_t i = 0; i < m.cap; i++) {
        m.keys[i].time = 1 + i;
        memcpy(m.keys[i].digest, &i, sizeof i);
    }
    m.len = m.cap;
    tally_init(&t, set_model_rows(&m));
    build(&t, 100000);
    CHECK(t.len <= TALLY_BUCKETS_MAX);
    CHECK(t.target > TALLY_BUCKET);
    struct tally_sum all;
    CHECK_OK(tally_range(&t, &(struct tally_key){ 0 }, &TALLY_END, &all));
    CHECK_EQ(all.count, m.len);
    tally_deinit(&t);
    free(m.keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranges_sum_to_what_the_rows_say_while_items_come_and_go),
        TEST(a_set_that_grows_at_its_end_reads_no_rows),
        TEST(a_split_rises_inside_the_range_and_parts_it_evenly),
        TEST(buckets_never_exceed_their_cap),
    };
    return CHECK_RUN(tests);
}
