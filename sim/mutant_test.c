/* Whole nodes with a bug planted in the dag (DAG_MUTANT at compile time): passes only when
 * some scenario finds it. */
#include "sim/run.h"

#include <stdio.h>

#define SEEDS_TO_FIND 100

int main(void)
{
    static const char *const names[] = { "mesh",  "slow-disk", "crash",    "partition",
                                         "churn", "oneway",    "flapping", "catch-up",
                                         "swarm" };
    const struct sim_options how = { .seeds = 1 };
    for (uint64_t seed = 1; seed <= SEEDS_TO_FIND; seed++)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            struct sim_verdict v;
            sim_run_seed(sim_find(names[i]), seed, &how, &v);
            if (v.passed)
                continue;
            (void)printf("found by %s at seed %llu: %s\n", names[i], (unsigned long long)seed,
                         v.text);
            return 0;
        }
    (void)fprintf(stderr, "the planted bug survived %d seeds of every scenario\n", SEEDS_TO_FIND);
    return 1;
}
