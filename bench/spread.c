#include "bench/spread.h"

static unsigned octave_of(uint64_t ns)
{
    unsigned bits = 0;
    while (ns >> bits >= 2 * SPREAD_STEPS)
        bits++;
    return bits;
}

/* Below 64 each value has its own bucket; above, its leading seven bits choose. */
static size_t bucket_of(uint64_t ns)
{
    const unsigned octave = octave_of(ns);
    const size_t at = (size_t)octave * SPREAD_STEPS + (size_t)(ns >> octave);
    return at < SPREAD_BUCKETS ? at : SPREAD_BUCKETS - 1;
}

static double middle_of(size_t bucket)
{
    if (bucket < 2 * SPREAD_STEPS)
        return (double)bucket;
    const unsigned octave = (unsigned)(bucket / SPREAD_STEPS) - 1;
    const uint64_t lead = bucket - (size_t)octave * SPREAD_STEPS;
    return ((double)lead + 0.5) * (double)(UINT64_C(1) << octave);
}

void spread_add(struct spread *s, uint64_t ns, uint64_t weight)
{
    s->counts[bucket_of(ns)] += weight;
    s->total += weight;
}

double spread_quantile_us(const struct spread *s, double q)
{
    const double want = q * (double)s->total;
    double seen = 0;
    for (size_t i = 0; i < SPREAD_BUCKETS && s->total > 0; i++) {
        seen += (double)s->counts[i];
        if (s->counts[i] > 0 && seen >= want)
            return middle_of(i) / 1e3;
    }
    return 0;
}
