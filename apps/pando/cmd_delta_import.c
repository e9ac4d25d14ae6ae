/* cmd_delta_import.c - deltas from a file of JSON lines, or from an archive. */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_import.h"
#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"
#include "base/slice.h"
#include "codec/car.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES (1u << 20)

void delta_progress(const char *what, unsigned long long bytes, unsigned long long deltas,
                    bool last)
{
    char size[32];
    if (!isatty(STDERR_FILENO))
        return;
    size_text((double)bytes, size);
    (void)fprintf(stderr, "\r%s %s, %llu deltas%s", what, size, deltas, last ? "\n" : "   ");
}

enum pando_status import_begin(struct import *m)
{
    uint8_t head[64];
    const struct pando_slice name = slice_text(args_value(m->args, OPT_SPACE, ""));
    struct wire_writer w = wire_write(head, sizeof head);
    buf_reset(&m->batch);
    wire_put_uvarint(&w, name.len);
    enum pando_status st = buf_append(&m->batch, slice_of(head, w.len));
    if (st == PANDO_OK)
        st = buf_append(&m->batch, name);
    w = wire_write(head, sizeof head);
    if (m->car) /* each batch is an archive, without the root of the whole */
        car_put_header(&w, CID_DAG_CBOR, NULL, 0);
    if (st == PANDO_OK)
        st = buf_append(&m->batch, wire_written(&w));
    m->head = m->batch.len;
    m->lines = 0;
    return st;
}

static void add_up(struct import *m, const json_t *answer)
{
    size_t i;
    json_t *reason;
    m->fresh += (unsigned long long)number_of(answer, "new");
    m->returned += (unsigned long long)number_of(answer, "returned");
    m->known += (unsigned long long)number_of(answer, "known");
    m->shadowed += (unsigned long long)number_of(answer, "shadowed");
    m->refused += (unsigned long long)number_of(answer, "refused");
    json_array_foreach(json_object_get(answer, "reasons"), i, reason) {
        const char *what = m->car ? "block" : "line";
        const long long line = number_of(reason, what) + (long long)m->line;
        if (json_array_size(m->reasons) == IMPORT_REASONS)
            break;
        (void)json_object_set_new(reason, what, json_integer(line));
        (void)json_array_append(m->reasons, reason);
    }
}

enum pando_status import_send(struct import *m, struct pando_err *reterr)
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
        delta_progress("Imported", m->bytes, m->fresh + m->known + m->shadowed, false);
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
    enum pando_status st = import_begin(m);
    while (st == PANDO_OK && (len = getline(&line, &cap, m->file)) >= 0) {
        if ((size_t)len > LINE_BYTES) {
            st = pando_err_set(reterr, PANDO_FULL, "line %llu is longer than 1 MiB: is it JSON lines?",
                               m->line + m->lines + 1);
            break;
        }
        if (m->batch.len + (size_t)len > IMPORT_BATCH) {
            st = import_send(m, reterr);
            if (st == PANDO_OK)
                st = import_begin(m);
        }
        if (st == PANDO_OK)
            st = buf_append(&m->batch, slice_of(line, (size_t)len));
        m->lines++;
    }
    if (st == PANDO_OK && ferror(m->file))
        st = pando_err_set(reterr, PANDO_IO, "cannot read %.160s: %s", m->args->words[0],
                           strerror(errno));
    free(line);
    return st == PANDO_OK ? import_send(m, reterr) : st;
}

void import_refuse(struct import *m, unsigned long long block, const char *reason)
{
    m->refused++;
    if (json_array_size(m->reasons) < IMPORT_REASONS)
        (void)json_array_append_new(m->reasons, json_pack("{s:I,s:s}", "block", (json_int_t)block,
                                                          "reason", reason));
}

static void print_counts(const struct import *m)
{
    (void)printf("Imported %llu deltas: %llu new, ", m->fresh + m->known + m->shadowed, m->fresh);
    if (m->car)
        (void)printf("%llu of them archived here before, ", m->returned);
    (void)printf("%llu known, %llu shadowed; refused %llu %s\n", m->known, m->shadowed, m->refused,
                 m->car ? "blocks" : "lines");
}

static void print_reasons(const struct import *m)
{
    size_t i;
    json_t *reason;
    json_array_foreach(m->reasons, i, reason) {
        char text[300], cid[128];
        const char *what = m->car ? "block" : "line";
        (void)fprintf(stderr, "%s %lld%s%s: %s\n", what, number_of(reason, what),
                      text_of(reason, "cid", cid, sizeof cid)[0] != '\0' ? " " : "", cid,
                      text_of(reason, "reason", text, sizeof text));
    }
}

static void print_import(const struct import *m)
{
    if (!m->args->json) {
        print_counts(m);
        print_reasons(m);
        return;
    }
    json_t *whole = json_pack("{s:I,s:I,s:I,s:I,s:I,s:O}", "accepted",
                              (json_int_t)(m->fresh + m->known + m->shadowed), "new",
                              (json_int_t)m->fresh, "known", (json_int_t)m->known, "shadowed",
                              (json_int_t)m->shadowed, "refused", (json_int_t)m->refused,
                              "reasons", m->reasons);
    if (m->car)
        (void)json_object_set_new(whole, "returned", json_integer((json_int_t)m->returned));
    delta_print_json(whole);
    json_decref(whole);
}

/* Lines begin with a brace or white space; an archive with the length of its header. */
static bool is_car(FILE *file)
{
    const int first = getc(file);
    if (first != EOF)
        (void)ungetc(first, file);
    return first == ':' || (first >= 0x80 && first != 0xef) || (first > '\r' && first < ' ') ||
           (first >= 0 && first < '\t');
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
    m.car = is_car(m.file);
    buf_init(&m.batch, IMPORT_BATCH + CAR_SECTION_MAX);
    st = m.car ? import_car(&m, reterr) : import_lines(&m, reterr);
    if (st == PANDO_OK) {
        delta_progress("Imported", m.bytes, m.fresh + m.known + m.shadowed, true);
        print_import(&m);
    }
    if (st == PANDO_OK && m.refused > 0)
        st = pando_err_set(reterr, PANDO_MALFORMED,
                           "%llu of the %s are no deltas; the others were stored", m.refused,
                           m.car ? "blocks" : "lines");
    buf_deinit(&m.batch);
    json_decref(m.reasons);
    if (!standard)
        (void)fclose(m.file);
    return st;
}
