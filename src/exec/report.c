/* report.c - what validation found, as bounded text. */
#include <stdarg.h>
#include <stdio.h>

#include "exec/module.h"

const char *exec_issue_name(enum exec_issue_kind kind)
{
    switch (kind) {
    case EXEC_ISSUE_SIZE_EXCEEDED: return "SizeExceeded";
    case EXEC_ISSUE_INVALID_MODULE: return "InvalidModule";
    case EXEC_ISSUE_COMPILATION_FAILED: return "CompilationFailed";
    case EXEC_ISSUE_MISSING_REQUIRED_EXPORT: return "MissingRequiredExport";
    case EXEC_ISSUE_UNAUTHORIZED_IMPORT: return "UnauthorizedImport";
    }
    return "?";
}

void report_error(struct exec_report *report, enum exec_issue_kind kind,
                  const char *format, ...)
{
    if (report->errors_len == EXEC_ISSUES_MAX)
        return;
    struct exec_issue *issue = &report->errors[report->errors_len++];
    issue->kind = kind;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(issue->text, sizeof issue->text, format, args);
    va_end(args);
}

void report_warning(struct exec_report *report, const char *format, ...)
{
    if (report->warnings_len == EXEC_ISSUES_MAX)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(report->warnings[report->warnings_len++], EXEC_ISSUE_SIZE, format,
                    args);
    va_end(args);
}

static const struct {
    const char *name, *text;
    enum pando_status status;
} failures[] = {
#define X(name, status, text) { #name, text, PANDO_##status },
    EXEC_FAILURE_MAP(X)
#undef X
};
#define FAILURES_LEN (sizeof failures / sizeof *failures)

const char *exec_failure_name(enum exec_failure failure)
{
    return (size_t)failure < FAILURES_LEN ? failures[failure].name : "?";
}

const char *exec_failure_text(enum exec_failure failure)
{
    return (size_t)failure < FAILURES_LEN ? failures[failure].text : "?";
}

enum pando_status exec_failure_status(enum exec_failure failure)
{
    return (size_t)failure < FAILURES_LEN ? failures[failure].status : PANDO_IO;
}
