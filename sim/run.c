#include "sim/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* X(name, help, nodes, min, max, seconds of load, on request only, function) */
#define SCENARIO_MAP(X)                                                                    \
    X("pair", "two nodes, appends both ways: acknowledged means durable, both fast", 2, 2, \
      2, 5, false, scenario_pair)                                                          \
    X("mesh", "everybody dials everybody", 10, 2, 32, 5, false, scenario_mesh)             \
    X("star", "all dial one", 10, 2, 60, 5, false, scenario_star)                          \
    X("line", "a chain of nodes", 10, 2, 64, 5, false, scenario_line)                      \
    X("ring", "a ring, dialled from both sides", 10, 3, 64, 5, false, scenario_ring)       \
    X("partition", "two halves go on alone, then heal", 10, 2, 32, 20, false,              \
      scenario_partition)                                                                  \
    X("flapping", "partitions that come and go", 8, 2, 32, 40, false, scenario_flapping)   \
    X("oneway", "paths cut in one direction", 8, 2, 32, 30, false, scenario_oneway)        \
    X("lossy", "20 % loss, jitter, 2 MB/s", 10, 2, 64, 10, false, scenario_lossy)          \
    X("crash", "power cuts with torn writes while events flow", 6, 2, 32, 10, false,       \
      scenario_crash)                                                                      \
    X("slow-disk", "commits of half a second", 5, 2, 32, 10, false, scenario_slow_disk)    \
    X("full-disk", "a disk fills up and gets its space back", 4, 2, 32, 6, false,          \
      scenario_full_disk)                                                                  \
    X("churn", "nodes stop, crash and return", 10, 2, 64, 15, false, scenario_churn)       \
    X("catch-up", "a late joiner fetches 5000 events", 4, 3, 32, 5, false,                 \
      scenario_catch_up)                                                                   \
    X("clock", "wall clocks an hour off", 5, 4, 32, 5, false, scenario_clock)              \
    X("forger", "one node signs with a wrong key", 5, 3, 32, 5, false, scenario_forger)    \
    X("swarm", "the seed draws a storm of all faults, then calm", 8, 2, 32, 30, false,     \
      scenario_swarm)                                                                      \
    X("chat", "a log: everybody speaks, the leader is killed, all show the same", 5, 3, 9, \
      10, false, scenario_chat)                                                            \
    X("chat-storm", "a log under a storm of all faults, then calm", 5, 3, 9, 30, false,    \
      scenario_chat_storm)                                                                 \
    X("deltas", "deltas over native links, in a shape that the seed draws", 6, 2, 16, 5,     \
      false, scenario_deltas)                                                              \
    X("federation", "deltas over WebSockets, in a shape that the seed draws", 6, 2, 16, 5, \
      false, scenario_federation)                                                          \
    X("deltas-storm", "deltas over both under a storm of all faults, then calm", 0, 2, 16, \
      20, false, scenario_deltas_storm)                                                    \
    X("thousand", "a thousand nodes with six links each", 1000, 10, 2000, 10, true,        \
      scenario_thousand)

const struct scenario scenarios[] = {
#define X(name, help, nodes, min, max, seconds, request, run) \
    { name, help, nodes, min, max, seconds, request, run },
    SCENARIO_MAP(X)
#undef X
};
const size_t scenarios_len = sizeof scenarios / sizeof scenarios[0];

static const char *const plant_names[SIM_PLANTS] = { "none",      "early-ack", "no-sync",
                                                     "lost-bytes", "no-redial", "trusts-all",
                                                     "deaf" };

