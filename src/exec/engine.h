/* engine.h - the one place where wasmtime is configured, linked and asked what failed.
 *
 * Everything that could make two nodes disagree is switched off: SIMD, threads, bulk
 * memory, multi-value, 64-bit memories, tail calls; NaNs are canonical. Traps are
 * explicit checks, not signals: a library must not take over its host program's SIGSEGV,
 * sanitizers keep working, and a memory is a plain allocation, so a fresh instance costs
 * two microseconds instead of twenty (docs/decisions/0005-wasm-engine.md has the
 * figures).
 */
#ifndef EXEC_ENGINE_H
#define EXEC_ENGINE_H

#include <wasmtime.h>

#include "exec/hostcall.h"

#define ENGINE_STACK_SIZE (256u << 10) /* of a capsule, on the caller's thread */
#define ENGINE_TABLE_MAX 4096

struct engine {
    wasm_engine_t *wasm;
    wasmtime_linker_t *linker; /* every function of hostcall.h, for all runs */
};

/* What a host function finds behind the store: the run it belongs to. */
struct engine_run {
    struct hostcall_frame frame;
    struct hostcall_random random;
    struct exec_result *result;
    const wasmtime_memory_t *memory; /* NULL until instantiation is over */
    wasmtime_memory_t memory_found;
};

enum pando_status engine_init(struct engine *e) PANDO_MUST_USE;
/* Accepts a zeroed engine. */
void engine_deinit(struct engine *e);

/* The text of an error or a trap (one of them not NULL), first line only; both are freed.
 */
void engine_explain(wasmtime_error_t *error, wasm_trap_t *trap, char *ret_text,
                    size_t cap);
/* What a trap means; text and the host function's own verdict, if any, go to `result`. */
void engine_fail(struct engine_run *run, wasmtime_error_t *error, wasm_trap_t *trap);
/* Note one use of a capability in the access log. */
void engine_access(struct exec_result *result, const struct hostcall_info *info,
                   bool allowed);

#endif
