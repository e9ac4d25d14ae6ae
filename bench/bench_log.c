/* bench_log.c - a log space of three nodes: rate, latency, cost.
 *
 * Three node processes and a client process on one machine; a message counts when its
 * number has come back, that is when a quorum has it on disk. Each run stands beside the
 * bare quorum log (floor_log.h) of the same minute.
 *
 * Usage: bench_log [PREFIX]
 * Environment: PANDO, BENCH_DIR, BENCH_SECONDS (of a run under load, 30), BENCH_LANES
 * (connections, 4; together they have 1,024 messages under way).
 */
#include "bench/calib.h"
#include "bench/floor_log.h"
#include "bench/lanes.h"
#include "bench/trio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS        5
#define OUTSTANDING 1024
#define SINGLE_MAX  10.0 /* seconds of a run with one message at a time */

struct bench {
    const char *prefix;
    struct world world;
    struct calib calib;
    struct floor_log floor;
    struct load_result *ours, *theirs;
    double seconds;
    uint32_t lanes;
};

static uint64_t nodes_cpu(const struct bench *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < TRIO; i++)
        sum += process_cpu_ns(b->world.nodes[i].pid);
    return sum;
}

static uint64_t floor_cpu(const struct bench *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < 3; i++)
        sum += process_cpu_ns(b->floor.pids[i]);
    return sum;
}

static double nodes_rss(const struct bench *b)
{
    double most = 0;
    for (size_t i = 0; i < TRIO; i++) {
        const double rss = world_memory(&b->world.nodes[i], "RssAnon") / 1048576;
        most = rss > most ? rss : most;
    }
    return most;
}

static double rate_of(const struct load_result *r)
{
    return (double)r->messages * 1e9 / (double)r->elapsed_ns;
}

/* ---- 1,024 outstanding ---- */

struct busy {
    struct figure ratio, rate, floor, p50, p99, floor_p99, cpu, floor_cpu, client, rss;
};

static void busy_run(struct bench *b, struct busy *f)
{
    calib_run(&b->calib, b->world.dir);
    const uint64_t idle = floor_cpu(b);
    floor_log_load(&b->floor, OUTSTANDING, b->seconds / 5, b->theirs);
    figure_add(&f->floor_cpu, (double)(floor_cpu(b) - idle) / 1e3 / (double)b->theirs->messages);
    struct world_node *leader = trio_await_leader(&b->world, 10000);
    const uint64_t before = nodes_cpu(b);
    const pid_t client = lanes_start(leader->socket, b->lanes, OUTSTANDING / b->lanes,
                                     b->seconds, 0, b->ours);
    bench_sleep_until(bench_now_ns() + (uint64_t)(b->seconds * 0.9e9));
    figure_add(&f->rss, nodes_rss(b));
    lanes_wait(client);
    trio_settle(&b->world);
    const double messages = (double)b->ours->messages;
    figure_add(&f->cpu, (double)(nodes_cpu(b) - before) / 1e3 / messages);
    figure_add(&f->client, (double)b->ours->cpu_ns / 1e3 / messages);
    figure_add(&f->rate, rate_of(b->ours));
    figure_add(&f->floor, rate_of(b->theirs));
    figure_add(&f->ratio, rate_of(b->ours) / rate_of(b->theirs));
    figure_add(&f->p50, spread_quantile_us(&b->ours->latency, 0.5));
    figure_add(&f->p99, spread_quantile_us(&b->ours->latency, 0.99));
    figure_add(&f->floor_p99, spread_quantile_us(&b->theirs->latency, 0.99));
    const size_t i = f->rate.runs_len - 1;
    (void)printf("# run %zu: %.0f msg/s of %.0f, p50 %.0f us, p99 %.0f us, cpu %.2f us (floor %.2f), "
                 "rss %.1f MiB\n", i, f->rate.runs[i], f->floor.runs[i], f->p50.runs[i],
                 f->p99.runs[i], f->cpu.runs[i], f->floor_cpu.runs[i], f->rss.runs[i]);
    (void)fflush(stdout);
}

