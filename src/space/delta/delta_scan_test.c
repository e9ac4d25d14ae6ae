/* delta_scan_test.c - the store as a source gives what a plain array gives, for any filter,
 * in both directions, staged deltas included, and while others are written. */
#include "space/delta/store.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "space/delta/group.h"
#include "space/delta/store_fixture.h"

#include <stdlib.h>

enum { DELTAS = 1500, TEXTS = 12 };

static struct made made[DELTAS];
static struct delta deltas[DELTAS];
static char names[TEXTS][8];

/* Of few authors, systems, contexts; times that repeat; one or two objects each. */
static void make_all(void)
{
    struct rng rng = rng_seeded(5);
    for (unsigned i = 0; i < DELTAS; i++) {
        char text[1024];
        (void)snprintf(
            text, sizeof text,
            "{'id':'d%u','timestamp':%u,'author':'t%u','system':'t%u','pointers':["
            "{'role':'r','target':{'id':'t%u','context':'t%u'}},"
            "{'role':'q','target':{'id':'t%u'}},{'role':'v','target':%u}]}",
            i, 1000 + (unsigned)rng_below(&rng, 400), (unsigned)rng_below(&rng, 3),
            (unsigned)rng_below(&rng, 2), (unsigned)rng_below(&rng, TEXTS),
            (unsigned)rng_below(&rng, 5), (unsigned)rng_below(&rng, TEXTS), i);
        make(&made[i], text);
        deltas[i] = made[i].delta;
    }
    for (unsigned i = 0; i < TEXTS; i++)
        (void)snprintf(names[i], sizeof names[i], "t%u", i);
}

struct asked {
    struct filter filter;
    struct pando_slice texts[5][3];
};

static void ask(struct rng *rng, struct asked *a)
{
    struct filter *f = &a->filter;
    struct filter_list *const lists[] = { &f->target_ids, &f->target_contexts, &f->authors,
                                          &f->systems };
    filter_init(f);
    for (size_t i = 0; i < 4; i++) {
        if (!rng_chance(rng, 1, 3))
            continue;
        const unsigned from = (unsigned)rng_below(rng, i < 1 ? TEXTS - 3 : 3);
        lists[i]->items = a->texts[i];
        lists[i]->len = 1 + rng_below(rng, 2);
        for (unsigned k = 0; k < lists[i]->len; k++)
            a->texts[i][k] = slice_text(names[from + k]);
    }
    if (rng_chance(rng, 1, 3)) {
        f->start = 1000 + (int64_t)rng_below(rng, 400);
        f->end = f->start + (int64_t)rng_below(rng, 100);
    }
}

static void compare(struct fixture *f, struct source_array *array, const struct filter *filter,
                    bool descending)
{
    const struct delta_source ours = delta_store_source(f->store),
                              model = source_array_of(array);
    struct delta_place a = { .set = false }, b = { .set = false };
    for (;;) {
        struct delta x, y;
        enum pando_status st, want = source_next(&model, filter, descending, &b, &y);
        while ((st = source_next(&ours, filter, descending, &a, &x)) == PANDO_BUSY)
            ;
        CHECK_EQ(st, want);
        if (want != PANDO_OK)
            break;
        CHECK(hash_equal(&x.digest, &y.digest));
        CHECK(slice_equal(x.id, y.id));
    }
}

static void a_scan_gives_what_an_array_gives(void **state)
{
    (void)state;
    struct fixture f;
    struct source_array array;
    struct rng rng = rng_seeded(8);
    struct asked asked;
    fixture_init(&f);
    unsigned len = 0;
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < DELTAS / 30; i++)
            add(&f, &made[len++], false);
        if (round % 3 != 0)
            CHECK_OK(delta_store_flush(f.store));
        if (round % 5 == 4) {
            CHECK_OK(delta_store_flush(f.store));
            fixture_commit(&f);
            fixture_crash(&f);
        }
        CHECK_OK(source_array_init(&array, deltas, len));
        for (unsigned i = 0; i < 12; i++) {
            ask(&rng, &asked);
            compare(&f, &array, &asked.filter, i % 2 == 1);
        }
        source_array_deinit(&array);
    }
    fixture_deinit(&f);
}

