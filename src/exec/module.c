#include "exec/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

bool module_check_bytes(struct pando_slice wasm, const struct exec_limits *limits,
                        struct exec_report *report)
{
    const uint32_t max = limits->capsule_max;
    if (wasm.len > max) {
        report_error(
            report, EXEC_ISSUE_SIZE_EXCEEDED,
            "the module has %zu bytes, the limit is %u; raise capsule_max to allow it",
            wasm.len, (unsigned)max);
        return false;
    }
    if ((uint64_t)wasm.len * 5 > (uint64_t)max * 4)
        report_warning(report,
                       "the module has %zu bytes, more than 80 %% of the limit of %u",
                       wasm.len, (unsigned)max);
    static const uint8_t magic[8] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    if (wasm.len < sizeof magic || memcmp(wasm.ptr, magic, sizeof magic) != 0) {
        report_error(
            report, EXEC_ISSUE_INVALID_MODULE,
            "not a WebAssembly module: it does not begin with 00 61 73 6d 01 00 00 00");
        return false;
    }
    return true;
}

enum pando_status module_compile(struct engine *e, struct pando_slice wasm,
                                 struct exec_report *report, wasmtime_module_t **ret_wasm)
{
    wasmtime_error_t *error = wasmtime_module_new(e->wasm, wasm.ptr, wasm.len, ret_wasm);
    if (error == NULL)
        return PANDO_OK;
    char text[EXEC_ISSUE_SIZE];
    engine_explain(error, NULL, text, sizeof text);
    error = wasmtime_module_validate(e->wasm, wasm.ptr, wasm.len);
    if (error != NULL) {
        engine_explain(error, NULL, text, sizeof text);
        report_error(report, EXEC_ISSUE_INVALID_MODULE, "%s", text);
    } else {
        report_error(report, EXEC_ISSUE_COMPILATION_FAILED, "%s", text);
    }
    return PANDO_MALFORMED;
}

/* Names are bytes of the module: everything that is not printable ASCII shows as '?'. */
static void print_name(char *to, size_t cap, const wasm_name_t *module,
                       const wasm_name_t *name)
{
    size_t len = 0;
    for (size_t part = module == NULL ? 1 : 0; part < 2; part++) {
        const wasm_name_t *n = part == 0 ? module : name;
        for (size_t i = 0; i < n->size && len + 1 < cap; i++)
            to[len++] = n->data[i] >= 0x20 && n->data[i] < 0x7f ? n->data[i] : '?';
        for (size_t i = 0; part == 0 && i < 2 && len + 1 < cap; i++)
            to[len++] = ':';
    }
    to[len] = '\0';
}

