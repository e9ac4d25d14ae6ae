#include "space/delta/negate.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "space/delta/negate_mutant.h"

#include <stdlib.h>
#include <string.h>

enum { DELTAS_MAX = 24, EDGES_MAX = 3 };

/* Deltas d0, d1, ... each of which negates up to EDGES_MAX others. */
struct world {
    struct delta deltas[DELTAS_MAX];
    struct delta_pointer pointers[DELTAS_MAX][EDGES_MAX];
    char names[DELTAS_MAX][24];
    bool edge[DELTAS_MAX][DELTAS_MAX]; /* [negation][target] */
    size_t len;
    struct pando_buf bytes;
    struct source_array array;
    struct delta_source source;
};

static size_t add(struct world *w, int64_t timestamp)
{
    const size_t i = w->len++;
    CHECK(i < DELTAS_MAX);
    (void)snprintf(w->names[i], sizeof w->names[i], "d%zu", i);
    w->deltas[i] = (struct delta){ .id = slice_text(w->names[i]),
                                   .author = slice_text("a"),
                                   .system = slice_text("s"),
                                   .timestamp = timestamp,
                                   .pointers = w->pointers[i] };
    return i;
}

/* The target's name may not be there yet, nor the target ever. */
static void negate(struct world *w, size_t negation, size_t target)
{
    struct delta *d = &w->deltas[negation];
    (void)snprintf(w->names[target], sizeof w->names[target], "d%zu", target);
    CHECK(d->pointers_len < EDGES_MAX);
    w->pointers[negation][d->pointers_len++] =
        (struct delta_pointer){ .role = slice_text(NEGATE_ROLE),
                                .kind = DELTA_REF,
                                .text = slice_text(w->names[target]),
                                .context = slice_text(NEGATE_CONTEXT) };
    w->edge[negation][target] = true;
}

static size_t add_negation(struct world *w, int64_t timestamp, size_t target)
{
    const size_t i = add(w, timestamp);
    negate(w, i, target);
    return i;
}

static void start(struct world *w)
{
    memset(w, 0, sizeof *w);
    buf_init(&w->bytes, 1u << 20);
    CHECK_OK(buf_reserve(&w->bytes, 64u << 10));
}

static void finish(struct world *w)
{
    struct pando_err err;
    for (size_t i = 0; i < w->len; i++)
        CHECK_OK(delta_seal(&w->deltas[i], &w->bytes, &err));
    CHECK_OK(source_array_init(&w->array, w->deltas, w->len));
    w->source = source_array_of(&w->array);
}

static void stop(struct world *w)
{
    source_array_deinit(&w->array);
    buf_deinit(&w->bytes);
}

static bool negated(const struct world *w, size_t i, int64_t t)
{
    bool quick;
    struct negate_state state;
    CHECK_OK(negate_is(&w->source, slice_text(w->names[i]), t, &quick));
    CHECK_OK(negate_state_of(&w->source, slice_text(w->names[i]), t, &state));
    CHECK_EQ(quick, state.negated);
    return quick;
}

/* The model: nothing is known; what follows from what is known is added until nothing
 * more does. `ret[i]`: 1 negated, -1 not, 0 hangs on a cycle. */
static void model(const struct world *w, int64_t t, int ret[DELTAS_MAX])
{
    memset(ret, 0, DELTAS_MAX * sizeof ret[0]);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < DELTAS_MAX; i++) {
            bool all_negated = true, some_stands = false;
            for (size_t n = 0; n < w->len; n++) {
                if (!w->edge[n][i] || w->deltas[n].timestamp > t)
                    continue;
                all_negated = all_negated && ret[n] == 1;
                some_stands = some_stands || ret[n] == -1;
            }
            const int verdict = some_stands ? 1 : all_negated ? -1 : 0;
            changed = changed || verdict != ret[i];
            ret[i] = verdict;
        }
    }
}

/* The rule as it is written, for graphs without cycles. */
static bool literal(const struct world *w, size_t i, int64_t t)
{
    for (size_t n = 0; n < w->len; n++)
        if (w->edge[n][i] && w->deltas[n].timestamp <= t && !literal(w, n, t))
            return true;
    return false;
}

static void draw(struct world *w, struct rng *r, bool cycles)
{
    const size_t len = 2 + rng_below(r, DELTAS_MAX - 2);
    start(w);
    for (size_t i = 0; i < len; i++)
        (void)add(w, 1 + (int64_t)rng_below(r, 12));
    for (size_t i = 0; i < len; i++)
        for (size_t k = rng_below(r, EDGES_MAX + 1); k > 0; k--) {
            const size_t target = cycles ? rng_below(r, len) : i == 0 ? len : rng_below(r, i);
            if (target < len && !w->edge[i][target])
                negate(w, i, target);
        }
    finish(w);
}

