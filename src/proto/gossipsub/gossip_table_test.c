/* The two tables with eviction, each against a naive model. */
#include "base/rng.h"
#include "check.h"
#include "proto/gossipsub/gossip_backoff.h"
#include "proto/gossipsub/gossip_seen.h"

#include <stdlib.h>

enum { CAP = 50, KEYS = 120 };

struct model {
    uint32_t keys[CAP], stamps[CAP];
    size_t len;
};

static bool model_has(const struct model *m, uint32_t key)
{
    for (size_t i = 0; i < m->len; i++) {
        if (m->keys[i] == key)
            return true;
    }
    return false;
}

static void model_drop_first(struct model *m)
{
    m->len--;
    memmove(m->keys, m->keys + 1, m->len * sizeof m->keys[0]);
    memmove(m->stamps, m->stamps + 1, m->len * sizeof m->stamps[0]);
}

/* Keys that crowd few slots, so that runs wrap and shift. */
static struct gossip_key key_of(uint32_t i)
{
    return (struct gossip_key){ i % 7 + (i % 3 == 0 ? 120 : 0), i };
}

static void seen_agrees_with_a_list_that_forgets_its_oldest(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rng rng = rng_seeded(seed);
        struct arena measure = arena_measure();
        struct gossip_seen s;
        gossip_seen_place(&s, CAP, &measure);
        void *memory = malloc(measure.used);
        struct arena arena = arena_over(memory, measure.used);
        gossip_seen_place(&s, CAP, &arena);
        struct model m = { .len = 0 };
        uint32_t clock = 0;
        for (int i = 0; i < 3000; i++) {
            clock += rng_chance(&rng, 1, 10);
            if (rng_chance(&rng, 1, 50)) {
                const uint32_t oldest = clock > 5 ? clock - 5 : 0;
                gossip_seen_expire(&s, oldest);
                while (m.len > 0 && m.stamps[0] < oldest)
                    model_drop_first(&m);
            }
            const uint32_t key = (uint32_t)rng_below(&rng, KEYS);
            bool forgot;
            const bool had = model_has(&m, key);
            CHECK_EQ(gossip_seen_has(&s, key_of(key)), had);
            CHECK_EQ(gossip_seen_add(&s, key_of(key), clock, &forgot), !had);
            CHECK_EQ(forgot, !had && m.len == CAP);
            if (!had) {
                if (m.len == CAP)
                    model_drop_first(&m);
                m.keys[m.len] = key;
                m.stamps[m.len++] = clock;
            }
            CHECK_EQ(s.len, m.len);
        }
        free(memory);
    }
}

static void backoffs_agree_with_an_array(void **state)
{
    (void)state;
    struct arena measure = arena_measure();
    struct gossip_backoffs b;
    gossip_backoffs_place(&b, KEYS, &measure);
    void *memory = malloc(measure.used);
    struct arena arena = arena_over(memory, measure.used);
    gossip_backoffs_place(&b, KEYS, &arena);
    struct rng rng = rng_seeded(3);
    uint64_t model[KEYS + 1] = { 0 };
    for (uint64_t now = 1; now < 4000; now++) {
        const uint64_t key = 1 + rng_below(&rng, KEYS);
        const uint64_t until = now + rng_below(&rng, 100);
        gossip_backoff_add(&b, key, (struct pando_time){ until });
        if (until > model[key])
            model[key] = until;
        if (rng_chance(&rng, 1, 20)) {
            gossip_backoffs_sweep(&b, (struct pando_time){ now });
            for (size_t i = 1; i <= KEYS; i++)
                model[i] = model[i] <= now ? 0 : model[i];
        }
        for (uint64_t i = 1; i <= KEYS; i++)
            CHECK_EQ(gossip_backoff_of(&b, i).ns, model[i]);
    }
    free(memory);
}

static void a_full_table_forgets_the_backoff_nearest_its_end(void **state)
{
    (void)state;
    struct arena measure = arena_measure();
    struct gossip_backoffs b;
    gossip_backoffs_place(&b, 4, &measure);
    void *memory = malloc(measure.used);
    struct arena arena = arena_over(memory, measure.used);
    gossip_backoffs_place(&b, 4, &arena);
    for (uint64_t key = 1; key <= 5; key++)
        gossip_backoff_add(&b, key, (struct pando_time){ 100 - key });
    CHECK_EQ(b.len, 4);
    CHECK_EQ(gossip_backoff_of(&b, 4).ns, 0);
    CHECK_EQ(gossip_backoff_of(&b, 5).ns, 95);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(seen_agrees_with_a_list_that_forgets_its_oldest),
        TEST(backoffs_agree_with_an_array),
        TEST(a_full_table_forgets_the_backoff_nearest_its_end),
    };
    return CHECK_RUN(tests);
}