static bool name_is(const wasm_name_t *name, const char *text)
{
    return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

static wasm_valkind_t kind_at(const wasm_valtype_vec_t *types, size_t i)
{
    return wasm_valtype_kind(types->data[i]);
}

/* Whether the function takes `params` i32s and gives one `result` ('v': none). */
static bool is_function(const wasm_externtype_t *type, size_t params, char result)
{
    const wasm_functype_t *f = wasm_externtype_as_functype_const(type);
    if (f == NULL)
        return false;
    const wasm_valtype_vec_t *in = wasm_functype_params(f);
    const wasm_valtype_vec_t *out = wasm_functype_results(f);
    if (in->size != params || out->size != (result == 'v' ? 0u : 1u))
        return false;
    for (size_t i = 0; i < params; i++)
        if (kind_at(in, i) != WASM_I32)
            return false;
    return result == 'v' || kind_at(out, 0) == (result == 'l' ? WASM_I64 : WASM_I32);
}

static void check_run(struct module *m, const wasm_externtype_t *type,
                      struct exec_report *report)
{
    m->wide = is_function(type, 2, 'l');
    if (!m->wide && !is_function(type, 2, 'i'))
        report_error(report, EXEC_ISSUE_MISSING_REQUIRED_EXPORT,
                     "`run` must be a function (i32, i32) -> i32, or -> i64");
}

static void check_exports(struct module *m, struct exec_report *report)
{
    wasm_exporttype_vec_t list;
    wasmtime_module_exports(m->wasm, &list);
    bool has_run = false, has_memory = false;
    for (size_t i = 0; i < list.size; i++) {
        const wasm_name_t *name = wasm_exporttype_name(list.data[i]);
        const wasm_externtype_t *type = wasm_exporttype_type(list.data[i]);
        if (report->exports_len < EXEC_NAMES_MAX)
            print_name(report->exports[report->exports_len++], EXEC_NAME_SIZE, NULL,
                       name);
        report->exports_total++;
        if (name_is(name, "run")) {
            has_run = true;
            check_run(m, type, report);
        }
        const wasm_memorytype_t *memory = wasm_externtype_as_memorytype_const(type);
        if (name_is(name, "memory") && memory != NULL) {
            has_memory = true;
            m->memory_pages = wasmtime_memorytype_minimum(memory);
        }
        if (name_is(name, "__global_base") &&
            wasm_externtype_kind(type) == WASM_EXTERN_GLOBAL)
            m->has_base = true;
    }
    wasm_exporttype_vec_delete(&list);
    if (!has_run)
        report_error(report, EXEC_ISSUE_MISSING_REQUIRED_EXPORT, "`run` is not exported");
    if (!has_memory)
        report_error(report, EXEC_ISSUE_MISSING_REQUIRED_EXPORT,
                     "`memory` is not exported");
}

static void check_import(struct module *m, const wasm_name_t *name, const char *shown,
                         const wasm_externtype_t *type, struct exec_report *report)
{
    const wasm_memorytype_t *memory = wasm_externtype_as_memorytype_const(type);
    if (name_is(name, "memory") && memory != NULL) {
        if (m->memory_type == NULL)
            m->memory_type = wasm_memorytype_copy(memory);
        return;
    }
    const enum hostcall call = hostcall_find(name->data, name->size);
    if (call == HOSTCALL_LEN) {
        report_error(report, EXEC_ISSUE_UNAUTHORIZED_IMPORT,
                     "%s: there is no such host function; see docs/guide/capsules.md",
                     shown);
        return;
    }
    const struct hostcall_info *info = hostcall_info(call);
    if (!is_function(type, info->params, info->result)) {
        const char *result = info->result == 'l'   ? "i64"
                             : info->result == 'i' ? "i32"
                                                   : "nothing";
        report_error(
            report, EXEC_ISSUE_UNAUTHORIZED_IMPORT,
            "%s: imported with another signature; it takes %u i32 and returns %s", shown,
            (unsigned)info->params, result);
        return;
    }
    m->needs |= info->capability;
}

static void check_imports(struct module *m, struct exec_report *report)
{
    wasm_importtype_vec_t list;
    wasmtime_module_imports(m->wasm, &list);
    for (size_t i = 0; i < list.size; i++) {
        const wasm_name_t *module = wasm_importtype_module(list.data[i]);
        const wasm_name_t *name = wasm_importtype_name(list.data[i]);
        char shown[EXEC_NAME_SIZE];
        print_name(shown, sizeof shown, module, name);
        if (report->imports_len < EXEC_NAMES_MAX)
            memcpy(report->imports[report->imports_len++], shown, sizeof shown);
        report->imports_total++;
        if (!name_is(module, "env"))
            report_error(report, EXEC_ISSUE_UNAUTHORIZED_IMPORT,
                         "%s: only imports from `env` are allowed", shown);
        else
            check_import(m, name, shown, wasm_importtype_type(list.data[i]), report);
    }
    wasm_importtype_vec_delete(&list);
    report->needs = m->needs;
}

void module_describe(const struct module *m, struct exec_report *report)
{
    struct module again = { .wasm = m->wasm };
    check_exports(&again, report);
    check_imports(&again, report);
    if (again.memory_type != NULL)
        wasm_memorytype_delete(again.memory_type);
}

static void destroy(struct module *m)
{
    if (m->linked != NULL)
        wasmtime_instance_pre_delete(m->linked);
    if (m->memory_type != NULL)
        wasm_memorytype_delete(m->memory_type);
    if (m->wasm != NULL)
        wasmtime_module_delete(m->wasm);
    free(m);
}

enum pando_status module_link(struct engine *e, const struct pando_id *id,
                              wasmtime_module_t **wasm, struct exec_report *report,
                              struct module **ret_module)
{
    struct module *m = calloc(1, sizeof *m);
    if (m == NULL)
        return PANDO_NOMEM;
    atomic_init(&m->refs, 1);
    m->id = *id;
    m->wasm = *wasm;
    check_exports(m, report);
    check_imports(m, report);
    if (report->errors_len == 0 && m->memory_type == NULL) {
        wasmtime_error_t *error =
            wasmtime_linker_instantiate_pre(e->linker, m->wasm, &m->linked);
        if (error != NULL) {
            char text[EXEC_ISSUE_SIZE];
            engine_explain(error, NULL, text, sizeof text);
            report_error(report, EXEC_ISSUE_UNAUTHORIZED_IMPORT, "%s", text);
        }
    }
    if (report->errors_len > 0) {
        m->wasm = NULL; /* stays the caller's */
        destroy(m);
        return PANDO_MALFORMED;
    }
    *wasm = NULL;
    *ret_module = m;
    return PANDO_OK;
}

struct module *module_ref(struct module *m)
{
    (void)atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void module_unref(struct module *m)
{
    if (m == NULL)
        return;
    const unsigned before = atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel);
    PANDO_ASSERT(before > 0);
    if (before == 1)
        destroy(m);
}
