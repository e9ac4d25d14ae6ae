/* spread.h - a great many latencies in little memory: buckets of a 64th of an octave. */
#ifndef BENCH_SPREAD_H
#define BENCH_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#define SPREAD_STEPS   64
#define SPREAD_BUCKETS (SPREAD_STEPS * 40)

struct spread {
    uint64_t counts[SPREAD_BUCKETS];
    uint64_t total;
};

void spread_add(struct spread *s, uint64_t ns, uint64_t weight);
double spread_quantile_us(const struct spread *s, double q); /* 0 when empty */

#endif
