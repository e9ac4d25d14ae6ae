/* main.c - the simulator as a program of its own, for CI; `pando sim` is the same.
 *
 *   pando-sim SCENARIO|all [SEED [SEEDS [REAL-SECONDS [PLANT [trace|replay]]]]]
 */
#include "sim/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(void *ctx, const struct sim_verdict *v)
{
    (void)ctx;
    (void)printf("%s %-10s seed %-6llu %4u nodes %7.1f s virtual %6.2f s real  %s\n",
                 v->passed ? "ok  " : "FAIL", v->scenario->name, (unsigned long long)v->seed,
                 v->nodes, v->virtual_s, v->real_s, v->text);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct pando_err err;
    uint64_t failed;
    struct sim_options o = { .scenario = argc > 1 ? argv[1] : "all" };
    o.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    o.seeds = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    o.budget_s = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    if (argc > 5 && !sim_plant_find(argv[5], &o.plant)) {
        (void)fprintf(stderr, "there is no planted bug '%s'\n", argv[5]);
        return 2;
    }
    o.trace = argc > 6 && strcmp(argv[6], "trace") == 0;
    o.check_replay = argc > 6 && strcmp(argv[6], "replay") == 0;
    if (sim_run(&o, NULL, print, &failed, &err) != PANDO_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    return failed > 0;
}
