#include "exec/engine.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

const char *exec_engine_name(void)
{
    return "wasmtime-" WASMTIME_VERSION;
}

static wasm_config_t *configure(void)
{
    wasm_config_t *c = wasm_config_new();
    if (c == NULL)
        return NULL;
    wasmtime_config_consume_fuel_set(c, true);
    wasmtime_config_epoch_interruption_set(c, true);
    wasmtime_config_max_wasm_stack_set(c, ENGINE_STACK_SIZE);
    wasmtime_config_wasm_tail_call_set(c, false);
    wasmtime_config_wasm_simd_set(c, false);
    wasmtime_config_wasm_relaxed_simd_set(c, false);
    wasmtime_config_wasm_bulk_memory_set(c, false);
    wasmtime_config_wasm_multi_value_set(c, false);
    wasmtime_config_wasm_multi_memory_set(c, false);
    wasmtime_config_wasm_memory64_set(c, false);
    wasmtime_config_wasm_wide_arithmetic_set(c, false);
    wasmtime_config_wasm_custom_page_sizes_set(c, false);
    wasmtime_config_shared_memory_set(c, false);
    wasmtime_config_gc_support_set(c, false);
    wasmtime_config_strategy_set(c, WASMTIME_STRATEGY_CRANELIFT);
    wasmtime_config_cranelift_nan_canonicalization_set(c, true);
    wasmtime_config_cranelift_opt_level_set(c, WASMTIME_OPT_LEVEL_SPEED);
    wasmtime_config_signals_based_traps_set(c, false);
    wasmtime_config_memory_reservation_set(c, 0);
    wasmtime_config_memory_guard_size_set(c, 0);
    wasmtime_config_memory_reservation_for_growth_set(c, 0);
    wasmtime_config_memory_init_cow_set(c, false);
    wasmtime_config_native_unwind_info_set(c, false);
    return c;
}

void engine_access(struct exec_result *result, const struct hostcall_info *info,
                   bool allowed)
{
    if (result->access_len == EXEC_ACCESS_MAX) {
        result->access_dropped++;
        return;
    }
    struct exec_access *a = &result->access[result->access_len++];
    a->capability = info->capability;
    a->allowed = allowed;
    (void)snprintf(a->action, sizeof a->action, "call:%s", info->name);
}

/* Take the price of a call before its work; false when there is too little fuel left. */
static bool pay(wasmtime_context_t *context, uint64_t cost)
{
    uint64_t left = 0;
    wasmtime_error_t *error = wasmtime_context_get_fuel(context, &left);
    PANDO_ASSERT(error == NULL); /* fuel is configured */
    error = wasmtime_context_set_fuel(context, left > cost ? left - cost : 0);
    PANDO_ASSERT(error == NULL);
    return left > cost;
}

static void find_memory(struct engine_run *run, wasmtime_caller_t *caller)
{
    wasmtime_extern_t item;
    if (run->memory != NULL || !wasmtime_caller_export_get(caller, "memory", 6, &item))
        return;
    if (item.kind == WASMTIME_EXTERN_MEMORY) {
        run->memory_found = item.of.memory;
        run->memory = &run->memory_found;
    }
    wasmtime_extern_delete(&item);
}

/* Every import lands here; `env` is the function's row in the table. */
static wasm_trap_t *called(void *env, wasmtime_caller_t *caller,
                           wasmtime_val_raw_t *values, size_t values_len)
{
    const struct hostcall_info *info = env;
    wasmtime_context_t *context = wasmtime_caller_context(caller);
    struct engine_run *run = wasmtime_context_get_data(context);
    struct hostcall_frame *f = &run->frame;
    PANDO_ASSERT(values_len >= info->params);

    for (size_t i = 0; i < info->params; i++)
        f->args[i] = (uint32_t)values[i].i32;
    run->result->metrics.host_calls++;
    engine_access(run->result, info, true);
    if (!pay(context, hostcall_cost(info, f->args))) {
        f->failed = EXEC_FAIL_FUEL;
        (void)snprintf(f->text, sizeof f->text, "%s costs more than is left", info->name);
        return wasmtime_trap_new(info->name, strlen(info->name));
    }
    find_memory(run, caller);
    f->memory = run->memory == NULL ? NULL : wasmtime_memory_data(context, run->memory);
    f->memory_len =
        run->memory == NULL ? 0 : wasmtime_memory_data_size(context, run->memory);

    const int64_t answer = info->run(f);
    if (f->failed != EXEC_FAIL_NONE)
        return wasmtime_trap_new(info->name, strlen(info->name));
    if (info->result == 'l')
        values[0].i64 = answer;
    else if (info->result == 'i')
        values[0].i32 = (int32_t)answer;
    return NULL;
}

static enum pando_status link_one(struct engine *e, const struct hostcall_info *info)
{
    wasm_valtype_t *types[HOSTCALL_PARAMS_MAX];
    wasm_valtype_vec_t params, results;
    for (size_t i = 0; i < info->params; i++)
        types[i] = wasm_valtype_new(WASM_I32);
    wasm_valtype_vec_new(&params, info->params, types);
    if (info->result == 'v') {
        wasm_valtype_vec_new_empty(&results);
    } else {
        types[0] = wasm_valtype_new(info->result == 'l' ? WASM_I64 : WASM_I32);
        wasm_valtype_vec_new(&results, 1, types);
    }
    wasm_functype_t *type = wasm_functype_new(&params, &results);
    /* The engine hands the pointer back and never writes through it. */
    void *env = (void *)(uintptr_t)info;
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        e->linker, "env", 3, info->name, strlen(info->name), type, called, env, NULL);
    wasm_functype_delete(type);
    if (error == NULL)
        return PANDO_OK;
    wasmtime_error_delete(error);
    return PANDO_IO;
}

