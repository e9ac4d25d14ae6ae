/* aims_test.c - who is surely not negated: never wrong, and mostly known. Negations come staged
 * and appended, early and late, before their deltas and again after an opening. */
#include "space/delta/archive.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "space/delta/negate.h"
#include "space/delta/store_fixture.h"

#include <stdlib.h>

enum { PLAIN = 60, MADE = 1200, STEPS = 12 };

static struct made made[MADE];
static struct delta deltas[MADE];
static size_t made_len;

static void forget_made(void)
{
    for (size_t i = 0; i < made_len; i++)
        made_deinit(&made[i]);
    made_len = 0;
}

static bool spared(struct fixture *f, const char *id)
{
    const struct delta_source s = delta_store_source(f->store);
    return source_unnegated(&s, slice_text(id));
}

/* Asked often enough for the filter to be whole. */
static bool spared_at_last(struct fixture *f, const char *id)
{
    for (unsigned i = 0; i < 1000; i++)
        if (spared(f, id))
            return true;
    return false;
}

static void add_negation(struct fixture *f, unsigned id, int64_t time, const char *target)
{
    struct made m;
    make_negation(&m, id, time, target);
    (void)add(f, &m, false);
    made_deinit(&m);
}

static void without_negations_nothing_is_negated(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (unsigned i = 0; i < PLAIN; i++) {
        add_plain(&f, i, 100 + i, 1);
        CHECK(spared(&f, "d1"));
        CHECK_OK(delta_store_flush(f.store));
        CHECK(spared(&f, "d1"));
    }
    fixture_deinit(&f);
}

static void a_negation_is_seen_at_once_and_the_others_are_known_soon(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (unsigned i = 0; i < PLAIN; i++)
        add_plain(&f, i, 100 + i, 1);
    add_negation(&f, 1, 50, "d7"); /* staged */
    CHECK(!spared(&f, "d7"));
    CHECK_OK(delta_store_flush(f.store));
    CHECK(!spared_at_last(&f, "d7"));
    CHECK(spared_at_last(&f, "d8"));
    for (unsigned i = 0; i < 200; i++) { /* each earlier than those before */
        char id[16];
        (void)snprintf(id, sizeof id, "e%u", i);
        CHECK(spared_at_last(&f, id));
        add_negation(&f, 10 + i, 49 - (int64_t)i / 5, id);
        CHECK(!spared(&f, id));
        CHECK_OK(delta_store_flush(f.store));
        CHECK(!spared(&f, id));
    }
    fixture_commit(&f);
    fixture_crash(&f);
    CHECK(!spared_at_last(&f, "d7"));
    CHECK(!spared(&f, "e3"));
    CHECK(spared_at_last(&f, "d8"));
    fixture_deinit(&f);
}

/* One delta more: plain, or a negation of one that is here, or will be, or of a negation. */
static void add_any(struct fixture *f, struct rng *rng, unsigned among)
{
    struct made *m = &made[made_len];
    const unsigned id = (unsigned)made_len;
    const int64_t time = 1 + (int64_t)rng_below(rng, 1000);
    char target[16];
    (void)snprintf(target, sizeof target, "%c%u", rng_chance(rng, 1, 3) ? 'n' : 'd',
                   (unsigned)rng_below(rng, MADE));
    if (rng_chance(rng, 1, among))
        make_negation(m, id, time, target);
    else
        make_plain(m, id, time, id % 7);
    (void)add(f, m, rng_chance(rng, 1, 4));
    deltas[made_len++] = m->delta;
}

/* As the array, which has no filter, answers. Counts what is spared. */
static void compare(struct fixture *f, struct rng *rng, size_t *spares)
{
    struct source_array array;
    const struct delta_source ours = delta_store_source(f->store);
    CHECK_OK(source_array_init(&array, deltas, made_len));
    const struct delta_source model = source_array_of(&array);
    for (size_t i = 0; i < made_len; i++) {
        const int64_t t = rng_chance(rng, 1, 2) ? NEGATE_NOW : (int64_t)rng_below(rng, 1000);
        struct negate_state a, b;
        CHECK_OK(negate_state_of(&ours, deltas[i].id, t, &a));
        CHECK_OK(negate_state_of(&model, deltas[i].id, t, &b));
        CHECK_EQ(a.negated, b.negated);
        CHECK_EQ(a.was_negated, b.was_negated);
        *spares += source_unnegated(&ours, deltas[i].id);
    }
    source_array_deinit(&array);
}

