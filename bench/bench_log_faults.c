/* bench_log_faults.c - a log space when things go wrong: failover, catch-up, simulation.
 *
 * Usage: bench_log_faults [PREFIX]
 * Environment: PANDO, BENCH_DIR, BENCH_KILLS (20), BENCH_BEHIND (messages, 1,000,000),
 * BENCH_RATE (messages a second while a node catches up, 50,000)
 */
#include "bench/calib.h"
#include "bench/lanes.h"
#include "bench/steady.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PACE_NS    2000000u /* of the client during kills */
#define SETTLE_NS  1200000000u
#define LIMIT_MS   120000
#define CATCH_RUNS 3
#define SIM_RUNS   5

struct bench {
    const char *prefix;
    struct world world;
    struct calib calib;
};

static double setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtod(text, NULL) : otherwise;
}

/* ---- failover ---- */

static void kill_once(struct bench *b, const struct steady *s, struct figure *gap)
{
    struct world_node *leader = trio_await_leader(&b->world, 20000);
    const uint64_t killed = bench_now_ns();
    world_kill(leader);
    bench_sleep_until(killed + SETTLE_NS);
    struct world_node *next = trio_await_leader(&b->world, 20000);
    const uint64_t back = bench_now_ns();
    trio_run(&b->world, leader);
    if (!trio_await_messages(leader, trio_number(next, "messages"), LIMIT_MS))
        bench_fail("%s does not come back", leader->name);
    bench_sleep_until(bench_now_ns() + SETTLE_NS / 4);
    figure_add(gap, steady_gap_ms(s, killed, back));
}

static void bench_failover(struct bench *b)
{
    struct figure gap = { "log_failover_gap_p50", "ms", 400, false, { 0 }, 0 };
    struct figure most = { "log_failover_gap_max", "ms", 1000, false, { 0 }, 0 };
    struct figure calm = { "log_failover_calm_max", "ms", 0, false, { 0 }, 0 };
    const int kills = (int)setting("BENCH_KILLS", 20);
    pid_t pid;
    trio_begin(&b->world);
    const uint64_t start = bench_now_ns();
    struct steady *s = steady_begin(&b->world, PACE_NS, &pid);
    bench_sleep_until(bench_now_ns() + SETTLE_NS);
    figure_add(&calm, steady_gap_ms(s, start, bench_now_ns()));
    calib_run(&b->calib, b->world.dir);
    for (int i = 0; i < kills; i++) {
        kill_once(b, s, &gap);
        (void)printf("# kill %d: %.0f ms\n", i, gap.runs[i]);
        (void)fflush(stdout);
    }
    calib_run(&b->calib, b->world.dir);
    steady_end(s, pid);
    trio_settle(&b->world);
    for (size_t i = 0; i < TRIO; i++)
        steady_check(s, &b->world.nodes[i]);
    double sorted[FIGURE_RUNS_MAX];
    memcpy(sorted, gap.runs, sizeof sorted);
    figure_add(&most, figure_quantile(sorted, gap.runs_len, 1));
    figure_print(&gap, b->prefix);
    figure_print(&most, b->prefix);
    figure_print(&calm, b->prefix);
    (void)printf("# %llu acknowledged, all on all three nodes under their numbers; %llu repeats\n",
                 (unsigned long long)s->len, (unsigned long long)s->repeats);
    world_clear(&b->world);
}

/* ---- catch-up ---- */

static struct world_node *a_follower(struct bench *b, const struct world_node *leader)
{
    for (size_t i = 0; i < TRIO; i++)
        if (&b->world.nodes[i] != leader)
            return &b->world.nodes[i];
    bench_fail("there is no follower");
}

static void cut(struct world_node *a, struct world_node *z, const char *verb)
{
    char args[120];
    (void)snprintf(args, sizeof args, "{\"peer\":\"%s\"}", z->id);
    (void)conn_ask(&a->conn, verb, args);
}

static void cut_off(struct bench *b, struct world_node *z, const char *verb)
{
    (void)conn_ask(&z->conn, verb, "{\"peer\":\"all\"}");
    for (size_t i = 0; i < TRIO; i++)
        if (&b->world.nodes[i] != z)
            cut(&b->world.nodes[i], z, verb);
}

struct catch_up {
    struct figure time, rate, relink;
};

/* The clock runs from the first link on: how long a dialler waits after having been
 * refused for so long is another matter, and shown apart. */
