/* The simulator's own promises: seeds replay, scenarios pass, planted bugs are found. */
#include "check.h"

#include "sim/run.h"

#include <stdio.h>

#define SEEDS_TO_FIND 100

static struct sim_verdict play(const char *name, uint64_t seed, const struct sim_options *how)
{
    struct sim_verdict v;
    const struct scenario *s = sim_find(name);
    CHECK(s != NULL);
    sim_run_seed(s, seed, how, &v);
    return v;
}

/* Same seed, same history, event by event; another seed, another one. */
static void one_seed_replays_exactly(void **state)
{
    static const char *const names[] = { "pair", "crash", "swarm", "lossy", "deltas-storm" };
    const struct sim_options how = { .check_replay = true };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct sim_verdict a = play(names[i], 7, &how), b = play(names[i], 8, &how);
        CHECK(!a.replay_differs && !b.replay_differs);
        CHECK(a.hash != b.hash);
    }
}

static void every_scenario_passes(void **state)
{
    const struct sim_options how = { .seeds = 1 };
    (void)state;
    for (size_t i = 0; i < scenarios_len; i++) {
        if (scenarios[i].on_request)
            continue;
        const struct sim_verdict v = play(scenarios[i].name, 1, &how);
        if (!v.passed)
            (void)fprintf(stderr, "pando sim --scenario %s --seed 1: %s\n", v.scenario->name,
                          v.text);
        CHECK(v.passed);
    }
}

/* The larger shape at a size that a unit test can afford. */
static void a_hundred_nodes_hear_of_one_event_in_a_second(void **state)
{
    const struct sim_options how = { .nodes = 100 };
    (void)state;
    CHECK(play("thousand", 3, &how).passed);
}

static void a_planted_bug_is_found(void **state)
{
    static const struct {
        enum sim_plant plant;
        const char *scenario;
    } rows[] = {
        { SIM_EARLY_ACK, "crash" }, { SIM_EARLY_ACK, "slow-disk" }, { SIM_NO_SYNC, "crash" },
        { SIM_LOST_BYTES, "mesh" }, { SIM_NO_REDIAL, "partition" }, { SIM_TRUSTS_ALL, "forger" },
        { SIM_DEAF, "flapping" },   { SIM_EARLY_ACK, "deltas-storm" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sim_options how = { .plant = rows[i].plant };
        uint64_t seed = 1;
        while (seed <= SEEDS_TO_FIND && play(rows[i].scenario, seed, &how).passed)
            seed++;
        (void)printf("%s: found by %s at seed %llu\n", sim_plant_name(rows[i].plant),
                     rows[i].scenario, (unsigned long long)seed);
        CHECK(seed <= SEEDS_TO_FIND);
    }
}

static void only_known_scenarios_and_sizes_are_run(void **state)
{
    uint64_t failed;
    struct pando_err err;
    const struct sim_options unknown = { .scenario = "nonsense" };
    const struct sim_options small = { .scenario = "ring", .nodes = 1 };
    (void)state;
    CHECK_EQ(sim_run(&unknown, NULL, NULL, &failed, &err), PANDO_NOT_FOUND);
    CHECK_EQ(sim_run(&small, NULL, NULL, &failed, &err), PANDO_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_seed_replays_exactly),
        TEST(every_scenario_passes),
        TEST(a_hundred_nodes_hear_of_one_event_in_a_second),
        TEST(a_planted_bug_is_found),
        TEST(only_known_scenarios_and_sizes_are_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
