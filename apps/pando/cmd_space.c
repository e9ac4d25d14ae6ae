/* cmd_space.c - the spaces of a node. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"

#include <stdio.h>

enum pando_status run_space_ls(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "space.ls", json_object(), &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        size_t i;
        json_t *space;
        char name[80], kind[32], id[96];
        json_array_foreach(json_object_get(answer, "spaces"), i, space)(void) printf(
            "%-16s %-8s %s  %lld peers\n", text_of(space, "name", name, sizeof name),
            text_of(space, "kind", kind, sizeof kind),
            text_of(space, "id", id, sizeof id), number_of(space, "peers"));
    }
    json_decref(answer);
    return st;
}

/* Create and join ask the same: a space's id is made of its name, kind and config. */
static enum pando_status open_space(const struct args *args, const char *verb,
                                    struct pando_err *reterr)
{
    json_t *answer = NULL;
    json_error_t problem;
    char id[96];
    json_t *question = json_pack("{s:s,s:s}", "name", args->words[0], "kind",
                                 args_value(args, OPT_KIND, "dag"));
    const char *config = args_value(args, OPT_SPACE_CONFIG, NULL);
    json_t *parsed =
        config != NULL ? json_loads(config, JSON_REJECT_DUPLICATES, &problem) : NULL;
    if (config != NULL && parsed == NULL) {
        json_decref(question);
        return pando_err_set(reterr, PANDO_INVALID, "--config-json: column %d: %s",
                             problem.column, problem.text);
    }
    if (parsed != NULL)
        (void)json_object_set_new(question, "config", parsed);
    const enum pando_status st = reach_call(args, verb, question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Space %s is open: %s\n", args->words[0],
                     text_of(answer, "id", id, sizeof id));
    json_decref(answer);
    return st;
}

enum pando_status run_space_create(const struct args *args, struct pando_err *reterr)
{
    return open_space(args, "space.create", reterr);
}

enum pando_status run_space_join(const struct args *args, struct pando_err *reterr)
{
    return open_space(args, "space.join", reterr);
}

enum pando_status run_space_rm(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(
        args, "space.rm", json_pack("{s:s}", "space", args->words[0]), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Space %s and its data on this node are gone.\n", args->words[0]);
    json_decref(answer);
    return st;
}
