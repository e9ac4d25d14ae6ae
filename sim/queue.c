#include "sim/queue.h"

#include "base/assert.h"

#include <stdlib.h>

#define FIRST_CAP 256

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void queue_init(struct sim_queue *q)
{
    *q = (struct sim_queue){ .now = { PANDO_SEC(1).ns } };
}

void queue_deinit(struct sim_queue *q)
{
    free(q->heap);
    *q = (struct sim_queue){ 0 };
}

void queue_mix(struct sim_queue *q, uint64_t fact)
{
    uint64_t h = (q->hash ^ fact) * UINT64_C(0x9e3779b97f4a7c15);
    q->hash = h ^ (h >> 29);
}

void queue_put(struct sim_queue *q, struct pando_span in, struct sim_event e)
{
    e.at = q->now.ns + in.ns;
    e.order = q->orders++;
    if (q->len == q->cap) {
        q->cap = q->cap == 0 ? FIRST_CAP : q->cap * 2;
        q->heap = realloc(q->heap, q->cap * sizeof *q->heap);
        PANDO_ASSERT(q->heap != NULL);
    }
    size_t i = q->len++;
    while (i > 0 && before(&e, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = e;
}

static struct sim_event take(struct sim_queue *q)
{
    const struct sim_event first = q->heap[0], last = q->heap[--q->len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->len)
            break;
        if (child + 1 < q->len && before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!before(&q->heap[child], &last))
            break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    return first;
}

bool queue_step(struct sim_queue *q, struct pando_time limit)
{
    if (q->len == 0 || q->heap[0].at > limit.ns) {
        q->now = limit;
        return false;
    }
    const struct sim_event e = take(q);
    PANDO_ASSERT(e.at >= q->now.ns);
    q->now.ns = e.at;
    q->steps++;
    queue_mix(q, e.at);
    queue_mix(q, e.a ^ ((uint64_t)e.b << 32) ^ e.c);
    e.fire(e.ctx, &e);
    return true;
}
