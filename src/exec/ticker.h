/* ticker.h - the wall clock of running capsules: one thread that advances the epoch.
 *
 * Compiled code compares the engine's epoch with its deadline at loop heads and calls;
 * the ticker moves the epoch every TICKER_MS while any capsule runs. A run that arrives
 * within TICKER_LINGER ticks after the last one costs two atomic operations, not a
 * wake-up; an idle node has the thread asleep, or, before the first run, no thread at
 * all.
 */
#ifndef EXEC_TICKER_H
#define EXEC_TICKER_H

#include <pthread.h>
#include <stdatomic.h>

#include <wasmtime.h>

#include <pando/status.h>

#define TICKER_MS 5u
#define TICKER_LINGER 20u

struct ticker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    wasm_engine_t *engine;
    atomic_uint running;
    atomic_bool asleep;
    bool stopping, started;
};

/* Start the thread. Errors: PANDO_FULL no thread could be made. */
enum pando_status ticker_init(struct ticker *t, wasm_engine_t *engine) PANDO_MUST_USE;
/* Stop and join. Accepts a zeroed ticker. */
void ticker_deinit(struct ticker *t);
/* A run begins; it may be interrupted from now on. Returns the ticks that a deadline of
 * `ms` is away: never early, late by at most two ticks. */
uint64_t ticker_enter(struct ticker *t, uint32_t ms);
void ticker_leave(struct ticker *t);

#endif
