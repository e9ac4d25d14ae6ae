/* cmd_delta_files.c - deltas into files. */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_import.h"
#include "apps/pando/delta_print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct writer {
    FILE *file;
    const char *what; /* NULL: no progress */
    unsigned long long bytes, lines;
    bool failed;
};

static bool write_part(void *ctx, struct pando_slice part)
{
    struct writer *w = ctx;
    w->failed = fwrite(part.ptr, 1, part.len, w->file) != part.len;
    w->bytes += part.len;
    for (size_t i = 0; i < part.len; i++)
        w->lines += part.ptr[i] == '\n';
    if (w->what != NULL)
        delta_progress(w->what, w->bytes, w->lines, false);
    return !w->failed;
}

static enum pando_status export_to(const struct args *args, struct writer *w,
                                   struct pando_err *reterr)
{
    struct reach reach;
    const struct client_stream stream = { w, write_part };
    json_t *question = delta_question(args);
    enum pando_status st = delta_put_filter(args, question, reterr);
    if (st == PANDO_OK)
        st = reach_find(args, &reach, reterr);
    if (st == PANDO_OK)
        st = reach_ask(&reach, "delta.export", question, &stream, NULL, reterr);
    if (st == PANDO_OK && (w->failed || fflush(w->file) != 0))
        st = pando_err_set(reterr, errno == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                           "writing the export: %s", strerror(errno));
    json_decref(question);
    return st;
}

enum pando_status run_delta_export(const struct args *args, struct pando_err *reterr)
{
    const char *path = args_value(args, OPT_OUT, NULL);
    struct writer w = { .file = stdout, .what = path != NULL ? "Exported" : NULL };
    if (path != NULL)
        w.file = fopen(path, "we");
    if (w.file == NULL)
        return pando_err_set(reterr, PANDO_IO, "cannot write %.160s: %s", path, strerror(errno));
    enum pando_status st = export_to(args, &w, reterr);
    if (path == NULL)
        return st;
    if (fclose(w.file) != 0 && st == PANDO_OK)
        st = pando_err_set(reterr, PANDO_IO, "writing %.160s: %s", path, strerror(errno));
    if (st != PANDO_OK) {
        (void)unlink(path); /* half an export looks like a whole one */
        return st;
    }
    delta_progress(w.what, w.bytes, w.lines, true);
    if (args->json) {
        json_t *whole = json_pack("{s:s,s:I,s:I}", "file", path, "deltas", (json_int_t)w.lines,
                                  "bytes", (json_int_t)w.bytes);
        delta_print_json(whole);
        json_decref(whole);
    } else {
        (void)printf("Exported %llu deltas, %llu bytes to %s\n", w.lines, w.bytes, path);
    }
    return PANDO_OK;
}