/* How many answers differ from the model's, over random graphs and times. */
static size_t differences(bool cycles)
{
    size_t count = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rng r = rng_seeded(seed + (cycles ? 1000 : 0));
        static struct world w;
        int want[DELTAS_MAX];
        draw(&w, &r, cycles);
        for (int64_t t = 0; t <= 13; t++) {
            model(&w, t, want);
            for (size_t i = 0; i < w.len; i++) {
                count += negated(&w, i, t) != (want[i] == 1);
                if (!cycles)
                    CHECK_EQ(literal(&w, i, t), want[i] == 1);
            }
        }
        stop(&w);
    }
    return count;
}

static void random_graphs_answer_as_the_model(void **state)
{
    (void)state;
    const size_t acyclic = differences(false), cyclic = differences(true);
    if (NEGATE_MUTANT == 0)
        CHECK_EQ(acyclic + cyclic, 0);
    else
        CHECK(acyclic + cyclic > 0); /* the planted bug is found */
    if (NEGATE_MUTANT == 1)
        CHECK_EQ(acyclic, 0); /* and only cycles can show this one */
}

static void a_negation_holds_from_its_own_time_on(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    const size_t d = add(&w, 10);
    (void)add_negation(&w, 20, d);
    finish(&w);
    CHECK(!negated(&w, d, 19));
    CHECK(negated(&w, d, 20));
    CHECK(negated(&w, d, NEGATE_NOW));
    stop(&w);
}

static void a_negated_negation_restores_and_a_fresh_one_negates_again(void **state)
{
    (void)state;
    static struct world w;
    struct negate_state s;
    start(&w);
    const size_t d = add(&w, 10), first = add_negation(&w, 20, d);
    const size_t second = add_negation(&w, 30, first), third = add_negation(&w, 40, d);
    finish(&w);
    CHECK(negated(&w, d, 25));
    CHECK(!negated(&w, d, 35));
    CHECK(negated(&w, d, 45));
    CHECK(negated(&w, first, 35) && !negated(&w, second, 45));
    CHECK_OK(negate_state_of(&w.source, slice_text("d0"), 35, &s));
    CHECK(!s.negated && s.was_negated);
    CHECK_OK(negate_state_of(&w.source, slice_text("d0"), NEGATE_NOW, &s));
    CHECK(s.negated && s.was_negated);
    CHECK_EQ(s.negated_at, 40);
    CHECK_MEM(s.by.bytes, w.deltas[third].name.bytes, 16);
    stop(&w);
}

static void of_two_negations_both_must_go(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    const size_t d = add(&w, 1), a = add_negation(&w, 2, d), b = add_negation(&w, 2, d);
    (void)add_negation(&w, 3, a);
    (void)add_negation(&w, 4, b);
    finish(&w);
    CHECK(negated(&w, d, 3));
    CHECK(!negated(&w, d, 4));
    stop(&w);
}

static void what_hangs_on_a_cycle_alone_does_nothing(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    const size_t self = add(&w, 1), a = add(&w, 1), b = add(&w, 1), under = add(&w, 1);
    negate(&w, self, self);
    negate(&w, a, b);
    negate(&w, b, a);
    negate(&w, b, under);
    finish(&w);
    CHECK(!negated(&w, self, NEGATE_NOW));
    CHECK(!negated(&w, a, NEGATE_NOW) && !negated(&w, b, NEGATE_NOW));
    CHECK(!negated(&w, under, NEGATE_NOW));
    stop(&w);
}

static void an_end_decides_a_cycle(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    const size_t a = add(&w, 1), b = add_negation(&w, 1, a);
    negate(&w, a, b);
    (void)add_negation(&w, 2, a);
    finish(&w);
    CHECK(negated(&w, a, 2));
    CHECK(!negated(&w, b, 2));
    stop(&w);
}

static void a_negation_may_be_here_before_its_delta(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    (void)add_negation(&w, 5, 9);
    finish(&w);
    CHECK(negated(&w, 9, 5));
    stop(&w);
}

static void other_roles_and_contexts_do_not_negate(void **state)
{
    (void)state;
    static struct world w;
    struct pando_slice targets[4];
    start(&w);
    const size_t d = add(&w, 1), role = add_negation(&w, 2, d), context = add_negation(&w, 2, d);
    w.pointers[role][0].role = slice_text("negated");
    w.pointers[context][0].context = slice_text("comments");
    finish(&w);
    CHECK(!negated(&w, d, NEGATE_NOW));
    CHECK_EQ(negate_targets(&w.deltas[role], targets, 4), 0);
    stop(&w);
}

/* A source that says busy, and one that fails, both behave. */
struct moody {
    struct delta_source under;
    size_t calls, fail_at;
};