static void bench_busy(struct bench *b)
{
    struct busy f = {
        .ratio = { "log_commit_vs_floor", "x", 0.25, true, { 0 }, 0 },
        .rate = { "log_commit_rate", "msg/s", 0, true, { 0 }, 0 },
        .floor = { "log_floor_rate", "msg/s", 0, true, { 0 }, 0 },
        .p50 = { "log_commit_p50_1024", "us", 0, false, { 0 }, 0 },
        .p99 = { "log_commit_p99_1024", "us", 3000, false, { 0 }, 0 },
        .floor_p99 = { "log_floor_p99_1024", "us", 0, false, { 0 }, 0 },
        .cpu = { "log_cpu_per_msg", "us", 1.5, false, { 0 }, 0 },
        .floor_cpu = { "log_floor_cpu_per_msg", "us", 0, false, { 0 }, 0 },
        .client = { "log_client_cpu_per_msg", "us", 0, false, { 0 }, 0 },
        .rss = { "log_rss", "MiB", 24, false, { 0 }, 0 },
    };
    const struct figure *const all[] = { &f.ratio, &f.rate, &f.floor, &f.p50, &f.p99,
                                         &f.floor_p99, &f.cpu, &f.floor_cpu,
                                         &f.client, &f.rss };
    for (int i = 0; i < RUNS; i++)
        busy_run(b, &f);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        figure_print(all[i], b->prefix);
}

/* ---- one at a time ---- */

static void bench_single(struct bench *b)
{
    struct figure p50 = { "log_commit_p50_vs_floor", "x", 1.6, false, { 0 }, 0 };
    struct figure p99 = { "log_commit_p99_vs_floor", "x", 2.5, false, { 0 }, 0 };
    struct figure own50 = { "log_commit_p50", "us", 0, false, { 0 }, 0 };
    struct figure own99 = { "log_commit_p99", "us", 0, false, { 0 }, 0 };
    struct figure bare50 = { "log_floor_p50", "us", 0, false, { 0 }, 0 };
    struct figure bare99 = { "log_floor_p99", "us", 0, false, { 0 }, 0 };
    const struct figure *const all[] = { &p50, &p99, &own50, &own99, &bare50, &bare99 };
    const double seconds = b->seconds / 3 > SINGLE_MAX ? SINGLE_MAX : b->seconds / 3;
    for (size_t i = 0; i < RUNS; i++) {
        calib_run(&b->calib, b->world.dir);
        struct world_node *leader = trio_await_leader(&b->world, 10000);
        floor_log_load(&b->floor, 1, seconds, b->theirs);
        lanes_load(leader->socket, 1, 1, seconds, 0, b->ours);
        figure_add(&own50, spread_quantile_us(&b->ours->latency, 0.5));
        figure_add(&own99, spread_quantile_us(&b->ours->latency, 0.99));
        figure_add(&bare50, spread_quantile_us(&b->theirs->latency, 0.5));
        figure_add(&bare99, spread_quantile_us(&b->theirs->latency, 0.99));
        figure_add(&p50, own50.runs[i] / bare50.runs[i]);
        figure_add(&p99, own99.runs[i] / bare99.runs[i]);
        (void)printf("# run %zu: p50 %.0f us of %.0f, p99 %.0f us of %.0f\n", i,
                     own50.runs[i], bare50.runs[i], own99.runs[i], bare99.runs[i]);
        (void)fflush(stdout);
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        figure_print(all[i], b->prefix);
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
    static const char *const busy[] = { "log_commit_vs_floor", "log_commit_rate",
                                        "log_commit_p99_1024", "log_cpu_per_msg",
                                        "log_client_cpu_per_msg", "log_rss", NULL };
    static const char *const single[] = { "log_commit_p50_vs_floor",
                                          "log_commit_p99_vs_floor", "log_commit_p50", NULL };
    const char *seconds = getenv("BENCH_SECONDS"), *lanes = getenv("BENCH_LANES");
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        bench_fail("memory is out");
    b->prefix = argc > 1 ? argv[1] : "";
    b->seconds = seconds != NULL ? strtod(seconds, NULL) : 30;
    b->lanes = lanes != NULL ? (uint32_t)strtoul(lanes, NULL, 10) : 4;
    if (b->seconds <= 0 || b->lanes == 0 || OUTSTANDING % b->lanes != 0)
        bench_fail("BENCH_SECONDS is a number of seconds, BENCH_LANES divides 1,024");
    b->ours = load_result_new();
    b->theirs = load_result_new();
    calib_begin(&b->calib);
    world_begin(&b->world);
    floor_log_begin(&b->floor, b->world.dir);
    trio_begin(&b->world);
    if (any_wanted(b, single))
        bench_single(b);
    if (any_wanted(b, busy))
        bench_busy(b);
    calib_print(&b->calib);
    floor_log_end(&b->floor);
    world_end(&b->world);
    free(b);
    return 0;
}
