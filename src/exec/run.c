/* run.c - one run of a capsule, from the request to the accounts. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/slice.h"
#include "crypto/sign.h"
#include "exec/runner.h"

/* What a run holds while the engine is in use. */
struct sandbox {
    struct engine_run run;
    struct module *module;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
    wasmtime_memory_t memory;
    wasmtime_func_t function;
};

static bool fail(struct exec_result *r, enum exec_failure failure, const char *format,
                 ...) PANDO_PRINTF(3, 4);

/* Always false, so that a step can end with `return fail(...)`. */
static bool fail(struct exec_result *r, enum exec_failure failure, const char *format,
                 ...)
{
    r->failure = failure;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->text, sizeof r->text, format, args);
    va_end(args);
    return false;
}

static bool check_request(const struct exec_request *q, struct exec_result *r)
{
    struct pando_err err;
    if (exec_limits_check(&q->limits, &err) != PANDO_OK)
        return fail(r, EXEC_FAIL_INPUT, "%s", err.text);
    if (q->time.ms < 0 || q->time.ms > HOSTCALL_WALL_MAX)
        return fail(r, EXEC_FAIL_INPUT, "the time lies outside the years 1970 to 9999");
    if (q->input.len > q->limits.max_io)
        return fail(r, EXEC_FAIL_INPUT, "the input has %zu bytes, the limit is %u",
                    q->input.len, (unsigned)q->limits.max_io);
    return true;
}

/* The module, or the first error of its validation. */
static bool get_module(struct exec *x, const struct exec_request *q,
                       struct exec_result *r, struct module **ret_module)
{
    struct exec_report report;
    memset(&report, 0, sizeof report);
    const enum pando_status st = runner_module(x, q->capsule, &q->limits, &r->capsule,
                                               &report, ret_module, &r->metrics.cached);
    if (st == PANDO_OK)
        return true;
    if (report.errors_len == 0)
        return fail(r, EXEC_FAIL_ENGINE, "%s", pando_status_text(st));
    const struct exec_issue *issue = &report.errors[0];
    return fail(r,
                issue->kind == EXEC_ISSUE_UNAUTHORIZED_IMPORT ? EXEC_FAIL_IMPORT
                                                              : EXEC_FAIL_INVALID,
                "%s: %s", exec_issue_name(issue->kind), issue->text);
}

/* Every import needs its capability; a lacking one is noted and named. */
static bool check_capabilities(const struct module *m, const struct exec_limits *limits,
                               struct exec_result *r)
{
    const uint32_t missing = m->needs & ~limits->capabilities;
    if (missing == 0)
        return true;
    struct exec_report list;
    memset(&list, 0, sizeof list);
    module_describe(m, &list);
    const struct hostcall_info *first = NULL;
    for (uint32_t i = 0; i < list.imports_len; i++) {
        const char *name = list.imports[i] + strlen("env::");
        const enum hostcall call = hostcall_find(name, strlen(name));
        const struct hostcall_info *info =
            call == HOSTCALL_LEN ? NULL : hostcall_info(call);
        if (info == NULL || (info->capability & missing) == 0)
            continue;
        engine_access(r, info, false);
        first = first == NULL ? info : first;
    }
    const uint32_t bit = first == NULL ? missing & (~missing + 1) : first->capability;
    return fail(
        r, EXEC_FAIL_IMPORT,
        "UnauthorizedImport: env::%s needs the capability \"%s\"; grant it with --limits "
        "'{\"capabilities\":[\"%s\",...]}'",
        first == NULL ? "?" : first->name, exec_capability_name(bit),
        exec_capability_name(bit));
}

/* Instantiate a module that imports its memory: it gets one of this store. */
static wasmtime_error_t *instantiate_with_memory(struct exec *x, struct sandbox *s,
                                                 wasm_trap_t **ret_trap)
{
    wasmtime_extern_t item = { .kind = WASMTIME_EXTERN_MEMORY };
    wasmtime_error_t *error =
        wasmtime_memory_new(s->context, s->module->memory_type, &item.of.memory);
    if (error != NULL)
        return error;
    wasmtime_linker_t *linker = wasmtime_linker_clone(x->engine.linker);
    error = wasmtime_linker_define(linker, s->context, "env", 3, "memory", 6, &item);
    if (error == NULL)
        error = wasmtime_linker_instantiate(linker, s->context, s->module->wasm,
                                            &s->instance, ret_trap);
    wasmtime_linker_delete(linker);
    return error;
}

