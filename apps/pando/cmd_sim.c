/* cmd_sim.c - whole nodes under virtual time: one seed replays exactly. */
#include "apps/pando/commands.h"

#include "sim/run.h"

#include <stdlib.h>

struct listener {
    bool json;
    enum sim_plant plant;
    uint64_t runs;
};

static void print(void *ctx, const struct sim_verdict *v)
{
    struct listener *l = ctx;
    l->runs++;
    sim_print(stdout, v, l->json);
    if (!v->passed && !l->json)
        (void)printf("     repeat it: pando sim --scenario %s --seed %llu --nodes %u%s%s\n",
                     v->scenario->name, (unsigned long long)v->seed, v->nodes,
                     l->plant == SIM_HONEST ? "" : " --plant ",
                     l->plant == SIM_HONEST ? "" : sim_plant_name(l->plant));
}

static enum pando_status take_number(const struct args *args, int key, const char *name,
                                     uint64_t most, uint64_t *ret, struct pando_err *reterr)
{
    const char *text = args_value(args, key, NULL);
    char *end;
    if (text == NULL)
        return PANDO_OK;
    *ret = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || *ret > most)
        return pando_err_set(reterr, PANDO_INVALID, "--%s takes a number up to %llu, not '%.40s'",
                             name, (unsigned long long)most, text);
    return PANDO_OK;
}

static enum pando_status take_options(const struct args *args, struct sim_options *o,
                                      struct pando_err *reterr)
{
    uint64_t nodes = 0, seconds = 0;
    o->seed = 1;
    o->scenario = args_value(args, OPT_SCENARIO, "swarm");
    o->check_replay = args_has(args, OPT_REPLAY);
    o->trace = args_has(args, OPT_TRACE);
    const char *plant = args_value(args, OPT_PLANT, "none");
    if (!sim_plant_find(plant, &o->plant))
        return pando_err_set(reterr, PANDO_INVALID, "there is no planted bug '%.40s'", plant);
    enum pando_status st = take_number(args, OPT_SEED, "seed", UINT64_MAX, &o->seed, reterr);
    if (st == PANDO_OK)
        st = take_number(args, OPT_SEEDS, "seeds", 1000000000, &o->seeds, reterr);
    if (st == PANDO_OK)
        st = take_number(args, OPT_NODES, "nodes", NET_PORTS_MAX, &nodes, reterr);
    if (st == PANDO_OK)
        st = take_number(args, OPT_SECONDS, "seconds", 86400, &seconds, reterr);
    o->nodes = (uint32_t)nodes;
    o->seconds = (uint32_t)seconds;
    return st;
}

enum pando_status run_sim(const struct args *args, struct pando_err *reterr)
{
    struct sim_options options = { .scenario = NULL };
    struct listener listener = { .json = args->json };
    uint64_t failed = 0;
    if (args_has(args, OPT_LIST)) {
        sim_print_list(stdout, args->json);
        return PANDO_OK;
    }
    enum pando_status st = take_options(args, &options, reterr);
    listener.plant = options.plant;
    if (st == PANDO_OK)
        st = sim_run(&options, &listener, print, &failed, reterr);
    if (st == PANDO_OK && failed > 0)
        return pando_err_set(reterr, PANDO_CORRUPT, "%llu of %llu runs broke a claim",
                             (unsigned long long)failed, (unsigned long long)listener.runs);
    return st;
}
