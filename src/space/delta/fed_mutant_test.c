/* fed_mutant_test.c - a hunt for one planted bug (fed_mutant.h), named by its number: it must be
 * found in a calm history or in a storm, or the checkers are blind.
 */
#include "space/delta/fed_mutant.h"
#include "space/delta/fed_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HUNT_SEEDS 60

enum fed_mutant fed_mutant;

static int caught(const char *where, uint64_t seed, const char *what)
{
    printf("caught by %s %" PRIu64 ": %s\n", where, seed, what);
    return 0;
}

int main(int argc, char **argv)
{
    const int chosen = argc > 1 ? atoi(argv[1]) : 0;
    if (chosen <= MUTANT_NONE || chosen >= MUTANTS)
        return 2;
    fed_mutant = (enum fed_mutant)chosen;
    for (uint64_t seed = 1; seed <= HUNT_SEEDS; seed++) {
        const char *what = seed <= 10 ? fed_calm(seed) : NULL;
        if (what != NULL)
            return caught("calm history", seed, what);
        what = fed_storm(seed, NULL);
        if (what != NULL)
            return caught("storm", seed, what);
    }
    printf("mutant %d was not caught\n", chosen);
    return 1;
}