enum pando_status engine_init(struct engine *e)
{
    *e = (struct engine){ NULL, NULL };
    wasm_config_t *config = configure();
    if (config == NULL)
        return PANDO_NOMEM;
    e->wasm = wasm_engine_new_with_config(config); /* takes the config */
    if (e->wasm == NULL)
        return PANDO_NOMEM;
    e->linker = wasmtime_linker_new(e->wasm);
    enum pando_status st = e->linker == NULL ? PANDO_NOMEM : PANDO_OK;
    for (size_t i = 0; i < HOSTCALL_LEN && st == PANDO_OK; i++)
        st = link_one(e, hostcall_info((enum hostcall)i));
    if (st != PANDO_OK)
        engine_deinit(e);
    return st;
}

void engine_deinit(struct engine *e)
{
    if (e->linker != NULL)
        wasmtime_linker_delete(e->linker);
    if (e->wasm != NULL)
        wasm_engine_delete(e->wasm);
    *e = (struct engine){ NULL, NULL };
}

void engine_explain(wasmtime_error_t *error, wasm_trap_t *trap, char *ret_text,
                    size_t cap)
{
    wasm_byte_vec_t message = { 0, NULL };
    if (error != NULL)
        wasmtime_error_message(error, &message);
    else
        wasm_trap_message(trap, &message);
    size_t len = 0;
    while (len < message.size && len + 1 < cap && message.data[len] != '\0') {
        const char c = message.data[len];
        ret_text[len++] = c == '\n' ? ' ' : c;
    }
    ret_text[len] = '\0';
    wasm_byte_vec_delete(&message);
    if (error != NULL)
        wasmtime_error_delete(error);
    if (trap != NULL)
        wasm_trap_delete(trap);
}

/* Every trap that our features leave possible: what it means and what people are told. */
static const struct {
    wasmtime_trap_code_t code;
    enum exec_failure failure;
    const char *text;
} traps[] = {
    { WASMTIME_TRAP_CODE_OUT_OF_FUEL, EXEC_FAIL_FUEL, "all fuel is used" },
    { WASMTIME_TRAP_CODE_INTERRUPT, EXEC_FAIL_TIME, "the time is over" },
    { WASMTIME_TRAP_CODE_STACK_OVERFLOW, EXEC_FAIL_STACK, "call stack overflow" },
    { WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS, EXEC_FAIL_TRAP,
      "memory access out of bounds" },
    { WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS, EXEC_FAIL_TRAP,
      "table access out of bounds" },
    { WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL, EXEC_FAIL_TRAP,
      "call of an empty table entry" },
    { WASMTIME_TRAP_CODE_BAD_SIGNATURE, EXEC_FAIL_TRAP,
      "indirect call of another signature" },
    { WASMTIME_TRAP_CODE_INTEGER_OVERFLOW, EXEC_FAIL_TRAP, "integer overflow" },
    { WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO, EXEC_FAIL_TRAP,
      "integer divide by zero" },
    { WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER, EXEC_FAIL_TRAP,
      "float does not fit an integer" },
    { WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED, EXEC_FAIL_TRAP,
      "unreachable was executed" },
};
#define TRAPS_LEN (sizeof traps / sizeof *traps)

/* Meaning and place of a trap; one that is not in the table speaks for itself. */
static void from_trap(wasm_trap_t *trap, struct exec_result *r)
{
    wasmtime_trap_code_t code;
    const bool coded = wasmtime_trap_code(trap, &code);
    for (size_t i = 0; coded && i < TRAPS_LEN; i++) {
        if (traps[i].code != code)
            continue;
        wasm_frame_t *frame = wasm_trap_origin(trap);
        r->failure = traps[i].failure;
        if (frame == NULL)
            (void)snprintf(r->text, sizeof r->text, "%s", traps[i].text);
        else
            (void)snprintf(r->text, sizeof r->text,
                           "%s (function %u, byte 0x%zx of the module)", traps[i].text,
                           (unsigned)wasm_frame_func_index(frame),
                           wasm_frame_module_offset(frame));
        if (frame != NULL)
            wasm_frame_delete(frame);
        wasm_trap_delete(trap);
        return;
    }
    r->failure = EXEC_FAIL_TRAP;
    engine_explain(NULL, trap, r->text, sizeof r->text);
}

void engine_fail(struct engine_run *run, wasmtime_error_t *error, wasm_trap_t *trap)
{
    struct exec_result *r = run->result;
    if (run->frame.failed != EXEC_FAIL_NONE) { /* a host function ended the run */
        r->failure = run->frame.failed;
        memcpy(r->text, run->frame.text, sizeof r->text);
        if (error != NULL)
            wasmtime_error_delete(error);
        if (trap != NULL)
            wasm_trap_delete(trap);
        return;
    }
    if (trap != NULL) {
        from_trap(trap, r);
        return;
    }
    r->failure = EXEC_FAIL_ENGINE;
    engine_explain(error, NULL, r->text, sizeof r->text);
}
