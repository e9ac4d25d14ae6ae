/* raft_mutant_test.c - a hunt for one planted bug (raft_mutant.h), named by its number: it must
 * be found by a known schedule or by a storm, or the checkers are blind.
 */
#include "space/log/raft_mutant.h"
#include "space/log/raft_rules.h"
#include "space/log/raft_storm.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define HUNT_SEEDS 500
#define HUNT_MORE  10 /* where a schedule has found it already */

enum raft_mutant raft_mutant;

/* The bug must be found: by a known schedule, or else by a storm. */
static int hunt(void)
{
    struct raft_storm_sums sums = { 0 };
    bool caught = false;
    for (uint32_t i = 0; i < raft_rules_len; i++) {
        const char *what = raft_rules[i].run();
        if (what != NULL)
            printf("caught by \"%s\": %s\n", raft_rules[i].name, what);
        caught |= what != NULL;
    }
    for (uint64_t seed = 1; seed <= (caught ? HUNT_MORE : HUNT_SEEDS); seed++) {
        const char *what = raft_storm(seed, &sums);
        if (what == NULL)
            continue;
        printf("caught by storm %" PRIu64 ": %s\n", seed, what);
        return 0;
    }
    if (!caught)
        printf("mutant %d was not caught\n", (int)raft_mutant);
    return !caught;
}

int main(int argc, char **argv)
{
    const int chosen = argc > 1 ? atoi(argv[1]) : 0;
    if (chosen <= MUTANT_NONE || chosen >= MUTANTS)
        return 2;
    raft_mutant = (enum raft_mutant)chosen;
    return hunt();
}
