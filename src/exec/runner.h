/* runner.h - the inside of struct exec, which exec.c and run.c share. */
#ifndef EXEC_RUNNER_H
#define EXEC_RUNNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "exec/cache.h"
#include "exec/disk.h"
#include "exec/ticker.h"

struct exec {
    pthread_mutex_t lock; /* of the start */
    atomic_bool started;
    struct engine engine; /* from here on: constant once started */
    struct ticker ticker;
    struct disk disk;
    struct cache cache; /* has its own lock */
    atomic_ullong runs, failures, compiled, memory_hits, disk_hits;
};

/* Make engine and ticker unless they exist. Errors: PANDO_NOMEM, PANDO_FULL, PANDO_IO. */
enum pando_status runner_start(struct exec *x) PANDO_MUST_USE;
/* The module of these bytes, compiled if need be, with a reference for the caller. The
 * report gets errors and warnings, not the lists.
 * Errors: PANDO_MALFORMED see the report; PANDO_NOMEM, PANDO_FULL, PANDO_IO. */
enum pando_status runner_module(struct exec *x, struct pando_slice wasm,
                                const struct exec_limits *limits,
                                const struct pando_id *id, struct exec_report *report,
                                struct module **ret_module,
                                bool *ret_cached) PANDO_MUST_USE;

#endif
