#include "apps/pando/command.h"

#include "base/near.h"
#include "node/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct argp_option json_option = {
    "json", OPT_JSON, NULL, 0, "Print JSON, for programs", 9
};
static const struct argp_option data_option = {
    "data", OPT_DATA, "DIR", 0, "The node's data folder", 8
};
static const struct argp_option node_options[] = {
    { "node", OPT_NODE, "NAME|HOST:PORT", 0,
      "A running node by name, or by its HTTP port", 8 },
    { "token", OPT_TOKEN, "TOKEN", 0, "Bearer token for a node elsewhere; $PANDO_TOKEN",
      8 },
    { "timeout", OPT_TIMEOUT, "SECONDS", 0, "How long the node may be silent (30)", 8 },
};

/* `log.rotate_mb` is `--log-rotate-mb`; a yes-or-no key may stand alone. */
static void config_option(size_t index, struct option_set *set, size_t at)
{
    const struct config_key key = config_key_at(index);
    char *name = set->names[at];
    (void)snprintf(name, sizeof set->names[at], "%s", key.key);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '.' || *c == '_' ? '-' : *c;
    const bool flag = strcmp(key.type, "yes or no") == 0;
    const char *arg = flag                                ? "yes|no"
                      : strcmp(key.type, "port") == 0     ? "PORT"
                      : strcmp(key.type, "number") == 0   ? "N"
                      : strcmp(key.type, "path") == 0     ? "PATH"
                      : strcmp(key.type, "json") == 0     ? "JSON"
                      : strchr(key.type, '|') != NULL     ? key.type
                      : strncmp(key.type, "list", 4) == 0 ? "ITEM"
                                                          : "TEXT";
    set->rows[at] = (struct argp_option){ name,     OPT_CONFIG_KEY + (int)index,
                                          arg,      flag ? OPTION_ARG_OPTIONAL : 0,
                                          key.help, 5 };
}

void command_options(const struct command *command, struct option_set *ret_set)
{
    struct argp_option *rows = ret_set->rows;
    size_t len = 0;
    for (const struct argp_option *o = command->options; o != NULL && !option_is_end(o);
         o++)
        if (len < OPTIONS_MAX - 6)
            rows[len++] = *o;
    for (size_t i = 0; command->config_flags && i < config_keys_len(); i++)
        if (len < OPTIONS_MAX - 6)
            config_option(i, ret_set, len++);
    if (command->needs != NEEDS_NOTHING)
        rows[len++] = data_option;
    for (size_t i = 0; i < 3 && command->needs == NEEDS_NODE; i++)
        rows[len++] = node_options[i];
    rows[len++] = json_option;
    rows[len] = (struct argp_option){ 0 };
}

const char *args_value(const struct args *a, int key, const char *missing)
{
    const char *value = missing;
    for (size_t i = 0; i < a->items_len; i++)
        if (a->items[i].key == key)
            value = a->items[i].value;
    return value;
}

bool args_has(const struct args *a, int key)
{
    return args_value(a, key, NULL) != NULL;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct args *a = state->input;
    if (key == ARGP_KEY_ARG) {
        if (a->words_len == a->command->words_max)
            return ARGP_ERR_UNKNOWN;
        a->words[a->words_len++] = value;
        return 0;
    }
    if (key == OPT_JSON)
        a->json = true;
    if ((key < OPT_DATA && (key < 'a' || key > 'z')) || key >= 0x10000)
        return ARGP_ERR_UNKNOWN; /* argp's own keys */
    if (a->items_len < ARGS_ITEMS_MAX) {
        a->items[a->items_len].key = key;
        a->items[a->items_len++].value = value != NULL ? value : "";
    }
    return 0;
}

/* Long options are looked at before argp is, for it knows no nearest one. */
static enum pando_status check_option(const struct argp_option *options, const char *word,
                                      const struct command *command, bool *ret_takes_next,
                                      struct pando_err *reterr)
{
    char name[NEAR_WORD_MAX] = "";
    const size_t len = strcspn(word + 2, "=");
    struct near_search near = { .word = name };
    size_t prefixes = 0;
    bool takes = false;
    (void)snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), word + 2);
    for (const struct argp_option *o = options; !option_is_end(o); o++) {
        if (o->name == NULL)
            continue;
        near_offer(&near, o->name);
        if (strncmp(o->name, name, strlen(name)) != 0)
            continue;
        prefixes++;
        takes =
            o->arg != NULL && !(o->flags & OPTION_ARG_OPTIONAL) && word[2 + len] != '=';
        if (strlen(o->name) == len) {
            prefixes = 1;
            break;
        }
    }
    *ret_takes_next = takes;
    if (prefixes == 1 || strncmp("help", name, len) == 0 ||
        strncmp("usage", name, len) == 0)
        return PANDO_OK;
    near_offer(&near, "help");
    return pando_err_set(
        reterr, PANDO_INVALID, "'pando %s' has no option --%s%s%s%s; see pando %s --help",
        command->name, name, near.best != NULL ? "; did you mean --" : "",
        near.best != NULL ? near.best : "", near.best != NULL ? "?" : "", command->name);
}

static enum pando_status check_options(const struct argp_option *options, int argc,
                                       char **argv, const struct command *command,
                                       struct pando_err *reterr)
{
    bool skip = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (skip || strncmp(argv[i], "--", 2) != 0) {
            skip = false;
            continue;
        }
        const enum pando_status st =
            check_option(options, argv[i], command, &skip, reterr);
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_OK;
}

/* Summary, then behind \v what stands below the options. */
static void help_text(const struct command *c, char *text, size_t cap)
{
    size_t len = (size_t)snprintf(text, cap, "%s.\v", c->summary);
    if (c->more != NULL && len < cap)
        len += (size_t)snprintf(text + len, cap - len, "%s\n\n", c->more);
    if (len < cap)
        (void)snprintf(text + len, cap - len, "Examples:\n%s", c->examples);
}

static enum pando_status read_named(const struct command *command, int argc, char **argv,
                                    struct args *ret_args, struct pando_err *reterr)
{
    char doc[4096];
    struct option_set options;
    struct args a = { .command = command };
    command_options(command, &options);
    help_text(command, doc, sizeof doc);
    enum pando_status st = check_options(options.rows, argc, argv, command, reterr);
    if (st != PANDO_OK)
        return st;
    const struct argp argp = {
        .options = options.rows, .parser = parse, .args_doc = command->usage, .doc = doc
    };
    argp_err_exit_status = pando_status_exit(PANDO_INVALID);
    if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
        return pando_err_set(reterr, PANDO_INVALID, "'pando %s' takes fewer words: %s",
                             command->name, command->usage);
    if (a.words_len < command->words_min)
        return pando_err_set(reterr, PANDO_INVALID, "usage: pando %s %s (see --help)",
                             command->name, command->usage);
    *ret_args = a;
    return PANDO_OK;
}

enum pando_status args_read(const struct command *command, int argc, char **argv,
                            struct args *ret_args, struct pando_err *reterr)
{
    char name[64], help[] = "--help";
    char *const own = argv[0], *const first = argv[argc > 1];
    (void)snprintf(name, sizeof name, "pando %s", command->name);
    argv[0] = name; /* how argp calls the program in its texts */
    if (argc > 1 && strcmp(first, "-h") == 0)
        argv[1] = help; /* argp knows only -? */
    const enum pando_status st = read_named(command, argc, argv, ret_args, reterr);
    argv[0] = own;
    if (argc > 1)
        argv[1] = first;
    return st;
}
