#include "base/heap.h"

#include "base/rng.h"
#include "check.h"

static struct pando_time at(uint64_t ns)
{
    return (struct pando_time){ ns };
}

static void gives_deadlines_in_order_and_ties_in_order_of_insertion(void **state)
{
    (void)state;
    struct heap h;
    heap_init(&h);
    CHECK_OK(heap_set(&h, 3, at(20)));
    CHECK_OK(heap_set(&h, 1, at(10)));
    CHECK_OK(heap_set(&h, 2, at(10)));
    CHECK_OK(heap_set(&h, 3, at(5)));
    uint32_t handle;
    CHECK(!heap_pop_due(&h, at(4), &handle));
    const uint32_t want[] = { 3, 1, 2 };
    for (size_t i = 0; i < 3; i++) {
        CHECK(heap_pop_due(&h, at(100), &handle));
        CHECK_EQ(handle, want[i]);
    }
    CHECK_EQ(heap_first(&h).ns, UINT64_MAX);
    heap_deinit(&h);
}

/* Method: random moves and removals against an array of deadlines. */
static void agrees_with_a_naive_model(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(7);
    struct heap h;
    heap_init(&h);
    uint64_t model[64];
    memset(model, 0xff, sizeof model);
    for (int i = 0; i < 20000; i++) {
        const uint32_t handle = (uint32_t)rng_below(&rng, 64);
        model[handle] = rng_chance(&rng, 1, 4) ? UINT64_MAX : rng_below(&rng, 1000);
        CHECK_OK(heap_set(&h, handle, at(model[handle])));
        uint64_t first = UINT64_MAX;
        for (size_t k = 0; k < 64; k++)
            first = model[k] < first ? model[k] : first;
        CHECK(heap_first(&h).ns == first);
    }
    heap_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gives_deadlines_in_order_and_ties_in_order_of_insertion),
        TEST(agrees_with_a_naive_model),
    };
    return CHECK_RUN(tests);
}
