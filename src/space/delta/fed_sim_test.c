/* fed_sim_test.c - storms from many seeds, one history per seed. */
#include "check.h"
#include "space/delta/fed_sim.h"

#include <inttypes.h>
#include <stdlib.h>

#ifdef PANDO_SLOW_CHECKS /* the instrumented builds are an order slower */
#define SEEDS 20
#else
#define SEEDS 200
#endif

static void storms_end_in_agreement(void **state)
{
    (void)state;
    struct sim_tally sums = { 0 };
    const char *more = getenv("FED_SIM_SEEDS"), *first = getenv("FED_SIM_FIRST");
    const uint64_t from = first != NULL ? strtoull(first, NULL, 10) : 1;
    const uint64_t seeds = more != NULL ? strtoull(more, NULL, 10) : SEEDS;
    uint64_t wrong = 0;
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        const char *what = fed_storm(seed, &sums);
        if (what == NULL)
            continue;
        print_error("seed %" PRIu64 ": %s\n", seed, what);
        wrong++;
    }
    CHECK_NOTE("%" PRIu64 " seeds: %" PRIu64 " deltas sent singly, %" PRIu64 " in %" PRIu64
               " batches, %" PRIu64 " acks, %" PRIu64 " nacks, %" PRIu64 " syncs, %" PRIu64
               " crashes, %" PRIu64 " cuts, %" PRIu64 " pauses, %" PRIu64 " steps, %" PRIu64
               " said before they were durable, %" PRIu64 " lost by their maker, but not by others\n",
               seeds, sums.deltas, sums.batched, sums.batches, sums.acks, sums.nacks, sums.syncs,
               sums.crashes, sums.cuts, sums.pauses, sums.steps, sums.early, sums.lost);
    CHECK_EQ(wrong, 0);
    if (seeds < SEEDS)
        return;
    CHECK(sums.early > 50 * seeds && sums.lost > seeds / 4); /* and all came back */
    CHECK(sums.crashes > seeds && sums.cuts > 4 * seeds && sums.pauses > 10 * seeds);
    CHECK(sums.syncs > 10 * seeds && sums.nacks > seeds && sums.acks > 100 * seeds);
}

/* Speed: in a tree without faults each delta crosses each link once, and is acked once. */
static void a_calm_tree_carries_every_delta_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const char *what = fed_calm(seed);
        if (what != NULL)
            print_error("seed %" PRIu64 ": %s\n", seed, what);
        CHECK(what == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_calm_tree_carries_every_delta_once),
        TEST(storms_end_in_agreement),
    };
    return CHECK_RUN(tests);
}