static enum pando_status moody_next(void *ctx, const struct filter *f, bool descending,
                                    struct delta_place *place, struct delta *ret)
{
    struct moody *m = ctx;
    if (++m->calls == m->fail_at)
        return PANDO_IO;
    return m->calls % 2 == 1 ? PANDO_BUSY : source_next(&m->under, f, descending, place, ret);
}

static enum pando_status moody_get(void *ctx, struct pando_slice id, struct delta *ret)
{
    return source_get(&((struct moody *)ctx)->under, id, ret);
}

static void a_busy_source_is_asked_again_and_a_failure_is_passed_on(void **state)
{
    (void)state;
    static const struct delta_source_ops ops = { .get = moody_get, .next = moody_next };
    static struct world w;
    bool is;
    start(&w);
    const size_t d = add(&w, 1), n = add_negation(&w, 2, d);
    (void)add_negation(&w, 3, n);
    finish(&w);
    struct moody m = { .under = w.source };
    const struct delta_source source = { &m, &ops };
    CHECK_OK(negate_is(&source, slice_text("d0"), NEGATE_NOW, &is));
    CHECK(!is);
    const size_t calls = m.calls;
    for (size_t i = 1; i <= calls; i++) {
        m = (struct moody){ .under = w.source, .fail_at = i };
        CHECK_EQ(negate_is(&source, slice_text("d0"), NEGATE_NOW, &is), PANDO_IO);
    }
    stop(&w);
}

/* A chain d0 <- d1 <- d2 ... as long as the cap: an answer, and no deep recursion. */
struct chain {
    struct delta d;
    struct delta_pointer pointer;
    char id[24], target[24];
    struct pando_buf bytes;
    size_t len;
};

static enum pando_status chain_next(void *ctx, const struct filter *f, bool descending,
                                    struct delta_place *place, struct delta *ret)
{
    struct chain *c = ctx;
    struct pando_err err;
    (void)descending;
    char id[24];
    memcpy(id, f->target_ids.items[0].ptr, f->target_ids.items[0].len);
    id[f->target_ids.items[0].len] = '\0';
    const size_t i = strtoul(id, NULL, 10);
    if (place->set || i + 1 >= c->len)
        return PANDO_NOT_FOUND;
    (void)snprintf(c->id, sizeof c->id, "%zu", i + 1);
    (void)snprintf(c->target, sizeof c->target, "%zu", i);
    c->pointer = (struct delta_pointer){ slice_text(NEGATE_ROLE), DELTA_REF,
                                         slice_text(c->target), slice_text(NEGATE_CONTEXT),
                                         0, false };
    c->d = (struct delta){ .id = slice_text(c->id), .author = slice_text("a"),
                           .system = slice_text("s"), .timestamp = 1,
                           .pointers = &c->pointer, .pointers_len = 1 };
    buf_reset(&c->bytes);
    CHECK_OK(delta_seal(&c->d, &c->bytes, &err));
    *place = (struct delta_place){ 1, c->d.digest, true };
    *ret = c->d;
    return PANDO_OK;
}

static void long_chains_are_answered_up_to_the_cap(void **state)
{
    (void)state;
    static const struct delta_source_ops ops = { .get = moody_get, .next = chain_next };
    struct chain c = { .len = 0 };
    const struct delta_source source = { &c, &ops };
    bool is;
    buf_init(&c.bytes, 4096);
    for (c.len = 1; c.len <= 6; c.len++) {
        CHECK_OK(negate_is(&source, slice_text("0"), NEGATE_NOW, &is));
        CHECK_EQ(is, c.len % 2 == 0);
    }
    c.len = 1001;
    CHECK_OK(negate_is(&source, slice_text("0"), NEGATE_NOW, &is));
    CHECK(!is);
    c.len = 1000000;
    CHECK_OK(negate_is(&source, slice_text("0"), NEGATE_NOW, &is));
    buf_deinit(&c.bytes);
}

int main(void)
{
    const struct CMUnitTest found[] = { TEST(random_graphs_answer_as_the_model) };
    const struct CMUnitTest tests[] = {
        TEST(random_graphs_answer_as_the_model),
        TEST(a_negation_holds_from_its_own_time_on),
        TEST(a_negated_negation_restores_and_a_fresh_one_negates_again),
        TEST(of_two_negations_both_must_go),
        TEST(what_hangs_on_a_cycle_alone_does_nothing),
        TEST(an_end_decides_a_cycle),
        TEST(a_negation_may_be_here_before_its_delta),
        TEST(other_roles_and_contexts_do_not_negate),
        TEST(a_busy_source_is_asked_again_and_a_failure_is_passed_on),
        TEST(long_chains_are_answered_up_to_the_cap),
    };
    return NEGATE_MUTANT != 0 ? CHECK_RUN(found) : CHECK_RUN(tests);
}
