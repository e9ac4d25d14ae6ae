#include "store/omap.h"

#include "base/slice.h"
#include "check.h"

#include <stdlib.h>

enum { KEYS = 300, STEPS = 3000 };

struct model_row {
    bool known, gone;
    size_t len;
    uint8_t value[40];
};

/* Keys of one to three bytes, so that some are prefixes of others. */
static struct pando_slice key_of(uint32_t n, uint8_t room[3])
{
    room[0] = (uint8_t)(n % 7);
    room[1] = (uint8_t)(n / 7 % 50);
    room[2] = (uint8_t)(n % 256);
    return slice_of(room, 1 + n % 3);
}

/* The model's rank of a key is found by comparing with all others. */
static int64_t model_seek(const struct model_row *rows, struct pando_slice bound,
                          bool inclusive, bool descending)
{
    int64_t best = -1;
    uint8_t a[3], b[3];
    for (uint32_t i = 0; i < KEYS; i++) {
        const struct pando_slice key = key_of(i, a);
        int order = omap_compare(key, bound);
        if (descending)
            order = -order;
        if (!rows[i].known || order < 0 || (order == 0 && !inclusive))
            continue;
        if (best >= 0) {
            const int than_best = omap_compare(key, key_of((uint32_t)best, b));
            if (descending ? than_best <= 0 : than_best >= 0)
                continue;
        }
        best = i;
    }
    return best;
}

/* Several numbers may give the same key: the model keeps the first of them. */
static uint32_t canonical(uint32_t n)
{
    uint8_t a[3], b[3];
    const struct pando_slice key = key_of(n, a);
    for (uint32_t i = 0; i < n; i++)
        if (omap_compare(key_of(i, b), key) == 0)
            return i;
    return n;
}

static void same(const struct omap_entry *e, const struct model_row *rows, int64_t want)
{
    uint8_t room[3];
    CHECK_EQ(e != NULL, want >= 0);
    if (e == NULL)
        return;
    CHECK(slice_equal(omap_key(e), key_of((uint32_t)want, room)));
    CHECK_EQ(omap_is_gone(e), rows[want].gone);
    CHECK(slice_equal(omap_value(e), slice_of(rows[want].value, rows[want].len)));
}

/* Method: a random program runs against the map and a plain array. */
static void agrees_with_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct rng rng = rng_seeded(seed);
        struct omap m;
        omap_init(&m, seed);
        static struct model_row rows[KEYS];
        memset(rows, 0, sizeof rows);
        for (int i = 0; i < STEPS; i++) {
            uint8_t room[3];
            const uint32_t n = canonical((uint32_t)rng_below(&rng, KEYS));
            const struct pando_slice key = key_of(n, room);
            if (rng_chance(&rng, 1, 2)) {
                struct model_row *r = &rows[n];
                *r = (struct model_row){ .known = true, .gone = rng_chance(&rng, 1, 3) };
                r->len = r->gone ? 0 : rng_below(&rng, sizeof r->value);
                rng_fill(&rng, r->value, r->len);
                CHECK_OK(omap_put(&m, key, slice_of(r->value, r->len), r->gone));
            } else {
                const bool inclusive = rng_chance(&rng, 1, 2),
                           down = rng_chance(&rng, 1, 2);
                same(omap_seek(&m, key, inclusive, down), rows,
                     model_seek(rows, key, inclusive, down));
                same(omap_find(&m, key), rows, rows[n].known ? (int64_t)n : -1);
            }
        }
        struct omap_sorted *sorted;
        CHECK_OK(omap_sort(&m, &sorted)); /* while some keys are loose */
        size_t walked = 0;
        const struct omap_entry *last = NULL;
        for (const struct omap_entry *e = omap_next(&m, NULL); e != NULL;
             e = omap_next(&m, e)) {
            CHECK(last == NULL || omap_compare(omap_key(last), omap_key(e)) < 0);
            CHECK(walked < m.len && sorted[walked].entry == e);
            last = e;
            walked++;
        }
        CHECK_EQ(walked, m.len);
        free(sorted);
        omap_deinit(&m);
        CHECK_EQ(m.len, 0);
    }
}

