/* figure.h - numbers out of several runs, and the lines that report them.
 *
 * A figure is the median of its runs and is printed as `name value unit`, followed by a
 * comment with the least and the greatest run and, when it misses its bar, with the bar.
 * A program is given a prefix and reports only the figures whose names begin so.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIGURE_RUNS_MAX 64

struct figure {
    const char *name;
    const char *unit;
    double bar;    /* 0: none */
    bool at_least; /* the bar is a floor, not a ceiling */
    double runs[FIGURE_RUNS_MAX];
    size_t runs_len;
};

void figure_add(struct figure *f, double value); /* beyond the cap: dropped */
double figure_median(const struct figure *f);    /* 0 without runs */
void figure_print(const struct figure *f, const char *prefix);
bool figure_wanted(const char *name, const char *prefix);
/* Of `len` samples, which are sorted by it. */
double figure_quantile(double *samples, size_t len, double q);

uint64_t bench_now_ns(void);
void bench_sleep_until(uint64_t ns);
/* Say what failed and exit: a bench goes no further without its numbers. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
