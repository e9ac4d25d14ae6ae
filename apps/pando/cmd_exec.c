/* cmd_exec.c - run a capsule on a node and show what came of it. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "base/slice.h"
#include "exec/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_MAX 64

/* A warning only: a capsule may well take something else. */
static void warn_unless_json(struct pando_slice input)
{
    json_t *value = json_loadb((const char *)input.ptr, input.len, JSON_DECODE_ANY, NULL);
    if (value == NULL && input.len > 0)
        (void)fprintf(stderr,
                      "warning: the input is not JSON; it is passed on as it is\n");
    json_decref(value);
}

static bool is_text(struct pando_slice s)
{
    json_t *value = json_stringn((const char *)s.ptr, s.len); /* NULL unless UTF-8 */
    bool text = value != NULL;
    for (size_t i = 0; i < s.len && text; i++)
        text =
            s.ptr[i] >= 0x20 || s.ptr[i] == '\n' || s.ptr[i] == '\t' || s.ptr[i] == '\r';
    json_decref(value);
    return text;
}

static void print_output(struct pando_slice output)
{
    json_t *value =
        json_loadb((const char *)output.ptr, output.len, JSON_DECODE_ANY, NULL);
    if (output.len == 0) {
        (void)printf("Output: (empty)\n");
    } else if (value != NULL) {
        char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
        (void)printf("Output (JSON):\n%s\n", text != NULL ? text : "");
        free(text);
    } else if (is_text(output)) {
        (void)printf("Output:\n%.*s\n", (int)output.len, (const char *)output.ptr);
    } else if (output.len <= HEX_MAX) {
        (void)printf("Output (hex): ");
        for (size_t i = 0; i < output.len; i++)
            (void)printf("%02x", output.ptr[i]);
        (void)printf("\n");
    } else {
        (void)printf("Output: %zu binary bytes; write them to a file with --out FILE\n",
                     output.len);
    }
    json_decref(value);
}

static void print_metrics(const json_t *metrics)
{
    char memory[32];
    size_text((double)number_of(metrics, "memory_bytes"), memory);
    (void)printf("Metrics:\n  Fuel used:      %lld\n  Memory:         %s\n"
                 "  Duration:       %.3f ms\n  Host calls:     %lld\n",
                 number_of(metrics, "fuel_used"), memory,
                 (double)number_of(metrics, "duration_us") / 1000.0,
                 number_of(metrics, "host_calls"));
}

static enum pando_status write_file(const char *path, struct pando_slice bytes,
                                    struct pando_err *reterr)
{
    FILE *file = fopen(path, "we");
    const bool good = file != NULL && fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len;
    if (file == NULL || fclose(file) != 0 || !good)
        return pando_err_set(reterr, PANDO_IO, "cannot write %.160s", path);
    return PANDO_OK;
}

static enum pando_status print_answer(const struct args *args, const json_t *answer,
                                      struct pando_err *reterr)
{
    char id[160];
    struct pando_buf output;
    buf_init(&output, 16u << 20);
    const char *text = json_string_value(json_object_get(answer, "output"));
    enum pando_status st = base64_bytes(text != NULL ? text : "", &output);
    if (st != PANDO_OK)
        (void)pando_err_set(reterr, st, "the node's answer holds no output");
    const char *path = args_value(args, OPT_OUT, NULL);
    if (st == PANDO_OK && path != NULL)
        st = write_file(path, buf_view(&output), reterr);
    if (st == PANDO_OK && !args->json) {
        if (path == NULL)
            print_output(buf_view(&output));
        if (args_has(args, OPT_METRICS))
            print_metrics(json_object_get(answer, "metrics"));
        (void)printf("Receipt: %s\n", text_of(answer, "receipt_id", id, sizeof id));
        (void)printf("Event:   %s\n", text_of(answer, "event_id", id, sizeof id));
        if (args_has(args, OPT_SHOW_RECEIPT)) {
            char *receipt =
                json_dumps(json_object_get(answer, "receipt"), JSON_INDENT(2));
            (void)printf("%s\n", receipt != NULL ? receipt : "{}");
            free(receipt);
        }
    }
    buf_deinit(&output);
    return st;
}

/* A preset's name, or a JSON object that changes single limits. */
static enum pando_status add_limits(const char *text, json_t *question,
                                    struct pando_err *reterr)
{
    json_error_t problem;
    struct exec_limits base = exec_limits_default(), checked;
    if (text[0] != '{') {
        if (exec_limits_preset(text, &checked) != PANDO_OK)
            return pando_err_set(
                reterr, PANDO_INVALID,
                "--limits takes default, development, production, test or a "
                "JSON object, not '%.40s'",
                text);
        return json_object_set_new(question, "limits", json_string(text)) == 0
                   ? PANDO_OK
                   : PANDO_NOMEM;
    }
    json_t *limits = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (limits == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "--limits: column %d: %s",
                             problem.column, problem.text);
    (void)json_object_set_new(question, "limits", limits);
    const enum pando_status st =
        exec_limits_parse(slice_text(text), &base, &checked, reterr);
    return st == PANDO_OK ? PANDO_OK : PANDO_INVALID;
}

static enum pando_status ask(const struct args *args, struct pando_slice capsule,
                             struct pando_slice input, struct pando_err *reterr)
{
    json_t *answer = NULL;
    json_t *question =
        json_pack("{s:o,s:o,s:b}", "capsule", base64_json(capsule), "input",
                  base64_json(input), "store", !args_has(args, OPT_NO_STORE));
    if (question == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    const char *space = args_value(args, OPT_SPACE, NULL);
    const char *limits = args_value(args, OPT_LIMITS, NULL);
    enum pando_status st = PANDO_OK;
    if (space != NULL)
        (void)json_object_set_new(question, "space", json_string(space));
    if (limits != NULL)
        st = add_limits(limits, question, reterr);
    if (st != PANDO_OK) {
        json_decref(question);
        return st;
    }
    st = reach_call(args, "exec.run", question, &answer, reterr);
    if (st == PANDO_OK)
        st = print_answer(args, answer, reterr);
    json_decref(answer);
    return st;
}

enum pando_status run_exec(const struct args *args, struct pando_err *reterr)
{
    struct pando_buf capsule = { 0 }, file = { 0 };
    const char *path = args_value(args, OPT_INPUT_FILE, NULL);
    struct pando_slice input = slice_text(args->words_len > 1 ? args->words[1] : "");
    enum pando_status st = file_read(args->words[0], EXEC_CAPSULE_MAX, &capsule, reterr);
    if (st == PANDO_OK && path != NULL) {
        st = file_read(path, EXEC_IO_MAX, &file, reterr);
        input = buf_view(&file);
    }
    if (st == PANDO_OK) {
        warn_unless_json(input);
        st = ask(args, buf_view(&capsule), input, reterr);
    }
    buf_deinit(&capsule);
    buf_deinit(&file);
    return st;
}
