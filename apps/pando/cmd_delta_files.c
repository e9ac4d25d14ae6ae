/* cmd_delta_files.c - deltas from files and into files. */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"
#include "base/slice.h"
#include "codec/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_BYTES  (2u << 20) /* of lines, in one call */
#define LINE_BYTES   (1u << 20)
#define REASONS_SHOWN 20

/* How far it is, on a terminal only; the last state stays. */
static void progress(const char *what, unsigned long long bytes, unsigned long long lines,
                     bool last)
{
    char size[32];
    if (!isatty(STDERR_FILENO))
        return;
    size_text((double)bytes, size);
    (void)fprintf(stderr, "\r%s %s, %llu deltas%s", what, size, lines, last ? "\n" : "   ");
}

/* ---- import ---- */

struct import {
    const struct args *args;
    struct reach reach;
    FILE *file;
    struct pando_buf batch; /* the space's name, then lines */
    size_t head;            /* bytes of the name */
    unsigned long long line; /* lines before the batch */
    unsigned long long lines, bytes;
    unsigned long long fresh, known, shadowed, refused;
    json_t *reasons;
};

static enum pando_status begin_batch(struct import *m)
{
    uint8_t head[16];
    const struct pando_slice name = slice_text(args_value(m->args, OPT_SPACE, ""));
    struct wire_writer w = wire_write(head, sizeof head);
    buf_reset(&m->batch);
    wire_put_uvarint(&w, name.len);
    enum pando_status st = buf_append(&m->batch, slice_of(head, w.len));
    if (st == PANDO_OK)
        st = buf_append(&m->batch, name);
    m->head = m->batch.len;
    m->lines = 0;
    return st;
}

static void add_up(struct import *m, const json_t *answer)
{
    size_t i;
    json_t *reason;
    m->fresh += (unsigned long long)number_of(answer, "new");
    m->known += (unsigned long long)number_of(answer, "known");
    m->shadowed += (unsigned long long)number_of(answer, "shadowed");
    m->refused += (unsigned long long)number_of(answer, "refused");
    json_array_foreach(json_object_get(answer, "reasons"), i, reason) {
        const long long line = number_of(reason, "line") + (long long)m->line;
        if (json_array_size(m->reasons) == REASONS_SHOWN)
            break;
        (void)json_object_set_new(reason, "line", json_integer(line));
        (void)json_array_append(m->reasons, reason);
    }
}

static enum pando_status send_batch(struct import *m, struct pando_err *reterr)
{
    struct pando_buf body;
    json_t *answer = NULL;
    if (m->batch.len == m->head)
        return PANDO_OK;
    buf_init(&body, 4u << 20);
    enum pando_status st =
        reach_ask_bytes(&m->reach, "delta.import", buf_view(&m->batch), NULL, &body, reterr);
    if (st == PANDO_OK) {
        answer = json_loadb((const char *)body.ptr, body.len, 0, NULL);
        add_up(m, answer);
        m->bytes += m->batch.len - m->head;
        m->line += m->lines;
        progress("Imported", m->bytes, m->fresh + m->known + m->shadowed, false);
    }
    json_decref(answer);
    buf_deinit(&body);
    return st;
}

static enum pando_status import_lines(struct import *m, struct pando_err *reterr)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    enum pando_status st = begin_batch(m);
    while (st == PANDO_OK && (len = getline(&line, &cap, m->file)) >= 0) {
        if ((size_t)len > LINE_BYTES) {
            st = pando_err_set(reterr, PANDO_FULL, "line %llu is longer than 1 MiB: is it JSON lines?",
                               m->line + m->lines + 1);
            break;
        }
        if (m->batch.len + (size_t)len > BATCH_BYTES) {
            st = send_batch(m, reterr);
            if (st == PANDO_OK)
                st = begin_batch(m);
        }
        if (st == PANDO_OK)
            st = buf_append(&m->batch, slice_of(line, (size_t)len));
        m->lines++;
    }
    if (st == PANDO_OK && ferror(m->file))
        st = pando_err_set(reterr, PANDO_IO, "cannot read %.160s: %s", m->args->words[0],
                           strerror(errno));
    free(line);
    return st == PANDO_OK ? send_batch(m, reterr) : st;
}

static void print_import(const struct import *m)
{
    size_t i;
    json_t *reason;
    if (m->args->json) {
        json_t *whole = json_pack("{s:I,s:I,s:I,s:I,s:I,s:O}", "accepted",
                                  (json_int_t)(m->fresh + m->known + m->shadowed), "new",
                                  (json_int_t)m->fresh, "known", (json_int_t)m->known, "shadowed",
                                  (json_int_t)m->shadowed, "refused", (json_int_t)m->refused,
                                  "reasons", m->reasons);
        delta_print_json(whole);
        json_decref(whole);
        return;
    }
    (void)printf("Imported %llu deltas: %llu new, %llu known, %llu shadowed; refused %llu lines\n",
                 m->fresh + m->known + m->shadowed, m->fresh, m->known, m->shadowed, m->refused);
    json_array_foreach(m->reasons, i, reason) {
        char text[300];
        (void)fprintf(stderr, "line %lld: %s\n", number_of(reason, "line"),
                      text_of(reason, "reason", text, sizeof text));
    }
}

enum pando_status run_delta_import(const struct args *args, struct pando_err *reterr)
{
    struct import m = { .args = args, .file = stdin };
    const bool standard = strcmp(args->words[0], "-") == 0;
    enum pando_status st = reach_find(args, &m.reach, reterr);
    if (st == PANDO_OK && !standard && (m.file = fopen(args->words[0], "re")) == NULL)
        st = pando_err_set(reterr, errno == ENOENT ? PANDO_NOT_FOUND : PANDO_IO,
                           "cannot read %.160s: %s", args->words[0], strerror(errno));
    if (st != PANDO_OK)
        return st;
    m.reasons = json_array();
    buf_init(&m.batch, BATCH_BYTES + LINE_BYTES);
    st = import_lines(&m, reterr);
    if (st == PANDO_OK) {
        progress("Imported", m.bytes, m.fresh + m.known + m.shadowed, true);
        print_import(&m);
    }
    if (st == PANDO_OK && m.refused > 0)
        st = pando_err_set(reterr, PANDO_MALFORMED,
                           "%llu of the lines are no deltas; the others were stored", m.refused);
    buf_deinit(&m.batch);
    json_decref(m.reasons);
    if (!standard)
        (void)fclose(m.file);
    return st;
}

/* ---- export ---- */

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
        progress(w->what, w->bytes, w->lines, false);
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
    progress(w.what, w.bytes, w.lines, true);
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
