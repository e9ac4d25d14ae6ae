/* run.h - scenarios by name, seeds in a row, verdicts in words or as JSON lines. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/scene.h"

#include <stdio.h>

struct sim_options {
    const char *scenario; /* a name, or "all" */
    uint64_t seed;        /* the first one */
    uint64_t seeds;       /* how many; 0: 1 */
    uint32_t nodes;       /* 0: the scenario's own number */
    uint32_t seconds;     /* of load; 0: the scenario's own */
    uint32_t budget_s;    /* real seconds after which no further seed begins; 0: no end */
    enum sim_plant plant;
    bool trace;
    bool check_replay; /* run each seed twice and compare the histories */
};

struct sim_verdict {
    const struct scenario *scenario;
    uint64_t seed;
    uint32_t nodes;
    bool passed;
    bool replay_differs;
    uint64_t hash, steps;
    double virtual_s, real_s;
    char text[440]; /* why it failed, or figures */
};

const struct scenario *sim_find(const char *name);
const char *sim_plant_name(enum sim_plant plant);
bool sim_plant_find(const char *name, enum sim_plant *ret);

/* One seed of one scenario. */
void sim_run_seed(const struct scenario *scenario, uint64_t seed, const struct sim_options *how,
                  struct sim_verdict *ret);
/* All that the options name, seed by seed and scenario by scenario; `each` hears every
 * verdict. The number of failed runs. Errors: PANDO_NOT_FOUND no such scenario;
 * PANDO_INVALID a number of nodes that it does not take. */
enum pando_status sim_run(const struct sim_options *options, void *ctx,
                          void (*each)(void *ctx, const struct sim_verdict *verdict),
                          uint64_t *ret_failed, struct pando_err *reterr) PANDO_MUST_USE;

/* print.c: one line for people or one JSON object; the table of scenarios likewise. */
void sim_print(FILE *to, const struct sim_verdict *verdict, bool json);
void sim_print_list(FILE *to, bool json);

#endif
