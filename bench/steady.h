/* steady.h - a client that never gives up: one message at a time, whatever dies.
 *
 * A process of its own. It asks one node; when that fails or is gone it repeats the same
 * message (same client and counter, so that it counts once) at the next one. Each
 * acknowledged number and its time lie in shared memory, for the gaps and for the check
 * that nothing acknowledged was lost.
 */
#ifndef BENCH_STEADY_H
#define BENCH_STEADY_H

#include "bench/trio.h"

#include <stdatomic.h>

#define STEADY_MAX (1u << 20) /* messages */

struct steady {
    uint64_t client;
    atomic_bool stop;
    atomic_uint_fast64_t len; /* acknowledged, counter by counter */
    uint64_t repeats;
    uint64_t at_ns[STEADY_MAX];
    uint64_t seqs[STEADY_MAX];
};

/* One message every `pace_ns`, or as soon as the one before is acknowledged. */
struct steady *steady_begin(const struct world *w, uint64_t pace_ns, pid_t *ret_pid);
void steady_end(struct steady *s, pid_t pid);
/* The longest time without an acknowledgement that touches [from, to], in ms. */
double steady_gap_ms(const struct steady *s, uint64_t from, uint64_t to);
/* Read the room on a node: every acknowledged number must hold that very message. Ends the
 * bench when one does not. */
void steady_check(const struct steady *s, struct world_node *n);

#endif
