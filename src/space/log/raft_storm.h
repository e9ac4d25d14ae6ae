/* raft_storm.h - all faults at once, drawn from a seed; then peace, and what is owed
 * then.
 */
#ifndef SPACE_LOG_RAFT_STORM_H
#define SPACE_LOG_RAFT_STORM_H

#include <stdint.h>

/* What was done, summed over seeds: a storm that shakes nothing proves nothing. */
struct raft_storm_sums {
    uint64_t seeds, virtual_ms, steps, acked, reads, elections, changes, transfers,
        restores, held, crashes, cuts, losses, mends, stuck;
};

/* What broke, or NULL. */
const char *raft_storm(uint64_t seed, struct raft_storm_sums *sums);

#endif
