/* main.c - the simulator as a program of its own, without the rest of the command line.
 *
 *   pando-sim [--scenario S|all] [--seed N] [--seeds K] [--nodes N] [--seconds S]
 *             [--budget REAL-SECONDS] [--plant BUG] [--replay] [--trace] [--json] [--list]
 *
 * Exit: 0 all claims held, 1 some did not, 2 usage.
 */
#include "sim/run.h"

#include <getopt.h>
#include <stdlib.h>

enum { LIST = 1, JSON, SCENARIO, SEED, SEEDS, NODES, SECONDS, BUDGET, PLANT, REPLAY, TRACE };

static const struct option rows[] = {
    { "list", no_argument, NULL, LIST },
    { "json", no_argument, NULL, JSON },
    { "scenario", required_argument, NULL, SCENARIO },
    { "seed", required_argument, NULL, SEED },
    { "seeds", required_argument, NULL, SEEDS },
    { "nodes", required_argument, NULL, NODES },
    { "seconds", required_argument, NULL, SECONDS },
    { "budget", required_argument, NULL, BUDGET },
    { "plant", required_argument, NULL, PLANT },
    { "replay", no_argument, NULL, REPLAY },
    { "trace", no_argument, NULL, TRACE },
    { NULL, 0, NULL, 0 },
};

static void print(void *ctx, const struct sim_verdict *v)
{
    sim_print(stdout, v, *(const bool *)ctx);
}

static bool number(const char *text, uint64_t most, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *ret <= most;
}

static bool take(int key, const char *value, struct sim_options *o)
{
    uint64_t n = 0;
    switch (key) {
    case SCENARIO:
        o->scenario = value;
        return true;
    case PLANT:
        return sim_plant_find(value, &o->plant);
    case REPLAY:
        return o->check_replay = true;
    case TRACE:
        return o->trace = true;
    case SEED:
        return number(value, UINT64_MAX, &o->seed);
    case SEEDS:
        return number(value, UINT64_MAX, &o->seeds);
    default:
        break;
    }
    if (key != NODES && key != SECONDS && key != BUDGET)
        return false;
    const bool fine = number(value, 1000000, &n);
    *(key == NODES ? &o->nodes : key == SECONDS ? &o->seconds : &o->budget_s) = (uint32_t)n;
    return fine;
}

int main(int argc, char **argv)
{
    struct sim_options o = { .scenario = "all", .seed = 1 };
    struct pando_err err;
    uint64_t failed = 0;
    bool json = false, list = false;
    int key;
    while ((key = getopt_long(argc, argv, "", rows, NULL)) != -1) {
        json |= key == JSON;
        list |= key == LIST;
        if (key != JSON && key != LIST && !take(key, optarg, &o)) {
            (void)fprintf(stderr, "pando-sim: see the top of sim/main.c for what it takes\n");
            return 2;
        }
    }
    if (list) {
        sim_print_list(stdout, json);
        return 0;
    }
    if (sim_run(&o, &json, print, &failed, &err) != PANDO_OK) {
        (void)fprintf(stderr, "pando-sim: %s\n", err.text);
        return 2;
    }
    return failed > 0;
}
