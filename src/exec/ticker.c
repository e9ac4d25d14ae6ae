#include "exec/ticker.h"

#include <signal.h>
#include <string.h>
#include <time.h>

/* One tick further, by the monotonic clock and without drift. */
static void advance(struct timespec *at)
{
    at->tv_nsec += (long)TICKER_MS * 1000000;
    if (at->tv_nsec >= 1000000000) {
        at->tv_nsec -= 1000000000;
        at->tv_sec++;
    }
}

/* Sleep until a run arrives or the end. Called and left with the lock held. A run counts
 * itself before it looks at `asleep`, we the other way round: one of us sees the other.
 */
static void rest(struct ticker *t)
{
    atomic_store(&t->asleep, true);
    while (!t->stopping && atomic_load(&t->running) == 0)
        (void)pthread_cond_wait(&t->wake, &t->lock);
    atomic_store(&t->asleep, false);
}

static void *tick(void *context)
{
    struct ticker *t = context;
    struct timespec at;
    unsigned idle = 0;
    (void)pthread_mutex_lock(&t->lock);
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    while (!t->stopping) {
        idle = atomic_load(&t->running) == 0 ? idle + 1 : 0;
        if (idle > TICKER_LINGER) {
            rest(t);
            (void)clock_gettime(CLOCK_MONOTONIC, &at);
            idle = 0;
        }
        advance(&at);
        while (!t->stopping && pthread_cond_timedwait(&t->wake, &t->lock, &at) == 0)
            ; /* woken by a run or for nothing: go on until the time has come */
        wasmtime_engine_increment_epoch(t->engine);
    }
    (void)pthread_mutex_unlock(&t->lock);
    return NULL;
}

enum pando_status ticker_init(struct ticker *t, wasm_engine_t *engine)
{
    memset(t, 0, sizeof *t);
    t->engine = engine;
    atomic_init(&t->running, 0);
    atomic_init(&t->asleep, false);
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return PANDO_NOMEM;
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->wake, &attr);
    (void)pthread_condattr_destroy(&attr);

    /* Signals are for the host program's own threads. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&t->thread, NULL, tick, t);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        (void)pthread_cond_destroy(&t->wake);
        (void)pthread_mutex_destroy(&t->lock);
        return PANDO_FULL;
    }
    t->started = true;
    return PANDO_OK;
}

void ticker_deinit(struct ticker *t)
{
    if (!t->started)
        return;
    (void)pthread_mutex_lock(&t->lock);
    t->stopping = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    (void)pthread_join(t->thread, NULL);
    (void)pthread_cond_destroy(&t->wake);
    (void)pthread_mutex_destroy(&t->lock);
    t->started = false;
}

uint64_t ticker_enter(struct ticker *t, uint32_t ms)
{
    (void)atomic_fetch_add(&t->running, 1);
    if (atomic_load(&t->asleep)) {
        (void)pthread_mutex_lock(&t->lock);
        (void)pthread_cond_signal(&t->wake);
        (void)pthread_mutex_unlock(&t->lock);
    }
    return ((uint64_t)ms + TICKER_MS - 1) / TICKER_MS + 1;
}

void ticker_leave(struct ticker *t)
{
    (void)atomic_fetch_sub(&t->running, 1);
}