/* Runs that rise and fall in turn, beside each other and with gaps: the known way to the
 * newest entry must never mislead. */
static void keeps_the_order_of_rising_and_falling_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_seeded(seed);
        struct omap m;
        uint16_t at[4] = { 30000, 30000, 30000, 30000 };
        omap_init(&m, seed);
        for (int i = 0; i < 4000; i++) {
            const size_t list = (size_t)rng_below(&rng, 4);
            const uint16_t by = (uint16_t)rng_below(&rng, 5);
            at[list] = rng_chance(&rng, 1, 50) ? (uint16_t)rng_below(&rng, 60000)
                       : list % 2 == 0         ? (uint16_t)(at[list] + by)
                                               : (uint16_t)(at[list] - by);
            const uint8_t key[3] = { (uint8_t)(list * 9), (uint8_t)(at[list] >> 8),
                                     (uint8_t)at[list] };
            CHECK_OK(omap_put(&m, SLICE_OF(key), SLICE_OF(key), false));
            CHECK(slice_equal(omap_value(omap_find(&m, SLICE_OF(key))), SLICE_OF(key)));
        }
        size_t walked = 0;
        const struct omap_entry *last = NULL;
        for (const struct omap_entry *e = omap_next(&m, NULL); e != NULL;
             e = omap_next(&m, e)) {
            CHECK(last == NULL || omap_compare(omap_key(last), omap_key(e)) < 0);
            CHECK(omap_find(&m, omap_key(e)) == e);
            CHECK(omap_seek(&m, omap_key(e), false, true) == last);
            last = e;
            walked++;
        }
        CHECK_EQ(walked, m.len);
        omap_deinit(&m);
    }
}

/* Many keys that nobody asked the order of, then all of it, then more of both. */
static void keys_that_were_put_unseen_are_in_order_when_asked(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(4);
    struct omap m;
    omap_init(&m, 4);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 5000; i++) {
            uint8_t key[12];
            rng_fill(&rng, key, sizeof key);
            key[0] %= 20;
            CHECK_OK(omap_put(&m, SLICE_OF(key), SLICE_EMPTY, false));
        }
        const uint8_t middle[1] = { 7 };
        const struct omap_entry *up = omap_seek(&m, SLICE_OF(middle), true, false);
        CHECK(up != NULL && omap_key(up).ptr[0] == 7);
        const struct omap_entry *down = omap_seek(&m, omap_key(up), false, true);
        CHECK(down != NULL && omap_key(down).ptr[0] == 6);
        CHECK(round % 2 == 0 || omap_next(&m, down) == up);
    }
    size_t walked = 0;
    const struct omap_entry *last = NULL;
    for (const struct omap_entry *e = omap_next(&m, NULL); e != NULL; e = omap_next(&m, e)) {
        CHECK(last == NULL || omap_compare(omap_key(last), omap_key(e)) < 0);
        last = e;
        walked++;
    }
    CHECK_EQ(walked, m.len);
    omap_deinit(&m);
}

static void a_rewritten_value_takes_no_room(void **state)
{
    (void)state;
    struct omap m;
    omap_init(&m, 1);
    CHECK_OK(omap_put(&m, slice_text("counter"), slice_text("12345678"), false));
    const size_t bytes = m.bytes;
    for (int i = 0; i < 1000; i++)
        CHECK_OK(omap_put(&m, slice_text("counter"), slice_text("87654321"), false));
    CHECK_EQ(m.bytes, bytes);
    static uint8_t big[60000];
    CHECK_OK(omap_put(&m, slice_text("big"), slice_of(big, sizeof big), false));
    CHECK(m.bytes > bytes + sizeof big);
    omap_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(agrees_with_a_naive_model),
        TEST(keeps_the_order_of_rising_and_falling_runs),
        TEST(keys_that_were_put_unseen_are_in_order_when_asked),
        TEST(a_rewritten_value_takes_no_room),
    };
    return CHECK_RUN(tests);
}