static bool open_store(struct exec *x, struct sandbox *s,
                       const struct exec_limits *limits, uint64_t ticks,
                       struct exec_result *r)
{
    const uint64_t memory_max = (uint64_t)limits->memory_mb << 20;
    if (s->module->memory_pages > memory_max >> 16)
        return fail(r, EXEC_FAIL_MEMORY,
                    "the capsule declares %" PRIu64 " KiB, the limit is %u MiB",
                    s->module->memory_pages * 64, (unsigned)limits->memory_mb);
    s->store = wasmtime_store_new(x->engine.wasm, &s->run, NULL);
    if (s->store == NULL)
        return fail(r, EXEC_FAIL_ENGINE, "no memory for a store");
    wasmtime_store_limiter(s->store, (int64_t)memory_max, ENGINE_TABLE_MAX, 1, 1, 1);
    s->context = wasmtime_store_context(s->store);
    wasmtime_error_t *error = wasmtime_context_set_fuel(s->context, limits->fuel);
    PANDO_ASSERT(error == NULL); /* fuel is configured */
    wasmtime_context_set_epoch_deadline(s->context, ticks);
    return true;
}

static bool instantiate(struct exec *x, struct sandbox *s, struct exec_result *r)
{
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        s->module->linked == NULL
            ? instantiate_with_memory(x, s, &trap)
            : wasmtime_instance_pre_instantiate(s->module->linked, s->context,
                                                &s->instance, &trap);
    if (error != NULL || trap != NULL) {
        engine_fail(&s->run, error, trap);
        return false;
    }
    wasmtime_extern_t item;
    bool found = wasmtime_instance_export_get(s->context, &s->instance, "run", 3, &item);
    PANDO_ASSERT(found && item.kind == WASMTIME_EXTERN_FUNC); /* module_link saw it */
    s->function = item.of.func;
    found = wasmtime_instance_export_get(s->context, &s->instance, "memory", 6, &item);
    PANDO_ASSERT(found && item.kind == WASMTIME_EXTERN_MEMORY);
    s->memory = item.of.memory;
    s->run.memory = &s->memory;
    (void)r;
    return true;
}

/* A capsule that exports __global_base says where its data begins: input must end before.
 */
static bool check_base(struct sandbox *s, struct pando_slice input, struct exec_result *r)
{
    wasmtime_extern_t item;
    if (!s->module->has_base || !wasmtime_instance_export_get(s->context, &s->instance,
                                                              "__global_base", 13, &item))
        return true;
    wasmtime_val_t base;
    wasmtime_global_get(s->context, &item.of.global, &base);
    const uint32_t at = base.kind == WASMTIME_I32 ? (uint32_t)base.of.i32 : 0;
    if (at <= EXEC_INPUT_AT || EXEC_INPUT_AT + input.len <= at)
        return true;
    return fail(r, EXEC_FAIL_INPUT,
                "the input has %zu bytes; this capsule has room for %u", input.len,
                (unsigned)(at - EXEC_INPUT_AT));
}

static bool write_input(struct sandbox *s, struct pando_slice input,
                        struct exec_result *r)
{
    if (!check_base(s, input, r))
        return false;
    const uint64_t end = (uint64_t)EXEC_INPUT_AT + input.len;
    const uint64_t have = wasmtime_memory_data_size(s->context, &s->memory);
    if (end > have) {
        uint64_t before;
        wasmtime_error_t *error = wasmtime_memory_grow(
            s->context, &s->memory, (end - have + 0xffff) >> 16, &before);
        if (error != NULL) {
            wasmtime_error_delete(error);
            return fail(r, EXEC_FAIL_MEMORY,
                        "the memory cannot grow to %" PRIu64 " bytes to hold the input",
                        end);
        }
    }
    if (input.len > 0)
        memcpy(wasmtime_memory_data(s->context, &s->memory) + EXEC_INPUT_AT, input.ptr,
               input.len);
    return true;
}

/* A capsule whose memory.grow was refused ends with a trap of its own; say why. */
static void blame_memory(struct sandbox *s, const struct exec_limits *limits,
                         struct exec_result *r)
{
    const uint64_t size = wasmtime_memory_data_size(s->context, &s->memory);
    const uint64_t max = (uint64_t)limits->memory_mb << 20;
    if (r->failure == EXEC_FAIL_TRAP && s->run.frame.failed == EXEC_FAIL_NONE &&
        size + (UINT64_C(64) << 10) > max) {
        char trap[120];
        (void)snprintf(trap, sizeof trap, "%.119s", r->text);
        (void)fail(r, EXEC_FAIL_MEMORY, "all %u MiB are in use, then: %s",
                   (unsigned)limits->memory_mb, trap);
    }
}