static void ids_are_looked_up_and_come_in_order(void **state)
{
    (void)state;
    struct fixture f;
    struct source_array array;
    struct filter filter;
    struct pando_slice ids[40];
    fixture_init(&f);
    for (unsigned i = 0; i < 200; i++)
        add(&f, &made[i], false);
    for (unsigned i = 0; i < 40; i++)
        ids[i] = deltas[i * 7].id; /* some of them are not there */
    filter_init(&filter);
    filter.ids = (struct filter_list){ ids, 40 };
    /* sorted, as filters keep their lists */
    for (unsigned i = 0; i < 40; i++)
        for (unsigned k = i + 1; k < 40; k++) {
            const size_t common = ids[i].len < ids[k].len ? ids[i].len : ids[k].len;
            const int order = memcmp(ids[i].ptr, ids[k].ptr, common);
            if (order > 0 || (order == 0 && ids[i].len > ids[k].len)) {
                const struct pando_slice was = ids[i];
                ids[i] = ids[k];
                ids[k] = was;
            }
        }
    CHECK_OK(source_array_init(&array, deltas, 200));
    compare(&f, &array, &filter, false);
    compare(&f, &array, &filter, true);
    source_array_deinit(&array);
    fixture_deinit(&f);
}

/* What comes behind the place is met, what comes before it is not, and nothing twice. */
static void a_place_stays_valid_while_others_are_written(void **state)
{
    (void)state;
    struct fixture f;
    struct delta_place place = { .set = false };
    struct delta d;
    struct filter all;
    int64_t last = 0;
    size_t seen = 0;
    enum pando_status st;
    fixture_init(&f);
    filter_init(&all);
    const struct delta_source source = delta_store_source(f.store);
    for (unsigned i = 0; i < 500; i++)
        add(&f, &made[i], false);
    unsigned next = 500;
    while ((st = source_next(&source, &all, false, &place, &d)) != PANDO_NOT_FOUND) {
        if (st == PANDO_BUSY)
            continue;
        CHECK_OK(st);
        CHECK(d.timestamp >= last);
        last = d.timestamp;
        seen++;
        if (next < 1000) {
            add(&f, &made[next], next % 2 == 0);
            next++;
        }
    }
    CHECK(seen > 500 && seen <= 1000);
    fixture_deinit(&f);
}

struct tree {
    uint64_t sum; /* of first digest words, added and taken away */
    size_t items;
};

static void changed(void *ctx, const struct delta_item *item, bool added)
{
    struct tree *t = ctx;
    uint64_t word;
    memcpy(&word, item->digest.bytes, sizeof word);
    t->sum += added ? word : (uint64_t)0 - word;
    t->items += added ? 1u : (size_t)-1;
}

static struct tree sum_of(struct fixture *f)
{
    struct delta_item items[64];
    struct delta_place place = { .set = false };
    struct tree t = { 0, 0 };
    size_t len = 64;
    int64_t last = 0;
    while (len == 64) {
        CHECK_OK(delta_store_items(f->store, &place, INT64_MAX, items, 64, &len));
        for (size_t i = 0; i < len; i++) {
            CHECK(items[i].timestamp >= last);
            last = items[i].timestamp;
            changed(&t, &items[i], true);
        }
    }
    return t;
}

/* Also where one delta takes another's place. */
static void the_listener_hears_what_the_items_show(void **state)
{
    (void)state;
    struct fixture f;
    struct made m;
    struct tree heard = { 0, 0 };
    enum delta_outcome outcome;
    uint64_t ticket;
    fixture_init(&f);
    delta_store_watch(f.store, (struct delta_watch){ &heard, changed });
    for (unsigned i = 0; i < 600; i++) {
        make_plain(&m, i % 400, 1 + (int64_t)(i * 37 % 500), i);
        CHECK_OK(delta_store_stage(f.store, &m.delta, false, &outcome, &ticket));
        made_deinit(&m);
    }
    const struct tree seen = sum_of(&f);
    CHECK_EQ(seen.items, 400);
    CHECK_EQ(heard.items, seen.items);
    CHECK(heard.sum == seen.sum);
    fixture_deinit(&f);
}