const struct scenario *sim_find(const char *name)
{
    for (size_t i = 0; i < scenarios_len; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

const char *sim_plant_name(enum sim_plant plant)
{
    return plant_names[plant];
}

bool sim_plant_find(const char *name, enum sim_plant *ret)
{
    for (int i = 0; i < SIM_PLANTS; i++) {
        if (strcmp(plant_names[i], name) != 0)
            continue;
        *ret = (enum sim_plant)i;
        return true;
    }
    return false;
}

static double real_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void play(const struct scenario *scenario, uint64_t seed, const struct sim_options *how,
                 struct sim_verdict *ret)
{
    struct scene sc = {
        .seed = seed,
        .nodes = how->nodes == 0 ? scenario->nodes : how->nodes,
        .seconds = how->seconds == 0 ? scenario->seconds : how->seconds,
        .plant = how->plant,
        .trace = how->trace,
        .rng = rng_seeded(seed ^ UINT64_C(0x7363656e65)),
    };
    const double began = real_now();
    scenario->run(&sc);
    *ret = (struct sim_verdict){
        .scenario = scenario,
        .seed = seed,
        .nodes = sc.nodes,
        .passed = !scene_failed(&sc),
        .hash = sim_hash(sc.sim),
        .steps = sim_steps(sc.sim),
        .virtual_s = (double)pando_time_since(sim_now(sc.sim), sc.began).ns / 1e9,
    };
    (void)snprintf(ret->text, sizeof ret->text, "%s", ret->passed ? sc.figures : sc.failure);
    sim_free(sc.sim);
    ret->real_s = real_now() - began;
}

void sim_run_seed(const struct scenario *scenario, uint64_t seed, const struct sim_options *how,
                  struct sim_verdict *ret)
{
    play(scenario, seed, how, ret);
    if (!how->check_replay)
        return;
    struct sim_verdict again;
    play(scenario, seed, how, &again);
    if (again.hash == ret->hash && again.steps == ret->steps)
        return;
    ret->passed = false;
    ret->replay_differs = true;
    (void)snprintf(ret->text, sizeof ret->text,
                   "the seed does not replay: %016llx after %llu steps, then %016llx after %llu",
                   (unsigned long long)ret->hash, (unsigned long long)ret->steps,
                   (unsigned long long)again.hash, (unsigned long long)again.steps);
}

static enum pando_status check(const struct sim_options *o, struct pando_err *reterr)
{
    if (strcmp(o->scenario, "all") == 0)
        return o->nodes == 0 ? PANDO_OK
                             : pando_err_set(reterr, PANDO_INVALID,
                                             "a number of nodes goes with one scenario, not "
                                             "with all of them");
    const struct scenario *s = sim_find(o->scenario);
    if (s == NULL)
        return pando_err_set(reterr, PANDO_NOT_FOUND,
                             "there is no scenario '%s'; `pando sim --list` shows them",
                             o->scenario);
    if (o->nodes != 0 && (o->nodes < s->nodes_min || o->nodes > s->nodes_max))
        return pando_err_set(reterr, PANDO_INVALID, "%s takes %u to %u nodes", s->name,
                             s->nodes_min, s->nodes_max);
    return PANDO_OK;
}

enum pando_status sim_run(const struct sim_options *options, void *ctx,
                          void (*each)(void *ctx, const struct sim_verdict *verdict),
                          uint64_t *ret_failed, struct pando_err *reterr)
{
    const enum pando_status st = check(options, reterr);
    if (st != PANDO_OK)
        return st;
    const bool all = strcmp(options->scenario, "all") == 0;
    const double end = options->budget_s == 0 ? 0 : real_now() + options->budget_s;
    uint64_t failed = 0;
    for (uint64_t k = 0; k < (options->seeds == 0 ? 1 : options->seeds); k++)
        for (size_t i = 0; i < scenarios_len; i++) {
            struct sim_verdict v;
            if (all ? scenarios[i].on_request : &scenarios[i] != sim_find(options->scenario))
                continue;
            if (end > 0 && real_now() > end)
                break;
            sim_run_seed(&scenarios[i], options->seed + k, options, &v);
            failed += !v.passed;
            each(ctx, &v);
        }
    *ret_failed = failed;
    return PANDO_OK;
}