static bool call(struct sandbox *s, const struct exec_request *q, struct exec_result *r,
                 uint64_t *ret_at, uint64_t *ret_len)
{
    wasmtime_val_raw_t values[2];
    memset(values, 0, sizeof values);
    values[0].i32 = (int32_t)EXEC_INPUT_AT;
    values[1].i32 = (int32_t)q->input.len;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_func_call_unchecked(s->context, &s->function, values, 2, &trap);
    if (error != NULL || trap != NULL) {
        engine_fail(&s->run, error, trap);
        blame_memory(s, &q->limits, r);
        return false;
    }
    if (s->module->wide) {
        *ret_at = (uint64_t)values[0].i64 & 0xffffffff;
        *ret_len = (uint64_t)values[0].i64 >> 32;
    } else {
        *ret_at = (uint32_t)values[0].i32 & 0xffff;
        *ret_len = (uint32_t)values[0].i32 >> 16;
    }
    return true;
}

static bool take_output(struct sandbox *s, uint64_t at, uint64_t len,
                        const struct exec_limits *limits, struct exec_result *r)
{
    const uint64_t have = wasmtime_memory_data_size(s->context, &s->memory);
    if (at + len > have)
        return fail(r, EXEC_FAIL_OUTPUT,
                    "output of %" PRIu64 " bytes at %" PRIu64 ", memory of %" PRIu64
                    " bytes",
                    len, at, have);
    if (len > limits->max_io)
        return fail(r, EXEC_FAIL_OUTPUT_SIZE,
                    "the output has %" PRIu64 " bytes, the limit is %u", len,
                    (unsigned)limits->max_io);
    const uint8_t *from = wasmtime_memory_data(s->context, &s->memory) + at;
    if (buf_append(&r->output, slice_of(from, len)) != PANDO_OK)
        return fail(r, EXEC_FAIL_ENGINE, "no memory for the output");
    return true;
}

/* Compiled code looks at its fuel at loop heads and calls only, so the end of a run may
 * come before it is seen that the fuel was over: nothing left means exhausted. */
static void account(struct sandbox *s, const struct exec_limits *limits,
                    struct exec_result *r)
{
    uint64_t left = 0;
    wasmtime_error_t *error = wasmtime_context_get_fuel(s->context, &left);
    PANDO_ASSERT(error == NULL);
    if (r->failure == EXEC_FAIL_NONE && left == 0) {
        (void)fail(r, EXEC_FAIL_FUEL, "all fuel is used");
        buf_reset(&r->output);
    }
    r->metrics.fuel_used =
        r->failure == EXEC_FAIL_FUEL ? limits->fuel : limits->fuel - left;
    if (s->run.memory != NULL)
        r->metrics.memory_bytes = wasmtime_memory_data_size(s->context, s->run.memory);
}

static void run_in_sandbox(struct exec *x, struct sandbox *s,
                           const struct exec_request *q, struct exec_result *r)
{
    const uint64_t ticks = ticker_enter(&x->ticker, q->limits.execution_time_ms);
    uint64_t at, len;
    if (open_store(x, s, &q->limits, ticks, r)) {
        if (instantiate(x, s, r) && write_input(s, q->input, r) &&
            call(s, q, r, &at, &len))
            (void)take_output(s, at, len, &q->limits, r);
        account(s, &q->limits, r);
        wasmtime_store_delete(s->store);
    }
    ticker_leave(&x->ticker);
}

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

enum pando_status exec_run(struct exec *x, const struct exec_request *q,
                           struct exec_result *ret_result)
{
    struct exec_result *r = ret_result;
    memset(r, 0, sizeof *r);
    buf_init(&r->output, EXEC_IO_MAX);
    (void)atomic_fetch_add(&x->runs, 1);
    struct sandbox s;
    memset(&s, 0, sizeof s);
    if (check_request(q, r)) {
        r->capsule = crypto_sha256(q->capsule);
        r->input_id = crypto_sha256(q->input);
        s.run.result = r;
        s.run.frame.request = q;
        s.run.frame.capsule = &r->capsule;
        s.run.frame.random = &s.run.random;
        if (get_module(x, q, r, &s.module) &&
            check_capabilities(s.module, &q->limits, r)) {
            const uint64_t before = now_us();
            run_in_sandbox(x, &s, q, r);
            r->metrics.duration_us = now_us() - before;
        }
        module_unref(s.module);
    }
    if (r->failure == EXEC_FAIL_NONE)
        r->output_id = crypto_sha256(buf_view(&r->output));
    else
        (void)atomic_fetch_add(&x->failures, 1);
    return exec_failure_status(r->failure);
}

void exec_result_deinit(struct exec_result *r)
{
    buf_deinit(&r->output);
}
