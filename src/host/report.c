#include "host/report.h"

#include "node/args.h"

static enum pando_status print_list(struct pando_buf *b, const char *key,
                                    const char *first, size_t stride, size_t len)
{
    enum pando_status st = buf_printf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < len && st == PANDO_OK; i++) {
        st = i == 0 ? PANDO_OK : buf_printf(b, ",");
        if (st == PANDO_OK)
            st = answer_string(b, first + i * stride);
    }
    return st == PANDO_OK ? buf_printf(b, "]") : st;
}

static enum pando_status print_errors(const struct exec_report *r, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, ",\"errors\":[");
    for (uint32_t i = 0; i < r->errors_len && st == PANDO_OK; i++) {
        st = buf_printf(b, "%s{\"kind\":\"%s\",\"text\":", i == 0 ? "" : ",",
                        exec_issue_name(r->errors[i].kind));
        if (st == PANDO_OK)
            st = answer_string(b, r->errors[i].text);
        if (st == PANDO_OK)
            st = buf_printf(b, "}");
    }
    return st == PANDO_OK ? buf_printf(b, "]}") : st;
}

enum pando_status report_print(const struct exec_report *r, struct pando_buf *b)
{
    enum pando_status st =
        buf_printf(b, "{\"is_valid\":%s,\"size_bytes\":%u,\"size_kb\":%.2f",
                   r->is_valid ? "true" : "false", r->size, (double)r->size / 1024.0);
    if (st == PANDO_OK)
        st =
            print_list(b, "exports", r->exports[0], sizeof r->exports[0], r->exports_len);
    if (st == PANDO_OK)
        st =
            print_list(b, "imports", r->imports[0], sizeof r->imports[0], r->imports_len);
    if (st == PANDO_OK)
        st = print_list(b, "warnings", r->warnings[0], sizeof r->warnings[0],
                        r->warnings_len);
    return st == PANDO_OK ? print_errors(r, b) : st;
}
