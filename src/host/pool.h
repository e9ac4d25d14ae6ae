/* pool.h - worker threads that take jobs and give them back to the loop.
 *
 * A job is a struct whose `run` happens on some worker and whose `done` happens on the loop
 * thread afterwards, in the order of completion. Between the two nobody else touches it:
 * that is all the locking there is. One pool per kind of slowness (commits wait for disks,
 * verification burns a core, capsules may run for seconds), so that one cannot starve
 * another. At `cap` waiting jobs pool_submit refuses.
 */
#ifndef HOST_POOL_H
#define HOST_POOL_H

#include <pando/status.h>
#include <uv.h>

struct pool_job {
    struct pool_job *next; /* the pool's */
    void (*run)(struct pool_job *job);
    void (*done)(struct pool_job *job);
};

struct pool;

/* Start `threads` workers that report to `loop`. Errors: PANDO_NOMEM, PANDO_IO. */
enum pando_status pool_new(uv_loop_t *loop, unsigned threads, size_t cap, struct pool **ret) PANDO_MUST_USE;
/* Hand over a job. Errors: PANDO_BUSY `cap` jobs wait already (the job is still yours). */
enum pando_status pool_submit(struct pool *p, struct pool_job *job) PANDO_MUST_USE;
/* Jobs submitted and not yet given back. */
size_t pool_pending(const struct pool *p);
/* Give back what has finished, without waiting. Thread: loop. */
void pool_drain(struct pool *p);
/* Let the workers finish what they hold, give everything back (waiting jobs run too),
 * join the threads and close the handle; the loop must run once more to free it. */
void pool_free(struct pool *p);

#endif