static void counts_agree_with_the_scan(void **state)
{
    (void)state;
    struct fixture f;
    struct rng rng = rng_seeded(11);
    struct asked asked;
    fixture_init(&f);
    for (unsigned i = 0; i < 700; i++)
        add(&f, &made[i], false);
    for (unsigned i = 0; i < 60; i++) {
        struct delta_store_count c = { .count = 0 };
        uint64_t want = 0;
        enum pando_status st;
        ask(&rng, &asked);
        for (unsigned k = 0; k < 700; k++)
            want += filter_passes(&asked.filter, &deltas[k]);
        while ((st = delta_store_count(f.store, &asked.filter, &c)) == PANDO_BUSY)
            ;
        CHECK_OK(st);
        CHECK_EQ(c.count, want);
    }
    fixture_deinit(&f);
}

/* Reads all deltas of an object out of a damaged journal, with nothing cached. What is given
 * is what was written; the rest is told. */
static void read_damaged(struct fixture *f, bool one_by_one, size_t *told)
{
    struct pando_slice object = slice_text("t3");
    struct delta_store *store;
    CHECK_OK(delta_store_new(&f->host, &store, NULL));
    const struct delta_source source = delta_store_source(store);
    struct filter filter;
    struct delta_place place = { .set = false };
    struct delta d;
    enum pando_status st;
    filter_init(&filter);
    filter.target_ids = (struct filter_list){ &object, 1 };
    filter.unnamed = one_by_one;
    while ((st = source_next(&source, &filter, one_by_one, &place, &d)) != PANDO_NOT_FOUND) {
        CHECK(st == PANDO_OK || st == PANDO_BUSY || st == PANDO_CORRUPT);
        *told += st == PANDO_CORRUPT;
        if (st != PANDO_OK)
            continue;
        const struct delta_hash digest = group_hash(d.bytes);
        CHECK(hash_equal(&digest, &d.digest));
        size_t i = 0;
        while (i < DELTAS && !hash_equal(&deltas[i].digest, &digest))
            i++;
        CHECK(i < DELTAS);
    }
    delta_store_free(store);
}

static void what_is_damaged_is_told_and_never_given(void **state)
{
    (void)state;
    struct fixture f;
    struct rng rng = rng_seeded(8);
    size_t told = 0;
    fixture_init(&f);
    for (unsigned i = 0; i < DELTAS; i++) {
        add(&f, &made[i], i % 5 == 0);
        if (rng_chance(&rng, 1, 40))
            CHECK_OK(delta_store_flush(f.store));
    }
    CHECK_OK(delta_store_flush(f.store));
    fixture_commit(&f);
    for (unsigned n = 0; n < 300; n++) {
        const char *path;
        uint64_t size;
        size_t files = 0;
        while (files_memory_at(f.disk, files, &path, &size))
            files++;
        CHECK(files_memory_at(f.disk, (size_t)rng_below(&rng, files), &path, &size));
        if (size == 0)
            continue;
        const uint64_t at = rng_below(&rng, size);
        const unsigned bit = (unsigned)rng_below(&rng, 8);
        CHECK(files_memory_flip(f.disk, path, at, bit));
        read_damaged(&f, n % 2 == 0, &told);
        CHECK(files_memory_flip(f.disk, path, at, bit));
    }
    CHECK(told > 30);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_scan_gives_what_an_array_gives),
        TEST(ids_are_looked_up_and_come_in_order),
        TEST(a_place_stays_valid_while_others_are_written),
        TEST(the_listener_hears_what_the_items_show),
        TEST(counts_agree_with_the_scan),
        TEST(what_is_damaged_is_told_and_never_given),
    };
    make_all();
    const int failed = CHECK_RUN(tests);
    for (unsigned i = 0; i < DELTAS; i++)
        made_deinit(&made[i]);
    return failed;
}
