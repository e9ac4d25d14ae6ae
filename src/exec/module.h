/* module.h - one compiled capsule: checked, linked as far as can be, shared by its runs.
 *
 * Immutable after it was made, with a count of its users, so that the cache may drop a
 * module while another thread runs it.
 */
#ifndef EXEC_MODULE_H
#define EXEC_MODULE_H

#include <stdatomic.h>

#include "exec/engine.h"

struct module {
    atomic_uint refs;
    struct pando_id id;
    wasmtime_module_t *wasm;
    wasmtime_instance_pre_t *linked; /* NULL when the memory is imported */
    wasm_memorytype_t *memory_type;  /* of an imported memory, else NULL */
    uint64_t memory_pages;           /* least pages of 64 KiB */
    uint32_t needs;                  /* capabilities */
    bool wide;                       /* run returns i64 */
    bool has_base;                   /* exports __global_base */
};

/* Size, then the first eight bytes: what can be said before compiling. Errors go to
 * `report`; false when there are any. */
bool module_check_bytes(struct pando_slice wasm, const struct exec_limits *limits,
                        struct exec_report *report);
/* Compile. Errors: PANDO_MALFORMED with the reason in `report`. Cost: milliseconds. */
enum pando_status module_compile(struct engine *e, struct pando_slice wasm,
                                 struct exec_report *report,
                                 wasmtime_module_t **ret_wasm) PANDO_MUST_USE;
/* Check exports and imports and link; takes `*wasm` on success and nulls it.
 * Errors: PANDO_MALFORMED with the reasons in `report`; PANDO_NOMEM. */
enum pando_status module_link(struct engine *e, const struct pando_id *id,
                              wasmtime_module_t **wasm, struct exec_report *report,
                              struct module **ret_module) PANDO_MUST_USE;
/* List exports and imports again, for a module that is in the cache. */
void module_describe(const struct module *m, struct exec_report *report);

struct module *module_ref(struct module *m);
/* Accepts NULL. */
void module_unref(struct module *m);

/* Add to a report; what is beyond its room is dropped. */
void report_error(struct exec_report *report, enum exec_issue_kind kind,
                  const char *format, ...) PANDO_PRINTF(3, 4);
void report_warning(struct exec_report *report, const char *format, ...)
    PANDO_PRINTF(2, 3);

#endif