static void life(uint64_t seed)
{
    struct fixture f;
    struct rng rng = rng_seeded(seed);
    size_t spares = 0;
    fixture_init(&f);
    for (unsigned step = 0; step < STEPS; step++) {
        const unsigned len = 1 + (unsigned)rng_below(&rng, MADE / STEPS);
        const unsigned among = 2 + (unsigned)rng_below(&rng, 30);
        for (unsigned i = 0; i < len && made_len < MADE; i++) {
            add_any(&f, &rng, among);
            if (rng_chance(&rng, 1, 3)) /* a record for each of them, sometimes */
                CHECK_OK(delta_store_flush(f.store));
        }
        if (rng_chance(&rng, 1, 2))
            compare(&f, &rng, &spares);
        CHECK_OK(delta_store_flush(f.store));
        compare(&f, &rng, &spares);
        if (rng_chance(&rng, 1, 4)) {
            fixture_commit(&f);
            fixture_crash(&f);
        }
    }
    CHECK(spares > made_len);
    forget_made();
    fixture_deinit(&f);
}

static void answers_are_those_of_the_model_while_negations_come(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        life(seed);
}

/* Archive what was negated before `time`; `meanwhile` runs when it was found. How many went. */
static size_t archive_before(struct fixture *f, int64_t time, void (*meanwhile)(struct fixture *))
{
    struct delta_archive *archive;
    uint64_t position;
    size_t gone = 0;
    enum pando_status st;
    CHECK_OK(delta_archive_new(f->store, time, &archive));
    while ((st = delta_archive_find(archive)) == PANDO_BUSY)
        continue;
    CHECK_OK(st);
    if (meanwhile != NULL)
        meanwhile(f);
    while ((st = delta_archive_commit(archive, &position, &gone)) == PANDO_BUSY)
        fixture_commit(f);
    CHECK_OK(st);
    delta_archive_free(archive);
    return gone;
}

static void negate_d9(struct fixture *f)
{
    add_negation(f, 2, 300, "d9");
    CHECK_OK(delta_store_flush(f->store));
}

/* Two negations, of d7 and of d9, of which the first was archived. */
static void start(struct fixture *f, bool asked)
{
    fixture_init(f);
    for (unsigned i = 0; i < PLAIN; i++)
        add_plain(f, i, 100 + i, 1);
    add_negation(f, 1, 200, "d7");
    CHECK_OK(delta_store_flush(f->store));
    CHECK(!asked || spared_at_last(f, "d9"));
    CHECK_EQ(archive_before(f, 250, negate_d9), 2);
}

/* An archive takes a negation away and another one comes: there are as many as before. */
static void a_negation_beside_an_archive_is_seen(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, true);
    CHECK(!spared_at_last(&f, "d9"));
    CHECK(spared_at_last(&f, "d8"));
    fixture_deinit(&f);
}

static void come_back(struct fixture *f, const struct made *m)
{
    const struct delta_brief brief = delta_brief_of(&m->delta);
    bool returned;
    CHECK_OK(delta_store_return(f->store, &brief, &returned));
    CHECK(returned);
    (void)add(f, m, false);
}

/* Two are archived and two come back: as many negations and as many archived as before. */
static void a_negation_that_comes_back_is_seen(void **state)
{
    (void)state;
    struct fixture f;
    struct made negation, negated;
    start(&f, false);
    fixture_commit(&f);
    fixture_crash(&f);
    CHECK(spared_at_last(&f, "d8")); /* the filter knows of d9 alone */
    CHECK_EQ(archive_before(&f, 400, NULL), 2);
    make_negation(&negation, 1, 200, "d7");
    make_plain(&negated, 7, 107, 1);
    come_back(&f, &negation);
    come_back(&f, &negated);
    CHECK_OK(delta_store_flush(f.store));
    CHECK(!spared_at_last(&f, "d7"));
    made_deinit(&negation);
    made_deinit(&negated);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_negations_nothing_is_negated),
        TEST(a_negation_is_seen_at_once_and_the_others_are_known_soon),
        TEST(answers_are_those_of_the_model_while_negations_come),
        TEST(a_negation_beside_an_archive_is_seen),
        TEST(a_negation_that_comes_back_is_seen),
    };
    return CHECK_RUN(tests);
}