static void catch_up_once(struct bench *b, struct load_result *load, struct catch_up *f)
{
    const double behind = setting("BENCH_BEHIND", 1e6), pace = setting("BENCH_RATE", 50000);
    struct world_node *leader = trio_await_leader(&b->world, 20000);
    struct world_node *z = a_follower(b, leader);
    calib_run(&b->calib, b->world.dir);
    cut_off(b, z, "link.cut");
    leader = trio_await_leader(&b->world, 20000);
    const double had = trio_number(z, "messages");
    while (trio_number(leader, "messages") - had < behind)
        lanes_load(leader->socket, 8, 128, 1, 0, load);
    const pid_t client = lanes_start(leader->socket, 8, 32, 12, pace, load);
    bench_sleep_until(bench_now_ns() + 1000000000u);
    const double all = trio_number(leader, "messages");
    const uint64_t healed = bench_now_ns();
    cut_off(b, z, "link.heal");
    if (!world_wait(z, "connected_peers", 1, LIMIT_MS))
        bench_fail("the link does not heal");
    const uint64_t start = bench_now_ns();
    if (!trio_await_messages(z, all, LIMIT_MS))
        bench_fail("%s does not catch up", z->name);
    const double seconds = (double)(bench_now_ns() - start) / 1e9;
    lanes_wait(client);
    figure_add(&f->time, seconds * behind / (all - had));
    figure_add(&f->rate, (all - had) / seconds);
    figure_add(&f->relink, (double)(start - healed) / 1e6);
    (void)printf("# run %zu: %.0f messages in %.2f s, %.2f s after the cut was healed, with "
                 "%.0f msg/s of load\n",
                 f->time.runs_len - 1, all - had, seconds, (double)(start - healed) / 1e9,
                 (double)load->messages * 1e9 / (double)load->elapsed_ns);
    (void)fflush(stdout);
    trio_settle(&b->world);
}

static void bench_catch_up(struct bench *b)
{
    struct catch_up f = {
        .time = { "log_catchup_1m", "s", 5, false, { 0 }, 0 },
        .rate = { "log_catchup", "msg/s", 0, true, { 0 }, 0 },
        .relink = { "log_catchup_relink", "ms", 0, false, { 0 }, 0 },
    };
    struct load_result *load = load_result_new();
    trio_begin(&b->world);
    for (int i = 0; i < CATCH_RUNS; i++)
        catch_up_once(b, load, &f);
    figure_print(&f.time, b->prefix);
    figure_print(&f.rate, b->prefix);
    figure_print(&f.relink, b->prefix);
    world_clear(&b->world);
}

/* ---- simulation ---- */

/* Five whole nodes, 50 operations a second, two of their leaders killed, every claim
 * checked. Against the CPU time of the simulator, which has one thread: on a machine of
 * its own that is the real time. */
static void bench_sim(struct bench *b)
{
    struct figure f = { "log_sim_speed", "x", 300, true, { 0 }, 0 };
    const char *binary = getenv("PANDO");
    char command[300], line[1024];
    for (int i = 0; i < SIM_RUNS; i++) {
        struct rusage before, after;
        double seconds = 0;
        (void)getrusage(RUSAGE_CHILDREN, &before);
        (void)snprintf(command, sizeof command,
                       "'%s' sim --scenario chat --nodes 5 --seconds 60 --seed %d --json",
                       binary != NULL ? binary : "build/pando", i + 1);
        FILE *sim = popen(command, "re");
        const bool said = sim != NULL && fgets(line, sizeof line, sim) != NULL;
        if (sim == NULL || pclose(sim) != 0 || !said ||
            !conn_number(line, "virtual_s", &seconds))
            bench_fail("the simulation failed: %s", line);
        (void)getrusage(RUSAGE_CHILDREN, &after);
        const double cpu =
            (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
            (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
            (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
            (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
        figure_add(&f, seconds / cpu);
    }
    figure_print(&f, b->prefix);
}

static bool any_wanted(const struct bench *b, const char *const *names)
{
    for (; *names != NULL; names++)
        if (figure_wanted(*names, b->prefix))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static const char *const failover[] = { "log_failover_gap_p50", "log_failover_gap_max",
                                            NULL };
    static const char *const catch_up[] = { "log_catchup_1m", "log_catchup", NULL };
    static const char *const sim[] = { "log_sim_speed", NULL };
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        bench_fail("memory is out");
    b->prefix = argc > 1 ? argv[1] : "";
    calib_begin(&b->calib);
    world_begin(&b->world);
    if (any_wanted(b, sim))
        bench_sim(b);
    if (any_wanted(b, failover))
        bench_failover(b);
    if (any_wanted(b, catch_up))
        bench_catch_up(b);
    calib_print(&b->calib);
    world_end(&b->world);
    free(b);
    return 0;
}
