#include <pando/status.h>

#include <stdarg.h>
#include <stdio.h>

struct status_row {
    enum pando_status status;
    const char *name;
    enum pando_blame blame;
    int exit_code;
    int http;
    int rpc;
    const char *text;
};

static const struct status_row rows[] = {
#define X(name, value, blame, exit, http, rpc, text)                                    \
    { PANDO_##name, #name, PANDO_BLAME_##blame, exit, http, rpc, text },
    PANDO_STATUS_MAP(X)
#undef X
};

static const struct status_row *row_of(enum pando_status status)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return &rows[i];
    return &rows[3]; /* IO */
}

const char *pando_status_name(enum pando_status status)
{
    return row_of(status)->name;
}

const char *pando_status_text(enum pando_status status)
{
    return row_of(status)->text;
}

enum pando_blame pando_status_blame(enum pando_status status)
{
    return row_of(status)->blame;
}

int pando_status_exit(enum pando_status status)
{
    return row_of(status)->exit_code;
}

int pando_status_http(enum pando_status status)
{
    return row_of(status)->http;
}

int pando_status_rpc(enum pando_status status)
{
    return row_of(status)->rpc;
}

enum pando_status pando_err_set(struct pando_err *err, enum pando_status status,
                                const char *format, ...)
{
    if (err == NULL)
        return status;
    va_list args;
    va_start(args, format);
    err->status = status;
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}
