/* cmd_space.c - the spaces of a node. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"

#include <stdio.h>
#include <string.h>

static void print_space(const json_t *space)
{
    char name[80], kind[32], id[96], role[16];
    const json_t *access = json_object_get(space, "access");
    (void)printf("%-16s %-8s %s  %lld peers", text_of(space, "name", name, sizeof name),
                 text_of(space, "kind", kind, sizeof kind),
                 text_of(space, "id", id, sizeof id), number_of(space, "peers"));
    if (strcmp(text_of(space, "delta_storage", role, sizeof role), "memory") == 0)
        (void)printf(", in memory");
    if (json_is_object(access))
        (void)printf(", %zu members, our role: %s\n", json_object_size(access),
                     text_of(space, "role", role, sizeof role));
    else
        (void)printf(", open\n");
}

/* All --access options as one policy; NULL when there is none. */
static enum pando_status access_of(const struct args *args, json_t **ret_access,
                                   struct pando_err *reterr)
{
    json_t *members = json_object();
    bool open = false;
    *ret_access = NULL;
    for (size_t i = 0; i < args->items_len && members != NULL; i++) {
        if (args->items[i].key != OPT_ACCESS)
            continue;
        const char *text = args->items[i].value, *equals = strchr(text, '=');
        char peer[96];
        open = open || strcmp(text, "open") == 0;
        if (strcmp(text, "open") == 0)
            continue;
        if (equals == NULL || (size_t)(equals - text) >= sizeof peer) {
            json_decref(members);
            return pando_err_set(reterr, PANDO_INVALID,
                                 "--access: expected PEER=ROLE or open, not '%.80s'", text);
        }
        (void)snprintf(peer, sizeof peer, "%.*s", (int)(equals - text), text);
        (void)json_object_set_new(members, peer, json_string(equals + 1));
    }
    if (open && json_object_size(members) > 0) {
        json_decref(members);
        return pando_err_set(reterr, PANDO_INVALID,
                             "--access: a space is open or lists peers, not both");
    }
    if (json_object_size(members) > 0)
        *ret_access = members;
    else
        json_decref(members);
    return PANDO_OK;
}

enum pando_status run_space_ls(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "space.ls", json_object(), &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        size_t i;
        json_t *space;
        json_array_foreach(json_object_get(answer, "spaces"), i, space) print_space(space);
    }
    json_decref(answer);
    return st;
}

/* Create and join ask the same: a space's id is made of its name, kind and config. */
static enum pando_status open_space(const struct args *args, const char *verb,
                                    struct pando_err *reterr)
{
    json_t *answer = NULL, *access = NULL;
    json_error_t problem;
    char id[96];
    if (access_of(args, &access, reterr) != PANDO_OK)
        return PANDO_INVALID;
    json_t *question = json_pack("{s:s,s:s}", "name", args->words[0], "kind",
                                 args_value(args, OPT_KIND, "dag"));
    const char *config = args_value(args, OPT_SPACE_CONFIG, NULL);
    json_t *parsed =
        config != NULL ? json_loads(config, JSON_REJECT_DUPLICATES, &problem) : NULL;
    if (config != NULL && parsed == NULL) {
        json_decref(question);
        json_decref(access);
        return pando_err_set(reterr, PANDO_INVALID, "--config-json: column %d: %s",
                             problem.column, problem.text);
    }
    if (parsed != NULL)
        (void)json_object_set_new(question, "config", parsed);
    if (access != NULL)
        (void)json_object_set_new(question, "access", access);
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
