#include "bench/figure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void figure_add(struct figure *f, double value)
{
    if (f->runs_len < FIGURE_RUNS_MAX)
        f->runs[f->runs_len++] = value;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double figure_quantile(double *samples, size_t len, double q)
{
    if (len == 0)
        return 0;
    qsort(samples, len, sizeof *samples, compare);
    const size_t at = (size_t)(q * (double)(len - 1) + 0.5);
    return samples[at];
}

double figure_median(const struct figure *f)
{
    double sorted[FIGURE_RUNS_MAX];
    memcpy(sorted, f->runs, f->runs_len * sizeof *sorted);
    return figure_quantile(sorted, f->runs_len, 0.5);
}

bool figure_wanted(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

void figure_print(const struct figure *f, const char *prefix)
{
    double sorted[FIGURE_RUNS_MAX];
    if (f->runs_len == 0 || !figure_wanted(f->name, prefix))
        return;
    memcpy(sorted, f->runs, f->runs_len * sizeof *sorted);
    const double median = figure_quantile(sorted, f->runs_len, 0.5);
    const double least = sorted[0], most = sorted[f->runs_len - 1];
    (void)printf("%s %.*f %s\n", f->name, median < 10 ? 3 : median < 1000 ? 1 : 0, median,
                 f->unit);
    (void)printf("# %s: median of %zu runs, %.6g to %.6g", f->name, f->runs_len, least,
                 most);
    const bool missed = f->bar > 0 && (f->at_least ? median < f->bar : median > f->bar);
    if (f->bar > 0)
        (void)printf("; bar %s %g%s", f->at_least ? ">=" : "<=", f->bar,
                     missed ? ": MISSED" : "");
    (void)printf("\n");
    (void)fflush(stdout);
}

uint64_t bench_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bench_sleep_until(uint64_t ns)
{
    const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u),
                                .tv_nsec = (long)(ns % 1000000000u) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fflush(stdout);
    (void)fputs("bench: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}
