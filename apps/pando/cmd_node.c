/* cmd_node.c - the node itself, and stopping it. */
#include "apps/pando/commands.h"

#include "apps/pando/reach.h"
#include "host/host.h"
#include "host/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *key_of(int option)
{
    switch (option) {
    case 'p':
        return "port";
    case 'n':
        return "name";
    case 'c':
    case OPT_PEER:
        return "peers";
    case OPT_DB:
        return "data";
    case OPT_DELTA:
    case OPT_FEDERATION:
        return "delta.space";
    default:
        break;
    }
    if (option >= OPT_CONFIG_KEY && option < OPT_CONFIG_KEY + (int)config_keys_len())
        return config_key_at((size_t)(option - OPT_CONFIG_KEY)).key;
    return NULL;
}

static enum pando_status apply_flags(const struct args *args, struct config *c,
                                     struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < args->items_len && st == PANDO_OK; i++) {
        const char *key = key_of(args->items[i].key), *value = args->items[i].value;
        if (args->items[i].key == OPT_FEDERATION) /* a space of a name that is as good as any */
            value = "deltas";
        if (key != NULL)
            st = config_set(c, key, value[0] == '\0' ? "yes" : value, reterr);
    }
    return st;
}

/* Default, then file, then flag; which file is itself said by the flags. */
static enum pando_status read_config(const struct args *args, struct config *c,
                                     struct pando_err *reterr)
{
    char path[CONFIG_PATH_MAX + 16];
    struct stat st;
    config_init(c);
    enum pando_status result = apply_flags(args, c, reterr);
    const char *environment = getenv("PANDO_DATA");
    if (result == PANDO_OK && c->data[0] == '\0' && environment != NULL &&
        environment[0] != '\0')
        result = config_set(c, "data", environment, reterr);
    char data[CONFIG_PATH_MAX];
    (void)snprintf(data, sizeof data, "%s", c->data);
    if (result == PANDO_OK)
        result = config_finish(c, reterr);
    if (result != PANDO_OK)
        return result;
    (void)snprintf(path, sizeof path, "%s/config.yml", c->data);
    const char *file = args_value(args, OPT_FILE, stat(path, &st) == 0 ? path : NULL);
    config_init(c);
    if (file != NULL)
        result = config_load(c, file, reterr);
    if (result == PANDO_OK && data[0] != '\0')
        result = config_set(c, "data", data, reterr);
    if (result == PANDO_OK)
        result = apply_flags(args, c, reterr);
    if (result == PANDO_OK)
        result = config_finish(c, reterr);
    return result == PANDO_OK ? log_level_check(c->log.level, reterr) : result;
}

enum pando_status run_node(const struct args *args, struct pando_err *reterr)
{
    struct config *config = malloc(sizeof *config);
    if (config == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    const struct host_options options = { .json = args->json,
                                          .quiet = args_has(args, OPT_QUIET) };
    enum pando_status st = read_config(args, config, reterr);
    if (st == PANDO_OK)
        st = host_run(config, &options, reterr);
    free(config);
    return st;
}

enum pando_status run_stop(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "node.stop", json_object(), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("The node stops.\n");
    json_decref(answer);
    return st;
}
