/* raft_sim_test.c - storms from many seeds, one history per seed, and the world's speed. */
#include "check.h"
#include "space/log/raft_sim.h"
#include "space/log/raft_storm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#ifdef PANDO_SLOW_CHECKS /* the instrumented builds are an order slower */
#define SEEDS 200
#else
#define SEEDS 1500
#endif

static void storms_end_in_agreement(void **state)
{
    (void)state;
    struct raft_storm_sums sums = { 0 };
    const char *more = getenv("RAFT_SIM_SEEDS"), *first = getenv("RAFT_SIM_FIRST");
    const uint64_t from = first != NULL ? strtoull(first, NULL, 10) : 1;
    const uint64_t seeds = more != NULL ? strtoull(more, NULL, 10) : SEEDS;
    uint64_t broken = 0;
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        const char *what = raft_storm(seed, &sums);
        if (what == NULL)
            continue;
        print_error("seed %" PRIu64 ": %s\n", seed, what);
        broken++;
    }
    CHECK_NOTE("%" PRIu64 " seeds, %" PRIu64 " virtual s, %" PRIu64 " events: %" PRIu64
               " acknowledged, %" PRIu64 " reads, %" PRIu64 " elections, %" PRIu64
               " changes, %" PRIu64 " transfers, %" PRIu64 " restores, %" PRIu64
               " held, %" PRIu64 " crashes, %" PRIu64 " cuts, %" PRIu64 " losses, %" PRIu64
               " mended, %" PRIu64 " seeds stuck\n",
               sums.seeds, sums.virtual_ms / 1000, sums.steps, sums.acked, sums.reads,
               sums.elections, sums.changes, sums.transfers, sums.restores, sums.held,
               sums.crashes, sums.cuts, sums.losses, sums.mends, sums.stuck);
    CHECK_EQ(broken, 0);
    if (seeds < SEEDS)
        return;
    CHECK(sums.elections > 5 * seeds && sums.acked > 500 * seeds &&
          sums.reads > 50 * seeds);
    CHECK(sums.changes > seeds && sums.restores > seeds / 4 && sums.held > seeds);
    CHECK(sums.transfers > seeds / 4 && sums.crashes > 5 * seeds);
    CHECK(sums.losses > seeds && sums.mends > seeds / 4 && sums.stuck < seeds / 100);
}

static struct sim *five_nodes(uint64_t seed)
{
    return sim_new(&(struct sim_config){ .seed = seed,
                                         .nodes = 5,
                                         .voters = 5,
                                         .ordered = true,
                                         .delay_min = PANDO_USEC(200),
                                         .delay_max = PANDO_MSEC(2),
                                         .disk_min = PANDO_USEC(100),
                                         .disk_max = PANDO_MSEC(1),
                                         .ops = 50 });
}

static uint64_t history(uint64_t seed)
{
    struct sim *s = five_nodes(seed);
    sim_run(s, PANDO_SEC(3));
    sim_crash(s, sim_leader(s));
    sim_run(s, PANDO_SEC(3));
    const uint64_t hash = s->hash;
    sim_free(s);
    return hash;
}

static void one_seed_is_one_history(void **state)
{
    (void)state;
    CHECK(history(1) == history(1));
    CHECK(history(1) != history(2));
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Five nodes at 50 proposals a second; the factor is printed, not asserted. */
static void the_world_is_faster_than_ours(void **state)
{
    (void)state;
    struct sim *s = five_nodes(1);
    sim_run(s, PANDO_SEC(2));
    const double begin = seconds();
    sim_run(s, PANDO_SEC(200));
    const double factor = 200 / (seconds() - begin);
    CHECK_NOTE("%.0f times real time, %.2f us an event\n", factor,
               (seconds() - begin) * 1e6 / (double)s->steps);
    CHECK(s->violation == NULL && s->acked > 10000);
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_seed_is_one_history),
        TEST(the_world_is_faster_than_ours),
        TEST(storms_end_in_agreement),
    };
    return CHECK_RUN(tests);
}
