/* cmd_validate.c - look at a capsule without a node. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "exec/exec.h"
#include "host/report.h"

#include <stdio.h>
#include <stdlib.h>

static void print_names(const char *label, const char *first, size_t stride, uint32_t len,
                        uint32_t total)
{
    (void)printf("%s (%u):", label, total);
    for (uint32_t i = 0; i < len; i++)
        (void)printf(" %s", first + i * stride);
    (void)printf("%s\n", total > len ? " ..." : "");
}

static void print_report(const struct exec_report *r)
{
    const bool glyphs = output_is_utf8();
    (void)printf("Size: %.2f KB (%u bytes)\n", (double)r->size / 1024.0, r->size);
    print_names("Exports", r->exports[0], sizeof r->exports[0], r->exports_len,
                r->exports_total);
    print_names("Imports", r->imports[0], sizeof r->imports[0], r->imports_len,
                r->imports_total);
    for (uint32_t i = 0; i < r->warnings_len; i++)
        (void)printf("Warning: %s\n", r->warnings[i]);
    for (uint32_t i = 0; i < r->errors_len; i++)
        (void)printf("Error: %s: %s\n", exec_issue_name(r->errors[i].kind),
                     r->errors[i].text);
    (void)printf("%s%s\n",
                 !glyphs       ? ""
                 : r->is_valid ? "✓ "
                               : "✗ ",
                 r->is_valid ? "The capsule is valid" : "The capsule is not valid");
}

static enum pando_status report(const struct args *args, struct exec *x,
                                const struct pando_buf *capsule, struct exec_report *r,
                                struct pando_err *reterr)
{
    struct pando_buf text;
    struct exec_limits limits = exec_limits_default();
    const char *preset = args_value(args, OPT_LIMITS, NULL);
    if (preset != NULL && exec_limits_preset(preset, &limits) != PANDO_OK)
        return pando_err_set(reterr, PANDO_INVALID,
                             "--limits takes default, development, production or test");
    enum pando_status st = exec_validate(x, buf_view(capsule), &limits, r);
    if (st != PANDO_OK && st != PANDO_MALFORMED)
        return pando_err_set(reterr, st, "the WASM engine failed");
    if (!args->json) {
        print_report(r);
    } else {
        buf_init(&text, 1u << 20);
        if (report_print(r, &text) == PANDO_OK)
            (void)printf("%.*s\n", (int)text.len, (const char *)text.ptr);
        buf_deinit(&text);
    }
    return st == PANDO_OK
               ? st
               : pando_err_set(reterr, st, "%s is not a valid capsule", args->words[0]);
}

enum pando_status run_validate(const struct args *args, struct pando_err *reterr)
{
    struct exec *x = NULL;
    struct pando_buf capsule = { 0 };
    const struct exec_config config = { .cache_dir = NULL };
    struct exec_report *r = calloc(1, sizeof *r);
    if (r == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    enum pando_status st = file_read(args->words[0], EXEC_CAPSULE_MAX, &capsule, reterr);
    if (st == PANDO_OK)
        st = exec_new(&config, &x, reterr);
    if (st == PANDO_OK)
        st = report(args, x, &capsule, r, reterr);
    exec_free(x);
    buf_deinit(&capsule);
    free(r);
    return st;
}
