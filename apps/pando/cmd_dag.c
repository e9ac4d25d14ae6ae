/* cmd_dag.c - looking into a dag space. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* {"space":...} with what the options add. */
static json_t *question_of(const struct args *args)
{
    json_t *q = json_object();
    const char *space = args_value(args, OPT_SPACE, NULL);
    if (space != NULL)
        (void)json_object_set_new(q, "space", json_string(space));
    return q;
}

static enum pando_status add_number(const struct args *args, int option, const char *key,
                                    json_t *question, struct pando_err *reterr)
{
    const char *text = args_value(args, option, NULL);
    char *end = NULL;
    if (text == NULL)
        return PANDO_OK;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || value < 0)
        return pando_err_set(reterr, PANDO_INVALID, "--%s takes a number, not '%.40s'",
                             key, text);
    return json_object_set_new(question, key, json_integer(value)) == 0 ? PANDO_OK
                                                                        : PANDO_NOMEM;
}

static void print_event(const json_t *e)
{
    char id[128], kind[32], author[96], time[32];
    time_text(number_of(e, "time"), time);
    (void)printf("[seq=%lld] %-9s %s  %s\n          by %s, %zu parents, %lld bytes\n",
                 number_of(e, "seq"), text_of(e, "kind", kind, sizeof kind), time,
                 text_of(e, "id", id, sizeof id),
                 text_of(e, "author", author, sizeof author),
                 json_array_size(json_object_get(e, "parents")), number_of(e, "size"));
}

enum pando_status run_dag_ls(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = question_of(args);
    const char *kind = args_value(args, OPT_KIND, NULL);
    const char *author = args_value(args, OPT_AUTHOR, NULL);
    if (kind != NULL)
        (void)json_object_set_new(question, "kind", json_string(kind));
    if (author != NULL)
        (void)json_object_set_new(question, "author", json_string(author));
    enum pando_status st = add_number(args, OPT_LIMIT, "limit", question, reterr);
    if (st == PANDO_OK)
        st = add_number(args, OPT_SINCE, "before", question, reterr);
    if (st != PANDO_OK) {
        json_decref(question);
        return st;
    }
    st = reach_call(args, "dag.ls", question, &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        size_t i;
        json_t *event;
        json_array_foreach(json_object_get(answer, "events"), i, event)
            print_event(event);
        (void)printf("DAG Events: %lld\n", number_of(answer, "total"));
        if (json_is_integer(json_object_get(answer, "next")))
            (void)printf("More: --before %lld\n", number_of(answer, "next"));
    }
    json_decref(answer);
    return st;
}

enum pando_status run_dag_show(const struct args *args, struct pando_err *reterr)
{
    json_t *question = question_of(args);
    (void)json_object_set_new(question, "id", json_string(args->words[0]));
    return reach_show(args, "dag.show", question, reterr);
}

enum pando_status run_dag_stats(const struct args *args, struct pando_err *reterr)
{
    return reach_show(args, "dag.stats", question_of(args), reterr);
}

enum pando_status run_dag_heads(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "dag.heads", question_of(args), &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        size_t i;
        json_t *head;
        char id[128];
        json_array_foreach(json_object_get(answer, "heads"), i, head)(void)
            printf("%s  height %lld\n", text_of(head, "id", id, sizeof id),
                   number_of(head, "height"));
        (void)printf("DAG Heads: %lld\n", number_of(answer, "count"));
    }
    json_decref(answer);
    return st;
}

enum pando_status run_dag_equivocations(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "dag.equivocations", question_of(args), &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        size_t i, j;
        json_t *e, *id;
        char author[96];
        json_array_foreach(json_object_get(answer, "equivocations"), i, e)
        {
            (void)printf("%s used [seq=%lld] of epoch %lld for:\n",
                         text_of(e, "author", author, sizeof author), number_of(e, "seq"),
                         number_of(e, "epoch"));
            json_array_foreach(json_object_get(e, "events"), j, id)(void)
                printf("  %s\n", json_is_string(id) ? json_string_value(id) : "?");
        }
        (void)printf("Equivocations: %lld\n", number_of(answer, "count"));
    }
    json_decref(answer);
    return st;
}

struct writer {
    FILE *file;
    unsigned long long bytes;
    bool failed;
};

static bool write_part(void *ctx, struct pando_slice part)
{
    struct writer *w = ctx;
    w->failed = fwrite(part.ptr, 1, part.len, w->file) != part.len;
    w->bytes += part.len;
    return !w->failed;
}

static enum pando_status export_to(const struct args *args, struct writer *w,
                                   struct pando_err *reterr)
{
    struct reach reach;
    const struct client_stream stream = { w, write_part };
    json_t *question = question_of(args);
    enum pando_status st = reach_find(args, &reach, reterr);
    if (st == PANDO_OK)
        st = reach_ask(&reach, "dag.export", question, &stream, NULL, reterr);
    if (st == PANDO_OK && (w->failed || fflush(w->file) != 0))
        st = pando_err_set(reterr, errno == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                           "writing the archive: %s", strerror(errno));
    json_decref(question);
    return st;
}

enum pando_status run_dag_export(const struct args *args, struct pando_err *reterr)
{
    struct writer w = { .file = stdout };
    const char *path = args_value(args, OPT_OUT, NULL);
    if (path == NULL && isatty(STDOUT_FILENO))
        return pando_err_set(
            reterr, PANDO_INVALID,
            "an archive is binary: name a file with --out, or use a pipe");
    if (path != NULL)
        w.file = fopen(path, "we");
    if (w.file == NULL)
        return pando_err_set(reterr, PANDO_IO, "cannot write %.160s: %s", path,
                             strerror(errno));
    const enum pando_status st = export_to(args, &w, reterr);
    if (path != NULL) {
        (void)fclose(w.file);
        if (st != PANDO_OK)
            (void)unlink(path); /* half an archive helps nobody */
        else if (args->json)
            (void)printf("{\"file\":\"%s\",\"bytes\":%llu}\n", path, w.bytes);
        else
            (void)printf("Exported %llu bytes to %s\n", w.bytes, path);
    }
    return st;
}
