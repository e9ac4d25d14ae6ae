/* queue.h - virtual time: what happens next, in an order that a seed replays.
 *
 * Events lie in a heap by (instant, order of scheduling), so ties are settled the same way
 * in every run. Time jumps to the next event. Each fired event is mixed into a hash, and
 * so is whatever else its owner finds worth comparing: equal hashes mean equal histories.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <pando/types.h>

/* `fire` gets its owner and the three numbers back. */
struct sim_event {
    uint64_t at;
    uint64_t order;
    void (*fire)(void *ctx, const struct sim_event *e);
    void *ctx;
    uint64_t a;
    uint32_t b, c;
};

struct sim_queue {
    struct sim_event *heap;
    size_t len, cap;
    uint64_t orders;
    uint64_t hash;
    uint64_t steps;
    struct pando_time now;
};

void queue_init(struct sim_queue *q);
void queue_deinit(struct sim_queue *q);
/* Fire `e` after `in`. Its `at` and `order` are filled here. */
void queue_put(struct sim_queue *q, struct pando_span in, struct sim_event e);
/* Fire the next event that is due by `limit`, or move to `limit`; false when none was. */
bool queue_step(struct sim_queue *q, struct pando_time limit);
/* Mix a fact into the history's hash. */
void queue_mix(struct sim_queue *q, uint64_t fact);

#endif
